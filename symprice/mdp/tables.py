"""What a decision process is given, read and checked: transitions, rewards, where it starts.

Exact tables (integers, rationals, symbols) are nested lists of SymPy expressions, tables with
floats are SciPy's sparse matrices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sympy import Add, Basic, Expr, Float, Rational, S, Tuple
from sympy.core.sympify import SympifyError, _sympify

from ..errors import PolicyError, ShapeError
from ..policy.arguments import action_label

__all__ = ["Exact", "Shape", "Sparse", "labels_of", "nested", "number", "read_tables", "start_of"]

# What the probabilities of a row of floats may miss of one.
ROUNDING = 1e-9


class Exact(NamedTuple):
    """Transitions, rewards and ends as SymPy expressions.

    ``moves[s][a]`` is {s': p}; ``rewards[s][a]`` the mean reward; ``ends[s][a]`` the probability
    that the episode is over after the action.
    """

    moves: list[list[dict[int, Any]]]
    rewards: list[list[Any]]
    ends: list[list[Any]]

    @property
    def free_symbols(self) -> set[Any]:
        """All symbols in the tables."""
        found: set[Any] = set()
        for row in (*self.rewards, *self.ends, *(m.values() for line in self.moves for m in line)):
            for entry in row:
                found |= entry.free_symbols
        return found


class Sparse(NamedTuple):
    """The same in float64: ``moves`` is a CSR matrix with the row s·A + a, the others S × A."""

    moves: Any
    rewards: Any
    ends: Any


def labels_of(given: Any, count: int, what: str) -> tuple[Any, ...]:
    """The names of states or actions; 1, 2, … where not given."""
    if given is None:
        return tuple(_sympify(k) for k in range(1, count + 1))
    labels = tuple(action_label(one) for one in given)
    if len(labels) != count or len(set(labels)) != count:
        raise ShapeError(
            f"asked for a decision process with {count} {what}, received the names "
            f"{', '.join(map(str, labels[:8]))}: write {count} different ones"
        )
    return labels


def number(given: Any, what: str) -> Any:
    """A number or a scalar expression of a table."""
    try:
        value = _sympify(given.item() if hasattr(given, "item") else given)
    except (SympifyError, AttributeError, ValueError):
        value = None
    unfit = not isinstance(value, Expr) or value.is_Matrix or value.is_finite is False
    if unfit or value.has(S.NaN) or value.is_extended_real is False:
        raise PolicyError(
            f"asked for a decision process with {given!r} as {what}: write a finite real "
            "number, or an expression of symbols"
        )
    if value.atoms(Float) and value.free_symbols:
        # A decimal beside a symbol means what is written.
        value = value.xreplace({f: Rational(str(f)) for f in value.atoms(Float)})
    return value


class Shape(NamedTuple):
    """How states and actions are called."""

    states: tuple[Any, ...]
    actions: tuple[Any, ...]
    terminal: frozenset[int]
    absent: frozenset[tuple[int, int]] = frozenset()

    def pairs(self) -> Iterable[tuple[int, int]]:
        """Every state that is not terminal with every action that it has."""
        for s in range(len(self.states)):
            if s not in self.terminal:
                yield from ((s, a) for a in self.choices(s))

    def choices(self, s: int) -> list[int]:
        """The places of the actions that a state has."""
        return [a for a in range(len(self.actions)) if (s, a) not in self.absent]

    def words(self, s: int, a: int) -> str:
        """The state and the action in words."""
        return f"state {self.states[s]}, action {self.actions[a]}"


def read_tables(
    P: Any, R: Any, termination: Any, terminal: Any, states: Any, actions: Any
) -> tuple[Shape, Exact | Sparse, Any]:
    """The names, the tables, and the reward of each transition where it was given by s' too."""
    import scipy.sparse

    if scipy.sparse.issparse(P) or (
        isinstance(P, (list, tuple)) and P and all(scipy.sparse.issparse(one) for one in P)
    ):
        from .sparse_tables import read_sparse

        return read_sparse(P, R, termination, terminal, states, actions)
    if (stacked := _stacked(P, R, termination)) is not None:
        from .sparse_tables import read_sparse

        transitions, rewards = stacked
        return read_sparse(transitions, rewards, termination, terminal, states, actions)
    from .rewards import read_ends, read_rewards

    moves, states, actions = _moves(P, states, actions)
    shape = Shape(states, actions, places(terminal, states))
    if isinstance(P, Mapping):
        shape = shape._replace(absent=_absent(P, shape))
    rewards, by_next = read_rewards(R, shape, moves)
    ends = read_ends(termination, shape)
    for s, a in shape.pairs():
        for t, p in (*moves[s][a].items(), (None, ends[s][a])):
            if p.is_negative or (p - 1).is_positive:
                where = "to the end of the episode" if t is None else f"to {states[t]}"
                raise PolicyError(
                    f"the probability to go from {shape.words(s, a)}, {where} is {p}: it must be "
                    "a number between 0 and 1"
                )
        _require_one(Add(*moves[s][a].values(), ends[s][a]), shape, s, a)
    for s in shape.terminal:
        if any(r != 0 for r in rewards[s]):
            raise PolicyError(
                f"received a reward in the terminal state {states[s]}, where nothing is received "
                "any more: give it to the transitions into that state, as R[s][a][s']"
            )
        moves[s] = [{} for _ in actions]
        ends[s] = [S.One for _ in actions]
    for s, a in shape.absent:
        if moves[s][a] or rewards[s][a] != 0 or ends[s][a] != 0:
            raise PolicyError(f"received a reward or an end for {shape.words(s, a)}, not in P")
    return shape, Exact(moves, rewards, ends), by_next


def _stacked(P: Any, R: Any, termination: Any) -> Any:
    """Tables of floats as sparse ones; None where something beside them may be a symbol."""
    import numpy as np
    import scipy.sparse

    def plain(table: Any) -> bool:
        if isinstance(table, (list, tuple)):
            try:
                table = np.asarray(table, dtype=float)
            except (TypeError, ValueError):
                return False
        return isinstance(table, (int, float)) or (
            isinstance(table, np.ndarray) and table.dtype.kind in "fi"
        )

    if not isinstance(P, np.ndarray) or P.dtype.kind != "f" or P.ndim != 3:
        return None
    count, choices, following = P.shape
    if not count or not choices or count != following or not plain(R):
        return None
    if not (termination is None or plain(termination)):
        return None
    rewards = np.asarray(R, dtype=float)
    if rewards.ndim == 3 and rewards.shape == P.shape:
        rewards = scipy.sparse.csr_matrix(rewards.reshape(count * choices, count))
    elif rewards.ndim > 2:
        return None
    else:
        rewards = R
    return scipy.sparse.csr_matrix(P.reshape(count * choices, count)), rewards


def places(terminal: Any, states: Sequence[Any]) -> frozenset[int]:
    """The places of the terminal states: one or several names, or a mask with True for each."""
    if hasattr(terminal, "tolist"):
        terminal = terminal.tolist()
    if isinstance(terminal, (str, int, Basic)) and not isinstance(terminal, (bool, Tuple)):
        terminal = (terminal,)
    found = set()
    terminal = list(terminal)
    if terminal and all(isinstance(one, bool) for one in terminal):
        if len(terminal) != len(states):
            raise ShapeError(
                f"the mask of terminal states has {len(terminal)} entries, but there are "
                f"{len(states)} states"
            )
        return frozenset(place for place, one in enumerate(terminal) if one)
    for one in terminal:
        label = action_label(one)
        if label not in states:
            raise PolicyError(
                f"asked for the terminal state {one}, but the states are "
                f"{', '.join(map(str, states[:8]))}"
            )
        found.add(states.index(label))
    return frozenset(found)


def _require_one(total: Any, shape: Shape, s: int, a: int) -> None:
    if total.is_number and total.atoms(Float):
        wrong = abs(float(total) - 1) > ROUNDING
    else:
        wrong = total != 1 and (total - 1).expand().cancel() != 0
    if wrong:
        raise PolicyError(
            f"the transition probabilities of {shape.words(s, a)} sum to {total}, not to 1: give "
            "the rest to a state, or to termination= where the episode ends with it"
        )


def _moves(P: Any, states: Any, actions: Any) -> tuple[list[list[dict[int, Any]]], Any, Any]:
    if isinstance(P, Mapping):
        return _named_moves(P, states, actions)
    table = nested(P, 3, "P")
    count, choices = len(table), len(table[0])
    states = labels_of(states, count, "states")
    actions = labels_of(actions, choices, "actions")
    moves = []
    for s, line in enumerate(table):
        if len(line) != choices:
            raise ShapeError(
                f"P has {len(line)} actions in state {states[s]} and {choices} in state "
                f"{states[0]}: lists give every action in every state; {{('s', 'a'): {{'t': 1}}}} "
                "may leave some out"
            )
        row = []
        for a, targets in enumerate(line):
            if len(targets) != count:
                raise ShapeError(
                    f"P has {len(targets)} probabilities for state {states[s]}, action "
                    f"{actions[a]}, but there are {count} states: P[s][a][s'] is S × A × S"
                )
            what = f"the probability of state {states[s]}, action {actions[a]}"
            some = {t: p for t, p in enumerate(targets) if type(p) not in (int, float) or p != 0}
            found = {t: number(p, what) for t, p in some.items()}
            row.append({t: p for t, p in found.items() if p != 0})
        moves.append(row)
    return moves, states, actions


def _absent(P: Mapping[Any, Any], shape: Shape) -> frozenset[tuple[int, int]]:
    """The actions that states do not have: the pairs that P leaves out."""
    given = {(action_label(s), action_label(a)) for s, a in P}
    found = set()
    for s, state in enumerate(shape.states):
        if s in shape.terminal:
            continue
        missing = {(s, a) for a, action in enumerate(shape.actions) if (state, action) not in given}
        if len(missing) == len(shape.actions):
            raise PolicyError(
                f"received no action for state {state}: write where its actions lead, or name it "
                "in terminal="
            )
        found |= missing
    return frozenset(found)


def _named_moves(P: Mapping[Any, Any], states: Any, actions: Any) -> Any:
    """{(s, a): {s': p}} or {(s, a): s'} in the names of states and actions."""
    read: dict[tuple[Any, Any], dict[Any, Any]] = {}
    for pair, targets in P.items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ShapeError(
                f"P has the key {pair!r}: write a state and an action, {{('s', 'a'): {{'t': 1}}}}"
            )
        if not isinstance(targets, Mapping):
            targets = {targets: 1}
        read[action_label(pair[0]), action_label(pair[1])] = {
            action_label(t): p for t, p in targets.items()
        }
    seen = [s for (s, _), targets in read.items() for s in (s, *targets)]
    states = labels_of(states or dict.fromkeys(seen), len(set(states or seen)), "states")
    used = dict.fromkeys(a for _, a in read)
    actions = labels_of(actions or used, len(set(actions or used)), "actions")
    moves = []
    for s in states:
        row = []
        for a in actions:
            targets = read.get((s, a), {})
            unknown = [t for t in targets if t not in states]
            if unknown:
                raise PolicyError(
                    f"state {s}, action {a} leads to {unknown[0]}, which is no state: the states "
                    f"are {', '.join(map(str, states[:8]))}"
                )
            what = f"the probability of state {s}, action {a}"
            found = {states.index(t): number(p, what) for t, p in targets.items()}
            row.append({t: p for t, p in found.items() if p != 0})
        moves.append(row)
    return moves, states, actions


def nested(given: Any, depth: int, what: str) -> Any:
    """Nested lists of some depth, from arrays and lists."""
    table = given.tolist() if hasattr(given, "tolist") else given
    if depth == 0:
        return table
    if not isinstance(table, (list, tuple)) or not len(table):
        shown = " × ".join("SAS"[:depth] if depth == 3 else "SA"[:depth])
        raise ShapeError(
            f"asked for a decision process with {given!r} in the table {what}: write nested lists "
            f"or an array of {shown} entries"
        )
    return [nested(one, depth - 1, what) for one in table]


def start_of(rho: Any, shape: Shape) -> list[Any]:
    """The distribution of the first state; uniform over the states that are not terminal."""
    count = len(shape.states)
    if rho is None:
        alive = count - len(shape.terminal)
        return [S.Zero if s in shape.terminal else Rational(1, alive) for s in range(count)]
    if isinstance(rho, Mapping):
        unknown = [s for s in rho if action_label(s) not in shape.states]
        if unknown:
            raise PolicyError(f"asked to start in {unknown[0]}, which is no state")
        given = {action_label(s): p for s, p in rho.items()}
        found = [number(given.get(s, 0), f"the start in {s}") for s in shape.states]
    elif isinstance(rho, (str, int, Basic)) and not getattr(rho, "is_Matrix", False):
        return start_of({rho: 1}, shape)
    else:
        entries = list(rho.tolist() if hasattr(rho, "tolist") else rho)
        if len(entries) == 1 and isinstance(entries[0], list):
            entries = entries[0]
        entries = [one[0] if isinstance(one, list) else one for one in entries]
        if len(entries) != count:
            raise ShapeError(f"rho has {len(entries)} entries, but there are {count} states")
        found = [number(p, "an entry of rho") for p in entries]
    total = Add(*found)
    near = total.is_number and abs(float(total) - 1) < ROUNDING and bool(total.atoms(Float))
    if not near and total != 1 and (total - 1).expand().cancel() != 0:
        raise PolicyError(f"the probabilities of the first state, rho, sum to {total}, not to 1")
    if any(p.is_negative for p in found):
        raise PolicyError("the probabilities of the first state, rho, must not be negative")
    return found
