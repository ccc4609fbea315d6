"""What formulas do with matrices, besides adding them."""

from __future__ import annotations

from functools import reduce
from typing import Any

from sympy import ImmutableDenseMatrix

from ..errors import ShapeError

__all__ = ["hadamard", "spread", "times", "transpose"]


def transpose(matrix: Any) -> Any:
    """Rows as columns.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice.cli.matrices import transpose
    >>> transpose(Matrix([1, 2]))
    Matrix([[1, 2]])
    """
    if not getattr(matrix, "is_Matrix", False):
        raise ShapeError(f"asked to transpose {matrix}, a scalar: declare its shape, as W:2x3")
    return matrix.T


def hadamard(first: Any, *others: Any) -> Any:
    """The product entry by entry, of matrices of one shape.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice.cli.matrices import hadamard
    >>> hadamard(Matrix([1, 2]), Matrix([3, 4]))
    Matrix([
    [3],
    [8]])
    """
    shapes = [getattr(matrix, "shape", ()) for matrix in (first, *others)]
    if len(set(shapes)) > 1 or not shapes[0]:
        told = ", ".join("a scalar" if not s else f"{s[0]}x{s[1]}" for s in shapes)
        raise ShapeError(f"asked for a product entry by entry of {told}: the shapes are the same")
    return reduce(lambda a, b: a.multiply_elementwise(b), others, first)


def times(first: Any, second: Any) -> Any:
    """A product; of a row and a column it is a scalar.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice.cli.matrices import times
    >>> times(Matrix([[1, 2]]), Matrix([3, 4]))
    11
    """
    if not (first.is_Matrix and second.is_Matrix):
        return first * second
    if first.cols != second.rows:
        told = f"{first.rows}x{first.cols} and {second.rows}x{second.cols}"
        raise ShapeError(f"{told} have no product: write their columns and rows alike")
    product = first * second
    return product[0, 0] if product.shape == (1, 1) else product


def spread(values: list[Any]) -> list[Any]:
    """The terms of a sum, where numbers beside columns stand for columns of them, as in `1 - p`.

    Examples
    ========

    >>> from sympy import Integer, Matrix
    >>> from symprice.cli.matrices import spread
    >>> sum(spread([Integer(1), Matrix([2, 3])]), start=Matrix([0, 0]))
    Matrix([
    [3],
    [4]])
    """
    shapes = {value.shape for value in values if value.is_Matrix}
    numbers = all(value.is_Matrix or value.is_number for value in values)
    if not numbers or len(shapes) > 1 or max(columns for _, columns in shapes) > 1:
        raise ShapeError("a matrix and a scalar have no sum: write [a, b] + [c, c]")
    ones = ImmutableDenseMatrix.ones(*shapes.pop())
    return [value if value.is_Matrix else value * ones for value in values]
