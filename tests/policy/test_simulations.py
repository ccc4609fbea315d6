"""Every closed form that is 5 % wrong is found, whatever the tails of the estimator, and every
right one is left alone: a new family is tested without a word here.
"""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest
from sympy import Integral, Matrix, Rational, Symbol, exp

import symprice.policy
from symprice import (
    BernoulliPolicy,
    CategoricalPolicy,
    DirichletPolicy,
    GaussianPolicy,
    MixturePolicy,
    MultivariateGaussianPolicy,
    monte_carlo,
    parameters,
    policy_gradient,
)
from symprice.errors import PolicyError
from symprice.policy import estimators, law_moments, sampling
from symprice.policy.family import FAMILIES
from tests.policy.quadrature import named, values_of

for module in pkgutil.iter_modules(symprice.policy.__path__, "symprice.policy."):
    importlib.import_module(module.name)

a_1 = Symbol("a_1")
m, z, k = parameters("m z k", real=True)
s, alpha, beta, gamma = parameters("s alpha beta gamma", positive=True)


def of_family(family):
    policy = named(family)[0]
    reward = policy.action**2 - policy.action + 1
    return policy_gradient(policy, reward), values_of(policy)


CASES = {
    **{family.__name__: of_family(family) for family in FAMILIES},
    "Bernoulli": (policy_gradient(BernoulliPolicy(logit=m), {1: 3, 0: 1}), {m: 0.4}),
    "Categorical": (
        policy_gradient(CategoricalPolicy([m, z, 0]), [1, 2, 4]),
        {m: 0.3, z: -0.2},
    ),
    "Dirichlet": (
        policy_gradient(DirichletPolicy([alpha, beta, gamma]), lambda a, b, c: a * b + a),
        {alpha: 1.5, beta: 2.5, gamma: 0.7},
    ),
    "two Gaussians": (
        policy_gradient(
            MultivariateGaussianPolicy([m, z], cholesky=Matrix([[s, 0], [k, 1]])),
            lambda a, b: a**2 + b + 1,
        ),
        {m: 0.3, z: -0.2, s: 1.2, k: 0.4},
    ),
    "a mixture": (
        policy_gradient(
            MixturePolicy([GaussianPolicy(m, 1), GaussianPolicy(z, 2)], logits=[k, 0]),
            lambda a: a**2 + a,
            wrt=[m, k],
        ),
        {m: 0.3, z: -0.7, k: 0.2},
    ),
}
WITH_BEST = ("GaussianPolicy", "PoissonPolicy", "Bernoulli", "Categorical")


def of_estimator(name, baseline):
    gradient, point = CASES[name]
    estimator = gradient.estimator(1, baseline)
    return monte_carlo(estimator, 400, np.random.default_rng(7), at=point)


def scaled(found):
    return [x * Rational(21, 20) for x in found]


def is_wrong(zs, expected):
    """Of each component, unless it is 0."""
    return all(np.isinf(zs) | (np.abs(expected) < 1e-12))


def remembered(monkeypatch, where, name):
    """What a function was called with, it is not asked again."""
    compute, found = getattr(where, name), {}

    def recall(*given):
        key = str([sorted(map(str, x.items())) if hasattr(x, "items") else x for x in given])
        if key not in found:
            found[key] = compute(*given)
        return found[key]

    monkeypatch.setattr(where, name, recall)


@pytest.mark.parametrize(
    "name, baseline", [(n, "none") for n in CASES] + [(n, "optimal") for n in WITH_BEST]
)
def test_each_closed_form_that_is_wrong_by_a_twentieth_is_found(name, baseline, monkeypatch):
    for function in ("_drawn", "moments_of", "_slopes"):
        remembered(monkeypatch, sampling, function)
    right = of_estimator(name, baseline)
    assert right
    assert not np.isnan(right.mean_by_definition).any()

    drawn = sampling._drawn

    def of_wrong_forms(estimator):
        known = drawn(estimator)
        wrong = known._replace(mean=scaled(known.mean), variance=scaled(known.variance))
        return wrong._replace(best=known.best and (scaled(known.best[0]), *known.best[1:]))

    monkeypatch.setattr(sampling, "_drawn", of_wrong_forms)
    wrong = of_estimator(name, baseline)
    assert not wrong
    assert is_wrong(wrong.mean_z, right.mean_expected)
    assert is_wrong(wrong.variance_z, right.variance_expected)
    assert is_wrong(wrong.baseline_z, right.baseline_expected)


