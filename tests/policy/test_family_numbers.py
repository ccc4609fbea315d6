"""The generated code of every family in the tails, against mpmath: a new family adds no test.

An error is measured against the result, and against what half a unit in the last place of an
argument does to it: no function of floats can know its arguments better.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
import random
import warnings

import mpmath
import numpy as np
import pytest
import sympy
from sympy import Integral, MatrixBase, Sum

import symprice.policy
from symprice import lambdify
from symprice.policy.family import FAMILIES
from tests.policy.quadrature import named, other

for module in pkgutil.iter_modules(symprice.policy.__path__, "symprice.policy."):
    importlib.import_module(module.name)

TIGHT, UNIT = mpmath.mpf(10) ** -11, 8 * 2.0**-52
# 1 - σ(1000) has 434 digits.
DIGITS, MANY = 40, 480
POINTS, TERMS = 8, 400
# Both may be 0, as sums of terms that are not.
ABSOLUTE = {"entropy": 1e-15, "divergence": 1e-16}
# Their divergences are differences of special functions of size 1: right to so many digits.
OF_SPECIAL_FUNCTIONS = {
    "BetaPolicy",
    "GammaPolicy",
    "LaplacePolicy",
    "VonMisesPolicy",
    "WeibullPolicy",
}

# Where numbers of a form are taken from: the ends of what is promised, and some between.
UNITS = [1e-12, 1e-3, 0.3, 0.5, 0.999]
SHAPES = [1e-3, 0.1, 1.0, 1.5, 30.0, 1e3, 1e6]
SCALES = [1e-3, 0.5, 1.0, 20.0, 1e6]
PLACES = [-1e3, -1.0, 0.0, 0.7, 1e3]
LOGITS = [-1000.0, -745.0, -40.0, -1e-10, 0.3, 40.0, 1000.0]
PROBITS = [-30.0, -5.0, 0.1, 5.0, 30.0]
LOGARITHMS = [-20.0, -5.0, 0.0, 1.0, 13.0]
DIRECTIONS = [-7.0, -2.0, 0.0, 5.0, 13.0]
COUNTS = [1.0, 4.0, 1e3, 1e6]
OF_NAME = {"probability": UNITS, "logit": LOGITS, "probit": PROBITS, "n": COUNTS}
OF_NAME["log_concentration"] = DIRECTIONS
OF_NAME |= dict.fromkeys(["concentration", "alpha", "beta", "total_count"], SHAPES)


def values(symbol):
    name = symbol.name.removesuffix("_2")
    if name in OF_NAME:
        return OF_NAME[name]
    if name.startswith("log_"):
        return LOGARITHMS
    return SCALES if symbol.is_positive else PLACES


def policies():
    for family in FAMILIES:
        for policy in named(family):
            fixed = [h for h in policy.heads if h.is_number]
            if fixed:
                n = sympy.Symbol("n", integer=True, positive=True)
                policy = policy.with_heads([n if h in fixed else h for h in policy.heads])
            yield policy


POLICIES = list(policies())


def twin_of(policy):
    """The same family with other parameters, except a number of tries."""
    twin = other(policy)
    return twin.with_heads(
        [h if h.name == "n" else t for h, t in zip(policy.heads, twin.heads, strict=True)]
    )


def cases(policy):
    """Of each quantity its name, its formula, its arguments, and whether an action is one."""
    variables = [h for h in policy.heads if h.name != "n"]
    scores = policy.score(wrt=variables)
    found = [("log_prob", policy.log_prob()), ("prob", policy.prob())]
    listed = scores if isinstance(scores, MatrixBase) else [scores]
    found += [(f"score by {v}", s) for v, s in zip(variables, listed, strict=True)]
    for name, expr in found:
        yield name, expr, [*policy.heads, policy.action]
    twin = twin_of(policy)
    yield "entropy", policy.entropy(), list(policy.heads)
    both = list(dict.fromkeys([*policy.heads, *twin.heads]))
    yield "divergence", policy.kl_divergence(twin), both


def actions(policy, point):
    """Some actions in the bulk, and some far from it."""
    rng = np.random.default_rng(7)
    low, high = (b.subs(point) for b in policy.bounds)
    with np.errstate(all="ignore"):
        try:
            drawn = [float(a) for a in policy.sample(rng, 2, at=point)]
        except ValueError:  # more than NumPy counts
            drawn = []
    if policy.is_countable:
        far = [0.0, 3.0, 1e6]
    elif low.is_infinite:
        far = [-1e3, 0.25, 50.0]
    elif high.is_infinite:
        far = [1e-10, 0.7, 30.0, 1e5]
    elif low == 0:
        far = [1e-10, 0.3, 0.999]
    else:
        far = [-0.999, 0.2, 0.9999999999]
    inside = [a for a in (*drawn, *far) if math.isfinite(a) and abs(a) < 1e15]
    if policy.is_countable:
        return [a for a in inside if low <= a <= high]
    return [a for a in inside if low < a < high]


def points(symbols, seed):
    generator = random.Random(seed)
    for _ in range(POINTS):
        point = {}
        for s in symbols:
            first = next((t for t in point if f"{t.name}_2" == s.name), None)
            close = first is not None and generator.random() < 0.5 and values(s) != UNITS
            point[s] = point[first] * 1.25 if close else generator.choice(values(s))
        yield point


def conditioning(exact, arguments, value):
    """What a relative change of one in an argument does to the result."""
    step, close, total = mpmath.mpf(10) ** -25, mpmath.mpf(10) ** -7, mpmath.mpf(0)
    for k, x in enumerate(arguments):
        for near in (0, close):  # at a maximum it is 0, and close to it not
            at, moved = [*arguments], [*arguments]
            at[k], moved[k] = x * (1 + near), x * (1 + near + step)
            base = mpmath.re(exact(*at)) if near else value
            total += abs(mpmath.re(exact(*moved)) - base) / step
    return total


class TooManyTermsError(Exception):
    """Of a sum that would take long; larger ones are tested by their asymptotics elsewhere."""


def summed(policy, symbols, twin=None):
    """Entropy of counts or their divergence from others, term by term from the mean on."""
    laws = [
        sympy.lambdify([*symbols, p.action], p.log_prob().doit(), modules="mpmath")
        for p in (policy, *([] if twin is None else [twin]))
    ]
    size = policy.expectation(policy.action)
    ends = sympy.lambdify(symbols, [size, *policy.bounds], modules="mpmath")

    def exact(*arguments):
        middle, low, high = map(mpmath.re, ends(*arguments))
        if middle > TERMS:
            raise TooManyTermsError
        start, count, total = int(middle), 0, mpmath.mpf(0)
        for way in (1, -1):
            k = start + (way < 0) * way
            while low <= k <= high:
                first, *second = (mpmath.re(law(*arguments, k)) for law in laws)
                term = mpmath.exp(first) * (first - second[0] if second else -first)
                total, count = total + term, count + 1
                if abs(term) < 1e-40 * abs(total) and abs(k - start) > 5:
                    break
                if count > TERMS:
                    raise TooManyTermsError
                k += way
        return total

    return exact


def worth(exact, arguments, digits):
    """The exact number; none where mpmath has none with so many digits."""
    with mpmath.workdps(digits):
        try:
            return mpmath.re(exact(*map(mpmath.mpf, arguments)))
        except ZeroDivisionError:  # 1 - σ(x) was 0
            return mpmath.nan


def is_right(found, exact, arguments, absolute):
    """Whether a number is right; with more digits, and looked at closely, only where needed."""
    for digits in (DIGITS, MANY):
        value = worth(exact, arguments, digits)
        if abs(found - value) <= TIGHT * abs(value) + absolute:
            return True
    with mpmath.workdps(MANY):
        allowed = UNIT * conditioning(exact, list(map(mpmath.mpf, arguments)), value)
        return abs(found - value) <= TIGHT * abs(value) + allowed


def sizes(policy):
    """How large the actions of a policy are, as a function of its parameters."""
    size = policy.expectation(policy.action)
    inner = sympy.lambdify(policy.heads, 0 if size.has(Integral) else size, modules="mpmath")
    return lambda point: worth(inner, [point[h] for h in policy.heads], MANY)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_generated_code_in_the_tails(policy):
    checked, size = 0, sizes(policy)
    for name, expr, symbols in cases(policy):
        if expr.has(Integral):
            continue  # held against mpmath's quadrature in tests/emit/test_quadratures.py
        function = lambdify(symbols, expr)
        exact = sympy.lambdify(symbols, expr, modules="mpmath")
        if expr.has(Sum):
            exact = summed(policy, symbols, twin_of(policy) if name == "divergence" else None)
        law = sympy.lambdify([*policy.heads, policy.action], policy.log_prob(), "mpmath")
        heads = [s for s in symbols if s != policy.action]
        for point in points(heads, f"{policy} {name}"):
            if not abs(size(point)) < 1e290:
                continue  # its actions are no floats
            floats = {h: sympy.Float(x, 17) for h, x in point.items()}
            for a in actions(policy, floats) if policy.action in symbols else [None]:
                arguments = [*point.values()] + ([] if a is None else [a])
                if name == "prob" and abs(worth(law, arguments, 20)) > 700:
                    continue
                try:
                    value = worth(exact, arguments, DIGITS)
                except TooManyTermsError:
                    continue
                if not mpmath.isfinite(value) or abs(value) > mpmath.mpf(10) ** 300:
                    continue
                with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("error")
                    found = float(function(*arguments))
                assert is_right(found, exact, arguments, ABSOLUTE.get(name, 1e-290)), (
                    f"{name} at {arguments}: {found}, not {mpmath.nstr(value, 17)}"
                )
                checked += 1
    assert checked > POINTS


@pytest.mark.parametrize("policy", [named(family)[0] for family in FAMILIES], ids=str)
def test_the_divergence_of_close_policies(policy):
    """Of second order in the step: what a sum of the logarithms gives is rounding."""
    twin = other(policy)
    formula = policy.kl_divergence(twin)
    if formula.has(Integral, Sum):
        return
    pairs = [(h, t) for h, t in zip(policy.heads, twin.heads, strict=True) if not h.is_number]
    symbols = [s for pair in pairs for s in pair]
    here = [0.3 if values(h) in (UNITS, LOGITS) else 1.7 + k for k, (h, _) in enumerate(pairs)]
    for step in (1e-3, 1e-6):
        point = [x for h in here for x in (h, h * (1 + step))]
        exact = sympy.lambdify(symbols, formula, modules="mpmath")
        with mpmath.workdps(DIGITS):
            expected = exact(*map(mpmath.mpf, point))
        found = float(lambdify(symbols, formula)(*point))
        sure = type(policy).__name__ not in OF_SPECIAL_FUNCTIONS
        assert abs(found - expected) <= (1e-9 * expected if sure else 1e-15)
