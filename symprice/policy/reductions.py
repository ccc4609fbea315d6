"""Laws that are a named family in another variable: found by the terms of log π.

`k log a - λ aᵐ` is a power of a Gamma variable (Rayleigh, Maxwell, chi, Nakagami), `s log(a + c)`
the exponential of an exponential one (Pareto, Lomax), and so on; expectations are then those of the
family. The constant of the law need not be looked at, because a law sums to one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sympy import Add, Interval, Range, S, exp, expand, expand_log, expand_power_base, log

from .counting import GeometricPolicy
from .gaussian import GaussianPolicy
from .positive import ExponentialPolicy, GammaPolicy
from .unit_interval import BetaPolicy

__all__ = ["Reduction", "reduced"]


class Reduction(NamedTuple):
    """A family, and the action as a function of that family's action."""

    family: Any
    image: Any


def reduced(law: Any, a: Any, support: Any) -> Reduction | None:
    """The family that a law is, in another variable; None where no rule knows one.

    Examples
    ========

    >>> from sympy import Interval, Symbol, log, oo
    >>> from symprice.policy.reductions import reduced
    >>> a, s = Symbol('a', positive=True), Symbol('s', positive=True)
    >>> reduced(log(a) - a**2/(2*s**2), a, Interval(0, oo))
    Reduction(family=GammaPolicy(1, 1/(2*s**2)), image=sqrt(a))
    """
    slopes: dict[Any, Any] = {}
    for term in Add.make_args(expand(expand_log(law, force=True))):
        slope, shape = term.as_independent(a, as_Add=False)
        if shape != 1:
            slopes[shape] = slopes.get(shape, S.Zero) + slope
    low, high = support.inf, support.sup
    for rule in _RULES:
        found = rule(slopes, a, support, low, high)
        if found is not None:
            return Reduction(*found)
    return None


def _gaussian(slopes: Any, a: Any, support: Any, low: Any, high: Any) -> Any:
    """-α a² + β a on the line."""
    if support != S.Reals or set(slopes) - {a, a**2} or a**2 not in slopes:
        return None
    precision = -2 * slopes[a**2]
    family = GaussianPolicy(slopes.get(a, S.Zero) / precision, variance=1 / precision)
    return family, family.action


def _gamma(slopes: Any, a: Any, support: Any, low: Any, high: Any) -> Any:
    """s log a - λ aᵐ on the positive numbers: aᵐ is Gamma."""
    powers = [shape for shape in slopes if shape.as_base_exp()[0] == a]
    if (low, high) != (0, S.Infinity) or len(powers) != 1 or not isinstance(support, Interval):
        return None
    if set(slopes) - {log(a), *powers}:
        return None
    m = powers[0].as_base_exp()[1]
    if not (m.is_positive or m.is_negative):
        return None
    family = GammaPolicy((slopes.get(log(a), S.Zero) + 1) / m, -slopes[powers[0]])
    return family, family.action ** (1 / m)


def _exponential_of(slopes: Any, a: Any, support: Any, low: Any, high: Any) -> Any:
    """s a - λ exp(c a) on the line: exp(c a) is Gamma (Gumbel, Moyal)."""
    towers = [shape for shape in slopes if isinstance(shape, exp)]
    if support != S.Reals or len(towers) != 1 or set(slopes) - {a, towers[0]}:
        return None
    c = towers[0].args[0].coeff(a)
    if expand(towers[0].args[0] - c * a) != 0 or not (c.is_positive or c.is_negative):
        return None
    family = GammaPolicy(slopes.get(a, S.Zero) / c, -slopes[towers[0]])
    return family, log(family.action) / c


def _pareto(slopes: Any, a: Any, support: Any, low: Any, high: Any) -> Any:
    """s log(a + c) from some end on: the logarithm of a + c is exponential."""
    if len(slopes) != 1 or high != S.Infinity or not isinstance(support, Interval):
        return None
    ((shape, slope),) = slopes.items()
    if not isinstance(shape, log) or low.is_infinite:
        return None
    inner = shape.args[0]
    scale = inner.diff(a)
    if scale.has(a) or not scale.is_positive:
        return None
    family = ExponentialPolicy(-slope - 1)
    end = low + (inner - scale * a) / scale
    return family, expand(end * exp(family.action) - (end - low))


def _beta(slopes: Any, a: Any, support: Any, low: Any, high: Any) -> Any:
    """s log a + q log(1-aᵐ) on the unit interval: aᵐ is Beta (Kumaraswamy)."""
    if (low, high) != (0, 1):
        return None
    m, scale, q = _of_power(slopes, a)
    if m is None or scale != -1 or not m.is_positive:
        return None
    family = BetaPolicy((slopes.get(log(a), S.Zero) + 1) / m, q + 1)
    return family, family.action ** (1 / m)


def _of_power(slopes: Any, a: Any) -> Any:
    """m, c and the slope q of the one term q log(1 + c aᵐ) beside that of log a; a factor of the
    logarithm's argument is a constant of the law.
    """
    rest = [shape for shape in slopes if shape != log(a)]
    if not rest and log(a) in slopes:
        return S.One, S.NegativeOne, S.Zero
    if len(rest) != 1 or not isinstance(rest[0], log):
        return None, None, None
    one, power = expand_power_base(rest[0].args[0], force=True).as_independent(a, as_Add=True)
    scale, power = power.as_independent(a, as_Add=False)
    base, m = power.as_base_exp()
    return (m, scale / one, slopes[rest[0]]) if one != 0 and base == a else (None, None, None)


def _beta_prime(slopes: Any, a: Any, support: Any, low: Any, high: Any) -> Any:
    """s log a + q log(1 + c aᵐ) on the positive numbers: with y = c aᵐ, y/(1+y) is Beta (Fisher's
    F, log-logistic, Dagum, Lomax).
    """
    if (low, high) != (0, S.Infinity) or not isinstance(support, Interval):
        return None
    m, scale, q = _of_power(slopes, a)
    if m is None or q == 0 or not (m.is_positive and scale.is_positive):
        return None
    first = (slopes.get(log(a), S.Zero) + 1) / m
    family = BetaPolicy(first, -q - first)
    y = family.action
    return family, scale ** (-1 / m) * y ** (1 / m) * (1 - y) ** (-1 / m)


def _geometric(slopes: Any, a: Any, support: Any, low: Any, high: Any) -> Any:
    """t a on the whole numbers from some number on."""
    if set(slopes) != {a} or high != S.Infinity or not low.is_Integer:
        return None
    if support not in (S.Naturals, S.Naturals0) and not isinstance(support, Range):
        return None
    family = GeometricPolicy(expand(1 - exp(slopes[a])))
    return family, family.action + low


_RULES = (_gaussian, _gamma, _exponential_of, _pareto, _beta, _beta_prime, _geometric)
