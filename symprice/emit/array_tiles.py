"""Gram arrays block by block, so that what is computed on the way stays small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ..errors import ShapeError
from .array_arguments import Argument
from .progress import progressing

__all__ = ["checked_tile", "tiled"]


def tiled(
    function: Callable[..., Any],
    params: Mapping[str, Any],
    given: Sequence[Any],
    arguments: Sequence[Argument],
    labels: Sequence[str],
    tile: int,
    progress: bool | None,
) -> Any:
    """The value of a function, computed for at most ``tile`` elements of every batch at a time.

    Besides the result there is memory for what one block needs. The forward pass of a batch is
    repeated for every block of the other, so a large tile is a fast one.
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

    blocks = progressing(product(*ranges), prod(map(len, ranges)), progress, "block")
    if all(isinstance(value, (np.ndarray, np.generic, float, complex)) for value in given):
        return _filled(block, blocks, lengths)
    return _joined([block(places) for places in blocks], [len(r) for r in ranges])


def _filled(
    block: Callable[[Sequence[slice]], Any], blocks: Iterable[tuple[slice, ...]], lengths: list[int]
) -> Any:
    result: Any = None
    for places in blocks:
        value = block(places)
        if result is None:
            result = _room(value, lengths)
        result[places] = value
    return _room(block([slice(0, 0)] * len(lengths)), lengths) if result is None else result


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
