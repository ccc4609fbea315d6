"""Every result of every family, as generated code: a new family adds no test.

At places from end to end of what is promised the code is held against the formula in mpmath, with
as many digits as it takes to agree with itself; and at one mild place the formula against its
definition, by mpmath's quadrature or a sum over the actions.
"""

from __future__ import annotations

import math
import random
import warnings
from functools import cache

import mpmath
import numpy as np
import pytest
import sympy
from sympy import Integral, MatrixBase, Sum, atanh, cos

from symprice import SquashedGaussianPolicy, lambdify, policy_gradient
from symprice.errors import SympriceError
from symprice.policy.family import FAMILIES
from tests.policy.quadrature import mean, named, values_of
from tests.policy.test_family_numbers import values

TIGHT, POINTS, SAMPLES = mpmath.mpf(10) ** -11, 3, 4
DIGITS = (60, 150, 600, 2400)
POLICIES = [named(family)[0] for family in FAMILIES]
BASELINES = ("none", "mean", "optimal", "leave_one_out", 3)


def is_open(expr):
    return expr.has(Integral, Sum)


def gradient_of(policy):
    """By a reward with a closed mean, and by the parameters by which all closes."""
    a = policy.action
    rewards = [r for r in (a, cos(a), atanh(a)) if not is_open(policy.expectation(r))]
    variables = [h for h in policy.heads if not h.is_number]
    closed = [v for v in variables if not is_open(policy.fisher(wrt=v))]
    return policy_gradient(policy, rewards[0], wrt=closed)


@cache
def results(policy):
    """The formula of each result, by its name, where there is one."""
    gradient = gradient_of(policy)
    made = {
        "gradient": gradient.doit,
        "fisher": lambda: gradient.policy.fisher(wrt=gradient.wrt),
        "best": gradient.optimal_baseline,
        "best of each": lambda: gradient.optimal_baseline(per_component=True),
        "natural": gradient.natural,
        "hessian": gradient.hessian,
        "pathwise": lambda: gradient.pathwise().doit(),
        "variance of pathwise": lambda: gradient.pathwise().variance(),
        "measure-valued": lambda: one(gradient).measure_valued().doit(),
        "variance of measure-valued": lambda: one(gradient).measure_valued().variance(),
        **{f"variance, {b}": lambda b=b: gradient.variance(b, n=SAMPLES) for b in BASELINES},
    }
    found = {}
    for name, make in made.items():
        try:
            formula = make()
        except SympriceError:  # it says why there is none
            continue
        formula = formula.doit() if hasattr(formula, "definitions") else formula
        if not is_open(formula):
            found[name] = formula
    return found


def one(gradient):
    return policy_gradient(gradient.policy, gradient.reward, wrt=[gradient.wrt[0]])


def entries(found):
    return list(found) if isinstance(found, MatrixBase) else [found]


def exactly(function, point):
    """Its values with 18 digits; None where it has none, as 1/0 after an underflow."""
    last = None
    for digits in DIGITS:
        with mpmath.workdps(digits):
            try:
                found = [mpmath.re(x) for x in function(*map(mpmath.mpf, point))]
            except ZeroDivisionError:
                continue
        pairs = zip(found, last or [], strict=last is not None)
        if last and all(abs(x - y) <= abs(x) * mpmath.mpf(10) ** -18 for x, y in pairs):
            return found
        last = found
    return None


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_code_and_formulas(policy):
    """In one test, so that no formula is derived twice."""
    formulas_are_those_of_the_definitions(policy)
    code_is_right_in_the_tails(policy)


def code_is_right_in_the_tails(policy):
    symbols = [h for h in policy.heads if not h.is_number]
    generator = random.Random(str(policy))
    points = [[generator.choice(values(s)) for s in symbols] for _ in range(POINTS)]
    checked = 0
    for name, formula in results(policy).items():
        code = lambdify(symbols, formula)
        exact = sympy.lambdify(symbols, entries(formula), "mpmath")
        for point in points:
            expected = exactly(exact, point)
            if expected is None or max(map(abs, expected)) > 1e300:
                continue
            with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")
                found = np.ravel(code(*point))
            for x, y in zip(found, expected, strict=True):
                assert abs(mpmath.mpf(float(x)) - y) <= TIGHT * abs(y) + mpmath.mpf("1e-290"), (
                    f"{name} at {point}: {x}, not {mpmath.nstr(y, 17)}"
                )
                checked += 1
    assert checked > 4 * POINTS


