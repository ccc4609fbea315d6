"""A softmax policy whose logits are one column of any size, as the output of a network."""

from __future__ import annotations

from typing import Any

from sympy import (
    Add,
    Basic,
    DiagMatrix,
    ImmutableDenseMatrix,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Range,
    S,
    Symbol,
    Trace,
    Tuple,
    expand,
)
from sympy.core.function import FunctionClass
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..arrays import LogSumExp, SoftmaxVector
from ..closedform import ClosedFormMatrix, Definitions, hoist
from ..derivation import Derivation, Step
from ..elementwise import ScalarProduct, ScaledRows
from ..errors import NoRuleError, PolicyError
from ..indexed.shifts import UnitVector
from ..symbols import (
    Name,
    NameMatrix,
    Observable,
    ObservableVector,
    Parameter,
    ParameterMatrix,
)
from .base import Policy
from .gradient import PolicyGradient
from .rules import Collection, ExpectationOfScores

__all__ = ["ColumnGradient", "LogitColumnPolicy", "is_column"]


def is_column(logits: Any) -> bool:
    """Whether logits are a column that stays whole: of symbolic size, or of trained matrices."""
    if not isinstance(logits, MatrixExpr) or logits.shape[1] != 1 or logits.shape[0] == 1:
        return False
    return not logits.shape[0].is_Integer or bool(logits.atoms(ParameterMatrix))


class LogitColumnPolicy(Policy):
    """`π = softmax(z)` with the actions 1, …, K, for a column z of any size K.

    Made by ``CategoricalPolicy(column)``; results are matrix expressions by the logits.

    Examples
    ========

    >>> from sympy import MatrixSymbol, symbols, tanh
    >>> from symprice import MLP, CategoricalPolicy, inputs, policy_gradient
    >>> d, m, K = symbols('d m K', integer=True, positive=True)
    >>> pi = CategoricalPolicy(MLP(d, m, K, activation=tanh)(inputs('x', d)))
    >>> G = policy_gradient(pi, MatrixSymbol('r', K, 1))
    >>> G.derivation.result.expr
    ScaledRows(pi, (-J)*1 + r)
    >>> [str(slope.expr) for slope in G.by_parameter().values()]
    ['delta1*x.T', 'delta1', 'delta_f*a1.T', 'delta_f']
    """

    def __new__(cls, logits: Any) -> LogitColumnPolicy:
        logits = _sympify(logits)
        if not is_column(logits):
            raise PolicyError(
                f"asked for a policy with the column of logits {logits}: write the output of a "
                "network at matrix level, or ParameterMatrix('z', K, 1)"
            )
        return super().__new__(cls, logits)

    @property
    def logits(self) -> Any:
        """The column z."""
        return self.args[0]

    @property
    def size(self) -> Any:
        """The number of actions K."""
        return self.logits.shape[0]

    @property
    def actions(self) -> Any:
        """1, …, K."""
        return Range(1, self.size + 1)

    @property
    def parameters(self) -> tuple[Any, ...]:
        """The trained arrays."""
        return tuple(sorted(self.logits.atoms(ParameterMatrix, ObservableVector), key=str))

    @property
    def probabilities(self) -> Any:
        """softmax(z), a column."""
        return SoftmaxVector(self.logits)

    def _place(self, action: Any) -> Any:
        k = _sympify(action)
        if k.is_integer is False or (k - 1).is_negative or (self.size - k).is_negative:
            raise PolicyError(f"asked for action {action} of {self}, whose actions are 1, …, K")
        return k - 1

    def prob(self, action: Any) -> Any:
        """π(a), an entry of the softmax."""
        return self.probabilities[self._place(action), 0]

    def log_prob(self, action: Any) -> Any:
        """z_a - log Σ exp z."""
        return self.logits[self._place(action), 0] - LogSumExp(self.logits)

    def score(self, action: Any = None, wrt: Any = None) -> Any:
        """e_a - π, by the logits; at the symbol `a` where no action is given."""
        self._require_logits(wrt)
        action = Symbol("a", integer=True, positive=True) if action is None else action
        return UnitVector(self.size, self._place(action)) - self.probabilities

    def fisher(self, wrt: Any = None) -> Any:
        """diag π - π πᵀ, by the logits."""
        self._require_logits(wrt)
        pi = self.probabilities
        return DiagMatrix(pi) - pi * pi.T

    @property
    def log_probabilities(self) -> Any:
        """z - log Σ exp z, a column."""
        return self.logits - LogSumExp(self.logits) * OneMatrix(self.size, 1)

    def entropy(self) -> Any:
        """log Σ exp z - πᵀz, in nats."""
        return LogSumExp(self.logits) - ScalarProduct(self.probabilities, self.logits)

    def kl_divergence(self, other: Any) -> Any:
        """πᵀ(z - z') - log Σ exp z + log Σ exp z', in nats."""
        if not isinstance(other, LogitColumnPolicy) or other.size != self.size:
            raise PolicyError(
                f"asked for the divergence of {self} from {other}: write a policy with a column of "
                f"{self.size} logits"
            )
        gap = ScalarProduct(self.probabilities, self.logits - other.logits)
        return gap - LogSumExp(self.logits) + LogSumExp(other.logits)

    def rewards(self, given: Any) -> Any:
        """A column of rewards; ``Function('r')`` is the column r."""
        if isinstance(given, FunctionClass):
            return MatrixSymbol(str(given), self.size, 1)
        column = _sympify(given) if not isinstance(given, (list, tuple)) else None
        if isinstance(given, (list, tuple)) and len(given) == self.size:
            column = ImmutableDenseMatrix(len(given), 1, list(given))
        if isinstance(column, (MatrixExpr, MatrixBase)) and column.shape == (self.size, 1):
            return column
        raise PolicyError(
            f"asked for the expected reward of {given!r} under {self}: write a column, "
            f"MatrixSymbol('r', {self.size}, 1), or Function('r')"
        )

    def expectation(self, f: Any) -> Any:
        """E[r] = rᵀπ, of a column of rewards."""
        return ScalarProduct(self.rewards(f), self.probabilities)

    def _require_logits(self, wrt: Any) -> None:
        if wrt is not None and wrt != self.logits:
            raise PolicyError(
                f"asked for a score of {self} by {wrt}: it is by its logits, and what follows for "
                "the arrays is policy_gradient(...).by_parameter()"
            )


