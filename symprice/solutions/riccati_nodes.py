"""The flow of a matrix Riccati equation, and the integral that it needs: nodes for two layers."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import (
    Identity,
    ImmutableDenseMatrix,
    MatMul,
    MatrixExpr,
    S,
    Symbol,
    eye,
    zeros,
)
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase
from sympy.printing.precedence import PRECEDENCE

from ..errors import NoRuleError, ShapeError
from .exponentials import matrix_exponential
from .matrix_nodes import MatrixExponential
from .signs import tidied

__all__ = ["ExponentialIntegral", "RiccatiFlow"]


class ExponentialIntegral(MatrixExpr):
    """`∫₀ᵗ e^{uA} du` of a square matrix expression: `A⁻¹(e^{tA} - I)`, also where A is singular.

    References
    ==========

    C. F. Van Loan, Computing integrals involving the matrix exponential, IEEE Transactions on
    Automatic Control 23(3), 1978.

    Examples
    ========

    >>> from sympy import Matrix, MatrixSymbol, latex
    >>> from sympy.abc import t
    >>> from symprice.solutions.riccati_nodes import ExponentialIntegral
    >>> latex(ExponentialIntegral(2*MatrixSymbol('F', 3, 3), t))
    '\\\\int_{0}^{t} e^{2 u F} \\\\, du'
    >>> ExponentialIntegral(Matrix([[0, 1], [0, 0]]), t).doit()
    Matrix([
    [t, t**2/2],
    [0,      t]])
    """

    precedence = PRECEDENCE["Mul"]

    def __new__(cls, matrix: Any, time: Any) -> Any:
        return super().__new__(cls, _matrix(matrix, "integral", True), _sympify(time))

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of A."""
        return self.args[0].shape

    def doit(self, **hints: Any) -> Any:
        """The entries, where A is explicit and its eigenvalues are found."""
        matrix, time = (arg.doit(**hints) for arg in self.args)
        if isinstance(matrix, MatrixBase):
            size = matrix.rows
            above = matrix.as_mutable().row_join(eye(size))
            whole = matrix_exponential(above.col_join(zeros(size, 2 * size)), time)
            if whole is not None:
                return ImmutableDenseMatrix(whole[:size, size:])
        return self.func(matrix, time)

    def _eval_transpose(self) -> Any:
        return self.func(self.args[0].T, self.args[1])

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return _entry_of(self, i, j)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        matrix, time = (evaluate(arg, point) for arg in self.args)
        return _integral(matrix, time)

    def _spelled(self) -> tuple[Any, Any]:
        """A variable of integration that nothing else is called, and the exponential."""
        taken = {symbol.name for symbol in self.free_symbols}
        name = next(letter for letter in ("u", "r", "u_1", "r_1", "u_2") if letter not in taken)
        return Symbol(name), MatrixExponential(Symbol(name) * self.args[0])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        u, inner = (printer._print(part) for part in self._spelled())
        return rf"\int_{{0}}^{{{printer._print(self.args[1])}}} {inner} \, d{u}"

    def _sympystr(self, printer: Any) -> str:
        return f"ExponentialIntegral({', '.join(map(printer._print, self.args))})"


