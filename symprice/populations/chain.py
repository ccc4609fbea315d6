"""A derivation that is written down step by step."""

from __future__ import annotations

from typing import Any

from sympy import expand_mul

from ..derivation import Derivation, Rule, Step, rewrite

__all__ = ["Chain"]


class Chain:
    """Steps that continue one another; a step that changes nothing is left out.

    Examples
    ========

    >>> from symprice.populations.chain import Chain
    >>> from symprice.populations.moments import Mean, Trait
    >>> from symprice.populations.rules import LinearMean
    >>> chain = Chain(Mean(2*Trait('z')))
    >>> chain.by(LinearMean())
    2*Mean(z)
    >>> print(chain.derivation)
    E(2z) = 2z̄  linearity
    """

    def __init__(self, start: Any) -> None:
        self.start = self.current = start
        self.steps: list[Step] = []

    def to(self, rule: Rule, after: Any, given: Any = ()) -> Any:
        """Go on to an expression, by a rule."""
        if after != self.current:
            self.steps.append(Step(rule, self.current, after, given))
            self.current = after
        return after

    def by(self, rule: Rule, only: Any = None, times: int = 1) -> Any:
        """Apply a rule wherever it can be, or to the given nodes, and multiply out."""
        after = self.current
        for _ in range(times):
            after = rewrite(after, rule, only)
        return self.to(rule, expand_mul(after, deep=False) if after != self.current else after)

    @property
    def derivation(self) -> Derivation:
        """The steps so far."""
        return Derivation(self.steps)
