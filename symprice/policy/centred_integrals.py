"""Moments about the mean as integrals, of rewards less that of one action.

With `X = r - r(a₀)` the deviation `r - J` is `X - E X`. Where actions crowd around a₀, or a reward
saturates, X is small and r is not: integrals of X keep their digits.
"""

from __future__ import annotations

from typing import Any

from sympy import Symbol

from .about_mean import AboutMean
from .family import FamilyPolicy
from .integrals import ActionIntegral

__all__ = ["about_mean_of_integrals"]


def about_mean_of_integrals(gradient: Any) -> AboutMean | None:
    """The moments by one parameter of a family that centres rewards, where no rule closes them;
    else None.

    Examples
    ========

    >>> from symprice import Parameter, SquashedGaussianPolicy, policy_gradient
    >>> from symprice.policy.centred_integrals import about_mean_of_integrals
    >>> pi = SquashedGaussianPolicy(Parameter('mu', real=True), 1)
    >>> about_mean_of_integrals(policy_gradient(pi, lambda a: a)).square
    1
    """
    policy = gradient.policy
    if len(gradient.wrt) != 1 or not isinstance(policy, FamilyPolicy):
        return None
    (v,), a = gradient.wrt, policy.action
    if gradient.reward.has(v) or not isinstance(v, Symbol):
        return None
    gap = policy.centred(gradient.reward, a)
    if gap is None or not gradient.expected.has(ActionIntegral):
        return None
    score = policy.score(wrt=v)

    def mean(expr: Any) -> Any:
        return policy.integral(expr, a)

    shift, slope, square = mean(gap), gradient.doit(), policy.fisher(wrt=v)
    # E[X s] is E[r s], because E[s] is 0.
    crossed, squared = mean(gap * score**2), mean((gap * score) ** 2)
    return AboutMean(
        expected=gradient.expected,
        spread=mean(gap**2) - shift**2,
        slope=slope,
        covariance=crossed - shift * square,
        square=square,
        least=squared - 2 * shift * crossed + shift**2 * square - slope**2,
    )
