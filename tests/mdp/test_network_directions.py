"""What a network does to a policy besides the gradient: natural gradients, estimates, the long run.

Networks are written out in NumPy here; their slopes are difference quotients, Fisher matrices are
dense, and variances sums over all courses of an episode.
"""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from scipy.special import softmax
from sympy import Eq, Rational, ZeroMatrix, simplify, symbols

from symprice import (
    MLP,
    BernoulliPolicy,
    CategoricalPolicy,
    Dense,
    Network,
    NTCov,
    Observable,
    Parameter,
    check,
    inputs,
)
from symprice.errors import NoRuleError, PolicyError
from symprice.mdp.network_policy import NetworkSoftmax
from symprice.mdp.process import MDP
from tests.mdp.processes import random_tables

HALF = Rational(1, 2)
P2 = [[[1, 0], [0, 1]], [[0, 1], [1, 0]]]
R2 = [[0, 1], [2, 0]]
d, m = symbols("d m", integer=True, positive=True)
x, y = inputs("x y", d)
net = MLP(d, m, 2)
POLICY = {1: CategoricalPolicy(net(x)), 2: CategoricalPolicy(net(y))}
PARAMS = net.init(0, {d: 3, m: 4})
FEATURES = np.random.default_rng(0).standard_normal((2, 3))


def process():
    return MDP(P2, R2, HALF, rho=1)


def outputs(params, features):
    hidden = np.tanh(features @ params["W1"].T + params["b1"])
    return hidden @ params["W2"].T + params["b2"]


def slopes(params, features, h=1e-3):
    """∂ logits/∂θ, (S·A) × parameters, by sixth-order differences."""
    names = list(params)
    flat = np.concatenate([params[n].ravel() for n in names])

    def at(v):
        sizes = np.cumsum([params[n].size for n in names])[:-1]
        parts = zip(names, np.split(v, sizes), strict=True)
        return outputs({n: p.reshape(params[n].shape) for n, p in parts}, features).ravel()

    weights = {1: 45, 2: -9, 3: 1}
    return np.stack(
        [
            sum(w * (at(flat + k * h * e) - at(flat - k * h * e)) for k, w in weights.items())
            / (60 * h)
            for e in np.eye(len(flat))
        ],
        axis=1,
    )


def joined(arrays):
    return np.concatenate([np.ravel(a) for a in arrays])


def fisher(pi, d):
    """Of the logits, dense, by outer products of scores."""
    states, choices = pi.shape
    found = np.zeros((states * choices,) * 2)
    for s, a in np.ndindex(states, choices):
        score = np.zeros((states, choices))
        score[s] = -pi[s]
        score[s, a] += 1
        found += d[s] * pi[s, a] * np.outer(score, score)
    return found


def evaluated(pi, P, R, gamma, rho):
    """Visits and advantages by dense algebra."""
    P, R = np.array(P, float), np.array(R, float)
    steps = np.einsum("sa,sat->st", pi, P)
    V = np.linalg.solve(np.eye(len(R)) - gamma * steps, (pi * R).sum(axis=1))
    visits = np.linalg.solve(np.eye(len(R)) - gamma * steps.T, rho)
    return visits, R + gamma * P @ V - V[:, None]


@pytest.mark.parametrize("damping", [0, Rational(1, 3)])
def test_the_natural_gradient_is_that_of_the_dense_fisher_matrix(damping):
    found = process().natural_gradient(POLICY, damping=damping)
    G = slopes(PARAMS, FEATURES)
    pi = softmax(outputs(PARAMS, FEATURES), axis=1)
    visits, A = evaluated(pi, P2, R2, 0.5, np.array([1.0, 0]))
    F = G.T @ fisher(pi, 0.5 * visits) @ G
    gradient = G.T @ (visits[:, None] * pi * A).ravel()
    if damping:
        expected = np.linalg.solve(F + float(damping) * np.eye(len(F)), gradient)
    else:
        expected = np.linalg.pinv(F, rcond=1e-10, hermitian=True) @ gradient
    np.testing.assert_allclose(
        joined(found.lambdify()(PARAMS, *FEATURES)), expected, rtol=1e-8, atol=1e-10
    )


