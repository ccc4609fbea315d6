"""The derivative of a matrix by time, by name: what a check takes difference quotients of."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import MatrixExpr
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

__all__ = ["SlopeInTime"]


class SlopeInTime(MatrixExpr):
    """`dX/dt` of a matrix expression X.

    Examples
    ========

    >>> from sympy import MatrixSymbol, latex
    >>> from sympy.abc import t
    >>> from symprice.solutions.slope import SlopeInTime
    >>> latex(SlopeInTime(t*MatrixSymbol('X', 2, 2), t))
    '\\\\frac{d}{dt} \\\\left(t X\\\\right)'
    """

    precedence = PRECEDENCE["Mul"]

    def __new__(cls, matrix: Any, time: Any) -> Any:
        return super().__new__(cls, _sympify(matrix), _sympify(time))

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of X."""
        return self.args[0].shape

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return self.args[0][i, j].diff(self.args[1])

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        matrix, time = self.args
        digits = mpmath.mp.dps
        with mpmath.workdps(3 * digits):
            h = mpmath.mpf(10) ** -digits
            ahead, behind = (
                evaluate(matrix, {**point, time: point[time] + sign * h}) for sign in (1, -1)
            )
            slope = (ahead - behind) / (2 * h)
        return slope

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        matrix, time = self.args
        inner = printer.parenthesize(matrix, PRECEDENCE["Mul"], strict=False)
        return rf"\frac{{d}}{{d{printer._print(time)}}} {inner}"
