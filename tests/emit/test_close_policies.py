"""Code of ratios of close probabilities: divergences, their estimators and penalties.

Expected values are sums over actions in mpmath, by their definitions.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from sympy import Symbol

from symprice import (
    BernoulliPolicy,
    CategoricalPolicy,
    kl_estimator,
    kl_penalty,
    lambdify,
    parameters,
    policy_gradient,
)

TIGHT = 1e-12
ESTIMATORS = {"k1": lambda u: -u, "k2": lambda u: u * u / 2, "k3": lambda u: mpmath.expm1(u) - u}
STEPS = (1e-9, 1e-3, 1.0, 700.0)
LOGITS = {
    2: ((0.3, -0.2), (1000.0, -1000.0), (40.0, 0.0), (-1e-9, 0.0)),
    3: ((0.3, -0.2, 1.5), (1000.0, -1000.0, 0.0), (30.0, 30.0, -5.0)),
    5: ((0.0, 0.0, 1.0, 2.0, -40.0),),
}


def shares(logits):
    weights = [mpmath.exp(mpmath.mpf(float(x))) for x in logits]
    total = mpmath.fsum(weights)
    return [w / total for w in weights]


def assert_close(found, expected, about, scale=0):
    margin = TIGHT * max(abs(expected), scale) + mpmath.mpf("1e-290")
    assert abs(mpmath.mpf(float(found)) - expected) <= margin, about


def pairs(size):
    rng = np.random.default_rng(size)
    for logits in LOGITS[size]:
        for step in STEPS:
            yield np.array(logits), np.array(logits) + step * rng.normal(size=size)


@pytest.mark.parametrize("size", LOGITS)
def test_of_listed_logits(size):
    z, y = parameters(f"z1:{size + 1}"), parameters(f"y1:{size + 1}")
    here, there = CategoricalPolicy(z), CategoricalPolicy(y)
    args = [*z, *y]
    divergence = lambdify(args, here.kl_divergence(there))
    gradient = policy_gradient(here, kl_penalty(here, there, [0] * size, 3), wrt=z)
    penalty = lambdify(args, gradient.doit())
    estimators = {kind: kl_estimator(here, there, kind) for kind in ESTIMATORS}
    (action,) = estimators["k1"].free_symbols - set(args)
    codes = {kind: lambdify([action, *args], expr) for kind, expr in estimators.items()}
    with mpmath.workdps(2000), np.errstate(all="raise", under="ignore", over="ignore"):
        for here_at, there_at in pairs(size):
            about = here_at, there_at
            p, q = shares(here_at), shares(there_at)
            logs = [mpmath.log(x / y) for x, y in zip(p, q, strict=True)]
            expected = mpmath.fdot(p, logs)
            assert_close(divergence(*here_at, *there_at), expected, about)
            slope = np.ravel(penalty(*here_at, *there_at))
            for k in range(size):
                # Where a component crosses 0 it has the precision of its terms.
                scale = 3 * p[k] * mpmath.fdot(p, [abs(logs[k] - x) for x in logs])
                assert_close(slope[k], -3 * p[k] * (logs[k] - expected), about, scale)
                # log p of a likely action has a zero at equal policies, and a neighbour there.
                for kind, f in codes.items():
                    value = ESTIMATORS[kind](-logs[k])
                    if abs(logs[k]) < 300:
                        scale = ESTIMATORS[kind](mpmath.mpf(1e-16) * abs(expected) ** 0.5)
                        assert_close(f(k + 1, *here_at, *there_at), value, (kind, k, about), scale)


@pytest.mark.parametrize("form", ["logit", "probit", "probability"])
def test_of_two_actions(form):
    x, y = (Symbol(name, positive=True) for name in ("x", "y"))
    if form != "probability":
        x, y = parameters("x y")
    here, there = (BernoulliPolicy(**{form: s}) for s in (x, y))
    divergence = lambdify([x, y], here.kl_divergence(there))
    gradient = policy_gradient(here, kl_penalty(here, there, {0: 0, 1: 0}, 1), wrt=x)
    slope = lambdify([x, y], gradient.doit())
    law = {
        "logit": lambda t: (1 / (1 + mpmath.exp(-t)), 1 / (1 + mpmath.exp(t))),
        "probit": lambda t: (mpmath.ncdf(t), mpmath.ncdf(-t)),
        "probability": lambda t: (t, 1 - t),
    }[form]
    points = (0.3, 1e-10, 0.75) if form == "probability" else (0.0, 1e-9, -2.0, 30.0)
    with mpmath.workdps(450):
        for point in points:
            for step in (1e-9, 1e-3, 0.2):
                step *= point if form == "probability" else 1
                at = point, point + step
                (p, p0), (q, q0) = (law(mpmath.mpf(t)) for t in at)
                expected = p * mpmath.log(p / q) + p0 * mpmath.log(p0 / q0)
                with np.errstate(all="raise", under="ignore"):
                    assert_close(divergence(*at), expected, at)
                    found = slope(*at)
                # Of the divergence, whose sign is turned, by the first argument.
                rate = mpmath.diff(lambda t: law(t)[0], mpmath.mpf(point))
                wanted = -rate * (mpmath.log(p / q) - mpmath.log(p0 / q0))
                assert_close(found, wanted, (form, at))
