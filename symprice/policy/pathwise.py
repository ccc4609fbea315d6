"""The pathwise estimator of the same gradient: ∇r of an action that is a function of noise."""

from __future__ import annotations

from typing import Any

from sympy import Basic, Derivative, Symbol

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

__all__ = ["PathwiseEstimator", "slope_of"]


def _listed(entries: Any) -> list[Any]:
    return list(entries) if hasattr(entries, "tolist") else [entries]


def slope_of(gradient: Any) -> Any:
    """∇J as derivatives of J that are not carried out; the closed form by what is no symbol."""
    if not all(v.is_Symbol for v in gradient.wrt):
        return gradient.doit()
    return shaped([Derivative(gradient.expected, v) for v in gradient.wrt], 1)


def _require_density(gradient: Any) -> DistributionPolicy:
    policy = gradient.policy
    if not isinstance(policy, DistributionPolicy):
        raise NoRuleError(
            f"asked for the pathwise gradient of {policy}: it exists for continuous actions; a "
            "relaxation of discrete actions is biased. Write .estimator(n, baseline=...)"
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
        policy = _require_density(gradient)
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
        return [("its mean is the slope of J", slope_of(self.gradient), self.doit())]
