"""Rewards that come out of networks of matrices: the whole gradient by difference quotients."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Rational, Symbol, tanh

from symprice import (
    MLP,
    BernoulliPolicy,
    CategoricalPolicy,
    GaussianPolicy,
    Observable,
    check,
    inputs,
    lambdify,
    parameters,
    policy_gradient,
)
from symprice.errors import NoRuleError, PolicyError

x, a = inputs("x", 2), Symbol("a")
s, w = parameters("s w", real=True)
NET = MLP(2, 3, 3, activation=tanh)
F = NET(x)
POINT = np.array([0.3, -0.7])
RNG = np.random.default_rng(0)
ARRAYS = {p.name: RNG.standard_normal(tuple(map(int, p.shape))) for p in NET.parameters}


def outputs(arrays):
    hidden = np.tanh(arrays["W1"] @ POINT[:, None] + arrays["b1"])
    return (arrays["W2"] @ hidden + arrays["b2"]).ravel()


def softmax(z):
    weights = np.exp(z - z.max())
    return weights / weights.sum()


CASES = {
    "bernoulli": (
        BernoulliPolicy(logit=F[0, 0]),
        {1: F[1, 0] ** 2, 0: Rational(1, 2)},
        lambda f: (f[1] ** 2 + np.exp(-f[0]) / 2) / (1 + np.exp(-f[0])),
    ),
    "itself": (
        CategoricalPolicy([F[0, 0], F[1, 0], 0]),
        [F[0, 0], 1, F[2, 0]],
        lambda f: softmax(np.array([f[0], f[1], 0])) @ [f[0], 1, f[2]],
    ),
    "column": (
        CategoricalPolicy(F),
        [1, F[0, 0] * F[1, 0], 2],
        lambda f: softmax(f) @ [1, f[0] * f[1], 2],
    ),
    "gaussian": (
        GaussianPolicy(F[0, 0], log_sigma=F[1, 0]),
        F[2, 0] * a**2,
        lambda f: f[2] * (f[0] ** 2 + np.exp(2 * f[1])),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_by_parameter_against_difference_quotients(name):
    policy, rewards, objective = CASES[name]
    found = policy_gradient(policy, rewards).by_parameter()
    assert {str(array) for array in found} == set(ARRAYS)
    for array, slope in found.items():
        values = np.asarray(lambdify(None, slope)(ARRAYS, POINT)).reshape(ARRAYS[array.name].shape)
        for place in np.ndindex(values.shape):
            step = np.zeros_like(values)
            step[place] = 1e-5
            both = (
                objective(outputs({**ARRAYS, array.name: ARRAYS[array.name] + way * step}))
                for way in (1, -1)
            )
            assert abs((next(both) - next(both)) / 2e-5 - values[place]) < 1e-8


@pytest.mark.parametrize("name", CASES)
def test_slopes_against_difference_quotients(name):
    """By the outputs, in the order of their names, as code and as formulas."""
    policy, rewards, objective = CASES[name]
    gradient = policy_gradient(policy, rewards)
    f = outputs(ARRAYS)
    order = [next(k for k in range(3) if F[k, 0] == y) for y in gradient.outputs.values()]
    column = np.ravel(gradient.lambdify()(ARRAYS, POINT))
    for k, value in zip(order, column, strict=True):
        step = 1e-5 * np.eye(3)[k]
        assert abs((objective(f + step) - objective(f - step)) / 2e-5 - value) < 1e-8
    assert check(gradient, points=2)


def test_what_is_printed():
    gradient = policy_gradient(BernoulliPolicy(logit=F[0, 0]), {1: F[1, 0], 0: 0})
    assert gradient.text().splitlines()[:2] == ["∂J/∂z = v σ(z)(1 - σ(z))", "∂J/∂v = σ(z)"]
    assert r"\frac{\partial J}{\partial v} &= \sigma(z)" in gradient.latex()


def test_what_is_refused():
    gradient = policy_gradient(BernoulliPolicy(logit=F[0, 0]), {1: F[1, 0], 0: 0})
    for ask in (gradient.variance, gradient.natural, gradient.dynamics, gradient.pathwise):
        with pytest.raises(NoRuleError, match="no matter of the policy"):
            ask()
    with pytest.raises(NoRuleError, match="no matter of the policy"):
        _ = gradient.estimator
    for other in (w, Observable("P")):
        with pytest.raises(PolicyError, match=f"depend on {other}"):
            policy_gradient(BernoulliPolicy(logit=F[0, 0]), {1: other * F[1, 0], 0: 0})


def test_a_scalar_parameter_beside_the_network():
    gradient = policy_gradient(GaussianPolicy(F[0, 0], log_sigma=s), F[1, 0] * a**2)
    assert list(map(str, gradient.outputs)) == ["z_1", "z_2", "v"]
    slope = gradient.by_parameter()[s]
    f = outputs(ARRAYS)
    value = float(np.ravel(lambdify(None, slope)({**ARRAYS, "s": 0.4}, POINT))[0])
    assert abs(value - f[1] * 2 * np.exp(0.8)) < 1e-13
