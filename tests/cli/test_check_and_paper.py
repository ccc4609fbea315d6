"""``symprice check`` and ``symprice paper``: verdicts, exit codes, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from symprice.cli.latex_formulas import displays, in_text
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
        (r"e^{-x} \cdot \eta_{max}", "e**(-x)*eta_max"),
        (r"\sqrt{x'} / 2.5", "sqrt(x_prime)/2.5"),
        (r"\sigma \theta", "sigma*theta"),
        (r"-\eta \NTVar(L)", "-eta*NTVar(L)"),
        (r"\frac{\eta^{2}}{2} \biggl( P + Q\biggr)", "(eta**(2))/(2)*(P+Q)"),
    ],
)
def test_latex_is_read(latex: str, text: str) -> None:
    assert in_text(latex) == [text]


def test_a_chain_has_its_sides_and_no_rules() -> None:
    chain = r"a &= b + c \notag \\ &\quad = d && \text{product rule: } a = b \\"
    assert in_text(chain) == ["a", "b+c", "d"]
    assert in_text(r"a = b \\ \text{where}\quad b &= c") == ["a", "b"]


@pytest.mark.parametrize("latex", [r"\int x", "a(b", "a)", r"\frac{a}", "a ; b"])
def test_what_has_no_meaning_is_refused(latex: str) -> None:
    with pytest.raises(ParseError):
        in_text(latex)


def test_displays_of_a_document() -> None:
    text = "%\\[ no \\]\n\\begin{align}\na &= b \\label{eq:a}\n\\end{align}\nand $$c = d$$"
    assert list(displays(text)) == [(2, "a &= b"), (5, "c = d")]


def test_a_wrong_formula_is_told_what_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["check", "NTVar(sigmoid(b)) = p*(1 - p)", "--param", "b", "--express", "p=sigmoid(b)"]
    assert main(given) == 1
    told = capsys.readouterr().out
    assert "does not hold" in told and "derived: NTVar(sigmoid(b)) = p**2*(1 - p)**2" in told
    given[1] = "NTVar(sigmoid(b)) = p**2*(1 - p)**2"
    assert main(given) == 0
    assert "✓" in capsys.readouterr().out


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
