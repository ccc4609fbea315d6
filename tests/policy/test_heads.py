"""The parameters of a policy given by something else: networks, temperatures, other forms."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from sympy import Function, Matrix, Symbol, exp, tanh

from symprice import (
    MLP,
    CategoricalPolicy,
    Parameter,
    check,
    inputs,
    lambdify,
    parameters,
    policy_gradient,
)
from symprice.errors import PolicyError
from symprice.policy.counting import BinomialPolicy
from symprice.policy.gaussian import GaussianPolicy
from symprice.policy.multivariate import MultivariateGaussianPolicy
from symprice.policy.positive import WeibullPolicy
from symprice.policy.unit_interval import BetaPolicy


def quotient(f, point, k, step=1e-5):
    there, here = np.array(point, dtype=float), np.array(point, dtype=float)
    there[k] += step
    here[k] -= step
    return (f(*there) - f(*here)) / (2 * step)


def test_scalar_networks_for_two_parameters():
    w, b, v, c = parameters("w b v c", real=True)
    x = Symbol("x", real=True)
    policy = GaussianPolicy(v * tanh(w * x + b), log_sigma=c * x)
    symbols = [w, b, v, c, x, policy.action]
    point = [0.3, -0.2, 0.7, 0.4, 0.9, -1.1]
    law = lambdify(symbols, policy.log_prob())
    scores = lambdify(symbols, policy.score(wrt=[w, b, v, c]))(*point)
    for k in range(4):
        assert abs(scores[k] - quotient(law, point, k)) < 1e-8


@pytest.mark.parametrize(
    ("family", "heads"),
    [
        (lambda z: GaussianPolicy(z, 2), 1),
        (lambda z: BinomialPolicy(5, logit=z), 1),
        (lambda z: BetaPolicy(exp(z), 2), 1),
        (lambda z: WeibullPolicy(2, log_scale=z), 1),
        (lambda z: GaussianPolicy(z, log_sigma=2 * z), 2),
    ],
    ids=["gaussian", "binomial", "beta", "weibull", "both"],
)
def test_what_no_network_gives_is_not_trained(family, heads):
    x = inputs("x", 2)
    policy = family(MLP(2, 3, 1, activation=tanh)(x)[0, 0])
    gradient = policy_gradient(policy, lambda a: a**2)
    assert len(gradient.wrt) == heads
    assert check(gradient.derivation, points=1, digits=12, timeout=50)


def test_temperature():
    z = parameters("z1:4")
    t = Parameter("T", positive=True)
    policy = CategoricalPolicy(z, temperature=t)
    assert policy.func(*policy.args) == policy
    symbols, point = [*z, t], [1.0, 0.3, -2.0, 0.7]
    law = lambdify(symbols, sympy.log(policy.prob(2)))
    for k, v in enumerate(symbols):
        score = lambdify(symbols, policy.score(2, wrt=v))(*point)
        assert abs(score - quotient(law, point, k)) < 1e-8
    # ∂ log π_a/∂T = (E z - z_a)/T²
    weights = np.exp(np.array(point[:3]) / 0.7)
    mean = np.array(point[:3]) @ weights / weights.sum()
    assert abs(lambdify(symbols, policy.score(2, wrt=t))(*point) - (mean - 0.3) / 0.49) < 1e-12
    for wrong in (0, -1):
        with pytest.raises(PolicyError, match="temperature"):
            CategoricalPolicy(z, temperature=wrong)
    with pytest.raises(PolicyError, match="temperature"):
        CategoricalPolicy(probabilities=[t, 1 - t], temperature=2)


def test_a_sum_of_few_actions_is_written_out():
    z = Parameter("z", real=True)
    policy = BinomialPolicy(3, logit=z)
    r = Function("r")
    written = policy.expectation(r).doit()
    assert {r(k) for k in range(4)} == written.atoms(sympy.core.function.AppliedUndef)
    entropy = lambdify([z], policy.entropy().doit())(0.0)
    p = np.array([1, 3, 3, 1]) / 8
    assert abs(entropy + (p * np.log(p)).sum()) < 1e-15


def test_matrices_as_lists():
    given = MultivariateGaussianPolicy([0, 0], cholesky=[[1, 0], [2, 3]])
    assert given == MultivariateGaussianPolicy([0, 0], cholesky=Matrix([[1, 0], [2, 3]]))
    with pytest.raises(PolicyError, match="2 rows of 2"):
        MultivariateGaussianPolicy([0, 0], covariance=[[1, 0, 0], [0, 1, 0]])
    with pytest.raises(PolicyError):
        MultivariateGaussianPolicy([0, 0], covariance=[["x", 0], [0, 1]])
