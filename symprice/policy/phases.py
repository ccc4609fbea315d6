"""Real parts of what expectations of waves are made of: powers and exponentials of complex numbers.

A number is a sum of `(x + iy) e^{iφ}`. Phases stay by themselves while factors are multiplied, so
that `cos` and `sin` are taken of each sum of phases, once.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

from sympy import (
    Add,
    I,
    Mul,
    Pow,
    S,
    atan,
    atan2,
    cos,
    exp,
    expand_mul,
    sin,
)

__all__ = ["real_part"]

# x, y and φ of each term.
Turned = list[tuple[Any, Any, Any]]
# Higher powers of sums are written by modulus and angle, not multiplied out.
_HIGHEST = 2


def real_part(expr: Any) -> Any:
    """The real part, for real symbols.

    Examples
    ========

    >>> from sympy import I, exp, symbols
    >>> from symprice.policy.phases import real_part
    >>> x, mu = symbols('x mu', real=True)
    >>> real_part(exp(I*mu)/(1 + x**2) + exp(-I*mu)/(1 + x**2))
    2*cos(mu)/(x**2 + 1)
    >>> k = symbols('k', positive=True)
    >>> real_part((1 - 2*I)**(-k))
    cos(k*atan(2))/5**(k/2)
    """
    return Add(*(x * cos(phi) - y * sin(phi) for x, y, phi in _turned(expr)))


def _turned(expr: Any) -> Turned:
    if not expr.has(I):
        return [(expr, S.Zero, S.Zero)]
    if isinstance(expr, Add):
        return [term for part in expr.args for term in _turned(part)]
    if isinstance(expr, Mul):
        return _product(map(_turned, expr.args))
    if expr == I:
        return [(S.Zero, S.One, S.Zero)]
    if isinstance(expr, exp):
        x, y = _cartesian(expr.args[0])
        return [(exp(x), S.Zero, y)]
    if isinstance(expr, Pow) and expr.exp.is_real:
        return _power(expr.base, expr.exp)
    x, y = expr.as_real_imag()
    return [(x, y, S.Zero)]


def _product(factors: Iterable[Turned]) -> Turned:
    total: Turned = [(S.One, S.Zero, S.Zero)]
    for factor in factors:
        total = [
            (x * u - y * v, x * v + y * u, expand_mul(phi + psi))
            for (x, y, phi), (u, v, psi) in product(total, factor)
        ]
    return total


def _power(base: Any, n: Any) -> Turned:
    terms = _turned(base)
    if n.is_Integer and 0 < n <= _HIGHEST:
        return _product([terms] * int(n))
    square = _square(terms)
    if n.is_Integer and -_HIGHEST <= n < 0:
        mirrored = [(x / square, -y / square, -phi) for x, y, phi in terms]
        return _product([mirrored] * int(-n))
    x, y = _cartesian(base)
    way = -1 if y.could_extract_minus_sign() else 1
    angle = way * (atan(way * y / x) if x.is_positive else atan2(way * y, x))
    return [(Pow(square, n / 2), S.Zero, expand_mul(n * angle))]


def _square(terms: Turned) -> Any:
    """|z|², of phases by their differences: of 1 - q e^{iφ} it is 1 - 2 q cos φ + q²."""
    total = S.Zero
    for (x, y, phi), (u, v, psi) in product(terms, repeat=2):
        gap = expand_mul(phi - psi)
        total += (x * u + y * v) * cos(gap) + (x * v - y * u) * sin(gap)
    return total


def _cartesian(expr: Any) -> tuple[Any, Any]:
    """Real and imaginary part."""
    terms = _turned(expr)
    real = Add(*(x * cos(phi) - y * sin(phi) for x, y, phi in terms))
    return real, Add(*(x * sin(phi) + y * cos(phi) for x, y, phi in terms))
