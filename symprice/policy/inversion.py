"""Samples of any law of one number, by inverting its distribution function on a table."""

from __future__ import annotations

from typing import Any

from ..errors import PolicyError

__all__ = ["drawn"]

_PLACES, _MOST = 200_001, 100_000


def drawn(policy: Any, rng: Any, n: int) -> Any:
    """n actions: exact for counts, for densities as good as a table of 200 001 places."""
    import numpy as np
    from sympy import lambdify

    density = lambdify([policy.action], policy.prob(), modules=["scipy", "numpy"])
    low, high = (float(b) for b in policy.bounds)
    if policy.is_countable:
        first = low if np.isfinite(low) else min(-_MOST / 2, high - _MOST)
        places = np.arange(first, min(high, first + _MOST) + 1)
        weights = _values(density, places)
        if not np.isclose(weights.sum(), 1, atol=1e-6):
            raise PolicyError(f"asked for samples of {policy}: its tail is too heavy for a table")
        return rng.choice(places.astype(int), size=n, p=weights / weights.sum())
    places = _mapped(low, high)
    middle = (places[1:] + places[:-1]) / 2
    weights = _values(density, middle) * np.diff(places)
    if not np.isclose(weights.sum(), 1, atol=1e-3):
        raise PolicyError(
            f"asked for samples of {policy}: a table of its density does not sum to 1"
        )
    cumulative = np.concatenate([[0.0], np.cumsum(weights)])
    return np.interp(rng.random(n) * cumulative[-1], cumulative, places)


def _values(density: Any, places: Any) -> Any:
    import numpy as np

    with np.errstate(all="ignore"):
        values = np.broadcast_to(np.asarray(density(places), dtype=float), places.shape)
    return np.where(np.isfinite(values), values, 0.0)


def _mapped(low: float, high: float) -> Any:
    """Places from end to end, by a map of the open unit interval where an end is infinite."""
    import numpy as np

    t = np.linspace(0, 1, _PLACES + 2)[1:-1]
    if np.isinf(low) and np.isinf(high):
        return np.tan(np.pi * (t - 0.5))
    if np.isinf(high):
        return low + t / (1 - t)
    if np.isinf(low):
        return high - (1 - t) / t
    return low + (high - low) * np.linspace(0, 1, _PLACES)
