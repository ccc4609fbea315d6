"""The gradient of a scalar at matrix level by each trained array: outer products, as δ aᵀ."""

from __future__ import annotations

from typing import Any

from ..closedform import Definitions, hoist
from ..indexed.entries import Index
from ..indexed.lowering import scalar
from ..indexed.naming import prepared
from ..indexed.raising import raised
from ..symbols import Parameter, ParameterMatrix
from ..tangent.index_pullback import index_gradient

__all__ = ["by_arrays"]


def by_arrays(prop: Any) -> dict[Any, Any]:
    """{array: ∂prop/∂array}, each of the shape of its array, by reverse accumulation.

    Examples
    ========

    >>> from sympy import symbols, tanh
    >>> from symprice import MLP, inputs, sigmoid
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> x = inputs('x', d)
    >>> found = by_arrays(sigmoid(MLP(d, m, 1, activation=tanh)(x)[0]))
    >>> for array, slope in found.items():
    ...     print(array, '|', slope.expr)
    W1 | delta1*x.T
    b1 | delta1
    W2 | delta_f*a1.T
    b2 | delta_f
    """
    definitions = Definitions(prop.free_symbols)
    body = scalar(hoist(prepared(prop), definitions))
    gradient = index_gradient(
        body, definitions, lambda symbol: isinstance(symbol, (Parameter, ParameterMatrix))
    )
    found = {}
    for array in sorted(gradient, key=lambda s: (_layer(str(s)), not s.is_Matrix, str(s))):
        places, slope = gradient[array]
        ends = [p if isinstance(p, Index) else None for p in (places.row, places.column)]
        found[array] = definitions.closing(raised(slope, *ends))
    return found


def _layer(name: str) -> int:
    digits = "".join(c for c in name if c.isdigit())
    return int(digits) if digits else 0
