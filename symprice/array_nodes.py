"""Array nodes of normalisation: columns and rows brought to mean 0 and variance 1, or to size 1.

Each states its pullback in terms of its own value and of the deviation s that it divides by, so the
derivative is a rank-two correction of the identity, never a matrix of second derivatives.
"""

from __future__ import annotations

from typing import Any, ClassVar

import mpmath
from sympy import (
    HadamardProduct,
    Identity,
    Lambda,
    MatAdd,
    MatMul,
    OneMatrix,
    S,
    Symbol,
    Transpose,
    sqrt,
)
from sympy.core.sympify import _sympify

from .arrays import ArrayNode, Define, as_matrix, column, companion, matrix
from .elementwise import Elementwise, ScalarProduct, ScaledRows
from .errors import NoRuleError, ShapeError
from .symbols import depends_on_parameters

__all__ = ["RMSNormalized", "RMSNormalizedRows", "Standardized", "StandardizedRows"]


class _Normalisation(ArrayNode):
    """What the four have in common: an argument, an ε, and whether the mean is taken off."""

    letter = "z"
    centred: ClassVar[bool]
    tex: ClassVar[str]
    shaped: ClassVar[Any]

    def __new__(cls, argument: Any, eps: Any = S.Zero) -> Any:
        return super().__new__(cls, cls.shaped(argument), _checked(cls, eps))

    @property
    def argument(self) -> Any:
        """What is normalised."""
        return self.args[0]

    @property
    def eps(self) -> Any:
        """The ε under the root."""
        return self.args[1]

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of the argument."""
        return self.argument.shape

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        inner, eps = printer._print(self.argument), printer._print(self.eps)
        return rf"\operatorname{{{self.tex}}}_{{{eps}}}\left({inner}\right)"


class _OfColumn(_Normalisation):
    """Down a column."""

    shaped = staticmethod(column)

    def _deviation(self, define: Define | None, value: Any) -> Any:
        """`s = √(‖h - μ1‖²/n + ε)`, with μ and s named where names can be given."""
        size, h = self.shape[0], self.argument
        if self.centred:
            ones = OneMatrix(size, 1)
            mean = ScalarProduct(ones, h) / size
            mean = define(companion(value, "mu"), mean) if define else mean
            h = MatAdd(h, MatMul(-mean, ones))
        deviation = sqrt(ScalarProduct(h, h) / size + self.eps)
        return define(companion(value, "s"), deviation) if define else deviation

    def jacobians(self) -> list[tuple[Any, Any]]:
        """`s⁻¹ (I - 11ᵀ/n - ẑẑᵀ/n)`, without 11ᵀ where the mean stays."""
        size = self.shape[0]
        terms = [Identity(size), MatMul(-1 / size, self, Transpose(self))]
        if self.centred:
            terms.append(MatMul(-1 / size, OneMatrix(size, size)))
        return [(MatMul(1 / self._deviation(None, self), MatAdd(*terms)), self.argument)]

    def pull(self, value: Any, adjoint: Any, define: Define) -> Any:
        """`s⁻¹ (δ - (1ᵀδ/n) 1 - (ẑᵀδ/n) ẑ)`, without the mean of δ where the mean stays."""
        size, adjoint = self.shape[0], as_matrix(adjoint)
        terms = [adjoint, MatMul(-ScalarProduct(value, adjoint) / size, value)]
        if self.centred:
            ones = OneMatrix(size, 1)
            terms.append(MatMul(-ScalarProduct(ones, adjoint) / size, ones))
        return MatMul(1 / self._deviation(define, value), MatAdd(*terms))

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        values = evaluate(self.argument, point)
        return mpmath.matrix(_normalised(list(values), evaluate(self.eps, point), self.centred))


class _OfRows(_Normalisation):
    """Along every row."""

    shaped = staticmethod(matrix)

    def pull(self, value: Any, adjoint: Any, define: Define) -> Any:
        """`s⁻¹ ∘ (δ - (δ1/d) 1ᵀ - ((ẑ∘δ)1/d) ∘ ẑ)`, s a column with an entry for every row."""
        size, x, adjoint = self.shape[1], self.argument, as_matrix(adjoint)
        ones, across = OneMatrix(size, 1), OneMatrix(1, size)
        if self.centred:
            mean = define(companion(value, "mu"), MatMul(1 / size, x, ones))
            x = MatAdd(x, MatMul(S.NegativeOne, mean, across))
        squares = MatMul(1 / size, HadamardProduct(x, x), ones)
        slot = Symbol("v") if Symbol("v") not in self.eps.free_symbols else Symbol("variance")
        root = Elementwise(Lambda(slot, sqrt(slot + self.eps)), squares)
        deviation = define(companion(value, "s"), root)
        along = MatMul(-1 / size, HadamardProduct(value, adjoint), ones)
        terms = [adjoint, ScaledRows(along, value)]
        if self.centred:
            terms.append(MatMul(-1 / size, adjoint, ones, across))
        slot = Symbol("s")
        return ScaledRows(Elementwise(Lambda(slot, 1 / slot), deviation), MatAdd(*terms))

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        values, eps = evaluate(self.argument, point), evaluate(self.eps, point)
        rows = values.tolist()
        return mpmath.matrix([_normalised(row, eps, self.centred) for row in rows])


class Standardized(_OfColumn):
    """A column with its mean taken off, over its deviation: `(h - μ1) / √(‖h - μ1‖²/n + ε)`.

    Parameters
    ==========

    argument : a column h of n entries.
    eps : ε, which does not depend on θ.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import inputs
    >>> from symprice.array_nodes import Standardized
    >>> n, eps = Symbol('n', integer=True, positive=True), Symbol('epsilon', positive=True)
    >>> Standardized(inputs('h', n), eps)
    Standardized(h, epsilon)
    """

    centred = True
    tex = "standardize"


class RMSNormalized(_OfColumn):
    """A column over the root of its mean square: `h / √(‖h‖²/n + ε)`.

    Parameters
    ==========

    argument, eps : as of ``Standardized``.

    Examples
    ========

    >>> from symprice import inputs
    >>> from symprice.array_nodes import RMSNormalized
    >>> RMSNormalized(inputs('h', 3), 0).shape
    (3, 1)
    """

    centred = False
    tex = "rms"


class StandardizedRows(_OfRows):
    """Every row of a matrix with its mean taken off, over its deviation.

    Parameters
    ==========

    argument : a matrix.
    eps : ε beside the variance of a row, the mean of its squares about the mean.

    Examples
    ========

    >>> from sympy import MatrixSymbol
    >>> from symprice.array_nodes import StandardizedRows
    >>> StandardizedRows(MatrixSymbol('X', 5, 3), 0).shape
    (5, 3)
    """

    centred = True
    tex = "standardize"


class RMSNormalizedRows(_OfRows):
    """Every row of a matrix over the root of its mean square.

    Parameters
    ==========

    argument, eps : as of ``StandardizedRows``.

    Examples
    ========

    >>> from sympy import MatrixSymbol
    >>> from symprice.array_nodes import RMSNormalizedRows
    >>> RMSNormalizedRows(MatrixSymbol('X', 5, 3), 0).shape
    (5, 3)
    """

    centred = False
    tex = "rms"


def _checked(cls: type, eps: Any) -> Any:
    eps = _sympify(eps)
    if getattr(eps, "is_Matrix", False):
        raise ShapeError(f"asked for {cls.__name__} with eps = {eps}: a number or a Symbol")
    if depends_on_parameters(eps):
        raise NoRuleError(
            f"asked for {cls.__name__} with eps = {eps}, which is trained: no rule differentiates "
            "by it; write a number or a Symbol"
        )
    return eps


def _normalised(values: list[Any], eps: Any, centred: bool) -> list[Any]:
    mean = mpmath.fsum(values) / len(values) if centred else 0
    centre = [value - mean for value in values]
    root = mpmath.sqrt(mpmath.fsum(c * c for c in centre) / len(values) + eps)
    return [c / root for c in centre]
