"""Estimators and motions of a softmax of any number of actions: matrix expressions in π."""

from __future__ import annotations

from typing import Any

from sympy import Eq, HadamardPower, Identity, Lambda, OneMatrix, S, Symbol, tanh
from sympy.core.symbol import Str

from ..arrays import SoftmaxVector
from ..closedform import Definitions, hoist
from ..elementwise import Elementwise, ScalarProduct, ScaledRows
from ..errors import NoRuleError, PolicyError
from ..indexed.shifts import UnitVector
from ..networks.activations import log_sigmoid, sigmoid
from ..symbols import Name, NameMatrix
from ..tangent.closing import closed_form
from ..tangent.covariance import NTCov
from .arguments import scalar
from .estimators import BASELINES, OTHERS, Sampled, number_of_samples
from .motion import Motion
from .other_columns import GapToOthers, LogOdds, MeanOfOthers, VarianceOfOthers
from .rewards import without_action

__all__ = ["ColumnEstimator", "ColumnMotion", "ColumnNames", "best_of_column", "column_variance"]


class ColumnNames:
    """π, J and the rewards of a gradient by a column of logits, with what the names mean."""

    def __init__(self, gradient: Any) -> None:
        self.gradient, self.size = gradient, gradient.policy.size
        self.definitions = Definitions(gradient.free_symbols)
        logits = hoist(gradient.policy.logits, self.definitions)
        self.pi = self.definitions.define(NameMatrix("pi", self.size, 1), SoftmaxVector(logits))
        self.rewards = hoist(gradient.rewards, self.definitions)
        self.mean = self.scalar("J", ScalarProduct(self.rewards, self.pi))
        self.ones = OneMatrix(self.size, 1)
        self.slope = ScaledRows(self.pi, self.rewards - self.mean * self.ones)

    def scalar(self, letter: str, value: Any) -> Any:
        """A name for a number."""
        return self.definitions.define(Name(letter), value)

    def column(self, letter: str, value: Any) -> Any:
        """A name for a column."""
        return self.definitions.define(NameMatrix(letter, self.size, 1), value)

    def over(self, column: Any) -> Any:
        """E of the entries of a column."""
        return ScalarProduct(column, self.pi)

    def closed(self, expr: Any) -> Any:
        """An expression in these names as a closed form."""
        return self.definitions.closing(hoist(expr, self.definitions))


class OtherNames(ColumnNames):
    """The same, and what is known of the actions other than the k-th, for every k.

    u is the column of log-odds, so that π = σ(u) and q = 1 - π = σ(-u); m is `E[r | a ≠ k]`. No
    digit is lost where π is nearly certain.
    """

    def __init__(self, gradient: Any) -> None:
        super().__init__(gradient)
        z = gradient.policy.logits
        inner = hoist(z, self.definitions)
        self.logits = inner if inner.is_Symbol else self.column("z", inner)
        self.odds = self.column("u", LogOdds(self.logits))
        self.rest = self.column("q", Elementwise(sigmoid, -self.odds))
        #: π ∘ q, the variance of [a = k].
        self.shares = ScaledRows(self.pi, self.rest)

    def best(self, b: Any = S.Zero) -> Any:
        """`(1 - π_k) (r_k - b) + π_k E[r - b | a ≠ k]`, the best baseline of a component less b."""
        gap = self.rewards - b * self.ones if b != 0 else self.rewards
        mean = self.column("m", MeanOfOthers(self.logits, gap))
        return ScaledRows(self.rest, gap) + ScaledRows(self.pi, mean)

    @property
    def gaps(self) -> Any:
        """r_k - E[r | a ≠ k]."""
        return self.column("g", GapToOthers(self.logits, self.rewards))

    @property
    def left(self) -> Any:
        """π Var[r | a ≠ k]: times π q it is what the best baseline leaves."""
        spread = self.column("v", VarianceOfOthers(self.logits, self.rewards))
        return ScaledRows(self.pi, spread)


def _squared(column: Any) -> Any:
    return ScaledRows(column, column)


def best_of_column(gradient: Any, per_component: bool = False) -> Any:
    """`E[s_k² r]/E[s_k²] = (1 - π_k) r_k + π_k E[r | a ≠ k]` by component, or of all components
    `E[|s|² r]/E[|s|²]`: the mean of these with weights `E[s_k²] = π_k (1 - π_k)`.
    """
    names = OtherNames(gradient)
    best = names.best()
    if per_component:
        return names.closed(best)
    u = Symbol("u", real=True)
    level = Lambda(u, log_sigmoid(u) + log_sigmoid(-u))
    weights = names.column("beta", SoftmaxVector(Elementwise(level, names.odds)))
    return names.closed(ScalarProduct(weights, names.column("b", best)))


