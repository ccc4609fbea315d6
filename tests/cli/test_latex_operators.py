r"""Sums, norms, derivatives and macros of papers: read against SymPy's printer, SymPy's sums and
derivatives, and numbers that are known; everything that could be meant in two ways is refused.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Derivative, ImmutableMatrix, IndexedBase, Rational, Sum, Symbol, latex

from symprice import Parameter
from symprice.cli.latex_formulas import chains, displays
from symprice.cli.main import main
from symprice.cli.parser import parse
from symprice.errors import ParseError

i, j = sympy.symbols("i j", integer=True)
w, b = Parameter("w", real=True), Parameter("b", real=True)
ENTRIES = {f"{name}_{k}": Symbol(f"{name}_{k}", real=True) for name in "xy" for k in (1, 2, 3)}
KNOWN = {"w": w, "b": b, "n": sympy.Integer(3), **ENTRIES}
INDEXED = {name: IndexedBase(name) for name in "xy"}
POINT = {
    symbol: Rational(7 * k + 3, 5 * k + 11)
    for k, symbol in enumerate(s for s in KNOWN.values() if s.is_Symbol)
}


def read(text: str, known: dict | None = None) -> sympy.Expr:
    known = KNOWN if known is None else known
    ((side,),) = chains(text, known)
    return parse(side, known, max_length=20_000)


def grown(inner: st.SearchStrategy[sympy.Expr]) -> st.SearchStrategy[sympy.Expr]:
    return st.one_of(
        st.builds(lambda a, c: a + c, inner, inner),
        st.builds(lambda a, c: a * c, inner, inner),
        st.builds(lambda a: a**2, inner),
        st.builds(sympy.tanh, inner),
    )


entries = st.sampled_from([INDEXED["x"][i], INDEXED["y"][i], i, w, b])
bodies = st.recursive(entries, grown, max_leaves=5)


@settings(max_examples=60, deadline=None)
@given(bodies, bodies, st.integers(1, 2), st.sampled_from(["sum", "outer", "log"]))
def test_sums_as_sympy_prints_and_adds_them(body, other, low, kind) -> None:
    expr = Sum(body, (i, low, 3))
    if kind == "outer":
        expr = 2 * expr + b * Sum(other.subs(i, j), (j, 1, 3))
    elif kind == "log":
        expr = sympy.log(expr**2 + 1)
    try:
        found = read(latex(expr))
    except ParseError:
        return
    entries = {INDEXED[n][k]: KNOWN[f"{n}_{k}"] for n in "xy" for k in (1, 2, 3)}
    assert (found - expr.doit().subs(entries)).subs(POINT).evalf(15) == pytest.approx(0, abs=1e-9)


def derived(expr: sympy.Expr, *by: Symbol) -> str:
    """As SymPy prints it, of a bracket."""
    printed = latex(Derivative(Symbol("Z"), *by, evaluate=False))
    return printed.replace("Z", rf"\left({latex(expr)}\right)")


smooth = st.recursive(st.sampled_from([w, b, KNOWN["x_1"], sympy.Integer(2)]), grown, max_leaves=5)


@settings(max_examples=60, deadline=None)
@given(smooth, st.sampled_from([(w,), (b, w), (w, w), (KNOWN["x_1"],)]))
def test_derivatives_as_sympy_prints_and_takes_them(expr, by) -> None:
    """SymPy's derivatives share nothing with the covariances that ours are read as."""
    try:
        found = read(derived(expr, *by))
    except ParseError:
        return
    wanted = expr
    for symbol in by:
        wanted = wanted.diff(symbol)
    assert (found.doit() - wanted).subs(POINT).evalf(15) == pytest.approx(0, abs=1e-9)


def test_most_of_it_is_read() -> None:
    for expr in (Sum(INDEXED["x"][i] ** 2 * w, (i, 1, 3)), Sum(i * b, (i, 2, 3)) / 2):
        assert read(latex(expr))
    assert read(derived(w**2 * b, w)).doit() == 2 * w * b
    assert read(derived(w**2 * b + w, w, b)).doit() == 2 * w
    assert read(derived(w**2 * b + w, w, w)).doit() == 2 * b


