"""What SymPy finds for an expectation that no rule closes, held against its number."""

from __future__ import annotations

from typing import Any

from sympy import (
    Add,
    Dummy,
    Integer,
    Integral,
    Rational,
    S,
    Sum,
    Symbol,
    cosh,
    exp,
    expand,
    expint,
    hyper,
    lerchphi,
    meijerg,
    sinh,
)

from ..timelimit import within
from .short import merged_exponentials

__all__ = ["attempted"]

# What says no more than the integral that it is the name of, and has no code.
_WITHOUT_CODE = (expint, hyper, lerchphi, meijerg)


def attempted(expr: Any, seconds: float) -> Any:
    """What SymPy finds for an Integral or a Sum, or a sum of these, in some seconds for each, held
    against its number; else None.
    """
    if not isinstance(expr, (Integral, Sum)):
        pairs = [term.as_coeff_Mul() for term in Add.make_args(expr)]
        parts = [each if each.is_number else attempted(each, seconds) for _, each in pairs]
        if None in parts:
            return None
        return Add(*(c * part for (c, _), part in zip(pairs, parts, strict=True)))
    kind = Integral if isinstance(expr, Integral) else Sum

    def attempt() -> Any:
        try:
            return kind(expr.function, *expr.limits).doit()
        except Exception:
            return None

    found = within(seconds, attempt)
    if found is None or found.has(Integral, Sum, *_WITHOUT_CODE, S.NaN, S.ComplexInfinity):
        return None
    if found.has(sinh, cosh):
        found = merged_exponentials(expand(found.rewrite((sinh, cosh), exp)))
    return found if within(2.0, lambda: _agrees(expr, found), False) else None


def _agrees(expr: Any, found: Any) -> bool:
    """Whether a value of an integral or sum is its number at a point of its symbols."""
    point = {}
    for place, symbol in enumerate(sorted(expr.free_symbols | found.free_symbols, key=str)):
        if not isinstance(symbol, (Symbol, Dummy)):
            return False
        value = Rational(7 + 4 * place, 9 + place)
        point[symbol] = Integer(2 + place) if symbol.is_integer else value
    try:
        left = expr.xreplace(point)._eval_evalf(53)
        right = found.xreplace(point).evalf(15)
        return bool(abs(left - right) <= 1e-9 * max(1, abs(right)))
    except Exception:
        return False
