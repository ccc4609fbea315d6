"""Generalised advantage estimates: what they are on average."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, Eq, ImmutableDenseMatrix, S

from ..errors import PolicyError, ShapeError
from .linear import SparseSolver, short, solve_exactly
from .naming import applied, named_probabilities, with_names
from .network_gradient import paired
from .results import LONGEST, Numeric, written_out
from .tables import number

__all__ = ["GeneralizedAdvantage"]


class GeneralizedAdvantage(Numeric):
    """`E[Σ_l (γλ)ˡ δ_{t+l} | s, a]` with `δ = r + γ v(s') - v(s)`, for any values v.

    Made by ``mdp.gae(policy, lam, values)``; the values are those of the policy where not given.
    With the true values it is the advantage for every λ; with λ = 1 it is `Q(s, a) - v(s)` for all
    v, and with λ = 0 it is the mean of δ. ``table`` is S × A.

    Examples
    ========

    >>> from sympy import Rational, Symbol
    >>> from symprice.mdp.process import MDP
    >>> v, lam = Symbol('v'), Symbol('lambda')
    >>> coin = MDP([[[1], [1]]], [[3, 1]], gamma=Rational(1, 2))
    >>> half = [[Rational(1, 2), Rational(1, 2)]]
    >>> coin.gae(half, lam, [v]).table.subs(lam, 1)
    Matrix([[5 - v, 3 - v]])

    References
    ==========

    J. Schulman et al., High-dimensional continuous control using generalized advantage estimation
    (2016).
    """

    def __init__(self, mdp: Any, evaluation: Any, lam: Any, values: Any = None) -> None:
        self.mdp, self.evaluation, self.exact = mdp, evaluation, evaluation.exact
        self.lam = number(lam, "the factor lambda")
        if self.lam.is_negative or (self.lam - 1).is_positive:
            raise PolicyError(f"asked for lambda = {lam}: it lies in [0, 1]")
        if values is None:
            self.values: Any = evaluation.V
        else:
            given = list(values.tolist() if hasattr(values, "tolist") else values)
            if len(given) != len(mdp.states):
                raise ShapeError(f"received {len(given)} values for {len(mdp.states)} states")
            found = [
                S.Zero if s in mdp._shape.terminal else number(v, "a value")
                for s, v in enumerate(given)
            ]
            self.values = found
            if not self.exact:
                import numpy as np

                self.values = np.array(found, dtype=float)

    @cached_property
    def errors(self) -> Any:
        """The mean of δ in a state with an action."""
        e, v = self.evaluation, self.values
        if not self.exact:
            following = (e.tables.moves @ v).reshape(e.pi.shape)
            found = e.tables.rewards + e.gamma * following - v[:, None]
            found[~e.alive] = 0
            return found
        return [
            [
                S.Zero
                if s in self.mdp._shape.terminal
                else r + e.gamma * Add(*(p * v[t] for t, p in m.items())) - v[s]
                for r, m in zip(e.tables.rewards[s], e.tables.moves[s], strict=True)
            ]
            for s in range(len(self.mdp.states))
        ]

    @cached_property
    def by_state(self) -> Any:
        """G(s) = Σ_a π(a|s) of the estimates: `(I - γλP_π) G = δ_π`."""
        e = self.evaluation
        if not self.exact:
            import scipy.sparse as sparse

            factor = e.gamma * float(self.lam)
            system = sparse.identity(e.steps.shape[0], format="csr") - factor * e.steps
            return SparseSolver(system)((e.pi * self.errors).sum(axis=1))
        factor = e.gamma * self.lam
        system = [
            [(S.One if s == t else S.Zero) - factor * e.steps[s].get(t, S.Zero) for t in e.alive]
            for s in e.alive
        ]
        right = [
            [Add(*(p * d for p, d in zip(e.pi[s], self.errors[s], strict=True)))] for s in e.alive
        ]
        found = dict(zip(e.alive, (x for (x,) in solve_exactly(system, right)), strict=True))
        return [found.get(s, S.Zero) for s in range(len(self.mdp.states))]

    @cached_property
    def table(self) -> Any:
        """The expectation for every state and action."""
        e, G = self.evaluation, self.by_state
        if not self.exact:
            later = (e.tables.moves @ G).reshape(e.pi.shape)
            return self.errors + e.gamma * float(self.lam) * later
        factor = e.gamma * self.lam
        return ImmutableDenseMatrix(
            [
                [
                    short(d + factor * Add(*(p * G[t] for t, p in m.items())))
                    for d, m in zip(ds, ms, strict=True)
                ]
                for ds, ms in zip(self.errors, e.tables.moves, strict=True)
            ]
        )

    def gradient(self, wrt: Any = None) -> Any:
        """What a policy gradient with these advantages is on average: ∇J and the bias of v.

        Through a network of matrices it is a ``NetworkDirection``, in numbers {name: array}.
        """
        e = self.evaluation
        if not self.exact:
            mean = (e.pi * self.table).sum(axis=1, keepdims=True)
            table = e.visits[:, None] * e.pi * (self.table - mean)
            pulled = getattr(e.policy.given, "pulled_back", None)
            return table if pulled is None else pulled(table)
        variables = e.policy.by(wrt, "the gradient by estimated advantages")
        if e.policy.heads:
            return self._through_network(variables)
        found = [
            short(
                Add(
                    *(
                        e.visits[s] * p.diff(v) * x
                        for s in e.alive
                        for p, x in zip(e.pi[s], self.table[s, :], strict=True)
                    )
                )
            )
            for v in variables
        ]
        return found[0] if len(found) == 1 else ImmutableDenseMatrix(len(found), 1, found)

    def _through_network(self, variables: Any) -> Any:
        from .network_direction import NetworkDirection
        from .network_gradient import slopes_of_logits

        e, table, G = self.evaluation, self.table, self.by_state
        weights = [
            [short(table[s, a] - G[s]) for a in range(len(self.mdp.actions))]
            for s in range(len(self.mdp.states))
        ]
        slopes = slopes_of_logits(e.shape, e.policy, e.pi, e.visits, weights)
        return NetworkDirection(e.shape, e.pi, slopes, variables, self._moved)

    def _moved(self, prop: Any) -> Any:
        """By the covariances of the probabilities, with nothing centred."""
        e = self.evaluation
        return Add(
            *(
                e.visits[s] * self.table[s, a] * paired(p, prop)
                for s in sorted(e.policy.heads)
                for a, p in enumerate(e.pi[s])
                if p.free_symbols
            )
        )

    def doit(self, **hints: Any) -> Any:
        """The table."""
        return self.table

    _title = "expected advantage estimates"

    @property
    def _equations(self) -> Any:
        """A line for each state and action, where there are few."""
        shape = self.mdp._shape
        if not self.exact or len(shape.states) * len(shape.actions) > LONGEST:
            return None
        names = named_probabilities(self.evaluation)
        return [
            Eq(
                applied("X", shape.states[s], shape.actions[a]),
                with_names(self.table[s, a], names),
                evaluate=False,
            )
            for s, a in shape.pairs()
        ]

    def _formula(self) -> Any:
        if not self.exact:
            written_out(self.table)
        return ImmutableDenseMatrix(self.table)

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """X = δ + γλ Σ p π X, entry by entry."""
        e, factor = self.evaluation, self.mdp.gamma * self.lam
        if not self.exact:
            from .balances import worst

            mean = (e.pi * self.table).sum(axis=1)
            later = (e.tables.moves @ mean).reshape(e.pi.shape)
            return [worst("recursion", self.table, self.errors + float(factor) * later)]
        choices = range(len(self.mdp.actions))
        return [
            (
                f"recursion in {self.mdp._shape.words(s, a)}",
                self.table[s, a],
                self.errors[s][a]
                + factor
                * Add(
                    *(
                        p * e.pi[t][b] * self.table[t, b]
                        for t, p in e.tables.moves[s][a].items()
                        for b in choices
                    )
                ),
            )
            for s in e.alive
            for a in choices
        ]
