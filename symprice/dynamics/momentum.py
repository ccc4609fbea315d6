"""Momentum: the state is (θ, v), and what the steps before have left moves a property by ∇P · v."""

from __future__ import annotations

from typing import Any

from ..symbols import expression
from ..tangent.vectors import Velocity
from .update import Dynamics, positive

__all__ = ["HeavyBall"]


class HeavyBall(Dynamics):
    """`v ← βv - η∇L`, `θ ← θ + v`: Polyak's momentum.

    The force moves P by selection, the velocity by the bias `β ∇P · v`; in O-terms v counts as of
    the order of η.

    Parameters
    ==========

    eta : the learning rate.
    beta : the part of the velocity that is kept.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.momentum import HeavyBall
    >>> P, L = observables('P L')
    >>> eta, beta = symbols('eta beta', positive=True)
    >>> price(P, L, HeavyBall(eta, beta)).bias
    beta*(Inner(Nabla(P), v))

    References
    ==========

    B. T. Polyak, Some methods of speeding up the convergence of iteration methods, 1964.
    """

    orders = (1, 2)

    def __new__(cls, eta: Any, beta: Any) -> HeavyBall:
        rate = positive(eta, "momentum with the learning rate")
        return super().__new__(cls, rate, expression(beta, "momentum with a beta"))

    @property
    def rate(self) -> Any:
        """η."""
        return self.args[0]

    @property
    def beta(self) -> Any:
        """The part of the velocity that is kept."""
        return self.args[1]

    def bias(self, loss: Any) -> Any:
        """βv."""
        return self.beta * Velocity("v")
