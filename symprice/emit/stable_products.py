"""Products and powers without overflow: quotients of exponentials as logistic functions.

`1/(1 + exp(-x))` is `σ(x)`, `exp(-x)/(1 + exp(-x))²` is `σ(x) σ(-x)`, `1/cosh²(x)` is `4 σ(2x)
σ(-2x)`; a quotient of probabilities, which may be 0/0, is the exponential of a difference of
logarithms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Abs, Add, Integer, Mul, Pow, S, cosh, default_sort_key, exp, log, sinh, tanh

from ..networks.activations import log_sigmoid, sigmoid
from ..networks.logits import LogSoftmaxEntry, SoftmaxEntry, logsumexp
from .careful import Expm1, Log1p, ScaledLogSigmoid, XLog1py, XLogY
from .stable_bregman import log_ratio_of
from .stable_exponentials import stable_coth_sum
from .stable_ratios import log_ratios

_FUNCTIONS = (sigmoid, SoftmaxEntry, exp, log, Log1p, sinh)

__all__ = ["exponents_of_sum", "stable_product"]

Meaning = Callable[[Any], Any]
# Base to exponent; the exponentials of a product are one power of e.
Powers = dict[Any, Any]


def itself(expr: Any) -> Any:
    """The meaning of an expression in which no name is looked up."""
    return expr


def stable_product(expr: Any, meaning: Meaning = itself) -> Any:
    """A product or a power in terms of functions that neither overflow nor divide 0 by 0."""
    if not any(_concerns(factor) for factor in Mul.make_args(expr)):
        return expr
    powers: Powers = {}
    changed = False
    for factor in Mul.make_args(expr):
        base, exponent = factor.as_base_exp()
        parts = _as_logistic(meaning(base), exponent)
        if parts is None:
            _put(powers, base, exponent)
            continue
        changed = True
        for part, power in parts:
            _put(powers, part, power)
    for rule in _RULES:
        changed = rule(powers) or changed
    return Mul(*(Pow(base, exponent) for base, exponent in powers.items())) if changed else expr


def _concerns(factor: Any) -> bool:
    """Whether a rule may speak of a factor: a function, or what is below the fraction bar."""
    if factor.is_Pow:
        return not factor.exp.is_positive or isinstance(factor.base, _FUNCTIONS)
    return isinstance(factor, _FUNCTIONS)


def _put(powers: Powers, base: Any, exponent: Any) -> None:
    if isinstance(base, exp):
        base, exponent = S.Exp1, exponent * base.args[0]
    total = powers.get(base, S.Zero) + exponent
    if total == 0:
        powers.pop(base, None)
    else:
        powers[base] = total


def exponents_of_sum(expr: Any) -> list[tuple[Any, Any]] | None:
    """A sum Σ c exp(u) with positive numbers c as pairs (c, u), constants last; None for any other
    sum.
    """
    if not isinstance(expr, Add):
        return None
    pairs = []
    for term in expr.args:
        coefficient, rest = term.as_coeff_Mul()
        numbers: list[Any] = [coefficient]
        others: list[Any] = []
        for factor in Mul.make_args(rest):
            (others if factor.free_symbols else numbers).append(factor)
        scale = Mul(*numbers)
        if (
            not scale.is_positive
            or len(others) > 1
            or not all(isinstance(other, exp) for other in others)
        ):
            return None
        pairs.append((scale, others[0].args[0] if others else S.Zero))
    pairs.sort(key=lambda pair: (pair[1] == 0, default_sort_key(pair[1])))
    return pairs if any(u != 0 for _, u in pairs) else None


def _as_logistic(base: Any, exponent: Any) -> list[tuple[Any, Any]] | None:
    """A negative power of a sum of exponentials as powers of functions that do not overflow."""
    if not (isinstance(base, Add) and exponent.is_number and exponent.is_negative):
        return None
    terms = exponents_of_sum(base)
    if terms is None:
        return None
    (c, u), (d, v) = terms[0], terms[-1]
    if len(terms) == 2 and v == 0:
        # c e^u + d = d/σ(log(d/c) - u)
        return [(d, exponent), (sigmoid(log(d / c) - u), -exponent)]
    return [(exp(logsumexp(*(u + log(c) for c, u in terms))), exponent)]


def _common_factors(powers: Powers) -> bool:
    """(p a + p b)/p = a + b: where p underflows, the quotient would be 0/0."""
    changed = False
    for total in [base for base in powers if base.is_Add and powers[base].is_Integer]:
        below = [b for b in powers if powers[b].is_number and powers[b].is_negative]
        divisors = [base for base in below if base != total]
        n = powers[total]
        if n < 0 or not divisors:
            continue
        terms = [term.as_powers_dict() for term in total.args]
        for base in divisors:
            held = [term.get(base, S.Zero) for term in terms]
            if not all(k.is_Integer and k > 0 for k in held) or -powers[base] < n:
                continue
            shared = min(*held, -powers[base] // n)
            _put(powers, base, n * shared)
            for term in terms:
                term[base] -= shared
            changed = True
        if changed:
            _put(powers, total, -n)
            _put(powers, Add(*(Mul(*(b**k for b, k in term.items())) for term in terms)), n)
    return changed


def _tanh(powers: Powers) -> bool:
    """sinh(u)/cosh(u) = tanh(u), and the other way round, also in a sum over sinh(u)."""
    changed = False
    for base in [base for base in powers if isinstance(base, sinh) and base.args[0].is_positive]:
        u = base.args[0]
        for total in [b for b in powers if b.is_Add and b.has(base, cosh(u))]:
            if powers[total] == 1 and powers[base].is_Integer and powers[base] < 0:
                quotient = Add(*(_with_tanh(term / base, u) for term in total.args))
                powers.pop(total)
                _put(powers, stable_coth_sum(quotient), S.One)
                _put(powers, base, S.One)
                changed = True
    for base in [base for base in powers if isinstance(base, sinh)]:
        other = cosh(base.args[0])
        n, m = powers[base], powers.get(other, S.Zero)
        if n.is_Integer and m.is_Integer and n * m < 0:
            shared = min(abs(n), abs(m)) * (1 if n > 0 else -1)
            _put(powers, base, -shared)
            _put(powers, other, shared)
            _put(powers, tanh(base.args[0]), shared)
            changed = True
    return changed


def _with_tanh(term: Any, u: Any) -> Any:
    return term.subs(cosh(u), sinh(u) / tanh(u)) if term.has(cosh(u)) else term


def _hyperbolic(powers: Powers) -> bool:
    """1/cosh²(u) = 4 σ(2u) σ(-2u), 1/cosh(u) = 2 exp(-|u|) σ(2|u|), and of u > 0 1/sinh(u) is
    2 exp(-u)/(1 - exp(-2u)).
    """
    changed = False
    for base in [base for base in powers if isinstance(base, sinh)]:
        u, exponent = base.args[0], powers[base]
        if u.is_positive and exponent.is_Integer and exponent < 0:
            for part, power in (
                (Integer(-2), -exponent),
                (exp(-u), -exponent),
                (Expm1(-2 * u), exponent),
            ):
                _put(powers, part, power)
            powers.pop(base)
            changed = True
    for base in [base for base in powers if isinstance(base, cosh)]:
        u, exponent = base.args[0], powers[base]
        if not (exponent.is_number and exponent.is_negative):
            continue
        pairs = -exponent / 2
        parts = [(S(4), pairs), (sigmoid(2 * u), pairs), (sigmoid(-2 * u), pairs)]
        if not pairs.is_Integer:
            parts = [(S(2), -exponent), (exp(-Abs(u)), -exponent), (sigmoid(2 * Abs(u)), -exponent)]
        for part, power in ((base, -exponent), *parts):
            _put(powers, part, power)
        changed = True
    return changed


def _logistic_and_exponential(powers: Powers) -> bool:
    """exp(-x) σ(x) = σ(-x), and σ(x)/σ(-x) = exp(x)."""
    changed = False
    for base in sorted((b for b in powers if isinstance(b, sigmoid)), key=default_sort_key):
        x = base.args[0]
        mirror = sigmoid(-x)
        up, down = powers.get(base, S.Zero), powers.get(mirror, S.Zero)
        if not (up.is_Integer and down.is_Integer and up > 0):
            continue
        if down < 0:
            shared = min(up, -down)
        else:
            # As much of the exponential as the factors can take, where it holds a multiple of x.
            shared = min(max(_multiple(powers.get(S.Exp1, S.Zero), -x), S.Zero), up)
        if shared:
            _put(powers, base, -shared)
            _put(powers, mirror, shared)
            _put(powers, S.Exp1, shared * x)
            changed = True
    return changed


def _multiple(exponent: Any, x: Any) -> Any:
    """The integer k towards 0 for which ``exponent - k x`` holds none of the terms of ``x``; 0 if
    there is none.
    """
    held, wanted = exponent.as_coefficients_dict(), x.as_coefficients_dict()
    ratios = {held.get(term, S.Zero) / c for term, c in wanted.items()}
    ratio = ratios.pop()
    if ratios or not ratio.is_Rational:
        return S.Zero
    return Integer(int(ratio))


def _softmax_of_exponentials(powers: Powers) -> bool:
    """exp(z_i - logsumexp(z)) = π_i."""
    exponent = powers.get(S.Exp1, S.Zero)
    held = exponent.as_coefficients_dict()
    normalisers = sorted((t for t in held if isinstance(t, logsumexp)), key=default_sort_key)
    entries: list[Any] = []
    for normaliser in normalisers:
        while held[normaliser] <= -1:
            entry = _entry_in(held, normaliser)
            if entry is None:
                break
            for term, c in (normaliser - entry.logit).as_coefficients_dict().items():
                held[term] += c
            entries.append(entry)
    for entry in entries:
        _put(powers, entry, S.One)
        _put(powers, S.Exp1, logsumexp(*entry.logits) - entry.logit)
    return bool(entries)


def _entry_in(held: dict[Any, Any], normaliser: Any) -> Any:
    """The softmax entry whose logit is a part of the exponent; a logit 0 is a part of any."""
    entries = [SoftmaxEntry(i, *normaliser.args) for i in range(1, len(normaliser.args) + 1)]
    for entry in sorted(entries, key=lambda e: e.logit == 0):
        wanted = {t: c for t, c in entry.logit.as_coefficients_dict().items() if c != 0}
        if all(held.get(term, 0) / c >= 1 for term, c in wanted.items()):
            return entry
    return None


def _likelihood_ratio(powers: Powers) -> bool:
    """σ(x)/σ(y) = exp(log σ(x) - log σ(y)): both may underflow."""
    logarithms = {sigmoid: log_sigmoid, SoftmaxEntry: LogSoftmaxEntry}
    kinds = tuple(logarithms)
    probabilities = [base for base in powers if isinstance(base, kinds) and powers[base].is_number]
    below = [base for base in probabilities if powers[base].is_negative]
    if not below or (len(probabilities) == len(below) and S.Exp1 not in powers):
        return False
    exponent = Add(*(powers[base] * logarithms[type(base)](*base.args) for base in probabilities))
    exponent = log_ratios(exponent)
    for base in probabilities:
        del powers[base]
    _put(powers, S.Exp1, exponent)
    return True


def _logarithm_and_exponential(powers: Powers) -> bool:
    """log σ(u) exp(u), which is close to -1 where σ(u) is 1 and exp(u) beyond all numbers."""
    u = powers.get(S.Exp1)
    if u is None or powers.get(log_sigmoid(u)) != 1:
        return False
    del powers[S.Exp1], powers[log_sigmoid(u)]
    _put(powers, ScaledLogSigmoid(u), S.One)
    return True


def _times_logarithm(powers: Powers) -> bool:
    """x log(x) and x log(1 + y) are 0 where x is."""
    for logarithm in sorted(
        (b for b in powers if isinstance(b, (log, Log1p))), key=default_sort_key
    ):
        if powers[logarithm] != 1:
            continue
        inner = logarithm.args[0]
        if isinstance(logarithm, Log1p):
            candidates, call = [1 + inner], XLog1py
        else:
            candidates, call = [factor.as_base_exp()[0] for factor in Mul.make_args(inner)], XLogY
        for base in candidates:
            power = powers.get(base, S.Zero)
            if power.is_positive and not base.is_number:
                del powers[base], powers[logarithm]
                powers[call(Pow(base, power), inner)] = S.One
                return True
    return False


def _raised_quotients(powers: Powers) -> bool:
    """(b/d)ⁿ for an exponent that is no number: bⁿ and dⁿ may overflow where it does not."""
    for base in sorted((b for b in powers if b.is_positive and b != S.Exp1), key=default_sort_key):
        n = powers.get(base, S.Zero)
        for other in list(powers) if n.free_symbols else ():
            if powers[other] == -n and other.is_positive and not n.could_extract_minus_sign():
                del powers[base], powers[other]
                _put(powers, S.Exp1, n * log_ratio_of(base, other))
                return True
    return False


_RULES = (
    _common_factors,
    _raised_quotients,
    _tanh,
    _hyperbolic,
    _logistic_and_exponential,
    _softmax_of_exponentials,
    _likelihood_ratio,
    _logarithm_and_exponential,
    _times_logarithm,
)
