"""The gradient of a property by every trainable array, as NumPy functions.

A weight's gradient is `Σ_i δ_i a_iᵀ`: for one batch the sum over its samples is one product of
matrices, so training needs no array per sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Tuple

from ..tangent.slopes import gradients
from .evaluating import Evaluator, named

__all__ = ["GradientFunction", "gradients"]


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
