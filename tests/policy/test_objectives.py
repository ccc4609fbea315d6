"""Objectives: surrogates, clipping, KL estimators, groups, pass@k, risk, by enumeration."""

from __future__ import annotations

import itertools

import mpmath
import pytest
from sympy import Rational, S, Symbol, exp, expand, log, oo, sqrt

from symprice import BernoulliPolicy, Parameter, leading_order, policy_gradient, sigmoid
from symprice.errors import NoRuleError, PolicyError
from symprice.policy.gaussian import GaussianPolicy
from symprice.policy.objectives import (
    clipped_slope,
    clipped_surrogate,
    entropic_risk,
    group_advantage_gradient,
    kl_estimator,
    mean_variance,
    pass_at_k,
    surrogate,
)

theta, mu = Parameter("theta", real=True), Parameter("mu", real=True)
p = Parameter("p", positive=True)
FIFTH = Rational(1, 5)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_groups_by_enumeration(size):
    """Every group of rewards 0 and 1: the mean of A_i s_i, the standard deviation of ddof 0."""
    chance = mpmath.mpf(2) / 7
    total = mpmath.mpf(0)
    for group in itertools.product((1, 0), repeat=size):
        weight = mpmath.fprod(chance if x else 1 - chance for x in group)
        mean = mpmath.mpf(sum(group)) / size
        spread = mpmath.sqrt(sum((x - mean) ** 2 for x in group) / size)
        if spread:
            total += weight * sum((x - mean) / spread * (x - chance) for x in group) / size
    found = group_advantage_gradient(BernoulliPolicy(probability=p), size)
    assert abs(found.subs(p, Rational(2, 7)).evalf(20) - total) < 1e-14


def test_asymptotics_of_rare_success():
    """p → 0: exact gradient p, its motion of p 2p², natural 2p, GRPO by a large group p^(1/2)."""
    gradient = policy_gradient(BernoulliPolicy(theta), {1: 1, 0: -1})
    up = gradient.dynamics()[0].rhs.subs(sigmoid(theta), p)
    assert leading_order(up, p).term == 2 * p**2
    natural = gradient.dynamics("natural")[0].rhs.subs(sigmoid(theta), p)
    assert leading_order(natural, p).term == 2 * p
    large = p * (1 - p) * sqrt(p * (1 - p))
    assert leading_order(large, p).exponent == Rational(3, 2)
    four = group_advantage_gradient(BernoulliPolicy(probability=p), 4)
    assert leading_order(four, p).exponent == 1


def test_pass_at_k():
    k = Symbol("k", positive=True)
    slope = pass_at_k(BernoulliPolicy(theta), k).diff(theta)
    q = sigmoid(theta)
    assert abs((slope - k * q * (1 - q) ** k).subs({theta: 0.3, k: 5}).evalf()) < 1e-14


def test_kl_estimators():
    policy, reference = GaussianPolicy(mu, 1), GaussianPolicy(0, 1)
    truth = policy.kl_divergence(reference)
    assert truth == mu**2 / 2
    for kind in ("k1", "k3"):
        assert expand(policy.mean(kl_estimator(policy, reference, kind)) - truth) == 0
    biased = policy.mean(kl_estimator(policy, reference, "k2"))
    assert expand(biased - truth - mu**4 / 8) == 0
    with pytest.raises(PolicyError, match="k1, k2, k3"):
        kl_estimator(policy, reference, "k4")


def test_kl_divergence_of_two_actions():
    one, other = BernoulliPolicy(theta), BernoulliPolicy(logit=1)
    q, r = 1 / (1 + mpmath.exp(-0.25)), 1 / (1 + mpmath.exp(-1))
    expected = q * mpmath.log(q / r) + (1 - q) * mpmath.log((1 - q) / (1 - r))
    assert abs(one.kl_divergence(other).subs(theta, Rational(1, 4)).evalf() - expected) < 1e-14


def test_the_surrogate_has_the_gradient_of_the_objective_at_the_old_policy():
    gains = {1: 3, 0: -1}
    policy = BernoulliPolicy(theta)
    slope = surrogate(policy, BernoulliPolicy(logit=2), gains).diff(theta)
    assert expand(slope - policy_gradient(policy, gains).doit()) == 0


def test_clipping_is_one_sided():
    for ratio, gain, expected in [
        (Rational(3, 2), 1, 0),
        (Rational(1, 2), 1, 1),
        (Rational(3, 2), -1, 1),
        (Rational(1, 2), -1, 0),
        (1 + FIFTH, 1, 1),
    ]:
        assert clipped_slope(ratio, gain, FIFTH) == expected
    old = BernoulliPolicy(logit=0)
    gains = {1: 1, 0: -1}
    far = clipped_surrogate(BernoulliPolicy(probability=Rational(9, 10)), old, gains, FIFTH)
    assert far == S.Half * Rational(6, 5) - S.Half * Rational(4, 5)
    with pytest.raises(NoRuleError, match="no closed form"):
        clipped_surrogate(GaussianPolicy(mu, 1), GaussianPolicy(0, 1), lambda a: a, FIFTH)


def test_risk():
    beta = Symbol("beta", positive=True)
    assert expand(entropic_risk(GaussianPolicy(mu, 1), lambda a: a, beta) - mu - beta / 2) == 0
    found = entropic_risk(BernoulliPolicy(probability=p), {1: 1, 0: 0}, beta)
    expected = log(1 - p + p * exp(beta)) / beta
    assert abs((found - expected).subs({p: 0.3, beta: 0.7}).evalf()) < 1e-14
    variance = mean_variance(BernoulliPolicy(probability=p), {1: 1, 0: 0}, 2)
    assert expand(variance - (p - 2 * p * (1 - p))) == 0


def test_groups_that_are_refused():
    with pytest.raises(PolicyError, match="at least 2"):
        group_advantage_gradient(BernoulliPolicy(theta), 1)
    with pytest.raises(NoRuleError, match="BernoulliPolicy"):
        group_advantage_gradient(GaussianPolicy(mu, 1), 4)
    with pytest.raises(PolicyError, match="must be a real number"):
        GaussianPolicy(oo, 1)
