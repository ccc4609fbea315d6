"""Weight decay: θ shrinks besides being trained, and P by Euler's operator, `-λ ∇P · θ`."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..tangent.vectors import ParameterPosition, added, numeric_vector
from .flow import GradientFlow
from .update import Dynamics, positive
from .wrapped import Wrapped

__all__ = ["WeightDecay"]


class WeightDecay(Wrapped):
    """Another way of moving θ, with `-λθ` besides: `-ηλθ` in a step, `-η(t)λθ` in a flow.

    A property P moves by the bias `-ηλ ∇P · θ`, which is `-ηλ k P` for a P that is homogeneous of
    degree k (Euler). The decay is decoupled: of momentum, it is not part of the velocity.

    Parameters
    ==========

    lam : λ.
    base : what is decayed; gradient flow where nothing is given.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent, observables, parameters, price
    >>> from symprice.dynamics.decay import WeightDecay
    >>> P, L = observables('P L')
    >>> lam, eta = symbols('lambda eta', positive=True)
    >>> price(P, L, WeightDecay(lam, GradientDescent(eta))).bias
    -eta*lambda*Inner(Nabla(P), theta)
    >>> w, b = parameters('w b')
    >>> price(w**2*b, L, WeightDecay(lam)).bias.doit()
    -3*b*w**2*lambda

    References
    ==========

    I. Loshchilov, F. Hutter, Decoupled weight decay regularization, ICLR 2019.
    """

    def __new__(cls, lam: Any, base: Any = None) -> WeightDecay:
        base = GradientFlow() if base is None else base
        if not isinstance(base, Dynamics):
            raise ShapeError(
                f"asked for the decay of {base!r}: write WeightDecay(lambda, GradientDescent(eta))"
            )
        return super().__new__(cls, positive(lam, "weight decay with lambda"), base)

    @property
    def lam(self) -> Any:
        """λ."""
        return self.args[0]

    @property
    def orders(self) -> tuple[int, ...]:
        """Those of the base, up to the second."""
        return tuple(order for order in self.base.orders if order <= 2)

    @property
    def title(self) -> str:
        """'gradient flow with decay'."""
        return f"{self.base.title} with decay"

    def _decay(self) -> Any:
        size = self.rate if self.continuous else self.step_size
        return -size * self.lam * ParameterPosition()

    def bias(self, loss: Any) -> Any:
        """That of the base, and -ηλθ."""
        own = self.base.bias(loss)
        return self._decay() if own is None else added(own, self._decay())

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """A step of the base, and -ηλθ from where it started."""
        moved, state = self.base.advance(params, gradients, state, t, value)
        shrunk = value(self.step_size) * value(self.lam)
        return {p: moved[p] - shrunk * x for p, x in params.items()}, state

    def extra(self, evaluate: Any, point: Any) -> list[Any]:
        """-ηλθ."""
        return numeric_vector(self._decay(), evaluate, point)
