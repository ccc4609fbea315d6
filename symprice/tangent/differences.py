"""Vectors over the parameters as lists of numbers, and derivatives along them by difference
quotients: what the checks hold the calculus against.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import mpmath

from ..symbols import Parameter, ParameterMatrix

__all__ = [
    "Place",
    "along",
    "crossed",
    "differencing",
    "displaced",
    "flattened",
    "hessian",
    "parameter_vector",
    "units",
]


class Place(NamedTuple):
    """A coordinate of θ that is an entry of a trained matrix."""

    symbol: Any
    row: int
    column: int


def trained_symbols(point: Any) -> list[Any]:
    """The trained scalars and matrices at a point, in one order for all vectors."""
    found = (s for s in point if isinstance(getattr(s, "array", s), (Parameter, ParameterMatrix)))
    return sorted(found, key=lambda s: s.sort_key())


def parameter_vector(point: Any) -> list[Any]:
    """The coordinates of θ at a point: its Parameters, the Places in its trained matrices."""
    found: list[Any] = []
    for symbol in trained_symbols(point):
        value = point[symbol]
        if isinstance(value, mpmath.matrix):
            found += [Place(symbol, i, j) for i in range(value.rows) for j in range(value.cols)]
        else:
            found.append(symbol)
    return found


def flattened(values: Iterable[Any]) -> list[Any]:
    """The numbers of a list of numbers and matrices, row by row."""
    found: list[Any] = []
    for value in values:
        found += list(value) if isinstance(value, mpmath.matrix) else [value]
    return found


def displaced(point: Any, direction: Any, t: Any = 1) -> dict[Any, Any]:
    """The point with θ moved by t times a vector."""
    moved: dict[Any, Any] = {}
    for coordinate, value in zip(parameter_vector(point), direction, strict=True):
        if not isinstance(coordinate, Place):
            moved[coordinate] = point[coordinate] + t * value
            continue
        symbol, i, j = coordinate
        matrix = moved.get(symbol)
        if matrix is None:
            matrix = moved[symbol] = point[symbol].copy()
        matrix[i, j] = matrix[i, j] + t * value
    return {**point, **moved}


def units(point: Any) -> list[list[Any]]:
    """The unit vectors of the coordinates of θ."""
    count = range(len(parameter_vector(point)))
    return [[mpmath.mpf(int(i == j)) for j in count] for i in count]


def along(prop: Any, direction: Any, evaluate: Any, point: Any, order: int = 1) -> Any:
    """The ``order``-th derivative of a property along a direction in θ, by difference quotients at
    a point.
    """

    def at(t: Any) -> Any:
        return evaluate(prop, displaced(point, direction, t))

    with differencing(order) as h:
        if order == 1:
            value = (at(h) - at(-h)) / (2 * h)
        elif order == 2:
            value = (at(h) - 2 * at(0) + at(-h)) / h**2
        else:
            value = (at(2 * h) - 2 * at(h) + 2 * at(-h) - at(-2 * h)) / (2 * h**3)
    return +value


@contextmanager
def differencing(order: int) -> Iterator[Any]:
    """The step h of a central difference quotient and the precision that it takes: what h² leaves
    out lies beyond the present digits, and so does rounding over h to the order.
    """
    digits = mpmath.mp.dps
    exponent = digits // 2 + 5
    with mpmath.workdps(digits + order * exponent + 5):
        yield mpmath.mpf(10) ** -exponent


def hessian(prop: Any, chosen: list[int], evaluate: Any, point: Any) -> Any:
    """The second derivatives by some coordinates of θ, a symmetric matrix of difference quotients;
    every entry above the diagonal takes two values of the property.
    """
    coordinates, count = parameter_vector(point), len(chosen)
    found = mpmath.zeros(count)
    with differencing(2) as h:

        def at(*moves: tuple[int, int]) -> Any:
            moved = dict(point)
            for k, sign in moves:
                place = coordinates[k]
                if isinstance(place, Place):
                    matrix = moved[place.symbol] = moved[place.symbol].copy()
                    matrix[place.row, place.column] += sign * h
                else:
                    moved[place] += sign * h
            return evaluate(prop, moved)

        middle = at()
        sides = [(at((k, 1)), at((k, -1))) for k in chosen]
        for i, k in enumerate(chosen):
            found[i, i] = (sum(sides[i]) - 2 * middle) / h**2
            for j in range(i):
                corners = at((k, 1), (chosen[j], 1)) + at((k, -1), (chosen[j], -1))
                rest = sum(sides[i]) + sum(sides[j]) - 2 * middle
                found[i, j] = found[j, i] = (corners - rest) / (2 * h**2)
    return found.apply(lambda entry: +entry)


def crossed(prop: Any, u: Any, v: Any, evaluate: Any, point: Any) -> Any:
    """∇²P[u, v] at a point, by difference quotients; of two vectors by polarisation."""
    if u == v:
        return along(prop, u, evaluate, point, order=2)
    corners = [(sign, [a + sign * b for a, b in zip(u, v, strict=True)]) for sign in (1, -1)]
    with differencing(2) as h:
        terms = [
            sign * evaluate(prop, displaced(point, w, t)) for sign, w in corners for t in (h, -h)
        ]
        value = sum(terms) / (4 * h**2)
    return +value


def numeric_metric(metric: Any, evaluate: Any, point: Mapping[Any, Any]) -> Any:
    """The matrix of a metric over the coordinates of θ; None is the identity."""
    if metric is None:
        return mpmath.eye(len(parameter_vector(point)))
    return metric.numeric(evaluate, point)
