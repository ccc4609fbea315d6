"""Spectral descent, against singular values and steps by NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Matrix, Rational, Symbol, exp, sin, symbols, tanh

from symprice import MLP, NoRuleError, NTCov, ShapeError, inputs, observables, parameters, price
from symprice.dynamics.spectral import SpectralDescent
from symprice.tangent.spectral_metric import SpectralMetric, polar

P, L = observables("P L")
eta = Symbol("eta", positive=True)
W = Matrix(2, 3, parameters("w1:7", real=True))
c = parameters("c", real=True)
LOSS = sin(W[0, 0] * W[1, 1]) + W[0, 1] ** 2 * W[1, 2] + exp(W[1, 0] * W[0, 2] / 3) + c**2
PROPERTY = W[0, 0] ** 2 * W[1, 2] + W[0, 1] * c
POINT = {s: 0.3 * n - 0.8 + 0.07 * n * n for n, s in enumerate((*W, c))}


def slope(prop):
    rows = [[prop.diff(w).subs(POINT) for w in W.row(i)] for i in range(2)]
    return np.array(rows, dtype=float)


def test_a_loss_falls_by_the_sum_of_the_singular_values():
    fallen = float(price(LOSS, LOSS, SpectralDescent([W])).doit().subs(POINT))
    sizes = np.linalg.svd(slope(LOSS))[1]
    assert np.isclose(fallen, -sizes.sum() - abs(2 * POINT[c]), rtol=1e-13)


@pytest.mark.parametrize("shape", [(1, 4), (4, 1), (2, 2), (2, 5), (5, 2)])
def test_the_polar_factor(shape):
    numbers = np.random.default_rng(3).normal(size=shape)
    left, _, right = np.linalg.svd(numbers, full_matrices=False)
    found = np.array(polar(Matrix(numbers)).tolist(), dtype=float)
    assert np.allclose(found, left @ right, rtol=0, atol=1e-13)


def test_a_step_is_what_the_law_predicts():
    """The error at first order falls as η², at second as η³."""
    left, _, right = np.linalg.svd(slope(LOSS), full_matrices=False)
    way = SpectralDescent([W], eta)
    errors = []
    for rate in (1e-2, 5e-3):
        step = rate * left @ right
        moved = {**POINT, **{w: POINT[w] - s for w, s in zip(W, step.ravel(), strict=True)}}
        moved[c] = POINT[c] - rate * np.sign(2 * POINT[c])
        actual = float(PROPERTY.subs(moved) - PROPERTY.subs(POINT))
        laws = (price(PROPERTY, LOSS, way, order=order).change.removeO() for order in (1, 2))
        errors.append([actual - float(law.doit().subs({**POINT, eta: rate})) for law in laws])
    slopes = np.log2(np.abs(np.array(errors[0]) / np.array(errors[1])))
    assert np.allclose(slopes, [2, 3], atol=0.15)


@pytest.mark.parametrize("prop", [(P, L), (PROPERTY, LOSS)], ids=["anything", "formulas"])
def test_the_derivation_holds(prop):
    assert price(*prop, SpectralDescent([W])).check(points=2)
    twice = price(*prop, SpectralDescent([W], eta), order=2)
    assert twice.check(points=1, digits=15, code=False)


def test_a_wrong_power_is_found(monkeypatch):
    right, law = SpectralMetric.of, NTCov(PROPERTY, -LOSS, SpectralMetric(LOSS, [W]))
    assert price(PROPERTY, LOSS, SpectralDescent([W])).change == law
    monkeypatch.setattr(SpectralMetric, "of", lambda self, a, b: 2 * right(self, a, b))
    assert not law.check(points=1, digits=15)


def test_a_run_on_arrays():
    gradient = np.random.default_rng(1).normal(size=(4, 3))
    run = SpectralDescent(eta=Rational(1, 10)).run(
        {"W": np.ones((4, 3)), "b": np.ones(3), "c": 1.0},
        [{"W": gradient, "b": np.array([3.0, 0.0, -4.0]), "c": -2.0}],
    )
    left, _, right = np.linalg.svd(gradient, full_matrices=False)
    assert np.allclose(run.params[1]["W"], 1 - left @ right / 10, rtol=1e-14)
    assert np.allclose(run.params[1]["b"], [0.94, 1, 1.08], rtol=1e-14)
    assert run.params[1]["c"] == 1.1


def test_where_there_is_no_formula_it_says_so():
    d, m = symbols("d m", integer=True, positive=True)
    f = MLP(d, m, 1, activation=tanh)(inputs("x", d))
    with pytest.raises(NoRuleError, match=r"\.lambdify\(\)"):
        price(f, f, SpectralDescent()).doit()
    large = Matrix(3, 3, parameters("u1:10", real=True))
    loss = sum(u**2 for u in large)
    with pytest.raises(NoRuleError, match="two rows or columns"):
        price(loss, loss, SpectralDescent([large])).doit()
    with pytest.raises(ShapeError, match="each entry is a Parameter"):
        SpectralDescent([[[W[0, 0], 1]]])
    with pytest.raises(ShapeError, match="each entry is a Parameter"):
        SpectralDescent([W, W])
