"""What is known of a score and a reward without differences of nearly equal numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sympy import S

from .about_mean import AboutMean
from .centred_integrals import about_mean_of_integrals
from .logarithms import about_mean_of_logarithms, log_score_baseline, log_score_variance
from .tilted_powers import about_mean_of_powers
from .waves import about_mean_of_waves

__all__ = ["about_mean", "common_baseline", "known_baseline", "known_variance"]


def about_mean(gradient: Any) -> AboutMean | None:
    """The moments about the mean of a gradient by one parameter of the formulas of a family; None
    where no kind of policy states them.

    Examples
    ========

    >>> from symprice import LogNormalPolicy, Parameter, policy_gradient
    >>> from symprice.policy.known_moments import about_mean
    >>> pi = LogNormalPolicy(Parameter('mu', real=True), 1)
    >>> about_mean(policy_gradient(pi, lambda a: a)).best()
    2*exp(mu + 1/2)
    """
    kinds = (
        about_mean_of_logarithms,
        about_mean_of_powers,
        about_mean_of_waves,
        about_mean_of_integrals,
    )
    return next((found for kind in kinds if (found := kind(gradient)) is not None), None)


def known_variance(gradient: Any, baseline: Any) -> Any:
    """Var[(r - b) s] by one parameter, from what does not cancel; else None. ``baseline`` is a
    formula, or 'optimal'.

    Examples
    ========

    >>> from symprice import Parameter, WeibullPolicy, policy_gradient
    >>> from symprice.policy.known_moments import known_variance
    >>> lam = Parameter('lambda', positive=True)
    >>> known_variance(policy_gradient(WeibullPolicy(1, lam), lambda a: a), 0)
    13
    """
    if (found := log_score_variance(gradient, baseline)) is not None:
        return found
    moments = about_mean(gradient)
    return None if moments is None else moments.variance(baseline)


def known_baseline(gradient: Any) -> Any:
    """E[s² r]/E[s²] by one parameter, from what does not cancel; else None.

    Examples
    ========

    >>> from symprice import GammaPolicy, Parameter, policy_gradient
    >>> from symprice.policy.known_moments import known_baseline
    >>> k = Parameter('k', positive=True)
    >>> known_baseline(policy_gradient(GammaPolicy(k, 2), lambda a: a))
    k/2
    """
    if (found := log_score_baseline(gradient)) is not None:
        return found
    moments = about_mean(gradient)
    return None if moments is None else moments.best()


def common_baseline(
    known: Sequence[AboutMean | None], inserted: Sequence[Callable[[Any, int], Any]] = ()
) -> Any:
    """J + Σ E[(r - J) s_i²]/Σ E[s_i²], the best baseline for several scores; None where moments are
    missing. ``inserted`` takes a formula that goes with a power of each score to other parameters.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.policy.about_mean import AboutMean
    >>> from symprice.policy.known_moments import common_baseline
    >>> J, w, v = symbols('J w v')
    >>> common_baseline([AboutMean(J, 1, 1, w, 1, 1), AboutMean(J, 1, 1, v, 3, 1)])
    J + v/4 + w/4
    """
    ways = inserted or [lambda expr, power: expr for _ in known]
    above, below, expected = S.Zero, S.Zero, S.Zero
    for moments, way in zip(known, ways, strict=True):
        if moments is None:
            return None
        above += way(moments.tidy(moments.covariance), 2)
        below += way(moments.tidy(moments.square), 2)
        expected = way(moments.tidy(moments.expected), 0)
    total = expected + above / below
    return total if inserted or known[0] is None else known[0].tidy(total)
