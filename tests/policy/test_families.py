"""Every family, by nothing but its class: a new one is tested without a word here."""

from __future__ import annotations

import importlib
import pickle
import pkgutil

import mpmath
import numpy as np
import pytest
import sympy
from sympy import Integral, MatrixBase, Sum

import symprice.policy
from symprice import Parameter, check
from symprice.policy.family import FAMILIES
from symprice.policy.gradient import policy_gradient
from tests.policy.quadrature import DIGITS, function, mean, named, number, other, values_of

for module in pkgutil.iter_modules(symprice.policy.__path__, "symprice.policy."):
    importlib.import_module(module.name)

POLICIES = [policy for family in FAMILIES for policy in named(family)]
FIRST = [named(family)[0] for family in FAMILIES]
TIGHT = mpmath.mpf(10) ** -11


@pytest.fixture(autouse=True)
def many_digits():
    with mpmath.workdps(DIGITS):
        yield


def trained(policy):
    return [h for h in policy.heads if not h.is_number]


def breaks(policy, point):
    """Where a density has a kink."""
    return [float(point[h]) for h in policy.heads if h in point and h.name.startswith("loc")]


def actions(policy, point):
    """Some actions inside the support."""
    rng = np.random.default_rng(5)
    drawn = policy.sample(rng, 4, at=point)
    return [
        sympy.Integer(int(a)) if policy.is_countable else sympy.Rational(str(float(a)))
        for a in drawn
    ]


def entries(expr):
    return list(expr) if isinstance(expr, MatrixBase) else [expr]


def close(found, expected, tolerance=TIGHT):
    return abs(found - expected) <= tolerance * max(1, abs(expected))


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_probabilities_sum_to_one(policy):
    point = values_of(policy)
    assert close(mean(policy, sympy.Integer(1), point, breaks(policy, point)), 1)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_scores_are_difference_quotients(policy):
    point = values_of(policy)
    law = policy.log_prob()
    variables = trained(policy)
    scores = entries(policy.score(wrt=variables))
    for a in actions(policy, point):
        for v, s in zip(variables, scores, strict=True):
            f = function(
                law.subs({policy.action: a, **{h: x for h, x in point.items() if h != v}}), [v]
            )
            h = mpmath.mpf(10) ** -8
            x = mpmath.mpf(point[v].p) / point[v].q
            quotient = (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h)
            found = number(s.subs(policy.action, a), point)
            assert close(found, quotient, mpmath.mpf(10) ** -12)


@pytest.mark.parametrize("policy", FIRST, ids=str)
def test_fisher_information_is_the_mean_of_the_products_of_scores(policy):
    point = values_of(policy)
    variables = trained(policy)
    if policy.stand_ins()[0].name == "total_count" and not policy.heads[0].is_number:
        variables = variables[1:]  # no closed form by the count
    scores = entries(policy.score(wrt=variables))
    information = entries(policy.fisher(wrt=variables))
    assert not any(entry.has(Integral, Sum) for entry in information)
    n = len(variables)
    for i in range(n):
        assert abs(mean(policy, scores[i], point, breaks(policy, point))) < TIGHT
        for j in range(i + 1):
            expected = mean(policy, scores[i] * scores[j], point, breaks(policy, point))
            assert close(number(information[i * n + j], point), expected)


@pytest.mark.parametrize("policy", FIRST, ids=str)
def test_expectations_are_those_of_quadrature(policy):
    point, a = values_of(policy), policy.action
    rewards = [a, 3 * a**2 - a + 2, a**4]
    for r in rewards:
        found = policy.expectation(r)
        expected = mean(policy, r, point, breaks(policy, point))
        assert close(number(found, point), expected)


@pytest.mark.parametrize("policy", FIRST, ids=str)
def test_gradients_are_those_of_quadrature(policy):
    point, a = values_of(policy), policy.action
    variables = trained(policy)
    reward = 2 * a**2 - a + variables[0] * a
    scores = entries(policy.score(wrt=variables))
    found = entries(policy_gradient(policy, reward, wrt=variables).doit())
    for v, s, entry in zip(variables, scores, found, strict=True):
        integrand = reward * s + reward.diff(v)
        assert close(number(entry, point), mean(policy, integrand, point, breaks(policy, point)))


@pytest.mark.parametrize("policy", FIRST, ids=str)
def test_entropy_and_divergence(policy):
    point, twin = values_of(policy), other(policy)
    again = values_of(policy, 1)
    pairs = zip(twin.heads, policy.heads, strict=True)
    point |= {t: again[h] for t, h in pairs if not h.is_number}
    law = policy.log_prob()
    kinks = [*breaks(policy, point), *breaks(twin, point)]
    assert close(number(policy.entropy(), point), -mean(policy, law, point, kinks))
    found = policy.kl_divergence(twin)
    expected = mean(policy, law - twin.log_prob(), point, kinks)
    assert close(number(found, point), expected)
    assert (
        policy.kl_divergence(policy) == 0
        or abs(number(policy.kl_divergence(policy), point)) < 1e-12
    )


@pytest.mark.parametrize("policy", FIRST, ids=str)
def test_samples_have_the_moments(policy):
    point, a = values_of(policy), policy.action
    drawn = policy.sample(np.random.default_rng(11), 40_000, at=point)
    assert drawn.shape == (40_000,)
    scores = sympy.lambdify([a], policy.log_prob().subs(point), ["scipy", "numpy"])(drawn)
    expected = -float(number(policy.entropy(), point))
    error = scores.std() / np.sqrt(len(drawn))
    assert abs(scores.mean() - expected) < 5 * error + 1e-12
    if not policy.expectation(a).has(Integral):
        centre = float(number(policy.expectation(a), point))
        assert abs(drawn.mean() - centre) < 5 * drawn.std() / np.sqrt(len(drawn))


@pytest.mark.parametrize("policy", FIRST, ids=str)
def test_derivations_check(policy):
    a = policy.action
    variable = trained(policy)[-1]
    gradient = policy_gradient(policy, a**2 - 3 * a, wrt=variable)
    report = check(gradient.derivation, points=1, digits=12, timeout=50)
    assert report, report


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_the_args_say_everything(policy):
    assert policy.func(*policy.args) == policy
    assert pickle.loads(pickle.dumps(policy)) == policy
    head = trained(policy)[0]
    assert policy.subs(head, Parameter("t")).parameters[0] == Parameter("t")
    assert "object at" not in str(policy) and sympy.latex(policy).count("{") == sympy.latex(
        policy
    ).count("}")
