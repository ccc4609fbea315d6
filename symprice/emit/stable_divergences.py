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

__all__ = ["stable_digamma_sum", "stable_divergence_sum", "stable_trigamma_sum"]

_LOGARITHMS = (log, log_sigmoid, Log1p, LogNormalCdf)
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
    if len(total.args) < 2 or not total.has(*_LOGARITHMS, XLogY, XLog1py, exp, Expm1):
        return total
    if total.count_ops() > _LARGEST:  # no divergence is so large, and to look for one is slow
        return total
    opened = _opened(_apart(total))
    if not isinstance(opened, Add) or len(opened.args) > _LONGEST:
        return total
    for groups in (_by_logarithm(opened), _by_monomial(opened)):
        found = _single(opened, groups) or _pair(opened, groups)
        if found is not None:
            return stable_divergence_sum(found) if isinstance(found, Add) else found
    return _quotients(total)


def _apart(total: Any) -> Any:
    """Logarithms of quotients, and those with a factor, as plain logarithms."""
    plain = total.replace(LogRatio, lambda x, y: expand_log(log(x)) - expand_log(log(y)))
    plain = plain.replace(Expm1, lambda x: exp(x) - 1)
    plain = plain.replace(XLogY, lambda x, y: x * log(y))
    plain = plain.replace(log, lambda x: expand_log(log(x)) if x.is_Mul else log(x))
    return plain.replace(XLog1py, lambda x, y: x * Log1p(y))


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


def _base(logarithm: Any) -> Any:
    """What a logarithm is the logarithm of."""
    x = logarithm.args[0] if logarithm.args else logarithm
    if isinstance(logarithm, log):
        return x
    if isinstance(logarithm, Log1p):
        return 1 + x
    if isinstance(logarithm, log_sigmoid):
        return sigmoid(x)
    if isinstance(logarithm, LogNormalCdf):
        return normal_cdf(x)
    return exp(x)


def _other(x: Any, members: dict[Any, Any], m: Any) -> Any:
    """y = x exp(-m U) for U = Σ n log b."""
    return x * Mul(*(Pow(_base(f), -m * n) for f, n in members.items()))


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
                    return RelativeGap(x, y, _quotient(members, sign * m)) + left
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
                    RelativeGap(x, y, _quotient(first, Integer(m)))
                    + RelativeGap(z, t, _quotient(second, Integer(k)))
                    + left
                )
    return None


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


# --- logarithms of quotients ----------------------------------------------------------------------


def _quotient(members: dict[Any, Any], m: Any) -> Any:
    """m Σ n log b, with the logarithm of one quotient where some n are 1 and some -1."""
    return _with_quotient([(m * n, f) for f, n in members.items()])


def _with_quotient(terms: list[tuple[Any, Any]]) -> Any:
    plain = [(n, f) for n, f in terms if isinstance(f, log) and not f.args[0].has(exp)]
    sizes = {abs(n) for n, _ in plain}
    above = Mul(*(f.args[0] for n, f in plain if n.is_positive))
    below = Mul(*(f.args[0] for n, f in plain if n.is_negative))
    if len(sizes) != 1 or above.is_number or below.is_number:
        return Add(*(n * f for n, f in terms))
    rest = [n * f for n, f in terms if (n, f) not in plain]
    return sizes.pop() * LogRatio(above, below) + Add(*rest)


def _quotients(total: Any) -> Any:
    """log x - log y as the logarithm of a quotient, which is exact where it is close to 1."""
    for written in (total, _opened(total)):
        found = _grouped(written) if isinstance(written, Add) else None
        if found is not None:
            return found
    return total


def _grouped(total: Any) -> Any:
    """The sum with logarithms of quotients; None where no two logarithms have opposite weights."""
    groups: dict[Any, list[tuple[Any, Any]]] = {}
    rest = []
    for term in total.args:
        logs = [f for f in Mul.make_args(term) if isinstance(f, log) and f.free_symbols]
        if len(logs) != 1:
            rest.append(term)
            continue
        coefficient, weight = (term / logs[0]).as_coeff_Mul()
        groups.setdefault((abs(coefficient), weight), []).append((coefficient, logs[0]))
    if not any(len({n for n, _ in g}) == 2 for g in groups.values()):
        return None
    return Add(*rest, *(w * _with_quotient(g) for (_, w), g in groups.items()))
