"""A Gaussian times the exponential of a quadratic is a Gaussian: rewards such as `exp(-a²)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Mul, S, Symbol, cancel, exp, expand, log, sqrt

from ..errors import PolicyError

__all__ = ["without_bell"]


def without_bell(
    term: Any, a: Any, mean: Any, variance: Any, check: Callable[[Any], Any]
) -> tuple[Any, Any, Any, Any] | None:
    """(C, rest, μ', v') with `E[term] = C E'[rest]`, where E' is over a Gaussian of mean μ' and
    variance v'; None where no factor of the term is the exponential of a quadratic.

    With the factor `exp(-c a²)` and `q = 1 + 2c v` they are `μ' = μ/q`, `v' = v/q` and
    `C = exp(-c μ²/q)/√q`; a factor `exp(t a)` stays in the rest.

    Raises
    ======

    PolicyError : where q is known not to be positive, so that the expectation is infinite.

    Examples
    ========

    >>> from sympy import Symbol, exp
    >>> from symprice.policy.bells import without_bell
    >>> a, m, v = Symbol('a'), Symbol('m'), Symbol('v', positive=True)
    >>> without_bell(a*exp(-a**2), a, m, v, lambda bound: bound)
    (exp(-m**2/(2*v + 1))/sqrt(2*v + 1), a, m/(2*v + 1), v/(2*v + 1))
    """
    curvature, rest = S.Zero, []
    for factor in Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        square = S.Zero
        if exponent.has(a) and not base.has(a) and exponent.is_polynomial(a):
            square = expand(exponent).coeff(a, 2)
        if square == 0:
            rest.append(factor)
            continue
        curvature += square * log(base)
        left = expand(exponent - square * a**2)
        rest.append(base**left)
    if curvature == 0:
        return None
    q = cancel(1 - 2 * curvature * variance)
    bound = check(q)
    if bound.is_nonpositive:
        where = "" if bound.is_number else f": it is finite where {bound} > 0"
        raise PolicyError(
            f"asked for an expectation of {term.xreplace({a: Symbol('a')})}, which is "
            f"infinite{where}; write a reward that grows less"
        )
    constant = exp(cancel(curvature * mean**2 / q)) / sqrt(q)
    return constant, Mul(*rest), cancel(mean / q), cancel(variance / q)
