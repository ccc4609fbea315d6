"""Random reshuffling: every epoch takes the batches once each, in a random order.

On average over the orders an epoch is `Δθ = -η Σ ∇L_k + ½η² Σ_{j≠k} ∇²L_k ∇L_j + …`: of two batches
each comes first in half of the orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import permutations
from math import factorial
from typing import Any

import mpmath
from sympy import Add, Rational, Tuple, ZeroMatrix, factor
from sympy.core.sympify import _sympify

from ..derivation import Derivation, Rule, Step
from ..errors import ShapeError
from ..tangent.covariance import covariance
from ..tangent.differences import displaced
from ..tangent.gradient import Nabla
from ..tangent.gradient_noise import GradientNoise, number_of_examples
from ..tangent.vectors import DIMENSION
from .modified import FollowsAFlow, along, combined, scaled
from .update import mean_loss, positive

__all__ = ["RandomReshuffling"]

MOST_BATCHES = 5


class MeanAndDeviations(Rule):
    """Σ_k NTVar(L_k) = m NTVar(L) + Σ_k NTVar(L_k - L), for the mean L of L_1, …, L_m."""

    @property
    def name(self) -> str:
        """'mean and deviations'."""
        return "mean and deviations"


class RandomReshuffling(FollowsAFlow):
    """`θ ← θ - η∇L_k` for every batch k once, in a random order: a step is an epoch.

    Parameters
    ==========

    eta : the learning rate.
    batch : B, where the loss is of single examples, that are put into batches at random anew in
        every epoch.

    Without B the loss of ``price`` is the list of the losses of the m batches; what moves is the
    expectation over their orders. With B it is a list of the losses of the N examples, or a mean
    ``average(l_i, i)``, and N is a multiple of B: batches differ from their mean by `(N - B)/(B (N
    - 1))` of what examples do.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables
    >>> from symprice.dynamics.reshuffling import RandomReshuffling
    >>> L1, L2 = observables('L1 L2')
    >>> eta = symbols('eta', positive=True)
    >>> RandomReshuffling(eta).modified_loss([L1, L2])
    L1/2 + L2/2 + eta*NTVar(L1/2 - L2/2)/4 + eta*NTVar(L1/2 + L2/2)/4

    >>> RandomReshuffling(eta, 1).modified_loss([L1, L2]) - L1/2 - L2/2
    eta*(NTVar(L1)/2 + NTVar(L2)/2)/4

    References
    ==========

    S. L. Smith, B. Dherin, D. G. T. Barrett, S. De, On the origin of implicit regularization in
    stochastic gradient descent, ICLR 2021.
    """

    orders = (1, 2)
    highest_accuracy = 2

    def __new__(cls, eta: Any, batch: Any = None) -> RandomReshuffling:
        rate = positive(eta, "random reshuffling with the learning rate")
        if batch is None:
            return super().__new__(cls, rate)
        size = positive(batch, "batches of size")
        if size.is_integer is False:
            raise ShapeError(f"asked for batches of {size} examples: it is a whole number")
        return super().__new__(cls, rate, size)

    @property
    def batch(self) -> Any:
        """B; None where the losses are those of the batches."""
        return self.args[1] if len(self.args) > 1 else None

    def number_of_batches(self, loss: Any) -> Any:
        """m."""
        return len(_batches(loss)) if self.batch is None else self._examples(loss) / self.batch

    def _examples(self, loss: Any) -> Any:
        """N, a multiple of B."""
        count = number_of_examples(loss)
        if count is None:
            raise ShapeError(
                f"asked for random reshuffling of {loss}, whose examples are not given: write "
                "[l1, l2, ...] or average(l_i, i)"
            )
        if (count / self.batch).is_integer is False:
            raise ShapeError(
                f"asked for batches of {self.batch} out of {count} examples: write a divisor"
            )
        return count

    def spread(self, loss: Any) -> Any:
        """The mean of `|∇L_k|²` over the batches."""
        count, whole = self._examples(loss), covariance(mean_loss(loss))
        if count == self.batch:
            return whole
        apart = GradientNoise(loss).mean(covariance)
        share = (count - self.batch) / (self.batch * (count - 1))
        return share * apart + factor(1 - share) * whole

    @property
    def rate(self) -> Any:
        """η."""
        return self.args[0]

    def gradient(self, loss: Any) -> Any:
        """The sum of the gradients of all batches, where each is that of the start."""
        return scaled(self.number_of_batches(loss), Nabla(mean_loss(loss)))

    def gradient_terms(self, loss: Any) -> list[tuple[int, Any]]:
        """That sum, and what it is changed by when the batches before have moved θ."""
        return [(0, self.gradient(loss)), (1, scaled(-self.rate, self._met(loss)))]

    def _met(self, loss: Any) -> Any:
        """½ Σ_{j≠k} ∇²L_k ∇L_j: every pair of different batches, with its first in one half of the
        orders; all pairs without those of a batch with itself.
        """
        whole = self.gradient(loss)
        if self.batch is not None:
            met = Rational(1, 2) * self.number_of_batches(loss)
            pairs = combined([(1, along(whole, whole)), (-met, Nabla(self.spread(loss)))])
            return scaled(Rational(1, 2), pairs)
        alone = [along(Nabla(one), Nabla(one)) for one in _batches(loss)]
        pairs = along(whole, whole) - sum(alone, ZeroMatrix(DIMENSION, 1))
        return scaled(Rational(1, 2), pairs)

    def duration(self, loss: Any) -> Any:
        """mη."""
        return self.number_of_batches(loss) * self.rate

    def fields(self, loss: Any, accuracy: int) -> list[Any]:
        """F₀ and F₁, so that `mηF₀ + mη²F₁ + ½(mη)² D_F₀ F₀` is an epoch."""
        count = _sympify(self.number_of_batches(loss))
        found = [scaled(-1, Nabla(mean_loss(loss)))]
        if accuracy > 1:
            bend = along(found[0], found[0])
            ends = [(1 / count, self._met(loss)), (-count / 2, bend)]
            found.append(combined(ends))
        return found

    def modified_loss(self, loss: Any) -> Any:
        """`L + (η/4) NTVar(L) + (η/4m) Σ_k NTVar(L_k - L)`; of examples in batches of B
        `L + (η/4) [NTVar(L) + (N - B)/(B(N - 1)) ((1/N) Σᵢ NTVar(ℓᵢ) - NTVar(L))]`.
        """
        if self.batch is not None:
            return super().modified_loss(loss)
        return self.modified_loss_derivation(loss).result

    def modified_loss_derivation(self, loss: Any) -> Derivation:
        """From what the matching of an epoch leaves to the mean and the deviations from it."""
        batches = _batches(Tuple(*loss) if isinstance(loss, (list, tuple)) else loss)
        before = super().modified_loss(batches)
        mean, count = mean_loss(batches), len(batches)
        spread = Add(*(covariance(one) for one in batches))
        apart = Add(*(covariance(one - mean) for one in batches))
        share = self.rate / (4 * count)
        after = before - (share * spread).expand(basic=False) + share * count * covariance(mean)
        return Derivation(
            [Step(MeanAndDeviations(), before, after + (share * apart).expand(basic=False))]
        )

    def is_of_first_order(self, loss: Any) -> bool:
        """False: after its first batch an epoch is at another place."""
        return False

    def outcomes(self, loss: Any, evaluate: Any, point: Any) -> Iterator[tuple[Any, list[Any]]]:
        """An epoch in every order of the batches."""
        rate = evaluate(self.rate, point)
        if self.batch is not None:
            yield from self._orders(loss, evaluate, point, rate)
            return
        batches = _batches(loss)
        if len(batches) > MOST_BATCHES:
            raise ShapeError(
                f"asked for all orders of {len(batches)} batches, which are too many to check: "
                f"take at most {MOST_BATCHES}"
            )
        for order in permutations(batches):
            yield mpmath.mpf(1) / factorial(len(batches)), _epoch(order, rate, evaluate, point)

    def _orders(self, loss: Any, evaluate: Any, point: Any, rate: Any) -> Iterator[Any]:
        """An epoch in every order of the examples, cut into batches."""
        examples = GradientNoise(loss).examples(evaluate, point) or []
        size = evaluate(self.batch, point)
        if not 0 < len(examples) <= MOST_BATCHES or size != int(size) or len(examples) % int(size):
            raise ShapeError(
                f"asked for all orders of {len(examples)} examples in batches of {size}: take at "
                f"most {MOST_BATCHES} examples, and a divisor of their number"
            )
        for order in permutations(examples):
            starts = range(0, len(order), int(size))
            batches = [Add(*order[s : s + int(size)]) / int(size) for s in starts]
            yield mpmath.mpf(1) / factorial(len(order)), _epoch(batches, rate, evaluate, point)


def _epoch(batches: Iterable[Any], rate: Any, evaluate: Any, point: Any) -> list[Any]:
    """How far an epoch moves θ."""
    moved: list[Any] | None = None
    for batch in batches:
        there = point if moved is None else displaced(point, moved)
        slope = evaluate(Nabla(batch), there)
        before = moved or [mpmath.mpf(0)] * len(slope)
        moved = [a - rate * b for a, b in zip(before, slope, strict=True)]
    return moved or []


def _batches(loss: Any) -> Tuple:
    if not isinstance(loss, Tuple):
        raise ShapeError(
            f"asked for random reshuffling of {loss}: write the losses of the batches as a list, "
            "price(P, [L1, L2, ...], RandomReshuffling(eta)); of single examples write "
            "RandomReshuffling(eta, batch)"
        )
    return loss
