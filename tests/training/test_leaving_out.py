"""What leaving an example out does, from one run backwards: against training without it."""

from __future__ import annotations

import numpy as np
import pytest

from symprice import cross_entropy, inputs
from symprice.training.leaving_out import LeavingOut
from tests.training.setting import LOSS, NET, PROBABILITY, arrays, d, descended, k, probability

RATE = 0.3


def effects():
    z, t = inputs("z", d), inputs("t", k)
    return LeavingOut(PROBABILITY, LOSS, cross_entropy(NET(z), t), {z: "x", t: "y"})


def without(params, data, i, steps):
    """P after training by hand on all examples but i."""
    kept = np.arange(len(data["x"])) != i
    rest = {**data, "x": data["x"][kept], "y": data["y"][kept]}
    for _ in range(steps):
        params = descended(params, rest, RATE)
    return probability(params, rest)


def repeated(data, times):
    """Every example so many times: then leaving one of them out is a small change."""
    return {**data, "x": np.tile(data["x"], (times, 1)), "y": np.tile(data["y"], (times, 1))}


@pytest.mark.parametrize("steps", [1, 4])
def test_effects_are_those_of_training_without_the_example(steps):
    params, data = arrays(samples=5)
    found = effects()(params, many := repeated(data, 2000), RATE, steps).responding
    now = params
    for _ in range(steps):
        now = descended(now, data, RATE)
    for i in range(3):
        # By hand the weights are those of the small set: a difference quotient in a weight.
        change = by_weight(params, data, i, steps) / len(many["x"])
        assert found[i] == pytest.approx(change, rel=2e-3)


def by_weight(params, data, i, steps, h=1e-3):
    """-d/dw of P after training on `Σ_j w_j ℓ_j / Σ_j w_j`, j counted 1/N, by differences."""
    ends = []
    for sign in (1, -1):
        now = params
        for _ in range(steps):
            one = {**data, "x": data["x"][[i]], "y": data["y"][[i]]}
            mean, own = (descended(now, given, RATE) for given in (data, one))
            # The gradient of the weighted loss is g + ε (g_i - g).
            now = {n: mean[n] + sign * h * (own[n] - mean[n]) for n in now}
        ends.append(probability(now, data))
    return -(ends[0] - ends[1]) / (2 * h)


def test_training_without_an_example():
    params, data = arrays(samples=20)
    steps = 6
    found = effects()(params, data, RATE, steps)
    whole = effects().path(params, data, RATE, steps)[-1]
    before = probability(whole, data)
    actual = np.array([without(params, data, i, steps) - before for i in range(6)])
    for either in found:  # leaving out every example a little moves nothing
        np.testing.assert_allclose(either.mean(), 0, atol=1e-15)
    said, direct = found.responding[:6], found.direct[:6]
    assert np.corrcoef(said, actual)[0, 1] > 0.99
    assert abs(said - actual).max() < 0.15 * abs(actual).max()
    assert abs(said - actual).max() < abs(direct - actual).max()
