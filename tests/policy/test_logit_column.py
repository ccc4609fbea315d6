"""Policies of networks at matrix level: columns of logits of any size, gradients by array."""

from __future__ import annotations

import pickle

import mpmath
import numpy as np
import pytest
from sympy import Eq, Function, Matrix, MatrixSymbol, Symbol, symbols, tanh

from symprice import (
    MLP,
    BernoulliPolicy,
    CategoricalPolicy,
    GaussianPolicy,
    NTVar,
    ParameterMatrix,
    check,
    closed_form,
    inputs,
    jacobian,
    policy_gradient,
)
from symprice.checks.oracle import value
from symprice.errors import NoRuleError, PolicyError

d, h, K = symbols("d h K", integer=True, positive=True)
x, y = inputs("x y", d)
r = MatrixSymbol("r", K, 1)
wide = MLP(d, h, K, activation=tanh)
three = MLP(d, h, 3, activation=tanh)
single = MLP(d, h, 1, activation=tanh)
a = Symbol("a")
GRADIENTS = {
    "any number of actions": policy_gradient(CategoricalPolicy(wide(x)), r),
    "three actions": policy_gradient(CategoricalPolicy(three(x)), [3, 1, -2]),
    "a table of logits": policy_gradient(CategoricalPolicy(ParameterMatrix("z", K, 1)), r),
}
ALL = pytest.mark.parametrize("gradient", GRADIENTS.values(), ids=GRADIENTS)


@ALL
def test_every_step_and_the_pull_back_hold(gradient):
    assert check(gradient, points=3)
    assert check(gradient.derivation, points=3)


@ALL
def test_rebuilding_and_pickling(gradient):
    assert gradient.func(*gradient.args) == gradient
    assert pickle.loads(pickle.dumps(gradient)) == gradient
    assert pickle.loads(pickle.dumps(gradient.policy)) == gradient.policy


def test_each_weight_has_an_outer_product():
    found = GRADIENTS["any number of actions"].by_parameter()
    assert [str(array) for array in found] == ["W1", "b1", "W2", "b2"]
    assert all(slope.shape == array.shape for array, slope in found.items())
    assert str(found[wide.parameters[0]].expr) == "delta1*x.T"


@pytest.mark.parametrize("net", [three, single], ids=["softmax", "two actions"])
def test_gradients_by_array_are_difference_quotients(net):
    """Of the expected reward, computed by NumPy in the plainest way."""
    rewards = np.array([3.0, 1.0, -2.0])
    rng = np.random.default_rng(0)
    params = {p: rng.normal(size=tuple(_sizes(p))) for p in net.parameters}
    point = rng.normal(size=2)

    def objective(values):
        W1, b1, W2, b2 = (values[p] for p in net.parameters)
        z = W2.reshape(-1, 3) @ np.tanh(W1 @ point + b1.ravel()) + b2.ravel()
        if len(z) == 1:
            p = 1 / (1 + np.exp(-z[0]))
            return 10 * p + 5 * (1 - p)
        weights = np.exp(z) / np.exp(z).sum()
        return weights @ rewards

    if net is three:
        gradient = policy_gradient(CategoricalPolicy(net(x)), list(map(int, rewards)))
    else:
        gradient = policy_gradient(BernoulliPolicy(logit=net(x)), {1: 10, 0: 5})
    flat = {p: v.ravel() if v.shape[1] == 1 else v for p, v in params.items()}
    for array, slope in gradient.by_parameter().items():
        needed = {p: flat[p] for p in net.parameters if slope.has(p)}
        found = np.asarray(slope.lambdify()(needed, point)).reshape(params[array].shape)
        step = 1e-6
        for place in np.ndindex(*params[array].shape):
            ends = []
            for sign in (1, -1):
                moved = {p: v.copy() for p, v in params.items()}
                moved[array][place] += sign * step
                ends.append(objective(moved))
            assert abs((ends[0] - ends[1]) / (2 * step) - found[place]) < 1e-8


def _sizes(array):
    return (int(side.subs({d: 2, h: 3})) for side in array.shape)


