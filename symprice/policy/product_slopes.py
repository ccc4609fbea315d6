"""Derivatives of products of linear factors, by their logarithms: large terms cancel at once."""

from __future__ import annotations

from typing import Any

from sympy import Add, Mul, expand

__all__ = ["slope"]


def slope(total: Any, z: Any) -> Any:
    """The derivative of a sum of products by z; of f₁ f₂ …/(g₁ g₂ …), of factors that are positive
    and rise by one with z, as the product times `Σ (gᵢ - fᵢ)/(fᵢ gᵢ)`: the z in gᵢ - fᵢ cancels.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.policy.product_slopes import slope
    >>> x, y = symbols('x y', positive=True)
    >>> slope(x*(x + 1)/((x + y)*(x + y + 1)), x)
    x*(x + 1)*(y/((x + 1)*(x + y + 1)) + y/(x*(x + y)))/((x + y)*(x + y + 1))
    """
    slopes = [_of_product(term, z) for term in _products(total, z)]
    return total.diff(z) if None in slopes else Add(*slopes)


def _products(total: Any, z: Any) -> list[Any]:
    """The terms of a sum, and those of a sum that is a factor of one."""
    found = []
    for term in Add.make_args(total):
        sums = [f for f in Mul.make_args(term) if isinstance(f, Add) and f.diff(z) not in (0, 1)]
        parts = sums[0].args if len(sums) == 1 else [term]
        rest = term / sums[0] if len(sums) == 1 else 1
        found += [rest * part for part in parts]
    return found


def _of_product(term: Any, z: Any) -> Any:
    """The derivative of a product; None of one that has another form."""
    above: list[Any] = []
    below: list[Any] = []
    for factor in Mul.make_args(term):
        if not factor.has(z):
            continue
        base, power = factor.as_base_exp()
        if not (power.is_Integer and base.is_positive and base.diff(z) == 1):
            return None
        (above if power > 0 else below).extend([base] * abs(int(power)))
    if len(above) + len(below) < 2:
        return term.diff(z)
    above, below = (sorted(side, key=_constant) for side in (above, below))
    count = min(len(above), len(below))
    gaps = [expand(g - f) for f, g in zip(above, below, strict=False)]
    if not all(gap.is_positive or gap.is_negative for gap in gaps):
        return None
    if not above:
        return -term * Add(*(1 / g for g in below))
    rates = [gap / (f * g) for f, g, gap in zip(above, below, gaps, strict=False)]
    rates += [1 / f for f in above[count:]] + [-1 / g for g in below[count:]]
    return term * Add(*rates)


def _constant(base: Any) -> Any:
    return base.as_coeff_Add()[0]
