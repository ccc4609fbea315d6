"""Sign descent and normalised gradients against the steps themselves."""

from __future__ import annotations

import mpmath
import pytest
from sympy import Abs, Symbol, exp, sqrt, tanh

from symprice import NTCov, NTVar, observables, price, sigmoid
from symprice.dynamics.normalized import NormalizedGradient
from symprice.dynamics.sign import SignDescent
from symprice.tangent.training_metrics import SignMetric
from tests.differences import agree, covariance, gradient, number, random_point
from tests.dynamics.simulating import BOTH, b, remainder_exponent, slopes, w

P, L = observables("P L")
eta = Symbol("eta", positive=True)
PROPERTY = sigmoid(w * 3 + b) * w
LOSS = exp(w * b / 2) + tanh(b - w) ** 2 + w / 3


def by_sign(point, rate):
    return {p: point[p] - rate * mpmath.sign(g) for p, g in slopes(LOSS, point).items()}


def normalised(point, rate):
    found = slopes(LOSS, point)
    norm = mpmath.sqrt(sum(g**2 for g in found.values()))
    return {p: point[p] - rate * g / norm for p, g in found.items()}


WAYS = {SignDescent: by_sign, NormalizedGradient: normalised}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("order", [1, 2])
def test_what_is_left_of_a_step(way, order):
    point = random_point({w, b}, 21)
    law = price(PROPERTY, LOSS, way(eta), order=order)
    found = remainder_exponent(PROPERTY, law, WAYS[way], point, eta)
    assert abs(found - (order + 1)) < 0.01


def test_covariances_of_others_in_the_metric_of_signs():
    """Σ ∂a/∂θᵢ ∂b/∂θᵢ / |∂L/∂θᵢ|, for properties that are not L, where slopes of L are negative."""
    other = b**3 - w
    for seed in range(23, 29):
        point = random_point({w, b}, seed)
        g, left, right = (slopes(f, point) for f in (LOSS, PROPERTY, other))
        with mpmath.workdps(80):
            expected = sum(left[p] * right[p] / abs(g[p]) for p in (w, b))
        found = NTCov(PROPERTY, other, SignMetric(LOSS)).doit()
        assert agree(number(found, point), expected)
    assert any(
        g < 0 for seed in range(23, 29) for g in slopes(LOSS, random_point({w, b}, seed)).values()
    )


@pytest.mark.parametrize("way", WAYS)
def test_the_flow_is_the_slope_of_small_steps(way):
    point = random_point({w, b}, 22)
    with mpmath.workdps(120):
        h = mpmath.mpf(10) ** -40
        ahead, behind = (number(PROPERTY, WAYS[way](point, s * h)) for s in (1, -1))
        slope = (ahead - behind) / (2 * h)
    assert agree(number(price(PROPERTY, LOSS, way()).doit(), point), slope)


def test_how_fast_the_loss_falls():
    """By the sum of the sizes of the slopes, and by the length of the gradient."""
    point = random_point({w, b}, 23)
    with mpmath.workdps(60):
        sizes = [abs(g) for g in gradient(LOSS, BOTH, point)]
        signed = number(price(LOSS, LOSS, SignDescent()).doit(), point)
        assert agree(signed, -sum(sizes))
        length = number(price(LOSS, LOSS, NormalizedGradient()).doit(), point)
        assert agree(length, -mpmath.sqrt(sum(g**2 for g in sizes)))


def test_the_formulas():
    assert price(P, L, NormalizedGradient(eta)).selection == -eta * NTCov(P, L) / sqrt(NTVar(L))
    assert price(L, L, NormalizedGradient()).change == -sqrt(NTVar(L))
    law = price(w * b, w**2 - 3 * b, SignDescent()).doit()
    assert law.subs({w: 2, b: 5}) == -5 + 2
    metric = NormalizedGradient().metric(LOSS)
    point = random_point({w, b}, 24)
    with mpmath.workdps(60):
        ours = number(NTCov(PROPERTY, LOSS, metric).doit(), point)
        size = mpmath.sqrt(covariance(LOSS, LOSS, point))
        assert agree(ours, covariance(PROPERTY, LOSS, point) / size)


@pytest.mark.parametrize("dynamics", [SignDescent(), SignDescent(eta), NormalizedGradient(eta)])
def test_the_derivation_holds(dynamics):
    for order in dynamics.orders:
        assert price(P, L, dynamics, order=order).check(points=2)
        assert price(PROPERTY, LOSS, dynamics, order=order).check(points=2)


def test_latex():
    tex = price(P, L, SignDescent(eta)).latex()
    assert r"\operatorname{sign}(\nabla L)" in tex.replace(r"\left(", "(").replace(r"\right)", ")")
    assert r"\operatorname{NTCov}_{1/\left|\nabla L\right|}" in tex
    assert r"\sqrt{\operatorname{NTVar}" in price(P, L, NormalizedGradient()).latex()


def test_a_sign_is_no_covariance_without_a_slope():
    """Where a slope is 0 the formula says sign(0) = 0, as the algorithm does."""
    law = price(w + b, w**2 + b, SignDescent()).doit()
    assert law.subs(w, 0) == -1
    assert not law.has(Abs)
