"""The log-likelihood trick for continuous and countable actions: ∇J = ∫ r(a) π(a) ∇log π(a) da."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

from sympy import And, Basic, Derivative, Eq, Gt, Piecewise, S, Symbol, Tuple, log
from sympy.core.function import AppliedUndef

from ..closedform import ClosedForm, Definitions
from ..derivation import Derivation, Step
from ..errors import PolicyError
from ..symbols import Name
from .chain import (
    _pulled,
    by_heads,
    closed,
    jacobian,
    require_fixed_support,
    score_entries,
    shaped,
    variables_of,
)
from .density import DensityOf
from .density_rules import (
    DerivativeUnderExpectation,
    EvaluationOfExpectations,
    InsertionOfHeads,
    InsertionOfScores,
    LogLikelihoodTrickOfDensities,
    TrickByMoments,
)
from .distribution import DistributionPolicy, realised
from .expecting import expected
from .gradient import PolicyGradient, require_visible
from .head_names import NamedHeads, named_heads, within_domain
from .integrals import ActionIntegral, ActionSum
from .jumps import jump_of
from .large_numbers import with_values
from .product_slopes import slope
from .rules import ChainRuleOfLogits, Collection, LogLikelihood, Score
from .setting import Names
from .short import short
from .trained_rewards import TrainedRewardGradient, outputs_in

__all__ = ["DistributionGradient"]


class DistributionGradient(PolicyGradient):
    """The gradient of the expected reward of a policy with continuous or countable actions.

    Made by ``policy_gradient``. By one variable it is a scalar, by several a column in their order.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.policy.gaussian import GaussianPolicy
    >>> from symprice.policy.gradient import policy_gradient
    >>> mu = Parameter('mu')
    >>> G = policy_gradient(GaussianPolicy(mu, 2), lambda a: a**2)
    >>> G.doit()
    2*mu
    >>> [step.rule.name for step in G.derivation.steps][:2]
    ['derivative under the expectation', 'log-likelihood trick']
    """

    def __new__(cls, policy: Any, reward: Any, wrt: Any = None) -> DistributionGradient:
        expr = policy.in_action(reward)
        variables = variables_of(policy, wrt)
        require_fixed_support(policy, variables)
        if by_heads(policy, variables) and outputs_in(expr):
            return TrainedRewardGradient(policy, expr)
        require_visible(policy, {str(expr): expr}, variables, by_heads(policy, variables))
        _require_no_moving_jump(policy, expr, variables)
        return Basic.__new__(cls, policy, expr, Tuple(*variables))

    @property
    def policy(self) -> DistributionPolicy:
        """The policy π."""
        return self.args[0]

    @property
    def reward(self) -> Any:
        """r(a), in the symbol of the action."""
        return self.args[1]

    @property
    def rewards(self) -> Any:
        """The reward as an expression in the symbol of the action."""
        return self.args[1]

    @property
    def expected(self) -> Any:
        """The expected reward J."""
        return self.policy.mean(self.reward)

    @property
    def conditions(self) -> tuple[Any, ...]:
        """Where the expected reward is finite: inequalities that are not known to hold. Beyond them
        the closed form of ``doit`` says nothing, and code gives nan.

        Examples
        ========

        >>> from sympy import Symbol, exp
        >>> from symprice import ExponentialPolicy, Parameter, policy_gradient
        >>> rate = Parameter('rate', positive=True)
        >>> G = policy_gradient(ExponentialPolicy(rate), exp(2*Symbol('a')))
        >>> G.doit(), G.conditions
        (-2/(2 - rate)**2, (rate - 2 > 0,))
        >>> G.lambdify()([1.0, 3.0])
        array([nan, -2.])
        """
        bounds: list[Any] = []
        self.policy.mean(self.reward, bounds)
        return tuple(dict.fromkeys(b > 0 for b in bounds if b.is_positive is not True))

    @property
    def _equations(self) -> Any:
        """∂J/∂θ, and where it holds."""
        equations = super()._equations
        if equations is None:
            return None
        parts = [condition.lhs.as_coeff_Add() for condition in self.conditions]
        return [*equations, *(Gt(rest, -number, evaluate=False) for number, rest in parts)]

    @cached_property
    def _named(self) -> NamedHeads | None:
        return named_heads(self)

    # --- the closed form --------------------------------------------------------------------------
    @cached_property
    def by_heads(self) -> tuple[Any, ...]:
        """∂J/∂z by each head z through π alone, as E[r s] by the rules of the family."""
        policy = self.policy
        rows = jacobian(policy, self.wrt)
        back = (
            {policy._bound: policy.action}
            if isinstance(policy.action, Symbol)
            else {b: a for b, a in zip(policy._bound, policy.action, strict=True)}
        )
        values = dict(zip(policy.stand_ins(), policy.heads, strict=True))
        found = []
        for k, (z, row) in enumerate(zip(policy.stand_ins(), rows, strict=True)):
            if all(d == 0 for d in row):
                found.append(S.Zero)
                continue
            value = _of_head(policy, self.reward, k, z, back)
            found.append(with_values(value, values))
        return tuple(found)

    def _entries(self) -> list[Any]:
        """∂J/∂θ by each variable: through the heads, and through the reward."""
        total = _pulled(list(self.by_heads), jacobian(self.policy, self.wrt))
        return [
            t + self.policy.mean(self._slope(v)) if self._moves(v) else t
            for t, v in zip(total, self.wrt, strict=True)
        ]

    def _moves(self, v: Any) -> bool:
        return isinstance(v, Symbol) and self.reward.has(v)

    def _slope(self, v: Any) -> Any:
        return self.reward.diff(v) if self._moves(v) else S.Zero

    def _formula(self) -> Any:
        if (named := self._named) is not None:
            return named.inserted(named.gradient._formula())
        entries = self._entries()
        if not all(head in self.wrt for head in self.policy.heads):
            entries = [e if e.has(ClosedForm) else short(e) for e in entries]
        return closed(shaped(entries, 1))

    def _guarded_formula(self) -> Any:
        """The closed form for code: nan where the expected reward is infinite. It is the parameter
        that is nan there, so that nothing is computed beyond the conditions.
        """
        formula = self._formula()
        if not self.conditions or formula.has(ClosedForm):
            return formula
        finite, names, inside = And(*self.conditions), Names(self), Definitions(self.free_symbols)
        values = {}
        for s in sorted(finite.free_symbols, key=str):
            name = within_domain(names.fresh(f"{s}_finite"), s)
            values[s] = inside.define(name, Piecewise((s, finite), (S.NaN, True)))
        return inside.closing(formula.xreplace(values))

    def doit(self, **hints: Any) -> Any:
        """The closed form as one expression: a scalar, or a column; what does not close stays an
        integral or a sum.
        """
        return self._formula().doit(**hints)

    # --- step by step -----------------------------------------------------------------------------
    @cached_property
    def derivation(self) -> Derivation:
        """The steps from ∇J to the closed form, each of which can be checked by itself."""
        if (named := self._named) is not None:
            steps = named.gradient.derivation.steps
            return Derivation(
                [*steps, Step(InsertionOfHeads(), steps[-1].after, self._formula(), named.given)]
            )
        policy = self.policy
        if all(head in self.wrt or not _moves(head, self.wrt) for head in policy.heads):
            return Derivation(_Steps(policy, self.reward, self.wrt).steps)
        names = Names(self)
        fresh = [
            head if head.is_number else within_domain(names.fresh(f"z_{k}"), domain)
            for k, (head, domain) in enumerate(
                zip(policy.heads, policy.stand_ins(), strict=True), start=1
            )
        ]
        direct = tuple(z for z in fresh if isinstance(z, Name))
        steps = _Steps(policy.with_heads(fresh), self.reward, direct).steps
        before = shaped([Derivative(self.expected, v, evaluate=False) for v in self.wrt], 1)
        given = [
            Eq(z, h, evaluate=False) for z, h in zip(fresh, policy.heads, strict=True) if z != h
        ]
        return Derivation([*steps, Step(ChainRuleOfLogits(), before, self._formula(), given)])

    def _latex(self, printer: Any) -> str:
        variables = ", ".join(map(printer._print, self.wrt))
        reward = printer._print(self.reward)
        a = printer._print(self.policy.action)
        return (
            rf"\nabla_{{{variables}}} \operatorname{{E}}_{{{a} \sim "
            rf"{printer._print(self.policy)}}}\left[{reward}\right]"
        )


def _require_no_moving_jump(policy: Any, reward: Any, variables: tuple[Any, ...]) -> None:
    """Raise where a reward jumps at an action that depends on θ: E[∇r] misses what that adds."""
    actions = {policy.action} if isinstance(policy.action, Symbol) else set(policy.action)
    for v in variables:
        jump = jump_of(reward, {v})
        if jump is not None and jump.free_symbols & actions:
            raise PolicyError(
                f"asked for the gradient by {v} of a reward that jumps at an action which depends "
                f"on {v}, {jump}: E[∇r] misses the motion of the jump. Write its expectation by "
                "the distribution function, or a smooth reward"
            )


def _moves(head: Any, variables: tuple[Any, ...]) -> bool:
    return any(head.has(v) for v in variables)


def _of_head(policy: Any, reward: Any, k: int, z: Any, back: Any) -> Any:
    """E[r s_z]: as the derivative of J where the moments close J, else by the moments of r s."""
    forth = {a: b for b, a in back.items()}
    values = dict(zip(policy.stand_ins(), policy.heads, strict=True))
    known = {h: y for y, h in values.items() if isinstance(h, Symbol)}
    inner = reward.xreplace({**forth, **known})
    pure, bound = policy.pure, policy._bound

    def check(x: Any) -> Any:
        return x.xreplace(values)

    if reward.has(AppliedUndef):
        return pure.integral(inner * score_entries(pure, bound)[k], bound).xreplace(back)
    own = inner.xreplace({y: Symbol(f"{y.name}_held", **y.assumptions0) for y in known.values()})
    held = {Symbol(f"{y.name}_held", **y.assumptions0): y for y in known.values()}
    own, real = realised(own, (bound, *pure.heads)) if isinstance(bound, Symbol) else (own, {})
    mean = mean_reward(pure, own, bound, Tuple(*policy.heads))
    stays = mean.has(ActionIntegral, ActionSum)
    centred = pure.centred(own, bound) if stays else None
    if centred is not None:  # E[s] is 0
        product = pure.integral(centred * score_entries(pure, bound)[k], bound)
    elif stays:
        product = pure.mean_in_heads(own * score_entries(pure, bound)[k], bound, check)
    else:
        product = short(slope(mean, z))
    return product.xreplace(real).xreplace(held).xreplace(back)


@lru_cache(maxsize=64)
def mean_reward(pure: Any, expr: Any, a: Any, heads: Any) -> Any:
    """E of a reward in the symbols of the heads, where it is finite for these heads."""
    values = dict(zip(pure.heads, heads, strict=True))
    return pure.mean_in_heads(expr, a, lambda bound: bound.xreplace(values))


class _Steps:
    """The steps by heads that are symbols of their own."""

    def __init__(self, policy: Any, reward: Any, variables: tuple[Any, ...]) -> None:
        self.policy, self.reward, self.variables = policy, reward, variables
        self.steps: list[Step] = []
        if isinstance(policy.action, Symbol):
            self._by_integrals()
        else:
            self._by_moments()

    def _over(self, integrand: Any) -> Any:
        low, high = self.policy.bounds
        kind = ActionSum if self.policy.is_countable else ActionIntegral
        return kind(integrand, (self.policy.action, low, high))

    def _by_integrals(self) -> None:
        a, policy, r = self.policy.action, self.policy, self.reward
        density = DensityOf(policy, a)
        law = policy.log_prob()
        scores = [policy.score(wrt=v) for v in self.variables]
        moved = [r.diff(v) if r.has(v) else S.Zero for v in self.variables]
        objective = self._over(r * density)
        lines: list[Any] = [
            ("start", [Derivative(objective, v) for v in self.variables]),
            (
                DerivativeUnderExpectation(),
                [
                    self._over(r * Derivative(density, v) + density * g)
                    for v, g in zip(self.variables, moved, strict=True)
                ],
            ),
            (
                LogLikelihoodTrickOfDensities(),
                [
                    self._over(density * (r * Derivative(log(density), v) + g))
                    for v, g in zip(self.variables, moved, strict=True)
                ],
            ),
        ]
        before = shaped(lines[0][1], 1)
        for rule, entries in lines[1:]:
            after = shaped(entries, 1)
            self.steps.append(Step(rule, before, after))
            before = after
        self.steps.append(Step(LogLikelihood(), log(density), law))
        derivatives = shaped([Derivative(law, v) for v in self.variables], 1)
        self.steps.append(Step(Score(), derivatives, shaped(scores, 1)))
        inserted = [self._over(density * (r * s + g)) for s, g in zip(scores, moved, strict=True)]
        self.steps.append(Step(InsertionOfScores(), before, shaped(inserted, 1)))
        self._evaluate(shaped(inserted, 1), scores, moved, a)

    def _evaluate(self, before: Any, scores: list[Any], moved: list[Any], a: Any) -> None:
        """The moments, then the short form; nothing where no rule closes an expectation."""
        gradient = DistributionGradient(self.policy, self.reward, self.variables)
        result = gradient._formula()
        if result.has(ActionIntegral, ActionSum):
            return
        raw = []
        for s, g in zip(scores, moved, strict=True):
            value = _unshortened(self.policy, self.reward * s + g)
            raw.append(value)
        if all(value is not None for value in raw):
            middle = shaped(raw, 1)
            self.steps.append(Step(EvaluationOfExpectations(), before, middle))
            if middle != result:
                self.steps.append(Step(Collection(), middle, result))
        else:
            self.steps.append(Step(EvaluationOfExpectations(), before, result))

    def _by_moments(self) -> None:
        policy = self.policy
        gradient = DistributionGradient(policy, self.reward, self.variables)
        law, scores = policy.log_prob(), [policy.score(wrt=v) for v in self.variables]
        derivatives = shaped([Derivative(law, v) for v in self.variables], 1)
        self.steps.append(Step(Score(), derivatives, shaped(scores, 1)))
        mean, result = policy.mean(self.reward), gradient._formula()
        before = shaped([Derivative(mean, v) for v in self.variables], 1)
        moved = [self.reward.diff(v) if self.reward.has(v) else S.Zero for v in self.variables]
        raw = [policy.in_moments(self.reward * s + g) for s, g in zip(scores, moved, strict=True)]
        middle = result if None in raw else shaped(raw, 1)
        self.steps.append(Step(TrickByMoments(), before, middle))
        if middle != result:
            self.steps.append(Step(Collection(), middle, result))


def _unshortened(policy: Any, expr: Any) -> Any:
    """E of an expression as the moments come, before anything is collected; None if some do not
    close.
    """
    a = policy._bound
    values = dict(zip(policy.stand_ins(), policy.heads, strict=True))
    known = {h: z for z, h in values.items() if isinstance(h, Symbol)}
    inner = expr.xreplace({policy.action: a, **known})
    pure = policy.pure
    value, left = expected(
        inner, a, lambda term: pure.mean_of(term, a, lambda x: x.xreplace(values))
    )
    return policy.inserted(value) if left == 0 else None
