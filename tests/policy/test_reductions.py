"""Laws of sympy.stats: named families, or families in another variable, held to quadrature."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy
from sympy import Integral, Interval, Rational, Sum, Symbol, log, stats

from symprice import BinomialPolicy, Parameter, Policy, policy_gradient
from symprice.errors import PolicyError
from symprice.policy.gaussian import GaussianPolicy
from symprice.policy.multivariate import MultivariateGaussianPolicy
from symprice.policy.vectors import DirichletPolicy
from symprice.policy.written_law import WrittenPolicy

K, T = Parameter("k", positive=True), Parameter("t", positive=True)
AT = {K: Rational(33, 10), T: Rational(27, 10)}
LAWS = {
    "beta prime": stats.BetaPrime("X", T, K),
    "chi": stats.Chi("X", T),
    "chi squared": stats.ChiSquared("X", T),
    "geometric": stats.Geometric("X", T / 10),
    "Lomax": stats.Lomax("X", K, T),
    "Maxwell": stats.Maxwell("X", T),
    "Nakagami": stats.Nakagami("X", T, K),
    "Pareto": stats.Pareto("X", 2, K),
    "Rayleigh": stats.Rayleigh("X", T),
}


def mean(policy, expr):
    """E by mpmath's quadrature, or its summation."""
    a = policy.action
    f = sympy.lambdify([a], (expr * sympy.exp(policy.log_prob())).subs(AT), modules="mpmath")
    low = float(policy.bounds[0])
    if policy.is_countable:
        return mpmath.nsum(f, [int(low), mpmath.inf])
    return mpmath.quad(f, [low, *(low + x for x in (0.01, 0.3, 1, 3, 10, 40)), mpmath.inf])


@pytest.mark.parametrize("name", LAWS)
def test_expectations_of_random_symbols_close(name):
    policy = Policy(LAWS[name])
    assert isinstance(policy, WrittenPolicy)
    for expr in (policy.action, policy.log_prob()):
        found = policy.expectation(expr)
        assert not found.has(Integral, Sum)
        assert abs(sympy.N(found.subs(AT)) - mean(policy, expr)) < 1e-10


@pytest.mark.parametrize("name", LAWS)
def test_fisher_information_and_gradients_close(name):
    policy = Policy(LAWS[name])
    v = policy.parameters[0]
    s = policy.score(wrt=v)
    information = policy.fisher(wrt=v)
    gradient = policy_gradient(policy, policy.action, wrt=v).doit()
    assert not information.has(Integral, Sum) and not gradient.has(Integral, Sum)
    assert abs(sympy.N(information.subs(AT)) - mean(policy, s**2)) < 1e-9
    assert abs(sympy.N(gradient.subs(AT)) - mean(policy, s * policy.action)) < 1e-9


@pytest.mark.parametrize("name", LAWS)
def test_samples_are_those_of_the_law(name):
    policy = Policy(LAWS[name])
    drawn = policy.sample(np.random.default_rng(1), 20_000, at=AT)
    logs = np.log(drawn)
    expected = float(mean(policy, log(policy.action)))
    assert abs(logs.mean() - expected) < 5 * logs.std() / np.sqrt(len(logs))


def test_named_laws():
    assert Policy(stats.Normal("X", 0, T)) == GaussianPolicy(0, T)
    x = stats.MultivariateNormal("X", [T, 0], [[1, 0], [0, 1]])
    assert isinstance(Policy(x), MultivariateGaussianPolicy)
    assert Policy(stats.MultivariateBeta("X", [T, 2])) == DirichletPolicy([T, 2])
    with pytest.raises(PolicyError, match="DirichletPolicy"):
        Policy(stats.Multinomial("X", 3, [T, 1 - T]))
    with pytest.raises(PolicyError, match="sum to"):
        Policy(stats.FiniteRV("X", {1: T, 2: T}))


def test_a_support_that_sympy_states_too_large():
    policy = Policy(stats.Kumaraswamy("X", T, K))
    assert policy.support == Interval.open(0, 1)
    drawn = policy.sample(np.random.default_rng(1), 1000, at=AT)
    assert drawn.min() > 0 and drawn.max() < 1


def test_a_uniform_law_whose_end_is_trained():
    policy = Policy(stats.Uniform("X", 0, T))
    assert policy.expectation(policy.action) == T / 2
    with pytest.raises(PolicyError, match="boundary term"):
        policy_gradient(policy, policy.action)


def test_a_uniform_law_from_a_trained_end():
    free = Parameter("theta")
    policy = Policy(stats.Uniform("X", free, 3))
    assert sympy.expand(policy.expectation(policy.action) - (free + 3) / 2) == 0
    with pytest.raises(PolicyError, match="boundary term"):
        policy_gradient(policy, policy.action)


def test_the_number_of_tries_of_a_binomial_law_is_an_end():
    tries = Parameter("n", integer=True, positive=True)
    with pytest.raises(PolicyError, match="boundary term"):
        policy_gradient(BinomialPolicy(tries, Rational(1, 3)), lambda a: a)


def test_tables_of_numbers_are_policies():
    """What SymPy tabulates with Python numbers; the mean is 3·4/10."""
    policy = Policy(stats.Hypergeometric("X", 10, 4, 3))
    assert policy.actions == (0, 1, 2, 3)
    assert policy.expected(Symbol("a")) == Rational(6, 5)
