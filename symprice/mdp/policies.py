"""Policies of a decision process: a distribution of the actions in every state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Add, Float, ImmutableDenseMatrix, Symbol
from sympy.matrices.matrixbase import MatrixBase

from ..errors import PolicyError, ShapeError
from ..networks.logits import softmax
from ..policy.arguments import action_label, listed, scalar, trained
from ..policy.finite import FinitePolicy
from ..symbols import Parameter

__all__ = ["StatePolicy", "TabularSoftmax", "read_policy"]


class TabularSoftmax:
    """A softmax policy with a logit for every state and action: `π(a|s) = softmax(θ_s)_a`.

    Parameters
    ==========

    logits : S × A, a NumPy array (then everything is float64 and gradients are S × A arrays), or
        rows of symbols and numbers.

    Examples
    ========

    >>> from symprice.mdp.policies import TabularSoftmax
    >>> TabularSoftmax.of(['s', 't'], [1, 2]).logits
    ((theta_s_1, theta_s_2), (theta_t_1, theta_t_2))
    """

    def __init__(self, logits: Any) -> None:
        if hasattr(logits, "dtype") and logits.dtype.kind in "fi":
            if logits.ndim != 2:
                raise ShapeError(f"asked for logits of shape {logits.shape}: write S × A")
            self.logits: Any = logits.astype(float)
            self.numeric = True
        else:
            rows = logits.tolist() if hasattr(logits, "tolist") else logits
            self.logits = tuple(tuple(scalar(z, "a logit") for z in row) for row in rows)
            self.numeric = False

    @staticmethod
    def of(states: Any, actions: Any, name: str = "theta") -> TabularSoftmax:
        """A Parameter `θ_s_a` for every state and action, real."""
        return TabularSoftmax(
            [[Parameter(f"{name}_{s}_{a}", real=True) for a in actions] for s in states]
        )

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, TabularSoftmax) or self.numeric != other.numeric:
            return NotImplemented if not isinstance(other, TabularSoftmax) else False
        if self.numeric:
            return self.logits.shape == other.logits.shape and bool(
                (self.logits == other.logits).all()
            )
        return self.logits == other.logits

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if self.numeric:
            return f"TabularSoftmax(<{' × '.join(map(str, self.logits.shape))} logits>)"
        return f"TabularSoftmax({self.logits})"


class StatePolicy:
    """A policy as a decision process uses it: π(a|s) row by row, and what it depends on."""

    def __init__(self, given: Any, rows: Any, numeric: bool, variables: tuple[Any, ...]) -> None:
        self.given, self.rows, self.numeric, self.variables = given, rows, numeric, variables

    @property
    def is_softmax(self) -> bool:
        """Whether every logit is a variable of its own."""
        return isinstance(self.given, TabularSoftmax)

    def free_symbols(self) -> set[Any]:
        """The symbols of all probabilities."""
        if self.numeric:
            return set()
        return set().union(*(p.free_symbols for row in self.rows for p in row))


def read_policy(policy: Any, states: Any, actions: Any, terminal: Any) -> StatePolicy:
    """The policy of a process with these states and actions.

    It is given as a TabularSoftmax; S × A probabilities; {state: policy or probabilities}; a
    function of a state that gives one of these; or one BernoulliPolicy or CategoricalPolicy that
    acts in all states alike.
    """
    if isinstance(policy, StatePolicy):
        return policy
    shape = (len(states), len(actions))
    if isinstance(policy, TabularSoftmax):
        return _softmax(policy, shape)
    if hasattr(policy, "for_states"):
        return policy.for_states(states, actions, terminal)
    kind = getattr(getattr(policy, "dtype", None), "kind", "")
    if kind == "f":
        return _numeric(policy, shape, states, actions)
    entries: Any
    if isinstance(policy, FinitePolicy):
        entries = [policy] * shape[0]
    elif isinstance(policy, Mapping):
        named = {action_label(s): p for s, p in policy.items()}
        unknown = [s for s in named if s not in states]
        missing = [s for i, s in enumerate(states) if s not in named and i not in terminal]
        if unknown or missing:
            raise PolicyError(
                f"received a policy for {', '.join(map(str, unknown))}, which is no state"
                if unknown
                else f"received no policy for state {missing[0]}: write {{state: policy, ...}}"
            )
        entries = [named.get(s) for s in states]
    elif callable(policy):
        entries = [None if i in terminal else policy(s) for i, s in enumerate(states)]
    elif isinstance(policy, MatrixBase):
        entries = policy.tolist()
    else:
        entries = listed(policy, "the policy") or (
            policy.tolist() if hasattr(policy, "tolist") else None
        )
    if entries is None or len(entries) != shape[0]:
        raise PolicyError(
            f"asked for {str(policy)[:80]!r} as the policy of a process with {shape[0]} states: "
            "write a TabularSoftmax, S × A probabilities, or {state: CategoricalPolicy(...)}"
        )
    rows = [
        _row(entry, s, i, actions, terminal)
        for i, (entry, s) in enumerate(zip(entries, states, strict=True))
    ]
    flat = [p for row in rows for p in row]
    if all(p.is_number for p in flat) and any(p.has(Float) for p in flat):
        import numpy as np

        return _numeric(np.array(rows, dtype=float), shape, states, actions)
    found = trained(*flat)
    if not found:
        found = tuple(sorted(set().union(*(p.free_symbols for p in flat)), key=str))
    return StatePolicy(policy, rows, False, found)


def _row(entry: Any, state: Any, place: int, actions: Any, terminal: Any) -> list[Any]:
    """π(a|s) of each action of the process."""
    if entry is None or place in terminal:
        # Nothing is done in a terminal state; a uniform row keeps the table a table.
        return [ImmutableDenseMatrix([1])[0] / len(actions)] * len(actions)
    if isinstance(entry, FinitePolicy):
        own = entry.actions
        if set(own) == set(actions):
            return [entry.prob(a) for a in actions]
        if len(own) == len(actions) and own == tuple(range(1, len(own) + 1)):
            return list(entry.probabilities)
        raise PolicyError(
            f"the policy of state {state} has the actions {', '.join(map(str, own))}, the process "
            f"{', '.join(map(str, actions))}: write CategoricalPolicy(..., actions=mdp.actions)"
        )
    if isinstance(entry, Mapping):
        given = {action_label(a): p for a, p in entry.items()}
        values = [scalar(given.get(a, 0), "a probability") for a in actions]
    else:
        values = [scalar(p, "a probability") for p in listed(entry, "probabilities") or []]
    if len(values) != len(actions):
        raise ShapeError(
            f"the policy of state {state} has {len(values)} probabilities for {len(actions)} "
            "actions: write one for each"
        )
    total = Add(*values)
    if total.has(Float) and total.is_number:
        wrong = abs(float(total) - 1) > 1e-9
    else:
        wrong = (total - 1).expand() != 0 and (total - 1).expand().cancel() != 0
    if wrong or any(p.is_negative for p in values):
        raise PolicyError(
            f"the probabilities of the actions in state {state} are {', '.join(map(str, values))}: "
            "they must not be negative, and sum to 1"
        )
    return values


def _softmax(policy: TabularSoftmax, shape: tuple[int, int]) -> StatePolicy:
    if policy.numeric:
        from scipy.special import softmax as rowwise

        if policy.logits.shape != shape:
            raise ShapeError(f"the logits are {policy.logits.shape}, the process is {shape}: S × A")
        return StatePolicy(policy, rowwise(policy.logits, axis=1), True, ())
    sizes = {len(row) for row in policy.logits}
    if len(policy.logits) != shape[0] or sizes != {shape[1]}:
        raise ShapeError(
            f"the logits have {len(policy.logits)} rows of {sizes} entries, the process has "
            f"{shape[0]} states and {shape[1]} actions"
        )
    rows = [list(softmax(*row)) for row in policy.logits]
    logits = [z for row in policy.logits for z in row]
    symbols = [z for z in logits if isinstance(z, Symbol)]
    every = trained(*logits) or tuple(dict.fromkeys(symbols))
    own = len(set(symbols)) == len(logits)
    given: Any = policy if own else tuple(logits)
    return StatePolicy(given, rows, False, tuple(symbols) if own else every)


def _numeric(table: Any, shape: tuple[int, int], states: Any, actions: Any) -> StatePolicy:
    import numpy as np

    pi = np.asarray(table, dtype=float)
    if pi.shape != shape:
        raise ShapeError(f"the policy is {pi.shape}, the process is {shape}: S × A probabilities")
    bad = np.flatnonzero(~(np.abs(pi.sum(axis=1) - 1) <= 1e-9) | (pi < 0).any(axis=1))
    if len(bad):
        raise PolicyError(
            f"the probabilities of the actions in state {states[bad[0]]} are {pi[bad[0]]}: they "
            "must not be negative, and sum to 1"
        )
    return StatePolicy(pi, pi, True, ())
