"""Sign descent: every coordinate moves by the same amount, whatever the size of its slope."""

from __future__ import annotations

from typing import Any

from .either import StepOrFlow
from .running import signs
from .update import mean_loss

__all__ = ["SignDescent"]


class SignDescent(StepOrFlow):
    """`θ ← θ - η sign(∇L)`, the metric `1/|∇L|` on the diagonal; `dL/dt = -‖∇L‖₁`.

    Parameters
    ==========

    eta : the learning rate; without one it is the flow `dθ/dt = -sign(∇L)`.

    Where a slope is 0 the metric is not defined: the formula holds elsewhere.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, parameters, price
    >>> from symprice.dynamics.sign import SignDescent
    >>> w, b = parameters('w b', real=True)
    >>> price(w**2*b, w**2 + b**2, SignDescent(symbols('eta', positive=True))).selection.doit()
    -eta*(2*b*w*sign(w) + w**2*sign(b))
    >>> P, L = observables('P L')
    >>> print(price(P, L, SignDescent()).selection)
    NTCov(P, -L, SignMetric(L))

    References
    ==========

    J. Bernstein, Y.-X. Wang, K. Azizzadenesheli, A. Anandkumar, signSGD, ICML 2018.
    """

    def __new__(cls, eta: Any = None) -> SignDescent:
        return cls._made((), eta)

    def metric(self, loss: Any) -> Any:
        """`1/|∇L|` on the diagonal."""
        from ..tangent.training_metrics import SignMetric

        return SignMetric(mean_loss(loss))

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """One step."""
        eta = value(self.eta)
        return {p: x - eta * signs(gradients[p]) for p, x in params.items()}, state
