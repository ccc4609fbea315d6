"""Exponentials, bells and waves of Gaussian actions, held against Gauss-Hermite quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from sympy import Function, Lambda, Rational, Symbol, cos, exp, sin

from symprice import (
    DirichletPolicy,
    GaussianPolicy,
    MultivariateGaussianPolicy,
    Parameter,
    PolicyError,
    entropic_risk,
    kl_estimator,
    monte_carlo,
    parameters,
    policy_gradient,
)
from symprice.policy.integrals import ActionIntegral

a = Symbol("a")
mu, nu, u = parameters("mu nu u", real=True)
s, t = parameters("s t", positive=True)
a1, a2 = Symbol("a_1"), Symbol("a_2")
POINT = {mu: Rational(3, 10), s: Rational(7, 10)}


def slopes(f, point):
    """Difference quotients of a function of numbers."""
    h = 1e-5
    found = []
    for k in range(len(point)):
        there, back = list(point), list(point)
        there[k], back[k] = point[k] + h, point[k] - h
        found.append((f(*there) - f(*back)) / (2 * h))
    return np.array(found)


def numbers(column, point):
    return np.array([float(e.subs(point).evalf(20)) for e in column])


@pytest.mark.parametrize(
    "reward",
    [
        exp(-(a**2)),
        a**2 * exp(-((a - 1) ** 2) / 2),
        exp(-(a**2) + 3 * a) * sin(a) * a,
        2 ** (-(a**2)),
        (1 - exp(-(a**2))) ** 2,
    ],
    ids=str,
)
def test_rewards_with_bells_close(reward):
    found = policy_gradient(GaussianPolicy(mu, s), reward).doit()
    assert not found.has(ActionIntegral)
    f = sympy.lambdify(a, reward, "numpy")
    noise, step = np.linspace(-12, 12, 961, retstep=True)
    density = step * np.exp(-(noise**2) / 2) / np.sqrt(2 * np.pi)

    def objective(m, sigma):
        """The trapezoidal rule, whose error falls faster than every power of the step."""
        return density @ f(m + sigma * noise)

    assert numbers(found, POINT) == pytest.approx(slopes(objective, (0.3, 0.7)), abs=1e-8)


def test_a_bell_that_grows_is_finite_for_narrow_policies_only():
    steep = policy_gradient(GaussianPolicy(mu, s), exp(a**2))
    assert steep.conditions == (1 - 2 * s**2 > 0,)
    with pytest.raises(PolicyError, match="infinite"):
        policy_gradient(GaussianPolicy(mu, 1), exp(a**2)).doit()
    with pytest.raises(PolicyError, match="infinite"):
        entropic_risk(GaussianPolicy(mu, 1), a**2, Rational(1, 2))


def test_k3_is_unbiased_whatever_the_variances():
    for policy, reference in (
        (GaussianPolicy(mu, s), GaussianPolicy(1, 2)),
        (GaussianPolicy(mu, s), GaussianPolicy(nu, t)),
        (GaussianPolicy(nu, log_sigma=mu), GaussianPolicy(mu, variance=t)),
    ):
        found = policy.mean(kl_estimator(policy, reference, "k3"))
        gap = sympy.expand(found - policy.kl_divergence(reference))
        point = {mu: Rational(3, 10), nu: Rational(-1, 5), s: Rational(7, 10), t: 2}
        assert gap == 0 or abs(gap.subs(point).evalf(20)) < 1e-15


def test_the_risk_of_a_square():
    """E[exp(-β a²)] of a Gaussian is exp(-β μ²/(1 + 2 β σ²))/√(1 + 2 β σ²)."""
    found = entropic_risk(GaussianPolicy(mu, s), -(a**2), 2)
    expected = -(mu**2) / (1 + 4 * s**2) - sympy.log(1 + 4 * s**2) / 4
    assert abs(float((found - expected).subs(POINT))) < 1e-14


PAIRS = {
    "covariance": MultivariateGaussianPolicy([mu, nu], [[s, u], [u, t]]),
    "cholesky": MultivariateGaussianPolicy([mu, nu], cholesky=[[s, 0], [u, t]]),
}


@pytest.mark.parametrize("form", PAIRS)
@pytest.mark.parametrize(
    "reward",
    [
        exp(a1),
        a1 * exp(a1 - 2 * a2),
        a2 * sin(a1),
        sin(a1) * cos(a2 - 1),
        a1 * cos(a1) * exp(a2 / 2),
        3**a2,
        (a1 * a2 - exp(a1)) ** 2,
    ],
    ids=str,
)
def test_exponentials_and_waves_of_two_numbers_close(form, reward):
    gradient = policy_gradient(PAIRS[form], reward)
    found = gradient.doit()
    assert not found.has(ActionIntegral)
    nodes, weights = np.polynomial.hermite_e.hermegauss(50)
    weights = weights / weights.sum()
    one, two = np.meshgrid(nodes, nodes, indexing="ij")
    f = sympy.lambdify([a1, a2], reward, "numpy")

    def objective(m, n, first, second, third):
        factor = np.array([[first, 0], [second, third]])
        if form == "covariance":
            factor = np.linalg.cholesky([[first, second], [second, third]])
        x = m + factor[0, 0] * one
        y = n + factor[1, 0] * one + factor[1, 1] * two
        return (np.outer(weights, weights) * f(x, y)).sum()

    point = {mu: 0.3, nu: -0.2, s: 1.2, u: 0.4, t: 0.9}
    expected = slopes(objective, tuple(point.values()))
    in_order = dict(zip(point, expected, strict=True))
    got = numbers(found, {k: Rational(str(v)) for k, v in point.items()})
    assert got == pytest.approx([in_order[v] for v in gradient.wrt], rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("form", PAIRS)
def test_the_pathwise_gradient_of_two_numbers(form):
    gradient = policy_gradient(PAIRS[form], a1 * a2, wrt=[mu, u])
    path = gradient.pathwise()
    assert sympy.simplify(path.doit() - gradient.doit()).is_zero_matrix
    point = {mu: 0.3, nu: -0.2, s: 1.2, u: 0.4, t: 0.9}
    assert monte_carlo(path, 20_000, np.random.default_rng(0), at=point)


def test_rewards_of_vectors_are_read_like_those_of_numbers():
    pair = PAIRS["cholesky"]
    r = Function("r")
    assert policy_gradient(pair, r, wrt=mu).doit().has(r(*pair.action))
    product = policy_gradient(pair, Lambda((a1, a2), a1 * a2)).doit()
    assert product == policy_gradient(pair, a1 * a2).doit()
    with pytest.raises(PolicyError, match="finite"):
        policy_gradient(pair, a1 * sympy.nan)
    taken = MultivariateGaussianPolicy([Parameter("a_1"), 0], [[1, 0], [0, 1]])
    with pytest.raises(PolicyError, match="another name"):
        policy_gradient(taken, a1**2)


def test_a_pole_in_the_plane_is_no_principal_value():
    pair = PAIRS["covariance"]
    for reward in (1 / a1, a2 / (a1 - a2) ** 2, 1 / (a1**3 + 1)):
        with pytest.raises(PolicyError, match="does not exist"):
            policy_gradient(pair, reward)
    assert policy_gradient(pair, 1 / (1 + a1**2), wrt=mu).doit().has(ActionIntegral)


def test_moments_of_a_simplex_that_are_infinite():
    simplex = DirichletPolicy([Rational(1, 2), s, 2])
    with pytest.raises(PolicyError, match="infinite"):
        policy_gradient(simplex, 1 / a1).doit()
    assert policy_gradient(simplex, 1 / a2).conditions == (s - 1 > 0,)
    for action in ([2, -1, 0], [Rational(1, 2), Rational(1, 5), Rational(1, 10)]):
        with pytest.raises(PolicyError, match="does not take"):
            simplex.prob(action)
