"""A softmax policy whose logits are one column of any size, as the output of a network."""

from __future__ import annotations

from typing import Any

from sympy import (
    Add,
    Basic,
    DiagMatrix,
    ImmutableDenseMatrix,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Range,
    Trace,
    Tuple,
)
from sympy.core.function import FunctionClass
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..arrays import LogSumExp, SoftmaxVector
from ..closedform import Definitions, hoist
from ..derivation import Derivation, Step
from ..elementwise import ScalarProduct, ScaledRows
from ..errors import NoRuleError, PolicyError
from ..indexed.shifts import UnitVector
from ..symbols import Name, NameMatrix, ObservableVector, ParameterMatrix
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

    def score(self, action: Any, wrt: Any = None) -> Any:
        """e_a - π, by the logits."""
        self._require_logits(wrt)
        return UnitVector(self.size, self._place(action)) - self.probabilities

    def fisher(self, wrt: Any = None) -> Any:
        """diag π - π πᵀ, by the logits."""
        self._require_logits(wrt)
        pi = self.probabilities
        return DiagMatrix(pi) - pi * pi.T

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
        mean = definitions.define(Name("J"), ScalarProduct(self.rewards, pi))
        ones = OneMatrix(size, 1)
        lines = [
            (DiagMatrix(pi) - pi * pi.T) * self.rewards,
            ScaledRows(pi, self.rewards) - mean * pi,
            ScaledRows(pi, self.rewards - mean * ones),
        ]
        before, spread, after = (definitions.closing(line) for line in lines)
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
        size = self.policy.size
        ones = OneMatrix(size, 1)
        return self.rewards - ScalarProduct(ones, self.rewards) / size * ones

    def hessian(self) -> Any:
        """diag g - g πᵀ - π gᵀ with g = ∇J, by the logits."""
        closed = self.derivation.result
        definitions = Definitions(self.free_symbols)
        slope = hoist(closed, definitions)
        pi = definitions.named()[SoftmaxVector(hoist(self.policy.logits, definitions))]
        return definitions.closing(DiagMatrix(slope) - slope * pi.T - pi * slope.T)

    def _of_samples(self, *args: Any, **kwargs: Any) -> Any:
        raise NoRuleError(
            f"asked for an estimator or a motion of {self.policy}, whose actions are not listed: "
            "write CategoricalPolicy([z1, z2, z3]) with a logit for each action"
        )

    estimator = property(_of_samples)
    variance = optimal_baseline = dynamics = pathwise = _of_samples
    measure_valued = importance_weighted = _of_samples

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        from ..tangent.covariance import NTVar
        from .by_arrays import by_arrays

        steps = [(s.rule.name, s.before, s.after) for s in self.derivation.steps]
        slopes = by_arrays(self.expected).values()
        squares = Add(*(Trace(s.T * s) if s.shape[1] != 1 else ScalarProduct(s, s) for s in slopes))
        return [*steps, ("|∇J|² = NTVar(J)", NTVar(self.expected), squares)]

    def _latex(self, printer: Any) -> str:
        return rf"\nabla_z \left({printer._print(self.expected)}\right)"