def test_the_natural_gradient_checks_itself():
    found = process().natural_gradient(POLICY)
    assert found.check(points=1)
    # Compatible features of a network that tells the states apart fit the advantages exactly.
    assert simplify(found.fit(2, 1) - process().advantage(POLICY)[2, 1]) == 0
    # How J moves: the speed of the natural flow.
    J = process().objective(POLICY).doit()
    assert check(Eq(found._moved(J), found.covariance(J)), points=1)
    assert "NTCov(f - g, f' - g')" in found.covariance(Observable("P")).text()


def test_a_wrong_natural_gradient_fails(monkeypatch):
    from symprice.mdp.network_natural import NetworkNaturalGradient

    found = process().natural_gradient(CategoricalPolicy(net(x)))
    wrong = found.right * 2
    monkeypatch.setattr(NetworkNaturalGradient, "right", wrong)
    assert not process().natural_gradient(CategoricalPolicy(net(x))).check(points=1)


def test_states_that_share_their_features_share_a_coordinate():
    named = MDP(P2, R2, HALF, rho=1, actions=["a", "b"])
    turned = {
        1: CategoricalPolicy(net(x), actions=["a", "b"]),
        2: CategoricalPolicy(net(x), actions=["b", "a"]),
    }
    for policy in (CategoricalPolicy(net(x), actions=["a", "b"]), turned):
        found = named.natural_gradient(policy)
        assert len(found.coordinates) == 1
        assert found.check(points=1)


def test_too_many_coordinates_for_symbols():
    bandit = MDP([[[1]] * 5], [[1, 2, 3, 4, 5]], HALF)
    found = bandit.natural_gradient(CategoricalPolicy(MLP(d, m, 5)(x)))
    assert found.kernel.shape == (4, 4)
    # Differences of rewards, over 1 - γ.
    assert found.right.T.tolist() == [[-8, -6, -4, -2]]
    with pytest.raises(NoRuleError, match="NetworkSoftmax"):
        found.doit()


def test_parameters_beside_a_network_are_not_forgotten():
    theta = Parameter("theta", real=True)
    one = MLP(d, m, 1)
    named = MDP(P2, R2, HALF, rho=1, actions=[1, 0])
    policy = {1: BernoulliPolicy(logit=one(x)), 2: BernoulliPolicy(logit=theta)}
    G = named.gradient(policy)
    assert theta in G.by_parameter()
    assert G.check(points=1)
    assert named.natural_gradient(policy).check(points=1)
    with pytest.raises(PolicyError, match="that depend on theta, beside a network"):
        named.gradient({1: BernoulliPolicy(logit=one(x)), 2: [theta, 1 - theta]})


def test_the_long_run_through_a_network():
    found = process().average_reward(POLICY)
    assert found.check(points=1)
    params = {n: a.copy() for n, a in PARAMS.items()}

    def average():
        pi = softmax(outputs(params, FEATURES), axis=1)
        steps = np.einsum("sa,sat->st", pi, np.array(P2, float))
        return np.linalg.matrix_power(steps, 2**8)[0] @ (pi * np.array(R2)).sum(axis=1)

    got = found.gradient().lambdify()(PARAMS, *FEATURES)[0]
    for place in ((0, 0), (3, 2)):
        at = {}
        for k in (1, -1, 2, -2):
            params["W1"] = PARAMS["W1"].copy()
            params["W1"][place] += k * 1e-3
            at[k] = average()
        slope = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / 12e-3
        assert got[place] == pytest.approx(slope, rel=1e-8, abs=1e-11)


def test_advantage_estimates_through_a_network():
    for lam, values in ((Rational(1, 3), [1, 2]), (0, [1, 2])):
        direction = process().gae(POLICY, lam, values).gradient()
        assert direction.check(points=1)
    exact = process().gradient(POLICY).lambdify()(PARAMS, *FEATURES)
    unbiased = process().gae(POLICY, 1, [1, 2]).gradient().lambdify()(PARAMS, *FEATURES)
    np.testing.assert_allclose(joined(unbiased), joined(exact), rtol=1e-12, atol=1e-14)


