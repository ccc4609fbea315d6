"""Random variables under a policy: functions of score, reward and pathwise term, and their means.

One interface for finitely many actions, where a random variable is a list of values, and for
densities, where it is an expression in the action.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Add, KroneckerDelta, S

from .distribution import Action, DistributionPolicy
from .integrals import ActionIntegral, ActionSum
from .short import short

__all__ = ["Outcomes", "in_symbol"]

Function = Callable[[list[Any], Any, list[Any]], Any]


class Outcomes:
    """The scores s, the reward r and its gradient g at an action, and means over actions."""

    def __init__(self, gradient: Any) -> None:
        self.gradient, self.policy = gradient, gradient.policy
        self.variables = list(gradient.wrt)
        self.is_finite = not isinstance(self.policy, DistributionPolicy)
        if self.is_finite:
            self.actions = list(self.policy.actions)
            self.scores = [_listed(self.policy.score(a, wrt=gradient.wrt)) for a in self.actions]
            self.rewards = list(gradient.rewards)
        else:
            self.actions = [self.policy.action]
            self.scores = [_listed(self.policy.score(wrt=gradient.wrt))]
            self.rewards = [gradient.reward]
        self.slopes = [
            [r.diff(v) if r.has(v) and v.is_Symbol else S.Zero for v in self.variables]
            for r in self.rewards
        ]

    def at(self, f: Function) -> Any:
        """The random variable as an expression in the symbol of the action."""
        values = self.values(f)
        return in_symbol(self.policy, values) if self.is_finite else values[0]

    def values(self, f: Function) -> list[Any]:
        """f(s, r, g) at each action, of a density at the symbol of the action."""
        triples = zip(self.scores, self.rewards, self.slopes, strict=True)
        return [f(s, r, g) for s, r, g in triples]

    def mean(self, f: Function) -> Any:
        """E[f(s, r, g)]."""
        values = self.values(f)
        if self.is_finite:
            pairs = zip(self.policy.probabilities, values, strict=True)
            return short(Add(*(p * v for p, v in pairs)))
        return self.policy.mean(values[0])

    @property
    def objective(self) -> Any:
        """J."""
        return self.gradient.expected

    def closes(self, expr: Any) -> bool:
        """Whether no integral or sum over actions is left."""
        return not expr.has(ActionIntegral, ActionSum)


def _listed(entries: Any) -> list[Any]:
    return list(entries) if hasattr(entries, "tolist") else [entries]


def in_symbol(policy: Any, values: list[Any]) -> Any:
    """Values by action as an expression in the symbol `a`: affine for the actions 0 and 1, else
    with `[a = k]`.
    """
    actions = list(policy.actions)
    a = Action("a", integer=True) if all(x.is_Integer for x in actions) else Action("a")
    if len(actions) == 2 and set(actions) == {S.Zero, S.One}:
        low, high = values[actions.index(S.Zero)], values[actions.index(S.One)]
        return short(low + a * short(high - low))
    counts = {v: values.count(v) for v in values}
    common = max(counts, key=lambda v: counts[v]) if max(counts.values()) > 1 else None
    base = S.Zero if common is None else common
    return base + Add(
        *(
            short(v - base) * KroneckerDelta(a, x)
            for x, v in zip(actions, values, strict=True)
            if v != base
        )
    )
