"""Expressions as graphs of cells, evaluated by numbers alone.

SymPy is read once: every subexpression becomes a ``Cell`` that computes a number from the numbers
of other cells. Names of closed forms, observables and functions get their meaning here, when they
are evaluated, and nothing is ever substituted; so a derivative is what it says, however its
variable came about: move a cell, evaluate again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import mpmath
from sympy import Basic, MatrixSymbol, Symbol
from sympy.core.function import AppliedUndef

from ..errors import NoRuleError
from ..symbols import Observable, ObservableVector

__all__ = ["BUILDERS", "Cell", "Graph", "Scope", "TooDeep", "builds", "no_evaluation"]

# What a class of expressions is built into, by the name of the class.
Builder = Callable[["Graph", Any, "Scope"], "Cell"]
BUILDERS: dict[str, Builder] = {}


def builds(*names: str) -> Callable[[Builder], Builder]:
    """Enter a builder for the classes of these names."""

    def enter(builder: Builder) -> Builder:
        BUILDERS.update(dict.fromkeys(names, builder))
        return builder

    return enter


class TooDeep(Exception):
    """``level`` nested difference quotients need a higher working precision."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.level = level


class Cell:
    """One operation: ``run(state)`` is its value.

    ``mask`` has a bit for every cell that it depends on and that can be moved.
    """

    __slots__ = ("bit", "children", "kind", "mask", "run", "symbol")

    def __init__(
        self,
        kind: str,
        children: tuple[Cell, ...],
        run: Callable[[Any], Any],
        *,
        mask: int = 0,
        bit: int = 0,
        symbol: Any = None,
    ) -> None:
        self.kind, self.children, self.run, self.symbol, self.bit = kind, children, run, symbol, bit
        self.mask = mask | bit
        for child in children:
            self.mask |= child.mask

    @property
    def is_leaf(self) -> bool:
        """Whether it is a variable: its value is given, not computed."""
        return self.kind == "variable"


class Scope:
    """What names mean at a place of the expression."""

    def __init__(
        self, names: dict[Any, Cell] | None = None, replaced: dict[Any, Any] | None = None
    ) -> None:
        self.names = names or {}
        self.replaced = replaced or {}
        self.memo: dict[Any, Cell] = {}

    def inside(self, names: dict[Any, Cell]) -> Scope:
        """The scope in which these names are defined as well."""
        return Scope({**self.names, **names}, self.replaced)

    def without(self, expr: Any) -> Scope:
        """The scope in which ``expr`` is itself again, for the right side of its equation."""
        return Scope(self.names, {old: new for old, new in self.replaced.items() if old != expr})


