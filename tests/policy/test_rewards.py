"""Ways to give rewards: tables, symbols, expressions in the action, functions r(s, a)."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import (
    Function,
    I,
    IndexedBase,
    Matrix,
    Piecewise,
    Rational,
    Symbol,
    cos,
    exp,
    log,
    sqrt,
    symarray,
    symbols,
)
from sympy.stats import DiscreteUniform

from symprice import (
    BernoulliPolicy,
    BetaPolicy,
    BinomialPolicy,
    CategoricalPolicy,
    ExponentialPolicy,
    GammaPolicy,
    GaussianPolicy,
    Parameter,
    PoissonPolicy,
    Policy,
    inputs,
    parameters,
    policy_gradient,
)
from symprice.errors import PolicyError
from tests.policy.evaluation import gap, slope, value

theta = Parameter("theta", real=True)
z = parameters("z1:4", real=True)
a, x, y = symbols("a x y")
r = Function("r")
BERNOULLI, SOFTMAX = BernoulliPolicy(logit=theta), CategoricalPolicy(z)


@pytest.mark.parametrize("symbol", [a, Symbol("a", real=True), Symbol("a", integer=True)])
def test_an_expression_in_the_action_is_taken_at_each_action(symbol):
    found = policy_gradient(SOFTMAX, symbol**2 - 3 * symbol)
    assert found == policy_gradient(SOFTMAX, [-2, -2, 0])
    assert policy_gradient(BERNOULLI, Piecewise((5, symbol > 0), (7, True))) == policy_gradient(
        BERNOULLI, {1: 5, 0: 7}
    )


def test_expressions_that_depend_on_theta_add_the_pathwise_term():
    found = policy_gradient(BERNOULLI, theta**2 * a + theta)
    point = {theta: Rational(3, 7)}
    assert gap(value(found.doit(), point), slope(found.expected, theta, point)[0]) < 1e-36
    assert found.derivation.steps[0].rule.name == "pathwise term"


def test_constants_have_no_gradient():
    assert policy_gradient(BERNOULLI, 7).doit() == 0
    assert policy_gradient(GaussianPolicy(theta, 1), 7).doit() == 0


def test_symbol_arrays_columns_and_indexed_symbols():
    wanted = policy_gradient(SOFTMAX, list(symbols("r_0:3")))
    assert policy_gradient(SOFTMAX, symarray("r", 3)) == wanted
    assert policy_gradient(SOFTMAX, Matrix(symbols("r_0:3"))) == wanted
    R = IndexedBase("R")
    assert policy_gradient(SOFTMAX, R).rewards == (R[1], R[2], R[3])
    assert policy_gradient(SOFTMAX, np.array([1, 2, 3])) == policy_gradient(SOFTMAX, [1, 2, 3])


def test_a_function_of_state_and_action():
    policy = BernoulliPolicy(logit=theta * x)
    assert policy_gradient(policy, r, state=x).rewards == (r(x, 1), r(x, 0))
    assert policy_gradient(policy, lambda s, a: s * a, state=x).rewards == (x, 0)
    assert policy_gradient(policy, lambda a: a, state=x).rewards == (1, 0)
    two = BernoulliPolicy(logit=theta * (x + y))
    assert policy_gradient(two, r, state=[x, y]).rewards == (r(x, y, 1), r(x, y, 0))
    gaussian = GaussianPolicy(theta * x, 1)
    assert policy_gradient(gaussian, r, state=x).reward == r(x, gaussian.action)
    assert policy_gradient(gaussian, a**2 * x, state=x).doit() == 2 * theta * x**3


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (theta, "not trained"),
        (y, "neither the policy nor the reward depends"),
        (3, "write a Symbol"),
        (x + 1, "write a Symbol"),
        ("x", "write a Symbol"),
    ],
)
def test_states_that_are_refused(state, message):
    with pytest.raises(PolicyError, match=message):
        policy_gradient(BernoulliPolicy(logit=theta * x), {1: 1, 0: 0}, state=state)


def test_a_column_of_inputs_is_a_state():
    s = inputs("s", 2)
    policy = BernoulliPolicy(logit=theta * s[0, 0])
    assert policy_gradient(policy, {1: 1, 0: 0}, state=s).doit().has(s)


def test_expressions_that_are_refused():
    with pytest.raises(PolicyError, match="is trained"):
        policy_gradient(BernoulliPolicy(logit=Parameter("a")), Parameter("a") ** 2)
    with pytest.raises(PolicyError, match="an expression in Symbol"):
        policy_gradient(BERNOULLI, cos(x))


rate, width = Parameter("rate", positive=True), Parameter("width", positive=True)
COUNTS, LINE = PoissonPolicy(rate), GaussianPolicy(theta, width)


@pytest.mark.parametrize(
    ("policy", "reward", "words"),
    [
        (COUNTS, lambda k: 1 / k, "infinite at the action 0"),
        (COUNTS, lambda k: 1 + 1 / (k - 3) ** 2, "infinite at the action 3"),
        (COUNTS, log, "infinite at the action 0"),
        (LINE, lambda k: 1 / k, "infinite at the action 0"),
        (LINE, lambda k: 1 / k - 1 / k**2, "infinite at the action 0"),
        (LINE, lambda k: 1 / abs(k), "infinite at the action 0"),
        (LINE, lambda k: theta / (k**2 - 2), "infinite at the action -sqrt"),
        (ExponentialPolicy(rate), lambda k: 1 / (k - 1), "infinite at the action 1"),
        (BetaPolicy(rate, width), lambda k: 1 / (1 - 2 * k), "infinite at the action 1/2"),
        (LINE, log, "no real number"),
        (LINE, sqrt, "no real number"),
    ],
)
def test_a_reward_without_a_number_at_an_action_raises(policy, reward, words):
    for asked in (policy.expectation, lambda f: policy_gradient(policy, f)):
        with pytest.raises(PolicyError, match=words):
            asked(reward)


@pytest.mark.parametrize(
    ("policy", "reward"),
    [
        (COUNTS, lambda k: 1 / (k + 1)),
        (COUNTS, lambda k: 1 / (2 * k - 3)),
        (COUNTS, lambda k: k * log(k)),
        (BinomialPolicy(2, rate), lambda k: 1 / (k - 3)),
        (LINE, lambda k: log(abs(k))),
        (LINE, lambda k: 1 / sqrt(abs(k))),
        (LINE, lambda k: sqrt(1 + k**2)),
        (LINE, lambda k: (k**3 - 1) / (k - 1)),
        (LINE, lambda k: exp(I * rate * k)),
        (GammaPolicy(rate, width), lambda k: 1 / k),
        (ExponentialPolicy(rate), sqrt),
    ],
)
def test_a_reward_with_a_finite_mean_is_left_alone(policy, reward):
    assert policy.expectation(reward).free_symbols


def test_outcomes_that_depend_on_a_parameter():
    for outcome in (theta, Symbol("q"), theta + 1):
        with pytest.raises(PolicyError, match="support depends on"):
            Policy(DiscreteUniform("X", [1, 2, outcome]))
    assert Policy(DiscreteUniform("X", [1, 2, 5])).actions == (1, 2, 5)
