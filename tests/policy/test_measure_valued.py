"""Measure-valued gradients: weak derivatives of each family, held against SciPy's laws."""

from __future__ import annotations

import importlib
import pickle
import pkgutil

import numpy as np
import pytest
import scipy.stats as stats
from sympy import Matrix, Rational, Symbol, atanh, exp, expand, log, tanh

import symprice.policy
from symprice import (
    MLP,
    BernoulliPolicy,
    BetaPolicy,
    BinomialPolicy,
    ExponentialPolicy,
    GammaPolicy,
    GaussianPolicy,
    GeometricPolicy,
    LaplacePolicy,
    LogNormalPolicy,
    NegativeBinomialPolicy,
    PoissonPolicy,
    SquashedGaussianPolicy,
    WeibullPolicy,
    check,
    inputs,
    monte_carlo,
    parameters,
    policy_gradient,
)
from symprice.errors import NoRuleError
from symprice.policy.family import FAMILIES
from symprice.policy.independent import IndependentActions

for module in pkgutil.iter_modules(symprice.policy.__path__, "symprice.policy."):
    importlib.import_module(module.name)

mu, z = parameters("mu z", real=True)
s, p = parameters("s p", positive=True)
a = Symbol("a")


class Squashed:
    """tanh of a Gaussian number."""

    def __init__(self, mean, sigma):
        self.inner = stats.norm(mean, sigma)

    def expect(self, f, **settings):
        return self.inner.expect(lambda u: f(np.tanh(u)), **settings)


def mean(law):
    """E[1/(1 + a²)] by SciPy."""
    inner = getattr(law, "dist", None)
    exact = {"epsabs": 1e-13, "epsrel": 1e-13, "limit": 200}
    if isinstance(inner, stats.rv_discrete):
        exact = {"tolerance": 1e-16, "maxcount": 10_000}
    return law.expect(lambda x: 1 / (1 + x**2), **exact)


# Each law as SciPy writes it, in numbers for the two variables.
CASES = {
    "gaussian": (GaussianPolicy(mu, s), lambda m, x: stats.norm(m, x)),
    "log sigma": (GaussianPolicy(mu, log_sigma=z), lambda m, x: stats.norm(m, np.exp(x))),
    "variance": (GaussianPolicy(mu, variance=s), lambda m, x: stats.norm(m, np.sqrt(x))),
    "log-normal": (LogNormalPolicy(mu, s), lambda m, x: stats.lognorm(x, scale=np.exp(m))),
    "squashed": (SquashedGaussianPolicy(mu, s), Squashed),
    "laplace": (LaplacePolicy(mu, s), lambda m, x: stats.laplace(m, x)),
    "exponential": (ExponentialPolicy(s), lambda x: stats.expon(scale=1 / x)),
    "mean": (ExponentialPolicy(scale=s), lambda x: stats.expon(scale=x)),
    "gamma": (GammaPolicy(3, s), lambda x: stats.gamma(3, scale=1 / x)),
    "weibull": (WeibullPolicy(Rational(5, 2), s), lambda x: stats.weibull_min(2.5, scale=x)),
    "poisson": (PoissonPolicy(s), lambda x: stats.poisson(x)),
    "log rate": (PoissonPolicy(log_rate=z), lambda x: stats.poisson(np.exp(x))),
    "binomial": (BinomialPolicy(5, p), lambda x: stats.binom(5, x)),
    "one try": (BinomialPolicy(1, logit=z), lambda x: stats.binom(1, 1 / (1 + np.exp(-x)))),
    "geometric": (GeometricPolicy(p), lambda x: stats.geom(x, loc=-1)),
    "negative binomial": (NegativeBinomialPolicy(3, p), lambda x: stats.nbinom(3, 1 - x)),
}
POINT = {mu: 0.4, z: 0.3, s: 0.8, p: 0.35}


# The same parameters in other forms, which only the chain rule is about.
FORMS = {"log sigma", "variance", "mean", "log rate"}
# Functions of Gaussian actions, by the laws of these; quotients of their laws take seconds.
SLOW = {"log-normal", "squashed"}


@pytest.mark.parametrize("name", [name for name in CASES if name not in FORMS | SLOW])
def test_against_difference_quotients_of_scipy(name):
    """By a reward whose expectation has no closed form."""
    policy, law = CASES[name]
    found = policy_gradient(policy, 1 / (1 + a**2)).measure_valued()
    at = np.array([POINT[v] for v in found.gradient.wrt])
    entries = found.doit()
    entries = list(entries) if len(at) > 1 else [entries]
    for k, entry in enumerate(entries):
        step = 5e-3 * np.eye(len(at))[k]
        # Two quotients, of which the errors of second order cancel.
        wide, narrow = (
            (mean(law(*(at + h * step))) - mean(law(*(at - h * step)))) / (1e-2 * h) for h in (2, 1)
        )
        value = float(entry.subs(POINT).evalf(15))
        assert abs(value - (4 * narrow - wide) / 3) < 3e-8


