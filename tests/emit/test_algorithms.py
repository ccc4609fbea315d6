"""Algorithm boxes: what they say is read back and run, and held against the algorithm itself."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import pytest
from sympy import Function, Symbol, exp, symbols

from symprice import (
    MLP,
    SAM,
    SGD,
    Adam,
    AdamW,
    BernoulliPolicy,
    GaussianPolicy,
    GradientDescent,
    GradientFlow,
    HeavyBall,
    Nesterov,
    NormalizedGradient,
    RMSProp,
    SignDescent,
    observables,
    parameters,
    policy_gradient,
    price,
)
from symprice.emit.algorithms import algorithm, algorithm_of
from symprice.emit.documents.algorithmic import (
    Algorithm,
    latexify_box,
    own_box,
    to_algorithmic,
)
from symprice.emit.notation import Notation
from symprice.emit.python_algorithms import from_python
from symprice.errors import NoRuleError
from tests.emit.latex_value import value

eta, beta, beta1, beta2, eps = symbols("eta beta beta1 beta2 epsilon", positive=True)
P, L = observables("P L")
b, mu, s = parameters("b mu s")

ETA, BETA, BETA1, BETA2, EPS = 0.1, 0.8, 0.9, 0.99, 1e-3
CONSTANTS = {
    r"\eta": ETA, r"\beta": BETA, r"\beta_{1}": BETA1, r"\beta_{2}": BETA2, r"\epsilon": EPS,
}  # fmt: skip


def slope(theta: float) -> float:
    """∇L of L = θ⁴/4 - θ."""
    return theta**3 - 1


def run_box(box: Algorithm, theta: float, steps: int) -> float:
    """The box run line by line, its formulas read by the tests' reader of LaTeX."""
    env: dict[str, Any] = {**CONSTANTS, r"\theta": theta}
    before = [line for line in box.lines if line.depth == 0 and line.kind == "assign"]
    inside = [line for line in box.lines if line.depth == 1]
    for line in before:
        env[line.left] = value(line.right, env)
    for t in range(1, steps + 1):
        env["t"] = t
        for line in inside:
            if r"\nabla L" in line.right:
                place = line.right.split(r"\nabla L", 1)[1].strip()
                place = place.removeprefix("(").removesuffix(")") or r"\theta"
                place = place.removeprefix(r"\left(").removesuffix(r"\right)")
                env[line.left] = slope(value(place, env))
            else:
                env[line.left] = value(line.right, env)
    return float(env[r"\theta"])


def by_hand(kind: str, theta: float, steps: int) -> float:
    """The algorithms as their papers state them."""
    m = v = 0.0
    for t in range(1, steps + 1):
        if kind == "nesterov":
            v = BETA * v - ETA * slope(theta + BETA * v)
            theta += v
            continue
        g = slope(theta)
        if kind == "descent":
            theta -= ETA * g
        elif kind == "sign":
            theta -= ETA * math.copysign(1.0, g)
        elif kind == "heavy ball":
            v = BETA * v - ETA * g
            theta += v
        elif kind == "rmsprop":
            v = BETA2 * v + (1 - BETA2) * g * g
            theta -= ETA * g / (math.sqrt(v) + EPS)
        else:
            if kind == "adamw":
                theta -= ETA * BETA * theta
            m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g * g
            mean, square = m / (1 - BETA1**t), v / (1 - BETA2**t)
            theta -= ETA * mean / (math.sqrt(square) + EPS)
    return theta


@pytest.mark.parametrize(
    ("kind", "dynamics"),
    [
        ("descent", GradientDescent(eta)),
        ("heavy ball", HeavyBall(eta, beta)),
        ("nesterov", Nesterov(eta, beta)),
        ("rmsprop", RMSProp(eta, beta2, eps)),
        ("adam", Adam(eta, beta1, beta2, eps)),
        ("adamw", AdamW(eta, beta1, beta2, eps, weight_decay=beta)),
    ],
)
@pytest.mark.parametrize("steps", [1, 4])
def test_the_box_is_the_algorithm(kind: str, dynamics: Any, steps: int) -> None:
    found = run_box(algorithm_of(dynamics), 0.4, steps)
    assert found == pytest.approx(by_hand(kind, 0.4, steps), rel=1e-12)


