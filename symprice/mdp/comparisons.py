"""Two policies on one process: the performance-difference lemma."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, ImmutableDenseMatrix, S

from ..derivation import Derivation, Step
from ..errors import NoRuleError
from .linear import short
from .naming import named_probabilities, with_names
from .quantities import ProcessQuantity
from .results import Numeric
from .rules import InsertionOfTables, PerformanceDifference, TelescopingSum

__all__ = ["Comparison"]


class Comparison(Numeric):
    """`J(π') - J(π) = Σ_s d'(s) Σ_a π'(a|s) A(s, a)/(1 - γ)`, the performance-difference lemma.

    Made by ``mdp.compared(new, old)``: the visits are those of the new policy, the advantages those
    of the old one. In a soft process every step also pays `-τ KL(π'|π)`: the advantage of the old
    policy counts its own bonus, the new one earns another.

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
            return float((self.new.visits[:, None] * self.new.pi * self.excess).sum())
        return short(self._lemma())

    @cached_property
    def excess(self) -> Any:
        """`r'(s, a) + γ Σ p V(s') - V(s)` with V of the old policy: its advantage, where rewards do
        not depend on the policy.
        """
        new, old = self.new, self.old
        if self.mdp.temperature == 0:
            return old.A
        if not self.exact:
            return old.A + new.tables.rewards - old.tables.rewards
        return [
            [a + r - b for a, r, b in zip(*rows, strict=True)]
            for rows in zip(old.A, new.tables.rewards, old.tables.rewards, strict=True)
        ]

    def _lemma(self) -> Any:
        return Add(
            *(
                n * p * a
                for n, ps, row in zip(self.new.visits, self.new.pi, self.excess, strict=True)
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
        new, old, mdp = self.new, self.old, self.mdp
        factor, gamma = mdp.horizon_factor, mdp.gamma

        def named(name: str, *labels: Any, given: Any = (), value: Any) -> Any:
            value = short(value)
            return S.Zero if value == 0 else ProcessQuantity(name, labels, given, value)

        def V(s: int) -> Any:
            return named("V", mdp.states[s], value=old.V[s])

        # A soft process pays the new policy another bonus than the old one.
        advantage = "A" if mdp.temperature == 0 else "Delta"
        visits = "eta_prime" if gamma == 1 else "d_prime"
        telescoped, lemma = [], []
        for s in new.alive:
            state = mdp.states[s]
            d = factor * named(visits, state, value=new.occupancy[s])
            following = [
                named("P_prime", mdp.states[t], given=(state,), value=p) * V(t)
                for t, p in new.steps[s].items()
            ]
            reward = named("r_prime", state, value=new.mean_rewards[s])
            telescoped.append(d * (reward + gamma * Add(*following) - V(s)))
            taken = [
                named("pi_prime", action, given=(state,), value=p)
                * named(advantage, state, action, value=x)
                for action, p, x in zip(mdp.actions, new.pi[s], self.excess[s], strict=True)
            ]
            lemma.append(d * Add(*taken))
        difference = named("J_prime", value=new.J) - named("J", value=old.J)
        names = {**named_probabilities(old), **named_probabilities(new)}
        return Derivation(
            [
                Step(TelescopingSum(), difference, Add(*telescoped)),
                Step(PerformanceDifference(), Add(*telescoped), Add(*lemma)),
                Step(InsertionOfTables(), Add(*lemma), with_names(self.doit(), names)),
            ]
        )

    _title = "J(π') - J(π)"

    def _formula(self) -> Any:
        return self.doit() if self.exact else ImmutableDenseMatrix([[self.doit()]])[0]

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        if not self.exact:
            from .balances import worst

            return [worst("performance difference", [self.doit(), 1.0], [self.by_objectives, 1.0])]
        return [("performance difference", self.new.J - self.old.J, self._lemma())]
