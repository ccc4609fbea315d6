"""Langevin dynamics, against Gaussian moments, and schedules, against integrated flows."""

from __future__ import annotations

import mpmath
import pytest
from sympy import Function, Rational, Symbol, exp, expand, sin, symbols, tanh

from symprice import (
    MLP,
    GradientDescent,
    GradientFlow,
    NoRuleError,
    NTCov,
    NTVar,
    Parameter,
    ShapeError,
    closed_form,
    inputs,
    observables,
    parameters,
    price,
)
from symprice.dynamics.langevin import Langevin, LangevinDescent
from symprice.tangent.second import HessianTrace
from tests.differences import covariance, number, random_point
from tests.dynamics.moving import integrated

P, L = observables("P L")
w, b = parameters("w b", real=True)
eta, T, t = symbols("eta T t", positive=True)


def averaged(expr, *normals):
    """The expectation over standard normal symbols of a polynomial, by their moments."""
    moments = {0: 1, 2: 1, 4: 3, 6: 15, 8: 105}
    for z in normals:
        poly = expand(expr).as_poly(z)
        expr = sum(c * moments.get(k, 0) for (k,), c in poly.terms())
    return expand(expr)


@pytest.mark.parametrize("prop", [w**2 - b, w**4 + w * b**2, w**3 * b])
def test_steps_against_gaussian_moments(prop):
    loss = w**2 * b / 2 + b**3
    s, x, y = symbols("s x y")  # s = √η
    noise = {w: x, b: y}
    moved = {p: p - s**2 * loss.diff(p) + s * Symbol("r") * noise[p] for p in (w, b)}
    change = averaged(prop.subs(moved, simultaneous=True) - prop, x, y)
    exact = expand(change.subs(Symbol("r") ** 2, 2 * T).subs(Symbol("r") ** 4, 4 * T**2))
    law = price(prop, loss, LangevinDescent(eta, T), order=2)
    found = expand(law.change.removeO().doit().subs(eta, s**2))
    for power in (2, 4):
        assert expand(exact.coeff(s, power) - found.coeff(s, power)) == 0


def test_the_smoothed_laws_hold():
    assert price(P, L, Langevin(T)).check(points=3)
    assert price(P, L, LangevinDescent(eta, T)).check(points=3)
    found = price(w**3 + b, w * b, LangevinDescent(eta, T), order=2)
    assert found.check(points=2)
    assert price(w * b**2, w**2, LangevinDescent(eta, T), order=2).remainder != 0


def test_a_gaussian_keeps_its_gibbs_moments():
    lam = Symbol("lambda_", positive=True)
    for prop, mean in ((w**2, T / lam), (w**4, 3 * (T / lam) ** 2)):
        rate = price(prop, lam * w**2 / 2, Langevin(T)).change.doit().expand()
        moments = {2: T / lam, 4: 3 * (T / lam) ** 2}
        settled = sum(c * moments.get(k, 1) for (k,), c in rate.as_poly(w).terms())
        assert expand(settled) == 0 and mean == moments[prop.as_base_exp()[1]]


def test_the_laplacian_of_a_network():
    """Σ_j v_j φ''(h_j) (|x|² + 1), by hand, and the law against difference quotients."""
    d, m = symbols("d m", integer=True, positive=True)
    f = MLP(d, m, 1, activation=tanh)(inputs("x", d))
    value = f[0, 0]
    found = closed_form(HessianTrace(value))
    assert found.check(points=2)
    assert not found.without_origin().has(HessianTrace)
    small = MLP(2, 2, 1, activation=tanh).explicit().doit()
    trained = sorted((s for s in small.free_symbols if isinstance(s, Parameter)), key=str)
    by_hand = sum(small.diff(p, 2) for p in trained)
    ours = HessianTrace(small).doit()
    point = random_point(small.free_symbols, 8)
    assert abs(number(by_hand, point) - number(ours, point)) < 1e-30
    assert price(value, value**2 / 2, Langevin(T)).check(points=1)
    with pytest.raises(NoRuleError, match=r"net\(x\)\[0, 0\]"):
        HessianTrace(f).doit()


def test_schedules_and_time():
    rate = Function("eta")(t)
    found = price(P, L, GradientFlow(rate))
    assert found.change == -rate * NTCov(P, L)
    assert found.equation.lhs.variables == (t,)
    twice = price(L, L, GradientFlow(rate), order=2)
    expected = rate**2 * NTCov(L, NTVar(L)) - rate.diff(t) * NTVar(L)
    assert expand(twice.change - expected) == 0
    assert twice.check(points=4)


def test_a_scheduled_flow_against_integration():
    loss, prop = exp(w * b / 2) + b**2, sin(w) * b + t * w
    start = random_point({w, b}, 2)
    law = price(prop, loss, GradientFlow(1 / (1 + t)))
    assert law.transmission == w

    def field(y):
        here = {w: y[0], b: y[1]}
        return [-covariance(loss, p, here) / (1 + y[2]) for p in (w, b)] + [1]

    with mpmath.workdps(120):
        h = mpmath.mpf(10) ** -20
        place = [start[w], start[b], mpmath.mpf(1) / 2]
        ends = [integrated(field, place, s * h, parts=1) for s in (1, -1)]
        ahead, behind = (number(prop, {w: y[0], b: y[1], t: y[2]}) for y in ends)
        slope = (ahead - behind) / (2 * h)
        assert abs(slope - number(law.change.doit(), {**start, t: place[2]})) < 1e-30


def test_time_of_a_property():
    s = Symbol("s")
    found = price(s * w, L, time=s)
    assert found.transmission == w
    assert found.selection == NTCov(s * w, -L)
    assert price(s * w, w**2, time=s).check(points=4)
    with pytest.raises(ShapeError, match="continuous time"):
        price(s * w, L, GradientDescent(eta), time=s)


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: LangevinDescent(eta, -1), "positive"),
        (lambda: LangevinDescent(0, T), "positive"),
        (lambda: GradientFlow(-1), "positive"),
        (lambda: price(P, L, Langevin(T), order=2), "1"),
        (lambda: price(P, L, GradientDescent(eta * T), order=2).change, "symbol"),
        (lambda: price(P, L, GradientDescent(Rational(1, 2))).change, "symbol"),
    ],
)
def test_bad_input_says_what_to_write(make, remedy):
    with pytest.raises(ShapeError) as caught:
        make()
    assert remedy in str(caught.value)
