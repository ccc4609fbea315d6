"""Beta actions, in the unit interval."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

from sympy import Interval, gamma, log

from .family import FamilyPolicy
from .given import POSITIVE, Groups

__all__ = ["BetaPolicy"]


class BetaPolicy(FamilyPolicy):
    """An action in (0, 1) with density `a^(α-1) (1-a)^(β-1)/B(α, β)`.

    Parameters
    ==========

    alpha, beta : α, β > 0 (``concentration1`` and ``concentration0`` in TFP).

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.policy.unit_interval import BetaPolicy
    >>> pi = BetaPolicy(*parameters('alpha beta'))
    >>> pi.expectation(lambda a: a)
    alpha/(alpha + beta)
    >>> pi.score()[0]
    log(a) - polygamma(0, alpha) + polygamma(0, alpha + beta)
    """

    groups: ClassVar[Groups] = {"alpha": {"alpha": POSITIVE}, "beta": {"beta": POSITIVE}}

    @property
    def support(self) -> Any:
        """The open unit interval."""
        return Interval.open(0, 1)

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """(α-1) log a + (β-1) log(1-a) - log B(α, β)."""
        norm = log(gamma(c.alpha)) + log(gamma(c.beta)) - log(gamma(c.alpha + c.beta))
        return (c.alpha - 1) * log(a) + (c.beta - 1) * log(1 - a) - norm

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[a^s (1-a)^q] = B(α+s, β+q)/B(α, β)."""
        if t != 0:
            return None
        total = c.alpha + c.beta
        above = gamma(c.alpha + s) / gamma(c.alpha) * gamma(c.beta + q) / gamma(c.beta)
        return above * gamma(total) / gamma(total + s + q)

    def exists(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> list[Any]:
        """s > -α and q > -β."""
        return [c.alpha + s, c.beta + q]

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.beta(c.alpha, c.beta, n)
