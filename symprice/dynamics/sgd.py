"""Stochastic gradient descent: the gradient of a minibatch, a step with noise of covariance η²C_B.

`E[ΔP] = -η NTCov(P, L) + ½η² [∇²P[∇L, ∇L] + tr(C_B ∇²P)] + O(η³)`, exact for a P that is quadratic
in θ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, combinations_with_replacement
from math import comb, factorial, prod
from typing import Any

import mpmath
from sympy import S, Tuple

from ..errors import ShapeError
from ..symbols import expression
from ..tangent.gradient_noise import GradientNoise, number_of_examples
from .update import Dynamics, Noise, positive

__all__ = ["SGD", "StochasticGradientFlow"]

# With more minibatches than this, checks stand in for them with noise of the same covariance.
MANY_BATCHES = 80


class Minibatches(Dynamics):
    """What minibatch gradients have in common, in steps and in continuous time."""

    def __new__(cls, eta: Any, batch: Any, n: Any = None, replacement: Any = True) -> Any:
        rate = positive(eta, "stochastic gradient descent with the learning rate")
        size = positive(batch, "minibatches of size")
        count = n if isinstance(n, Tuple) else Tuple()
        if n is not None and not isinstance(n, Tuple):
            count = Tuple(positive(n, "a number of examples"))
        flag = expression(replacement, "replacement=True or False,")
        if flag not in (S.true, S.false):
            raise ShapeError(f"asked for replacement={replacement}: write True or False")
        if size.is_integer is False:
            raise ShapeError(f"asked for minibatches of {size} examples: it is a whole number")
        found = super().__new__(cls, rate, size, count, flag)
        found.require(*count)
        return found

    @property
    def eta(self) -> Any:
        """The learning rate."""
        return self.args[0]

    @property
    def batch(self) -> Any:
        """How many examples a minibatch has."""
        return self.args[1]

    @property
    def n(self) -> Any:
        """How many examples there are, where that was given."""
        return self.args[2][0] if self.args[2] else None

    @property
    def replacement(self) -> bool:
        """Whether an example can be drawn twice."""
        return bool(self.args[3])

    def require(self, count: Any = None) -> None:
        """Raise where a minibatch without replacement would be more than all examples."""
        if not self.replacement and count is not None and (count - self.batch).is_negative:
            raise ShapeError(
                f"asked for minibatches of {self.batch} out of {count} examples without "
                f"replacement: write a batch of at most {count}, or replacement=True"
            )

    def covariance_factor(self, loss: Any) -> Any:
        """C_B = factor · C: 1/B, without replacement × (N - B)/(N - 1)."""
        given = number_of_examples(loss)
        count = given if given is not None else self.n
        if given is not None and self.n is not None and (given - self.n).is_zero is False:
            raise ShapeError(
                f"the loss is a mean of {given} examples, but n = {self.n}: leave n away"
            )
        if self.replacement:
            return 1 / self.batch
        if count is None:
            raise ShapeError(
                "asked for minibatches without replacement out of how many examples? Write "
                f"{type(self).__name__}(eta, batch, n), or give the losses of the examples: "
                "price(P, [l1, l2, ...], ...)"
            )
        self.require(count)
        if count == 1:
            return S.Zero
        return (count - self.batch) / (self.batch * (count - 1))

    def gradient_noise(self, loss: Any) -> GradientNoise:
        """C, the covariance of the gradients of single examples."""
        return GradientNoise(loss)


class SGD(Minibatches):
    """`θ ← θ - (η/B) Σ_{i in batch} ∇ℓᵢ`: descent along the gradient of a random minibatch.

    The noise of a step has the covariance `η² C_B`, `C_B = C/B`, without replacement × (N - B)/(N -
    1), where `C = (1/N) Σᵢ ∇ℓᵢ ∇ℓᵢᵀ - ∇L ∇Lᵀ`.

    Parameters
    ==========

    eta : the learning rate.
    batch : B, how many examples a minibatch has.
    n : N, how many examples there are, where the loss does not say.
    replacement : whether an example can be in a minibatch twice.

    The loss of ``price`` is a list of the losses of the examples, a mean ``average(l_i, i)``, or
    unspecified: then C is a letter. What moves is the expectation over minibatches.

    Raises
    ======

    ShapeError : for a batch of more than n without replacement, or no n where it is needed.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, parameters, price
    >>> from symprice.dynamics.sgd import SGD
    >>> P, L = observables('P L')
    >>> eta, B = symbols('eta B', positive=True)
    >>> price(P, L, SGD(eta, B), order=2).noise
    eta**2*(HessianTrace(P, GradientNoise(L)))/(2*B)

    Exact, for a quadratic P: two examples, one of them a step.

    >>> w = parameters('w')
    >>> found = price(w**2, [w**2/2, (w - 1)**2/2], SGD(eta, 1), order=2)
    >>> found.remainder, found.noise.doit().expand()
    (0, eta**2/4)

    References
    ==========

    S. Mandt, M. D. Hoffman, D. M. Blei, Stochastic gradient descent as approximate Bayesian
    inference, JMLR 18 (2017).
    """

    orders = (1, 2)

    @property
    def title(self) -> str:
        """'SGD'."""
        return "SGD"

    @property
    def rate(self) -> Any:
        """η."""
        return self.eta

    def noise(self, loss: Any) -> Noise:
        """η² C_B."""
        factor = self.eta**2 * self.covariance_factor(loss)
        return Noise(factor, self.gradient_noise(loss), 2)

    def ito(self) -> StochasticGradientFlow:
        """The Itô form, in the time `t = η · steps`: `dθ = -∇L dt + √(η C_B) dW`."""
        return StochasticGradientFlow(*self.args)

    def outcomes(self, loss: Any, evaluate: Any, point: Any) -> Iterator[tuple[Any, list[Any]]]:
        """Every minibatch with its probability, where they are not too many."""
        gradients = self.gradient_noise(loss).gradients(evaluate, point)
        size = evaluate(self.batch, point)
        if gradients is None or not mpmath.isint(size):
            yield from super().outcomes(loss, evaluate, point)
            return
        batches = _batches(len(gradients), int(size), self.replacement)
        if batches is None:
            yield from super().outcomes(loss, evaluate, point)
            return
        rate = evaluate(self.eta, point) / size
        for weight, batch in batches:
            chosen = [gradients[i] for i in batch]
            yield weight, [-rate * mpmath.fsum(column) for column in zip(*chosen, strict=True)]


def _batches(count: int, size: int, replacement: bool) -> list[tuple[Any, tuple[int, ...]]] | None:
    """The minibatches with their probabilities; None where they are too many, or there is none."""
    number = comb(count + size - 1, size) if replacement else comb(count, size)
    if not 0 < number <= MANY_BATCHES:
        return None
    if not replacement:
        return [(mpmath.mpf(1) / number, batch) for batch in combinations(range(count), size)]
    return [
        (mpmath.mpf(_orders(batch)) / count**size, batch)
        for batch in combinations_with_replacement(range(count), size)
    ]


def _orders(batch: tuple[int, ...]) -> int:
    """In how many orders a minibatch can be drawn."""
    return factorial(len(batch)) // prod(map(factorial, Counter(batch).values()))


class StochasticGradientFlow(Minibatches):
    """`dθ = -∇L dt + √(η C_B) dW`: SGD in continuous time, `t = η · steps`.

    On average `dP/dt = NTCov(P, -L) + ½η tr(C_B ∇²P)`; P itself fluctuates by `√η ∇P · C_B^{1/2}
    dW`, whose variance per unit of time is ``.fluctuation``, `η NTVar_{C_B}(P)`.

    Parameters
    ==========

    eta, batch, n, replacement : as for ``SGD``; made by ``SGD(...).ito()``.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.sgd import SGD
    >>> P, L = observables('P L')
    >>> found = price(P, L, SGD(symbols('eta', positive=True), 1).ito())
    >>> found.change
    eta*(HessianTrace(P, GradientNoise(L)))/2 + NTCov(P, -L)
    >>> found.fluctuation
    eta*NTVar(P, GradientNoise(L))

    References
    ==========

    Q. Li, C. Tai, W. E, Stochastic modified equations and adaptive stochastic gradient algorithms,
    ICML 2017.
    """

    continuous = True

    @property
    def title(self) -> str:
        """'Itô form of SGD'."""
        return "Itô form of SGD"

    def noise(self, loss: Any) -> Noise:
        """η C_B per unit of time."""
        factor = self.eta * self.covariance_factor(loss)
        return Noise(factor, self.gradient_noise(loss), 1)
