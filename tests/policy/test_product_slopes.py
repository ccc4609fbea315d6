"""Gradients of moments of concentrations in the tails, against gamma functions in mpmath."""

import itertools

import mpmath
import pytest
from sympy import E, Mul, Rational, exp, simplify, symbols
from sympy.abc import k, p, x, y

from symprice import BetaPolicy, GammaPolicy, LogNormalPolicy, lambdify, parameters, policy_gradient
from symprice.policy.joined import joined_powers
from symprice.policy.product_slopes import slope
from symprice.policy.short import short

SIZES = [1e-3, 0.1, 1.0, 30.0, 1e3, 1e6]


def moment_and_slopes(a, b, n):
    """E[uⁿ] of a Beta law and its derivatives by both parameters."""
    total = a + b
    mean = mpmath.rf(a, n) / mpmath.rf(total, n)
    last = mpmath.psi(0, total) - mpmath.psi(0, total + n)
    return mean * (mpmath.psi(0, a + n) - mpmath.psi(0, a) + last), mean * last


@pytest.mark.parametrize("powers", [{3: 1}, {4: 1}, {6: 1}, {3: 1, 1: -2}, {2: 3, 5: 2}], ids=str)
def test_polynomial_rewards_of_beta_policies(powers):
    alpha, beta = parameters("alpha beta")
    policy = BetaPolicy(alpha, beta)
    gradient = policy_gradient(policy, lambda a: sum(c * a**n for n, c in powers.items()))
    function = lambdify([alpha, beta], gradient)
    for at in itertools.product(SIZES, repeat=2):
        found = function(*at)
        with mpmath.workdps(80):
            parts = {n: moment_and_slopes(*map(mpmath.mpf, at), n) for n in powers}
            for i, number in enumerate(found):
                terms = [c * parts[n][i] for n, c in powers.items()]
                assert abs(number - mpmath.fsum(terms)) < 1e-14 * mpmath.fsum(map(abs, terms)), at


def test_what_it_says_is_short():
    alpha, beta = parameters("alpha beta")
    by_alpha, by_beta = policy_gradient(BetaPolicy(alpha, beta), lambda a: a**3).doit()
    assert by_alpha.count_ops() < 40 and by_beta.count_ops() < 35
    assert by_beta.could_extract_minus_sign() and not by_alpha.could_extract_minus_sign()
    shape, rate = parameters("shape rate")
    by_shape, _ = policy_gradient(GammaPolicy(shape, rate), lambda a: a**2).doit()
    assert simplify(by_shape - (2 * shape + 1) / rate**2) == 0


@pytest.mark.parametrize(
    "build",
    [
        lambda u, v: u * (u + 1) * (u + 2) / ((u + v) * (u + v + 1)),
        lambda u, v: 1 / ((u + v) * (u + v + 3)),
        lambda u, v: 2 * u * (3 - (u + 1) / (u + v + 1)) / (u + v),
        lambda u, v: u / (v - u) + 1,  # no rule of its own: u - v may have any sign
        lambda u, v: u * exp(v * u),
    ],
)
def test_slopes_are_derivatives(build):
    u, v = symbols("u v", positive=True)
    at = {u: Rational(3, 7), v: Rational(8, 5)}
    expected = build(u, v).diff(u)
    assert abs((slope(build(u, v), u) - expected).subs(at).evalf(30)) < 1e-25


def test_powers_are_joined():
    assert joined_powers(x * x ** (k - 1) * y) == x**k * y
    assert joined_powers((x + y) ** 3 / (2 * x + 2 * y)) == (x + y) ** 2 / 2
    assert joined_powers((1 - p + p * exp(-1)) ** 5 / (E - E * p + p)) == (
        (1 - p + p * exp(-1)) ** 4 * exp(-1)
    )
    # (-x - y)^(1/2) (x + y)^(1/2) is no power of x + y, whose sign nobody knows.
    mixed = Mul((x + y) ** Rational(1, 2), (-x - y) ** Rational(1, 2))
    assert joined_powers(mixed) == mixed
    assert joined_powers((x + 1) * (x + 2)) == (x + 1) * (x + 2)
    assert short(x * x ** (k - 1)) == x**k


@pytest.mark.parametrize("at", [(0.0, 1e-3), (0.0, 1e-9), (-1e-6, 1e-3), (-3.0, 2.0), (300.0, 5.0)])
def test_moments_of_log_normal_actions_that_nearly_cancel(at):
    """E[(a - 1)²] by μ, where a is close to 1: e^(2μ+2σ²) - e^(μ+σ²/2)."""
    mean, sigma = parameters("mean sigma")
    gradient = policy_gradient(LogNormalPolicy(mean, sigma), lambda a: (a - 1) ** 2)
    found = lambdify([mean, sigma], gradient)(*at)[0]
    with mpmath.workdps(60):
        m, v = mpmath.mpf(at[0]), mpmath.mpf(at[1]) ** 2
        exact = 2 * (mpmath.exp(2 * m + 2 * v) - mpmath.exp(m + v / 2))
    assert abs(found - exact) < 1e-12 * abs(exact)
