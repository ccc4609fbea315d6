"""How large a step may be: the sharpness of a loss and the threshold 2/λ that it sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sympy import Dummy, Poly, Symbol
from sympy import lambdify as sympy_lambdify

from ..dynamics.descent import GradientDescent
from ..dynamics.flow import GradientFlow
from ..dynamics.update import Dynamics
from ..errors import SympriceError
from ..solutions.step_maps import characteristic_polynomial
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
# The modulus of a root is known to about that.
_ROUNDING = 1e-9


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

    It is where a root of the characteristic polynomial of a step leaves the unit circle. NaN where
    that is not known: of steps that are not linear, or whose metric is a state, as Adam's.

    Parameters
    ==========

    dynamics : the way of moving θ; of a flow, that of Euler's steps.
    largest : λ, the sharpness.
    numbers : the values of symbols, as of β.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import HeavyBall, Nesterov
    >>> from symprice.training.stability import threshold
    >>> eta, beta = symbols('eta beta', positive=True)
    >>> round(threshold(HeavyBall(eta, beta), 4.0, {beta: 0.5}), 9)
    0.75
    >>> round(threshold(Nesterov(eta, beta), 4.0, {beta: 0.5}), 9)
    0.375
    """
    if not largest > 0:
        return float("inf")
    if dynamics.continuous:
        dynamics = GradientDescent(Symbol("eta")) if type(dynamics) is GradientFlow else dynamics
    radius = _spectral_radius(dynamics, largest, named(numbers))
    return float("nan") if radius is None else _leaving(radius, 1 / largest)


def _spectral_radius(
    dynamics: Dynamics, largest: float, numbers: Mapping[str, Any]
) -> Callable[[float], float] | None:
    """The largest modulus of a root of a step on `½ λ θ²`, as a function of the step size."""
    import numpy as np

    root, lam, rate = Dummy("r"), Dummy("lambda", positive=True), dynamics.step_size
    try:
        polynomial = characteristic_polynomial(dynamics, lam, root)
    except SympriceError:
        return None
    known = {s: numbers[s.name] for s in polynomial.free_symbols if s.name in numbers and s != rate}
    coefficients = Poly(polynomial.subs({**known, lam: largest}), root).all_coeffs()
    if any(c.free_symbols - {rate} for c in coefficients):
        return None
    at = sympy_lambdify([rate], coefficients, "math")
    return lambda size: float(abs(np.roots(at(size))).max())


def _leaving(radius: Callable[[float], float], scale: float) -> float:
    """Where a radius first exceeds 1, by bisection; infinity where it does not."""
    import numpy as np
    from scipy.optimize import brentq

    sizes = scale * np.geomspace(1e-4, 1e4, 800)
    beyond = next((i for i, size in enumerate(sizes) if radius(size) > 1 + _ROUNDING), None)
    if beyond is None:
        return float("inf")
    if beyond == 0:
        return 0.0
    return float(brentq(lambda size: radius(size) - 1, sizes[beyond - 1], sizes[beyond]))


def momentum(dynamics: Dynamics, numbers: Mapping[Any, Any] | None = None) -> float:
    """The part β of the velocity that a way of moving θ keeps; 0 without momentum."""
    beta: Any = getattr(dynamics, "beta", 0)
    if getattr(beta, "is_Symbol", False):
        beta = named(numbers).get(beta.name, 0)
    return float(beta)
