"""Other estimators of the same gradient: pathwise and measure-valued."""

from __future__ import annotations

from typing import Any

from sympy import Basic, Derivative, S, Symbol, pi, sqrt

from ..errors import NoRuleError
from ..outputs import Result
from .chain import shaped
from .distribution import Action, DistributionPolicy
from .estimators import number_of_samples
from .head_names import by_names
from .integrals import ActionIntegral
from .jumps import jump_of
from .short import short
from .tilted_powers import spread_of_powers

__all__ = ["MeasureValuedEstimator", "PathwiseEstimator"]


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
        scalar = isinstance(policy.action, Symbol)
        if policy.reparameterised(Symbol("epsilon") if scalar else policy.action) is None:
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
    @by_names
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
        inner = expr.xreplace(dict(pairs))
        found = law.mean(inner)
        if found.has(ActionIntegral) and isinstance(eps, Symbol):
            found = law.integral(inner, law.action)  # in pieces it would lose digits
        return found.xreplace({b: a for a, b in pairs})

    @by_names
    def doit(self, **hints: Any) -> Any:
        """The expectation over the noise: the same ∇J."""
        return shaped([self._over_noise(e) for e in self._entries()], 1)

    @by_names
    def variance(self, n: Any = 1) -> Any:
        """The variance of each component, over n for a mean of n samples."""
        found = []
        policy, reward = self.gradient.policy, self.gradient.reward
        for v, entry in zip(self.gradient.wrt, self._entries(), strict=True):
            known = spread_of_powers(policy, v, reward) if isinstance(v, Symbol) else None
            if known is not None:
                found.append(known / number_of_samples(n))
                continue
            mean = self._over_noise(entry)
            if mean.has(ActionIntegral):
                spread = self._over_noise((entry - mean) ** 2)
            else:
                spread = self._over_noise(entry**2) - mean**2
            found.append(short(spread / number_of_samples(n)))
        return shaped(found, 1)

    def _formula(self) -> Any:
        return self.doit()

    @by_names
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
    @by_names
    def summand(self) -> Any:
        """c (r(a₊) - r(a₋)) of one draw for both actions."""
        constant, up, down, _ = self.parts()
        return constant * (up - down)

    @property
    def _moved(self) -> Any:
        (v,) = self.gradient.wrt
        return self.gradient.reward.diff(v) if self.gradient.reward.has(v) else S.Zero

    @by_names
    def doit(self, **hints: Any) -> Any:
        """The expectation: the same ∇J."""
        constant, up, down, law = self.parts()
        moved = self._moved
        return short(constant * (law.mean(up) - law.mean(down)) + self.gradient.policy.mean(moved))

    @by_names
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

    @by_names
    def _check_items(self) -> list[tuple[str, Any, Any]]:
        return [("its mean is the slope of J", _slope_of(self.gradient), self.doit())]


def _head_slope(policy: Any, v: Any) -> Any:
    """∂(canonical parameter)/∂θ of the first parameter."""
    first = next(iter(vars(policy.canonical).values()))
    return first.diff(v)
