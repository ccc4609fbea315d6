"""Two policies on one process: the performance-difference lemma."""

from __future__ import annotations

from typing import Any

from sympy import Add, ImmutableDenseMatrix

from ..derivation import Derivation, Step
from ..errors import NoRuleError
from .linear import short
from .results import Numeric
from .rules import PerformanceDifference, TelescopingSum

__all__ = ["Comparison"]


class Comparison(Numeric):
    """`J(π') - J(π) = Σ_s d'(s) Σ_a π'(a|s) A(s, a)/(1 - γ)`, the performance-difference lemma.

    Made by ``mdp.compared(new, old)``: the visits are those of the new policy, the advantages those
    of the old one.

    Examples
    ========

    >>> from sympy import Rational
    >>> from symprice.mdp.process import MDP
    >>> bandit = MDP([[[1], [1]]], [[3, 1]], gamma=Rational(1, 2))
    >>> found = bandit.compared([[1, 0]], [[0, 1]])
    >>> found.doit(), found.by_objectives
    (4, 4)

    References
    ==========

    S. Kakade and J. Langford, Approximately optimal approximate reinforcement learning (2002).
    """

    def __init__(self, mdp: Any, new: Any, old: Any) -> None:
        self.mdp, self.new, self.old = mdp, new, old
        self.exact = new.exact and old.exact
        if new.exact != old.exact:
            raise NoRuleError(
                "asked to compare a policy in float64 with an exact one: write both as arrays, "
                "or both as fractions and symbols"
            )

    def doit(self, **hints: Any) -> Any:
        """Σ η'(s) π'(a|s) A(s, a)."""
        if not self.exact:
            return float((self.new.visits[:, None] * self.new.pi * self.old.A).sum())
        return short(self._lemma())

    def _lemma(self) -> Any:
        return Add(
            *(
                n * p * a
                for n, ps, row in zip(self.new.visits, self.new.pi, self.old.A, strict=True)
                for p, a in zip(ps, row, strict=True)
            )
        )

    @property
    def by_objectives(self) -> Any:
        """J(π') - J(π), by solving for both."""
        return short(self.new.J - self.old.J) if self.exact else self.new.J - self.old.J

    @property
    def derivation(self) -> Derivation:
        """The difference of the values of π', with V of π taken along: it telescopes."""
        if not self.exact:
            raise NoRuleError("asked for the derivation of a comparison in float64: use fractions")
        new, old, gamma = self.new, self.old, self.mdp.gamma
        # η'ᵀ(I - γP') V = ρᵀV for any V, the balance of visits.
        telescoped = Add(
            *(
                new.visits[s]
                * (
                    new.mean_rewards[s]
                    + gamma * Add(*(p * old.V[t] for t, p in new.steps[s].items()))
                    - old.V[s]
                )
                for s in new.alive
            )
        )
        return Derivation(
            [
                Step(TelescopingSum(), new.J - old.J, telescoped),
                Step(PerformanceDifference(), telescoped, self._lemma()),
            ]
        )

    def _formula(self) -> Any:
        return self.doit() if self.exact else ImmutableDenseMatrix([[self.doit()]])[0]

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        if not self.exact:
            from .balances import worst

            return [worst("performance difference", 1 + self.doit(), 1 + self.by_objectives)]
        return [("performance difference", self.new.J - self.old.J, self._lemma())]