@pytest.mark.parametrize("name", CASES)
def test_draws(name):
    policy, _ = CASES[name]
    reward = {"log-normal": log(a) ** 2, "squashed": atanh(a)}.get(name, a**2)
    gradient = policy_gradient(policy, reward)
    found = gradient.measure_valued()
    gaps = Matrix([found.doit()]) - Matrix([gradient.doit()])
    assert all(abs(gap) < 1e-14 for gap in gaps.subs(POINT).evalf(20))
    assert monte_carlo(found, 20_000, np.random.default_rng(3), at=POINT)


def test_which_parameters_have_one():
    """The shapes and concentrations have none, nor do laws of other kinds."""
    names = {
        (family.__name__, meaning)
        for family in FAMILIES
        for meaning in family.groups
        if family.__name__ in {type(policy).__name__ for policy, _ in CASES.values()}
    }
    left = {("BinomialPolicy", "total_count"), ("NegativeBinomialPolicy", "total_count")}
    left |= {("GammaPolicy", "concentration"), ("WeibullPolicy", "concentration")}
    tried = {
        (type(policy).__name__, meaning)
        for policy, _ in CASES.values()
        for meaning, value in vars(policy.canonical).items()
        if not value.is_number
    }
    assert tried == names - left
    for policy in (GammaPolicy(s, 1), WeibullPolicy(s, 1), BetaPolicy(s, 1)):
        with pytest.raises(NoRuleError, match="that the package can draw from"):
            policy_gradient(policy, a).measure_valued()
    with pytest.raises(NoRuleError, match="in full"):
        policy_gradient(BernoulliPolicy(logit=z), [1, 2]).measure_valued()


def test_one_variable_in_both_parameters():
    gradient = policy_gradient(GaussianPolicy(mu, exp(mu)), a**3)
    found = gradient.measure_valued()
    assert expand(found.doit() - gradient.doit()) == 0
    assert len(found.laws) == 3 and isinstance(found.noise, IndependentActions)
    assert monte_carlo(found, 20_000, np.random.default_rng(1), at={mu: 0.2})


def test_variances_in_closed_form():
    """By μ of a², one Weibull number w: (r(μ+σw) - r(μ-σw))/(σ√2π) is 4μw/√2π, E[w²] = 2, E[w]² =
    π/2. By λ of a, exponential less gamma numbers: (1/λ² + 2/λ²)/λ².
    """
    from sympy import pi

    square = policy_gradient(GaussianPolicy(mu, s), a**2, wrt=mu).measure_valued()
    assert expand(square.variance() - 8 * mu**2 / pi * (2 - pi / 2)) == 0
    line = policy_gradient(ExponentialPolicy(s), a).measure_valued()
    assert line.variance() == 3 / s**4
    assert line.variance(n=10) == Rational(3, 10) / s**4


def test_rewards_that_depend_on_theta():
    gradient = policy_gradient(GaussianPolicy(0, s), s * a**2)
    found = gradient.measure_valued()
    assert expand(found.doit() - 3 * s**2) == 0
    assert found.derivation.check(points=2)
    with pytest.raises(NoRuleError, match="estimated by itself"):
        found.variance()


def test_steps():
    found = policy_gradient(GaussianPolicy(1, s), a**2).measure_valued()
    names = [step.rule.name for step in found.derivation.steps]
    assert names == ["derivative under the expectation", "weak derivative", "expectation"]
    assert found.derivation.check(points=2)
    assert pickle.loads(pickle.dumps(found)) == found


def test_networks_as_parameters():
    net = MLP(2, 3, 2, activation=tanh)
    f = net(inputs("x", 2))
    gradient = policy_gradient(GaussianPolicy(f[0, 0], log_sigma=f[1, 0]), a**2)
    found = gradient.measure_valued()
    rng = np.random.default_rng(0)
    params = {w.name: rng.standard_normal(tuple(map(int, w.shape))) for w in net.parameters}
    x = np.array([0.3, -0.7])
    W1, b1, W2, b2 = (params[name] for name in ("W1", "b1", "W2", "b2"))
    m, r = (W2 @ np.tanh(W1 @ x[:, None] + b1) + b2).ravel()
    np.testing.assert_allclose(
        np.ravel(found.lambdify()(params, x)), [2 * m, 2 * np.exp(2 * r)], rtol=1e-13
    )
    step = found.derivation.steps[-1]
    assert step.rule.name == "insertion of the parameters"
    assert set(map(str, found.laws)) == {"a_1", "a_2", "a_3"}


def test_a_wrong_constant_fails(monkeypatch):
    from symprice.policy.weak_derivatives import WeakDerivative

    right = GaussianPolicy.weak_derivative

    def wrong(self, meaning, c):
        found = right(self, meaning, c)
        return WeakDerivative(2 * found.constant, found.up, found.down)

    found = policy_gradient(GaussianPolicy(0, s), a**2).measure_valued()
    assert check(found) and found.derivation.check(points=2)
    monkeypatch.setattr(GaussianPolicy, "weak_derivative", wrong)
    found = policy_gradient(GaussianPolicy(0, s), a**2).measure_valued()
    assert not check(found) and not found.derivation.check(points=2)
