"""What continuous training does to a property: the chain rule in time, with Itô's term for noise.

`dP/dt = ∇P · dθ/dt + ½ tr(Σ ∇²P)`.
"""

from __future__ import annotations

from typing import Any

from sympy import Expr, S
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Derivation, Rule, Step, rewrite
from ..errors import ShapeError
from ..tangent.gradient import Inner, Nabla
from ..tangent.properties import OfParameters, ScalarOfParameters
from ..tangent.second import HessianTrace, along
from ..tangent.vectors import VectorOfParameters, numeric_vector
from .taylor import RULES, written
from .update import Dynamics

__all__ = ["FlowVelocity", "TimeDerivative", "derivation", "parts"]


class ChainRuleInTime(Rule):
    """dP/dt = ∇P · dθ/dt, with noise of covariance Σ per unit of time + ½ tr(Σ ∇²P) (Itô)."""

    @property
    def name(self) -> str:
        """'chain rule'."""
        return "chain rule"

    def apply(self, node: Any) -> Any:
        """The gradient times the velocity of θ, and what the noise adds in expectation."""
        if not isinstance(node, TimeDerivative):
            return None
        prop, loss, dynamics = node.args
        return Inner(Nabla(prop), FlowVelocity(loss, dynamics)) + _noise(dynamics, prop, loss)


def _noise(dynamics: Dynamics, prop: Any, loss: Any) -> Any:
    noise = dynamics.noise(loss)
    return S.Zero if noise is None else noise.factor / 2 * HessianTrace(prop, noise.metric)


class WayOfMoving(Rule):
    """The velocity dθ/dt that the way of training prescribes."""

    @property
    def name(self) -> str:
        """What the way is called, as 'gradient flow'."""
        return self.args[0].title if self.args else "way of moving"

    def apply(self, node: Any) -> Any:
        """The velocity, inserted into an inner product."""
        if isinstance(node, Inner) and isinstance(node.args[1], FlowVelocity):
            loss, dynamics = node.args[1].args
            return Inner(node.args[0], dynamics.update(loss))
        return None


class FlowVelocity(OfParameters, VectorOfParameters):
    """dθ/dt of a continuous way of training on L."""

    precedence = PRECEDENCE["Mul"]
    known = WayOfMoving

    def __new__(cls, loss: Any, dynamics: Any) -> FlowVelocity:
        return super().__new__(cls, _sympify(loss), dynamics)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        loss, dynamics = self.args
        return numeric_vector(dynamics.update(loss), evaluate, point)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return r"\frac{d\theta}{dt}"


class TimeDerivative(ScalarOfParameters):
    """dP/dt along a continuous way of training on L, in expectation over its noise.

    Examples
    ========

    >>> from symprice import GradientFlow, observables
    >>> from symprice.dynamics.motion import TimeDerivative
    >>> P, L = observables('P L')
    >>> TimeDerivative(P, L, GradientFlow()).doit()
    -NTCov(P, L)
    """

    def __new__(cls, prop: Any, loss: Any, dynamics: Any) -> TimeDerivative:
        return Expr.__new__(cls, _sympify(prop), _sympify(loss), dynamics)

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The chain rule; the velocity is then inserted into the inner product."""
        return (ChainRuleInTime(),)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        prop, loss, dynamics = self.args
        velocity = numeric_vector(dynamics.update(loss), evaluate, point)
        noise = _noise(dynamics, prop, loss)
        return along(prop, velocity, evaluate, point) + evaluate(noise, point)

    def _tex(self, printer: Any) -> str:
        prop, loss, dynamics = self.args
        shown = printer.parenthesize(prop, PRECEDENCE["Mul"])
        if dynamics.noise(loss) is not None:
            shown = rf"\operatorname{{E}}\left[{shown}\right]"
        return rf"\frac{{d {shown}}}{{dt}}"


def derivation(dynamics: Dynamics, prop: Any, loss: Any, order: int) -> Derivation:
    """dP/dt = ∇P · dθ/dt, with the velocity put in, as covariances."""
    if order != 1:
        raise ShapeError(f"asked for order {order} of a rate of change: it has order 1 only")
    steps: list[Step] = []
    current: Any = TimeDerivative(prop, loss, dynamics)
    for rule in (ChainRuleInTime(), WayOfMoving(dynamics), *RULES):
        after = rewrite(current, rule)
        if after != current:
            steps.append(Step(rule, current, after))
            current = after
    return Derivation(steps)


def parts(dynamics: Dynamics, prop: Any, loss: Any, order: int) -> dict[str, Any]:
    """Selection, bias and noise as rates."""
    bias = dynamics.bias(loss)
    found = {
        "selection": Inner(Nabla(prop), dynamics.applied(loss, dynamics.gradient(loss))),
        "bias": S.Zero if bias is None else Inner(Nabla(prop), bias),
        "noise": _noise(dynamics, prop, loss),
    }
    return {name: written(part) for name, part in found.items()}
