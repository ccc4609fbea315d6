"""Natural gradient and Newton's method: the metric is the inverse of a matrix."""

from __future__ import annotations

from typing import Any

from sympy.core.sympify import _sympify

from ..errors import ShapeError
from ..symbols import expression
from ..tangent.metric import InverseMetric
from ..tangent.training_metrics import InverseHessian
from .either import StepOrFlow
from .update import mean_loss

__all__ = ["NaturalGradient", "Newton"]


class NaturalGradient(StepOrFlow):
    """`θ ← θ - η F⁻¹∇L`, or `dθ/dt = -F⁻¹∇L`: descent in the metric of a Fisher matrix.

    Then `dP/dt = NTCov(P, -L)` in that metric, which no choice of parameters changes.

    Parameters
    ==========

    F : the Fisher matrix, an explicit Matrix or a MatrixSymbol; or a policy, whose it is.
    parameters : the parameters in the order of its rows; of a policy they are known.
    eta : the learning rate; without one it is the flow.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, price, sigmoid
    >>> from symprice.dynamics.natural import NaturalGradient
    >>> b = Parameter('b')
    >>> p = sigmoid(b)
    >>> price(p, -p, NaturalGradient(BernoulliPolicy(logit=b))).doit()
    (1 - sigmoid(b))*sigmoid(b)

    References
    ==========

    S. Amari, Natural gradient works efficiently in learning, Neural Computation 10 (1998).
    """

    _others = 1

    def __new__(cls, F: Any, parameters: Any = (), eta: Any = None) -> NaturalGradient:
        if isinstance(F, InverseMetric):  # as ``args`` have it: the learning rate stands second
            return cls._made((F,), parameters if parameters != () else eta)
        if callable(getattr(F, "fisher", None)):
            given = F.fisher()
            parameters = parameters or F.parameters
            F = given if getattr(given, "is_Matrix", False) else [[given]]
        return cls._made((InverseMetric(F, parameters),), eta)

    def metric(self, loss: Any) -> Any:
        """F⁻¹."""
        return self.args[0]


class Newton(StepOrFlow):
    """`θ ← θ - η (H + λI)⁻¹∇L` with `H = ∇²L`, or the flow `dθ/dt = -(H + λI)⁻¹∇L`.

    Without damping a loss falls under the flow as `dL/dt = -∇Lᵀ H⁻¹∇L`, and a quadratic one is at
    its minimum after one step of η = 1.

    Parameters
    ==========

    damping : λ.
    eta : the learning rate; without one it is the flow.

    Of a formula the inverse is written out, of an unspecified loss it prints as `H^{-1}`.

    Examples
    ========

    >>> from symprice import parameters, price
    >>> from symprice.dynamics.natural import Newton
    >>> w, b = parameters('w b')
    >>> price(w*b, w**2 + 3*b**2, Newton()).doit()
    -2*b*w

    References
    ==========

    J. Nocedal, S. Wright, Numerical Optimization, 2006, chapter 3.
    """

    _others = 1

    def __new__(cls, damping: Any = 0, eta: Any = None) -> Newton:
        value = expression(damping, "Newton's method with damping")
        if value.is_negative:
            raise ShapeError(f"asked for Newton's method with damping {value}: it is at least 0")
        return cls._made((_sympify(value),), eta)

    @property
    def title(self) -> str:
        """Newton's method."""
        return "Newton's method"

    @property
    def damping(self) -> Any:
        """λ."""
        return self.args[0]

    def metric(self, loss: Any) -> Any:
        """(H + λI)⁻¹."""
        return InverseHessian(mean_loss(loss), self.damping)
