"""What notebooks show: balanced HTML, mathematics that MathJax reads, bounded tables, colours."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from sympy import Function, Rational, Symbol, log, symbols, tanh

from symprice import (
    MDP,
    MLP,
    SGD,
    Adam,
    BernoulliPolicy,
    CategoricalPolicy,
    GaussianPolicy,
    GradientDescent,
    GradientFlow,
    HeavyBall,
    NTCov,
    NTVar,
    Parameter,
    Population,
    closed_form,
    derive,
    inputs,
    observables,
    parameters,
    price,
    sigmoid,
)
from symprice.checks import Report
from symprice.emit.notation import Notation
from symprice.emit.notebook_cards import MOST
from symprice.emit.notebook_html import changed

P, L, Q = observables("P L Q")
d, m = symbols("d m", integer=True, positive=True)
x, y = inputs("x y", d)
eta, beta = symbols("eta beta", positive=True)
theta = Parameter("theta", real=True)
GREEN, RED, GREY = "#148a42", "#e03a3a", "#7a7a7a"


def kernel(*sizes):
    net = MLP(*sizes, activation=tanh)
    return closed_form(NTCov(net(x), net(y)))


class Balanced(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(shown):
    parser = Balanced()
    parser.feed(shown)
    assert not parser.open
    return parser.text


SHOWN = [
    kernel(d, m, 1),
    kernel(d, m, m, 1),
    derive(NTVar(sigmoid(theta))),
    derive(NTCov(log(P) * Q, -L)),
    price(P, L, GradientDescent(Symbol("eta", positive=True)), order=2).derivation,
    MDP([[[0, 1]], [[1, 0]]], [[1], [2]], gamma=Rational(1, 2)),
    BernoulliPolicy(logit=theta),
    CategoricalPolicy(parameters("z1:4")),
    GaussianPolicy(*parameters("mu sigma", positive=True)),
]


@pytest.mark.parametrize("thing", SHOWN, ids=lambda thing: type(thing).__name__)
def test_html_is_balanced_and_mathematics_is_escaped(thing):
    text = read(thing._repr_html_())
    assert text.count("$$") % 2 == 0
    assert text.count(r"\(") == text.count(r"\)")
    for tex in re.findall(r"\$\$(.*?)\$\$", text, re.DOTALL):
        assert tex.count("{") == tex.count("}")
        assert tex.count(r"\left") - tex.count(r"\leftarrow") == tex.count(r"\right")
    assert not re.search(r"\\(label|tag|NTCov|mathinner)\b", text)


def test_definitions_are_folded_where_they_are_many():
    deep, short = kernel(d, m, m, 1)._repr_html_(), closed_form(NTVar(MLP(d, m, 1)(x)))
    assert "<details><summary" in deep
    assert "<details open><summary" in short._repr_html_()
    main, _, definitions = read(deep).partition("where")
    assert "h_{1} &=" in definitions
    assert "h_{1}" not in main


def test_macros_of_papers_stay_out_of_notebooks():
    with Notation(macros=True).use():
        assert r"\NTCov" not in kernel(d, m, 1)._repr_html_()


def test_what_a_step_changes_is_coloured():
    tex = derive(NTCov(log(P) * Q, -L))._repr_html_()
    (new,) = re.findall(r"\\textcolor\{#d9480f\}\{(.*)\} &amp;&amp;", tex)
    assert new == r"\frac{Q}{P} \operatorname{NTCov}(P, L)"


def test_the_smallest_change_is_found():
    a, b, f = symbols("a b")[0], symbols("b"), Function("f")
    assert changed(a + f(b), a + f(b)) == frozenset()
    assert changed(a + f(b), a + f(2 * b)) == {2 * b}
    assert changed(a + b, a + f(b)) == {f(b)}
    assert changed(a * b, a + b) == {a + b}


@pytest.mark.parametrize(
    ("report", "color", "other"),
    [
        (Report("a", checked=3, points=1), GREEN, (RED, GREY)),
        (Report("a", checked=3, problems=("a < b & c",)), RED, (GREEN, GREY)),
        (Report("a", problems=("no time",), undecided=("no time",)), GREY, (GREEN, RED)),
        (Report(), GREY, (GREEN, RED)),
    ],
)
def test_reports_have_the_colour_of_their_outcome(report, color, other):
    shown = report._repr_html_()
    assert color in shown
    assert not any(one in shown for one in other)
    for problem in report.problems:
        assert problem in read(shown)


def test_a_large_process_is_bounded_and_says_where_it_starts():
    count = 50
    ring = [[[float(t == (s + 1) % count) for t in range(count)]] for s in range(count)]
    shown = MDP(ring, [[0.0]] * count, gamma=0.5, rho=[1.0] + [0.0] * (count - 1))._repr_html_()
    assert shown.count("<tr>") == 1 + MOST + 1
    assert "50 states; 1 action; discount 0.5; starts in 1<" in shown
    assert read(shown).rstrip().endswith("…")


def test_a_policy_says_what_it_is():
    text = read(GaussianPolicy(*parameters("mu sigma", positive=True))._repr_html_())
    for part in ("GaussianPolicy", r"\log \pi(a) = ", r"a \in \mathbb{R}", r"\sigma"):
        assert part in text


def test_a_population_is_a_table_of_its_types():
    p, s = symbols("p s", positive=True)
    flock = Population(["A", "a"], [p, 1 - p], [1, 1 - s], {"z": [1, 0]}, {"z": [1, s]})
    text = read(flock._repr_html_())
    for part in ("frequency", r"\(1 - p\)", r"\(1 - s\)", "z of offspring"):
        assert part in text
    assert Population()._repr_html_() is None
    many = Population(fitness=list(range(1, 51)), traits={"z": list(range(50))})._repr_html_()
    assert many.count("<tr>") == 1 + MOST and "and 38 more types" in read(many)


@pytest.mark.parametrize(
    "motion",
    [GradientDescent(eta), SGD(eta, beta), HeavyBall(eta, beta), Adam(eta), GradientFlow()],
    ids=lambda motion: type(motion).__name__,
)
def test_a_way_of_moving_shows_what_it_does(motion):
    """Steps as the law of a property has them, `P(θ + Δθ)`."""
    shown = motion._repr_latex_()
    if motion.continuous:
        assert r"\frac{d \theta}{d t} &= \nabla \left(-L\right)" in shown
        return
    step = re.search(r"\\Delta \\theta &= (.*?)(?: \\\\)?\n", shown)[1]
    assert step in price(P, L, motion).latex(width=200)
    assert ("v &" in shown) == isinstance(motion, HeavyBall)


def test_editors_that_do_not_typeset_html_get_latex(monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "1")
    assert kernel(d, m, 1)._repr_html_() is None
    assert GaussianPolicy(0, 1)._repr_html_() is None
    assert kernel(d, m, 1)._repr_latex_()


def test_a_formula_without_definitions_is_latex():
    assert NTVar(P)._repr_html_() is None
