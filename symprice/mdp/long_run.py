"""The average reward of a policy: its stationary distribution, differential values, gradient."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, Derivative, Eq, Function, ImmutableDenseMatrix, S, Symbol

from ..errors import PolicyError
from .linear import short, solve_exactly, with_values_named
from .naming import names_of, with_names
from .policies import read_policy
from .recurrence import Recurrence
from .results import Numeric
from .soft import with_bonus

__all__ = ["AverageReward"]


class AverageReward(Recurrence, Numeric):
    """The reward of a step in the long run, `r̄ = Σ_s μ(s) Σ_a π(a|s) r(s, a)` with `μ = μP_π`.

    Made by ``mdp.average_reward(policy)`` for a process without an end; its discount plays no part.
    A soft process counts its entropy bonus.

    Where the states do not all reach each other, those that are met for ever fall into classes, and
    in the long run an episode is in one of them: ``gain`` is `g = P*r_π` by the state of the start,
    with the probabilities of the classes from there, `r̄ = Σ ρ(s) g(s)`, and ``stationary`` is the
    share of every state, `μ = ρP*`. ``differential`` are the values h with `h = r_π - g + P_π h`
    and `P*h = 0`. With the visits n of states that are left for good, before they are,

    `∇r̄ = Σ_s μ(s) Σ_a ∂π(a|s) q(s, a) + Σ_s n(s) Σ_a ∂π(a|s) Σ_s' p(s'|s, a) g(s')`,

    whose second sum is 0 where there is one class. Classes are those of symbols that are not 0.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice.mdp.process import MDP
    >>> p = Symbol('p', positive=True)
    >>> switch = MDP([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [[0, 0], [1, 0]], gamma=0)
    >>> found = switch.average_reward([[1 - p, p], [p, 1 - p]])
    >>> found.doit(), found.gradient()
    (p**2, 2*p)

    References
    ==========

    Sutton and Barto (2018), section 10.3; P. Marbach and J. Tsitsiklis (2001); several classes: M.
    Puterman, Markov Decision Processes (1994), chapters 8 and 9, appendix A.
    """

    def __init__(self, mdp: Any, policy: Any) -> None:
        read = read_policy(policy, mdp._shape)
        self.mdp, self.policy = mdp, read
        self.exact = not (read.numeric or mdp.is_float)
        if self.exact:
            self.tables: Any = with_bonus(mdp.tables, mdp._shape, read.rows, mdp.temperature)
            self._exactly()
        else:
            self.tables = mdp._sparse
            self._numerically()

    def _require_no_end(self, ending: bool) -> None:
        if self.mdp.terminal or ending:
            raise PolicyError(
                "asked for the average reward of a process whose episodes end: in the long run "
                "nothing is received; write .objective(policy) for the reward of an episode"
            )

    def _exactly(self) -> None:
        self.pi, count = self.policy.rows, len(self.mdp.states)
        self._require_no_end(any(self.tables.ends[s][a] != 0 for s, a in self.mdp._shape.pairs()))
        self.P: Any = [[S.Zero] * count for _ in range(count)]
        for s, line in enumerate(self.tables.moves):
            for p, targets in zip(self.pi[s], line, strict=True):
                for t, q in targets.items():
                    self.P[s][t] += p * q
        self.r: Any = [
            Add(*(p * r for p, r in zip(ps, rs, strict=True)))
            for ps, rs in zip(self.pi, self.tables.rewards, strict=True)
        ]
        rows, columns = zip(
            *((s, t) for s in range(count) for t in range(count) if self.P[s][t] != 0), strict=True
        )
        self.classes = self._closed_classes(rows, columns)

    def _numerically(self) -> None:
        import numpy as np
        import scipy.sparse as sparse

        self.pi = (
            self.policy.rows if self.policy.numeric else np.array(self.policy.rows, dtype=float)
        )
        self._require_no_end(bool(self.tables.ends.any()))
        count, choices = self.pi.shape
        if tau := float(self.mdp.temperature):
            bonus = -tau * np.log(np.where(self.pi > 0, self.pi, 1.0))
            self.tables = self.tables._replace(rewards=self.tables.rewards + bonus)
        rows = np.arange(0, count * choices + 1, choices)
        weights = sparse.csr_matrix(
            (self.pi.ravel(), np.arange(count * choices), rows), shape=(count, count * choices)
        )
        self.P = sparse.csr_matrix(weights @ self.tables.moves)
        self.P.eliminate_zeros()
        self.r = (self.pi * self.tables.rewards).sum(axis=1)
        self.classes = self._closed_classes(*self.P.nonzero())

    @cached_property
    def differential(self) -> Any:
        """h, with mean zero in the long run from every state."""
        count, classes = len(self.mdp.states), range(len(self.classes))
        if not self.exact:
            h = self._between(self.r - self.gain)
            return h - self._over_classes([mu @ h for mu in self.shares], self.absorption)
        named: dict[Any, Any] = {}
        shares: list[Any] = []
        into: list[Any] = []
        for c in classes:
            for found, letter in ((shares, "mu"), (into, "a")):
                source = self.shares if letter == "mu" else self.absorption
                names, values = with_values_named(source[c], letter)
                found.append(names)
                named |= values
        gaps, gained = with_values_named(
            [r - g for r, g in zip(self.r, self.gain, strict=True)], "r"
        )
        system = [
            [
                (S.One if s == t else S.Zero)
                - self.P[s][t]
                + Add(*(into[c][s] * shares[c][t] for c in classes))
                for t in range(count)
            ]
            for s in range(count)
        ]
        found = solve_exactly(system, [[x] for x in gaps])
        return [short(x.xreplace({**named, **gained})) for (x,) in found]

    def doit(self, **hints: Any) -> Any:
        """r̄."""
        return self._paid(self.stationary)

    @cached_property
    def q(self) -> Any:
        """q(s, a) = r(s, a) - g(s) + Σ p(s'|s, a) h(s')."""
        h, t = self.differential, self.tables
        if not self.exact:
            return t.rewards - self.gain[:, None] + (t.moves @ h).reshape(self.pi.shape)
        return [
            [r - g + Add(*(p * h[k] for k, p in m.items())) for r, m in zip(rs, ms, strict=True)]
            for rs, ms, g in zip(t.rewards, t.moves, self.gain, strict=True)
        ]

    @cached_property
    def _weights(self) -> tuple[Any, Any]:
        """How much each state weighs in the gradient, and what its actions are worth there, less
        the mean.
        """
        g, h, t, left = self.gain, self.differential, self.tables, self.transient
        if not self.exact:
            worth = self.q - h[:, None]
            worth[left] = (t.moves @ g).reshape(self.pi.shape)[left] - g[left, None]
            return self.stationary + self.visits, worth
        n, one = self.visits, len(self.classes) == 1
        values = [
            [
                (S.Zero if one else short(Add(*(p * g[k] for k, p in m.items())) - g[s]))
                if s in left
                else short(x - h[s])
                for x, m in zip(xs, ms, strict=True)
            ]
            for s, (xs, ms) in enumerate(zip(self.q, t.moves, strict=True))
        ]
        return [n[s] if s in left else m for s, m in enumerate(self.stationary)], values

    def gradient(self, wrt: Any = None) -> Any:
        """∇r̄ by the Parameters (or ``wrt``); by numeric logits `μ(s) π(a|s) (q(s, a) - h(s))`.

        Through a network of matrices it is a ``NetworkDirection``, in numbers {name: array}.
        """
        weights, worth = self._weights
        if not self.exact:
            advantage = worth - (self.pi * worth).sum(axis=1, keepdims=True)
            table = weights[:, None] * self.pi * advantage
            pulled = getattr(self.policy.given, "pulled_back", None)
            return table if pulled is None else pulled(table)
        variables = self.policy.by(wrt, "the gradient of the average reward")
        if self.policy.heads:
            from .network_direction import NetworkDirection
            from .network_gradient import slopes_of_logits

            shape = self.mdp._shape
            slopes = slopes_of_logits(shape, self.policy, self.pi, weights, worth)
            return NetworkDirection(shape, self.pi, slopes, variables, self.doit(), name="rbar")
        found = [
            short(
                Add(
                    *(
                        m * x * p.diff(v)
                        for m, ps, xs in zip(weights, self.pi, worth, strict=True)
                        for p, x in zip(ps, xs, strict=True)
                    )
                )
            )
            for v in variables
        ]
        return found[0] if len(found) == 1 else ImmutableDenseMatrix(len(found), 1, found)

    _title = "average reward"

    @property
    def _equations(self) -> Any:
        """r̄ in the names of the probabilities."""
        if not self.exact:
            return None
        names = names_of(self.mdp._shape, self.pi)
        found = [Eq(Symbol("rbar"), with_names(self.doit(), names), evaluate=False)]
        if len(self.classes) > 1:
            found += [
                Eq(Function("g")(Symbol(str(s))), with_names(g, names), evaluate=False)
                for s, g in zip(self.mdp.states, self.gain, strict=True)
            ]
        return found

    def _formula(self) -> Any:
        return self.doit() if self.exact else ImmutableDenseMatrix([[self.doit()]])[0]

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """μ = μP, h = r - r̄ + Ph, and ∂r̄ against difference quotients."""
        mu, g, h = self.stationary, self.gain, self.differential
        if not self.exact:
            from .balances import worst

            return [
                worst("μ = μP", mu, mu @ self.P),
                worst("g = Pg", g, self.P @ g),
                worst("h = r - g + Ph", h, self.r - g + self.P @ h),
            ]
        count = range(len(mu))
        items: list[tuple[str, Any, Any]] = [
            (
                f"μ = μP in state {self.mdp.states[t]}",
                mu[t],
                Add(*(mu[s] * self.P[s][t] for s in count)),
            )
            for t in count
        ]
        items.append(("Σ μ = 1", Add(*mu), S.One))
        items += [
            (
                f"h = r - g + Ph in state {self.mdp.states[s]}",
                h[s],
                self.r[s] - g[s] + Add(*(self.P[s][t] * h[t] for t in count)),
            )
            for s in count
        ]
        if len(self.classes) > 1:
            items += [
                (
                    f"g = Pg in state {self.mdp.states[s]}",
                    g[s],
                    Add(*(self.P[s][t] * g[t] for t in count)),
                )
                for s in count
            ]
        if self.policy.heads:
            return items + self.gradient()._check_items()
        for v in self.policy.variables:
            items.append((f"∂r̄/∂{v}", Derivative(self.doit(), v, evaluate=False), self.gradient(v)))
        return items
