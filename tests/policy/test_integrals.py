"""The numbers of expectations that do not close: right, or an error in bounded time."""

from __future__ import annotations

import time

import mpmath
import numpy as np
import pytest
from sympy import (
    Abs,
    EulerGamma,
    Integral,
    Max,
    N,
    Piecewise,
    Rational,
    S,
    Sum,
    cos,
    erfc,
    exp,
    gamma,
    log,
    pi,
    sqrt,
    tanh,
)

from symprice.errors import NoRuleError, PolicyError
from symprice.policy import distribution
from symprice.policy.counting import GeometricPolicy, PoissonPolicy
from symprice.policy.gaussian import GaussianPolicy
from symprice.policy.multivariate import MultivariateGaussianPolicy
from symprice.policy.positive import GammaPolicy
from symprice.policy.symmetric import LaplacePolicy
from symprice.policy.unit_interval import BetaPolicy
from symprice.policy.vectors import DirichletPolicy

NORMAL = GaussianPolicy(0, 1)
KNOWN = {
    "a maximum": (NORMAL, lambda a: Max(a, 0), 1 / sqrt(2 * pi)),
    "a condition": (
        NORMAL,
        lambda a: Piecewise((a, a > 1), (0, True)),
        exp(-S.Half) / sqrt(2 * pi),
    ),
    "a condition on a square": (NORMAL, lambda a: Piecewise((1, a**2 > 2), (0, True)), erfc(1)),
    "a root of a distance": (LaplacePolicy(0, 1), lambda a: sqrt(Abs(a)), gamma(Rational(3, 2))),
    "a pole that is integrable": (NORMAL, lambda a: log(a**2), -EulerGamma - log(2)),
    "counts": (PoissonPolicy(3), lambda a: 1 / (1 + a), (1 - exp(-3)) / 3),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_numbers(name, monkeypatch):
    policy, reward, expected = KNOWN[name]
    # How far SymPy comes in its time is another matter: here nothing is closed before.
    monkeypatch.setattr(distribution, "attempted", lambda expr, seconds: None)
    found = policy.expectation(reward)
    assert found.has(Integral, Sum)
    assert abs(N(found, 15) - N(expected, 15)) < 1e-13


def test_a_narrow_peak_far_away_is_found():
    found = GaussianPolicy(1000, Rational(1, 100)).expectation(lambda a: tanh(a - 1000) ** 2)
    # tanh² = x² - 2 x⁴/3 + 17 x⁶/45 - …, of a small x
    s = mpmath.mpf("1e-4")
    assert abs(N(found, 15) - (s - 2 * s**2 + 17 * s**3 / 3)) < 1e-13


def test_many_counts_are_summed_around_their_peak():
    found = PoissonPolicy(10**5).expectation(sqrt(PoissonPolicy(1).action))
    x = mpmath.mpf(10) ** 5
    assert abs(N(found, 12) / (mpmath.sqrt(x) * (1 - 1 / (8 * x))) - 1) < 1e-9


ENDLESS = {
    "normal, exp(a²)": (NORMAL, lambda a: exp(a**2)),
    "normal, 1/a": (NORMAL, lambda a: 1 / a),
    "normal, log a": (NORMAL, log),
    "Poisson, exp(a²)": (PoissonPolicy(3), lambda a: exp(a**2)),
    "Poisson, log a": (PoissonPolicy(3), log),
    "geometric, exp(a²)": (GeometricPolicy(Rational(1, 3)), lambda a: exp(a**2)),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_is_infinite_or_undefined_says_so_at_once(name):
    policy, reward = ENDLESS[name]
    started = time.monotonic()
    with pytest.raises((NoRuleError, PolicyError), match=r"infinite|no real number"):
        N(policy.expectation(reward))
    assert time.monotonic() - started < 5


def test_a_reward_near_an_end_of_the_unit_interval():
    found = BetaPolicy(2, Rational(1, 100)).expectation(lambda a: 1 / (2 - a))
    with mpmath.workdps(30):
        # u = (1-a)^(1/100) takes the singularity away
        k = mpmath.mpf(1) / 100
        inner = mpmath.quad(lambda u: 100 * (1 - u**100) / (1 + u**100), [0, 0.9, 1])
        assert abs(N(found, 12) / (inner / mpmath.beta(2, k)) - 1) < 1e-10


def test_integrals_over_several_entries():
    rng = np.random.default_rng(3)
    simplex = DirichletPolicy([2, Rational(3, 2), 3])
    found = float(N(simplex.expectation(lambda a, b, c: exp(a * b * c))))
    drawn = np.exp(np.prod(rng.dirichlet([2, 1.5, 3], 200_000), axis=1))
    assert abs(found - drawn.mean()) < 5 * drawn.std() / np.sqrt(len(drawn))
    # E[cos(a b)] of independent standard normals is 1/√2.
    plane = MultivariateGaussianPolicy([0, 0], cholesky=[[1, 0], [0, 1]])
    assert abs(N(plane.expectation(lambda a, b: cos(a * b))) - 1 / sqrt(2)) < 1e-6


def test_the_sign_stands_before_the_sum():
    policy = PoissonPolicy(2)
    assert str(policy.entropy()).count("Sum(-") == 0


def test_a_mean_of_a_tiny_shape():
    found = GammaPolicy(Rational(1, 1000), 1).expectation(lambda a: 1 / (1 + a))
    with mpmath.workdps(30):
        k = mpmath.mpf(1) / 1000
        assert abs(N(found, 12) - mpmath.e * mpmath.expint(k, 1)) < 1e-11
