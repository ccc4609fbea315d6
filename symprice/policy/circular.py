"""Von Mises actions: directions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

from sympy import Add, Dummy, Interval, Mul, S, besseli, cos, exp, expand, log, pi, sin
from sympy.simplify.fu import TR7, TR8

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
    (kappa*sin(a - mu), kappa*besseli(1, kappa)/besseli(0, kappa))
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
        total = S.Zero
        for part in Add.make_args(turned):
            coefficient, wave = part.as_independent(x, as_Add=False)
            value = S.One if wave == 1 else self._of_wave(wave, x, c.concentration)
            if value is None:
                return None
            total += coefficient * value
        return total

    def _of_wave(self, wave: Any, x: Any, k: Any) -> Any:
        """E of one cosine or sine of n x + φ."""
        if not isinstance(wave, (cos, sin)):
            return None
        inner = expand(wave.args[0])
        n = inner.coeff(x, 1)
        phase = inner - n * x
        if not n.is_Integer or phase.has(x):
            return None
        return wave.func(phase) * ratio(abs(int(n)), k)

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.vonmises(c.loc, c.concentration, n)


def ratio(n: int, k: Any) -> Any:
    """I_n/I₀ in terms of I₁/I₀, by I_{n+1} = I_{n-1} - 2n I_n/κ."""
    values = [S.One, Mul(besseli(1, k), 1 / besseli(0, k))]
    while len(values) <= n:
        m = len(values) - 1
        values.append(expand(values[m - 1] - 2 * m * values[m] / k))
    return values[n]
