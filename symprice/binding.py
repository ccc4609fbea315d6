"""Expressions that bind names, and replacing that respects it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sympy import Basic, MatAdd, MatMul, MatrixExpr, MatrixSymbol, S, Symbol, Tuple
from sympy.core.decorators import call_highest_priority
from sympy.core.sympify import _sympify

from .symbols import Name

__all__ = ["Binder", "LetArithmetic", "substituted"]


class Binder(Basic):
    """An expression that binds Names: replacing a symbol never touches what it binds, nor is
    captured by it.
    """

    __slots__ = ()

    @property
    def bound_symbols(self) -> list[Name]:
        """The names that are bound."""
        raise NotImplementedError

    def _eval_subs(self, old: Any, new: Any) -> Any:
        bound = set(self.bound_symbols)
        if old in bound:
            return self
        if bound & getattr(new, "free_symbols", set()):
            return self._renamed(new.free_symbols)._subs(old, new)
        return None

    def _xreplace(self, rule: Any) -> Any:
        if self in rule:
            return rule[self], True
        bound = set(self.bound_symbols)
        if isinstance(rule, Mapping):
            rule = {old: new for old, new in rule.items() if old not in bound}
            arriving = set().union(*(new.free_symbols for new in rule.values()))
            if not (arriving.isdisjoint(bound) or self.free_symbols.isdisjoint(rule)):
                return self._renamed(arriving)._xreplace(rule)[0], True
        return Basic._xreplace(self, rule)

    def _renamed(self, taken: Iterable[Any]) -> Any:
        """The same with other names for those that are taken."""
        raise NotImplementedError


class LetArithmetic:
    """The operators of a matrix with bound names; SymPy's own evaluate deeply and inline them."""

    __slots__ = ()

    _op_priority = MatrixExpr._op_priority + 1

    @call_highest_priority("__rmul__")
    def __mul__(self, other: Any) -> Any:
        return MatMul(self, _sympify(other)).doit(deep=False)

    @call_highest_priority("__mul__")
    def __rmul__(self, other: Any) -> Any:
        return MatMul(_sympify(other), self).doit(deep=False)

    @call_highest_priority("__radd__")
    def __add__(self, other: Any) -> Any:
        return MatAdd(self, _sympify(other)).doit(deep=False)

    @call_highest_priority("__add__")
    def __radd__(self, other: Any) -> Any:
        return MatAdd(_sympify(other), self).doit(deep=False)

    def __neg__(self) -> Any:
        return self * S.NegativeOne

    @call_highest_priority("__rsub__")
    def __sub__(self, other: Any) -> Any:
        return self + S.NegativeOne * _sympify(other)

    @call_highest_priority("__sub__")
    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def _eval_transpose(self) -> Any:
        # The product of a Transpose would inline the names, too.
        expr, definitions = self.args[:2]  # type: ignore[attr-defined]
        return self.func(expr.T, definitions)  # type: ignore[attr-defined]


def _sizes(closed: Any) -> set[Any]:
    """The symbols in the shapes of the matrices of a closed form."""
    values = (closed.args[0], *(value for _, value in closed.args[1]))
    matrices = {s for value in values for s in value.free_symbols if isinstance(s, MatrixSymbol)}
    return set().union(*(size.free_symbols for matrix in matrices for size in matrix.shape))


def substituted(closed: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """A closed form with many symbols replaced, each definition by those that it holds.

    None where this is no such replacement: one symbol only, or anything but symbols, or the size of
    a matrix, which stands in the shapes of names, too.
    """
    if len(args) != 1 or not isinstance(args[0], (Mapping, list, tuple, Tuple)):
        return None
    pairs = list(args[0].items() if isinstance(args[0], Mapping) else args[0])
    if not pairs or not all(
        isinstance(pair, (tuple, list, Tuple))
        and len(pair) == 2
        and isinstance(pair[0], (Symbol, MatrixSymbol))
        and isinstance(pair[1], (Basic, int, float, complex))
        for pair in pairs
    ):
        return None
    rule = {old: new for old, new in pairs if old not in closed.bound_symbols}
    if len(rule) != len(pairs) or not _sizes(closed).isdisjoint(rule):
        return None
    arriving: set[Any] = set().union(*(getattr(new, "free_symbols", ()) for new in rule.values()))
    if not arriving.isdisjoint(closed.bound_symbols):
        return closed._renamed(arriving).subs(*args, **options)
    place = {old: i for i, old in enumerate(rule)}
    again = arriving & rule.keys()  # replaced in turn where it has arrived

    def part(expr: Any) -> Any:
        found = expr.free_symbols & rule.keys()
        if not found:
            return expr
        own = [(old, rule[old]) for old in sorted(found | again, key=place.__getitem__)]
        return expr.subs(dict(own) if isinstance(args[0], Mapping) else own, **options)

    where = tuple((name, part(value)) for name, value in closed.args[1])
    return closed.func(part(closed.args[0]), where)
