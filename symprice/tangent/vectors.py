"""Vectors over the parameters that are no gradients of a property: states, θ itself, M v.

A state (momentum, a moving average) does not depend on θ, so it is the gradient of the linear
function `⟨θ, v⟩`, and θ is the gradient of `½|θ|²`: derivatives along them are covariances with
these potentials.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import mpmath
from sympy import (
    Add,
    Expr,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    Mul,
    Rational,
    Symbol,
    ZeroMatrix,
)
from sympy.core.symbol import Str
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..elementwise import ScalarProduct
from ..errors import NoRuleError
from ..symbols import Parameter, ParameterMatrix
from .differences import flattened, numeric_metric, parameter_vector, trained_symbols
from .metric import Metric
from .properties import OfParameters

__all__ = [
    "DIMENSION",
    "ParameterPosition",
    "PositiveMatrix",
    "PositiveState",
    "Preconditioned",
    "StateVector",
    "StepSized",
    "StepSizedMatrix",
    "VectorOfParameters",
    "Velocity",
    "added",
    "is_state",
    "numeric_vector",
    "parameter_vector",
    "scaled",
    "terms",
]

DIMENSION = Symbol("n_theta", integer=True, positive=True)


class VectorOfParameters(MatrixExpr):
    """A column with an entry for every coordinate of θ; the base of all vectors here."""

    @property
    def shape(self) -> tuple[Any, Any]:
        """Number of parameters × 1."""
        return DIMENSION, _sympify(1)

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        raise NoRuleError(
            f"asked for an entry of {self}, which is a vector over all parameters: its entries are "
            "by parameter, as v.coordinate(w)"
        )

    def doit(self, **hints: Any) -> Any:
        """Itself: it unfolds in an inner product, and SymPy does all that it multiplies."""
        return self

    def __mul__(self, other: Any) -> Any:
        return scaled(other, self) if _is_scalar(other) else super().__mul__(other)

    __rmul__ = __mul__

    def coordinate(self, parameter: Any) -> Any:
        """The entry, or the block, that belongs to a parameter."""
        raise NotImplementedError

    def potential(self, symbols: Iterable[Any]) -> Any:
        """A function of the given parameters whose gradient the vector is."""
        raise NotImplementedError

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        return flattened(evaluate(self.coordinate(p), point) for p in trained_symbols(point))


class StepSized(Symbol):
    """A coordinate of a velocity: in O-terms it counts as of the order of the step size.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.tangent.vectors import Velocity
    >>> Velocity('v').coordinate(Parameter('w'))
    v_w
    """

    __slots__ = ()


class StepSizedMatrix(MatrixSymbol):
    """The block of a velocity that belongs to a trained matrix: as small as ``StepSized``.

    Examples
    ========

    >>> from symprice import ParameterMatrix
    >>> from symprice.tangent.vectors import Velocity
    >>> Velocity('v').coordinate(ParameterMatrix('W', 2, 3)).shape
    (2, 3)
    """


class PositiveMatrix(MatrixSymbol):
    """A matrix of positive numbers.

    Examples
    ========

    >>> from symprice.tangent.vectors import PositiveMatrix
    >>> PositiveMatrix('v', 2, 3).shape
    (2, 3)
    """


class StateVector(VectorOfParameters):
    """A vector of the training state that does not depend on θ, as a moving average.

    Parameters
    ==========

    name : its letter; the entry that belongs to the parameter w is the symbol ``v_w``.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.tangent.gradient import Inner, Nabla
    >>> from symprice.tangent.vectors import StateVector
    >>> w, b = parameters('w b')
    >>> Inner(Nabla(w*b), StateVector('m')).doit()
    b*m_w + w*m_b
    """

    _entries: Any = Symbol
    _blocks: Any = MatrixSymbol
    _facts: ClassVar[dict[str, bool]] = {}

    def __new__(cls, name: Any) -> StateVector:
        return super().__new__(cls, name if isinstance(name, Str) else Str(str(name)))

    @property
    def name(self) -> str:
        """Its letter."""
        return self.args[0].name

    def coordinate(self, parameter: Any) -> Any:
        """The symbol for the entry that belongs to a parameter, of the same shape."""
        name = f"{self.name}_{parameter.name}"
        if isinstance(parameter, ParameterMatrix):
            return self._blocks(name, *parameter.shape)
        return self._entries(name, **(self._facts or {"real": parameter.is_real}))

    def potential(self, symbols: Iterable[Any]) -> Any:
        """⟨θ, v⟩, whose gradient is v."""
        return Add(*(_paired(p, self.coordinate(p)) for p in _ordered(symbols, self)))

    def _sympystr(self, printer: Any) -> str:
        return self.name

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return printer._print(Symbol(self.name))


class Velocity(StateVector):
    """A state that is of the order of the step size: what momentum adds to every step.

    Examples
    ========

    >>> from symprice import HeavyBall, Velocity, observables, price
    >>> P, L = observables('P L')
    >>> price(P, L, HeavyBall(1, 0)).dynamics.bias(L) == 0 * Velocity('v')
    True
    """

    _entries = StepSized
    _blocks = StepSizedMatrix


class PositiveState(StateVector):
    """A state of positive entries, as the mean square of gradients.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.tangent.vectors import PositiveState
    >>> PositiveState('v').coordinate(Parameter('w')).is_positive
    True
    """

    _facts: ClassVar[dict[str, bool]] = {"positive": True}
    _blocks = PositiveMatrix


class ParameterPosition(VectorOfParameters):
    """θ itself: what decay shrinks. `∇P · θ` is Euler's operator.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.tangent.gradient import Inner, Nabla
    >>> from symprice.tangent.vectors import ParameterPosition
    >>> w, b = parameters('w b')
    >>> Inner(Nabla(w**2*b), ParameterPosition()).doit()
    3*b*w**2
    """

    def coordinate(self, parameter: Any) -> Any:
        """The parameter."""
        return parameter

    def potential(self, symbols: Iterable[Any]) -> Any:
        """½|θ|², whose gradient is θ."""
        return Rational(1, 2) * Add(*(_paired(p, p) for p in _ordered(symbols, self)))

    def _sympystr(self, printer: Any) -> str:
        return "theta"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return theta_tex(printer)


class Preconditioned(OfParameters, VectorOfParameters):
    """M v: a gradient in a metric."""

    precedence = PRECEDENCE["Mul"]

    def __new__(cls, metric: Metric, vector: Any) -> Preconditioned:
        return super().__new__(cls, metric, vector)

    @property
    def metric(self) -> Metric:
        """The metric M."""
        return self.args[0]

    @property
    def vector(self) -> Any:
        """The vector v."""
        return self.args[1]

    @property
    def is_constant_in_parameters(self) -> bool:
        """Whether it is a state in a metric that does not depend on θ."""
        return self.metric.is_constant and is_state(self.vector)

    def coordinate(self, parameter: Any) -> Any:
        """The entry that belongs to a parameter: Σ_u M_pu v_u."""
        if isinstance(parameter, ParameterMatrix):
            return self.metric.on_block(parameter, self.vector.coordinate(parameter))
        row = self.metric.row(parameter)
        return Add(*(entry * self.vector.coordinate(other) for other, entry in row))

    def potential(self, symbols: Iterable[Any]) -> Any:
        """⟨θ, M v⟩, whose gradient is M v where both are constant."""
        return Add(*(_paired(p, self.coordinate(p)) for p in _ordered(symbols, self)))

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        matrix = numeric_metric(self.metric, evaluate, point)
        value = numeric_vector(self.vector, evaluate, point)
        n = range(len(value))
        return [sum(matrix[i, j] * value[j] for j in n if matrix[i, j]) for i in n]

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return self.metric.applied_tex(self.vector, printer)


def theta_tex(printer: Any) -> str:
    r"""The vector of all parameters as the printer's notation has it, `\theta` elsewhere."""
    return str(getattr(getattr(printer, "notation", None), "theta", r"\theta"))


