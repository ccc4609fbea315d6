"""Markov decision processes of finitely many states and actions."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, Float, Rational, S

from ..errors import PolicyError
from ..outputs import DescribedProcess
from .evaluation import ExactEvaluation, SparseEvaluation
from .gradient import MDPGradient
from .policies import StatePolicy, TabularSoftmax, read_policy
from .questions import Questions
from .results import ValueTable
from .soft import with_bonus
from .sparse_tables import as_sparse
from .tables import ROUNDING, Exact, Sparse, number, read_tables, start_of

__all__ = ["MDP"]


class MDP(DescribedProcess, Questions):
    """A decision process: `p(s'|s, a)`, `r(s, a)`, a discount γ, and where episodes start.

    Parameters
    ==========

    P : `P[s][a][s']`, a NumPy array or nested lists; {(state, action): {state: probability}} in
        names, where a pair that is left out is an action that the state does not have; or sparse:
        (S·A) × S with the row s·A + a, or a list of one S × S for each action.
    R : `R[s][a]`, `R[s][a][s']`, one for each state, or a dict by state, (state, action) or
        (state, action, next state).
    gamma : the discount, from 0 to 1; 1 is for policies that end every episode.
    rho : the distribution of the first state: a list, {state: probability}, or one state. Uniform
        over the states that are not terminal, where not given.
    states, actions : names; 1, 2, … where not given.
    terminal : the states in which an episode is over: their value is 0, their rows of P are not
        read.
    termination : S × A, the probability that the episode ends with an action, besides; each row
        of P and this sum to one.

    Integers, rationals and symbols stay exact; with a float in them, tables are evaluated in
    float64. Where symbols stand in the tables, or in the policy, a decimal in a list means the
    fraction that is written; arrays of floats and sparse tables need ``rational()`` for that.

    Conventions: `J = E Σ_t γᵗ r_t`; the occupancy is normalised, `d(s) = (1 - γ) Σ γᵗ P(S_t = s)`,
    so the gradient of J carries `1/(1 - γ)`; for γ = 1 it is the expected number of visits, and the
    factor is 1. Terminal states have no occupancy: what d misses of one has ended.

    Raises
    ======

    PolicyError : for rows that do not sum to one (state and action are named), a discount outside
        [0, 1], or, with γ = 1, a policy that may go on for ever.
    ShapeError : for tables that do not fit together.

    Examples
    ========

    >>> from sympy import Rational, Symbol
    >>> from symprice.mdp.process import MDP
    >>> p = Symbol('p', positive=True)
    >>> walk = MDP({('home', 'wait'): 'home', ('home', 'go'): 'away', ('away', 'wait'): 'away',
    ...             ('away', 'go'): 'home'}, {('home', 'wait'): 0, ('home', 'go'): 0,
    ...             ('away', 'wait'): 1, ('away', 'go'): 0}, gamma=Rational(1, 2), rho='home')
    >>> walk.objective([[1 - p, p], [1, 0]]).doit()
    2*p/(p + 1)
    >>> walk.gradient([[1 - p, p], [1, 0]]).doit()
    2/(p + 1)**2

    References
    ==========

    R. S. Sutton and A. G. Barto, Reinforcement Learning: An Introduction (2018); R. S. Sutton,
    D. McAllester, S. Singh and Y. Mansour, Policy gradient methods (2000).
    """

    def __init__(
        self,
        P: Any,
        R: Any,
        gamma: Any = 1,
        rho: Any = None,
        *,
        states: Any = None,
        actions: Any = None,
        terminal: Any = (),
        termination: Any = None,
    ) -> None:
        if not hasattr(P, "__len__") and not hasattr(P, "shape"):
            raise PolicyError(f"asked for a decision process with P = {P!r}: write P[s][a][s']")
        self._shape, self.tables, self.by_next = read_tables(
            P, R, termination, terminal, states, actions
        )
        if len(self._shape.terminal) == len(self._shape.states):
            raise PolicyError("asked for a decision process in which every state is terminal")
        self.gamma = number(gamma, "the discount")
        outside = self.gamma.is_negative or (self.gamma - 1).is_positive
        if outside or self.gamma.is_real is False:
            raise PolicyError(f"asked for the discount gamma = {gamma}: it lies in [0, 1]")
        self.rho = start_of(rho, self._shape)
        self._outcomes: Any = None
        if self.free_symbols and self.is_float:
            # A decimal beside a symbol means what is written.
            self.__dict__ = self.rational().__dict__

    @classmethod
    def from_gymnasium(cls, env: Any, gamma: Any = 1, exact: bool = False, **settings: Any) -> MDP:
        """The decision process of a tabular gymnasium environment, as FrozenLake-v1 or Taxi-v4.

        Parameters
        ==========

        env : an environment with transitions ``P[s][a] = [(p, s', r, terminated)]``, or its name;
            of a version that gymnasium no longer has, the newest is read, with a warning.
        gamma : the discount.
        exact : whether probabilities and rewards become fractions, 0.333… is 1/3.
        settings : of the environment, besides a name: ``is_slippery=False``.

        States and actions are 0, 1, …, as in the environment. A transition that is terminated goes
        nowhere; a limit of steps that cuts episodes off (``truncated``) is not part of the process.

        Raises
        ======

        PolicyError : for an environment without a table, or in a wrapper or with a setting that
            changes what the table says.
        """
        from .environments import read_environment

        return read_environment(cls, env, gamma, exact, settings)

    @property
    def states(self) -> tuple[Any, ...]:
        """The names of the states."""
        return self._shape.states

    @property
    def actions(self) -> tuple[Any, ...]:
        """The names of the actions."""
        return self._shape.actions

    @property
    def terminal(self) -> tuple[Any, ...]:
        """The terminal states."""
        return tuple(s for i, s in enumerate(self.states) if i in self._shape.terminal)

    @cached_property
    def free_symbols(self) -> set[Any]:
        """The symbols in the tables, the discount and the start."""
        found = (self.gamma.free_symbols | self.temperature.free_symbols).union(
            *(p.free_symbols for p in self.rho)
        )
        return found | (self.tables.free_symbols if isinstance(self.tables, Exact) else set())

    @cached_property
    def is_float(self) -> bool:
        """Whether a number of it is a float, so that it is evaluated in float64."""
        if isinstance(self.tables, Sparse):
            return True
        tables = self.tables
        numbers = [self.gamma, self.temperature]
        groups: list[Any] = [*tables.rewards, *tables.ends, numbers, self.rho]
        groups += [m.values() for line in tables.moves for m in line]
        return any(entry.has(Float) for group in groups for entry in group)

    @cached_property
    def _sparse(self) -> Sparse:
        return as_sparse(self.tables)

    def rational(self, largest: int = 10**6) -> MDP:
        """The same process in fractions: every float the nearest with a small denominator; what a
        row of probabilities misses of one by rounding, its largest takes.

        Examples
        ========

        >>> import numpy as np
        >>> from symprice.mdp.process import MDP
        >>> MDP(np.array([[[1.0]]]), np.array([[0.5]]), 0.9).rational().gamma
        9/10
        """

        def fraction(x: Any) -> Any:
            if getattr(x, "free_symbols", None):
                return x
            if isinstance(x, Rational):
                return x
            near = Rational(float(x)).limit_denominator(largest)
            if abs(float(near) - float(x)) > 1e-12 * max(1.0, abs(float(x))):
                raise PolicyError(
                    f"asked for {float(x)!r} as a fraction: none with a denominator up to "
                    f"{largest} is near; write rational(largest=...)"
                )
            return near

        if isinstance(self.tables, Sparse):
            t, choices = self.tables, len(self.actions)
            indptr, columns, data = t.moves.indptr, t.moves.indices, t.moves.data
            moves = [
                [
                    {
                        int(columns[k]): fraction(data[k])
                        for k in range(indptr[s * choices + a], indptr[s * choices + a + 1])
                        if data[k]
                    }
                    for a in range(choices)
                ]
                for s in range(len(self.states))
            ]
            tables = Exact(
                moves,
                [[fraction(r) for r in row] for row in t.rewards.tolist()],
                [[fraction(e) for e in row] for row in t.ends.tolist()],
            )
        else:
            tables = Exact(
                [
                    [{k: fraction(p) for k, p in m.items()} for m in line]
                    for line in self.tables.moves
                ],
                [[fraction(r) for r in row] for row in self.tables.rewards],
                [[fraction(e) for e in row] for row in self.tables.ends],
            )
        for s, a in self._shape.pairs():
            total = sum(tables.moves[s][a].values(), tables.ends[s][a])
            if total.free_symbols or total == 1:
                continue
            row = tables.moves[s][a]
            most = max(row, key=row.__getitem__, default=None)
            if most is None or abs(total - 1) > ROUNDING:
                raise PolicyError(
                    f"the fractions of {self._shape.words(s, a)} sum to {total}: write the table "
                    "with Rationals"
                )
            row[most] += 1 - total
        made = object.__new__(MDP)
        made._shape, made.tables, made.by_next = self._shape, tables, None
        made.temperature = fraction(self.temperature)
        made.gamma, made.rho = fraction(self.gamma), [fraction(p) for p in self.rho]
        if (rest := 1 - Add(*made.rho)) != 0 and all(p.is_number for p in made.rho):
            made.rho[made.rho.index(max(made.rho))] += rest
        made._outcomes = None
        if isinstance(self.by_next, dict):
            made.by_next = {
                k: {t: fraction(r) for t, r in m.items()} for k, m in self.by_next.items()
            }
        elif self.by_next is not None:
            by_row, choices = self.by_next, len(self.actions)
            made.by_next = {
                (s, a): {
                    int(t): fraction(r)
                    for t, r in zip(
                        by_row[s * choices + a].indices, by_row[s * choices + a].data, strict=True
                    )
                }
                for s, a in self._shape.pairs()
            }
        if self._outcomes is not None:
            made._outcomes = {
                k: [(fraction(p), t, fraction(r)) for p, t, r in rows]
                for k, rows in self._outcomes.items()
            }
        return made

    def softmax_policy(self, logits: Any = None, name: str = "theta") -> TabularSoftmax:
        """The tabular softmax policy of some logits, S × A; a Parameter each where not given."""
        if logits is not None:
            return TabularSoftmax(logits)
        return TabularSoftmax.of(self.states, self.actions, name, self._shape)

    @cached_property
    def _fractions(self) -> MDP:
        return self.rational()

    def posed(self, policy: Any) -> tuple[MDP, StatePolicy]:
        """The process and the policy as they are evaluated: decimals in lists become fractions
        where the policy holds symbols.
        """
        read = read_policy(policy, self._shape)
        if isinstance(self.tables, Exact) and self.is_float and read.free_symbols():
            return self._fractions, read
        return self, read

    def evaluated(self, policy: Any) -> ExactEvaluation | SparseEvaluation:
        """All quantities of a policy: exactly, or in float64 where a number is a float."""
        process, read = self.posed(policy)
        if process is not self:
            return process.evaluated(read)
        if isinstance(self.tables, Exact) and not read.numeric and not self.is_float:
            clash = set(read.variables) & self.free_symbols
            if clash and read.variables:
                raise PolicyError(
                    f"asked for a policy in {', '.join(map(str, clash))}, which the tables depend "
                    "on too: gradients would miss how the tables change; use other symbols"
                )
            tables = self.tables
            if self.temperature != 0:
                tables = with_bonus(tables, self._shape, read.rows, self.temperature)
            return ExactEvaluation(self._shape, tables, self.gamma, self.rho, read)
        free = self.free_symbols | read.free_symbols()
        if free:
            raise PolicyError(
                f"asked for float64 values with the symbols {', '.join(sorted(map(str, free)))}: "
                "write mdp.rational(), or put numbers in for the symbols"
            )
        import numpy as np

        pi = read.rows if read.numeric else np.array(read.rows, dtype=float)
        gamma, tau = float(self.gamma), float(self.temperature)
        return SparseEvaluation(self._shape, self._sparse, gamma, self.rho, read, pi, tau)

    temperature: Any = S.Zero

    def _table(self, policy: Any, kind: str) -> ValueTable:
        process, read = self.posed(policy)
        return ValueTable(process, process.evaluated(read), kind)

    def value(self, policy: Any) -> ValueTable:
        """`V(s) = E[Σ_t γᵗ r_t | S₀ = s]`, the solution of `V = r_π + γ P_π V`."""
        return self._table(policy, "V")

    def q(self, policy: Any) -> ValueTable:
        """`Q(s, a) = r(s, a) + γ Σ p(s'|s, a) V(s')`."""
        return self._table(policy, "Q")

    def advantage(self, policy: Any) -> ValueTable:
        """`A(s, a) = Q(s, a) - V(s)`."""
        return self._table(policy, "A")

    def occupancy(self, policy: Any) -> ValueTable:
        """`d(s) = (1 - γ) Σ_t γᵗ P(S_t = s)`; of γ = 1 the expected number of visits."""
        return self._table(policy, "d")

    def objective(self, policy: Any) -> ValueTable:
        """`J = Σ ρ(s) V(s)`."""
        return self._table(policy, "J")

    def gradient(self, policy: Any, wrt: Any = None) -> MDPGradient:
        """`∇J = Σ_s d(s) Σ_a π(a|s) A(s, a) ∇log π(a|s) / (1 - γ)`, the policy-gradient theorem."""
        process, read = self.posed(policy)
        return MDPGradient(process, process.evaluated(read), wrt)

    def __repr__(self) -> str:
        return (
            f"MDP(<{len(self.states)} states, {len(self.actions)} actions, gamma={self.gamma}"
            f"{', terminal: ' + ', '.join(map(str, self.terminal)) if self.terminal else ''}>)"
        )

    @property
    def horizon_factor(self) -> Any:
        """`1/(1 - γ)`, what the gradient carries for the normalised occupancy; 1 for γ = 1."""
        return S.One if (self.gamma - 1).is_zero else 1 / (1 - self.gamma)
