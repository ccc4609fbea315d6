"""Powers in a product taken together: of one base, and of sums that are multiples of each other."""

from __future__ import annotations

from typing import Any

from sympy import Add, Mul, Pow, S, default_sort_key, exp, expand

__all__ = ["joined_powers"]


def joined_powers(product: Any) -> Any:
    """x xⁿ as xⁿ⁺¹, and (x + y)ᵐ (2x + 2y)ⁿ as 2ⁿ (x + y)ᵐ⁺ⁿ, of whole n or positive multiples.

    SymPy leaves both as they are.

    Examples
    ========

    >>> from sympy import E, exp
    >>> from sympy.abc import k, p, x
    >>> from symprice.policy.joined import joined_powers
    >>> joined_powers(x*x**(k - 1)), joined_powers((1 - p + p*exp(-1))**5/(E - E*p + p))
    (x**k, (-p + p*exp(-1) + 1)**4*exp(-1))
    """
    powers: dict[Any, Any] = {}
    rest = []
    factors = sorted(Mul.make_args(product), key=_length_of_base)
    for factor in factors:
        base, power = factor.as_base_exp()
        if factor.is_number or isinstance(factor, exp):
            rest.append(factor)
            continue
        if base not in powers and isinstance(base, Add):
            for other in powers:
                ratio = _ratio(base, other) if isinstance(other, Add) else None
                if ratio is not None and (power.is_integer or ratio.is_positive):
                    rest.append(ratio**power)
                    base = other
                    break
        powers[base] = powers.get(base, S.Zero) + power
    if len(powers) == sum(not (f.is_number or isinstance(f, exp)) for f in factors):
        return product
    return Mul(*rest, *(Pow(base, power) for base, power in powers.items()))


def _length_of_base(factor: Any) -> tuple[int, Any]:
    base = factor.as_base_exp()[0]
    return base.count_ops(), default_sort_key(base)


def _ratio(first: Any, second: Any) -> Any:
    """The number that makes the first sum of the second; None where there is none."""
    if first.free_symbols != second.free_symbols:
        return None
    above, below = map(_coefficients, (first, second))
    if above.keys() != below.keys():
        return None
    part = next(iter(above))
    ratio = above[part] / below[part]
    same = all(expand(above[part] - ratio * below[part]) == 0 for part in above)
    return ratio if same else None


def _coefficients(total: Any) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for term in total.args:
        number, part = term.as_independent(*total.free_symbols, as_Add=False)
        found[part] = found.get(part, S.Zero) + number
    return found