class RiccatiFlow(MatrixExpr):
    """`M(t) = e^{tF} Q [I + Qᵀ ∫₀ᵗ e^{2uF} du Q]⁻¹ Qᵀ e^{tF}`, for a symmetric F.

    It solves `dM/dt = FM + MF - M²` from `M(0) = QQᵀ`: with `dY/dt = FY`, `dX/dt = Y - FX` it is
    `YX⁻¹` (Radon's lemma). For an invertible F the integral is `½F⁻¹(e^{2tF} - I)`; it exists for
    every F.

    Parameters
    ==========

    F : a symmetric matrix, n × n.
    Q : n × h.
    t : time.

    References
    ==========

    J. Radon, Zum Problem von Lagrange, Abh. Math. Sem. Hamburg 6, 1928. K. Fukumizu, Effect of
    batch learning in multilayer neural networks, ICONIP 1998.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from sympy.abc import t
    >>> from symprice.solutions.riccati_nodes import RiccatiFlow
    >>> RiccatiFlow(Matrix([[0]]), Matrix([[1]]), t).doit()
    Matrix([[1/(t + 1)]])
    """

    precedence = PRECEDENCE["Add"]

    def __new__(cls, F: Any, Q: Any, time: Any) -> Any:
        F, Q = _matrix(F, "flow", True), _matrix(Q, "flow", False)
        if isinstance(F, MatrixBase) and any(tidied(e) != 0 for e in F - F.T):
            raise ShapeError(f"asked for a Riccati flow with F = {F}, which is not symmetric")
        if (S.One * F.shape[0] - Q.shape[0]).is_nonzero:
            raise ShapeError(
                f"asked for a Riccati flow with F of {F.shape[0]} × {F.shape[1]} and Q of "
                f"{Q.shape[0]} × {Q.shape[1]}: Q has a row for each of F"
            )
        return super().__new__(cls, F, Q, _sympify(time))

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of F."""
        return self.args[0].shape

    @property
    def formula(self) -> Any:
        """The solution in exponentials of F."""
        F, Q, time = self.args
        power = MatrixExponential(time * F)
        inner = Identity(Q.shape[1]) + MatMul(Q.T, ExponentialIntegral(2 * F, time), Q)
        return MatMul(power, Q, inner.inv(), Q.T, power)

    def doit(self, **hints: Any) -> Any:
        """The entries, where F and Q are explicit and the eigenvalues of F are found."""
        F, Q, time = (arg.doit(**hints) for arg in self.args)
        if isinstance(F, MatrixBase) and isinstance(Q, MatrixBase):
            power = matrix_exponential(F, time)
            integral = ExponentialIntegral(2 * F, time).doit()
            if power is not None and isinstance(integral, MatrixBase):
                inner = (eye(Q.cols) + Q.T * integral * Q).applyfunc(tidied)
                moved = power * Q
                whole = moved * inner.inv() * moved.T
                half = {
                    (i, j): tidied(whole[i, j], seconds=1)
                    for i in range(F.rows)
                    for j in range(i + 1)
                }
                return ImmutableDenseMatrix(F.rows, F.rows, lambda i, j: half[max(i, j), min(i, j)])
        return self.func(F, Q, time)

    def _eval_transpose(self) -> Any:
        return self

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return _entry_of(self, i, j)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        F, Q, time = self.args
        # What grows as e^{2tF} is divided by what grows so: digits for what cancels.
        rough = evaluate(F, point) * evaluate(time, point)
        lost = int(2 * abs(mpmath.mnorm(rough, "f"))) + 10
        with mpmath.workdps(mpmath.mp.dps + lost):
            F, Q, time = (evaluate(arg, point) for arg in self.args)
            rates, frame = mpmath.eigsy(F)
            start = frame.T * Q
            moved = mpmath.diag([mpmath.exp(rate * time) for rate in rates]) * start
            spent = mpmath.diag([_integrated(2 * rate, time) for rate in rates])
            inner = mpmath.eye(Q.cols) + start.T * spent * start
            return frame * moved * inner**-1 * moved.T * frame.T

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return printer._print(self.formula)

    def _sympystr(self, printer: Any) -> str:
        return f"RiccatiFlow({', '.join(map(printer._print, self.args))})"


def _integral(matrix: Any, time: Any) -> Any:
    """`∫₀ᵗ e^{uA} du` in numbers: a block of one exponential."""
    size = matrix.rows
    whole = mpmath.zeros(2 * size)
    whole[:size, :size] = time * matrix
    whole[:size, size:] = time * mpmath.eye(size)
    return mpmath.expm(whole, method="taylor")[:size, size:]


def _integrated(rate: Any, time: Any) -> Any:
    """`∫₀ᵗ e^{ur} du` of a number."""
    return mpmath.expm1(rate * time) / rate if rate else time


def _entry_of(node: Any, i: Any, j: Any) -> Any:
    whole = node.doit()
    if isinstance(whole, MatrixBase):
        return whole[i, j]
    raise NoRuleError(f"asked for an entry of {node}, which is not explicit")


def _matrix(given: Any, what: str, square: bool) -> Any:
    matrix = given.as_immutable() if isinstance(given, MatrixBase) else _sympify(given)
    if not getattr(matrix, "is_Matrix", False):
        raise ShapeError(f"asked for the {what} of {given}, which is no matrix")
    rows, columns = matrix.shape
    if square and (S.One * rows - columns).is_nonzero:
        raise ShapeError(
            f"asked for the {what} of {matrix}, which is {rows} × {columns}: it must be square"
        )
    return matrix
