"""The gradient of a property by every trainable array, as closed forms and as NumPy functions.

A weight's gradient is `Σ_i δ_i a_iᵀ`: for one batch the sum over its samples is one product of
matrices, so training needs no array per sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Tuple

from ..closedform import ClosedForm, ClosedFormMatrix, Definitions, hoist
from ..errors import NoRuleError
from ..indexed.entries import Index
from ..indexed.families import ParameterFamily
from ..indexed.lowering import scalar
from ..indexed.naming import prepared
from ..indexed.raising import raised
from ..symbols import Parameter, ParameterMatrix
from ..tangent.index_pullback import index_gradient
from ..tangent.properties import as_property, require_parameters
from .evaluating import Evaluator, is_of_matrices, named

__all__ = ["GradientFunction", "gradients"]


def gradients(prop: Any) -> dict[Any, Any]:
    """The gradient of a scalar property by everything that is trained in it: {parameter: formula}.

    Parameters
    ==========

    prop : a loss, or any scalar property; its parameters are matrices or scalars.

    Returns closed forms, each of the shape of its parameter.

    Raises
    ======

    NoRuleError : for unspecified properties, and kernels of convolutions (families of matrices).

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Dense, Network, inputs, squared_loss
    >>> from symprice.training.gradients import gradients
    >>> d, k = symbols('d k', integer=True, positive=True)
    >>> loss = squared_loss(Network(Dense(d, k))(inputs('x', d)), inputs('y', k))
    >>> for parameter, gradient in gradients(loss).items():
    ...     print(parameter, '|', gradient.expr)
    W1 | v1*x.T
    b1 | v1
    """
    prop = as_property(prop)
    require_parameters("gradients", prop)
    if not is_of_matrices(prop):
        trained = sorted((s for s in prop.free_symbols if isinstance(s, Parameter)), key=str)
        return {symbol: prop.diff(symbol) for symbol in trained}
    definitions = Definitions(prop.free_symbols)
    body = scalar(hoist(prepared(prop), definitions))
    found = index_gradient(body, definitions, _is_trained, None)
    return {
        symbol: _closed(symbol, *found[symbol], definitions)
        for symbol in sorted(found, key=lambda s: (s.name.lstrip("Wb"), s.name))
    }


def _closed(symbol: Any, places: Any, gradient: Any, definitions: Definitions) -> Any:
    if isinstance(symbol, ParameterFamily):
        raise NoRuleError(
            f"asked for the gradient by {symbol}, a family of matrices: gradients are written by "
            "scalars, columns and matrices"
        )
    row, column = (p if isinstance(p, Index) else None for p in (places.row, places.column))
    closed = definitions.closing(raised(gradient, row, column))
    if isinstance(closed, (ClosedForm, ClosedFormMatrix)):
        return closed
    return (ClosedFormMatrix if getattr(closed, "is_Matrix", False) else ClosedForm)(closed, ())


def _is_trained(symbol: Any) -> bool:
    return isinstance(symbol, (Parameter, ParameterMatrix))


class GradientFunction:
    """``g(params, data)``: the gradient arrays of a property by the names of its parameters.

    Parameters
    ==========

    prop : a scalar property.

    Examples
    ========

    >>> from symprice import Dense, Network, inputs, squared_loss
    >>> from symprice.training.gradients import GradientFunction
    >>> x, y = inputs('x', 2), inputs('y', 1)
    >>> g = GradientFunction(squared_loss(Network(Dense(2, 1))(x), y))
    >>> found = g({'W1': [[1.0, 2.0]], 'b1': [0.0]}, {x: [1.0, 1.0], y: [1.0]})
    >>> found['W1'].tolist(), found['b1'].tolist()
    ([[2.0, 2.0]], [2.0])
    """

    def __init__(self, prop: Any) -> None:
        self.formulas = gradients(prop)
        self.names = tuple(symbol.name for symbol in self.formulas)
        # One function for all of them: what they have in common is computed once.
        self._function = Evaluator(Tuple(*self.formulas.values()), "gradients")

    def __repr__(self) -> str:
        return f"<GradientFunction by {', '.join(self.names)}>"

    def __call__(self, params: Mapping[Any, Any], data: Mapping[Any, Any]) -> dict[str, Any]:
        """The gradient at arrays; ``data`` may hold more than is needed."""
        import numpy as np

        shapes = {name: np.shape(array) for name, array in named(params).items()}
        return {
            name: np.reshape(array, shapes.get(name, ()))
            for name, array in zip(self.names, self._function(params, data), strict=True)
        }


def flat(arrays: Mapping[str, Any], names: Any) -> Any:
    """Arrays one after another, as one vector."""
    import numpy as np

    return np.concatenate([np.ravel(arrays[name]) for name in names])


def unflat(vector: Any, like: Mapping[str, Any], names: Any) -> dict[str, Any]:
    """A vector cut into arrays of the shapes of others."""
    import numpy as np

    found, start = {}, 0
    for name in names:
        shape = np.shape(like[name])
        count = int(np.prod(shape))
        found[name] = np.reshape(vector[start : start + count], shape)
        start += count
    return found
