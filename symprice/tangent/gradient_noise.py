"""The covariance of the gradients of single examples, a metric: `(1/N) Σᵢ ∇ℓᵢ ∇ℓᵢᵀ - ∇L ∇Lᵀ`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mpmath
from sympy import Add, Expr, Integer, Mul, Tuple
from sympy.core.sympify import _sympify

from ..indexed.sums import SumOver
from ..symbols import Observable, Parameter
from .covariance import covariance
from .differences import parameter_vector
from .gradient import Nabla
from .metric import Metric
from .second import HessianForm

__all__ = ["GradientNoise", "mean_loss", "number_of_examples"]

# The observables that stand in for how unspecified examples differ from their mean.
STAND_INS = 2


def mean_loss(loss: Any) -> Any:
    """The loss; of a Tuple of the losses of examples, their mean."""
    return Add(*loss) / len(loss) if isinstance(loss, Tuple) else loss


def number_of_examples(loss: Any) -> Any:
    """How many examples a loss is the mean of; None where that is unspecified."""
    if isinstance(loss, Tuple):
        return Integer(len(loss))
    found = _summand(loss)
    return None if found is None else found[1].size


def _summand(loss: Any) -> tuple[Any, Any] | None:
    """The loss of one example and its index, of a mean `(1/N) Σᵢ ℓᵢ`."""
    factor, rest = Mul(loss).as_independent(SumOver, as_Add=False)
    if not isinstance(rest, SumOver) or len(rest.indices) != 1:
        return None
    (index,) = rest.indices
    return factor * index.size * rest.expr, index


class GradientNoise(Metric):
    """C, the covariance (1/N) of the gradients of single examples: the metric of minibatch noise.

    In it `NTCov_C(a, b) = (1/N) Σᵢ NTCov(a, ℓᵢ) NTCov(b, ℓᵢ) - NTCov(a, L) NTCov(b, L)`.

    Parameters
    ==========

    loss : a Tuple of the losses of examples, a mean ``average(loss_i, i)``, or a loss whose
        examples are unspecified: then C stays a letter.

    Examples
    ========

    >>> from symprice import NTVar, parameters
    >>> from symprice.tangent.gradient_noise import GradientNoise
    >>> w, b = parameters('w b')
    >>> NTVar(w, GradientNoise([w**2, b*w])).doit()
    b**2/2 + 2*w**2 - (b/2 + w)**2
    """

    def __new__(cls, loss: Any) -> GradientNoise:
        given = Tuple(*loss) if isinstance(loss, (list, tuple)) else _sympify(loss)
        return super().__new__(cls, given)

    @property
    def loss(self) -> Any:
        """The mean over the examples."""
        return mean_loss(self.args[0])

    @property
    def is_unspecified(self) -> bool:
        """Whether only the mean of the losses is known, not the examples."""
        return number_of_examples(self.args[0]) is None

    def mean(self, term: Any) -> Any:
        """(1/N) Σᵢ of what ``term`` makes of ℓᵢ; None where the examples are unspecified."""
        given = self.args[0]
        if isinstance(given, Tuple):
            return Add(*map(term, given)) / len(given)
        found = _summand(given)
        return None if found is None else SumOver(term(found[0]), found[1]) / found[1].size

    def of(self, a: Any, b: Any) -> Any:
        """The covariance over the examples of their covariances with a and with b."""
        mean = self.mean(lambda loss: covariance(a, loss) * covariance(b, loss))
        if mean is None:
            return None
        return mean - covariance(a, self.loss) * covariance(b, self.loss)

    def entry(self, u: Parameter, v: Parameter) -> Any:
        """The covariance of two derivatives over the examples; None where they are unspecified."""
        return self.of(u, v)

    def row(self, u: Parameter) -> Iterable[tuple[Parameter, Expr]]:
        """The parameters of the losses, each with its covariance."""
        known = sorted(
            (s for s in self.free_symbols if isinstance(s, Parameter)), key=lambda s: s.sort_key()
        )
        return [(v, self.of(u, v)) for v in known]

    def trace_with(self, prop: Any) -> Any:
        """tr(C ∇²P) = (1/N) Σᵢ ∇²P[∇ℓᵢ, ∇ℓᵢ] - ∇²P[∇L, ∇L]."""
        mean = self.mean(lambda loss: HessianForm(prop, Nabla(loss)))
        return None if mean is None else mean - HessianForm(prop, Nabla(self.loss))

    # --- numbers ----------------------------------------------------------------------------------
    def gradients(self, evaluate: Any, point: Any) -> list[list[Any]] | None:
        """The gradients of the examples at a point; None where they are unspecified."""
        given = self.examples(evaluate, point)
        return None if given is None else [evaluate(Nabla(loss), point) for loss in given]

    def examples(self, evaluate: Any, point: Any) -> list[Any] | None:
        """The losses of the examples at a point; None where they are unspecified."""
        given = self.args[0]
        if isinstance(given, Tuple):
            return list(given)
        found = _summand(given)
        if found is None:
            return None
        loss, index = found
        count = int(evaluate(index.size, point))
        return [loss.xreplace({index: Integer(i)}) for i in range(count)]

    def root(self, evaluate: Any, point: Any) -> Any:
        """R with R Rᵀ = C. Unspecified examples are two, by observables away from their mean."""
        found = self.gradients(evaluate, point)
        if found is None:
            return _unspecified_root(self.args[0], evaluate, point)
        count = len(found)
        mean = [mpmath.fsum(column) / count for column in zip(*found, strict=True)]
        rows = [[g[k] - mean[k] for g in found] for k in range(len(mean))]
        return mpmath.matrix(rows) / mpmath.sqrt(count)

    def numeric(self, evaluate: Any, point: Any) -> Any:
        """R Rᵀ."""
        root = self.root(evaluate, point)
        return root * root.T

    def tex(self, printer: Any) -> str:
        """C."""
        return "C"


def _unspecified_root(loss: Any, evaluate: Any, point: Any) -> Any:
    names = (f"noise{k}_of_{loss}" for k in range(STAND_INS))
    columns = [evaluate(Nabla(Observable(name)), point) for name in names]
    rows = range(len(parameter_vector(point)))
    return mpmath.matrix([[column[row] for column in columns] for row in rows])
