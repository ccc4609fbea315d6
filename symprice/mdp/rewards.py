"""Rewards and ends of a decision process, as they are given: by state, by action, by next state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Add, S, Tuple

from ..errors import PolicyError, ShapeError
from ..policy.arguments import action_label
from .tables import Shape, nested, number

__all__ = ["read_ends", "read_rewards"]


def read_rewards(R: Any, shape: Shape, moves: Any) -> tuple[list[list[Any]], Any]:
    """The mean rewards [s][a]; the rewards [s][a][s'] where they were given."""
    count, choices = len(shape.states), len(shape.actions)
    if isinstance(R, Mapping):
        return _named_rewards(R, shape, moves)
    table = R.tolist() if hasattr(R, "tolist") else R
    if not isinstance(table, (list, tuple)):
        r = number(table, "the reward")
        return [
            [S.Zero if s in shape.terminal or (s, a) in shape.absent else r for a in range(choices)]
            for s in range(count)
        ], None
    if len(table) != count:
        raise ShapeError(f"R has {len(table)} rows, but there are {count} states")
    found, by_next = [], {}
    for s, line in enumerate(table):
        line = line.tolist() if hasattr(line, "tolist") else line
        if not isinstance(line, (list, tuple)):
            line = [line] * choices
        if len(line) != choices:
            raise ShapeError(
                f"R has {len(line)} rewards in state {shape.states[s]}, but there are {choices} "
                "actions: R[s][a] is S × A, R[s][a][s'] is S × A × S"
            )
        row = []
        for a, entry in enumerate(line):
            what = f"the reward of {shape.words(s, a)}"
            entry = entry.tolist() if hasattr(entry, "tolist") else entry
            if isinstance(entry, (list, tuple)):
                if len(entry) != count:
                    raise ShapeError(
                        f"R has {len(entry)} rewards for {shape.words(s, a)}, but there are "
                        f"{count} states"
                    )
                values = [number(r, what) for r in entry]
                by_next[s, a] = dict(enumerate(values))
                row.append(Add(*(p * values[t] for t, p in moves[s][a].items())))
            else:
                row.append(number(entry, what))
        found.append(row)
    return found, by_next or None


def _named_rewards(R: Mapping[Any, Any], shape: Shape, moves: Any) -> Any:
    everywhere: dict[int, Any] = {}
    single: dict[Any, Any] = {}
    triple: dict[Any, dict[int, Any]] = {}
    for key, r in R.items():
        if not isinstance(key, (tuple, list, Tuple)) and action_label(key) in shape.states:
            s = shape.states.index(action_label(key))
            everywhere[s] = number(r, f"the reward of state {key}")
            continue
        parts = tuple(key) if isinstance(key, (tuple, list, Tuple)) else ()
        names = tuple(action_label(one) for one in parts)
        if len(names) not in (2, 3) or names[0] not in shape.states:
            raise ShapeError(
                f"R has the key {key!r}: write a state, (state, action) or (state, action, s')"
            )
        if names[1] not in shape.actions or (len(names) == 3 and names[2] not in shape.states):
            raise PolicyError(f"R has the key {key!r}, which names no action or state of P")
        s, a = shape.states.index(names[0]), shape.actions.index(names[1])
        value = number(r, f"the reward of {shape.words(s, a)}")
        if len(names) == 2:
            single[s, a] = value
        else:
            triple.setdefault((s, a), {})[shape.states.index(names[2])] = value
    rows = [
        [
            single.get((s, a), S.Zero if (s, a) in shape.absent else everywhere.get(s, S.Zero))
            for a in range(len(shape.actions))
        ]
        for s in range(len(shape.states))
    ]
    for s, a in triple:
        if (s, a) in shape.absent:
            raise PolicyError(f"received a reward for {shape.words(s, a)}, which is not in P")
    for s, a in shape.pairs():
        if (s, a) in single and (s, a) in triple:
            raise PolicyError(
                f"received rewards for {shape.words(s, a)} both with and without the next state: "
                "write one of them"
            )
        if (s, a) in single or (s in everywhere and (s, a) not in triple):
            continue
        if (s, a) in triple:
            rows[s][a] = Add(*(p * triple[s, a].get(t, S.Zero) for t, p in moves[s][a].items()))
        else:
            raise PolicyError(f"received no reward for {shape.words(s, a)}: write one, or 0")
    return rows, triple or None


def read_ends(termination: Any, shape: Shape) -> list[list[Any]]:
    rows: list[list[Any]] = [[S.Zero for _ in shape.actions] for _ in shape.states]
    if termination is None:
        return rows
    if isinstance(termination, Mapping):
        for (state, action), p in termination.items():
            names = action_label(state), action_label(action)
            if names[0] not in shape.states or names[1] not in shape.actions:
                raise PolicyError(
                    f"termination has the key {(state, action)!r}, which is no state and action"
                )
            s, a = shape.states.index(names[0]), shape.actions.index(names[1])
            rows[s][a] = number(p, f"the termination of {shape.words(s, a)}")
        return rows
    table = nested(termination, 2, "termination")
    if [len(row) for row in table] != [len(shape.actions)] * len(shape.states):
        raise ShapeError("termination needs one probability for each state and action, S × A")
    return [[number(p, "a probability of termination") for p in row] for row in table]
