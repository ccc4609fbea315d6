"""Powers of what may be close to 1, as in pass@k: `1 - uⁿ` is `-expm1(n log u)` for a probability
u, and `x (1 + q + … + qⁿ⁻¹)` for `q = 1 - x`.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Mul, S

from ..networks.activations import log_sigmoid, normal_cdf, sigmoid
from ..networks.logits import LogSoftmaxEntry, SoftmaxEntry
from .careful import Expm1, LogNormalCdf

__all__ = ["stable_power_sum"]

# Beyond that many terms a geometric sum is no shorter than its closed form.
_TERMS = 24
_LOGARITHMS = {sigmoid: log_sigmoid, normal_cdf: LogNormalCdf, SoftmaxEntry: LogSoftmaxEntry}


def stable_power_sum(total: Any) -> Any:
    """c uⁿ - c = c expm1(n log u) for a probability u and a whole number n above 1.

    Examples
    ========

    >>> from sympy.abc import x
    >>> from symprice import sigmoid
    >>> from symprice.emit.stable_powers import stable_power_sum
    >>> stable_power_sum(1 - sigmoid(-x)**8)
    -Expm1(8*log_sigmoid(-x))
    """
    coefficients = {product: c for c, product in (term.as_coeff_Mul() for term in total.args)}
    for product, coefficient in list(coefficients.items()):
        for factor in Mul.make_args(product):
            rest, gap = product / factor, _gap(*factor.as_base_exp())
            if gap is not None and coefficients.get(rest) == -coefficient:
                del coefficients[product], coefficients[rest]
                coefficients[rest * gap] = coefficient
                break
    return Add(*(c * product for product, c in coefficients.items()))


def _gap(u: Any, n: Any) -> Any:
    """uⁿ - 1 without a difference; None where no rule knows it."""
    if not (n.is_Integer and n > 1):
        return None
    if type(u) in _LOGARITHMS:
        return Expm1(n * _LOGARITHMS[type(u)](*u.args))
    if isinstance(u, Add) and S.One in u.args and n <= _TERMS:
        return (u - 1) * Add(*(u**k for k in range(n)))
    return None
