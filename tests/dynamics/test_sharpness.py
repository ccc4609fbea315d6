"""Sharpness-aware minimisation against its steps."""

from __future__ import annotations

import mpmath
import pytest
from sympy import O, Symbol, exp, sqrt, tanh

from symprice import NTCov, NTVar, ShapeError, observables, price, sigmoid
from symprice.dynamics.sharpness_aware import SAM
from tests.differences import gradient, number, random_point
from tests.dynamics.simulating import BOTH, b, remainder_exponent, slopes, w

P, L = observables("P L")
eta, rho = Symbol("eta", positive=True), Symbol("rho", positive=True)
PROPERTY = sigmoid(w * 3 + b) * w
LOSS = exp(w * b / 2) + tanh(b - w) ** 2


def worst(point, rate):
    """The gradient where the loss near by is highest, by difference quotients."""
    here = slopes(LOSS, point)
    norm = mpmath.sqrt(sum(g**2 for g in here.values()))
    there = {**point, **{p: point[p] + point[rho] * here[p] / norm for p in BOTH}}
    return {p: point[p] - rate * g for p, g in slopes(LOSS, there).items()}


@pytest.mark.parametrize("order", [1, 2])
def test_what_is_left_of_a_step(order):
    point = random_point({w, b}, 51) | {rho: mpmath.mpf(3)}
    law = price(PROPERTY, LOSS, SAM(rho, eta), order=order)
    found = remainder_exponent(PROPERTY, law, worst, point, eta, small=(rho,))
    assert abs(found - (order + 1)) < 0.01


def test_the_flow_is_right_to_second_order_in_the_distance():
    point = random_point({w, b}, 52)
    law = price(PROPERTY, LOSS, SAM(rho)).change.removeO().doit()
    errors = []
    with mpmath.workdps(120):
        for exponent in (4, 5):
            here = {**point, rho: mpmath.mpf(10) ** -exponent}
            moved = worst(here, 1)
            own = zip(BOTH, gradient(PROPERTY, BOTH, here), strict=True)
            slope = sum(g * (moved[p] - here[p]) for p, g in own)
            errors.append(abs(slope - number(law, here)))
        exponent = mpmath.log10(errors[0] / errors[1])
    assert abs(exponent - 2) < 0.01


def test_the_selection_is_that_of_a_sharper_loss():
    found = price(P, L, SAM(rho))
    assert found.selection == NTCov(P, -L) - rho * NTCov(P, sqrt(NTVar(L)))
    assert found.remainder == O(rho**2)
    step = price(P, L, SAM(rho, eta), order=2)
    expected = -eta * NTCov(P, L) - eta * rho * NTCov(P, sqrt(NTVar(L)))
    assert (step.selection - expected).expand() == 0


def test_the_derivation_holds():
    for dynamics in (SAM(rho), SAM(rho, eta)):
        for order in dynamics.orders:
            assert price(P, L, dynamics, order=order).check(points=2)
            assert price(PROPERTY, LOSS, dynamics, order=order).check(points=2)


def test_bad_input():
    with pytest.raises(ShapeError):
        SAM(-1)
    with pytest.raises(ShapeError):
        price(P, L, SAM(rho), order=2)
