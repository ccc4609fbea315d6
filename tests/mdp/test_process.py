"""Values, occupancies and gradients against evaluations that share no code with them."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pytest
import scipy.sparse as sparse
from sympy import Matrix, Rational, Symbol, diff, simplify, sqrt, symbols

from symprice import BernoulliPolicy, CategoricalPolicy, Parameter, check, parameters
from symprice.errors import PolicyError, ShapeError
from symprice.mdp.process import MDP
from tests.mdp.processes import corridor, difference_quotients, objective, random_tables, walk

P2 = [[[1, 0], [0, 1]], [[0, 1], [1, 0]]]


def test_values_by_hand():
    """V(home) = p/2 V(away) + (1 - p)/2 V(home), V(away) = 1/(1 - 1/2)."""
    p = Symbol("p", positive=True)
    V = walk().value([[1 - p, p], [1, 0]])
    assert V["away"] == 2
    assert simplify(V["home"] - 2 * p / (1 + p)) == 0
    assert walk().q([[1 - p, p], [1, 0]])["home", "go"] == 1


def test_the_short_corridor_has_its_optimum_at_two_minus_root_two():
    p = Parameter("p", positive=True)
    process = corridor()
    policy = {
        s: CategoricalPolicy(probabilities=[p, 1 - p], actions=["right", "left"])
        for s in ("one", "two", "three")
    }
    J = process.objective(policy).doit()
    assert simplify(J - (2 * p - 4) / (p * (1 - p))) == 0
    best = process.gradient(policy).doit()
    assert simplify(best.subs(p, 2 - sqrt(2))) == 0
    assert simplify(J.subs(p, 2 - sqrt(2)) - (-6 - 4 * sqrt(2))) == 0
    assert simplify(best.subs(p, Rational(1, 2))) != 0
    assert process.gradient(policy).check()
    assert check(process.gradient(policy).derivation)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.95])
def test_the_float_gradient_is_the_limit_of_difference_quotients(gamma):
    P, R, rho = random_tables(5, 3, seed=1)
    logits = np.random.default_rng(2).standard_normal((5, 3))
    process = MDP(P, R, gamma, rho)
    policy = process.softmax_policy(logits)
    expected = difference_quotients(P, R, gamma, rho, logits)
    np.testing.assert_allclose(process.gradient(policy).table, expected, rtol=1e-11, atol=1e-13)
    J = objective(P, R, gamma, rho, logits.tolist())
    assert process.objective(policy).doit() == pytest.approx(float(J), rel=1e-13)
    d = process.occupancy(policy).table
    assert d.sum() == pytest.approx(1, abs=1e-13)


def test_the_exact_gradient_is_the_float_one():
    P, R, _ = random_tables(3, 2, seed=3)
    counts = np.maximum(np.round(P * 20), 1).astype(int)
    exact = [[[Rational(int(x), int(row.sum())) for x in row] for row in line] for line in counts]
    rewards = [[Rational(int(10 * x), 7) for x in row] for row in R]
    process = MDP(exact, rewards, Rational(9, 10), [Rational(1, 2), Rational(1, 4), Rational(1, 4)])
    policy = process.softmax_policy()
    z = np.random.default_rng(4).standard_normal(6)
    G = process.gradient(policy)
    found = np.array(G.doit().subs(dict(zip(G.wrt, z, strict=True))).evalf(), dtype=float).ravel()
    floats = MDP(np.array(exact, float), np.array(rewards, float), 0.9, [0.5, 0.25, 0.25])
    expected = floats.gradient(floats.softmax_policy(z.reshape(3, 2))).table.ravel()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_everything_checks_itself():
    process = walk()
    fractions = [[Rational(1, 3), Rational(2, 3)], [1, 0]]
    for policy, points in ((process.softmax_policy(), 3), (fractions, 1)):
        for name in ("value", "q", "advantage", "occupancy", "objective"):
            result = getattr(process, name)(policy)
            assert result.check(points=points), name
            assert check(result.derivation, points=points), name
            assert result.latex()
    G = process.gradient(process.softmax_policy())
    assert G.check()
    for v in G.wrt:
        assert check(G.derivation_by(v), points=3)
    assert G.latex()


def test_a_symbolic_discount_and_symbolic_tables():
    g, p, r, q = symbols("gamma p r q", positive=True)
    process = MDP([[[1 - p, p], [1, 0]], [[0, 1], [q, 1 - q]]], [[0, r], [1, 0]], g, rho=1)
    policy = process.softmax_policy()
    G = process.gradient(policy)
    assert G.check(points=5)
    assert simplify(sum(process.occupancy(policy).table) - 1) == 0


def test_a_wrong_gradient_fails(monkeypatch):
    from symprice.mdp.evaluation import ExactEvaluation, SparseEvaluation

    process = walk()
    G = process.gradient(process.softmax_policy())
    assert G.check()
    e = process.evaluated(process.softmax_policy())
    wrong = [2 * n for n in e.visits]
    monkeypatch.setattr(ExactEvaluation, "visits", wrong)
    assert not process.gradient(process.softmax_policy()).check()
    assert not check(process.gradient(process.softmax_policy()).derivation)
    P, R, rho = random_tables(4, 2)
    floats = MDP(P, R, 0.9, rho)
    policy = floats.softmax_policy(np.zeros((4, 2)))
    assert floats.gradient(policy).check()
    assert floats.value(policy).check()
    monkeypatch.setattr(SparseEvaluation, "visits", np.ones(4))
    assert not floats.gradient(policy).check()
    monkeypatch.setattr(SparseEvaluation, "V", np.ones(4))
    assert not floats.value(policy).check()


def test_a_shared_logit_and_one_policy_in_all_states():
    theta = Parameter("theta", real=True)
    process = MDP(P2, [[0, 1], [2, 0]], Rational(1, 2), rho=1, actions=[1, 0])
    G = process.gradient(BernoulliPolicy(logit=theta))
    assert (
        simplify(G.doit() - diff(process.objective(BernoulliPolicy(logit=theta)).doit(), theta))
        == 0
    )
    assert G.check()
    assert check(G.derivation)


def test_logits_that_share_parameters():
    w, b = parameters("w b", real=True)
    process = MDP(P2, [[0, 1], [2, 0]], Rational(1, 2), rho=1)
    policy = {1: CategoricalPolicy([w + b, 0]), 2: CategoricalPolicy([2 * w + b, w])}
    G = process.gradient(policy)
    assert set(G.wrt) == {w, b}
    assert G.check(points=8)
    assert check(G.derivation)


@pytest.mark.parametrize("count", [6, 4000])
def test_sparse_tables_are_the_dense_ones(count):
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(2 * count), 3)
    columns = rng.integers(0, count, 6 * count)
    weights = rng.dirichlet(np.ones(3), 2 * count).ravel()
    P = sparse.csr_matrix((weights, (rows, columns)), shape=(2 * count, count))
    R = rng.standard_normal((count, 2))
    process = MDP(P, R, 0.99)
    policy = process.softmax_policy(rng.standard_normal((count, 2)))
    V = process.value(policy).table
    pi = process.evaluated(policy).pi
    again = (pi * (R + 0.99 * (P @ V).reshape(count, 2))).sum(axis=1)
    np.testing.assert_allclose(V, again, rtol=0, atol=1e-10 * np.abs(V).max())
    assert process.occupancy(policy).table.sum() == pytest.approx(1, abs=1e-10)
    if count < 10:
        dense = MDP(P.toarray().reshape(count, 2, count), R, 0.99)
        np.testing.assert_allclose(dense.value(policy).table, V, rtol=1e-12)
        each = MDP([P[a::2] for a in range(2)], R, 0.99)
        np.testing.assert_allclose(each.value(policy).table, V, rtol=1e-12)
    assert process.gradient(policy).check()


def test_terminal_states_and_termination_mean_the_same():
    half = Rational(1, 2)
    one = MDP([[[half, half]], [[0, 1]]], [[1], [0]], half, rho=1, terminal=[2])
    two = MDP([[[half]]], [[1]], half, rho=1, termination=[[half]])
    assert one.value([[1], [1]])[1] == two.value([[1]])[1] == Rational(4, 3)
    assert one.occupancy([[1], [1]])[1] == Rational(2, 3)
    assert one.value([[1], [1]])[2] == 0


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([[[1, 1], [0, 1]], [[0, 1], [1, 0]]], 0, 0), PolicyError, "state 1, action 1 sum to 2"),
        (([[[1, 0], [0, 1]], [[0, 1], [2, -1]]], 0, 0), PolicyError, "state 2, action 2"),
        (([[[1, 0], [0, 1]], [[0, 1]]], 0, 0), ShapeError, "state 2"),
        (([[[1, 0], [0, 1, 0]], [[0, 1], [1, 0]]], 0, 0), ShapeError, "state 1, action 2"),
        ((P2, [[1, 2]], 0), ShapeError, "1 rows"),
        ((P2, [[1, 2], [3]], 0), ShapeError, "state 2"),
        ((P2, 0, 2), PolicyError, "gamma = 2"),
        ((P2, 0, -1), PolicyError, "gamma = -1"),
        ((P2, 0, 0, [1, 1]), PolicyError, "rho"),
        ((P2, 0, 0, [1]), ShapeError, "rho"),
        ((7, 0, 0), PolicyError, "P = 7"),
        ((P2, "r", 0), PolicyError, "the reward"),
    ],
)
def test_what_is_wrong_is_named(arguments, error, words):
    with pytest.raises(error, match=words):
        MDP(*arguments)


def test_wrong_sparse_rows_are_named():
    P = np.array([[0.5, 0.5], [1.0, 0.0], [0.5, 0.4], [0.0, 1.0]])
    with pytest.raises(PolicyError, match="state 2, action 1"):
        MDP(sparse.csr_matrix(P), np.zeros((2, 2)), 0.5)
    with pytest.raises(PolicyError, match="state 2, action 1"):
        MDP(P.reshape(2, 2, 2), np.zeros((2, 2)), 0.5)


def test_without_discount_a_policy_must_end_the_episode():
    process = corridor()
    with pytest.raises(PolicyError, match="never ends an episode from state"):
        process.value([[0, 1]] * 4)
    with pytest.raises(PolicyError, match="never ends"):
        process.value(np.array([[0.0, 1.0]] * 4))
    assert process.value([[Rational(1, 2)] * 2] * 4)["one"] == -12


def test_policies_that_do_not_fit():
    process = walk()
    with pytest.raises(PolicyError, match="state away"):
        process.value({"home": [1, 0]})
    with pytest.raises(PolicyError, match="state home"):
        process.value([[1, 1], [1, 0]])
    with pytest.raises(ShapeError, match="state home"):
        process.value([[1], [1]])
    with pytest.raises(PolicyError, match="nothing is trained"):
        process.gradient([[1, 0], [1, 0]])


def test_results_pickle():
    process = walk()
    V = process.value(process.softmax_policy())
    assert pickle.loads(pickle.dumps(V)) == V
    assert np.array(process.value([[1, 0], [1, 0]]), dtype=float).tolist() == [0, 2]
    assert Matrix(V.table) == V.table
    estimate = process.trajectories(process.softmax_policy(), 2).gradient(baseline=1)
    assert pickle.loads(pickle.dumps(estimate)).variance == estimate.variance
    P, R, rho = random_tables(4, 2)
    floats = MDP(P, R, 0.9, rho)
    G = floats.gradient(floats.softmax_policy(np.zeros((4, 2))))
    assert G.check()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(G)).table, G.table)


def test_long_horizons_of_many_states_are_solved_without_filling_the_memory():
    """A factorisation of this matrix has a hundred million entries."""
    rng, count = np.random.default_rng(0), 10_000
    rows, columns = np.repeat(np.arange(count), 3), rng.integers(0, count, 3 * count)
    weights = rng.dirichlet(np.ones(3), count).ravel()
    P = sparse.csr_matrix((weights, (rows, columns)), shape=(count, count))
    gamma, R = 1 - 1e-6, rng.standard_normal((count, 1))
    started = time.process_time()
    process = MDP(P, R, gamma)
    V, visits = process.value(pi := np.ones((count, 1))).table, process.evaluated(pi).visits
    assert time.process_time() - started < 3
    np.testing.assert_allclose(V, R[:, 0] + gamma * (P @ V), rtol=0, atol=1e-12 * np.abs(V).max())
    assert visits.sum() * 1e-6 == pytest.approx(1, rel=1e-8)
    assert visits @ R[:, 0] == pytest.approx(V.mean(), rel=1e-6)
