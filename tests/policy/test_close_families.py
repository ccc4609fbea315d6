"""Divergences of close policies of every family, as generated code: a new family adds no test.

Each is of second order in the difference, made of terms that are not: the code is held against the
formula with as many digits as it takes. That the formulas are right is held elsewhere.
"""

from __future__ import annotations

import random
import warnings

import mpmath
import numpy as np
import pytest
import sympy
from sympy import Integral, Sum

from symprice import (
    DirichletPolicy,
    GammaPolicy,
    GaussianPolicy,
    GeometricPolicy,
    NegativeBinomialPolicy,
    WeibullPolicy,
    kl_estimator,
    kl_penalty,
    lambdify,
    policy_gradient,
)
from tests.policy.test_family_numbers import POLICIES, values

TIGHT, DIGITS, POINTS = 1e-11, 2200, 4


def close_to(policy):
    """A policy of the same family, its parameters, and those that vary."""
    heads = [h for h in policy.heads if not h.is_number]
    varying = [h for h in heads if h.name != "n"]
    others = [sympy.Symbol(f"{h.name}_other", **h.assumptions0) for h in varying]
    return policy.xreplace(dict(zip(varying, others, strict=True))), [*heads, *others], varying


def quietly(function, point):
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.ravel(function(*point))


def assert_right(found, expected, about):
    assert abs(mpmath.mpf(float(found)) - expected) <= TIGHT * abs(expected) + 1e-290, about


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_of_a_family(policy):
    there, args, varying = close_to(policy)
    formula = policy.kl_divergence(there)
    if formula.has(Integral, Sum):
        return  # by quadrature, as its tests hold
    code = lambdify(args, formula)
    exact = sympy.lambdify(args, formula, "mpmath")
    generator = random.Random(str(policy))
    checked = 0
    for step in (1e-3, 1e-6) * POINTS:
        point = {h: generator.choice(values(h)) for h in policy.heads if not h.is_number}
        moved = [point[v] * (1 - generator.choice([0.5, 1, 2]) * step) or step for v in varying]
        full = [*point.values(), *moved]
        with mpmath.workdps(DIGITS if "logit" in str(policy) else 500):
            expected = mpmath.re(exact(*map(mpmath.mpf, full)))
            if 1e-290 < abs(expected) < 1e290:
                assert_right(quietly(code, full)[0], expected, full)
                checked += 1
    assert checked


def test_of_three_concentrations():
    a = sympy.symbols("a1:4", positive=True)
    b = sympy.symbols("b1:4", positive=True)
    formula = DirichletPolicy(a).kl_divergence(DirichletPolicy(b))
    code, exact = lambdify([*a, *b], formula), sympy.lambdify([*a, *b], formula, "mpmath")
    for point in ((1.5, 0.3, 2.0), (1e6, 1e6, 1e-3), (1e-3, 0.1, 30.0)):
        for steps in ((1e-3, -1e-3, 0), (1e-6, 2e-6, -1e-6)):
            full = (*point, *(x * (1 + s) for x, s in zip(point, steps, strict=True)))
            with mpmath.workdps(80):
                assert_right(quietly(code, full)[0], exact(*map(mpmath.mpf, full)), full)


@pytest.mark.parametrize("kind", ["k1", "k2", "k3"])
def test_estimators_of_a_gaussian(kind):
    a, m, u = sympy.symbols("a m u", real=True)
    s, t = sympy.symbols("s t", positive=True)
    here, there = GaussianPolicy(m, s), GaussianPolicy(u, t)
    estimator = kl_estimator(here, there, kind)
    (action,) = estimator.free_symbols - {m, s, u, t}
    code = lambdify([a, m, s, u, t], estimator.xreplace({action: a}))

    def log_density(x, mean, sigma):
        return -mpmath.log(sigma) - ((x - mean) / sigma) ** 2 / 2

    form = {"k1": lambda v: -v, "k2": lambda v: v * v / 2, "k3": lambda v: mpmath.expm1(v) - v}
    for full in (
        (0.5, 0.0, 1.0, 1e-3, 1.0),
        (2.5, 0.3, 2.0, 0.3, 2.002),
        (0.25, 0.0, 1.0, 0.5, 2.0),
    ):
        with mpmath.workdps(60):
            x, *rest = map(mpmath.mpf, full)
            expected = form[kind](log_density(x, *rest[2:]) - log_density(x, *rest[:2]))
            assert_right(quietly(code, full)[0], expected, full)


def test_a_geometric_law_beyond_the_floats():
    z, y = sympy.symbols("z y", real=True)
    here, there = GeometricPolicy(logit=z), GeometricPolicy(logit=y)
    divergence = lambdify([z, y], here.kl_divergence(there))
    slope = lambdify(
        [z, y], policy_gradient(here, kl_penalty(here, there, lambda a: 0 * a, 1), wrt=z).doit()
    )
    for at in ((-1000.0, -999.999), (-745.0, -745.7), (-745.0, -740.0), (30.0, 30.1), (0.0, 1e-9)):
        with mpmath.workdps(1800):
            (p, p0), (q, q0) = (
                (1 / (1 + mpmath.exp(-t)), 1 / (1 + mpmath.exp(t))) for t in map(mpmath.mpf, at)
            )
            # E[a] of a on 1, 2, … is 1/p; log π(a) = log p + (a - 1) log(1 - p).
            gap = mpmath.log(p0 / q0)
            assert_right(quietly(divergence, at)[0], mpmath.log(p / q) + p0 / p * gap, at)
            assert_right(quietly(slope, at)[0], p0 / p * gap, at)


def test_the_curvature_of_a_negative_binomial_by_probit():
    r, z = sympy.Symbol("r", positive=True), sympy.Symbol("z", real=True)
    gradient = policy_gradient(NegativeBinomialPolicy(r, probit=z), lambda a: a, wrt=[z])
    code = lambdify([r, z], gradient.hessian())
    for at in ((4.0, 30.0), (0.5, -30.0), (2.0, 0.5)):
        with mpmath.workdps(500):
            shape, where = map(mpmath.mpf, at)
            bend = mpmath.diff(lambda t: mpmath.ncdf(t) / mpmath.ncdf(-t), where, 2)
            assert_right(quietly(code, at)[0], shape * bend, at)


def test_the_transform_of_a_gamma_law():
    c, s = sympy.symbols("c s", positive=True)
    k = sympy.Symbol("k", positive=True)
    gradient = policy_gradient(GammaPolicy(c, s), lambda a: sympy.exp(-a), wrt=[c, s])
    slope, natural = lambdify([c, s], gradient.doit()), lambdify([c, s], gradient.natural())
    for at in ((1.0, 1e6), (0.1, 1e6), (30.0, 0.5), (1e6, 20.0)):
        with mpmath.workdps(60):
            shape, rate = map(mpmath.mpf, at)
            whole = (rate / (1 + rate)) ** shape
            by = [whole * mpmath.log(rate / (1 + rate)), whole * shape / (rate * (1 + rate))]
            fisher = mpmath.matrix(
                [[mpmath.polygamma(1, shape), -1 / rate], [-1 / rate, shape / rate**2]]
            )
            step = mpmath.lu_solve(fisher, mpmath.matrix(by))
            for x, y in zip(
                [*quietly(slope, at), *quietly(natural, at)], [*by, *step], strict=True
            ):
                assert_right(x, y, at)
    # What made no code: powers whose exponents are no numbers, and very long sums.
    law = policy_gradient(WeibullPolicy(k, s), lambda a: a * sympy.log(a), wrt=[k, s])
    assert np.isfinite(lambdify([k, s], law.optimal_baseline())(1.5, 2.0))
