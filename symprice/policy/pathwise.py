"""Other estimators of the same gradient: pathwise, measure-valued, importance-weighted."""

from __future__ import annotations

from typing import Any

from sympy import Add, And, Basic, Derivative, Piecewise, S, Symbol, exp, oo, pi, sqrt

from ..errors import NoRuleError, PolicyError
from ..outputs import Result
from .chain import shaped
from .distribution import Action, DistributionPolicy
from .estimators import number_of_samples, square, with_baseline
from .jumps import jump_of
from .outcomes import Outcomes, in_symbol, spread
from .short import short

__all__ = ["ImportanceWeightedEstimator", "MeasureValuedEstimator", "PathwiseEstimator"]


def _listed(entries: Any) -> list[Any]:
    return list(entries) if hasattr(entries, "tolist") else [entries]


def _slope_of(gradient: Any) -> Any:
    """∇J as derivatives of J that are not carried out; the closed form by what is no symbol."""
    if not all(v.is_Symbol for v in gradient.wrt):
        return gradient.doit()
    return shaped([Derivative(gradient.expected, v) for v in gradient.wrt], 1)


def _require_density(gradient: Any, what: str) -> DistributionPolicy:
    policy = gradient.policy
    if not isinstance(policy, DistributionPolicy):
        raise NoRuleError(
            f"asked for the {what} gradient of {policy}: it exists for continuous actions"
            + (" and counts" if what == "measure-valued" else "")
            + "; a relaxation of discrete actions is biased. Write .estimator(n, baseline=...)"
        )
    return policy


class PathwiseEstimator(Result, Basic):
    """`∇θ r(T(ε, θ))` with the action a = T(ε, θ) as a smooth function of noise ε.

    Examples
    ========

    >>> from symprice import Parameter, policy_gradient
    >>> from symprice.policy.gaussian import GaussianPolicy
    >>> G = policy_gradient(GaussianPolicy(Parameter('mu'), 1), lambda a: a**2)
    >>> path = G.pathwise()
    >>> path.summand, path.variance(), G.variance()
    (2*epsilon + 2*mu, 4, mu**4 + 14*mu**2 + 15)
    """

    def __new__(cls, gradient: Any) -> PathwiseEstimator:
        policy = _require_density(gradient, "pathwise")
        if policy.reparameterised(Symbol("epsilon")) is None:
            raise NoRuleError(
                f"asked for the pathwise gradient of {policy}, whose action is no elementary "
                "function of noise that does not depend on θ: write .estimator(n, baseline=...)"
            )
        action = policy.action if isinstance(policy.action, Symbol) else None
        symbols = {action} if action is not None else set(policy.action)
        if (jump := jump_of(gradient.reward, symbols)) is not None:
            raise NoRuleError(
                f"asked for the pathwise gradient of a reward that jumps, {jump}: its slope misses "
                "the jump. Write .estimator(n, baseline=...), which needs no slope"
            )
        return super().__new__(cls, gradient)

    @property
    def gradient(self) -> Any:
        """What is estimated."""
        return self.args[0]

    @property
    def noise(self) -> Any:
        """The law of the noise ε."""
        return self._parts[2]

    @property
    def action(self) -> Any:
        """a = T(ε, θ)."""
        return self._parts[1]

    @property
    def _parts(self) -> tuple[Any, Any, Any]:
        policy = self.gradient.policy
        if isinstance(policy.action, Symbol):
            _, law = policy.reparameterised(Symbol("epsilon"))
            eps: Any = Action("epsilon", **law.action.assumptions0)
            path, law = policy.reparameterised(eps)
            return eps, path, law
        eps = tuple(Action(f"epsilon_{k}", real=True) for k in range(1, len(policy.action) + 1))
        path, law = policy.reparameterised(eps)
        return eps, path, law

    @property
    def summand(self) -> Any:
        """∇θ r(T(ε, θ)) of one sample, in ε."""
        return shaped(self._entries(), 1)

    def _entries(self) -> list[Any]:
        _, path, _ = self._parts
        policy, reward = self.gradient.policy, self.gradient.reward
        if isinstance(policy.action, Symbol):
            values = {policy.action: path}
        else:
            values = dict(zip(policy.action, path, strict=True))
        moved = reward.xreplace(values)
        return [short(moved.diff(v)) for v in self.gradient.wrt]

    def _over_noise(self, expr: Any) -> Any:
        eps, _, law = self._parts
        pairs = (
            [(eps, law.action)]
            if isinstance(eps, Symbol)
            else list(zip(eps, law.action, strict=True))
        )
        return law.mean(expr.xreplace(dict(pairs))).xreplace({b: a for a, b in pairs})

    def doit(self, **hints: Any) -> Any:
        """The expectation over the noise: the same ∇J."""
        return shaped([self._over_noise(e) for e in self._entries()], 1)

    def variance(self, n: Any = 1) -> Any:
        """The variance of each component, over n for a mean of n samples."""
        found = []
        for entry in self._entries():
            mean = self._over_noise(entry)
            found.append(short((self._over_noise(entry**2) - mean**2) / number_of_samples(n)))
        return shaped(found, 1)

    def _formula(self) -> Any:
        return self.doit()

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        return [("its mean is the slope of J", _slope_of(self.gradient), self.doit())]


