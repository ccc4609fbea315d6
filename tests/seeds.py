"""How many random cases there are: more of them behind the flag that asks hypothesis for more."""

from __future__ import annotations

from hypothesis import settings

__all__ = ["seeds"]

_USUAL = 30


def seeds(count: int) -> range:
    """So many seeds; in ``pytest --hypothesis-profile=thorough`` about thirty times as many."""
    return range(count * settings().max_examples // _USUAL)
