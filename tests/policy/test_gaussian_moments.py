"""Means of polynomials in Gaussian noise against derivatives of the generating function."""

from __future__ import annotations

import pytest
from sympy import Matrix, Poly, Rational, diff, exp, expand, eye, sqrt, symbols

from symprice.policy.gaussian_moments import mean_of_polynomial

x, y = noise = list(symbols("x y", real=True))
k, m = symbols("k m", real=True)
s = symbols("s", positive=True)
t1, t2 = symbols("t1 t2")
POINT = {k: Rational(3, 10), s: Rational(9, 10), m: Rational(-1, 5)}
BELOW = 11 - 4 * k**2 + 2 * k * s - 3 * s**2
SLANTED = Matrix([[1 + s**2, k], [k, 2]])
QUOTIENTS = Matrix([[22 * s**2 / (4 * BELOW), k / BELOW], [k / BELOW, (1 + k**2) / (2 * BELOW)]])


@pytest.mark.parametrize("sigma", [eye(2), SLANTED, QUOTIENTS], ids=["eye", "sums", "quotients"])
@pytest.mark.parametrize(
    "expr",
    [
        (m + s * x) ** 4 / s**4 + x * y,
        ((x + m) ** 2 - m**2) ** 2 / s**4,
        (x / BELOW + k * y / s) ** 2 * (m - x) ** 2,
        (x + y / (m + s)) ** 2 / (m + s) ** 3 + sqrt(s) * x**2,
        (m * s / (4 * BELOW) + x) ** 4 / (16 * k**2 + s) - (s * y) ** 3 / s,
    ],
    ids=str,
)
def test_means_are_derivatives_of_the_generating_function(expr, sigma):
    found = mean_of_polynomial(expr, noise, sigma)
    at = sigma.subs(POINT)
    generating = exp((Matrix([[t1, t2]]) * at * Matrix([t1, t2]))[0] / 2)
    expected = 0
    for (i, j), c in Poly(expand(expr.subs(POINT)), x, y).terms():
        expected += c * diff(generating, (t1, i), (t2, j)).subs({t1: 0, t2: 0})
    assert expand(found.subs(POINT) - expected) == 0


def test_sums_below_are_taken_out():
    """E[(det Σ⁻¹) x²] with Σ₁₁ = det leaves no quotient."""
    sigma = Matrix([[BELOW, 0], [0, 1]])
    assert mean_of_polynomial(x**2 / BELOW, noise, sigma) == 1
    assert mean_of_polynomial(x**2 * y**2 / BELOW**2, noise, sigma) * BELOW == 1
