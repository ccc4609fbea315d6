"""Documents: one model, three writers, and what TeX, Markdown and an XML parser make of them."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import FrozenInstanceError
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import (
    Derivative,
    Function,
    HadamardProduct,
    Integral,
    Matrix,
    MatrixSymbol,
    Piecewise,
    Subs,
    Sum,
    conjugate,
    exp,
    expand,
    latex,
    log,
    oo,
    pi,
    sqrt,
    symbols,
    tanh,
)

from symprice.emit.documents.breaking import broken, halves, pieces
from symprice.emit.documents.fragments import parse, source, well_formed
from symprice.emit.documents.html import to_html
from symprice.emit.documents.layout import wrapped
from symprice.emit.documents.markdown import to_markdown
from symprice.emit.documents.mathml import to_mathml
from symprice.emit.documents.model import (
    Chain,
    Code,
    Document,
    Formula,
    Line,
    Section,
    Table,
    Text,
    Verdict,
)
from symprice.emit.documents.pdf import compile_pdf
from symprice.emit.documents.prose import plain, spans
from symprice.emit.documents.tex import to_tex
from symprice.emit.documents.width import width
from symprice.errors import ShapeError, SympriceError

needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")

x, y, t, n, i = symbols("x y t n i")
v, w1, w2, w3, b, eta = symbols("v w_{11} w_{12} w_{13} b^{(1)}_{1} eta")
f, g = Function("f"), Function("g")
A = MatrixSymbol("A", n, n)
hidden = tanh(w1 * x + w2 * y + w3 * t + b)

SYMPY = [
    latex(expression)
    for expression in (
        v * hidden**2 * (1 - hidden**2) * exp(-x / 2) + v,
        expand((x + y + t + 1) ** 3),
        f(x * y).diff(x),
        Subs(Derivative(f(t), t), t, x * y),
        Derivative(f(x, y), x, y),
        Integral(exp(-(x**2) / 2) / sqrt(2 * pi), (x, -oo, oo)),
        Sum(v**i / (i + 1), (i, 0, n)),
        Piecewise((x, x > 0), (0, True)),
        Matrix([[x, y], [1, x**2 / 2]]),
        log(1 + x**2) / sqrt(1 + 1 / y),
        A.T * HadamardProduct(A, A),
        Function("f_1")(x),
        conjugate(x),
    )
]
WRITTEN = [
    r"\operatorname{NTCov}\left(f(x), f(x')\right)",
    r"(x^{\top}x' + 1)\,\delta_1^{\top}\delta_1' + a_1^{\top} a_1' + 1",
    r"{h'}^{(1)}_{1} = w^{(1)}_{11} x_1 + b^{(1)}_1",
    r"\delta_1 = W_2^{\top} \circ \varphi'(h_1)",
    r"\nabla_{\theta} J = \mathbb{E}_{a \sim \pi}\left[ r(a)\, \nabla_{\theta} \log \pi(a) \right]",
    r"5\,\sigma(\theta)\left(1 - \sigma(\theta)\right)",
    r"\Delta P = -\eta P' + \tfrac{\eta^2}{2} \bigl[ Q \bigr] + \mathcal{O}(\eta^{3})",
    r"\begin{pmatrix} 1 - p & -p \\ -p & 1 - p \end{pmatrix}",
    r"\underbrace{W_2^{\top}\delta_2}_{\text{error of $f$}} \odot \boldsymbol{\theta}",
    r"\operatorname*{arg\,max}_{\pi} J(\pi)",
    r"\begin{aligned} a &= b + c \\ &= d \end{aligned}",
    r"\lVert x \rVert^{2} \le \mathbf{1}^{\top} \hat{x} \dot{\theta}",
    r"\left\{x^{2}\; \middle|\; x \in \mathbb{R}\right\}",
]
FRAGMENTS = SYMPY + WRITTEN
UNICODE = "θ η ∇ ∂ ² ′ σ′(θ)² π ≤ ∘ Σ √2 ℝ ᵀ x₁₂ → ∞ é ő “a” – ✓ ✗ 𝔼 中"


@pytest.fixture(scope="module")
def document() -> Document:
    """Every kind of block, wide lines, long rules, awkward characters."""
    chain = Chain(
        (
            Line(r"\frac{\partial L}{\partial w_{11}}", "=", SYMPY[1], "expand"),
            Line("", "=", " + ".join(SYMPY[:2]), r"because $\delta_1 = W_2^{\top}\delta_2$"),
            Line("", r"\le", r"\left(" + SYMPY[1] + r"\right)^{2}", "a rule with many words " * 4),
            Line("", right=WRITTEN[1], rule="100% of a_1 & #3"),
        )
    )
    return Document(
        r"A tour: $\operatorname{NTCov}$ & θ",
        "subtitle_1",
        (
            Section(
                r"First, with $f(x)$",
                (
                    Text(UNICODE + " # % & _ { } ~ ^ \\ < > | [x](y) `a_b --c` 5 $"),
                    chain,
                    Formula(WRITTEN[1], (("h_1", "W_1 x"), ("a_1", r"\varphi(h_1)"))),
                    Formula(
                        f"K = {SYMPY[0]} + {SYMPY[1]}",
                        ((WRITTEN[0], SYMPY[0]), ("b", SYMPY[1])),
                    ),
                    Verdict(True, r"worst error $3 \cdot 10^{-28}$"),
                ),
            ),
            Section("Second", tuple(Chain((Line(f, "=", f, "chain rule"),)) for f in FRAGMENTS)),
            Section("Third & last", (Verdict(False, "0.3 > 1e-9 at θ"),)),
            Section(
                "Fourth",
                (
                    Code("def f(θ):\n\treturn '∇θ'  # " + "long " * 30 + "\\end{verbatim}", "py"),
                    Table(
                        ("Policy", "Gradient"),
                        (
                            ("[0, 1] *", r"$5\sigma(\theta) |x|$"),
                            ("many words " * 9, "x | y, " + "more " * 20),
                        ),
                    ),
                    Text("one\n\n- two with $" + SYMPY[1] + "$ inline"),
                ),
            ),
        ),
    )


class TestModel:
    def test_blocks_are_values(self) -> None:
        line = Line("f", right="x")
        assert hash(line) == hash(Line("f", "=", "x", ""))
        with pytest.raises(FrozenInstanceError):
            line.left = "g"  # type: ignore[misc]

    def test_a_short_row_is_refused(self) -> None:
        with pytest.raises(ShapeError, match="row 2 has 1"):
            Table(("a", "b"), (("1", "2"), ("3",)))


class TestProse:
    def test_kinds(self) -> None:
        found = [(s.kind, s.text) for s in spans(r"a $x_1$ b `c$` \$5 d")]
        assert found == [
            ("text", "a "),
            ("math", "x_1"),
            ("text", " b "),
            ("code", "c$"),
            ("text", " $5 d"),
        ]

    def test_plain_has_no_markup(self) -> None:
        assert plain(r"a $\nabla_{\theta} f\,g$ `b`") == "a nabla_theta fg b"

    def test_wrapping_keeps_formulas_whole(self) -> None:
        rule = r"because of $a + b + c + d$ and so on, as said before"
        lines = wrapped(rule, 9)
        assert len(lines) > 2
        assert " ".join(lines) == rule
        assert any("$a + b + c + d$" in line for line in lines)


class TestWidth:
    def test_sums_of_advance_widths(self) -> None:
        # cmmi10 x is 0.57153 em, cmr10 1 is 0.5 em, + is 0.77778 em with two spaces of 4/18 em
        assert width("x") == pytest.approx(0.5715, abs=1e-3)
        assert width("x + 1") == pytest.approx(0.5715 + 0.5 + 0.7778 + 8 / 18, abs=2e-3)
        assert width("x = -1") == pytest.approx(0.5715 + 0.5 + 2 * 0.7778 + 10 / 18, abs=2e-3)

    @needs_tex
    def test_tex_measures_the_same(self, tmp_path: Path) -> None:
        """The estimate against the boxes that TeX makes, within 3 % and a third of an em."""
        boxes = "\n".join(
            rf"\setbox0\hbox{{$\displaystyle {f}$}}\typeout{{<{k}:\the\wd0>}}"
            for k, f in enumerate(FRAGMENTS)
        )
        path = tmp_path / "boxes.tex"
        path.write_text(
            "\\documentclass{article}\\usepackage{amsmath,amssymb}\\begin{document}\n"
            f"{boxes}\nx\\end{{document}}\n"
        )
        compile_pdf(path)
        log = path.with_suffix(".log").read_text(errors="replace")
        measured = {int(k): float(pt) / 10 for k, pt in re.findall(r"<(\d+):([\d.]+)pt>", log)}
        assert len(measured) == len(FRAGMENTS)
        for k, fragment in enumerate(FRAGMENTS):
            assert width(fragment) == pytest.approx(measured[k], rel=0.03, abs=0.34), fragment


def bare(latex: str) -> str:
    """A formula without blanks, the sizes of parentheses, and braces right around parentheses."""
    latex = re.sub(r"\\(?:left|right|[bB]igg?[lr])(?![a-z])|\s", "", latex)
    return latex.replace("{(", "(").replace(")}", ")")


class TestBreaking:
    @pytest.mark.parametrize("limit", [30, 14, 9])
    @pytest.mark.parametrize("fragment", [*SYMPY[:2], " + ".join(SYMPY[:2]), WRITTEN[1]])
    def test_nothing_is_lost_and_lines_fit(self, fragment: str, limit: float) -> None:
        lines = broken(fragment, limit, limit - 2)
        assert bare("".join(lines)) == bare(fragment)
        assert all(width(line) <= limit for line in lines)
        assert all(well_formed(line) for line in lines)

    def test_lines_begin_with_their_sign(self) -> None:
        assert broken(r"-a + b\left(-c\right) - d = e", 5, 5) == (
            "-a",
            r"+ b\left(-c\right)",
            "- d = e",
        )

    def test_an_unbreakable_formula_stays(self) -> None:
        assert broken(r"\frac{a + b + c}{d}", 2, 2) == (r"\frac{a + b + c}{d}",)

    def test_a_control_space_at_a_break_does_not_leave_a_backslash(self) -> None:
        assert not any(line.endswith("\\") for line in broken(r"(a, \ b, \ c, \ d, \ e)", 3, 3))

    def test_what_is_given_stays_with_what_it_is_given_to(self) -> None:
        state, action = r"\mathit{home}", r"\mathit{wait}"
        lines = broken(
            rf"A \log(\pi({action} \mid {state})) + B \log(\pi({state} \mid {action}))", 5, 5
        )
        assert len(lines) > 2 and not any(r"\mid" in (x[:4], x[-4:]) for x in lines)

    def test_a_relation_inside_a_parenthesis_is_no_halving(self) -> None:
        assert halves(r"P(x = 1) \approx p") == ("P(x = 1)", r"\approx", "p")
        assert halves("a + b") == ("", "", "a + b")

    def test_pieces_keep_exponents_and_arguments(self) -> None:
        assert pieces(r"e^{-x} - f{\left(a + b\right)}", 40) == (
            "e^{-x}",
            r"- f{\left(a + b\right)}",
        )

    @given(st.text("abx{}()[]\\^_&$ +-=leftrigh.", max_size=40))
    def test_no_text_is_lost_or_refused(self, text: str) -> None:
        assert source(parse(text)) == text
        broken(text, 4, 3)
        assert isinstance(width(text), float)


class TestTex:
    def test_it_is_complete_and_deterministic(self, document: Document) -> None:
        tex = to_tex(document)
        assert tex == to_tex(document)
        assert tex.startswith(r"\documentclass")
        assert tex.endswith("\\end{document}\n")
        assert tex.count(r"\section{") == 4
        assert r"\tag*{\rulename{chain rule}}" in tex

    def test_special_characters_are_escaped(self) -> None:
        tex = to_tex(Document("t", "", (Section("s", (Text(r"50% & a_b #1 {x} ~ ^ \ $"),)),)))
        assert (
            r"50\% \& a\_b \#1 \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{} \$"
            in tex
        )

    @needs_tex
    def test_it_compiles_without_an_overfull_line(self, document: Document, tmp_path: Path) -> None:
        path = tmp_path / "tour.tex"
        path.write_text(to_tex(document), encoding="utf-8")
        assert compile_pdf(path) == path.with_suffix(".pdf").resolve()
        log = path.with_suffix(".log").read_text(errors="replace")
        assert "Overfull \\hbox" not in log
        assert not re.search(r"^!", log, re.MULTILINE)

    @needs_tex
    def test_malformed_fragments_are_shown_not_run(self, tmp_path: Path) -> None:
        bad = ["{", r"\frac{a", "a & b", r"a \\ b", r"\left(", "}", "$", "\\", "a%b#c"]
        path = tmp_path / "bad.tex"
        blocks = tuple(Chain((Line(f, "=", f),)) for f in bad)
        path.write_text(to_tex(Document("t", "", (Section("s", blocks),))), encoding="utf-8")
        assert compile_pdf(path) is not None


class TestPdf:
    def test_without_a_tex_there_is_no_pdf(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert compile_pdf(tmp_path / "x.tex") is None

    @needs_tex
    def test_the_first_error_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "x.tex"
        path.write_text("\\documentclass{article}\\begin{document}\n\\nosuch\n\\end{document}")
        path.with_suffix(".pdf").write_text("an old one")
        with pytest.raises(SympriceError, match=r"Undefined control sequence.*l\.2 \\nosuch"):
            compile_pdf(path)
        assert not path.with_suffix(".pdf").exists()

    @needs_tex
    def test_a_run_without_end_is_ended(self, tmp_path: Path) -> None:
        path = tmp_path / "x.tex"
        path.write_text("\\documentclass{article}\\begin{document}\\loop\\iftrue\\repeat")
        with pytest.raises(SympriceError, match="within 1 s"):
            compile_pdf(path, timeout=1)

    @needs_tex
    def test_programs_cannot_be_run(self, tmp_path: Path) -> None:
        path = tmp_path / "x.tex"
        path.write_text(
            "\\documentclass{article}\\begin{document}x"
            "\\immediate\\write18{touch made}\\end{document}"
        )
        assert compile_pdf(path) is not None
        assert not (tmp_path / "made").exists()


def formulas(markdown: str) -> list[str]:
    return re.findall(r"\$\$.*?\$\$|(?<!\\)\$[^$]+\$", markdown, re.DOTALL)


class TestMarkdown:
    def test_structure(self, document: Document) -> None:
        markdown = to_markdown(document)
        assert markdown == to_markdown(document)
        assert re.findall("^#+ .*", markdown, re.MULTILINE)[1:] == [
            "## First, with $f(x)$",
            "## Second",
            "## Third & last",
            "## Fourth",
        ]
        assert r"&& \text{chain rule}" in markdown
        assert "**✗** 0.3 > 1e-9 at θ" in markdown
        assert "```py\ndef f(θ):" in markdown
        assert "\\- two" in markdown

    def test_formulas_avoid_what_github_changes(self, document: Document) -> None:
        for formula in formulas(to_markdown(document)):
            assert r"\operatorname" not in formula
            assert not re.search(r"\\[^A-Za-z ]", formula), formula
            assert not re.search(r"[<>*]", formula), formula

    def test_commonmark_leaves_the_formulas_alone(self, document: Document) -> None:
        """Rendered as if mathematics were prose, every formula comes out as it went in."""
        parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
        markdown = to_markdown(document)
        rendered = unescape(re.sub(r"</?[a-z][^>]*>", "", parser.render(markdown)))
        assert len(formulas(markdown)) > len(FRAGMENTS)
        for formula in formulas(markdown):
            assert formula in rendered

    def test_code_with_fences_is_fenced_wider(self) -> None:
        document = Document("t", "", (Section("s", (Code("```\nx\n```"),)),))
        assert "````\n```\nx\n```\n````" in to_markdown(document)


class Outline(HTMLParser):
    """Tags in order, checked to be closed; the references and ids of the page."""

    void = frozenset({"meta", "wbr", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.void:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


class TestHtml:
    def test_one_file_without_scripts_or_references(self, document: Document) -> None:
        html = to_html(document)
        assert html == to_html(document)
        outline = Outline()
        outline.feed(html)
        assert outline.open == []
        assert not {"script", "link", "img", "iframe"} & set(outline.tags)
        assert not re.search(r"https?:|//[a-z]|@import|url\(", html)
        assert outline.links == [f"#section-{k}" for k in (1, 2, 3, 4)]
        assert len(set(outline.ids)) == len(outline.ids)
        assert {link[1:] for link in outline.links} <= set(outline.ids)

    def test_mathematics_is_well_formed(self, document: Document) -> None:
        elements = re.findall("<math.*?</math>", to_html(document), re.DOTALL)
        assert len(elements) > len(FRAGMENTS)
        for element in elements:
            ElementTree.fromstring(element)

    @pytest.mark.parametrize("fragment", FRAGMENTS)
    def test_no_fragment_falls_back(self, fragment: str) -> None:
        element = to_mathml(fragment, display=True)
        assert element is not None
        assert ElementTree.fromstring(element).get("displaystyle") == "true"

    def test_what_falls_back_is_shown_and_counted(
        self, document: Document, caplog: pytest.LogCaptureFixture
    ) -> None:
        fallbacks: list[str] = []
        to_html(document, fallbacks=fallbacks)
        assert fallbacks == []
        odd = Document("t", "", (Section("s", (Chain((Line("x", "=", r"\odd{<a>}"),)),)),))
        html = to_html(odd, fallbacks=fallbacks)
        assert fallbacks == [r"\odd{<a>}"]
        assert r'<code class="tex">\odd{&lt;a&gt;}</code>' in html
        assert "1 formula is shown as TeX source" in html
        assert "1 formula is shown as TeX source" in caplog.text

    def test_text_is_escaped(self) -> None:
        html = to_html(Document("<b>", "", (Section("s", (Text("<script>alert(1)</script>"),)),)))
        assert "<script" not in html
        assert "<title>&lt;b&gt;</title>" in html

    def test_signs_between_terms_keep_their_spaces(self) -> None:
        """A continued line begins with a sign that joins, not with a sign of the number."""
        document = Document(
            "t", "", (Section("s", (Chain((Line("x", "=", " - ".join("abcdefghijk")),)),)),)
        )
        assert '<math displaystyle="true"><mrow></mrow><mo>−</mo><mi>b</mi>' in to_html(document)


@given(st.text(max_size=60), st.text("\\{}$&%#_^ abx+-=()[]", max_size=30))
def test_the_writers_take_any_text(prose: str, fragment: str) -> None:
    blocks = (
        Text(prose),
        Chain((Line(fragment, "=", fragment, prose),)),
        Formula(fragment, ((fragment, fragment),)),
        Verdict(True, prose),
        Table((prose,), ((prose,),)),
        Code(prose),
    )
    document = Document(prose, prose, (Section(prose, blocks),))
    for writer in (to_tex, to_markdown, to_html):
        assert writer(document)
