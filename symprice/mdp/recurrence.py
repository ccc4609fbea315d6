"""What a chain of states does in the long run: its recurrent classes, and the way into them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, S

from .linear import SparseSolver, short, solve_exactly

__all__ = ["Recurrence"]


class Recurrence:
    """A chain with transitions P, exact or in float64, and what it is paid in each state."""

    mdp: Any
    exact: bool
    P: Any
    r: Any
    classes: list[list[int]]

    def _closed_classes(self, rows: Any, columns: Any) -> list[list[int]]:
        """The states that are met for ever, those together that reach each other."""
        import numpy as np
        import scipy.sparse as sparse
        from scipy.sparse.csgraph import connected_components

        count = len(self.mdp.states)
        graph = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
        number, label = connected_components(graph, connection="strong")
        left = {int(label[s]) for s, t in zip(rows, columns, strict=True) if label[s] != label[t]}
        closed = (np.flatnonzero(label == c) for c in range(number) if c not in left)
        return sorted([int(s) for s in places] for places in closed)

    @property
    def transient(self) -> list[int]:
        """The states that are left for good, by their places."""
        return sorted(set(range(len(self.mdp.states))).difference(*self.classes))

    # --- in numbers -------------------------------------------------------------------------------
    @cached_property
    def _others(self) -> list[int]:
        """All states but one of each class, between whose visits the others are counted."""
        bases = {inner[0] for inner in self.classes}
        return [s for s in range(len(self.mdp.states)) if s not in bases]

    @cached_property
    def _solver(self) -> SparseSolver:
        import scipy.sparse as sparse

        inner = self.P[self._others][:, self._others]
        return SparseSolver(sparse.identity(len(self._others), format="csr") - inner)

    def _between(self, right: Any, transposed: bool = False) -> Any:
        """x = right + P x, or its transpose, that is 0 in one state of each class."""
        import numpy as np

        found = np.zeros(len(right))
        if self._others:
            found[self._others] = self._solver(right[self._others], transposed=transposed)
        return found

    # --- by classes -------------------------------------------------------------------------------
    @cached_property
    def shares(self) -> list[Any]:
        """The stationary distribution of each class, over all states."""
        count = len(self.mdp.states)
        found: list[Any] = []
        for inner in self.classes:
            if not self.exact:
                visits = self._between(self.P[inner[0]].toarray().ravel(), transposed=True)
                visits[self.transient] = 0
                visits[inner[0]] = 1
                found.append(visits / visits.sum())
                continue
            system = [
                [(S.One if s == t else S.Zero) - self.P[s][t] for s in inner] for t in inner[:-1]
            ]
            right = [[S.Zero]] * (len(inner) - 1) + [[S.One]]
            mu = [S.Zero] * count
            solution = solve_exactly([*system, [S.One] * len(inner)], right)
            for s, (x,) in zip(inner, solution, strict=True):
                mu[s] = x
            found.append(mu)
        return found

    @cached_property
    def absorption(self) -> list[Any]:
        """Of each class the probability to end in it, by the state of the start."""
        count, left = len(self.mdp.states), self.transient
        if not self.exact:
            found = []
            for inner in self.classes:
                into = self._between(self.P[:, inner[0]].toarray().ravel())
                into[inner[0]] = 1
                found.append(into)
            return found
        one = [[S.One if s in inner else S.Zero for s in range(count)] for inner in self.classes]
        if len(one) == 1:
            return [[S.One] * count]
        if left:
            system = [[(S.One if s == t else S.Zero) - self.P[s][t] for t in left] for s in left]
            right = [[Add(*(self.P[s][t] for t in inner)) for inner in self.classes] for s in left]
            for s, row in zip(left, solve_exactly(system, right), strict=True):
                for into, x in zip(one, row, strict=True):
                    into[s] = x
        return one

    @cached_property
    def _start(self) -> list[Any]:
        """The probability of each class from the start."""
        if not self.exact:
            return [into @ self._rho for into in self.absorption]
        rho = self.mdp.rho
        return [
            short(Add(*(p * x for p, x in zip(rho, into, strict=True)))) for into in self.absorption
        ]

    @cached_property
    def _rho(self) -> Any:
        import numpy as np

        return np.array(self.mdp.rho, dtype=float)

    def _over_classes(self, weights: Any, columns: Any) -> Any:
        """Σ_c w_c x_c(s), by the state s."""
        if not self.exact:
            return sum(w * column for w, column in zip(weights, columns, strict=True))
        return [
            short(Add(*(w * x for w, x in zip(weights, row, strict=True))))
            for row in zip(*columns, strict=True)
        ]

    @cached_property
    def stationary(self) -> Any:
        """μ: a list, or an array; 0 for states that are left for good."""
        return self._over_classes(self._start, self.shares)

    @cached_property
    def gain(self) -> Any:
        """g(s), the reward of a step in the long run from each state: a list, or an array."""
        return self._over_classes(list(map(self._paid, self.shares)), self.absorption)

    def _paid(self, mu: Any) -> Any:
        if not self.exact:
            return float(mu @ self.r)
        return short(Add(*(m * r for m, r in zip(mu, self.r, strict=True))))

    @cached_property
    def visits(self) -> Any:
        """n(s): how often a state that is left for good is met before that, else 0."""
        count, left = len(self.mdp.states), self.transient
        if not self.exact:
            import numpy as np

            start = np.zeros(count)
            start[left] = self._rho[left]
            found = self._between(start, transposed=True)
            found[np.setdiff1d(np.arange(count), left)] = 0
            return found
        every = [S.Zero] * count
        if left:
            system = [[(S.One if s == t else S.Zero) - self.P[t][s] for t in left] for s in left]
            solution = solve_exactly(system, [[self.mdp.rho[s]] for s in left])
            for s, (x,) in zip(left, solution, strict=True):
                every[s] = x
        return every
