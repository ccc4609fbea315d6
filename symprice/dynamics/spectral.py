"""Spectral descent: every matrix moves by U Vᵀ of its gradient, all its singular values made 1."""

from __future__ import annotations

from typing import Any

from ..tangent.spectral_metric import SpectralMetric, parameter_matrices
from .either import StepOrFlow
from .running import signs
from .update import mean_loss

__all__ = ["SpectralDescent"]


class SpectralDescent(StepOrFlow):
    """`W ← W - η (GGᵀ)^(-1/2) G` for the gradient G of every trained matrix W: Muon without its
    momentum; `dL/dt = -‖G‖_*`, the sum of the singular values of G.

    Parameters
    ==========

    matrices : matrices of Parameters; a ParameterMatrix is known to be one, and a parameter in
        none of them moves by the sign of its slope.
    eta : the learning rate; without one it is the flow.

    Where G has not full rank the metric is the pseudo-inverse: on the rest nothing moves. A law of
    formulas unfolds for matrices of at most two rows or columns; of networks there is code, with
    one singular value decomposition for each matrix.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice import parameters, price
    >>> from symprice.dynamics.spectral import SpectralDescent
    >>> W = Matrix(2, 2, parameters('w1:5', real=True))
    >>> L = 3*W[0, 0] + 4*W[1, 1]
    >>> price(L, L, SpectralDescent([W])).doit()
    -7

    References
    ==========

    D. E. Carlson et al., Preconditioned spectral descent for deep learning, NeurIPS 2015. K. Jordan
    et al., Muon: an optimizer for hidden layers in neural networks, 2024.
    """

    _others = 1

    def __new__(cls, matrices: Any = (), eta: Any = None) -> SpectralDescent:
        return cls._made((parameter_matrices(matrices),), eta)

    def metric(self, loss: Any) -> Any:
        """(GGᵀ)^(-1/2)."""
        return SpectralMetric(mean_loss(loss), self.args[0])

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """One step, with arrays; a vector moves along its gradient, a number by the sign."""
        eta = value(self.eta)
        return {p: x - eta * _direction(gradients[p]) for p, x in params.items()}, state


def _direction(gradient: Any) -> Any:
    if getattr(gradient, "ndim", 0) == 0:
        return signs(gradient)
    import numpy as np

    columns = gradient if gradient.ndim == 2 else gradient[:, None]
    left, sizes, right = np.linalg.svd(columns, full_matrices=False)
    rank = sizes > 1e-12 * max(sizes.max(), np.finfo(float).tiny)
    return ((left * rank) @ right).reshape(gradient.shape)
