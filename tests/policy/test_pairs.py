"""Softmax policies by features, where the likely actions are alike: no digit of a gradient, a
Hessian or a variance is lost. The numbers are those of the definitions, E[r s], E[(r - J) s sᵀ] and
sums over actions, in mpmath.
"""

from __future__ import annotations

from itertools import product

import mpmath
import numpy as np
import pytest
from sympy import S

from symprice import CategoricalPolicy, check, policy_gradient
from symprice import lambdify as code
from symprice.policy.pairs import are_uneven
from symprice.symbols import parameters
from tests.policy.evaluation import gap, slope, value

theta, phi = parameters("theta phi")
# Logits θ + φ, 0, θ, φ - θ: of each variable the slopes.
SLOPES = ((1, 0, 1, -1), (1, 0, 0, 1))
LOGITS = (theta + phi, 0, theta, phi - theta)
POINTS = ((40.0, 1.0), (40.0, -3.0), (-40.0, 2.0), (20.0, 20.0), (0.0, 40.0), (700.0, 0.3))
REWARDS = ((1, 2, 3, 5), (1, 2, 1, 3), (2, 2, 3, 5))
SAMPLES = 4


def definitions(point, rewards):
    """∇J, ∇²J and the variances of the estimator: without baseline, with J, and leave-one-out."""
    x = list(map(mpmath.mpf, point))
    logits = [mpmath.fdot(column, x) for column in zip(*SLOPES, strict=True)]
    weights = [mpmath.exp(z - max(logits)) for z in logits]
    pi = [w / mpmath.fsum(weights) for w in weights]

    def mean(values):
        return mpmath.fsum(p * v for p, v in zip(pi, values, strict=True))

    def variance(values):
        centre = mean(values)
        return mean([(v - centre) ** 2 for v in values])

    gaps = [r - mean(rewards) for r in rewards]
    scores = [[d - mean(row) for d in row] for row in SLOPES]
    terms = [[g * s for g, s in zip(gaps, row, strict=True)] for row in scores]
    gradient = [mean(row) for row in terms]
    hessian = [
        mean([t * v for t, v in zip(row, other, strict=True)])
        for row, other in product(terms, scores)
    ]
    plain = [variance([r * s for r, s in zip(rewards, row, strict=True)]) for row in scores]
    centred = [variance(row) for row in terms]
    n, spread = SAMPLES, variance(rewards)
    left_out = [
        v / n + (mean([s**2 for s in row]) * spread + g**2) / (n * (n - 1))
        for v, row, g in zip(centred, scores, gradient, strict=True)
    ]
    return gradient, hessian, plain, centred, left_out


@pytest.mark.parametrize("rewards", REWARDS, ids=str)
def test_nothing_cancels_where_two_actions_tie(rewards):
    gradient = policy_gradient(CategoricalPolicy(LOGITS), rewards, wrt=(theta, phi))
    results = [
        gradient.doit(),
        gradient.hessian(),
        gradient.variance(),
        gradient.variance(baseline="mean"),
        gradient.variance(baseline="leave_one_out", n=SAMPLES),
    ]
    functions = [code((theta, phi), result) for result in results]
    with mpmath.workdps(1400), np.errstate(all="raise", under="ignore"):
        for point in POINTS:
            for f, expected in zip(functions, definitions(point, rewards), strict=True):
                for found, exact in zip(np.ravel(f(*point)), expected, strict=True):
                    if abs(exact) > 1e-300:
                        assert abs(float(found) - exact) <= 1e-12 * abs(exact), point


def test_the_derivation_ends_in_pairs_and_holds():
    gradient = policy_gradient(CategoricalPolicy(LOGITS), REWARDS[0], wrt=(theta, phi))
    last = gradient.derivation.steps[-1]
    assert last.rule.name == "pairs of actions"
    assert gradient.derivation.check(points=2)
    # Where one action differs from all others, π (r - J) is shorter, and as good.
    plain = policy_gradient(CategoricalPolicy(parameters("z1:4")), [3, 2, 0])
    assert "pairs of actions" not in [step.rule.name for step in plain.derivation.steps]


def test_a_hessian_over_triples_is_the_slope_of_the_gradient():
    """With rewards that are symbols, against difference quotients of J."""
    rewards = parameters("r1:5")
    found = policy_gradient(CategoricalPolicy(LOGITS), rewards, wrt=(theta, phi))
    point = dict(zip((theta, phi, *rewards), (0.3, -0.7, 1.1, 0.2, -2.0, 3.5), strict=True))
    entries = value(found.hessian(), point)
    for i, v in enumerate((theta, phi)):
        for j, g in enumerate(found.doit()):
            assert gap(entries[2 * i + j], slope(g, v, point)[0]) < 1e-30


def test_when_pairs_are_used():
    one, none = S.One, S.Zero
    assert are_uneven([one, none, one, -one]) and are_uneven([one, one, none, none])
    assert not are_uneven([one, none, none, none]) and not are_uneven([one, none])
    assert not are_uneven([one, theta, none, none]) and not are_uneven([one, none] * 4)


def test_a_check_holds():
    gradient = policy_gradient(CategoricalPolicy(LOGITS), REWARDS[0], wrt=(theta, phi))
    assert check(gradient, points=2) and check(gradient.estimator(1, "mean"), points=2)
