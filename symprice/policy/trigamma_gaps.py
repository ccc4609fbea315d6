"""Differences of x ψ'(x), of which the information of concentrations is made."""

from __future__ import annotations

from typing import Any

from sympy import Expr, S

from ..networks.named_function import NamedFunction
from .large_numbers import LargePolygamma

__all__ = ["TrigammaFall"]


class TrigammaFall(NamedFunction):
    """The fall `x ψ'(x) - (x+y) ψ'(x+y)` of the function x ψ'(x), or all of it, `x ψ'(x) - 1`.

    It is positive and of the order of 1/x where x is large, and its terms are close to 1: generated
    code is right to about 1e-14.

    Examples
    ========

    >>> from sympy.abc import x, y
    >>> from symprice.policy.trigamma_gaps import TrigammaFall
    >>> TrigammaFall.definition(x)
    x*polygamma(1, x) - 1
    >>> TrigammaFall.definition(x, y)
    x*polygamma(1, x) - (x + y)*polygamma(1, x + y)
    >>> TrigammaFall(1000000).n(5), TrigammaFall(1000000, 1).n(5)
    (5.0000e-7, 5.0000e-13)
    """

    nargs = (1, 2)

    @classmethod
    def eval(cls, x: Expr, y: Expr | None = None) -> Expr | None:
        """0 where the step is."""
        if y is None:
            return cls._floats(x)
        return S.Zero if y.is_zero else cls._floats(x, y)

    @classmethod
    def definition(cls, x: Expr, y: Expr | None = None) -> Expr:
        end = S.One if y is None else (x + y) * LargePolygamma(1, x + y)
        return x * LargePolygamma(1, x) - end

    def _eval_is_positive(self) -> bool | None:
        return True if all(x.is_positive for x in self.args) else None

    _eval_is_extended_real = _eval_is_finite = _eval_is_positive

    def _pretty(self, printer: Any) -> Any:
        from sympy.printing.pretty.stringpict import prettyForm

        return prettyForm(*printer._print(self.definition(*self.args)).parens())

    def _tex(self, printer: Any) -> str:
        return rf"\left({printer._print(self.definition(*self.args))}\right)"
