"""The average reward of a policy: its stationary distribution, differential values, gradient."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, Derivative, Eq, ImmutableDenseMatrix, S, Symbol

from ..errors import PolicyError
from .linear import SparseSolver, short, solve_exactly, with_values_named
from .naming import names_of, with_names
from .policies import read_policy
from .results import Numeric
from .soft import with_bonus

__all__ = ["AverageReward"]


class AverageReward(Numeric):
    """The reward of a step in the long run, `r̄ = Σ_s μ(s) Σ_a π(a|s) r(s, a)` with `μ = μP_π`.

    Made by ``mdp.average_reward(policy)`` for a process without an end; its discount plays no part.
    All states but those that are left for good must reach each other under the policy.
    ``differential`` are the values h with `h = r_π - r̄ + P_π h`, `Σ μ h = 0`; ``gradient()`` is
    `Σ μ(s) Σ_a ∂π(a|s) q(s, a)`. A soft process counts its entropy bonus.

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

    Sutton and Barto (2018), section 10.3; P. Marbach and J. Tsitsiklis (2001).
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
        self.recurrent = self._one_class(rows, columns)

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
        self.recurrent = self._one_class(*self.P.nonzero())

    def _one_class(self, rows: Any, columns: Any) -> list[int]:
        """The states that are met for ever; raise where they depend on the start."""
        import numpy as np
        import scipy.sparse as sparse
        from scipy.sparse.csgraph import connected_components

        count = len(self.mdp.states)
        graph = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
        number, label = connected_components(graph, connection="strong")
        left = {int(label[s]) for s, t in zip(rows, columns, strict=True) if label[s] != label[t]}
        closed = [c for c in range(number) if c not in left]
        if len(closed) > 1:
            one, other = (int(np.flatnonzero(label == c)[0]) for c in closed[:2])
            raise PolicyError(
                "asked for the average reward of a policy under which state "
                f"{self.mdp.states[min(one, other)]} and state {self.mdp.states[max(one, other)]} "
                "do not reach each other, and are not left for good: it would depend on the start. "
                "Write .objective(policy) with a discount, which weighs the starts by rho, or an "
                "MDP of the states that are met from one start"
            )
        return [int(s) for s in np.flatnonzero(label == closed[0])]

    @cached_property
    def _others(self) -> list[int]:
        """All states but one that is met for ever, between whose visits the others are counted."""
        return [s for s in range(len(self.mdp.states)) if s != self.recurrent[0]]

    @cached_property
    def _solver(self) -> SparseSolver:
        import scipy.sparse as sparse

        inner = self.P[self._others][:, self._others]
        return SparseSolver(sparse.identity(len(self._others), format="csr") - inner)

    @cached_property
    def stationary(self) -> Any:
        """μ: a list, or an array; 0 for states that are left for good."""
        count, base = len(self.mdp.states), self.recurrent[0]
        if not self.exact:
            import numpy as np

            visits = np.ones(count)
            if self._others:
                leaving = self.P[base].toarray().ravel()[self._others]
                visits[self._others] = self._solver(leaving, transposed=True)
            transient = np.setdiff1d(np.arange(count), self.recurrent)
            visits[transient] = 0
            return visits / visits.sum()
        inner = self.recurrent
        system = [[(S.One if s == t else S.Zero) - self.P[s][t] for s in inner] for t in inner[:-1]]
        right = [[S.Zero]] * (len(inner) - 1) + [[S.One]]
        found = solve_exactly([*system, [S.One] * len(inner)], right)
        mu = [S.Zero] * count
        for s, (x,) in zip(inner, found, strict=True):
            mu[s] = x
        return mu

    @cached_property
    def differential(self) -> Any:
        """h, with mean zero in the long run."""
        count, mu = len(self.mdp.states), self.stationary
        if not self.exact:
            import numpy as np

            h = np.zeros(count)
            if self._others:
                h[self._others] = self._solver((self.r - self.doit())[self._others])
            return h - mu @ h
        shares, named = with_values_named(mu, "mu")
        gaps, gained = with_values_named([r - self.doit() for r in self.r], "r")
        system = [
            [(S.One if s == t else S.Zero) - self.P[s][t] + shares[t] for t in range(count)]
            for s in range(count)
        ]
        found = solve_exactly(system, [[x] for x in gaps])
        return [short(x.xreplace({**named, **gained})) for (x,) in found]

    def doit(self, **hints: Any) -> Any:
        """r̄."""
        if not self.exact:
            return float(self.stationary @ self.r)
        return short(Add(*(m * r for m, r in zip(self.stationary, self.r, strict=True))))

    @cached_property
    def q(self) -> Any:
        """q(s, a) = r(s, a) - r̄ + Σ p(s'|s, a) h(s')."""
        mean, h = self.doit(), self.differential
        t = self.tables
        if not self.exact:
            return t.rewards - mean + (t.moves @ h).reshape(self.pi.shape)
        return [
            [r - mean + Add(*(p * h[k] for k, p in m.items())) for r, m in zip(rs, ms, strict=True)]
            for rs, ms in zip(t.rewards, t.moves, strict=True)
        ]

    def gradient(self, wrt: Any = None) -> Any:
        """∇r̄ by the Parameters (or ``wrt``); by numeric logits `μ(s) π(a|s) (q(s, a) - h(s))`.

        Through a network of matrices it is a ``NetworkDirection``, in numbers {name: array}.
        """
        if not self.exact:
            q = self.q
            advantage = q - (self.pi * q).sum(axis=1, keepdims=True)
            table = self.stationary[:, None] * self.pi * advantage
            pulled = getattr(self.policy.given, "pulled_back", None)
            return table if pulled is None else pulled(table)
        variables = self.policy.by(wrt, "the gradient of the average reward")
        if self.policy.heads:
            from .network_direction import NetworkDirection
            from .network_gradient import slopes_of_logits

            weights = [
                [short(x - h) for x in qs] for qs, h in zip(self.q, self.differential, strict=True)
            ]
            shape = self.mdp._shape
            slopes = slopes_of_logits(shape, self.policy, self.pi, self.stationary, weights)
            return NetworkDirection(shape, self.pi, slopes, variables, self.doit(), name="rbar")
        found = [
            short(
                Add(
                    *(
                        m * x * p.diff(v)
                        for m, ps, qs in zip(self.stationary, self.pi, self.q, strict=True)
                        for p, x in zip(ps, qs, strict=True)
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
        return [Eq(Symbol("rbar"), with_names(self.doit(), names), evaluate=False)]

    def _formula(self) -> Any:
        return self.doit() if self.exact else ImmutableDenseMatrix([[self.doit()]])[0]

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """μ = μP, h = r - r̄ + Ph, and ∂r̄ against difference quotients."""
        mu, h = self.stationary, self.differential
        if not self.exact:
            from .balances import worst

            return [
                worst("μ = μP", mu, mu @ self.P),
                worst("h = r - r̄ + Ph", h, self.r - self.doit() + self.P @ h),
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
                f"h = r - r̄ + Ph in state {self.mdp.states[s]}",
                h[s],
                self.r[s] - self.doit() + Add(*(self.P[s][t] * h[t] for t in count)),
            )
            for s in count
        ]
        if self.policy.heads:
            return items + self.gradient()._check_items()
        for v in self.policy.variables:
            items.append((f"∂r̄/∂{v}", Derivative(self.doit(), v, evaluate=False), self.gradient(v)))
        return items
