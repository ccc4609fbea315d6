"""Gaussian means by numbers alone: Gauss–Hermite nodes, and the trapezoidal rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from typing import Any

import mpmath

from ..errors import NoRuleError

__all__ = ["gaussian_mean"]

# Beyond this many dimensions the trapezoidal rule takes too long.
_DIMENSIONS = 2
_MOST_NODES = 40
_HALVINGS = 12
_SMALL = mpmath.mpf("0.001")


def gaussian_mean(
    value: Callable[[list[Any]], Any],
    covariance: Any,
    degree: int | None = None,
    shift: list[Any] | None = None,
    weight: Callable[[list[Any]], Any] | None = None,
    kept: dict[Any, Any] | None = None,
) -> Any:
    """The mean of ``value(m + ξ)`` over ξ ~ N(0, Σ), at the present precision.

    Parameters
    ==========

    value : a function of the list of coordinates of ξ.
    covariance : Σ, an mpmath matrix.
    degree : its degree, if it is a polynomial: then so few nodes are exact.
    shift : m, 0 where not given. Neighbouring m have the same nodes where the trapezoidal rule is
        used, so that values can be kept.
    weight : a function of the list of coordinates of ξ alone, that multiplies the value.
    kept : where the trapezoidal rule keeps values; the same for the same function, Σ and precision.

    Raises
    ======

    NoRuleError : in more dimensions than can be integrated, if it is no polynomial.

    Examples
    ========

    >>> import mpmath
    >>> from symprice.populations.quadrature import gaussian_mean
    >>> print(gaussian_mean(lambda x: x[0]**4, mpmath.matrix([[2]]), degree=4))
    12.0
    """
    size = covariance.rows
    root = _root(covariance)
    start = shift or [mpmath.mpf(0)] * size

    def moved(u: tuple[Any, ...]) -> list[Any]:
        return [mpmath.fsum(root[i, j] * u[j] for j in range(size)) for i in range(size)]

    def at(u: tuple[Any, ...]) -> Any:
        steps = moved(u)
        found = value([m + d for m, d in zip(start, steps, strict=True)])
        return found if weight is None else found * weight(steps)

    largest = max(abs(entry) for entry in covariance)
    if degree is not None:
        return _hermite(at, size, degree // 2 + 1)
    if largest < _SMALL:
        # The error, a power of Σ for every node, is smooth in θ: difference quotients do not raise
        # it, so that it is as small as what is asked for, not as the working precision.
        exponent = -mpmath.log10(largest) if largest else mpmath.mp.dps
        return _hermite(at, size, min(_MOST_NODES, int(_accuracy() / exponent) + 5))
    if size > _DIMENSIONS:
        raise NoRuleError(
            f"asked for a Gaussian mean over {size} dimensions by quadrature: it is computed in up "
            f"to {_DIMENSIONS}, in more only of polynomials"
        )
    if not all(mpmath.im(root[i, i]) == 0 and root[i, i] for i in range(size)):
        return _Trapezoid(at, [mpmath.mpf(0)] * size).total(())
    centre = list(mpmath.lu_solve(root, mpmath.matrix(start)))
    places: dict[Any, Any] = {} if kept is None else kept

    def there(u: tuple[Any, ...]) -> Any:
        if u not in places:
            steps = moved(u)
            places[u] = steps, value(steps)
        steps, found = places[u]
        if weight is None:
            return found
        return found * weight([d - m for d, m in zip(steps, start, strict=True)])

    return _Trapezoid(there, centre).total(())


def _accuracy() -> int:
    """The digits of a mean that quotients of means need; the rest is for the quotients."""
    return int(mpmath.mp.dps // 2 + 3)


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


def _hermite(at: Callable[[tuple[Any, ...]], Any], size: int, count: int) -> Any:
    rule = _nodes(count, mpmath.mp.prec)
    total = mpmath.mpf(0)
    for chosen in product(rule, repeat=size):
        total += mpmath.fprod(weight for _, weight in chosen) * at(tuple(u for u, _ in chosen))
    return total


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


class _Trapezoid:
    """Over the coordinates one inside the other; the step is halved until nothing changes.

    ``at`` is the function of u, which is averaged over the normal distribution around ``centre``.
    """

    def __init__(self, at: Callable[[tuple[Any, ...]], Any], centre: list[Any]) -> None:
        self.at, self.centre = at, centre
        self.accuracy = _accuracy()
        self.densities: list[dict[Any, Any]] = [{} for _ in centre]

    def integrand(self, point: tuple[Any, ...]) -> Any:
        """The density of the last coordinate, times what is inside of it."""
        axis, u = len(point) - 1, point[-1]
        densities = self.densities[axis]
        if u not in densities:
            densities[u] = mpmath.exp(-((u - self.centre[axis]) ** 2) / 2)
        inner = self.at(point) if len(point) == len(self.centre) else self.total(point)
        return inner * densities[u]

    def total(self, fixed: tuple[Any, ...]) -> Any:
        """The mean over the coordinates that are not fixed."""
        accuracy = self.accuracy

        def integrand(u: Any) -> Any:
            return self.integrand((*fixed, u))

        # The error of an entire function, exp(-2π²/h²), is as small as this at the first step.
        step = mpmath.pi * mpmath.sqrt(2 / (mpmath.log(10) * (accuracy + 3)))
        terms = list(_terms(integrand, mpmath.mpf(0), step, accuracy))
        before = mpmath.fsum(terms) * step
        for _ in range(_HALVINGS):
            terms += _terms(integrand, step / 2, step, accuracy)
            step /= 2
            found, size = mpmath.fsum(terms) * step, mpmath.fsum(terms, absolute=True) * step
            # The error squares with every halving, so the last but one may be the root of what is
            # left.
            if abs(found - before) <= mpmath.mpf(10) ** -(accuracy // 2 + 2) * size:
                return found / mpmath.sqrt(2 * mpmath.pi)
            before = found
        raise NoRuleError("a Gaussian mean did not settle when the step was halved")


def _terms(integrand: Callable[[Any], Any], start: Any, step: Any, accuracy: int) -> Iterator[Any]:
    """The terms to both sides, until they vanish beside what the quotients of means need."""
    small = mpmath.mpf(10) ** -(accuracy + 4)
    largest = mpmath.mpf(0)
    for sign in (1, -1):
        place = start if sign == 1 else start - step
        while True:
            term = integrand(place)
            yield term
            falling = abs(term) <= small * largest
            largest = max(largest, abs(term))
            place += sign * step
            if falling and abs(place) > 3:
                break
