"""The estimator of a policy gradient from the actions of another policy, weighted by π/β."""

from __future__ import annotations

from typing import Any

from sympy import Add, And, Basic, Derivative, Piecewise, S, exp, oo, sqrt

from ..errors import PolicyError
from ..outputs import Result
from .chain import shaped
from .distribution import DistributionPolicy
from .estimators import number_of_samples
from .head_names import by_names
from .outcomes import Outcomes, in_symbol, spread, square, with_baseline
from .short import short

__all__ = ["ImportanceWeightedEstimator"]


def _finite_where(needed: list[Any], value: Any) -> Any:
    """The value, infinite unless all that is needed is positive."""
    open_ones = {short(bound) for bound in needed if not bound.is_positive}
    if not open_ones:
        return value
    return Piecewise((value, And(*(bound > 0 for bound in open_ones))), (oo, True))


class ImportanceWeightedEstimator(Result, Basic):
    """`π(a)/β(a) r(a) ∇log π(a)` with actions drawn from a behaviour policy β.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, policy_gradient
    >>> theta = Parameter('theta')
    >>> G = policy_gradient(BernoulliPolicy(logit=theta), {1: 1, 0: 0})
    >>> G.importance_weighted(BernoulliPolicy(logit=0)).doit()
    (1 - sigmoid(theta))*sigmoid(theta)
    """

    def __new__(cls, gradient: Any, behaviour: Any) -> ImportanceWeightedEstimator:
        policy = gradient.policy
        finite = not isinstance(policy, DistributionPolicy)
        alike = finite == (not isinstance(behaviour, DistributionPolicy))
        same = (
            alike
            and hasattr(behaviour, "prob")
            and (
                set(policy.actions) == set(behaviour.actions)
                if finite
                else _acts_alike(policy, behaviour)
            )
        )
        if not same:
            raise PolicyError(
                f"asked for samples of {policy} from {behaviour}: the behaviour policy must take "
                "every action that the policy takes, and a density those alone, outside of which "
                "the formula of the weights is not 0"
            )
        return super().__new__(cls, gradient, behaviour)

    @property
    def gradient(self) -> Any:
        """What is estimated."""
        return self.args[0]

    @property
    def behaviour(self) -> Any:
        """The policy β that acts."""
        return self.args[1]

    @property
    def ratio(self) -> Any:
        """π(a)/β(a): of a density exp(log π - log β), of finitely many actions a list."""
        policy = self.gradient.policy
        if isinstance(policy, DistributionPolicy):
            mine, theirs = policy.log_prob(), self.behaviour.log_prob()
            return exp(mine - theirs.xreplace({self.behaviour.action: policy.action}))
        return [policy.prob(a) / self.behaviour.prob(a) for a in policy.actions]

    @property
    def behaviour_probabilities(self) -> list[Any]:
        """β(a), in the order of the actions of the policy."""
        return [self.behaviour.prob(a) for a in self.gradient.policy.actions]

    @property
    @by_names
    def summand(self) -> Any:
        """The term of one sample."""
        found = Outcomes(self.gradient)
        entries = []
        for i in range(len(self.gradient.wrt)):
            values = found.values(with_baseline(S.Zero, i))
            if found.is_finite:
                ratios = [found.with_names(w) for w in self.ratio]
                weighted = [w * v for w, v in zip(ratios, values, strict=True)]
                entries.append(in_symbol(found.policy, weighted))
            else:
                entries.append(self.ratio * values[0])
        return found.closed(entries)

    @by_names
    def doit(self, **hints: Any) -> Any:
        """The expectation under β: the same ∇J."""
        return self.gradient.doit()

    @by_names
    def variance(self, n: Any = 1) -> Any:
        """The variance of each component: `E_π[(π/β) (r s)²] - (∇J)²`; infinite where the weights
        are.
        """
        found = Outcomes(self.gradient)
        entries = []
        for i, mean in enumerate(found.slope):
            needed: list[Any] = []
            if found.is_finite:
                ratios = [found.with_names(w) for w in self.ratio]
                values = found.values(with_baseline(S.Zero, i))
                behaviour = [found.with_names(q) for q in self.behaviour_probabilities]
                total = spread([w * v for w, v in zip(ratios, values, strict=True)], behaviour)
            else:
                (squares,) = found.values(square(with_baseline(S.Zero, i)))
                total = self._tilted(squares, needed) - mean**2
            entries.append(_finite_where(needed, short(total / number_of_samples(n))))
        return found.closed(entries)

    def _tilted(self, expr: Any, needed: list[Any]) -> Any:
        """E_β[(π/β)² f]; of two Gaussians π²/β is a Gaussian again."""
        from .gaussian import GaussianPolicy
        from .multivariate import MultivariateGaussianPolicy
        from .weighted_gaussians import weighted_mean

        policy, other = self.gradient.policy, self.behaviour
        kind = MultivariateGaussianPolicy
        if isinstance(policy, kind) and isinstance(other, kind):
            return weighted_mean(policy, other, expr, needed)
        if not (isinstance(policy, GaussianPolicy) and isinstance(other, GaussianPolicy)):
            return policy.mean(expr * self.ratio, needed)
        p, q = policy.canonical, other.canonical
        weight = 2 / p.sigma**2 - 1 / q.sigma**2
        if weight.is_nonpositive:
            raise PolicyError(
                f"the weights of samples from {other} have infinite variance under {policy}: its "
                "variance must be more than half of the policy's"
            )
        needed.append(2 * q.sigma**2 - p.sigma**2)
        centre = (2 * p.mean / p.sigma**2 - q.mean / q.sigma**2) / weight
        law = GaussianPolicy(short(centre), variance=short(1 / weight))
        scale = q.sigma / p.sigma**2 / sqrt(weight)
        tilt = centre**2 * weight - 2 * p.mean**2 / p.sigma**2 + q.mean**2 / q.sigma**2
        return short(scale) * exp(short(tilt / 2)) * law.mean(expr)

    def _formula(self) -> Any:
        return self.summand

    @by_names
    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """The mean under β, and of finitely many actions the variance, against the definitions."""
        found = Outcomes(self.gradient)
        if (twin := found.twin) is not None:
            return type(self)(twin, self.behaviour)._check_items()
        slope = [Derivative(self.gradient.expected, v) for v in self.gradient.wrt]
        means, squares = [], []
        for i in range(len(slope)):
            values = found.values(with_baseline(S.Zero, i))
            if found.is_finite:
                triples = list(zip(self.behaviour_probabilities, self.ratio, values, strict=True))
                means.append(Add(*(q * w * x for q, w, x in triples)))
                squares.append(Add(*(q * (w * x) ** 2 for q, w, x in triples)))
            else:
                theirs = self.behaviour.prob().xreplace({self.behaviour.action: found.actions[0]})
                means.append(found.over_actions(theirs * self.ratio * values[0]))
        items = [("the estimator is unbiased", shaped(slope, 1), found.closed(means))]
        if found.is_finite:
            spreads = [x - d**2 for x, d in zip(squares, slope, strict=True)]
            items.append(("its variance", found.closed(spreads), self.variance()))
        return items


def _acts_alike(policy: Any, behaviour: Any) -> bool:
    """Whether weights π/β can be formed at every action of β: counts may be more, where π is 0."""
    if policy.is_countable != behaviour.is_countable:
        return False
    if policy.is_countable:
        return policy.support.is_subset(behaviour.support) is not False
    return bool(policy.support.closure == behaviour.support.closure)