def column_variance(gradient: Any, baseline: Any = None, n: Any = 1) -> Any:
    """Var[(r - b) ([a = k] - π_k)] of each component k, over n for a mean of n samples.

    It is `π q ((b_k - b)² + π Var[r | a ≠ k])` with q = 1 - π and the best baseline b_k, a sum of
    squares; b_k - J is `(1 - 2 π_k) (r_k - E[r | a ≠ k])`. With the mean reward of the n - 1 other
    samples as baseline it is that of J, and `(Var[r] π q + (∇J)²)/(n (n - 1))`.
    """
    count, names = number_of_samples(n), OtherNames(gradient)
    if isinstance(baseline, str) and baseline == "optimal":
        return names.closed(ScaledRows(names.shares, names.left) / count)
    if isinstance(baseline, str) and baseline == "leave_one_out":
        if count == 1:
            raise PolicyError("a leave-one-out baseline needs n ≥ 2 samples: write n=2 or more")
        spread = names.scalar("V", names.over(_squared(ScaledRows(names.rest, names.gaps))))
        slope = ScaledRows(names.shares, names.gaps)
        second = spread * names.shares + _squared(slope)
        return names.closed(_spread(names, "mean") / count + second / (count * (count - 1)))
    return names.closed(_spread(names, baseline) / count)


def _spread(names: OtherNames, baseline: Any) -> Any:
    if isinstance(baseline, str) and baseline == "mean":
        u = Symbol("u", real=True)
        turned = Elementwise(Lambda(u, tanh(u / 2)), names.odds)
        away = ScaledRows(turned, names.gaps)
    else:
        away = names.best(_baseline(names, baseline))
    return ScaledRows(names.shares, _squared(names.column("t", away)) + names.left)


def _baseline(names: ColumnNames, baseline: Any) -> Any:
    if baseline is None or (isinstance(baseline, str) and baseline == "none"):
        return S.Zero
    if isinstance(baseline, str) and baseline == "mean":
        return names.mean
    if isinstance(baseline, str):
        raise PolicyError(
            f"asked for the baseline {baseline!r}: write one of {', '.join(BASELINES)}, or an "
            "expression that does not depend on the action"
        )
    gradient = names.gradient
    known = gradient.policy.free_symbols | gradient.rewards.free_symbols
    return without_action(gradient.policy, known, scalar(baseline, "the baseline"))


