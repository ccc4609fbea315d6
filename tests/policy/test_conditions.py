"""Rewards and densities with conditions on the action, and what lies outside of a domain."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from sympy import Abs, Interval, Piecewise, Rational, S, Symbol, exp, log, oo, pi

from symprice import (
    BetaPolicy,
    ExponentialPolicy,
    GaussianPolicy,
    GeometricPolicy,
    LaplacePolicy,
    PoissonPolicy,
    Policy,
    check,
    policy_gradient,
    sigmoid,
)
from symprice import lambdify as code
from symprice.errors import PolicyError
from symprice.policy.regions import over_regions
from symprice.symbols import Parameter

a = Symbol("a")
mu = Parameter("mu", real=True)
s = Parameter("sigma", positive=True)
x = Parameter("x")
k = Symbol("k", positive=True)
POINT = {mu: 0.3, s: 1.2, k: 0.7}
BEYOND = Piecewise((1, a > 1), (0, True))
THREE = Piecewise((a, a < -1), (a**2, a < 1), (1, True))


def normal(t):
    return mpmath.npdf(t, POINT[mu], POINT[s]) * (t - POINT[mu]) / POINT[s] ** 2


def decay(t):
    return (1 - POINT[s] * t) * mpmath.exp(-POINT[s] * t)


def laplace(t):
    return mpmath.sign(t - POINT[mu]) * mpmath.exp(-abs(t - POINT[mu])) / 2


# Each policy by its first variable, with ∇π, the reward in numbers, and where it changes.
CASES = {
    "beyond": (GaussianPolicy(mu, s), BEYOND, normal, lambda t: 1, [1, 3, 12]),
    "within": (
        GaussianPolicy(mu, s),
        Piecewise((a**2, (a > 0) & (a < 1)), (0, True)),
        normal,
        lambda t: t**2,
        [0, 1],
    ),
    "beyond a symbol": (
        GaussianPolicy(mu, s),
        Piecewise((a, a > k), (0, True)),
        normal,
        lambda t: t,
        [POINT[k], 3, 12],
    ),
    "of three parts": (
        GaussianPolicy(mu, s),
        THREE,
        normal,
        lambda t: t if t < -1 else t**2 if t < 1 else 1,
        [-12, -3, -1, 1, 3, 12],
    ),
    "of a positive action": (
        ExponentialPolicy(s),
        Piecewise((a, a > k), (0, True)),
        decay,
        lambda t: t,
        [POINT[k], 3, 40],
    ),
    "with a kink as well": (LaplacePolicy(mu, 1), BEYOND, laplace, lambda t: 1, [1, 3, 45]),
}


@pytest.mark.parametrize("name", CASES)
def test_code_of_rewards_with_conditions(name):
    policy, reward, slope, gain, places = CASES[name]
    found = policy_gradient(policy, reward).doit()
    found = found[0] if getattr(found, "is_Matrix", False) else found
    arguments = sorted(found.free_symbols, key=str)
    value = code(arguments, found)(*(POINT[v] for v in arguments))
    with mpmath.workdps(25):
        expected = mpmath.quad(lambda t: gain(t) * slope(t), places)
        assert abs(float(value) - expected) <= 1e-12 * abs(expected)


def test_the_pieces():
    t = Symbol("t", real=True)
    c = Symbol("c", real=True)
    low = over_regions(Piecewise((1, t < c), (2, True)), t, -oo, oo)
    assert [(p.function, p.low, p.high) for p in low] == [(1, -oo, c), (2, c, oo)]
    # Whether c is in the support, or below another symbol, is not known: the integral is left.
    for function, ends in (
        (Piecewise((1, t < c), (2, True)), (0, oo)),
        (Piecewise((1, t < c), (2, t < k), (3, True)), (-oo, oo)),
        (Piecewise((1, t**2 < 2), (2, True)), (-oo, oo)),
    ):
        assert over_regions(function, t, *ends) == [(function, *ends)]
    both = Piecewise((t, t > 1), (0, True)) * Piecewise((1, t < 2), (0, True))
    assert over_regions(both, t, -oo, oo) == [(t, 1, 2)]


def test_a_density_with_conditions():
    """Constant up to 1, exponential beyond: E[a²] by hand."""
    level = log(s / (s + 1))
    law = Piecewise((level, a < 1), (level - s * (a - 1), True))
    policy = Policy.from_log_prob(law, a, Interval(0, oo))
    share = POINT[s] / (POINT[s] + 1)
    tail = 1 / POINT[s] + 2 / POINT[s] ** 2 + 2 / POINT[s] ** 3
    found = code([s], policy.expected(a**2))(POINT[s])
    assert abs(found - share * (1 / 3 + tail)) <= 1e-13


@pytest.mark.parametrize(
    ("law", "support"),
    [
        (-(a**2) - s * a, S.Reals),
        (-s * a, S.Naturals0),
        (-x * a, Interval(0, oo)),
        (-x * a**4, S.Reals),
        (-Abs(a), S.Reals),
    ],
    ids=str,
)
def test_what_does_not_sum_to_one_is_refused(law, support):
    with pytest.raises(PolicyError, match="probabilities sum to"):
        Policy.from_log_prob(law, a, support)


def test_what_sums_to_one_is_not():
    Policy.from_log_prob(-log(1 + (a - mu) ** 2) - log(pi), a, S.Reals)
    Policy.from_log_prob(a * log(s / (1 + s)) - log(1 + s), a, S.Naturals0)
    law = log(1 + Rational(1, 2) * sigmoid(mu) * a) - log(2)
    Policy.from_log_prob(law, a, Interval(-1, 1))


@pytest.mark.parametrize(
    "policy",
    [
        PoissonPolicy(10**6 * s),
        BetaPolicy(2 * s, 3),
        GeometricPolicy(sigmoid(mu)),
        ExponentialPolicy(exp(mu)),
    ],
    ids=str,
)
def test_a_check_puts_no_point_outside_of_the_domain(policy):
    """The logarithm of a density has no number at an action or a parameter that cannot be."""
    steps = policy_gradient(policy, a).derivation.steps
    assert all(check(steps[place], points=4) for place in (2, 3))
    assert not check(type(steps[2])(steps[2].rule, steps[2].before, steps[2].after + 1), points=2)


def test_where_an_expected_reward_is_finite():
    def bounds(policy, reward):
        return policy_gradient(policy, reward).conditions

    assert bounds(ExponentialPolicy(s), exp(2 * a)) == (s - 2 > 0,)
    assert bounds(ExponentialPolicy(s), a**2) == ()
    assert bounds(GaussianPolicy(mu, s), exp(2 * a)) == ()
    (bound,) = bounds(BetaPolicy(s, 2), 1 / a**2)
    assert bound.subs(s, 3) == S.true and bound.subs(s, Rational(3, 2)) == S.false


def test_arrays_of_the_parameters():
    f = code([mu, s], policy_gradient(GaussianPolicy(mu, s), BEYOND).doit()[0])
    many = f(np.array([0.3, -2.0, 5.0]), 1.2)
    with mpmath.workdps(25):
        for place, found in zip((0.3, -2.0, 5.0), many, strict=True):
            expected = mpmath.npdf(1, place, 1.2)
            assert abs(found - expected) <= 1e-12 * expected


def test_what_the_law_asks_for_anyway_is_no_condition():
    """E[a³] of a Beta law is finite for all α, β > 0, of which only reality is declared."""
    alpha, beta = Parameter("alpha", real=True), Parameter("beta", real=True)
    policy = BetaPolicy(alpha, beta)
    assert policy_gradient(policy, lambda a: a**3).conditions == ()
    assert policy_gradient(policy, lambda a: 1 / a).conditions == (alpha - 1 > 0,)
