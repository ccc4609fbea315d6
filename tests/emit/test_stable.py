"""Generated code in the tails, against mpmath at 50 digits."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from sympy import (
    Add,
    LambertW,
    Rational,
    cosh,
    erf,
    exp,
    expand_log,
    gamma,
    log,
    sinh,
    symbols,
    tanh,
)

from symprice.closedform import ClosedForm
from symprice.emit.numpy import lambdify, source
from symprice.emit.stable import stabilise
from symprice.networks.activations import log_sigmoid, normal_cdf, sigmoid, silu, softplus
from symprice.networks.logits import log_softmax, logsumexp, softmax
from symprice.networks.network import MLP
from symprice.symbols import Name, parameters
from symprice.tangent.closing import closed_form
from symprice.tangent.covariance import NTCov, NTVar
from tests.seeds import seeds

LOGITS = [0.0] + [
    sign * size
    for size in (1e-300, 1e-10, 0.3, 1.0, 17.0, 37.5, 40.0, 709.5, 745.0, 1000.0)
    for sign in (1, -1)
]
TINY = np.finfo(float).tiny
x, y, b, w = symbols("x y", real=True) + parameters("b w")
r1, r0 = symbols("r1 r0")
p, q = sigmoid(x), 1 - sigmoid(x)


def mp_sigmoid(t: Any) -> Any:
    return 1 / (1 + mpmath.exp(-t))


def mp_mirror(t: Any) -> Any:
    return mp_sigmoid(-t)


def mp_log_sigmoid(t: Any) -> Any:
    return -mpmath.log1p(mpmath.exp(-t))


def mp_log_cosh(t: Any) -> Any:
    return mpmath.log1p(2 * mpmath.sinh(t / 2) ** 2)


def mp_log_normal_cdf(t: Any) -> Any:
    tail = mpmath.erfc(abs(t) / mpmath.sqrt(2)) / 2
    return mpmath.log1p(-tail) if t > 0 else mpmath.log(tail)


def assert_close(found: Any, true: Any, tolerance: float, where: Any) -> None:
    """Equal up to a relative error; where the true value underflows, up to a denormal."""
    true = mpmath.mpf(true)
    if abs(true) < TINY:
        assert abs(mpmath.mpf(float(found)) - true) <= TINY, (where, found)
    elif abs(true) > np.finfo(float).max:
        assert np.isinf(found), (where, found)
    else:
        error = abs((mpmath.mpf(float(found)) - true) / true)
        assert error <= tolerance, (where, found, true, error)


def assert_right(
    expr: Any,
    true: Callable[..., Any],
    args: Any = (x,),
    grid: Any = LOGITS,
    tolerance: float = 1e-12,
) -> None:
    """The generated function, of numbers and of arrays, against mpmath; no warning on the way."""
    points = [point if isinstance(point, tuple) else (point,) for point in grid]
    function = lambdify(args, expr)
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        together = function(*np.array(points).T)
        alone = [function(*point) for point in points]
    with mpmath.workdps(50):
        for point, from_array, from_number in zip(points, together, alone, strict=True):
            value = true(*map(mpmath.mpf, point))
            assert_close(from_array, value, tolerance, point)
            assert_close(from_number, value, tolerance, point)


# The formula as it may be given, and what it is in mpmath.
OF_A_LOGIT: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "σ": (p, mp_sigmoid),
    "1-σ": (q, mp_mirror),
    "-σ": (-p, lambda t: -mp_sigmoid(t)),
    "σ-1": (p - 1, lambda t: -mp_mirror(t)),
    "5-5σ": (5 - 5 * p, lambda t: 5 * mp_mirror(t)),
    "log σ": (log(p), mp_log_sigmoid),
    "log 1-σ": (log(q), lambda t: mp_log_sigmoid(-t)),
    "log_sigmoid": (log_sigmoid(-x), lambda t: mp_log_sigmoid(-t)),
    "log σ(1-σ)": (log(p * q), lambda t: mp_log_sigmoid(t) + mp_log_sigmoid(-t)),
    "log 5σ(1-σ)²": (
        log(5 * p * q**2),
        lambda t: mpmath.log(5) + mp_log_sigmoid(t) + 2 * mp_log_sigmoid(-t),
    ),
    "σ(1-σ)": (p * q, lambda t: mp_sigmoid(t) * mp_mirror(t)),
    "σ-σ²": (p - p**2, lambda t: mp_sigmoid(t) * mp_mirror(t)),
    "5σ(1-σ)": (5 * p * q, lambda t: 5 * mp_sigmoid(t) * mp_mirror(t)),
    "σ²(1-σ)²": (p**2 * q**2, lambda t: (mp_sigmoid(t) * mp_mirror(t)) ** 2),
    "σ²(1-σ)² expanded": (
        (p**2 * q**2).expand(),
        lambda t: (mp_sigmoid(t) * mp_mirror(t)) ** 2,
    ),
    "1-σ²": (1 - p**2, lambda t: mp_mirror(t) * (1 + mp_sigmoid(t))),
    "1-2σ": (1 - 2 * p, lambda t: -mpmath.tanh(t / 2)),
    "σ(1-σ)(1-2σ)": (
        (p * q * (1 - 2 * p)).expand(),
        lambda t: -mp_sigmoid(t) * mp_mirror(t) * mpmath.tanh(t / 2),
    ),
    "derivative of σ": (p.diff(x), lambda t: mp_sigmoid(t) * mp_mirror(t)),
    "third derivative of σ": (
        p.diff(x, 3),
        lambda t: (
            mp_sigmoid(t)
            * mp_mirror(t)
            * (mpmath.tanh(t / 2) ** 2 - 2 * mp_sigmoid(t) * mp_mirror(t))
        ),
    ),
    "score": (log(p).diff(x), mp_mirror),
    "score of the other action": (log(q).diff(x), lambda t: -mp_sigmoid(t)),
    "entropy": (
        -(p * log(p) + q * log(q)),
        lambda t: -(mp_sigmoid(t) * mp_log_sigmoid(t) + mp_mirror(t) * mp_log_sigmoid(-t)),
    ),
    "1/(1+exp(-x))": (1 / (1 + exp(-x)), mp_sigmoid),
    "exp(x)/(1+exp(x))": (exp(x) / (1 + exp(x)), mp_sigmoid),
    "2/((1+exp(-x))(1+exp(x)))": (
        2 / ((1 + exp(-x)) * (1 + exp(x))),
        lambda t: 2 * mp_sigmoid(t) * mp_mirror(t),
    ),
    "exp(-x)/(1+exp(-x))²": (
        exp(-x) / (1 + exp(-x)) ** 2,
        lambda t: mp_sigmoid(t) * mp_mirror(t),
    ),
    "1/(exp(x)+2+exp(-x))": (
        1 / (exp(x) + 2 + exp(-x)),
        lambda t: mp_sigmoid(t) * mp_mirror(t),
    ),
    "1/(1+3exp(x))": (1 / (1 + 3 * exp(x)), lambda t: 1 / (1 + 3 * mpmath.exp(t))),
    "5/(4cosh²(x/2))": (
        5 / (4 * cosh(x / 2) ** 2),
        lambda t: 5 * mp_sigmoid(t) * mp_mirror(t),
    ),
    "1/cosh": (1 / cosh(x), lambda t: 1 / mpmath.cosh(t)),
    "sinh/cosh": (sinh(x) / cosh(x), mpmath.tanh),
    "odds, inverted": ((1 - p) / p * sigmoid(x) ** 2, lambda t: mp_sigmoid(t) * mp_mirror(t)),
    "log odds": (log(p / q), lambda t: t),
    "softplus": (softplus(x), lambda t: mpmath.log1p(mpmath.exp(t))),
    "log(1+exp(x))": (log(1 + exp(x)), lambda t: mpmath.log1p(mpmath.exp(t))),
    "x-log(1+exp(x))": (x - log(1 + exp(x)), mp_log_sigmoid),
    "log(exp(x)+exp(-x))": (
        log(exp(x) + exp(-x)),
        lambda t: abs(t) + mpmath.log1p(mpmath.exp(-2 * abs(t))),
    ),
    "silu": (silu(x), lambda t: t * mp_sigmoid(t)),
    "1-tanh²": (1 - tanh(x) ** 2, lambda t: mpmath.sech(t) ** 2),
    "tanh-tanh³": (tanh(x) - tanh(x) ** 3, lambda t: mpmath.tanh(t) * mpmath.sech(t) ** 2),
    "log(1-tanh²)": (log(1 - tanh(x) ** 2), lambda t: -2 * mp_log_cosh(t)),
    "log cosh": (log(cosh(x)), mp_log_cosh),
    "(1+tanh(x/2))/2": ((1 + tanh(x / 2)) / 2, mp_sigmoid),
    "log Φ": (log(normal_cdf(x)), mp_log_normal_cdf),
    "W(exp(x))": (LambertW(exp(x)), lambda t: mpmath.lambertw(mpmath.exp(t)).real),
}


@pytest.mark.parametrize("name", OF_A_LOGIT)
def test_functions_of_a_logit(name: str) -> None:
    assert_right(*OF_A_LOGIT[name])


# --- several logits -------------------------------------------------------------------------------
PAIRS = list(
    itertools.product([0.0, 1e-10, -1e-10, 0.7, 40.0, -40.0, 745.0, -1000.0, 1000.0], repeat=2)
)
TRIPLES = list(itertools.product([0.0, 1e-10, -3.0, 40.0, -745.0, 1000.0, -1000.0], repeat=3))
z = symbols("z1:4", real=True)
pi = softmax(*z)
rest = log_softmax(*z)


def mp_softmax(k: int, logits: Any) -> Any:
    return 1 / mpmath.fsum(mpmath.exp(t - logits[k]) for t in logits)


def mp_log_softmax(k: int, logits: Any) -> Any:
    return -mpmath.log1p(
        mpmath.fsum(mpmath.exp(t - logits[k]) for i, t in enumerate(logits) if i != k)
    )


def mp_others(k: int, logits: Any) -> Any:
    return mpmath.fsum(mp_softmax(i, logits) for i in range(len(logits)) if i != k)


OF_LOGITS: dict[str, tuple[Any, Callable[..., Any]]] = {
    "π": (pi[1], lambda *t: mp_softmax(1, t)),
    "1-π": (1 - pi[0], lambda *t: mp_others(0, t)),
    "-π": (-pi[2], lambda *t: -mp_softmax(2, t)),
    "π₁+π₂-1": (pi[0] + pi[1] - 1, lambda *t: -mp_softmax(2, t)),
    "log π": (log(pi[0]), lambda *t: mp_log_softmax(0, t)),
    "log_softmax": (rest[2], lambda *t: mp_log_softmax(2, t)),
    "score": (log(pi[0]).diff(z[0]), lambda *t: mp_others(0, t)),
    "score elsewhere": (log(pi[0]).diff(z[1]), lambda *t: -mp_softmax(1, t)),
    "π(1-π)": (pi[0].diff(z[0]), lambda *t: mp_softmax(0, t) * mp_others(0, t)),
    "π-π²": (pi[0] - pi[0] ** 2, lambda *t: mp_softmax(0, t) * mp_others(0, t)),
    "-π₁π₂": (pi[0].diff(z[1]), lambda *t: -mp_softmax(0, t) * mp_softmax(1, t)),
    "quotient of exponentials": (exp(z[1]) / Add(*map(exp, z)), lambda *t: mp_softmax(1, t)),
    "1-quotient": (1 - exp(z[0]) / Add(*map(exp, z)), lambda *t: mp_others(0, t)),
    "square of a quotient": (
        exp(z[0] + z[1]) / Add(*map(exp, z)) ** 2,
        lambda *t: mp_softmax(0, t) * mp_softmax(1, t),
    ),
    "z-logsumexp": (z[1] - logsumexp(*z), lambda *t: mp_log_softmax(1, t)),
    "log(1-π)": (
        log(1 - pi[0]),
        lambda *t: -mpmath.log1p(1 / mpmath.fsum(mpmath.exp(u - t[0]) for u in t[1:])),
    ),
    "expected reward, centred": (
        3 - (3 * pi[0] + 2 * pi[1] + pi[2]),
        lambda *t: mp_softmax(1, t) + 2 * mp_softmax(2, t),
    ),
}


@pytest.mark.parametrize("name", OF_LOGITS)
def test_functions_of_three_logits(name: str) -> None:
    # The difference of two logits of 1000 is known to 1e-13: so is its exponential.
    assert_right(*OF_LOGITS[name], args=z, grid=TRIPLES)


def test_logsumexp() -> None:
    def true(*t: Any) -> Any:
        return max(t) - mp_log_softmax(t.index(max(t)), t)

    grid = [t for t in TRIPLES if max(t) >= 0]
    assert_right(logsumexp(*z), true, args=z, grid=grid)
    assert_right(log(Add(*map(exp, z))), true, args=z, grid=grid)


def test_a_softmax_shares_its_logarithm() -> None:
    text = source(z, [*pi, *rest, 1 - pi[0]])
    assert text.count("log_softmax(z1, z2, z3)") == 1 and text.count("np.exp(log_pi1)") == 1


OF_TWO: dict[str, tuple[Any, Callable[..., Any]]] = {
    "softmax of two": (softmax(x, y)[0], lambda s, t: mp_sigmoid(s - t)),
    "covariance of two actions": (
        p * q * sigmoid(y) * (1 - sigmoid(y)),
        lambda s, t: mp_sigmoid(s) * mp_mirror(s) * mp_sigmoid(t) * mp_mirror(t),
    ),
    "common factor": (
        (sigmoid(y) - p * sigmoid(y)),
        lambda s, t: mp_sigmoid(t) * mp_mirror(s),
    ),
    "exp(x)/(exp(x)+exp(y))": (
        exp(x) / (exp(x) + exp(y)),
        lambda s, t: mp_sigmoid(s - t),
    ),
}


@pytest.mark.parametrize("name", OF_TWO)
def test_functions_of_two_logits(name: str) -> None:
    assert_right(*OF_TWO[name], args=(x, y), grid=PAIRS)


def test_ratios_of_probabilities_that_both_underflow() -> None:
    near = [(s, s + d) for s in (-1e3, -745.0, -40.0, 0.0, 40.0, 1e3) for d in (-2.0, 1e-3, 5.0)]
    assert_right(
        p / sigmoid(y),
        lambda s, t: mpmath.exp(mp_log_sigmoid(s) - mp_log_sigmoid(t)),
        args=(x, y),
        grid=near,
    )
    assert_right(
        p / q * (1 - sigmoid(y)) / sigmoid(y),
        lambda s, t: mpmath.exp(s - t),
        args=(x, y),
        grid=near,
    )
    assert_right(
        pi[0] / pi[0].subs(z[0], x),
        lambda *t: mpmath.exp(mp_log_softmax(0, t[:3]) - mp_log_softmax(0, (t[3], *t[1:3]))),
        args=(*z, x),
        grid=[(s, 1000.0, -1.0, s + 2.0) for s in (-1000.0, 0.0, 999.0, 1005.0)],
    )


# --- other functions ------------------------------------------------------------------------------
SMALL = [s * t for s in (1, -1) for t in (1e-300, 1e-16, 1e-8, 1e-3, 0.4, 0.9, 1 - 1e-12)]
POSITIVE = [1e-300, 1e-20, 1e-9, 0.3, 0.7, 1.0, 2.5, 30.0, 37.0, 700.0]
OTHERS: dict[str, tuple[Any, Callable[[Any], Any], list[float]]] = {
    "log(1-x)": (log(1 - x), lambda t: mpmath.log1p(-t), SMALL),
    "log(1+x)": (log(1 + x), mpmath.log1p, [*SMALL, 1e300]),
    "exp(x)-1": (exp(x) - 1, mpmath.expm1, [*SMALL, 700.0, -1000.0]),
    "3-3exp(-x)": (3 - 3 * exp(-x), lambda t: -3 * mpmath.expm1(-t), [*SMALL, 1000.0]),
    "y exp(x) - y": ((y * exp(x) - y).subs(y, 7), lambda t: 7 * mpmath.expm1(t), SMALL),
    "log(1-exp(-x))": (
        log(1 - exp(-x)),
        lambda t: mpmath.log(-mpmath.expm1(-t)) if t < 1 else mpmath.log1p(-mpmath.exp(-t)),
        POSITIVE,
    ),
    "x log x": (x * log(x), lambda t: t * mpmath.log(t) if t else 0, [0.0, *POSITIVE]),
    "x log(x/3)": (x * log(x / 3), lambda t: t * mpmath.log(t / 3) if t else 0, [0.0, 0.2, 5.0]),
    "(1-x) log(1-x)": (
        (1 - x) * log(1 - x),
        lambda t: (1 - t) * mpmath.log1p(-t) if t != 1 else 0,
        [0.0, 1e-300, 1e-12, 0.4, 1.0],
    ),
    "1-erf": (1 - erf(x), mpmath.erfc, [-30.0, -1.0, 1e-9, 3.0, 8.0, 26.0]),
    "1-Φ": (1 - normal_cdf(x), lambda t: mpmath.erfc(t / mpmath.sqrt(2)) / 2, [-9.0, 3.0, 37.0]),
    "log Γ": (log(gamma(x) * exp(-x)), lambda t: mpmath.loggamma(t) - t, [0.1, 5.0, 1000.0]),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_functions(name: str) -> None:
    expr, true, grid = OTHERS[name]
    assert_right(expr, true, grid=grid, tolerance=2e-13)


def test_bracketed_rewards() -> None:
    """r₁ - J with J the expected reward, symbolic and numeric."""
    expected = r1 * p + r0 * q
    found, _ = stabilise([(r1 - expected).expand()], {})
    assert found[0].expand() == ((r1 - r0) * sigmoid(-x)).expand()
    assert stabilise([10 - 10 * p - 5 * q], {})[0] == [5 * sigmoid(-x)]
    found, _ = stabilise([r1 - r0 + (r0 - r1) * p], {})
    assert (found[0] - (r1 - r0) * sigmoid(-x)).expand() == 0


# --- with names -----------------------------------------------------------------------------------
P, Q, E, D, A = map(Name, ("p", "q", "e", "d", "a1_1"))
NAMED: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "1-p": (ClosedForm(1 - P, {P: p}), mp_mirror),
    "p(1-p)": (ClosedForm(P * (1 - P), {P: p}), lambda t: mp_sigmoid(t) * mp_mirror(t)),
    "log(1-p)": (ClosedForm(log(1 - P), {P: p}), lambda t: mp_log_sigmoid(-t)),
    "log q": (ClosedForm(log(Q), {P: p, Q: 1 - P}), lambda t: mp_log_sigmoid(-t)),
    "log of a named product": (
        ClosedForm(log(Q), {P: p, Q: P * (1 - P)}),
        lambda t: mp_log_sigmoid(t) + mp_log_sigmoid(-t),
    ),
    "p from exponentials": (
        ClosedForm(P**2 * (1 - P) ** 2, {P: 1 / (1 + exp(-x))}),
        lambda t: (mp_sigmoid(t) * mp_mirror(t)) ** 2,
    ),
    "named exponential": (
        ClosedForm(E / (1 + E) ** 2, {E: exp(-x)}),
        lambda t: mp_sigmoid(t) * mp_mirror(t),
    ),
    "named denominator": (
        ClosedForm(E / D**2, {E: exp(-x), D: 1 + E}),
        lambda t: mp_sigmoid(t) * mp_mirror(t),
    ),
    "named argument": (
        ClosedForm(P * (1 - P), {A: 2 * x + 1, P: sigmoid(A)}),
        lambda t: mp_sigmoid(2 * t + 1) * mp_mirror(2 * t + 1),
    ),
    "log(1-a²) of a named tanh": (
        ClosedForm(log(1 - A**2), {A: tanh(x)}),
        lambda t: -2 * mp_log_cosh(t),
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_named_definitions_count_as_what_they_are(name: str) -> None:
    assert_right(*NAMED[name])


def test_a_named_tanh_stays_a_product() -> None:
    for form in (y * (1 - A**2), A + y * (1 - tanh(x) ** 2)):
        text = source((x, y), ClosedForm(form, {A: tanh(x)}))
        assert "a1_1 = np.tanh(x)" in text and "1 - a1_1**2" in text and "expit" not in text


# --- covariances ----------------------------------------------------------------------------------
def test_variance_of_a_probability() -> None:
    for form in (NTVar(sigmoid(b)), closed_form(NTVar(sigmoid(b))), NTVar(1 / (1 + exp(-b)))):
        assert_right(form, lambda t: (mp_sigmoid(t) * mp_mirror(t)) ** 2, args=(b,))


def test_covariance_of_log_probabilities_of_a_softmax() -> None:
    """NTCov(log π₁, log π₂) = (δ₁-π)·(δ₂-π) x²: a quotient by π₁ π₂ would be 0/0."""
    ws = parameters("w1:4")
    chosen = softmax(*(weight * x for weight in ws))
    assert_right(
        NTCov(log(chosen[0]), log(chosen[1])),
        lambda *t: (
            t[3] ** 2
            * (
                mp_softmax(2, scaled(t)) ** 2
                - mp_softmax(0, scaled(t)) * mp_others(0, scaled(t))
                - mp_softmax(1, scaled(t)) * mp_others(1, scaled(t))
            )
        ),
        args=(*ws, x),
        # The terms are of both signs, and equal logits cancel them: points where they do not.
        grid=[(*t, 1.0) for t in TRIPLES if len(set(t)) == 3 and 1e-10 not in t],
    )


def scaled(t: Any) -> list[Any]:
    return [weight * t[3] for weight in t[:3]]


def test_covariance_of_log_probabilities() -> None:
    form = NTCov(log(sigmoid(b)), log(1 - sigmoid(b)))
    assert_right(form, lambda t: -mp_sigmoid(t) * mp_mirror(t), args=(b,))


def test_variance_of_the_probability_of_a_network() -> None:
    """NTVar(σ(f)) = σ²(1-σ)² |∇f|² for a network with two neurons and large output weights."""
    f = MLP(1, 2, 1, activation=tanh).explicit()
    function = lambdify(None, closed_form(NTVar(sigmoid(f))))
    names = [s.name for s in function.args]
    for scale in (1e-10, 1.0, 40.0, 350.0, 1000.0):
        values = dict(zip(names, [0.3, -0.2, scale, 1.5, -0.5, scale, scale / 3, 0.7], strict=True))
        with np.errstate(all="raise", under="ignore"):
            found = function(values)
        with mpmath.workdps(60):
            v = {k: mpmath.mpf(t) for k, t in values.items()}
            x1, total, norm = v["x1"], v["b2_1"], mpmath.mpf(1)
            for i in "12":
                a = mpmath.tanh(v[f"w1_{i}1"] * x1 + v[f"b1_{i}"])
                total += v[f"w2_1{i}"] * a
                norm += a**2 + (v[f"w2_1{i}"] * (1 - a**2)) ** 2 * (1 + x1**2)
                assert abs(a) < 1
            assert_close(found, (mp_sigmoid(total) * mp_mirror(total)) ** 2 * norm, 1e-12, scale)


# --- the rewriting keeps the value ----------------------------------------------------------------
def random_formula(rng: np.random.Generator, depth: int) -> Any:
    kind = rng.integers(0, 9 if depth else 2)
    if kind < 2:
        return [x, y, Rational(int(rng.integers(1, 9)), 4), p, tanh(y), exp(x)][rng.integers(0, 6)]
    one, two = random_formula(rng, depth - 1), random_formula(rng, depth - 1)
    choices = [one + two, one * two, one - one * two, one**2 - 1, 1 - one, sigmoid(one), tanh(one)]
    return choices[kind - 2]


@pytest.mark.parametrize("seed", seeds(30))
def test_rewriting_keeps_the_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    formula = random_formula(rng, 4)
    positive = formula**2 + Rational(1, 7)
    for expr in (formula, formula.expand(), log(positive), expand_log(log(positive * p * (1 - p)))):
        point = {x: Rational(int(rng.integers(-9, 9)), 5), y: Rational(int(rng.integers(-9, 9)), 5)}
        true = expr.xreplace(point).evalf(40, maxn=2000)
        found = lambdify((x, y), expr)(*(float(v) for v in point.values()))
        scale = max(1.0, abs(float(true)))
        assert abs(float(true) - found) <= 1e-9 * scale, (expr, point)
