"""Measure-valued gradients: ∂J/∂θ as a difference of two expected rewards."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from sympy import Add, Basic, Derivative, S

from ..derivation import Derivation, Step
from ..errors import NoRuleError
from ..outputs import Result
from .chain import shaped
from .density import DensityOf
from .density_rules import (
    DerivativeUnderExpectation,
    EvaluationOfExpectations,
    InsertionOfHeads,
    InsertionOfWeakDerivatives,
)
from .distribution import Action, DistributionPolicy
from .estimators import number_of_samples
from .family import FamilyPolicy
from .head_names import by_names, named_heads
from .independent import IndependentActions
from .integrals import ActionIntegral, ActionSum
from .pathwise import slope_of
from .short import short
from .weak_derivatives import WeakDerivative

__all__ = ["MeasureValuedEstimator"]


class _Term(NamedTuple):
    """`c (r(a₊) - r(a₋))` of one parameter, c with the slope of that parameter by a variable."""

    derivative: WeakDerivative
    symbols: tuple[Any, ...]  # of the draws: one for both actions, or one for each

    @property
    def laws(self) -> tuple[Any, ...]:
        """What is drawn from, in the order of the symbols."""
        _, up, down = self.derivative
        return (up.law,) if self.derivative.is_coupled else (up.law, down.law)

    def summand(self, reward: Any, a: Any) -> Any:
        """The term for some draws."""
        constant, *sides = self.derivative
        gains = [
            side.of(reward, a).xreplace({side.law.action: symbol})
            for side, symbol in zip(sides, self.symbols * 2, strict=False)
        ]
        return constant * (gains[0] - gains[1])

    def mean(self, reward: Any, a: Any) -> Any:
        """Its expectation."""
        constant, up, down = self.derivative
        return constant * (up.mean(reward, a) - down.mean(reward, a))

    def variance(self, reward: Any, a: Any) -> Any:
        """Its variance."""
        constant, up, down = self.derivative
        if self.derivative.is_coupled:
            return constant**2 * _spread(up.law, up.of(reward, a) - down.of(reward, a))
        return constant**2 * Add(*(_spread(x.law, x.of(reward, a)) for x in (up, down)))


def _spread(law: Any, expr: Any) -> Any:
    return short(law.mean(expr**2) - law.mean(expr) ** 2)


class MeasureValuedEstimator(Result, Basic):
    """`∂J/∂z = c (E₊[r] - E₋[r])`, from the weak derivative ∂π/∂z = c (π₊ - π₋) of the policy.

    Each family says for which of its parameters, and the chain rule does the rest:

    ============== ==================== ====================== ================================
    by             c                    a₊                     a₋
    ============== ==================== ====================== ================================
    Gaussian μ     1/(σ√(2π))           μ + σ w                μ - σ w, w Weibull (2, √2)
    Gaussian σ     1/σ                  μ + σ m                a, m double-sided Maxwell
    Laplace μ      1/(2b)               μ + b e                μ - b e, e exponential
    Laplace b      1/b                  μ + b g                a, g double-sided gamma (2)
    exponential λ  1/λ                  a                      gamma (2, λ)
    gamma λ        k/λ                  a                      gamma (k + 1, λ)
    Weibull λ      k/λ                  λ g^(1/k), g gamma (2) a
    Poisson λ      1                    a + 1                  a
    binomial p     n                    b + 1                  b, of n - 1 tries
    geometric p    1/p                  a                      1 + negative binomial (2, 1 - p)
    neg. binomial  r/(1-p)              1 + that of r + 1      a
    ============== ==================== ====================== ================================

    Log-normal and squashed Gaussian actions are those of the Gaussian, carried along. Where both
    actions are made of one law, one draw makes both; else they are drawn independently. Several
    variables have draws of their own.

    Examples
    ========

    >>> from symprice import Parameter, policy_gradient
    >>> from symprice.policy.gaussian import GaussianPolicy
    >>> sigma = Parameter('sigma', positive=True)
    >>> found = policy_gradient(GaussianPolicy(1, sigma), lambda a: a**2).measure_valued()
    >>> found.summand
    (-a_2**2 + (a_1*sigma + 1)**2)/sigma
    >>> found.laws
    {a_1: DoubleMaxwell(), a_2: GaussianPolicy(1, sigma)}
    >>> found.doit()
    2*sigma

    References
    ==========

    S. Mohamed, M. Rosca, M. Figurnov, A. Mnih, Monte Carlo gradient estimation in machine learning,
    JMLR 21 (2020), section 6 and table 1; G. Pflug, Optimization of Stochastic Models (1996).
    """

    def __new__(cls, gradient: Any) -> MeasureValuedEstimator:
        policy = gradient.policy
        if not isinstance(policy, DistributionPolicy):
            raise NoRuleError(
                f"asked for the measure-valued gradient of {policy}: it is a difference of two "
                "expectations, which for finitely many actions are sums that .doit() has in full; "
                "write .estimator(n, baseline=...) for samples"
            )
        found = super().__new__(cls, gradient)
        named = named_heads(gradient)
        _ = found._terms if named is None else cls(named.gradient)
        return found

    @property
    def gradient(self) -> Any:
        """What is estimated."""
        return self.args[0]

    @property
    def _terms(self) -> list[list[_Term]]:
        """The terms by each variable, each with draws of its own."""
        policy, found = self.gradient.policy, []
        for v in self.gradient.wrt:
            moved = [
                (meaning, slope)
                for meaning, value in _parameters(policy).items()
                if (slope := value.diff(v)) != 0
            ]
            found.append([_weak(policy, meaning, slope, v) for meaning, slope in moved])
        count = sum(1 if d.is_coupled else 2 for ds in found for d in ds)
        if count == 1:
            ((one,),) = [ds for ds in found if ds]
            return [[_Term(d, (one.up.law.action,)) for d in ds] for ds in found]
        names = iter(range(1, count + 1))
        terms: list[list[_Term]] = []
        for ds in found:
            terms.append([])
            for d in ds:
                laws = (d.up.law,) if d.is_coupled else (d.up.law, d.down.law)
                symbols = (Action(f"a_{next(names)}", **x.action.assumptions0) for x in laws)
                terms[-1].append(_Term(d, tuple(symbols)))
        return terms

    @property
    def laws(self) -> dict[Any, Any]:
        """{symbol of a draw: the policy that it is drawn from}."""
        if (named := named_heads(self.gradient)) is not None:
            found = type(self)(named.gradient).laws
            return {s: x.with_heads(list(map(named.inserted, x.heads))) for s, x in found.items()}
        terms = [t for ts in self._terms for t in ts]
        return {s: law for t in terms for s, law in zip(t.symbols, t.laws, strict=True)}

    @property
    def noise(self) -> Any:
        """What is drawn for one value of the estimator: one law, or several independent ones."""
        laws = self.laws
        return next(iter(laws.values())) if len(laws) == 1 else IndependentActions(laws)

    @property
    @by_names
    def summand(self) -> Any:
        """Σ c (r(a₊) - r(a₋)) of one draw of each action."""
        reward, a = self.gradient.reward, self.gradient.policy.action
        return shaped([Add(*(t.summand(reward, a) for t in ts)) for ts in self._terms], 1)

    @by_names
    def doit(self, **hints: Any) -> Any:
        """The expectation: the same ∇J."""
        reward, policy = self.gradient.reward, self.gradient.policy
        entries = [
            short(Add(*(t.mean(reward, policy.action) for t in ts)) + policy.mean(moved))
            for ts, moved in zip(self._terms, self._moved, strict=True)
        ]
        return shaped(entries, 1)

    @property
    def _moved(self) -> list[Any]:
        return [self.gradient._slope(v) for v in self.gradient.wrt]

    @by_names
    def variance(self, n: Any = 1) -> Any:
        """The variance of each component, over n for a mean of n values."""
        if any(moved != 0 for moved in self._moved):
            raise NoRuleError(
                "asked for the variance of a measure-valued gradient with rewards that depend on "
                "θ, whose other term E[∇r] is estimated by itself: write .estimator or .pathwise()"
            )
        reward, a = self.gradient.reward, self.gradient.policy.action
        entries = [Add(*(t.variance(reward, a) for t in ts)) for ts in self._terms]
        return shaped([short(e / number_of_samples(n)) for e in entries], 1)

    @cached_property
    def derivation(self) -> Derivation:
        """The steps from ∇J to the closed form, each of which can be checked by itself."""
        if (named := named_heads(self.gradient)) is not None:
            steps = type(self)(named.gradient).derivation.steps
            last = Step(InsertionOfHeads(), steps[-1].after, self.doit(), named.given)
            return Derivation([*steps, last])
        gradient, policy = self.gradient, self.gradient.policy
        a, r = policy.action, gradient.reward
        pi, kind = DensityOf(policy, a), ActionSum if policy.is_countable else ActionIntegral

        def over(integrand: Any) -> Any:
            return kind(integrand, (a, *policy.bounds))

        def parted(term: _Term) -> Any:
            constant, *sides = term.derivative
            up, down = (s.law.integral(s.of(r, a), s.law.action) for s in sides)
            return constant * (up - down)

        moved = self._moved
        lines = [
            [Derivative(over(r * pi), v) for v in gradient.wrt],
            [
                over(r * Derivative(pi, v) + pi * g)
                for v, g in zip(gradient.wrt, moved, strict=True)
            ],
            [
                Add(*map(parted, ts), over(pi * g) if g != 0 else S.Zero)
                for ts, g in zip(self._terms, moved, strict=True)
            ],
        ]
        stages = [shaped(entries, 1) for entries in lines]
        result = self.doit()
        rules = [DerivativeUnderExpectation(), InsertionOfWeakDerivatives()]
        if result != stages[-1]:
            stages.append(result)
            rules.append(EvaluationOfExpectations())
        return Derivation(
            [Step(rule, x, y) for rule, (x, y) in zip(rules, pairwise(stages), strict=True)]
        )

    def _formula(self) -> Any:
        return self.doit()

    @by_names
    def _check_items(self) -> list[tuple[str, Any, Any]]:
        return [("its mean is the slope of J", slope_of(self.gradient), self.doit())]


def _parameters(policy: Any) -> dict[str, Any]:
    """The parameters of the formulas of a family; by place where it is none."""
    if isinstance(policy, FamilyPolicy):
        return dict(vars(policy.canonical))
    return {f"parameter {k}": head for k, head in enumerate(policy.heads, start=1)}


def _weak(policy: Any, meaning: str, slope: Any, v: Any) -> WeakDerivative:
    found = None
    if isinstance(policy, FamilyPolicy):
        found = policy.weak_derivative(meaning, policy.canonical)
    if found is None:
        raise NoRuleError(
            f"asked for the measure-valued gradient of {policy} by {v}: the parts of its density's "
            f"derivative by the {meaning} that are positive and negative are no laws that the "
            "package can draw from; write .estimator(n, baseline=...), or .pathwise()"
        )
    return found._replace(constant=short(found.constant * slope))
