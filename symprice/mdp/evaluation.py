"""A policy evaluated on a decision process: the same quantities exactly, or in float64.

Terminal states have the value 0. ``visits`` are `η(s) = Σ_t γᵗ P(S_t = s)` over the states that are
not terminal; the occupancy is `(1 - γ) η`, and the rest of its mass is with those that have ended.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, S

from ..errors import PolicyError
from .linear import SparseSolver, short, solve_exactly
from .policies import StatePolicy
from .tables import Exact, Shape

__all__ = ["ExactEvaluation", "SparseEvaluation"]


class ExactEvaluation:
    """Values in rationals and symbols; lists by state, or by state and action."""

    exact = True

    def __init__(
        self, shape: Shape, tables: Exact, gamma: Any, rho: list[Any], policy: StatePolicy
    ) -> None:
        self.shape, self.tables, self.gamma, self.rho = shape, tables, gamma, rho
        self.policy, self.pi = policy, policy.rows
        self.alive = [s for s in range(len(shape.states)) if s not in shape.terminal]
        if gamma == 1:
            _require_end(shape, self.steps, self.endings)

    @cached_property
    def steps(self) -> list[dict[int, Any]]:
        """P_π, row by row: {s': Σ_a π(a|s) p(s'|s, a)}, without the terminal states."""
        rows = []
        for s in range(len(self.shape.states)):
            row: dict[int, list[Any]] = {}
            for p, targets in zip(self.pi[s], self.tables.moves[s], strict=True):
                for t, q in targets.items():
                    if t not in self.shape.terminal and p != 0:
                        row.setdefault(t, []).append(p * q)
            rows.append({t: _sum(terms) for t, terms in row.items()})
        return rows

    @cached_property
    def endings(self) -> list[bool]:
        """Whether an episode can end with the action that is taken in a state."""
        return [
            any(
                p != 0 and (e != 0 or any(t in self.shape.terminal for t in targets))
                for p, e, targets in zip(
                    self.pi[s], self.tables.ends[s], self.tables.moves[s], strict=True
                )
            )
            for s in range(len(self.shape.states))
        ]

    @cached_property
    def mean_rewards(self) -> list[Any]:
        """r_π(s) = Σ_a π(a|s) r(s, a)."""
        return [
            _sum([p * r for p, r in zip(ps, rs, strict=True)])
            for ps, rs in zip(self.pi, self.tables.rewards, strict=True)
        ]

    def system(self, transposed: bool = False) -> list[list[Any]]:
        """I - γP_π over the states that are not terminal."""
        rows = [
            [
                (S.One if s == t else S.Zero) - self.gamma * self.steps[s].get(t, S.Zero)
                for t in self.alive
            ]
            for s in self.alive
        ]
        return [list(column) for column in zip(*rows, strict=True)] if transposed else rows

    def solved(self, right: list[Any], transposed: bool = False) -> list[Any]:
        """x with `(I - γP_π) x = b`, with 0 in the terminal states."""
        found = solve_exactly(self.system(transposed), [[right[s]] for s in self.alive])
        every = [S.Zero] * len(right)
        for s, (x,) in zip(self.alive, found, strict=True):
            every[s] = x
        return every

    @cached_property
    def V(self) -> list[Any]:
        """The values of the states."""
        return self.solved(self.mean_rewards)

    @cached_property
    def Q(self) -> list[list[Any]]:
        """The values of actions: r(s, a) + γ Σ p(s'|s, a) V(s')."""
        return [
            [
                short(r + self.gamma * Add(*(p * self.V[t] for t, p in targets.items())))
                for r, targets in zip(rs, moves, strict=True)
            ]
            for rs, moves in zip(self.tables.rewards, self.tables.moves, strict=True)
        ]

    @cached_property
    def A(self) -> list[list[Any]]:
        """The advantages Q(s, a) - V(s)."""
        return [[short(q - v) for q in qs] for qs, v in zip(self.Q, self.V, strict=True)]

    @cached_property
    def visits(self) -> list[Any]:
        """η(s) = Σ_t γᵗ P(S_t = s); 0 for terminal states."""
        return self.solved(self.rho, transposed=True)

    @cached_property
    def occupancy(self) -> list[Any]:
        """d(s) = (1 - γ) Σ_t γᵗ P(S_t = s); of γ = 1 the visits themselves."""
        if self.gamma == 1:
            return self.visits
        return [short((1 - self.gamma) * n) for n in self.visits]

    @cached_property
    def J(self) -> Any:
        """Σ ρ(s) V(s)."""
        return short(Add(*(p * v for p, v in zip(self.rho, self.V, strict=True))))


def _sum(terms: list[Any]) -> Any:
    """A sum, multiplied out where it may vanish or shrink, as Σ π(a) does."""
    total = Add(*terms)
    return total if total.is_Atom else _collapsed(total)


def _collapsed(total: Any) -> Any:
    from ..networks.logits import SoftmaxEntry

    entries = total.atoms(SoftmaxEntry)
    heads = {e.logits for e in entries}
    for logits in heads:
        row = [SoftmaxEntry(k, *logits) for k in range(1, len(logits) + 1)]
        shared = total.coeff(row[0]) if all(p in entries for p in row) else S.Zero
        if shared != 0 and all(total.coeff(p) == shared for p in row[1:]):
            total = total - shared * Add(*row) + shared
    return total


class SparseEvaluation:
    """Values in float64; arrays by state, or by state and action."""

    exact = False

    def __init__(
        self,
        shape: Shape,
        tables: Any,
        gamma: float,
        rho: Any,
        policy: StatePolicy,
        pi: Any,
        temperature: float = 0.0,
    ) -> None:
        import numpy as np
        import scipy.sparse as sparse

        self.shape, self.gamma, self.temperature = shape, gamma, temperature
        self.plain, self.tables = tables, tables
        if temperature:
            # An action that is never taken has no bonus.
            bonus = -temperature * np.log(np.where(pi > 0, pi, 1.0))
            bonus[sorted(shape.terminal)] = 0
            self.tables = tables._replace(rewards=tables.rewards + bonus)
        self.policy, self.pi = policy, pi
        self.rho = np.array(rho, dtype=float)
        count, choices = pi.shape
        self.alive = np.ones(count, dtype=bool)
        self.alive[sorted(shape.terminal)] = False
        self.rho_alive = np.where(self.alive, self.rho, 0.0)
        rows = np.arange(0, count * choices + 1, choices)
        weights = sparse.csr_matrix(
            (pi.ravel(), np.arange(count * choices), rows), shape=(count, count * choices)
        )
        self.steps = sparse.csr_matrix(weights @ tables.moves)
        self.mean_rewards = (pi * self.tables.rewards).sum(axis=1)
        if gamma == 1:
            self._require_end()

    def _require_end(self) -> None:
        graph = self.steps.tocsr()
        ending = [bool(x) for x in ((self.tables.ends * self.pi).sum(axis=1) > 0) | (~self.alive)]
        rows = [
            {int(t): 1 for t in graph.indices[graph.indptr[s] : graph.indptr[s + 1]]}
            for s in range(len(ending))
        ]
        _require_end(self.shape, rows, ending)

    @cached_property
    def solver(self) -> SparseSolver:
        """Of I - γP_π."""
        import scipy.sparse as sparse

        # Terminal states have empty rows; their columns meet the value 0.
        return SparseSolver(
            sparse.identity(self.steps.shape[0], format="csr") - self.gamma * self.steps
        )

    @cached_property
    def V(self) -> Any:
        """The values of the states."""
        return self.solver(self.mean_rewards)

    @cached_property
    def Q(self) -> Any:
        """The values of actions."""
        return self.tables.rewards + self.gamma * (self.tables.moves @ self.V).reshape(
            self.pi.shape
        )

    @cached_property
    def A(self) -> Any:
        """The advantages."""
        return self.Q - self.V[:, None]

    @cached_property
    def visits(self) -> Any:
        """η(s) = Σ_t γᵗ P(S_t = s); 0 for terminal states."""
        import numpy as np

        return np.where(self.alive, self.solver(self.rho_alive, transposed=True), 0.0)

    @cached_property
    def occupancy(self) -> Any:
        """(1 - γ) η; of γ = 1 the visits themselves."""
        return self.visits if self.gamma == 1 else (1 - self.gamma) * self.visits

    @cached_property
    def J(self) -> float:
        """Σ ρ(s) V(s)."""
        return float(self.rho @ self.V)


def _require_end(shape: Shape, rows: list[dict[int, Any]], ending: list[bool]) -> None:
    """Raise unless from every state there is a way to the end of the episode."""
    sources: dict[int, list[int]] = {}
    for s, row in enumerate(rows):
        for t, p in row.items():
            if p != 0:
                sources.setdefault(t, []).append(s)
    reached = {s for s, end in enumerate(ending) if end} | set(shape.terminal)
    waiting = list(reached)
    while waiting:
        for s in sources.get(waiting.pop(), ()):
            if s not in reached:
                reached.add(s)
                waiting.append(s)
    stuck = [s for s in range(len(rows)) if s not in reached]
    if stuck:
        raise PolicyError(
            "asked for values with gamma = 1 under a policy that never ends an episode from state "
            f"{shape.states[stuck[0]]}: write gamma < 1, or .average_reward(policy); a state in "
            "which nothing happens any more, or that no episode comes to, goes into terminal="
        )
