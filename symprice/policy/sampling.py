"""Is it so in samples? Means and variances of estimators, held against their closed forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sympy import Tuple

from ..errors import PolicyError
from .distribution import DistributionPolicy
from .estimators import ScoreEstimator
from .pathwise import ImportanceWeightedEstimator, PathwiseEstimator

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


def monte_carlo(result: Any, n: int, rng: Any, at: Mapping[Any, Any] | None = None) -> MonteCarlo:
    """n samples of an estimator against its closed form: mean, variance, and z-scores of both.

    Parameters
    ==========

    result : a policy gradient (its score estimator), one of its estimators, or a pair (policy,
        expression in the action).
    n : how many samples.
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
    law, entries, means, variances = _parts(result)
    actions = np.asarray(law.sample(rng, n, at=point))
    columns = [_numbers(law, e.subs(point), actions) for e in entries]
    found = np.array([c.mean() for c in columns])
    spread = np.array([c.var(ddof=1) for c in columns])
    error = np.array([c.std(ddof=1) / np.sqrt(n) for c in columns])
    fourth = np.array([((c - c.mean()) ** 4).mean() for c in columns])
    doubt = np.sqrt(np.maximum(fourth - spread**2, 0) / n)
    expected = _floats(means, point)
    wanted = _floats(variances, point)
    return MonteCarlo(
        found,
        expected,
        _z(found - expected, error, expected),
        spread,
        wanted,
        _z(spread - wanted, doubt, wanted),
    )


def _z(gap: Any, error: Any, scale: Any) -> Any:
    import numpy as np

    # Where nothing varies, only rounding may differ.
    floor = 1e-12 * np.maximum(1, np.abs(scale))
    return gap / np.maximum(error, floor)


def _listed(expr: Any) -> list[Any]:
    return list(expr) if hasattr(expr, "tolist") else [expr]


def _parts(result: Any) -> tuple[Any, list[Any], list[Any], list[Any]]:
    """The law of the samples, the random variables, their means and variances."""
    if isinstance(result, (tuple, Tuple)) and len(result) == 2:
        policy, expr = result
        expr = policy.in_action(expr)
        mean = policy.mean(expr)
        return policy, [expr], [mean], [policy.mean(expr**2) - mean**2]
    estimator = result if hasattr(result, "summand") else getattr(result, "estimator", None)
    if estimator is None:
        raise PolicyError(
            f"asked for samples of {result!r}: write a policy gradient, one of its estimators, or "
            "a pair (policy, expression in the action)"
        )
    entries = _listed(estimator.summand)
    if isinstance(estimator, PathwiseEstimator):
        law = estimator.noise
        eps = estimator._parts[0]
        pairs = (
            [(eps, law.action)]
            if getattr(eps, "is_Symbol", False)
            else list(zip(eps, law.action, strict=True))
        )
        entries = [e.xreplace(dict(pairs)) for e in entries]
        return law, entries, _listed(estimator.doit()), _listed(estimator.variance())
    if isinstance(estimator, ImportanceWeightedEstimator):
        law = estimator.behaviour
        return law, entries, _listed(estimator.doit()), _listed(estimator.variance())
    if isinstance(estimator, ScoreEstimator):
        if estimator.baseline == "leave_one_out":
            raise PolicyError("asked for single samples with a leave-one-out baseline")
        single = estimator(1, estimator.baseline)
        return (
            estimator.gradient.policy,
            entries,
            _listed(single.mean()),
            _listed(single.variance()),
        )
    raise PolicyError(f"asked for samples of {result!r}, which says not how it is sampled")


def _numbers(law: Any, expr: Any, actions: Any) -> Any:
    """The values of an expression in the action at an array of actions."""
    import numpy as np
    from sympy import Eq, KroneckerDelta, Piecewise, lambdify

    expr = expr.doit().replace(KroneckerDelta, lambda i, j: Piecewise((1, Eq(i, j)), (0, True)))
    symbols = sorted(expr.free_symbols, key=str)
    if isinstance(law, DistributionPolicy) and not law.action.is_Symbol:
        names = list(law.action)
        columns = [actions[:, k] for k in range(len(names))]
    else:
        names = symbols or [getattr(law, "action", None)]
        columns = [actions]
    if set(symbols) - set(names) or (len(names) > 1 and columns[0] is actions):
        raise PolicyError(f"asked for samples with no numbers for {symbols}: write at={{...}}")
    f = lambdify(names, expr, modules=["scipy", "numpy"])
    return np.broadcast_to(np.asarray(f(*columns), dtype=float), (len(actions),))


def _floats(exprs: list[Any], point: Mapping[Any, Any]) -> Any:
    import numpy as np

    return np.array([float(e.subs(point).doit().evalf(20)) for e in exprs])
