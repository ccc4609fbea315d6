"""Integrals and sums by numbers: peaks of any width and shape, against values known by hand."""

from __future__ import annotations

import mpmath
import pytest
import sympy
from mpmath import exp, mpf, workdps
from sympy import Abs, Eq, Max, Rational, Symbol, oo, sin

from symprice import (
    BinomialPolicy,
    GammaPolicy,
    GaussianPolicy,
    LaplacePolicy,
    NegativeBinomialPolicy,
    Parameter,
    check,
    policy_gradient,
    sigmoid,
)
from symprice.policy.integrals import ActionIntegral
from symprice.policy.quadrature import NoQuadrature, over_half_line, over_interval, over_line
from symprice.policy.summing import series

DIGITS = 50
mu = Parameter("mu", real=True)
INTEGRALS = {
    "a tail": (over_half_line, lambda d: exp(-d), lambda: 1),
    "a wave": (over_half_line, lambda d: d * exp(-d) * mpmath.sin(9 * d), lambda: mpf(18) / 6724),
    "a power at the end": (
        over_half_line,
        lambda d: d ** (mpf(1) / 100 - 1) * exp(-d),
        lambda: mpmath.gamma(mpf(1) / 100),
    ),
    "two peaks": (
        over_line,
        lambda x: x**6 * exp(-(x**2) / 2),
        lambda: 15 * mpmath.sqrt(2 * mpmath.pi),
    ),
    "far and narrow": (
        over_line,
        lambda x: exp(-((x - 10**6) ** 2) * 10**6 / 2),
        lambda: mpmath.sqrt(2 * mpmath.pi) / 1000,
    ),
    "a cliff to one side": (over_line, lambda x: exp(-x - exp(-x)), lambda: 1),
    "algebraic": (over_line, lambda x: 1 / (1 + x**2), lambda: +mpmath.pi),
}


@pytest.mark.parametrize(("over", "f", "exact"), INTEGRALS.values(), ids=INTEGRALS)
def test_integrals(over, f, exact):
    with workdps(DIGITS):
        assert abs(over(f) / exact() - 1) < mpf(10) ** (5 - DIGITS)


def test_an_interval():
    with workdps(DIGITS):
        found = over_interval(lambda d: d**2 * (1 - d), lambda d: (1 - d) ** 2 * d, mpf(1))
        assert abs(12 * found - 1) < mpf(10) ** (5 - DIGITS)


def poisson(rate):
    level = mpmath.log(rate)
    return lambda k: exp(k * level - rate - mpmath.loggamma(k + 1))


def negative_binomial(r, q):
    level = r * mpmath.log(q) - mpmath.loggamma(r)
    slope = mpmath.log(1 - q)
    return lambda k: exp(mpmath.loggamma(k + r) - mpmath.loggamma(k + 1) + level + k * slope)


@pytest.mark.parametrize("rate", [10, 10**4, 10**6, 10**12])
def test_sums_over_wide_peaks(rate):
    with workdps(DIGITS):
        pi = poisson(mpf(rate))
        assert abs(series(lambda k: k * pi(k), 0, mpmath.inf) / rate - 1) < mpf(10) ** -30


@pytest.mark.parametrize("r", ["3", "0.01"])
@pytest.mark.parametrize("q", ["0.01", "1e-8", "1e-20"])
def test_sums_that_begin_at_an_end(r, q):
    with workdps(DIGITS):
        r, q = mpf(r), mpf(q)
        pi = negative_binomial(r, q)
        found = series(lambda k: k * pi(k), 0, mpmath.inf)
        assert abs(found * q / (r * (1 - q)) - 1) < mpf(10) ** -25


def test_what_is_rough_is_added_up():
    with workdps(25):
        pi = poisson(mpf(10) ** 4)
        gap = series(lambda k: abs(k - 10**4) * pi(k), 0, mpmath.inf)
        assert abs(gap / (2 * 10**4 * pi(mpf(10) ** 4)) - 1) < mpf(10) ** -15
        # Between whole numbers this is another function.
        assert abs(series(lambda k: mpmath.cospi(2 * k) * pi(k), 0, mpmath.inf) - 1) < 1e-15


def test_what_grows_has_no_sum():
    with workdps(20), pytest.raises(NoQuadrature, match="infinite"):
        series(lambda k: mpf(2) ** mpmath.log(k + 1), 0, mpmath.inf)


GRADIENTS = {
    "a kink that moves": policy_gradient(LaplacePolicy(mu, 2), lambda a: a**2),
    "a kink that moves, far": policy_gradient(LaplacePolicy(mu, 10**6), lambda a: a**2),
    "a kink of the reward": policy_gradient(
        GaussianPolicy(mu, Rational(1, 30)), lambda a: Max(1, a)
    ),
    "a large shape": policy_gradient(
        GammaPolicy(10**6, rate=Parameter("l", positive=True)), lambda a: a**2
    ),
    "many tries": policy_gradient(BinomialPolicy(10**6, logit=mu), lambda a: a**2),
    "a probability of 1": policy_gradient(NegativeBinomialPolicy(3, sigmoid(mu)), lambda a: a**2),
}


@pytest.mark.parametrize("gradient", GRADIENTS.values(), ids=GRADIENTS)
def test_checks_of_extreme_parameters_decide(gradient):
    assert check(gradient, points=1)


def test_what_quadrature_does_not_find_is_not_called_wrong():
    """The kinks of |sin a| are not looked for."""
    a = Symbol("a", real=True)
    out_of_reach = ActionIntegral(Abs(sin(a)) * sympy.exp(-((a - mu) ** 2)), (a, -oo, oo))
    report = check(Eq(mu**2, out_of_reach), points=1)
    assert not report and "undecided" in str(report) and "enough digits" in str(report)
    wrong = ActionIntegral(sympy.exp(-((a - mu) ** 2)), (a, -oo, oo))
    assert "does not hold" in str(check(Eq(mu**2, wrong), points=1))


def test_a_sign_that_changes_where_nothing_is_known_is_not_taken_for_constant():
    """|a⁴ - 2 a| has a kink at 0, which is found, and one at the cubic root of 2, which is not."""
    gradient = policy_gradient(GaussianPolicy(mu, 1), lambda a: Abs(a**4 - 2 * a))
    assert "does not hold" not in str(check(gradient, points=1))
