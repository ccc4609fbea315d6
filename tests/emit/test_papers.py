"""Papers: complete, compiled without a complaint, and the same in every output."""

from __future__ import annotations

import pickle
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from sympy import Eq, symbols, tanh

from symprice import (
    MLP,
    Adam,
    BernoulliPolicy,
    GradientDescent,
    HeavyBall,
    NTCov,
    NTVar,
    Population,
    closed_form,
    derive,
    inputs,
    lambdify,
    observables,
    parameters,
    policy_gradient,
    price,
    sigmoid,
)
from symprice.emit.algorithms import algorithm
from symprice.emit.documents.markdown import read_by
from symprice.emit.documents.pdf import complaints
from symprice.emit.documents.sources import parsed, sources_of
from symprice.emit.exports import to_mathml
from symprice.emit.notation import Notation
from symprice.emit.papers import Paper, paper
from symprice.errors import NameClashError, NoRuleError, ShapeError

d, m = symbols("d m", integer=True, positive=True)
eta, beta, beta1, beta2, eps = symbols("eta beta beta1 beta2 epsilon", positive=True)
P, L, Q = observables("P L Q")
b = parameters("b")


def ascent(theta: Any, n: Any, eta: Any) -> Any:
    """Steps uphill."""
    for i in range(n):
        theta += eta * slope(theta, i)  # noqa: F821 - never run
    return theta


def _paper(**settings: Any) -> Paper:
    net = MLP(d, m, 1, activation=tanh)
    x, y = inputs("x x_prime", d)
    law = price(P, L, GradientDescent(eta), order=2)
    gradient = policy_gradient(BernoulliPolicy(logit=b), {1: 10, 0: 5})
    return paper(
        [
            "# The network, 50% of $x_1$ & more",
            "The kernel, drawn in figure [#fig:net], is [#eq:kernel] [@jacot2018neural].",
            ("eq:kernel", closed_form(NTCov(net(x), net(y)))),
            ("fig:net", net.draw(backward=True), "A perceptron with width $m$."),
            MLP(2, 3, 1),
            "# Training\n\nBy [#eq:law], see algorithm [#alg:law] and table [#tab:n]:",
            ("eq:law", law),
            law.derivation,
            ("alg:law", algorithm(law)),
            Adam(eta, beta1, beta2, eps),
            ascent,
            "# Policies",
            gradient.derivation,
            algorithm(gradient.estimator(4, "leave_one_out")),
            derive(NTVar(sigmoid(b))).check(points=5),
            "In numbers,",
            (
                "tab:n",
                [["what", "value"], ["variance", NTVar(sigmoid(b))], ["at 0", 1.5e-7]],
                "All.",
            ),
            [["a", "b"], [b, 0.5]],
            lambdify([b], NTVar(sigmoid(b)).doit()),
            lambdify(None, closed_form(NTVar(net(x))), batch={x: "n"}),
        ],
        title="Price's equation & training",
        authors="A. Author",
        abstract=r"What $\mathrm{NTCov}$ says.",
        **settings,
    )


needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")


@needs_tex
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {
            "columns": 2,
            "notation": Notation.learning(macros=True),
            "rules": "intertext",
            "where": "sentence",
        },
    ],
    ids=["one column", "two columns"],
)
def test_it_compiles_without_a_complaint(settings: dict[str, Any], tmp_path: Path) -> None:
    found = _paper(**settings)
    written = found.save(tmp_path)
    assert set(written) == {"tex", "bib", "md", "html", "pdf"}
    assert found.complaints(tmp_path) == []
    assert (tmp_path / "fig-net.svg").exists()


@needs_tex
def test_a_line_that_is_too_wide_is_a_complaint(tmp_path: Path) -> None:
    path = tmp_path / "wide.tex"
    path.write_text(
        "\\documentclass{article}\\begin{document}\\mbox{" + "wide " * 60 + "}\\cite{nobody}"
        "\\end{document}"
    )
    subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "wide.tex"], cwd=tmp_path, capture_output=True
    )
    found = "\n".join(complaints(tmp_path / "wide.log"))
    assert "Overfull" in found and "nobody" in found


