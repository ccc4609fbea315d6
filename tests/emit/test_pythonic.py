"""Definitions written as Python: what they compute, and two LaTeX views of it with one value."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from scipy.special import expit
from sympy import MatrixSymbol, Piecewise, Rational, Symbol, exp, log, pi, symbols, tanh

from symprice import NTVar, Observable, Parameter, sigmoid
from symprice.emit.as_written import as_written, latexify_emitter, own_emitter
from symprice.emit.latex import to_latex
from symprice.emit.latex_printer import paper
from symprice.emit.pythonic import Traced, definition, from_function, latexify_source
from symprice.errors import NoRuleError, ShapeError
from tests.emit.latex_value import display, value

ROOT = Path(__file__).resolve().parents[2]
x, y = symbols("x y")
factor = 3

needs_latexify = pytest.mark.skipif(latexify_emitter() is None, reason="latexify is not installed")
EMITTERS = [
    pytest.param(latexify_emitter(), id="latexify", marks=needs_latexify),
    pytest.param(own_emitter, id="own"),
]


# Definitions of all shapes; each is traced, and shown as it is written.
def logistic(b):
    """A docstring that is no mathematics: 1/0."""
    s = expit(b)
    return s**2 * expit(-b) ** 2


def gaussian(x, mu, rho):
    z = (x - mu) * np.exp(-rho)
    return -(z**2) / 2 - rho - math.log(2 * math.pi) / 2


def layered(w1_11, w1_12, x1, x2, b1_1):
    h1_1 = w1_11 * x1 + w1_12 * x2 + b1_1
    a1_1 = np.tanh(h1_1)
    return w1_11 * (1 - a1_1**2) ** 2 - a1_1 * -b1_1


def nested(a, b, c):
    return a / b / c * (a / b) - (-a) + (a - (b - c)) - (a - b) * (b - c) * 2 * 3 * -c


def powers(a, theta):
    return (
        (-a) ** 2 - -(a**2) + a**-theta + (a**2) ** theta + a**2**theta + np.sqrt(a) ** 3 / abs(-a)
    )


def meanings(a, loss):
    return np.log1p(a) + np.expm1(-a) * np.maximum(a, loss) + np.square(a + loss) / sigmoid(loss)


def scales(a):
    return 1e-3 * a + 2.5e-20 * a**2 + 1e6 / a


WRITTEN = (logistic, gaussian, layered, nested, powers, meanings, scales)


def _tree(function: Any) -> ast.FunctionDef:
    import inspect
    import textwrap

    found = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(found, ast.FunctionDef)
    return found


def _numbers(function: Any) -> dict[str, Any]:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return {name: mpmath.mpf(3 * i + 2) / (i + 4) for i, name in enumerate(names)}


def _latex_names(numbers: dict[str, Any]) -> dict[str, Any]:
    spelled = {
        "mu": r"\mu", "rho": r"\rho", "theta": r"\theta", "loss": r"\mathit{loss}", "x1": "x_{1}",
        "x2": "x_{2}", "w1_11": "w^{(1)}_{11}", "w1_12": "w^{(1)}_{12}", "b1_1": "b^{(1)}_{1}",
    }  # fmt: skip
    return {spelled.get(name, name): number for name, number in numbers.items()}


@pytest.mark.parametrize("emitter", EMITTERS)
@pytest.mark.parametrize("function", WRITTEN, ids=lambda f: f.__name__)
def test_both_forms_have_the_value_of_the_function(function: Any, emitter: Any) -> None:
    """Source as LaTeX, the traced expression as LaTeX, the expression, and Python itself agree."""
    numbers = _numbers(function)
    names = _latex_names(numbers)
    expr = from_function(function).expr
    rows = [f"{left} = {right}" for left, right in as_written(_tree(function), emitter)]
    with mpmath.workdps(30):
        exact = expr.subs({Symbol(n): sympy.Float(str(v), 40) for n, v in numbers.items()}).evalf(
            30
        )
        expected = mpmath.mpf(str(exact))
        for found in (display(r" \\ ".join(rows), names), value(paper(expr), names)):
            assert mpmath.almosteq(found, expected, rel_eps=1e-12), function.__name__
    python = function(*(float(v) for v in numbers.values()))
    assert math.isclose(float(python), float(expected), rel_tol=1e-12)


def test_a_wrong_form_would_be_noticed() -> None:
    """The comparison above can fail: a bracket that is lost changes the value."""
    names = {"a": 2, "b": 3, "c": 5}
    assert value(r"a - \left(b - c\right)", names) != value("a - b - c", names)
    assert value(r"\sigma(a)^{2}", names) != value(r"\sigma(a^{2})", names)


@pytest.mark.parametrize("function", WRITTEN, ids=lambda f: f.__name__)
def test_the_emitters_answer_alike(function: Any) -> None:
    """The same names on the left, and one statement each."""
    emitter = latexify_emitter()
    if emitter is None:
        pytest.skip("latexify is not installed")
    theirs, ours = (as_written(_tree(function), e) for e in (emitter, own_emitter))
    assert [left for left, _ in theirs] == [left for left, _ in ours]


# -- tracing --------------------------------------------------------------------------------------


def helper(u):
    return math.tanh(u) + max(u, 0)


def uses_helper(b):
    return helper(2 * b)


def recursive(n, x):
    return x


def closure(shift: Any) -> Any:
    def moved(b):
        return math.exp(b) + shift

    return moved


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: math.exp(x) / math.pi, exp(x) / pi),
        (lambda x: np.where(x > 0, x, 0), Piecewise((x, x > 0), (0, True))),
        (lambda x: np.logaddexp(0, x).diff(x), sigmoid(x)),
        (lambda x: np.log(x) + np.pi * np.sqrt(x), log(x) + pi * sympy.sqrt(x)),
        (lambda x: sympy.tanh(x) ** 2, tanh(x) ** 2),
        (lambda x, y: sum([x, y, 1]), x + y + 1),
        (lambda x, y: max(x, y) + abs(y), sympy.Max(x, y) + sympy.Abs(y)),
        (lambda x: x / 2, x / 2),
        (lambda x: 2, 2),
    ],
)
def test_tracing(function: Any, expected: Any) -> None:
    assert from_function(function).expr == expected


def test_helpers_and_closures_are_traced() -> None:
    b = Symbol("b")
    assert from_function(uses_helper).expr == tanh(2 * b) + sympy.Max(0, 2 * b)
    assert from_function(closure(Rational(1, 2))).expr == exp(b) + Rational(1, 2)


def test_the_function_itself_is_left_alone() -> None:
    """Tracing does not touch the globals that the function runs with."""
    from_function(uses_helper)
    assert uses_helper(1.0) == math.tanh(2.0) + 2.0


def test_arguments_become_what_they_are_said_to_be() -> None:
    def f(b: Parameter, P: Observable, r: Symbol, z):
        return b * P * r * z

    found = from_function(f)
    assert found.args == (Parameter("b"), Observable("P"), Symbol("r"), Symbol("z"))
    positive = from_function(f, z=Parameter("z", positive=True))
    assert positive.args[3].is_positive and isinstance(positive.args[3], Parameter)
    assert NTVar(positive).doit() == NTVar(positive.expr).doit()


def test_several_results_are_a_column() -> None:
    assert from_function(lambda x, y: (x + y, x * y)).expr == sympy.Matrix([x + y, x * y])


def test_calling_puts_values_for_the_arguments() -> None:
    f = from_function(lambda x, y: x - y)
    assert f(y, x) == y - x
    with pytest.raises(ShapeError, match="takes 2"):
        f(1)


@pytest.mark.parametrize(
    ("function", "symbols", "error", "words"),
    [
        (lambda x: 1 if x > 0 else 2, {}, NoRuleError, "np.where"),
        (lambda x: float(x), {}, NoRuleError, "float()"),
        (lambda x: np.linalg.inv(x), {}, NoRuleError, "linalg"),
        (lambda *x: x[0], {}, ShapeError, "needs a name"),
        (lambda x: x, {"y": 1}, ShapeError, "none of its arguments"),
        (lambda x: "x", {}, ShapeError, "returns an expression"),
        (lambda x: x, {"x": "__import__('os')"}, ShapeError, "Parameter"),
        (len, {}, NoRuleError, "Python function"),
    ],
)
def test_what_is_refused(function: Any, symbols: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words.replace("(", r"\(").replace(")", r"\)")):
        from_function(function, **symbols)


# -- what is shown as it was written --------------------------------------------------------------


def keyword_only(b, *, k):
    return b * k


def keyword_argument(b):
    return np.sum(b, axis=0)


def default_value(b, k=2):
    return b * k


def twice(b):
    s = b + 1
    s = s * 2
    return s


def outside(b):
    return factor * b


def test_as_written() -> None:
    found = from_function(logistic)
    assert (found.display, found.why) == ("as written", "")
    assert found.latex(width=60).startswith("\\begin{aligned}\ns &= \\sigma(b) \\\\\n")
    assert "docstring" not in found.latex() and "1/0" not in found.latex()


@pytest.mark.parametrize(
    ("function", "symbols", "why"),
    [
        (keyword_only, {}, "not positional"),
        (default_value, {}, "default values"),
        (twice, {}, "second thing"),
        (outside, {}, "outside"),
        (uses_helper, {}, "helper"),
        (logistic, {"b": Symbol("c")}, "stands for"),
        (lambda b: b + 1, {}, "def"),
    ],
)
def test_as_computed_and_why(function: Any, symbols: Any, why: str) -> None:
    """What latexify would drop without a word is not shown by it."""
    found = from_function(function, **symbols)
    assert found.display == "as computed" and why in found.why
    assert "=" in found.latex()


def test_settings_of_the_printer_ask_for_the_expression() -> None:
    found = from_function(logistic)
    assert "s &=" in found.latex() and "s &=" not in found.latex(mul_symbol="dot")
    assert found.latex(environment="align", label="eq:s").count(r"\label{eq:s}") == 1


def test_definition_decorates_with_and_without_arguments() -> None:
    @definition
    def bare(b):
        return b + 1

    @definition(b=Parameter("b"))
    def trained(b):
        return b + 1

    assert isinstance(bare, Traced) and bare.display == "as written"
    assert (
        trained.args == (Parameter("b"),)
        and trained.latex() == r"\operatorname{trained}(b) = b + 1"
    )


def test_code_has_the_name_and_the_arguments_of_the_definition() -> None:
    found = from_function(gaussian)
    assert "def gaussian(x, mu, rho):" in found.source()
    assert math.isclose(found.lambdify()(1.0, 0.5, 0.25).item(), float(gaussian(1.0, 0.5, 0.25)))


# -- generated code -------------------------------------------------------------------------------


GENERATED = '''import numpy as np
from scipy.special import expit


def f(b, w1_11):
    """NTVar(sigmoid(b))

    b: parameter.
    """
    s = expit(b)
    u1 = np.exp(-b**2/2)*w1_11
    return s**2*expit(-b)**2 - (u1 - s)/(1 + np.log1p(s))
'''


def test_generated_source_has_the_value_of_its_latex() -> None:
    space: dict[str, Any] = {}
    exec(GENERATED, space)
    tex = latexify_source(GENERATED)
    found = display(tex, {"b": mpmath.mpf(0.75), "w^{(1)}_{11}": mpmath.mpf(1.25)})
    assert math.isclose(float(found), float(space["f"](0.75, 1.25)), rel_tol=1e-14)


def test_generated_functions_are_read_from_their_source() -> None:
    b = Parameter("b")
    code = NTVar(tanh(b)).lambdify([b])
    found = display(latexify_source(code), {"b": mpmath.mpf(0.5)})
    assert math.isclose(float(found), float(code(0.5)), rel_tol=1e-14)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(x):\n    return np.sum(x, axis=0)", "keyword argument axis=0"),
        ("def f(x):\n    return x[0]", r"x\[0\]"),
        ("def f(x):\n    x += 1\n    return x", "line 2"),
        ("def f(x):\n    if x: return 1\n    return 2", "line 2"),
        ("def f(*x):\n    return 1", "positional"),
        ("def f(x, *, y):\n    return x", "positional"),
        ("def f(x):\n    return unknown(x)", "unknown"),
        ("def f(x):\n    return np.exp(x, x)", "np.exp"),
        ("def f(x):\n    return 1 if x else 2", "1 if x else 2"),
        ("def f(x):\n    return 'x'", "constant"),
        ("def f(x):\n    pass", "returning"),
        ("x = 1", "without a function"),
        ("def f(:", "no Python"),
    ],
)
def test_source_that_cannot_be_shown_is_refused(source: str, words: str) -> None:
    with pytest.raises(NoRuleError, match=words):
        latexify_source(source)


def test_latexify_is_loaded_only_when_it_is_used() -> None:
    """Neither the package nor this module of it imports latexify."""
    program = (
        "import sys, symprice, symprice.emit.pythonic; assert 'latexify' not in sys.modules; "
        "assert 'numpy' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_without_latexify_our_emitter_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "latexify", None)
    assert latexify_emitter() is None
    found = from_function(logistic)
    assert found.display == "as written" and r"\sigma(b)" in found.latex()


def test_matrix_arguments_are_shown_as_computed() -> None:
    X = MatrixSymbol("X", 2, 1)
    found = from_function(lambda X: X + X, X=X)
    assert found.expr == 2 * X and found.latex() == "2 X"


def test_a_definition_has_its_left_side_wherever_it_is_shown() -> None:
    @definition
    def square(z):  # type: ignore[no-untyped-def]
        return z**2

    assert to_latex(square) == square.latex() == r"\operatorname{square}(z) = z^{2}"
