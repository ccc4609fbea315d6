"""Objectives: surrogates, clipping, KL estimators, groups, pass@k, risk, by enumeration."""

from __future__ import annotations

import itertools

import mpmath
import pytest
from sympy import Derivative, Eq, Function, Matrix, Rational, S, Symbol, exp, expand, log, oo, sqrt

from symprice import (
    BernoulliPolicy,
    CategoricalPolicy,
    Parameter,
    check,
    leading_order,
    parameters,
    policy_gradient,
    sigmoid,
)
from symprice.errors import NoRuleError, PolicyError
from symprice.policy.gaussian import GaussianPolicy
from symprice.policy.objectives import (
    clipped_gradient,
    clipped_slope,
    clipped_surrogate,
    entropic_risk,
    entropy_bonus,
    group_advantage_gradient,
    kl_estimator,
    kl_penalty,
    mean_variance,
    pass_at_k,
    pass_at_k_estimate,
    surrogate,
)

theta, mu = Parameter("theta", real=True), Parameter("mu", real=True)
p = Parameter("p", positive=True)
FIFTH = Rational(1, 5)
LOGITS = parameters("z1:4", real=True)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_groups_by_enumeration(size, ddof):
    """Every group of rewards 0 and 1: the mean of A_i s_i, by either standard deviation."""
    chance = mpmath.mpf(2) / 7
    total = mpmath.mpf(0)
    for group in itertools.product((1, 0), repeat=size):
        weight = mpmath.fprod(chance if x else 1 - chance for x in group)
        mean = mpmath.mpf(sum(group)) / size
        spread = mpmath.sqrt(sum((x - mean) ** 2 for x in group) / (size - ddof))
        if spread:
            total += weight * sum((x - mean) / spread * (x - chance) for x in group) / size
    found = group_advantage_gradient(BernoulliPolicy(probability=p), size, ddof=ddof)
    assert abs(found.subs(p, Rational(2, 7)).evalf(20) - total) < 1e-14


def test_asymptotics_of_rare_success():
    """p → 0: exact gradient p, its motion of p 2p², natural 2p, GRPO by a large group p^(1/2)."""
    gradient = policy_gradient(BernoulliPolicy(theta), {1: 1, 0: -1})
    q = Function("pi")(1, Symbol("t", real=True))
    up = gradient.dynamics()[0].rhs.subs(q, p)
    assert leading_order(up, p).term == 2 * p**2
    natural = gradient.dynamics("natural")[0].rhs.subs(q, p)
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


@pytest.mark.parametrize("gains", [{1: 1, 0: -1}, {1: -2, 0: 3}, {1: 2, 0: 0}])
def test_the_clipped_gradient_is_the_slope_of_the_clipped_surrogate(gains):
    policy, old = BernoulliPolicy(theta), BernoulliPolicy(logit=Rational(1, 5))
    whole = clipped_surrogate(policy, old, gains, FIFTH)
    slope = clipped_gradient(policy, old, gains, FIFTH)
    for place in (-3, -1, Rational(1, 4), 1, 3):
        h = mpmath.mpf(10) ** -10
        ends = [
            mpmath.mpmathify(whole.subs(theta, place + s * S(1) / 10**10).evalf(30))
            for s in (1, -1)
        ]
        found = mpmath.mpmathify(slope.subs(theta, place).evalf(30))
        assert abs((ends[0] - ends[1]) / (2 * h) - found) < 1e-9


def test_clipping_by_the_definition():
    """min(ρ A, clip(ρ) A), term by term, for symbols and for numbers."""
    gain = Symbol("A", real=True)
    policy, old = BernoulliPolicy(probability=p), BernoulliPolicy(probability=Rational(2, 5))
    general = clipped_surrogate(policy, old, {1: gain, 0: 0}, FIFTH)
    for value, chance in itertools.product(
        (-2, 3), (Rational(1, 10), Rational(2, 5), Rational(9, 10))
    ):
        ratio = chance / Rational(2, 5)
        clipped = min(max(ratio, 1 - FIFTH), 1 + FIFTH)
        expected = Rational(2, 5) * min(ratio * value, clipped * value)
        assert general.subs({gain: value, p: chance}) == expected
        fixed = clipped_surrogate(policy, old, {1: value, 0: 0}, FIFTH)
        assert fixed.subs(p, chance) == expected


