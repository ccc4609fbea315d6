"""Objectives made of a policy: surrogates, clipping, KL estimators, groups, pass@k, risk."""

from __future__ import annotations

from typing import Any

from sympy import Add, Dummy, Expr, Integer, Max, Min, Piecewise, S, Sum, binomial, exp, log, sqrt

from ..errors import NoRuleError, PolicyError
from .arguments import rewards_of, scalar
from .distribution import DistributionPolicy
from .finite import BernoulliPolicy
from .outcomes import in_symbol
from .short import short

__all__ = [
    "clipped_gradient",
    "clipped_slope",
    "clipped_surrogate",
    "entropic_risk",
    "entropy_bonus",
    "group_advantage_gradient",
    "kl_estimator",
    "kl_penalty",
    "likelihood_ratio",
    "mean_variance",
    "pass_at_k",
    "surrogate",
]

_LARGEST_GROUP = 64


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
    _require_same(policy, old)
    # E_old[ρ A] = E_π[A]: what the sum over the old policy comes to.
    return policy.expected(advantage)


def clipped_surrogate(policy: Any, old: Any, advantage: Any, epsilon: Any) -> Any:
    """PPO's `E_{a~π_old}[min(ρ A, clip(ρ, 1-ε, 1+ε) A)]`, for finitely many actions.

    Its gradient is that of the surrogate where `ρ ≤ 1+ε` for A > 0 and `ρ ≥ 1-ε` for A < 0, else 0;
    on the other side it is not clipped. At the ends of the interval the derivative from inside
    counts.

    Examples
    ========

    >>> from sympy import Rational
    >>> from symprice import BernoulliPolicy, clipped_surrogate
    >>> pi, old = BernoulliPolicy(probability=Rational(9, 10)), BernoulliPolicy(logit=0)
    >>> clipped_surrogate(pi, old, {1: 1, 0: 0}, Rational(1, 5))
    3/5

    References
    ==========

    J. Schulman et al., Proximal policy optimization algorithms, arXiv:1707.06347 (2017).
    """
    _require_same(policy, old)
    width = _width(epsilon)
    if isinstance(policy, DistributionPolicy):
        raise NoRuleError(
            "asked for the expectation of a clipped surrogate of densities, which has no closed "
            "form: write the clipped term of a sample with likelihood_ratio(policy, old, a)"
        )
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

    By one variable a scalar, by several a column.

    Examples
    ========

    >>> from sympy import Rational
    >>> from symprice import BernoulliPolicy, Parameter, clipped_gradient
    >>> p = Parameter('p', positive=True)
    >>> old = BernoulliPolicy(probability=Rational(1, 2))
    >>> clipped_gradient(BernoulliPolicy(probability=p), old, {1: 1, 0: 0}, Rational(1, 5))
    Piecewise((1, p <= 3/5), (0, True))
    """
    from .chain import shaped
    from .setting import variables_of

    _require_same(policy, old)
    if isinstance(policy, DistributionPolicy):
        raise NoRuleError(
            "asked for the expectation of a clipped gradient of densities, which has no closed "
            "form: of a sample it is clipped_slope(ratio, A, epsilon)*A*ratio times the score"
        )
    width = _width(epsilon)
    gains = rewards_of(policy.actions, advantage)
    entries = []
    for v in variables_of(policy, wrt):
        total = S.Zero
        for a, gain in zip(policy.actions, gains, strict=True):
            slope = gain * policy.prob(a).diff(v)
            ends = (1 + width) * old.prob(a), (1 - width) * old.prob(a)
            total += slope * _unclipped(policy.prob(a), ends, gain)
        entries.append(total)
    return shaped(entries, 1)


def _unclipped(p: Any, ends: tuple[Any, Any], gain: Any) -> Any:
    """1 where the term of an action moves with its probability, else 0."""
    above, below = p <= ends[0], p >= ends[1]
    if gain.is_nonnegative:
        return Piecewise((1, above), (0, True))
    if gain.is_negative:
        return Piecewise((1, below), (0, True))
    return Piecewise((1, ((gain >= 0) & above) | ((gain < 0) & below)), (0, True))


def entropy_bonus(policy: Any, reward: Any, weight: Any) -> Any:
    """The reward `r(a) - w log π(a)`, whose expectation is `E[r] + w H(π)`: for policy_gradient.

    Of finitely many actions a list. It depends on θ, but `E[∇log π] = 0`: nothing is added.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, entropy_bonus, policy_gradient
    >>> pi = BernoulliPolicy(probability=Parameter('p'))
    >>> policy_gradient(pi, entropy_bonus(pi, {1: 1, 0: 0}, 2)).doit()
    -2*log(p) + 2*log(1 - p) + 1
    """
    price = scalar(weight, "the weight of the entropy")
    if isinstance(policy, DistributionPolicy):
        return policy.in_action(reward) - price * policy.log_prob()
    if hasattr(policy, "log_probabilities"):
        return policy.rewards(reward) - price * policy.log_probabilities
    pairs = zip(policy.actions, rewards_of(policy.actions, reward), strict=True)
    return [r - price * policy.log_prob(a) for a, r in pairs]


def kl_penalty(policy: Any, reference: Any, reward: Any, weight: Any) -> Any:
    """The reward `r(a) - w log(π(a)/π_ref(a))`, with the expectation `E[r] - w KL(π, π_ref)`: for
    policy_gradient.

    Examples
    ========

    >>> from symprice import Parameter, policy_gradient
    >>> from symprice.policy.gaussian import GaussianPolicy
    >>> from symprice.policy.objectives import kl_penalty
    >>> pi = GaussianPolicy(Parameter('mu'), 1)
    >>> policy_gradient(pi, kl_penalty(pi, GaussianPolicy(0, 1), lambda a: a, 3)).doit()
    1 - 3*mu
    """
    _require_same(policy, reference)
    price = scalar(weight, "the weight of the divergence")
    if isinstance(policy, DistributionPolicy):
        there = reference.log_prob().xreplace({reference.action: policy.action})
        return entropy_bonus(policy, reward, price) + price * there
    softened = entropy_bonus(policy, reward, price)
    if hasattr(policy, "log_probabilities"):
        return softened + price * reference.log_probabilities
    return [
        r + price * reference.log_prob(a) for a, r in zip(policy.actions, softened, strict=True)
    ]


def kl_estimator(policy: Any, reference: Any, kind: str = "k3") -> Any:
    """An estimator of KL(π, π_ref) from one action of π, with `u = log π_ref - log π`.

    k1 is -u (unbiased), k2 is u²/2 (biased, small variance), k3 is exp(u) - 1 - u (unbiased, never
    negative). An expression in the action.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.gaussian import GaussianPolicy
    >>> from symprice.policy.objectives import kl_estimator
    >>> pi = GaussianPolicy(Parameter('mu'), 1)
    >>> pi.mean(kl_estimator(pi, GaussianPolicy(0, 1), 'k1'))
    mu**2/2

    References
    ==========

    J. Schulman, Approximating KL divergence, http://joschu.net/blog/kl-approx.html (2020).
    """
    _require_same(policy, reference)
    forms = {"k1": lambda u: -u, "k2": lambda u: u**2 / 2, "k3": lambda u: exp(u) - 1 - u}
    if kind not in forms:
        raise PolicyError(f"asked for the KL estimator {kind!r}: write one of k1, k2, k3")
    if isinstance(policy, DistributionPolicy):
        there = reference.log_prob().xreplace({reference.action: policy.action})
        return forms[kind](short(there - policy.log_prob()))
    gaps = [log(reference.prob(a)) - log(policy.prob(a)) for a in policy.actions]
    return in_symbol(policy, [forms[kind](gap) for gap in gaps])


def group_advantage_gradient(policy: Any, size: Any, normalise: bool = True) -> Any:
    """The expected update of GRPO by the logit, of success or failure in groups of G samples.

    `E[(1/G) Σ_i A_i ∇log π(a_i)]` with `A_i = (r_i - r̄)/std(r)`, the standard deviation with
    ddof = 0; a group in which all rewards are equal contributes 0. With k successes in a group
    the sum is √(p̂(1-p̂)), p̂ = k/G; without ``normalise`` it is p̂(1-p̂), the leave-one-out gradient
    times (G-1)/G.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, group_advantage_gradient
    >>> pi = BernoulliPolicy(probability=Parameter('p'))
    >>> group_advantage_gradient(pi, 2)
    p*(1 - p)

    References
    ==========

    Z. Shao et al., DeepSeekMath, arXiv:2402.03300 (2024).
    """
    if not isinstance(policy, BernoulliPolicy):
        raise NoRuleError(
            "asked for the expected update of groups of a policy that is no BernoulliPolicy: its "
            "closed form sums over the number of successes"
        )
    count = scalar(size, "the size of a group")
    if count.is_number and not (count.is_Integer and count >= 2):
        raise PolicyError(f"asked for groups of {count}: write an integer of at least 2")
    p = policy.prob(1)
    k = Dummy("k", integer=True, nonnegative=True)
    share = k / count
    each = sqrt(share * (1 - share)) if normalise else share * (1 - share)
    term = binomial(count, k) * p**k * (1 - p) ** (count - k) * each
    if not normalise:
        return short(p * (1 - p) * (count - 1) / count)
    if count.is_Integer and count <= _LARGEST_GROUP:
        return _factored(Add(*(term.xreplace({k: Integer(j)}) for j in range(1, int(count)))), p)
    return Sum(term, (k, 1, count - 1))


def _factored(total: Expr, p: Any) -> Expr:
    """p (1-p) taken out of every term."""
    common = p * (1 - p)
    rest = Add(*(term / common for term in Add.make_args(total)))
    return common * rest


def pass_at_k(policy: Any, k: Any) -> Any:
    """`1 - (1-p)^k`, the probability of a success in k tries.

    Its slope by the logit is k p (1-p)^k.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, pass_at_k
    >>> p = Parameter('p')
    >>> pass_at_k(BernoulliPolicy(probability=p), 3)
    1 - (1 - p)**3
    """
    if not isinstance(policy, BernoulliPolicy):
        raise NoRuleError("pass@k is of a BernoulliPolicy, whose action 1 is a success")
    tries = scalar(k, "the number of tries")
    if tries.is_negative or tries.is_integer is False:
        raise PolicyError(f"asked for pass@{tries}: write a whole number of tries")
    return 1 - policy.prob(0) ** tries


def entropic_risk(policy: Any, reward: Any, beta: Any) -> Any:
    """`(1/β) log E[exp(β r)]`: for β → 0 the mean, for β < 0 averse to risk.

    Examples
    ========

    >>> from symprice import GaussianPolicy, Parameter, entropic_risk
    >>> entropic_risk(GaussianPolicy(Parameter('mu'), 1), lambda a: a, 2)
    mu + 1
    """
    level = scalar(beta, "β")
    if level.is_zero:
        return policy.expected(reward)
    if isinstance(policy, DistributionPolicy):
        expr = policy.in_action(reward)
        mean = policy.mean(exp(level * expr))
    else:
        values = rewards_of(policy.actions, reward)
        mean = Add(*(p * exp(level * r) for p, r in zip(policy.probabilities, values, strict=True)))
    return short(_logarithm(mean) / level)


def _logarithm(x: Any) -> Any:
    return x.args[0] if isinstance(x, exp) else log(x)


def mean_variance(policy: Any, reward: Any, weight: Any) -> Any:
    """`E[r] - w Var[r]`.

    Examples
    ========

    >>> from symprice import ExponentialPolicy, Parameter, mean_variance
    >>> mean_variance(ExponentialPolicy(scale=Parameter('m')), lambda a: a, 1)
    m*(1 - m)
    """
    price = scalar(weight, "the weight of the variance")
    if isinstance(policy, DistributionPolicy):
        expr = policy.in_action(reward)
        first, second = policy.mean(expr), policy.mean(expr**2)
    else:
        pairs = list(zip(policy.probabilities, rewards_of(policy.actions, reward), strict=True))
        first, second = (Add(*(p * r**n for p, r in pairs)) for n in (1, 2))
    return short(first - price * (second - first**2))


def _require_same(policy: Any, other: Any) -> None:
    dense = isinstance(policy, DistributionPolicy)
    if dense != isinstance(other, DistributionPolicy) or (
        _labels(policy) != _labels(other) if not dense else policy.support != other.support
    ):
        raise PolicyError(
            f"asked to compare {policy} with {other}: both must have the same actions"
        )


def _labels(policy: Any) -> Any:
    return set(policy.actions) if isinstance(policy.actions, tuple) else policy.actions