def test_everything_is_in_every_output() -> None:
    found = _paper()
    tex, md, html = found.latex(), found.markdown(), found.html()
    for word in (r"\tableofcontents", "REINFORCE", r"\toprule", r"\begin{tikzpicture}"):
        assert (word in tex) == (word != r"\tableofcontents")
    assert r"\eqref{eq:law}" in tex and r"\ref{fig:net}" in tex and r"\cite{jacot2018neural}" in tex
    for text in (md, html):
        assert "(2)" in text and "[#" not in text and "[@" not in text
        assert "Jacot et al., 2018" in text and "References" in text
        assert "REINFORCE" in text and "A perceptron with width" in text
    assert "<svg" in html and "![A perceptron" in md
    assert tex.count(r"\begin{algorithmic}") == 4


def test_code_that_cannot_be_shown_as_formulas_is_reported() -> None:
    tex = _paper().latex()
    assert tex.count("The code is not shown as formulas") == 1
    # One column has room for the formulas beside the code, a column of two has not.
    assert r"\begin{longtable}[l]{@{}m{" in tex and "In formulas, the code says" not in tex
    narrow = _paper(columns=2).latex()
    assert "In formulas, the code says" in narrow and r"\begin{longtable}[l]{@{}m{" not in narrow
    # What cannot be shown line by line is shown as what it computes.
    computed = tex.split("It computes")[1]
    assert r"\operatorname{NTVar}(f) &=" in computed and r"\delta_{1} &=" in computed


def test_a_diagram_follows_the_notation_of_the_paper() -> None:
    net = MLP(d, m, 1)
    plain = paper([net.draw()], title="t", notation="learning").latex()
    assert r"$\boldsymbol{h}^{(1)}$" in plain
    chosen = paper([net.draw(notation="theory")], title="t", notation="learning").latex()
    assert r"$h_{1}$" in chosen


def test_a_paper_pickles_and_says_where_its_log_is(tmp_path: Path) -> None:
    found = paper([("eq:p", P), algorithm(Adam(eta))], title="t", authors=["A. A.", "B. B."])
    tex = found.latex()
    assert pickle.loads(pickle.dumps(found)).latex() == tex and r"\author{A. A., B. B.}" in tex
    with pytest.raises(NoRuleError, match="save"):
        found.complaints(tmp_path)


def test_checked_results_have_their_verdict() -> None:
    law = price(P, L)
    right = paper([derive(NTVar(sigmoid(b))), law], title="t", check=True).latex()
    assert right.count(r"\verdict{\checkmark}") == 2
    wrong = paper([Eq(NTVar(sigmoid(b)), sigmoid(b))], title="t", check=True).latex()
    assert r"\verdict{\times}" in wrong and r"\verdict{\checkmark}" not in wrong


def test_only_results_with_a_label_have_a_number() -> None:
    tex = paper([P, ("eq:q", Q)], title="t").latex()
    assert r"\begin{equation*}" in tex and tex.count(r"\begin{equation}") == 1


@pytest.mark.parametrize(
    ("items", "settings", "error"),
    [
        (["see [#eq:no]"], {}, NameClashError),
        (["see [@nobody1900]"], {}, NameClashError),
        ([("eq:a", P), ("eq:a", Q)], {}, NameClashError),
        ([("kernel", P)], {}, NameClashError),
        ([P], {"columns": 3}, ShapeError),
        ([object()], {}, NoRuleError),
        ([P], {"notation": "icml"}, NoRuleError),
    ],
)
def test_what_is_refused(items: list[Any], settings: dict[str, Any], error: Any) -> None:
    with pytest.raises(error, match=r"write|are|give"):
        paper(items, title="t", **settings)


# -- sources ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "authors", "title", "venue", "year"),
    [
        (
            "Q. Li, C. Tai, W. E, Stochastic modified equations, ICML 2017",
            ("Q. Li", "C. Tai", "W. E"),
            "Stochastic modified equations",
            "ICML",
            "2017",
        ),
        (
            "S. Kakade and J. Langford, Approximately optimal learning (2002).",
            ("S. Kakade", "J. Langford"),
            "Approximately optimal learning",
            "",
            "2002",
        ),
        (
            "J. Cortés, Finite-time flows, Automatica 42 (2006)",
            ("J. Cortés",),
            "Finite-time flows",
            "Automatica 42",
            "2006",
        ),
        ("A page on the web", (), "A page on the web", "", ""),
    ],
)
def test_references_are_read(
    text: str, authors: tuple[str, ...], title: str, venue: str, year: str
) -> None:
    found = parsed(text)
    assert (found.authors, found.title, found.venue, found.year) == (authors, title, venue, year)


