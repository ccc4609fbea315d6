"""Entropies and divergences: sums of logarithms in which large terms, or equal ones, cancel.

`x log(x/y) + y - x` is second order in x - y: it is one function, `divergence`, wherever its terms
stand in a sum. Digamma functions and logarithms of gamma functions of large arguments are split
into logarithms, which cancel as symbols, and a small rest (Stirling's series).
"""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

from sympy import (
    Add,
    Integer,
    Mul,
    Pow,
    Rational,
    S,
    Symbol,
    cancel,
    default_sort_key,
    exp,
    expand_log,
    expand_mul,
    log,
    pi,
    polygamma,
)

from ..networks.activations import log_sigmoid, normal_cdf, sigmoid
from .careful import (
    DigammaRest,
    Expm1,
    Log1p,
    LogGamma,
    LogNormalCdf,
    LogRatio,
    RelativeGap,
    StirlingRest,
    TrigammaGap,
    XLog1py,
    XLogY,
)
from .careful_gaps import (
    LogRatioBy,
)
from .stable_bregman import log_ratio_of
from .stable_quotients import base_of, grouped, quotient

__all__ = ["stable_digamma_sum", "stable_divergence_sum", "stable_trigamma_sum"]

_LOGARITHMS = (log, log_sigmoid, Log1p, LogNormalCdf)
_RATIOS = (LogRatio, LogRatioBy)
_HALF = Rational(1, 2)
_LONGEST = 60
_APART = 1e-6  # a value beyond rounding
_LARGEST = 300


# --- digamma functions ----------------------------------------------------------------------------


def stable_digamma_sum(total: Any) -> Any:
    """ψ(u) as log u and a rest where logarithms stand beside it, log Γ(u) likewise; ψ(u) + 1/u as
    one function.
    """
    total = _shifted(total)
    held = [f for f in total.atoms(polygamma) if f.args[0] == 0 and f.args[1].free_symbols]
    if not (held or total.has(DigammaRest)):
        return total
    gammas = [f for f in total.atoms(LogGamma) if f.args[0].free_symbols]
    if not (gammas or len(held) > 1 or total.has(*_LOGARITHMS)):
        return total
    total = _apart(total)
    parts = {f: log(f.args[1]) + DigammaRest(f.args[1]) for f in held}
    for f in gammas:
        u = f.args[0]
        parts[f] = (u - _HALF) * log(u) - u + log(2 * pi) / 2 + StirlingRest(u)
    return _opened(total.xreplace(parts))


def _shifted(total: Any) -> Any:
    """ψ(u) + 1/u as ψ(1 + u): both are large where u is close to 0."""
    terms = {product: c for c, product in (term.as_coeff_Mul() for term in total.args)}
    for f in sorted(total.atoms(polygamma), key=default_sort_key):
        u = f.args[1]
        if f.args[0] != 0 or not u.is_positive or u.is_number:
            continue
        for product, c in list(terms.items()):
            share, other = (product / f / u).as_coeff_Mul()
            if f in Mul.make_args(product) and terms.get(other) == c * share:
                del terms[product], terms[other]
                joined = product / f * polygamma(0, 1 + u)
                terms[joined] = terms.get(joined, S.Zero) + c
    return Add(*(Mul(c, product) for product, c in terms.items()))


def stable_trigamma_sum(total: Any) -> Any:
    """ψ'(x) - ψ'(x + d) as one function, which is small where d is."""
    terms = {product: c for c, product in (term.as_coeff_Mul() for term in total.args)}
    held = sorted((f for f in total.atoms(polygamma) if f.args[0] == 1), key=default_sort_key)
    for f, g in permutations(held, 2):
        d = g.args[1] - f.args[1]
        if not d.is_positive:
            continue
        for product, c in list(terms.items()):
            other = product / f * g
            if f in Mul.make_args(product) and terms.get(other) == -c:
                del terms[product], terms[other]
                joined = product / f * TrigammaGap(f.args[1], d)
                terms[joined] = terms.get(joined, S.Zero) + c
    return Add(*(Mul(c, product) for product, c in terms.items()))


# --- divergences ----------------------------------------------------------------------------------


