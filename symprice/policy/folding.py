"""Numbers for what is constant in an expression, before it is evaluated at many places."""

from __future__ import annotations

from typing import Any

from sympy import Integral, Sum

__all__ = ["folded"]


def folded(expr: Any, symbols: list[Any], digits: int) -> Any:
    """The expression with its constants as numbers of so many digits; those that are written as one
    number stay exact.

    Examples
    ========

    >>> from sympy import Rational, gamma, log, symbols
    >>> from symprice.policy.folding import folded
    >>> x = symbols('x')
    >>> folded((x - Rational(1, 3))*gamma(5)*log(2)/2, [x], 5)
    8.3178*x - 2.7726
    """
    inner = {e: e.evalf(digits) for e in expr.atoms(Integral, Sum) if not e.free_symbols}
    memo: dict[Any, Any] = {}

    def fold(e: Any) -> Any:
        if not e.args:
            return e
        if e not in memo:
            memo[e] = _opened(e)
        return memo[e]

    def _opened(e: Any) -> Any:
        if isinstance(e, (Integral, Sum)):  # its action may be one of the symbols
            return e
        if not e.has(*symbols):
            return e.evalf(digits) if e.is_number and e.is_real else e
        if e.is_Add or e.is_Mul:
            fixed, moving = e.as_independent(*symbols, as_Add=e.is_Add)
            return e.func(fold(fixed), *map(fold, e.func.make_args(moving)))
        return e.func(*map(fold, e.args))

    return fold(expr.xreplace(inner) if inner else expr)
