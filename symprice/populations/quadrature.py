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
    value: Callable[[list[Any]], Any], covariance: Any, degree: int | None = None
) -> Any:
    """The mean of ``value(ξ)`` over ξ ~ N(0, Σ), at the present precision.

    Parameters
    ==========

    value : a function of the list of coordinates of ξ.
    covariance : Σ, an mpmath matrix.
    degree : its degree, if it is a polynomial: then so few nodes are exact.

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

    def at(u: tuple[Any, ...]) -> Any:
        return value([mpmath.fsum(root[i, j] * u[j] for j in range(size)) for i in range(size)])

    largest = max(abs(entry) for entry in covariance)
    if degree is not None:
        return _hermite(at, size, degree // 2 + 1)
    if largest < _SMALL:
        exponent = -mpmath.log10(largest) if largest else mpmath.mp.dps
        return _hermite(at, size, min(_MOST_NODES, int(mpmath.mp.dps / exponent) + 3))
    if size > _DIMENSIONS:
        raise NoRuleError(
            f"asked for a Gaussian mean over {size} dimensions by quadrature: it is computed in up "
            f"to {_DIMENSIONS}, in more only of polynomials"
        )
    return _trapezoid(at, size, ())


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


def _trapezoid(at: Callable[[tuple[Any, ...]], Any], size: int, fixed: tuple[Any, ...]) -> Any:
    """Over the coordinates one inside the other; the step is halved until nothing changes."""

    def integrand(u: Any) -> Any:
        point = (*fixed, u)
        inner = at(point) if len(point) == size else _trapezoid(at, size, point)
        return inner * mpmath.exp(-u * u / 2)

    accuracy = mpmath.mp.dps // 2 + 3
    # The error of an entire function, exp(-2π²/h²), is as small as this at the first step.
    step = mpmath.pi * mpmath.sqrt(2 / (mpmath.log(10) * (accuracy + 3)))
    total = mpmath.fsum(_terms(integrand, mpmath.mpf(0), step))
    before = total * step
    for _ in range(_HALVINGS):
        total += mpmath.fsum(_terms(integrand, step / 2, step))
        step /= 2
        found = total * step
        if abs(found - before) <= mpmath.mpf(10) ** -accuracy * abs(found):
            # The error squares with every halving.
            return found / mpmath.sqrt(2 * mpmath.pi)
        before = found
    raise NoRuleError("a Gaussian mean did not settle when the step was halved")


def _terms(integrand: Callable[[Any], Any], start: Any, step: Any) -> Iterator[Any]:
    """The terms to both sides, until they vanish."""
    small = mpmath.mpf(10) ** -(mpmath.mp.dps + 5)
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
