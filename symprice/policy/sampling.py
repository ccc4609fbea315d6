"""Is it so in samples? Means and variances of estimators, held against their closed forms."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from sympy import Integer, Integral, KroneckerDelta, Rational, Sum, Symbol, Tuple
from sympy.core.function import AppliedUndef
from sympy.core.sympify import _sympify

from ..errors import PolicyError
from .arguments import rewards_of
from .distribution import Action, DistributionPolicy
from .estimators import OTHERS, ScoreEstimator
from .importance import ImportanceWeightedEstimator
from .outcomes import Outcomes, entries_of, in_symbol
from .pathwise import MeasureValuedEstimator, PathwiseEstimator

__all__ = ["MonteCarlo", "monte_carlo"]


class MonteCarlo(NamedTuple):
    """Of each component: sample mean and variance, their closed forms, and z-scores of both.

    Truthy where no z-score is beyond 5. Made by ``monte_carlo``.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice import GaussianPolicy, monte_carlo
    >>> found = monte_carlo((GaussianPolicy(1, 2), lambda a: a**2), 1000, np.random.default_rng(0))
    >>> found.mean_expected, found.variance_expected
    (array([5.]), array([48.]))
    """

    mean: Any
    mean_expected: Any
    mean_z: Any
    variance: Any
    variance_expected: Any
    variance_z: Any

    def __bool__(self) -> bool:
        return all(abs(float(z)) <= 5 for z in (*self.mean_z, *self.variance_z))

    def _repr_html_(self) -> str:
        heads = ("component", "", "sample", "closed form", "z")
        kinds = (
            ("mean", self.mean, self.mean_expected, self.mean_z),
            ("variance", self.variance, self.variance_expected, self.variance_z),
        )
        cells = [
            (i + 1, kind, f"{found[i]:.4g}", f"{expected[i]:.4g}", f"{z[i]:.2f}")
            for i in range(min(len(self.mean), 10))
            for kind, found, expected, z in kinds
        ]
        head = "".join(f"<th>{text}</th>" for text in heads)
        body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in cells)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def monte_carlo(result: Any, n: int, rng: Any, at: Mapping[Any, Any] | None = None) -> MonteCarlo:
    """n samples of an estimator against its closed form: mean, variance, and z-scores of both.

    The mean of a score estimator is also held against a difference quotient of J, because samples
    of wrong scores agree with formulas made of them: where it is none, its z-score is infinite.

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
    found = np.array([c.mean() for c in columns])
    spread = np.array([c.var(ddof=1) for c in columns])
    error = np.array([c.std(ddof=1) / np.sqrt(n) for c in columns])
    fourth = np.array([((c - c.mean()) ** 4).mean() for c in columns])
    doubt = np.sqrt(np.maximum(fourth - spread**2, 0) / n)
    expected = _floats(drawn.mean, point)
    mean_z = _z(found - expected, error, expected)
    if drawn.objective is not None:
        objective, variables = drawn.objective
        slopes = _slopes(objective, variables, point)
        wrong = np.abs(expected - slopes) > 1e-9 * np.maximum(1, np.abs(slopes))
        mean_z = np.where(wrong, np.inf, mean_z)
    wanted = _floats(drawn.variance, point)
    return MonteCarlo(
        found,
        expected,
        mean_z,
        spread,
        wanted,
        _z(spread - wanted, doubt, wanted),
    )


def _z(gap: Any, error: Any, scale: Any) -> Any:
    import numpy as np

    # Where nothing varies, only rounding may differ.
    floor = 1e-12 * np.maximum(1, np.abs(scale))
    return gap / np.maximum(error, floor)


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

    def columns(self, actions: Any, point: Mapping[Any, Any]) -> list[Any]:
        """The values of each random variable, means over ``size`` actions."""
        extra = {}
        if self.rewards is not None:
            rewards = _numbers(self.law, self.rewards.subs(point), actions)
            groups = rewards.reshape(-1, self.size)
            others = (groups.sum(axis=1, keepdims=True) - groups) / (self.size - 1)
            extra = {OTHERS: others.reshape(-1)}
        found = [_numbers(self.law, e.subs(point), actions, extra) for e in self.entries]
        return [c.reshape(-1, self.size).mean(axis=1) for c in found]


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
    raise PolicyError(f"asked for samples of {result!r}, which says not how it is sampled")


