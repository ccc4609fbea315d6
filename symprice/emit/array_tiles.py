"""Gram arrays block by block, so that what is computed on the way stays small."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ..errors import ShapeError
from .array_arguments import Argument
from .progress import advancing

__all__ = ["checked_threads", "checked_tile", "rows_at_once", "tiled"]

# Bytes of the widest input in a block, and of all inputs from which on blocks are worth it.
_CACHE, _LARGE = 2**19, 2**24
# Blocks that wait for a thread, for each of them.
_AHEAD = 4


def tiled(
    function: Callable[..., Any],
    params: Mapping[str, Any],
    given: Sequence[Any],
    arguments: Sequence[Argument],
    labels: Sequence[str],
    tile: int,
    progress: bool | None,
    threads: int = 1,
) -> Any:
    """The value of a function, computed for at most ``tile`` elements of every batch at a time, by
    some threads.

    Besides the result there is memory for what one block needs, a thread. The forward pass of a
    batch is repeated for every block of the other, so a large tile is a fast one.
    """
    inputs = [argument for argument in arguments if not argument.is_trained]
    batch = [a.axes[0] if a.axes and isinstance(a.axes[0], str) else None for a in inputs]
    lengths = [
        next(value.shape[0] for label, value in zip(batch, given, strict=True) if label == wanted)
        for wanted in labels
    ]
    ranges = [[slice(i, min(i + tile, n)) for i in range(0, n, tile)] for n in lengths]

    def block(places: Sequence[slice]) -> Any:
        at = dict(zip(labels, places, strict=True))
        parts = [
            value if label is None else value[at[label]]
            for label, value in zip(batch, given, strict=True)
        ]
        return function(params, *parts)

    counts = [len(r) for r in ranges]
    # A bar that is moved from inside of a loop would stay where the loop is interrupted.
    with advancing(prod(counts), progress, "block") as advance:
        if all(isinstance(value, (np.ndarray, np.generic, float, complex)) for value in given):
            return _filled(block, list(product(*ranges)), lengths, threads, advance)
        blocks = []
        for places in product(*ranges):
            blocks.append(block(places))
            advance()
    return _joined(blocks, counts)


def _filled(
    block: Callable[[Sequence[slice]], Any],
    places: list[tuple[slice, ...]],
    lengths: list[int],
    threads: int,
    advance: Callable[[], Any],
) -> Any:
    if not places:
        return _room(block([slice(0, 0)] * len(lengths)), lengths)
    first, *others = places
    value = block(first)
    result = _room(value, lengths)
    result[first] = value
    advance()

    def fill(place: tuple[slice, ...]) -> None:
        result[place] = block(place)

    if threads == 1:
        for place in others:
            fill(place)
            advance()
        return result
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Any] = deque()
        try:
            for place in others:
                # What the caller has set for floating-point errors holds in the threads, too.
                waiting.append(pool.submit(copy_context().run, fill, place))
                if len(waiting) > _AHEAD * threads:
                    waiting.popleft().result()
                    advance()
            while waiting:
                waiting.popleft().result()
                advance()
        except BaseException:  # an error, or an interruption: what has not begun is not computed
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return result


def _room(value: Any, lengths: list[int]) -> Any:
    """An array for all blocks, where this is one."""
    return np.empty((*lengths, *value.shape[len(lengths) :]), dtype=value.dtype)


def _joined(blocks: list[Any], counts: list[int]) -> Any:
    """Blocks of arrays that cannot be written into, as those of JAX."""
    from array_api_compat import array_namespace

    xp = array_namespace(blocks[0])
    for axis in reversed(range(len(counts))):
        width = counts[axis]
        blocks = [xp.concat(blocks[i : i + width], axis=axis) for i in range(0, len(blocks), width)]
    return blocks[0]


def rows_at_once(
    given: Sequence[Any], arguments: Sequence[Argument], labels: Sequence[str]
) -> int | None:
    """How many rows of one batch stay in the cache of a processor; None where all are computed at
    once, as they are few, or as weights beside them are multiplied best in one product.
    """
    if len(labels) != 1 or any(argument.is_trained and argument.axes for argument in arguments):
        return None
    inputs = [argument for argument in arguments if not argument.is_trained]
    widest, total = 0, 0
    for argument, value in zip(inputs, given, strict=True):
        if not isinstance(value, np.ndarray) or value.ndim == 0:
            continue
        if not argument.axes or argument.axes[0] not in labels:
            return None
        widest, total = max(widest, value.nbytes // max(len(value), 1)), total + value.nbytes
    return max(1, _CACHE // widest) if total > _LARGE else None


def checked_threads(threads: Any) -> int:
    """The number of threads; as many as there are processors, where it is None.

    Raises
    ======

    ShapeError : for what is no positive integer.
    """
    if threads is None:
        return os.cpu_count() or 1
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or threads < 1:
        raise ShapeError(f"asked for {threads!r} threads: write a positive integer")
    return int(threads)


def checked_tile(tile: Any, labels: Sequence[str], name: str) -> int:
    """The number of elements of a tile.

    Raises
    ======

    ShapeError : for what is no positive integer, or a function without batches.
    """
    if isinstance(tile, bool) or not isinstance(tile, (int, np.integer)) or tile < 1:
        raise ShapeError(f"asked for tiles of {tile!r} elements: write a positive integer")
    if not labels:
        raise ShapeError(
            f"asked for tiles of {name}, whose inputs have no batches: label them, as in "
            "batch={x: 'n', y: 'm'}"
        )
    return int(tile)
