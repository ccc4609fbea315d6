"""Policy gradients of every family with a polynomial reward: deriving the closed form."""

from __future__ import annotations

import importlib
import pkgutil
import time
from typing import Any

import symprice.policy
from tests.benchmarks.timing import Wanted

WANTED = Wanted("<=", 500)


def run(quick: bool = False, environments: Any = None) -> list[dict[str, Any]]:
    """Milliseconds to derive ∇E[3a² - 2a + 1] by all parameters, one line a family, no cache."""
    from sympy.core.cache import clear_cache

    from symprice.policy import chain, density_gradient
    from symprice.policy.family import FAMILIES
    from symprice.policy.gradient import policy_gradient
    from tests.policy.quadrature import named

    for module in pkgutil.iter_modules(symprice.policy.__path__, "symprice.policy."):
        importlib.import_module(module.name)
    policies = [named(family)[0] for family in FAMILIES]
    warm = policies[0]
    policy_gradient(warm, warm.action).doit()
    rows = []
    for policy in policies[:3] if quick else policies:
        clear_cache()
        for cached in (chain.score_entries, chain.information, density_gradient.mean_reward):
            cached.cache_clear()
        a = policy.action
        started = time.perf_counter()
        found = policy_gradient(policy, 3 * a**2 - 2 * a + 1).doit()
        elapsed = 1000 * (time.perf_counter() - started)
        rows.append(
            {
                "what": str(policy),
                "ms": elapsed,
                "operations": int(found.count_ops()) if hasattr(found, "count_ops") else 0,
                "wanted": str(WANTED),
                "met": "yes" if WANTED.met(elapsed) else "no",
            }
        )
    return rows
