"""The samples of a data set: which inputs have one for each, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..counts import is_count
from ..errors import ShapeError
from ..indexed.families import Member

__all__ = ["Samples"]


class Samples:
    """The inputs `x_i, y_i` of a loss, whose arrays have a row for every sample.

    Parameters
    ==========

    loss : a loss that is an average over samples.
    data : arrays by name.
    """

    def __init__(self, loss: Any, data: Mapping[str, Any]) -> None:
        import numpy as np

        bound = {str(name) for name in getattr(loss, "definitions", {})}
        names = {str(getattr(member.array, "name", "")) for member in loss.atoms(Member)}
        self.names = sorted(name for name in names - bound if name in data)
        self.data = dict(data)
        counts = {name: len(np.asarray(data[name])) for name in self.names}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
            raise ShapeError(f"the inputs have different numbers of samples: {listed}")
        self.count = next(iter(counts.values()), 0)

    def batch(self, places: Any) -> dict[str, Any]:
        """The data of some of the samples."""
        import numpy as np

        chosen = {name: np.asarray(self.data[name])[places] for name in self.names}
        return {**self.data, **chosen}

    def batches(self, size: int | None, rng: Any) -> Iterator[dict[str, Any]]:
        """Batches without end: all samples each time, or an epoch after another in random order."""
        if size is None:
            while True:
                yield self.data
        self._check(size, self.count)
        while True:
            order = rng.permutation(self.count)
            for start in range(0, self.count - size + 1, size):
                yield self.batch(order[start : start + size])

    def draws(self, size: int, replacement: bool, rng: Any) -> Iterator[dict[str, Any]]:
        """Minibatches without end, each drawn from all samples."""
        self._check(size, size if replacement else self.count)
        while True:
            yield self.batch(rng.choice(self.count, size, replace=replacement))

    def _check(self, size: Any, most: int) -> None:
        if not self.count:
            raise ShapeError(
                "asked for batches of a loss that is no average over samples: write it as "
                "average(loss(net(x_i), y_i), i) with x_i = inputs('x', d, each=i)"
            )
        if not is_count(size) or size > most:
            raise ShapeError(f"asked for batches of {size!r} out of {self.count} samples")

    def steps(self, size: int | None, epochs: float) -> int:
        """The steps that a number of epochs has."""
        return round(epochs * (1 if size is None else self.count // size))
