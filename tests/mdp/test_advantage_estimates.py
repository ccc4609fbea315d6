"""Advantage estimates in finite horizons: mean and variance over all courses of an episode."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Rational, expand, simplify, symbols, tanh

from symprice import MDP, MLP, CategoricalPolicy, Observable, inputs, parameters
from symprice.errors import PolicyError

p, q = parameters("p q", positive=True)
HALF = Rational(1, 2)
#: From t, an episode ends with probability 1/4 after b: it is terminated, else cut by the horizon.
WALK = MDP(
    {
        ("s", "a"): {"s": Rational(1, 3), "t": Rational(2, 3)},
        ("s", "b"): "t",
        ("t", "a"): "s",
        ("t", "b"): {"end": Rational(1, 4), "s": Rational(3, 4)},
    },
    {"s": 2, ("t", "a"): -1, ("t", "b"): 3},
    HALF,
    "s",
    terminal="end",
)
POLICY = {
    "s": CategoricalPolicy(probabilities=[p, 1 - p], actions=["a", "b"]),
    "t": CategoricalPolicy(probabilities=[q, 1 - q], actions=["a", "b"]),
}
POINT = {p: Rational(3, 10), q: Rational(3, 5)}
VALUES = {"s": Rational(1, 3), "t": Rational(-3, 2)}


def by_hand(horizon, lam, v=(1 / 3, -1.5), gamma=0.5, ps=(0.3, 0.6)):
    """Mean and variance of the estimate by p and q, over all courses, in plain floats."""
    moves = {(0, 0): [(1 / 3, 0), (2 / 3, 1)], (0, 1): [(1, 1)], (1, 0): [(1, 0)]}
    moves[1, 1] = [(0.25, None), (0.75, 0)]
    paid = {(0, 0): 2, (0, 1): 2, (1, 0): -1, (1, 1): 3}
    first, second = np.zeros(2), np.zeros(2)

    def run(weight, s, deltas, scores, left):
        nonlocal first, second
        if s is None or left == 0:
            total = np.zeros(2)
            for t, score in enumerate(scores):
                total += (
                    sum(gamma**k * lam ** (k - t) * deltas[k] for k in range(t, len(deltas)))
                    * score
                )
            first, second = first + weight * total, second + weight * total**2
            return
        for a in (0, 1):
            chance = ps[s] if a == 0 else 1 - ps[s]
            score = np.zeros(2)
            score[s] = 1 / ps[s] if a == 0 else -1 / (1 - ps[s])
            for w, t in moves[s, a]:
                delta = paid[s, a] + (0 if t is None else gamma * v[t]) - v[s]
                run(weight * chance * w, t, [*deltas, delta], [*scores, score], left - 1)

    run(1.0, 0, [], [], horizon)
    return first, second - first**2


@pytest.mark.parametrize(("horizon", "lam"), [(1, HALF), (3, 0), (3, Rational(7, 10)), (3, 1)])
def test_mean_and_variance_against_an_enumeration_by_hand(horizon, lam):
    found = WALK.trajectories(POLICY, horizon).gradient("gae", VALUES, lam=lam)
    mean, variance = by_hand(horizon, float(lam))
    for formula, expected in ((found.mean, mean), (found.variance, variance)):
        numbers = [float(x) for x in formula.subs(POINT)]
        np.testing.assert_allclose(numbers, expected, rtol=1e-12, atol=1e-14)


def test_without_a_value_at_the_horizon_lambda_one_is_the_reward_to_go():
    T = WALK.trajectories(POLICY, 2)

    def value(state, left):
        return 0 if left == 0 else VALUES[str(state)] * left

    one, to_go = T.gradient("gae", value, lam=1), T.gradient("to_go", value)
    assert (one.mean - to_go.mean).applyfunc(simplify).is_zero_matrix
    assert (one.variance - to_go.variance).applyfunc(simplify).is_zero_matrix


def test_with_the_true_values_every_lambda_gives_the_gradient():
    T = WALK.trajectories(POLICY, 2)
    values = {left: dict(zip(["s", "t"], T.value(left), strict=False)) for left in range(3)}
    lam = symbols("lamda")
    found = T.gradient("gae", lambda s, left: values[left][str(s)], lam=lam)
    for v, mean in zip((p, q), found.mean, strict=True):
        assert expand(simplify(mean - T.objective.diff(v))) == 0
    assert found.variance.has(lam)


def test_checks_and_a_mutation(monkeypatch):
    found = WALK.trajectories(POLICY, 2).gradient("gae", VALUES, lam=Rational(1, 3))
    assert bool(found.check(points=2))
    from symprice.mdp import horizon

    right = horizon.weights_of
    monkeypatch.setattr(horizon, "weights_of", lambda *args: [2 * w for w in right(*args)])
    again = WALK.trajectories(POLICY, 2).gradient("gae", VALUES, lam=Rational(1, 3))
    assert not bool(again.check(points=2))


def test_through_a_network():
    net, x = MLP(2, 3, 2, activation=tanh), inputs("x", 2)
    policy = {"s": CategoricalPolicy(net(x), actions=["a", "b"]), "t": "b"}
    found = WALK.trajectories(policy, 2).gradient("gae", VALUES, lam=HALF)
    assert bool(found.mean.check(points=1))
    assert found.variance_along(Observable("P")) != 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "gae"}, "lam"),
        ({"kind": "to_go", "lam": HALF}, "no lam"),
        ({"kind": "gae", "lam": 2}, "lies in"),
        ({"kind": "other"}, "gae"),
    ],
)
def test_requests_that_make_no_sense(settings, words):
    with pytest.raises(PolicyError, match=words):
        WALK.trajectories(POLICY, 2).gradient(**settings)
