"""Factorials and gamma functions: through their logarithms, and those in sums that do not cancel.

`a log λ - λ - log a!` is -8 where each of its terms is 10⁷. It is written as `log_poisson(a, λ)`
(C. Loader, Fast and accurate computation of binomial probabilities, 2000), and what multinomial
coefficients make with logarithms of probabilities as `log_binomial`, of which Beta, binomial and
negative binomial laws are cases.
"""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

from sympy import (
    Abs,
    Add,
    Mul,
    Pow,
    S,
    Symbol,
    beta,
    binomial,
    exp,
    expand,
    expand_log,
    expand_mul,
    factorial,
    gamma,
    log,
    sign,
)

from ..networks.activations import log_sigmoid, normal_cdf, sigmoid
from .careful import Log1p, LogBinomial, LogGamma, LogNormalCdf, LogPoisson

__all__ = ["GAMMAS", "log_of_gamma", "over_tails", "stable_gamma_product", "stable_gamma_sum"]

# Functions whose values overflow long before their logarithms do.
GAMMAS = (gamma, factorial, binomial, beta)
_LOGARITHMS = (log, log_sigmoid, Log1p, LogNormalCdf)


def log_of_gamma(function: Any) -> Any:
    """The logarithm of a gamma function, a factorial, a binomial coefficient or a beta function."""
    x = function.args
    if isinstance(function, gamma):
        return LogGamma(x[0])
    if isinstance(function, factorial):
        return LogGamma(x[0] + 1)
    if isinstance(function, binomial):
        return LogGamma(x[0] + 1) - LogGamma(x[1] + 1) - LogGamma(x[0] - x[1] + 1)
    return LogGamma(x[0]) + LogGamma(x[1]) - LogGamma(x[0] + x[1])


# --- products -------------------------------------------------------------------------------------


def over_tails(product: Any) -> Any:
    """A sum of exponentials over Φ(x)ⁿ, term by term: both may be 0; None of any other product."""
    factors = Mul.make_args(product)
    tails = [f for f in factors if isinstance(f.as_base_exp()[0], normal_cdf) and f.is_Pow]
    sums = [f for f in factors if isinstance(f, Add) and all(map(_has_exponential, f.args))]
    if len(sums) != 1 or not tails or not all(f.exp.is_negative for f in tails):
        return None
    rest = Mul(*(f for f in factors if f not in (*tails, *sums)))
    terms = (Mul(term, *tails) for term in sums[0].args)
    return Mul(rest, Add(*terms)) if rest.free_symbols else Add(*(rest * t for t in terms))


def _has_exponential(term: Any) -> bool:
    return any(isinstance(f, exp) for f in Mul.make_args(term))


def stable_gamma_product(expr: Any) -> Any:
    """A product of gamma functions and powers as the exponential of a sum of logarithms; None
    where nothing in it can overflow.
    """
    factors = [(_power(factor), factor) for factor in Mul.make_args(expr)]
    raised = [base for (base, exponent), _ in factors if exponent.free_symbols]
    careful = any(_is_gamma_function(*power) for power, _ in factors)
    # exp(-x²)/Φ(-x) is no 0/0.
    over_tails = any(base is S.Exp1 for (base, _), _ in factors) and any(
        _is_tail(*power) for power, _ in factors
    )
    several = len(raised) > 1 and any(base.is_positive and base != S.Exp1 for base in raised)
    if not (careful or several or over_tails or any(_is_close_to_one(base) for base in raised)):
        return None
    total, outside = S.Zero, []
    for (base, exponent), factor in factors:
        if base is S.Exp1:
            total += exponent
        elif _is_gamma_function(base, exponent):
            total += exponent * log_of_gamma(base)
        elif over_tails and _is_tail(base, exponent):
            total += exponent * _log(base)
        elif not exponent.free_symbols or base.is_number:
            outside.append(factor)
        elif _is_positive(base) or _is_close_to_one(base):
            total += exponent * _log(base)
        elif careful or several:
            total += exponent * log(Abs(base))
            outside.append(Pow(sign(base), exponent))
        else:
            outside.append(factor)
    return Mul(*outside, exp(total))


def _is_gamma_function(base: Any, exponent: Any) -> bool:
    return bool(isinstance(base, GAMMAS) and base.free_symbols and exponent.is_number)


def _is_tail(base: Any, exponent: Any) -> bool:
    """Whether a factor is one over a normal tail."""
    return bool(isinstance(base, normal_cdf) and exponent.is_number and exponent.is_negative)


def _is_close_to_one(base: Any) -> bool:
    """Whether a base may be so close to 1 that a power of it loses digits."""
    if isinstance(base, (sigmoid, normal_cdf)):
        return True
    return bool(isinstance(base, Add) and base.as_coeff_Add()[0] == 1 and len(base.args) == 2)


def _power(factor: Any) -> tuple[Any, Any]:
    if isinstance(factor, exp):
        return S.Exp1, factor.args[0]
    if factor.is_Pow and isinstance(factor.base, exp):
        return S.Exp1, factor.base.args[0] * factor.exp
    return (factor.base, factor.exp) if factor.is_Pow else (factor, S.One)


def _is_positive(base: Any) -> bool:
    return bool(base.is_positive or isinstance(base, (sigmoid, normal_cdf)))