VECTORS = {
    "w": ImmutableMatrix([3, 4]),
    "w_1": sympy.Integer(3),
    "w_2": sympy.Integer(4),
    "x": ImmutableMatrix([1, -2]),
    "x_1": sympy.Integer(1),
    "x_2": sympy.Integer(-2),
    "W": ImmutableMatrix([[1, 2], [3, 4]]),
    **{f"W_{r}{c}": sympy.Integer(2 * r + c - 2) for r in (1, 2) for c in (1, 2)},
    "k": sympy.Integer(2),
}


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        (r"\|w\|", 5),
        (r"\left\| w \right\|_2^2", 25),
        (r"\lVert w\rVert \lVert x \rVert^2", 25),
        (r"\|w\|^2 + 2 \|x\|^2", 35),
        (r"\bigl\| x \bigr\|_1", 3),
        (r"\|W\|_F^2", 30),
        (r"|x_2| |w_1|", 6),
        (r"\langle w, x \rangle", -5),
        (r"\left\langle w - x, x \right\rangle", -10),
        (r"w \cdot x", -5),
        (r"2 w \cdot W x", -58),
        (r"w^\top W x", -29),
        (r"\operatorname{tr}(W^\top W)", 30),
        (r"\operatorname{diag}(x) w", ImmutableMatrix([3, -8])),
        (r"\sum_{i=1}^{2} w_i x_i", -5),
        (r"\sum_i w_i x_i + w_1", -2),
        (r"\sum\limits_{i=1}^k i w_i", 11),
        (r"\sum_{i,j} W_{ij}", 10),
        (r"\sum_{i=1}^2 \sum_{j=1}^{i} W_{i,j}", 8),
        (r"\sum_{ij} W_{ij} x_j w_i", -29),
        (r"\sum_{t=0}^{2} k^t", 7),
        (r"\prod_{i=1}^2 (1 + w_i)", 20),
        (r"\frac{1}{k} \sum_{i=1}^k w_i^2", Rational(25, 2)),
        (r"(\sum_i w_i)(\sum_i x_i)", -7),
    ],
)
def test_what_a_formula_in_vectors_comes_to(formula: str, value: object) -> None:
    assert read(formula, VECTORS) == value


def test_the_gradient_of_a_column_is_a_column() -> None:
    first, second = Parameter("u_1", real=True), Parameter("u_2", real=True)
    known = {"u": ImmutableMatrix([first, second]), "u_1": first, "u_2": second, "b": b}
    for text in (r"\nabla_u \tfrac12 \|u\|^2", r"\nabla_{u} \left(\frac{1}{2} u^\top u\right)"):
        assert read(text, known).doit() == ImmutableMatrix([first, second])
    for text in (r"\nabla (b u_1)", r"\nabla_\theta (b u_1)", r"\nabla_{u, b} (b u_1)"):
        assert read(text, known).doit() == ImmutableMatrix([b, 0, first])
    assert read(r"\nabla (b u_1) \cdot \nabla b", known).doit() == first
    assert read(r"\nabla (b u_1)^\top \nabla b", known).doit() == first


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        (r"\nabla_w w^2", "how far does"),
        (r"\nabla_w b w", "how far does"),
        (r"\nabla^2 b", "a Hessian, or a Laplacian"),
        (r"\nabla_u b", "not declared"),
        (r"\frac{\partial b}{\partial u}", "not declared"),
        (r"\frac{\partial^2 b}{\partial w}", "of order 2 by 1 names"),
        (r"\frac{\partial b + w}{\partial w}", "how much is differentiated"),
        (r"\frac{\partial}{\partial w} w b", "how far does"),
        (r"\partial b", "by what"),
        (r"\frac{d b}{d t}", "a derivative in time"),
        (r"\sum x_i", "no bounds"),
        (r"\sum_{i \neq j} x_i", "no bounds"),
        (r"\sum_{i=1}^\infty x_i", "up to where"),
        (r"\sum_{i=1}^m x_i", "--express m=3"),
        (r"\sum_{w=1}^3 x_w", "means something already"),
        (r"\sum_{i=1}^3 x_i \sum_{i=1}^3 y_i", "means something already"),
        (r"\sum_{i=1}^3 x_{ik}", "is not read"),
        (r"\sum_{i=3}^1 x_i", "no sum of 1"),
        (r"\sum_i b", "counts nothing"),
        (r"\sum_i x_i + y_i", "y_i"),
        (r"\prod_{i=1}^3 x_i b", "how far does"),
        (r"1 / \sum_i x_i b", "below the line"),
        (r"\sum_{i=1}^{99} \sum_{j=1}^{99} w", "terms"),
        (r"\|w\| b \|w\|", "which bar"),
        (r"\|w + \|b\| + w\|", "which bar"),
        (r"|b| w |b|", "which bar"),
        (r"\|w\|_3", "1, 2 or F"),
        (r"\|w", "not closed"),
        (r"\langle w \rangle", "two sides"),
        (r"\langle w, b \rangle", "inner product of a scalar"),
        (r"\mathbb{E}[w]", "an expectation"),
    ],
)
def test_what_could_be_meant_in_two_ways_is_refused(formula: str, told: str) -> None:
    with pytest.raises(ParseError, match=told):
        read(formula)


