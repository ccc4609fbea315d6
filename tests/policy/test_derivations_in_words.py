"""What a derivation says about its steps: what names stand for, and by which law a step holds."""

from __future__ import annotations

import pytest
from sympy import Eq, Function, I, Lambda, Symbol, symbols

from symprice import (
    BernoulliPolicy,
    DirichletPolicy,
    GaussianPolicy,
    MixturePolicy,
    MultivariateGaussianPolicy,
    Name,
    Parameter,
    policy_gradient,
)
from symprice.errors import PolicyError

mu, w = Parameter("mu", real=True), Parameter("w", real=True)
p, s = Parameter("p", positive=True), Parameter("s", positive=True)
a, a_1, a_2, x = symbols("a a_1 a_2 x")


def test_the_chain_rule_says_what_the_names_of_the_heads_are():
    last = policy_gradient(GaussianPolicy(w * x, 1), a**2).derivation.steps[-1]
    assert last.rule.name == "chain rule"
    assert list(last.given) == [Eq(Name("z_1", real=True), w * x)]
    parts = [GaussianPolicy(mu, 1), GaussianPolicy(0, 1)]
    mixed = policy_gradient(MixturePolicy(parts, probabilities=[p, 1 - p]), a**2)
    assert [eq.rhs for eq in mixed.derivation.steps[-1].given] == [p, 1 - p, mu]


@pytest.mark.parametrize(
    "policy, reward",
    [
        (MultivariateGaussianPolicy([mu, 0], [[s, 0], [0, 1]]), a_1**2 * a_2**2),
        (MultivariateGaussianPolicy([mu, 0], cholesky=[[s, 0], [w, 1]]), mu * a_1 * a_2),
        (DirichletPolicy([s, 1, p]), a_1 * a_2),
    ],
)
def test_of_several_entries_the_trick_is_written_in_moments(policy, reward):
    derivation = policy_gradient(policy, reward).derivation
    names = [step.rule.name for step in derivation.steps]
    assert names == ["score", "log-likelihood trick, in moments", "collection"]
    assert derivation.continues(2) and derivation.check()


@pytest.mark.parametrize("policy", [BernoulliPolicy(mu), GaussianPolicy(mu, 1)])
@pytest.mark.parametrize("reward", [lambda s, a: a, Lambda((x, a), x * a), Function("r", nargs=2)])
def test_a_reward_of_two_arguments_needs_a_state(policy, reward):
    with pytest.raises(PolicyError, match=r"state=s"):
        policy_gradient(policy, reward)


def test_arguments_with_defaults_are_left_alone():
    assert policy_gradient(GaussianPolicy(mu, 1), lambda a, n=2: a**n).doit() == 2 * mu


def test_rewards_are_real():
    with pytest.raises(PolicyError, match="rewards are real"):
        policy_gradient(BernoulliPolicy(Symbol("t")), {1: I, 0: 0}, wrt=Symbol("t"))
