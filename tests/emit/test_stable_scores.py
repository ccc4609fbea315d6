"""Scores of actions that were nearly certain, in symbols of the action: against mpmath."""

import mpmath
import numpy as np
import pytest
from sympy import KroneckerDelta, Rational, Symbol

from symprice import (
    BernoulliPolicy,
    BinomialPolicy,
    CategoricalPolicy,
    Parameter,
    lambdify,
    parameters,
    policy_gradient,
)
from symprice.emit.stable_scores import stable_score
from symprice.networks.activations import sigmoid
from symprice.networks.logits import SoftmaxEntry

LOGITS = [-1000.0, -700.0, -40.0, -1e-10, 0.3, 37.0, 700.0, 1000.0]


@pytest.mark.parametrize("logit", LOGITS)
def test_counts(logit):
    b, n = Parameter("b"), Symbol("n", integer=True, positive=True)
    for policy, tries in ((BernoulliPolicy(logit=b), 1), (BinomialPolicy(n, logit=b), 7)):
        score = policy.score(Symbol("a", integer=True), wrt=(b,))
        (action,) = score.free_symbols - {b, n}
        function = lambdify([b, n, action], score)
        for count in {0, 1, tries // 2, tries}:
            found = function(logit, tries, count)
            with mpmath.workdps(60):
                up = 1 / (1 + mpmath.exp(-mpmath.mpf(logit)))
                down = 1 / (1 + mpmath.exp(mpmath.mpf(logit)))
                exact = count * down - (tries - count) * up
            # Where some tries went either way, the terms may cancel as numbers do.
            allowed = 4e-16 * (count * down + (tries - count) * up)
            assert abs(found - exact) <= allowed + 1e-307


@pytest.mark.parametrize("logit", LOGITS)
def test_one_of_several_actions(logit):
    z = parameters("z1:4")
    policy = CategoricalPolicy(z)
    (action,) = policy.score().free_symbols - set(z)
    function = lambdify([*z, action], policy.score())
    with mpmath.workdps(450):
        weights = [mpmath.exp(mpmath.mpf(x)) for x in (logit, 0.5, -1.0)]
        total = mpmath.fsum(weights)
        for happened in (1, 2, 3):
            found = function(logit, 0.5, -1.0, happened)
            for k in (1, 2, 3):
                others = mpmath.fsum(w for j, w in enumerate(weights, 1) if j != k) / total
                exact = others if k == happened else -weights[k - 1] / total
                assert abs(found[k - 1] - exact) <= 2e-13 * abs(exact) + 1e-307


def test_what_is_no_score_stays():
    x, a, y = Symbol("x"), Symbol("a", integer=True), Symbol("y")
    for total in (a + sigmoid(x), y - sigmoid(x), a - sigmoid(x) + 1, a - x * sigmoid(x)):
        assert stable_score(total) == total
    wide = SoftmaxEntry(1, *parameters("z1:41")) - KroneckerDelta(1, a)
    assert stable_score(wide) == wide


def test_gradients_of_many_listed_actions():
    """π_k (r_k - J) of more actions than are compared pairwise: J is close to one reward."""
    count = 36
    z = parameters(f"z1:{count + 1}")
    rewards = [Rational(k % 7 - 3) + Rational(k % 3, 4) for k in range(count)]
    function = lambdify(list(z), policy_gradient(CategoricalPolicy(z), rewards))
    for width in (1, 30, 1000):
        require_gaps(function, rewards, width, count)


def require_gaps(function, rewards, width, count):
    logits = np.random.default_rng(7).uniform(-width, width, (2, count))
    found = np.squeeze(function(*logits.T))
    with mpmath.workdps(900):
        for row, numbers in zip(logits, found, strict=True):
            weights = [mpmath.exp(mpmath.mpf(x)) for x in row]
            total = mpmath.fsum(weights)
            values = [mpmath.mpf(r.p) / r.q for r in rewards]
            mean = mpmath.fsum(w * r for w, r in zip(weights, values, strict=True)) / total
            for number, w, r in zip(numbers, weights, values, strict=True):
                exact = w / total * (r - mean)
                assert abs(number - exact) <= 1e-12 * abs(exact) + 1e-300
