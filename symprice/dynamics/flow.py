"""Gradient flow, `dθ/dt = -∇L`, and what it does to a property: `dP/dt = NTCov(P, -L)`."""

from __future__ import annotations

from .update import Dynamics

__all__ = ["GradientFlow"]


class GradientFlow(Dynamics):
    """`dθ/dt = -∇L`: infinitesimal steps along the exact gradient.

    Examples
    ========

    >>> from symprice import GradientFlow, observables, price
    >>> P, L = observables('P L')
    >>> price(P, L, GradientFlow()).equation
    Eq(Derivative(P(t), t), NTCov(P, -L))
    """

    continuous = True