def test_hessian_is_the_jacobian_of_the_gradient():
    z, rewards = inputs("z r", K)
    gradient = policy_gradient(CategoricalPolicy(z), rewards)
    direction = inputs("u", K)
    sides = gradient.hessian() * direction, jacobian(gradient.derivation.result, z) * direction
    assert check(Eq(*sides), points=3)
    found = value(gradient.natural(), {rewards: Matrix([3, 1, -1]), K: 3}, 20)
    assert [float(entry) for entry in found] == [2, 0, -2]


def test_kernel_of_the_objective_is_the_sum_of_squares():
    gradient = GRADIENTS["any number of actions"]
    assert check(closed_form(NTVar(gradient.expected)), points=2)


def test_probabilities_entropy_and_divergence_by_numbers():
    policy = CategoricalPolicy(inputs("z", K))
    other = CategoricalPolicy(inputs("y", K))
    z, w = [0.3, -1.2, 0.8], [0.1, 0.4, -2.0]
    p, q = ([mpmath.exp(v) / mpmath.fsum(map(mpmath.exp, vs)) for v in vs] for vs in (z, w))
    point = {policy.logits: Matrix(z), other.logits: Matrix(w)}
    entropy = -mpmath.fsum(x * mpmath.log(x) for x in p)
    gap = mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(p, q, strict=True))
    assert abs(value(policy.entropy(), point, 20) - entropy) < 1e-14
    assert abs(value(policy.kl_divergence(other), point, 20) - gap) < 1e-14
    assert abs(value(policy.log_prob(2), point, 20) - mpmath.log(p[1])) < 1e-14
    fisher = value(policy.fisher(), point, 20)
    for i in range(3):
        for j in range(3):
            assert abs(fisher[i, j] - (p[i] * (i == j) - p[i] * p[j])) < 1e-14


def test_code_for_many_states():
    z, rewards = inputs("z r", K)
    f = policy_gradient(CategoricalPolicy(z), rewards).lambdify(batch={z: "n", rewards: "n"})
    rng = np.random.default_rng(1)
    Z, R = rng.normal(size=(2, 7, 5)) * 300
    found = f({}, R, Z)
    for row, logits, gains in zip(found, Z, R, strict=True):
        weights = [mpmath.exp(mpmath.mpf(v)) for v in logits]
        p = [w / mpmath.fsum(weights) for w in weights]
        mean = mpmath.fsum(a * b for a, b in zip(p, gains, strict=True))
        for entry, chance, gain in zip(row, p, gains, strict=True):
            assert abs(entry - chance * (gain - mean)) <= 1e-11 * abs(chance * gain) + 1e-300


def test_a_single_logit_and_a_mean_of_a_network():
    gradient = policy_gradient(BernoulliPolicy(logit=single(x)), {1: 10, 0: 5})
    assert check(gradient, points=3)
    assert gradient.natural() == 5
    assert check(gradient.estimator(4, "mean"), points=3)
    assert check(gradient.dynamics("natural"), points=3)
    by_mean = policy_gradient(GaussianPolicy(single(x)[0], 1), a**2).by_parameter()
    assert str(by_mean[single.parameters[0]].expr) == "delta1*x.T"


def test_what_is_refused():
    policy = CategoricalPolicy(wide(x))
    with pytest.raises(PolicyError, match="write a column"):
        policy_gradient(policy, {1: 1})
    with pytest.raises(NoRuleError, match="with a logit for each action"):
        policy_gradient(policy, r).pathwise()
    with pytest.raises(PolicyError, match="by its logits"):
        policy_gradient(policy, r, wrt=wide.parameters[0])
    with pytest.raises(PolicyError, match="actions are 1"):
        policy.prob(0)
    assert policy_gradient(policy, Function("r")) == policy_gradient(policy, r)


def test_the_natural_gradient_of_listed_rewards_as_code():
    z = ParameterMatrix("z", 3, 1)
    found = policy_gradient(CategoricalPolicy(z), [1, -2, 4]).natural().lambdify()()
    assert np.allclose(np.ravel(found), [0, -3, 3], rtol=1e-15)
