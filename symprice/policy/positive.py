"""Positive actions: exponential, gamma and Weibull."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

from sympy import Interval, gamma, log, oo

from .family import FamilyPolicy
from .given import POSITIVE, RATE, SCALE, Groups, ln
from .weak_derivatives import Side, WeakDerivative

__all__ = ["ExponentialPolicy", "GammaPolicy", "WeibullPolicy"]


class PositivePolicy(FamilyPolicy):
    """A family with positive actions."""

    @property
    def support(self) -> Any:
        """The positive numbers."""
        return Interval.open(0, oo)


class ExponentialPolicy(PositivePolicy):
    """A positive action with density `λ exp(-λ a)`.

    Parameters
    ==========

    rate | log_rate | scale : λ, its logarithm, or the mean 1/λ.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.positive import ExponentialPolicy
    >>> pi = ExponentialPolicy(Parameter('lambda'))
    >>> pi.score(), pi.fisher()
    (-a + 1/lambda, lambda**(-2))
    """

    groups: ClassVar[Groups] = {"rate": RATE}

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """log λ - λ a."""
        return ln(c.rate) - c.rate * a

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[a^s exp(t a)] = λ Γ(1+s)/(λ-t)^(1+s)."""
        return c.rate * gamma(1 + s) * (c.rate - t) ** (-1 - s) if q == 0 else None

    def exists(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> list[Any]:
        """s > -1 and t < λ."""
        return [1 + s, c.rate - t]

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """∂π/∂λ = (π - gamma(2, λ))/λ."""
        wider = GammaPolicy(2, c.rate)
        return WeakDerivative(1 / c.rate, Side(self, self.action), Side(wider, wider.action))

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.exponential(1 / c.rate, n)

    def reparameterised(self, noise: Any) -> Any:
        """a = ε/λ, with ε standard exponential."""
        return noise / self.canonical.rate, ExponentialPolicy(1)


class GammaPolicy(PositivePolicy):
    """A positive action with density `λ^k a^(k-1) exp(-λ a)/Γ(k)`.

    Parameters
    ==========

    concentration : the shape k.
    rate | log_rate | scale : λ, its logarithm, or 1/λ (NumPy and SciPy take the scale).

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.policy.positive import GammaPolicy
    >>> pi = GammaPolicy(*parameters('k lambda'))
    >>> pi.score().T
    Matrix([[log(a) + log(lambda) - polygamma(0, k), -a + k/lambda]])
    >>> pi.fisher()
    Matrix([
    [polygamma(1, k),   -1/lambda],
    [      -1/lambda, k/lambda**2]])
    """

    groups: ClassVar[Groups] = {"concentration": {"concentration": POSITIVE}, "rate": RATE}

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """k log λ + (k-1) log a - λ a - log Γ(k)."""
        k = c.concentration
        return k * ln(c.rate) + (k - 1) * log(a) - c.rate * a - log(gamma(k))

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[a^s exp(t a)] = λ^k Γ(k+s)/(Γ(k) (λ-t)^(k+s))."""
        if q != 0:
            return None
        k = c.concentration
        if t == 0:
            return gamma(k + s) / gamma(k) * c.rate ** (-s)
        return gamma(k + s) / gamma(k) * c.rate**k * (c.rate - t) ** (-k - s)

    def exists(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> list[Any]:
        """s > -k and t < λ."""
        return [c.concentration + s, c.rate - t]

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """∂π/∂λ = (π - gamma(k + 1, λ)) k/λ."""
        if meaning != "rate":
            return None
        k, wider = c.concentration, GammaPolicy(c.concentration + 1, c.rate)
        return WeakDerivative(k / c.rate, Side(self, self.action), Side(wider, wider.action))

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.gamma(c.concentration, 1 / c.rate, n)

    def reparameterised(self, noise: Any) -> Any:
        """a = ε/λ, with ε of rate 1, where the shape is not trained."""
        from ..symbols import depends_on_parameters

        if depends_on_parameters(self.canonical.concentration):
            return None
        return noise / self.canonical.rate, GammaPolicy(self.canonical.concentration, 1)


class WeibullPolicy(PositivePolicy):
    """A positive action with density `(k/λ)(a/λ)^(k-1) exp(-(a/λ)^k)`.

    Parameters
    ==========

    concentration : the shape k (first, as in TFP; PyTorch takes the scale first).
    scale | log_scale : λ, or its logarithm.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.positive import WeibullPolicy
    >>> pi = WeibullPolicy(2, Parameter('lambda'))
    >>> pi.fisher(), pi.expectation(lambda a: a**2)
    (4/lambda**2, lambda**2)
    """

    groups: ClassVar[Groups] = {"concentration": {"concentration": POSITIVE}, "scale": SCALE}

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """log k + (k-1) log a - k log λ - (a/λ)^k."""
        k = c.concentration
        return log(k) + (k - 1) * log(a) - k * ln(c.scale) - a**k * c.scale ** (-k)

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[a^s] = λ^s Γ(1 + s/k)."""
        return c.scale**s * gamma(1 + s / c.concentration) if q == 0 and t == 0 else None

    def exists(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> list[Any]:
        """s > -k."""
        return [c.concentration + s]

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """∂π/∂λ = (π₊ - π) k/λ, where (a₊/λ)^k is gamma of shape 2."""
        if meaning != "scale":
            return None
        k, wider = c.concentration, GammaPolicy(2, 1)
        up = Side(wider, c.scale * wider.action ** (1 / k))
        return WeakDerivative(k / c.scale, up, Side(self, self.action))

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return c.scale * rng.weibull(c.concentration, n)

    def reparameterised(self, noise: Any) -> Any:
        """a = λ ε^(1/k), with ε standard exponential."""
        c = self.canonical
        return c.scale * noise ** (1 / c.concentration), ExponentialPolicy(1)
