"""Langevin dynamics: gradient flow in a heat bath, and its finite steps."""

from __future__ import annotations

from typing import Any

from .update import Dynamics, Noise, positive

__all__ = ["Langevin", "LangevinDescent"]


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


class LangevinDescent(Dynamics):
    """`θ ← θ - η∇L + √(2ηT) ξ` with normal ξ: the steps of Langevin dynamics (SGLD).

    The noise is of the order of η, and normal: to second order
    `E[ΔP] = -η NTCov(P, L) + ηT ∇²P + η² [½ ∇²P[∇L, ∇L] - T NTCov(∇²P, L) + ½ T² ∇²∇²P] + O(η³)`.

    Parameters
    ==========

    eta : the learning rate.
    temperature : T.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.langevin import LangevinDescent
    >>> P, L = observables('P L')
    >>> eta, T = symbols('eta T', positive=True)
    >>> price(P, L, LangevinDescent(eta, T)).noise
    T*eta*(HessianTrace(P))

    References
    ==========

    M. Welling, Y. W. Teh, Bayesian learning via stochastic gradient Langevin dynamics, ICML 2011.
    """

    orders = (1, 2)

    def __new__(cls, eta: Any, temperature: Any) -> LangevinDescent:
        rate = positive(eta, "Langevin steps with the learning rate")
        return super().__new__(cls, rate, positive(temperature, "Langevin steps of temperature"))

    @property
    def title(self) -> str:
        """'Langevin step'."""
        return "Langevin step"

    @property
    def rate(self) -> Any:
        """η."""
        return self.args[0]

    @property
    def temperature(self) -> Any:
        """T."""
        return self.args[1]

    def noise(self, loss: Any) -> Noise:
        """2ηT."""
        return Noise(2 * self.rate * self.temperature, None, 1)
