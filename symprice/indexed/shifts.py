"""Sequences as matrices: their columns shifted, one row taken out, put in a place."""

from __future__ import annotations

from typing import Any

from sympy import KroneckerDelta, MatrixExpr, Mod
from sympy.core.symbol import Str
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..errors import ShapeError
from .entries import Index, Within

__all__ = ["Shift", "UnitVector"]


class Shift(MatrixExpr):
    """`X` with its columns moved: `Shift(X, s)_{c,t} = X_{c,t+s}`.

    Parameters
    ==========

    matrix : channels × length.
    offset : by how many places.
    length : how many columns the result has.
    padding : 'zero' (what lies outside is 0) or 'circular' (the columns are a circle).

    Examples
    ========

    >>> from sympy import Matrix, MatrixSymbol
    >>> from symprice import Shift
    >>> X = MatrixSymbol('X', 1, 3)
    >>> Shift(X, 1, 3, 'circular').as_explicit()
    Matrix([[X[0, 1], X[0, 2], X[0, 0]]])
    >>> Shift(X, 1, 3, 'zero').as_explicit()
    Matrix([[X[0, 1], X[0, 2], 0]])
    """

    precedence = PRECEDENCE["Atom"]

    def __new__(cls, matrix: Any, offset: Any, length: Any, padding: Any = "zero") -> Shift:
        kind = padding.name if isinstance(padding, Str) else str(padding)
        if kind not in ("zero", "circular"):
            raise ShapeError(f"asked for the padding {kind!r}: write 'zero' or 'circular'")
        parts = (_sympify(matrix), _sympify(offset), _sympify(length))
        return super().__new__(cls, *parts, Str(kind))

    @property
    def matrix(self) -> Any:
        """What is shifted."""
        return self.args[0]

    @property
    def shape(self) -> Any:
        """Channels × the new length."""
        return self.matrix.shape[0], self.args[2]

    def place(self, column: Any) -> tuple[Any, Any]:
        """The column of X that stands in a column, and the factor that is 0 outside of X."""
        position, size = column + self.args[1], self.matrix.shape[1]
        if self.args[3].name == "circular":
            return wrapped(position, size), _sympify(1)
        return position, Within(position, size)

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        position, factor = self.place(_sympify(j))
        return factor * self.matrix[i, position] if factor != 0 else factor

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        from .writing import shift_latex

        return shift_latex(printer, self)


def wrapped(position: Any, size: Any) -> Any:
    """A position on a circle; an index of that size is its own."""
    if isinstance(position, Index) and position.size == size:
        return position
    return Mod(position, size)


class UnitVector(MatrixExpr):
    """`e_t`, the column with a 1 in one place.

    Examples
    ========

    >>> from symprice import UnitVector
    >>> UnitVector(3, 1).as_explicit()
    Matrix([
    [0],
    [1],
    [0]])
    """

    precedence = PRECEDENCE["Atom"]

    def __new__(cls, size: Any, place: Any) -> UnitVector:
        return super().__new__(cls, _sympify(size), _sympify(place))

    @property
    def shape(self) -> Any:
        """size × 1."""
        return self.args[0], _sympify(1)

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return KroneckerDelta(i, self.args[1])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        from .writing import place_latex

        return rf"e_{{{place_latex(printer, self.args[1])}}}"
