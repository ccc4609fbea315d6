"""The command line in terminals of every kind: encodings, option orders, long and wrong input."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from symprice.cli.main import main
from symprice.cli.plain import spelled_out
from symprice.cli.tour.printing import show
from symprice.cli.tour.run import builders, tour, visit

FORMULA = ["derive", "NTVar(sigmoid(b))", "--param", "b"]


def printed(argv: list[str], encoding: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    status = main(argv)
    stream.flush()
    return status, stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_derivation_prints_in_every_encoding(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, text = printed([*FORMULA, "--steps"], encoding, monkeypatch)
    assert status == 0
    assert "chain rule" in text and "holds" in text
    assert ("σ(b)" if encoding == "utf-8" else "sigma(b)") in text


def test_json_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    status, text = printed([*FORMULA, "--json"], "ascii", monkeypatch)
    laws = [step["law"] for step in json.loads(text)["steps"]]
    assert status == 0 and any("θ" in law for law in laws)


@pytest.mark.parametrize(
    "text, spelled",
    [
        ("σ(b)²(1 - σ(b))²", "sigma(b)^2(1 - sigma(b))^2"),
        ("∂NN/∂a⁽¹⁾₁₂", "dNN/da^(1)_12"),
        ("∇Pᵀ Ω", "grad P^T Omega"),
        ("p → 0 ✓", "p -> 0 ok"),
        ("plain", "plain"),
        ("\udcff", "\\udcff"),
    ],
)
def test_signs_are_spelled_out(text: str, spelled: str) -> None:
    assert spelled_out(text) == spelled


def test_options_may_be_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "NTVar(w*b)", "--param", "w", "--param", "b"]) == 0
    assert capsys.readouterr().out == "b**2 + w**2\n"


@pytest.mark.parametrize("argv", [["derive"], ["derive", "--param", "b", "NTVar(b)"]])
def test_a_missing_formula_says_where_it_goes(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    assert "before the options" in capsys.readouterr().err


def test_the_caret_of_a_long_formula_is_below_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    formula = "+".join(["b"] * 400) + "+?+" + "+".join(["b"] * 400)
    assert main(["derive", formula, "--param", "b"]) == 2
    _, excerpt, caret = capsys.readouterr().err.splitlines()
    assert len(excerpt) < 80
    assert excerpt[caret.index("^")] == "?"


def test_a_formula_beyond_the_limit_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "b+" * 5000, "--param", "b"]) == 2
    assert max(map(len, capsys.readouterr().err.splitlines())) < 200


def test_a_word_of_python_is_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "NTVar(b)", "--param", "lambda"]) == 2
    assert "lambda_1" in capsys.readouterr().err


def test_a_folder_that_cannot_be_is_found_out_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def worked(build: Any) -> Any:
        raise AssertionError("a row was derived")

    monkeypatch.setattr("symprice.cli.tour.run.visit", worked)
    (tmp_path / "file").write_text("")
    assert main(["tour", "--output", str(tmp_path / "file")]) == 2
    assert "cannot open" in capsys.readouterr().err


def test_a_row_is_visited_once_and_everything_is_in_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tour(tmp_path / "tour", rows=["S6", "s6"], quiet=True) == 0
    text = capsys.readouterr().out
    assert text.count("The juice agent") == 1
    for line in text.splitlines():
        if "tour." in line:
            assert Path(line.split()[-1]).parent == tmp_path / "tour"


def test_tables_hold_formulas_in_a_terminal() -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=100)
    show(console, visit(builders()["S11"]))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "w⁽²⁾₁₁ a⁽¹⁾₁ (1 - a⁽¹⁾₁)" in text
    assert "\\" not in text and "^{" not in text
