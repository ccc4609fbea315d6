"""1 - uⁿ where u is close to 1: pass@k of a policy that hardly ever succeeds."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from symprice import (
    BernoulliPolicy,
    CategoricalPolicy,
    Parameter,
    lambdify,
    parameters,
    pass_at_k,
    policy_gradient,
)

POINTS = [-300.0, -40.0, -5.0, 0.0, 5.0, 40.0, 300.0]


def of_logit(x):
    return 1 / (1 + mpmath.exp(-x))


def of_probit(x):
    return mpmath.ncdf(x)


@pytest.mark.parametrize("k", [2, 8, 100])
@pytest.mark.parametrize(
    "form, points, success",
    [
        ("logit", POINTS, of_logit),
        ("probit", [-30.0, -8.0, -1.0, 0.0, 2.0, 9.0], of_probit),
    ],
)
def test_pass_at_k_and_its_slope(form, points, success, k):
    t = Parameter("t", real=True)
    value = pass_at_k(BernoulliPolicy(**{form: t}), k)
    with mpmath.workdps(700):
        for formula, true in (
            (value, lambda x: 1 - (1 - success(x)) ** k),
            (value.diff(t), lambda x: k * (1 - success(x)) ** (k - 1) * mpmath.diff(success, x)),
        ):
            found = lambdify([t], formula)(np.array(points))
            for x, y in zip(points, found, strict=True):
                expected = true(mpmath.mpf(x))
                if expected > 1e-300:
                    assert abs(y - expected) <= 1e-12 * expected


@pytest.mark.parametrize("k", [2, 5, 24])
def test_pass_at_k_by_the_probability(k):
    p = Parameter("p", positive=True)
    found = lambdify([p], pass_at_k(BernoulliPolicy(probability=p), k))
    with mpmath.workdps(300):
        for x in (1e-200, 1e-12, 0.25, 0.999):
            expected = 1 - (1 - mpmath.mpf(x)) ** k
            assert abs(float(found(x)) - expected) <= 1e-14 * expected


def test_a_reward_that_falls_with_the_probability_of_an_action():
    x, y, z = parameters("x y z", real=True)
    policy = CategoricalPolicy([x, y, z])
    pi = policy.prob(policy.actions[0])
    value = policy_gradient(policy, {a: 1 - pi**3 for a in policy.actions}).expected
    found = lambdify([x, y, z], value)(50.0, 0.0, 1.0)
    with mpmath.workdps(60):
        rest = (1 + mpmath.e) / mpmath.exp(50)
        expected = 1 - (1 / (1 + rest)) ** 3
    assert abs(found - expected) <= 1e-14 * expected
