"""Logarithms of ratios of probabilities that may be close: each difference of two logarithms is one
function of both arguments, and so is what is left of an exponential without its first two terms.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Integer, Mul, S, default_sort_key, exp, expand_mul

from ..networks.activations import log_sigmoid
from ..networks.logits import LogSoftmaxEntry, SoftmaxEntry
from .careful import (
    EntryOf,
    Expm1,
    LogNormalCdf,
    RelativeGap,
    ScaledLogSigmoid,
)
from .careful_gaps import (
    ExponentialBend,
    GeometricGap,
    LogExpitRatio,
    LogNormalCdfRatio,
    LogSoftmaxRatios,
    ScaledLogExpitRatio,
)

__all__ = [
    "log_ratios",
    "stable_bend_sum",
    "stable_geometric_sum",
    "stable_softmax_sum",
    "with_ratios",
    "with_scaled_ratio",
]

_RATIOS = {log_sigmoid: LogExpitRatio, LogNormalCdf: LogNormalCdfRatio}
_LONGEST = 200


def stable_softmax_sum(total: Any) -> Any:
    """`Σ_k π_k log(π_k/π'_k)` as a sum of divergences, none of them negative."""
    for ratios in sorted(total.atoms(LogSoftmaxRatios), key=default_sort_key):
        half = len(ratios.args) // 2
        z, y = ratios.args[:half], ratios.args[half:]
        for sign, here, there in ((S.One, z, y), (S.NegativeOne, y, z)):
            total = _with_divergences(total, ratios, sign, here, there)
    return total


def _with_divergences(total: Any, ratios: Any, sign: Any, here: Any, there: Any) -> Any:
    """`Σ_k π_k log(π_k/π'_k)` as `Σ_k (π_k log(π_k/π'_k) + π'_k - π_k)`, up to a factor."""
    terms = _coefficients(total)
    places = range(1, len(here) + 1)
    products = [SoftmaxEntry(k, *here) * EntryOf(ratios, Integer(k - 1)) for k in places]
    for product, c in terms.items():
        weight = product / products[0]
        if weight.has(SoftmaxEntry, LogSoftmaxRatios):
            continue
        if all(terms.get(weight * other) == c for other in products):
            gaps = (
                RelativeGap(
                    SoftmaxEntry(k, *here),
                    SoftmaxEntry(k, *there),
                    sign * EntryOf(ratios, Integer(k - 1)),
                )
                for k in places
            )
            left = total - Add(*(c * weight * other for other in products))
            return left + sign * c * weight * Add(*gaps)
    return total


def _coefficients(total: Any) -> dict[Any, Any]:
    return {product: c for c, product in (term.as_coeff_Mul() for term in Add.make_args(total))}


def log_ratios(total: Any) -> Any:
    """A sum with every `c log π_k - c log π'_k` as one term."""
    if not total.has(LogSoftmaxEntry) or len(Add.make_args(total)) > _LONGEST:
        return total
    terms = _coefficients(total)
    for product in sorted((p for p in terms if p.has(LogSoftmaxEntry)), key=default_sort_key):
        own = [f for f in Mul.make_args(product) if isinstance(f, LogSoftmaxEntry)]
        if len(own) != 1 or product not in terms:
            continue
        k, *z = own[0].args
        rest, c = product / own[0], terms[product]
        for other in list(terms):
            partner = other / rest
            if (
                isinstance(partner, LogSoftmaxEntry)
                and partner.args[0] == k
                and len(partner.args) == len(own[0].args)
                and terms[other] == -c
            ):
                del terms[product], terms[other]
                # In a fixed order, so that there is one vector for all of a formula.
                joined = rest * EntryOf(LogSoftmaxRatios(*z, *partner.args[1:]), k - 1)
                terms[joined] = terms.get(joined, S.Zero) + c
                break
    return Add(*(Mul(c, product) for product, c in terms.items()))


def stable_bend_sum(total: Any) -> Any:
    """`c (exp(u) - 1) - c u` as c times one function, which is of the order of u²; and with it
    `c exp(u) - c u` as that and c.

    Examples
    ========

    >>> from sympy.abc import x, y
    >>> from symprice.emit.careful import Expm1
    >>> from symprice.emit.stable_ratios import stable_bend_sum
    >>> stable_bend_sum(3*Expm1(x - y) + 3*y - 3*x)
    3*ExponentialBend(x - y)
    """
    for term in total.args:
        factors = Mul.make_args(term)
        for factor in factors:
            if isinstance(factor, Expm1):
                choices = [(factor.args[0], S.Zero)]
            elif isinstance(factor, exp):
                choices = [(u, S.One) for u in _exponents(factor.args[0], total)]
            else:
                continue
            for u, constant in choices:
                c = term / (factor if constant == 0 else exp(u))
                left = expand_mul(total - term + c * u)
                if _length(left) <= len(total.args) - 1 - _length(u):
                    found = left + c * constant + c * ExponentialBend(u)
                    return stable_bend_sum(found) if isinstance(found, Add) else found
    return total


def stable_geometric_sum(total: Any) -> Any:
    """`c (e^x log σ(x) - e^x log σ(y))` as c times one function, which does not overflow; with
    `c (log σ(-x) - log σ(-y))` as a divergence.
    """
    terms = _coefficients(total)
    for product, c in terms.items():
        for f in Mul.make_args(product):
            if not isinstance(f, ScaledLogSigmoid):
                continue
            x, rest = f.args[0], product / f
            for other in [p for p in terms if p.has(log_sigmoid) and terms[p] == -c]:
                partner = other / rest / exp(x)
                if not isinstance(partner, log_sigmoid):
                    continue
                y = partner.args[0]
                left = total - c * product + c * other
                more = {rest * log_sigmoid(-x): c, rest * log_sigmoid(-y): -c}
                if all(terms.get(key) == value for key, value in more.items()):
                    left -= Add(*(value * key for key, value in more.items()))
                    return left + c * rest * GeometricGap(x, y)
                return left + c * rest * ScaledLogExpitRatio(x, y)
    return total


def with_scaled_ratio(product: Any) -> Any:
    """`e^x log(σ(x)/σ(y))` as one function, which does not overflow."""
    factors = Mul.make_args(product)
    for f in factors:
        if isinstance(f, LogExpitRatio) and exp(f.args[0]) in factors:
            return product / f / exp(f.args[0]) * ScaledLogExpitRatio(*f.args)
    return product


def _exponents(exponent: Any, total: Any) -> list[Any]:
    """The exponent, and its terms that hold another exponential: `exp(x - D exp(-s))`."""
    terms = Add.make_args(exponent)
    parts = [t for t in terms if t.has(exp) or len(terms) == 1]
    return [u for u in dict.fromkeys((exponent, *parts)) if not u.is_number]


def _length(total: Any) -> int:
    return 0 if total == 0 else len(Add.make_args(total))


def with_ratios(total: Any) -> Any:
    """A sum with each `c log σ(x) - c log σ(y)` as one function of x and y, and of Φ likewise.

    Examples
    ========

    >>> from sympy.abc import x, y
    >>> from symprice.networks.activations import log_sigmoid
    >>> from symprice.emit.stable_ratios import with_ratios
    >>> with_ratios(1 + 2*log_sigmoid(x) - 2*log_sigmoid(y))
    2*LogExpitRatio(x, y) + 1
    """
    terms = _coefficients(total)
    groups: dict[Any, list[Any]] = {}
    for product in sorted((p for p in terms if p.has(*_RATIOS)), key=default_sort_key):
        own = [f for f in Mul.make_args(product) if isinstance(f, tuple(_RATIOS))]
        if len(own) == 1:
            key = type(own[0]), product / own[0], abs(terms[product])
            groups.setdefault(key, []).append(own[0])
    for (kind, rest, weight), members in groups.items():
        above = [f.args[0] for f in members if terms[rest * f] == weight]
        below = [f.args[0] for f in members if terms[rest * f] == -weight]
        for x in above if below else ():
            # Not σ(x)/σ(-x): in a difference of log-odds, x and y are close.
            y = next((y for y in below if y != -x), None)
            if y is None:
                continue
            below.remove(y)
            del terms[rest * kind(x)], terms[rest * kind(y)]
            joined = rest * _RATIOS[kind](x, y)
            terms[joined] = terms.get(joined, S.Zero) + weight
    return Add(*(Mul(c, product) for product, c in terms.items()))
