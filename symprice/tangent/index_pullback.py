"""Reverse accumulation on entries: the gradient of a property by every trainable array.

A definition is read entry by entry, its adjoint is pulled to the entries that occur in it, and the
positions of those become the open indices of their adjoints. One rule serves dense layers, shared
weights, sequences, convolutions and sums over data. The direction of a vector property is an index
that is carried along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sympy import (
    Add,
    Derivative,
    Dummy,
    KroneckerDelta,
    MatMul,
    Max,
    Min,
    Mod,
    Mul,
    Piecewise,
    Pow,
    S,
    Transpose,
)

from ..arrays import ArrayNode
from ..closedform import Definitions, labelled
from ..errors import NoRuleError
from ..indexed.entries import Entry, Index, Within, fresh_index, indices_of
from ..indexed.families import Family, Member
from ..indexed.lowering import entry, scalar
from ..indexed.raising import raised
from ..indexed.shifts import UnitVector, wrapped
from ..indexed.sums import SumOver, opened, summed
from ..symbols import Name, NameMatrix
from .partials import partials
from .pullback import adjoint_name, backwards

__all__ = ["Gradient", "Places", "index_gradient"]

ROW, COLUMN = "_row", "_column"


class Places(NamedTuple):
    """The open indices of an array: row and column (0 on an axis of length 1), then labels."""

    row: Any
    column: Any
    labels: tuple[Any, ...] = ()

    @classmethod
    def of(cls, symbol: Any, labels: tuple[Any, ...] = ()) -> Places:
        """Those of a symbol with a shape, or of a scalar."""
        rows, columns = getattr(symbol, "shape", (S.One, S.One))
        row = S.Zero if rows == 1 else Index(ROW, rows)
        return cls(row, S.Zero if columns == 1 else Index(COLUMN, columns), labels)

    @property
    def indices(self) -> tuple[Any, ...]:
        """All that are indices, in the order of an Entry's positions."""
        return tuple(p for p in (self.row, self.column, *self.labels) if isinstance(p, Index))


# For every trained array its places and the derivative there.
Gradient = dict[Any, tuple[Places, Any]]


class _Value(NamedTuple):
    """What a definition is: an expression at its places."""

    places: Places
    node: Any  # the matrix or scalar expression, its labels those of the places

    def at(self, row: Any, column: Any) -> Any:
        """The entry in a row and a column; a scalar is its own."""
        if getattr(self.node, "is_Matrix", False):
            return entry(self.node, row, column)
        return scalar(self.node)