class Graph:
    """The cells of one or more expressions, equal operations shared.

    Parameters
    ==========

    realisation : the meaning of observables and unspecified functions (see ``realise``); without
        one, observables are variables and unspecified functions cannot be evaluated.
    """

    def __init__(self, realisation: Any = None) -> None:
        self.realisation = realisation
        self.root = Scope()
        self.variables: dict[Any, Cell] = {}
        self._shared: dict[Any, Cell] = {}
        self._bits = 0

    def cell(self, expr: Any, scope: Scope | None = None) -> Cell:
        """The cell of an expression at a place where ``scope`` says what names mean."""
        scope = self.root if scope is None else scope
        found = scope.memo.get(expr)
        if found is None:
            found = scope.memo[expr] = self._build(expr, scope)
        return found

    def cells(self, exprs: Iterable[Any], scope: Scope) -> tuple[Cell, ...]:
        """The cells of several expressions."""
        return tuple(self.cell(expr, scope) for expr in exprs)

    def shared(
        self, kind: Any, children: tuple[Cell, ...], run: Callable[[Any], Any], **settings: Any
    ) -> Cell:
        """The cell of this kind on these children: made once, whoever asks."""
        key = (kind, children)
        found = self._shared.get(key)
        if found is None:
            name = kind if isinstance(kind, str) else kind[0]
            found = self._shared[key] = Cell(name, children, run, **settings)
        return found

    def movable(
        self, kind: Any, children: tuple[Cell, ...], run: Callable[[Any], Any], symbol: Any
    ) -> Cell:
        """A shared cell that can be moved by itself, as the variable of a derivative."""
        key = (kind, children)
        if key not in self._shared:
            return self.shared(kind, children, run, bit=self.new_bit(), symbol=symbol)
        return self._shared[key]

    def new_bit(self) -> int:
        """A bit of the masks that nothing has yet."""
        self._bits += 1
        return 1 << (self._bits - 1)

    def define(self, name: Any, definition: Cell) -> Cell:
        """The cell of a defined name; equal definitions stay apart, so that one can move alone."""
        return self.movable(
            ("name", name), (definition,), lambda state: state.value(definition), name
        )

    def variable(self, symbol: Any) -> Cell:
        """The leaf of a symbol."""
        found = self.variables.get(symbol)
        if found is None:
            found = Cell(
                "variable", (), lambda state: state.draw(symbol), bit=self.new_bit(), symbol=symbol
            )
            self.variables[symbol] = found
        return found

    def _build(self, expr: Any, scope: Scope) -> Cell:
        if expr in scope.replaced:
            return self.cell(scope.replaced[expr], scope.without(expr))
        if expr in scope.names:
            return scope.names[expr]
        if isinstance(expr, (Observable, ObservableVector)) and self.realisation is not None:
            return self._observable(expr)
        if isinstance(expr, (Symbol, MatrixSymbol)):
            if isinstance(expr, MatrixSymbol):
                self.cells(expr.shape, scope)
            return self.variable(expr)
        if isinstance(expr, AppliedUndef) and not hasattr(expr.func, "_imp_"):
            return self._function(expr, scope)
        from .hooks import opaque  # the hooks evaluate, so they know the graph

        for cls in type(expr).__mro__:
            if cls.__name__ in BUILDERS:
                return BUILDERS[cls.__name__](self, expr, scope)
            cell = opaque(self, expr, scope, cls)
            if cell is not None:
                return cell
        raise no_evaluation(expr)

    def _observable(self, symbol: Any) -> Cell:
        """A property of θ without formula: a smooth function of the coordinates."""
        coordinates = tuple(self.variable(s) for s in self.realisation.coordinates)
        if isinstance(symbol, ObservableVector):
            size = self.cell(symbol.shape[0])

            def vector(state: Any) -> Any:
                values = entries(state.value(c) for c in coordinates)
                rows = range(int(state.value(size)))
                return mpmath.matrix([self.realisation.smooth(symbol, values, i) for i in rows])

            return self.movable(("observable", symbol), (*coordinates, size), vector, symbol)

        def scalar(state: Any) -> Any:
            return self.realisation.smooth(symbol, entries(state.value(c) for c in coordinates))

        return self.movable(("observable", symbol), coordinates, scalar, symbol)

    def _function(self, expr: Any, scope: Scope) -> Cell:
        if self.realisation is None:
            raise no_evaluation(expr)
        children = self.cells(expr.args, scope)
        head = expr.func(*(Symbol(f"x{i}") for i in range(len(children))))

        def run(state: Any) -> Any:
            return self.realisation.smooth(head, entries(state.value(c) for c in children))

        return self.movable(("function", head.func), children, run, expr)


def entries(values: Iterable[Any]) -> list[Any]:
    """The numbers in a list of numbers and matrices."""
    found: list[Any] = []
    for value in values:
        found.extend(value) if isinstance(value, mpmath.matrix) else found.append(value)
    return found


def no_evaluation(expr: Any) -> NoRuleError:
    """The error for something that has no number."""
    shown = str(expr) if isinstance(expr, Basic) else repr(expr)
    return NoRuleError(
        f"asked for the value of {shown[:200]}, but nothing says how a {type(expr).__name__} is "
        "evaluated: give the class a method _numeric(self, evaluate, point), or enter an evaluator "
        "with symprice.checks.oracle.register"
    )
