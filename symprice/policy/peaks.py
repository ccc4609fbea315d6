"""Integrands with several weights, as terms that have a peak each: what looks for one finds it."""

from __future__ import annotations

from typing import Any

from sympy import Add, Mul, binomial, exp, factorial, gamma

from ..networks.logits import logsumexp

__all__ = ["WEIGHTS", "single_peaks"]

#: What may be large or small beyond all floats, besides exponentials and powers.
WEIGHTS = (gamma, factorial, binomial)


def single_peaks(inner: Any, x: Any) -> list[Any]:
    """The terms of an integrand, one for each weight: each has a peak of its own.

    Examples
    ========

    >>> from sympy import Symbol, exp, log
    >>> from symprice.policy.peaks import single_peaks
    >>> x = Symbol('x', real=True)
    >>> single_peaks((exp(-x**2) + exp(-(x - 9)**2))*log(1 + x**2), x)
    [exp(-x**2)*log(x**2 + 1), exp(-(x - 9)**2)*log(x**2 + 1)]
    """
    for factor in Mul.make_args(inner):
        parts = _weights(factor, x)
        if len(parts) > 1:
            return [term for part in parts for term in single_peaks(inner / factor * part, x)]
    return [inner]


def _weights(factor: Any, x: Any) -> list[Any]:
    """The weights that a factor is a sum of, or itself."""
    if isinstance(factor, exp) and factor.has(logsumexp):
        for term in Add.make_args(factor.args[0]):
            if isinstance(term, logsumexp) and term.has(x):
                rest = factor.args[0] - term
                return [exp(rest + logarithm) for logarithm in term.args]
    if factor.is_Add and sum(_has_weight(term, x) for term in factor.args) > 1:
        return list(factor.args)
    return [factor]


def _has_weight(term: Any, x: Any) -> bool:
    return any(isinstance(f.as_base_exp()[0], WEIGHTS) for f in Mul.make_args(term)) or any(
        isinstance(f, exp) and f.has(x) for f in Mul.make_args(term)
    )
