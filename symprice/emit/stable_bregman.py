"""What is left of log Γ and log I₀ beyond a straight line, `F(y) - F(x) - (y - x) F'(x)`: of second
order in y - x, where each of its terms is large.

These rules see a sum before its parts are rewritten.
"""

from __future__ import annotations

from typing import Any

from sympy import (
    Add,
    EulerGamma,
    Mul,
    S,
    besseli,
    cos,
    exp,
    expand_log,
    expand_mul,
    gamma,
    log,
    loggamma,
    polygamma,
    sin,
)

from ..policy.bessel import BesselRatio
from .careful import CosineMean, ExponentialGap, LogRatio, TrigammaGap
from .careful_gaps import (
    ExponentialBend,
    Gap,
    LogBesselGap,
    LogGammaGap,
    LogRatioBy,
    StirlingGap,
)

__all__ = ["gap_of", "log_ratio_of", "stable_bregman_sum", "stable_slope_sum"]

_LONGEST = 60


def stable_bregman_sum(total: Any) -> Any:
    """`c (F(y) - F(x) - (y - x) F'(x))` as c times one function, for F = log Γ less its logarithms
    and for F = log I₀; and the divergence of two Weibull laws.

    Examples
    ========

    >>> from sympy import besseli, log
    >>> from sympy.abc import x, y
    >>> from symprice.emit.stable_bregman import stable_bregman_sum
    >>> from symprice.policy.bessel import BesselRatio
    >>> stable_bregman_sum(log(besseli(0, y)) - log(besseli(0, x)) - (y - x)*BesselRatio(1, x))
    LogBesselGap(x, y, Gap(y, x))
    """
    if not any(_concerns(factor) for term in total.args for factor in Mul.make_args(term)):
        return total
    total = Add(*map(_as_ratio, total.args)) if total.has(BesselRatio) else total
    if not isinstance(total, Add):
        return total
    opened = Add(
        *(expand_mul(t) if t.has(polygamma, BesselRatio, gamma) else t for t in total.args)
    )
    if not isinstance(opened, Add) or len(opened.args) > _LONGEST:
        return total
    found = _weibull(opened) or _bend(opened)
    if found is None:
        found = opened
        while (next_ := _bent(found)) is not None:
            found = next_
    return total if found == opened else found


def _concerns(factor: Any) -> bool:
    if isinstance(factor, log):
        return isinstance(factor.args[0], (gamma, besseli))
    return isinstance(factor, (loggamma, gamma, besseli, exp))


def _as_ratio(term: Any) -> Any:
    """I_n(x)/I₀(x) by its name, under which it cancels."""
    for f in Mul.make_args(term):
        below = besseli(0, f.args[1]) if isinstance(f, besseli) else None
        if below is not None and term.as_powers_dict().get(below) == -1:
            return term * below / f * BesselRatio(*f.args)
    return term


def log_ratio_of(above: Any, below: Any) -> Any:
    """The logarithm of a quotient, by the difference where sums in it are rounded."""
    if above.is_Add and below.is_Add and len(above.args) == len(below.args):
        return LogRatioBy(above, below, gap_of(above, below))
    gap = expand_mul(above - below)
    known = gap.is_number and not (above.is_number or below.is_number)
    return LogRatioBy(above, below, gap) if known else LogRatio(above, below)


def stable_slope_sum(total: Any) -> Any:
    """`c f(x) - d f(x)` as `(c - d) f(x)` for symbols c and d and special functions f, as in slopes
    of divergences; with `c f(x) cos u` by the half of u.

    Examples
    ========

    >>> from sympy import polygamma
    >>> from sympy.abc import c, d, x
    >>> from symprice.emit.stable_bregman import stable_slope_sum
    >>> stable_slope_sum(d*polygamma(1, x) - c*polygamma(1, x))
    Gap(d, c)*polygamma(1, x)
    """
    groups: dict[Any, list[Any]] = {}
    for term in total.args:
        sizes: list[Any] = []
        waves: list[Any] = []
        rest: list[Any] = []
        for f in Mul.make_args(term):
            size = f.is_Symbol or isinstance(f, exp)
            (sizes if size else waves if isinstance(f, cos) else rest).append(f)
        number, kind = Mul(*rest).as_coeff_Mul()
        if len(sizes) == 1 and len(waves) < 2 and kind.has(polygamma, CosineMean, TrigammaGap):
            sign = S.NegativeOne if number.is_negative else S.One
            groups.setdefault((kind, abs(number)), []).append((sign, sizes[0], waves, term))
    for (kind, number), members in groups.items():
        if len(members) == 2 and members[0][0] == -members[1][0]:
            (_, c, up, first), (_, d, down, second) = sorted(members, key=lambda m: -m[0])
            if c == d or (up and down):
                continue
            found = gap_of(c, d)
            found -= Add(*(2 * c * sin(u.args[0] / 2) ** 2 for u in up))
            found += Add(*(2 * d * sin(u.args[0] / 2) ** 2 for u in down))
            total = total - first - second + number * kind * found
    return total


