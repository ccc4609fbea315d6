"""Tabular environments of gymnasium as decision processes."""

from __future__ import annotations

import re
import warnings
from typing import Any

from ..errors import PolicyError
from .tables import start_of

__all__ = ["read_environment"]

# Wrappers that leave transitions, rewards, states and actions as they are. TimeLimit cuts episodes
# off, which is no transition: what was cut off would have gone on.
TRANSPARENT = {
    "Autoreset",
    "HumanRendering",
    "OrderEnforcing",
    "PassiveEnvChecker",
    "RecordEpisodeStatistics",
    "RecordVideo",
    "RenderCollection",
    "TimeLimit",
}


def read_environment(cls: Any, env: Any, gamma: Any, exact: bool, settings: Any) -> Any:
    """The process of an environment whose ``unwrapped.P`` lists its transitions."""
    import numpy as np
    import scipy.sparse as sparse

    if isinstance(env, str):
        env = _made(env, settings)
    elif settings:
        raise PolicyError(
            f"received {', '.join(settings)} beside an environment that is made already: write "
            "gymnasium.make(name, ...), or the name"
        )
    inner = _inside(env)
    table = getattr(inner, "P", None)
    if not isinstance(table, dict) or not table:
        raise PolicyError(
            f"asked for the decision process of {env}, which has no table of transitions P: "
            "FrozenLake-v1, Taxi-v4 and CliffWalking-v1 have one"
        )
    states = sorted(table)
    actions = sorted(set().union(*table.values()))
    place = {state: s for s, state in enumerate(states)}
    count, choices = len(states), len(actions)
    outcomes: dict[tuple[int, int], list[Any]] = {}
    rows, columns, data = [], [], []
    rewards, ends = np.zeros((count, choices)), np.zeros((count, choices))
    absent = {
        (s, a) for s, x in enumerate(states) for a, b in enumerate(actions) if b not in table[x]
    }
    for s, a in absent:
        ends[s, a] = 1
    for s, a in np.ndindex(count, choices):
        if (s, a) in absent:
            continue
        merged: dict[tuple[Any, float], float] = {}
        for p, t, r, terminated in table[states[s]][actions[a]]:
            if not terminated and t not in place:
                raise PolicyError(
                    f"the environment goes from state {states[s]} to {t}, which its P does not hold"
                )
            if p:
                key = (None if terminated else place[t], float(r))
                merged[key] = merged.get(key, 0.0) + float(p)
        outcomes[s, a] = [(p, t, r) for (t, r), p in merged.items()]
        for p, t, r in outcomes[s, a]:
            rewards[s, a] += p * r
            if t is None:
                ends[s, a] += p
            else:
                rows.append(s * choices + a)
                columns.append(t)
                data.append(p)
    moves = sparse.csr_matrix((data, (rows, columns)), shape=(count * choices, count))
    made = cls(moves, rewards, gamma, states=states, actions=actions, termination=ends)
    made._outcomes = outcomes
    made.rho = start_of(_start(inner, count), made._shape)
    if absent:
        for s, a in absent:
            made.tables.ends[s, a] = 0
        made._shape = made._shape._replace(absent=frozenset(absent))
    return made.rational() if exact else made


def _made(name: str, settings: Any) -> Any:
    """The environment of a name; of the newest version, where that of the name is gone."""
    try:
        import gymnasium
    except ImportError:
        raise PolicyError(
            f"asked for the environment {name}, but gymnasium is not installed: "
            "pip install 'symprice[rl]'"
        ) from None
    base, _, version = name.rpartition("-v")
    base = base if version.isdigit() and base else name
    versions = {
        int(found[1]): key
        for key in gymnasium.registry
        if (found := re.fullmatch(re.escape(base) + r"-v(\d+)", key))
    }
    if name not in gymnasium.registry and versions:
        newest = versions[max(versions)]
        if base != name:
            warnings.warn(
                f"gymnasium {gymnasium.__version__} has no {name} any more: {newest} is read "
                "instead, which may differ",
                stacklevel=4,
            )
        name = newest
    try:
        return gymnasium.make(name, **settings)
    except (gymnasium.error.Error, TypeError) as error:
        raise PolicyError(
            f"asked for the environment {name}, which gymnasium {gymnasium.__version__} does "
            f"not make: {error}"
        ) from error


def _inside(env: Any) -> Any:
    """The environment under wrappers that do not change what its table says.

    Raises
    ======

    PolicyError : where a wrapper, or a setting of the environment, may do so.
    """
    inner = getattr(env, "unwrapped", env)
    while env is not inner and hasattr(env, "env"):
        name = type(env).__name__
        if name not in TRANSPARENT:
            raise PolicyError(
                f"asked for the decision process of an environment in the wrapper {name}, which "
                "may change rewards, states or actions, and the table of transitions is that of "
                "the environment inside: write env.unwrapped for its process"
            )
        env = env.env
    if getattr(inner, "fickle_passenger", False):
        raise PolicyError(
            "asked for the decision process of Taxi with fickle_passenger=True: the passenger "
            "changes the destination outside of the table of transitions, and once an episode, "
            "which the state does not remember; write fickle_passenger=False"
        )
    return inner


def _start(inner: Any, count: int) -> Any:
    """The distribution of the first state."""
    import numpy as np

    for name in ("initial_state_distrib", "isd"):
        if (start := getattr(inner, name, None)) is not None:
            return np.asarray(start, dtype=float)
    if (state := getattr(inner, "start_state_index", None)) is None:
        raise PolicyError(
            f"asked for the decision process of {inner}, which does not say where it starts: give "
            "it the attribute initial_state_distrib, the probability of each state"
        )
    start = np.zeros(count)
    start[int(state)] = 1.0
    return start
