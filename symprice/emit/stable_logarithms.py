"""Logarithms that keep their digits: of probabilities, of what is close to 1, of what overflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Add, Mul, Pow, S, besseli, cosh, exp, log, tanh

from ..networks.activations import log_sigmoid, normal_cdf, sigmoid, softplus
from ..networks.logits import LogSoftmaxEntry, SoftmaxEntry, logsumexp
from .careful import Expm1, Log1mExp, Log1p, LogNormalCdf, LogSech2
from .stable_bessel import log_of_bessel
from .stable_gammas import GAMMAS, log_of_gamma
from .stable_products import exponents_of_sum, stable_product

__all__ = ["stable_exponential", "stable_logarithm"]

Meaning = Callable[[Any], Any]

# The logarithm of a positive function, by its arguments.
_LOGARITHMS: dict[type, Callable[..., Any]] = {
    sigmoid: log_sigmoid,
    SoftmaxEntry: LogSoftmaxEntry,
    normal_cdf: LogNormalCdf,
    exp: lambda x: x,
    cosh: lambda x: -LogSech2(x) / 2,
}


def stable_logarithm(expr: Any, meaning: Meaning) -> Any:
    """log(u) for what u means; unchanged where no rule knows better."""
    found = _logarithm(meaning(expr.args[0]), meaning)
    return expr if found is None else found


def stable_exponential(expr: Any) -> Any:
    """exp(log σ(x)) = σ(x), exp(z_i - logsumexp(z)) = π_i."""
    exponent = expr.args[0]
    if isinstance(exponent, log_sigmoid):
        return sigmoid(*exponent.args)
    if isinstance(exponent, LogSoftmaxEntry):
        return SoftmaxEntry(*exponent.args)
    return stable_product(expr)


def _logarithm(argument: Any, meaning: Meaning) -> Any:
    if isinstance(argument, GAMMAS):
        return log_of_gamma(argument)
    if isinstance(argument, besseli):
        return log_of_bessel(argument)
    if type(argument) in _LOGARITHMS:
        return _LOGARITHMS[type(argument)](*argument.args)
    if isinstance(argument, (Mul, Pow)):
        return _of_product(argument, meaning)
    if isinstance(argument, Add):
        return _of_sum(argument, meaning)
    return None


def _of_product(product: Any, meaning: Meaning) -> Any:
    """log(c σ(x)ⁿ …) = log(c) + n log σ(x) + …, for the factors whose logarithm is known."""
    special = _of_special_product(product, meaning)
    if special is not None:
        return special
    known, unknown = [], []
    for factor in Mul.make_args(product):
        base, exponent = (factor, S.One) if isinstance(factor, exp) else factor.as_base_exp()
        value, found = meaning(base), None
        if isinstance(value, (*_LOGARITHMS, *GAMMAS)) or exponents_of_sum(value) is not None:
            found = _logarithm(value, meaning)
        if found is None:
            unknown.append(factor)
        else:
            known.append(exponent * found)
    if not known:
        return None
    rest = Mul(*unknown)
    if rest.is_number and not rest.is_positive:
        return None
    return Add(*known, log(rest) if rest.is_number else stable_logarithm(log(rest), meaning))


def _of_special_product(product: Any, meaning: Meaning) -> Any:
    """log(1 - tanh²), which is `4 σ(2x) σ(-2x)` by now, and log(1 - exp(x)), which is -expm1(x)."""
    scale, rest = product.as_coeff_Mul()
    if scale == -1 and isinstance(rest, Expm1):
        return Log1mExp(rest.args[0])
    powers = [factor.as_base_exp() for factor in Mul.make_args(rest)]
    if len(powers) == 2 and all(isinstance(base, sigmoid) for base, _ in powers):
        (first, n), (second, m) = powers
        if n == m and scale == 4**n and first.args[0] == -second.args[0]:
            x = first.args[0] / 2
            return n * LogSech2(-x if x.could_extract_minus_sign() else x)
    return None


def _of_sum(total: Any, meaning: Meaning) -> Any:
    constant, rest = total.as_coeff_Add()
    terms = exponents_of_sum(total)
    if terms is not None:
        if constant == 1 and len(terms) == 2:
            (c, u), _ = terms
            return softplus(u + log(c))
        return logsumexp(*(u + log(c) for c, u in terms))
    entries = _entries(total)
    if entries is not None:
        scale, inside, outside = entries
        if not outside:
            return log(scale)
        return log(scale) + log_sigmoid(logsumexp(*inside) - logsumexp(*outside))
    if constant != 1:
        return None
    tangent = _square_of_tanh(-rest, meaning)
    return Log1p(rest) if tangent is None else LogSech2(tangent)


def _entries(total: Any) -> tuple[Any, list[Any], list[Any]] | None:
    """c (π_i + π_j + …) as c, the logits in the sum, and the others."""
    pairs = [term.as_coeff_Mul() for term in total.args]
    scale, first = pairs[0]
    if not scale.is_positive or not isinstance(first, SoftmaxEntry):
        return None
    if any(
        c != scale or not isinstance(p, SoftmaxEntry) or p.logits != first.logits for c, p in pairs
    ):
        return None
    inside = [int(p.index) for _, p in pairs]
    logits = list(enumerate(first.logits, start=1))
    return scale, [z for i, z in logits if i in inside], [z for i, z in logits if i not in inside]


def _square_of_tanh(expr: Any, meaning: Meaning) -> Any:
    """u where the expression is the square of a name for tanh(u)."""
    base, exponent = expr.as_base_exp()
    value = meaning(base)
    return value.args[0] if exponent == 2 and isinstance(value, tanh) else None
