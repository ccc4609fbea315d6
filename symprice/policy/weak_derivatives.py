"""Derivatives of a law as differences of two laws: ∂π/∂z = c (π₊ - π₋).

A family states one for each of its parameters that has one (``weak_derivative``): the positive and
the negative part of ∂π/∂z, or two other laws with this difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sympy import atanh, tanh

__all__ = ["Side", "WeakDerivative"]


class Side(NamedTuple):
    """A law π₊ or π₋: that of a formula in an action that is drawn from a policy."""

    law: Any
    action: Any

    def of(self, reward: Any, a: Any) -> Any:
        """r(a) in the symbol of what is drawn."""
        found = reward.xreplace({a: self.action})
        back = {f: f.args[0].args[0] for f in found.atoms(atanh) if isinstance(f.args[0], tanh)}
        return found.xreplace(back)

    def mean(self, reward: Any, a: Any) -> Any:
        """E[r(a)]."""
        return self.law.mean(self.of(reward, a))


class WeakDerivative(NamedTuple):
    """∂π/∂z = c (π₊ - π₋). Where both are of one policy, one draw makes both actions."""

    constant: Any
    up: Side
    down: Side

    @property
    def is_coupled(self) -> bool:
        """Whether one draw makes both actions."""
        return bool(self.up.law == self.down.law)

    def through(self, f: Callable[[Any], Any]) -> WeakDerivative:
        """That of f(a)."""
        up, down = (side._replace(action=f(side.action)) for side in (self.up, self.down))
        return self._replace(up=up, down=down)
