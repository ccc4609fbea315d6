"""Estimators of policy gradients: means, variances, baselines, by enumeration and samples."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest
from sympy import (
    Function,
    Heaviside,
    Matrix,
    Piecewise,
    Rational,
    S,
    Symbol,
    cos,
    exp,
    expand,
    floor,
    oo,
    sign,
    sin,
    symbols,
)

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
    q = Function("pi")(1, Symbol("t", real=True))
    assert zero(up.rhs - (r1 - r0) * q * (1 - q)) and zero(up.rhs + down.rhs)
    assert zero(gradient.dynamics()[0].rhs - (r1 - r0) * q**2 * (1 - q) ** 2)
    assert check(gradient.dynamics()) and check(gradient.dynamics("natural"))
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
    motions = gradient.dynamics("natural"), gradient.dynamics()
    at = {Function("pi")(k, Symbol("t", real=True)): q for k, q in enumerate(pi, start=1)}
    squared = sum(q * s for q, s in zip(pi, slope, strict=True))
    for natural, steep, q, r, s in zip(*motions, pi, rewards, slope, strict=True):
        assert abs(number(natural.rhs, at) - q * (r - mean)) < 1e-14
        assert abs(number(steep.rhs, at) - q * (s - squared)) < 1e-14
    assert all(check(motion) for motion in motions)
    curved = gradient.hessian()
    for i in range(3):
        for j in range(3):
            expected = pi[i] * ((i == j) - pi[j]) * (rewards[i] - mean) - pi[i] * slope[j]
            assert abs(number(curved[i, j], point) - expected) < 1e-14


def test_a_singular_fisher_information_is_refused():
    """Rewards that move with the logits can pull them all at once, which no policy sees."""
    with pytest.raises(NoRuleError, match="singular"):
        policy_gradient(CategoricalPolicy([z1, z2, z3]), [z1, 2, 0]).natural()
    fixed = policy_gradient(CategoricalPolicy([z1, z2, 0]), [z1, 2, 0])
    point = {z1: Rational(1, 3), z2: Rational(-1, 2)}
    fisher = Matrix(2, 2, [number(x, point) for x in fixed.policy.fisher()])
    pushed = fisher * Matrix([number(x, point) for x in fixed.natural()])
    slope = [number(x, point) for x in fixed.doit()]
    assert all(abs(x - y) < 1e-14 for x, y in zip(pushed, slope, strict=True))


@pytest.mark.parametrize("baseline", ["none", "mean", "optimal", "leave_one_out", c])
def test_variances_of_a_softmax_by_enumeration(baseline):
    """Two samples of three actions: all nine outcomes, each component."""
    rewards = [3, 2, -1]
    policy = CategoricalPolicy([z1, z2, z3])
    gradient = policy_gradient(policy, rewards)
    point = {z1: Rational(1, 3), z2: Rational(-1, 2), z3: Rational(1, 7), c: Rational(1, 5)}
    pi = [number(q, point) for q in policy.probabilities]
    mean = sum(q * r for q, r in zip(pi, rewards, strict=True))
    found = gradient.estimator(2, baseline=baseline).variance()
    for i in range(3):
        s = [(k == i) - pi[i] for k in range(3)]
        squares = sum(q * x**2 for q, x in zip(pi, s, strict=True))
        weighted = sum(q * x**2 * r for q, x, r in zip(pi, s, rewards, strict=True))
        fixed = {"none": 0, "mean": mean, "optimal": weighted / squares, c: mpmath.mpf(1) / 5}
        first = second = mpmath.mpf(0)
        for j, k in itertools.product(range(3), repeat=2):
            bs = (rewards[k], rewards[j]) if baseline == "leave_one_out" else [fixed[baseline]] * 2
            estimate = ((rewards[j] - bs[0]) * s[j] + (rewards[k] - bs[1]) * s[k]) / 2
            first += pi[j] * pi[k] * estimate
            second += pi[j] * pi[k] * estimate**2
        assert abs(number(found[i, 0], point) - (second - first**2)) < 1e-14


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


@pytest.mark.parametrize(
    "step", [Heaviside(a), sign(a), floor(a), Piecewise((1, a > 0), (0, True))]
)
def test_rewards_that_jump_have_no_pathwise_gradient(step):
    gradient = policy_gradient(GaussianPolicy(mu, 1), step)
    with pytest.raises(NoRuleError, match="jump"):
        gradient.pathwise()


def test_rewards_that_bend_have_one():
    hinge = policy_gradient(GaussianPolicy(mu, 1), Piecewise((a, a > 0), (0, True)))
    point = {mu: Rational(2, 7)}
    truth = mpmath.ncdf(mpmath.mpf(2) / 7)
    assert abs(number(hinge.doit(), point) - truth) < 1e-14
    assert abs(number(hinge.pathwise().doit(), point) - truth) < 1e-14


def test_a_jump_that_moves_with_theta_is_refused():
    """E[a > μ] = 1/2 does not depend on μ, though E[r s] = φ(0)."""
    for reward in (Heaviside(a - mu), Piecewise((1, a > mu), (0, True))):
        with pytest.raises(PolicyError, match="motion of the jump"):
            policy_gradient(GaussianPolicy(mu, 1), reward)


def test_weights_of_infinite_variance_are_infinite():
    """E_β[(π/β)² a⁴ s²] of exponential policies converges where 2λ is more than the other rate."""
    weighted = policy_gradient(ExponentialPolicy(lam), a**2).importance_weighted(
        ExponentialPolicy(1)
    )
    found = weighted.variance()
    assert found.subs(lam, Rational(2, 5)) == oo

    def squared(x, rate=2):
        term = rate * mpmath.exp(-(rate - 1) * x) * x**2 * (1 / mpmath.mpf(rate) - x)
        return term**2 * mpmath.exp(-x)

    truth = mpmath.quad(squared, [0, 1, 3, 8, 30, 90]) - (mpmath.mpf(4) / 8) ** 2
    assert abs(number(found, {lam: 2}) - truth) < 1e-13
    with pytest.raises(PolicyError, match="infinite"):
        policy_gradient(ExponentialPolicy(lam), a).importance_weighted(
            ExponentialPolicy(3 * lam)
        ).variance()


@pytest.mark.parametrize("n", [0, -1, Rational(1, 2)])
def test_numbers_of_samples_that_are_refused(n):
    gradient = policy_gradient(GaussianPolicy(mu, 1), a**2)
    for asked in (gradient.variance, gradient.pathwise().variance):
        with pytest.raises(PolicyError, match="positive integer"):
            asked(n=n)


def test_no_best_baseline_where_the_policy_does_not_depend_on_the_variable():
    weight = Parameter("w", real=True)
    gradient = policy_gradient(GaussianPolicy(mu, 1), weight * a, wrt=weight)
    with pytest.raises(PolicyError, match="does not depend"):
        gradient.optimal_baseline()
    assert gradient.variance("optimal") == 1


def test_checks_of_estimators_compare_with_definitions(monkeypatch):
    """Mean and variance hold, and neither does when the rule for it is broken."""
    from symprice.policy import estimators

    for gradient in (SAMPLED["bernoulli"][0], SAMPLED["gaussian"][0]):
        for baseline in ("none", "mean", "optimal", "leave_one_out"):
            assert check(gradient.estimator(3, baseline), points=1)
        right = estimators.variance
        with monkeypatch.context() as patch:
            patch.setattr(estimators, "variance", lambda *args, f=right: f(*args) * 2)
            assert not check(gradient.estimator(3, "mean"), points=1)
        with monkeypatch.context() as patch:
            patch.setattr(
                estimators, "with_baseline", lambda b, i: lambda s, r, g: (r - b) * s[i] + s[i] ** 2
            )
            assert not check(gradient.estimator(3, "mean"), points=1)


def test_measure_valued_gradients():
    by_mean = policy_gradient(GaussianPolicy(mu, sigma), a**3, wrt=mu)
    assert zero(by_mean.measure_valued().doit() - by_mean.doit())
    count = policy_gradient(PoissonPolicy(lam), a**3)
    assert zero(count.measure_valued().doit() - count.doit())
    with pytest.raises(NoRuleError, match="by the concentration"):
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
            wrt=[mu, z2],
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
    if name != "two gaussians":
        assert monte_carlo(gradient.estimator(4, "leave_one_out"), 5_000, rng, at=point)


def test_samples_of_measure_valued_gradients_and_of_pairs():
    rng = np.random.default_rng(4)
    by_mean = policy_gradient(GaussianPolicy(mu, 1), a**3)
    assert monte_carlo(by_mean.measure_valued(), 20_000, rng, at={mu: 0.4})
    count, point = SAMPLED["poisson"]
    assert monte_carlo(count.measure_valued(), 20_000, rng, at=point)
    words = CategoricalPolicy([z1, z2, 0], actions=["left", "stay", "right"])
    at = {z1: 0.3, z2: -0.2}
    assert monte_carlo(policy_gradient(words, [1, 2, 4]), 20_000, rng, at=at)
    assert monte_carlo((words, [1, 2, 4]), 20_000, rng, at=at)
    with pytest.raises(PolicyError, match="no numbers for"):
        monte_carlo(policy_gradient(words, [1, 2, symbols("q")]), 10, rng, at=at)
    with pytest.raises(PolicyError, match=r"estimator\(8\)"):
        n = Symbol("n", integer=True, positive=True)
        monte_carlo(by_mean.estimator(n, "mean"), 10, rng, at={mu: 1})


def test_a_wrong_mean_is_found_by_samples(monkeypatch):
    """The surrogate without the pathwise term: its sample mean is not the slope of J."""
    from symprice.policy import estimators

    gradient = policy_gradient(GaussianPolicy(mu, 1), mu * a)
    assert monte_carlo(gradient, 20_000, np.random.default_rng(3), at={mu: 0.4})
    monkeypatch.setattr(estimators, "with_baseline", lambda b, i: lambda s, r, g: (r - b) * s[i])
    assert not monte_carlo(gradient, 20_000, np.random.default_rng(3), at={mu: 0.4})


def test_a_wrong_variance_is_found_by_samples(monkeypatch):
    from symprice.policy import estimators

    gradient, point = SAMPLED["gaussian"]
    right = estimators.variance
    monkeypatch.setattr(estimators, "variance", lambda *args: right(*args) * Rational(5, 4))
    assert not monte_carlo(gradient, 20_000, np.random.default_rng(3), at=point)


@pytest.mark.parametrize("baseline", ["none", "mean"])
def test_variances_keep_their_digits_where_the_policy_is_nearly_sure(baseline):
    """The code of Var against mpmath, at logits of different sizes."""
    rewards = (3, 2, 0)
    f = policy_gradient(CategoricalPolicy([z1, z2, z3]), rewards).variance(baseline).lambdify()
    rng = np.random.default_rng(0)
    with mpmath.workdps(60):
        for size in (1, 10, 40) * 8:
            logits = rng.normal(size=3) * size
            weights = [mpmath.exp(mpmath.mpf(v)) for v in logits]
            pi = [w / mpmath.fsum(weights) for w in weights]
            mean = mpmath.fsum(q * r for q, r in zip(pi, rewards, strict=True))
            b = mean if baseline == "mean" else 0
            for i, found in enumerate(f(*logits)):
                values = [(r - b) * ((k == i) - pi[i]) for k, r in enumerate(rewards)]
                first = mpmath.fsum(q * x for q, x in zip(pi, values, strict=True))
                second = mpmath.fsum(q * x**2 for q, x in zip(pi, values, strict=True))
                if second > 1e-40:
                    assert abs(found - (second - first**2)) <= 1e-11 * (second - first**2)


def test_the_term_of_a_sample_in_print_and_in_code():
    estimator = SAMPLED["softmax"][0].estimator
    assert r"\left[a = 1\right]" in estimator.latex() and "[a = 1]" in estimator.text()
    f = estimator.lambdify()
    at = {"z1": 0.3, "z2": -0.2}
    weights = np.exp([0.3, -0.2, 0.0])
    pi = weights / weights.sum()
    for action, reward in ((1, 1), (2, 2), (3, 4)):
        expected = reward * ((np.arange(1, 3) == action) - pi[:2])
        np.testing.assert_allclose(f(at["z1"], at["z2"], action), expected, rtol=1e-13)
    two = policy_gradient(BernoulliPolicy(theta), {1: 10, 0: 5}).estimator.lambdify()
    found = two(np.array([40.0, -40.0]), np.array([1, 0]))
    tail = 1 / (1 + mpmath.exp(40))
    np.testing.assert_allclose(found, [float(10 * tail), float(-5 * tail)], rtol=1e-13)


def test_checks_of_other_estimators_compare_with_definitions(monkeypatch):
    """Each holds, and none does with a wrong factor in its terms."""
    from symprice.policy import importance, measure_valued
    from symprice.policy.gaussian import GaussianPolicy as Gaussian

    gaussian = policy_gradient(Gaussian(mu, 1), mu * a**2)
    others = [
        gaussian.pathwise(),
        policy_gradient(Gaussian(mu, 1), a**3).measure_valued(),
        gaussian.importance_weighted(Gaussian(0, 2)),
        SAMPLED["softmax"][0].importance_weighted(CategoricalPolicy([1, 0, 0])),
        SAMPLED["bernoulli"][0].importance_weighted(BernoulliPolicy(logit=1)),
    ]
    assert all(check(estimator, points=2) for estimator in others)
    right = importance.with_baseline
    monkeypatch.setattr(
        importance, "with_baseline", lambda b, i: lambda *args: 2 * right(b, i)(*args)
    )
    weak = measure_valued._weak
    monkeypatch.setattr(
        *(measure_valued, "_weak"),
        lambda *args: weak(*args)._replace(constant=2 * weak(*args).constant),
    )
    monkeypatch.setattr(
        Gaussian, "reparameterised", lambda self, eps: (2 * eps + mu, Gaussian(0, 1))
    )
    assert not any(check(estimator, points=2) for estimator in others)
