"""Estimates from episodes: weights and baselines, held against an enumeration by their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Matrix, Rational, Symbol

from symprice import MLP, BernoulliPolicy, CategoricalPolicy, inputs, parameters
from symprice.errors import NoRuleError, PolicyError
from symprice.mdp.process import MDP

t1, t2 = parameters("t1 t2", real=True)
g = Symbol("g", positive=True)
HALF, THIRD, SIXTH = Rational(1, 2), Rational(1, 3), Rational(1, 6)
# Three states, the third of them terminal; an action of the first may end the episode, too.
P = [
    [[HALF, HALF / 2, HALF / 2], [0, 2 * THIRD, SIXTH]],
    [[THIRD, THIRD, THIRD], [1, 0, 0]],
    [[0, 0, 1], [0, 0, 1]],
]
ENDS = [[0, SIXTH], [0, 0], [0, 0]]
R = [[[1, 2, -1], [0, 3, 1]], [[HALF, -2, 1], [4, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
RHO = [HALF, THIRD, SIXTH]
POINT = {g: 0.7, t1: 0.3, t2: -0.8}
BASELINES = {
    "none": (None, lambda s, left: 0.0),
    "number": (Rational(3, 2), lambda s, left: 1.5),
    "by state": ({1: 2, 2: -1}, lambda s, left: (2.0, -1.0)[s]),
    "by time": (lambda s, left: s * left + left**2, lambda s, left: (s + 1) * left + left**2),
}


def episodes(gamma, angles, horizon):
    """(probability, [(s, a, r), …], the state where it was cut or None), by recursion."""
    moves, ends, rewards = (np.array(x, dtype=float) for x in (P, ENDS, R))
    up = 1 / (1 + np.exp(-np.array(angles)))

    def following(weight, past, s, left):
        if left == 0 or s in (None, 2):
            yield weight, past, s
            return
        for a, chance in enumerate((up[s], 1 - up[s])):
            for t in range(3):
                if moves[s, a, t]:
                    step = (*past, (s, a, rewards[s, a, t]))
                    yield from following(weight * chance * moves[s, a, t], step, t, left - 1)
            if ends[s, a]:
                yield weight * chance * ends[s, a], (*past, (s, a, 0.0)), None

    for s, start in enumerate(RHO):
        yield from following(float(start), (), s, horizon)


def weight(kind, gamma, lam, paid, values, t):
    """What weighs the score of step t, by the formulas of the literature."""
    later = paid[t:]
    if kind == "return":  # Williams: the whole return
        return sum(gamma**k * r for k, r in enumerate(paid)) - values[t]
    if kind == "to_go":  # Sutton and Barto, (13.11)
        return gamma**t * (sum(gamma**k * r for k, r in enumerate(later)) - values[t])
    # Schulman et al., (14) to (16): the mean of the n-step advantages with weights (1-λ)λⁿ⁻¹.
    steps = [
        sum(gamma**k * r for k, r in enumerate(later[:n])) + gamma**n * values[t + n] - values[t]
        for n in range(1, len(later) + 1)
    ]
    total = sum((1 - lam) * lam**n * x for n, x in enumerate(steps[:-1]))
    return gamma**t * (total + lam ** (len(steps) - 1) * steps[-1])


def estimate(gamma, angles, horizon, kind, baseline, lam=None):
    """J, the mean and the variance of the estimate, by enumeration."""
    up = 1 / (1 + np.exp(-np.array(angles)))
    objective, first, second = 0.0, np.zeros(2), np.zeros(2)
    for chance, steps, last in episodes(gamma, angles, horizon):
        paid = [r for *_, r in steps]
        values = [baseline(s, horizon - t) for t, (s, *_) in enumerate(steps)]
        values.append(0.0 if last in (None, 2) else baseline(last, horizon - len(steps)))
        found = np.zeros(2)
        for t, (s, a, _) in enumerate(steps):
            found[s] += ((1 - a) - up[s]) * weight(kind, gamma, lam, paid, values, t)
        objective += chance * sum(gamma**k * r for k, r in enumerate(paid))
        first += chance * found
        second += chance * found**2
    return objective, first, second - first**2


def trajectories(gamma, horizon):
    process = MDP(P, R, gamma, RHO, terminal=[3], termination=ENDS, actions=[1, 0])
    policy = {1: BernoulliPolicy(logit=t1), 2: BernoulliPolicy(logit=t2)}
    return process.trajectories(policy, horizon)


def floats(column):
    return np.array(Matrix(column).subs(POINT).evalf().tolist(), dtype=float).ravel()


@pytest.mark.parametrize(("gamma", "horizon"), [(Rational(7, 10), 2), (1, 2), (0, 2), (g, 1)])
@pytest.mark.parametrize("kind", ["return", "to_go", "gae"])
def test_against_enumeration(kind, gamma, horizon):
    T, number = trajectories(gamma, horizon), 0.7 if gamma == g else float(gamma)
    angles, lam = (0.3, -0.8), None if kind != "gae" else 0.3
    slopes = np.zeros(2)
    for k, step in enumerate(1e-5 * np.eye(2)):
        both = (
            estimate(number, np.array(angles) + way * step, horizon, "return", lambda s, left: 0.0)
            for way in (1, -1)
        )
        slopes[k] = (next(both)[0] - next(both)[0]) / 2e-5
    for given, own in BASELINES.values():
        found = T.gradient(kind, given, lam=lam and Rational(3, 10))
        J, mean, variance = estimate(number, angles, horizon, kind, own, lam)
        assert float(T.objective.subs(POINT)) == pytest.approx(J, rel=1e-12)
        np.testing.assert_allclose(floats(found.mean), mean, atol=1e-12)
        np.testing.assert_allclose(floats(found.variance), variance, atol=1e-11)
        if kind != "gae":  # every baseline leaves the mean where it is
            np.testing.assert_allclose(mean, slopes, atol=1e-9)


@pytest.mark.parametrize("kind", ["return", "to_go"])
def test_the_best_number_and_the_true_values_as_baselines(kind):
    T = trajectories(HALF, 2)
    best = T.gradient(kind, "optimal")
    b = float(best.baseline(0, 2).subs(POINT))

    def spread(number):
        return estimate(0.5, (0.3, -0.8), 2, kind, lambda s, left: number)[2].sum()

    assert floats(best.variance).sum() == pytest.approx(spread(b), rel=1e-12)
    assert spread(b) < min(spread(b + 0.01), spread(b - 0.01))
    # V_1 is the mean reward of a step, V_2 one step more, in NumPy.
    moves, rewards = np.array(P, dtype=float), np.array(R, dtype=float)
    up = 1 / (1 + np.exp(-np.array([0.3, -0.8, 0.0])))
    pi = np.stack([up, 1 - up], axis=1)
    one = np.einsum("sa,sat,sat->s", pi, moves, rewards) * [1, 1, 0]
    two = one + 0.5 * np.einsum("sa,sat,t->s", pi, moves, one) * [1, 1, 0]
    value = T.gradient(kind, "value")
    _, mean, variance = estimate(0.5, (0.3, -0.8), 2, kind, lambda s, left: (one, two)[left - 1][s])
    np.testing.assert_allclose(floats(value.mean), mean, atol=1e-12)
    np.testing.assert_allclose(floats(value.variance), variance, atol=1e-12)


def test_advantages_of_the_true_values_have_the_gradient_as_mean():
    T = trajectories(HALF, 2)
    found = T.gradient("gae", "value", lam=THIRD)
    np.testing.assert_allclose(floats(found.mean), floats(T.gradient().mean), atol=1e-14)


def test_baselines_that_are_refused():
    T = trajectories(HALF, 1)
    for kind, baseline, lam in (("gae", "optimal", HALF), ("to_go", "values", None)):
        with pytest.raises(PolicyError, match="write 'value', or 'optimal'"):
            T.gradient(kind, baseline, lam=lam)
    with pytest.raises(PolicyError, match="no baseline for state 2"):
        T.gradient("to_go", {1: 0})
    policy = CategoricalPolicy(MLP(2, 3, 2)(inputs("x", 2)))
    bandit = MDP([[[1], [1]]], [[3, 1]], 1).trajectories(policy, 1)
    with pytest.raises(NoRuleError, match="all of its covariances"):
        bandit.gradient("to_go", "optimal")
