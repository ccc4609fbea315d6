"""Price's equation of training, `dP/dt = NTCov(P, -L)`, and what remains of it for other ways of
moving θ.
"""

from __future__ import annotations

from typing import Any

from sympy import Basic, Derivative, Eq, Function, Integer, Symbol, Tuple
from sympy.core.sympify import _sympify
from sympy.matrices.expressions.matexpr import MatrixElement

from ..derivation import Derivation
from ..errors import ShapeError
from ..nodes import Node
from ..outputs import Outputs
from ..symbols import Observable, Parameter
from ..tangent.properties import as_property, require_parameters
from .flow import GradientFlow
from .update import Dynamics, mean_loss

__all__ = ["PriceEquation", "price"]


class PriceEquation(Outputs, Basic):
    """How a property moves in training: the equation, its parts by name, and its derivation.

    Made by ``price``.

    Examples
    ========

    >>> from symprice import observables, price
    >>> P, L = observables('P L')
    >>> price(P, L).selection
    NTCov(P, -L)
    """

    @property
    def prop(self) -> Any:
        """The property P."""
        return self.args[0]

    @property
    def loss(self) -> Any:
        """The loss L that training descends; the losses of examples were given as their mean."""
        return mean_loss(self.args[1])

    @property
    def dynamics(self) -> Any:
        """The way in which θ is moved."""
        return self.args[2]

    @property
    def order(self) -> int:
        """The order in the step size up to which it holds."""
        return int(self.args[3])

    @property
    def derivation(self) -> Derivation:
        """The steps from the way of moving θ to the equation."""
        return self.dynamics.derivation(self.prop, self.args[1], self.order)

    @property
    def change(self) -> Any:
        """The right-hand side: the rate or the step of P."""
        return self.derivation.result

    @property
    def equation(self) -> Any:
        """The equation: `dP/dt = …` for a flow, `ΔP = …` for a step.

        Where the property is no formula in functions of time, a covariance say, the left side is
        the start of the derivation.
        """
        moving = not self.prop.has(Node, MatrixElement)
        if self.dynamics.continuous and moving:
            return Eq(_in_time(self.prop), self.change, evaluate=False)
        return Eq(self.derivation.start, self.change, evaluate=False)

    def _part(self, name: str) -> Any:
        parts = self.dynamics.parts(self.prop, self.args[1], self.order)
        return parts.get(name, _sympify(0))

    @property
    def selection(self) -> Any:
        """The covariance term: what the gradient selects for."""
        return self._part("selection")

    @property
    def curvature(self) -> Any:
        """The second-order term of a finite step."""
        return self._part("curvature")

    @property
    def bias(self) -> Any:
        """What moves P besides force and noise, as momentum or decay: transmission."""
        return self._part("bias")

    @property
    def noise(self) -> Any:
        """What the noise of the steps adds in expectation; 0 for exact gradients."""
        return self._part("noise")

    @property
    def remainder(self) -> Any:
        """What is left out, as an O-term."""
        return self._part("remainder")

    def doit(self, **hints: Any) -> Any:
        """The change of P with all covariances unfolded."""
        return self.change.doit(**hints)

    def _formula(self) -> Any:
        change = self.change
        return change.removeO() if hasattr(change, "removeO") else change


def _in_time(prop: Any) -> Any:
    """d/dt of the property, with what is trained as a function of time."""
    t = Symbol("t")
    moving = {
        s: Function(s.name)(t) for s in prop.free_symbols if isinstance(s, (Parameter, Observable))
    }
    return Derivative(prop.doit().xreplace(moving), t)


def price(P: Any, L: Any, dynamics: Any = None, *, order: int | None = None) -> PriceEquation:
    """Price's equation for a property of a network that is trained on a loss.

    Parameters
    ==========

    P : a scalar property: an Observable, an expression of Parameters, a network.
    L : the loss; or a list of the losses of single examples, whose mean is the loss.
    dynamics : ``GradientFlow()`` (default) or ``GradientDescent(eta)``.
    order : for finite steps, up to which power of the step size; 1 where not given.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent, observables, price
    >>> P, L = observables('P L')
    >>> price(P, L).equation
    Eq(Derivative(P(t), t), NTCov(P, -L))
    >>> eta = symbols('eta', positive=True)
    >>> price(P, L, GradientDescent(eta), order=2).curvature
    eta**2*(-NTCov(P, NTVar(L))/2 + NTCov(NTCov(P, L), L))/2

    References
    ==========

    G. R. Price, Selection and covariance, Nature 227 (1970). tailcalled, Price's equation for
    neural networks (2022).
    """
    dynamics = GradientFlow() if dynamics is None else dynamics
    if not isinstance(dynamics, Dynamics):
        raise ShapeError(
            f"asked for training by {dynamics!r}: write GradientFlow() or GradientDescent(eta)"
        )
    order = dynamics.orders[0] if order is None else order
    if order not in dynamics.orders:
        raise ShapeError(
            f"asked for order {order} of {type(dynamics).__name__}: the orders that exist are "
            f"{', '.join(map(str, dynamics.orders))}"
        )
    prop = as_property(P)
    loss = Tuple(*map(as_property, L)) if isinstance(L, (list, tuple, Tuple)) else as_property(L)
    for given in (prop, mean_loss(loss)):
        require_parameters("price", given)
    return PriceEquation(prop, loss, dynamics, Integer(order))
