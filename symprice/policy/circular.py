"""Von Mises actions: directions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

from sympy import Interval, besseli, cos, exp, log, pi

from .bessel import in_ratios, mean_of_waves
from .cosine_moments import CosineMoment
from .family import FamilyPolicy
from .given import POSITIVE, REAL, Form, Groups
from .waves import waves_of

__all__ = ["VonMisesPolicy"]


class VonMisesPolicy(FamilyPolicy):
    """A direction in [-π, π] with density `exp(κ cos(a-μ))/(2π I₀(κ))`.

    Expectations of cosines and sines close, `E[cos n(a-μ)] = I_n(κ)/I₀(κ)`; those of powers of the
    angle itself depend on where the circle is cut and stay integrals.

    Parameters
    ==========

    loc : the direction μ.
    concentration | log_concentration : κ > 0, or its logarithm.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.circular import VonMisesPolicy
    >>> pi = VonMisesPolicy(Parameter('mu'), Parameter('kappa'))
    >>> pi.score()[0], pi.fisher()[0, 0]
    (kappa*sin(a - mu), kappa*BesselRatio(1, kappa))
    """

    patience: ClassVar[float] = 0
    groups: ClassVar[Groups] = {
        "loc": {"loc": REAL},
        "concentration": {"concentration": POSITIVE, "log_concentration": Form("real", exp)},
    }

    @property
    def support(self) -> Any:
        """The circle, cut at π."""
        return Interval(-pi, pi)

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """κ cos(a-μ) - log I₀(κ) - log 2π."""
        return c.concentration * cos(a - c.loc) - log(besseli(0, c.concentration)) - log(2 * pi)

    def mean_of(self, term: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E[cos n(a-μ)] = I_n/I₀ and E[sin n(a-μ)] = 0, of a product of waves in whole
        frequencies.
        """
        c = self.canonical
        waves = waves_of(term, a, c.loc)
        if waves is None:
            return None
        return mean_of_waves({n: p for n, (p, _) in waves.items()}, c.concentration)

    def information(self, i: int, j: int) -> Any:
        """By κ the variance of the cosine, which is small where κ is large."""
        known = super().information(i, j)
        if known is None and i == j == 1:
            return CosineMoment(self.canonical.concentration, 1, 1)
        return known

    def scores(self, a: Any) -> list[Any]:
        """∂log π(a) by each head, in ratios of Bessel functions."""
        return [in_ratios(s) for s in super().scores(a)]

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.vonmises(c.loc, c.concentration, n)
