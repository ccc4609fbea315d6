"""Rewards that are waves: short, real formulas, held against quadratures, sums and differences."""

import warnings

import mpmath
import numpy as np
import pytest
import sympy
from sympy import I, cos, exp, re, sin, symbols

from symprice import (
    BinomialPolicy,
    ExponentialPolicy,
    GammaPolicy,
    GaussianPolicy,
    GeometricPolicy,
    LaplacePolicy,
    LogisticPolicy,
    NegativeBinomialPolicy,
    Parameter,
    PoissonPolicy,
    lambdify,
    policy_gradient,
)
from symprice.policy.phases import real_part

M = Parameter("m")
S, K = (Parameter(name, positive=True) for name in "sk")
ENDS = {
    "line": [-30, -12, -6, -3, -1, 0.5, 2, 5, 9, 16, 34],
    "half": [0, 0.1, 0.5, 1, 2, 4, 8, 14, 20, 28, 36, 46, 58, 72, 90, 120],
}
POLICIES = {
    "logistic": (LogisticPolicy(M, S), ENDS["line"]),
    "Laplace": (LaplacePolicy(M, S), [-30, -12, -6, -3, -1, 0.7, 2, 5, 9, 16, 34]),
    "Gaussian": (GaussianPolicy(M, S), ENDS["line"]),
    "gamma": (GammaPolicy(K, S), ENDS["half"]),
    "exponential": (ExponentialPolicy(S), ENDS["half"]),
    "Poisson": (PoissonPolicy(S), range(60)),
    "geometric": (GeometricPolicy(logit=M), range(250)),
    "binomial": (BinomialPolicy(4, logit=M), range(5)),
    "negative binomial": (NegativeBinomialPolicy(3, logit=M), range(400)),
}
REWARDS = {
    "a sin a": lambda a: a * sin(a),
    "exp(-a) cos² (2a + 1)": lambda a: exp(-a) * cos(2 * a + 1) ** 2,
}
AT = {M: mpmath.mpf("0.7"), S: mpmath.mpf("0.35"), K: mpmath.mpf("1.6")}


def expected(policy, reward, places, point):
    """E of a reward, by its definition."""
    law = policy.log_prob().subs({s: sympy.Float(x, 30) for s, x in point.items()})
    weighted = sympy.lambdify([policy.action], exp(law) * reward(policy.action), "mpmath")
    if isinstance(places, range):
        return mpmath.fsum(weighted(k) for k in places)
    return mpmath.quad(weighted, places)


@pytest.mark.parametrize("name", REWARDS)
@pytest.mark.parametrize("law", POLICIES)
def test_gradients(law, name):
    (policy, places), reward = POLICIES[law], REWARDS[name]
    gradient = policy_gradient(policy, reward)
    assert not gradient.doit().has(I, re, sympy.im, sympy.Integral, sympy.Sum)
    found = np.ravel(lambdify(list(gradient.wrt), gradient)(*(float(AT[v]) for v in gradient.wrt)))
    step = mpmath.mpf(10) ** -6
    with mpmath.workdps(25):
        for v, number in zip(gradient.wrt, found, strict=True):
            ends = [
                expected(policy, reward, places, {**AT, v: AT[v] + way * step}) for way in (1, -1)
            ]
            slope = mpmath.re(ends[0] - ends[1]) / (2 * step)
            assert abs(number - slope) < 1e-9 * (1 + abs(slope)), (v, number, slope)


def test_they_are_short():
    by_place, by_scale = policy_gradient(LaplacePolicy(M, S), cos).doit()
    assert by_place == -sin(M) / (S**2 + 1)
    assert by_scale == -2 * S * cos(M) / (S**2 + 1) ** 2
    turn = sympy.pi * S
    assert policy_gradient(LogisticPolicy(M, S), cos).doit()[0] == -turn * sin(M) / sympy.sinh(turn)


@pytest.mark.parametrize("scale", [1e-3, 1e-2, 0.3, 0.32, 1.0, 20.0, 200.0, 1e3])
def test_waves_of_logistic_actions_in_the_tails(scale):
    """E[cos a] = cos(μ) πs/sinh(πs): by s it is of the order of s, or 0 where s is large."""
    function = lambdify([M, S], policy_gradient(LogisticPolicy(M, S), cos))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_place, by_scale = function(0.3, scale)
    with mpmath.workdps(40):
        x, m = mpmath.pi * mpmath.mpf(scale), mpmath.mpf(0.3)
        ratio = x / mpmath.sinh(x)
        slope = mpmath.cos(m) * ratio * (1 - x * mpmath.coth(x)) / scale
        assert abs(by_place + mpmath.sin(m) * ratio) < 1e-13 * ratio + 1e-300
        assert abs(by_scale - slope) < 1e-13 * abs(slope) + 1e-300


def test_real_parts():
    x, k = symbols("x k", positive=True)
    phi = symbols("phi", real=True)
    cases = [
        (1 - x * exp(I * phi)) ** -3,
        (x - 2 * I) ** (-k) * exp(I * phi) * (3 - I),
        (1 + x * exp(I * phi)) ** 5,
        (x + I) ** 2 * exp((2 + I) * x),
        x / sin(I * x) * exp(I * phi),
    ]
    at = {x: 0.7, k: 1.3, phi: 2.1}
    for case in cases:
        assert not real_part(case).has(I)
        assert abs(real_part(case).subs(at).n(20) - re(case.subs(at).n(20))) < 1e-13
