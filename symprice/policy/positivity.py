"""Variances as sums of positive terms: polynomials in a probability p and a number of tries n.

`p n² - 6 p n + 6 p + 4 n - 6 + 1/p` is small for n = 1 and p close to 1, and none of its terms is.
In q = 1 - p and m = n - 1 it is `p m² + 4 m q + q²/p`. That there is such a form for whatever is
positive between 0 and 1 is a theorem of S. Bernstein.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from sympy import (
    QQ,
    Add,
    Dummy,
    Integer,
    Integral,
    Mul,
    Poly,
    Pow,
    Rational,
    Sum,
    binomial,
    expand,
    factorial,
)
from sympy.polys.polyerrors import CoercionFailed, GeneratorsError, PolynomialError

from .factoring import factored, work_of

__all__ = ["positive_form"]

_MOST_WORK, _LONGEST, _RAISED = 50_000, 1500, 3
# A polynomial that is nowhere less than this part of its terms keeps its digits as it is.
_ENOUGH = Rational(1, 200)


def positive_form(expr: Any, units: list[Any], counts: list[Any]) -> Any:
    """The factorised expression, with sums that may cancel in terms of 1 - p and n - 1.

    ``units`` are symbols between 0 and 1, ``counts`` are those of positive integers.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.policy.positivity import positive_form
    >>> n, p = symbols('n p', positive=True)
    >>> positive_form(p*n**2 - 6*p*n + 6*p + 4*n - 6 + 1/p, [p], [n])
    (p**2*(n - 1)**2 + 4*p*(1 - p)*(n - 1) + (1 - p)**2)/p
    """
    if not expr.has(*units) or expr.has(Integral, Sum) or expr.count_ops() > _LONGEST:
        return expr
    found = _factorised(expr)
    if found is None:
        return expr
    factors = []
    for part in Mul.make_args(found):
        base, exponent = part.as_base_exp()
        if isinstance(base, Add) and exponent.is_Integer:
            base = _one_minus(base, units)
            if base.args[0].is_Number and base.is_Mul:  # -(1 - p)
                factors.append(base.args[0] ** exponent)
                base = Mul(*base.args[1:])
            if exponent.is_positive:
                base = _of_positive_terms(base, units, counts)
        factors.append(Pow(base, exponent))
    return Mul(*factors)


def _factorised(expr: Any) -> Any:
    if work_of(expr) > _MOST_WORK:
        return None
    try:
        # In the field of rational functions at first: there, much cancels without factorising.
        field = QQ.frac_field(*sorted(expr.free_symbols, key=str))
        return factored(field.from_sympy(expr).as_expr())
    except (ValueError, CoercionFailed, GeneratorsError):
        return factored(expr)


def _one_minus(total: Any, units: list[Any]) -> Any:
    """p - 1 as -(1 - p)."""
    for p in units:
        if total == p - 1:
            return Mul(-1, 1 - p, evaluate=False)
    return total


def _of_positive_terms(total: Any, units: list[Any], counts: list[Any]) -> Any:
    held = [p for p in units if total.has(p)]
    if len(held) != 1 or total == 1 - held[0]:
        return total
    (p,), moving = held, [n for n in counts if total.has(n)]
    if len(moving) > 1:
        return total
    m = Dummy("m", nonnegative=True)
    if _powers(total, m) is not None:
        return total
    try:
        coefficients = Poly(total.subs({n: m + 1 for n in moving}), p).all_coeffs()[::-1]
    except PolynomialError:
        return total
    for degree in range(len(coefficients) - 1, len(coefficients) - 1 + _RAISED):
        rows = _bernstein(coefficients, degree)
        for basis in (_powers, _falling) if moving else (_powers,):
            found = [basis(row, m) for row in rows]
            if any(value is None for value in found):
                continue
            if not moving and _is_safe(coefficients, rows):
                return total
            back = {m: moving[0] - 1} if moving else {}
            return Add(
                *(
                    Mul(
                        *(f.xreplace(back) for f in Mul.make_args(row)),
                        p**k,
                        (1 - p) ** (degree - k),
                    )
                    for k, row in enumerate(found)
                )
            )
    return total


def _powers(row: Any, m: Any) -> Any:
    """A polynomial in what is positive, factorised, if all its coefficients are; else None."""
    symbols = sorted(row.free_symbols, key=str)
    if not all(s.is_nonnegative for s in symbols):
        return None
    try:
        numbers = Poly(row, *symbols).coeffs() if symbols else [row]
    except PolynomialError:
        return None
    if not all(c.is_nonnegative for c in numbers):
        return None
    found = _factorised(row)
    return row if found is None else found


def _falling(row: Any, m: Any) -> Any:
    """A polynomial in a whole number m as Σ c_k m (m-1) … (m-k+1), if no c_k is negative."""
    if row.free_symbols - {m}:
        return None
    values = [row.subs(m, k) for k in range(int(Poly(row, m).degree()) + 1 if row != 0 else 1)]
    terms, product = [], Integer(1)
    for k in range(len(values)):
        if values[0].is_negative:
            return None
        terms.append(Mul(values[0] / factorial(k), product, evaluate=False))
        values = [y - x for x, y in pairwise(values)]
        product = Mul(product, m - k)
    return Add(*terms)


def _bernstein(coefficients: list[Any], degree: int) -> list[Any]:
    """Σ c_i p^i = Σ b_k p^k (1-p)^(d-k)."""
    return [
        expand(Add(*(c * binomial(degree - i, k - i) for i, c in enumerate(coefficients[: k + 1]))))
        for k in range(degree + 1)
    ]


def _is_safe(coefficients: list[Any], rows: list[Any]) -> bool:
    """Whether a polynomial with numbers as coefficients is nowhere small against its terms."""
    if not all(x.is_number for x in (*coefficients, *rows)):
        return False
    ends = (coefficients[0], Add(*coefficients))
    return min(ends) >= _ENOUGH * Add(*map(abs, coefficients))
