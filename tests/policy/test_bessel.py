"""Ratios of Bessel functions: means of waves over directions, also where nearly all is noise."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy
from sympy import Symbol, besseli, cos, latex, sin, symbols

from symprice import Parameter, VonMisesPolicy, lambdify, policy_gradient
from symprice.policy.bessel import BesselRatio, mean_of_waves

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
