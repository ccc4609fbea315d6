"""Laws that weak derivatives are made of: of either sign, and far from 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sympy import Abs, S, log

from .family import FamilyPolicy
from .gaussian import GaussianPolicy
from .symmetric import LaplacePolicy

__all__ = ["DoubleGamma", "DoubleMaxwell"]


class _Weighted(FamilyPolicy):
    """A law with the density of another one times a weight of mean 1."""

    base: ClassVar[Any]

    @staticmethod
    def weight(a: Any) -> Any:
        """The weight of an action."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """The real numbers."""
        return S.Reals

    def law(self, a: Any, c: Any) -> Any:
        """The logarithm of the weight, and of the density that it weighs."""
        return log(self.weight(a)) + self.base.log_density(a)

    def mean_of(self, term: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """The expectation of the other law, with the weight."""
        return self.base.mean_of(term * self.weight(a), a, check)


class DoubleMaxwell(_Weighted):
    """A real action with density `a² exp(-a²/2)/√(2π)`, a Maxwell law of either sign.

    Examples
    ========

    >>> from symprice.policy.double_sided import DoubleMaxwell
    >>> DoubleMaxwell().expectation(lambda a: a**2)
    3
    """

    base = GaussianPolicy(0, 1)

    @staticmethod
    def weight(a: Any) -> Any:
        """a²."""
        return a**2

    def drawn(self, rng: Any, n: int, c: Any) -> Any:
        """n actions: the length of three Gaussian numbers, and a sign."""
        import numpy as np

        return np.sqrt(rng.chisquare(3, n)) * rng.choice([-1.0, 1.0], n)


class DoubleGamma(_Weighted):
    """A real action with density `|a| exp(-|a|)/2`, a gamma law of shape 2 and either sign.

    Examples
    ========

    >>> from symprice.policy.double_sided import DoubleGamma
    >>> DoubleGamma().expectation(lambda a: a**2)
    6
    """

    base = LaplacePolicy(0, 1)

    @staticmethod
    def weight(a: Any) -> Any:
        """|a|."""
        return Abs(a)

    def drawn(self, rng: Any, n: int, c: Any) -> Any:
        """n actions."""
        return rng.gamma(2.0, 1.0, n) * rng.choice([-1.0, 1.0], n)