def test_a_step_that_mixes_the_entries_is_not_written_entry_by_entry() -> None:
    """η ∇L/|∇L| is no sign of each entry."""
    tex = algorithm(NormalizedGradient(eta)).latex(floating=False)
    assert "NTVar" in tex and "operatorname{sign}" not in tex
    assert r"\operatorname{sign}" in algorithm(SignDescent(eta)).latex(floating=False)


def test_sam_takes_its_gradient_where_it_looks() -> None:
    gradient, step = algorithm_of(SAM(beta, eta)).lines[1:3]
    assert r"\theta + \frac{\beta}{\sqrt{\operatorname{NTVar}(L)}} \nabla L" in gradient.right
    assert step.right == r"\theta - \eta g"


def test_the_terms_of_prices_equation_stand_beside_the_step() -> None:
    law = price(P, L, GradientDescent(eta), order=2)
    box = str(algorithm(law))
    assert box.index("selection") < box.index("θ ← θ - η g") < box.index("P(θ) - P₀")
    names = {line.left for line in algorithm_of(law).lines}
    assert {r"\Delta_{\mathrm{selection}}", r"\Delta_{\mathrm{curvature}}"} <= names


def test_definitions_of_the_terms_are_lines_of_the_box() -> None:
    """Of a network's property every name in the box is given a value before it is used."""
    f = MLP(1, 2, 1).explicit()
    lines = algorithm_of(price(f, f**2 / 2, GradientDescent(eta), order=2)).lines
    known: list[str] = []
    names = [line.left for line in lines if line.kind == "assign"]
    assert names.index("a^{(1)}_{1}") < names.index("f") < names.index("g")
    for line in lines:
        for name in ("h^{(1)}_{1}", "h^{(1)}_{2}", "a^{(1)}_{1}", "a^{(1)}_{2}"):
            assert name in known or name not in line.right, line
        known.append(line.left)


@pytest.mark.parametrize("baseline", ["none", "mean", "leave_one_out", Symbol("c")])
@pytest.mark.parametrize(
    "gradient",
    [
        policy_gradient(BernoulliPolicy(logit=b), Function("r")),
        policy_gradient(GaussianPolicy(mu, exp(s)), Function("r")),
    ],
)
def test_no_name_of_a_reinforce_box_means_two_things(gradient: Any, baseline: Any) -> None:
    lines = algorithm_of(gradient.estimator(5, baseline)).lines
    assigned = [line.left for line in lines if line.kind == "assign"]
    assert len(assigned) == len(set(assigned))
    trained = {str(v) for v in gradient.wrt}
    bases = [left.split("_")[0] for left in assigned if "_" in left]
    assert not trained & set(bases)


def test_the_score_in_the_box_is_the_slope_of_the_log_probability() -> None:
    gradient = policy_gradient(GaussianPolicy(mu, exp(s)), Function("r"))
    scores = [ln for ln in algorithm_of(gradient).lines if ln.comment == "the score"]
    at = {r"\mu": 0.3, "s": -0.2, "a_{i}": 1.1}

    def log_prob(mu_: Any, s_: Any) -> Any:
        return -((1.1 - mu_) ** 2) * mpmath.exp(-2 * s_) / 2 - s_

    expected = [mpmath.diff(log_prob, (0.3, -0.2), n) for n in ((1, 0), (0, 1))]
    for line, slope_ in zip(scores, expected, strict=True):
        assert mpmath.almosteq(value(line.right, at), slope_, 1e-9)


# -- Python functions ------------------------------------------------------------------------------

NEWTON = '''
def root_of(x, n, tol):
    """This is no line of the algorithm."""
    best: float = x
    for i in range(1, n):
        step = f(x) / df(x)[i]
        if abs(step) <= tol and not i == 2:
            return x
        else:
            x -= step
        while best > 1:
            best **= 0.5
    return x, best
'''