def test_the_sources_are_those_of_what_is_used() -> None:
    keys = {source.key for source in sources_of([price(P, L, HeavyBall(eta, beta))])}
    assert "polyak1964methods" in keys and "price1970selection" in keys
    assert "kingma2015adam" not in keys
    # NTVar has its sources from what it shares with NTCov.
    assert "jacot2018neural" in {source.key for source in sources_of([NTVar(b)])}
    more = paper([P], title="t", sources=["A. Author, A title, Journal 3 (2020)", Adam])
    assert [source.key for source in more.sources] == ["author2020title", "kingma2015adam"]
    assert more.bibtex().count("@") == 2


@pytest.mark.skipif(shutil.which("bibtex") is None, reason="there is no bibtex here")
def test_bibtex_reads_the_entries(tmp_path: Path) -> None:
    found = _paper()
    (tmp_path / "refs.bib").write_text(found.bibtex(), encoding="utf-8")
    (tmp_path / "refs.aux").write_text("\\citation{*}\n\\bibstyle{plain}\n\\bibdata{refs}\n")
    run = subprocess.run(["bibtex", "refs"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0 and "error" not in run.stdout.lower(), run.stdout
    entries = (tmp_path / "refs.bbl").read_text().count("\\bibitem")
    assert entries == len(found.sources) > 3


# -- MathML and Markdown ---------------------------------------------------------------------------


def test_mathml_of_a_closed_form() -> None:
    net, x = MLP(d, m, 1, activation=tanh), inputs("x", d)
    for notation in ("theory", "learning"):
        text = to_mathml(closed_form(NTVar(net(x))), notation=notation)
        root = ET.fromstring(text)
        names = "".join(root.itertext())
        assert root.attrib["display"] == "block"
        assert "NTVar" in names and "where" in names and "tanh" in names


def test_markdown_for_pandoc_has_the_words_that_it_knows() -> None:
    """It reads rows that end in two backslashes; of GitHub's words for them it gives up."""
    article = _paper()
    plain, other = article.markdown(), article.markdown("pandoc")
    words = re.compile(r"\\(?:cr|thinspace|negthinspace)(?![A-Za-z])")
    assert words.search(plain) and not words.search(other)
    assert len(other.split(r"\\")) > len(plain.split(r"\\")) + 10
    assert read_by("pandoc", "```\n\\cr\n```\n`\\cr` $\\cr$") == "```\n\\cr\n```\n`\\cr` $\\\\$"
    with pytest.raises(NoRuleError, match="github"):
        article.markdown("word")


def test_markdown_keeps_the_names_of_the_rules() -> None:
    text = derive(NTCov(P * Q, L)).markdown()
    assert text.startswith("$$") and r"\text{product rule}" in text
    assert re.search(r"\\operatorname", text) is None  # GitHub refuses it
    equation = price(P, L).markdown(notation="learning")
    assert "NTCov" in equation


def test_sources_of_results_in_lists_and_one_result_alone():
    law = derive(NTVar(sigmoid(parameters("b"))))
    alone = paper(law, title="T")
    assert alone.sources and paper([[law, law]], title="T").sources == alone.sources
    assert paper(("eq:v", law), title="T").items == (("eq:v", law),)
    report = paper(law.check(), title="T")
    assert len(report.items) == 1 and "holds" in report.markdown()
    for results, title in ((None, "T"), ({"a": law}, "T"), ([law], None)):
        with pytest.raises(ShapeError, match="asked for a paper"):
            paper(results, title=title)
    assert paper([], title="T").items == ()


def test_a_wide_diagram_spans_both_columns():
    """In one of them the symbols would be a third of their size."""
    deep = MLP(2, 2, 2, 2, 2, 1, activation=sigmoid)
    for columns, environment in ((1, "figure}"), (2, "figure*}")):
        tex = paper([("fig:n", deep.draw(neurons=False))], title="n", columns=columns)
        assert rf"\begin{{{environment}" in tex.latex()


def test_a_population_is_a_table():
    small = Population(["a", "b"], fitness=[1, 2], traits={"z": [3, 5]})
    tex = paper([small], title="types").latex()
    assert all(word in tex for word in (r"\toprule", "frequency", r"$\frac{1}{2}$"))


def test_what_an_equation_defines_stays_beside_its_sign():
    tex = Population().hamilton().derivation.latex(environment="align", width="column")
    assert (
        re.search(r"\\qquad C = \\frac\{1\}", tex) and r"r = \frac{\operatorname{Cov}(y, z)}" in tex
    )
