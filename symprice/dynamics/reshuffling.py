"""Random reshuffling: every epoch takes the batches once each, in a random order.

On average over the orders an epoch is `Δθ = -η Σ ∇L_k + ½η² Σ_{j≠k} ∇²L_k ∇L_j + …`: of two batches
each comes first in half of the orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from math import factorial
from typing import Any

import mpmath
from sympy import Add, Rational, Tuple, ZeroMatrix

from ..derivation import Derivation, Rule, Step
from ..errors import ShapeError
from ..tangent.covariance import covariance
from ..tangent.differences import displaced
from ..tangent.gradient import Nabla
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

    The loss of ``price`` is the list of the losses of the m batches; what moves is the expectation
    over their orders.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables
    >>> from symprice.dynamics.reshuffling import RandomReshuffling
    >>> L1, L2 = observables('L1 L2')
    >>> eta = symbols('eta', positive=True)
    >>> RandomReshuffling(eta).modified_loss([L1, L2])
    L1/2 + L2/2 + eta*NTVar(-L1/2 + L2/2)/8 + eta*NTVar(L1/2 - L2/2)/8 + eta*NTVar(L1/2 + L2/2)/4

    References
    ==========

    S. L. Smith, B. Dherin, D. G. T. Barrett, S. De, On the origin of implicit regularization in
    stochastic gradient descent, ICLR 2021.
    """

    orders = (1, 2)
    highest_accuracy = 2

    def __new__(cls, eta: Any) -> RandomReshuffling:
        return super().__new__(cls, positive(eta, "random reshuffling with the learning rate"))

    @property
    def rate(self) -> Any:
        """η."""
        return self.args[0]

    def gradient(self, loss: Any) -> Any:
        """The sum of the gradients of all batches, where each is that of the start."""
        return scaled(len(_batches(loss)), Nabla(mean_loss(loss)))

    def gradient_terms(self, loss: Any) -> list[tuple[int, Any]]:
        """That sum, and what it is changed by when the batches before have moved θ."""
        return [(0, self.gradient(loss)), (1, scaled(-self.rate, self._met(loss)))]

    def _met(self, loss: Any) -> Any:
        """½ Σ_{j≠k} ∇²L_k ∇L_j: every pair of different batches, with its first in one half of the
        orders; all pairs without those of a batch with itself.
        """
        whole = self.gradient(loss)
        alone = [along(Nabla(one), Nabla(one)) for one in _batches(loss)]
        pairs = along(whole, whole) - sum(alone, ZeroMatrix(DIMENSION, 1))
        return scaled(Rational(1, 2), pairs)

    def duration(self, loss: Any) -> Any:
        """mη."""
        return len(_batches(loss)) * self.rate

    def fields(self, loss: Any, accuracy: int) -> list[Any]:
        """F₀ and F₁, so that `mηF₀ + mη²F₁ + ½(mη)² D_F₀ F₀` is an epoch."""
        count = len(_batches(loss))
        found = [scaled(-1, Nabla(mean_loss(loss)))]
        if accuracy > 1:
            bend = along(found[0], found[0])
            ends = [(Rational(1, count), self._met(loss)), (-Rational(count, 2), bend)]
            found.append(combined(ends))
        return found

    def modified_loss(self, loss: Any) -> Any:
        """`L + (η/4) NTVar(L) + (η/4m) Σ_k NTVar(L_k - L)`."""
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
        batches, rate = _batches(loss), evaluate(self.rate, point)
        if len(batches) > MOST_BATCHES:
            raise ShapeError(
                f"asked for all orders of {len(batches)} batches, which are too many to check: "
                f"take at most {MOST_BATCHES}"
            )
        for order in permutations(batches):
            moved: list[Any] | None = None
            for batch in order:
                there = point if moved is None else displaced(point, moved)
                slope = evaluate(Nabla(batch), there)
                before = moved or [mpmath.mpf(0)] * len(slope)
                moved = [a - rate * b for a, b in zip(before, slope, strict=True)]
            yield mpmath.mpf(1) / factorial(len(batches)), moved or []


def _batches(loss: Any) -> Tuple:
    if not isinstance(loss, Tuple):
        raise ShapeError(
            f"asked for random reshuffling of {loss}: write the losses of the batches as a list, "
            "price(P, [L1, L2, ...], RandomReshuffling(eta))"
        )
    return loss