def _of_score(estimator: Any, entries: list[Any], variance: list[Any]) -> _Drawn:
    size, gradient = estimator.n, estimator.gradient
    if not size.is_Integer:
        raise PolicyError(
            f"asked for samples of an estimator of {size} actions: write a number, as estimator(8)"
        )
    rewards = None
    if estimator.baseline == "leave_one_out":
        rewards = _inlined(Outcomes(gradient).at(lambda s, r, g: r))
    mean = entries_of(estimator.mean())
    J, variables = gradient.expected, gradient.wrt
    known = all(v.is_Symbol for v in variables) and not J.has(Integral, Sum, AppliedUndef)
    objective = (J, variables) if known else None
    return _Drawn(gradient.policy, entries, mean, variance, int(size), rewards, objective)


def _of_pair(policy: Any, f: Any) -> _Drawn:
    if not isinstance(policy, DistributionPolicy):
        values = rewards_of(policy.actions, f)
        mean, square = policy.expected(values), policy.expected([v**2 for v in values])
        return _Drawn(policy, [in_symbol(policy, list(values))], [mean], [square - mean**2])
    expr = policy.in_action(f)
    mean = policy.mean(expr)
    return _Drawn(policy, [expr], [mean], [policy.mean(expr**2) - mean**2])


def _inlined(expr: Any) -> Any:
    return expr.doit() if hasattr(expr, "definitions") else expr


def _numbers(
    law: Any, expr: Any, actions: Any, extra: Mapping[Any, Any] = MappingProxyType({})
) -> Any:
    """The values of an expression in the action at an array of actions."""
    import numpy as np
    from sympy import lambdify

    expr = expr.doit()
    if not isinstance(law, DistributionPolicy):
        return _by_table(law, expr, actions, extra)
    names = [law.action] if law.action.is_Symbol else list(law.action)
    columns = [actions] if law.action.is_Symbol else list(actions.T)
    _require_numbers(expr, {*names, *extra})
    f = lambdify([*names, *extra], expr, modules=["scipy", "numpy"])
    values = np.asarray(f(*columns, *extra.values()), dtype=float)
    return np.broadcast_to(values, (len(actions),))


def _by_table(law: Any, expr: Any, actions: Any, extra: Mapping[Any, Any]) -> Any:
    """Of finitely many actions: the value at each of them, looked up."""
    import numpy as np
    from sympy import lambdify

    symbol = next((s for s in expr.free_symbols if isinstance(s, Action)), Action("a"))
    found = np.zeros(len(actions))
    for label in law.actions:
        value = expr.xreplace({symbol: label}).replace(KroneckerDelta, lambda i, j: Integer(i == j))
        _require_numbers(value, set(extra))
        chosen = actions == (int(label) if actions.dtype.kind == "i" else str(label))
        here = lambdify(list(extra), value)(*(x[chosen] for x in extra.values()))
        found[chosen] = here
    return found


def _require_numbers(expr: Any, known: set[Any]) -> None:
    unknown = sorted(map(str, expr.free_symbols - known))
    if unknown:
        raise PolicyError(
            f"asked for samples with no numbers for {', '.join(unknown)}: write "
            f"at={{{unknown[0]}: 0.5, ...}}"
        )


def _slopes(objective: Any, variables: Any, point: Mapping[Any, Any]) -> Any:
    """The slopes of J as difference quotients: of what the scores are made, they know nothing."""
    import numpy as np

    step = Rational(1, 10**12)

    def at(v: Any, way: int) -> Any:
        place = {s: _exact(x) for s, x in point.items()}
        place[v] = place.get(v, v) + way * step
        return objective.subs(place).doit().evalf(40)

    return np.array([float((at(v, 1) - at(v, -1)) / (2 * step)) for v in variables])


def _exact(number: Any) -> Any:
    value = _sympify(number)
    return Rational(str(value)) if value.is_Float else value


def _floats(exprs: list[Any], point: Mapping[Any, Any]) -> Any:
    import numpy as np

    return np.array([float(e.subs(point).doit().evalf(20)) for e in exprs])
