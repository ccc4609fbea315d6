"""Array nodes: vector functions that know the Jacobian by each of their arguments.

The set is closed and small; what a node states is its shape and ``jacobians``, and every law
follows from these.
"""

from __future__ import annotations

from typing import Any

from sympy import Basic, DiagMatrix, ImmutableDenseMatrix, MatrixExpr
from sympy.core.symbol import Str
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase
from sympy.printing.precedence import PRECEDENCE

from .errors import NameClashError, ShapeError

__all__ = ["ArrayNode", "JacobianOf", "SoftmaxVector", "VectorFunction"]


class ArrayNode(MatrixExpr):
    """A matrix expression that states its derivative: ``jacobians()`` lists (J, argument)."""

    precedence = PRECEDENCE["Atom"]

    def jacobians(self) -> list[tuple[Any, Any]]:
        """The Jacobian by each argument that is a vector."""
        raise NotImplementedError


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

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        from sympy.matrices.expressions.matexpr import MatrixElement

        return MatrixElement(self, i, j)

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
        from sympy.matrices.expressions.matexpr import MatrixElement

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

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        from sympy.matrices.expressions.matexpr import MatrixElement

        return MatrixElement(self, i, j)

    def _sympystr(self, printer: Any) -> str:
        return f"softmax({printer._print(self.argument)})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\operatorname{{softmax}}\left({printer._print(self.argument)}\right)"


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
