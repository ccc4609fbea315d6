"""Vectors over the parameters that are no gradients of a property: states, θ itself, M v.

A state (momentum, a moving average) does not depend on θ, so it is the gradient of the linear
function `⟨θ, v⟩`, and θ is the gradient of `½|θ|²`: derivatives along them are covariances with
these potentials.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sympy import Add, MatAdd, MatMul, MatrixExpr, MatrixSymbol, Mul, Rational, Symbol
from sympy.core.symbol import Str
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..elementwise import ScalarProduct
from ..errors import NoRuleError
from ..symbols import Parameter, ParameterMatrix
from .metric import Metric
from .properties import OfParameters, metric_tex

__all__ = [
    "DIMENSION",
    "ParameterPosition",
    "Preconditioned",
    "StateVector",
    "StepSized",
    "VectorOfParameters",
    "Velocity",
    "numeric_vector",
    "parameter_vector",
    "terms",
]

DIMENSION = Symbol("n_theta", integer=True, positive=True)


def parameter_vector(point: Any) -> list[Parameter]:
    """The coordinates of θ at a point: its Parameters, in one order for all vectors."""
    return sorted((s for s in point if isinstance(s, Parameter)), key=lambda p: p.sort_key())


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

    def coordinate(self, parameter: Any) -> Any:
        """The entry, or the block, that belongs to a parameter."""
        raise NotImplementedError

    def potential(self, symbols: Iterable[Any]) -> Any:
        """A function of the given parameters whose gradient the vector is."""
        raise NotImplementedError

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        return [evaluate(self.coordinate(p), point) for p in parameter_vector(point)]


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
            return MatrixSymbol(name, *parameter.shape)
        return self._entries(name, real=parameter.is_real)

    def potential(self, symbols: Iterable[Any]) -> Any:
        """⟨θ, v⟩, whose gradient is v."""
        return Add(*(_paired(p, self.coordinate(p)) for p in _ordered(symbols, self)))

    def _sympystr(self, printer: Any) -> str:
        return self.name

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return printer._print(Symbol(self.name))


class Velocity(StateVector):
    """A state that is of the order of the step size: what momentum adds to every step."""

    _entries = StepSized


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
        return r"\theta"


class Preconditioned(OfParameters, VectorOfParameters):
    """M v: a gradient in a metric."""

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

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        coordinates = parameter_vector(point)
        value = dict(zip(coordinates, numeric_vector(self.vector, evaluate, point), strict=True))
        return [
            sum(evaluate(entry, point) * value[other] for other, entry in self.metric.row(p))
            for p in coordinates
        ]

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        vector = printer.parenthesize(self.vector, PRECEDENCE["Mul"])
        return rf"{metric_tex(self.metric, printer)} {vector}"


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
        found += [(Mul(*scalars, c), v) for c, v in inner if not v.is_ZeroMatrix]
    return found


def numeric_vector(vector: Any, evaluate: Any, point: Any) -> list[Any]:
    """The entries of a sum of multiples of vectors at a point, parameter by parameter."""
    total = [0 * point[p] for p in parameter_vector(point)]
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
