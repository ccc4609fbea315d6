"""The log-likelihood trick: ∇J = E[r(a) ∇log π(a)], in closed form and step by step."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from sympy import Add, Basic, Derivative, Eq, Function, ImmutableDenseMatrix, Symbol, Tuple

from ..closedform import hoist
from ..derivation import Derivation, Step
from ..errors import PolicyError
from ..outputs import Outputs
from ..symbols import TRAINED, Observable, ObservableVector
from .arguments import listed, rewards_of
from .distribution import DistributionPolicy
from .finite import CategoricalPolicy, FinitePolicy
from .logits import Logits
from .rules import ChainRuleOfLogits, InsertionOfLogits
from .setting import Names, Setting, by_logits, is_network, variables_of
from .steps import DirectSteps, stacked
from .trained_rewards import TrainedRewardGradient, outputs_in

__all__ = ["PolicyGradient", "policy_gradient"]


class PolicyGradient(Outputs, Basic):
    """The gradient of the expected reward of a policy: its closed form and its derivation.

    Made by ``policy_gradient``. By one variable it is a scalar, by several a column in their order.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, PolicyGradient
    >>> pi = BernoulliPolicy(logit=Parameter('theta'))
    >>> PolicyGradient(pi, {1: 10, 0: 5}).doit()
    5*(1 - sigmoid(theta))*sigmoid(theta)
    """

    def __new__(cls, policy: Any, rewards: Any, wrt: Any = None) -> PolicyGradient:
        if isinstance(policy, DistributionPolicy):
            from .density_gradient import DistributionGradient

            return DistributionGradient(policy, rewards, wrt)
        if cls is PolicyGradient and type(policy).__name__ == "LogitColumnPolicy":
            from .logit_column import ColumnGradient

            entries = listed(rewards, "rewards") if policy.size.is_Integer else None
            if entries is not None and wrt is None and outputs_in(Tuple(*entries)):
                each = CategoricalPolicy(listed(policy.logits, "the logits"))
                return PolicyGradient(each, entries)
            return ColumnGradient(policy, rewards, wrt)
        if not isinstance(policy, FinitePolicy):
            raise PolicyError(
                f"asked for the policy gradient of {policy!r}, which is a {type(policy).__name__}: "
                "write BernoulliPolicy(logit) or CategoricalPolicy(logits)"
            )
        values = rewards_of(policy.actions, rewards)
        variables = variables_of(policy, wrt)
        if by_logits(policy, variables) and outputs_in(values):
            return TrainedRewardGradient(policy, values)
        labelled = {f"{r} of action {a}": r for a, r in zip(policy.actions, values, strict=True)}
        require_visible(policy, labelled, variables, by_logits(policy, variables))
        return super().__new__(cls, policy, values, Tuple(*variables))

    @property
    def policy(self) -> FinitePolicy:
        """The policy π."""
        return self.args[0]

    @property
    def rewards(self) -> tuple[Any, ...]:
        """The rewards in the order of the actions."""
        return tuple(self.args[1])

    @property
    def wrt(self) -> tuple[Any, ...]:
        """The variables of the gradient."""
        return tuple(self.args[2])

    @property
    def expected(self) -> Any:
        """The expected reward J."""
        return self.policy.expected(self.rewards)

    @cached_property
    def derivation(self) -> Derivation:
        """The steps from ∇J to the closed form, each of which can be checked by itself."""
        names = Names(self)
        if not (is_network(self.policy) or by_logits(self.policy, self.wrt)):
            return Derivation(
                DirectSteps(Setting(self.policy, self.wrt, names), self.rewards).steps
            )
        logits = Logits(self.policy, names)
        direct = DirectSteps(logits.setting, self.rewards)
        last = self._inserted if by_logits(self.policy, self.wrt) else self._pulled_back
        return Derivation([*direct.steps, last(direct, logits)])

    def _inserted(self, direct: DirectSteps, logits: Logits) -> Step:
        entries, definitions = logits.inserted(direct.result)
        given = [
            Eq(z, f, evaluate=False)
            for z, f in zip(logits.symbols, self.policy.logits, strict=True)
        ]
        after = definitions.closing(hoist(stacked(entries), definitions))
        return Step(InsertionOfLogits(), direct.steps[-1].after, after, given)

    def _pulled_back(self, direct: DirectSteps, logits: Logits) -> Step:
        pi = logits.setting.probabilities
        pathwise = [
            Add(*(p * r.diff(v) for p, r in zip(pi, self.rewards, strict=True) if r.has(v)))
            for v in self.wrt
        ]
        entries, definitions = logits.pulled_back(direct.result, self.wrt, pathwise)
        before = stacked([Derivative(self.expected, v) for v in self.wrt])
        return Step(
            ChainRuleOfLogits(), before, definitions.closing(hoist(stacked(entries), definitions))
        )

    def _formula(self) -> Any:
        return self.derivation.result

    @property
    def _equations(self) -> Any:
        """∂J/∂θ and its closed form, a column for several variables."""
        if not all(isinstance(v, Symbol) for v in self.wrt):  # matrices, or columns of logits
            return None
        J = Symbol("J") if len(self.wrt) == 1 else Function("J")(*self.wrt)
        slopes = [Derivative(J, v, evaluate=False) for v in self.wrt]
        left = slopes[0] if len(slopes) == 1 else ImmutableDenseMatrix(slopes)
        return [Eq(left, self._formula(), evaluate=False)]

    def doit(self, **hints: Any) -> Any:
        """The closed form as one expression: a scalar, or a column."""
        return self._formula().doit(**hints)

    def by_parameter(self) -> dict[Any, Any]:
        """{parameter: ∂J/∂parameter}; of a network at matrix level each array's outer product.

        Examples
        ========

        >>> from sympy import symbols, tanh
        >>> from symprice import MLP, BernoulliPolicy, inputs, policy_gradient
        >>> d, m = symbols('d m', integer=True, positive=True)
        >>> net = MLP(d, m, 1, activation=tanh)
        >>> G = policy_gradient(BernoulliPolicy(logit=net(inputs('x', d))), {1: 10, 0: 5})
        >>> W1 = net.parameters[0]
        >>> G.by_parameter()[W1].expr
        delta1*x.T
        """
        from ..tangent.matrix_closing import is_matrix_level

        if is_matrix_level(self.expected):
            from .by_arrays import by_arrays

            return by_arrays(self.expected)
        entries = self.doit()
        return dict(zip(self.wrt, entries if len(self.wrt) > 1 else [entries], strict=True))

    # --- estimators and what follows from the gradient -------------------------------------------
    @property
    def estimator(self) -> Any:
        """The estimator r(a) ∇log π(a) of one sample; called, of n samples with a baseline.

        Examples
        ========

        >>> from symprice import BernoulliPolicy, Parameter, policy_gradient
        >>> G = policy_gradient(BernoulliPolicy(logit=Parameter('theta')), {1: 1, 0: 0})
        >>> G.estimator.summand
        a*(1 - sigmoid(theta))
        >>> G.estimator(4, baseline='mean').variance()
        (1 - 2*sigmoid(theta))**2*(1 - sigmoid(theta))*sigmoid(theta)/4
        """
        from .estimators import ScoreEstimator

        return ScoreEstimator(self)

    def variance(self, baseline: Any = None, n: Any = 1) -> Any:
        """The variance of each component of the score estimator, in closed form."""
        from .estimators import variance

        return variance(self, baseline, n)

    def optimal_baseline(self, per_component: bool = False) -> Any:
        """The baseline of least variance, `E[|s|² r]/E[|s|²]`, or one for each component."""
        from .estimators import optimal_baseline

        return optimal_baseline(self, per_component)

    def natural(self) -> Any:
        """The natural gradient F⁻¹∇J, with the Fisher information F of the policy."""
        from .second_order import natural

        return natural(self)

    def hessian(self) -> Any:
        """The Hessian ∇²J."""
        from .second_order import hessian

        return hessian(self)

    def dynamics(self, metric: str = "euclidean") -> Any:
        """How probabilities move under the gradient ('euclidean') or the 'natural' one: a sequence
        of equations.
        """
        from .motion import PolicyMotion

        return PolicyMotion(self, metric)

    def pathwise(self) -> Any:
        """The reparameterised estimator ∇r(T(ε, θ)), where the family has one."""
        from .pathwise import PathwiseEstimator

        return PathwiseEstimator(self)

    def measure_valued(self) -> Any:
        """The gradient as differences of two expectations, from weak derivatives of the policy."""
        from .measure_valued import MeasureValuedEstimator

        return MeasureValuedEstimator(self)

    def importance_weighted(self, behaviour: Any) -> Any:
        """The estimator from actions of another policy, weighted by π/β."""
        from .importance import ImportanceWeightedEstimator

        return ImportanceWeightedEstimator(self, behaviour)

    def _eval_subs(self, old: Any, new: Any) -> Any:
        # A variable is both free and differentiated by: replacing it means differentiating first.
        if old in self.wrt and not isinstance(new, Symbol):
            return self.doit().subs(old, new)
        return None

    def _latex(self, printer: Any) -> str:
        variables = (
            "z" if by_logits(self.policy, self.wrt) else ", ".join(map(printer._print, self.wrt))
        )
        return rf"\nabla_{{{variables}}} \left({printer._print(self.expected)}\right)"


def require_visible(
    policy: Any, rewards: Mapping[str, Any], variables: tuple[Any, ...], by_place: bool
) -> None:
    """Raise where a reward depends on θ in a way that the gradient by the variables would lose."""
    unspecified = by_place or any(v in policy.observables for v in variables)
    for words, reward in rewards.items():
        for symbol in sorted(reward.free_symbols - set(variables), key=str):
            if isinstance(symbol, TRAINED if unspecified else (Observable, ObservableVector)):
                raise PolicyError(
                    f"asked for a gradient by {', '.join(map(str, variables))}, but the reward "
                    f"{words} depends on {symbol}, which is trained too, and "
                    f"how it depends on these is not specified: write Symbol('{symbol}') for a "
                    "constant, or differentiate by Parameters that both are formulas of"
                )


def policy_gradient(
    policy: Any, reward: Any, wrt: Any = None, *, state: Any = None
) -> PolicyGradient:
    """The gradient of the expected reward, `∇J = E[r(a) ∇log π(a)]`.

    Parameters
    ==========

    policy : a BernoulliPolicy, a CategoricalPolicy, or one of another family.
    reward : {action: reward}, a list, column or array in the order of the actions, an expression
        in the action, Symbol('a'), a function of it, or Function('r'). Rewards that depend on the
        variables contribute their own gradient, `E[∇r]`.
    wrt : the variables: symbols, or ``policy.logits``. Where not given: the logits if they hold
        Observables, else the Parameters of the policy in order of first appearance.
    state : the symbol of the state s (or several, or a column of inputs) that the policy depends
        on: a function of two arguments is then read as r(s, a).

    Raises
    ======

    PolicyError : if a reward is missing or belongs to no action, or if nothing is trained.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, CategoricalPolicy, Parameter, observables
    >>> from symprice import policy_gradient
    >>> theta = Parameter('theta')
    >>> G = policy_gradient(BernoulliPolicy(logit=theta), reward={1: 10, 0: 5})
    >>> G.doit()
    5*(1 - sigmoid(theta))*sigmoid(theta)
    >>> [step.rule.name for step in G.derivation.steps][:4]
    ['log-likelihood trick', 'log-likelihood', 'score', 'expectation']

    Of a softmax policy by its logits it is `π ∘ (r - J)`:

    >>> G = policy_gradient(CategoricalPolicy(observables('z1:4')), [3, 2, 0])
    >>> G.derivation.result.expr.T
    Matrix([[pi_1*(3 - J), pi_2*(2 - J), -J*pi_3]])

    In a state x, with rewards that are left open:

    >>> from sympy import Function, Symbol
    >>> x = Symbol('x')
    >>> policy_gradient(BernoulliPolicy(logit=theta*x), Function('r'), state=x).doit()
    x*(1 - sigmoid(theta*x))*(-r(x, 0) + r(x, 1))*sigmoid(theta*x)

    References
    ==========

    R. J. Williams, Simple statistical gradient-following algorithms for connectionist reinforcement
    learning, Machine Learning 8 (1992).
    """
    if state is not None:
        from .rewards import in_state

        reward = in_state(policy, reward, state)
    found = PolicyGradient(policy, reward, wrt)
    if wrt is not None:
        _require_known(found)
    return found


def _require_known(gradient: PolicyGradient) -> None:
    """Raise where a variable occurs nowhere: the gradient by a misspelled name would be 0."""
    action = getattr(gradient.policy, "action", None)
    known = gradient.policy.free_symbols | gradient.args[1].free_symbols
    known -= {action} if isinstance(action, Symbol) else set(action or ())
    for v in gradient.wrt:
        if isinstance(v, Symbol) and v not in known:
            raise PolicyError(
                f"asked for the gradient by {v}, on which neither {gradient.policy} nor the reward "
                f"depends: write one of {', '.join(sorted(map(str, known)))}"
            )
