"""Gradient flow, `dθ/dt = -∇L`, and what it does to a property: `dP/dt = NTCov(P, -L)`."""

from __future__ import annotations

from typing import Any

from .update import Dynamics, positive, time_in

__all__ = ["GradientFlow"]


class GradientFlow(Dynamics):
    """`dθ/dt = -∇L`, or `-η(t) ∇L`: infinitesimal steps along the exact gradient.

    Parameters
    ==========

    rate : the learning rate; a function of time is a schedule, as ``Function('eta')(t)``. A
        property that depends on t itself then moves by ∂P/∂t besides.

    Examples
    ========

    >>> from sympy import Function, symbols
    >>> from symprice import GradientFlow, observables, price
    >>> P, L = observables('P L')
    >>> price(P, L, GradientFlow()).equation
    Eq(Derivative(P(t), t), NTCov(P, -L))
    >>> price(P, L, GradientFlow(), order=2).change
    NTCov(NTCov(P, L), L)
    >>> price(P, L, GradientFlow(Function('eta')(symbols('t')))).change
    -eta(t)*NTCov(P, L)
    """

    continuous = True
    orders = (1, 2)

    def __new__(cls, rate: Any = 1) -> GradientFlow:
        rate = positive(rate, "gradient flow at the rate")
        return super().__new__(cls, *(() if rate == 1 else (rate,)))

    @property
    def rate(self) -> Any:
        """η."""
        return self.args[0] if self.args else super().rate

    @property
    def time(self) -> Any:
        """What the schedule is a function of."""
        return time_in(self.rate)