def stable_divergence_sum(total: Any) -> Any:
    """A sum with the terms of `x log(x/y) + y - x` taken together, and logarithms of quotients."""
    if len(total.args) < 2 or not total.has(*_LOGARITHMS, *_RATIOS, XLogY, XLog1py, exp, Expm1):
        return total
    if total.count_ops() > _LARGEST:  # no divergence is so large, and to look for one is slow
        return total
    opened = _opened(_apart(total))
    if not isinstance(opened, Add) or len(opened.args) > _LONGEST:
        return total
    opened = Add(*map(_joined, opened.args))
    for groups in (_by_logarithm(opened), _by_monomial(opened)):
        found = _single(opened, groups) or _pair(opened, groups) or _together(opened, groups)
        if found is not None:
            return stable_divergence_sum(found) if isinstance(found, Add) else found
    return _quotients(total)


def _apart(total: Any) -> Any:
    """Logarithms of quotients, and those with a factor, as plain logarithms."""
    plain = total
    for kind in _RATIOS:
        plain = plain.replace(kind, lambda x, y, *_: _plain_log(x) - _plain_log(y))
    plain = plain.replace(Expm1, lambda x: exp(x) - 1)
    plain = plain.replace(XLogY, lambda x, y: x * log(y))
    plain = plain.replace(log, lambda x: expand_log(log(x)) if x.is_Mul else log(x))
    return plain.replace(XLog1py, lambda x, y: x * Log1p(y))


def _plain_log(x: Any) -> Any:
    constant, rest = x.as_coeff_Add()
    return Log1p(rest) if constant == 1 and rest != 0 else expand_log(log(x))


def _opened(total: Any) -> Any:
    """The sum with products of sums multiplied out where a logarithm is a factor, and only there:
    a square of a difference keeps its digits.
    """
    kinds = (*_LOGARITHMS, DigammaRest, StirlingRest, LogGamma)
    return Add(
        *(
            expand_mul(term) if term.has(*kinds) or _is_linear_product(term) else term
            for term in Add.make_args(total)
        )
    )


def _is_linear_product(term: Any) -> bool:
    """Whether a term is a product with a plain sum and nothing squared."""
    return not any(f.is_Pow and f.base.is_Add and f.exp.is_positive for f in Mul.make_args(term))


def _atoms(total: Any) -> list[Any]:
    """What stands for logarithms: logarithms, and the symbols in exponents."""
    logs = {f for f in total.atoms(*_LOGARITHMS) if f.free_symbols}
    for f in total.atoms(exp):
        logs |= {s for s in f.args[0].free_symbols if isinstance(s, Symbol)}
    return sorted(logs, key=default_sort_key)


Groups = list[tuple[Any, dict[Any, Any]]]


def _by_logarithm(total: Any) -> Groups:
    """Pairs of a weight and the numbers of logarithms with it, by the whole weight of each."""
    found: Groups = []
    for f in _atoms(total):
        weight = total.coeff(f)
        if weight == 0 or weight.has(*_LOGARITHMS):
            continue
        _put(found, weight, f, S.One)
    return found


def _by_monomial(total: Any) -> Groups:
    """The same with each term by itself."""
    atoms = set(_atoms(total))
    found: Groups = []
    for term in total.args:
        logs = [f for f in Mul.make_args(term) if f in atoms]
        if len(logs) == 1:
            coefficient, monomial = (term / logs[0]).as_coeff_Mul()
            if not monomial.has(*_LOGARITHMS):
                _put(found, monomial, logs[0], coefficient)
    return found


def _put(groups: Groups, weight: Any, logarithm: Any, times: Any) -> None:
    for known, members in groups:
        ratio = cancel(weight / known)
        if ratio.is_Rational:
            members[logarithm] = members.get(logarithm, S.Zero) + ratio * times
            return
    groups.append((weight, {logarithm: times}))


def _other(x: Any, members: dict[Any, Any], m: Any) -> Any:
    """y = x exp(-m U) for U = Σ n log b."""
    return _joined(x * Mul(*(Pow(base_of(f), -m * n) for f, n in members.items())))


def _joined(product: Any) -> Any:
    """A product with one exponential in it."""
    exponents = [f.args[0] for f in Mul.make_args(product) if isinstance(f, exp)]
    rest = (f for f in Mul.make_args(product) if not isinstance(f, exp))
    return Mul(*rest, exp(expand_mul(Add(*exponents)))) if exponents else product


def _length(expr: Any) -> int:
    return 0 if expr == 0 else len(Add.make_args(expr))