def _is_scalar(given: Any) -> bool:
    found = _sympify(given)
    return isinstance(found, Expr) and not getattr(found, "is_Matrix", False)


def scaled(number: Any, vector: Any) -> Any:
    """A multiple of a vector. SymPy's own product does all that is in the number, and covariances
    in it would be unfolded.
    """
    number = _sympify(number)
    if number == 1 or vector.is_ZeroMatrix:
        return vector
    return MatMul(number, vector) if number != 0 else ZeroMatrix(*vector.shape)


def added(*vectors: Any) -> Any:
    """The sum of vectors, with numbers before them as they are."""
    parts = [v for v in vectors if not v.is_ZeroMatrix]
    if len(parts) > 1:
        return MatAdd(*parts)
    return parts[0] if parts else ZeroMatrix(DIMENSION, 1)


def is_state(vector: Any) -> bool:
    """Whether a vector does not depend on θ."""
    if isinstance(vector, Preconditioned):
        return vector.is_constant_in_parameters
    return isinstance(vector, StateVector)


def terms(vector: Any) -> list[tuple[Any, Any]]:
    """A vector as (coefficient, vector) pairs: a sum of multiples of vectors that are none."""
    found = []
    for term in MatAdd.make_args(vector):
        factors = term.args if isinstance(term, (MatMul, Mul)) else (term,)
        scalars = [f for f in factors if not getattr(f, "is_Matrix", False)]
        rest = [f for f in factors if getattr(f, "is_Matrix", False)]
        if len(rest) != 1:
            raise NoRuleError(f"asked for {term} as a multiple of one vector over the parameters")
        inner = [(_sympify(1), rest[0])]
        if isinstance(rest[0], (MatAdd, MatMul)):
            inner = terms(rest[0])
        elif isinstance(rest[0], Preconditioned) and isinstance(rest[0].vector, (MatAdd, MatMul)):
            metric = rest[0].metric  # linear: M (a u + b v) = a M u + b M v
            inner = [(c, Preconditioned(metric, v)) for c, v in terms(rest[0].vector)]
        found += [(Mul(*scalars, c), v) for c, v in inner if not v.is_ZeroMatrix]
    return found


def numeric_vector(vector: Any, evaluate: Any, point: Any) -> list[Any]:
    """The entries of a sum of multiples of vectors at a point, parameter by parameter."""
    total = [mpmath.mpf(0) for _ in parameter_vector(point)]
    for coefficient, part in terms(vector):
        factor = evaluate(coefficient, point)
        total = [t + factor * e for t, e in zip(total, evaluate(part, point), strict=True)]
    return total


def _paired(parameter: Any, other: Any) -> Any:
    if isinstance(parameter, ParameterMatrix):
        return ScalarProduct(parameter, other)
    return parameter * other


def _ordered(symbols: Iterable[Any], vector: Any) -> list[Any]:
    known = [s for s in symbols if isinstance(s, (Parameter, ParameterMatrix))]
    return sorted(known, key=lambda s: s.sort_key())
