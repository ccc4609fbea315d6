"""Logarithms of quotients, which are exact where what is divided is close."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from sympy import Add, Mul, S, exp, expand_mul, log

from ..networks.activations import log_sigmoid, normal_cdf, sigmoid
from .careful import Log1p, LogNormalCdf
from .stable_bregman import log_ratio_of

__all__ = ["base_of", "grouped", "quotient"]


def base_of(logarithm: Any) -> Any:
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


def quotient(members: dict[Any, Any], m: Any) -> Any:
    """m Σ n log b, with the logarithm of one quotient where some n are 1 and some -1."""
    return _with_quotient([(m * n, f) for f, n in members.items()])


def _with_quotient(terms: list[tuple[Any, Any]]) -> Any:
    near_one, terms = _near_one(terms)
    plain = [(n, f) for n, f in terms if isinstance(f, log) and not f.args[0].has(exp)]
    sizes = {abs(n) for n, _ in plain}
    above = [f.args[0] for n, f in plain if n.is_positive]
    below = [f.args[0] for n, f in plain if n.is_negative]
    if len(sizes) != 1 or not (above and below):
        return Add(near_one, *(n * f for n, f in terms))
    rest = [n * f for n, f in terms if (n, f) not in plain]
    if len(above) == len(below):
        # One by one: products of close numbers are rounded.
        pairs = zip(*(sorted(side, key=_sum_last) for side in (above, below)), strict=True)
        quotients = Add(*(log_ratio_of(x, y) for x, y in pairs))
    else:
        quotients = log_ratio_of(Mul(*above), Mul(*below))
    return Add(near_one, *rest) + expand_mul(sizes.pop() * quotients)


def _sum_last(base: Any) -> tuple[bool, str]:
    return bool(base.is_Add), str(base)


def _near_one(terms: list[tuple[Any, Any]]) -> tuple[Any, list[tuple[Any, Any]]]:
    """log(1 + x) - log(1 + y) by x - y, and the terms that are left."""
    total, left = S.Zero, list(terms)
    for (n, f), (m, g) in combinations(terms, 2):
        kinds = {type(f), type(g)}
        if n != -m or Log1p not in kinds or not kinds <= {log, Log1p}:
            continue
        x, y = base_of(f), base_of(g)
        if len(kinds) == 2 and not expand_mul(x - y).is_number:
            continue
        if {(n, f), (m, g)} <= set(left):
            total += n * log_ratio_of(x, y)
            left = [term for term in left if term not in ((n, f), (m, g))]
    return total, left


def grouped(total: Any) -> Any:
    """The sum with logarithms of quotients; None where no two logarithms have opposite weights."""
    groups: dict[Any, list[tuple[Any, Any]]] = {}
    rest = []
    for term in total.args:
        logs = [f for f in Mul.make_args(term) if isinstance(f, (log, Log1p)) and f.free_symbols]
        if len(logs) != 1:
            rest.append(term)
            continue
        coefficient, weight = (term / logs[0]).as_coeff_Mul()
        groups.setdefault((abs(coefficient), weight), []).append((coefficient, logs[0]))
    if not any(len({n for n, _ in g}) == 2 for g in groups.values()):
        return None
    return Add(*rest, *(w * _with_quotient(g) for (_, w), g in groups.items()))
