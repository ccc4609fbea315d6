"""Ways to give rewards: tables, symbols, expressions in the action, functions r(s, a)."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Function, IndexedBase, Matrix, Piecewise, Rational, Symbol, cos, symarray, symbols

from symprice import (
    BernoulliPolicy,
    CategoricalPolicy,
    GaussianPolicy,
    Parameter,
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
