"""The graph of a causal model as plain inline SVG: arrows of causes, double arrows of roots."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import combinations
from math import hypot, inf
from random import Random
from typing import Any

from ..symbols import Parameter

__all__ = ["svg"]

_APART = 130
_ABOVE = 80
_RADIUS = 20
_MARGIN = 40
_HEAD = 8
_TRIALS = 100

_INK = "#333"
_LINE = f'fill="none" stroke="{_INK}"'

Place = tuple[float, float]


def svg(model: Any) -> str:
    """The graph from left to right: roots first, every variable to the right of its causes.

    Examples
    ========

    >>> from symprice import observables
    >>> from symprice.causal.drawing import svg
    >>> from symprice.causal.model import CausalModel
    >>> P, R, L = observables('P R L')
    >>> svg(CausalModel({R: 2*P, L: -R})).count('<circle')
    3
    """
    places = _places(model)
    width = max(x for x, _ in places.values()) + _MARGIN
    height = max(y for _, y in places.values()) + _MARGIN
    body = [*_double_arrows(model, places), *_arrows(model, places), *_circles(places)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="serif" font-size="14" fill="{_INK}" role="img">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{"".join(body)}</svg>'
    )


def _places(model: Any) -> dict[Any, tuple[int, int]]:
    """Columns by the longest path from a root, each lowered so that arrows pass beside nodes."""
    columns = dict.fromkeys(model.roots, 0)
    for variable in model.variables:
        columns[variable] = 1 + max(columns[cause] for cause in model.parents[variable])
    draw = Random(0)
    best: dict[Any, tuple[int, int]] = {}
    fewest = inf
    for trial in range(_TRIALS):
        lower = [draw.randrange(4) * _ABOVE // 4 if trial else 0 for _ in range(len(columns))]
        rows = [0] * len(columns)
        places = {}
        for node, column in columns.items():
            y = _MARGIN + _ABOVE * rows[column] + lower[column]
            places[node] = (_MARGIN + _APART * column, y)
            rows[column] += 1
        crossed = _crossed(model, places)
        if crossed < fewest:
            best, fewest = places, crossed
        if not fewest:
            break
    return best


def _crossed(model: Any, places: dict[Any, tuple[int, int]]) -> int:
    """How many times an arrow runs through a node that it does not belong to."""
    found = 0
    for effect, cause in model.path_coefficients:
        (x, y), (u, v) = places[cause], places[effect]
        for node, (p, q) in places.items():
            if node not in (effect, cause) and x < p < u:
                found += abs(y + (v - y) * (p - x) / (u - x) - q) < 1.3 * _RADIUS
    return found


def _circles(places: dict[Any, tuple[int, int]]) -> Iterator[str]:
    for node, (x, y) in places.items():
        yield (
            f'<circle cx="{x}" cy="{y}" r="{_RADIUS}" {_LINE}/>'
            f'<text x="{x}" y="{y + 5}" text-anchor="middle" font-style="italic">'
            f"{escape(str(node))}</text>"
        )


def _arrows(model: Any, places: dict[Any, tuple[int, int]]) -> Iterator[str]:
    for (effect, cause), coefficient in model.path_coefficients.items():
        (x, y), (u, v) = places[cause], places[effect]
        tail, tip = _toward((x, y), (u, v)), _toward((u, v), (x, y))
        text = str(coefficient).replace("**", "^").replace("*", " ")
        text = text if len(text) <= 16 else ""
        yield (
            f'<path d="M{_at(tail)} L{_at(tip)}" {_LINE}/>{_head(tip, tail)}'
            f'<text x="{(x + u) / 2:.1f}" y="{(y + v) / 2 - 6:.1f}" text-anchor="middle" '
            f'font-size="12">{escape(text)}</text>'
        )


def _double_arrows(model: Any, places: dict[Any, tuple[int, int]]) -> Iterator[str]:
    """Between the roots that covary: two Parameters do not."""
    for r, s in combinations(model.roots, 2):
        if isinstance(r, Parameter) and isinstance(s, Parameter):
            continue
        (x, y), (u, v) = places[r], places[s]
        # The roots stand below each other; what is farther apart bends more.
        bend = (x - _RADIUS - abs(v - y) / 8, (y + v) / 2)
        one, other = _toward((x, y), bend), _toward((u, v), bend)
        yield (
            f'<path d="M{_at(one)} Q{_at(bend)} {_at(other)}" {_LINE} stroke-dasharray="4 3"/>'
            f"{_head(one, bend)}{_head(other, bend)}"
        )


def _toward(center: Place, other: Place) -> Place:
    """The point on the circle around a node that faces another point."""
    (x, y), (u, v) = center, other
    share = _RADIUS / hypot(u - x, v - y)
    return x + share * (u - x), y + share * (v - y)


def _head(tip: Place, source: Place) -> str:
    """The head of an arrow that comes from a point."""
    (x, y), (u, v) = tip, source
    share = _HEAD / hypot(u - x, v - y)
    dx, dy = share * (u - x), share * (v - y)
    left, right = (x + dx - dy / 2, y + dy + dx / 2), (x + dx + dy / 2, y + dy - dx / 2)
    return f'<polygon points="{_at(tip)} {_at(left)} {_at(right)}"/>'


def _at(place: Place) -> str:
    return f"{place[0]:.1f},{place[1]:.1f}"