class ColumnGradient(PolicyGradient):
    """`∇_z J = π ∘ (r - J)` of a column of logits; by the trained arrays in ``by_parameter()``."""

    def __new__(cls, policy: Any, reward: Any, wrt: Any = None) -> ColumnGradient:
        policy._require_logits(wrt[0] if isinstance(wrt, Tuple) else wrt)
        _own_slope(policy, policy.rewards(reward))
        return Basic.__new__(cls, policy, policy.rewards(reward), Tuple(policy.logits))

    @property
    def rewards(self) -> Any:
        """The column of rewards."""
        return self.args[1]

    @property
    def derivation(self) -> Derivation:
        """From Σ π(a) r(a) (e_a - π) to π ∘ (r - J)."""
        definitions = Definitions(self.free_symbols)
        z, size = hoist(self.policy.logits, definitions), self.policy.size
        pi = definitions.define(NameMatrix("pi", size, 1), SoftmaxVector(z))
        rewards, ell = self.rewards, self.policy.log_probabilities
        if rewards.has(ell):
            level = z - LogSumExp(z) * OneMatrix(size, 1)
            rewards = rewards.xreplace({ell: definitions.define(NameMatrix("ell", size, 1), level)})
        mean = definitions.define(Name("J"), ScalarProduct(rewards, pi))
        ones = OneMatrix(size, 1)
        moved = _own_slope(self.policy, self.rewards)
        lines = [
            (DiagMatrix(pi) - pi * pi.T) * rewards,
            ScaledRows(pi, rewards) - mean * pi,
            ScaledRows(pi, rewards - mean * ones),
        ]
        before, spread, after = (
            definitions.closing(hoist(line + moved * pi if moved != 0 else line, definitions))
            for line in lines
        )
        return Derivation(
            [Step(ExpectationOfScores(), before, spread), Step(Collection(), spread, after)]
        )

    def doit(self, **hints: Any) -> Any:
        """π ∘ (r - J) as one matrix expression."""
        return self.derivation.result.doit(**hints)

    def source(self, args: Any = None, **settings: Any) -> str:
        """NumPy source of π ∘ (r - J)."""
        return self.derivation.result.source(args, **settings)

    def lambdify(self, args: Any = None, **settings: Any) -> Any:
        """A NumPy function of π ∘ (r - J); ``batch`` labels axes of states."""
        return self.derivation.result.lambdify(args, **settings)

    def natural(self) -> Any:
        """F⁺ ∇J = r - mean of r, by the logits."""
        self._require_constant("the natural gradient")
        size, rewards = self.policy.size, self.rewards
        if isinstance(rewards, MatrixBase):  # listed, so that it needs no arrays
            mean = Add(*rewards) / size
            return ClosedFormMatrix(ImmutableDenseMatrix([r - mean for r in rewards]), ())
        ones, definitions = OneMatrix(size, 1), Definitions(self.free_symbols)
        mean = definitions.define(Name("rbar"), ScalarProduct(ones, self.rewards) / size)
        return definitions.closing(self.rewards - mean * ones)

    def hessian(self) -> Any:
        """diag g - g πᵀ - π gᵀ with g = ∇J, by the logits."""
        self._require_constant("the Hessian")
        closed = self.derivation.result
        definitions = Definitions(self.free_symbols)
        slope = hoist(closed, definitions)
        pi = definitions.named()[SoftmaxVector(hoist(self.policy.logits, definitions))]
        return definitions.closing(DiagMatrix(slope) - slope * pi.T - pi * slope.T)

    @property
    def estimator(self) -> Any:
        """The estimator of one sample; called, of n samples with a baseline."""
        from .column_estimators import ColumnEstimator

        self._require_constant("an estimator")
        return ColumnEstimator(self)

    def variance(self, baseline: Any = None, n: Any = 1) -> Any:
        """The variance of each component of the score estimator, a column."""
        from .column_estimators import column_variance

        self._require_constant("the variance of an estimator")
        return column_variance(self, baseline, n)

    def optimal_baseline(self, per_component: bool = False) -> Any:
        """The baseline of least variance, or a column of one for each component."""
        from .column_estimators import best_of_column

        self._require_constant("the best baseline")
        return best_of_column(self, per_component)

    def dynamics(self, metric: str = "euclidean") -> Any:
        """How π moves when the logits follow the gradient, or the 'natural' one."""
        from .column_estimators import ColumnMotion

        self._require_constant("the motion")
        return ColumnMotion(self, metric)

    def _require_constant(self, what: str) -> None:
        if _is_trained(self.rewards, self.policy):
            raise NoRuleError(
                f"asked for {what} with rewards {self.rewards} that depend on the logits: write "
                "rewards that do not, or a list of logits"
            )

    def _of_samples(self, *args: Any, **kwargs: Any) -> Any:
        raise NoRuleError(
            f"asked for another estimator of {self.policy}, whose actions are not listed: write "
            "CategoricalPolicy([z1, z2, z3]) with a logit for each action"
        )

    pathwise = measure_valued = importance_weighted = _of_samples

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        from ..tangent.covariance import NTVar
        from .by_arrays import by_arrays

        steps = [(s.rule.name, s.before, s.after) for s in self.derivation.steps]
        slopes = by_arrays(self.expected).values()
        squares = Add(*(Trace(s.T * s) if s.shape[1] != 1 else ScalarProduct(s, s) for s in slopes))
        return [*steps, ("|∇J|² = NTVar(J)", NTVar(self.expected), squares)]

    def _latex(self, printer: Any) -> str:
        return rf"\nabla_z \left({printer._print(self.expected)}\right)"


