"""Is it so in samples? Means and variances of estimators, held against their closed forms."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from sympy import Integral, Rational, Sum, Symbol, Tuple
from sympy.core.function import AppliedUndef
from sympy.core.sympify import _sympify

from ..errors import PolicyError
from .arguments import rewards_of
from .distribution import DistributionPolicy
from .estimators import OTHERS, ScoreEstimator, baseline_of
from .importance import ImportanceWeightedEstimator
from .law_moments import by_label, exact, inserted, moments_of, require_numbers
from .measure_valued import MeasureValuedEstimator
from .outcomes import Outcomes, entries_of, in_symbol, of_component
from .pathwise import PathwiseEstimator
from .simulated import MonteCarlo

__all__ = ["MonteCarlo", "monte_carlo"]


def monte_carlo(result: Any, n: int, rng: Any, at: Mapping[Any, Any] | None = None) -> MonteCarlo:
    """n samples of an estimator against its closed form: mean, variance, and z-scores of both.

    Samples of a heavy-tailed estimator know its variance badly: with κ the fourth central moment
    over the square of the variance, to a share of `√((κ - 1)/n)`, which at n = 40 000 is 7 % for a
    Gaussian policy with the reward a³ - a. So the closed forms are held, too, against the
    moments by their definition, `Σ x(a) π(a)` or `∫ x(a) π(a) da`, where these can be computed (any
    scalar action, finitely many actions, up to three entries), and the mean of a score estimator
    against a difference quotient of J, because samples of wrong scores agree with formulas
    made of them. Where a closed form is none of these, its z-score is infinite. With the best
    baseline, the baseline is held against `E[x s]/E[s²]` in the same ways.

    Parameters
    ==========

    result : a policy gradient (its score estimator), one of its estimators, or a pair (policy,
        reward), whose mean and variance are those of the reward.
    n : how many values of the estimator; one of several samples draws each of them for every value.
    rng : a generator of NumPy.
    at : numbers for the symbols.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice import Parameter, policy_gradient
    >>> from symprice.policy.gaussian import GaussianPolicy
    >>> from symprice.policy.sampling import monte_carlo
    >>> mu = Parameter('mu')
    >>> G = policy_gradient(GaussianPolicy(mu, 1), lambda a: a**2)
    >>> bool(monte_carlo(G, 10_000, np.random.default_rng(0), at={mu: 0.5}))
    True
    """
    import numpy as np

    point = dict(at or {})
    drawn = _drawn(result)
    actions = np.asarray(drawn.law.sample(rng, n * drawn.size, at=point))
    columns = drawn.columns(actions, point)
    known = drawn.known(point)
    found = np.array([c.mean() for c in columns])
    spread = np.array([c.var(ddof=1) for c in columns])
    fourth = np.array([((c - c.mean()) ** 4).mean() for c in columns])
    expected, wanted = np.split(_floats([*drawn.mean, *drawn.variance], point), 2)
    # Samples that miss a heavy tail underrate the errors, those that meet it are excused by them.
    error = np.sqrt(np.fmax(spread, known.variance) / n)
    doubt = np.sqrt(np.fmax(fourth - spread**2, known.fourth - known.variance**2).clip(0) / n)
    mean_z, variance_z = _z(found - expected, error, expected), _z(spread - wanted, doubt, wanted)
    if drawn.objective is not None:
        objective, variables = drawn.objective
        slopes = _slopes(objective, variables, point)
        wrong = np.abs(expected - slopes) > 1e-9 * np.maximum(1, np.abs(slopes))
        mean_z = np.where(wrong, np.inf, mean_z)
    sizes = np.sqrt(known.variance + known.mean**2)
    shown = MonteCarlo(
        found,
        expected,
        _held(mean_z, expected, known.mean, known.error, sizes),
        spread,
        wanted,
        _held(variance_z, wanted, known.variance, known.error, known.variance),
        known.mean,
        known.variance,
        *_baseline(drawn, actions, point),
    )
    return shown._replace(names=tuple(drawn.names))


def _z(gap: Any, error: Any, scale: Any) -> Any:
    import numpy as np

    # Where nothing varies, only rounding may differ.
    floor = 1e-12 * np.maximum(1, np.abs(scale))
    return gap / np.maximum(error, floor)


def _held(z: Any, expected: Any, known: Any, error: Any, size: Any) -> Any:
    """The z-scores, infinite where a closed form is not what the law itself says."""
    import numpy as np

    floor = 1e-12 * np.maximum(1, np.abs(known))
    return np.where(np.abs(expected - known) > np.fmax(error * size, floor), np.inf, z)


def _baseline(drawn: _Drawn, actions: Any, point: Mapping[Any, Any]) -> tuple[Any, ...]:
    """Of the best baseline the estimate `E[x s]/E[s²]`, the closed form, z, and the definition.

    With the best baseline b, the estimator `x - b s` and the score are not correlated.
    """
    import numpy as np

    if drawn.best is None:
        return ()
    formulas, xs, scores = drawn.best
    law, b = drawn.law, _floats(formulas, point)
    values = [_numbers(law, e, actions, point) for e in (*xs, *scores)]
    pairs = list(zip(values[: len(xs)], values[len(xs) :], strict=True))
    below = np.array([(s**2).mean() for _, s in pairs])
    rest = [(x - c * s) * s for (x, s), c in zip(pairs, b, strict=True)]
    above, squares = (
        _Known.of(law, [f * s for f, s in zip(fs, scores, strict=True)], point, 1)
        for fs in (xs, scores)
    )
    defined = above.mean / squares.mean
    lost = [(x - c * s) * s for x, s, c in zip(xs, scores, map(_sympify, b), strict=True)]
    wide = _Known.of(law, lost, point, 2).variance
    error = np.sqrt(np.fmax([c.var() for c in rest], wide) / len(actions))
    z = _z(np.array([c.mean() for c in rest]), error, b * below)
    found = np.array([(x * s).mean() for x, s in pairs]) / below
    size = np.sqrt(defined**2 + wide / squares.mean**2)
    return found, b, _held(z, b, defined, above.error + squares.error, size), defined


class _Known(NamedTuple):
    """Of several random variables the moments by their definition, nan where out of reach."""

    mean: Any
    variance: Any
    fourth: Any
    error: Any

    @classmethod
    def of(cls, law: Any, exprs: list[Any], point: Mapping[Any, Any], highest: int = 4) -> _Known:
        """Those of one action."""
        import numpy as np

        blank = (np.nan,) * 4
        found = (m or blank for m in moments_of(law, exprs, point, highest))
        return cls(*(np.array(column, dtype=float) for column in zip(*found, strict=True)))

    def of_mean(self, m: int) -> _Known:
        """Those of the mean of m actions."""
        fourth = (self.fourth + 3 * (m - 1) * self.variance**2) / m**3
        return self._replace(variance=self.variance / m, fourth=fourth)


class _Drawn(NamedTuple):
    """What is drawn: from a law, so many actions for a value, and the random variables."""

    law: Any
    entries: list[Any]
    mean: list[Any]
    variance: list[Any]
    size: int = 1
    rewards: Any = None
    #: J and the variables, where the mean is a slope of J that can be had without scores.
    objective: Any = None
    #: Of an estimator with the best baseline: it, what it belongs to without it, and the scores.
    best: Any = None
    names: Any = ()

    def columns(self, actions: Any, point: Mapping[Any, Any]) -> list[Any]:
        """The values of each random variable, means over ``size`` actions."""
        extra = {}
        if self.rewards is not None:
            rewards = _numbers(self.law, self.rewards, actions, point)
            groups = rewards.reshape(-1, self.size)
            others = (groups.sum(axis=1, keepdims=True) - groups) / (self.size - 1)
            extra = {OTHERS: others.reshape(-1)}
        found = [_numbers(self.law, e, actions, point, extra) for e in self.entries]
        return [c.reshape(-1, self.size).mean(axis=1) for c in found]

    def known(self, point: Mapping[Any, Any]) -> _Known:
        """The moments of the random variables by their definition."""
        if self.rewards is None:
            return _Known.of(self.law, self.entries, point).of_mean(self.size)
        # A U-statistic: (r - J) s of each action, and what two of them have in common.
        m, reward = self.size, _Known.of(self.law, [self.rewards], point)
        own = [e.xreplace({OTHERS: _sympify(reward.mean[0])}) for e in self.entries]
        one = _Known.of(self.law, own, point)
        squares = _Known.of(self.law, [e.diff(OTHERS) ** 2 for e in self.entries], point)
        shared = squares.mean * reward.variance + one.mean**2
        excess = (one.fourth / one.variance**2 - 3) / m + 3
        total = one.variance / m + shared / (m * (m - 1))
        return one._replace(variance=total, fourth=excess * total**2)


def _drawn(result: Any) -> _Drawn:
    """The law of the samples, the random variables, their means and variances."""
    if isinstance(result, (tuple, Tuple)) and len(result) == 2:
        return _of_pair(*result)
    estimator = result if hasattr(result, "summand") else getattr(result, "estimator", None)
    if estimator is None:
        raise PolicyError(
            f"asked for samples of {result!r}: write a policy gradient, one of its estimators, or "
            "a pair (policy, expression in the action)"
        )
    return _of_estimator(estimator)._replace(names=tuple(map(str, estimator.gradient.wrt)))


def _of_estimator(estimator: Any) -> _Drawn:
    entries = entries_of(_inlined(estimator.summand))
    moments = entries_of(estimator.doit()), entries_of(estimator.variance())
    if isinstance(estimator, PathwiseEstimator):
        law, eps = estimator.noise, estimator._parts[0]
        mine, theirs = ([eps], [law.action]) if isinstance(eps, Symbol) else (eps, law.action)
        pairs = dict(zip(mine, theirs, strict=True))
        return _Drawn(law, [e.xreplace(pairs) for e in entries], *moments)
    if isinstance(estimator, MeasureValuedEstimator):
        return _Drawn(estimator.noise, entries, *moments)
    if isinstance(estimator, ImportanceWeightedEstimator):
        return _Drawn(estimator.behaviour, entries, *moments)
    if isinstance(estimator, ScoreEstimator):
        return _of_score(estimator, entries, moments[1])
    raise PolicyError(f"asked for samples of {estimator!r}, which says not how it is sampled")


def _of_score(estimator: Any, entries: list[Any], variance: list[Any]) -> _Drawn:
    size, gradient = estimator.n, estimator.gradient
    if not size.is_Integer:
        raise PolicyError(
            f"asked for samples of an estimator of {size} actions: write a number, as estimator(8)"
        )
    rewards = None
    if estimator.baseline == "leave_one_out":
        found = Outcomes(gradient)
        [rewards] = entries_of(_inlined(found.closed([found.at(lambda s, r, g: r)])))
    mean = entries_of(estimator.mean())
    J, variables = gradient.expected, gradient.wrt
    known = all(v.is_Symbol for v in variables) and not J.has(Integral, Sum, AppliedUndef)
    objective = (J, variables) if known else None
    best = None
    if estimator.baseline == "optimal":
        found, places = Outcomes(gradient), range(len(variables))
        terms = (lambda s, r, g: s * r + g, lambda s, r, g: s)
        columns = ([found.at(of_component(i, f)) for i in places] for f in terms)
        plain = (entries_of(_inlined(found.closed(column))) for column in columns)
        best = (list(baseline_of(gradient, "optimal")), *plain)
    return _Drawn(
        *(gradient.policy, entries, mean, variance),
        *(int(size), rewards, objective, best),
    )


def _of_pair(policy: Any, f: Any) -> _Drawn:
    if not isinstance(policy, DistributionPolicy):
        values = rewards_of(policy.actions, f)
        mean, square = policy.expected(values), policy.expected([v**2 for v in values])
        drawn = _Drawn(policy, [in_symbol(policy, list(values))], [mean], [square - mean**2])
        return drawn._replace(names=("reward",))
    expr = policy.in_action(f)
    mean = policy.mean(expr)
    drawn = _Drawn(policy, [expr], [mean], [policy.mean(expr**2) - mean**2])
    return drawn._replace(names=("reward",))


def _inlined(expr: Any) -> Any:
    return expr.doit() if hasattr(expr, "definitions") else expr


def _numbers(
    law: Any,
    expr: Any,
    actions: Any,
    point: Mapping[Any, Any],
    extra: Mapping[Any, Any] = MappingProxyType({}),
) -> Any:
    """The values of an expression in the action at an array of actions."""
    import numpy as np
    from sympy import lambdify

    if not isinstance(law, DistributionPolicy):
        return _by_table(law, expr.subs(point).doit(), actions, extra)
    names = [law.action] if law.action.is_Symbol else list(law.action)
    columns = [actions] if law.action.is_Symbol else list(actions.T)
    inner = inserted(expr, [*names, *extra], point)
    f = lambdify([*names, *extra], inner, modules=["scipy", "numpy"])
    values = np.asarray(f(*columns, *extra.values()), dtype=float)
    return np.broadcast_to(values, (len(actions),))


def _by_table(law: Any, expr: Any, actions: Any, extra: Mapping[Any, Any]) -> Any:
    """Of finitely many actions: the value at each of them, looked up."""
    import numpy as np
    from sympy import lambdify

    found = np.zeros(len(actions))
    for label, value in zip(law.actions, by_label(law, expr), strict=True):
        require_numbers(value, set(extra))
        chosen = actions == (int(label) if actions.dtype.kind == "i" else str(label))
        found[chosen] = lambdify(list(extra), value)(*(x[chosen] for x in extra.values()))
    return found


def _slopes(objective: Any, variables: Any, point: Mapping[Any, Any]) -> Any:
    """The slopes of J as difference quotients: of what the scores are made, they know nothing."""
    import numpy as np

    step = Rational(1, 10**12)

    def at(v: Any, way: int) -> Any:
        place = exact(point)
        place[v] = place.get(v, v) + way * step
        return objective.subs(place).doit().evalf(40)

    return np.array([float((at(v, 1) - at(v, -1)) / (2 * step)) for v in variables])


def _floats(exprs: list[Any], point: Mapping[Any, Any]) -> Any:
    import numpy as np

    values = [e.subs(exact(point)).doit() for e in exprs]
    integrals = {e for v in values for e in v.atoms(Integral, Sum) if not e.free_symbols}
    numbers = {e: e.evalf(16) for e in integrals}
    return np.array([float(v.xreplace(numbers).evalf(20)) for v in values])