def test_the_variance_of_an_episode_through_a_network():
    T = process().trajectories(POLICY, 2)
    G = slopes(PARAMS, FEATURES)
    pi = softmax(outputs(PARAMS, FEATURES), axis=1)
    P = Observable("P")
    bias = net.parameters[3]
    for kind, baseline in (("return", None), ("to_go", {1: 1, 2: HALF})):
        estimates, chances = [], []
        for actions in itertools.product(range(2), repeat=2):
            s, chance, scores, paid, base = 0, 1.0, [], [], []
            for t, a in enumerate(actions):
                row = np.zeros((2, 2))
                row[s] = -pi[s]
                row[s, a] += 1
                scores.append(row.ravel() @ G)
                chance *= pi[s, a]
                paid.append(0.5**t * R2[s][a])
                base.append((1, 0.5)[s] if baseline else 0.0)
                s = int(np.argmax(P2[s][a]))
            whole = [sum(paid)] * 2 if kind == "return" else [sum(paid), paid[1]]
            weights = [w - 0.5**t * b for t, (w, b) in enumerate(zip(whole, base, strict=True))]
            estimates.append(sum(w * g for w, g in zip(weights, scores, strict=True)))
            chances.append(chance)
        chances, estimates = np.array(chances), np.array(estimates)
        mean = chances @ estimates
        spread = estimates - mean
        found = T.gradient(kind, baseline)
        got = joined(found.mean.lambdify()(PARAMS, *FEATURES))
        np.testing.assert_allclose(got, mean, rtol=1e-8, atol=1e-10)
        total = found.variance.lambdify()(PARAMS, *FEATURES)
        assert total == pytest.approx(chances @ (spread**2).sum(axis=1), rel=1e-9)
        # Along the first bias of the output: the variance of that entry of the estimate.
        along = found.variance_along(P).subs(P, bias[0, 0]).lambdify()(PARAMS, *FEATURES)
        assert along == pytest.approx(chances @ spread[:, -2] ** 2, rel=1e-9)


def test_the_square_of_the_gradient_is_a_covariance():
    G = process().gradient(POLICY)
    J = process().objective(POLICY).doit()
    assert check(Eq(NTCov(J, J), G.direction.squared()), points=1)


@pytest.mark.parametrize(("layers", "states"), [((4, 6, 3), 5), ((2, 2, 3), 7)])
def test_natural_gradients_in_floats(layers, states):
    """The second network has fewer parameters than there are differences of logits."""
    P, R, rho = random_tables(states, 3, seed=3)
    table = MDP(P, R, 0.9, rho)
    small = MLP(*layers)
    features = np.random.default_rng(0).standard_normal((states, layers[0]))
    params = small.init(0)
    policy = NetworkSoftmax(small(inputs("x", layers[0])), features, params)
    G = slopes(params, features)
    pi = softmax(outputs(params, features), axis=1)
    visits, A = evaluated(pi, P, R, 0.9, rho)
    F = G.T @ fisher(pi, 0.1 * visits) @ G
    gradient = G.T @ (visits[:, None] * pi * A).ravel()
    for damping in (0, 0.01, 1.0):
        found = table.natural_gradient(policy, damping=damping)
        inverse = np.linalg.pinv(F + damping * np.eye(len(F)), rcond=1e-10, hermitian=True)
        expected = inverse @ gradient
        np.testing.assert_allclose(
            joined(found.doit().values()), expected, rtol=0, atol=1e-7 * np.abs(expected).max()
        )
        assert found.check()
    v = {n: np.random.default_rng(2).standard_normal(a.shape) for n, a in params.items()}
    product = joined(found.fisher_product(v).values())
    np.testing.assert_allclose(product, F @ joined(v.values()), rtol=1e-8, atol=1e-10)
    if states == 5:
        np.testing.assert_allclose(table.natural_gradient(policy).fit(), A, atol=1e-9)


def test_a_wrong_natural_gradient_in_floats_fails(monkeypatch):
    P, R, rho = random_tables(4, 2, seed=4)
    table, small = MDP(P, R, 0.9, rho), MLP(3, 5, 2)
    policy = NetworkSoftmax(small(inputs("x", 3)), np.eye(4, 3), small.init(0))
    kernel = NetworkSoftmax.kernel
    monkeypatch.setattr(NetworkSoftmax, "kernel", lambda self, states: 2 * kernel(self, states))
    assert not table.natural_gradient(policy).check()


