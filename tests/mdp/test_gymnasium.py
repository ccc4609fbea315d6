"""Real environments of gymnasium: their tables, and REINFORCE run in them."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Rational

from symprice.errors import PolicyError
from symprice.mdp.process import MDP

gymnasium = pytest.importorskip(
    "gymnasium", reason="gymnasium is missing: pip install symprice[rl]"
)


def newest(name):
    """The name with its version: Taxi-v3 of gymnasium 1.0 is Taxi-v4 of later ones."""
    versions = [key for key in gymnasium.registry if key.startswith(f"{name}-v")]
    return max(versions, key=lambda key: int(key.rpartition("v")[2]))


@pytest.mark.parametrize(
    ("name", "states", "actions"),
    [("FrozenLake", 16, 4), ("Taxi", 500, 6), ("CliffWalking", 48, 4)],
)
def test_tabular_environments(name, states, actions):
    name = newest(name)
    process = MDP.from_gymnasium(name, gamma=0.99)
    assert (len(process.states), len(process.actions)) == (states, actions)
    rng = np.random.default_rng(0)
    policy = process.softmax_policy(rng.standard_normal((states, actions)))
    assert process.value(policy).check()
    assert process.gradient(policy).check()
    # The Bellman equation, read off the environment itself.
    V, pi = process.value(policy).table, process.evaluated(policy).pi
    table = gymnasium.make(name).unwrapped.P
    again = [
        sum(
            pi[s, a] * p * (r + 0.99 * (not over) * V[t])
            for a in range(actions)
            for p, t, r, over in table[s][a]
        )
        for s in range(states)
    ]
    np.testing.assert_allclose(V, again, rtol=1e-10, atol=1e-10)


def test_a_frozen_lake_in_fractions():
    process = MDP.from_gymnasium("FrozenLake-v1", gamma=Rational(9, 10), exact=True)
    uniform = [[Rational(1, 4)] * 4] * 16
    V = process.value(uniform)
    floats = MDP.from_gymnasium("FrozenLake-v1", gamma=0.9)
    assert V[0].is_Rational
    assert float(V[0]) == pytest.approx(floats.value(np.full((16, 4), 0.25)).table[0], rel=1e-12)
    assert V.check()


def test_an_environment_without_a_table():
    with pytest.raises(PolicyError, match="no table of transitions"):
        MDP.from_gymnasium("CartPole-v1")
    with pytest.raises(PolicyError, match="does not make"):
        MDP.from_gymnasium("NoSuchLake-v1")


def test_reinforce_in_the_environment_meets_the_exact_gradient():
    """Episodes of FrozenLake itself; the sums of γᵗ Gₜ ∇log π agree within 3 standard errors."""
    gamma, episodes = 0.9, 3000
    env = gymnasium.make("FrozenLake-v1")
    process = MDP.from_gymnasium(env, gamma=gamma)
    rng = np.random.default_rng(5)
    # Near a good policy, where episodes are paid often enough to be averaged.
    logits = np.log(process.soft(0.05).soft_optimum()[0])
    policy = process.softmax_policy(logits)
    pi, exact = process.evaluated(policy).pi, process.gradient(policy).table
    direction = exact / np.linalg.norm(exact)
    samples = []
    for episode in range(episodes):
        state, _ = env.reset(seed=episode)
        slopes, rewards, over = [], [], False
        while not over:
            action = rng.choice(4, p=pi[state])
            score = -pi[state] @ direction[state] + direction[state, action]
            slopes.append(score)
            state, reward, over, cut, _ = env.step(int(action))
            rewards.append(reward)
            over = over or cut
        discounted = gamma ** np.arange(len(rewards)) * np.array(rewards)
        to_go = np.cumsum(discounted[::-1])[::-1]
        samples.append(float(np.dot(slopes, to_go)))
    error = np.std(samples, ddof=1) / np.sqrt(episodes)
    slope = float((exact * direction).sum())
    assert abs(np.mean(samples) - slope) < 3 * error
    # A factor of two, or of 1 - γ, would be noticed.
    assert error < 0.16 * slope


def dense(name, **settings):
    """P[s, a, s'] and r[s, a] of an environment, and where it starts."""
    inner = gymnasium.make(name, **settings).unwrapped
    shape = (len(inner.P), len(inner.P[0]))
    P, R = np.zeros((*shape, shape[0])), np.zeros(shape)
    for s, a in np.ndindex(shape):
        for p, t, r, over in inner.P[s][a]:
            R[s, a] += p * r
            P[s, a, t] += p * (not over)
    return P, R, np.asarray(inner.initial_state_distrib, dtype=float)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("FrozenLake", {"is_slippery": True}),
        ("FrozenLake", {"is_slippery": False}),
        ("CliffWalking", {}),
        ("Taxi", {}),
    ],
)
def test_values_visits_and_gradients_by_dense_algebra(name, settings):
    name, gamma = newest(name), 0.97
    P, R, rho = dense(name, **settings)
    process = MDP.from_gymnasium(gymnasium.make(name, **settings), gamma=gamma)
    rng = np.random.default_rng(0)
    logits = rng.standard_normal(R.shape)
    policy = process.softmax_policy(logits)

    def objective(z):
        pi = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        steps = np.einsum("sa,sat->st", pi, P)
        V = np.linalg.solve(np.eye(len(R)) - gamma * steps, (pi * R).sum(axis=1))
        return rho @ V, V, steps

    _, V, steps = objective(logits)
    np.testing.assert_allclose(process.value(policy).table, V, rtol=1e-10, atol=1e-10)
    d = (1 - gamma) * np.linalg.solve(np.eye(len(R)) - gamma * steps.T, rho)
    np.testing.assert_allclose(process.occupancy(policy).table, d, rtol=0, atol=1e-13)
    # The derivative along a complex step has no cancellation.
    found = process.gradient(policy).table
    for place in rng.choice(R.size, 4, replace=False):
        z = logits.astype(complex)
        z.flat[place] += 1e-30j
        slope = objective(z)[0].imag / 1e-30
        assert found.flat[place] == pytest.approx(slope, rel=1e-10, abs=1e-12 * np.abs(found).max())


def test_the_best_actions_of_value_iteration():
    P, R, _ = dense("FrozenLake-v1")
    V = np.zeros(16)
    for _ in range(2000):
        V = (R + 0.95 * P @ V).max(axis=1)
    best = (R + 0.95 * P @ V).argmax(axis=1)
    process = MDP.from_gymnasium("FrozenLake-v1", gamma=0.95)
    np.testing.assert_allclose(process.value(best).table, V, rtol=1e-12, atol=1e-13)
    assert process.advantage(best).table.max() < 1e-13
