"""Objects written as one would type them: `Dense(2, 3)`, `SGD(eta, 32)`, `DiagonalMetric({w: 1})`.

What has its default is left out; what follows that, numbers and truth values are by name.
"""

from __future__ import annotations

from inspect import Parameter as Slot
from inspect import signature
from typing import Any

from sympy import Basic, Function, Lambda, Symbol, Tuple, false, true
from sympy.core.symbol import Str
from sympy.matrices.matrixbase import MatrixBase

from .errors import SympriceError

__all__ = ["AsTyped", "function_text"]

_ANY_NUMBER = (Slot.VAR_POSITIONAL, Slot.VAR_KEYWORD)


class AsTyped:
    """Mixin of what is made by naming its parts: layers, metrics, ways of moving θ.

    Examples
    ========

    >>> from symprice import Adam, Dense, DiagonalMetric, Parameter
    >>> from sympy import Symbol
    >>> Dense(2, 3), Dense(2, 3, bias=False), Adam(Symbol('eta', positive=True), beta1=0)
    (Dense(2, 3), Dense(2, 3, bias=False), Adam(eta, beta1=0))
    >>> DiagonalMetric({Parameter('w'): 2})
    DiagonalMetric({w: 2})
    """

    __slots__ = ()
    args: tuple[Any, ...]

    def _typed(self) -> tuple[list[Any], dict[str, Any]]:
        """The arguments by place, and those by name that cannot be left out."""
        slots = list(signature(type(self).__new__).parameters.values())[1:]
        if not slots or slots[0].kind in _ANY_NUMBER:
            return list(self.args), {}
        pairs = list(zip(slots, self.args, strict=False))
        placed = [arg for slot, arg in pairs if slot.default is Slot.empty]
        named = {slot.name: arg for slot, arg in pairs if slot.default is not Slot.empty}
        for name, arg in reversed(list(named.items())):
            rest = {other: value for other, value in named.items() if other != name}
            if self._is_made_of(placed, rest):
                named = rest
            elif isinstance(arg, Tuple) and len(arg) == 1:  # kept so where it may be missing
                one = {**named, name: arg[0]}
                named = one if self._is_made_of(placed, one) else named
        for slot in slots[len(placed) :]:
            if (arg := named.get(slot.name)) is None or arg.is_number or arg in (true, false):
                break
            placed.append(named.pop(slot.name))
        return placed, named

    def _is_made_of(self, placed: list[Any], named: dict[str, Any]) -> bool:
        try:
            return bool(type(self)(*placed, **named) == self)
        except (SympriceError, TypeError, ValueError):  # some go together
            return False

    def _sympystr(self, printer: Any) -> str:
        placed, named = self._typed()
        pieces = [_text(arg, printer) for arg in placed]
        pieces += [f"{name}={_text(arg, printer)}" for name, arg in named.items()]
        return f"{type(self).__name__}({', '.join(pieces)})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        placed, named = self._typed()
        pieces = [_tex(arg, printer) for arg in placed]
        for name, arg in named.items():
            pieces.append(rf"\mathrm{{{name.replace('_', ' ')}}} = {_tex(arg, printer)}")
        name = rf"\operatorname{{{type(self).__name__}}}"
        return rf"{name}{{\left({', '.join(pieces)}\right)}}"


def function_text(function: Lambda, printer: Any) -> str:
    """The name of a function of one entry, or its Lambda."""
    return function.expr.func.__name__ if _named(function) else str(printer._print(function))


def _named(arg: Any) -> bool:
    plain = isinstance(arg, Lambda) and isinstance(arg.expr, Function)
    return plain and arg.expr.args == arg.variables


def _pairs(arg: Basic) -> bool:
    """Whether these are rates, (parameter, rate) each."""
    return bool(arg) and all(isinstance(part, Tuple) and len(part) == 2 for part in arg.args)


def _text(arg: Any, printer: Any) -> str:
    if isinstance(arg, Str):
        return repr(arg.name)
    if isinstance(arg, Lambda):
        return function_text(arg, printer)
    if isinstance(arg, Tuple) and _pairs(arg):
        return f"{{{', '.join(': '.join(map(printer._print, pair)) for pair in arg)}}}"
    if isinstance(arg, MatrixBase):
        rows = (f"[{', '.join(map(printer._print, row))}]" for row in arg.tolist())
        return f"[{', '.join(rows)}]"
    return str(printer._print(arg))


def _tex(arg: Any, printer: Any) -> str:
    if isinstance(arg, Str) or _named(arg):
        word = arg.name if isinstance(arg, Str) else arg.expr.func.__name__
        return str(printer._print(Symbol(rf"\mathrm{{{word}}}")))
    if isinstance(arg, Tuple) and _pairs(arg):
        return ", ".join(r" \colon ".join(map(printer._print, pair)) for pair in arg)
    return str(printer._print(arg))
