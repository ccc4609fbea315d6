"""Exact policy gradients of decision processes, in float64.

∇J of a tabular softmax policy: the sparse system is factored (or iterated) once, and solved for
values and for visits.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import scipy.sparse as sparse

from symprice.mdp.process import MDP

from .peers import Environments

TAXI, RANDOM = 0.2, 5.0


def taxi() -> MDP | None:
    """The taxi of gymnasium, in its newest version; None without gymnasium."""
    try:
        import gymnasium
    except ImportError:
        return None
    names = [key for key in gymnasium.registry if key.startswith("Taxi-v")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MDP.from_gymnasium(max(names), gamma=0.99)


def random_process(count: int, choices: int = 4, successors: int = 5, gamma: float = 0.99) -> MDP:
    """Random successors with random weights."""
    rng = np.random.default_rng(0)
    pairs = count * choices
    rows = np.repeat(np.arange(pairs), successors)
    columns = rng.integers(0, count, pairs * successors)
    weights = rng.dirichlet(np.ones(successors), pairs).ravel()
    P = sparse.csr_matrix((weights, (rows, columns)), shape=(pairs, count))
    return MDP(P, rng.standard_normal((count, choices)), gamma)


def seconds(process: MDP, tries: int = 3) -> float:
    """The best time of the whole gradient, from logits."""
    shape = (len(process.states), len(process.actions))
    policy = process.softmax_policy(np.random.default_rng(1).standard_normal(shape))
    taken = []
    for _ in range(tries):
        started = time.perf_counter()
        _ = process.gradient(policy).table
        taken.append(time.perf_counter() - started)
    return min(taken)


def run(quick: bool = False, environments: Environments | None = None) -> list[dict[str, Any]]:
    """The rows: the taxi, and random processes."""
    found: list[dict[str, Any]] = []
    cab = taxi()
    if cab is None:
        found.append(
            {
                "what": "Taxi, 500 × 6",
                "seconds": "—",
                "wanted": f"< {TAXI} s",
                "met": "",
                "note": "skipped: pip install 'symprice[rl]'",
            }
        )
    else:
        taken = seconds(cab)
        found.append(
            {
                "what": "Taxi, 500 × 6",
                "seconds": taken,
                "wanted": f"< {TAXI} s",
                "met": "yes" if taken < TAXI else "no",
                "note": "",
            }
        )
    for count in (1000,) if quick else (1000, 10_000):
        taken = seconds(random_process(count))
        wanted = count == 10_000
        found.append(
            {
                "what": f"random, {count} × 4",
                "seconds": taken,
                "wanted": f"< {RANDOM:g} s" if wanted else "",
                "met": ("yes" if taken < RANDOM else "no") if wanted else "",
                "note": "",
            }
        )
    return found
