"""Code of integrals and sums that stay: against mpmath's own sums and quadrature, and asymptotics.

No expected number comes from the package: densities are written out again in mpmath.
"""

from __future__ import annotations

import pickle
import warnings

import mpmath
import numpy as np
import pytest
from sympy import Abs, Integral, Interval, Rational, S, Sum, Symbol, cos, exp, log, oo, sqrt

from symprice.emit.numpy import lambdify
from symprice.errors import NoRuleError
from symprice.policy.counting import (
    BinomialPolicy,
    GeometricPolicy,
    NegativeBinomialPolicy,
    PoissonPolicy,
)
from symprice.policy.gaussian import GaussianPolicy
from symprice.policy.mixture import MixturePolicy
from symprice.policy.squashed import SquashedGaussianPolicy
from symprice.policy.symmetric import LogisticPolicy
from symprice.policy.written_law import WrittenPolicy
from symprice.symbols import Parameter

r, s, t = (Parameter(name, positive=True) for name in "rst")
m, u = (Parameter(name, real=True) for name in "mu")
n = Symbol("n", integer=True, positive=True)
TIGHT = 1e-11


def at(function, *arguments):
    """A number, with warnings as errors."""
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*arguments)


def entropy(logarithms):
    """-Σ exp(l) l."""
    return -mpmath.fsum(mpmath.exp(x) * x for x in logarithms)


def laws(start, step, count):
    """Log-probabilities of 0, 1, 2, … by the first, and by the ratio of each to the one before."""
    found = [start]
    for k in range(count - 1):
        found.append(found[-1] + mpmath.log(step(k)))
    return found


def poisson(rate, count):
    return laws(-rate, lambda k: rate / (k + 1), count)


def negative(r, p, count):
    return laws(r * mpmath.log1p(-p), lambda k: (k + r) / (k + 1) * p, count)


@pytest.mark.parametrize("rate", [1e-3, 0.4, 30.0, 990.0, 1024.0, 1060.0, 2500.0])
def test_the_entropy_of_counts(rate):
    found = at(lambdify([r], PoissonPolicy(r).entropy()), rate)
    with mpmath.workdps(30):
        expected = entropy(poisson(mpmath.mpf(rate), int(rate + 15 * rate**0.5) + 40))
    assert abs(found / expected - 1) < 1e-13


@pytest.mark.parametrize("rate", [1e4, 1e5, 1e6])
def test_the_entropy_of_many_counts(rate):
    """Its asymptotic series, ½ log(2πeλ) - 1/(12λ) - 1/(24λ²) - 19/(360λ³) + O(λ⁻⁴)."""
    found = at(lambdify([r], PoissonPolicy(r).entropy()), rate)
    x = mpmath.mpf(rate)
    terms = 1 / (12 * x) + 1 / (24 * x**2) + 19 / (360 * x**3)
    assert abs(found / (mpmath.log(2 * mpmath.pi * mpmath.e * x) / 2 - terms) - 1) < TIGHT


@pytest.mark.parametrize(
    ("tries", "logit"),
    [(1, -40.0), (4, 0.3), (3000, -5.0), (4095, 0.3), (4096, 0.3), (4100, 10.0), (7000, -1.0)],
)
def test_the_entropy_of_successes(tries, logit):
    found = at(lambdify([n, m], BinomialPolicy(n, logit=m).entropy()), tries, logit)
    with mpmath.workdps(30):
        odds = mpmath.exp(mpmath.mpf(logit))
        none = -tries * mpmath.log1p(odds)
        listed = laws(none, lambda k: mpmath.mpf(tries - k) / (k + 1) * odds, tries + 1)
        expected = entropy(listed)
    assert abs(found / expected - 1) < TIGHT


