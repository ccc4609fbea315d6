"""The policy-gradient theorem, derived for a process at hand: the Bellman equation is
differentiated and unrolled, the visits are collected, and scores and advantages put in.

Each line is an identity between quantities by name, which are functions of θ.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, Derivative, Mul, S, log

from ..derivation import Derivation, Step
from ..errors import NoRuleError
from .linear import short, solve_exactly
from .naming import named_probabilities, with_names
from .quantities import ProcessQuantity
from .rules import (
    AdvantageForValue,
    BellmanEquation,
    DerivativeOfBellman,
    Elimination,
    InsertionOfTables,
    LogLikelihoodOfPolicy,
    MeanOverStart,
    ScoreOfPolicy,
    SlopeOfActions,
    UnrolledForever,
    UnrolledOnce,
)

__all__ = ["derived"]

# A derivation writes every state out.
LARGEST = 8


def derived(gradient: Any, variable: Any) -> Derivation:
    """The derivation of `∂J/∂θ = Σ_s d(s) Σ_a π(a|s) A(s, a) ∂log π(a|s) / (1 - γ)`."""
    if len(gradient.evaluation.alive) > LARGEST:
        raise NoRuleError(
            f"asked to derive the theorem for {len(gradient.evaluation.alive)} states, which would "
            f"all be written out: at most {LARGEST}; the formula itself is .equation"
        )
    return _Theorem(gradient, variable).derivation()


class _Theorem:
    """The quantities of the theorem, as functions, and what they are."""

    def __init__(self, gradient: Any, variable: Any) -> None:
        self.gradient, self.v = gradient, variable
        self.e, self.mdp = gradient.evaluation, gradient.mdp
        self.alive, self.gamma = self.e.alive, self.mdp.gamma
        self.states, self.actions = self.mdp.states, self.mdp.actions
        self.choices = range(len(self.actions))
        #: The states in which the policy depends on the variable, and the actions that do.
        self.moving = {
            s: [a for a in self.choices if self.e.pi[s][a].has(variable)] for s in self.alive
        }
        self.moving = {s: actions for s, actions in self.moving.items() if actions}

    def _named(self, name: str, *labels: Any, given: tuple[Any, ...] = (), value: Any) -> Any:
        return ProcessQuantity(name, labels, given, value)

    def V(self, s: int) -> Any:
        """V(s)."""
        return self._named("V", self.states[s], value=self.e.V[s])

    def Q(self, s: int, a: int) -> Any:
        """Q(s, a)."""
        return self._named("Q", self.states[s], self.actions[a], value=self.e.Q[s][a])

    def A(self, s: int, a: int) -> Any:
        """A(s, a)."""
        return self._named("A", self.states[s], self.actions[a], value=self.e.A[s][a])

    def pi(self, s: int, a: int) -> Any:
        """π(a|s); a number as it is."""
        value = self.e.pi[s][a]
        if value.is_number:
            return value
        return self._named("pi", self.actions[a], given=(self.states[s],), value=value)

    def P(self, s: int, t: int) -> Any:
        """P_π(s'|s); a number as it is."""
        value = self.e.steps[s].get(t, S.Zero)
        if value.is_number:
            return value
        return self._named("P", self.states[t], given=(self.states[s],), value=value)

    @cached_property
    def _inverse(self) -> list[list[Any]]:
        unit = [[S.One if i == j else S.Zero for j in self.alive] for i in self.alive]
        return solve_exactly(self.e.system(), unit)

    def N(self, s: int, x: int) -> Any:
        """The discounted number of visits of x from s."""
        value = self._inverse[self.alive.index(s)][self.alive.index(x)]
        if value.is_number:
            return value
        return self._named("N", self.states[x], given=(self.states[s],), value=value)

    def d(self, x: int) -> Any:
        """d(x), or for γ = 1 the visits η(x)."""
        name = "eta" if self.gamma == 1 else "d"
        return self._named(name, self.states[x], value=self.e.occupancy[x])

    def g(self, s: int) -> Any:
        """g(s) = Σ_a Q(s, a) ∂π(a|s), by name; 0 where the policy does not move."""
        if s not in self.moving:
            return S.Zero
        value = Add(*(self.e.Q[s][a] * self.e.pi[s][a].diff(self.v) for a in self.moving[s]))
        return self._named("g", self.states[s], value=value)

    def moved(self, quantity: Any) -> Any:
        """The derivative by the variable, unevaluated."""
        return Derivative(quantity, self.v, evaluate=False)

    def direct(self, s: int) -> Any:
        """Σ_a Q(s, a) ∂π(a|s), written out."""
        if s not in self.moving:
            return S.Zero
        return Add(*(self.Q(s, a) * self.moved(self.pi(s, a)) for a in self.moving[s]))

    def values(self, expr: Any, names: Any) -> list[Step]:
        """What the quantities in an expression are, a line for each."""
        found = sorted(expr.atoms(ProcessQuantity), key=str)
        return [
            Step(Elimination(), node, with_names(node.value, names))
            for node in found
            if not node.value.is_Atom and with_names(node.value, names) != node
        ]

    def step(self, rule: Any, before: Any, after: Any) -> Step:
        """A step between quantities by name."""
        return Step(rule, before, after)

    def derivation(self) -> Derivation:
        """All steps."""
        alive, gamma = self.alive, self.gamma
        tables = self.e.tables
        bellman = {
            s: Add(
                *(
                    self.pi(s, a)
                    * (
                        tables.rewards[s][a]
                        + gamma
                        * Add(*(p * self.V(t) for t, p in tables.moves[s][a].items() if t in alive))
                    )
                    for a in self.choices
                )
            )
            for s in alive
        }
        moved = {s: self.moved(self.V(s)) for s in alive}

        def on(s: int, what: dict[int, Any]) -> Any:
            return gamma * Add(*(self.P(s, t) * what[t] for t in self.e.steps[s]))

        once = {s: self.direct(s) + on(s, moved) for s in alive}
        short_once = {s: self.g(s) + on(s, moved) for s in alive}
        twice = {s: self.g(s) + on(s, short_once) for s in alive}
        ever = {s: Add(*(self.N(s, x) * self.g(x) for x in self.moving)) for s in alive}
        start = Add(*(p * moved[s] for s, p in enumerate(self.e.rho) if s in moved))
        factor = self.mdp.horizon_factor
        by_visits = Add(*(factor * self.d(x) * self.direct(x) for x in self.moving))
        tricked, based = self._scored(self.Q), self._scored(self.A)
        result = self.gradient.entry(self.v)
        names = named_probabilities(self.e)
        collected = self._collected()
        steps = [
            *(self.step(BellmanEquation(), self.V(s), bellman[s]) for s in alive),
            *(self.step(DerivativeOfBellman(), moved[s], once[s]) for s in alive),
            *(self.step(SlopeOfActions(), self.g(s), self.direct(s)) for s in self.moving),
            *(self.step(UnrolledOnce(), moved[s], twice[s]) for s in alive),
            *(self.step(UnrolledForever(), moved[s], ever[s]) for s in alive),
            *self.values(collected, names),
            self.step(MeanOverStart(), start, by_visits),
            self.step(LogLikelihoodOfPolicy(), by_visits, tricked),
            self.step(AdvantageForValue(), tricked, based),
            self.step(ScoreOfPolicy(), based, collected),
            Step(InsertionOfTables(), collected, with_names(result, names)),
        ]
        return Derivation(steps)

    def _scored(self, value: Any) -> Any:
        """Σ d(s) Σ π(a|s) X(s, a) ∂log π(a|s) / (1 - γ)."""
        factor = self.mdp.horizon_factor
        return Add(
            *(
                factor
                * self.d(x)
                * Add(
                    *(self.pi(x, a) * value(x, a) * self.moved(log(self.pi(x, a))) for a in actions)
                )
                for x, actions in self.moving.items()
            )
        )

    def _collected(self) -> Any:
        """d(s) π(a|s) A(s, a)/(1 - γ), of a tabular softmax policy."""
        place = self.gradient._place(self.v)
        if place is None:
            return self._with_scores()
        s, a = place
        return Mul(self.mdp.horizon_factor, self.d(s), self.pi(s, a), self.A(s, a))

    def _with_scores(self) -> Any:
        """The derivatives of the logarithms, carried out."""
        factor = self.mdp.horizon_factor
        return Add(
            *(
                factor
                * self.d(x)
                * Add(*(self.A(x, a) * short(self.e.pi[x][a].diff(self.v)) for a in actions))
                for x, actions in self.moving.items()
            )
        )
