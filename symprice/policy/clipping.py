"""Surrogates of trust regions: the likelihood ratio, and PPO's clipped objective and gradient."""

from __future__ import annotations

from typing import Any

from sympy import Add, Expr, Heaviside, Max, Min, Mul, Piecewise, S, exp, log, piecewise_fold

from ..errors import PolicyError
from .arguments import rewards_of, scalar
from .distribution import DistributionPolicy
from .short import short

__all__ = [
    "clipped_gradient",
    "clipped_slope",
    "clipped_surrogate",
    "likelihood_ratio",
    "require_same",
    "surrogate",
]


def likelihood_ratio(policy: Any, old: Any, action: Any) -> Any:
    """`ρ = π(a)/π_old(a)`, of densities as exp(log π - log π_old).

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.gaussian import GaussianPolicy
    >>> from symprice.policy.objectives import likelihood_ratio
    >>> likelihood_ratio(GaussianPolicy(Parameter('mu'), 1), GaussianPolicy(0, 1), 0)
    exp(-mu**2/2)
    """
    if isinstance(policy, DistributionPolicy):
        return exp(policy.log_prob(action) - old.log_prob(action))
    return policy.prob(action) / old.prob(action)


def surrogate(policy: Any, old: Any, advantage: Any) -> Any:
    """The surrogate `E_{a~π_old}[ρ(a) A(a)]` of TRPO: at π = π_old its gradient is that of J.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, surrogate
    >>> pi = BernoulliPolicy(logit=Parameter('theta'))
    >>> surrogate(pi, BernoulliPolicy(logit=0), {1: 1, 0: -1})
    2*sigmoid(theta) - 1

    References
    ==========

    J. Schulman et al., Trust region policy optimization, ICML 2015.
    """
    require_same(policy, old)
    # E_old[ρ A] = E_π[A]: what the sum over the old policy comes to.
    return policy.expected(advantage)


def clipped_surrogate(policy: Any, old: Any, advantage: Any, epsilon: Any) -> Any:
    """PPO's `E_{a~π_old}[min(ρ A, clip(ρ, 1-ε, 1+ε) A)]`.

    Its gradient is that of the surrogate where `ρ ≤ 1+ε` for A > 0 and `ρ ≥ 1-ε` for A < 0, else 0;
    on the other side it is not clipped. At the ends of the interval the derivative from inside
    counts. Of densities and counts it is an integral or a sum, which has a number.

    Examples
    ========

    >>> from sympy import Rational, Symbol
    >>> from symprice import BernoulliPolicy, GaussianPolicy, clipped_surrogate
    >>> pi, old = BernoulliPolicy(probability=Rational(9, 10)), BernoulliPolicy(logit=0)
    >>> clipped_surrogate(pi, old, {1: 1, 0: 0}, Rational(1, 5))
    3/5
    >>> pi, old = GaussianPolicy(Rational(1, 2), 1), GaussianPolicy(0, 1)
    >>> clipped_surrogate(pi, old, Symbol('a'), Rational(1, 5)).evalf(6)
    0.151256

    References
    ==========

    J. Schulman et al., Proximal policy optimization algorithms, arXiv:1707.06347 (2017).
    """
    require_same(policy, old)
    width = _width(epsilon)
    if isinstance(policy, DistributionPolicy):
        terms = _OfDensities(policy, old, advantage, width)
        return terms.mean(old, terms.surrogate().xreplace({policy.action: old.action}))
    if hasattr(policy, "log_probabilities"):
        from .column_objectives import ClippedColumn

        return ClippedColumn(policy, old, advantage, width).surrogate()
    total = S.Zero
    for a, gain in zip(policy.actions, rewards_of(policy.actions, advantage), strict=True):
        total += old.prob(a) * _clipped(policy.prob(a) / old.prob(a), gain, width)
    return total


def _width(epsilon: Any) -> Any:
    """ε, which is not negative: else 1 + ε is the smaller end of the interval."""
    width = scalar(epsilon, "the clipping width")
    if width.is_negative or width.is_real is False:
        raise PolicyError(f"asked for the clipping width {epsilon}: it is positive, as 1/5")
    return width


def _clipped(ratio: Any, gain: Any, width: Any) -> Any:
    """min(ρ A, clip(ρ) A): of one sign of A only one end of the interval counts."""
    if gain.is_nonnegative:
        return gain * Min(ratio, 1 + width)
    if gain.is_negative:
        return gain * Max(ratio, 1 - width)
    return Min(ratio * gain, Min(Max(ratio, 1 - width), 1 + width) * gain)


def clipped_slope(ratio: Any, advantage: Any, epsilon: Any) -> Any:
    """The factor of A ∇ρ in the gradient of the clipped term: 1 inside, 0 where it is clipped.

    Examples
    ========

    >>> from sympy import Rational
    >>> from symprice import clipped_slope
    >>> [clipped_slope(ratio, 1, Rational(1, 5)) for ratio in (Rational(1, 2), 1, Rational(3, 2))]
    [1, 1, 0]
    """
    r, gain, width = *(scalar(x, "a number") for x in (ratio, advantage)), _width(epsilon)
    inside = ((gain >= 0) & (r <= 1 + width)) | ((gain < 0) & (r >= 1 - width))
    return Piecewise((1, inside), (0, True))


