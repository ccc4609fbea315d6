"""Wrong formulas: each is found by samples, whether in the closed form, the estimator or both."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import S

from symprice.policy import estimators, rules, sampling
from symprice.policy.finite import BernoulliPolicy, CategoricalPolicy
from symprice.policy.gaussian import GaussianPolicy
from symprice.policy.gradient import policy_gradient
from symprice.policy.sampling import monte_carlo
from symprice.policy.steps import DirectSteps
from symprice.symbols import Parameter, parameters

theta, mu = Parameter("theta"), Parameter("mu")
z = parameters("z1:4")
BERNOULLI = BernoulliPolicy(logit=theta), {1: 10, 0: 5}, {theta: 0.4}
MOVING = BernoulliPolicy(logit=theta), {1: theta**2, 0: 1}, {theta: 0.7}
SOFTMAX = CategoricalPolicy(z), [1, 2, 4], dict(zip(z, (0.3, -0.2, 0.1), strict=True))
GAUSSIAN = GaussianPolicy(mu, 1), lambda a: mu * a**2, {mu: 0.4}

with_baseline, score_of, mean_of = (
    estimators.with_baseline,
    rules.Score.of,
    estimators.ScoreEstimator.mean,
)


def turned(b, i):
    return lambda s, r, g: -(r - b) * s[i] + g[i]


def without_slope(b, i):
    return lambda s, r, g: (r - b) * s[i]


def by_action(b, i):
    """(r - r/2) s: a baseline that knows the action."""
    return lambda s, r, g: (r - r / 2) * s[i] + g[i]


def of_one_action(b, i):
    """A baseline that is right where the score is positive only."""
    return lambda s, r, g: r * s[i] if r == 1 else (r - b - 1) * s[i]


SAMPLES = {
    "a sign": (turned, BERNOULLI),
    "a sign, of three": (turned, SOFTMAX),
    "no pathwise term": (without_slope, MOVING),
    "no pathwise term, of a density": (without_slope, GAUSSIAN),
    "a baseline that depends on the action": (by_action, BERNOULLI),
    "a baseline that depends on the action, of three": (of_one_action, SOFTMAX),
    "a baseline that depends on the action, of a density": (by_action, GAUSSIAN),
}


def found(case):
    policy, reward, point = case
    gradient = policy_gradient(policy, reward)
    return monte_carlo(gradient, 10_000, np.random.default_rng(3), at=point)


@pytest.mark.parametrize("case", [BERNOULLI, MOVING, SOFTMAX, GAUSSIAN], ids=lambda c: str(c[0]))
def test_right_formulas_are_left_alone(case):
    assert found(case)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_wrong_term_of_the_estimator_is_found(name, monkeypatch):
    wrong, case = SAMPLES[name]
    monkeypatch.setattr(estimators, "with_baseline", wrong)
    assert not found(case)


def test_a_lost_factor_in_the_score_is_found(monkeypatch):
    """p for p (1 - p), in the samples and in the closed form alike: they agree with each other."""

    def lost(self, probability, variable):
        right = score_of(self, probability, variable)
        return S.One if right == 1 - BERNOULLI[0].probabilities[0] else right

    monkeypatch.setattr(rules.Score, "of", lost)
    wrong = found(BERNOULLI)
    assert not wrong and np.isinf(wrong.mean_z).all()


def test_a_wrong_sign_of_all_scores_is_found(monkeypatch):
    monkeypatch.setattr(rules.Score, "of", lambda *given: -score_of(*given))
    assert not found(BERNOULLI) and not found(SOFTMAX)


def test_a_lost_pathwise_term_of_the_closed_form_is_found(monkeypatch):
    monkeypatch.setattr(DirectSteps, "_pathwise", lambda *given: [])
    assert not found(MOVING)


def test_a_wrong_factor_of_the_mean_or_the_variance_is_found(monkeypatch):
    p = BERNOULLI[0].probabilities[0]
    with monkeypatch.context() as patch:
        patch.setattr(estimators.ScoreEstimator, "mean", lambda e: mean_of(e) / (1 - p))
        assert not found(BERNOULLI)
    variance = estimators.variance
    monkeypatch.setattr(estimators, "variance", lambda *given: variance(*given) / (1 - p))
    assert not found(BERNOULLI)


def test_samples_alone_find_a_wrong_mean(monkeypatch):
    """Without the difference quotient, too."""
    monkeypatch.setattr(sampling, "_slopes", lambda J, variables, point: np.nan)
    monkeypatch.setattr(estimators.ScoreEstimator, "mean", lambda e: -mean_of(e))
    assert not found(BERNOULLI)
