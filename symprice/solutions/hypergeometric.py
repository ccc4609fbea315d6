"""Gauss's hypergeometric function, as SymPy has it, with values and code."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import hyper

__all__ = ["gauss_function"]


class _gauss(hyper):
    """₂F₁(a, b; c; z): SymPy's ``hyper``, which knows its numbers and its code here."""

    def _parts(self) -> tuple[Any, ...]:
        return (*self.args[0], *self.args[1], self.args[2])

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        value = mpmath.hyp2f1(*(evaluate(part, point) for part in self._parts()))
        if mpmath.im(value):
            raise ArithmeticError("it is complex")
        return mpmath.re(value)

    def _code(self, printer: Any, name: str) -> str:
        inner = ", ".join(printer._print(part) for part in self._parts())
        return f"{printer._module_format(name)}({inner})"

    def _mpmathcode(self, printer: Any) -> str:
        return self._code(printer, "mpmath.hyp2f1")

    def _numpycode(self, printer: Any) -> str:
        return self._code(printer, "scipy.special.hyp2f1")

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        a, b, c, z = map(printer._print, self._parts())
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\,{{}}_2F_1\!\left({a}, {b}; {c}; {z}\right){power}"

    def _sympystr(self, printer: Any) -> str:
        return f"hyper({', '.join(map(printer._print, self.args))})"


def gauss_function(upper: tuple[Any, Any], lower: tuple[Any], z: Any) -> Any:
    """₂F₁ of two upper parameters and a lower one.

    Examples
    ========

    >>> from sympy.abc import z
    >>> from symprice.solutions.hypergeometric import gauss_function
    >>> gauss_function((1, 1), (2,), z)
    hyper((1, 1), (2,), z)
    """
    return _gauss(upper, lower, z)