def _log(base: Any) -> Any:
    if isinstance(base, sigmoid):
        return log_sigmoid(*base.args)
    if isinstance(base, normal_cdf):
        return LogNormalCdf(*base.args)
    if isinstance(base, Add) and base.as_coeff_Add()[0] == 1:
        return Log1p(base - 1)
    return expand_log(log(base)) if base.is_Mul or base.is_Pow else log(base)


# --- sums -----------------------------------------------------------------------------------------


def stable_gamma_sum(total: Any) -> Any:
    """A sum with logarithms of gamma functions, those that cancel taken together; of a ratio of two
    laws both.
    """
    while isinstance(total, Add):
        found = _one_law(total)
        if found is None and (turned := _one_law(-total)) is not None:
            found = -turned
        if found is None:
            break
        total = found
    return total


def _one_law(total: Any) -> Any:
    """The sum with the logarithm of one law in it by name; None where there is no other."""
    terms = {f: c for c, f in _gammas(total)}
    above = [f for f, c in terms.items() if c == 1]
    below = [f for f, c in terms.items() if c == -1]
    if not below:
        return None
    rest = expand_mul(Add(*(t for t in total.args if not _is_gamma(t))))
    for high in above:
        for pair in combinations(below, 2):
            found = _binomial_of(high, pair, rest)
            if found is not None:
                used = {high, *pair}
                left = Add(
                    *(t for t in total.args if _is_gamma(t) and t.as_coeff_Mul()[1] not in used)
                )
                return found + left
    for low in below:
        found = _poisson_of(low, rest)
        if found is not None:
            left = Add(*(t for t in total.args if _is_gamma(t) and t.as_coeff_Mul()[1] != low))
            return found + left
    return None


def _is_gamma(term: Any) -> bool:
    return isinstance(term.as_coeff_Mul()[1], LogGamma)


def _gammas(total: Any) -> list[tuple[Any, Any]]:
    return [term.as_coeff_Mul() for term in total.args if _is_gamma(term)]


def _counts(u: Any) -> list[tuple[Any, Any]]:
    """log Γ(u) as log x! plus the rest, in one or two ways: x = u - 1, or x = u and -log u."""
    constant = u.as_coeff_Add()[0]
    return [(u - 1, S.Zero)] * (constant != 0) + [(u, -log(u))] * (constant != 1)


def _binomial_of(high: Any, pair: tuple[Any, Any], rest: Any) -> Any:
    """log n! - log x! - log y! + x log p + y log q with n = x + y and p + q = 1, and the rest."""
    for (n, more), (x, by_x), (y, by_y) in product(
        _counts(high.args[0]), *(_counts(g.args[0]) for g in pair)
    ):
        if expand(n - x - y) == 0:
            found = _with_probabilities(x, y, rest)
            if found is not None:
                return found + more - by_x - by_y
    return None


def _with_probabilities(x: Any, y: Any, rest: Any) -> Any:
    """The binomial law of x and y, with what is left of a sum."""
    logs = [f for f in rest.atoms(*_LOGARITHMS) if not f.is_number]
    for f in sorted(logs, key=str):
        g = _complement(f, logs)
        if g is None:
            continue
        for first, second in ((f, g), (g, f)):
            w, v = rest.coeff(first), rest.coeff(second)
            if w.has(*_LOGARITHMS) or v.has(*_LOGARITHMS):
                continue
            more, extra = expand(w - x), expand(v - y)
            own = x.free_symbols | y.free_symbols
            if not (more.free_symbols | extra.free_symbols) & own:
                left = expand(rest - w * first - v * second)
                return LogBinomial(x, y, first, second) + left + more * first + extra * second
    return None


def _complement(f: Any, logs: list[Any]) -> Any:
    """log(1 - p) for log p."""
    x = f.args[0]
    if isinstance(f, (log_sigmoid, LogNormalCdf)):
        other = f.func(-x)
    elif isinstance(f, log):
        other = Log1p(-x)
    else:
        return None
    return other if other in logs else None


def _poisson_of(low: Any, rest: Any) -> Any:
    """x log λ - λ - log x! and the rest."""
    for (x, more), term in product(_counts(low.args[0]), Add.make_args(rest)):
        rate = -term
        if not rate.free_symbols or rate.has(*_LOGARITHMS) or rate.could_extract_minus_sign():
            continue
        log_rate = _log_of_rate(rate, rest)
        if log_rate is None:
            continue
        left = expand(rest + rate - expand(x * log_rate))
        slopes = [left.coeff(s) for s in log_rate.atoms(*_LOGARITHMS, Symbol)]
        if not any(slope.has(*x.free_symbols) for slope in slopes):
            return LogPoisson(x, rate, log_rate) + left - more
    return None


def _log_of_rate(rate: Any, rest: Any) -> Any:
    """log λ of a product of powers and exponentials, as it is written in the rest of a sum."""
    total = S.Zero
    for factor in Mul.make_args(rate):
        base, exponent = _power(factor)
        if base is S.Exp1:
            total += exponent
        elif base.is_Add:
            return None
        else:
            size = Abs(base)
            total += exponent * (log(size) if rest.has(log(size)) else log(base))
    return expand(total)