@pytest.mark.parametrize("policy", [BernoulliPolicy(theta), CategoricalPolicy(LOGITS)], ids=str)
def test_entropy_bonus_and_divergence_penalty(policy):
    """The gradient of E[r] + w H, resp. E[r] - w KL, by the oracle's difference quotients."""
    weight, rewards = Rational(3, 7), list(range(1, len(policy.actions) + 1))
    other = policy.with_logits([Rational(k, 3) for k in range(1, len(policy.logits) + 1)])
    bonus = policy_gradient(policy, entropy_bonus(policy, rewards, weight))
    penalty = policy_gradient(policy, kl_penalty(policy, other, rewards, weight))
    plain = policy.expected(rewards)
    for gradient, whole in (
        (bonus, plain + weight * policy.entropy()),
        (penalty, plain - weight * policy.kl_divergence(other)),
    ):
        slopes = Matrix([Derivative(whole, v) for v in gradient.wrt])
        found = gradient.doit()
        assert check(Eq(slopes, Matrix([found]) if len(slopes) == 1 else found), points=2)
        assert check(gradient.derivation, points=1) and check(gradient.estimator, points=1)
        assert "mean of the scores" in [step.rule.name for step in gradient.derivation.steps]


def test_entropy_bonus_of_a_density():
    policy, weight = GaussianPolicy(mu, 1), Symbol("w", positive=True)
    sigma = Parameter("sigma", positive=True)
    wide = GaussianPolicy(mu, sigma)
    found = policy_gradient(wide, entropy_bonus(wide, lambda a: a, weight))
    assert expand(found.doit()[1] - weight / sigma) == 0 and found.doit()[0] == 1
    pulled = policy_gradient(policy, kl_penalty(policy, GaussianPolicy(0, 1), lambda a: a, weight))
    assert expand(pulled.doit() - 1 + weight * mu) == 0


def test_risk():
    beta = Symbol("beta", positive=True)
    assert expand(entropic_risk(GaussianPolicy(mu, 1), lambda a: a, beta) - mu - beta / 2) == 0
    found = entropic_risk(BernoulliPolicy(probability=p), {1: 1, 0: 0}, beta)
    expected = log(1 - p + p * exp(beta)) / beta
    assert abs((found - expected).subs({p: 0.3, beta: 0.7}).evalf()) < 1e-14
    variance = mean_variance(BernoulliPolicy(probability=p), {1: 1, 0: 0}, 2)
    assert expand(variance - (p - 2 * p * (1 - p))) == 0


def test_the_estimate_of_pass_at_k_counts_sets_and_is_unbiased():
    for c, k in itertools.product(range(6), range(1, 6)):
        sets = list(itertools.combinations([1] * c + [0] * (5 - c), k))
        assert pass_at_k_estimate(5, c, k) == Rational(sum(map(any, sets)), len(sets))
    mean = sum(
        p ** sum(x) * (1 - p) ** (5 - sum(x)) * pass_at_k_estimate(5, sum(x), 3)
        for x in itertools.product((0, 1), repeat=5)
    )
    assert expand(mean - pass_at_k(BernoulliPolicy(probability=p), 3)) == 0
    with pytest.raises(PolicyError, match="more than the samples"):
        pass_at_k_estimate(3, 4, 1)


def test_groups_that_are_refused():
    with pytest.raises(PolicyError, match="write 0 or 1"):
        group_advantage_gradient(BernoulliPolicy(theta), 3, ddof=2)
    with pytest.raises(PolicyError, match="at least 2"):
        group_advantage_gradient(BernoulliPolicy(theta), 1)
    with pytest.raises(NoRuleError, match="BernoulliPolicy"):
        group_advantage_gradient(GaussianPolicy(mu, 1), 4)
    with pytest.raises(PolicyError, match="must be a real number"):
        GaussianPolicy(oo, 1)