def test_an_index_counts_what_is_declared() -> None:
    known = {"w_1": w, "w_2": b, "x_1": w, "x_2": w, "x_3": b}
    assert read(r"\sum_i w_i", known) == w + b
    with pytest.raises(ParseError, match="counts 2 and 3 entries"):
        read(r"\sum_i w_i x_i", known)
    with pytest.raises(ParseError, match="is declared, and i counts"):
        read(r"\sum_{i=1}^2 w_i", {**known, "w_i": b})


def test_theta_behind_a_name_says_what_it_is_of() -> None:
    assert read(r"b(\theta)^2 w(\boldsymbol\theta)") == b**2 * w
    with pytest.raises(ParseError, match="a product, or"):
        read(r"b(\theta)", {**KNOWN, "theta": w})


TOKENS = r"""w x_i x_1 1 2 i = + - & \\ \quad ( ) { } ^ _ ^2 _i , / | \| \lVert \rVert \langle
    \rangle \sum \sum_i \sum_{i=1}^3 \prod_{i=1}^2 \nabla \nabla_w \nabla_\theta \partial \partial^2
    \frac \frac{\partial \frac{d}{dw} \partial_w d \mathrm{d} \cdot \odot \top ^\top \mathbb{E}
    \left\| \right\| _F :=""".split()


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=10))
def test_any_row_of_tokens_is_read_or_refused(row: list[str]) -> None:
    try:
        for sides in chains(" ".join(row), KNOWN):
            for side in sides:
                parse(side, KNOWN, max_length=20_000)
    except ParseError:
        return


DOCUMENT = r"""
\newcommand{\norm}[1]{\left\| #1 \right\|}
\newcommand\half{\frac12}
\newcommand{\dd}[2][L]{\frac{\partial #1}{\partial #2}}
\DeclareMathOperator{\ntv}{NTVar}
\DeclarePairedDelimiter{\abs}{\lvert}{\rvert}
\def\loss{L}
\begin{document}
\begin{align}
  \loss &= \half \norm{w - x}^2 \\
  \dd{w_1} &= w_1 - x_1, \\
  \ntv(\loss) &:= \norm{\nabla_\theta \loss(\theta)}^2 = \dd{w_1}^2 + \dd{w_2}^2
\end{align}
\[ \abs*{w_1} + \dd[w_2]{w_1} = \sqrt{w_1^2} \]
\end{document}
"""


def test_a_document_with_macros_of_its_own(tmp_path: Path, capsys) -> None:
    path = tmp_path / "paper.tex"
    path.write_text(DOCUMENT, encoding="utf-8")
    names = ["--param", "w:2", "--symbol", "x:2", "--express"]
    loss = "L=((w_1-x_1)^2+(w_2-x_2)^2)/2"
    assert main(["check", str(path), *names, loss, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["holds"] for one in found] == [True] * 5
    assert main(["check", str(path), *names, loss.replace("/2", ""), "--json"]) == 1


def test_macros_end() -> None:
    for text in (r"\newcommand{\a}{\a + \a} \[ \a = 1 \]", r"\def\a{#1} \[ \a = 1 \]"):
        with pytest.raises(ParseError):
            list(displays(text))
    assert list(displays(r"\newcommand{\a}{b} \[ \ab = \a c \]")) == [(1, r"\ab = b c ")]