@pytest.mark.parametrize(
    ("count", "p"), [(1e-3, 0.5), (0.5, 1e-3), (0.5, 0.98), (30.0, 0.97), (1e4, 0.1)]
)
def test_negative_binomials(count, p):
    policy = NegativeBinomialPolicy(r, s)
    last = int(count * p / (1 - p) + 20 * (count * p) ** 0.5 / (1 - p) + 60 / (1 - p)) + 100
    with mpmath.workdps(30):
        c, q = mpmath.mpf(count), mpmath.mpf(p)
        here, there = negative(c, q, last), negative(2 * c, q / 2, last)
        own = entropy(here)
        gap = mpmath.fsum(mpmath.exp(x) * (x - y) for x, y in zip(here, there, strict=True))
    found = at(lambdify([r, s], policy.entropy()), count, p)
    assert abs(found / own - 1) < TIGHT
    divergence = lambdify([r, s], policy.kl_divergence(NegativeBinomialPolicy(2 * r, s / 2)))
    assert abs(at(divergence, count, p) - gap) < TIGHT * gap + 1e-15


@pytest.mark.parametrize("place", [(0.0, 1e-3), (0.7, 0.5), (2.0, 20.0), (-1e3, 0.5), (0.0, 1e6)])
def test_the_entropy_of_squashed_actions(place):
    """H(u) + E[log(1 - tanh²u)], the latter log 4 - 2|u| - 2 log(1 + e^(-2|u|))."""
    found = at(lambdify([m, s], SquashedGaussianPolicy(m, s).entropy()), *place)
    with mpmath.workdps(30):
        mean, scale = map(mpmath.mpf, place)

        def inner(z):
            x = mean + scale * z
            bend = 2 * mpmath.log1p(mpmath.exp(-2 * abs(x)))
            return (mpmath.log(4) - 2 * abs(x) - bend) * mpmath.npdf(z)

        kink = -mean / scale
        near = [kink + x / scale for x in (-40, -10, -3, -1, 0, 1, 3, 10, 40)]
        cuts = sorted(x for x in {*range(-14, 15, 2), *near} if -14 <= x <= 14)
        straight = mpmath.log(2 * mpmath.pi * mpmath.e) / 2 + mpmath.log(scale)
        expected = straight + mpmath.quad(inner, cuts)
    assert abs(found / expected - 1) < TIGHT


@pytest.mark.parametrize(
    "place", [(0.0, 1.0, 0.0, 2.0), (3.0, 1e-3, 3.001, 2e-3), (1e3, 1e6, -1e3, 1.0)]
)
def test_the_divergence_of_logistics(place):
    one, other = LogisticPolicy(m, s), LogisticPolicy(u, t)
    found = at(lambdify([m, s, u, t], one.kl_divergence(other)), *place)
    with mpmath.workdps(30):
        here, scale, there, width = map(mpmath.mpf, place)

        def law(z):
            return -abs(z) - 2 * mpmath.log1p(mpmath.exp(-abs(z)))

        def inner(z):
            x = (here + scale * z - there) / width
            gap = law(z) - mpmath.log(scale) - law(x) + mpmath.log(width)
            return mpmath.exp(law(z)) * gap

        kink = (there - here) / scale
        near = [kink + x * width / scale for x in (-40, -10, -3, 0, 3, 10, 40)]
        cuts = sorted({*(mpmath.mpf(x) for x in range(-90, 91, 6)), *near})
        expected = mpmath.quad(inner, [x for x in cuts if -90 <= x <= 90])
    assert abs(found / expected - 1) < TIGHT


@pytest.mark.parametrize("widths", [(1e-2, 1e-2), (1e-3, 0.1), (5.0, 1e-3)])
def test_far_peaks_are_all_found(widths):
    """The entropy of a mixture whose parts do not meet is the mean of theirs, and that of which."""
    parts = [GaussianPolicy(-100, s), GaussianPolicy(100, t)]
    policy = MixturePolicy(parts, probabilities=[Rational(1, 3), Rational(2, 3)])
    expected = mpmath.log(3) - 2 * mpmath.log(2) / 3
    for share, width in zip((1, 2), widths, strict=True):
        inner = mpmath.log(2 * mpmath.pi * mpmath.e) / 2 + mpmath.log(mpmath.mpf(width))
        expected += mpmath.mpf(share) / 3 * inner
    formula = policy.entropy()
    assert abs(at(lambdify([s, t], formula), *widths) / expected - 1) < TIGHT
    exact = formula.subs({s: Rational(str(widths[0])), t: Rational(str(widths[1]))})
    assert abs(exact.evalf(15) / expected - 1) < 1e-9


