"""Expressions as graphs of cells, evaluated by numbers alone.

SymPy is read once: every subexpression becomes a ``Cell`` that computes a number from the numbers
of other cells. Names of closed forms, observables and functions get their meaning here, when they
are evaluated, and nothing is ever substituted; so a derivative is what it says, however its
variable came about: move a cell, evaluate again. An index is no variable: what stands under a sum
over it, or in a family labelled by it, is built once for every value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Any

import mpmath
from sympy import Basic, Integer, MatrixSymbol, Symbol
from sympy.core.function import AppliedUndef

from ..errors import NoRuleError
from ..indexed.entries import Index
from ..indexed.families import Member, ParameterFamily
from ..symbols import Observable, ObservableVector

__all__ = ["BUILDERS", "Cell", "Graph", "Members", "Scope", "TooDeep", "builds", "no_evaluation"]

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
    """What names mean at a place of the expression, and which values indices have there."""

    def __init__(
        self,
        names: Mapping[Any, Cell | Members] | None = None,
        replaced: dict[Any, Any] | None = None,
        indices: Mapping[Any, int] | None = None,
    ) -> None:
        self.names = dict(names or {})
        self.replaced = replaced or {}
        self.indices = dict(indices or {})
        self.memo: dict[Any, Cell] = {}
        # Where these indices do not occur, a place is what it is outside.
        self.outer: Scope | None = None
        self.own: frozenset[Any] = frozenset()
        self._at: dict[Any, Scope] = {}

    def inside(self, names: Mapping[Any, Cell | Members]) -> Scope:
        """The scope in which these names are defined as well."""
        return Scope({**self.names, **names}, self.replaced, self.indices)

    def without(self, expr: Any) -> Scope:
        """The scope in which ``expr`` is itself again, for the right side of its equation."""
        rest = {old: new for old, new in self.replaced.items() if old != expr}
        return Scope(self.names, rest, self.indices)

    def at(self, indices: Mapping[Any, int]) -> Scope:
        """The scope in which indices have these values."""
        key = tuple(indices.items())
        found = self._at.get(key)
        if found is None:
            found = self._at[key] = Scope(self.names, self.replaced, {**self.indices, **indices})
            found.outer, found.own = self, frozenset(indices)
        return found


class Members:
    """The cells of a defined family, one for every value of its labels, as they are asked for."""

    def __init__(self, graph: Graph, name: Any, family: Any, scope: Scope) -> None:
        self.graph, self.name, self.scope = graph, name, scope
        self.body, self.labels = family.args[0], family.args[1:]
        self.sizes = tuple(graph.integer(label.size, scope) for label in self.labels)
        self._cells: dict[tuple[int, ...], Cell] = {}

    def __call__(self, labels: tuple[int, ...]) -> Cell:
        """The member at these labels."""
        if labels not in self._cells:
            if len(labels) != len(self.sizes) or not all(
                0 <= n < size for n, size in zip(labels, self.sizes, strict=True)
            ):
                raise NoRuleError(
                    f"asked for the member {labels} of {self.name}, whose labels run over "
                    f"{self.sizes}"
                )
            inner = self.scope.at(dict(zip(self.labels, labels, strict=True)))
            value = self.graph.cell(self.body, inner)
            self._cells[labels] = self.graph.define((self.name, *labels), value)
        return self._cells[labels]

    def all(self) -> list[Cell]:
        """All members, in order: so that a deep chain of families is never built in one go."""
        return [self(labels) for labels in product(*map(range, self.sizes))]


class Graph:
    """The cells of one or more expressions, equal operations shared.

    Parameters
    ==========

    realisation : the meaning of observables and unspecified functions (see ``realise``); without
        one, observables are variables and unspecified functions cannot be evaluated.
    sizes : integers for the symbols in shapes, and for indices that nothing binds; those of the
        realisation where not given.
    """

    def __init__(self, realisation: Any = None, sizes: Mapping[Any, int] | None = None) -> None:
        self.realisation = realisation
        self.sizes = getattr(realisation, "sizes", {}) if sizes is None else sizes
        self.root = Scope()
        self.variables: dict[Any, Cell] = {}
        self._shared: dict[Any, Cell] = {}
        self._indices: dict[Any, frozenset[Any]] = {}
        self._bits = 0
        # How many difference quotients are nested, as far as is known.
        self.level = 1
        # What nodes keep while one point is looked at (``Evaluate.once``).
        self.kept: dict[Any, Any] = {}
        self.kept_at: Any = None

    def cell(self, expr: Any, scope: Scope | None = None) -> Cell:
        """The cell of an expression at a place where ``scope`` says what names mean."""
        scope = self.root if scope is None else scope
        while scope.outer is not None and scope.own.isdisjoint(self.indices_in(expr)):
            scope = scope.outer
        found = scope.memo.get(expr)
        if found is None:
            found = scope.memo[expr] = self._build(expr, scope)
        return found

    def cells(self, exprs: Iterable[Any], scope: Scope) -> tuple[Cell, ...]:
        """The cells of several expressions."""
        return tuple(self.cell(expr, scope) for expr in exprs)

    def indices_in(self, expr: Any) -> frozenset[Any]:
        """The indices that occur in an expression, bound or free."""
        found = self._indices.get(expr)
        if found is None:
            found = frozenset((expr,) if isinstance(expr, Index) else ())
            found = found.union(*map(self.indices_in, expr.args))
            self._indices[expr] = found
        return found

    def integer(self, expr: Any, scope: Scope) -> int:
        """The value of a size, a position or a label: it is known before anything is evaluated."""
        if expr.is_Integer:
            return int(expr)
        if isinstance(expr, Index):
            return self.index(expr, scope)
        values = {i: Integer(self.index(i, scope)) for i in expr.atoms(Index)}
        values = {s: Integer(n) for s, n in self.sizes.items()} | values
        number = expr.xreplace(values)
        if not number.is_Integer:
            raise NoRuleError(
                f"asked for a value of {expr}, which is no integer: give sizes to its symbols"
            )
        return int(number)

    def index(self, index: Any, scope: Scope) -> int:
        """The value of an index at a place; of one that nothing binds, the one that it is given."""
        found = scope.indices.get(index)
        if found is None:
            found = self.sizes.get(index)
        if found is None and self.realisation is not None:
            found = self.realisation.index(index)
        if found is None:
            raise NoRuleError(
                f"asked for the value of an expression in the index {index}, but the point gives "
                f"none: add {index} to it"
            )
        return int(found)

    def member(self, array: Any, labels: tuple[Any, ...], scope: Scope) -> Cell:
        """The matrix, or scalar, of a family at labels: a defined one, or a leaf of its own."""
        places = tuple(self.integer(label, scope) for label in labels)
        known = scope.names.get(array)
        if isinstance(known, Members):
            return known(places)
        if known is not None or any(n < 0 for n in places):
            raise NoRuleError(f"asked for the member {places} of {array}, which has none there")
        size = array.size if isinstance(array, ParameterFamily) else None
        if size is not None and places[0] >= self.integer(size, scope):
            raise NoRuleError(f"asked for the member {places} of {array}, which has {size}")
        return self.variable(Member(array, *places))

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
            known = scope.names[expr]
            if isinstance(known, Members):
                raise NoRuleError(
                    f"asked for the value of {expr}, which is a family: write Member({expr}, i)"
                )
            return known
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
        coordinates = tuple(
            cell for s in self.realisation.coordinates for cell in self._coordinates(s)
        )
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

    def _coordinates(self, symbol: Any) -> list[Cell]:
        """The leaves of a trained symbol: of a family, those of all members."""
        if isinstance(symbol, ParameterFamily):
            count = self.integer(symbol.size, self.root)
            return [self.variable(Member(symbol, n)) for n in range(count)]
        return [self.variable(symbol)]

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
