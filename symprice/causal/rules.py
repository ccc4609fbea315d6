"""The two rules of causal models: a gradient through an equation, a covariance along paths."""

from __future__ import annotations

from ..derivation import Rule

__all__ = ["StructuralEquation", "TracingRule", "ValuesOfParameters"]


class StructuralEquation(Rule):
    """∇X = Σ ∂X/∂p ∇p over the parents p of X, which are what X is made of."""


class TracingRule(Rule):
    """NTCov(X, Y) = Σ over the paths X ← … ← r ↔ s → … → Y of their coefficients × NTCov(r, s).

    S. Wright (1934); every path goes against the arrows first and then along them.
    """

    @property
    def name(self) -> str:
        """'Wright's rules'."""
        return "Wright's rules"


class ValuesOfParameters(Rule):
    """NTCov(θᵢ, θⱼ) = δᵢⱼ, in a metric M the entry Mᵢⱼ."""

    @property
    def name(self) -> str:
        """'coordinates'."""
        return "coordinates"