def test_a_policy_written_by_hand():
    x = Symbol("x", positive=True)
    policy = WrittenPolicy(log(r) + (r - 1) * log(x), x, Interval.open(0, 1))
    function = lambdify([r], policy.expectation(cos))
    for power in (0.5, 3.0, 1e4, 1e6):
        with mpmath.workdps(30):
            expected = mpmath.hyp1f2(power / 2, 0.5, power / 2 + 1, -0.25)
        assert abs(at(function, power) / expected - 1) < TIGHT


def test_rates_near_the_first_thousand_terms():
    """The terms beyond the first 1024 fall off at once, in few terms: alone, or in one call."""
    f = lambdify([r], PoissonPolicy(r).entropy())
    rates = (500.0, 637.0, 803.0, 900.0, 1100.0)
    together = at(f, np.array(rates))
    with mpmath.workdps(30):
        for rate, among in zip(rates, together, strict=True):
            expected = entropy(poisson(mpmath.mpf(rate), 2200))
            for found in (at(f, rate), among):
                assert abs(float(found) - expected) <= TIGHT * expected


def test_arrays_broadcast():
    function = lambdify([m, s], SquashedGaussianPolicy(m, s).entropy())
    means, scales = np.linspace(-3, 3, 7)[:, None], np.geomspace(0.01, 10, 3)
    table = function(means, scales)
    assert table.shape == (7, 3)
    assert table[2, 1] == pytest.approx(function(means[2, 0], scales[1]), rel=1e-13)
    assert function(np.float32(0), np.ones(2, np.float32)).dtype == np.float32
    assert function(np.zeros(0), 1.0).shape == (0,)
    again = pickle.loads(pickle.dumps(function))
    assert again(0.0, 1.0) == function(0.0, 1.0)


def test_a_result_without_parameters():
    half = PoissonPolicy(S.Half).expectation(sqrt)
    with mpmath.workdps(25):
        listed = poisson(mpmath.mpf("0.5"), 60)
        expected = mpmath.fsum(mpmath.exp(x) * mpmath.sqrt(j) for j, x in enumerate(listed))
    assert half.has(Sum)
    assert float(lambdify([], half)()) == pytest.approx(float(expected), rel=1e-14)


x = Symbol("x", real=True)
k = Symbol("k", integer=True, nonnegative=True)
REFUSED = {
    "a pole": (Integral(exp(-(x**2)) / (x - r), (x, -oo, oo)), 0.3),
    "a pole at an end": (Integral(exp(-x) / x, (x, 0, r)), 1.0),
    "no decay": (Integral(exp(-r) / (1 + x**2), (x, 0, oo)), 1.0),
    "growth": (Integral(exp(r * x**2), (x, -oo, oo)), 1.0),
    "two peaks": (Integral(exp(-r * (x**2 - 100) ** 2), (x, -oo, oo)), 1.0),
    "two near peaks far away": (
        Integral(exp(-r * ((x - 1000) ** 2 - 1) ** 2), (x, -oo, oo)),
        1e4,
    ),
    "a kink among many counts": (
        PoissonPolicy(r).expectation(lambda a: Abs(a - 2000)),
        2000.0,
    ),
    "a wave among many counts": (PoissonPolicy(r).expectation(lambda a: cos(a**2)), 2000.0),
    "a sum without end": (Sum(exp(-r) / (1 + k), (k, 0, oo)), 1.0),
    "a heavy tail of counts": (Sum(1 / (1 + k) ** r, (k, 0, oo)), 1.5),
}


@pytest.mark.parametrize("name", REFUSED)
def test_no_number_is_given_that_is_not_sure(name):
    expr, value = REFUSED[name]
    with pytest.raises(ArithmeticError):
        at(lambdify([r], expr), value)


def test_a_sum_from_minus_infinity_has_no_code():
    with pytest.raises(NoRuleError, match="two sums"):
        lambdify([r], Sum(exp(-r * k**2), (k, -oo, oo)))


def test_a_parameter_may_be_called_like_the_variable():
    policy = GeometricPolicy(Parameter("x", positive=True))
    function = lambdify(None, policy.expectation(sqrt))
    expected = mpmath.nsum(lambda j: mpmath.sqrt(j) / mpmath.mpf(2) ** (j + 1), [0, 150])
    assert at(function, 0.5) == pytest.approx(float(expected), rel=1e-14)
