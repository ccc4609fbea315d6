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
    # Wrong gradients are noticed: by a factor, with visits that are not discounted, from elsewhere.
    d = process.evaluated(policy).visits
    undiscounted = MDP.from_gymnasium(env, gamma=1).evaluated(policy).visits
    for wrong in (
        2 * exact,
        (1 - gamma) * exact,
        exact * (undiscounted / np.maximum(d, 1e-12))[:, None],
    ):
        assert abs(np.mean(samples) - float((wrong * direction).sum())) > 4 * error


def test_the_newest_version_is_read_where_that_of_the_name_is_gone():
    old = newest("Taxi").rpartition("v")[0] + "v0"
    with pytest.warns(UserWarning, match=f"has no {old} any more: {newest('Taxi')} is read"):
        process = MDP.from_gymnasium(old)
    assert len(process.states) == 500
    assert len(MDP.from_gymnasium("CliffWalking").states) == 48


def test_settings_of_an_environment():
    process = MDP.from_gymnasium("FrozenLake-v1", 0.9, is_slippery=False, desc=["SF", "HG"])
    assert process.tables.moves.shape == (16, 4)
    assert process.tables.moves.data.tolist() == [1.0] * process.tables.moves.nnz
    # Down falls into the hole; right, then down reaches the goal.
    assert process.value({0: 2, 1: 1, 2: 0, 3: 0}).table[0] == pytest.approx(0.9)
    assert process.value({0: 1, 1: 1, 2: 0, 3: 0}).table[0] == 0
    with pytest.raises(PolicyError, match="unexpected keyword argument 'is_slipery'"):
        MDP.from_gymnasium("FrozenLake-v1", is_slipery=False)
    with pytest.raises(PolicyError, match="is made already"):
        MDP.from_gymnasium(gymnasium.make("FrozenLake-v1"), is_slippery=False)


def test_wrappers_that_change_the_process_are_refused():
    env = gymnasium.make("FrozenLake-v1", max_episode_steps=7)
    steps = MDP.from_gymnasium(gymnasium.wrappers.RecordEpisodeStatistics(env), 0.9)
    # The limit of seven steps is not part of the process.
    uniform = np.full((16, 4), 0.25)
    plain = MDP.from_gymnasium(env.unwrapped, 0.9)
    assert steps.objective(uniform).doit() == plain.objective(uniform).doit()
    tenfold = gymnasium.wrappers.TransformReward(env, lambda r: 10 * r)
    with pytest.raises(PolicyError, match="wrapper TransformReward, which may change"):
        MDP.from_gymnasium(tenfold)
    moody = gymnasium.make(newest("Taxi"), fickle_passenger=True)
    with pytest.raises(PolicyError, match="fickle_passenger"):
        MDP.from_gymnasium(moody)


class Lift:
    """An environment of one's own: the upper floor has an action more, and may end the episode."""

    P = {  # noqa: RUF012
        0: {0: [(1.0, 1, 1.0, False)]},
        1: {0: [(1.0, 0, 0.0, False)], 1: [(0.5, 1, 2.0, True), (0.5, 0, 1.0, False)]},
    }
    initial_state_distrib = (0.25, 0.75)


def test_an_environment_of_ones_own():
    process = MDP.from_gymnasium(Lift(), 0.5, exact=True)
    assert process.rho == [Rational(1, 4), Rational(3, 4)]
    V = process.value({0: 0, 1: 1})
    # v₀ = 1 + v₁/2, v₁ = 3/2 + v₀/4.
    assert (V[0], V[1]) == (2, 2)
    # The reward of the way to the end is that of the transition.
    courses = process.trajectories({0: 0, 1: 1}, 1).courses
    assert sorted(c.rewards[0] for c in courses if c.states[0] == 1) == [1, 2]
    with pytest.raises(PolicyError, match="does not have this action"):
        process.value([[0, 1], [0, 1]])

    class Nowhere(Lift):
        initial_state_distrib = None

    with pytest.raises(PolicyError, match="does not say where it starts"):
        MDP.from_gymnasium(Nowhere())


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
