"""Actions that are counts: Poisson, geometric, binomial and negative binomial."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

from sympy import Add, Mul, Range, S, exp, factorial, gamma, log
from sympy import binomial as choose
from sympy.functions.combinatorial.numbers import stirling

from .family import FamilyPolicy
from .given import LOGIT, POSITIVE, Form, Groups
from .weak_derivatives import Side, WeakDerivative

__all__ = ["BinomialPolicy", "GeometricPolicy", "NegativeBinomialPolicy", "PoissonPolicy"]


class CountingPolicy(FamilyPolicy):
    """A family with counts as actions, whose factorial moments are short."""

    @property
    def support(self) -> Any:
        """0, 1, 2, ..."""
        return S.Naturals0

    def factorial_moment(self, n: int, c: SimpleNamespace) -> Any:
        """E[a (a-1) … (a-n+1)]."""
        raise self._unstated("factorial_moment")

    def moment(self, n: int, c: SimpleNamespace) -> Any:
        """E[aⁿ] = Σ_k S(n, k) E[a (a-1) … (a-k+1)], with Stirling's numbers of the second kind."""
        return Add(*(stirling(n, k) * self.factorial_moment(k, c) for k in range(n + 1)))


class PoissonPolicy(CountingPolicy):
    """A count with probability `λᵃ exp(-λ)/a!`.

    Parameters
    ==========

    rate | log_rate : λ, or its logarithm.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.counting import PoissonPolicy
    >>> pi = PoissonPolicy(Parameter('lambda'))
    >>> pi.score(), pi.fisher()
    ((a - lambda)/lambda, 1/lambda)
    >>> PoissonPolicy(log_rate=Parameter('z')).score()
    a - exp(z)
    """

    groups: ClassVar[Groups] = {"rate": {"rate": POSITIVE, "log_rate": Form("real", exp)}}

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """a log λ - λ - log a!."""
        return a * log(c.rate) - c.rate - log(factorial(a))

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[exp(t a)] = exp(λ (exp(t) - 1))."""
        return exp(c.rate * (exp(t) - 1)) if s == 0 and q == 0 else None

    def factorial_moment(self, n: int, c: SimpleNamespace) -> Any:
        """λⁿ."""
        return c.rate**n

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """∂π/∂λ is the law of a + 1 less that of a."""
        return WeakDerivative(S.One, Side(self, self.action + 1), Side(self, self.action))

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.poisson(c.rate, n)


class GeometricPolicy(CountingPolicy):
    """The number of failures before the first success: `p (1-p)ᵃ` for a = 0, 1, 2, ...

    This is the convention of TFP, distrax and PyTorch; SymPy and NumPy count the success as well,
    their actions are 1, 2, ...

    Parameters
    ==========

    probability | logit | probit : p = σ(logit) = Φ(probit), the probability of a success.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.counting import GeometricPolicy
    >>> pi = GeometricPolicy(Parameter('p'))
    >>> pi.expectation(lambda a: a), pi.support
    ((1 - p)/p, Naturals0)
    """

    groups: ClassVar[Groups] = {"probability": LOGIT}

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """log p + a log(1-p)."""
        return log(c.probability) + a * log(1 - c.probability)

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[exp(t a)] = p/(1 - (1-p) exp(t))."""
        p = c.probability
        return p / (1 - (1 - p) * exp(t)) if s == 0 and q == 0 else None

    def exists(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> list[Any]:
        """(1-p) exp(t) < 1."""
        return [1 - (1 - c.probability) * exp(t)] if t != 0 else []

    def factorial_moment(self, n: int, c: SimpleNamespace) -> Any:
        """n! ((1-p)/p)ⁿ."""
        return factorial(n) * ((1 - c.probability) / c.probability) ** n

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """∂π/∂p = (π - π₋)/p, where a₋ is one more than two geometric counts."""
        p = c.probability
        two = NegativeBinomialPolicy(2, 1 - p)
        return WeakDerivative(1 / p, Side(self, self.action), Side(two, two.action + 1))

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.geometric(c.probability, n) - 1


class BinomialPolicy(CountingPolicy):
    """The number of successes in n tries: `C(n, a) pᵃ (1-p)^(n-a)`.

    Parameters
    ==========

    total_count : the number of tries n, which is not trained.
    probability | logit | probit : p = σ(logit) = Φ(probit).

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.counting import BinomialPolicy
    >>> pi = BinomialPolicy(10, logit=Parameter('z'))
    >>> pi.score()
    a - 10*sigmoid(z)
    """

    groups: ClassVar[Groups] = {
        "total_count": {"total_count": Form("count")},
        "probability": LOGIT,
    }

    @property
    def support(self) -> Any:
        """0, 1, ..., n."""
        n = self.canonical.total_count
        return Range(0, n + 1) if n.is_Integer else S.Naturals0

    @property
    def bounds(self) -> tuple[Any, Any]:
        """0 and n."""
        return S.Zero, self.canonical.total_count

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """log C(n, a) + a log p + (n-a) log(1-p)."""
        n, p = c.total_count, c.probability
        return log(choose(n, a)) + a * log(p) + (n - a) * log(1 - p)

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[exp(t a)] = (1 - p + p exp(t))ⁿ."""
        p = c.probability
        return (1 - p + p * exp(t)) ** c.total_count if s == 0 and q == 0 else None

    def factorial_moment(self, n: int, c: SimpleNamespace) -> Any:
        """n (n-1) … pᵏ."""
        return Mul(*(c.total_count - k for k in range(n))) * c.probability**n

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """∂π/∂p is n times the law of b + 1 less that of b, of n - 1 tries."""
        n = c.total_count
        if n == 1:
            return WeakDerivative(n, Side(self, S.One), Side(self, S.Zero))
        fewer = BinomialPolicy(n - 1, c.probability)
        return WeakDerivative(n, Side(fewer, fewer.action + 1), Side(fewer, fewer.action))

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.binomial(int(c.total_count), c.probability, n)


class NegativeBinomialPolicy(CountingPolicy):
    """The number of successes before the r-th failure: `Γ(a+r)/(a! Γ(r)) (1-p)^r pᵃ`.

    p is the probability of a success, as in TFP and PyTorch; in SymPy, SciPy and NumPy it is that
    of what ends the counting.

    Parameters
    ==========

    total_count : r > 0, the number of failures that ends it; it need not be whole.
    probability | logit | probit : p = σ(logit) = Φ(probit).

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.counting import NegativeBinomialPolicy
    >>> pi = NegativeBinomialPolicy(3, Parameter('p'))
    >>> pi.expectation(lambda a: a)
    3*p/(1 - p)
    """

    groups: ClassVar[Groups] = {
        "total_count": {"total_count": POSITIVE},
        "probability": LOGIT,
    }

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """log Γ(a+r) - log a! - log Γ(r) + r log(1-p) + a log p."""
        r, p = c.total_count, c.probability
        return log(gamma(a + r)) - log(factorial(a)) - log(gamma(r)) + r * log(1 - p) + a * log(p)

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[exp(t a)] = ((1-p)/(1 - p exp(t)))^r."""
        r, p = c.total_count, c.probability
        return (1 - p) ** r * (1 - p * exp(t)) ** -r if s == 0 and q == 0 else None

    def exists(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> list[Any]:
        """p exp(t) < 1."""
        return [1 - c.probability * exp(t)] if t != 0 else []

    def factorial_moment(self, n: int, c: SimpleNamespace) -> Any:
        """r (r+1) … (p/(1-p))ⁿ."""
        r = Mul(*(c.total_count + k for k in range(n)))
        return r * (c.probability / (1 - c.probability)) ** n

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """∂π/∂p = (π₊ - π) r/(1-p), where a₊ is one more than the count of r + 1."""
        if meaning != "probability":
            return None
        r, p = c.total_count, c.probability
        longer = NegativeBinomialPolicy(r + 1, p)
        up = Side(longer, longer.action + 1)
        return WeakDerivative(r / (1 - p), up, Side(self, self.action))

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.negative_binomial(c.total_count, 1 - c.probability, n)
