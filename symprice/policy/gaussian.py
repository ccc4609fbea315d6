"""Gaussian and log-normal actions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

from sympy import (
    Add,
    Interval,
    Rational,
    S,
    binomial,
    exp,
    expand,
    factorial2,
    log,
    oo,
    pi,
    sqrt,
)

from .bells import without_bell
from .family import FamilyPolicy
from .given import REAL, SIGMA, Groups, ln, stand_in
from .short import merged_exponentials
from .weak_derivatives import Side, WeakDerivative

__all__ = ["GaussianPolicy", "LogNormalPolicy"]


class GaussianPolicy(FamilyPolicy):
    """A real action with density `exp(-(a-μ)²/(2σ²))/(σ√(2π))`.

    Parameters
    ==========

    mean : μ.
    sigma | log_sigma | variance : the standard deviation σ, its logarithm, or its square.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.gaussian import GaussianPolicy
    >>> mu, sigma = Parameter('mu'), Parameter('sigma')
    >>> pi = GaussianPolicy(mu, sigma)
    >>> pi.score().T
    Matrix([[(a - mu)/sigma**2, (-1 + (a - mu)**2/sigma**2)/sigma]])
    >>> pi.fisher()
    Matrix([
    [sigma**(-2),          0],
    [          0, 2/sigma**2]])
    """

    groups: ClassVar[Groups] = {"mean": {"mean": REAL}, "sigma": SIGMA}

    @property
    def support(self) -> Any:
        """The real numbers."""
        return S.Reals

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """-(a-μ)²/(2σ²) - log σ - log(2π)/2."""
        return -((a - c.mean) ** 2) / (2 * c.sigma**2) - ln(c.sigma) - log(2 * pi) / 2

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[exp(t a)] = exp(μ t + σ² t²/2)."""
        return exp(c.mean * t + c.sigma**2 * t**2 / 2) if s == 0 and q == 0 else None

    def moment(self, n: int, c: SimpleNamespace) -> Any:
        """E[aⁿ] = Σ_k C(n, 2k) (2k-1)!! σ^(2k) μ^(n-2k)."""
        return Add(
            *(
                binomial(n, 2 * k)
                * factorial2(2 * k - 1)
                * c.sigma ** (2 * k)
                * c.mean ** (n - 2 * k)
                for k in range(n // 2 + 1)
            )
        )

    def mean_of(self, term: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E of a product of powers, exponentials of quadratics, and waves."""
        c = self.canonical
        bell = without_bell(term, a, c.mean, c.sigma**2, check)
        if bell is None:
            return super().mean_of(term, a, check)
        constant, rest, mean, variance = bell
        # Symbols of its own: the rest may hold the mean of this policy.
        narrower = GaussianPolicy(stand_in("m", "real"), variance=stand_in("v", "positive"))
        found = narrower.mean_of(rest, a, check)
        if found is None:
            return None
        moved = found.xreplace(dict(zip(narrower.heads, (mean, variance), strict=True)))
        return merged_exponentials(expand(constant * moved))

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """By μ Weibull noise on both sides, by σ a double-sided Maxwell law less the law itself."""
        from .double_sided import DoubleMaxwell
        from .positive import WeibullPolicy

        if meaning == "sigma":
            wide = DoubleMaxwell()
            up = Side(wide, c.mean + c.sigma * wide.action)
            return WeakDerivative(1 / c.sigma, up, Side(self, self.action))
        noise = WeibullPolicy(2, sqrt(2))
        up, down = (Side(noise, c.mean + way * c.sigma * noise.action) for way in (1, -1))
        return WeakDerivative(1 / (c.sigma * sqrt(2 * pi)), up, down)

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.normal(c.mean, c.sigma, n)

    def reparameterised(self, noise: Any) -> Any:
        """a = μ + σ ε, with ε standard normal."""
        return self.canonical.mean + self.canonical.sigma * noise, GaussianPolicy(0, 1)


class LogNormalPolicy(FamilyPolicy):
    """A positive action whose logarithm is Gaussian with mean μ and standard deviation σ.

    Parameters
    ==========

    mean : μ, the mean of log a.
    sigma | log_sigma | variance : σ, its logarithm, or its square.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.gaussian import LogNormalPolicy
    >>> pi = LogNormalPolicy(Parameter('mu'), 1)
    >>> pi.score(), pi.expectation(lambda a: a)
    (-mu + log(a), exp(mu + 1/2))
    """

    groups: ClassVar[Groups] = {"mean": {"mean": REAL}, "sigma": SIGMA}

    @property
    def support(self) -> Any:
        """The positive numbers."""
        return Interval.open(0, oo)

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """-(log a - μ)²/(2σ²) - log a - log σ - log(2π)/2."""
        u = log(a)
        return -((u - c.mean) ** 2) / (2 * c.sigma**2) - u - ln(c.sigma) - log(2 * pi) / 2

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[a^s] = exp(μ s + σ² s²/2)."""
        if q != 0 or t != 0:
            return None
        return exp(c.mean * s + c.sigma**2 * s**2 * Rational(1, 2))

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """That of log a, which is Gaussian."""
        return GaussianPolicy(c.mean, c.sigma).weak_derivative(meaning, c).through(exp)

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.lognormal(c.mean, c.sigma, n)

    def reparameterised(self, noise: Any) -> Any:
        """a = exp(μ + σ ε), with ε standard normal."""
        return exp(self.canonical.mean + self.canonical.sigma * noise), GaussianPolicy(0, 1)