def clipped_gradient(policy: Any, old: Any, advantage: Any, epsilon: Any, wrt: Any = None) -> Any:
    """The gradient of the clipped surrogate: `Σ A(a) ∇π(a)` over the actions that are not clipped.

    By one variable a scalar, by several a column; of a column of logits, by the logits.

    Examples
    ========

    >>> from sympy import Rational
    >>> from symprice import BernoulliPolicy, Parameter, clipped_gradient
    >>> p = Parameter('p', positive=True)
    >>> old = BernoulliPolicy(probability=Rational(1, 2))
    >>> clipped_gradient(BernoulliPolicy(probability=p), old, {1: 1, 0: 0}, Rational(1, 5))
    Piecewise((1, p <= 3/5), (0, True))
    """
    from . import chain, setting
    from .chain import shaped

    require_same(policy, old)
    width = _width(epsilon)
    if isinstance(policy, DistributionPolicy):
        terms = _OfDensities(policy, old, advantage, width)
        scores = [policy.score(wrt=v) for v in chain.variables_of(policy, wrt)]
        return shaped([terms.mean(policy, terms.slope() * s) for s in scores], 1)
    if hasattr(policy, "log_probabilities"):
        from .column_objectives import ClippedColumn

        return ClippedColumn(policy, old, advantage, width).gradient()
    gains = rewards_of(policy.actions, advantage)
    entries = []
    for v in setting.variables_of(policy, wrt):
        total = S.Zero
        for a, gain in zip(policy.actions, gains, strict=True):
            slope = gain * policy.prob(a).diff(v)
            ends = (1 + width) * old.prob(a), (1 - width) * old.prob(a)
            total += slope * _unclipped(policy.prob(a), ends, gain)
        entries.append(Add(*map(_within_conditions, Add.make_args(total))))
    return shaped(entries, 1)


def _within_conditions(term: Any) -> Any:
    """c {1 if …, 0 otherwise} as {c if …, 0 otherwise}."""
    cases = [factor for factor in Mul.make_args(term) if isinstance(factor, Piecewise)]
    return piecewise_fold(term) if len(cases) == 1 else term


def _unclipped(p: Any, ends: tuple[Any, Any], gain: Any) -> Any:
    """1 where the term of an action moves with its probability, else 0."""
    above, below = p <= ends[0], p >= ends[1]
    if gain.is_nonnegative:
        return Piecewise((1, above), (0, True))
    if gain.is_negative:
        return Piecewise((1, below), (0, True))
    return Piecewise((1, ((gain >= 0) & above) | ((gain < 0) & below)), (0, True))


class _OfDensities:
    """The clipped terms of densities and counts, as expressions in the action.

    A ratio is clipped by its logarithm `u = log π - log π_old`: where it begins to be is a zero of
    a polynomial for most families, and there an integral is divided.
    """

    def __init__(self, policy: Any, old: Any, advantage: Any, width: Any) -> None:
        gain = policy.in_action(advantage)
        self.good, self.bad = Max(gain, 0), Max(-gain, 0)
        there = old.log_prob().xreplace({old.action: policy.action})
        self.gap = short(policy.log_prob() - there)
        # Of ε ≥ 1 nothing is clipped from below.
        self.low = log(1 - width) if (1 - width).is_positive is not False else S.NegativeInfinity
        self.high = log(1 + width)

    def surrogate(self) -> Expr:
        """A⁺ min(ρ, 1+ε) - A⁻ max(ρ, 1-ε), with the parts A⁺, A⁻ ≥ 0 of A."""
        below = exp(Max(self.gap, self.low)) if self.low.is_finite else exp(self.gap)
        return self.good * exp(Min(self.gap, self.high)) - self.bad * below

    def slope(self) -> Expr:
        """A where it is not clipped, else 0."""
        below = Heaviside(self.gap - self.low, 1) if self.low.is_finite else S.One
        return self.good * Heaviside(self.high - self.gap, 1) - self.bad * below

    def mean(self, policy: Any, expr: Any) -> Any:
        """E of a term under a policy: what is clipped has no closed form."""
        terms = (policy.integral(term, policy.action).doit() for term in Add.make_args(expr))
        return Add(*terms)


def require_same(policy: Any, other: Any) -> None:
    """Raise unless two policies have the same actions."""
    dense = isinstance(policy, DistributionPolicy)
    if dense != isinstance(other, DistributionPolicy) or (
        _labels(policy) != _labels(other) if not dense else policy.support != other.support
    ):
        raise PolicyError(
            f"asked to compare {policy} with {other}: both must have the same actions"
        )


def _labels(policy: Any) -> Any:
    return set(policy.actions) if isinstance(policy.actions, tuple) else policy.actions
