"""Gradient flow, `dθ/dt = -∇L`, and what it does to a property: `dP/dt = NTCov(P, -L)`."""

from __future__ import annotations

from typing import Any

from sympy import Basic, Expr, MatrixExpr
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Derivation, Rule, Step, rewrite
from ..nodes import Node
from ..tangent.gradient import DIMENSION, DefinitionOfCovariance, Inner, Nabla
from ..tangent.properties import OfParameters

__all__ = ["FlowVelocity", "GradientFlow", "TimeDerivative"]


class ChainRuleInTime(Rule):
    """dP/dt = ∇P · dθ/dt."""

    @property
    def name(self) -> str:
        """'chain rule'."""
        return "chain rule"

    def apply(self, node: Any) -> Any:
        """The gradient times the velocity of θ."""
        if isinstance(node, TimeDerivative):
            return Inner(Nabla(node.args[0]), FlowVelocity(node.args[1]))
        return None


class GradientFlowRule(Rule):
    """dθ/dt = -∇L = ∇(-L)."""

    @property
    def name(self) -> str:
        """'gradient flow'."""
        return "gradient flow"

    def apply(self, node: Any) -> Any:
        """The velocity of θ, inserted into an inner product."""
        if isinstance(node, Inner) and isinstance(node.args[1], FlowVelocity):
            return Inner(node.args[0], Nabla(-node.args[1].args[0]))
        return None


class FlowVelocity(OfParameters, MatrixExpr):
    """dθ/dt under gradient flow on L, the vector -∇L."""

    precedence = PRECEDENCE["Mul"]
    known = GradientFlowRule

    def __new__(cls, loss: Any) -> FlowVelocity:
        return super().__new__(cls, _sympify(loss))

    @property
    def shape(self) -> tuple[Any, Any]:
        """Number of parameters × 1."""
        return DIMENSION, _sympify(1)

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return Nabla(-self.args[0])._entry(i, j)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        return [-value for value in evaluate(Nabla(self.args[0]), point)]

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return r"\frac{d\theta}{dt}"


class TimeDerivative(Node, OfParameters, Expr):
    """dP/dt along gradient flow on L.

    Examples
    ========

    >>> from symprice import derive, observables
    >>> from symprice.dynamics.flow import TimeDerivative
    >>> P, L = observables('P L')
    >>> TimeDerivative(P, L).doit()
    -NTCov(P, L)
    """

    is_commutative = True

    def __new__(cls, prop: Any, loss: Any) -> TimeDerivative:
        return Expr.__new__(cls, _sympify(prop), _sympify(loss))

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The chain rule; the flow is then inserted into the inner product."""
        return (ChainRuleInTime(),)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        from .finite_step import along

        loss = evaluate(Nabla(self.args[1]), point)
        return along(self.args[0], [-g for g in loss], evaluate, point)

    def _eval_derivative(self, symbol: Any) -> Any:
        return self.doit().diff(symbol)

    def _tex(self, printer: Any) -> str:
        return rf"\frac{{d {printer.parenthesize(self.args[0], PRECEDENCE['Mul'])}}}{{dt}}"


class GradientFlow(Basic):
    """`dθ/dt = -∇L`: infinitesimal steps along the exact gradient.

    Examples
    ========

    >>> from symprice import GradientFlow, observables, price
    >>> P, L = observables('P L')
    >>> price(P, L, GradientFlow()).equation
    Eq(Derivative(P(t), t), NTCov(P, -L))
    """

    orders = (1,)

    def derivation(self, prop: Any, loss: Any, order: int) -> Derivation:
        """dP/dt = ∇P · dθ/dt = ∇P · ∇(-L) = NTCov(P, -L)."""
        steps: list[Step] = []
        current: Any = TimeDerivative(prop, loss)
        for rule in (ChainRuleInTime(), GradientFlowRule(), DefinitionOfCovariance()):
            after = rewrite(current, rule)
            steps.append(Step(rule, current, after))
            current = after
        return Derivation(steps)

    def parts(self, prop: Any, loss: Any, order: int) -> dict[str, Any]:
        """The selection term alone."""
        from ..tangent.covariance import covariance

        return {"selection": covariance(prop, -loss)}