def _is_trained(rewards: Any, policy: Any) -> bool:
    """Whether rewards depend on what is trained; the logits are, whatever symbol they are."""
    trained = rewards.atoms(Parameter, ParameterMatrix, Observable, ObservableVector)
    return bool(trained) or bool(rewards.has(policy.logits))


def _own_slope(policy: Any, rewards: Any) -> Any:
    """The c of E[∇r] = c π, of rewards in which the logits stand as `c₁ z + c₂ log Σ exp z`.

    Of -w log π, the entropy as a reward, c is -w + w = 0.
    """
    if not _is_trained(rewards, policy):
        return S.Zero
    if not _is_trained(_without_entropy(policy, rewards), policy):
        return S.Zero
    level, total = LogSumExp(policy.logits), S.Zero
    for term in MatAdd.make_args(rewards.expand()):
        if not _is_trained(term, policy):
            continue
        product = isinstance(term, MatMul)
        factor, matrices = term.as_coeff_matrices() if product else (S.One, [term])
        if list(matrices) == [policy.logits]:
            slope, rest = factor, S.Zero
        elif list(matrices) == [OneMatrix(policy.size, 1)]:
            slope = expand(factor).coeff(level)
            rest = expand(factor - slope * level)
        else:
            slope, rest = S.Zero, level
        if _is_trained(slope, policy) or _is_trained(rest, policy):
            raise PolicyError(
                f"asked for the gradient by the logits {policy.logits} of the rewards {rewards}, "
                "which are trained too: how they depend on the logits is known of r - w log π, as "
                "entropy_bonus(policy, r, w) gives it. Write a list of rewards, of a number of "
                "actions, for outputs of networks, or a MatrixSymbol for constants"
            )
        total += slope
    return total


def _without_entropy(policy: Any, rewards: Any) -> Any:
    """The rewards less their part w log π, where `-w log Σ exp z` stands in all of them."""
    ones = OneMatrix(policy.size, 1)
    plain = policy.logits.doit()
    for term in MatAdd.make_args(rewards.expand()):
        if isinstance(term, MatMul) and list(term.as_coeff_matrices()[1]) == [ones]:
            factor = expand(term.as_coeff_matrices()[0])
            for level in factor.atoms(LogSumExp):
                if level.args[0] in (policy.logits, plain):
                    share = factor.coeff(level) * plain - factor.coeff(level) * level * ones
                    return (rewards + share).expand()
    return rewards
