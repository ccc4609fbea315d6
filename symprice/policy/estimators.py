"""Estimators of a policy gradient from samples: baselines, variances, the best baseline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Add, Basic, Integer, S, Symbol, Tuple
from sympy.core.containers import Tuple as SymTuple
from sympy.core.symbol import Str

from ..errors import PolicyError
from ..outputs import Outputs
from .arguments import scalar
from .chain import shaped
from .outcomes import Function, Outcomes
from .short import short

__all__ = ["ScoreEstimator", "optimal_baseline", "square", "variance", "with_baseline"]

BASELINES = ("none", "mean", "optimal", "leave_one_out")


def baseline_of(gradient: Any, baseline: Any) -> list[Any]:
    """The baseline of each component of the gradient."""
    count = len(gradient.wrt)
    if baseline is None or (isinstance(baseline, str) and baseline == "none"):
        return [S.Zero] * count
    if isinstance(baseline, str):
        if baseline == "mean":
            return [gradient.expected] * count
        if baseline == "optimal":
            return _listed(optimal_baseline(gradient, per_component=True))
        raise PolicyError(
            f"asked for the baseline {baseline!r}: write one of {', '.join(BASELINES)} "
            "(leave_one_out with a number of samples), or an expression that does not depend on "
            "the action"
        )
    if isinstance(baseline, (list, tuple, SymTuple)) and len(baseline) == count:
        return [scalar(b, "a baseline") for b in baseline]
    value = scalar(baseline, "the baseline")
    action = getattr(gradient.policy, "action", None)
    if action is not None and value.has(action):
        raise PolicyError(
            f"asked for the baseline {value}, which depends on the action: then the estimator is "
            "biased. Write an expression without it"
        )
    return [value] * count


def _of(i: int, f: Callable[[Any, Any, Any], Any]) -> Function:
    """A function of the i-th entries of the score and of the gradient of the reward."""
    return lambda s, r, g: f(s[i], r, g[i])


def with_baseline(b: Any, i: int) -> Function:
    """(r - b) s + g by component."""
    return _of(i, lambda s, r, g: (r - b) * s + g)


def square(f: Function) -> Function:
    """The square of a random variable."""
    return lambda s, r, g: f(s, r, g) ** 2


def optimal_baseline(gradient: Any, per_component: bool = False) -> Any:
    """The baseline of least variance: `E[s² r]/E[s²]` by component, `E[|s|² r]/E[|s|²]` for all.

    Where rewards depend on θ, r s is replaced by r s + ∇r.

    References
    ==========

    E. Greensmith, P. L. Bartlett, J. Baxter, Variance reduction techniques for gradient estimates
    in reinforcement learning, JMLR 5 (2004).
    """
    found = Outcomes(gradient)
    above = [found.mean(_of(i, lambda s, r, g: s * (r * s + g))) for i in range(len(gradient.wrt))]
    below = [found.mean(_of(i, lambda s, r, g: s**2)) for i in range(len(gradient.wrt))]
    if per_component:
        return shaped([short(x / y) for x, y in zip(above, below, strict=True)], 1)
    return short(Add(*above) / Add(*below))


def variance(gradient: Any, baseline: Any = None, n: Any = 1) -> Any:
    """Var[(r - b) s + ∇r] of one sample by component, over n for a mean of n."""
    count = scalar(n, "the number of samples")
    if isinstance(baseline, str) and baseline == "leave_one_out":
        return _leave_one_out(gradient, count)
    b = baseline_of(gradient, baseline)
    found = Outcomes(gradient)
    slope = _listed(gradient.doit())
    entries = []
    for i, mean in enumerate(slope):
        second = found.mean(square(with_baseline(b[i], i)))
        entries.append(short((second - mean**2) / count))
    return shaped(entries, 1)


def _leave_one_out(gradient: Any, n: Any) -> Any:
    """Var of (1/n) Σ_i (r_i - mean of the others) s_i + ∇r_i.

    The estimator is a U-statistic: with h = (r - J) s its variance is
    `Var(h)/n + (E[s²] Var(r) + E[r s]²)/(n (n-1))` by component, where rewards do not depend on θ.
    """
    if n == 1:
        raise PolicyError("a leave-one-out baseline needs n ≥ 2 samples: write n=2 or more")
    found = Outcomes(gradient)
    if any(g != 0 for row in found.slopes for g in row):
        raise PolicyError(
            "asked for the leave-one-out variance with rewards that depend on θ: write a baseline "
            "that is an expression"
        )
    mean = found.objective
    spread = found.mean(lambda s, r, g: (r - mean) ** 2)
    entries = []
    for i, slope in enumerate(_listed(gradient.doit())):
        own = found.mean(_of(i, lambda s, r, g: ((r - mean) * s) ** 2)) - slope**2
        second = found.mean(_of(i, lambda s, r, g: s**2))
        entries.append(short(own / n + (second * spread + slope**2) / (n * (n - 1))))
    return shaped(entries, 1)


def _listed(entries: Any) -> list[Any]:
    return list(entries) if hasattr(entries, "tolist") else [entries]


class ScoreEstimator(Outputs, Basic):
    """The estimator `(1/n) Σ_i (r(a_i) - b) ∇log π(a_i)` of a policy gradient.

    ``summand`` is the term of one sample, ``variance()`` the variance of the mean of n.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, policy_gradient
    >>> G = policy_gradient(BernoulliPolicy(logit=Parameter('theta')), {1: 1, 0: 0})
    >>> from symprice.policy.estimators import ScoreEstimator
    >>> ScoreEstimator(G, 8, 'optimal').variance()
    0
    """

    def __new__(cls, gradient: Any, n: Any = 1, baseline: Any = "none") -> ScoreEstimator:
        count = scalar(n, "the number of samples")
        if count.is_positive is False or count.is_integer is False:
            raise PolicyError(f"asked for an estimator of {n} samples: write a positive integer")
        if isinstance(baseline, (str, Str)):
            kept: Any = Str(str(baseline))
            if str(baseline) not in BASELINES:
                baseline_of(gradient, str(baseline))
        elif isinstance(baseline, (list, tuple, SymTuple)):
            kept = Tuple(*baseline_of(gradient, baseline))
        else:
            kept = baseline_of(gradient, baseline)[0]
        return super().__new__(cls, gradient, count, kept)

    def __call__(self, n: Any = 1, baseline: Any = "none") -> ScoreEstimator:
        """The same estimator of n samples, with a baseline."""
        return ScoreEstimator(self.gradient, n, baseline)

    @property
    def gradient(self) -> Any:
        """What is estimated."""
        return self.args[0]

    @property
    def n(self) -> Any:
        """The number of samples."""
        return self.args[1]

    @property
    def baseline(self) -> Any:
        """The name of the baseline, or the expression."""
        given = self.args[2]
        return str(given) if isinstance(given, Str) else given

    @property
    def summand(self) -> Any:
        """(r(a) - b) ∇log π(a) + ∇r(a) of one sample; with the mean of the others as J_others."""
        given = self.baseline
        others = isinstance(given, str) and given == "leave_one_out"
        b = (
            [Symbol("J_others")] * len(self.gradient.wrt)
            if others
            else baseline_of(self.gradient, given)
        )
        found = Outcomes(self.gradient)
        return shaped(
            [found.at(with_baseline(b[i], i)) for i in range(len(self.gradient.wrt))],
            1,
        )

    def mean(self) -> Any:
        """The expectation: ∇J, because E[s] = 0."""
        return self.gradient.doit()

    def variance(self) -> Any:
        """The variance of each component of the mean of n samples."""
        return variance(self.gradient, self.baseline, self.n)

    def _formula(self) -> Any:
        return self.summand

    def doit(self, **hints: Any) -> Any:
        """The term of one sample."""
        return self.summand

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        found = Outcomes(self.gradient)
        b = baseline_of(self.gradient, None if self.baseline == "leave_one_out" else self.baseline)
        means = [found.mean(with_baseline(b[i], i)) for i in range(len(self.gradient.wrt))]
        return [("the estimator is unbiased", shaped(means, 1), self.gradient.doit())]

    def _sympystr(self, printer: Any) -> str:
        return f"ScoreEstimator({self.gradient}, {self.n}, {self.baseline!r})"

    def _latex(self, printer: Any) -> str:
        mean = "" if self.n == Integer(1) else rf"\frac{{1}}{{{printer._print(self.n)}}} \sum_i "
        return mean + printer._print(self.summand)