def _single(total: Any, groups: Groups) -> Any:
    """One divergence whose y - x stands in the sum."""
    for weight, members in groups:
        if len(members) < 2:
            continue
        gap = Add(*(n * f for f, n in members.items()))
        rest = total - expand_mul(weight * gap)
        for m in (S.One, Integer(2), _HALF):
            # W U or, with the signs turned, (-W) (-U).
            for sign in (1, -1):
                x = sign * weight / m
                if x.could_extract_minus_sign():
                    continue
                y = _other(x, members, sign * m)
                more, less = expand_mul(y), expand_mul(x)
                left = rest - more + less
                if _length(left) <= _length(rest) - _length(more) - _length(less):
                    return RelativeGap(x, y, quotient(members, sign * m)) + left
        found = _below_one(rest, weight, members)
        if found is not None:
            return found
    return None


def _below_one(rest: Any, weight: Any, members: dict[Any, Any]) -> Any:
    """log b - log (b + 1) + 1/(b + 1): a divergence whose y - x is one quotient."""
    logs = sorted(members.items(), key=lambda member: member[1])
    kinds = all(isinstance(f, (log, Log1p)) for f, _ in logs)
    if not kinds or [n for _, n in logs] != [S.NegativeOne, S.One]:
        return None
    above, below = base_of(logs[0][0]), base_of(logs[1][0])
    step = expand_mul(above - below)
    if not step.is_number or not step.is_positive:
        return None
    for y, gap, sign in ((above / below, step / below, 1), (below / above, -step / above, -1)):
        # ±w (log(1/y) + y - 1).
        left = rest - expand_mul(sign * weight * gap)
        if _length(left) < _length(rest):
            return sign * weight * RelativeGap(S.One, y, sign * log_ratio_of(below, above)) + left
    return None


def _pair(total: Any, groups: Groups) -> Any:
    """Two divergences whose y - x cancel, as those of the probabilities p and 1 - p."""
    usable = [(w, members) for w, members in groups if len(members) > 1]
    for (w, first), (v, second) in combinations(usable, 2):
        for m in (1, -1):
            for k in (1, -1):
                x, z = m * w, k * v
                y, t = _other(x, first, Integer(m)), _other(z, second, Integer(k))
                if not _vanishes(y + t - x - z):
                    continue
                gaps = [Add(*(n * f for f, n in g.items())) for g in (first, second)]
                left = total - expand_mul(w * gaps[0]) - expand_mul(v * gaps[1])
                return (
                    RelativeGap(x, y, quotient(first, Integer(m)))
                    + RelativeGap(z, t, quotient(second, Integer(k)))
                    + left
                )
    return None


def _together(total: Any, groups: Groups) -> Any:
    """Several divergences whose y - x cancel, as those of all the shares of a Dirichlet law."""
    usable = [(w, members) for w, members in groups if len(members) > 1]
    others = [(w, _other(w, members, S.One), members) for w, members in usable]
    if len(others) < 3 or not _vanishes(Add(*(y - x for x, y, _ in others))):
        return None
    lines = (expand_mul(x * Add(*(n * f for f, n in g.items()))) for x, _, g in others)
    gaps = (RelativeGap(x, y, quotient(g, S.One)) for x, y, g in others)
    return total - Add(*lines) + Add(*gaps)


def _vanishes(expr: Any) -> bool:
    """Whether an expression is 0 by algebra, with σ(-x) = 1 - σ(x)."""
    turned = {
        f: 1 - f.func(-f.args[0])
        for f in expr.atoms(sigmoid, normal_cdf)
        if f.args[0].could_extract_minus_sign()
    }
    plain = expr.xreplace(turned)
    return not _differs(plain) and bool(cancel(plain) == 0)


def _differs(expr: Any) -> bool:
    """Whether an expression is certainly not 0, which a point often tells sooner than algebra."""
    symbols = sorted(expr.free_symbols, key=str)
    point = {s: Rational(5 + 3 * k, 11 + 4 * k) for k, s in enumerate(symbols)}
    try:
        value = expr.xreplace(point).evalf(15)
    except (TypeError, ValueError, ArithmeticError, NotImplementedError):
        return False
    return bool(value.is_number and value.is_comparable and abs(value) > _APART)


def _quotients(total: Any) -> Any:
    """log x - log y as the logarithm of a quotient, which is exact where it is close to 1."""
    for written in (total, _opened(total)):
        found = grouped(written) if isinstance(written, Add) else None
        if found is not None:
            return found
    return total
