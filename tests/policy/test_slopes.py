"""Softmax policies by features of any kind and number: slopes that are symbols, or many actions.

The numbers are those of the definitions, sums over actions in mpmath, where likely actions tie.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from sympy import Integer, lambdify, symbols, sympify

from symprice import BernoulliPolicy, CategoricalPolicy, check, policy_gradient
from symprice import lambdify as code
from symprice.symbols import parameters

theta, phi = parameters("theta phi")
x = symbols("x1:5", real=True)
r = symbols("r1:4", real=True)
z = parameters("z1:4")
SAMPLES = 4
CASES = {
    "slopes that are symbols": (
        [theta * c for c in x],
        (theta,),
        (1, 2, 3, 5),
        x,
        [(40, 1, 1, 0, -1), (40, 1, 1, 0.5, 0.25), (3, 1, 1, 1, -20), (40, 1.5, 1.5, 1.5, 1)],
    ),
    "equal rewards of likely actions": (
        [theta * c for c in x],
        (theta,),
        (1, 1, 3, 5),
        x,
        [(40, 1, 1, 0, -1), (40, 1, 0.999, 0.5, 0.25), (40, 1, 1, 1, 1.5)],
    ),
    "eight actions": (
        [theta + phi, 0, theta, phi - theta, 2 * theta, theta - phi, theta + phi, -phi],
        (theta, phi),
        (1, 2, 3, 5, 4, 4, 2, 1),
        (),
        [(40, 1), (40, -3), (-40, 2), (20, 20), (0, 40), (700, 0.25), (40, 40)],
    ),
    "rewards that are symbols": (z, z, r, r, [(40, 40, 0, 1, 1, 5), (40, 0, 1, 1, 2, 3)]),
}


def definitions(logits, slopes, rewards):
    """∇J, E[s sᵀ], variances without baseline, with J, leave-one-out and with the best baselines,
    these, and E[(r - J) s sᵀ].
    """
    top = max(logits)
    weights = [mpmath.exp(v - top) for v in logits]
    pi = [w / mpmath.fsum(weights) for w in weights]

    def mean(*rows):
        return mpmath.fsum(mpmath.fprod(each) for each in zip(pi, *rows, strict=True))

    def variance(*rows):
        values = [mpmath.fprod(each) for each in zip(*rows, strict=True)]
        centre = mean(values)
        return mean([(v - centre) ** 2 for v in values])

    gaps = [v - mean(rewards) for v in rewards]
    scores = [[d - mean(row) for d in row] for row in slopes]
    squares = [mean(row, row) for row in scores]
    gradient = [mean(gaps, row) for row in scores]
    best = [mean(row, row, rewards) / q for row, q in zip(scores, squares, strict=True)]
    centred = [variance(gaps, row) for row in scores]
    spread = variance(rewards)
    return {
        "gradient": gradient,
        "fisher": [mean(u, v) for u in scores for v in scores],
        "none": [variance(rewards, row) for row in scores],
        "mean": centred,
        "leave one out": [
            v / SAMPLES + (q * spread + g**2) / (SAMPLES * (SAMPLES - 1))
            for v, q, g in zip(centred, squares, gradient, strict=True)
        ],
        "optimal": [
            variance([v - b for v in rewards], row) for row, b in zip(scores, best, strict=True)
        ],
        "baselines": best,
        "hessian": [mean(gaps, u, v) for u in scores for v in scores],
    }


@pytest.mark.parametrize("name", CASES)
def test_nothing_cancels(name):
    logits, variables, rewards, others, points = CASES[name]
    policy = CategoricalPolicy(list(logits))
    gradient = policy_gradient(policy, rewards, wrt=variables)
    results = {
        "gradient": gradient.doit(),
        "none": gradient.variance(),
        "mean": gradient.variance("mean"),
        "leave one out": gradient.variance("leave_one_out", n=SAMPLES),
        "optimal": gradient.variance("optimal"),
        "baselines": gradient.optimal_baseline(per_component=True),
        "fisher": policy.fisher(wrt=variables),
    }
    if name != "rewards that are symbols":
        # Of a softmax by its logits the Hessian is short, and 1 - 2 π loses digits where π is 1/2.
        results["hessian"] = gradient.hessian()
    arguments = [*variables, *others]
    functions = {key: code(arguments, result) for key, result in results.items()}
    columns = [[sympify(v).diff(w) for v in logits] for w in variables]
    exact = [lambdify(arguments, e, "mpmath") for e in (list(logits), columns, list(rewards))]
    with mpmath.workdps(900), np.errstate(all="raise", under="ignore"):
        for point in points:
            expected = definitions(*(f(*map(mpmath.mpf, point)) for f in exact))
            for key, f in functions.items():
                found = np.ravel(f(*map(float, point)))
                for a, b in zip(found, expected[key], strict=True):
                    assert abs(float(a) - b) <= 1e-12 * abs(b) + mpmath.mpf("1e-280"), (key, point)


def test_the_derivation_says_so_and_holds():
    gradient = policy_gradient(CategoricalPolicy([theta * c for c in x]), (1, 2, 3, 5))
    assert gradient.derivation.steps[-1].rule.name == "centred slopes"
    assert "zbar_theta" in str(gradient.derivation.result.expr)
    assert check(gradient, points=2)
    assert check(gradient.estimator(1, "mean"), points=2)


def test_equal_rewards_vary_no_more_than_their_baseline():
    """With J as baseline nothing is left, and the best baseline is the reward itself."""
    for reward in (Integer(2), r[0]):
        gradient = policy_gradient(CategoricalPolicy(z), [reward] * 3)
        for left in (gradient.variance("mean"), gradient.variance("leave_one_out", n=2)):
            assert list(left) == [0, 0, 0]
        assert gradient.optimal_baseline() == reward
        assert list(gradient.optimal_baseline(per_component=True)) == [reward] * 3
        assert set(gradient.hessian()) == {0}
    by_feature = policy_gradient(CategoricalPolicy([theta, 0, -theta]), [2, 2, 2])
    assert by_feature.variance("mean") == 0 and by_feature.optimal_baseline() == 2
    assert policy_gradient(BernoulliPolicy(logit=theta), {1: 2, 0: 2}).variance("mean") == 0
