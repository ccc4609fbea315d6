"""Estimators of a policy gradient from samples: baselines, variances, the best baseline."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from sympy import Add, Basic, Derivative, Integer, S, Symbol, Tuple
from sympy.core.containers import Tuple as SymTuple
from sympy.core.symbol import Str

from ..errors import PolicyError
from ..outputs import Outputs
from .arguments import scalar
from .canonical import Component, by_variable, components, in_positive_terms
from .chain import shaped
from .head_names import named_heads
from .known_moments import about_mean, common_baseline, known_baseline, known_variance
from .outcomes import Outcomes, of_component, square, with_baseline
from .pairs import FEW, are_uneven, covariance
from .rewards import without_action
from .short import short

__all__ = [
    "OTHERS",
    "ScoreEstimator",
    "number_of_samples",
    "optimal_baseline",
    "variance",
]

#: The mean reward of the other samples, in a leave-one-out estimator.
OTHERS = Symbol("J_others")
BASELINES = ("none", "mean", "optimal", "leave_one_out")


def number_of_samples(n: Any) -> Any:
    """A positive integer, or a symbol for one."""
    count = scalar(n, "the number of samples")
    if count.is_positive is False or count.is_integer is False:
        raise PolicyError(f"asked for an estimator of {n} samples: write a positive integer")
    return count


def baseline_of(gradient: Any, baseline: Any) -> list[Any]:
    """The baseline of each component of the gradient."""
    return _baselines(Outcomes(gradient), baseline, plain=True)


def _baselines(found: Outcomes, baseline: Any, plain: bool = False) -> list[Any]:
    gradient = found.gradient
    count = len(gradient.wrt)
    if baseline is None or (isinstance(baseline, str) and baseline == "none"):
        return [S.Zero] * count
    if isinstance(baseline, str):
        if baseline == "mean":
            return [gradient.expected if plain else found.objective] * count
        if baseline == "optimal":
            best = [_best(found, i, S.Zero) for i in range(count)]
            return [found.plain(b) if plain else found.name("b", b) for b in best]
        raise PolicyError(
            f"asked for the baseline {baseline!r}: write one of {', '.join(BASELINES)} "
            "(leave_one_out with a number of samples), or an expression that does not depend on "
            "the action"
        )
    constants = found.rewards if found.is_finite else ()
    known = gradient.policy.free_symbols.union(*(r.free_symbols for r in constants))
    if isinstance(baseline, (list, tuple, SymTuple)) and len(baseline) == count:
        given = [scalar(b, "a baseline") for b in baseline]
    else:
        given = [scalar(baseline, "the baseline")] * count
    return [found.with_names(without_action(gradient.policy, known, b)) for b in given]


def optimal_baseline(gradient: Any, per_component: bool = False) -> Any:
    """The baseline of least variance: `E[s² r]/E[s²]` by component, `E[|s|² r]/E[|s|²]` for all.

    Where rewards depend on θ, r s is replaced by r s + ∇r.

    References
    ==========

    E. Greensmith, P. L. Bartlett, J. Baxter, Variance reduction techniques for gradient estimates
    in reinforcement learning, JMLR 5 (2004).
    """
    if (named := named_heads(gradient)) is not None:
        return named.inserted(optimal_baseline(named.gradient, per_component))
    if (parts := components(gradient)) is not None:
        return _baseline_by_parts(parts, per_component)
    found = Outcomes(gradient)
    places = range(len(gradient.wrt))
    if per_component or (len(places) == 1 and not found.is_finite):
        return found.closed([_best(found, i) for i in places])
    if found.others is not None and (common := found.others.common_baseline()) is not None:
        return found.closed([common])
    if not found.is_finite and not found.moves:
        known = [about_mean(by_variable(found.gradient, i)) for i in places]
        if (common := common_baseline(known)) is not None:
            return found.closed([common])
    above, below = (Add(*m) for m in zip(*(_moments(found, i) for i in places), strict=True))
    if below == 0:
        raise _no_score(found)
    return found.closed([found.tidy(above / below)])


def _baseline_by_parts(parts: list[Component], per_component: bool) -> Any:
    """The best baselines of a family, from the moments by the parameters of its formulas."""
    if per_component or len(parts) == 1:
        return shaped([part.inserted(optimal_baseline(part.gradient), 0) for part in parts], 1)
    known = [about_mean(part.gradient) for part in parts]
    if (common := common_baseline(known, [part.inserted for part in parts])) is not None:
        return common
    moments = [_moments(Outcomes(part.gradient), 0) for part in parts]
    above, below = (
        Add(*(part.inserted(m, 2) for part, m in zip(parts, column, strict=True)))
        for column in zip(*moments, strict=True)
    )
    return short(above / below)


def _moments(found: Outcomes, i: int) -> tuple[Any, Any]:
    """E[s (r s + g)] and E[s²] of a component."""
    above = found.mean(of_component(i, lambda s, r, g: s * (r * s + g)))
    return above, found.mean(of_component(i, lambda s, r, g: s**2))


def _best(found: Outcomes, i: int, otherwise: Any = None) -> Any:
    if found.others is not None and (best := found.others.best(i)) is not None:
        return best
    if not found.is_finite and not found.moves:
        if (best := known_baseline(by_variable(found.gradient, i))) is not None:
            return best
    above, below = _moments(found, i)
    if below == 0 and otherwise is not None:
        return otherwise
    if below == 0:
        raise _no_score(found)
    best = found.tidy(above / below)
    return in_positive_terms(found.policy, best) if len(best.free_symbols) > 1 else best


def _no_score(found: Outcomes) -> PolicyError:
    return PolicyError(
        f"asked for the best baseline by {', '.join(map(str, found.variables))}, where the policy "
        "does not depend on all of them: name the others, as wrt=..."
    )


def variance(gradient: Any, baseline: Any = None, n: Any = 1) -> Any:
    """Var[(r - b) s + ∇r] of one sample by component, over n for a mean of n."""
    count = number_of_samples(n)
    if (named := named_heads(gradient)) is not None:
        return named.inserted(variance(named.gradient, baseline, count))
    several = isinstance(baseline, (list, tuple, SymTuple))
    if (parts := None if several else components(gradient)) is not None:
        return shaped([p.inserted(variance(p.gradient, baseline, count), 2) for p in parts], 1)
    if isinstance(baseline, str) and baseline == "leave_one_out":
        return _leave_one_out(gradient, count)
    found = Outcomes(gradient)
    if (known := _without_differences(found, baseline)) is not None:
        return found.closed([e / count for e in known])
    if isinstance(baseline, str) and baseline == "optimal":
        least = [in_positive_terms(gradient.policy, e / count) for e in _least(found)]
        return found.closed(least)
    b = _baselines(found, baseline)
    entries = []
    for i, mean in enumerate(found.slope):
        total = found.variance(with_baseline(b[i], i), mean)
        entries.append(in_positive_terms(gradient.policy, found.tidy(total / count)))
    return found.closed(entries)


def _without_differences(found: Outcomes, baseline: Any) -> list[Any] | None:
    """The variance of each component where it is known without differences; None where none is."""
    if found.is_finite or found.moves or len(found.variables) > 2:
        return None
    gradient = found.gradient
    b = "optimal" if baseline == "optimal" else _baselines(found, baseline)[0]
    if isinstance(baseline, (list, tuple, SymTuple)):
        return None
    parts = [by_variable(gradient, i) for i in range(len(gradient.wrt))]
    entries = [known_variance(part, b) for part in parts]
    if all(e is None for e in entries):
        return None
    return [
        variance(part, baseline) if e is None else e for part, e in zip(parts, entries, strict=True)
    ]


def _least(found: Outcomes) -> list[Any]:
    """The variance of each component with its best baseline."""
    if found.is_finite:
        return [_least_of(found, i) for i in range(len(found.variables))]
    entries = []
    for i, mean in enumerate(found.slope):
        above, below = _moments(found, i)
        total = found.variance(with_baseline(S.Zero, i), mean)
        entries.append(found.tidy(total - above**2 / below if below != 0 else total))
    return entries


def _least_of(found: Outcomes, i: int) -> Any:
    """Of finitely many actions `G(x, s, 1)/G(s, 1)` with x = r s + g, by Gram's determinants.

    By the formula of Cauchy and Binet both are sums of squares, over triples and pairs of actions:
    nothing cancels, as it does in E[x²] - E[x s]²/E[s²] - E[x]².
    """
    if found.others is not None and (least := found.others.least(i)) is not None:
        return least
    s, p = [row[i] for row in found.scores], found.probabilities
    if (centred := found.centred[i]) is not None and len(s) <= FEW and not found.moves:
        return _least_of_slopes(found, centred)
    if any(found.centred):
        b = _best(found, i, S.Zero)
        return found.variance(with_baseline(found.name("b", b), i), None)
    if all(value == 0 for value in s):
        # Without a score a baseline changes nothing.
        return found.tidy(found.variance(with_baseline(S.Zero, i), None))
    x = found.values(with_baseline(S.Zero, i))
    above, below = [], []
    for j, k, m in combinations(range(len(s)), 3):
        area = x[j] * short(s[k] - s[m]) + x[k] * short(s[m] - s[j]) + x[m] * short(s[j] - s[k])
        above.append(p[j] * p[k] * p[m] * short(area) ** 2)
    for j, k in combinations(range(len(s)), 2):
        below.append(p[j] * p[k] * short(s[j] - s[k]) ** 2)
    return found.tidy(Add(*above) / Add(*below))


def _least_of_slopes(found: Outcomes, centred: tuple[list[Any], list[Any]]) -> Any:
    """The same from the slopes u of the logits and s = u - E[u]; the reward of one action of three
    is subtracted from the others, so that equal rewards leave nothing to cancel.
    """
    (u, s), p, r = centred, found.probabilities, found.rewards
    above = []
    for triple in combinations(range(len(s)), 3):
        m = next((k for k in triple if sum(r[k] == r[j] for j in triple) > 1), triple[-1])
        j, k = (x for x in triple if x != m)
        area = (r[j] - r[m]) * s[j] * (u[k] - u[m]) - (r[k] - r[m]) * s[k] * (u[j] - u[m])
        above.append(p[j] * p[k] * p[m] * area**2)
    below = (p[j] * p[k] * (u[j] - u[k]) ** 2 for j, k in combinations(range(len(s)), 2))
    return Add(*above) / Add(*below)


def _leave_one_out(gradient: Any, n: Any) -> Any:
    """Var of (1/n) Σ_i (r_i - mean of the others) s_i + ∇r_i.

    The estimator is a U-statistic: with h = (r - J) s its variance is
    `Var(h)/n + (E[s²] Var(r) + E[r s]²)/(n (n-1))` by component, where rewards do not depend on θ.
    """
    if n == 1:
        raise PolicyError("a leave-one-out baseline needs n ≥ 2 samples: write n=2 or more")
    found = Outcomes(gradient)
    if found.moves:
        raise PolicyError(
            "asked for the leave-one-out variance with rewards that depend on θ: write a baseline "
            "that is an expression"
        )
    places = range(len(found.variables))
    known = [None if found.is_finite else about_mean(by_variable(gradient, i)) for i in places]
    if all(known):
        return found.closed([moments.leave_one_out(n) for moments in known if moments])
    mean = found.objective
    rewards = found.variance(lambda s, r, g: r, mean)
    entries = []
    for i, slope in enumerate(found.slope):
        if (moments := known[i]) is not None:
            entries.append(moments.leave_one_out(n))
            continue
        own = found.variance(of_component(i, lambda s, r, g: (r - mean) * s), slope)
        column = [row[i] for row in found.scores]
        if found.named and are_uneven(column):
            second = covariance(found.probabilities, column, column)
            entries.append(own / n + (second * rewards + slope**2) / (n * (n - 1)))
            continue
        second = found.mean(of_component(i, lambda s, r, g: s**2))
        total = found.tidy(own / n + (second * rewards + slope**2) / (n * (n - 1)))
        entries.append(in_positive_terms(gradient.policy, total))
    return found.closed(entries)


class Sampled(Outputs, Basic):
    """The base of estimators: args are (gradient, n, baseline)."""

    def __call__(self, n: Any = 1, baseline: Any = "none") -> Any:
        """The same estimator of n samples, with a baseline."""
        return type(self)(self.gradient, n, baseline)

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


class ScoreEstimator(Sampled):
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
        count = number_of_samples(n)
        if isinstance(baseline, (str, Str)):
            kept: Any = Str(str(baseline))
            if str(baseline) not in BASELINES:
                baseline_of(gradient, str(baseline))
        elif isinstance(baseline, (list, tuple, SymTuple)):
            kept = Tuple(*baseline_of(gradient, baseline))
        else:
            kept = baseline_of(gradient, baseline)[0]
        return super().__new__(cls, gradient, count, kept)

    @property
    def summand(self) -> Any:
        """(r(a) - b) ∇log π(a) + ∇r(a) of one sample; with the mean of the others as J_others."""
        given = self.baseline
        others = isinstance(given, str) and given == "leave_one_out"
        found = Outcomes(self.gradient)
        places = range(len(self.gradient.wrt))
        b = [OTHERS] * len(places) if others else _baselines(found, given)
        return found.closed([found.at(with_baseline(b[i], i)) for i in places])

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
        """Mean and variance against the definitions: of one sample, summed over the actions."""
        gradient = self.gradient
        found = Outcomes(gradient)
        if (twin := found.twin) is not None:
            return ScoreEstimator(twin, self.n, self.args[2])._check_items()
        others = self.baseline == "leave_one_out"
        b = _baselines(found, None if others else self.baseline)
        places = range(len(gradient.wrt))
        means = found.closed([found.mean(with_baseline(b[i], i)) for i in places])
        slope = shaped([Derivative(gradient.expected, v) for v in gradient.wrt], 1)
        items = [("the estimator is unbiased", slope, means)]
        if not others and all(v.is_Symbol for v in gradient.wrt):
            spread = [
                found.raw_mean(square(with_baseline(b[i], i)))
                - Derivative(gradient.expected, v) ** 2
                for i, v in enumerate(gradient.wrt)
            ]
            before = found.closed([x / self.n for x in spread])
            items.append(("its variance", before, self.variance()))
        return items

    def _sympystr(self, printer: Any) -> str:
        return f"ScoreEstimator({self.gradient}, {self.n}, {self.baseline!r})"

    def _latex(self, printer: Any) -> str:
        mean = "" if self.n == Integer(1) else rf"\frac{{1}}{{{printer._print(self.n)}}} \sum_i "
        return mean + printer._print(self.summand)
