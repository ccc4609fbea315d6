"""Policies whose logits are outputs of networks of matrices: symbols, and float64."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sympy import Eq, Rational, symbols

from symprice import MLP, CategoricalPolicy, Dense, Network, NTCov, Observable, check, inputs
from symprice.errors import NoRuleError, PolicyError, ShapeError
from symprice.mdp.evaluation import ExactEvaluation, SparseEvaluation
from symprice.mdp.network_policy import NetworkSoftmax
from symprice.mdp.process import MDP
from tests.mdp.processes import random_tables

HALF = Rational(1, 2)
P2 = [[[1, 0], [0, 1]], [[0, 1], [1, 0]]]
R2 = [[0, 1], [2, 0]]
d, m = symbols("d m", integer=True, positive=True)
x, y = inputs("x y", d)
net = MLP(d, m, 2)


def problem(gamma=HALF):
    process = MDP(P2, R2, gamma, rho=1)
    return process, {1: CategoricalPolicy(net(x)), 2: CategoricalPolicy(net(y))}


def outputs(params, features):
    """The network in NumPy."""
    hidden = np.tanh(features @ params["W1"].T + params["b1"])
    return hidden @ params["W2"].T + params["b2"]


def objective(P, R, gamma, rho, pi):
    P, R = np.array(P, float), np.array(R, float)
    steps = np.einsum("sa,sat->st", pi, P)
    return rho @ np.linalg.solve(np.eye(len(R)) - gamma * steps, (pi * R).sum(axis=1))


def slopes(J, params, h=1e-5):
    """∂J by every entry of every array, by central differences of the fourth order."""
    found = {}
    for name, array in params.items():
        found[name] = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            total = 0.0
            for k, w in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
                moved = array.copy()
                moved[place] += k * h
                total += w * J({**params, name: moved})
            found[name][place] = total / (12 * h)
    return found


def test_the_gradient_by_matrices_in_closed_form():
    process, policy = problem()
    G = process.gradient(policy)
    assert [str(v) for v in G.wrt] == ["W1", "b1", "W2", "b2"]
    assert G.check(points=2)
    formulas = G.by_parameter()
    assert str(formulas[net.parameters[0]].expr) == "delta1*x.T + delta1_prime*y.T"
    rng = np.random.default_rng(0)
    params = net.init(rng, {d: 3, m: 4})
    features = rng.standard_normal((2, 3))

    def J(arrays):
        pi = softmax(outputs(arrays, features), axis=1)
        return objective(P2, R2, 0.5, np.array([1.0, 0.0]), pi)

    found = G.lambdify()(params, *features)
    expected = slopes(J, params)
    for name, array in zip(("W1", "b1", "W2", "b2"), found, strict=True):
        np.testing.assert_allclose(array, expected[name], rtol=1e-7, atol=1e-10)
    assert r"\frac{\partial J}{\partial W_{1}} &= \delta_{1} x^{\top}" in G.latex()


def test_a_wrong_gradient_by_matrices_fails(monkeypatch):
    process, policy = problem()
    e = process.evaluated(policy)
    monkeypatch.setattr(ExactEvaluation, "A", [[2 * a for a in row] for row in e.A])
    assert not process.gradient(policy).check(points=2)


def test_one_network_in_all_states_soft_and_linear():
    process, policy = problem()
    assert process.gradient(CategoricalPolicy(net(x))).check(points=2)
    assert process.soft(HALF).gradient({**policy, 2: [HALF, HALF]}).check(points=1)
    linear = Network(Dense(d, 2, bias=False))
    policy = {1: CategoricalPolicy(linear(x)), 2: CategoricalPolicy(linear(y))}
    assert process.gradient(policy).check(points=2)


def test_how_fast_a_property_moves_is_a_covariance():
    process, policy = problem()
    J = process.objective(policy).doit()
    assert check(Eq(NTCov(J, J), process.gradient(policy).covariance(J)), points=2)
    assert process.gradient(policy).covariance(Observable("P")).has(NTCov)


def test_what_does_not_go_through_matrices_says_so():
    process, policy = problem()
    with pytest.raises(NoRuleError, match="derivation by the matrices"):
        _ = process.gradient(policy).derivation
    alone = process.gradient(policy, net.parameters[0])
    assert alone.check(points=1)
    with pytest.raises(NoRuleError, match="by W1 alone"):
        alone.covariance(Observable("P"))
    with pytest.raises(NoRuleError, match="by some of the parameters"):
        process.natural_gradient(policy, net.parameters[0])


@pytest.mark.parametrize("gamma", [0.5, 0.9])
def test_the_gradient_of_a_network_in_floats(gamma):
    P, R, rho = random_tables(5, 3, seed=4)
    deep = MLP(d, m, 3)
    rng = np.random.default_rng(1)
    features, params = rng.standard_normal((5, 4)), deep.init(rng, {d: 4, m: 6})
    process = MDP(P, R, gamma, rho)
    policy = NetworkSoftmax(deep(x), features, params)
    G = process.gradient(policy)
    assert G.check()
    found = G.doit()
    expected = slopes(
        lambda arrays: objective(P, R, gamma, rho, softmax(outputs(arrays, features), axis=1)),
        params,
    )
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-7, atol=1e-9)


def test_a_wrong_gradient_of_a_network_in_floats_fails(monkeypatch):
    P, R, rho = random_tables(4, 2, seed=4)
    process, small = MDP(P, R, 0.9, rho), MLP(3, 5, 2)
    policy = NetworkSoftmax(small(inputs("x", 3)), np.eye(4, 3), small.init(0))
    assert process.gradient(policy).check()
    pulled_back = NetworkSoftmax.pulled_back

    def wrong(self, table):
        found = pulled_back(self, table)
        return {**found, "b1": 2 * found["b1"]}

    monkeypatch.setattr(NetworkSoftmax, "pulled_back", wrong)
    assert not process.gradient(policy).check()
    monkeypatch.undo()
    monkeypatch.setattr(SparseEvaluation, "visits", np.ones(4))
    assert not process.gradient(policy).check()


def test_a_network_that_does_not_fit():
    P, R, _ = random_tables(4, 3)
    small = MLP(3, 5, 2)
    column, params = small(inputs("x", 3)), small.init(0)
    with pytest.raises(ShapeError, match="4 × 2 logits, the process has 4 states and 3 actions"):
        MDP(P, R, 0.9).value(NetworkSoftmax(column, np.eye(4, 3), params))
    with pytest.raises(ShapeError, match="a row for each state"):
        NetworkSoftmax(column, np.ones(3), params)
    with pytest.raises(PolicyError, match="write the outputs of a network"):
        NetworkSoftmax(inputs("x", 3), np.eye(4, 3), params)
