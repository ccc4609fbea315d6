"""Langevin dynamics: gradient flow in a heat bath."""

from __future__ import annotations

from typing import Any

from .update import Dynamics, Noise, positive

__all__ = ["Langevin"]


class Langevin(Dynamics):
    """`dθ = -∇L dt + √(2T) dW`: gradient flow with noise of temperature T.

    On average `dP/dt = NTCov(P, -L) + T ∇²P`, with the Laplacian over θ.

    Parameters
    ==========

    temperature : T.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.langevin import Langevin
    >>> P, L = observables('P L')
    >>> price(P, L, Langevin(symbols('T', positive=True))).change
    T*(HessianTrace(P)) + NTCov(P, -L)
    """

    continuous = True

    def __new__(cls, temperature: Any) -> Langevin:
        return super().__new__(cls, positive(temperature, "Langevin dynamics of temperature"))

    @property
    def title(self) -> str:
        """'Langevin dynamics'."""
        return "Langevin dynamics"

    @property
    def temperature(self) -> Any:
        """T."""
        return self.args[0]

    def noise(self, loss: Any) -> Noise:
        """2T per unit of time."""
        return Noise(2 * self.temperature, None, 1)
