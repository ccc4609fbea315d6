"""Sums over actions in mpmath: outward from the largest term, or by an integral if it is wide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from .quadrature import NoQuadrature, OutOfReach, over_half_line, over_interval, timed

__all__ = ["series"]

Integrand = Callable[[Any], Any]

# Terms that are negligible in a row end a sum; a peak beyond 2^k is none.
_TAIL, _DOUBLINGS = 12, 120
# Where it is seen whether terms fall slowly.
_FAR = 2000
_MOST_TERMS = 400_000
# A peak this wide is summed by an integral; so many terms next to an end are added up.
_WIDE, _NEXT, _MOST_DIFFERENCES = 128, 200, 90


def series(f: Integrand, low: Any, high: Any) -> Any:
    """Σ f over whole numbers, outward from the largest term until what follows is negligible.

    Examples
    ========

    >>> import mpmath
    >>> from symprice.policy.summing import series
    >>> at = lambda k: mpmath.exp(k*mpmath.log(10**4) - 10**4 - mpmath.loggamma(k + 1))
    >>> bool(abs(series(at, 0, mpmath.inf) - 1) < 1e-9)
    True
    """
    return timed(lambda: _series(f, low, high))


def _series(f: Integrand, low: Any, high: Any) -> Any:
    start = 0 if mpmath.isinf(low) else int(low)
    last = None if mpmath.isinf(high) else int(high)
    first = None if mpmath.isinf(low) else start
    peak = _largest(f, start, last)
    if first is not None and _is_wide(f, peak, start, last):
        try:
            return _by_integral(f, start, last)
        except NoQuadrature:  # it has a kink somewhere
            pass
    total = f(peak)
    for way, end in ((1, last), (-1, first)):
        total += _outward(f, peak, way, end, abs(total))
    return total


def _is_wide(f: Integrand, peak: int, low: int, high: int | None) -> bool:
    """Whether terms change so little from one to the next that an integral is nearly their sum:
    they fall to a third over many, and half way between two an interpolation finds them.
    """
    if high is not None and high - low < 8 * _NEXT:
        return False
    top = _height(f, peak)
    places = [p for p in (peak - _WIDE, peak + _WIDE) if p >= low + 4 and p + 4 <= (high or p + 4)]
    return bool(top) and all(_height(f, p) > top / 3 and _is_smooth(f, p) for p in places)


def _is_smooth(f: Integrand, place: int) -> bool:
    beside = [f(mpmath.mpf(place + k)) for k in range(-3, 5)]
    weights = (-5, 49, -245, 1225, 1225, -245, 49, -5)
    between = sum(w * t for w, t in zip(weights, beside, strict=True)) / 2048
    try:
        there = f(mpmath.mpf(place) + mpmath.mpf(1) / 2)
    except NoQuadrature:
        return False
    return bool(abs(there - between) <= max(map(abs, beside)) * mpmath.mpf(10) ** -9)


def _by_integral(f: Integrand, low: int, high: int | None) -> Any:
    """Gregory's formula: the terms next to an end as they are, an integral over all others, and a
    correction in differences of the terms where it begins.
    """
    start = low + _NEXT
    total = sum(f(mpmath.mpf(k)) for k in range(low, start))
    if high is None:
        total += over_half_line(lambda d: f(start + d))
        return total + _correction(f, start, 1, abs(total))
    end = high - _NEXT
    total += sum(f(mpmath.mpf(k)) for k in range(end + 1, high + 1))
    total += over_interval(lambda d: f(start + d), lambda d: f(end - d), mpmath.mpf(end - start))
    return total + _correction(f, start, 1, abs(total)) + _correction(f, end, -1, abs(total))


def _correction(f: Integrand, start: int, way: int, size: Any) -> Any:
    """Σ f - ∫ f from an end on: `f/2 - Δf/12 + Δ²f/24 - …`."""
    tiny = mpmath.mpf(10) ** (-mpmath.mp.dps - 2)
    with mpmath.workdps(mpmath.mp.dps + _MOST_DIFFERENCES // 3):
        total, weights = mpmath.mpf(0), [mpmath.mpf(1)]
        edge: list[Any] = []
        for j in range(_MOST_DIFFERENCES):
            # The next difference along the edge of the triangle of differences.
            new = f(mpmath.mpf(start + way * j))
            edge.insert(0, new)
            for i in range(1, len(edge)):
                new = edge[i] = new - edge[i]
            own = (w * (-1) ** (j - i) / (j + 2 - i) for i, w in enumerate(weights))
            weights.append(sum(own))
            term = weights[-1] * edge[-1]
            total += term
            if abs(term) <= tiny * size:
                return total
    raise OutOfReach("a sum over actions converges too slowly")


def _outward(f: Integrand, peak: int, way: int, end: int | None, size: Any) -> Any:
    total, small, k = mpmath.mpf(0), 0, peak + way
    tiny = mpmath.mpf(10) ** (-mpmath.mp.dps - 2)
    marks: list[Any] = []
    while (end is None or (end - k) * way >= 0) and small < _TAIL + 20:
        term = f(mpmath.mpf(k))
        if mpmath.isnan(term) or mpmath.isinf(term):
            raise NoQuadrature(f"an expectation is infinite: the term at {k} is {term}")
        total, size = total + term, size + abs(term)
        small = small + 1 if abs(term) <= tiny * size else 0
        steps = abs(k - peak)
        if end is None and steps == _FAR and _is_slow(marks[0], marks[1], abs(term)):
            # An algebraic tail: it is summed by extrapolation.
            rest = mpmath.nsum(lambda j: f(peak + way * j), [steps + 1, mpmath.inf])
            if mpmath.isnan(rest) or abs(rest) > mpmath.mpf(10) ** 30 * size:
                raise NoQuadrature("an expectation is infinite, or its sum converges too slowly")
            return total + rest
        if steps in (_FAR // 4, _FAR // 2):
            marks.append(abs(term))
        if steps > _MOST_TERMS:
            raise OutOfReach(f"a sum over actions does not settle within {_MOST_TERMS} terms")
        k += way
    return total


def _is_slow(first: Any, second: Any, third: Any) -> bool:
    """Whether terms at one, two and four steps fall like a power or an exponential; the slope of a
    wide peak is steeper, and what extrapolation makes of it is wrong.
    """
    if not (first > second > third > 0):
        return False
    return bool(mpmath.log(second / third) < mpmath.mpf("2.2") * mpmath.log(first / second))


def _largest(f: Integrand, low: int, high: int | None) -> int:
    """The whole number with the largest term, as far as the terms have one peak."""
    places = [low, low + 1, low + 2, low + 3, *(low + 2**j for j in range(2, _DOUBLINGS))]
    places = sorted({p for p in places if high is None or p <= high} | ({high} if high else set()))
    heights = [_height(f, p) for p in places]
    k = max(range(len(places)), key=heights.__getitem__)
    if high is None and k == len(places) - 1:
        raise NoQuadrature("an expectation is infinite: its terms grow without end")
    left, right = places[max(k - 1, 0)], places[min(k + 1, len(places) - 1)]
    while right - left > 2:
        one, two = left + (right - left) // 3, right - (right - left) // 3
        if _height(f, one) < _height(f, two):
            left = one
        else:
            right = two
    return max(range(left, right + 1), key=lambda p: _height(f, p))


def _height(f: Integrand, place: int) -> Any:
    value = abs(f(mpmath.mpf(place)))
    if mpmath.isnan(value) or mpmath.isinf(value):
        raise NoQuadrature(f"an expectation is infinite: the term at {place} is {value}")
    return value
