"""Parameters and actions that are large exact integers: answers at once, and right ones."""

from __future__ import annotations

import pickle

import mpmath
import pytest
from sympy import N, Rational, gamma, latex, log, polygamma, pretty

from symprice import (
    BetaPolicy,
    BinomialPolicy,
    DirichletPolicy,
    GammaPolicy,
    NegativeBinomialPolicy,
    Parameter,
    PoissonPolicy,
    lambdify,
    policy_gradient,
)
from symprice.policy.large_numbers import (
    LargeBinomial,
    LargeFactorial,
    LargeGamma,
    LargePolygamma,
    expanded_functions,
    with_values,
)
from symprice.timelimit import within

k = Parameter("k", positive=True)
M = 10**6
FAMILIES = {
    "gamma": GammaPolicy(M, k),
    "beta": BetaPolicy(M, k),
    "binomial": BinomialPolicy(M, k),
    "negative binomial": NegativeBinomialPolicy(M, k),
}
SPECIMENS = [LargeGamma(M), LargePolygamma(0, M), LargeFactorial(M), LargeBinomial(M, 5)]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_answer_comes_at_once(name):
    policy = FAMILIES[name]

    def answers():
        gradient = policy_gradient(policy, lambda a: a)
        return [
            policy.log_prob(),
            policy.prob(),
            policy.score(),
            policy.entropy(),
            policy.fisher(),
            gradient.doit(),
            gradient.variance(),
            gradient.optimal_baseline(),
        ]

    assert within(30, answers) is not None


def test_densities_in_mpmath():
    half, third = mpmath.mpf(1) / 2, mpmath.mpf(1) / 3
    with mpmath.workdps(40):
        found = BetaPolicy(M, M).log_prob(Rational(1, 2))
        expected = 2 * (M - 1) * mpmath.log(half) - mpmath.log(mpmath.beta(M, M))
        assert abs(mpmath.mpf(N(found, 30)) / expected - 1) < 1e-24
        found = NegativeBinomialPolicy(M, Rational(1, 3)).log_prob(5)
        expected = mpmath.log(mpmath.binomial(M + 4, 5) * third**5)
        expected += M * mpmath.log(1 - third)
        assert abs(mpmath.mpf(N(found, 30)) / expected - 1) < 1e-24
        found = PoissonPolicy(M).log_prob(M)
        expected = M * mpmath.log(M) - M - mpmath.loggamma(M + 1)
        assert abs(mpmath.mpf(N(found, 30)) / expected - 1) < 1e-18


def test_moments_and_scores_in_mpmath():
    """E[log a] of Beta, whose information is a difference of trigamma functions."""
    policy = FAMILIES["beta"]
    with mpmath.workdps(40):
        tail = mpmath.polygamma(1, M + 3)
        expected = mpmath.polygamma(1, 3) - tail
    assert abs(lambdify([k], policy.fisher())(3.0) / float(expected) - 1) < 1e-13
    slope = policy_gradient(policy, log(policy.action)).doit()
    assert abs(lambdify([k], slope)(3.0) / float(-tail) - 1) < 1e-11


def test_a_dirichlet_law_with_large_parameters():
    policy = DirichletPolicy([M, M, k])
    information = within(20, policy.fisher)
    assert information == polygamma(1, k) - polygamma(1, k + 2 * M)


@pytest.mark.parametrize("node", SPECIMENS, ids=str)
def test_they_print_and_rebuild_as_what_they_are(node):
    assert node.func(*node.args) == node
    assert pickle.loads(pickle.dumps(node)) == node
    name = type(node).__mro__[2].__name__
    assert str(node).startswith(name)
    assert "Large" not in latex(node**2) + latex(node) + pretty(node)
    assert node.diff(k) == 0
    assert expanded_functions(log(node)) == log(node)


def test_numbers_that_are_not_large_evaluate():
    assert LargeGamma(5) == 24 and LargeBinomial(5, 2) == 10 and LargeFactorial(3) == 6
    assert with_values(gamma(k) + k, {k: 5}) == 29
    assert with_values(gamma(k + M), {k: 2}).has(LargeGamma)
    assert expanded_functions(gamma(k + 2)) == k * (k + 1) * gamma(k)
