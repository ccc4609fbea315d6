"""Covariances by their definition, `Σ_ij ∂a/∂θᵢ M_ij ∂b/∂θⱼ`.

The derivatives are difference quotients: no law of the calculus is used, and no code that derives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
from sympy import Expr, Tuple

from ..errors import NoRuleError
from ..symbols import Name, Observable, ObservableVector
from ..tangent.differences import Place, parameter_vector
from .graph import Cell, Graph, Scope, builds
from .hooks import Evaluate, Point
from .matrices import as_matrix, is_matrix
from .state import Coordinate, State

__all__: list[str] = []

_WITHOUT_GRADIENT = (Name, Observable, ObservableVector)
# From the coordinates of two gradients to the pairs whose products are added, with weights.
Weights = Callable[
    [State, list[Coordinate], list[Coordinate]], list[tuple[Coordinate, Coordinate, Any]]
]


@builds("NTCov", "NTVar", "NTCovMatrix", "NTVarMatrix")
def covariance(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """∇aᵀ M ∇b of two properties; of vectors, the matrix of all pairs of entries."""
    metrics = [arg for arg in expr.args if not isinstance(arg, Expr)]
    properties = [arg for arg in expr.args if isinstance(arg, Expr)]
    first, last = graph.cell(properties[0], scope), graph.cell(properties[-1], scope)
    weights, metric_cells = _metric(graph, metrics[0], scope) if metrics else (_euclidean, ())
    matrix_valued = any(map(is_matrix, properties))

    def run(state: State) -> Any:
        for cell in (first, last):
            state.require_free(cell)
            _require_defined(graph, cell)
        left, right = state.coordinates(first.mask), state.coordinates(last.mask)
        total: Any = mpmath.mpf(0)
        if matrix_valued:
            rows, columns = (as_matrix(state.value(cell)).rows for cell in (first, last))
            total = mpmath.zeros(rows, columns)
        for u, v, weight in weights(state, left, right):
            a, b = state.partial(first, u), state.partial(last, v)
            term = as_matrix(a) * as_matrix(b).T if matrix_valued else a * b
            total = total + (term if weight is None else term * weight)
        return total

    return graph.shared(("covariance", *metrics), (first, last, *metric_cells), run)


def _require_defined(graph: Graph, cell: Cell) -> None:
    for symbol, leaf in graph.variables.items():
        if isinstance(symbol, _WITHOUT_GRADIENT) and leaf.bit & cell.mask:
            raise NoRuleError(
                f"asked for a covariance with {symbol}, whose gradient is unknown: a name needs "
                f"its definition, as ClosedForm(expr, {{{symbol}: ...}}), an observable a formula"
            )


def _euclidean(state: State, left: list[Coordinate], right: list[Coordinate]) -> Any:
    other = set(right)
    return [(u, u, None) for u in left if u in other]


def _metric(graph: Graph, metric: Any, scope: Scope) -> tuple[Weights, tuple[Cell, ...]]:
    names = [cls.__name__ for cls in type(metric).__mro__]
    if "DiagonalMetric" in names:
        return _diagonal(graph, metric, scope)
    if "MatrixMetric" in names:
        return _full(graph, metric, scope, inverse="InverseMetric" in names)
    if "BlockMetric" in names:
        return _blocks(graph, metric, scope)
    return _by_itself(metric, scope), ()


def _by_itself(metric: Any, scope: Scope) -> Weights:
    """What a metric says of itself by difference quotients at a point."""

    def weights(state: State, left: list[Coordinate], right: list[Coordinate]) -> Any:
        point = Point(state, scope)
        entries = metric.numeric(Evaluate(state, scope), point)
        order: dict[Any, int] = {p: i for i, p in enumerate(parameter_vector(point))}

        def index(coordinate: Coordinate) -> int:
            cell, entry = coordinate
            return order[cell.symbol if entry is None else Place(cell.symbol, *entry)]

        pairs = ((u, v, entries[index(u), index(v)]) for u in left for v in right)
        return [(u, v, weight) for u, v, weight in pairs if weight]

    return weights


def _diagonal(graph: Graph, metric: Any, scope: Scope) -> tuple[Weights, tuple[Cell, ...]]:
    """Each parameter with a rate of its own, or one rate for all."""
    given = metric.args[0]
    if not isinstance(given, Tuple):
        rate = graph.cell(given, scope)
        return lambda state, left, right: [
            (u, u, state.value(rate)) for u, _, _ in _euclidean(state, left, right)
        ], (rate,)
    rates = {pair[0]: graph.cell(pair[1], scope) for pair in given}

    def weights(state: State, left: list[Coordinate], right: list[Coordinate]) -> Any:
        pairs = _euclidean(state, left, right)
        return [(u, u, state.value(_listed(rates, u, metric))) for u, _, _ in pairs]

    return weights, tuple(rates.values())


def _blocks(graph: Graph, metric: Any, scope: Scope) -> tuple[Weights, tuple[Cell, ...]]:
    """A block for every array: a rate, or a matrix over its entries, column after column."""
    blocks = {pair[0]: graph.cell(pair[1], scope) for pair in metric.args[0]}

    def place(state: State, coordinate: Coordinate) -> int:
        cell, entry = coordinate
        return 0 if entry is None else entry[0] + state.value(cell).rows * entry[1]

    def weights(state: State, left: list[Coordinate], right: list[Coordinate]) -> Any:
        found = []
        for u in left:
            block = state.value(_listed(blocks, u, metric))
            if not isinstance(block, mpmath.matrix):
                found += [(u, v, block) for v in right if v == u]
                continue
            row = place(state, u)
            found += [(u, v, block[row, place(state, v)]) for v in right if v[0] is u[0]]
        return found

    return weights, tuple(blocks.values())


def _full(
    graph: Graph, metric: Any, scope: Scope, inverse: bool
) -> tuple[Weights, tuple[Cell, ...]]:
    """A symmetric matrix over an ordered list of parameters, or its inverse."""
    matrix = graph.cell(metric.args[0], scope)
    listed = metric.args[1] or getattr(graph.realisation, "fresh", ())
    order = {parameter: i for i, parameter in enumerate(listed)}

    def weights(state: State, left: list[Coordinate], right: list[Coordinate]) -> Any:
        entries = state.value(matrix)
        if entries.rows != len(order):
            raise NoRuleError(
                f"the metric {metric} has {entries.rows} rows for {len(order)} parameters: write "
                "MatrixMetric(M, parameters)"
            )
        if inverse:
            entries = entries**-1
        rows = [(u, _listed(order, u, metric)) for u in left]
        columns = [(v, _listed(order, v, metric)) for v in right]
        return [(u, v, entries[i, j]) for u, i in rows for v, j in columns]

    return weights, (matrix,)


def _listed(table: dict[Any, Any], coordinate: Coordinate, metric: Any) -> Any:
    """What a metric lists for a symbol; for a member of a family, what it lists for the family."""
    symbol = coordinate[0].symbol
    try:
        return table[getattr(symbol, "array", symbol)]
    except KeyError:
        raise NoRuleError(
            f"asked for the entry of {symbol} in {metric}, which does not list it"
        ) from None
