"""A metric with a block for every trainable array: rates, preconditioners, frozen layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import (
    Add,
    Identity,
    KroneckerDelta,
    KroneckerProduct,
    MatAdd,
    MatMul,
    Mul,
    S,
    Tuple,
)
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..errors import NoRuleError, ShapeError
from ..indexed.entries import fresh_index
from ..indexed.lowering import entry
from ..indexed.sums import summed
from ..symbols import Parameter, ParameterMatrix
from .index_pullback import Places
from .metric import Metric

__all__ = ["BlockMetric"]


class BlockMetric(Metric):
    """M = diag(M₁, M₂, …), a symmetric block for each trainable array.

    Parameters
    ==========

    blocks : a dict from ParameterMatrix (or Parameter) to its block: a rate (0 freezes it), for a
        column of m entries an m × m matrix, for an r × c matrix W a ``KroneckerProduct(A, B)`` of a
        c × c and an r × r matrix, which stands for `B W A`, or any rc × rc matrix that acts on the
        columns of W stacked.

    Raises
    ======

    ShapeError : for a block of the wrong size, or an array that the metric does not list.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import MLP, BlockMetric, NTCov, closed_form, inputs
    >>> eta, d = symbols('eta'), symbols('d', integer=True, positive=True)
    >>> x, y = inputs('x y', d)
    >>> net = MLP(d, 1)
    >>> W, b = net.parameters
    >>> closed_form(NTCov(net(x), net(y), metric=BlockMetric({W: eta, b: 0}))).expr
    eta*(ScalarProduct(x, y))
    """

    def __new__(cls, blocks: Any) -> BlockMetric:
        pairs = blocks.items() if isinstance(blocks, Mapping) else blocks
        entries = []
        for symbol, block in pairs:
            block = _sympify(block)
            entries.append(Tuple(symbol, block.as_immutable() if _is_explicit(block) else block))
            _check(symbol, block)
        return super().__new__(cls, Tuple(*sorted(entries, key=lambda pair: str(pair[0]))))

    @property
    def blocks(self) -> dict[Any, Any]:
        """The block of every array."""
        return {symbol: block for symbol, block in self.args[0]}

    def depends_on(self) -> set[Any]:
        """The symbols in the blocks."""
        return set().union(*(block.free_symbols for block in self.blocks.values()))

    def entry(self, u: Parameter, v: Parameter) -> Any:
        """``NTCov_M(u, v)`` of two scalar parameters."""
        return self._block(u) if u == v else S.Zero

    def row(self, u: Parameter) -> Any:
        """A scalar parameter covaries with itself."""
        return [(u, self._block(u))]

    def applied(self, symbol: Any, places: Any, gradient: Any) -> Any:
        """`M g` for the gradient g by an array, an index expression at its places."""
        block = self._block(symbol)
        if not getattr(block, "is_Matrix", False):
            return block * gradient
        own = {index: fresh_index(index.size) for index in places.indices}
        other = Places(own.get(places.row, S.Zero), own.get(places.column, S.Zero))
        kernel = _kernel(block, symbol.shape[0], places, other)
        return summed(Mul(kernel, gradient.xreplace(own)), own.values())

    def _block(self, symbol: Any) -> Any:
        if symbol not in self.blocks:
            raise ShapeError(
                f"asked for the metric's block of {symbol}, but the metric lists only "
                f"{', '.join(map(str, self.blocks))}: add '{symbol}: rate' (0 freezes it)"
            )
        return self.blocks[symbol]


def _kernel(block: Any, rows: Any, left: Any, right: Any) -> Any:
    """The entry of a block between two places of an array with so many rows."""
    if isinstance(block, MatAdd):
        return Add(*(_kernel(term, rows, left, right) for term in block.args))
    if isinstance(block, MatMul):
        rate, matrices = block.as_coeff_matrices()
        if len(matrices) == 1:
            return rate * _kernel(matrices[0], rows, left, right)
    if isinstance(block, Identity):
        return KroneckerDelta(left.row, right.row) * KroneckerDelta(left.column, right.column)
    if isinstance(block, KroneckerProduct) and len(block.args) == 2:
        outer, inner = block.args
        return entry(outer, left.column, right.column) * entry(inner, left.row, right.row)
    if _is_explicit(block):
        count = int(rows)
        return Add(
            *(
                block[i, j] * _delta(left, *divmod(i, count)) * _delta(right, *divmod(j, count))
                for i in range(block.rows)
                for j in range(block.cols)
            )
        )
    # The columns stacked: entry (i, j) stands at i + r j.
    return entry(block, left.row + rows * left.column, right.row + rows * right.column)


def _delta(places: Any, column: int, row: int) -> Any:
    return KroneckerDelta(places.row, row) * KroneckerDelta(places.column, column)


def _check(symbol: Any, block: Any) -> None:
    if not isinstance(symbol, (ParameterMatrix, Parameter)):
        raise ShapeError(
            f"a metric is over what is trained, but {symbol} is a {type(symbol).__name__}: write "
            f"ParameterMatrix('{symbol}', rows, columns)"
        )
    if not getattr(block, "is_Matrix", False):
        return
    rows, columns = getattr(symbol, "shape", (S.One, S.One))
    size = rows * columns
    if block.shape != (size, size):
        raise ShapeError(
            f"the metric's block of {symbol} is {block.shape[0]} × {block.shape[1]}, but {symbol} "
            f"is {rows} × {columns}: write a rate, or a symmetric {size} × {size} matrix"
        )
    for product in block.atoms(KroneckerProduct):
        if [arg.shape for arg in product.args] != [(columns, columns), (rows, rows)]:
            sizes = " and ".join(f"{arg.shape[0]} × {arg.shape[1]}" for arg in product.args)
            raise ShapeError(
                f"the metric's block {product} of {symbol} has factors {sizes}, but {symbol} is "
                f"{rows} × {columns}: write KroneckerProduct(A, B) with A {columns} × {columns} "
                f"and B {rows} × {rows}"
            )
    if hasattr(symbol, "size"):
        raise NoRuleError(f"asked for a matrix block of the family {symbol}: write a rate")
    if _is_explicit(block) and block != block.T:
        raise ShapeError(f"the metric's block of {symbol} is not symmetric")


def _is_explicit(block: Any) -> bool:
    return isinstance(block, MatrixBase)
