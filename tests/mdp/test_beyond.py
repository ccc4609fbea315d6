"""Natural gradient, performance differences, average reward: held against other routes."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Eq, Integer, Matrix, Rational, diff, log, simplify, symbols, tanh

from symprice import (
    MLP,
    BernoulliPolicy,
    CategoricalPolicy,
    NTCov,
    Observable,
    Parameter,
    check,
    observables,
    parameters,
)
from symprice.errors import PolicyError
from symprice.mdp.process import MDP
from tests.mdp.processes import corridor, random_tables, walk

P2 = [[[1, 0], [0, 1]], [[0, 1], [1, 0]]]
HALF = Rational(1, 2)


def test_the_natural_gradient_solves_the_fisher_system():
    w, b = parameters("w b", real=True)
    process = MDP(P2, [[0, 1], [2, 0]], HALF, rho=1)
    policy = {1: CategoricalPolicy([w, 0]), 2: CategoricalPolicy([b, 0])}
    found = process.natural_gradient(policy)
    assert found.check()
    # Two actions, one logit: the Fisher matrix has full rank and the features fit A exactly.
    A = process.advantage(policy)
    for s in process.states:
        for a in process.actions:
            assert simplify(found.fit(s, a) - A[s, a]) == 0


def test_the_tabular_natural_gradient_is_the_advantage():
    process = walk()
    exact = process.natural_gradient(process.softmax_policy())
    assert exact.check(points=6)
    P, R, rho = random_tables(4, 3, seed=7)
    floats = MDP(P, R, 0.9, rho)
    logits = np.random.default_rng(8).standard_normal((4, 3))
    policy = floats.softmax_policy(logits)
    found = floats.natural_gradient(policy)
    assert found.check()
    # The pseudo-inverse of the whole Fisher matrix, which numpy.linalg finds.
    d, pi = floats.occupancy(policy).table, floats.evaluated(policy).pi
    F = np.zeros((12, 12))
    for s in range(4):
        block = slice(3 * s, 3 * s + 3)
        F[block, block] = d[s] * (np.diag(pi[s]) - np.outer(pi[s], pi[s]))
    expected = np.linalg.pinv(F) @ floats.gradient(policy).table.ravel()
    np.testing.assert_allclose(found.doit().ravel(), expected, rtol=1e-9, atol=1e-10)


def test_the_performance_difference_lemma():
    p, q = symbols("p q", positive=True)
    process = walk()
    found = process.compared([[1 - p, p], [1, 0]], [[1 - q, q], [HALF, HALF]])
    assert simplify(found.doit() - found.by_objectives) == 0
    assert check(found.derivation)
    assert found.check()
    P, R, rho = random_tables(5, 2, seed=9)
    floats = MDP(P, R, 0.95, rho)
    rng = np.random.default_rng(1)
    policies = [floats.softmax_policy(rng.standard_normal((5, 2))) for _ in range(2)]
    both = floats.compared(*policies)
    assert both.doit() == pytest.approx(
        floats.objective(policies[0]).doit() - floats.objective(policies[1]).doit(), rel=1e-11
    )
    assert both.check()


def test_the_average_reward_is_the_limit_of_the_discounted_one():
    P, R, _ = random_tables(4, 2, seed=11)
    rng = np.random.default_rng(3)
    logits = rng.standard_normal((4, 2))
    process = MDP(P, R, 1 - 1e-7)
    policy = process.softmax_policy(logits)
    found = process.average_reward(policy)
    assert found.check()
    assert 1e-7 * process.objective(policy).doit() == pytest.approx(found.doit(), rel=1e-5)
    np.testing.assert_allclose(
        1e-7 * process.gradient(policy).table, found.gradient(), rtol=1e-4, atol=1e-6
    )


def test_the_average_reward_in_symbols():
    theta = Parameter("theta", real=True)
    process = MDP(P2, [[0, 1], [2, 0]], 0, actions=[1, 0])
    found = process.average_reward(BernoulliPolicy(logit=theta))
    assert found.check()
    assert simplify(found.gradient() - diff(found.doit(), theta)) == 0
    assert Matrix(found.stationary)[0] == HALF


def test_the_average_reward_of_episodes_that_end():
    with pytest.raises(PolicyError, match="episodes end"):
        corridor().average_reward([[1, 0]] * 4)


def test_soft_values_and_gradients():
    process = walk().soft(Rational(1, 3))
    policy = process.softmax_policy()
    for name in ("value", "q", "advantage", "objective", "gradient"):
        assert getattr(process, name)(policy).check(points=2), name
    assert check(process.gradient(policy).derivation, points=2)
    P, R, rho = random_tables(4, 3, seed=13)
    floats = MDP(P, R, 0.9, rho).soft(0.2)
    logits = np.random.default_rng(1).standard_normal((4, 3))
    assert floats.gradient(floats.softmax_policy(logits)).check()
    pi = floats.evaluated(floats.softmax_policy(logits)).pi
    entropy = -(pi * np.log(pi)).sum(axis=1)
    plain = MDP(P, R + 0.2 * entropy[:, None], 0.9, rho)
    soft = floats.objective(floats.softmax_policy(logits)).doit()
    assert soft == pytest.approx(plain.objective(pi).doit(), rel=1e-12)


def test_the_soft_optimum_has_no_gradient_and_the_best_value():
    P, R, rho = random_tables(5, 3, seed=14)
    process = MDP(P, R, 0.9, rho).soft(0.1)
    pi, V = process.soft_optimum()
    best = process.softmax_policy(np.log(pi))
    assert np.abs(process.gradient(best).table).max() < 1e-11
    np.testing.assert_allclose(process.value(best).table, V, rtol=1e-11)
    # The soft Bellman equation iterated from zero, which shares nothing with Newton's method.
    v = np.zeros(5)
    for _ in range(400):
        q = R + 0.9 * P @ v
        top = q.max(axis=1, keepdims=True)
        v = (top + 0.1 * np.log(np.exp((q - top) / 0.1).sum(axis=1, keepdims=True))).ravel()
    np.testing.assert_allclose(V, v, rtol=1e-10)


def test_generalised_advantages():
    lam, v1, v2 = symbols("lambda v1 v2")
    process = walk()
    policy = [[HALF, HALF], [Rational(1, 3), Rational(2, 3)]]
    found = process.gae(policy, lam)
    A = process.advantage(policy).table
    assert (found.table - A).applyfunc(simplify) == Matrix.zeros(2, 2)
    any_values = process.gae(policy, lam, [v1, v2])
    assert any_values.check(points=5)
    Q = process.q(policy).table
    shifted = any_values.table.subs(lam, 1) - Q + Matrix([[v1, v1], [v2, v2]])
    assert shifted.applyfunc(simplify) == Matrix.zeros(2, 2)
    P, R, rho = random_tables(4, 2, seed=15)
    floats = MDP(P, R, 0.9, rho)
    numbers = floats.softmax_policy(np.zeros((4, 2)))
    guess = np.arange(4.0)
    estimate = floats.gae(numbers, 0.7, guess)
    assert estimate.check()
    # The sum over time, term by term.
    pi = floats.evaluated(numbers).pi
    delta = R + 0.9 * P @ guess - guess[:, None]
    total, weight = delta.copy(), np.eye(8).reshape(4, 2, 4, 2)
    for _ in range(300):
        weight = np.einsum("sakb,kbt,tc->satc", weight, P, pi) * 0.9 * 0.7
        total += np.einsum("satc,tc->sa", weight, delta)
    np.testing.assert_allclose(estimate.table, total, rtol=1e-11)
    exact = floats.gradient(numbers).table
    np.testing.assert_allclose(floats.gae(numbers, 1.0, guess).gradient(), exact, atol=1e-12)
    assert np.abs(floats.gae(numbers, 0.0, guess).gradient() - exact).max() > 1e-3


def test_trajectories_of_a_finite_horizon():
    theta = Parameter("theta", real=True)
    third = Rational(1, 3)
    P = [[[third, 2 * third], [1, 0]], [[0, 1], [HALF, HALF]]]
    R = [[[1, 0], [2, 2]], [[0, 3], [1, -1]]]
    process = MDP(P, R, HALF, rho=[third, 2 * third], actions=[1, 0])
    T = process.trajectories(BernoulliPolicy(logit=theta), 3)
    variances = []
    for kind in ("return", "to_go"):
        for baseline in (None, 1, {1: 2, 2: -1}, lambda s, left: s * left):
            found = T.gradient(kind, baseline)
            assert found.check(points=2)
            variances.append(float(found.variance.subs(theta, 0.3)))
    assert len({round(x, 9) for x in variances}) == len(variances)
    # A long run of episodes, drawn by NumPy from the tables themselves.
    rng, gamma, n = np.random.default_rng(0), 0.5, 20000
    p = 1 / (1 + np.exp(-0.3))
    p_next = np.array([[[float(x) for x in row] for row in line] for line in P])
    rewards = np.array(R, float)
    s = (rng.random(n) < 2 / 3).astype(int)
    slopes, paid = np.zeros((3, n)), np.zeros((3, n))
    for t in range(3):
        a = (rng.random(n) >= p).astype(int)
        slopes[t] = np.where(a == 0, 1 - p, -p)
        following = (rng.random(n) >= p_next[s, a, 0]).astype(int)
        paid[t] = gamma**t * rewards[s, a, following]
        s = following
    for kind in ("return", "to_go"):
        weights = paid.sum(axis=0) if kind == "return" else np.cumsum(paid[::-1], axis=0)[::-1]
        samples = (slopes * weights).sum(axis=0)
        found = T.gradient(kind)
        mean = float(found.mean.subs(theta, 0.3))
        variance = float(found.variance.subs(theta, 0.3))
        assert abs(samples.mean() - mean) < 4 * np.sqrt(variance / n)
        assert samples.var() == pytest.approx(variance, rel=0.06)


def test_long_horizons_meet_the_discounted_gradient():
    process = walk(Rational(1, 8))
    policy = process.softmax_policy()
    T = process.trajectories(policy, 6)
    point = dict(zip(policy_symbols(policy), (0.1, -0.3, 0.5, 0.2), strict=True))
    finite = Matrix(T.gradient().mean).subs(point).evalf()
    ever = Matrix(process.gradient(policy).doit()).subs(point).evalf()
    assert max(abs(x) for x in finite - ever) < 8.0**-5


def policy_symbols(policy):
    return [z for row in policy.logits for z in row]


def test_networks_enter_through_their_covariances():
    """NTCov(J, P) by the chain rule through the logits is NTCov of the whole formula."""
    z = observables("z1:5")
    P = Observable("P")
    w, b = parameters("w b", real=True)
    process = MDP(P2, [[0, 1], [2, 0]], HALF, rho=1)
    policy = process.softmax_policy([z[:2], z[2:]])
    heads = dict(zip(z, (w, b * w, tanh(b), w + b), strict=True))
    moved = process.gradient(policy).covariance(P).subs({P: w * b, **heads}).doit()
    direct = NTCov(process.objective(policy).doit().subs(heads), w * b)
    assert check(Eq(direct, moved), points=5)


def test_a_small_network_as_policy():
    net = MLP(1, 2, 2)
    process = MDP(P2, [[0, 1], [2, 0]], HALF, rho=1)
    policy = {s: CategoricalPolicy(net.explicit(Integer(x))) for s, x in ((1, 1), (2, -1))}
    G = process.gradient(policy)
    assert len(G.wrt) == 10
    assert G.check(points=2)


def test_the_performance_difference_in_a_soft_process():
    """Bonuses depend on the policy, so the old advantage alone is not enough."""
    P, R, rho = random_tables(5, 2, seed=9)
    floats = MDP(P, R, 0.95, rho).soft(0.7)
    rng = np.random.default_rng(1)
    one, two = (floats.softmax_policy(rng.standard_normal((5, 2))) for _ in range(2))
    for new, old in ((one, two), (two, one)):
        found = floats.compared(new, old)
        J = [floats.objective(policy).doit() for policy in (new, old)]
        assert found.doit() == pytest.approx(J[0] - J[1], rel=1e-11)
        assert found.check()
    exact = (
        walk()
        .soft(Rational(1, 3))
        .compared([[HALF, HALF]] * 2, [[Rational(1, 3), Rational(2, 3)]] * 2)
    )
    assert exact.check()
    assert check(exact.derivation)
    assert abs(exact.doit() - exact.by_objectives).evalf() < 1e-15


def test_a_wrong_performance_difference_fails(monkeypatch):
    from symprice.mdp.comparisons import Comparison

    found = walk().compared([[HALF, HALF]] * 2, [[1, 0]] * 2)
    wrong = [[Integer(0), Integer(1)], [Integer(1), Integer(0)]]
    monkeypatch.setattr(Comparison, "excess", wrong)
    assert not found.check()
    assert not check(found.derivation)


def test_the_average_reward_of_a_soft_process():
    """Tables with the bonus written into the rewards by hand."""
    P, R, _ = random_tables(4, 2, seed=11)
    process = MDP(P, R, 0.5).soft(0.3)
    pi = process.evaluated(process.softmax_policy(np.ones((4, 2)) * [0.4, -0.2])).pi
    by_hand = MDP(P, R - 0.3 * np.log(pi), 0.5).average_reward(pi)
    found = process.average_reward(pi)
    assert found.doit() == pytest.approx(by_hand.doit(), rel=1e-13)
    assert found.doit() != pytest.approx(MDP(P, R, 0.5).average_reward(pi).doit(), rel=1e-3)
    theta = Parameter("theta", real=True)
    exact = MDP(P2, [[0, 1], [2, 0]], 0, actions=[1, 0]).soft(HALF)
    assert exact.average_reward(BernoulliPolicy(logit=theta)).check(points=3)


def test_states_that_are_left_for_good_do_not_count_in_the_long_run():
    P = [[[0, HALF, HALF], [HALF, 0, HALF]], [[0, 0, 1], [0, 1, 0]], [[0, 1, 0], [0, HALF, HALF]]]
    R = [[5, 1], [1, 2], [3, -1]]
    theta = Parameter("theta", real=True)
    exact = MDP(P, R, 0, actions=[1, 0]).average_reward(BernoulliPolicy(logit=theta))
    assert exact.check(points=3)
    assert exact.stationary[0] == 0
    pi = np.array([[0.3, 0.7]] * 3)
    floats = MDP(np.array(P, float), np.array(R, float), 0).average_reward(pi)
    assert floats.check()
    # Powers of P_π.
    steps = np.einsum("sa,sat->st", pi, np.array(P, float))
    mean = (np.linalg.matrix_power(steps, 2**12) @ (pi * R).sum(axis=1))[0]
    assert floats.doit() == pytest.approx(mean, rel=1e-12)
    assert float(exact.doit().subs(theta, log(Rational(3, 7)))) == pytest.approx(mean, rel=1e-12)


def test_a_variable_that_the_policy_does_not_hold():
    process, other = walk(), Parameter("other")
    policy = process.softmax_policy()
    for asked in (
        lambda: process.trajectories(policy, 2).gradient(wrt=other),
        lambda: process.average_reward(policy).gradient(other),
        lambda: process.gae(policy, HALF).gradient(other),
        lambda: process.gradient(policy, other),
    ):
        with pytest.raises(PolicyError, match="by other, which the policy does not hold"):
            asked()


def test_the_theorem_is_derived_in_the_names_of_its_quantities():
    process = walk()
    text = process.gradient(process.softmax_policy()).derivation.text()
    assert "∂/∂θ_(home wait) V(away) = N(home | away) g(home)" in text
    assert "2A(home, wait) d(home) π(wait | home)" in " ".join(text.split())


def test_results_of_many_states_stay_short():
    P, R, rho = random_tables(50, 3, seed=2)
    process = MDP(P, R, 0.9, rho)
    policy = process.softmax_policy(np.zeros((50, 3)))
    for result in (
        *(getattr(process, name)(policy) for name in ("value", "q", "advantage", "occupancy")),
        process.gradient(policy),
        process.natural_gradient(policy),
        process.gae(policy, 0.5),
    ):
        assert len(repr(result)) < 100
        assert result._repr_latex_() is None
    assert len(repr(process.softmax_policy())) < 100