def formulas_are_those_of_the_definitions(policy):
    gradient = gradient_of(policy)
    point = values_of(policy)
    reward = gradient.reward
    found = {
        name: [mpmath.mpf(str(sympy.N(e.subs(point), 20))) for e in entries(formula)]
        for name, formula in results(policy).items()
    }
    with mpmath.workdps(20):
        # Where a density on both sides of 0 may have a kink.
        breaks = (float(policy.heads[0].subs(point)),) if policy.bounds[0] < 0 else ()
        objective = mean(policy, reward, point, breaks)
        for i, v in enumerate(gradient.wrt):
            s, J = policy.score(wrt=v), sympy.Float(str(objective), 20)

            def moment(expr):
                return mean(policy, expr, point, breaks)

            slope, square = moment((reward - J) * s), moment(s**2)
            above, least = moment((reward - J) * s**2), moment((reward - J) ** 2 * s**2) - slope**2
            spread = moment((reward - J) ** 2)
            left = {
                b: least + 2 * (objective - value) * above + (objective - value) ** 2 * square
                for b, value in {"none": 0, "mean": objective, 3: 3}.items()
            }
            left["optimal"] = least - above**2 / square
            left["leave_one_out"] = least + (square * spread + slope**2) / (SAMPLES - 1)
            expected = {f"variance, {b}": x / SAMPLES for b, x in left.items()}
            expected |= {"gradient": slope, "best of each": objective + above / square}
            for name, value in expected.items():
                if name in found:
                    assert abs(found[name][i] - value) < 1e-13 * abs(value) + 1e-13, (name, v)
    assert "gradient" in found and math.isfinite(objective)


@pytest.mark.parametrize("power", [2])
def test_a_squashed_gaussian_at_its_ends(power):
    """What stays an integral: near ±1 and for a narrow law, by sums over u in mpmath."""
    mu, sigma = sympy.Symbol("mu", real=True), sympy.Symbol("sigma", positive=True)
    policy = SquashedGaussianPolicy(mu, sigma)
    gradient = policy_gradient(policy, policy.action**power, wrt=[mu, sigma])
    formulas = {
        "slope": gradient.doit(),
        "path": gradient.pathwise().doit(),
        "path varies": gradient.pathwise().variance(),
        **{b: gradient.variance(b) for b in ("none", "mean", "optimal")},
    }
    codes = {name: lambdify([mu, sigma], formula) for name, formula in formulas.items()}
    for m, width in ((0.5, 1.0), (20.0, 0.5), (-5.0, 1e-3)):
        expected = squashed(mpmath.mpf(m), mpmath.mpf(width), power)
        for name, code in codes.items():
            with np.errstate(all="raise", under="ignore"):
                found = np.ravel(code(m, width))
            for x, y in zip(found, expected[name], strict=True):
                assert abs(x - y) < TIGHT * abs(y), (name, m, width, x, mpmath.nstr(y, 15))


def squashed(m, width, power):
    """The moments of tanh(u)^n by their definitions, in e = (u - μ)/σ: by the trapezoidal
    rule, whose error is exp(-π²/(σ h)) for steps of h.
    """
    with mpmath.workdps(70):
        h = mpmath.mpf(1) / 16
        nodes = [n * h for n in range(-288, 289)]
        weights = [h * mpmath.npdf(e) for e in nodes]
        actions = [mpmath.tanh(m + width * e) for e in nodes]
        rewards = [a**power for a in actions]
        slopes = [power * a ** (power - 1) * (1 - a * a) for a in actions]

        def mean(*factors):
            return mpmath.fdot(weights, [mpmath.fprod(x) for x in zip(*factors, strict=True)])

        def variance(values):
            centre = mean(values)
            return mean([(x - centre) ** 2 for x in values])

        scores = ([e / width for e in nodes], [(e * e - 1) / width for e in nodes])
        paths = (slopes, [x * e for x, e in zip(slopes, nodes, strict=True)])
        found = {}
        for score, path in zip(scores, paths, strict=True):
            best = mean(rewards, score, score) / mean(score, score)
            values = {
                "slope": mean(rewards, score),
                "path": mean(path),
                "path varies": variance(path),
            }
            for name, b in {"none": 0, "mean": mean(rewards), "optimal": best}.items():
                values[name] = variance([(r - b) * s for r, s in zip(rewards, score, strict=True)])
            for name, value in values.items():
                found.setdefault(name, []).append(value)
        return found
