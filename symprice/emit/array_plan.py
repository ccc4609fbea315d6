"""Plans of contractions: in which pairs a sum of a product of several arrays is best computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Costs", "best_order"]

# A number that passes through memory costs as much as this many multiplications in BLAS.
_MEMORY = 10.0
# No array of width × width is made for every sample unless there is no other way; where the sizes
# are known, unless that is much cheaper, as for a few parameters that meet many places.
_FORBIDDEN = 1e4
_DISLIKED = 4.0
_EXHAUSTIVE = 6

Axes = frozenset[Any]


class Costs:
    """What a step costs, for guessed sizes. Sets of axes are numbers with a bit for each."""

    def __init__(
        self,
        estimate: Callable[[Any], float],
        is_width: Callable[[Any], bool],
        is_known: Callable[[Any], bool] = lambda axis: False,
    ) -> None:
        self._estimate, self._is_width, self._is_known = estimate, is_width, is_known
        self._bits: dict[Any, int] = {}
        self._lengths: list[float] = []
        self._widths = self._unknown = self._labels = 0
        self._entries: dict[int, float] = {0: 1.0}

    def mask(self, axes: Axes) -> int:
        """The number of a set of axes."""
        found = 0
        for axis in axes:
            bit = self._bits.get(axis)
            if bit is None:
                bit = self._bits[axis] = 1 << len(self._lengths)
                self._lengths.append(self._estimate(axis))
                if isinstance(axis, str):
                    self._labels |= bit
                if self._is_width(axis):
                    self._widths |= bit
                    self._unknown |= 0 if self._is_known(axis) else bit
            found |= bit
        return found

    def entries(self, axes: int) -> float:
        """How many entries an array has."""
        found = self._entries.get(axes)
        if found is None:
            rest = axes & (axes - 1)
            length = self._lengths[(axes ^ rest).bit_length() - 1]
            found = self._entries[axes] = length * self.entries(rest)
        return found

    def of(self, left: Axes, right: Axes, result: Axes) -> float:
        """The cost of one pair."""
        return self.of_masks(*map(self.mask, (left, right, result)))

    def of_masks(self, left: int, right: int, result: int) -> float:
        """The cost of one pair, given by numbers."""
        union = left | right
        made = self.entries(result)
        if union == result:
            cost = 2 * _MEMORY * made
        else:
            # Paired products are no matrix products: each number is used once.
            work = self.entries(union) * (_MEMORY if left == right else 1.0)
            cost = work + _MEMORY * made
            if left & right & result:
                # Stacks of matrices are copied into their order first.
                cost += 2 * _MEMORY * (self.entries(left) + self.entries(right))
        if self._is_outer(result) and not (self._is_outer(left) or self._is_outer(right)):
            cost *= _FORBIDDEN if result & self._unknown else _DISLIKED
        return cost

    def _is_outer(self, axes: int) -> bool:
        """Whether an array has two widths for every sample."""
        return (axes & self._widths).bit_count() > 1 and axes & self._labels != 0


def best_order(
    operands: Sequence[Axes],
    kept: Axes,
    costs: Costs,
    values: Sequence[Any] = (),
) -> Any:
    """The cheapest nesting of pairs: numbers of operands, or (left, right).

    ``values`` are what the operands are: two parts made of the same are computed once.

    Examples
    ========

    A chain `Σ_jk A_ij B_jk v_k` begins at the vector:

    >>> from symprice.emit.array_plan import Costs, best_order
    >>> axes = [frozenset('ij'), frozenset('jk'), frozenset('k')]
    >>> best_order(axes, frozenset('i'), Costs(lambda axis: 512.0, lambda axis: False))
    (0, (1, 2))
    """
    if len(operands) < 3:
        return (0, 1) if len(operands) == 2 else 0
    masks, kept_mask = [costs.mask(axes) for axes in operands], costs.mask(kept)
    if len(operands) > _EXHAUSTIVE:
        return _greedy(masks, kept_mask, costs)
    everything = (1 << len(operands)) - 1

    def axes_of(subset: int) -> int:
        inside, outside = 0, kept_mask
        for place, axes in enumerate(masks):
            if subset >> place & 1:
                inside |= axes
            else:
                outside |= axes
        return inside & outside

    def contents_of(subset: int) -> list[int]:
        return sorted(id(value) for place, value in enumerate(values) if subset >> place & 1)

    subsets = range(1, everything + 1)
    results = {subset: axes_of(subset) for subset in subsets}
    contents = {subset: contents_of(subset) for subset in subsets} if values else {}
    best: dict[int, tuple[float, Any]] = {
        1 << place: (0.0, place) for place in range(len(operands))
    }
    for subset in subsets:
        if subset in best:
            continue
        found: tuple[float, Any] | None = None
        part = (subset - 1) & subset
        while part:
            other = subset ^ part
            # Each pair once, the part with the first operand on the left.
            if part & -part < other & -other:
                again = bool(values) and contents[part] == contents[other]
                cost = (
                    best[part][0]
                    + (0.0 if again else best[other][0])
                    + costs.of_masks(results[part], results[other], results[subset])
                )
                if found is None or cost <= found[0]:
                    found = cost, (best[part][1], best[other][1])
            part = (part - 1) & subset
        assert found is not None
        best[subset] = found
    return best[everything][1]


def _greedy(operands: list[int], kept: int, costs: Costs) -> Any:
    """One cheapest pair after the other, for products of many factors."""
    trees: list[tuple[Any, int]] = list(enumerate(operands))
    while len(trees) > 1:
        found: tuple[float, int, int, int] | None = None
        for i, (_, left) in enumerate(trees):
            for j in range(i + 1, len(trees)):
                right = trees[j][1]
                outside = kept
                for k, (_, axes) in enumerate(trees):
                    if k not in (i, j):
                        outside |= axes
                result = (left | right) & outside
                cost = costs.of_masks(left, right, result)
                cost -= costs.entries(left) + costs.entries(right)
                if found is None or cost < found[0]:
                    found = cost, i, j, result
        assert found is not None
        _, i, j, result = found
        merged = ((trees[i][0], trees[j][0]), result)
        trees = [tree for k, tree in enumerate(trees) if k not in (i, j)]
        trees.insert(0, merged)
    return trees[0][0]
