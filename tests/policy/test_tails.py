"""What is infinite or undefined is said, and where it is finite."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from sympy import Matrix, Symbol, exp, nan, oo, sin, sqrt, symbols
from sympy.stats import Cauchy, StudentT, Zeta

from symprice import (
    BetaPolicy,
    ExponentialPolicy,
    GammaPolicy,
    GeometricPolicy,
    NegativeBinomialPolicy,
    Parameter,
    Policy,
    policy_gradient,
)
from symprice.errors import PolicyError
from symprice.policy import tails
from symprice.policy.tails import margins

mu, nu = Parameter("mu", real=True), Parameter("nu", positive=True)
a = Symbol("a", real=True)
HEAVY = Policy(Cauchy("a", mu, 2))


@pytest.mark.parametrize("power", [1, 3])
def test_moments_of_a_cauchy_law_are_refused(power):
    with pytest.raises(PolicyError, match="infinite or undefined"):
        HEAVY.expectation(lambda a: a**power)
    with pytest.raises(PolicyError, match="infinite or undefined"):
        policy_gradient(HEAVY, lambda a: a**power).doit()


def test_what_is_finite_is_not_refused():
    found = HEAVY.expectation(lambda a: 1 / (1 + a**2)).subs(mu, 1).evalf()
    f = lambda x: 1 / (2 * mpmath.pi * (1 + ((x - 1) / 2) ** 2) * (1 + x**2))  # noqa: E731
    assert abs(found - mpmath.quad(f, [-mpmath.inf, 0, 1, mpmath.inf])) < 1e-12


def test_conditions_of_heavy_tails():
    assert policy_gradient(Policy(StudentT("a", nu)), lambda a: a**2).conditions == (nu - 2 > 0,)
    with pytest.raises(PolicyError, match="infinite"):
        Policy(Zeta("a", 2)).expectation(lambda a: a)


def test_margins():
    b = symbols("b", real=True)
    assert margins((a + b) ** 2 / (1 + a**2) ** 2, a, -oo, oo) == [1]
    # Leading terms may cancel.
    assert margins(((a + 1) ** 2 - a**2) / (1 + a**2) ** 2, a, -oo, oo) == [2]
    assert margins(exp(-a) * a**9, a, 0, oo) == [] == margins(1 / a, a, 0, 1)


@pytest.mark.parametrize(
    ("policy", "reward", "finite", "infinite"),
    [
        (GeometricPolicy(nu), lambda a: 2**a, 0.7, 0.4),
        (ExponentialPolicy(nu), lambda a: exp(2 * a), 3.0, 1.0),
        (BetaPolicy(nu, 2), lambda a: 1 / sqrt(a), 0.7, 0.3),
    ],
)
def test_code_gives_nan_where_an_expectation_is_infinite(policy, reward, finite, infinite):
    G = policy_gradient(policy, reward)
    found = G.lambdify()(np.array([finite, infinite]))
    assert np.isclose(found[0], float(G.doit().subs(nu, finite)), rtol=1e-12)
    assert np.isnan(found[1])


def test_columns_have_nan_in_every_component():
    k, rate = Parameter("k", positive=True), Parameter("l", positive=True)
    G = policy_gradient(GammaPolicy(k, rate), lambda a: exp(a))
    assert np.isnan(G.lambdify()(2.0, 0.5)).all()
    assert np.isfinite(G.lambdify()(2.0, 1.5)).all()
    assert not Matrix(G.doit()).has(nan)


@pytest.mark.parametrize("r", [3, Symbol("r", positive=True)])
def test_waves_of_counts_close_by_modulus_and_angle(r):
    p = Parameter("p", positive=True)
    found = NegativeBinomialPolicy(r, p).expectation(lambda a: a * sin(a))
    at = {p: 0.4, r: 3} if r != 3 else {p: 0.4}

    def term(k):
        weight = mpmath.binomial(k + 2, k) * mpmath.mpf("0.6") ** 3 * mpmath.mpf("0.4") ** k
        return k * mpmath.sin(k) * weight

    assert abs(found.subs(at).evalf() - sum(map(term, range(200)))) < 1e-14


def test_beside_a_bell_no_sum_is_brought_over_one_denominator(monkeypatch):
    b = symbols("b", real=True)
    monkeypatch.setattr(tails, "cancel", None)
    assert margins(exp(-(a**2)) * (1 / (1 + a) + b) ** 2, a, -oo, oo) == []
    long = sum((a + k) ** k / (1 + a**k + b) for k in range(1, 40))
    assert margins(long / a**2, a, 1, oo) == []
