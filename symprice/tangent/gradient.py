"""Gradients that stay symbols, ∇P of an unspecified property, and inner products with them.

For derivations that begin before the covariance does: `dP/dt = ∇P · dθ/dt = ∇P · ∇(-L) = NTCov(P,
-L)`. The derivative along a vector that is no gradient, as a momentum, is `∇P · v`.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Derivative, Expr, S
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Rule
from ..symbols import (
    TRAINED,
    Observable,
    ObservableVector,
    Parameter,
    depends_on_parameters,
)
from .covariance import covariance
from .differences import Place, along, parameter_vector, units
from .metric import Metric
from .properties import OfParameters, ScalarOfParameters
from .vectors import (
    ParameterPosition,
    Preconditioned,
    VectorOfParameters,
    is_state,
    numeric_vector,
    terms,
)

__all__ = ["DefinitionOfCovariance", "Inner", "Nabla", "has_formula", "source_of"]


class Nabla(OfParameters, VectorOfParameters):
    """∇θ P, the gradient of a property: a column with as many entries as there are parameters.

    Examples
    ========

    >>> from symprice import observables
    >>> from symprice.tangent.gradient import Nabla
    >>> P = observables('P')
    >>> Nabla(P).shape
    (n_theta, 1)
    """

    precedence = PRECEDENCE["Mul"]

    def __new__(cls, prop: Any) -> Nabla:
        return super().__new__(cls, _sympify(prop))

    def coordinate(self, parameter: Any) -> Any:
        """The derivative by a parameter."""
        return covariance(self.args[0], parameter)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        (prop,) = self.args
        return [
            along(prop, unit, evaluate, point)
            if isinstance(p, Place)
            else evaluate(Derivative(prop, p, evaluate=False), point)
            for p, unit in zip(parameter_vector(point), units(point), strict=True)
        ]

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        (prop,) = self.args
        level = PRECEDENCE["Atom" if isinstance(prop, Inner) else "Mul"]
        return rf"\nabla {printer.parenthesize(prop, level)}"


def source_of(vector: Any) -> tuple[Any, Metric | None] | None:
    """The property and the metric that a vector ∇P or M∇P is made of; None for other vectors."""
    if isinstance(vector, Nabla):
        return vector.args[0], None
    if isinstance(vector, Preconditioned) and isinstance(vector.vector, Nabla):
        return vector.vector.args[0], vector.metric
    return None


def has_formula(prop: Any) -> bool:
    """Whether nothing in a property is unspecified."""
    return not any(isinstance(s, (Observable, ObservableVector)) for s in prop.free_symbols)


class DefinitionOfCovariance(Rule):
    """∇a · ∇b = NTCov(a, b), by definition; in a metric ∇a · M∇b = NTCov_M(a, b)."""

    @property
    def name(self) -> str:
        """'definition of NTCov'."""
        return "definition of NTCov"

    def apply(self, node: Any) -> Any:
        """The covariance, where both vectors are gradients."""
        if not isinstance(node, Inner):
            return None
        first, last = map(source_of, node.args)
        if first is None or last is None or first[1] is not None:
            return None
        return covariance(first[0], last[0], metric=last[1])


class Linearity(Rule):
    """∇P · (c u + v) = c ∇P · u + ∇P · v, and the same in the first vector."""

    def apply(self, node: Any) -> Any:
        """The terms of both vectors, each with its coefficient."""
        if not isinstance(node, Inner):
            return None
        left, right = (terms(v) for v in node.args)
        if [(S.One, v) for v in node.args] == left + right:
            return None
        return Add(*(c * d * Inner(u, v) for c, u in left for d, v in right))


class KnownVector(Rule):
    """u · v, with what v is known to be put in for it."""

    def apply(self, node: Any) -> Any:
        """The inner product rewritten by the rule that its second vector names."""
        rule = getattr(node.args[1], "known", None) if isinstance(node, Inner) else None
        return None if rule is None else rule().apply(node)


class DerivativeAlongVector(Rule):
    """∇f(P, Q) · v = ∂f/∂P ∇P · v + ∂f/∂Q ∇Q · v: a derivation, as the covariance is."""

    def apply(self, node: Any) -> Any:
        """The properties that f is made of, each with its partial derivative."""
        if not isinstance(node, Inner) or not isinstance(node.args[0], Nabla):
            return None
        from .laws import Bilinearity, ChainRule, ProductRule

        (prop,), vector = node.args[0].args, node.args[1]
        if not depends_on_parameters(prop):
            return S.Zero
        if has_formula(prop) or source_of(vector):
            return None
        for law in (Bilinearity(), ProductRule(), ChainRule()):
            found = law.combination(prop)
            if found is not None:
                return Add(*(c * Inner(Nabla(u), vector) for c, u in found))
        return None


class Potential(Rule):
    """∇P · v = NTCov(P, ⟨θ, v⟩) for a v that does not depend on θ, ∇P · θ = NTCov(P, ½|θ|²)."""

    def apply(self, node: Any) -> Any:
        """The covariance with a function whose gradient the vector is."""
        if not isinstance(node, Inner) or not isinstance(node.args[0], Nabla):
            return None
        (prop,), vector = node.args[0].args, node.args[1]
        if not has_formula(prop) or not (is_state(vector) or isinstance(vector, ParameterPosition)):
            return None
        return covariance(
            prop, vector.potential(s for s in prop.free_symbols if isinstance(s, TRAINED))
        )


class ByCoordinates(Rule):
    """∇P · v = Σ_w ∂P/∂w v_w for a formula P and a vector whose coordinates are known."""

    def apply(self, node: Any) -> Any:
        """The sum over the scalar parameters; of a gradient, and of matrices, nothing."""
        if not isinstance(node, Inner) or not isinstance(node.args[0], Nabla):
            return None
        (prop,), vector = node.args[0].args, node.args[1]
        trained = [s for s in prop.free_symbols if isinstance(s, TRAINED)]
        if not isinstance(vector, Preconditioned) or not has_formula(prop):
            return None
        if not all(isinstance(s, Parameter) for s in trained):
            return None
        ordered = sorted(trained, key=lambda s: s.sort_key())
        return Add(*(covariance(prop, w) * vector.coordinate(w) for w in ordered))


class Inner(ScalarOfParameters):
    """The inner product `u · v` of two vectors over the parameters, a scalar."""

    def __new__(cls, u: Any, v: Any) -> Inner:
        return Expr.__new__(cls, _sympify(u), _sympify(v))

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """Linearity, the definition of the covariance, derivatives along vectors that are none."""
        return (*cls.expansion_laws(), Potential(), ByCoordinates())

    @classmethod
    def expansion_laws(cls) -> tuple[Rule, ...]:
        """All but the values along vectors that are known."""
        return (Linearity(), KnownVector(), DefinitionOfCovariance(), DerivativeAlongVector())

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        u, v = (numeric_vector(vector, evaluate, point) for vector in self.args)
        return sum(a * b for a, b in zip(u, v, strict=True))

    def _tex(self, printer: Any) -> str:
        return r" \cdot ".join(printer.parenthesize(v, PRECEDENCE["Mul"]) for v in self.args)
