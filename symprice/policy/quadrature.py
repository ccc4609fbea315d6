"""Integrals in mpmath: the peak of the integrand is found first, then the steps fit it.

No library's quadrature finds a peak of width 1e-3 at 1e6 by itself; it returns 0. With mpmath
nothing underflows, so that the peak is seen from afar.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import mpmath

from ..errors import NoRuleError
from ..timelimit import within

__all__ = [
    "NoQuadrature",
    "OutOfReach",
    "exponential",
    "over_half_line",
    "over_interval",
    "over_line",
    "size_of",
    "timed",
]

Integrand = Callable[[Any], Any]

# Halvings of the step of a quadrature, and how far out on the mapped line it goes.
_LEVELS, _FARTHEST, _DIVERGES = 8, 200, mpmath.mpf(10) ** 400
# Places on the line at which a peak is looked for, sinh(k/4) to either side, and its refinements.
_PLACES, _REFINEMENTS = 72, 40
# Beyond where an integrand falls below this it has no peak.
_ABYSS = mpmath.ldexp(1, -(10**40))
# exp(-2^k) is below that.
_HUGE = 140
_SECONDS = 20.0
_within_quadrature: ContextVar[bool] = ContextVar("within_quadrature", default=False)
_wants_sizes: ContextVar[bool] = ContextVar("wants_sizes", default=False)


class NoQuadrature(NoRuleError):
    """An integral or a sum has no number at a point: it is infinite there, or out of reach."""


class OutOfReach(NoQuadrature):
    """Whether an integral or a sum has a number at a point is not known."""


def exponential(x: Any) -> Any:
    """exp x; within a quadrature exp(-2^140) far beyond where a peak is looked for: of an argument
    with a million digits mpmath would compute as many of log 2.

    Examples
    ========

    >>> import mpmath
    >>> from symprice.policy.quadrature import exponential, timed
    >>> far = timed(lambda: exponential(-mpmath.mpf(10)**(10**7)))
    >>> 0 < far < mpmath.exp(-10**40), exponential(mpmath.mpf(0))
    (True, mpf('1.0'))
    """
    if _within_quadrature.get():
        real = mpmath.re(x)
        if real < 0 and mpmath.isfinite(real) and mpmath.mag(real) > _HUGE:
            return mpmath.exp(mpmath.ldexp(-1, _HUGE))
    return mpmath.exp(x)


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
    return timed(lambda: _peaked(f, _PLACES))


def over_half_line(f: Integrand) -> Any:
    """∫ f(d) over the distances d > 0 to an end, by the logarithm of the distance."""

    def inner(t: Any) -> Any:
        d = mpmath.exp(t)
        return f(d) * d

    return timed(lambda: _peaked(inner, 20))


def over_interval(left: Integrand, right: Integrand, length: Any) -> Any:
    """∫ f over an interval, f in the distance to its left end and to its right end: near an end
    neither loses digits.
    """

    def inner(t: Any) -> Any:
        u = mpmath.exp(-abs(t))
        near = length * u / (1 + u)
        return (left if t < 0 else right)(near) * near / (1 + u)

    return timed(lambda: _peaked(inner, 20))


def timed(compute: Callable[[], Any]) -> Any:
    """The number, in bounded time."""
    token = _within_quadrature.set(True)
    try:
        found = within(_SECONDS, compute)
    finally:
        _within_quadrature.reset(token)
    if found is None:
        raise OutOfReach(
            f"an expectation could not be computed within {_SECONDS:.0f} seconds: simulate it, "
            "with policy.sample(rng, n)"
        )
    return found


def size_of(compute: Callable[[], Any]) -> Any:
    """∫ |f| in place of the ∫ f that ``compute`` takes: what cancels in the latter counts.

    Examples
    ========

    >>> import mpmath
    >>> from symprice.policy.quadrature import over_line, size_of
    >>> odd = lambda x: x*mpmath.exp(-x**2)
    >>> abs(over_line(odd)) < 1e-12, mpmath.nstr(size_of(lambda: over_line(odd)), 3)
    (True, '1.0')
    """
    token = _wants_sizes.set(True)
    try:
        return compute()
    finally:
        _wants_sizes.reset(token)


# --- integrals ------------------------------------------------------------------------------------


def _peaked(f: Integrand, places: int) -> Any:
    """∫ f over the line with steps that fit the peak of |f|."""
    centre, width = _peak(f, places)
    digits = mpmath.mp.dps
    # Near a narrow peak far away, places differ in their last digits only.
    further = int(max(0, mpmath.log10(abs(centre) / width + 1)))
    with mpmath.workdps(digits + further):
        wanted = mpmath.mpf(10) ** (-digits // 2 - 2)
        growing = (_is_slow_side(f, centre, -width), _is_slow_side(f, centre, width))
        for left, right in dict.fromkeys((growing, (True, True))):
            stretched = _STRETCHES[left, right]

            def inner(u: Any, stretched: Any = stretched) -> Any:
                place, slope = stretched(u)
                return f(centre + width * place) * slope * width

            try:
                return _trapezoidal(inner, wanted)
            except NoQuadrature as error:
                failed = error
    raise failed


def _is_slow_side(f: Integrand, centre: Any, width: Any) -> bool:
    """Whether |f| falls no faster than an exponential beside the peak: its logarithm at most
    doubles with the distance.
    """
    top, near, far = (abs(f(centre + k * width)) for k in (0, 16, 32))
    if not (top and near and far) or near >= top or far >= near:
        return True
    return bool(mpmath.log(far / top) > 3 * mpmath.log(near / top))


def _double(u: Any) -> tuple[Any, Any]:
    """To both sides an algebraic tail becomes an exponential one, an exponential one a double."""
    grown = mpmath.exp(u)
    return (grown - 1 / grown) / 2, (grown + 1 / grown) / 2


def _to_the_right(u: Any) -> tuple[Any, Any]:
    """The same to the right alone; to the left places stay equally far apart."""
    grown = mpmath.exp(u)
    return (grown - 1 + u) / 2, (grown + 1) / 2


def _to_the_left(u: Any) -> tuple[Any, Any]:
    place, slope = _to_the_right(-u)
    return -place, slope


#: How far the places stretch to the left and to the right: no tail has to fall faster than double
#: exponentially, which would only take more of them.
_STRETCHES: dict[tuple[bool, bool], Callable[[Any], tuple[Any, Any]]] = {
    (True, True): _double,
    (True, False): _to_the_left,
    (False, True): _to_the_right,
    (False, False): lambda u: (u, 1),
}


def _peak(f: Integrand, places: int) -> tuple[Any, Any]:
    """Where |f| is largest, and how far from there it falls to a third."""
    right = _line(f, 1, places)
    left = _line(f, -1, places)
    line, heights = zip(*reversed(left), *right[1:], strict=True)
    k = max(range(len(line)), key=heights.__getitem__)
    if not heights[k]:
        return mpmath.mpf(0), mpmath.mpf(1)
    if k in (0, len(line) - 1):
        raise NoQuadrature("an expectation is infinite, or too large for quadrature")
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


def _line(f: Integrand, way: int, places: int) -> list[tuple[Any, Any]]:
    """Places to one side of 0 with |f| there, as far as f can come back."""
    found: list[tuple[Any, Any]] = []
    for k in range(places + 1):
        t = way * mpmath.sinh(mpmath.mpf(k) / 4)
        found.append((t, abs(f(t))))
        if len(found) > 1 and found[-1][1] < min(found[-2][1], _ABYSS):
            break
    return found


def _trapezoidal(f: Integrand, wanted: Any) -> Any:
    """Double exponential quadrature: for smooth integrands the digits double with each halving."""
    step, total, previous = mpmath.mpf(1) / 2, mpmath.mpf(0), None
    size, at_most = mpmath.mpf(0), mpmath.mpf(0)
    for level in range(_LEVELS):
        more, absolute = _level(f, step, level)
        total, size = total + more, size + absolute
        found, at_most = total * step, size * step
        if previous is not None and abs(found - previous) <= wanted * max(abs(found), at_most):
            return at_most if _wants_sizes.get() else found
        previous, step = found, step / 2
    raise OutOfReach(
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
                raise NoQuadrature("an expectation is infinite, or too large for quadrature")
            total, size = total + term, size + abs(term)
            small = small + 1 if abs(term) <= tiny * size and k * step > 2 else 0
            k += 1 if level == 0 else 2
        if small < 4:
            raise NoQuadrature("an expectation is infinite, or converges too slowly for quadrature")
    return total, size
