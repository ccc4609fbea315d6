"""Differences of exponentials, as in moments of log-normal laws, e^u - e^v by u - v; and u coth u
next to 1, as in waves of logistic laws.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Mul, Pow, S, exp, expand_mul, tanh

from .careful import ExponentialGap, ScaledCothRest

__all__ = ["stable_coth_sum", "stable_exponential_sum"]


def stable_exponential_sum(total: Any) -> Any:
    """c e^u - c e^v as c times one function of u, v and u - v, where what u and v share is gone.

    Examples
    ========

    >>> from sympy import exp
    >>> from sympy.abc import x, y
    >>> from symprice.emit.stable_exponentials import stable_exponential_sum
    >>> stable_exponential_sum(3*exp(2*x + y) - 3*exp(x)*exp(y) + 1)
    3*ExponentialGap(2*x + y, x + y, x) + 1
    """
    opposite: dict[Any, tuple[Any, Any]] = {}
    for term in total.args:
        c, u = _split(term) if term.has(exp) else (term, S.Zero)
        if u == 0:
            continue
        if -c in opposite:
            other, v = opposite[-c]
            if c.could_extract_minus_sign():
                c, u, v = -c, v, u
            rest = [t for t in total.args if t is not term and t is not other]
            found = Add(c * ExponentialGap(u, v, expand_mul(u - v)), *rest)
            return stable_exponential_sum(found) if isinstance(found, Add) else found
        opposite[c] = term, u
    return total


def _split(term: Any) -> tuple[Any, Any]:
    """What an exponential stands before, and its exponent; 0 where no symbol is in it."""
    exponents = [f.args[0] for f in Mul.make_args(term) if isinstance(f, exp) and f.free_symbols]
    if not exponents:
        return term, S.Zero
    rest = [f for f in Mul.make_args(term) if not (isinstance(f, exp) and f.free_symbols)]
    return Mul(*rest), Add(*exponents)


def stable_coth_sum(total: Any) -> Any:
    """c u/tanh(u) - c as c times one function, which is of the order of u² where u is small.

    Examples
    ========

    >>> from sympy import tanh
    >>> from sympy.abc import x, y
    >>> from symprice.emit.stable_exponentials import stable_coth_sum
    >>> stable_coth_sum(y - 2*x*y/tanh(2*x))
    -y*ScaledCothRest(2*x)
    """
    terms = set(total.args)
    for term in total.args:
        for factor in Mul.make_args(term):
            if not (isinstance(factor, Pow) and isinstance(factor.base, tanh)):
                continue
            u = factor.base.args[0]
            rest = term / factor / u
            if factor.exp == -1 and -rest in terms:
                found = rest * ScaledCothRest(u) + Add(*(terms - {term, -rest}))
                return stable_coth_sum(found) if isinstance(found, Add) else found
    return total
