"""Families of matrices: a matrix for every value of a label, as a batch, a kernel, a direction.

`x_i` is a ``Member`` of the family x; a definition that depends on a label i is the ``Family``
`i ↦ W x_i + b`, and its name stands with the label, `h_i`.
"""

from __future__ import annotations

from typing import Any

from sympy import Basic, Expr, MatrixExpr
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..errors import ShapeError
from ..symbols import ParameterMatrix
from .entries import Entry, Index, places_of
from .scopes import IndexBinder

__all__ = ["EntriesOf", "Family", "FamilyMatrix", "Member", "ParameterFamily"]


class ParameterFamily(ParameterMatrix):
    """A trainable matrix for every value of a label: the weights of a convolution.

    Parameters
    ==========

    name, rows, columns : as of a ParameterMatrix.
    size : how many there are. In code it is an array (rows, columns, size).

    Examples
    ========

    >>> from symprice import Index, Member, ParameterFamily
    >>> W = ParameterFamily('W', 3, 2, 5)
    >>> Member(W, Index('s', 5)).shape
    (3, 2)
    """

    def __new__(cls, name: Any, rows: Any, columns: Any, size: Any) -> Any:
        symbol = ParameterMatrix(name, rows, columns)
        return Basic.__new__(cls, *symbol.args[:3], _sympify(size))

    @property
    def size(self) -> Any:
        """How many matrices the family has."""
        return self.args[3]


class Member(MatrixExpr):
    """`X_i`, the matrix of a family that belongs to a label.

    Examples
    ========

    >>> from sympy import MatrixSymbol
    >>> from symprice import Index, Member
    >>> Member(MatrixSymbol('x', 3, 1), Index('i', 10))
    Member(x, i)
    """

    precedence = PRECEDENCE["Atom"]

    def __new__(cls, array: Any, *labels: Any) -> Any:
        labels = tuple(map(_sympify, labels))
        if not labels:
            return array
        if isinstance(array, Family):
            return array(*labels)
        if isinstance(array, Member):
            return Member(array.array, *labels, *array.labels)
        if not array.is_symbol:
            raise ShapeError(f"asked for a member of {array}, which is no family")
        return super().__new__(cls, array, *labels)

    @property
    def array(self) -> Any:
        """The family."""
        return self.args[0]

    @property
    def labels(self) -> tuple[Any, ...]:
        """The labels of the member."""
        return self.args[1:]

    @property
    def shape(self) -> Any:
        """That of every member."""
        return self.array.shape

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return Entry(self.array, *places_of(self.shape, i, j), *self.labels)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        from .writing import below, labels_latex

        return below(printer, printer._print(self.array), labels_latex(printer, self.labels))


class Family(IndexBinder):
    """`i ↦ expr`, a value for every label: of a scalar, or of a matrix (then FamilyMatrix).

    Examples
    ========

    >>> from sympy import MatrixSymbol
    >>> from symprice import Family, Index, Member
    >>> i, x = Index('i', 10), MatrixSymbol('x', 3, 1)
    >>> h = Family(2*Member(x, i), i)
    >>> h(4)
    2*Member(x, 4)
    """

    is_symbol = False
    precedence = PRECEDENCE["Lambda"]

    def __new__(cls, expr: Any, *labels: Any) -> Any:
        expr = _sympify(expr)
        if not labels:
            return expr
        if isinstance(expr, Family):
            expr, labels = expr.expr, (*expr.labels, *labels)
        kind = FamilyMatrix if getattr(expr, "is_Matrix", False) else FamilyScalar
        return Basic.__new__(kind, expr, *labels)

    @property
    def expr(self) -> Any:
        """The value at the labels."""
        return self.args[0]

    @property
    def labels(self) -> tuple[Any, ...]:
        """The labels that are bound."""
        return self.args[1:]

    def __call__(self, *labels: Any) -> Any:
        """The value at other labels."""
        return self.expr.xreplace(dict(zip(self.labels, labels, strict=True)))

    def doit(self, **hints: Any) -> Any:
        """The same, with the value done."""
        return Family(self.expr.doit(**hints), *self.labels)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        from .writing import with_letters

        shown = with_letters(self)
        labels = ",".join(map(printer._print, shown.labels))
        return rf"{labels} \mapsto {printer._print(shown.expr)}"


class FamilyScalar(Family, Expr):
    """`i ↦ expr` of scalars. Made by ``Family``."""

    is_commutative = True


class FamilyMatrix(Family, MatrixExpr):
    """`i ↦ expr` of matrices. Made by ``Family``."""

    @property
    def shape(self) -> Any:
        """That of every member."""
        return self.expr.shape

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        raise ShapeError(f"{self} is a family: its members have entries, as in family(n)[0, 0]")


class EntriesOf(IndexBinder, MatrixExpr):
    """The matrix whose entry (p, q) is a scalar expression.

    Examples
    ========

    >>> from symprice import EntriesOf, Index
    >>> p, q = Index('p', 2), Index('q', 3)
    >>> EntriesOf(p + 10*q, p, q)[1, 2]
    21
    """

    precedence = PRECEDENCE["Atom"]

    def __new__(cls, expr: Any, row: Any, column: Any) -> EntriesOf:
        return super().__new__(cls, _sympify(expr), _sympify(row), _sympify(column))

    @property
    def expr(self) -> Any:
        """The entry."""
        return self.args[0]

    @property
    def shape(self) -> Any:
        """The ranges of its two indices; an integer stands for one row or column."""
        return tuple(getattr(index, "size", _sympify(1)) for index in self.args[1:])

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        pairs = zip(self.args[1:], (i, j), strict=True)
        rule = {old: _sympify(new) for old, new in pairs if isinstance(old, Index)}
        return self.expr.xreplace(rule)

    def _eval_transpose(self) -> Any:
        expr, row, column = self.args
        return EntriesOf(expr, column, row)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        from .writing import entries_latex

        return entries_latex(printer, self)