@pytest.mark.parametrize("n, baseline", [(4, "leave_one_out"), (3, "mean")])
def test_estimators_of_several_samples(n, baseline, monkeypatch):
    """The variance of a U-statistic, by its definition, too."""
    gradient = policy_gradient(GaussianPolicy(m, s), lambda a: a**3 - a)
    estimator, point = gradient.estimator(n, baseline), {m: 0.3, s: 0.9}
    right = monte_carlo(estimator, 2000, np.random.default_rng(7), at=point)
    assert right and np.allclose(right.variance_by_definition, right.variance_expected, rtol=1e-9)
    form = estimators.variance
    monkeypatch.setattr(estimators, "variance", lambda *given: form(*given) * Rational(1001, 1000))
    assert not monte_carlo(estimator, 2000, np.random.default_rng(7), at=point)


def test_a_heavy_tail_is_no_alarm():
    """The sample variance of exp(3 a) is always far below the variance."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        assert monte_carlo((GaussianPolicy(0, 1), lambda a: exp(3 * a)), 100, rng)


def test_moments_by_their_definition():
    """Of a Gaussian 0, σ², 3 σ⁴; of three entries those of Dirichlet and Gauss, by the book."""
    gaussian = GaussianPolicy(0, s)
    [found] = law_moments.moments_of(gaussian, [gaussian.action], {s: 0.5})
    assert np.allclose(found[:3], (0, 0.25, 3 / 16), rtol=1e-12, atol=1e-14)
    simplex = DirichletPolicy([2, 3, 5])
    [found] = law_moments.moments_of(simplex, [simplex.action[0]], {})
    assert np.allclose(found[:2], (0.2, 2 * 8 / (100 * 11)), rtol=1e-9)
    plane = MultivariateGaussianPolicy([1, 2], covariance=Matrix([[2, 1], [1, 3]]))
    a, b = plane.action
    [found] = law_moments.moments_of(plane, [(a - 1) * (b - 2)], {})
    assert np.allclose(found[:2], (1, 2 * 3 + 1), rtol=1e-9)


def test_what_is_out_of_reach_is_not_claimed():
    four = MultivariateGaussianPolicy([0] * 4, cholesky=Matrix.eye(4))
    [found] = law_moments.moments_of(four, [four.action[0]], {})
    assert found is None
    shown = monte_carlo((four, lambda a, b, c, d: a * b), 1000, np.random.default_rng(0))
    assert shown and np.isnan(shown.variance_by_definition).all()
    assert "nan" in str(shown) and "reward" in shown._repr_html_()


def test_weights_of_several_gaussians_by_completing_the_square():
    """Closed, and what a grid says of the squares of the weighted terms."""
    policy = MultivariateGaussianPolicy([m, z], cholesky=Matrix([[1, 0], [k, 1]]))
    behaviour = MultivariateGaussianPolicy([0, 1], covariance=Matrix([[2, 1], [1, 3]]))
    weighted = policy_gradient(policy, lambda a, b: a + b, wrt=[m]).importance_weighted(behaviour)
    assert not weighted.variance().has(Integral)
    point = {m: 0.3, z: -0.2, k: 0.3}
    found = monte_carlo(weighted, 400, np.random.default_rng(0), at=point)
    assert found and np.allclose(found.variance_expected, found.variance_by_definition, rtol=1e-9)
    wide = MultivariateGaussianPolicy([0, 0], covariance=Matrix([[Rational(1, 2), 0], [0, 3]]))
    fixed = policy_gradient(MultivariateGaussianPolicy([m, z], cholesky=Matrix.eye(2)), a_1 * 2)
    with pytest.raises(PolicyError, match="infinite variance"):
        fixed.importance_weighted(wide).variance()