def test_estimates_in_floats_go_through_the_network():
    P, R, rho = random_tables(4, 2, seed=4)
    table, small = MDP(P, R, 0.9, rho), MLP(3, 5, 2)
    policy = NetworkSoftmax(small(inputs("x", 3)), np.eye(4, 3), small.init(0))
    exact = table.gradient(policy).by_parameter()
    assert sorted(exact) == ["W1", "W2", "b1", "b2"]
    with pytest.raises(NoRuleError, match="have no names"):
        table.gradient(table.softmax_policy(np.zeros((4, 2)))).by_parameter()
    found = table.gae(policy, 1.0, np.arange(4.0)).gradient()
    for name, array in exact.items():
        np.testing.assert_allclose(found[name], array, atol=1e-12)
    nearly = MDP(P, R, 1 - 1e-8, rho)
    long_run = table.average_reward(policy).gradient()
    for name, array in nearly.gradient(policy).doit().items():
        np.testing.assert_allclose(long_run[name], 1e-8 * array, rtol=1e-4, atol=1e-7)


def test_linear_networks_of_features():
    linear = Network(Dense(d, 2, bias=False))
    policy = {1: CategoricalPolicy(linear(x)), 2: [HALF, HALF]}
    assert process().natural_gradient(policy, damping=HALF).check(points=1)


def test_a_state_that_is_never_visited_moves_nothing():
    policy = {1: [1, 0], 2: CategoricalPolicy(net(y))}
    for found in (process().gradient(policy), process().natural_gradient(policy)):
        assert found.check(points=1)
        for array, part in found.by_parameter().items():
            assert part.expr == ZeroMatrix(*array.shape)


def test_directions_pickle():
    table = process()
    for result in (
        table.gradient(POLICY).direction,
        table.natural_gradient(POLICY),
        table.gae(POLICY, HALF, [1, 2]).gradient(),
        table.trajectories(POLICY, 1).gradient().mean,
    ):
        again = pickle.loads(pickle.dumps(result))
        assert again.by_parameter() == result.by_parameter()


def test_damped_tables():
    P, R, rho = random_tables(4, 3, seed=7)
    table = MDP(P, R, 0.9, rho)
    policy = table.softmax_policy(np.random.default_rng(8).standard_normal((4, 3)))
    found = table.natural_gradient(policy, damping=0.2)
    e = table.evaluated(policy)
    F = fisher(e.pi, e.occupancy)
    expected = np.linalg.solve(F + 0.2 * np.eye(12), table.gradient(policy).table.ravel())
    np.testing.assert_allclose(found.doit().ravel(), expected, rtol=1e-11, atol=1e-13)
    assert found.check()
    exact = MDP(P2, R2, HALF, rho=1)
    assert exact.natural_gradient(exact.softmax_policy(), damping=HALF).check(points=2)
    with pytest.raises(PolicyError, match="damping -1"):
        exact.natural_gradient(exact.softmax_policy(), damping=-1)


@pytest.mark.parametrize("bias", [False, True])
def test_logits_without_a_hidden_layer(bias):
    """A linear network of unit vectors is a table of logits, whose policy this is."""
    table = Network(Dense(4, 2, bias=bias))
    params = table.init(3)
    policy = NetworkSoftmax(table(inputs("x", 4)), np.eye(4), params)
    logits = params["W1"].T + (params["b1"] if bias else 0)
    weights = np.exp(logits)
    known = weights / weights.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(1)
    P = rng.dirichlet(np.ones(4), size=(4, 2))
    R = rng.normal(size=(4, 2))
    process = MDP(P, R, 0.9)
    ours = np.ravel(process.value(policy).doit())
    assert np.allclose(ours, np.ravel(process.value(known).doit()), rtol=1e-12)
    moved = process.natural_gradient(policy).motion
    q = R + 0.9 * P @ ours
    assert np.allclose(moved[:, 0] - moved[:, 1], 10 * (q[:, 0] - q[:, 1]), rtol=1e-9)
