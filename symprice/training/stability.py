"""How large a step may be: the sharpness of a loss and the threshold 2/λ that it sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dynamics.update import Dynamics
from ..symbols import Parameter, ParameterMatrix
from ..tangent.closing import closed_form
from ..tangent.covariance import NTCov
from ..tangent.properties import as_property
from ..tangent.vectors import StateVector
from .evaluating import named
from .gradients import GradientFunction, flat, unflat

__all__ = ["HessianProduct", "momentum", "sharpness", "threshold"]

# The letter of the direction in which the gradient is differentiated.
_DIRECTION = "direction"


class HessianProduct:
    """``h(params, data, direction)``: the Hessian of a property times a direction, array by array.

    The product is `∇(∇L · v)`, from generated code; the Hessian is never formed.

    Parameters
    ==========

    prop : a scalar property.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.training.stability import HessianProduct
    >>> w, b = parameters('w b')
    >>> found = HessianProduct(w**2*b)({'w': 1.0, 'b': 2.0}, {}, {'w': 1.0, 'b': 0.0})
    >>> float(found['w']), float(found['b'])
    (4.0, 2.0)
    """

    def __init__(self, prop: Any) -> None:
        prop = as_property(prop)
        trained = [s for s in prop.free_symbols if isinstance(s, (Parameter, ParameterMatrix))]
        along = closed_form(NTCov(prop, StateVector(_DIRECTION).potential(trained)))
        self.names = GradientFunction(prop).names
        # Where a property is linear, nothing of it is left after two derivatives.
        still = any(isinstance(s, (Parameter, ParameterMatrix)) for s in along.free_symbols)
        self._function = GradientFunction(along) if still else None

    def __call__(
        self, params: Mapping[Any, Any], data: Mapping[Any, Any], direction: Mapping[Any, Any]
    ) -> dict[str, Any]:
        """The product at arrays; data and direction by name."""
        import numpy as np

        found = {name: np.zeros(np.shape(array)) for name, array in direction.items()}
        if self._function is not None:
            moved = {f"{_DIRECTION}_{name}": array for name, array in direction.items()}
            found |= self._function(params, {**named(data), **moved})
        return found


def sharpness(loss: Any, params: Mapping[Any, Any], data: Mapping[Any, Any] | None = None) -> float:
    """The largest eigenvalue λ of the Hessian of a loss at arrays of parameters.

    Lanczos' method, a power iteration that forgets nothing, on products of the Hessian with
    directions. Gradient descent with a learning rate above 2/λ leaves a minimum.

    Parameters
    ==========

    loss : a scalar property.
    params : arrays by parameter.
    data : arrays by input.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.training.stability import sharpness
    >>> w, b = parameters('w b')
    >>> round(sharpness(2*w**2 + b**2/2 + 3*w*b, {w: 0.3, b: 0.1}), 12)
    5.85410196625
    """
    import numpy as np
    from scipy.sparse.linalg import LinearOperator, eigsh

    hessian = HessianProduct(loss)
    arrays = {name: np.asarray(array) for name, array in named(params).items()}
    known = named(data)
    names = [name for name in arrays if name in hessian.names]
    count = sum(arrays[name].size for name in names)

    def product(vector: Any) -> Any:
        return flat(hessian(arrays, known, unflat(np.ravel(vector), arrays, names)), names)

    if count <= 3:
        full = np.array([product(row) for row in np.eye(count)])
        return float(np.linalg.eigvalsh((full + full.T) / 2)[-1])
    operator = LinearOperator((count, count), matvec=product, dtype=float)
    start = np.random.default_rng(0).standard_normal(count)
    return float(eigsh(operator, k=1, which="LA", v0=start, tol=1e-6)[0][0])


def threshold(
    dynamics: Dynamics, largest: float, numbers: Mapping[Any, Any] | None = None
) -> float:
    """The learning rate above which a mode of curvature λ grows: 2/λ, with heavy ball (2 + 2β)/λ.

    Parameters
    ==========

    dynamics : the way of moving θ.
    largest : λ, the sharpness.
    numbers : the values of symbols, as of β.
    """
    if largest <= 0:
        return float("inf")
    return (2 + 2 * momentum(dynamics, numbers)) / largest


def momentum(dynamics: Dynamics, numbers: Mapping[Any, Any] | None = None) -> float:
    """The part β of the velocity that a way of moving θ keeps; 0 without momentum."""
    beta: Any = getattr(dynamics, "beta", 0)
    if getattr(beta, "is_Symbol", False):
        beta = named(numbers).get(beta.name, 0)
    return float(beta)
