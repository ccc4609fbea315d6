"""What a process is given, in every form, and what is refused; actions that states do not have."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.sparse as sparse
from sympy import I, Rational, S, Symbol, cancel, log, nan, oo

from symprice import CategoricalPolicy, check, parameters
from symprice.errors import PolicyError, ShapeError
from symprice.mdp.policies import TabularSoftmax
from symprice.mdp.process import MDP
from tests.mdp.processes import HALF, random_tables, walk

P2 = [[[1, 0], [0, 1]], [[0, 1], [1, 0]]]


def maze():
    """Three states, of which each has other actions: b lacks y, c has y alone."""
    moves = {
        ("a", "x"): "b",
        ("a", "y"): {"a": HALF, "b": HALF},
        ("b", "x"): "b",
        ("b", "z"): "a",
        ("c", "y"): "a",
    }
    rewards = {("a", "x"): 1, ("a", "y"): 2, ("b", "z"): 3, ("b", "x"): 0, "c": -1}
    return MDP(moves, rewards, HALF, "a")


def maze_by_hand(pi, gamma=0.5):
    """V of the maze, in NumPy; pi is {(state, action): probability}."""
    to = {"ax": [0, 1, 0], "ay": [0.5, 0.5, 0], "bx": [0, 1, 0], "bz": [1, 0, 0], "cy": [1, 0, 0]}
    r = {"ax": 1, "ay": 2, "bx": 0, "bz": 3, "cy": -1}
    P, mean = np.zeros((3, 3)), np.zeros(3)
    for key, p in pi.items():
        P["abc".index(key[0])] += p * np.array(to[key])
        mean["abc".index(key[0])] += p * r[key]
    return np.linalg.solve(np.eye(3) - gamma * P, mean)


def test_decimals_beside_symbols_are_the_fractions_that_they_write():
    p, g = Symbol("p"), Symbol("g")
    by_symbol = MDP([[[1 - p, p]], [[p, 1 - p]]], [[0], [1]], 0.9)
    # V1 + V2 = 1/(1 - γ), V2 - V1 = 1/(1 - γ (1 - 2p)).
    V = by_symbol.value([[1], [1]])
    assert by_symbol.gamma == Rational(9, 10)
    gap = 1 / (1 - Rational(9, 10) * (1 - 2 * p))
    assert cancel(V[1] - (10 - gap) / 2) == 0
    by_discount = MDP([[[0.1, 0.9]], [[0.5, 0.5]]], [[0], [1]], g)
    assert by_discount.value([[1], [1]])[1].has(g)
    # Numbers in the tables, symbols in the policy.
    decimal, exact = MDP(P2, [[0, 1], [2, 0]], 0.9), MDP(P2, [[0, 1], [2, 0]], Rational(9, 10))
    policy = exact.softmax_policy()
    assert decimal.gradient(policy).doit() == exact.gradient(policy).doit()
    assert decimal.gradient(policy).check(points=2)
    assert decimal.trajectories(policy, 1).objective == exact.trajectories(policy, 1).objective
    assert isinstance(decimal.value([[HALF, HALF]] * 2).table, np.ndarray)


def test_dense_arrays_are_read_at_once():
    P, R, rho = random_tables(60, 4, seed=5)
    started = time.perf_counter()
    process = MDP(P, R, 0.9, rho)
    _ = MDP(P, R.tolist(), 0.9, rho)
    _ = MDP(np.eye(200, dtype=int)[:, None, :].repeat(4, axis=1), 0, 0.9)
    assert time.perf_counter() - started < 2
    pi = np.full((60, 4), 0.25)
    V = np.linalg.solve(np.eye(60) - 0.9 * P.mean(axis=1), R.mean(axis=1))
    np.testing.assert_allclose(process.value(pi).table, V, rtol=1e-12)
    by_next = np.random.default_rng(0).standard_normal((60, 4, 60))
    mean = MDP(P, (P * by_next).sum(axis=2), 0.9, rho).value(pi).table
    np.testing.assert_allclose(MDP(P, by_next, 0.9, rho).value(pi).table, mean, rtol=1e-12)


def test_rewards_of_transitions_survive_fractions():
    half = np.full((2, 1, 2), 0.5)
    R = np.zeros((2, 1, 2))
    R[:, :, 1] = 2.0
    for P, rewards in (
        (half, R),
        (sparse.csr_matrix(half.reshape(2, 2)), sparse.csr_matrix(R.reshape(2, 2))),
    ):
        exact = MDP(P, rewards, 0.5, [1.0, 0.0]).rational()
        courses = exact.trajectories([[1], [1]], 1).courses
        assert sorted(c.rewards[0] for c in courses) == [0, 2]


def test_rewards_by_state_and_deterministic_policies_by_name():
    process = MDP(P2, [3, 5], HALF, actions=["stay", "go"])
    for policy in (["stay", "go"], {1: "stay", 2: "go"}, lambda s: "stay" if s == 1 else "go"):
        V = process.value(policy)
        assert V[1] == 6
        assert V[2] == 8
    floats = MDP(np.array(P2, float), np.array([[3.0, 3.0], [5.0, 5.0]]), 0.5, actions=[0, 1])
    assert floats.value(np.array([0, 1])).table.tolist() == [6, 8]
    named = MDP({("u", "stay"): "u", ("v", "go"): "u"}, {"u": 3, ("v", "go"): 5}, HALF)
    assert named.value({"u": "stay", "v": "go"})["v"] == 8


def test_the_end_of_an_episode_is_named_in_several_ways():
    for terminal in ("goal", ["goal"], [False, True], np.array([False, True])):
        process = MDP({("a", "x"): "goal"}, -1, 1, "a", terminal=terminal)
        assert [str(s) for s in process.terminal] == ["goal"]
    # Nothing is trained where nothing is done.
    policy = MDP([[[0, 1], [1, 0]], [[0, 1], [0, 1]]], 0, HALF, terminal=[2]).softmax_policy()
    assert policy.logits[1] == (0, 0)


def test_gamma_of_one_as_a_float():
    process = MDP([[[HALF]]], [[1]], 1.0, termination=[[HALF]])
    assert process.horizon_factor == 1
    assert float(process.occupancy([[1]]).table[0]) == 2


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: MDP(P2, [[nan, 0], [0, 0]], HALF), "nan as the reward of state 1, action 1"),
        (lambda: MDP(P2, [[I, 0], [0, 0]], HALF), "reward of state 1, action 1"),
        (lambda: MDP(P2, 0, float("nan")), "nan as the discount"),
        (
            lambda: MDP(np.array(P2, float), np.array([[np.nan, 0], [0, 0]]), 0.5),
            "nan as the reward of state 1, action 1",
        ),
        (lambda: MDP([[[1.5, 0]], [[0, 1]]], 0, 0.5, termination=[[-0.5], [0]]), "between 0 and 1"),
        (
            lambda: MDP(np.ones((1, 1, 1)) * 1.5, 0, 0.5, termination=np.array([[-0.5]])),
            "termination of state 1, action 1",
        ),
        (lambda: MDP({("a", "x"): "a"}, 0, HALF, termination={("b", "x"): 0}), "no state and act"),
        (
            lambda: MDP({("a", "x"): "end"}, {"a": 1, ("end", "x"): 5}, 1, "a", terminal="end"),
            "reward in the terminal state end",
        ),
        (lambda: MDP({("a", "x"): "a"}, {("a", "x"): 1, ("a", "x", "a"): 2}, HALF), "both with"),
        (lambda: MDP({("a", "x"): "b"}, 0, HALF), "no action for state b"),
        (lambda: MDP({("a", "x"): "b", ("b", "y"): "a"}, {("a", "y"): 1, "a": 1}, HALF), "no"),
        (lambda: walk().value({"home": "jump", "away": "go"}), "'jump', which is no action"),
        (lambda: MDP(P2, 0, HALF).value(TabularSoftmax(np.array([[np.nan, 0], [0, 0]]))), "row 1"),
        (lambda: TabularSoftmax(walk()), "softmax_policy"),
        (lambda: TabularSoftmax(3), "S × A"),
        (lambda: TabularSoftmax([1, 2]), "S × A"),
        (lambda: TabularSoftmax([[1, 2], [3]]), "2 rows of 1 or 2"),
        (lambda: TabularSoftmax([]), "0 rows"),
        (lambda: TabularSoftmax([[0, 0], [nan, 0]]), "nan as logit in row 2"),
        (lambda: TabularSoftmax([[oo, 0], [0, 0]]), "oo as logit in row 1"),
        (lambda: TabularSoftmax([[0, 0], [-oo, -oo]]), "only -oo as logit in row 2"),
        (lambda: maze().value({"a": "x", "b": {"y": 1}, "c": "y"}), "does not have this action"),
        (lambda: maze().value([[0, 1, 0], [0, HALF, HALF], [0, 1, 0]]), "state b, action y"),
    ],
)
def test_what_is_wrong_is_said(made, words):
    with pytest.raises((PolicyError, ShapeError), match=words):
        made()


def test_actions_that_a_state_does_not_have():
    process = maze()
    policy = {"a": CategoricalPolicy(parameters("t1:3"), actions=["x", "y"]), "b": "z", "c": "y"}
    t1, t2 = parameters("t1:3")
    V = process.value(policy)
    at = {t1: log(3), t2: 0}
    by_hand = maze_by_hand({"ax": 0.75, "ay": 0.25, "bz": 1, "cy": 1})
    np.testing.assert_allclose(np.array(V.table.subs(at).evalf(), float).ravel(), by_hand)
    softmax = process.softmax_policy()
    assert softmax.logits[1][1] is S.NegativeInfinity
    for name in ("value", "q", "advantage", "occupancy", "gradient", "natural_gradient"):
        assert getattr(process, name)(softmax).check(points=2), name
    assert process.q(softmax)["b", "y"] is S.NegativeInfinity
    assert check(process.q(softmax).derivation, points=2)
    assert check(process.gradient(softmax).derivation, points=2)
    # θ_c_y is the only logit of its state: nothing depends on it.
    assert len(process.gradient(softmax).wrt) == 4
    assert process.average_reward(softmax).check(points=2)
    assert process.gae(softmax, HALF).check(points=2)


def test_actions_that_a_state_does_not_have_in_floats():
    moves = {("a", "x"): "b", ("a", "y"): "a", ("b", "x"): {"a": 0.5, "b": 0.5}}
    process = MDP(moves, {"a": 1.0, "b": -1.0}, 0.9, "a")
    policy = process.softmax_policy(np.array([[0.3, -0.2], [0.1, 5.0]]))
    assert process.evaluated(policy).pi[1].tolist() == [1, 0]
    assert process.q(policy).table[1, 1] == -np.inf
    for name in ("q", "advantage", "gradient", "natural_gradient", "value"):
        assert getattr(process, name)(policy).check(), name
    pi, _ = process.soft(0.1).soft_optimum()
    assert pi[1].tolist() == [1, 0]
    assert process.natural_gradient(policy).table[1].tolist() == [0, 0]


def test_rows_of_any_floats_become_fractions_that_sum_to_one():
    P, R, rho = random_tables(4, 3, seed=2)
    floats = MDP(P, R, 0.9, rho)
    with pytest.raises(PolicyError, match="none with a denominator up to 1000000"):
        floats.rational()
    exact = floats.rational(10**17)
    assert all(sum(m.values()) == 1 for line in exact.tables.moves for m in line)
    pi = np.full((4, 3), 1 / 3)
    V = exact.value([[Rational(1, 3)] * 3] * 4).table
    np.testing.assert_allclose(np.array(V, float).ravel(), floats.value(pi).table, rtol=1e-12)
