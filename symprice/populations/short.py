"""Short forms of what comes out of sums: factored, with `1 - p` and never `p - 1`."""

from __future__ import annotations

from typing import Any

from sympy import Add, Float, ImmutableDenseMatrix, Mul, Pow, cancel, factor
from sympy.matrices.matrixbase import MatrixBase

from ..timelimit import within

__all__ = ["cancelled", "shortened"]

_SECONDS = 2.0
# What is longer than this is not tried.
_OPERATIONS = 600


def shortened(expr: Any) -> Any:
    """An expression factored where that is quick and makes it shorter; else as it is.

    Examples
    ========

    >>> from sympy.abc import p, s
    >>> from symprice.populations.short import shortened
    >>> shortened(p*(1 - p) - p*(1 - s)*(1 - p))
    p*s*(1 - p)
    """
    if isinstance(expr, MatrixBase):
        return ImmutableDenseMatrix(*expr.shape, [shortened(entry) for entry in expr])
    if expr.is_Atom or expr.has(Float) or expr.count_ops() > _OPERATIONS:
        return expr
    found = within(_SECONDS, lambda: factor(expr), expr)
    found = _positive_constants(found)
    return found if found.count_ops() <= expr.count_ops() else expr


def cancelled(expr: Any) -> Any:
    """An expression with common factors cancelled where that is quick, to see whether it is 0."""
    return within(_SECONDS, lambda: cancel(expr), expr)


def _positive_constants(expr: Any) -> Any:
    """A product in which sums with a negative constant are turned round."""
    sign, factors = 1, []
    for part in Mul.make_args(expr):
        base, exponent = part.as_base_exp()
        turned = isinstance(base, Add) and exponent.is_Integer and _is_turned(base)
        if turned:
            base = -base
            sign *= (-1) ** int(abs(exponent))
        factors.append(Pow(base, exponent) if turned else part)
    return sign * Mul(*factors) if expr.is_Mul or expr.is_Pow else expr


def _is_turned(total: Add) -> bool:
    constant = total.as_coeff_Add()[0]
    if constant != 0:
        return bool(constant.is_negative)
    return all(term.could_extract_minus_sign() for term in total.args)