class _Sweep:
    """One reverse accumulation."""

    def __init__(
        self,
        definitions: Definitions,
        is_coordinate: Callable[[Any], bool],
        direction: Index | None,
        adjoints: set[Any],
    ) -> None:
        self.definitions, self.direction = definitions, direction
        self.adjoints = adjoints
        self.is_coordinate = is_coordinate
        self.values: dict[Any, _Value] = {}
        self.active: set[Any] = set()
        for name, value in definitions.items():
            labels = value.labels if isinstance(value, Family) else ()
            node = value.expr if isinstance(value, Family) else value
            self.values[name] = _Value(Places.of(name, labels), node)
            if self.is_active(node):
                self.active.add(name)
        self.own = {name.name for name in self.values if name not in adjoints}
        self.arriving: dict[Any, list[Any]] = {}

    def is_active(self, expr: Any) -> bool:
        """Whether something that is differentiated by, or a name that depends on it, occurs."""
        return any(self.is_coordinate(s) or s in self.active for s in expr.free_symbols)

    def run(self, body: Any) -> Gradient:
        """The gradient of a scalar expression; the direction may be an index in it."""
        forward = list(self.definitions.items())
        self.visit(body, S.One, ())
        for name, _ in backwards(forward):
            if name in self.arriving and not self.is_coordinate(name):
                self.through(name)
        gradient: Gradient = {}
        for symbol, parts in self.arriving.items():
            if self.is_coordinate(symbol):
                places = Places.of(symbol, self.labels_of(symbol))
                gradient[symbol] = (places, Add(*parts))
        return gradient

    def labels_of(self, symbol: Any) -> tuple[Any, ...]:
        """The labels of a family; of one that is not defined here, as its entries have them."""
        if symbol in self.values:
            return self.values[symbol].places.labels
        size = getattr(symbol, "size", None)
        return () if size is None else (Index("_label", size),)

    # --- one definition ---------------------------------------------------------------------------
    def through(self, name: Any) -> None:
        """Pull the adjoint of a definition to what its value is made of."""
        places, node = self.values[name]
        adjoint = Add(*self.arriving[name])
        if adjoint == 0:
            return
        shown = None
        if self.deserves_a_name(node) and not _is_short(adjoint):
            adjoint, shown = self.named_adjoint(name, places, adjoint)
        own = {index: fresh_index(index.size) for index in places.indices}
        row, column = (own.get(place, place) for place in (places.row, places.column))
        if isinstance(node, ArrayNode):
            # Its rule is stated in matrices, for one direction.
            shown = _raised(adjoint, places) if shown is None else shown
            pulled = node.pull(Member(name, *places.labels), shown, self.define)
            adjoint = entry(pulled, row, column)
            expression = entry(node.args[0], row, column)
        else:
            expression = self.values[name].at(row, column)
        if places.labels:
            labels = {label: own[label] for label in places.labels}
            expression = expression.xreplace(labels)
        self.visit(expression, adjoint.xreplace(own), tuple(own.values()))

    def deserves_a_name(self, node: Any) -> bool:
        """Whether the adjoint is used more than once, or belongs to a layer's parameters."""
        used = [s for s in node.free_symbols if self.is_coordinate(s) or s in self.active]
        return isinstance(node, ArrayNode) or len(used) > 1 or any(map(self.is_coordinate, used))

    def named_adjoint(self, name: Any, places: Places, adjoint: Any) -> tuple[Any, Any]:
        """The adjoint as an entry of an array with a name, as `δ₁`, and the matrix of that name for
        one direction.
        """
        row, column, labels = places
        direction = self.direction if self.direction in indices_of(adjoint) else None
        left = right = None
        if direction is not None:
            # A direction of a column is a column of its adjoint; of a row or a scalar, a row.
            if row is S.Zero:
                row, left = direction, Transpose(UnitVector(direction.size, direction))
            elif column is S.Zero:
                column, right = direction, UnitVector(direction.size, direction)
            else:
                labels = (*labels, direction)
        value = _raised(adjoint, Places(row, column))
        if labels:
            value = Family(value, *labels)
        label = self.label(name)
        is_matrix = getattr(value, "is_Matrix", False)
        symbol: Any = NameMatrix(label, *value.shape) if is_matrix else Name(label)
        symbol = self.definitions.define(symbol, value)
        self.adjoints.add(symbol)
        positions = [p for p in (row, column) if isinstance(p, Index)]
        if not is_matrix and not labels:
            return symbol, symbol
        one = [Member(symbol, *labels)] if is_matrix else [Entry(symbol, *labels)]
        factors = [f for f in (left, *one, right) if f is not None]
        shown = MatMul(*factors) if len(factors) > 1 else factors[0]
        return Entry(symbol, *positions, *labels), shown

    def label(self, name: Any) -> str:
        """What the adjoint of a definition is called: `δ₁` for `h₁`, and `λ₁` where `δ₁` is a
        definition of the property itself, which then is a derivative.
        """
        label = adjoint_name(Name(name.name)).name
        return "lambda" + label.removeprefix("delta") if label in self.own else label

    def define(self, letter: str, value: Any) -> Any:
        """A name for something that a pullback needs."""
        symbol: Any = Name(letter)
        if getattr(value, "is_Matrix", False):
            symbol = NameMatrix(letter, *value.shape)
        # Indices that are bound by now get back the name that they have as a label.
        known = {label for v in self.values.values() for label in v.places.labels}
        shown: dict[Any, Any] = {}
        for index in sorted(indices_of(value) - known, key=lambda i: i.name):
            names = [i for i in sorted(known, key=str) if i.size == index.size]
            free = [i for i in names if i not in shown.values()]
            if free:
                shown[index] = free[0]
        named = labelled(self.definitions, symbol, value.xreplace(shown))
        return named.xreplace({new: old for old, new in shown.items()})

    # --- one expression ---------------------------------------------------------------------------
    def visit(self, expr: Any, adjoint: Any, bound: tuple[Index, ...]) -> None:
        """Send what reaches every entry in a scalar expression, summed over bound indices."""
        stack = [(expr, adjoint, bound)]
        while stack:
            node, cotangent, indices = stack.pop()
            if isinstance(node, Entry):
                if self.is_coordinate(node.array) or node.array in self.active:
                    self.send(node.array, node.positions, cotangent, indices)
            elif isinstance(node, SumOver):
                if self.is_active(node):
                    body, fresh = opened(node)
                    stack.append((body, cotangent, (*indices, *fresh)))
            elif node.is_Symbol:
                if self.is_coordinate(node) or node in self.active:
                    self.send(node, (), cotangent, indices)
            elif hasattr(node, "pull"):
                if self.is_active(node):
                    argument = node.args[0]
                    pulled = node.pull(node, cotangent, self.define)
                    places = Places.of(argument)
                    own = {index: fresh_index(index.size) for index in places.indices}
                    stack.append(
                        (
                            entry(argument, places.row, places.column).xreplace(own),
                            entry(pulled, places.row, places.column).xreplace(own),
                            (*indices, *own.values()),
                        )
                    )
            elif isinstance(node, Pow) and self.is_active(node) and node.exp.is_number:
                # The numbers first: 2 (f - y) would be multiplied out.
                product = cotangent * node.exp * node.base ** (node.exp - 1)
                stack.append((node.base, product, indices))
            elif self.is_active(node):
                for partial, argument in self.partials(node):
                    product = partial if cotangent is S.One else cotangent * partial
                    stack.append((argument, product, indices))

    def partials(self, node: Any) -> Any:
        """The partial derivatives of a scalar node; of one that only SymPy knows, as a case
        distinction, by its entries one by one.
        """
        try:
            return partials(node, self.is_active)
        except NoRuleError:
            leaves = [leaf for leaf in _leaves(node) if self.is_active(leaf)]
            if not isinstance(node, (Piecewise, Max, Min)) or not leaves:
                raise
            names = {leaf: Dummy(real=True) for leaf in leaves}
            body = node.xreplace(names)
            back = {name: leaf for leaf, name in names.items()}
            found = [(body.diff(name).xreplace(back), leaf) for leaf, name in names.items()]
            if any(value.has(Derivative) for value, _ in found):
                raise
            return found

    def send(
        self, array: Any, positions: Iterable[Any], cotangent: Any, bound: tuple[Index, ...]
    ) -> None:
        """What reaches the entry at some positions, written at the open places of its array."""
        targets = Places.of(array, self.labels_of(array)).indices
        positions = tuple(positions)
        if len(targets) != len(positions):
            raise NoRuleError(
                f"asked for the gradient by {array} at {positions}: it has {len(targets)} axes"
            )
        moved: dict[Any, Any] = {}
        factors: list[Any] = []
        for target, position in zip(targets, positions, strict=True):
            index, place, inside = _solved(position, target, bound, moved)
            if index is None:
                factors.append(KroneckerDelta(target, position))
            else:
                moved[index] = place
                factors.append(inside)
        expr = Mul(cotangent, *factors)
        if all(moved.keys().isdisjoint(indices_of(place)) for place in moved.values()):
            expr = expr.xreplace(moved)
        else:
            # An index that is replaced by one place stands in another.
            for old, new in moved.items():
                expr = expr.xreplace({old: new})
        rest = [index for index in bound if index not in moved]
        self.arriving.setdefault(array, []).append(summed(expr, rest))