class ColumnEstimator(Sampled):
    """The estimator `(1/n) Σ_i (r(a_i) - b) (e_{a_i} - π)` by a column of logits of any size.

    Examples
    ========

    >>> from sympy import MatrixSymbol, Symbol
    >>> from symprice import CategoricalPolicy, ParameterMatrix, policy_gradient
    >>> K = Symbol('K', integer=True, positive=True)
    >>> pi = CategoricalPolicy(ParameterMatrix('z', K, 1))
    >>> policy_gradient(pi, MatrixSymbol('r', K, 1)).estimator(8, 'mean').summand.expr
    (-J + r[a - 1, 0])*(-pi + UnitVector(K, a - 1))
    """

    def __new__(cls, gradient: Any, n: Any = 1, baseline: Any = "none") -> ColumnEstimator:
        if isinstance(baseline, (str, Str)):
            if str(baseline) not in BASELINES:
                _baseline(ColumnNames(gradient), str(baseline))
            kept: Any = Str(str(baseline))
        else:
            kept = _baseline(ColumnNames(gradient), baseline)
        return super().__new__(cls, gradient, number_of_samples(n), kept)

    @property
    def summand(self) -> Any:
        """(r_a - b) (e_a - π) of one sample, the action being the a-th."""
        return self.at(Symbol("a", integer=True, positive=True))

    def at(self, action: Any) -> Any:
        """(r_a - b) (e_a - π) at an action a, counted from 1.

        Examples
        ========

        >>> from sympy import MatrixSymbol, Symbol
        >>> from symprice import CategoricalPolicy, ParameterMatrix, policy_gradient
        >>> K = Symbol('K', integer=True, positive=True)
        >>> z = ParameterMatrix('z', K, 1)
        >>> G = policy_gradient(CategoricalPolicy(z), MatrixSymbol('r', K, 1))
        >>> f = G.estimator.at(2).lambdify()
        >>> f({z: [0.0, 0.0]}, [3.0, 1.0])
        array([-0.5,  0.5])
        """
        names, place = ColumnNames(self.gradient), self.gradient.policy._place(action)
        score = UnitVector(names.size, place) - names.pi
        reward = names.rewards[place, 0]
        if self.baseline == "optimal":
            names = OtherNames(self.gradient)
            return names.closed(ScaledRows(reward * names.ones - names.best(), score))
        others = self.baseline == "leave_one_out"
        b = OTHERS if others else _baseline(names, self.baseline)
        return names.closed((reward - b) * score)

    def mean(self) -> Any:
        """The expectation: ∇J, because E[s] = 0."""
        return self.gradient.derivation.result

    def variance(self) -> Any:
        """The variance of each component of the mean of n samples."""
        return column_variance(self.gradient, self.baseline, self.n)

    def _formula(self) -> Any:
        return self.summand

    def source(self, args: Any = None, **settings: Any) -> str:
        """Nothing: the action has no number here."""
        raise self._no_code()

    def lambdify(self, args: Any = None, **settings: Any) -> Any:
        """Nothing: the action has no number here."""
        raise self._no_code()

    def _no_code(self) -> NoRuleError:
        return NoRuleError(
            "asked for code of the term of one sample, in which the action a is left open: write "
            "estimator.at(2).lambdify() for the second action, or estimator.variance().lambdify()"
        )

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """Mean and variance against their sums over the actions: products with I - π 1ᵀ, whose
        columns are the scores.
        """
        names = OtherNames(self.gradient)
        pi, r = names.pi, names.rewards
        scores = Identity(names.size) - pi * names.ones.T
        items = [("the estimator is unbiased", scores * ScaledRows(pi, r), self.mean())]
        if self.baseline != "leave_one_out":
            best = self.baseline == "optimal"
            b = names.best() if best else _baseline(names, self.baseline) * names.ones
            squares = HadamardPower(scores, 2)
            moments = [squares * ScaledRows(pi, x) for x in (_squared(r), r, names.ones)]
            second = (
                moments[0] - 2 * ScaledRows(b, moments[1]) + ScaledRows(_squared(b), moments[2])
            )
            variance = names.closed((second - _squared(scores * ScaledRows(pi, r))) / self.n)
            items.append(("its variance", variance, self.variance()))
        return [(words, names.closed(before), after) for words, before, after in items]

    def _latex(self, printer: Any) -> str:
        mean = "" if self.n == 1 else rf"\frac{{1}}{{{printer._print(self.n)}}} \sum_i "
        return mean + printer._print(self.summand)


class ColumnMotion(Motion):
    """`dπ/dt` when the logits follow ∇J ('euclidean'), `π ∘ (g - πᵀg)` with g = ∇J, or the natural
    gradient: the replicator equation, `π ∘ (r - J)`.

    Where a network gives the logits its parameters follow ∇J, and the logits `ż = NTCov(z, z) g`.
    Its natural gradient moves π by the replicator equation where `NTCov(z, z)` is invertible, as it
    is where the last layer has a bias.

    Examples
    ========

    >>> from sympy import MatrixSymbol, Symbol
    >>> from symprice import CategoricalPolicy, ParameterMatrix, policy_gradient
    >>> K = Symbol('K', integer=True, positive=True)
    >>> pi = CategoricalPolicy(ParameterMatrix('z', K, 1))
    >>> G = policy_gradient(pi, MatrixSymbol('r', K, 1))
    >>> G.dynamics('natural').rhs.expr
    ScaledRows(pi, (-J)*1 + r)
    """

    @property
    def rhs(self) -> Any:
        """dπ/dt, a column."""
        names = ColumnNames(self.gradient)
        if self.metric == "natural":
            return names.closed(names.slope)
        rate = names.column("g", names.slope)
        logits = self.gradient.policy.logits
        if logits not in self.gradient.policy.parameters:
            kernel = hoist(closed_form(NTCov(logits, logits)).without_origin(), names.definitions)
            square = NameMatrix("Theta", names.size, names.size)
            rate = names.column("zdot", names.definitions.define(square, kernel) * rate)
        drift = names.scalar("c", names.over(rate))
        return names.closed(ScaledRows(names.pi, rate - drift * names.ones))

    @property
    def equation(self) -> Any:
        """dπ/dt = …"""
        return Eq(NameMatrix("pidot", self.gradient.policy.size, 1), self.rhs, evaluate=False)

    def _formula(self) -> Any:
        return self.rhs

    def doit(self, **hints: Any) -> Any:
        """dπ/dt as one matrix expression."""
        return self.rhs.doit(**hints)

    def _latex(self, printer: Any) -> str:
        return rf"\dot{{\pi}} = {printer._print(self.rhs)}"
