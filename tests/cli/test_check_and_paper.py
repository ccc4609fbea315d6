"""``symprice check`` and ``symprice paper``: verdicts, exit codes, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from symprice.cli.latex_formulas import chains, displays
from symprice.cli.main import main
from symprice.errors import ParseError


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\frac{1}{2} p^{2}", "(1)/(2)*p**(2)"),
        (r"\operatorname{NTCov}\left(P Q, -L\right)", "NTCov(P*Q,-L)"),
        (r"\operatorname{NTCov}\!\left(\frac{P}{Q}, L\right)", "NTCov((P)/(Q),L)"),
        (r"\sigma(b)^2 (1 - \sigma(b))", "sigmoid(b)**(2)*(1-sigmoid(b))"),
        (r"\tanh^{2}(w_{1} x)", "tanh(w_1*x)**(2)"),
        (r"e^{-x} \cdot \eta_{max}", "E**(-x)*eta_max"),
        (r"\frac12 w^23", "(1)/(2)*w**(2)*3"),
        (r"\tfrac{w}2", "(w)/(2)"),
        (r"w_12", "w_1*2"),
        (r"\quad a \quad + \qquad b", "a+b"),
        (r"w_1^2 + W_{12}", "w_1**(2)+W_12"),
        (r"\log p - \tanh^2 h", "log(p)-tanh(h)**(2)"),
        (r"\left|w\right|^2", "Abs(w)**(2)"),
        (r"\mathbf{W}^\top \delta \odot h", "hadamard(transpose(W)*delta,h)"),
        (r"x^{T} y + {z}^{\mathsf{T}}", "transpose(x)*y+transpose((z))"),
        (r"\mathbf{1} - a \odot a", "1-hadamard(a,a)"),
        (r"\begin{pmatrix} a & -b \\ c & d \end{pmatrix}", "[[a,-b],[c,d]]"),
        (r"w \text{ for every } w", "w"),
        (r"2 w, \quad \text{as before}", "2*w"),
        (r"\text{softmax}(z)", "softmax(z)"),
        (r"\sqrt{x'} / 2.5", "sqrt(x_prime)/2.5"),
        (
            r"x_1^{\prime\top} + w^\prime + b^{\prime 2}",
            "transpose(x_1_prime)+w_prime+b_prime**(2)",
        ),
        (r"\sigma \theta", "sigma*theta"),
        (r"-\eta \NTVar(L)", "-eta*NTVar(L)"),
        (r"\frac{\eta^{2}}{2} \biggl( P + Q\biggr)", "(eta**(2))/(2)*(P+Q)"),
    ],
)
def test_latex_is_read(latex: str, text: str) -> None:
    assert chains(latex) == [[text]]


def test_a_chain_has_its_sides_and_no_rules() -> None:
    chain = r"a &= b + c \notag \\ &\quad = d && \text{product rule: } a = b \\"
    assert chains(chain) == [["a", "b+c", "d"]]
    assert chains(r"a = b \\ \text{where}\quad b &= c") == [["a", "b"]]
    assert chains(r"a = b + \\ c && \text{linearity}") == [["a", "b+c"]]


def test_rows_that_do_not_go_on_are_equations_of_their_own() -> None:
    assert chains(r"a &= b \\ c &= d \\ &= q") == [["a", "b"], ["c", "d", "q"]]
    assert chains(r"a = f(b + \\ c) + 1") == [["a", "f*(b+c)+1"]]
    assert chains(r"a & = & b \\ & - c &= d") == [["a", "b-c", "d"]]


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{" * 900 + "w" + "}{w}" * 900,
        "{" * 1900 + "w" + "}" * 1900,
        "(" * 5000 + "w" + ")" * 5000,
        "w + " * 9000 + "w",
    ],
    ids=["fractions", "braces", "brackets", "long"],
)
def test_no_depth_and_no_length_overflows(latex: str) -> None:
    with pytest.raises(ParseError):
        chains(latex)


def test_declared_names_decide() -> None:
    assert chains("e^{T} x", ["e", "T"]) == [["e**(T)*x"]]
    with pytest.raises(ParseError, match="sigma is declared"):
        chains(r"\sigma(b)", ["sigma"])


@pytest.mark.parametrize(
    ("latex", "place"),
    [
        (r"1 + \int x", r"\int"),
        ("a(b", "("),
        ("a)", ")"),
        (r"\frac{a}", "{a}"),
        ("a ; b", ";"),
        ("(a]", "]"),
        (r"\sqrt[3]{w}", r"\sqrt"),
        (r"\sin^{-1}(w)", "^"),
        (r"\log p q", r"\log"),
        (r"\tanh", r"\tanh"),
        ("1/2w", "w"),
        ("2 L(w)", "L"),
        (r"w^{(1)}", "^"),
        ("E[r]", "E"),
        (r"\frac{dP}{dt}", r"\frac"),
        (r"\frac{\mathrm{d} P}{\mathrm{d} t}", r"\frac"),
        (r"a + \mathbf{w} w", "w"),
        (r"a_1 + a_{1,} ", "a"),
        ("w_{i+1}", "w"),
        ("{1 + w}2", "{1 + w}"),
        (r"\begin{cases} a \\ b \end{cases}", r"\begin{cases}"),
        (r"a = b \\ c", "c"),
        ("w^2^3", "^"),
        ("a = = b", "a"),
        ("10 000 w", "000"),
        (r"a = b \qquad c = d", "c"),
        (r"a &= b & p &= q", "p"),
        (r"a &= b \\ -c &= d", "-"),
        (r"a = 1 \text{ and } b = 2", "="),
    ],
)
def test_what_has_no_meaning_or_two_is_refused_with_its_place(latex: str, place: str) -> None:
    with pytest.raises(ParseError) as caught:
        chains(latex)
    assert caught.value.text == latex
    assert latex[caught.value.position :].startswith(place)


def test_displays_of_a_document() -> None:
    text = "%\\[ no \\]\n\\begin{align}\na &= b \\label{eq:a}\n\\end{align}\nand $$c = d$$"
    assert list(displays(text)) == [(3, "a &= b \\label{eq:a}\n"), (5, "c = d")]


def test_a_wrong_formula_is_told_what_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["check", "NTVar(sigmoid(b)) = p*(1 - p)", "--param", "b", "--express", "p=sigmoid(b)"]
    assert main(given) == 1
    told = capsys.readouterr().out
    assert "does not hold" in told and "derived: NTVar(sigmoid(b)) = p**2*(1 - p)**2" in told
    given[1] = "NTVar(sigmoid(b)) = p**2*(1 - p)**2"
    assert main(given) == 0
    assert "✓" in capsys.readouterr().out


def test_quantities_stand_for_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["--param", "b", "--express", "p=sigmoid(b)", "q=p*(1 - p)"]
    assert main(["check", r"\NTVar(p) = q^2", *names]) == 0
    assert main(["check", r"\NTVar(p) = q", *names]) == 1
    assert main(["derive", "NTVar(p)", "--param", "b", "--express", "p=sigmoid(b)"]) == 0
    assert capsys.readouterr().out.endswith("p**2*(1 - p)**2\n")
    assert main(["check", "p = p", "--param", "p", "--express", "p=1"]) == 2


def test_latex_from_the_shell_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", r"\operatorname{NTVar}(w^{2}) = 4 w^{2}", "--param", "w", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["holds"] is True and found["right"] == "4*w**(2)"


def test_a_file_of_formulas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.tex"
    path.write_text(
        r"""\begin{equation} \NTVar(w b) = w^2 + b^2 \end{equation}
