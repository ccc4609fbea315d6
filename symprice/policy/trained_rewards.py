"""Gradients where the rewards come out of a network as well: both parts, by what networks give."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, Basic, Derivative, Dummy, Eq, Function, ImmutableDenseMatrix

from ..closedform import ClosedForm, Definitions, hoist
from ..errors import NoRuleError, PolicyError
from ..outputs import Outputs
from ..symbols import (
    TRAINED,
    Name,
    ParameterMatrix,
    depends_on_parameters,
)
from .distribution import DistributionPolicy
from .setting import Names

__all__ = ["TrainedRewardGradient", "outputs_in"]


def outputs_in(rewards: Any) -> list[Any]:
    """The outputs of networks of matrices that stand in rewards."""
    found = (e for e in rewards.atoms(ClosedForm) if e.atoms(ParameterMatrix))
    return sorted(found, key=str)


class TrainedRewardGradient(Outputs, Basic):
    """`∇J = Σ_k ∂J/∂z_k ∇z_k + Σ_j ∂J/∂v_j ∇v_j`, where the policy is made of outputs z of networks
    and the rewards of outputs v of networks: `∂J/∂z_k = E[r ∂log π/∂z_k + ∂r/∂z_k]`, for a softmax
    `π_k (r_k - J)` where the rewards hold no z, and `∂J/∂v_j = E[∂r/∂v_j]`.

    Made by ``policy_gradient``. ``slopes`` are the pairs of an output and ∂J by it; the networks
    may share arrays, and ``by_parameter()`` is the whole gradient by each of these.

    Examples
    ========

    >>> from sympy import symbols, tanh
    >>> from symprice import MLP, BernoulliPolicy, inputs, policy_gradient
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> f = MLP(d, m, 2, activation=tanh)(inputs('x', d))
    >>> G = policy_gradient(BernoulliPolicy(logit=f[0, 0]), {1: f[1, 0], 0: 0})
    >>> [slope for _, slope in G.in_names]
    [v*(1 - sigmoid(z))*sigmoid(z), sigmoid(z)]
    >>> [str(array) for array in G.by_parameter()]
    ['W1', 'b1', 'W2', 'b2']
    """

    def __new__(cls, policy: Any, rewards: Any) -> TrainedRewardGradient:
        constant = rewards.xreplace({v: Dummy("v", real=True) for v in outputs_in(rewards)})
        for symbol in sorted(constant.free_symbols, key=str):
            if isinstance(symbol, TRAINED):
                raise PolicyError(
                    f"asked for a gradient with the rewards {rewards}, which depend on {symbol} "
                    "beside the outputs of networks of matrices: write it as the output of one, or "
                    f"Symbol('{symbol}') for a constant"
                )
        return super().__new__(cls, policy, rewards)

    @property
    def policy(self) -> Any:
        """The policy π."""
        return self.args[0]

    @property
    def rewards(self) -> Any:
        """The rewards: of each action, or as an expression in the action."""
        return self.args[1]

    @property
    def expected(self) -> Any:
        """The expected reward J."""
        if isinstance(self.policy, DistributionPolicy):
            return self.policy.mean(self.rewards)
        return self.policy.expected(self.rewards)

    @property
    def _heads(self) -> list[Any]:
        policy = self.policy
        given = policy.heads if isinstance(policy, DistributionPolicy) else policy.logits
        return list(dict.fromkeys(h for h in given if depends_on_parameters(h)))

    @cached_property
    def outputs(self) -> dict[Any, Any]:
        """{name: output of a network}: z in the policy, v in the rewards alone."""
        names, found = Names(self), {}
        others = [v for v in outputs_in(self.rewards) if v not in self._heads]
        for letter, outputs in (("z", self._heads), ("v", others)):
            for k, output in enumerate(outputs, start=1):
                name = letter if len(outputs) == 1 else f"{letter}_{k}"
                found[Name(names.fresh(name).name, real=True)] = output
        return found

    @property
    def wrt(self) -> tuple[Any, ...]:
        """The outputs, by which the slopes are."""
        return tuple(self.outputs.values())

    @cached_property
    def in_names(self) -> list[tuple[Any, Any]]:
        """(name, ∂J by it) of every output, in the names of all outputs."""
        from .gradient import policy_gradient

        policy, count = self.policy, len(self._heads)
        names = list(self.outputs)
        heads = {output: name for name, output in self.outputs.items()}
        rewards = self.rewards.xreplace({v: heads[v] for v in outputs_in(self.rewards)})
        if isinstance(policy, DistributionPolicy):
            own = policy.with_heads([heads.get(h, h) for h in policy.heads])
            mean = own.mean(rewards)
        else:
            own = policy.with_logits([heads.get(z, z) for z in policy.logits])
            mean, rewards = own.expected(rewards), list(rewards)
        slopes = [policy_gradient(own, rewards, wrt=z).doit() for z in names[:count]]
        return list(zip(names, [*slopes, *(mean.diff(v) for v in names[count:])], strict=True))

    @property
    def slopes(self) -> list[tuple[Any, Any]]:
        """(output, ∂J by it) of every output."""
        return [(self.outputs[name], self._inserted(slope)) for name, slope in self.in_names]

    def _inserted(self, expr: Any) -> Any:
        definitions = Definitions(self.free_symbols)
        moved = {
            name: definitions.define(name, hoist(output, definitions))
            for name, output in self.outputs.items()
        }
        return definitions.closing(hoist(expr.xreplace(moved), definitions))

    def _formula(self) -> Any:
        return self._inserted(ImmutableDenseMatrix([slope for _, slope in self.in_names]))

    @property
    def _equations(self) -> Any:
        J = Function("J")(*self.outputs)
        return [
            Eq(Derivative(J, name, evaluate=False), self._inserted(slope), evaluate=False)
            for name, slope in self.in_names
        ]

    def doit(self, **hints: Any) -> Any:
        """∂J by the outputs, a column: those of the policy, then those of the rewards."""
        return self._formula().doit(**hints)

    def by_parameter(self) -> dict[Any, Any]:
        """{array: ∂J/∂array}, through the policy and through the rewards."""
        from .by_arrays import by_arrays

        return by_arrays(self.expected)

    def covariance(self, prop: Any) -> Any:
        """`NTCov(J, P)`: how fast a property moves under the gradient."""
        from ..tangent.covariance import NTCov

        return NTCov(self.expected, prop)

    def _of_policies(self, *args: Any, **settings: Any) -> Any:
        raise NoRuleError(
            "asked for an estimator, a natural gradient or a motion where the rewards are outputs "
            "of a trained network: their own slope E[∇r] is no matter of the policy. Write "
            "policy_gradient with Symbols for these rewards; .slopes and .by_parameter() have both"
        )

    estimator = property(_of_policies)
    variance = optimal_baseline = natural = hessian = dynamics = _of_policies
    pathwise = measure_valued = importance_weighted = _of_policies

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        from ..tangent.covariance import NTCov, NTVar

        J = self.expected
        squares = Add(*(slope * NTCov(output, J) for output, slope in self.slopes))
        return [("|∇J|² by the chain rule", NTVar(J), squares)]

    def _latex(self, printer: Any) -> str:
        return rf"\nabla \left({printer._print(self.expected)}\right)"
