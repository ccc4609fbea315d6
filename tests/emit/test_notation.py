"""Notation: what each choice changes, that nothing else does, and that both styles compile."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import mpmath
import pytest
from sympy import Function, MatrixSymbol, Symbol, exp, log, symbols, tanh

from symprice import (
    MLP,
    Adam,
    CategoricalPolicy,
    ClosedForm,
    Dense,
    GradientDescent,
    LayerNorm,
    Network,
    NTCov,
    NTVar,
    Parameter,
    ParameterMatrix,
    Residual,
    SelfAttention,
    closed_form,
    derive,
    inputs,
    observables,
    parameters,
    policy_gradient,
    price,
    sigmoid,
)
from symprice.emit.documents.width import width
from symprice.emit.latex import ems, to_latex
from symprice.emit.latex_printer import paper
from symprice.emit.layout import broken_lines
from symprice.emit.notation import MACROS, Notation, in_use
from symprice.errors import NameClashError, NoRuleError
from tests.emit.latex_value import value
from tests.emit.test_latex import _kernel, _log

d, m, k, T = symbols("d m k T", integer=True, positive=True)
eta, beta1, beta2, eps = symbols("eta beta1 beta2 epsilon", positive=True)
x, y = inputs("x x_prime", d)
P, L, Q = observables("P L Q")
W, V = ParameterMatrix("W1", m, d), ParameterMatrix("V", m, d)
b = Parameter("b")

needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")


@pytest.mark.parametrize(
    ("notation", "expr", "expected"),
    [
        (Notation(bold="vectors"), W * x, r"W_{1} \boldsymbol{x}"),
        (Notation(bold="arrays"), W * x, r"\boldsymbol{W}_{1} \boldsymbol{x}"),
        (Notation(bold="arrays"), x[1, 0], "x_{2}"),  # an entry is a number
        (Notation(layers="superscript"), W.T, r"W^{(1)\top}"),
        (Notation(layers="superscript", transpose="T"), V.T, "V^{T}"),
        (Notation(layers="superscript"), ParameterMatrix("WQ2", m, d), "W^{(2)}_{Q}"),
        (Notation(layers="subscript"), Parameter("w1_23") ** 2, "w_{1,23}^{2}"),
        (Notation(layers="superscript"), Parameter("w1"), "w_{1}"),  # a second weight, no layer
        (Notation(second="tilde"), y, r"\tilde{x}"),
        (Notation(second="tilde", bold="arrays"), y.T, r"\tilde{\boldsymbol{x}}^{\top}"),
        (Notation(second="tilde"), Symbol("x_prime_prime"), r"\tilde{x}'"),
        (Notation(symbols={eta: r"\alpha", "b": "c"}), eta * b, r"\alpha c"),
        (Notation(expectation=r"\mathbb{E}"), Symbol("E"), "E"),
    ],
)
def test_each_choice_changes_what_it_says(notation: Notation, expr: Any, expected: str) -> None:
    assert to_latex(expr, notation=notation) == expected


def test_the_default_is_the_theory_style() -> None:
    K = _kernel(2, 3, 1)
    assert to_latex(K) == to_latex(K, notation="theory") == to_latex(K, notation=Notation())
    assert to_latex(K) != to_latex(K, notation="learning")


def test_the_vector_of_parameters_follows_in_every_term_of_a_step() -> None:
    law = price(P, L, GradientDescent(eta), order=2)
    tex = to_latex(law, notation=Notation(theta="w"))
    assert r"P(w -\eta \nabla L)" in tex and r"\theta" not in tex
    assert r"\theta" in to_latex(price(P, L, GradientDescent(Symbol("theta", positive=True))))


def test_a_notation_in_use_reaches_documents_and_notebooks() -> None:
    V = NTVar(sigmoid(b))
    before = in_use()
    with Notation.learning(macros=True).use() as used:
        assert used is in_use()
        assert to_latex(V).startswith(r"\NTVar(")
        # MathJax does not know the macros: a notebook shows what they stand for.
        shown = closed_form(NTVar(MLP(1, 1, 1).explicit()))._repr_latex_()
        assert r"\NTVar" not in shown and r"\operatorname{NTVar}" in shown
        matrix = closed_form(NTVar(MLP(d, m, 1)(x)))._repr_latex_()
        assert r"\boldsymbol{W}^{(2)}" in matrix and "hadamard" not in matrix
    assert in_use() is before
    assert to_latex(V).startswith(r"\operatorname{NTVar}(")


def test_macros_only_abbreviate() -> None:
    """With its definitions put in, the LaTeX with macros is the LaTeX without."""
    for thing in (_matrix_kernel(), price(P, L, GradientDescent(eta), order=2)):
        short = to_latex(thing, notation=Notation(macros=True))
        for command, meaning in [(r"\hadamard", r"\circ"), (r"\transp", r"\top"), *MACROS.items()]:
            short = short.replace(command, meaning)
        assert short == to_latex(thing)


def test_the_preamble_defines_every_macro(tmp_path: Path) -> None:
    notation = Notation.learning(macros=True)
    tex = to_latex(_matrix_kernel(), notation=notation)
    for command in (r"\NTCov", r"\hadamard", r"\transp"):
        assert command in tex
        assert rf"\providecommand{{{command}}}" in notation.preamble()
    saved = notation.save(tmp_path)
    assert saved.name == "symprice.sty" and r"\ProvidesPackage{symprice}" in saved.read_text()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (lambda: Notation(bold="all"), NoRuleError),
        (lambda: Notation(layers="above"), NoRuleError),
        (lambda: Notation(symbols={"x": "{x"}), NameClashError),
        (lambda: to_latex(b, notation="icml"), NoRuleError),
        (lambda: Notation().sty("my paper"), NameClashError),
        (lambda: to_latex(b, width="wide"), NoRuleError),
        (lambda: to_latex(b, width=2), NoRuleError),
        (lambda: to_latex(b, rules="left"), NoRuleError),
        (lambda: to_latex(b, numbers="all"), NoRuleError),
        (lambda: to_latex(b, where="below"), NoRuleError),
        (lambda: to_latex(_matrix_kernel(), where="sentence"), NoRuleError),
        (lambda: to_latex([P, L], environment="multline"), NoRuleError),
        (lambda: to_latex(derive(NTCov(P * Q, L)), rules="intertext"), NoRuleError),
        (lambda: to_latex(b, environment="equation", numbers="steps"), NoRuleError),
    ],
)
def test_what_is_refused(given: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="write"):
        given()


def test_widths() -> None:
    # Of a length a twentieth is left: indices are wider in type of 10pt than in that of 11pt.
    assert ems("line") == 32 and abs(ems("246pt") - 24.6 * 19 / 20) < 1e-12
    assert abs(ems("4in") - ems("101.6mm")) < 0.01
    long = price(P, L, GradientDescent(eta), order=2)
    assert len(to_latex(long, width=15).splitlines()) > len(
        to_latex(long, width="line").splitlines()
    )


def test_steps_have_numbers_and_rules_as_text() -> None:
    D = derive(NTCov(log(P) * Q, -L))
    tex = to_latex(D, environment="align", label="eq:d", numbers="steps", rules="intertext")
    count = len(D.steps)
    assert tex.count(r"\intertext{") == count
    assert [f"eq:d.{i}" in tex for i in range(1, count)] == [True] * (count - 1)
    assert tex.count(r"\label") == count and r"\label{eq:d}" in tex
    assert "Product rule:" in tex and r"\text{product rule}" not in tex
    assert r"\text{" not in to_latex(D, rules="none")


# -- breaking --------------------------------------------------------------------------------------

_NUMBERS = {"b": 0.3, "x": 0.7, "y": -0.4, "u": 1.3}
_u, _x, _y = Symbol("u"), Symbol("x"), Symbol("y")


@pytest.mark.parametrize(
    "expr",
    [
        sigmoid(b) ** 2 * (1 - sigmoid(b)) ** 2 * tanh(_x + _y) ** 2 * log(_u + _x * _x),
        exp(-((_x + _y) ** 2) / (2 * _u)) * (_x + _y + _u) ** 3 * sigmoid(_x * _y + _u),
        -_x * sigmoid(_x + _y + _u) * (1 - tanh(_x - _y) ** 2) - _y * log(_u) * sigmoid(b) / _u,
    ],
)
def test_a_broken_line_means_what_the_whole_line_means(expr: Any) -> None:
    """No line ends between a function and what it is applied to."""
    tex = to_latex(expr)
    whole = value(tex, _NUMBERS)
    for room in range(4, 31):
        lines = broken_lines(tex, room, room)
        for line in lines:  # sized brackets are brackets
            assert not line.rstrip().endswith(("}", "tanh", "sigma", "log")) or "{" in line
        joined = " ".join(lines)
        for size in ("biggl", "biggr", "Biggl", "Biggr", "bigl", "bigr", "Bigl", "Bigr"):
            joined = joined.replace(f"\\{size}", "")
        assert mpmath.almosteq(value(joined, _NUMBERS), whole, 1e-12), (room, lines)


@pytest.mark.parametrize("room", [6, 9, 12])
def test_an_operator_keeps_its_arguments(room: int) -> None:
    D = derive(NTVar(sigmoid(b)))
    tex = to_latex(D, environment="align*", width=max(room, 8))
    assert r"\operatorname{NTVar}(b)" in tex and r"\cdot (b)" not in tex


@pytest.mark.parametrize("room", [4, 6, 8, 11, 15])
def test_no_line_ends_between_a_differential_and_its_operand(room: int) -> None:
    law = price(P, L, Adam(eta, beta1, beta2, eps), order=2).derivation
    for line in (
        part for step in law.steps for part in broken_lines(paper(step.after), room, room)
    ):
        end = line.rstrip()
        assert not end.endswith((r"\nabla", r"\nabla^{2}", r"\frac{d}{d t}")), line
    tex = r"a \, \frac{\partial}{\partial z_{1}} \log(x) \frac{d}{dt} P(t)"
    assert not any(line.endswith("z_{1}}") for line in broken_lines(tex, room, room))
    assert not any(line.endswith("{dt}") for line in broken_lines(tex, room, room))


def test_long_rules_and_wide_left_sides_fold() -> None:
    """In a column the name of a rule takes several rows, and a matrix on the left has names too."""
    gradient = policy_gradient(CategoricalPolicy(parameters("z1:4")), [1, 2, 3])
    tex = gradient.derivation.latex(width=18)
    for row in tex.splitlines()[1:-1]:
        assert all(width(cell) < 18 for cell in row.removesuffix(r" \\").split("&")), row


# -- pdfTeX ----------------------------------------------------------------------------------------


def _matrix_kernel() -> Any:
    net = MLP(d, m, 1, activation=tanh)
    return closed_form(NTCov(net(x), net(y)))


def _things() -> list[Any]:
    X = MatrixSymbol("X", T, d)
    deep = Network(Dense(d, m), Residual(Dense(m, m)), LayerNorm(m), Dense(m, 1))
    return [
        _matrix_kernel(),
        _kernel(2, 3, 1),
        closed_form(NTVar(deep(x))),
        Network(SelfAttention(d, k, m))(X),
        derive(NTCov(log(P) * Q, -L)),
        derive(NTVar(sigmoid(b))),
        price(P, L, GradientDescent(eta), order=2),
        price(P, L, Adam(eta, beta1, beta2, eps)),
        closed_form(NTVar(MLP(1, 2, 1, activation=Function("phi")).explicit())),
    ]


def _all(notation: Notation, width: float) -> list[str]:
    """Every display, in the environments that can hold it."""
    found = []
    for i, thing in enumerate(_things()):
        settings: dict[str, Any] = {"notation": notation, "width": width}
        found.append(to_latex(thing, environment="align", label=f"a:{i}", **settings))
        found.append(to_latex(thing, environment="equation*", **settings))
        found.append(to_latex(thing, environment="align*", rules="intertext", **settings))
        found.append(to_latex(thing, environment="align", numbers="steps", **settings))
        if not hasattr(thing, "steps"):
            found.append(to_latex(thing, environment="multline", label=f"m:{i}", **settings))
            found.append(to_latex(thing, environment="multline*", **settings))
            found.append(to_latex(thing, environment="gather", where="sentence", **settings))
    return found


_STYLES = {
    "learning": Notation.learning(macros=True),
    "mixed": Notation(bold="vectors", layers="subscript", transpose=r"\mathsf{T}"),
    "primes": Notation(bold="arrays", layers="superscript"),
}


@needs_tex
@pytest.mark.parametrize("style", sorted(_STYLES))
def test_every_environment_fits_the_line_and_the_column(style: str, tmp_path: Path) -> None:
    notation = _STYLES[style]
    preamble = notation.preamble()
    assert _log(tmp_path, [preamble, *_all(notation, 32)]) == ""
    assert _log(tmp_path, [preamble, *_all(notation, 19.5)], "10pt,twocolumn") == ""


@needs_tex
def test_breqn_takes_what_dmath_writes(tmp_path: Path) -> None:
    things = [price(P, L, GradientDescent(eta), order=2), _matrix_kernel(), ClosedForm(b**2, {})]
    displays = [to_latex(thing, environment="dmath*") for thing in things]
    short = price(P, L, GradientDescent(eta), order=1)
    displays += [to_latex(short, environment="dmath", label="eq:p", width=20)]
    body = "\n\n".join(displays)
    (tmp_path / "breqn.tex").write_text(
        "\\documentclass[11pt]{article}\\usepackage{amsmath,amssymb}"
        "\\IfFileExists{breqn.sty}{\\usepackage{breqn}}{\\newenvironment{dmath}{$}{$}}"
        f"\\begin{{document}}{body}\\end{{document}}",
        encoding="utf-8",
    )
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "breqn.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
    )
    log_text = run.stdout.decode("utf-8", "replace")
    assert "\n!" not in log_text and "Overfull" not in log_text
