"""From matrices to entries: every matrix expression as a scalar in its row and its column.

One rule for each node says what its entry is; products become sums over an index.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import (
    Basic,
    DiagMatrix,
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    Integer,
    KroneckerDelta,
    MatAdd,
    MatMul,
    MatPow,
    MatrixSymbol,
    Mul,
    OneMatrix,
    S,
    Sum,
    Trace,
    Transpose,
    ZeroMatrix,
)
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import Boolean
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.matrixbase import MatrixBase

from ..arrays import ArrayNode
from ..elementwise import Elementwise, ScalarProduct, ScaledRows
from ..errors import NoRuleError
from .entries import Entry, Index, fresh_index, places_of
from .families import EntriesOf, Member
from .shifts import Shift, UnitVector
from .sums import SumOver, SumOverMatrix, opened, summed

__all__ = ["entry", "scalar", "sum_over_entries"]


def entry(node: Any, row: Any = S.Zero, column: Any = S.Zero) -> Any:
    """The entry of a matrix expression as a scalar of entries of symbols."""
    for cls in type(node).__mro__:
        if cls in _ENTRIES:
            return _ENTRIES[cls](node, row, column)
    if isinstance(node, ArrayNode):
        raise NoRuleError(f"asked for an entry of {node}, which has no name")
    raise _no_rule(node)


def _no_rule(node: Any) -> NoRuleError:
    return NoRuleError(
        f"asked for the entries of {node}, but no rule reads a {type(node).__name__}: write it "
        "with sums, products, Elementwise and Hadamard products, or give its class an entry of its "
        "own with symprice.indexed.lowering.reads"
    )


def scalar(expr: Any) -> Any:
    """A scalar expression with its products, traces and matrix entries as sums of entries."""
    if isinstance(expr, (Entry, Index)) or not expr.args:
        return expr
    if isinstance(expr, ScalarProduct):
        return sum_over_entries(expr.args[0].shape, lambda i, j: _product(expr.args, i, j))
    if isinstance(expr, Trace):
        size = expr.arg.shape[0]
        index = Integer(0) if size == 1 else fresh_index(size)
        return summed(entry(expr.arg, index, index), [index] if size != 1 else [])
    if isinstance(expr, MatrixElement):
        return entry(expr.parent, expr.i, expr.j)
    if isinstance(expr, SumOver):
        body, indices = opened(expr)
        return summed(scalar(body), indices)
    if isinstance(expr, Sum):
        return _of_sum(expr)
    if isinstance(expr, KroneckerDelta):
        return KroneckerDelta(*expr.args[:2])  # SymPy may note the range of an index in a third
    if not isinstance(expr, (Expr, Boolean, ExprCondPair)) or getattr(expr, "is_Matrix", False):
        return expr
    args = [scalar(arg) if isinstance(arg, Basic) else arg for arg in expr.args]
    return expr if all(a is b for a, b in zip(args, expr.args, strict=True)) else expr.func(*args)


def _of_sum(expr: Any) -> Any:
    """SymPy's `Σ_{i=a}^{b}` as a sum over an index from 0."""
    body, indices = expr.function, []
    symbols = {limit[0] for limit in expr.limits}
    for symbol, *ends in expr.limits:
        size = ends[1] - ends[0] + 1 if len(ends) == 2 else S.NaN
        if size is S.NaN or size.has(Index) or not symbols.isdisjoint(size.free_symbols):
            raise NoRuleError(
                f"asked for the entries in {expr}: write it as a SumOver of an Index, with a range "
                "that does not depend on another index"
            )
        indices.append(fresh_index(size))
        body = body.xreplace({symbol: indices[-1] + ends[0]})
    return summed(scalar(body), indices)


def sum_over_entries(shape: Any, term: Callable[[Any, Any], Any]) -> Any:
    """The sum of ``term(i, j)`` over all places of a matrix."""
    places = [S.Zero if size == 1 else fresh_index(size) for size in shape]
    return summed(term(*places), [p for p in places if isinstance(p, Index)])


def _product(nodes: Any, row: Any, column: Any) -> Any:
    return Mul(*(entry(node, row, column) for node in nodes))


_ENTRIES: dict[type, Callable[[Any, Any, Any], Any]] = {}


