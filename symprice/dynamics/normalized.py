"""Normalised gradient descent: steps of one length, in the direction of steepest descent."""

from __future__ import annotations

from typing import Any

from sympy import sqrt

from ..tangent.covariance import covariance
from ..tangent.gradient import Nabla
from ..tangent.metric import DiagonalMetric
from ..tangent.vectors import scaled
from .either import StepOrFlow
from .running import root
from .update import mean_loss

__all__ = ["NormalizedGradient"]


class NormalizedGradient(StepOrFlow):
    """`θ ← θ - η ∇L/‖∇L‖`, the metric `1/√NTVar(L)`; `dL/dt = -√NTVar(L)`.

    Parameters
    ==========

    eta : the length of a step; without one it is the flow `dθ/dt = -∇L/‖∇L‖`.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.normalized import NormalizedGradient
    >>> P, L = observables('P L')
    >>> price(P, L, NormalizedGradient()).change
    -NTCov(P, L)/sqrt(NTVar(L))
    >>> price(P, L, NormalizedGradient(symbols('eta', positive=True)), order=2).curvature
    eta**2*(-NTCov(P, NTVar(L))/2 + NTCov(NTCov(P, L), L))/(2*NTVar(L))

    References
    ==========

    J. Cortés, Finite-time convergent gradient flows with applications to network consensus,
    Automatica 42 (2006).
    """

    def __new__(cls, eta: Any = None) -> NormalizedGradient:
        return cls._made((), eta)

    def metric(self, loss: Any) -> Any:
        """1/√NTVar(L), the same for all coordinates."""
        return DiagonalMetric(1 / sqrt(covariance(mean_loss(loss))))

    def gradient(self, loss: Any) -> Any:
        """∇L."""
        return Nabla(mean_loss(loss))

    def applied(self, loss: Any, vector: Any) -> Any:
        """The length outside of the vector: at a point it is a number."""
        return scaled(-self.rate / sqrt(covariance(mean_loss(loss))), vector)

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """One step."""
        squares = (g**2 for g in gradients.values())
        norm = root(sum(getattr(s, "sum", lambda s=s: s)() for s in squares))
        eta = value(self.eta)
        return {p: x - eta * gradients[p] / norm for p, x in params.items()}, state
