"""Tabular environments of gymnasium as decision processes."""

from __future__ import annotations

from typing import Any

from ..errors import PolicyError
from .tables import start_of

__all__ = ["read_environment"]


def read_environment(cls: Any, env: Any, gamma: Any, exact: bool) -> Any:
    """The process of an environment whose ``unwrapped.P`` lists its transitions."""
    import numpy as np
    import scipy.sparse as sparse

    if isinstance(env, str):
        try:
            import gymnasium
        except ImportError:
            raise PolicyError(
                f"asked for the environment {env}, but gymnasium is not installed: "
                "pip install 'symprice[rl]'"
            ) from None
        try:
            env = gymnasium.make(env)
        except gymnasium.error.Error as error:
            raise PolicyError(
                f"asked for the environment {env}, which gymnasium {gymnasium.__version__} does "
                f"not make: {error}"
            ) from error
    inner = getattr(env, "unwrapped", env)
    table = getattr(inner, "P", None)
    if not isinstance(table, dict) or not table:
        raise PolicyError(
            f"asked for the decision process of {env}, which has no table of transitions P: "
            "FrozenLake-v1, Taxi-v3 and CliffWalking have one"
        )
    count, choices = len(table), len(table[next(iter(table))])
    outcomes: dict[tuple[int, int], list[Any]] = {}
    rows, columns, data = [], [], []
    rewards, ends = np.zeros((count, choices)), np.zeros((count, choices))
    for s in range(count):
        for a in range(choices):
            merged: dict[tuple[Any, float], float] = {}
            for p, t, r, terminated in table[s][a]:
                if p:
                    key = (None if terminated else int(t), float(r))
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
    start = getattr(inner, "initial_state_distrib", None)
    if start is None:
        start = np.zeros(count)
        start[int(getattr(inner, "start_state_index", env.reset(seed=0)[0]))] = 1.0
    made = cls(
        moves,
        rewards,
        gamma,
        np.asarray(start, dtype=float),
        states=range(count),
        actions=range(choices),
        termination=ends,
    )
    made._outcomes = outcomes
    made.rho = start_of(np.asarray(start, dtype=float), made._shape)
    return made.rational() if exact else made
