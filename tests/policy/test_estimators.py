"""Estimators of policy gradients: means, variances, baselines, by enumeration and samples."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest
from sympy import Matrix, Rational, S, Symbol, cos, exp, expand, sin, symbols

from symprice import (
    BernoulliPolicy,
    CategoricalPolicy,
    Parameter,
    check,
    parameters,
    policy_gradient,
    sigmoid,
)
from symprice.errors import NoRuleError, PolicyError
from symprice.policy.base import Policy
from symprice.policy.counting import PoissonPolicy
from symprice.policy.gaussian import GaussianPolicy
from symprice.policy.multivariate import MultivariateGaussianPolicy
from symprice.policy.positive import ExponentialPolicy, GammaPolicy
from symprice.policy.sampling import monte_carlo

mu, theta, z1, z2, z3 = parameters("mu theta z1:4", real=True)
sigma, lam = parameters("sigma lambda", positive=True)
a, k, c = Symbol("a"), Symbol("k", real=True), Symbol("c")
r1, r0 = symbols("r1 r0", real=True)
p = sigmoid(theta)
HALF = {theta: Rational(3, 7), r1: Rational(5, 3), r0: Rational(-2, 3), c: Rational(1, 5)}


def zero(expr):
    return expand(expr) == 0


def number(expr, point):
    return mpmath.mpmathify(expr.subs(point).evalf(30))


def test_two_actions_by_the_book():
    gradient = policy_gradient(BernoulliPolicy(theta), {1: r1, 0: r0})
    assert zero(gradient.optimal_baseline() - ((1 - p) * r1 + p * r0))
    assert gradient.variance("optimal") == 0
    assert gradient.variance("mean") != 0
    assert zero(gradient.natural() - (r1 - r0))
    (up, down) = gradient.dynamics("natural")
    assert zero(up.rhs - (r1 - r0) * p * (1 - p)) and zero(up.rhs + down.rhs)
    assert zero(gradient.dynamics()[0].rhs - (r1 - r0) * p**2 * (1 - p) ** 2)
    assert zero(gradient.hessian() - (r1 - r0) * p * (1 - p) * (1 - 2 * p))


def test_in_the_probability_itself():
    q = Parameter("p", positive=True)
    gradient = policy_gradient(BernoulliPolicy(probability=q), {1: r1, 0: r0})
    assert gradient.doit() == r1 - r0
    assert zero(gradient.natural() - (r1 - r0) * q * (1 - q))


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("baseline", ["none", "mean", "optimal", "leave_one_out", c])
def test_variances_by_enumeration_of_all_samples(n, baseline):
    """The mean of n samples, every outcome with its probability."""
    gradient = policy_gradient(BernoulliPolicy(theta), {1: r1, 0: r0})
    chance = number(p, HALF)
    reward, score = {1: number(r1, HALF), 0: number(r0, HALF)}, {1: 1 - chance, 0: -chance}
    mean = chance * reward[1] + (1 - chance) * reward[0]
    fixed = {
        "none": 0,
        "mean": mean,
        "optimal": (1 - chance) * reward[1] + chance * reward[0],
        c: number(c, HALF),
    }
    first = second = mpmath.mpf(0)
    for drawn in itertools.product((1, 0), repeat=n):
        weight = mpmath.fprod(chance if x else 1 - chance for x in drawn)
        total = sum(reward[x] for x in drawn)
        estimate = mpmath.mpf(0)
        for x in drawn:
            b = (total - reward[x]) / (n - 1) if baseline == "leave_one_out" else fixed[baseline]
            estimate += (reward[x] - b) * score[x] / n
        first += weight * estimate
        second += weight * estimate**2
    assert abs(first - number(gradient.doit(), HALF)) < 1e-14
    found = number(S(gradient.estimator(n, baseline=baseline).variance()), HALF)
    assert abs(found - (second - first**2)) < 1e-14


def test_softmax_natural_gradient_and_replicator():
    rewards = [3, 2, 0]
    policy = CategoricalPolicy([z1, z2, z3])
    gradient = policy_gradient(policy, rewards)
    point = {z1: Rational(1, 3), z2: Rational(-1, 2), z3: Rational(1, 7)}
    pi = [number(q, point) for q in policy.probabilities]
    mean = sum(q * r for q, r in zip(pi, rewards, strict=True))
    natural = [number(x, point) for x in gradient.natural()]
    fisher = Matrix(3, 3, [number(x, point) for x in policy.fisher()])
    slope = [q * (r - mean) for q, r in zip(pi, rewards, strict=True)]
    for row, expected in zip((fisher * Matrix(natural)), slope, strict=True):
        assert abs(row - expected) < 1e-14
    for equation, q, r in zip(gradient.dynamics("natural"), pi, rewards, strict=True):
        assert abs(number(equation.rhs, point) - q * (r - mean)) < 1e-14
    curved = gradient.hessian()
    for i in range(3):
        for j in range(3):
            expected = pi[i] * ((i == j) - pi[j]) * (rewards[i] - mean) - pi[i] * slope[j]
            assert abs(number(curved[i, j], point) - expected) < 1e-14


def test_score_function_against_pathwise():
    gradient = policy_gradient(ExponentialPolicy(lam), a**2)
    assert gradient.variance() == 488 / lam**6
    assert gradient.pathwise().variance() == 80 / lam**6
    assert gradient.pathwise().doit() == gradient.doit() == -4 / lam**3


def test_at_high_frequency_the_score_function_wins():
    gradient = policy_gradient(GaussianPolicy(mu, 1), cos(k * a))
    assert gradient.doit() == -k * exp(-(k**2) / 2) * sin(k * mu)
    for frequency, better in ((Rational(1, 4), False), (5, True)):
        point = {k: frequency, mu: Rational(1, 3)}
        score = number(gradient.variance(), point)
        path = number(gradient.pathwise().variance(), point)
        assert (score < path) is better


def test_natural_gradient_of_a_gaussian_is_the_replicator_equation():
    gradient = policy_gradient(GaussianPolicy(mu, sigma), a**2)
    found = gradient.dynamics("natural")
    action = gradient.policy.action
    assert zero(found.rhs - (action**2 - mu**2 - sigma**2))


def test_the_pathwise_term_of_rewards_that_depend_on_theta():
    gradient = policy_gradient(GaussianPolicy(mu, 1), mu * a)
    assert gradient.doit() == 2 * mu
    assert gradient.pathwise().doit() == 2 * mu
    assert check(gradient.estimator)


def test_measure_valued_gradients():
    by_mean = policy_gradient(GaussianPolicy(mu, sigma), a**3, wrt=mu)
    assert zero(by_mean.measure_valued().doit() - by_mean.doit())
    count = policy_gradient(PoissonPolicy(lam), a**3)
    assert zero(count.measure_valued().doit() - count.doit())
    with pytest.raises(NoRuleError, match="one variable"):
        policy_gradient(GammaPolicy(lam, 1), a).measure_valued()


def test_a_support_that_depends_on_theta_is_refused():
    top = Parameter("theta", positive=True)
    from sympy.stats import Uniform

    policy = Policy(Uniform("A", 0, top))
    with pytest.raises(PolicyError, match=r"boundary term r\(theta\)\*\(1/theta\)"):
        policy_gradient(policy, a)


def test_infinite_expectations_are_refused():
    with pytest.raises(PolicyError, match="infinite"):
        ExponentialPolicy(1).expectation(exp(2 * a))


def test_discrete_actions_have_no_pathwise_gradient():
    with pytest.raises(NoRuleError, match="biased"):
        policy_gradient(BernoulliPolicy(theta), {1: 1, 0: 0}).pathwise()
    with pytest.raises(NoRuleError, match="noise"):
        policy_gradient(PoissonPolicy(lam), a).pathwise()


def test_baselines_that_are_refused():
    gradient = policy_gradient(GaussianPolicy(mu, 1), a**2)
    with pytest.raises(PolicyError, match="depends on the action"):
        gradient.variance(gradient.policy.action)
    with pytest.raises(PolicyError, match="none, mean, optimal"):
        gradient.variance("median")
    with pytest.raises(PolicyError, match="n ≥ 2"):
        gradient.variance("leave_one_out")


SAMPLED = {
    "gaussian": (policy_gradient(GaussianPolicy(mu, sigma), a**2), {mu: 0.4, sigma: 1.3}),
    "poisson": (policy_gradient(PoissonPolicy(lam), a**2), {lam: 1.5}),
    "bernoulli": (policy_gradient(BernoulliPolicy(theta), {1: 3, 0: -1}), {theta: 0.3}),
    "softmax": (policy_gradient(CategoricalPolicy([z1, z2, 0]), [1, 2, 4]), {z1: 0.3, z2: -0.2}),
    "two gaussians": (
        policy_gradient(
            MultivariateGaussianPolicy([mu, z1], cholesky=Matrix([[sigma, 0], [z2, lam]])),
            lambda x, y: x * y,
        ),
        {mu: 0.1, z1: 0.4, sigma: 1.1, z2: 0.3, lam: 0.8},
    ),
}


@pytest.mark.parametrize("name", SAMPLED)
def test_samples_agree_with_the_closed_forms(name):
    gradient, point = SAMPLED[name]
    rng = np.random.default_rng(3)
    assert monte_carlo(gradient, 20_000, rng, at=point)
    assert monte_carlo(gradient.estimator(1, "mean"), 20_000, rng, at=point)
    if name == "gaussian":
        assert monte_carlo(gradient.pathwise(), 20_000, rng, at=point)
        behaviour = GaussianPolicy(0, 2)
        assert monte_carlo(gradient.importance_weighted(behaviour), 20_000, rng, at=point)


def test_a_wrong_variance_is_found_by_samples(monkeypatch):
    from symprice.policy import estimators

    gradient, point = SAMPLED["gaussian"]
    right = estimators.variance
    monkeypatch.setattr(estimators, "variance", lambda *args: right(*args) * Rational(5, 4))
    assert not monte_carlo(gradient, 20_000, np.random.default_rng(3), at=point)
