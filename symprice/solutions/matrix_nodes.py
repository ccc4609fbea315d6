"""e^A of a matrix expression, and powers with a symbolic exponent: nodes for lazy training."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import (
    Float,
    Identity,
    ImmutableDenseMatrix,
    MatrixExpr,
    Rational,
    S,
    Symbol,
    cancel,
    gcd_list,
)
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase
from sympy.printing.precedence import PRECEDENCE

from ..errors import NoRuleError, ShapeError
from .exponentials import matrix_exponential, matrix_power

__all__ = ["MatrixExponential", "StepPower"]


class MatrixExponential(MatrixExpr):
    """`e^A` of a square matrix expression.

    ``doit`` gives its entries where A is explicit and its eigenvalues are found.

    Examples
    ========

    >>> from sympy import Matrix, MatrixSymbol, latex
    >>> from sympy.abc import t
    >>> from symprice.solutions.matrix_nodes import MatrixExponential
    >>> latex(MatrixExponential(-t*MatrixSymbol('K', 3, 3)))
    'e^{- t K}'
    >>> MatrixExponential(t*Matrix([[0, 1], [0, 0]])).doit()
    Matrix([
    [1, t],
    [0, 1]])
    """

    precedence = PRECEDENCE["Func"]

    def __new__(cls, exponent: Any) -> Any:
        exponent = _immutable(exponent)
        _require_square("exponential", exponent)
        return super().__new__(cls, exponent)

    @property
    def exponent(self) -> Any:
        """A."""
        return self.args[0]

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of A."""
        return self.args[0].shape

    def doit(self, **hints: Any) -> Any:
        """The entries, where A is explicit."""
        exponent = self.exponent.doit(**hints)
        if isinstance(exponent, MatrixBase):
            found = matrix_exponential(*_times_a_scalar(exponent))
            if found is not None:
                return found
        return self.func(exponent)

    def _eval_transpose(self) -> Any:
        return self.func(self.exponent.T)

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        whole = self.doit()
        if isinstance(whole, MatrixBase):
            return whole[i, j]
        raise NoRuleError(f"asked for an entry of {self}, whose exponent is not explicit")

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        return mpmath.expm(evaluate(self.exponent, point), method="taylor")

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"e^{{{printer._print(self.exponent)}}}"

    def _sympystr(self, printer: Any) -> str:
        return f"MatrixExponential({printer._print(self.exponent)})"


class StepPower(MatrixExpr):
    """`(I - A)ⁿ` with a symbolic number of steps n.

    Examples
    ========

    >>> from sympy import Matrix, MatrixSymbol, latex, symbols
    >>> from symprice.solutions.matrix_nodes import StepPower
    >>> n = symbols('n', integer=True, nonnegative=True)
    >>> print(latex(StepPower(MatrixSymbol('K', 3, 3), n)))
    \\left(\\mathbb{I} - K\\right)^{n}
    >>> StepPower(Matrix([[2]]), 3).doit()
    Matrix([[-1]])
    """

    precedence = PRECEDENCE["Func"]

    def __new__(cls, matrix: Any, n: Any) -> Any:
        matrix = _immutable(matrix)
        _require_square("power", matrix)
        return super().__new__(cls, matrix, _sympify(n))

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of A."""
        return self.args[0].shape

    def doit(self, **hints: Any) -> Any:
        """The entries, where A is explicit: with a number of steps, or by its eigenvalues."""
        matrix, n = self.args[0].doit(**hints), self.args[1]
        if isinstance(matrix, MatrixBase):
            size = matrix.rows
            one = ImmutableDenseMatrix.eye(size)
            if n.is_Integer:
                return ImmutableDenseMatrix((one - matrix) ** int(n))
            found = matrix_power(ImmutableDenseMatrix(one - matrix), n)
            if found is not None:
                return found
        return self.func(matrix, n)

    def _eval_transpose(self) -> Any:
        return self.func(self.args[0].T, self.args[1])

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        whole = self.doit()
        if isinstance(whole, MatrixBase):
            return whole[i, j]
        raise NoRuleError(f"asked for an entry of {self}, which is not explicit")

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        matrix = evaluate(self.args[0], point)
        return (mpmath.eye(matrix.rows) - matrix) ** int(evaluate(self.args[1], point))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        base = Identity(self.shape[0]) - self.args[0]
        power = printer._print(self.args[1])
        return rf"\left({printer._print(base)}\right)^{{{power}}}"

    def _sympystr(self, printer: Any) -> str:
        return f"StepPower({', '.join(map(printer._print, self.args))})"


def _times_a_scalar(matrix: Any) -> tuple[Any, Any]:
    """A matrix and what all its entries have in common, as the time."""
    if not matrix.free_symbols:
        return matrix, S.One
    floats = {number: Rational(str(number)) for number in matrix.atoms(Float)}
    factor = gcd_list([entry.xreplace(floats) for entry in matrix if entry != 0])
    if not floats:
        return (matrix / factor).applyfunc(cancel), factor
    factor = factor.as_coeff_Mul()[1]
    return (matrix / factor).applyfunc(lambda entry: entry.expand()), factor


def _immutable(given: Any) -> Any:
    matrix = given.as_immutable() if isinstance(given, MatrixBase) else _sympify(given)
    if not getattr(matrix, "is_Matrix", False):
        raise ShapeError(f"asked for a function of the matrix {given}, which is none")
    return matrix


def _require_square(what: str, matrix: Any) -> None:
    rows, columns = matrix.shape
    if rows != columns and not isinstance(rows - columns, Symbol):
        raise ShapeError(
            f"asked for the {what} of {matrix}, which is {rows} × {columns}: it must be square"
        )
