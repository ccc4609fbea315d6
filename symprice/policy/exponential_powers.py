"""Variances where an action is a power of a standard exponential, `a = λ u^(1/k)`.

Under the law in proportion to `u^x exp(-u)` the square of a score has the mean `c² φ(x)` and the
score itself `c ψ(x)`. So for `r = Σ p_m a^m` with x = m/k, y = n/k, the variance with the mean
reward as baseline is the sum over m and n of `p_m p_n λ^(m+n) c²` times

    Γ(1+x) Γ(1+y) [(R - 1) φ(x+y) + φ(x+y) - φ(x) - φ(y) + φ(0) - ψ(x) ψ(y)]

with `R = Γ(1+x+y)/(Γ(1+x) Γ(1+y))`. Where k is large, everything in the brackets is of the order of
x y, and no difference is taken as it is written: not of R, and not of φ, by the rules of `Varying`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sympy import Add, EulerGamma, Mul, Poly, S, exp, gamma, pi, polygamma
from sympy.core.sympify import _sympify
from sympy.polys.polyerrors import CoercionFailed, GeneratorsError, PolynomialError

from .gamma_differences import PolygammaDifference
from .positive import WeibullPolicy
from .short import short

__all__ = ["exponential_baseline", "exponential_variance"]

_DEGREE = 4
# Up to this shape differences as they are written lose no more than three digits.
_PLAIN = 20


class Varying(NamedTuple):
    """A function of x by f(0), f(x), its rise `f(x) - f(0)` and its bend
    `f(x+y) - f(x) - f(y) + f(0)`; sums and products have theirs from those of their parts.
    """

    start: Any
    at: Callable[[Any], Any]
    rise: Callable[[Any], Any]
    bend: Callable[[Any, Any], Any]

    def plus(self, other: Varying) -> Varying:
        """f + g."""
        return Varying(
            self.start + other.start,
            lambda x: self.at(x) + other.at(x),
            lambda x: self.rise(x) + other.rise(x),
            lambda x, y: self.bend(x, y) + other.bend(x, y),
        )

    def times(self, other: Varying) -> Varying:
        """f g."""
        f, g = self, other

        def rise(x: Any) -> Any:
            return f.start * g.rise(x) + f.rise(x) * g.at(x)

        def bend(x: Any, y: Any) -> Any:
            by_f, by_g = f.bend(x, y), g.bend(x, y)
            crossed = f.rise(x) * g.rise(y) + f.rise(y) * g.rise(x)
            return (f.at(x) + f.rise(y)) * by_g + crossed + by_f * g.at(x + y)

        return Varying(f.start * g.start, lambda x: f.at(x) * g.at(x), rise, bend)


def _number(c: Any) -> Varying:
    return Varying(_sympify(c), lambda x: _sympify(c), lambda x: S.Zero, lambda x, y: S.Zero)


def _polygamma(n: int, start: Any) -> Varying:
    return Varying(
        start,
        lambda x: polygamma(n, 1 + x),
        lambda x: PolygammaDifference(n, x),
        lambda x, y: PolygammaDifference(n, x, y),
    )


_X = Varying(S.Zero, lambda x: x, lambda x: x, lambda x, y: S.Zero)
_ONE = _number(1)
# 1 + x + x²; the mean and the variance of log u.
_SQUARE = _ONE.plus(_X).plus(_X.times(_X))
_MEAN, _SPREAD = _polygamma(0, -EulerGamma), _polygamma(1, pi**2 / 6)


class _Score(NamedTuple):
    """A score: its factor c, φ and ψ."""

    factor: Any
    square: Varying
    slope: Callable[[Any], Any]


def _score_of(policy: WeibullPolicy, variable: Any) -> _Score | None:
    k, scale = policy.heads
    if variable == scale:  # c (u - 1)
        return _Score(k / scale, _SQUARE, lambda x: x)
    if variable == k:  # c (1 + log u - u log u)
        second = _SPREAD.plus(_MEAN.times(_MEAN)).times(_SQUARE)
        square = _ONE.plus(second).plus(_number(2).times(_ONE.plus(_X)).times(_MEAN))
        return _Score(1 / k, square, lambda x: -x * _MEAN.at(x))
    return None


class _Moments:
    """The moments of reward and score, by one parameter of the formulas."""

    def __init__(self, gradient: Any, score: _Score, reward: Poly) -> None:
        k, scale = gradient.policy.heads
        self.gradient, self.score = gradient, score
        #: p_m λ^m Γ(1 + m/k) by m/k.
        self.parts = {
            m / k: p * scale**m * gamma(1 + m / k) for (m,), p in reward.terms() if m > 0 and p != 0
        }

    def covariance(self) -> Any:
        """E[(r - J) s²]."""
        rise = self.score.square.rise
        return self.score.factor**2 * Add(*(p * rise(x) for x, p in self.parts.items()))

    def square(self) -> Any:
        """E[s²]."""
        return self.score.factor**2 * self.score.square.start

    def variance(self) -> Any:
        """Var[(r - J) s]."""
        square, slope = self.score.square, self.score.slope
        total = S.Zero
        for x, p in self.parts.items():
            for y, q in self.parts.items():
                ratio = exp(PolygammaDifference(-1, x, y)) - 1
                inner = ratio * square.at(x + y) + square.bend(x, y) - slope(x) * slope(y)
                total += p * q * inner
        return self.score.factor**2 * total


def exponential_variance(gradient: Any, baseline: Any) -> Any:
    """Var[(r - b) s] by one parameter of a Weibull law; None of any other, or where the reward is
    no polynomial in the action. ``baseline`` is a formula, or 'optimal'.

    Examples
    ========

    >>> from symprice import Parameter, WeibullPolicy, policy_gradient
    >>> from symprice.policy.exponential_powers import exponential_variance
    >>> G = policy_gradient(WeibullPolicy(1, Parameter('lambda', positive=True)), lambda a: a)
    >>> exponential_variance(G, 0)
    13
    """
    if (moments := _moments(gradient)) is None:
        return None
    least = moments.variance()
    k = gradient.policy.heads[0]
    if baseline == "optimal":
        return _tidy(least - moments.covariance() ** 2 / moments.square(), k)
    # (r - b) s is (r - J) s and (J - b) s.
    away = gradient.expected - baseline
    return _tidy(least + 2 * away * moments.covariance() + away**2 * moments.square(), k)


def exponential_baseline(gradient: Any) -> Any:
    """E[s² r]/E[s²] by one parameter of a Weibull law; else None.

    Examples
    ========

    >>> from symprice import Parameter, WeibullPolicy, policy_gradient
    >>> from symprice.policy.exponential_powers import exponential_baseline
    >>> lam = Parameter('lambda', positive=True)
    >>> exponential_baseline(policy_gradient(WeibullPolicy(1, lam), lambda a: a))
    3*lambda
    """
    if (moments := _moments(gradient)) is None:
        return None
    best = gradient.expected + moments.covariance() / moments.square()
    return _tidy(best, gradient.policy.heads[0])


def _tidy(expr: Any, k: Any) -> Any:
    """The textbook form for a shape that is a small number; of others the differences stay."""
    if k.is_number and k <= _PLAIN:
        for f in expr.atoms(PolygammaDifference):
            n, *steps = f.args
            if n == -1:
                quotient = gamma(1 + Add(*steps)) / Mul(*(gamma(1 + x) for x in steps))
                expr = expr.xreplace({exp(f): quotient})
        expr = expr.replace(PolygammaDifference, PolygammaDifference.definition)
    return expr if expr.has(PolygammaDifference) else short(expr)


def _moments(gradient: Any) -> _Moments | None:
    policy = gradient.policy
    if not isinstance(policy, WeibullPolicy) or len(gradient.wrt) != 1:
        return None
    score = _score_of(policy, gradient.wrt[0])
    if score is None or gradient.reward.free_symbols & set(gradient.wrt):
        return None
    try:
        reward = Poly(gradient.reward, policy.action)
    except (CoercionFailed, GeneratorsError, PolynomialError):
        return None
    return _Moments(gradient, score, reward) if reward.degree() <= _DEGREE else None
