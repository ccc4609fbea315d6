"""Laplace and logistic actions: a location and a scale around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar

from sympy import (
    Abs,
    Add,
    Dummy,
    S,
    bernoulli,
    binomial,
    exp,
    expand,
    factorial,
    log,
    pi,
    sign,
    sin,
)

from ..networks.activations import log_sigmoid, sigmoid
from .expecting import expected
from .family import FamilyPolicy
from .given import REAL, SCALE, Groups, ln
from .unit_interval import BetaPolicy
from .weak_derivatives import Side, WeakDerivative

__all__ = ["LaplacePolicy", "LogisticPolicy"]


class SymmetricPolicy(FamilyPolicy):
    """A family `a = μ + s ε` with noise ε that is symmetric about 0."""

    groups: ClassVar[Groups] = {}

    @property
    def support(self) -> Any:
        """The real numbers."""
        return S.Reals

    def even_moment(self, n: int) -> Any:
        """E[εⁿ] for an even n."""
        raise self._unstated("even_moment")

    def moment(self, n: int, c: SimpleNamespace) -> Any:
        """E[aⁿ] = Σ_k C(n, 2k) s^(2k) E[ε^(2k)] μ^(n-2k)."""
        return Add(
            *(
                binomial(n, k) * c.scale**k * self.even_moment(k) * c.loc ** (n - k)
                for k in range(0, n + 1, 2)
            )
        )

    def reparameterised(self, noise: Any) -> Any:
        """a = μ + s ε."""
        c = self.canonical
        return c.loc + c.scale * noise, type(self)(0, 1)


class LaplacePolicy(SymmetricPolicy):
    """A real action with density `exp(-|a-μ|/b)/(2b)`.

    Its score jumps at the mean, so that E[-∂²log π] is 0 there and no Fisher information.

    Parameters
    ==========

    loc : μ.
    scale | log_scale : b, or its logarithm.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.symmetric import LaplacePolicy
    >>> pi = LaplacePolicy(Parameter('mu', real=True), 2)
    >>> pi.score(), pi.fisher()
    (sign(a - mu)/2, 1/4)
    """

    groups: ClassVar[Groups] = {"loc": {"loc": REAL}, "scale": SCALE}

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """`-|a-μ|/b - log(2b)`."""
        return -Abs(a - c.loc) / c.scale - ln(c.scale) - log(2)

    def even_moment(self, n: int) -> Any:
        """n!."""
        return factorial(n)

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[exp(t a)] = exp(μ t)/(1 - b² t²)."""
        return exp(c.loc * t) / (1 - c.scale**2 * t**2) if s == 0 and q == 0 else None

    def exists(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> list[Any]:
        """`|t| < 1/b`."""
        return [] if t == 0 else [1 - c.scale**2 * t**2]

    def mean_of(self, term: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """With a = μ + b x, `E[xⁿ |x|ᵐ sign(x)^l]` is (n+m)! where n + l is even, else 0."""
        c = self.canonical
        if isinstance(term, Abs):
            away = self._distance(term, a, c)
            if away is not None:
                return away
        if not term.has(Abs, sign):
            return super().mean_of(term, a, check)
        x, size, way = Dummy("x", real=True), Dummy("r", positive=True), Dummy("w", real=True)
        moved = term.xreplace(
            {
                f: self._standard(f, a, c, size, way)
                for f in term.atoms(Abs, sign)
                if f.args[0].has(a)
            }
        ).subs(a, c.loc + c.scale * x)
        moved = expand(moved)
        if moved.has(Abs, sign) and any(f.has(x) for f in moved.atoms(Abs, sign)):
            return None
        if not moved.is_polynomial(x, size, way):
            return None
        total = S.Zero
        for (n, m, k), coefficient in moved.as_poly(x, size, way).terms():
            if (n + k) % 2 == 0:
                total += coefficient * factorial(n + m)
        return total

    def _distance(self, term: Any, a: Any, c: SimpleNamespace) -> Any:
        """E|m (a - k)| = |m| (|μ-k| + b exp(-|μ-k|/b))."""
        inner = expand(term.args[0])
        slope = inner.coeff(a, 1)
        rest = expand(inner - slope * a)
        if slope == 0 or slope.has(a) or rest.has(a):
            return None
        gap = Abs(c.loc + rest / slope)
        return Abs(slope) * (gap + c.scale * exp(-gap / c.scale))

    def _standard(self, f: Any, a: Any, c: SimpleNamespace, size: Any, way: Any) -> Any:
        """|a-μ| as b r, sign(a-μ) as w; another function of the action as it is."""
        gap = expand(f.args[0] - (a - c.loc))
        flipped = expand(f.args[0] + (a - c.loc))
        if gap != 0 and flipped != 0:
            return f
        if isinstance(f, Abs):
            return c.scale * size
        return way if gap == 0 else -way

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """By μ exponential noise on both sides, by b a double-sided gamma law less π itself."""
        from .double_sided import DoubleGamma
        from .positive import ExponentialPolicy

        if meaning == "scale":
            wide = DoubleGamma()
            up = Side(wide, c.loc + c.scale * wide.action)
            return WeakDerivative(1 / c.scale, up, Side(self, self.action))
        noise = ExponentialPolicy(1)
        up, down = (Side(noise, c.loc + way * c.scale * noise.action) for way in (1, -1))
        return WeakDerivative(1 / (2 * c.scale), up, down)

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.laplace(c.loc, c.scale, n)


class LogisticPolicy(SymmetricPolicy):
    """A real action with distribution function `σ((a-μ)/s)`.

    Parameters
    ==========

    loc : μ.
    scale | log_scale : s, or its logarithm.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.symmetric import LogisticPolicy
    >>> LogisticPolicy(Parameter('mu'), 1).fisher()
    1/3
    """

    groups: ClassVar[Groups] = {"loc": {"loc": REAL}, "scale": SCALE}

    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """2 log σ(x) - x - log s, with x = (a-μ)/s."""
        x = (a - c.loc) / c.scale
        return 2 * log_sigmoid(x) - x - ln(c.scale)

    def even_moment(self, n: int) -> Any:
        """`π^n (2^n - 2) |B_n|`."""
        return logistic_moment(n, 0)

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[exp(t a)] = exp(μ t) Γ(1 - s t) Γ(1 + s t), where the product is π s t/sin(π s t)."""
        if s != 0 or q != 0:
            return None
        turn = pi * c.scale * t
        return exp(c.loc * t) * (1 if t == 0 else turn / sin(turn))

    def exists(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> list[Any]:
        """`|t| < 1/s`."""
        return [] if t == 0 else [1 - c.scale**2 * t**2]

    def mean_of(self, term: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """σ((a-μ)/s) = p is uniform on (0, 1), and a = μ + s (log p - log(1-p))."""
        if not term.has(sigmoid, log_sigmoid):
            return super().mean_of(term, a, check)
        c = self.canonical
        if (value := self._of_polynomial(term, a, c)) is not None:
            return value
        uniform = BetaPolicy(1, 1)
        p = uniform._bound
        moved = {}
        for f in term.atoms(sigmoid, log_sigmoid):
            x = expand(f.args[0] * c.scale)
            if x not in (expand(a - c.loc), expand(c.loc - a)):
                continue
            value = p if x == expand(a - c.loc) else 1 - p
            moved[f] = value if isinstance(f, sigmoid) else log(value)
        inner = term.xreplace(moved).subs(a, c.loc + c.scale * (log(p) - log(1 - p)))
        value, left = expected(inner, p, lambda part: uniform.mean_of(part, p, check))
        return value if left == 0 else None

    def _of_polynomial(self, term: Any, a: Any, c: SimpleNamespace) -> Any:
        """E of a polynomial in a = μ + s x and σ(x) = (1 + t)/2; None of anything else."""
        x, t = Dummy("x", real=True), Dummy("t", real=True)
        moved = {}
        for f in term.atoms(sigmoid):
            inner = expand(f.args[0] * c.scale)
            for way in (1, -1):
                if inner == expand(way * (a - c.loc)):
                    moved[f] = (1 + way * t) / 2
        standard = term.xreplace(moved).subs(a, c.loc + c.scale * x)
        if not standard.is_polynomial(x, t):
            return None
        terms = standard.as_poly(x, t).terms()
        return Add(*(coefficient * logistic_moment(n, m) for (n, m), coefficient in terms))

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions."""
        return rng.logistic(c.loc, c.scale, n)


@cache
def logistic_moment(n: int, m: int) -> Any:
    """E[xⁿ tᵐ] of a standard logistic x, with t = tanh(x/2) and density t'/2 = (1 - t²)/4.

    By parts: `(m+1) E[xⁿ tᵐ] = 2n Σ E[xⁿ⁻¹ tʲ]` over j = 0, 2, …, m-1 where n and m are odd; where
    both are even, over j = 1, 3, …, m-1 and with E[xⁿ] added.
    """
    if (n + m) % 2:
        return S.Zero
    if m == 0:
        return S.One if n == 0 else pi**n * (2**n - 2) * abs(bernoulli(n))
    if n == 0:
        return S.One / (m + 1)
    below = Add(*(logistic_moment(n - 1, j) for j in range((m + 1) % 2, m, 2)))
    return expand((2 * n * below + (0 if m % 2 else logistic_moment(n, 0))) / (m + 1))
