"""The average reward of a policy: its stationary distribution, differential values, gradient."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, Derivative, ImmutableDenseMatrix, S

from ..errors import PolicyError
from .linear import short, solve_exactly
from .policies import read_policy
from .results import Numeric

__all__ = ["AverageReward"]


class AverageReward(Numeric):
    """The reward of a step in the long run, `r̄ = Σ_s μ(s) Σ_a π(a|s) r(s, a)` with `μ = μP_π`.

    Made by ``mdp.average_reward(policy)`` for a process without an end, whose states all reach each
    other under the policy; its discount plays no part. ``differential`` are the values h with
    `h = r_π - r̄ + P_π h`, `Σ μ h = 0`; ``gradient()`` is `Σ μ(s) Σ_a ∂π(a|s) q(s, a)`.

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
        read = read_policy(policy, mdp.states, mdp.actions, mdp._shape.terminal)
        self.mdp, self.policy = mdp, read
        self.exact = not (read.numeric or mdp.is_float)
        tables = mdp.tables if self.exact else mdp._sparse
        if mdp.terminal or (
            any(x != 0 for row in tables.ends for x in row) if self.exact else tables.ends.any()
        ):
            raise PolicyError(
                "asked for the average reward of a process whose episodes end: in the long run "
                "nothing is received; write .objective(policy) for the reward of an episode"
            )
        if self.exact:
            self._exactly(tables)
        else:
            self._numerically(tables)

    def _exactly(self, tables: Any) -> None:
        self.pi, count = self.policy.rows, len(self.mdp.states)
        self.P = [[S.Zero] * count for _ in range(count)]
        for s, line in enumerate(tables.moves):
            for p, targets in zip(self.pi[s], line, strict=True):
                for t, q in targets.items():
                    self.P[s][t] += p * q
        self.r = [
            Add(*(p * r for p, r in zip(ps, rs, strict=True)))
            for ps, rs in zip(self.pi, tables.rewards, strict=True)
        ]
        self._require_one_class([{t for t in range(count) if row[t] != 0} for row in self.P])

    def _numerically(self, tables: Any) -> None:
        import numpy as np

        self.pi = (
            self.policy.rows if self.policy.numeric else np.array(self.policy.rows, dtype=float)
        )
        choices = self.pi.shape[1]
        steps = tables.moves.multiply(self.pi.ravel()[:, None]).tocsr()
        self.P = sum(steps[a::choices].toarray() for a in range(choices))
        self.r = (self.pi * tables.rewards).sum(axis=1)
        self._require_one_class([set(np.flatnonzero(row)) for row in self.P])

    def _require_one_class(self, following: list[set[int]]) -> None:
        """Raise where the stationary distribution would depend on the start."""
        before: list[set[int]] = [set() for _ in following]
        for s, targets in enumerate(following):
            for t in targets:
                before[int(t)].add(s)
        for graph in (following, before):
            reached, waiting = {0}, [0]
            while waiting:
                for t in graph[waiting.pop()]:
                    if t not in reached:
                        reached.add(t)
                        waiting.append(t)
            if len(reached) < len(following):
                missing = next(s for s in range(len(following)) if s not in reached)
                raise PolicyError(
                    "asked for the average reward of a policy under which state "
                    f"{self.mdp.states[0]} and state {self.mdp.states[missing]} do not reach each "
                    "other: it would depend on the start"
                )

    @cached_property
    def stationary(self) -> Any:
        """μ: a list, or an array."""
        count = len(self.mdp.states)
        if not self.exact:
            import numpy as np

            balance = np.vstack([(np.eye(count) - self.P).T[:-1], np.ones(count)])
            return np.linalg.solve(balance, np.eye(count)[-1])
        system = [
            [(S.One if s == t else S.Zero) - self.P[s][t] for s in range(count)]
            for t in range(count - 1)
        ]
        right = [[S.Zero]] * (count - 1) + [[S.One]]
        return [x for (x,) in solve_exactly([*system, [S.One] * count], right)]

    @cached_property
    def differential(self) -> Any:
        """h, with mean zero in the long run."""
        count, mu = len(self.mdp.states), self.stationary
        if not self.exact:
            import numpy as np

            return np.linalg.solve(
                np.eye(count) - self.P + np.outer(np.ones(count), mu), self.r - self.doit()
            )
        system = [
            [(S.One if s == t else S.Zero) - self.P[s][t] + mu[t] for t in range(count)]
            for s in range(count)
        ]
        mean = self.doit()
        return [short(x) for (x,) in solve_exactly(system, [[r - mean] for r in self.r])]

    def doit(self, **hints: Any) -> Any:
        """r̄."""
        if not self.exact:
            return float(self.stationary @ self.r)
        return short(Add(*(m * r for m, r in zip(self.stationary, self.r, strict=True))))

    @cached_property
    def q(self) -> Any:
        """q(s, a) = r(s, a) - r̄ + Σ p(s'|s, a) h(s')."""
        mean, h = self.doit(), self.differential
        if not self.exact:
            t = self.mdp._sparse
            return t.rewards - mean + (t.moves @ h).reshape(self.pi.shape)
        t = self.mdp.tables
        return [
            [r - mean + Add(*(p * h[k] for k, p in m.items())) for r, m in zip(rs, ms, strict=True)]
            for rs, ms in zip(t.rewards, t.moves, strict=True)
        ]

    def gradient(self, wrt: Any = None) -> Any:
        """∇r̄ by the Parameters (or ``wrt``); by numeric logits `μ(s) π(a|s) (q(s, a) - h(s))`."""
        if not self.exact:
            q = self.q
            advantage = q - (self.pi * q).sum(axis=1, keepdims=True)
            return self.stationary[:, None] * self.pi * advantage
        variables = self.policy.variables if wrt is None else (wrt,)
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
        for v in self.policy.variables:
            items.append((f"∂r̄/∂{v}", Derivative(self.doit(), v, evaluate=False), self.gradient(v)))
        return items
