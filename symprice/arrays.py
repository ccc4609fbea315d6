"""Array nodes: functions of whole vectors and matrices that know their own derivative.

The set is closed and small; what a node states is its shape and its derivative, as ``jacobians`` or
as a ``pull`` of adjoints, and every law follows from these.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

import mpmath
from sympy import (
    Add,
    Basic,
    DiagMatrix,
    Expr,
    HadamardProduct,
    ImmutableDenseMatrix,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    S,
    Transpose,
    exp,
    log,
)
from sympy.core.symbol import Str
from sympy.core.sympify import _sympify
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.matrixbase import MatrixBase
from sympy.printing.precedence import PRECEDENCE

from .elementwise import ScalarProduct, ScaledRows
from .errors import NameClashError, NoRuleError, ShapeError

__all__ = [
    "ArrayNode",
    "Define",
    "JacobianOf",
    "LogSumExp",
    "SoftmaxRows",
    "SoftmaxVector",
    "VectorFunction",
]

# ``define(letter, value)`` is the symbol that names a value from then on.
Define = Callable[[str, Any], Any]


class ArrayNode(MatrixExpr):
    """A matrix expression that states its derivative: ``jacobians()`` lists (J, argument).

    ``pull`` says the same in reverse: which adjoint of the argument belongs to one of the value.
    """

    precedence = PRECEDENCE["Atom"]
    #: The letter that names a value in definitions.
    letter: ClassVar[str] = "v"

    def jacobians(self) -> list[tuple[Any, Any]]:
        """The Jacobian by each argument that is a vector."""
        raise NoRuleError(
            f"asked for the Jacobian of {self}: a {type(self).__name__} is a function of a matrix, "
            "and has only a pullback of adjoints; take the covariance of a scalar or a column"
        )

    def pull(self, value: Any, adjoint: Any, define: Define) -> Any:
        """The adjoint of the argument, a matrix of its shape.

        Parameters
        ==========

        value : the symbol that names the value of this node.
        adjoint : the adjoint of the value, a matrix of its shape; or a scalar where that is 1 × 1.
        define : gives a name to what else is needed.
        """
        ((jacobian, _),) = self.jacobians()
        return MatMul(Transpose(jacobian), as_matrix(adjoint))

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return MatrixElement(self, i, j)


class VectorFunction:
    """An unspecified function from vectors to vectors of a given size; calling it applies it.

    Parameters
    ==========

    name : an identifier.
    size : the number of entries of its values.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import NTCov, VectorFunction, observables
    >>> n, k = symbols('n k', integer=True, positive=True)
    >>> X, Y = observables('X Y', n)
    >>> f = VectorFunction('f', k)
    >>> NTCov(f(X), Y).expand()
    JacobianOf(f(X))*NTCov(X, Y)
    """

    def __init__(self, name: str, size: Any) -> None:
        if not str(name).isidentifier():
            raise NameClashError(
                f"asked for a vector function named {name!r}: write an identifier, as in 'f'"
            )
        self.name, self.size = str(name), _sympify(size)

    def __call__(self, argument: Any) -> AppliedVectorFunction:
        return AppliedVectorFunction(Str(self.name), self.size, argument)

    def __repr__(self) -> str:
        return f"VectorFunction({self.name!r}, {self.size})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VectorFunction) and (self.name, self.size) == (
            other.name,
            other.size,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.size))


class AppliedVectorFunction(ArrayNode):
    """The value ``f(X)`` of an unspecified vector function."""

    def __new__(cls, name: Any, size: Any, argument: Any) -> AppliedVectorFunction:
        return super().__new__(cls, name, _sympify(size), column(argument))

    @property
    def argument(self) -> Any:
        """The vector that the function is applied to."""
        return self.args[2]

    @property
    def function(self) -> VectorFunction:
        """The function itself."""
        return VectorFunction(self.args[0].name, self.args[1])

    @property
    def shape(self) -> tuple[Any, Any]:
        """size × 1."""
        return self.args[1], _sympify(1)

    def jacobians(self) -> list[tuple[Any, Any]]:
        """J_f(X)."""
        return [(JacobianOf(self), self.argument)]

    def _sympystr(self, printer: Any) -> str:
        return f"{self.args[0].name}({printer._print(self.argument)})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"{self.args[0].name}\left({printer._print(self.argument)}\right)"


class JacobianOf(MatrixExpr):
    """The Jacobian matrix `J_f(X)` of an unspecified vector function at its argument."""

    precedence = PRECEDENCE["Atom"]

    def __new__(cls, applied: Any) -> JacobianOf:
        if not isinstance(applied, AppliedVectorFunction):
            raise ShapeError(f"JacobianOf is of an applied VectorFunction, but received {applied}")
        return super().__new__(cls, applied)

    @property
    def applied(self) -> AppliedVectorFunction:
        """The applied function f(X)."""
        return self.args[0]

    @property
    def shape(self) -> tuple[Any, Any]:
        """Size of the value × size of the argument."""
        return self.applied.shape[0], self.applied.argument.shape[0]

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return MatrixElement(self, i, j)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        name = self.applied.args[0].name
        return rf"J_{{{name}}}\left({printer._print(self.applied.argument)}\right)"


class SoftmaxVector(ArrayNode):
    """`π = softmax(z)`, `π_k = exp(z_k) / Σ_j exp(z_j)`, of a column vector of any size.

    Examples
    ========

    >>> from symprice import NTCov, observables, softmax
    >>> from sympy import Symbol
    >>> K = Symbol('K', integer=True, positive=True)
    >>> z, y = observables('z y', K)
    >>> NTCov(softmax(z), y).expand()
    DiagMatrix(softmax(z))*NTCov(z, y) - softmax(z)*softmax(z).T*NTCov(z, y)
    """

    letter = "p"

    def __new__(cls, argument: Any) -> SoftmaxVector:
        return super().__new__(cls, column(argument))

    @property
    def argument(self) -> Any:
        """The logits."""
        return self.args[0]

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of the logits."""
        return self.argument.shape

    def jacobians(self) -> list[tuple[Any, Any]]:
        """S = diag(π) - π πᵀ."""
        return [(DiagMatrix(self) - self * self.T, self.argument)]

    def pull(self, value: Any, adjoint: Any, define: Define) -> Any:
        """`π ∘ (δ - (πᵀδ) 1)`."""
        adjoint = as_matrix(adjoint)
        mean = ScalarProduct(value, adjoint)
        return ScaledRows(value, MatAdd(adjoint, MatMul(-mean, OneMatrix(*self.shape))))

    def _sympystr(self, printer: Any) -> str:
        return f"softmax({printer._print(self.argument)})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\operatorname{{softmax}}\left({printer._print(self.argument)}\right)"


