"""How entries, families and sums over indices are evaluated: written out, one value after another.

Read by definition: an entry is taken out of its matrix, a sum is added up term by term.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import mpmath
from sympy import Integer, KroneckerDelta, Pow, S

from ..errors import NoRuleError
from ..indexed.entries import Index, Within
from .graph import BUILDERS, Cell, Graph, Scope, builds, no_evaluation

__all__ = ["vanishes"]


def vanishes(graph: Graph, factors: Iterable[Any], scope: Scope) -> bool:
    """Whether a factor says that the others do not count, as outside an array there is no value."""
    for factor in factors:
        base = factor.base if isinstance(factor, Pow) else factor
        if isinstance(base, (KroneckerDelta, Within)) and graph.cell(base, scope) is _zero(graph):
            return True
    return False


def _zero(graph: Graph) -> Cell:
    return graph.cell(S.Zero)


@builds("Index")
def index(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The value of an index, counted from 0."""
    return graph.cell(Integer(graph.index(expr, scope)))


@builds("Within")
def within(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """1 where a position is one of an array, else 0."""
    position, size = (graph.integer(arg, scope) for arg in expr.args)
    return graph.cell(S.One if 0 <= position < size else S.Zero)


@builds("KroneckerDelta")
def delta(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """1 where two positions are the same, else 0."""
    if not graph.indices_in(expr):
        return BUILDERS["Function"](graph, expr, scope)
    i, j = (graph.integer(arg, scope) for arg in expr.args[:2])
    return graph.cell(S.One if i == j else S.Zero)


@builds("Entry")
def entry(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """One entry of an array, or of a member of a family: its labels come last."""
    array, positions = expr.args[0], list(expr.args[1:])
    sides = array.shape if getattr(array, "is_Matrix", False) else ()
    if sum(side != 1 for side in sides) > len(positions):
        raise no_evaluation(expr)
    place = tuple(0 if side == 1 else _position(graph, positions.pop(0), scope) for side in sides)
    inner = graph.member(array, tuple(positions), scope) if positions else graph.cell(array, scope)
    if not sides:
        return inner
    moving = tuple(p for p in place if isinstance(p, Cell))

    def run(state: Any) -> Any:
        matrix = state.value(inner)
        row, column = (int(state.value(p)) if isinstance(p, Cell) else p for p in place)
        if not (0 <= row < matrix.rows and 0 <= column < matrix.cols):
            raise NoRuleError(f"asked for the entry {row, column} of {array}, which has none there")
        return matrix[row, column]

    return graph.shared(("entry", place), (inner, *moving), run)


def _position(graph: Graph, position: Any, scope: Scope) -> int | Cell:
    """A place on an axis: a number, or the variable of one of SymPy's sums."""
    if position.is_Symbol and position not in graph.sizes:
        return graph.cell(position, scope)
    return graph.integer(position, scope)


@builds("Member")
def member(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The matrix of a family that belongs to a label."""
    return graph.member(expr.args[0], expr.args[1:], scope)


@builds("SumOver", "SumOverMatrix")
def sum_over(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A sum, one term for every value of its indices."""
    body, indices = expr.args[0], expr.args[1:]
    terms = [graph.cell(body, scope.at(values)) for values in _values(graph, indices, scope)]
    terms = [term for term in terms if term is not _zero(graph)]
    if not terms:
        return _zero(graph)
    if len(terms) == 1:
        return terms[0]

    def run(state: Any) -> Any:
        total = state.value(terms[0])
        for term in terms[1:]:
            total = total + state.value(term)
        return total

    kind = "sum of matrices" if getattr(expr, "is_Matrix", False) else "sum"
    return graph.shared(kind, tuple(terms), run)


@builds("EntriesOf")
def entries_of(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A matrix from a formula for its entries."""
    body, row, column = expr.args
    rows, columns = (graph.integer(side, scope) for side in expr.shape)
    indices = tuple(i for i in (row, column) if isinstance(i, Index))
    cells = [graph.cell(body, scope.at(values)) for values in _values(graph, indices, scope)]

    def run(state: Any) -> Any:
        values = iter([state.value(cell) for cell in cells])
        return mpmath.matrix([[next(values) for _ in range(columns)] for _ in range(rows)])

    return graph.shared(("matrix", rows, columns), tuple(cells), run)


def _values(graph: Graph, indices: tuple[Any, ...], scope: Scope) -> Iterable[dict[Any, int]]:
    """All values of several indices together, the last one changing first."""
    ranges = [range(graph.integer(i.size, scope)) for i in indices]
    return [dict(zip(indices, values, strict=True)) for values in product(*ranges)]


@builds("Shift")
def shift(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The columns of a matrix, moved: outside there are zeros, or it begins again."""
    inner = graph.cell(expr.args[0], scope)
    offset, length = (graph.integer(arg, scope) for arg in expr.args[1:3])
    circular = expr.args[3].name == "circular"

    def run(state: Any) -> Any:
        given = state.value(inner)

        def moved(i: int, t: int) -> Any:
            place = (t + offset) % given.cols if circular else t + offset
            return given[i, place] if 0 <= place < given.cols else mpmath.mpf(0)

        return mpmath.matrix([[moved(i, t) for t in range(length)] for i in range(given.rows)])

    return graph.shared(("shift", offset, length, circular), (inner,), run)


@builds("UnitVector")
def unit_vector(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The column with a one in its place."""
    size, place = (graph.integer(arg, scope) for arg in expr.args)

    def run(state: Any) -> Any:
        return mpmath.matrix([1 if i == place else 0 for i in range(size)])

    return graph.shared(("unit vector", size, place), (), run)
