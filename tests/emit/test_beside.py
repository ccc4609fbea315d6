"""Generated code beside its formulas: a row for each statement, in every output."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
from sympy import Symbol, exp, log, symbols, tanh

from symprice import (
    MDP,
    MLP,
    BernoulliPolicy,
    CategoricalPolicy,
    LangevinDescent,
    NoRuleError,
    NTVar,
    Observable,
    closed_form,
    inputs,
    lambdify,
    leading_order,
    paper,
    parameters,
    policy_gradient,
    sigmoid,
    solve_flow,
)
from symprice.emit.beside import beside, code_html
from symprice.emit.documents.texbeside import beside_tex
from symprice.emit.latex import on_screen
from symprice.emit.papers import Paper

b, w = parameters("b w", real=True)


def test_every_statement_has_its_formula() -> None:
    source = lambdify(None, NTVar(sigmoid(b) * w + exp(w) * log(1 + w**2))).source
    found = beside(source)
    statements = [line for line in source.splitlines() if re.match(r"    (\w+ = |return)", line)]
    assert [code.splitlines()[0] for code, _ in found.rows] == statements
    # The head and the statements together are the source.
    code = "\n".join([found.head, *(code for code, _ in found.rows)])
    assert code.strip() == source.strip()
    assert [line.left for _, line in found.rows[:2]] == ["s_{1}", "u_{1}"]
    assert found.rows[-1][1].left == "f(b, w)"


def test_what_has_no_formula_line_by_line_stands_beside_what_it_computes() -> None:
    d = Symbol("d", integer=True, positive=True)
    kernel = closed_form(NTVar(MLP(d, 3, 1, activation=tanh)(inputs("x", d)))).lambdify()
    with pytest.raises(NoRuleError, match="line"):
        beside(kernel.source)
    shown = kernel._repr_html_()
    assert shown.count("<pre") == 1 and r"\operatorname{NTVar}(f)" in shown
    assert pickle.loads(pickle.dumps(kernel))._repr_html_() is None  # nothing to stand beside


def test_notebooks_show_two_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    f = lambdify(None, NTVar(sigmoid(b)))
    shown = f._repr_html_()
    assert shown == code_html(f) and shown.count("<div") == shown.count("</div>") > 2
    assert r"\(f(b) = " in shown
    monkeypatch.setenv("VSCODE_PID", "1")
    assert f._repr_html_() is None


def test_many_arguments_are_not_listed() -> None:
    f = closed_form(NTVar(MLP(2, 3, 1).explicit())).lambdify()
    left = beside(f.source).rows[-1][1].left
    assert r", \ldots, x_{2})" in left and left.count(",") == 3


def test_rows_in_tex_keep_their_margins() -> None:
    tex = beside_tex(beside("def f(x):\n    y = 2*x\n    return (\n        y\n    )"), 40)
    assert r"\texttt{\ \ \ \ y\ =\ 2{*}x}" in tex
    assert r"\newline\mbox{}\texttt{\ \ \ \ \ \ \ \ y}" in tex


def test_a_solution_is_in_a_paper_with_what_solves_it() -> None:
    found = solve_flow(1 - 2 * sigmoid(b), {b: 0})
    tex = paper([("eq:s", found)], title="t").latex()
    assert r"\sinh(b(t))" in tex and r"\frac{d}{d t} b(t)" in tex
    assert "sinh" in found.markdown() and "sinh" in found.mathml()


def test_a_gradient_says_of_what_it_is() -> None:
    G = policy_gradient(BernoulliPolicy(logit=b), reward={1: 10, 0: 5})
    assert G.latex().split("=")[0].replace(" ", "") == r"\frac{d}{db}J"
    column = policy_gradient(CategoricalPolicy(parameters("z1:4")), reward=symbols("r1:4"))
    assert r"\frac{\partial J}{\partial z_{3}}" in column.latex()
    assert bool(column.check())


def test_signs_that_begin_a_row_join_two_terms_on_screen() -> None:
    tex = "f &= - a \\\\\n&\\qquad + b \\\\\n&\\quad \\qquad \\cdot c \\\\\n&\\quad = -d"
    assert on_screen(tex) == (
        "f &= - a \\\\\n&\\qquad {} + b \\\\\n&\\quad \\qquad {} \\cdot c \\\\\n&\\quad = -d"
    )


def test_tuples_of_formulas_are_tables() -> None:
    p, T = symbols("p T", positive=True)
    term = leading_order(3 * p**2 + p**3, p)
    noise = LangevinDescent(p, T).noise(Observable("L"))
    for fields in (term, noise):
        shown = fields._repr_html_()
        assert all(f"<b>{name}</b>" in shown for name in fields._fields)
        assert pickle.loads(pickle.dumps(fields)) == fields
    assert r"\(3 p^{2}\)" in term._repr_html_()
    value, exponent = term
    assert (value, exponent) == (3 * p**2, 2)


def test_policies_of_processes_are_shown_by_their_logits() -> None:
    process = MDP([[[0, 1], [1, 0]], [[1, 0], [0, 1]]], [[1, 0], [0, 2]], gamma=0)
    shown = process.softmax_policy()._repr_html_()
    assert r"\theta_{2 1}" in shown and "2 states, 2 actions" in shown
    wide = process.softmax_policy(np.zeros((2, 2)))._repr_html_()
    assert "state 2" in wide and "0" in wide


def test_algorithm_boxes_keep_fractions_apart() -> None:
    from symprice import Adam, algorithm

    tex = algorithm(Adam(Symbol("eta", positive=True))).latex()
    assert tex.index(r"\lineskiplimit") < tex.index(r"\begin{algorithmic}")


def test_a_paper_in_two_columns_has_code_above_formulas() -> None:
    found: Paper = paper([lambdify(None, NTVar(sigmoid(b)))], title="t", columns=2)
    assert "In formulas, the code says" in found.latex()
    assert "<table>" in found.html() and "def f(b)" in found.markdown()
