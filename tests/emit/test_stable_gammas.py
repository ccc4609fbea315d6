"""Sums of logarithms, gamma, digamma and Bessel functions keep their value when rewritten."""

from __future__ import annotations

import random

import mpmath
import numpy as np
import pytest
import sympy
from sympy import (
    Symbol,
    besseli,
    binomial,
    cos,
    digamma,
    exp,
    factorial,
    gamma,
    log,
    pi,
    sqrt,
    symbols,
)

from symprice import NegativeBinomialPolicy, lambdify, sigmoid, source
from symprice.networks.activations import normal_cdf
from tests.seeds import seeds

A, B, C, D = symbols("a b c d", positive=True)
Z = sympy.Symbol("z", real=True)
N = sympy.Symbol("n", integer=True, positive=True)
SYMBOLS = [A, B, C, D, Z, N]
WEIGHTS = [1, -1, A, -A, B, A - 1, 1 - B, C, sympy.Rational(1, 2), -2 * A, A + B, A / C]
PARTS = [
    log(A),
    log(B),
    log(C),
    log(A + B),
    log(1 + C),
    log(gamma(A)),
    log(gamma(B)),
    log(gamma(A + B)),
    log(factorial(N)),
    log(binomial(N + 3, N)),
    digamma(A),
    digamma(A + B),
    log(sigmoid(Z)),
    log(sigmoid(-Z)),
    log(besseli(0, C)),
    besseli(1, C) / besseli(0, C),
    cos(Z),
    exp(Z),
    C,
    D,
    (A - D) ** 2,
    1 / A,
    log(A / D),
    Z,
]


def drawn(seed):
    generator = random.Random(seed)
    terms = [
        generator.choice(WEIGHTS) * generator.choice(PARTS) for _ in range(generator.randint(2, 8))
    ]
    # Some of the laws themselves, beside other terms.
    laws = [
        A * log(D) - D - log(gamma(A + 1)),
        N * log(D) - D - log(factorial(N)),
        (A - 1) * log(C) - D * C - log(gamma(A)) + A * log(D),
        A * log(A / D) + D - A,
        -log(besseli(0, C)) + C * cos(Z - A),
        log(gamma(A + B)) - log(gamma(A)) - log(gamma(B)) + A * log(D / 9) + B * log(1 - D / 9),
        A * (digamma(A) - digamma(B)) - log(gamma(A)) + log(gamma(B)),
    ]
    if seed % 3:
        terms.append(generator.choice([1, -1, 2]) * generator.choice(laws))
    total = sympy.Add(*terms)
    return exp(total / 20) if seed % 5 == 4 else total


@pytest.mark.parametrize("seed", seeds(50))
def test_rewriting_keeps_the_value(seed):
    expr = drawn(seed)
    symbols_ = sorted(expr.free_symbols, key=str) or [A]
    function = lambdify(symbols_, expr)
    exact = sympy.lambdify(symbols_, expr, modules="mpmath")
    rng = np.random.default_rng(seed)
    for _ in range(3):
        point = [
            float(rng.integers(1, 30))
            if s == N
            else float(rng.uniform(-3, 3))
            if s == Z
            else float(rng.uniform(0.05, 8.9)) * (10 if s in (A, B) and rng.random() < 0.5 else 1)
            for s in symbols_
        ]
        with mpmath.workdps(30):
            value = exact(*map(mpmath.mpf, point))
            size = sum(
                abs(sympy.N(t.subs(dict(zip(symbols_, point, strict=True)))))
                for t in sympy.Add.make_args(expr)
            )
        assert abs(float(function(*point)) - value) <= 1e-12 * max(1, size)


def test_the_laws_are_recognised():
    text = source(None, A * log(D) - D - log(gamma(A + 1)) + C)
    assert "c + log_poisson(a, d, np.log(d))" in text
    text = source(None, A * log(A / D) + D - A)
    assert "return divergence(a, d, log_ratio(a, d))" in text
    text = source(None, digamma(A + B) - digamma(A))
    assert "log_ratio(u1, a)" in text
    text = source(None, log(besseli(0, C)))
    assert "ive(0, c)" in text


def test_a_gradual_change_of_formula_is_no_jump():
    """The branches of the helpers meet: differences across them are those of the function."""
    x = np.array([15.999999, 16.0, 16.000001])
    f = lambdify([A, D], A * log(D) - D - log(gamma(A + 1)))
    values = f(x, 20.0)
    assert abs(values[2] - 2 * values[1] + values[0]) < 1e-11
    for expr in (log(gamma(A)) - A * digamma(A) + A, digamma(A) - log(A)):
        values = lambdify([A], expr)(x)
        assert abs(values[2] - 2 * values[1] + values[0]) < 1e-11
    k = lambdify([C], 1 + cos(0 * C) - 1 - besseli(1, C) / besseli(0, C) + log(C))
    values = k(np.array([59.99999, 60.0, 60.00001]))
    assert abs(values[2] - 2 * values[1] + values[0]) < 1e-11


@pytest.mark.parametrize("place", [-30.0, -5.0, 0.1, 5.0, 30.0])
def test_a_normal_density_over_its_tails(place):
    """φ(x)²/Φ(x)Φ(-x) and φ(x)²/Φ(-x)Φ(x)², which are 0/0 in the tails, against mpmath."""
    x = Symbol("x", real=True)
    one, other = normal_cdf(x), 1 - normal_cdf(x)
    density = exp(-(x**2)) / (2 * pi)
    with mpmath.workdps(500):
        at = mpmath.mpf(place)
        low, high = mpmath.ncdf(at), mpmath.ncdf(-at)
        square = mpmath.npdf(at) ** 2
        expected = square / (low * high), square / (high * low**2), square / low
    formulas = density / (one * other), density / (other * one**2), density / one
    for formula, value in zip(formulas, expected, strict=True):
        if value < 1e-300:
            continue
        with np.errstate(all="raise", under="ignore"):
            assert abs(lambdify([x], formula)(place) / value - 1) < 1e-12


def test_a_constant_beyond_floats_in_a_sum():
    """1/Γ(10⁶) beside Γ(a + 10⁶): the mean √a of a negative binomial, near its large mean."""
    p = Symbol("p", positive=True)
    found = lambdify([p], NegativeBinomialPolicy(10**6, p).expectation(sqrt))(0.3)
    with mpmath.workdps(30):
        count, q = mpmath.mpf(10) ** 6, mpmath.mpf(0.3)
        mean, spread = count * q / (1 - q), count * q / (1 - q) ** 2
        k = mpmath.floor(mean - 12 * mpmath.sqrt(spread))
        logarithm = mpmath.loggamma(k + count) - mpmath.loggamma(count) - mpmath.loggamma(k + 1)
        height = mpmath.exp(logarithm + count * mpmath.log1p(-q) + k * mpmath.log(q))
        expected = mpmath.mpf(0)
        for _ in range(int(24 * mpmath.sqrt(spread))):
            expected += height * mpmath.sqrt(k)
            height *= (k + count) / (k + 1) * q
            k += 1
    assert abs(found / expected - 1) < 1e-11