class SoftmaxRows(ArrayNode):
    """The softmax of every row of a matrix, `A_ts = exp(S_ts) / Σ_r exp(S_tr)`: attention.

    Parameters
    ==========

    argument : the matrix S of scores.
    causal : whether a row sees only the columns up to its own number: then `A_ts = 0` for s > t.

    Examples
    ========

    >>> from sympy import MatrixSymbol, Symbol
    >>> from symprice.arrays import SoftmaxRows
    >>> T = Symbol('T', integer=True, positive=True)
    >>> SoftmaxRows(MatrixSymbol('S', T, T), causal=True)
    SoftmaxRows(S, True)
    """

    letter = "A"

    def __new__(cls, argument: Any, causal: Any = False) -> SoftmaxRows:
        return super().__new__(cls, matrix(argument), _sympify(bool(causal)))

    @property
    def argument(self) -> Any:
        """The scores."""
        return self.args[0]

    @property
    def causal(self) -> bool:
        """Whether a row sees only the columns up to its own number."""
        return bool(self.args[1])

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of the scores."""
        return self.argument.shape

    def pull(self, value: Any, adjoint: Any, define: Define) -> Any:
        """`A ∘ (δ - ((A ∘ δ) 1) 1ᵀ)`; what a row does not see has the entry 0 of A."""
        adjoint, columns = as_matrix(adjoint), self.shape[1]
        ones = OneMatrix(columns, 1), OneMatrix(1, columns)
        means = MatMul(S.NegativeOne, HadamardProduct(value, adjoint), *ones)
        return HadamardProduct(value, MatAdd(adjoint, means))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        causal = r"_{\mathrm{causal}}" if self.causal else ""
        return rf"\operatorname{{softmax}}{causal}\left({printer._print(self.argument)}\right)"


class LogSumExp(Expr):
    """`log Σ_j exp(z_j)` of a column of logits, the scalar whose gradient is their softmax.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import inputs
    >>> from symprice.arrays import LogSumExp
    >>> LogSumExp(inputs('z', Symbol('K', integer=True, positive=True))) + 1
    LogSumExp(z) + 1
    """

    is_commutative = True
    precedence = PRECEDENCE["Atom"]

    def __new__(cls, argument: Any) -> LogSumExp:
        return super().__new__(cls, column(argument))

    @property
    def argument(self) -> Any:
        """The logits."""
        return self.args[0]

    def pull(self, value: Any, adjoint: Any, define: Define) -> Any:
        """`δ softmax(z)`, a column, for the scalar adjoint δ."""
        return MatMul(adjoint, define(companion(self.argument, "p"), SoftmaxVector(self.argument)))

    def doit(self, **hints: Any) -> Any:
        """The same; of a column with a known number of entries, the logarithm of the sum."""
        argument = self.argument.doit(**hints) if hints.get("deep", True) else self.argument
        if not isinstance(argument, MatrixBase):
            return self.func(argument)
        return log(Add(*map(exp, argument)))

    def _eval_derivative(self, symbol: Any) -> Any:
        if symbol not in self.free_symbols:
            return S.Zero
        argument = self.argument
        if isinstance(argument, MatrixBase):
            weights = argument.applyfunc(exp)
            return Add(*(w * z.diff(symbol) for w, z in zip(weights, argument, strict=True))) / Add(
                *weights
            )
        raise NoRuleError(
            f"asked for the derivative of {self} by {symbol}: write the closed form of a "
            "covariance, or explicit logits with logsumexp(z1, z2, ...)"
        )

    def _eval_is_real(self) -> bool | None:
        # Entries of a symbolic column are real, as everywhere at matrix level.
        return None if isinstance(self.argument, MatrixBase) else True

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        values = list(evaluate(self.argument, point))
        highest = max(values)
        return highest + mpmath.log(mpmath.fsum(mpmath.exp(z - highest) for z in values))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        inner = printer._print(self.argument)
        return rf"\operatorname{{logsumexp}}{power}\left({inner}\right)"


def companion(value: Any, letter: str) -> str:
    """A name beside another one: ``s2_prime`` beside the value named ``z2_prime``."""
    name = str(getattr(getattr(value, "array", value), "name", ""))
    return letter + re.sub(r"^[A-Za-z]+", "", name)


def as_matrix(adjoint: Any) -> Any:
    """A matrix as it is, a scalar as the 1 × 1 matrix of it."""
    return adjoint if getattr(adjoint, "is_Matrix", False) else MatMul(adjoint, OneMatrix(1, 1))


def matrix(argument: Any) -> Any:
    """A matrix, or an error that says what it is instead."""
    argument = _sympify(argument)
    if isinstance(argument, MatrixBase):
        argument = argument.as_immutable()
    if not getattr(argument, "is_Matrix", False):
        raise ShapeError(f"asked for a function of the matrix {argument}: it is none")
    return argument


def column(argument: Any) -> Any:
    """A column vector, or an error that says what it is instead."""
    if isinstance(argument, (list, tuple)):
        argument = ImmutableDenseMatrix(len(argument), 1, list(argument))
    argument = _sympify(argument)
    if isinstance(argument, MatrixBase):
        argument = argument.as_immutable()
    shape = getattr(argument, "shape", None)
    if not isinstance(argument, Basic) or shape is None or len(shape) != 2 or shape[1] != 1:
        raise ShapeError(
            f"asked for a vector function of {argument}: its argument is a column vector, as "
            "observables('X', n) or a Matrix with one column"
        )
    return argument
