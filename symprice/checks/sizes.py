"""What symbolic sizes become: small integers, distinct, for which every shape is one.

Distinct, so that a transposed matrix does not fit; and such that a length like `L - k + 1` is at
least 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle, islice, permutations
from typing import Any

from sympy import Basic, Integer
from sympy.core.sympify import _sympify

from ..errors import NoRuleError
from ..indexed.entries import Index
from ..indexed.families import ParameterFamily
from ..indexed.shifts import Shift

__all__ = ["sizes_of"]

# In the order in which they are given out, by the names of the symbols.
_SIZES = (3, 2, 4, 5, 6, 7)
# Where a value takes a system of equations in all parameters: a network of few.
_SMALL = (3, 2)
# So many assignments are tried.
_PATIENCE = 5000


def sizes_of(
    found: Iterable[Basic], fixed: Mapping[Any, int], small: bool = False
) -> dict[Any, int]:
    """Integers for all symbols in the shapes of nodes.

    Parameters
    ==========

    found : the nodes.
    fixed : sizes that are known.
    small : whether 3 and 2 are enough, in turn.

    Raises
    ======

    NoRuleError : if no small integers make all sizes positive.

    Examples
    ========

    >>> from sympy import MatrixSymbol, symbols
    >>> from symprice.checks.sizes import sizes_of
    >>> k, length = symbols('k length', integer=True, positive=True)
    >>> sizes_of([MatrixSymbol('X', 3, length - k + 1)], {})
    {k: 3, length: 4}
    """
    sides = {side for node in found for side in _sides(node) if side.free_symbols}
    symbols = set().union(*(side.free_symbols for side in sides)) - fixed.keys()
    derived = [side for side in sides if not side.is_Symbol]
    free = sorted(symbols, key=lambda s: s.sort_key())
    for least in (2, 1):  # an axis of length 1 tells little
        for numbers in islice(_assignments(len(free), fixed.values(), small), _PATIENCE):
            sizes = dict(zip(free, numbers, strict=True)) | dict(fixed)
            if all(_size(side, sizes) >= least for side in derived):
                return sizes
    listed = ", ".join(sorted(map(str, derived)))
    raise NoRuleError(f"no integers from 2 to 7 for {free} make every one of {listed} a size")


def _assignments(count: int, taken: Iterable[int], small: bool) -> Iterator[tuple[int, ...]]:
    """Sizes for so many symbols: distinct for as many as there are."""
    if small:
        yield tuple(islice(cycle(_SMALL), count))
    free = [n for n in _SIZES if n not in set(taken)] or list(_SIZES)
    if count > len(free):
        yield tuple(islice(cycle(free), count))
        free = [*free, *islice(cycle(_SIZES[:3]), count - len(free))]
    yield from permutations(free, count)


def _size(side: Any, sizes: Mapping[Any, int]) -> int:
    number = side.xreplace({symbol: Integer(n) for symbol, n in sizes.items()})
    return int(number) if number.is_Integer else 0


def _sides(node: Any) -> tuple[Any, ...]:
    """The sizes that a node states."""
    if isinstance(node, Index):
        return (node.size,)
    sides = tuple(map(_sympify, node.shape)) if getattr(node, "is_Matrix", False) else ()
    if isinstance(node, ParameterFamily):
        return (*sides, node.size)
    return (*sides, node.args[2]) if isinstance(node, Shift) else sides
