"""Points of small integers at which a formula is not 0: counterexamples that can be read."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from sympy import Integer, default_sort_key, ones
from sympy.matrices.matrixbase import MatrixBase

from ..indexed.entries import Entry, Index, indices_of, placed
from ..tangent.closing import closed_form
from .vanishing import NormalFormOf, entries_of

__all__ = ["simple_point", "simple_values"]

# Points that are tried, and what counts as 0 there.
_TRIALS = 30
_NOISE = 1e-15


def simple_point(expr: Any) -> tuple[dict[Any, Any], Any] | None:
    """A point of small integers at which a formula is not 0, and its value there; None if none of
    those that are tried is one.

    Sizes are 2; an array of a family has its entries one by one.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.solutions.simple_points import simple_point
    >>> a, b = parameters('a b')
    >>> point, value = simple_point(a**2 - b**2)
    >>> point[a]**2 - point[b]**2 == value != 0
    True
    """
    for point, values in simple_values(expr):
        for value in values[0]:
            exact = value.is_Rational and value != 0
            if exact or (value.is_number and abs(value.evalf(30)) > _NOISE):
                return point, value
    return None


def simple_values(*exprs: Any) -> Iterator[tuple[dict[Any, Any], list[list[Any]]]]:
    """Points of small integers, and the values of the entries of several formulas at each."""
    forms = []
    for expr in exprs:
        closed = closed_form(expr)
        form = NormalFormOf(dict(closed.args[1]))
        forms.append([form.of(each) for each in entries_of(closed.expr)])
    # A size occurs in shapes and ranges; elsewhere a number is a number.
    shapes = {side for totals in forms for total in totals for side in _sides(total)}
    sizes = {size: Integer(2) for side in shapes for size in side.free_symbols}
    draw = Random(0)
    for _ in range(_TRIALS):
        fixed: dict[Any, Any] = {}
        values = [[_value(total.xreplace(sizes), fixed, draw) for total in f] for f in forms]
        yield sizes | _as_matrices(fixed), values


def _value(total: Any, fixed: dict[Any, Any], draw: Random) -> Any:
    """The value at a point, which is made as its symbols come up."""
    for index in sorted(indices_of(total), key=default_sort_key):
        fixed.setdefault(index, Integer(draw.randrange(int(index.size))))
    total = total.xreplace({i: fixed[i] for i in indices_of(total)}).doit()
    for atom in sorted(total.atoms(Entry), key=default_sort_key):
        fixed.setdefault(atom, Integer(draw.choice((-2, -1, 1, 2))))
    total = total.xreplace(fixed)
    for symbol in sorted(total.free_symbols, key=default_sort_key):
        fixed.setdefault(symbol, _small(symbol, draw))
    return total.xreplace(fixed)


def _sides(total: Any) -> Iterator[Any]:
    for node in total.atoms(Entry, Index):
        yield from node.array.shape if isinstance(node, Entry) else (node.size,)


def _small(symbol: Any, draw: Random) -> Any:
    """A small number that a symbol may be."""
    size = Integer(draw.choice((1, 2, 3)))
    return size if symbol.is_nonnegative else -size if draw.random() < 0.5 else size


def _as_matrices(point: dict[Any, Any]) -> dict[Any, Any]:
    """A point with the entries of each array put together; of what is not asked, 1."""
    found: dict[Any, Any] = {}
    for key, value in point.items():
        array = key.array if isinstance(key, Entry) else None
        sides = [int(side) for side in getattr(array, "shape", ())]
        if array is None or len(key.positions) != sum(side > 1 for side in sides):
            found[key] = value
            continue
        place = tuple(map(int, placed(array.shape, key.positions)))
        given = found.setdefault(array, ones(*sides))
        given[place] = value
    return {k: v.as_immutable() if isinstance(v, MatrixBase) else v for k, v in found.items()}
