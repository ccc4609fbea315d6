"""Compiled loops, called with what they can compute with and on as many threads as wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from .array_tiles import checked_threads

__all__ = ["looped"]


def looped(
    function: Callable[..., Any],
    params: Mapping[str, Any],
    given: Sequence[Any],
    tile: int | None,
    threads: int | None,
) -> Any:
    """The value of a function whose loops Numba has compiled, or compiles now.

    Raises
    ======

    ShapeError : for tiles, and for what is neither float32 nor float64.
    """
    if tile is not None:
        raise ShapeError(
            "asked for tiles of loops that take one row at a time, and no memory but for the "
            "result: leave tile= out with backend='numba'"
        )
    for value in (*params.values(), *given):
        kind = np.asarray(value).dtype
        if kind not in (np.float32, np.float64):
            raise ShapeError(
                f"asked for loops over an array of {kind}: they are compiled for float32 and "
                "float64; convert it, as in x.astype('float64'), or use backend='numpy'"
            )
    import numba

    wanted = min(checked_threads(threads), vars(numba.config)["NUMBA_NUM_THREADS"])
    before = numba.get_num_threads()
    numba.set_num_threads(wanted)
    try:
        return function(params, *given)
    finally:
        numba.set_num_threads(before)
