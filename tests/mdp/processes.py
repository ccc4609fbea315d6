"""Decision processes that tests share, and evaluations that share no code with the package."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
from sympy import Rational

from symprice.mdp.process import MDP

HALF = Rational(1, 2)


def walk(gamma=HALF):
    """Two states; whoever is away and waits is paid."""
    return MDP(
        {
            ("home", "wait"): "home",
            ("home", "go"): "away",
            ("away", "wait"): "away",
            ("away", "go"): "home",
        },
        {("home", "wait"): 0, ("home", "go"): 0, ("away", "wait"): 1, ("away", "go"): 0},
        gamma,
        rho="home",
    )


def corridor():
    """Sutton & Barto, Example 13.1: three states, the second with left and right swapped."""
    moves = {
        ("one", "right"): "two",
        ("one", "left"): "one",
        ("two", "right"): "one",
        ("two", "left"): "three",
        ("three", "right"): "goal",
        ("three", "left"): "two",
    }
    states = ["one", "two", "three", "goal"]
    return MDP(moves, -1, 1, "one", states=states, terminal=["goal"])


def random_tables(count, choices, seed=0, ending=0.0):
    """Dense random tables in float64: P, R, rho."""
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.ones(count), size=(count, choices)) * (1 - ending)
    return P, rng.standard_normal((count, choices)), rng.dirichlet(np.ones(count))


def objective(P, R, gamma, rho, logits, digits=40):
    """J in mpmath by LU at many digits, from softmax logits."""
    with mpmath.workdps(digits):
        count, choices = len(P), len(P[0])
        A, b = mpmath.eye(count), mpmath.zeros(count, 1)
        for s in range(count):
            top = max(logits[s])
            weights = [mpmath.exp(z - top) for z in logits[s]]
            total = mpmath.fsum(weights)
            for a in range(choices):
                p = weights[a] / total
                b[s] += p * R[s][a]
                for t in range(count):
                    A[s, t] -= gamma * p * P[s][a][t]
        V = mpmath.lu_solve(A, b)
        return mpmath.fsum(rho[s] * V[s] for s in range(count))


def difference_quotients(P, R, gamma, rho, logits):
    """∂J/∂θ for every logit, by central differences at 40 digits."""
    found = np.zeros(np.shape(logits))
    with mpmath.workdps(40):
        h = mpmath.mpf(10) ** -12
        for s, a in itertools.product(*map(range, found.shape)):
            moved = []
            for sign in (1, -1):
                table = [[mpmath.mpf(float(z)) for z in row] for row in logits]
                table[s][a] += sign * h
                moved.append(objective(P, R, gamma, rho, table))
            found[s, a] = float((moved[0] - moved[1]) / (2 * h))
    return found
