"""Gaussian actions squashed into (-1, 1) by tanh."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

from sympy import Add, Dummy, Interval, atanh, degree, exp, factorial, log, oo, pi, tanh

from ..networks.activations import log_sigmoid
from .family import FamilyPolicy
from .gaussian import GaussianPolicy
from .given import REAL, SIGMA, Groups, ln
from .integrals import ActionIntegral

__all__ = ["SquashedGaussianPolicy"]

_U = Dummy("u", real=True)


class SquashedGaussianPolicy(FamilyPolicy):
    """An action `a = tanh(u)` with Gaussian u, as in soft actor-critic.

    `log π(a) = log N(u; μ, σ) - log(1 - tanh²u)` with `u = artanh a`. The last term does not depend
    on θ, so that scores and Fisher information are those of u. Expectations of powers of a have
    no closed form and stay integrals over u.

    Parameters
    ==========

    mean : μ, of u.
    sigma | log_sigma | variance : the standard deviation σ of u, its logarithm, or its square.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.squashed import SquashedGaussianPolicy
    >>> pi = SquashedGaussianPolicy(Parameter('mu'), 1)
    >>> pi.score(), pi.fisher()
    (-mu + atanh(a), 1)
    """

    patience: ClassVar[float] = 0
    groups: ClassVar[Groups] = {"mean": {"mean": REAL}, "sigma": SIGMA}

    @property
    def support(self) -> Any:
        """The interval (-1, 1)."""
        return Interval.open(-1, 1)

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """-(u-μ)²/(2σ²) - log σ - log(2π)/2 - log(1-a²), with u = artanh a."""
        gap = atanh(a) - c.mean
        return -(gap**2) / (2 * c.sigma**2) - ln(c.sigma) - log(2 * pi) / 2 - log(1 - a**2)

    def mean_of(self, term: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E over the Gaussian u, where the action occurs as artanh a."""
        moved = term.xreplace({atanh(a): _U})
        if moved.has(a):
            return None
        c = self.canonical
        return GaussianPolicy(c.mean, c.sigma).mean_of(moved, _U, check)

    def integral(self, expr: Any, a: Any) -> Any:
        """E of an expression as an integral over u."""
        c = self.canonical
        # log(1 - tanh²u) without the difference, which loses all digits in the tails.
        tails = log(4) + log_sigmoid(2 * _U) + log_sigmoid(-2 * _U)
        inner = expr.xreplace({atanh(a): _U, log(1 - a**2): tails}).xreplace({a: tanh(_U)})
        weight = exp(GaussianPolicy(c.mean, c.sigma).log_density(_U))
        return ActionIntegral(inner * weight, (_U, -oo, oo))

    def centred(self, reward: Any, a: Any) -> Any:
        """A polynomial reward less that of tanh μ, in powers of `a - tanh μ`: near ±1 nothing else
        has digits left.
        """
        if not reward.is_polynomial(a):
            return None
        middle, gap = tanh(self.canonical.mean), Dummy("gap")
        (_, *terms) = [
            reward.diff(a, n).subs(a, middle) / factorial(n)
            for n in range(int(degree(reward, a)) + 1)
        ]
        found = Add(*(c * gap**n for n, c in enumerate(terms, start=1)))
        return found.xreplace({gap: a - middle})

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """That of u, which is Gaussian."""
        return GaussianPolicy(c.mean, c.sigma).weak_derivative(meaning, c).through(tanh)

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        import numpy as np

        return np.tanh(rng.normal(c.mean, c.sigma, n))

    def reparameterised(self, noise: Any) -> Any:
        """a = tanh(μ + σ ε), with ε standard normal."""
        return tanh(self.canonical.mean + self.canonical.sigma * noise), GaussianPolicy(0, 1)
