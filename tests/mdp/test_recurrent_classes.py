"""The average reward of chains with several recurrent classes, held against powers of P."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Matrix, Rational, Symbol, diff, log, simplify

from symprice import BernoulliPolicy, Parameter
from symprice.mdp.process import MDP

theta = Parameter("theta", real=True)
HALF, THIRD = Rational(1, 2), Rational(1, 3)
# 1 and 2 are left for good, 3 and 4 are one class (of period two under the first action), 5 the
# other one.
P = [
    [[0, HALF, HALF, 0, 0], [THIRD, 0, 0, 0, 2 * THIRD]],
    [[1, 0, 0, 0, 0], [0, 0, 0, HALF, HALF]],
    [[0, 0, 0, 1, 0], [0, 0, HALF, HALF, 0]],
    [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0]],
    [[0, 0, 0, 0, 1], [0, 0, 0, 0, 1]],
]
R = [[7, 1], [0, 2], [3, -1], [1, 5], [2, 4]]
RHO = [HALF, Rational(1, 8), Rational(1, 8), Rational(1, 8), Rational(1, 8)]
TABLES = [np.array(x, dtype=float) for x in (P, R, RHO)]


def limit(pi):
    """ρP*, P*r by averages of powers of P_π."""
    moves, rewards, rho = TABLES
    step = np.einsum("sa,sat->st", pi, moves)
    power = np.linalg.matrix_power(step, 2**8)
    average = (power + power @ step) / 2
    return rho @ average, average @ (pi * rewards).sum(axis=1)


def softmax(logits):
    weights = np.exp(logits)
    return weights / weights.sum(axis=1, keepdims=True)


def test_in_floats():
    logits = np.random.default_rng(2).standard_normal((5, 2))
    process = MDP(*TABLES[:2], 0.5, TABLES[2])
    found = process.average_reward(process.softmax_policy(logits))
    shares, gain = limit(softmax(logits))
    np.testing.assert_allclose(found.stationary, shares, atol=1e-12)
    np.testing.assert_allclose(found.gain, gain, rtol=1e-12)
    assert found.doit() == pytest.approx(TABLES[2] @ gain, rel=1e-12)
    quotients = np.zeros((5, 2))
    for place in np.ndindex(5, 2):
        step = np.zeros((5, 2))
        step[place] = 1e-5
        both = (TABLES[2] @ limit(softmax(logits + way * step))[1] for way in (1, -1))
        quotients[place] = (next(both) - next(both)) / 2e-5
    np.testing.assert_allclose(found.gradient(), quotients, atol=1e-9)
    assert found.check()


def test_in_symbols():
    process = MDP(P, R, 0, RHO, actions=[1, 0])
    found = process.average_reward(BernoulliPolicy(logit=theta))
    assert found.classes == [[2, 3], [4]] and found.transient == [0, 1]
    point = {theta: log(Rational(3, 7))}
    shares, gain = limit(np.array([[0.3, 0.7]] * 5))
    np.testing.assert_allclose([float(x.subs(point)) for x in found.stationary], shares, atol=1e-12)
    np.testing.assert_allclose([float(g.subs(point)) for g in found.gain], gain, rtol=1e-12)
    assert simplify(found.gradient() - diff(found.doit(), theta)) == 0
    assert found.check(points=2)
    assert "g(1) &=" in found.latex()


def test_differential_values_have_no_mean_in_any_class():
    process = MDP(P, R, 0, RHO)
    rows = [[THIRD, 2 * THIRD]] * 5
    found = process.average_reward(rows)
    floats = MDP(*TABLES[:2], 0.5, TABLES[2]).average_reward(np.array(rows, dtype=float))
    np.testing.assert_allclose([float(h) for h in found.differential], floats.differential)
    for mu in found.shares:
        assert sum(m * h for m, h in zip(mu, found.differential, strict=True)) == 0
    # h is the limit of Σ_t (P^t r - g) in averages, Puterman's bias.
    step = np.einsum("sa,sat->st", np.array(rows, dtype=float), TABLES[0])
    paid = (np.array(rows, dtype=float) * TABLES[1]).sum(axis=1)
    total, sums = np.zeros(5), np.zeros(5)
    for _ in range(20_000):
        sums += paid - floats.gain
        total += sums
        paid = step @ paid
    np.testing.assert_allclose(total / 20_000, floats.differential, atol=2e-3)


def test_classes_of_symbols_and_a_chain_that_stays():
    p = Symbol("p", positive=True)
    stay = MDP([[[1, 0]], [[0, 1]]], [[3], [p]], 0, rho=[Rational(1, 4), Rational(3, 4)])
    found = stay.average_reward([[1], [1]])
    assert simplify(found.doit() - Rational(3, 4) * (p + 1)) == 0
    assert Matrix(found.gain) == Matrix([3, p])


def test_a_wrong_way_into_the_classes_fails(monkeypatch):
    from symprice.mdp.long_run import AverageReward

    process = MDP(*TABLES[:2], 0.5, TABLES[2])
    found = process.average_reward(np.full((5, 2), 0.5))
    wrong = [x * 1.01 for x in found.absorption]
    monkeypatch.setattr(AverageReward, "absorption", wrong)
    assert not process.average_reward(np.full((5, 2), 0.5)).check()