\[ \operatorname{NTCov}(w, w b) = w \]  % wrong
\begin{align*} \NTCov(w^2, w b) &= 2 w \NTCov(w, w b) \\ &= 2 w b \end{align*}
\[ x \]
\[ \int w = b \]
""",
        encoding="utf-8",
    )
    assert main(["check", str(path), "--param", "w", "b", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    verdicts = [(one["place"], one["holds"]) for one in found if "holds" in one]
    assert verdicts == [
        ("notes.tex:1", True),
        ("notes.tex:2", False),
        ("notes.tex:3", True),
        ("notes.tex:3", True),
    ]
    assert [one["place"] for one in found if "unread" in one] == ["notes.tex:5"]


def test_what_is_not_read_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "notes.tex"
    path.write_text(r"\[ \NTVar(w) = 1 \] \[ \oint w = 1 \]", encoding="utf-8")
    assert main(["check", str(path), "--param", "w"]) == 2


@pytest.mark.parametrize("formula", ["NTVar(w)", "= 3", "NTVar(w) =", "NTVar(u) = 1", "no.tex"])
def test_what_cannot_be_read_has_status_2(formula: str) -> None:
    assert main(["check", formula, "--param", "w"]) == 2


def test_what_our_own_paper_says_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The LaTeX that one command writes, the other one reads and finds true."""
    names = ["--param", "b", "--observable", "P", "Q", "L"]
    formulas = ["NTVar(sigmoid(b))", "NTCov(log(P)*Q, -L)", "NTCov(P*Q/L, log(Q))"]
    status = main(
        ["paper", *formulas, *names, "--output", str(tmp_path), "--columns", "2", "--json"]
    )
    told = json.loads(capsys.readouterr().out)
    assert status == 0 and told["complaints"] == []
    assert ("pdf" in told["written"]) == (shutil.which("pdflatex") is not None)
    assert all(report["holds"] for report in told["checks"])
    assert main(["check", told["written"]["tex"], *names, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) >= 7 and all(one["holds"] for one in found)


SHAPES = ["--param", "W:3x2", "b:3", "V:1x3", "c", "--symbol", "x:2", "y:2", "A:2x2"]
LAYER = ["--express", "h=W*x+b", "a=tanh(h)"]


@pytest.mark.parametrize(
    ("formula", "status"),
    [
        (
            r"\operatorname{NTVar}(V a + c) = (x^\top x + 1)"
            r" \bigl(V^\top \odot (\mathbf{1} - a \odot a)\bigr)^\top"
            r" \bigl(V^\top \odot (\mathbf{1} - a \odot a)\bigr) + a^\top a + 1",
            0,
        ),
        (  # the bias of the first layer is forgotten
            r"\operatorname{NTVar}(V a + c) = x^\top x"
            r" \bigl(V^\top \odot (\mathbf{1} - a \odot a)\bigr)^\top"
            r" \bigl(V^\top \odot (\mathbf{1} - a \odot a)\bigr) + a^\top a + 1",
            1,
        ),
        (r"x^\top A y = y^\top A^\top x", 0),
        (r"x^\top A y = y^\top A x", 1),
        (r"x^\top A y = y^\top A^\top", 2),
        (r"\NTVar(b^\top b) = 4 b^\top b", 0),
        (r"\NTVar(b^\top b) = 2 b^\top b", 1),
        (r"\tfrac12 b^\top b = \frac{b_1^2 + b_2^2 + b_3^2}{2}", 0),
        (r"\NTCov(W x, c x^\top y) = 0", 2),
        (r"\log \sigma(c) = -\log(1 + e^{-c})", 0),
        (r"\log \sigma(c) = -\log(1 + e^{c})", 1),
        (r"A^2 = A A", 2),
        ("W_{12} = W_{21}", 1),
    ],
)
def test_formulas_of_papers_in_vectors(formula: str, status: int) -> None:
    assert main(["check", formula, *SHAPES, *LAYER]) == status


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["W:0x2"], "no shape of W"),
        (["W:"], "no shape of W"),
        (["W:3x2x1"], "no shape of W"),
        (["W:10x2"], "at most"),
        (["W:2x2", "W_12"], "declared twice"),
        (["W_12", "W:2x2"], "a name of its own"),
    ],
)
def test_shapes_that_cannot_be(
    names: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "1 = 1", "--param", *names]) == 2
    assert told in capsys.readouterr().err


def test_the_place_in_a_file_is_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.tex"
    path.write_text("\\begin{align}\n w &= w \\\\\n &= \\oint w\n\\end{align}", encoding="utf-8")
    assert main(["check", str(path), "--param", "w"]) == 2
    assert "notes.tex:3: the command" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\x00" * 50])
def test_files_that_hold_no_formula(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "notes.tex"
    path.write_bytes(content)
    assert main(["check", str(path)]) == 2


def test_a_paper_is_written_in_the_quantities_that_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["--param", "b", "--express", "p=sigmoid(b)"]
    assert main(["paper", "NTVar(p)", *names, "--output", str(tmp_path)]) == 0
    listed = capsys.readouterr().out.split()
    assert {Path(path).parent for path in listed} == {tmp_path}
    assert r"= p^{2} \left(1 - p\right)^{2} && \text{named quantities" in (
        tmp_path / "paper.tex"
    ).read_text(encoding="utf-8")
    assert main(["check", str(tmp_path / "paper.tex"), *names]) == 0
