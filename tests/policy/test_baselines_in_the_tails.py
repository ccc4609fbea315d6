"""Best baselines and what variance they leave, where a policy is certain to all digits of a float.

The numbers are those of the definitions, E[s² r]/E[s²] and Var[(r - b) s], in mpmath.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from sympy import Rational, lambdify

from symprice import CategoricalPolicy, check, policy_gradient
from symprice import lambdify as code
from symprice.symbols import parameters

z1, z2, z3, theta, phi = parameters("z1 z2 z3 theta phi")
REWARDS = (3, 1, -2)
CASES = {
    "by logits": ((z1, z2, z3), (z1, z2, z3), 1),
    "with a temperature": ((z1, z2, z3), (z1, z2, z3), Rational(1, 2)),
    "of two logits": ((z1, z2), (z1, z2, 0), 1),
    "of features": ((theta, phi), (theta + phi, 0, theta - 2 * phi), 1),
    "of one feature": ((theta,), (theta, 0, -theta), 1),
}
SIZES = (1000, -1000, 0, 40, -20, 0.75)


def definitions(logits, slopes, rewards):
    """The common baseline; by component the best one, its variance, and E[s²]."""
    top = max(logits)
    weights = [mpmath.exp(z - top) for z in logits]
    pi = [w / mpmath.fsum(weights) for w in weights]

    def mean(values):
        return mpmath.fsum(p * x for p, x in zip(pi, values, strict=True))

    scores = [[d - mean(column) for d in column] for column in slopes]
    squares = [mean([s**2 for s in row]) for row in scores]
    above = [mean([s**2 * r for s, r in zip(row, rewards, strict=True)]) for row in scores]
    best = [a / b for a, b in zip(above, squares, strict=True)]
    variances = []
    for row, b in zip(scores, best, strict=True):
        values = [(r - b) * s for s, r in zip(row, rewards, strict=True)]
        centre = mean(values)
        variances.append(mean([(x - centre) ** 2 for x in values]))
    return [mpmath.fsum(above) / mpmath.fsum(squares)], best, variances, squares


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rewards", [REWARDS, (0, 5, 5)], ids=["different", "equal"])
def test_no_digit_is_lost_over_logits_of_a_thousand(name, rewards):
    variables, logits, temperature = CASES[name]
    policy = CategoricalPolicy(list(logits), temperature=temperature)
    gradient = policy_gradient(policy, rewards, wrt=variables)
    results = [
        code(variables, gradient.optimal_baseline()),
        code(variables, gradient.optimal_baseline(per_component=True)),
        code(variables, gradient.variance(baseline="optimal")),
        code(variables, policy.fisher(wrt=variables)),
    ]
    exact = lambdify(variables, policy.logits, modules="mpmath")
    slopes = [[mpmath.mpf(str(z.diff(v))) for z in policy.logits] for v in variables]
    rng = np.random.default_rng(0)
    with mpmath.workdps(3600), np.errstate(all="raise", under="ignore"):
        for _ in range(6):
            point = [float(x) for x in rng.choice(SIZES, len(variables))]
            common, best, left, squares = definitions(
                exact(*map(mpmath.mpf, point)), slopes, rewards
            )
            found = [np.ravel(f(*point)) for f in results]
            found[3] = found[3][:: len(variables) + 1]
            for got, expected in zip(found, (common, best, left, squares), strict=True):
                for x, y in zip(got, expected, strict=True):
                    if abs(y) > 1e-300:
                        assert abs(float(x) - y) <= 1e-11 * abs(y), (point, x, mpmath.nstr(y, 12))
                    else:
                        assert abs(x) < 1e-290


def test_two_actions_leave_no_variance():
    gradient = policy_gradient(CategoricalPolicy([theta, phi]), [3, -1])
    assert list(gradient.variance(baseline="optimal").doit()) == [0, 0]


@pytest.mark.parametrize("rewards", [(3, 0, 0), (0, -1, 0)])
def test_gradients_with_rewards_that_are_zero(rewards):
    """π (r - J), where J is one probability times a number."""
    f = policy_gradient(CategoricalPolicy([z1, z2, z3]), rewards).lambdify()
    for point in ((40.0, 0.0, 1.0), (20.0, 0.0, 1.0), (0.0, 300.0, 1.0)):
        with mpmath.workdps(400):
            weights = [mpmath.exp(z) for z in point]
            pi = [w / mpmath.fsum(weights) for w in weights]
            for k, found in enumerate(np.ravel(f(*point))):
                gaps = [p * (rewards[k] - r) for p, r in zip(pi, rewards, strict=True)]
                expected = pi[k] * mpmath.fsum(gaps)
                assert abs(float(found) - expected) <= 1e-13 * abs(expected)


def test_equal_rewards_have_no_gradient():
    gradient = policy_gradient(CategoricalPolicy([z1, z2, z3]), [2, 2, 2])
    assert list(gradient.doit()) == [0, 0, 0]
    assert check(gradient, points=2)
