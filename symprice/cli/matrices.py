"""What formulas do with matrices, besides adding them."""

from __future__ import annotations

from functools import reduce
from typing import Any

from sympy import Abs, Add, ImmutableDenseMatrix, sqrt

from ..errors import ShapeError

__all__ = [
    "diag",
    "dot",
    "frobenius",
    "hadamard",
    "inner",
    "norm",
    "norm1",
    "spread",
    "times",
    "trace",
    "transpose",
]


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


def inner(first: Any, second: Any) -> Any:
    """The sum of the products entry by entry, of columns or matrices of one shape.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice.cli.matrices import inner
    >>> inner(Matrix([1, 2]), Matrix([3, 4]))
    11
    """
    shapes = [getattr(value, "shape", ()) for value in (first, second)]
    if not shapes[0] or shapes[0] != shapes[1]:
        told = " and ".join(f"{s[0]}x{s[1]}" if s else "a scalar" for s in shapes)
        raise ShapeError(f"asked for the inner product of {told}: declare both alike, as w:3 x:3")
    return Add(*hadamard(first, second).flat())


def dot(first: Any, second: Any) -> Any:
    """What a dot between two factors is: of two columns their inner product, else the product.

    Examples
    ========

    >>> from sympy import Integer, Matrix
    >>> from symprice.cli.matrices import dot
    >>> dot(Matrix([1, 2]), Matrix([3, 4])), dot(Integer(2), Integer(3))
    (11, 6)
    """
    shapes = [getattr(value, "shape", ()) for value in (first, second)]
    if shapes[0] and shapes[0] == shapes[1] and shapes[0][1] == 1:
        return inner(first, second)
    return times(first, second)


def norm(value: Any) -> Any:
    """The Euclidean norm of a column; of a number what it is without its sign.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice.cli.matrices import norm
    >>> norm(Matrix([3, 4]))
    5
    """
    if value.is_Matrix and value.cols > 1:
        raise ShapeError(
            f"a norm of a matrix of the shape {value.rows}x{value.cols}: which? write "
            "\\|W\\|_F, or frobenius(W)"
        )
    return frobenius(value) if value.is_Matrix else Abs(value)


def norm1(value: Any) -> Any:
    """The sum of the entries of a column without their signs.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice.cli.matrices import norm1
    >>> norm1(Matrix([3, -4]))
    7
    """
    if not value.is_Matrix:
        return Abs(value)
    if value.cols > 1:
        raise ShapeError(f"a 1-norm of a matrix of the shape {value.rows}x{value.cols}: which?")
    return Add(*map(Abs, value.flat()))


def frobenius(value: Any) -> Any:
    """The root of the sum of all squared entries.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice.cli.matrices import frobenius
    >>> frobenius(Matrix([[1, 1], [1, 1]]))
    2
    """
    return sqrt(inner(value, value)) if value.is_Matrix else Abs(value)


def diag(value: Any) -> Any:
    """The square matrix with a column on its diagonal.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice.cli.matrices import diag
    >>> diag(Matrix([3, 4]))
    Matrix([
    [3, 0],
    [0, 4]])
    """
    if not value.is_Matrix or value.cols > 1:
        raise ShapeError(f"asked for a diagonal of {value}: a column stands on it")
    return ImmutableDenseMatrix.diag(*value.flat())


def trace(value: Any) -> Any:
    """The sum of the diagonal of a square matrix.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice.cli.matrices import trace
    >>> trace(Matrix([[1, 2], [3, 4]]))
    5
    """
    if not value.is_Matrix or value.rows != value.cols:
        raise ShapeError(f"asked for the trace of {value}: of a square matrix there is one")
    return Add(*(value[i, i] for i in range(value.rows)))


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
