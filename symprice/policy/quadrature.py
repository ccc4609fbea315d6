"""Integrals and sums in mpmath: the peak of the integrand is found first, then the steps fit it.

No library's quadrature finds a peak of width 1e-3 at 1e6 by itself; it returns 0. With mpmath
nothing underflows, so that the peak is seen from afar.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from ..errors import NoRuleError
from ..timelimit import within

__all__ = ["over_half_line", "over_interval", "over_line", "series"]

Integrand = Callable[[Any], Any]

# Halvings of the step of a quadrature, and how far out on the mapped line it goes.
_LEVELS, _FARTHEST, _DIVERGES = 8, 200, mpmath.mpf(10) ** 400
# Places on the line at which a peak is looked for, sinh(k/4) to either side, and its refinements.
_PLACES, _REFINEMENTS = 72, 40
# Terms that are negligible in a row end a sum; a peak beyond 2^k is none.
_TAIL, _DOUBLINGS = 12, 44
# Where it is seen whether terms fall slowly.
_FAR = 2000
_MOST_TERMS, _SECONDS = 400_000, 20.0


def over_line(f: Integrand) -> Any:
    """∫ f over the real line.

    Examples
    ========

    >>> import mpmath
    >>> from symprice.policy.quadrature import over_line
    >>> far = over_line(lambda x: mpmath.exp(-(1000*(x - 10**6))**2))
    >>> bool(abs(far*1000 - mpmath.sqrt(mpmath.pi)) < 1e-9)
    True
    """
    return _timed(lambda: _peaked(f, _PLACES))


def over_half_line(f: Integrand) -> Any:
    """∫ f(d) over the distances d > 0 to an end, by the logarithm of the distance."""

    def inner(t: Any) -> Any:
        d = mpmath.exp(t)
        return f(d) * d

    return _timed(lambda: _peaked(inner, 20))


def over_interval(left: Integrand, right: Integrand, length: Any) -> Any:
    """∫ f over an interval, f in the distance to its left end and to its right end: near an end
    neither loses digits.
    """

    def inner(t: Any) -> Any:
        u = mpmath.exp(-abs(t))
        near = length * u / (1 + u)
        return (left if t < 0 else right)(near) * near / (1 + u)

    return _timed(lambda: _peaked(inner, 20))


def _timed(compute: Callable[[], Any]) -> Any:
    """The number, in bounded time."""
    found = within(_SECONDS, compute)
    if found is None:
        raise NoRuleError(
            f"an expectation could not be computed within {_SECONDS:.0f} seconds: simulate it, "
            "with policy.sample(rng, n)"
        )
    return found


# --- integrals ------------------------------------------------------------------------------------


def _peaked(f: Integrand, places: int) -> Any:
    """∫ f over the line with steps that fit the peak of |f|."""
    centre, width = _peak(f, places)

    def inner(u: Any) -> Any:
        # An algebraic tail becomes an exponential one, an exponential tail a double one.
        return f(centre + width * mpmath.sinh(u)) * mpmath.cosh(u) * width

    digits = mpmath.mp.dps
    # Near a narrow peak far away, places differ in their last digits only.
    further = int(max(0, mpmath.log10(abs(centre) / width + 1)))
    with mpmath.workdps(digits + further):
        return _trapezoidal(inner, mpmath.mpf(10) ** (-digits // 2 - 2))


def _peak(f: Integrand, places: int) -> tuple[Any, Any]:
    """Where |f| is largest, and how far from there it falls to a third."""
    line = [mpmath.sinh(mpmath.mpf(k) / 4) for k in range(-places, places + 1)]
    heights = [abs(f(t)) for t in line]
    k = max(range(len(line)), key=heights.__getitem__)
    if not heights[k]:
        return mpmath.mpf(0), mpmath.mpf(1)
    if k in (0, len(line) - 1):
        raise NoRuleError("an expectation is infinite, or too large for quadrature")
    low, centre, high = line[k - 1], line[k], line[k + 1]
    top, golden = heights[k], (mpmath.sqrt(5) - 1) / 2
    left, right = high - golden * (high - low), low + golden * (high - low)
    f_left, f_right = abs(f(left)), abs(f(right))
    for _ in range(_REFINEMENTS):
        if f_left > f_right:
            high, right, f_right = right, left, f_left
            left = high - golden * (high - low)
            f_left = abs(f(left))
        else:
            low, left, f_left = left, right, f_right
            right = low + golden * (high - low)
            f_right = abs(f(right))
    if max(f_left, f_right) > top:
        centre, top = (left, f_left) if f_left > f_right else (right, f_right)
    width = line[k + 1] - line[k - 1]
    while max(abs(f(centre + width)), abs(f(centre - width))) < top / 3:
        width /= 2
        if width < mpmath.mpf(2) ** -200:
            break
    return centre, width


def _trapezoidal(f: Integrand, wanted: Any) -> Any:
    """Double exponential quadrature: for smooth integrands the digits double with each halving."""
    step, total, previous = mpmath.mpf(1) / 2, mpmath.mpf(0), None
    size, at_most = mpmath.mpf(0), mpmath.mpf(0)
    for level in range(_LEVELS):
        more, absolute = _level(f, step, level)
        total, size = total + more, size + absolute
        found, at_most = total * step, size * step
        if previous is not None and abs(found - previous) <= wanted * max(abs(found), at_most):
            return found
        previous, step = found, step / 2
    raise NoRuleError(
        "an expectation could not be computed to enough digits by quadrature: simulate it, with "
        "policy.sample(rng, n)"
    )


def _level(f: Integrand, step: Any, level: int) -> tuple[Any, Any]:
    """The new terms of a level, and their sizes: all at the first, then those half way between."""
    total, size = mpmath.mpf(0), mpmath.mpf(0)
    tiny = mpmath.mpf(10) ** (-mpmath.mp.dps - 2)
    for way in (1, -1):
        k = (0 if way == 1 else 1) if level == 0 else 1
        small = 0
        while k * step < _FARTHEST and small < 4:
            term = f(way * k * step)
            if abs(term) > _DIVERGES or mpmath.isnan(term):
                raise NoRuleError("an expectation is infinite, or too large for quadrature")
            total, size = total + term, size + abs(term)
            small = small + 1 if abs(term) <= tiny * size and k * step > 2 else 0
            k += 1 if level == 0 else 2
        if small < 4:
            raise NoRuleError("an expectation is infinite, or converges too slowly for quadrature")
    return total, size


# --- sums -----------------------------------------------------------------------------------------


def series(f: Integrand, low: Any, high: Any) -> Any:
    """Σ f over whole numbers, outward from the largest term until what follows is negligible.

    Examples
    ========

    >>> import mpmath
    >>> from symprice.policy.quadrature import series
    >>> at = lambda k: mpmath.exp(k*mpmath.log(10**4) - 10**4 - mpmath.loggamma(k + 1))
    >>> bool(abs(series(at, 0, mpmath.inf) - 1) < 1e-9)
    True
    """
    return _timed(lambda: _series(f, low, high))


def _series(f: Integrand, low: Any, high: Any) -> Any:
    start = 0 if mpmath.isinf(low) else int(low)
    last = None if mpmath.isinf(high) else int(high)
    first = None if mpmath.isinf(low) else start
    peak = _largest(f, start, last)
    total = f(peak)
    for way, end in ((1, last), (-1, first)):
        total += _outward(f, peak, way, end, abs(total))
    return total


def _outward(f: Integrand, peak: int, way: int, end: int | None, size: Any) -> Any:
    total, small, k = mpmath.mpf(0), 0, peak + way
    tiny = mpmath.mpf(10) ** (-mpmath.mp.dps - 2)
    marks: list[Any] = []
    while (end is None or (end - k) * way >= 0) and small < _TAIL + 20:
        term = f(mpmath.mpf(k))
        if mpmath.isnan(term) or mpmath.isinf(term):
            raise NoRuleError(f"an expectation is infinite: the term at {k} is {term}")
        total, size = total + term, size + abs(term)
        small = small + 1 if abs(term) <= tiny * size else 0
        steps = abs(k - peak)
        if end is None and steps == _FAR and _is_slow(marks[0], marks[1], abs(term)):
            # An algebraic tail: it is summed by extrapolation.
            rest = mpmath.nsum(lambda j: f(peak + way * j), [steps + 1, mpmath.inf])
            if mpmath.isnan(rest) or abs(rest) > mpmath.mpf(10) ** 30 * size:
                raise NoRuleError("an expectation is infinite, or its sum converges too slowly")
            return total + rest
        if steps in (_FAR // 4, _FAR // 2):
            marks.append(abs(term))
        if steps > _MOST_TERMS:
            raise NoRuleError(f"a sum over actions does not settle within {_MOST_TERMS} terms")
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
        raise NoRuleError("an expectation is infinite: its terms grow without end")
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
        raise NoRuleError(f"an expectation is infinite: the term at {place} is {value}")
    return value
