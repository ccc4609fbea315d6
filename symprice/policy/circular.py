"""Von Mises actions: directions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

from sympy import Add, Dummy, Interval, S, besseli, cos, exp, expand, log, pi, sin
from sympy.simplify.fu import TR7, TR8

from .bessel import in_ratios, mean_of_waves
from .family import FamilyPolicy
from .given import POSITIVE, REAL, Form, Groups

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
        c, x = self.canonical, Dummy("x", real=True)
        turned = expand(TR8(TR7(expand(term.subs(a, x + c.loc)))), trig=False)
        waves: dict[int, Any] = {}
        for part in Add.make_args(turned):
            coefficient, wave = part.as_independent(x, as_Add=False)
            n, value = (0, S.One) if wave == 1 else _order(wave, x)
            if n is None:
                return None
            waves[n] = waves.get(n, S.Zero) + coefficient * value
        return mean_of_waves(waves, c.concentration)

    def scores(self, a: Any) -> list[Any]:
        """∂log π(a) by each head, in ratios of Bessel functions."""
        return [in_ratios(s) for s in super().scores(a)]

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.vonmises(c.loc, c.concentration, n)


def _order(wave: Any, x: Any) -> tuple[int | None, Any]:
    """n and the wave at φ, of a wave of n x + φ: its mean is I_n/I₀ times that."""
    if isinstance(wave, (cos, sin)):
        inner = expand(wave.args[0])
        n = inner.coeff(x, 1)
        phase = inner - n * x
        if n.is_Integer and not phase.has(x):
            return abs(int(n)), wave.func(phase)
    return None, S.Zero
