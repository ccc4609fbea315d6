"""Heads of several states that share parameters, in symbols, against linear algebra in floats."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import ImmutableDenseMatrix, Matrix, Rational

from symprice import MDP, CategoricalPolicy, parameters
from symprice.mdp import natural
from symprice.mdp.linear import solve_by_minors

x, y = parameters("x y", real=True)
COUNTS = np.random.default_rng(5).integers(1, 6, size=(2, 2, 2))
MOVES = COUNTS / COUNTS.sum(-1, keepdims=True)
REWARDS = np.array([[3, -1], [0, 2]])
START = np.array([2, 1]) / 3
PROCESS = MDP(
    [[[Rational(int(n), int(row.sum())) for n in row] for row in s] for s in COUNTS],
    REWARDS.tolist(),
    Rational(7, 10),
    [Rational(2, 3), Rational(1, 3)],
)
POLICY = {1: CategoricalPolicy([x, 2 * y]), 2: CategoricalPolicy([y, -x])}
POINT = (0.3, -0.8)


def probabilities(a, b):
    weights = np.exp(np.array([[a, 2 * b], [b, -a]]))
    return weights / weights.sum(1, keepdims=True)


def slopes(f):
    h = 1e-6
    a, b = POINT
    return np.array([(f(a + h, b) - f(a - h, b)) / (2 * h), (f(a, b + h) - f(a, b - h)) / (2 * h)])


def numbers(column):
    return np.array(Matrix(column).subs({x: POINT[0], y: POINT[1]}).evalf(), dtype=float).ravel()


def visits(a, b):
    chain = np.einsum("sa,sat->st", probabilities(a, b), MOVES)
    return np.linalg.solve((np.eye(2) - 0.7 * chain).T, START)


def objective(a, b):
    return visits(a, b) @ (probabilities(a, b) * REWARDS).sum(1)


def gain(a, b):
    chain = np.einsum("sa,sat->st", probabilities(a, b), MOVES)
    stationary = np.linalg.matrix_power(chain, 200)[0]
    return stationary @ (probabilities(a, b) * REWARDS).sum(1)


@pytest.mark.parametrize("patience", [5.0, 1e-3])
@pytest.mark.parametrize("damping", [0, Rational(1, 10)])
def test_the_natural_gradient(damping, patience, monkeypatch):
    """By elimination, and where that takes too long by minors."""
    monkeypatch.setattr(natural, "_PATIENCE", patience)
    scores = np.moveaxis(slopes(lambda a, b: np.log(probabilities(a, b))), 0, -1)
    weights = 0.3 * visits(*POINT)[:, None] * probabilities(*POINT)
    fisher = np.einsum("sa,sai,saj->ij", weights, scores, scores)
    expected = np.linalg.solve(fisher + float(damping) * np.eye(2), slopes(objective))
    found = PROCESS.natural_gradient(POLICY, damping=damping).doit()
    assert numbers(found) == pytest.approx(expected, rel=1e-7)


def test_the_gradient_of_the_average_reward():
    found = PROCESS.average_reward(POLICY).gradient()
    assert numbers(found) == pytest.approx(slopes(gain), rel=1e-7, abs=1e-7)


def test_minors_solve_and_see_what_is_singular():
    matrix = ImmutableDenseMatrix([[x**2 + 1, x * y], [x * y, y**2 + 2]])
    product = matrix * Matrix(solve_by_minors(matrix, [x, 3]))
    assert numbers(product) == pytest.approx([POINT[0], 3], rel=1e-13)
    assert solve_by_minors(ImmutableDenseMatrix([[x**2, x * y], [x * y, y**2]]), [x, y]) is None