def _solved(
    position: Any, target: Index, bound: tuple[Index, ...], moved: dict[Any, Any]
) -> tuple[Any, Any, Any]:
    """The bound index of a position, what it is where the position is ``target``, and the factor
    that is 0 where it is out of range.
    """
    free = [i for i in bound if i not in moved]
    if isinstance(position, Index):
        if position not in free:
            return None, None, None
        # An index may run over a part of the axis only.
        inside = S.One if position.size == target.size else Within(target, position.size)
        return position, target, inside
    inner = position.args[0] if isinstance(position, Mod) else position
    taken = {i for place in moved.values() for i in indices_of(place)}
    for term in Add.make_args(inner):
        sign, index = term.as_coeff_Mul()
        if index not in free or index in taken or abs(sign) != 1:
            continue
        place = sign * (target - (inner - term))
        if not isinstance(position, Mod):
            return index, place, Within(place, index.size)
        if index.size == position.args[1]:
            return index, wrapped(place, index.size), S.One
    return None, None, None


def _leaves(expr: Any) -> list[Any]:
    """The entries, sums and symbols that a scalar expression is made of, outermost first."""
    if isinstance(expr, (Entry, SumOver)) or expr.is_Symbol:
        return [expr]
    return list(dict.fromkeys(leaf for arg in expr.args for leaf in _leaves(arg)))


def _raised(expr: Any, places: Places) -> Any:
    """A scalar index expression at some places as a matrix expression."""
    row, column = (p if isinstance(p, Index) else None for p in (places.row, places.column))
    return raised(expr, row, column)


def _is_short(adjoint: Any) -> bool:
    """Whether an adjoint is an entry or a number already."""
    return isinstance(adjoint, (Entry, KroneckerDelta)) or not adjoint.args


def index_gradient(
    body: Any,
    definitions: Definitions,
    is_coordinate: Callable[[Any], bool],
    direction: Index | None = None,
    adjoints: set[Any] | None = None,
) -> Gradient:
    """The gradient of a scalar index expression over definitions, by the arrays that
    ``is_coordinate`` accepts; ``direction`` is the index of a vector property's entries, and the
    names of the adjoints are added to ``adjoints``.
    """
    known = set() if adjoints is None else adjoints
    return _Sweep(definitions, is_coordinate, direction, known).run(body)
