"""Whether an expectation is finite: how fast its integrand falls where the action is large."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from sympy import Add, Integer, Mul, Pow, S, Symbol, cancel, fraction, oo, together

from ..errors import PolicyError
from .factoring import work_of

__all__ = ["exponent_at_infinity", "margins", "require_finite"]

# So many terms of a quotient are brought over one denominator.
_WORK = 50_000


def margins(integrand: Any, a: Any, low: Any, high: Any) -> list[Any]:
    """What must be positive for the integral, or the sum, of an integrand that is a power of a
    large action: with `f ~ a^s` it is finite for `-1 - s > 0`; nothing where that is not known.

    Examples
    ========

    >>> from sympy import oo, symbols
    >>> from symprice.policy.tails import margins
    >>> a, nu = symbols('a nu', positive=True)
    >>> margins(a/(1 + a**2), a, -oo, oo), margins(a**2*(1 + a**2/nu)**(-nu/2 - 1), a, 0, oo)
    ([0], [nu - 1])
    """
    if low != -oo and high != oo:
        return []
    slope = exponent_at_infinity(integrand, a)
    return [] if slope is None else [-1 - slope]


def exponent_at_infinity(f: Any, a: Any) -> Any:
    """s where `f ~ a^s` for large actions of either sign; None where it is no power."""
    if not f.has(a):
        return S.Zero
    if f == a:
        return S.One
    if isinstance(f, Mul):
        total = S.Zero
        # Quotients last: a bell beside them says at once that it is no power.
        for factor in sorted(f.args, key=lambda x: bool(x.is_rational_function(a))):
            exponent = exponent_at_infinity(factor, a)
            if exponent is None:
                return None
            total += exponent
        return total.expand()
    if isinstance(f, Pow) and not f.exp.has(a):
        inner = exponent_at_infinity(f.base, a)
        return None if inner is None else (inner * f.exp).expand()
    if isinstance(f, Add) and f.is_rational_function(a) and _together(f) <= _WORK:
        above, below = fraction(cancel(together(f), a))
        return Integer(above.as_poly(a).degree() - below.as_poly(a).degree())
    return None


def _together(total: Any) -> int:
    """How many terms the denominator that a sum is brought over may have, times those above it."""
    return prod(work_of(fraction(term)[1]) for term in total.args) * work_of(total)


def require_finite(
    f: Any, weight: Any, a: Any, ends: tuple[Any, Any], check: Callable[[Any], Any]
) -> None:
    """Raise where E[f] is no number, as the mean of a Cauchy law; ``check`` gives a margin the
    values of the parameters.
    """
    for margin in margins(f * weight, a, *ends):
        value = check(margin)
        if value.is_nonpositive:
            shown = f.xreplace({a: Symbol("a")})
            raise PolicyError(
                f"asked for an expectation of {shown}, which is infinite or undefined: its "
                "integrand falls no faster than 1/a for large actions; write a reward that "
                "grows more slowly"
            )
