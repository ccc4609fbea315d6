"""Squared weights of samples from another Gaussian: by completing the square a Gaussian again."""

from __future__ import annotations

from typing import Any

from sympy import Dummy, ImmutableDenseMatrix, exp, fraction, sqrt

from ..errors import PolicyError
from .gaussian_moments import mean_of_polynomial
from .multivariate import MultivariateGaussianPolicy, inverse_of
from .short import short

__all__ = ["weighted_mean"]


def weighted_mean(policy: Any, behaviour: Any, expr: Any, needed: list[Any]) -> Any:
    """`E_β[(π/β)² f] = √(|Q⁻¹| |W⁻¹|)/|P⁻¹| exp(cᵀWc/2 - μᵀPμ + νᵀQν/2) E[f]`, the mean under a
    Gaussian with precision `W = 2P - Q` and mean `c = W⁻¹(2Pμ - Qν)`.

    The policy π has mean μ and precision P, the behaviour β has ν and Q. What must be positive for
    W to be a precision is added to ``needed``.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice import MultivariateGaussianPolicy, Parameter
    >>> from symprice.policy.weighted_gaussians import weighted_mean
    >>> m = Parameter('m', real=True)
    >>> policy = MultivariateGaussianPolicy([m, 0], covariance=Matrix([[1, 0], [0, 1]]))
    >>> behaviour = MultivariateGaussianPolicy([0, 0], covariance=Matrix([[1, 0], [0, 1]]))
    >>> weighted_mean(policy, behaviour, policy.action[0], [])
    2*m*exp(m**2)
    """
    (mu, sigma), (nu, cov) = (
        (ImmutableDenseMatrix(p.means), p.covariance) for p in (policy, behaviour)
    )
    p, q = inverse_of(sigma), inverse_of(cov)
    weight = (2 * p - q).applyfunc(short)
    for k in range(1, weight.rows + 1):
        minor = short(_volume(weight[:k, :k]))
        if minor.is_nonpositive:
            raise PolicyError(
                f"the weights of samples from {behaviour} have infinite variance under {policy}: "
                "twice the inverse of its covariance must exceed that of the behaviour's"
            )
        needed.append(minor if fraction(minor)[1].is_positive is None else fraction(minor)[0])
    spread = inverse_of(weight)
    centre = (spread * (2 * p * mu - q * nu)).applyfunc(short)
    scale = short(_volume(cov) * _volume(spread) / _volume(sigma) ** 2)
    tilt = (centre.T * weight * centre / 2 - mu.T * p * mu + nu.T * q * nu / 2)[0]
    law = MultivariateGaussianPolicy(list(centre), covariance=spread)
    noise = [Dummy("e", real=True) for _ in law.action]
    moved = expr.xreplace({a: c + e for a, c, e in zip(law.action, centre, noise, strict=True)})
    if moved.is_polynomial(*noise) and all(entry.is_number for entry in spread):
        mean = mean_of_polynomial(moved, noise, spread)
    else:  # multiplied out, quotients would be long
        mean = law.mean(expr)
    return sqrt(scale) * exp(short(tilt)) * mean


def _volume(matrix: Any) -> Any:
    return matrix.det(method="berkowitz")
