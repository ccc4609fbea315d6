"""Gaussian means by quadrature, against closed forms and integrals in one dimension by mpmath."""

from __future__ import annotations

import mpmath
import pytest
from sympy import Rational, Symbol, exp, sin, symbols, tanh

from symprice import MatrixMetric, NoRuleError, Parameter, bridge, check, lande, observables
from symprice.checks.oracle import value
from symprice.derivation import Derivation, Rule, Step
from symprice.populations.gaussian import GaussianMean
from symprice.populations.quadrature import gaussian_mean

g, h, k, m = symbols("g h k m", cls=Parameter, real=True)
CORRELATED = [[2, Rational(1, 2)], [Rational(1, 2), 1]]


def covariance(size, diagonal=0.4, other=0.2):
    return mpmath.matrix(
        [[mpmath.mpf(diagonal if i == j else other) for j in range(size)] for i in range(size)]
    )


@pytest.mark.parametrize(("size", "error"), [(1, 1e-11), (2, 1e-7), (3, 1e-6), (4, 1e-5)])
def test_the_characteristic_function_in_several_dimensions(size, error):
    """E cos(aᵀx) = cos(aᵀm) exp(-½ aᵀΣa)."""
    with mpmath.workdps(25):
        a, start = [mpmath.mpf(j + 1) / 3 for j in range(size)], [mpmath.mpf(1) / 5] * size
        sigma = covariance(size)
        found = gaussian_mean(lambda x: mpmath.cos(mpmath.fdot(a, x)), sigma, None, start, digits=9)
        spread = mpmath.fsum(a[i] * sigma[i, j] * a[j] for i in range(size) for j in range(size))
        exact = mpmath.cos(mpmath.fdot(a, start)) * mpmath.exp(-spread / 2)
        assert abs(found - exact) < error


def test_a_ridge_along_the_diagonal():
    """E tanh(3(x + y) - 1) is an integral over x + y ~ N(0, 1ᵀΣ1), and a lattice may miss it."""
    with mpmath.workdps(25):
        sigma = covariance(2, 0.5, 0.25)
        found = gaussian_mean(lambda x: mpmath.tanh(3 * (x[0] + x[1]) - 1), sigma, digits=9)
        deviation = mpmath.sqrt(1.5)

        def integrand(u):
            return mpmath.tanh(3 * deviation * u - 1) * mpmath.npdf(u)

        exact = mpmath.quad(integrand, [-9, -4, -2, -1, 0, 0.25, 0.5, 1, 2, 4, 9])
        assert abs(found - exact) < 1e-7


def test_peaks_far_from_each_other_are_all_seen():
    """E exp(-½(x - c)²/t) = exp(-½c²/(1 + t))/√(1 + 1/t), for two c on both sides."""
    with mpmath.workdps(25):
        centres, width = (mpmath.mpf(4), mpmath.mpf(-5)), mpmath.mpf(1) / 100

        def peaks(x):
            return sum(mpmath.exp(-((x[0] - c) ** 2) / (2 * width)) for c in centres)

        found = gaussian_mean(peaks, mpmath.matrix([[1]]), digits=14)
        factor = 1 / mpmath.sqrt(1 + 1 / width)
        exact = sum(factor * mpmath.exp(-(c**2) / (2 * (1 + width))) for c in centres)
        assert abs(found / exact - 1) < 1e-13


@pytest.mark.parametrize(
    "function",
    [
        lambda x: mpmath.exp(x[0] ** 2),
        lambda x: mpmath.exp(x[0] ** 4 / 500),  # it is large again where one does not look
        lambda x: mpmath.exp(mpmath.exp(x[0])),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_an_infinite_mean_is_said(function, size):
    with mpmath.workdps(25), pytest.raises(NoRuleError, match="grows faster"):
        gaussian_mean(function, covariance(size, 1, 0.1), digits=10)


def test_kinks_are_said():
    with mpmath.workdps(25), pytest.raises(NoRuleError, match="kinks"):
        gaussian_mean(lambda x: abs(x[0] - 0.3), mpmath.matrix([[1]]), digits=12)


def test_only_what_varies_is_integrated():
    """Five parameters, of which every term has two at most; a sum that does not split is refused.

    E exp(g h/4) with variances v and correlation 0 is (1 - v²/16)^-½ at the origin.
    """
    others = symbols("p q r", cls=Parameter, real=True)
    v = Rational(2, 5)
    every = [g, h, *others]
    rows = [[v if i == j else 0 for j in range(5)] for i in range(5)]
    metric = MatrixMetric(rows, every)
    origin = dict.fromkeys(every, 0)
    found = value(
        GaussianMean(exp(g * h / 4) + sin(others[0]) + others[1] ** 2, metric), origin, 15
    )
    assert abs(found - 1 / mpmath.sqrt(1 - 0.16 / 16) - 0.4) < 1e-12


def test_the_second_order_in_two_dimensions():
    """Of observables; then with a term that is wrong, which is found."""
    z, w = observables("z w")
    found = bridge(z, w, CORRELATED, [g, h], order=2)
    assert found.check(timeout=None)
    wrong = Step(Rule(), found.equation.lhs, found.change + found.curvature)
    assert check(Derivation([wrong]), points=1, digits=10, code=False).outcome == "does not hold"


def test_the_first_order_in_three_dimensions():
    sigma = [[Rational(2 if i == j else 1, 5) for j in range(3)] for i in range(3)]
    found = bridge(sin(g + h * k), tanh(g * h) + k, sigma, [g, h, k], order=1)
    assert found.check(timeout=None)
    doubled = Step(Rule(), found.equation.lhs, found.change + found.selection)
    assert check(Derivation([doubled]), points=1, digits=10, code=False).outcome == "does not hold"


def test_a_series_with_a_function_that_is_no_polynomial():
    assert bridge(g * h, exp(g / 2) * sin(h), CORRELATED, [g, h]).check(timeout=None)


def test_what_does_not_vary_has_no_covariance():
    found = bridge(g * h, h**2, [[1]], [g])
    assert found.doit() == 0 and found.check()


def test_a_fitness_without_a_mean_is_refused():
    for fitness in (exp(g**4 / 100), exp(g**3), exp(g**6 - g**2) * g):
        with pytest.raises(NoRuleError, match="infinite"):
            lande(fitness, g, 1, 1)
    falling = GaussianMean(exp(-(g**4)), MatrixMetric([[1]], [g]))
    assert falling.doit() == falling
    unknown = GaussianMean(exp(Symbol("c") * g**4), MatrixMetric([[1]], [g]))
    assert unknown.doit() == unknown
