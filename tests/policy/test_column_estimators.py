"""Estimators and motions of a softmax of any size, held to sums over the actions."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import MatrixSymbol, Rational, Symbol, symbols, tanh

from symprice import (
    MLP,
    CategoricalPolicy,
    Parameter,
    ParameterMatrix,
    check,
    entropy_bonus,
    inputs,
    kl_penalty,
    policy_gradient,
)
from symprice.errors import NoRuleError, PolicyError
from symprice.policy import column_estimators

K, d, h = symbols("K d h", integer=True, positive=True)
z = ParameterMatrix("z", K, 1)
r = MatrixSymbol("r", K, 1)
w = Symbol("w", positive=True)
PI = CategoricalPolicy(z)
G = policy_gradient(PI, r)
X = inputs("x", d)
NETWORK = policy_gradient(CategoricalPolicy(MLP(d, h, K, activation=tanh)(X)), r)


def enumerated(logits, rewards):
    """What follows from π and the scores by sums over all actions, and over all pairs."""
    pi = np.exp(logits) / np.exp(logits).sum()
    scores = np.eye(len(pi)) - pi
    mean = pi @ rewards
    slope = pi @ (rewards[:, None] * scores)
    best = pi @ (scores**2 * rewards[:, None]) / (pi @ scores**2)
    lengths = (scores**2).sum(axis=1)

    def variance(b):
        values = (rewards[:, None] - b) * scores
        return pi @ (values - pi @ values) ** 2

    pairs = [
        (p * q, ((rewards[i] - rewards[j]) * (scores[i] - scores[j])) / 2)
        for i, p in enumerate(pi)
        for j, q in enumerate(pi)
    ]
    second = sum(p * (x - slope) ** 2 for p, x in pairs)
    moved = np.diag(pi) - np.outer(pi, pi)
    return {
        "none": variance(0),
        "mean": variance(mean),
        "number": variance(0.5),
        "optimal": variance(best),
        "leave_one_out": second,
        "common baseline": pi @ (lengths * rewards) / (pi @ lengths),
        "baselines": best,
        "euclidean": moved @ slope,
        "natural": pi * (rewards - mean),
        "natural gradient": np.linalg.pinv(moved) @ slope,
    }


RESULTS = {
    "none": G.variance(),
    "mean": G.variance("mean"),
    "number": G.variance(Rational(1, 2)),
    "optimal": G.variance("optimal"),
    "leave_one_out": G.variance("leave_one_out", n=2),
    "common baseline": G.optimal_baseline(),
    "baselines": G.optimal_baseline(per_component=True),
    "euclidean": G.dynamics().rhs,
    "natural": G.dynamics("natural").rhs,
    "natural gradient": G.natural(),
}


@pytest.mark.parametrize("name", RESULTS)
def test_closed_forms_are_the_sums_over_actions(name):
    code, rng = RESULTS[name].lambdify(), np.random.default_rng(0)
    for size in (2, 3, 5):
        logits, rewards = rng.normal(size=size), 3 * rng.normal(size=size)
        params = {} if name == "natural gradient" else {z: logits}
        expected = enumerated(logits, rewards)[name]
        np.testing.assert_allclose(code(params, rewards), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("gradient", [G, NETWORK], ids=["table", "network"])
@pytest.mark.parametrize("baseline", ["none", "mean", "optimal", Rational(1, 3)])
def test_estimators_check_against_their_definitions(gradient, baseline):
    assert check(gradient.estimator(4, baseline), points=2)


def test_a_wrong_variance_is_found(monkeypatch):
    right = column_estimators.column_variance
    monkeypatch.setattr(column_estimators, "column_variance", lambda *a: 2 * right(*a).doit())
    assert not check(G.estimator(1, "mean"), points=2)


def test_the_term_of_one_sample():
    estimator = G.estimator(8, "mean")
    assert r"\left(r_{a} - J\right)\left(e_{a} - \pi\right)" in estimator.summand.latex()
    logits, rewards = np.array([0.1, 0.4, -0.3]), np.array([1.0, 2.0, 5.0])
    pi = np.exp(logits) / np.exp(logits).sum()
    for action in (1, 3):
        expected = (rewards[action - 1] - pi @ rewards) * (np.eye(3)[action - 1] - pi)
        found = estimator.at(action).lambdify()({z: logits}, rewards)
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    with pytest.raises(NoRuleError, match="at\\(2\\)"):
        estimator.lambdify()
    with pytest.raises(PolicyError, match="leave-one-out"):
        G.variance("leave_one_out")
    with pytest.raises(PolicyError, match="baseline"):
        G.estimator(2, "best")


def test_rewards_that_depend_on_the_logits():
    """E[z] moves by π as well, the entropy by no pathwise term."""
    logits, rewards = np.array([0.3, -0.2, 0.9]), np.array([1.0, -2.0, 0.5])
    pi = np.exp(logits) / np.exp(logits).sum()
    found = policy_gradient(PI, z).lambdify()({z: logits})
    np.testing.assert_allclose(found, pi * (logits - pi @ logits) + pi, rtol=1e-13)
    softened = rewards - 0.7 * np.log(pi)
    code = policy_gradient(PI, entropy_bonus(PI, r, Rational(7, 10))).lambdify()
    np.testing.assert_allclose(
        code({z: logits}, rewards), pi * (softened - pi @ softened), rtol=1e-12
    )
    with pytest.raises(PolicyError, match="trained too"):
        policy_gradient(PI, Parameter("p") * r)
    with pytest.raises(PolicyError, match="trained too"):
        policy_gradient(PI, ParameterMatrix("W", K, K) * r)
    for asked in ("variance", "optimal_baseline", "natural", "hessian", "dynamics"):
        with pytest.raises(NoRuleError, match="depend on the logits"):
            getattr(policy_gradient(PI, z), asked)()


@pytest.mark.parametrize("gradient", [G, NETWORK], ids=["table", "network"])
def test_entropy_bonus_and_divergence_penalty(gradient):
    policy = gradient.policy
    reference = CategoricalPolicy(MatrixSymbol("u", K, 1))
    assert check(policy_gradient(policy, entropy_bonus(policy, r, w)), points=2)
    assert check(policy_gradient(policy, kl_penalty(policy, reference, r, w)), points=2)


def test_logits_move_by_themselves():
    assert r"\dot{\pi}" in G.dynamics("natural").latex()
    assert check(G.dynamics(), points=2)


def softmax(z):
    return np.exp(z) / np.exp(z).sum()


def test_logits_of_a_network_move_with_its_parameters():
    rng = np.random.default_rng(0)
    shapes = [(4, 3), (4,), (5, 4), (5,)]
    at = [rng.normal(size=shape) for shape in shapes]
    x, rewards, step = rng.normal(size=3), rng.normal(size=5), 1e-5

    def policy(values):
        W1, b1, W2, b2 = values
        return softmax(W2 @ np.tanh(W1 @ x + b1) + b2)

    def moved(direction, way):
        return [v + way * step * u for v, u in zip(at, direction, strict=True)]

    gradient = [np.zeros(shape) for shape in shapes]
    for k, shape in enumerate(shapes):
        for place in np.ndindex(*shape):
            unit = [np.zeros(s) for s in shapes]
            unit[k][place] = 1
            up, down = (policy(moved(unit, way)) @ rewards for way in (1, -1))
            gradient[k][place] = (up - down) / (2 * step)
    expected = (policy(moved(gradient, 1)) - policy(moved(gradient, -1))) / (2 * step)
    values = dict(zip(["W1", "b1", "W2", "b2"], at, strict=True))
    params = {p: values[p.name] for p in NETWORK.policy.parameters}
    found = NETWORK.dynamics().lambdify()(params, rewards, x)
    assert np.allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_a_natural_gradient_moves_a_network_by_the_replicator_equation():
    """F⁺∇J in the parameters, with F by the Jacobian: the last layer has a bias."""
    rng = np.random.default_rng(1)
    z, rewards, J = rng.normal(size=4), rng.normal(size=4), rng.normal(size=(4, 9))
    pi = softmax(z)
    moving = np.diag(pi) - np.outer(pi, pi)
    step = np.linalg.pinv(J.T @ moving @ J) @ (J.T @ moving @ rewards)
    assert np.allclose(moving @ J @ step, pi * (rewards - pi @ rewards))
    rhs = NETWORK.dynamics("natural").rhs
    assert "ScaledRows(pi, (-J)*1 + r)" in str(rhs)