def gap_of(y: Any, x: Any) -> Any:
    """y - x, of sums by the differences of their terms: each of them is exact where it is small."""
    if y.is_Add and x.is_Add and len(y.args) == len(x.args):
        pairs = zip(_by_name(y), _by_name(x), strict=True)
        return Add(*(gap_of(b, a) for b, a in pairs if b != a))
    if isinstance(y, exp) and isinstance(x, exp):
        return ExponentialGap(y.args[0], x.args[0], gap_of(y.args[0], x.args[0]))
    return Gap(y, x)


def _by_name(total: Any) -> list[Any]:
    return sorted(total.args, key=str)


def _bent(total: Any) -> Any:
    """The sum with one function more; None where there is none to find."""
    values: dict[Any, dict[Any, Any]] = {}
    for term in total.args:
        c, f = term.as_coeff_Mul()
        kind, x = _potential(f)
        if kind is not None:
            values.setdefault(kind, {})[x] = (c, f)
    for kind, members in values.items():
        for x, (c, f) in members.items():
            if not x.free_symbols:
                continue  # SymPy would write ψ of a whole number as a sum
            slope = polygamma(0, x) if kind is gamma else BesselRatio(1, x)
            for y, (k, g) in members.items():
                if k != -c or not total.has(slope):
                    continue
                left = total - c * f - k * g + expand_mul(k * (y - x) * slope)
                fewer = 3 if kind is gamma else 2
                if len(Add.make_args(left)) > max(len(total.args) - fewer, 1):
                    continue
                if kind is gamma:
                    lines = y * log(y) - y * log(x) + x - y
                    return left + expand_mul(k * lines) + k * StirlingGap(x, y, gap_of(y, x))
                return left + k * LogBesselGap(x, y, gap_of(y, x))
    return None


def _potential(f: Any) -> tuple[Any, Any]:
    """Which function a logarithm is of, and where; None of any other."""
    if isinstance(f, loggamma):
        return gamma, f.args[0]
    if isinstance(f, log) and isinstance(f.args[0], gamma):
        return gamma, f.args[0].args[0]
    if isinstance(f, log) and isinstance(f.args[0], besseli) and f.args[0].args[0] == 0:
        return besseli, f.args[0].args[1]
    return None, None


def _weibull(total: Any) -> Any:
    """`E - 1 - log E + log Γ(q) + γ (q - 1)` for E = Γ(1 + q) u as two functions of second order;
    None of any other sum.
    """
    for term in total.args:
        held = [f for f in Mul.make_args(term) if isinstance(f, gamma)]
        if len(held) != 1 or held[0].args[0].as_coeff_Add()[0] != 1:
            continue
        q = held[0].args[0] - 1
        c, u = (term / held[0]).as_coeff_Mul()
        above, below = q.as_numer_denom()
        slope = expand_mul(expand_log(log(u), force=True)) if u != 1 else S.Zero
        line = slope + expand_log(log(q), force=True) - EulerGamma * (q - 1)
        left = total - term + expand_mul(c * (1 + line))
        if len(Add.make_args(left)) > max(len(total.args) - 3 - len(Add.make_args(slope)), 1):
            continue
        rest = LogGammaGap(S.One, q, gap_of(above, below) / below)
        exponent = _folded(slope) + log(above) - log(below)
        exponent += rest - EulerGamma * gap_of(above, below) / below
        return left + c * (ExponentialBend(exponent) + rest)
    return None


def _bend(total: Any) -> Any:
    """`E - 1 - log E` of a product E with an exponential, as one function; None of other sums."""
    if total.as_coeff_Add()[0] == 0 or not total.has(log):
        return None
    for term in total.args:
        c, product = term.as_coeff_Mul()
        exponents = [f.args[0] for f in Mul.make_args(product) if isinstance(f, exp)]
        rest = Mul(*(f for f in Mul.make_args(product) if not isinstance(f, exp)))
        if len(exponents) != 1 or not rest.is_positive:
            continue
        slope = exponents[0] + expand_log(log(rest))
        left = total - term + expand_mul(c * (1 + slope))
        if len(Add.make_args(left)) <= max(len(total.args) - 2 - len(Add.make_args(slope)), 1):
            return left + c * ExponentialBend(slope)
    return None


def _folded(slope: Any) -> Any:
    """`k a - k b` as k (a - b), of logarithms and of symbols."""
    terms = Add.make_args(slope)
    if len(terms) != 2:
        return slope
    first, second = terms
    common = [f for f in Mul.make_args(first) if f in Mul.make_args(-second)]
    a, b = first / Mul(*common), -second / Mul(*common)
    if a.could_extract_minus_sign() and b.could_extract_minus_sign():
        a, b = -b, -a
    gap = a - b if a.has(log, exp) else gap_of(a, b)
    return Mul(*common, gap)
