"""The frame of every way of moving θ: `Δθ = M f + b + ξ`, force, metric, bias and noise.

S. A. Frank, The Price equation reveals a universal force–metric–bias law of algorithmic learning
and natural selection, Entropy 27 (2025). A way of moving θ is one subclass of ``Dynamics`` that
states these; the law of change of a property follows by Taylor's theorem (``taylor``) or by the
chain rule in time (``motion``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import mpmath
from sympy import Add, Basic, Expr, Symbol, Tuple, ZeroMatrix
from sympy.core.sympify import _sympify

from ..derivation import Derivation
from ..errors import ShapeError
from ..symbols import expression
from ..tangent.gradient import Nabla
from ..tangent.metric import Metric
from ..tangent.vectors import DIMENSION, Preconditioned, numeric_vector, parameter_vector

__all__ = ["Dynamics", "Noise", "mean_loss", "positive"]


class Noise(NamedTuple):
    """Covariance `factor · metric` of the noise ξ, of the given order in the step size."""

    factor: Any
    metric: Metric | None
    order: int


class Dynamics(Basic):
    """A way of moving θ: the base of all of them.

    A subclass states its ``rate`` and what it has of ``gradient``, ``metric``, ``bias`` and
    ``noise``; finite steps also their ``step_size``, in whose powers the law is expanded.
    """

    orders: tuple[int, ...] = (1,)
    continuous = False

    @property
    def title(self) -> str:
        """What it is called in derivations: 'gradient flow' for ``GradientFlow``."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(self).__name__).lower()

    # --- what a subclass states -------------------------------------------------------------------
    @property
    def rate(self) -> Any:
        """The factor of the force."""
        return _sympify(1)

    @property
    def step_size(self) -> Any:
        """The symbol in whose powers a finite step is expanded."""
        return self.rate

    def gradient(self, loss: Any) -> Any:
        """The gradient whose negative is the force, exactly."""
        return Nabla(mean_loss(loss))

    def gradient_terms(self, loss: Any) -> list[tuple[int, Any]]:
        """The gradient as (order, vector) in powers of the step size."""
        return [(0, self.gradient(loss))]

    def metric(self, loss: Any) -> Metric | None:
        """The metric M; None is the Euclidean one."""
        return None

    def bias(self, loss: Any) -> Any:
        """What moves θ besides force and noise: a vector, or None."""
        return None

    def noise(self, loss: Any) -> Noise | None:
        """The noise of a step, or per unit of time."""
        return None

    # --- what follows -----------------------------------------------------------------------------
    def applied(self, loss: Any, vector: Any) -> Any:
        """-η M v, the part of the update that comes from a gradient v."""
        metric, negative = self.metric(loss), isinstance(vector, Nabla) and self.rate == 1
        if negative:  # the force has a name of its own: ∇(-L)
            vector = Nabla(-vector.args[0])
        moved = vector if metric is None else Preconditioned(metric, vector)
        return moved if negative else -self.rate * moved

    def update(self, loss: Any) -> Any:
        """Δθ, or dθ/dt, without the noise."""
        forced, bias = self.applied(loss, self.gradient(loss)), self.bias(loss)
        return forced if bias is None else bias + forced

    def terms_of_order(self, loss: Any, order: int) -> Any:
        """The part of Δθ that is of an order in the step size: the bias counts as of the first."""
        found: Any = ZeroMatrix(DIMENSION, 1)
        for power, vector in self.gradient_terms(loss):
            if power + 1 == order:
                found += self.applied(loss, vector)
        bias = self.bias(loss)
        return found if bias is None or order != 1 else bias + found

    def outcomes(self, loss: Any, evaluate: Any, point: Any) -> Iterator[tuple[Any, list[Any]]]:
        """What a step can be at a point: weights and displacements, for the checks.

        Noise is stood in for by a few displacements with the same covariance.
        """
        center = numeric_vector(self.update(loss), evaluate, point)
        noise = self.noise(loss)
        if noise is None:
            yield mpmath.mpf(1), center
            return
        root = mpmath.cholesky(_covariance(noise, evaluate, point))
        n = len(center)
        for column in range(n):
            for sign in (1, -1):
                shift = [sign * mpmath.sqrt(n) * root[row, column] for row in range(n)]
                yield mpmath.mpf(1) / (2 * n), [a + b for a, b in zip(center, shift, strict=True)]

    def derivation(self, prop: Any, loss: Any, order: int) -> Derivation:
        """The steps from the way of moving θ to the law of change of a property."""
        return self._law().derivation(self, prop, loss, order)

    def parts(self, prop: Any, loss: Any, order: int) -> dict[str, Any]:
        """Selection, bias, noise, curvature and remainder, as far as they are there."""
        return self._law().parts(self, prop, loss, order)

    def _law(self) -> Any:
        if self.continuous:
            from . import motion

            return motion
        from . import taylor

        return taylor


def _covariance(noise: Noise, evaluate: Any, point: Any) -> Any:
    coordinates = parameter_vector(point)
    factor = evaluate(_sympify(noise.factor), point)
    found = mpmath.zeros(len(coordinates))
    for row, p in enumerate(coordinates):
        entries = [(p, 1)] if noise.metric is None else noise.metric.row(p)
        for other, entry in entries:
            column = coordinates.index(other)
            found[row, column] = factor * evaluate(_sympify(entry), point)
    return found


def mean_loss(loss: Any) -> Any:
    """The loss; of a Tuple of the losses of examples, their mean."""
    return Add(*loss) / len(loss) if isinstance(loss, Tuple) else loss


def positive(given: Any, asked: str) -> Expr:
    """A rate or a size as an expression; an error where it is certainly not positive."""
    value = expression(given, asked)
    if value.is_nonpositive:
        raise ShapeError(f"asked for {asked} {value}: it is positive")
    return value


def symbol_of_expansion(dynamics: Dynamics) -> Symbol:
    """The step size, which an expansion needs as a symbol."""
    size = dynamics.step_size
    if not isinstance(size, Symbol):
        name = type(dynamics).__name__
        raise ShapeError(
            f"an expansion in the learning rate needs a symbol for it, but received {size}: write "
            f"{name}(eta) and substitute the number afterwards"
        )
    return size
