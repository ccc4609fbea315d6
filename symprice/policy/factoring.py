"""Factorising within a bound that is counted: by one in seconds the form of a result would depend
on the load of the machine.
"""

from __future__ import annotations

from math import comb, prod
from typing import Any

from sympy import Add, Mul, Poly, Pow, factor, fraction, together
from sympy.polys.polyerrors import PolynomialError

__all__ = ["factored", "work_of"]

# So many monomials lie below the degrees of what is factorised, so many terms it has, and so many
# factors there are in these when everything is multiplied out.
_BOX, _TERMS, _WORK = 4000, 250, 5000


def factored(expr: Any) -> Any:
    """The factorised expression; None where that is too much work, or says nothing.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.policy.factoring import factored
    >>> x, y = symbols('x y')
    >>> factored(x**2/y - y)
    (x - y)*(x + y)/y
    >>> factored((x + y + 1)**200 + 1) is None
    True
    """
    try:
        return factor(expr) if _is_little(expr) else None
    except (PolynomialError, NotImplementedError):
        return None


def _is_little(expr: Any) -> bool:
    if not expr.free_symbols or work_of(expr) > _WORK:
        return False
    parts = (Poly(part) for part in fraction(together(expr)) if part.free_symbols)
    return all(
        prod(n + 1 for n in part.degree_list()) <= _BOX and len(part.terms()) <= _TERMS
        for part in parts
    )


def work_of(expr: Any) -> int:
    """How many terms there are when everything is multiplied out, before any cancel; of those in
    a denominator every term above it has one.
    """
    if expr.is_Atom:
        return 1
    if isinstance(expr, Pow) and expr.exp.is_Integer and isinstance(expr.base, Add):
        return comb(work_of(expr.base) + abs(int(expr.exp)) - 1, abs(int(expr.exp)))
    counts = [work_of(arg) for arg in expr.args]
    return prod(counts) if isinstance(expr, Mul) else sum(counts)
