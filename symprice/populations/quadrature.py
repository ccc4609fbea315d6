"""Gaussian means by numbers alone: Gauss–Hermite nodes, and the trapezoidal rule.

Where a mean is differenced by what it is around, its nodes stay and their weights move: so the
error of a quotient is that of the mean, and the function is evaluated once at every node.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import mpmath

from ..errors import NoRuleError

__all__ = ["gaussian_mean"]

_MOST_NODES = 40
_HALVINGS = 7
# So many places are evaluated in several dimensions.
_MOST_PLACES = 40_000
# Gauss–Hermite nodes for each of three dimensions and more.
_COUNTS = (6, 8, 10, 13, 17, 22)
_SMALL = mpmath.mpf("0.001")
# In standard deviations: how far nodes may be from where they were laid; how far a mean may reach;
# where else it is looked whether the integrand has fallen off.
_NEAR = mpmath.mpf("0.125")
_FAR = 60
_PROBES = (12, 20, 35)


def gaussian_mean(
    value: Callable[[list[Any]], Any],
    covariance: Any,
    degree: int | None = None,
    shift: list[Any] | None = None,
    weight: Callable[[list[Any]], Any] | None = None,
    kept: list[Any] | None = None,
    digits: int | None = None,
) -> Any:
    """The mean of ``value(m + ξ)`` over ξ ~ N(0, Σ), at the present precision.

    Parameters
    ==========

    value : a function of the list of coordinates of m + ξ.
    covariance : Σ, an mpmath matrix.
    degree : its degree, if it is a polynomial: then so few nodes are exact.
    shift : m, 0 where not given.
    weight : a function of the list of coordinates of ξ alone, that multiplies the value.
    kept : a list that keeps nodes with their values, for means around other m near by; one for the
        same function, Σ and precision.
    digits : how many are wanted; those that difference quotients at the present precision leave,
        where not given. In two dimensions two fewer are computed, in more three.

    Raises
    ======

    NoRuleError : for a mean that is infinite, and for one that takes too many nodes.

    Examples
    ========

    >>> import mpmath
    >>> from symprice.populations.quadrature import gaussian_mean
    >>> print(gaussian_mean(lambda x: x[0]**4, mpmath.matrix([[2]]), degree=4))
    12.0
    """
    size = covariance.rows
    start = list(shift) if shift else [mpmath.mpf(0)] * size
    root = _root(covariance)
    axes = [j for j in range(size) if any(root[i, j] for i in range(size))]
    laid = _Laying(value, start, root, axes)
    if degree is not None:
        return laid.hermite(degree // 2 + 1).mean(start, weight)
    largest = max(abs(entry) for entry in covariance)
    regular = len(axes) == size and all(mpmath.im(root[i, i]) == 0 for i in range(size))
    sets = kept if kept is not None and regular else []
    for nodes in sets:
        if (found := nodes.mean(start, weight, near=True)) is not None:
            return found
    accuracy = int(mpmath.mp.dps // 2 + 3) if digits is None or not regular else digits + 2
    if len(axes) > 1 and digits is not None:
        accuracy = digits - 2 if len(axes) == 2 else digits - 3
    nodes = laid.narrow(largest, accuracy) if largest < _SMALL else None
    if nodes is None and len(axes) > 2:
        nodes = laid.settled(accuracy)
    nodes = laid.lattice(accuracy) if nodes is None else nodes
    sets.append(nodes)
    return nodes.mean(start, weight)


def _root(covariance: Any) -> Any:
    """A lower triangular L with L Lᵀ = Σ; complex where Σ is not positive."""
    size = covariance.rows
    root = mpmath.zeros(size)
    for j in range(size):
        rest = covariance[j, j] - mpmath.fsum(root[j, k] ** 2 for k in range(j))
        root[j, j] = mpmath.sqrt(rest)
        for i in range(j + 1, size):
            above = covariance[i, j] - mpmath.fsum(root[i, k] * root[j, k] for k in range(j))
            root[i, j] = above / root[j, j] if root[j, j] else mpmath.mpf(0)
    return root


class _Nodes:
    """Places with values, and of every coordinate a factor of the weight that moves with m.

    ``places`` are (indices, coordinates, value); ``factor(u, d)`` is the factor of the coordinate u
    where m has moved by d standard deviations, ``us`` are the coordinates by index.
    """

    def __init__(
        self,
        laid: _Laying,
        us: list[Any],
        places: list[Any],
        factor: Callable[[Any, Any], Any],
        near: Any,
    ) -> None:
        self.laid, self.us, self.places = laid, us, places
        self.factor, self.near = factor, near

    def mean(
        self,
        start: list[Any],
        weight: Callable[[list[Any]], Any] | None,
        near: bool = False,
        absolute: bool = False,
    ) -> Any:
        """The mean around m; None where that is not near to where the nodes were laid."""
        laid = self.laid
        moved = [mpmath.mpf(0)] * len(laid.axes)
        if start != laid.start:
            steps = [m - c for m, c in zip(start, laid.start, strict=True)]
            moved = list(mpmath.lu_solve(laid.root, mpmath.matrix(steps)))
        if near and any(abs(d) > self.near for d in moved):
            return None
        factors = [[self.factor(i, d) for i in range(len(self.us))] for d in moved]
        total = mpmath.mpf(0)
        for chosen, x, found in self.places:
            term = abs(found) if absolute else found
            for of_axis, i in zip(factors, chosen, strict=True):
                term = term * of_axis[i]
            if weight is not None:
                term = term * weight([a - m for a, m in zip(x, start, strict=True)])
            total = total + term
        return total


class _Laying:
    """How nodes are laid around m for a function, in the coordinates u of m + L u."""

    def __init__(
        self, value: Callable[[list[Any]], Any], start: list[Any], root: Any, axes: list[int]
    ) -> None:
        self.value, self.start, self.root, self.axes = value, start, root, axes
        self._rows = [
            [(place, root[i, j]) for place, j in enumerate(axes) if root[i, j]]
            for i in range(len(start))
        ]

    def place(self, u: Any) -> list[Any]:
        """m + L u."""
        return [
            sum((entry * u[j] for j, entry in row), start=m)
            for m, row in zip(self.start, self._rows, strict=True)
        ]

    def hermite(self, count: int, near: Any = _NEAR) -> _Nodes:
        """Gauss–Hermite nodes, ``count`` for every coordinate."""
        us, weights = zip(*_nodes(count, mpmath.mp.prec), strict=True)
        places = []
        for chosen in product(range(count), repeat=len(self.axes)):
            x = self.place([us[i] for i in chosen])
            places.append((chosen, x, self.value(x)))

        def factor(i: int, d: Any) -> Any:
            return weights[i] * mpmath.exp(us[i] * d - d * d / 2) if d else weights[i]

        return _Nodes(self, list(us), places, factor, near)

    def narrow(self, largest: Any, accuracy: int) -> _Nodes | None:
        """Few nodes where Σ is small: n of them err by its n-th power; None where that shows."""
        if not largest:
            return self.hermite(1)
        exponent = -mpmath.log10(largest)
        count = min(_MOST_NODES, max(3, int(mpmath.ceil(accuracy / exponent)) + (exponent < 5)))
        nodes = self.hermite(count, mpmath.sqrt(largest))
        if exponent >= 5:
            return nodes
        found, fewer = (n.mean(self.start, None) for n in (nodes, self.hermite(count - 1)))
        size = max((abs(v) for _, _, v in nodes.places), default=mpmath.mpf(0))
        allowed = mpmath.mpf(10) ** (exponent + 2 - accuracy)
        return nodes if abs(found - fewer) <= allowed * size else None

    def settled(self, accuracy: int) -> _Nodes | None:
        """More and more Gauss–Hermite nodes until two means agree; None where they do not."""
        before = None
        for count in _COUNTS:
            if count ** len(self.axes) > _MOST_PLACES:
                break
            nodes = self.hermite(count)
            found = nodes.mean(self.start, None)
            size = abs(nodes.mean(self.start, None, absolute=True))
            if before is None:
                self.probe(max(size, abs(self.value(self.start))))
            elif abs(found - before) <= mpmath.mpf(10) ** -accuracy * size:
                return nodes
            before = found
        return None

    def probe(self, largest: Any) -> None:
        """Raise where the integrand is large again, far out."""
        for axis in range(len(self.axes)):
            for u in (sign * far for far in _PROBES for sign in (1, -1)):
                place = [mpmath.mpf(0)] * len(self.axes)
                place[axis] = mpmath.mpf(u)
                term = abs(self.value(self.place(place))) * mpmath.exp(-(mpmath.mpf(u) ** 2) / 2)
                if term > largest:
                    raise _infinite()

    def lattice(self, accuracy: int) -> _Nodes:
        """The trapezoidal rule; the step is halved until lattices that are shifted by half a step
        along one axis agree.
        """
        count = len(self.axes)
        # The error of an entire function, exp(-2π²/h²), is as small as this at the first step.
        step = mpmath.pi * mpmath.sqrt(2 / (mpmath.log(10) * (accuracy + 3)))
        # In one dimension the two lattices together have the square of their error.
        exact = accuracy // 2 + 2 if count == 1 else accuracy
        lattice = _Lattice(self, mpmath.mpf(10) ** -(accuracy + 2))
        for _ in range(_HALVINGS):
            shifts = [tuple(int(j == k) for j in range(count)) for k in range(-1, count)]
            parts = [lattice.around(step, odd) for odd in shifts]
            whole = mpmath.sqrt(2 * mpmath.pi) ** -count * step**count
            totals = [whole * sum(d * f for _, _, f, d in part) for part in parts]
            size = whole * sum(abs(d * f) for _, _, f, d in parts[0])
            error = max(abs(total - totals[0]) for total in totals)
            if error <= mpmath.mpf(10) ** -exact * size:
                break
            step /= 2
        else:
            raise NoRuleError(
                "asked for a Gaussian mean by quadrature: it did not settle when the step was "
                "halved, as that of a function with kinks or jumps"
            )
        self.probe(lattice.largest)
        found = [(n, x, f) for part in parts for n, x, f, _ in part]
        low = min(min(n) for n, _, _ in found)
        us = [i * step / 2 for i in range(low, max(max(n) for n, _, _ in found) + 1)]
        places = [(tuple(i - low for i in n), x, f / len(parts)) for n, x, f in found]
        share = step / mpmath.sqrt(2 * mpmath.pi)
        return _Nodes(
            self, us, places, lambda i, d: share * mpmath.exp(-((us[i] - d) ** 2) / 2), _NEAR
        )


class _Lattice:
    """The places of a lattice at which the density times the function is not negligible."""

    def __init__(self, laid: _Laying, small: Any) -> None:
        self.laid, self.small = laid, small
        self.largest = self.highest = mpmath.mpf(0)
        self._known: dict[Any, Any] = {}

    def at(self, u: tuple[Any, ...]) -> tuple[Any, Any]:
        """A place, and the value there."""
        if u not in self._known:
            if len(self._known) >= _MOST_PLACES and len(u) > 1:
                raise NoRuleError(
                    f"asked for a Gaussian mean over {len(u)} dimensions by quadrature: it takes "
                    f"more than {_MOST_PLACES} places, as the function bends within a standard "
                    "deviation"
                )
            x = self.laid.place(u)
            self._known[u] = x, self.laid.value(x)
        return self._known[u]

    def around(self, step: Any, odd: tuple[int, ...]) -> list[Any]:
        """(half steps, place, value, density) from the centre outwards, on the lattice that is
        shifted by half a step along the axes where ``odd`` is 1.
        """
        found: list[Any] = []
        half = step / 2

        def walk(prefix: tuple[int, ...], us: tuple[Any, ...], density: Any, radius: Any) -> Any:
            axis, most = len(prefix), mpmath.mpf(0)
            for sign in (1, -1):
                n = odd[axis] if sign == 1 else odd[axis] - 2
                quiet = 0
                while True:
                    u = n * half
                    here, place = density * mpmath.exp(-u * u / 2), (*us, u)
                    if axis + 1 < len(odd):
                        term = walk((*prefix, n), place, here, radius + u * u)
                    else:
                        x, f = self.at(place)
                        found.append(((*prefix, n), x, f, here))
                        self.largest = max(self.largest, abs(here * f))
                        self.highest = max(self.highest, abs(f))
                        # What is not seen yet may be as high as anything that was.
                        term = here * self.highest
                    most = max(most, term)
                    quiet = quiet + 1 if term <= self.small * self.largest else 0
                    if quiet > 1 and radius + u * u > 9:
                        break
                    if abs(u) > _FAR:
                        raise _infinite()
                    n += 2 * sign
            return most

        walk((), (), mpmath.mpf(1), mpmath.mpf(0))
        return found


def _infinite() -> NoRuleError:
    return NoRuleError(
        "asked for a Gaussian mean of a function that grows faster than the density falls: as far "
        f"as {_FAR} standard deviations are looked at, it is infinite"
    )


@cache
def _nodes(count: int, precision: int) -> tuple[tuple[Any, Any], ...]:
    """Nodes and weights for the standard normal distribution, refined by Newton's method."""
    from numpy.polynomial.hermite_e import hermegauss

    with mpmath.workprec(precision + 20):
        found = []
        for start in hermegauss(count)[0]:
            u = mpmath.mpf(float(start))
            for _ in range(2 + precision.bit_length()):
                last, value = _hermite_polynomials(u, count)
                u -= value / (count * last)
            last, _ = _hermite_polynomials(u, count)
            found.append((u, mpmath.factorial(count) / (count * last) ** 2))
        return tuple(found)


def _hermite_polynomials(u: Any, count: int) -> tuple[Any, Any]:
    """He of the degrees count - 1 and count."""
    last, value = mpmath.mpf(1), u
    for k in range(1, count):
        last, value = value, u * value - k * last
    return last, value
