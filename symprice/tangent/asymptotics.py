"""Tails: the leading term of a result, and its exponent."""

from __future__ import annotations

from typing import Any, NamedTuple

from sympy import Expr, Symbol, limit, log
from sympy.core.function import PoleError
from sympy.core.sympify import _sympify

from ..errors import NoRuleError, ShapeError
from ..outputs import DescribedFields
from ..symbols import expression
from ..timelimit import within

__all__ = ["LeadingTerm", "leading_order"]


class _Fields(NamedTuple):
    term: Expr
    exponent: Expr


class LeadingTerm(_Fields, DescribedFields):
    """The leading term of an expression and its exponent; unpacks as ``term, exponent``.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import leading_order
    >>> p = symbols('p')
    >>> leading_order(3*p**2 + p**3, p).term
    3*p**2
    """

    __slots__ = ()


def leading_order(expr: Any, symbol: Symbol, point: Any = 0, *, timeout: float = 10) -> LeadingTerm:
    """The leading term of ``expr`` as ``symbol → point``, `c (s - s₀)^k`, and its exponent k.

    At ``point = oo`` (or ``-oo``) the term is `c s^k`. A one-sided limit from above is meant at a
    finite point, and k may be any real number.

    Raises
    ======

    NoRuleError : if the leading term is no power (exponential decay, logarithms), or was not found
    in time.

    Examples
    ========

    >>> from sympy import sqrt, symbols
    >>> from symprice import leading_order
    >>> p = symbols('p', positive=True)
    >>> leading_order(p**2*(1 - p)**2, p, 0)
    LeadingTerm(term=p**2, exponent=2)
    >>> term, exponent = leading_order(2*p*sqrt(p*(1 - p)), p)
    >>> exponent
    3/2
    """
    expr, point = expression(expr, "a leading order"), _sympify(point)
    if not isinstance(symbol, Symbol):
        raise ShapeError(
            f"asked for the leading order in {symbol!r}: write the Symbol that tends to {point}"
        )
    expr = expr.doit()
    if symbol not in expr.free_symbols:
        return LeadingTerm(expr, _sympify(0))
    near = Symbol("epsilon", positive=True)
    if point.is_infinite:
        shifted, back = expr.subs(symbol, (1 if point.is_positive else -1) / near), symbol
    else:
        shifted, back = expr.subs(symbol, point + near), symbol - point

    found = within(timeout, lambda: _leading(shifted, near))
    if found is None:
        raise NoRuleError(
            f"asked for the leading order of {expr} as {symbol} → {point}, but it is no power of "
            f"{symbol} there, or was "
            f"not found in {timeout} s: write it in another variable first, as with express(expr, "
            "p=sigmoid(b))"
        )
    coefficient, exponent = found
    if point.is_infinite:
        return LeadingTerm(coefficient * _magnitude(symbol, point, -exponent), -exponent)
    return LeadingTerm(coefficient * back**exponent, exponent)


def _magnitude(symbol: Any, point: Any, exponent: Any) -> Any:
    """`|s|^k` near plus or minus infinity."""
    return (symbol if point.is_positive else -symbol) ** exponent


def _leading(shifted: Expr, near: Symbol) -> tuple[Expr, Expr] | None:
    try:
        coefficient, exponent = shifted.leadterm(near)
    except (ValueError, NotImplementedError, TypeError, AttributeError, PoleError):
        return _by_limits(shifted, near)
    if coefficient.has(near) or exponent.has(near):
        return None
    return coefficient, exponent


def _by_limits(shifted: Expr, near: Symbol) -> tuple[Expr, Expr] | None:
    """k = lim log|f| / log ε, then c = lim f / ε^k."""
    exponent = limit(log(abs(shifted)) / log(near), near, 0, "+")
    if not exponent.is_finite:
        return None
    coefficient = limit(shifted / near**exponent, near, 0, "+")
    return (coefficient, exponent) if coefficient.is_finite and not coefficient.is_zero else None
