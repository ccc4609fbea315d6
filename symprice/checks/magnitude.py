"""How large the terms are that a value is the sum of: what float64 can be held to.

Where terms cancel, no code has more digits than these leave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from .graph import Cell
from .matrices import as_matrix
from .state import State

__all__ = ["value_and_size"]


def value_and_size(state: State, cell: Cell) -> list[Any]:
    """A value, and the sum of the sizes of what is added up to it: of a matrix, entry by entry."""
    return [state.value(cell), Sizes(state).of(cell)]


class Sizes:
    """The sizes of cells at a point, through sums, products, powers, names and matrices.

    Parameters
    ==========

    state : the values.
    given : sizes that are known.
    outer : the sizes at the point that this one was moved from.
    """

    def __init__(
        self, state: State, given: dict[Cell, Any] | None = None, outer: Sizes | None = None
    ) -> None:
        self.state, self.outer = state, outer
        self._known: dict[Cell, Any] = dict(given or {})

    def of(self, cell: Cell) -> Any:
        """The size of a value."""
        found = self._known.get(cell)
        if found is None:
            unmoved = self.outer is not None and not cell.mask & self.state.changed
            found = self.outer.of(cell) if self.outer and unmoved else self._measured(cell)
            self._known[cell] = found
        return found

    def _measured(self, cell: Cell) -> Any:
        if cell.kind in ("name", "where"):
            # In order: the definitions of a deep network are not gone through in one go.
            return [self.of(part) for part in cell.children][-1]
        if cell.kind == "elementwise":
            return self._elementwise(cell)
        if cell.kind == "opaque" and cell.symbol is not None:
            return cell.symbol(self.state)
        value = self.state.value(cell)
        if cell.kind == "integer power" and self.state.value(cell.children[0]):
            return self._power(cell, value)
        if cell.kind == "matrix":
            sizes = iter([self.of(part) for part in cell.children])
            return mpmath.matrix([[next(sizes) for _ in row] for row in value.tolist()])
        rule = _RULES.get(cell.kind)
        if rule is not None:
            return rule(*(self.of(part) for part in cell.children))
        return value.apply(abs) if isinstance(value, mpmath.matrix) else abs(value)

    def _power(self, cell: Cell, value: Any) -> Any:
        base = cell.children[0]
        return abs(value) * (self.of(base) / abs(self.state.value(base))) ** abs(cell.symbol)

    def _elementwise(self, cell: Cell) -> Any:
        inner, body = cell.children
        values, sizes, slot = self.state.value(inner), self.of(inner), cell.symbol

        def size(i: int, j: int) -> Any:
            moved = self.state.moving({slot: values[i, j]})
            return Sizes(moved, {slot: sizes[i, j]}, self).of(body)

        return mpmath.matrix([[size(i, j) for j in range(values.cols)] for i in range(values.rows)])


def _sum(*terms: Any) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _matrix_sum(*terms: Any) -> Any:
    return _sum(*map(as_matrix, terms))


def _product(*factors: Any) -> Any:
    total: Any = mpmath.mpf(1)
    for factor in factors:
        total = total * factor
    return total


def _entrywise(*factors: Any) -> Any:
    rows, columns = range(factors[0].rows), range(factors[0].cols)
    return mpmath.matrix([[mpmath.fprod(f[i, j] for f in factors) for j in columns] for i in rows])


def _scaled(column: Any, matrix: Any) -> Any:
    return mpmath.diag(list(column)) * matrix


def _scalar_product(left: Any, right: Any) -> Any:
    return mpmath.fdot(as_matrix(left), as_matrix(right))


_RULES: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "product": _product,
    "sum of matrices": _matrix_sum,
    "product of matrices": _product,
    "transpose": lambda matrix: matrix.T,
    "Hadamard product": _entrywise,
    "scaled rows": _scaled,
    "scalar product": _scalar_product,
    "trace": lambda matrix: mpmath.fsum(matrix[i, i] for i in range(matrix.rows)),
}