class MeasureValuedEstimator(Result, Basic):
    """`∂J/∂z = c (E_+[r] - E_-[r])`, the difference of two expectations, of Gaussian and Poisson.

    By the mean of a Gaussian: `c = 1/(σ√2π)`, a = μ ± σ w with Weibull noise w (shape 2, scale √2).
    By the rate of a Poisson: c = 1, a + 1 against a.

    Examples
    ========

    >>> from symprice import Parameter, policy_gradient
    >>> from symprice.policy.counting import PoissonPolicy
    >>> G = policy_gradient(PoissonPolicy(Parameter('lambda')), lambda a: a**2)
    >>> G.measure_valued().doit()
    2*lambda + 1

    References
    ==========

    S. Mohamed, M. Rosca, M. Figurnov, A. Mnih, Monte Carlo gradient estimation in machine learning,
    JMLR 21 (2020).
    """

    def __new__(cls, gradient: Any) -> MeasureValuedEstimator:
        from .counting import PoissonPolicy
        from .gaussian import GaussianPolicy

        policy = _require_density(gradient, "measure-valued")
        fitting = isinstance(policy, (GaussianPolicy, PoissonPolicy))
        one = len(gradient.wrt) == 1
        moved = [h for h in policy.heads if any(h.has(v) for v in gradient.wrt)]
        if not fitting or not one or moved != [policy.heads[0]]:
            raise NoRuleError(
                f"asked for the measure-valued gradient of {policy} by {gradient.wrt}: it is known "
                "by the mean of a GaussianPolicy and by the rate of a PoissonPolicy, one variable "
                "at a time"
            )
        return super().__new__(cls, gradient)

    @property
    def gradient(self) -> Any:
        """What is estimated."""
        return self.args[0]

    def parts(self) -> tuple[Any, Any, Any, Any]:
        """The constant c, the reward at the positive and at the negative action, and the law of
        what both are made of.
        """
        from .counting import PoissonPolicy
        from .positive import WeibullPolicy

        policy, reward = self.gradient.policy, self.gradient.reward
        (v,) = self.gradient.wrt
        a = policy.action
        slope = _head_slope(policy, v)
        if isinstance(policy, PoissonPolicy):
            return slope, reward.xreplace({a: a + 1}), reward, policy
        c = policy.canonical
        noise = WeibullPolicy(2, sqrt(2))
        w = noise.action
        up, down = (reward.xreplace({a: c.mean + way * c.sigma * w}) for way in (1, -1))
        return slope / (c.sigma * sqrt(2 * pi)), up, down, noise

    @property
    def noise(self) -> Any:
        """The law of what both actions are made of."""
        return self.parts()[3]

    @property
    def summand(self) -> Any:
        """c (r(a₊) - r(a₋)) of one draw for both actions."""
        constant, up, down, _ = self.parts()
        return constant * (up - down)

    @property
    def _moved(self) -> Any:
        (v,) = self.gradient.wrt
        return self.gradient.reward.diff(v) if self.gradient.reward.has(v) else S.Zero

    def doit(self, **hints: Any) -> Any:
        """The expectation: the same ∇J."""
        constant, up, down, law = self.parts()
        moved = self._moved
        return short(constant * (law.mean(up) - law.mean(down)) + self.gradient.policy.mean(moved))

    def variance(self, n: Any = 1) -> Any:
        """The variance with one draw for both actions (the coupling of the two)."""
        if self._moved != 0:
            raise NoRuleError(
                "asked for the variance of a measure-valued gradient with rewards that depend on "
                "θ, whose other term E[∇r] is estimated by itself: write .estimator or .pathwise()"
            )
        law, gap = self.noise, self.summand
        return short((law.mean(gap**2) - law.mean(gap) ** 2) / number_of_samples(n))

    def _formula(self) -> Any:
        return self.doit()

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        return [("its mean is the slope of J", _slope_of(self.gradient), self.doit())]


def _finite_where(needed: list[Any], value: Any) -> Any:
    """The value, infinite unless all that is needed is positive."""
    open_ones = {short(bound) for bound in needed if not bound.is_positive}
    if not open_ones:
        return value
    return Piecewise((value, And(*(bound > 0 for bound in open_ones))), (oo, True))


def _head_slope(policy: Any, v: Any) -> Any:
    """∂(canonical parameter)/∂θ of the first parameter."""
    first = next(iter(vars(policy.canonical).values()))
    return first.diff(v)


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
                else policy.support.is_subset(behaviour.support) is not False
            )
        )
        if not same:
            raise PolicyError(
                f"asked for samples of {policy} from {behaviour}: the behaviour policy must take "
                "every action that the policy takes"
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

    def doit(self, **hints: Any) -> Any:
        """The expectation under β: the same ∇J."""
        return self.gradient.doit()

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

        policy, other = self.gradient.policy, self.behaviour
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

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """The mean under β, and of finitely many actions the variance, against the definitions."""
        found = Outcomes(self.gradient)
        if found.logits is not None:
            return type(self)(found.twin, self.behaviour)._check_items()
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
