"""Modified Bessel functions, which overflow at 700: scaled by exp(-x), and their ratio from 1.

`log I₀(κ)` is κ + log(exp(-κ) I₀(κ)), `1 - I₁(κ)/I₀(κ)` a function of its own, and `cos(x) - 1` is
`-2 sin²(x/2)`: so the law of von Mises keeps its digits where it is narrow.
"""

from __future__ import annotations

from typing import Any

from sympy import Abs, Add, Mul, Pow, S, besseli, cos, exp, expand_mul, log, sin

from ..policy.bessel import BesselRatio
from .careful import BesselComplement, ScaledBessel

__all__ = ["log_of_bessel", "stable_bessel_product", "stable_bessel_sum"]


def _size(x: Any) -> Any:
    return x if x.is_nonnegative else Abs(x)


def log_of_bessel(function: Any) -> Any:
    """log I_n(x) as x + log(exp(-x) I_n(x))."""
    n, x = function.args
    return log(ScaledBessel(n, x)) + _size(x)


def stable_bessel_product(product: Any) -> Any:
    """Powers of I_n(x) as those of exp(-x) I_n(x), and exponentials; None where it has none."""
    exponent, factors, found = S.Zero, [], False
    for factor in Mul.make_args(product):
        base, power = factor.as_base_exp()
        if isinstance(factor, exp):
            exponent += factor.args[0]
        elif isinstance(base, besseli) and base.args[1].is_extended_real is not False:
            found = True
            exponent += power * _size(base.args[1])
            factors.append(Pow(ScaledBessel(*base.args), power))
        else:
            factors.append(factor)
    return Mul(*factors, exp(exponent)) if found else None


def stable_bessel_sum(total: Any) -> Any:
    """A sum with cosines, or with logarithms and ratios of Bessel functions."""
    if not total.has(cos, ScaledBessel):
        return total
    if total.has(log):
        for ratio in _ratios(total):
            total = total.subs(ratio, 1 - BesselComplement(_size(ratio.args[1])))
        for node in total.atoms(ScaledBessel):
            if node.args[0] == 0:
                x = node.args[1]
                total = total.subs(ScaledBessel(1, x) / node, 1 - BesselComplement(_size(x)))
        total = expand_mul(total) if total.has(BesselComplement) else total
    elif total.has(cos):
        total = _gaps(total)
    return _cosines(total) if isinstance(total, Add) else total


def _ratios(total: Any) -> list[Any]:
    found = (ratio for ratio in total.atoms(BesselRatio) if ratio.args[0] == 1)
    return sorted(found, key=str)


def _gaps(total: Any) -> Any:
    """c cos(x) - c I₁/I₀ as c (1 - I₁/I₀) - 2 c sin²(x/2); elsewhere I₁/I₀ may be small."""
    terms = dict(term.as_coeff_Mul()[::-1] for term in total.args)
    for ratio in _ratios(total):
        for node in sorted(total.atoms(cos), key=str):
            for product, c in list(terms.items()):
                rest = product / node
                if node in Mul.make_args(product) and terms.get(rest * ratio) == -c:
                    del terms[product], terms[rest * ratio]
                    complement = rest * BesselComplement(_size(ratio.args[1]))
                    halved = rest * sin(node.args[0] / 2) ** 2
                    terms[complement] = terms.get(complement, S.Zero) + c
                    terms[halved] = terms.get(halved, S.Zero) - 2 * c
    return Add(*(Mul(c, product) for product, c in terms.items()))


def _cosines(total: Any) -> Any:
    """c cos(x) - c as -2 c sin²(x/2)."""
    terms = dict(term.as_coeff_Mul()[::-1] for term in total.args)
    for node in sorted(total.atoms(cos), key=str):
        for product, c in list(terms.items()):
            rest = product / node
            if node in Mul.make_args(product) and terms.get(rest) == -c:
                del terms[product], terms[rest]
                halved = rest * sin(node.args[0] / 2) ** 2
                terms[halved] = terms.get(halved, S.Zero) - 2 * c
    return Add(*(Mul(c, product) for product, c in terms.items()))
