"""Random symbols of sympy.stats as policies, held against means that textbooks state."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm
from sympy import (
    EulerGamma,
    Integral,
    Max,
    Min,
    Rational,
    Symbol,
    beta,
    gamma,
    log,
    pi,
    stats,
)

from symprice import (
    BinomialPolicy,
    GaussianPolicy,
    MixturePolicy,
    Parameter,
    Policy,
    lambdify,
    policy_gradient,
)
from symprice.errors import PolicyError

b, c = Parameter("b", positive=True), Parameter("c", positive=True)
m, p = Parameter("m", real=True), Parameter("p", positive=True)
a = Symbol("a")
AT = {b: Rational(6, 5), c: Rational(7, 2), m: Rational(1, 3)}
MEANS = {
    "Gumbel": (stats.Gumbel("A", b, m), m + EulerGamma * b),
    "Gumbel of minima": (stats.Gumbel("A", b, m, minimum=True), m - EulerGamma * b),
    "Moyal": (stats.Moyal("A", m, b), m + b * (EulerGamma + log(2))),
    "Fréchet": (stats.Frechet("A", c, b, 0), b * gamma(1 - 1 / c)),
    "inverse gamma": (stats.GammaInverse("A", c, b), b / (c - 1)),
    "Kumaraswamy": (stats.Kumaraswamy("A", c, b), b * beta(1 + 1 / c, b)),
    "log-logistic": (stats.LogLogistic("A", b, c), b * gamma(1 - 1 / c) * gamma(1 + 1 / c)),
}


@pytest.mark.parametrize("name", MEANS)
def test_gradients_of_means(name):
    symbol, mean = MEANS[name]
    gradient = policy_gradient(Policy(symbol), a)
    found = gradient.doit()
    assert not found.has(Integral)
    for v, entry in zip(gradient.wrt, found, strict=True):
        assert abs((entry - mean.diff(v).doit()).subs(AT).evalf()) < 1e-13


def test_the_variance_and_the_information_of_a_gumbel_law():
    policy = Policy(stats.Gumbel("A", b, m))
    spread = policy.expectation(a**2) - policy.expectation(a) ** 2
    assert abs((spread - pi**2 * b**2 / 6).subs(AT).evalf()) < 1e-13
    assert policy.fisher(wrt=m) == b**-2


def test_samples_of_an_exponential_of_a_gamma_law():
    policy = Policy(stats.Gumbel("A", b, m))
    found = policy.sample(np.random.default_rng(0), 40_000, at={b: 2.0, m: 1.0})
    assert abs(found.mean() - (1 + 2 * 0.5772156649)) < 4 * 2 * np.pi / np.sqrt(6 * 40_000)


def test_an_infinite_mean_is_refused():
    with pytest.raises(PolicyError, match="infinite"):
        policy_gradient(Policy(stats.Levy("A", 0, b)), a).doit()


@pytest.mark.parametrize(
    "symbol, slope",
    [
        (stats.Bernoulli("A", p, 5, 2), 3),  # 5 p + 2 (1 - p)
        (stats.Binomial("A", 2, p, 5, 2), 6),
        (stats.Bernoulli("A", p), 1),
        (stats.Binomial("A", 2, p), 2),
    ],
)
def test_outcomes_other_than_success_and_failure_stay_what_they_are(symbol, slope):
    assert policy_gradient(Policy(symbol), a).doit() == slope


def test_a_law_whose_factors_are_negative():
    policy = Policy(stats.Logarithmic("A", p))
    number = lambdify([p], policy.log_prob(3))(0.4)
    assert abs(number - np.log(-(0.4**3) / (3 * np.log(0.6)))) < 1e-14


def test_what_has_no_code_stays_an_integral_with_a_number():
    """E[1/(1 + a²)] of a Rayleigh action is an exponential integral."""
    found = policy_gradient(Policy(stats.Rayleigh("A", b)), 1 / (1 + a**2)).doit()
    x, step = np.linspace(0, 14, 700_001, retstep=True)

    def mean(s):
        return step * np.sum(x / s**2 * np.exp(-(x**2) / (2 * s**2)) / (1 + x**2))

    slope = (mean(1.2 + 1e-4) - mean(1.2 - 1e-4)) / 2e-4
    assert abs(lambdify([b], found)(1.2) - slope) < 1e-8


def test_a_clipped_reward_has_two_kinks():
    found = policy_gradient(GaussianPolicy(m, 1), Min(Max(a, -1), 1)).doit()
    expected = norm.cdf(0.5) - norm.cdf(-1.5)
    assert abs(float(found.subs(m, Rational(1, 2)).evalf()) - expected) < 1e-13


def test_a_mixture_of_binomials_is_over_the_tries_alone():
    logit = Parameter("z", real=True)
    parts = [BinomialPolicy(4, logit=logit), BinomialPolicy(4, Rational(1, 3))]
    policy = MixturePolicy(parts, probabilities=[Rational(1, 4), Rational(3, 4)])
    assert policy.bounds == (0, 4)
    k = np.arange(5)
    law = binom(4, 1 / (1 + np.exp(-0.3))).pmf(k) / 4 + 3 * binom(4, 1 / 3).pmf(k) / 4
    assert abs(lambdify([logit], policy.entropy())(0.3) + np.sum(law * np.log(law))) < 1e-14
