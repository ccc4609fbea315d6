"""Objectives made of a policy: bonuses and penalties, KL estimators, groups, pass@k, risk."""

from __future__ import annotations

from typing import Any

from sympy import Add, Dummy, Expr, Integer, Sum, binomial, exp, log, sqrt

from ..errors import NoRuleError, PolicyError
from .arguments import rewards_of, scalar
from .clipping import (
    clipped_gradient,
    clipped_slope,
    clipped_surrogate,
    likelihood_ratio,
    require_same,
    surrogate,
)
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
    "pass_at_k_estimate",
    "surrogate",
]

_LARGEST_GROUP = 64


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
    require_same(policy, reference)
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
    negative). An expression in the action; of a column of logits the column of its values.

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
    require_same(policy, reference)
    forms = {"k1": lambda u: -u, "k2": lambda u: u**2 / 2, "k3": lambda u: exp(u) - 1 - u}
    if kind not in forms:
        raise PolicyError(f"asked for the KL estimator {kind!r}: write one of k1, k2, k3")
    if isinstance(policy, DistributionPolicy):
        there = reference.log_prob().xreplace({reference.action: policy.action})
        return forms[kind](short(there - policy.log_prob()))
    if hasattr(policy, "log_probabilities"):
        from .column_objectives import applied

        gap = policy.log_probabilities - reference.log_probabilities
        return gap if kind == "k1" else applied(forms[kind], -gap)
    gaps = [log(reference.prob(a)) - log(policy.prob(a)) for a in policy.actions]
    return in_symbol(policy, [forms[kind](gap) for gap in gaps])


def group_advantage_gradient(policy: Any, size: Any, normalise: bool = True, ddof: int = 0) -> Any:
    """The expected update of GRPO by the logit, of success or failure in groups of G samples.

    `E[(1/G) Σ_i A_i ∇log π(a_i)]` with `A_i = (r_i - r̄)/std(r)`, the variance over G - ddof with
    ddof = 0 as in NumPy, or 1 as in PyTorch; a group in which all rewards are equal contributes 0.
    With k successes in a group the sum is √(p̂(1-p̂)), p̂ = k/G, times √((G-1)/G) for ddof = 1;
    without ``normalise`` it is p̂(1-p̂), the leave-one-out gradient times (G-1)/G.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, group_advantage_gradient
    >>> pi = BernoulliPolicy(probability=Parameter('p'))
    >>> group_advantage_gradient(pi, 2), group_advantage_gradient(pi, 2, ddof=1)
    (p*(1 - p), sqrt(2)*p*(1 - p)/2)

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
    if ddof not in (0, 1):
        raise PolicyError(f"asked for a standard deviation with ddof = {ddof}: write 0 or 1")
    p = policy.prob(1)
    k = Dummy("k", integer=True, nonnegative=True)
    share = k / count
    each = sqrt(share * (1 - share)) if normalise else share * (1 - share)
    term = binomial(count, k) * p**k * (1 - p) ** (count - k) * each
    if not normalise:
        return short(p * (1 - p) * (count - 1) / count)
    term = term * sqrt((count - 1) / count) if ddof else term
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


def pass_at_k_estimate(samples: Any, successes: Any, k: Any) -> Any:
    """`1 - C(n-c, k)/C(n, k)`, the unbiased estimate of pass@k from c successes in n ≥ k samples:
    the share of the sets of k samples in which there is a success.

    Examples
    ========

    >>> from symprice import pass_at_k_estimate
    >>> pass_at_k_estimate(5, 2, 3)
    9/10

    References
    ==========

    M. Chen et al., Evaluating large language models trained on code, arXiv:2107.03374 (2021).
    """
    named = {"samples": samples, "successes": successes, "tries": k}
    n, c, tries = (scalar(x, f"the number of {name}") for name, x in named.items())
    if any(x.is_negative or x.is_integer is False for x in (n, c, tries, n - c, n - tries)):
        raise PolicyError(
            f"asked for pass@{tries} from {c} successes in {n} samples: write whole numbers, of "
            "which neither the successes nor the tries are more than the samples"
        )
    return 1 - binomial(n - c, tries) / binomial(n, tries)


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
    elif hasattr(policy, "log_probabilities"):
        from .column_objectives import risk_of_column

        return risk_of_column(policy, reward, level)
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
    elif hasattr(policy, "log_probabilities"):
        from .column_objectives import mean_variance_of_column

        return mean_variance_of_column(policy, reward, price)
    else:
        pairs = list(zip(policy.probabilities, rewards_of(policy.actions, reward), strict=True))
        first, second = (Add(*(p * r**n for p, r in pairs)) for n in (1, 2))
    return short(first - price * (second - first**2))