def test_a_python_function_becomes_a_box() -> None:
    box = from_python(NEWTON)
    told = [(ln.depth, ln.kind, ln.left, ln.right) for ln in box.lines]
    assert told[0] == (0, "assign", r"\mathit{best}", "x")
    assert told[1] == (0, "for", "i", r"\{1, \dots, n - 1\}")
    assert told[2][3] == r"\frac{f(x)}{\operatorname{df}(x)_{i}}"
    assert told[3][:2] == (1, "if") and r"\leq" in told[3][2]
    assert [kind for _, kind, *_ in told] == [
        "assign", "for", "assign", "if", "return", "else", "assign", "while", "assign", "return",
    ]  # fmt: skip
    assert (2, "assign", "x", r"x - \mathit{step}") in told


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def f(x): return np.sum(x, axis=0)", "axis=0"),
        ("def f(*x): return x", "arguments"),
        ("def f(x, *, y): return x", "arguments"),
        ("def f(x):\n    with x:\n        pass\n    return x", "line 2"),
        ("def f(x):\n    y = [i for i in x]\n    return y", "line 2"),
        ("def f(x):\n    y = x @ x\n    return y", "line 2"),
        ("def f(x):\n    x.y = 1\n    return x", "line 2"),
        (
            "def f(x):\n    for i in x:\n        pass\n    else:\n        x = 1\n    return x",
            "line 2",
        ),
        ("def f(x):\n    return x[1:2]", "1:2"),
        ("def f(x):\n    return lambda y: y", "lambda"),
        ("x = 1", "def"),
        ("def f(:", "Python"),
    ],
)
def test_what_a_box_cannot_show_is_refused_by_its_line(source: str, line: str) -> None:
    with pytest.raises(NoRuleError, match=line):
        from_python(source)


def test_what_has_no_algorithm_is_refused() -> None:
    for thing in (GradientFlow(), SGD(eta, 2), b, 3):
        with pytest.raises(NoRuleError, match="write"):
            algorithm(thing)


# -- the box ---------------------------------------------------------------------------------------


def _algorithms() -> list[Algorithm]:
    return [
        algorithm_of(Adam(eta, beta1, beta2, eps)),
        algorithm_of(price(P, L, GradientDescent(eta), order=2)),
        algorithm_of(policy_gradient(BernoulliPolicy(logit=b), {1: 1, 0: 0}).estimator(4, "mean")),
        from_python(NEWTON),
    ]


@pytest.mark.skipif(latexify_box() is None, reason="latexify-py is not installed")
@pytest.mark.parametrize("i", range(4))
@pytest.mark.parametrize("room", [14, 40])
def test_latexify_and_our_own_box_agree(i: int, room: int) -> None:
    one = _algorithms()[i]
    assert to_algorithmic(one, room, latexify_box()) == to_algorithmic(one, room, own_box)


def test_blocks_are_closed() -> None:
    for one in _algorithms():
        tex = to_algorithmic(one)
        for word in ("For", "While", "If", "Function"):
            assert tex.count(f"\\{word}{{") == tex.count(f"\\End{word}")
        assert all(not 0xE000 <= ord(c) < 0xF900 for c in tex)


def test_the_notation_reaches_the_box() -> None:
    tex = algorithm(Adam(eta), notation=Notation.learning()).latex(label="alg:adam")
    assert r"\boldsymbol{\theta}" in tex and r"\boldsymbol{m}" in tex and r"\label{alg:adam}" in tex
    assert r"\caption{Adam}" in tex
    assert r"\caption{A title with 5\%}" in algorithm(Adam(eta), "A title with 5%").latex()


def test_markdown_and_text() -> None:
    box = algorithm(HeavyBall(eta, beta))
    assert box.markdown().count("\n1. ") == 3 and r"\gets" in box.markdown()
    assert box._repr_markdown_() == box.markdown()
    assert "v ← β v - η g" in str(box)
