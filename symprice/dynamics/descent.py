"""Gradient descent with finite steps, `θ → θ - η∇L`.

Nothing but iterated covariances is needed:
`ΔP = -η NTCov(P, L) + η²/2 [NTCov(NTCov(P, L), L) - ½ NTCov(P, NTVar(L))] + O(η³)`.
"""

from __future__ import annotations

from typing import Any

from .modified import FollowsAFlow
from .update import positive

__all__ = ["GradientDescent"]


class GradientDescent(FollowsAFlow):
    """`θ ← θ - η∇L`: finite steps along the exact gradient.

    Parameters
    ==========

    eta : the learning rate.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent, observables, price
    >>> P, L = observables('P L')
    >>> eta = symbols('eta', positive=True)
    >>> price(P, L, GradientDescent(eta)).selection
    -eta*NTCov(P, L)
    """

    orders = (1, 2, 3)

    def __new__(cls, eta: Any) -> GradientDescent:
        return super().__new__(cls, positive(eta, "gradient descent with the learning rate"))

    @property
    def eta(self) -> Any:
        """The learning rate."""
        return self.args[0]

    @property
    def rate(self) -> Any:
        """η."""
        return self.eta

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """One step."""
        eta = value(self.eta)
        return {p: x - eta * gradients[p] for p, x in params.items()}, state
