"""Clipped surrogates of densities, counts and columns, and other objectives of columns."""

from __future__ import annotations

from itertools import pairwise
from math import comb, factorial
from math import exp as e

import numpy as np
import pytest
from sympy import Lambda, Rational, Symbol, exp, latex, log

from symprice import (
    BinomialPolicy,
    CategoricalPolicy,
    GammaPolicy,
    GaussianPolicy,
    Parameter,
    PoissonPolicy,
    clipped_gradient,
    clipped_surrogate,
    closed_form,
    entropic_risk,
    entropy_bonus,
    inputs,
    kl_estimator,
    lambdify,
    mean_variance,
    policy_gradient,
    sigmoid,
)
from symprice.elementwise import Elementwise
from symprice.errors import PolicyError

FIFTH = Rational(1, 5)
a = Symbol("a")
mu = Parameter("mu", real=True)
s, p = Parameter("s", positive=True), Parameter("p", positive=True)
K = Symbol("K", integer=True, positive=True)
z, y, r = inputs("z y r", K)


def clipped(ratio, gain):
    return np.minimum(ratio * gain, np.clip(ratio, 0.8, 1.2) * gain)


def slope(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / (2 * h)


def simpson(f, ends, n=400):
    """Between neighbouring ends, where f has no kink."""
    total = 0.0
    for low, high in pairwise(ends):
        x, w = np.polynomial.legendre.leggauss(n)
        total += (high - low) / 2 * np.sum(w * f((high + low) / 2 + (high - low) / 2 * x))
    return total


def of_gaussians(m):
    """E[min(ρ A, clip(ρ) A)] for A = a² - a under N(0, 1), divided at its kinks."""

    def f(x):
        ratio, gain = np.exp(m * x - m * m / 2), x * x - x
        return np.exp(-x * x / 2) / np.sqrt(2 * np.pi) * clipped(ratio, gain)

    kinks = sorted([0.0, 1.0, *((np.log(end) + m * m / 2) / m for end in (0.8, 1.2))])
    return simpson(f, [-12.0, *kinks, 12.0])


def test_a_clipped_surrogate_of_densities_is_an_integral_with_a_number():
    old = GaussianPolicy(0, 1)
    whole = clipped_surrogate(GaussianPolicy(mu, 1), old, a**2 - a, FIFTH)
    gradient = clipped_gradient(GaussianPolicy(mu, 1), old, a**2 - a, FIFTH)
    assert abs(lambdify([mu], whole)(0.4) - of_gaussians(0.4)) < 1e-12
    assert abs(lambdify([mu], gradient)(0.4) - slope(of_gaussians, 0.4)) < 1e-8


def test_at_the_old_policy_the_slope_is_that_of_the_reward():
    gradient = clipped_gradient(GaussianPolicy(mu, 1), GaussianPolicy(3, 1), a**2, FIFTH)
    assert abs(lambdify([mu], gradient)(3.0) - 6) < 1e-12


def test_a_jump_in_a_logarithm_divides_the_integral():
    """ρ = a^(s-2) Γ(2)/Γ(s) changes sides where log a does."""
    whole = clipped_surrogate(GammaPolicy(s, 1), GammaPolicy(2, 1), log(a), FIFTH)
    ends = [1.0, *((end * 1.329340388179137) ** 2 for end in (0.8, 1.2))]

    def f(x):
        return x * np.exp(-x) * clipped(np.sqrt(x) / 1.329340388179137, np.log(x))

    # Γ(5/2) = 1.3293...; near 0 the integrand goes like x log x.
    expected = simpson(f, [0.0, 1e-9, 1e-6, 1e-3, *sorted(ends), 60.0])
    assert abs(lambdify([s], whole)(2.5) - expected) < 1e-11


def test_clipped_surrogates_of_counts_are_sums():
    whole = clipped_surrogate(PoissonPolicy(s), PoissonPolicy(1), a - 1, FIFTH)
    expected = sum(e(-1) / factorial(k) * clipped(e(-0.4) * 1.4**k, k - 1) for k in range(60))
    assert abs(lambdify([s], whole)(1.4) - expected) < 1e-13

    def listed(q):
        laws = [[comb(2, k) * x**k * (1 - x) ** (2 - k) for k in range(3)] for x in (q, 0.5)]
        return sum(o * clipped(n / o, k) for n, o, k in zip(*laws, range(3), strict=True))

    pair = BinomialPolicy(2, p), BinomialPolicy(2, Rational(1, 2))
    assert abs(lambdify([p], clipped_surrogate(*pair, a, FIFTH))(0.9) - listed(0.9)) < 1e-14
    assert abs(lambdify([p], clipped_gradient(*pair, a, FIFTH))(0.6) - slope(listed, 0.6)) < 1e-8


def test_nothing_is_clipped_from_below_by_a_width_of_one():
    whole = clipped_surrogate(PoissonPolicy(s), PoissonPolicy(1), -a, 1)
    assert abs(lambdify([s], whole)(1.4) + 1.4) < 1e-13


# --- columns --------------------------------------------------------------------------------------


def softmax(x):
    return np.exp(x - x.max()) / np.exp(x - x.max()).sum()


Z, Y, R = np.random.default_rng(0).normal(size=(3, 5))
NOW, OLD = CategoricalPolicy(z), CategoricalPolicy(y)


def quotients(f):
    return np.array([slope(lambda t, k=k: f(Z + t * np.eye(5)[k]), 0.0) for k in range(5)])


def test_clipping_of_columns():
    def surrogate(x):
        return np.sum(softmax(Y) * clipped(softmax(x) / softmax(Y), R))

    whole = clipped_surrogate(NOW, OLD, r, FIFTH)
    assert abs(whole.lambdify()({}, z=Z, y=Y, r=R) - surrogate(Z)) < 1e-14
    gradient = clipped_gradient(NOW, OLD, r, FIFTH).lambdify()({}, z=Z, y=Y, r=R)
    assert np.allclose(gradient, quotients(surrogate), rtol=0, atol=1e-9)
    assert whole.check()


def test_risk_of_columns():
    pi, mean = softmax(Z), softmax(Z) @ R
    averse = entropic_risk(NOW, r, -2).lambdify()({}, z=Z, r=R)
    assert abs(averse - np.log(pi @ np.exp(-2 * R)) / -2) < 1e-14
    spread = mean_variance(NOW, r, 3).lambdify()({}, z=Z, r=R)
    assert abs(spread - (mean - 3 * pi @ (R - mean) ** 2)) < 1e-14


@pytest.mark.parametrize("kind", ["k1", "k2", "k3"])
def test_estimators_of_the_divergence_of_columns(kind):
    u = np.log(softmax(Y) / softmax(Z))
    values = {"k1": -u, "k2": u**2 / 2, "k3": np.expm1(u) - u}[kind]
    mean = closed_form(NOW.expectation(kl_estimator(NOW, OLD, kind)))
    assert abs(mean.lambdify()({}, z=Z, y=Y) - softmax(Z) @ values) < 1e-14


@pytest.mark.parametrize(
    "reward, value",
    [
        (z, lambda x: x),
        (2 * z + r, lambda x: 2 * x + R),
        (entropy_bonus(NOW, r, 2), lambda x: R - 2 * np.log(softmax(x))),
        (kl_estimator(NOW, OLD, "k1"), lambda x: np.log(softmax(x) / softmax(Y))),
    ],
)
def test_a_reward_of_the_logits_moves_with_them_whatever_symbol_they_are(reward, value):
    gradient = policy_gradient(NOW, reward)
    known = {"z": (z, Z), "y": (y, Y), "r": (r, R)}
    result = gradient.derivation.result
    found = gradient.lambdify()({}, **{k: v for k, (x, v) in known.items() if result.has(x)})
    assert np.allclose(found, quotients(lambda x: softmax(x) @ value(x)), rtol=0, atol=1e-8)


def test_a_reward_that_bends_with_the_logits_is_refused():
    with pytest.raises(PolicyError, match="trained too"):
        policy_gradient(NOW, kl_estimator(NOW, OLD, "k2"))


def test_a_sign_stands_before_the_whole_of_a_column():
    u = Symbol("u")
    minus = Elementwise(Lambda(u, -u), y - z)
    assert latex(minus) == r"- \left(y - z\right)"
    assert latex(Elementwise(Lambda(u, exp(-u)), y - z)) == r"e^{- \left(y - z\right)}"
    assert latex(Elementwise(Lambda(u, 1 - u), -z)) == r"1 - \left(- z\right)"
    assert r"\left(y - z\right)" in latex(Elementwise(Lambda(u, sigmoid(-u)), y - z))