def reads(*kinds: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say what the entry (row, column) of a kind of matrix expression is."""

    def enter(rule: Callable[..., Any]) -> Callable[..., Any]:
        for kind in kinds:
            _ENTRIES[kind] = rule
        return rule

    return enter


@reads(MatrixSymbol)
def _symbol(node: Any, row: Any, column: Any) -> Any:
    return Entry(node, *places_of(node.shape, row, column))


@reads(Member)
def _member(node: Any, row: Any, column: Any) -> Any:
    return Entry(node.array, *places_of(node.shape, row, column), *node.labels)


@reads(MatAdd)
def _sum(node: Any, row: Any, column: Any) -> Any:
    return sum((entry(term, row, column) for term in node.args), start=S.Zero)


@reads(MatMul)
def _matrix_product(node: Any, row: Any, column: Any) -> Any:
    factor, matrices = node.as_coeff_matrices()
    places = [row]
    for matrix in matrices[:-1]:
        size = matrix.shape[1]
        places.append(S.Zero if size == 1 else fresh_index(size))
    bound = [p for p in places[1:] if isinstance(p, Index)]
    places.append(column)
    factors = [entry(m, places[n], places[n + 1]) for n, m in enumerate(matrices)]
    return summed(Mul(scalar(factor), *factors), bound)


@reads(MatPow)
def _power(node: Any, row: Any, column: Any) -> Any:
    if not (node.exp.is_Integer and node.exp > 0):
        raise _no_rule(node)
    return entry(MatMul(*[node.base] * int(node.exp)), row, column)


@reads(Transpose)
def _transpose(node: Any, row: Any, column: Any) -> Any:
    return entry(node.arg, column, row)


@reads(HadamardProduct)
def _hadamard(node: Any, row: Any, column: Any) -> Any:
    return _product(node.args, row, column)


@reads(HadamardPower)
def _hadamard_power(node: Any, row: Any, column: Any) -> Any:
    return entry(node.base, row, column) ** node.exp


@reads(Elementwise)
def _elementwise(node: Any, row: Any, column: Any) -> Any:
    return scalar(node.at(entry(node.argument, row, column)))


@reads(ScaledRows)
def _scaled_rows(node: Any, row: Any, column: Any) -> Any:
    vector, matrix = node.args
    return entry(vector, row, S.Zero) * entry(matrix, row, column)


@reads(DiagMatrix)
def _diagonal(node: Any, row: Any, column: Any) -> Any:
    # Of a column or of a row.
    (vector,) = node.args
    place = (S.Zero, row) if vector.shape[0] == 1 else (row, S.Zero)
    return KroneckerDelta(row, column) * entry(vector, *place)


@reads(Identity)
def _identity(node: Any, row: Any, column: Any) -> Any:
    return KroneckerDelta(row, column)


@reads(ZeroMatrix)
def _zero(node: Any, row: Any, column: Any) -> Any:
    return S.Zero


@reads(OneMatrix)
def _one(node: Any, row: Any, column: Any) -> Any:
    return S.One


@reads(MatrixBase)
def _explicit(node: Any, row: Any, column: Any) -> Any:
    """Where a position is an index, the entries one by one, each where it stands."""
    rows = range(node.rows) if isinstance(row, Index) else [row]
    columns = range(node.cols) if isinstance(column, Index) else [column]
    return sum(
        (
            scalar(node[i, j])
            * (KroneckerDelta(row, i) if isinstance(row, Index) else 1)
            * (KroneckerDelta(column, j) if isinstance(column, Index) else 1)
            for i in rows
            for j in columns
        ),
        start=S.Zero,
    )


@reads(MatrixSlice)
def _slice(node: Any, row: Any, column: Any) -> Any:
    cuts = zip((node.rowslice, node.colslice), (row, column), strict=True)
    places = (start + step * place for (start, _, step), place in cuts)
    return entry(node.parent, *places)


@reads(SumOverMatrix)
def _sum_over(node: Any, row: Any, column: Any) -> Any:
    body, indices = opened(node)
    return summed(entry(body, row, column), indices)


@reads(EntriesOf)
def _entries(node: Any, row: Any, column: Any) -> Any:
    return scalar(node._entry(row, column))


@reads(Shift)
def _shift(node: Any, row: Any, column: Any) -> Any:
    position, factor = node.place(column)
    return factor * entry(node.matrix, row, position)


@reads(UnitVector)
def _unit(node: Any, row: Any, column: Any) -> Any:
    return KroneckerDelta(row, node.args[1])
