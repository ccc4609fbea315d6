"""Policies of a decision process: a distribution of the actions in every state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Add, Expr, Float, ImmutableDenseMatrix, Integer, MatrixExpr, S, Symbol
from sympy.matrices.matrixbase import MatrixBase

from ..errors import PolicyError, ShapeError
from ..networks.logits import softmax
from ..policy.arguments import action_label, listed, scalar, trained
from ..policy.base import Policy
from ..policy.finite import CategoricalPolicy, FinitePolicy
from ..symbols import Parameter, ParameterMatrix
from .tables import Shape
from .tabular import TabularSoftmax

__all__ = ["StatePolicy", "TabularSoftmax", "read_policy"]


class StatePolicy:
    """A policy as a decision process uses it: π(a|s) row by row, and what it depends on."""

    def __init__(
        self,
        given: Any,
        rows: Any,
        numeric: bool,
        variables: tuple[Any, ...],
        heads: Mapping[int, FinitePolicy] | None = None,
    ) -> None:
        self.given, self.rows, self.numeric, self.variables = given, rows, numeric, variables
        #: By the place of a state, the policy whose logits are outputs of a network of matrices.
        self.heads = dict(heads or {})

    @property
    def is_softmax(self) -> bool:
        """Whether every logit is a variable of its own."""
        return isinstance(self.given, TabularSoftmax)

    def by(self, wrt: Any, what: str) -> tuple[Any, ...]:
        """The variables to differentiate by: those of the policy, or the ones asked for.

        Raises
        ======

        PolicyError : where there is none, or the policy does not hold it.
        """
        whole = wrt is None or isinstance(wrt, ParameterMatrix)
        entries = None if whole else listed(wrt, "variables")
        found = self.variables if wrt is None else (wrt,) if entries is None else tuple(entries)
        if not found:
            raise PolicyError(
                f"asked for {what} of a policy in which nothing is trained: write "
                "mdp.softmax_policy(), or probabilities with Parameters in them"
            )
        held = self.free_symbols()
        for v in found:
            if v not in held:
                raise PolicyError(f"asked for {what} by {v}, which the policy does not hold")
        return found

    def free_symbols(self) -> set[Any]:
        """The symbols of all probabilities."""
        if self.numeric:
            return set()
        return set().union(*(p.free_symbols for row in self.rows for p in row))


def read_policy(policy: Any, process: Shape) -> StatePolicy:
    """The policy of a process with these states and actions, which takes no action that is absent.

    Raises
    ======

    PolicyError, ShapeError : where it does not fit; state and action are named.
    """
    found = _read(policy, process)
    if not isinstance(policy, StatePolicy):
        for s, a in sorted(process.absent):
            p = found.rows[s][a]
            if not (abs(p) < 1e-12 if found.numeric else p == 0):
                raise PolicyError(
                    f"received the probability {p} for {process.words(s, a)}, but the state does "
                    "not have this action: write 0"
                )
    return found


def _read(policy: Any, process: Shape) -> StatePolicy:
    """What a policy is, as it is given.

    It is given as a TabularSoftmax; S × A probabilities; {state: policy, probabilities, or the one
    action that is taken}; a function of a state that gives one of these; or one BernoulliPolicy or
    CategoricalPolicy that acts in all states alike.
    """
    if isinstance(policy, StatePolicy):
        return policy
    states, actions, terminal = process.states, process.actions, process.terminal
    shape = (len(states), len(actions))
    if isinstance(policy, TabularSoftmax):
        return _softmax(policy, process)
    if hasattr(policy, "for_states"):
        return policy.for_states(process)
    kind = getattr(getattr(policy, "dtype", None), "kind", "")
    if kind == "f":
        return _numeric(policy, shape, states, actions)
    entries: Any
    if isinstance(policy, Policy):
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
    entries = [_listed_logits(entry) for entry in entries]
    rows = [
        _row(entry, s, i, process) for i, (entry, s) in enumerate(zip(entries, states, strict=True))
    ]
    flat = [p for row in rows for p in row]
    if all(p.is_number for p in flat) and any(p.has(Float) for p in flat):
        import numpy as np

        return _numeric(np.array(rows, dtype=float), shape, states, actions)
    found = trained(*flat)
    matrices = {s for p in flat for s in p.free_symbols if isinstance(s, ParameterMatrix)}
    if matrices:
        moving = matrices.union(s for s in found if isinstance(s, Parameter))
        heads = {
            i: entry
            for i, entry in enumerate(entries)
            if i not in terminal and any(p.free_symbols & moving for p in rows[i])
        }
        for i, head in heads.items():
            if not isinstance(head, FinitePolicy) or not head.logits:
                held = min(str(s) for p in rows[i] for s in p.free_symbols & moving)
                raise PolicyError(
                    f"asked for probabilities in state {states[i]} that depend on {held}, beside a "
                    "network of matrices: write CategoricalPolicy(net(x)), with logits"
                )
        symbols = matrices.union(s for s in found if isinstance(s, Parameter))
        order = tuple(sorted(symbols, key=lambda s: (s.name.lstrip("Wb"), s.name)))
        return StatePolicy(policy, rows, False, order, heads)
    if not found:
        found = tuple(sorted(set().union(*(p.free_symbols for p in flat)), key=str))
    return StatePolicy(policy, rows, False, found)


def _listed_logits(entry: Any) -> Any:
    """A policy of one column of logits as one with a logit for each action."""
    column = getattr(entry, "logits", None)
    if not isinstance(column, MatrixExpr):
        return entry
    if not column.shape[0].is_Integer:
        raise PolicyError(
            f"asked for a policy with a column of {column.shape[0]} logits: a process has a number "
            "of actions, write MLP(d, m, 4)"
        )
    return CategoricalPolicy(listed(column, "the logits"))


def _row(entry: Any, state: Any, place: int, process: Shape) -> list[Any]:
    """π(a|s) of each action of the process."""
    actions = process.actions
    if entry is None or place in process.terminal:
        # Nothing is done in a terminal state; a uniform row keeps the table a table.
        return [ImmutableDenseMatrix([1])[0] / len(actions)] * len(actions)
    if (chosen := _label_in(entry, actions)) is not None:
        return [Integer(a == chosen) for a in actions]
    if isinstance(entry, FinitePolicy):
        own = entry.actions
        if set(own) == {actions[a] for a in process.choices(place)}:
            return [entry.prob(a) if a in own else S.Zero for a in actions]
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


def _label_in(entry: Any, actions: Any) -> Any:
    """The action that is always taken, where its name is given alone; else None."""
    if isinstance(entry, bool) or not isinstance(entry, (str, int, Expr)):
        return None
    label = action_label(entry) if not isinstance(entry, str) or entry.isidentifier() else None
    if label in actions:
        return label
    if isinstance(entry, (str, int)):
        raise PolicyError(
            f"asked for a policy that takes {entry!r}, which is no action: the actions are "
            f"{', '.join(map(str, actions[:8]))}"
        )
    return None


def _softmax(policy: TabularSoftmax, process: Shape) -> StatePolicy:
    shape = (len(process.states), len(process.actions))
    if policy.numeric:
        import numpy as np

        if policy.logits.shape != shape:
            raise ShapeError(f"the logits are {policy.logits.shape}, the process is {shape}: S × A")
        logits = policy.logits.copy()
        for s, a in process.absent:
            logits[s, a] = -np.inf
        with np.errstate(invalid="ignore", under="ignore"):  # inf - inf is found below
            pi = np.exp(logits - logits.max(axis=1, keepdims=True))
            pi /= pi.sum(axis=1, keepdims=True)
        if not np.isfinite(pi).all():
            row = int(np.flatnonzero(~np.isfinite(pi).all(axis=1))[0])
            raise PolicyError(
                f"the logits of row {row + 1} are {policy.logits[row]}: write numbers, or -inf for "
                "an action that is never taken"
            )
        return StatePolicy(policy, pi, True, ())
    sizes = {len(row) for row in policy.logits}
    if len(policy.logits) != shape[0] or sizes != {shape[1]}:
        raise ShapeError(
            f"the logits have {len(policy.logits)} rows of {sizes.pop()} entries, the process has "
            f"{shape[0]} states and {shape[1]} actions"
        )
    table = [
        [S.NegativeInfinity if (s, a) in process.absent else z for a, z in enumerate(row)]
        for s, row in enumerate(policy.logits)
    ]
    if any(isinstance(x, ParameterMatrix) for row in table for z in row for x in z.free_symbols):
        each = {
            s: CategoricalPolicy(
                [table[i][a] for a in process.choices(i)],
                actions=[process.actions[a] for a in process.choices(i)],
            )
            for i, s in enumerate(process.states)
            if i not in process.terminal
        }
        return _read(each, process)
    rows = [
        _row(None, None, s, process) if s in process.terminal else list(softmax(*row))
        for s, row in enumerate(table)
    ]
    logits = [
        z
        for s, row in enumerate(table)
        for z in row
        if s not in process.terminal and z is not S.NegativeInfinity
    ]
    # A softmax of one logit does not depend on it.
    held = set().union(*(p.free_symbols for row in rows for p in row))
    symbols = [z for z in logits if isinstance(z, Symbol) and z in held]
    every = tuple(v for v in trained(*logits) if v in held) or tuple(dict.fromkeys(symbols))
    alone = sum(len(process.choices(s)) == 1 for s in range(shape[0]) if s not in process.terminal)
    own = len(set(symbols)) == len(logits) - alone
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
