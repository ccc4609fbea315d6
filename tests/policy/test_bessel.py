"""Ratios of Bessel functions: means of waves over directions, also where nearly all is noise."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy
from sympy import Symbol, besseli, cos, latex, sin, symbols

from symprice import Parameter, VonMisesPolicy, lambdify, policy_gradient
from symprice.emit.latex_printer import paper
from symprice.policy.bessel import BesselRatio, mean_of_waves
from symprice.policy.cosine_moments import CosineMoment

a = Symbol("a")
mu, kappa = Parameter("mu", real=True), Parameter("kappa", positive=True)
POLICY = VonMisesPolicy(mu, kappa)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_gradients_of_waves_keep_their_digits_where_the_concentration_is_small(n):
    code = policy_gradient(POLICY, cos(n * a)).lambdify([mu, kappa])
    for k in (1e-3, 1e-2, 0.1, 1.0, 10.0):
        with mpmath.workdps(60):
            x, m = mpmath.mpf(k), mpmath.mpf(0.4)
            ratio = [mpmath.besseli(j, x) / mpmath.besseli(0, x) for j in (1, n - 1, n, n + 1)]
            slope = (ratio[1] + ratio[3]) / 2 - ratio[2] * ratio[0]
            expected = [float(-n * mpmath.sin(n * m) * ratio[2]), float(mpmath.cos(n * m) * slope)]
        with np.errstate(all="raise", under="ignore"):
            np.testing.assert_allclose(code(0.4, k), expected, rtol=1e-12)


def test_variances_of_waves_by_quadrature():
    reward = cos(2 * a) - sin(3 * a) / 2
    variance = policy_gradient(POLICY, reward).variance()
    assert not variance.has(sympy.Integral)
    for k in (0.01, 2.5, 20.0):
        x = np.linspace(-np.pi, np.pi, 4001)[:-1]  # of periodic functions exact to rounding
        weight = np.exp(k * (np.cos(x - 0.4) - 1))
        weight /= weight.sum()
        mean = weight @ np.cos(x - 0.4)
        r = np.cos(2 * x) - np.sin(3 * x) / 2
        samples = np.array([k * np.sin(x - 0.4), np.cos(x - 0.4) - mean]) * r
        expected = samples**2 @ weight - (samples @ weight) ** 2
        found = lambdify([mu, kappa], variance)(0.4, k)
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_the_ratio_as_a_function():
    n3 = BesselRatio(3, kappa)
    quotient = besseli(3, kappa) / besseli(0, kappa)
    for value in (sympy.Rational(1, 10), 3):
        assert abs((n3 - quotient).subs(kappa, value).evalf(30)) < 1e-29
        slope = (n3.diff(kappa) - quotient.diff(kappa)).subs(kappa, value)
        assert abs(slope.evalf(30)) < 1e-29
    assert BesselRatio(0, kappa) == 1 and BesselRatio(2, 0) == 0
    assert abs(lambdify([kappa], n3)(1e6) - (1 - 4.5e-6)) < 1e-10  # 1 - n²/2κ
    assert latex(n3**2).startswith(r"\left(\frac{I_{3}")


def test_opposite_waves_are_one_of_the_order_between():
    """1 - I₂/I₀ = 2 I₁/(κ I₀), which has no difference of nearly equal numbers."""
    c, k = symbols("c k")
    assert mean_of_waves({0: c, 2: -c}, k) == 2 * c * BesselRatio(1, k) / k
    found = mean_of_waves({1: c, 3: -c, 5: c}, k)
    assert found == c * BesselRatio(1, k) - 8 * c * BesselRatio(4, k) / k
    assert POLICY.fisher()[0, 0] == kappa * BesselRatio(1, kappa)


def over_directions(f, k, digits=30):
    """The mean of a function under the density in proportion to exp(κ cos x), by quadrature."""
    with mpmath.workdps(digits):
        k = mpmath.mpf(k)
        width = min(mpmath.pi / 10, 1 / mpmath.sqrt(k))
        ends = [n * width for n in (0, 1, 2, 4, 6, 9, 13, 20) if n * width < mpmath.pi]
        ends += [mpmath.pi] if k < 1e3 else []

        def integral(g):
            return mpmath.quad(lambda x: g(x) * mpmath.exp(-2 * k * mpmath.sin(x / 2) ** 2), ends)

        return integral(lambda x: f(x) + f(-x)) / integral(lambda x: 2)


ORDERS = [(1, 1), (2, 1), (2, 1, 1), (1, 1, 1, 1), (5, 1)]


@pytest.mark.parametrize("orders", ORDERS, ids=str)
def test_central_moments_of_cosines_by_quadrature(orders):
    moment = CosineMoment(kappa, *orders)
    code = lambdify([kappa], moment)
    for k in (1e-3, 0.9, 1.1, 50.0, 1e6):

        def drop(n, x, k=k):
            """1 - cos n x, times what makes it of the size of 1: quad looks at absolute errors."""
            return max(k, 1) * 2 * mpmath.sin(n * x / 2) ** 2

        drops = {n: over_directions(lambda x, n=n: drop(n, x), k) for n in set(orders)}
        expected = over_directions(
            lambda x, means=drops: mpmath.fprod(means[n] - drop(n, x) for n in orders), k
        ) / max(mpmath.mpf(k), 1) ** len(orders)
        with np.errstate(all="raise", under="ignore"):
            assert abs(code(k) - expected) < 3e-14 * abs(expected), k
        if k in (0.9, 50.0):
            assert abs(mpmath.mpf(moment.subs(kappa, sympy.Float(k)).evalf(15)) - expected) < 1e-13
    found = code(np.array([[0.5, 3.0, 7e4]]))
    assert found.shape == (1, 3) and found[0, 2] == code(7e4)


def test_derivatives_of_central_moments():
    """By differences of their values with 60 digits."""
    for orders in ORDERS:
        slope = CosineMoment(kappa, *orders).diff(kappa)
        with mpmath.workdps(60):
            expected = mpmath.diff(lambda k, o=orders: CosineMoment._mpmath(k, *o), 2.5)
        assert abs(slope.subs(kappa, sympy.Rational(5, 2)).evalf(30) - expected) < 1e-25


@pytest.mark.parametrize("k", [1e-3, 30.0, 1e6])
def test_variances_of_waves_where_directions_are_nearly_sure(k):
    """E[(r - b)² s²] - E[r s]² by quadrature, for the reward cos(a) + sin(2 a)/2."""
    gradient = policy_gradient(POLICY, cos(a) + sin(2 * a) / 2)
    m = mpmath.mpf(0.4)
    samples = {"none": 1, "mean": 1, "optimal": 1, "leave_one_out": 3}
    variances = {
        b: lambdify([mu, kappa], gradient.variance(baseline=b, n=n))(0.4, k)
        for b, n in samples.items()
    }
    best = lambdify([mu, kappa], gradient.optimal_baseline(per_component=True))(0.4, k)

    def mean(f):
        return over_directions(f, k, 40)

    def reward(x):
        return mpmath.cos(x + m) + mpmath.sin(2 * (x + m)) / 2

    with mpmath.workdps(40):
        size, objective = mean(mpmath.cos), mean(reward)
        scores = (lambda x: k * mpmath.sin(x), lambda x: mpmath.cos(x) - size)
        for i, score in enumerate(scores):

            def moment(n, j, score=score):
                return mean(lambda x: (reward(x) - objective) ** n * score(x) ** j)

            slope, above, square = moment(1, 1), moment(1, 2), moment(0, 2)
            least = moment(2, 2) - slope**2
            expected = {
                "none": least + 2 * objective * above + objective**2 * square,
                "mean": least,
                "optimal": least - above**2 / square,
                "leave_one_out": least / 3 + (square * moment(2, 0) + slope**2) / 6,
            }
            for baseline, value in expected.items():
                assert abs(variances[baseline][i] - value) < 1e-11 * value, (baseline, i)
            assert abs(best[i] - objective - above / square) < 1e-12


def test_a_quotient_is_one_fraction_in_formulas():
    n1 = BesselRatio(1, kappa)
    assert (n1 / 2).has(BesselRatio) and paper(n1 / 2) == r"\frac{I_{1}(\kappa)}{2 I_{0}(\kappa)}"
    assert paper(kappa / n1) == r"\frac{\kappa I_{0}(\kappa)}{I_{1}(\kappa)}"
