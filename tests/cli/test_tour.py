"""The tour: all thirteen rows come out as stated, every step checked; what it writes is whole."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest
from sympy import Rational

from symprice.checks import check
from symprice.cli.main import main
from symprice.cli.tour import run as running
from symprice.cli.tour import writing
from symprice.cli.tour.row import Claim, Row
from symprice.cli.tour.run import builders, tour, visit
from symprice.cli.tour.writing import formulas
from symprice.derivation import Step
from symprice.errors import ShapeError

ROWS = builders()


@pytest.fixture(scope="module")
def visited():
    return {name: visit(build) for name, build in ROWS.items()}


def test_there_are_thirteen_rows_in_order():
    assert list(ROWS) == [f"S{i}" for i in range(1, 14)]


@pytest.mark.parametrize("name", ROWS)
def test_every_step_and_every_claim_of_a_row_is_true(name, visited):
    stop = visited[name]
    assert stop.row.derivations
    assert all(stop.reports), [str(report) for report in stop.reports]
    assert all(stop.claims), [str(report) for report in stop.claims]
    assert stop.ok
    assert sum(report.checked for report in stop.reports) >= 20


def test_a_false_claim_fails_its_row():
    row = ROWS["S6"]()
    claim = Claim("wrong", row.claims[0].left, 2 * row.claims[0].right)
    wrong = Row(row.name, row.title, row.text, row.derivations, (claim,))
    assert not visit(lambda: wrong).ok


def test_a_wrong_step_is_found(visited):
    step = visited["S12"].row.derivations[0].steps[-1]
    assert check(step)
    assert not check(Step(step.rule, step.before, step.after * (1 + Rational(1, 10**8))))


def test_what_is_written(tmp_path, capsys):
    assert tour(tmp_path / "out", rows=["s6", "S7", "S12"], quiet=True) == 0
    out = tmp_path / "out"
    html = (out / "tour.html").read_text(encoding="utf-8")
    assert "<script" not in html and not re.search(r"https?://(?!www\.w3\.org)", html)
    assert html.count("<math") > 20
    markdown = (out / "tour.md").read_text(encoding="utf-8")
    assert "## S7. The logistic neuron" in markdown
    tex = (out / "tour.tex").read_text(encoding="utf-8")
    assert tex.startswith("\\documentclass") and "amsmath" in tex
    assert "S12" in capsys.readouterr().out


def test_the_verdicts_as_json(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(writing, "compile_pdf", lambda path: None)  # other tests see to it
    arguments = ["tour", "--json", "--rows", "S6", "S7", "--output", str(tmp_path)]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["holds"] and [row["name"] for row in told["rows"]] == ["S6", "S7"]
    assert all(Path(path).exists() for path in told["written"].values())
    neuron = told["rows"][1]
    assert neuron["claims"][1]["stated"] == "p**2*(1 - p)**2"
    assert all(made["check"]["holds"] for made in neuron["derivations"] + neuron["claims"])
    row = ROWS["S6"]()
    wrong = replace(row, claims=(Claim("wrong", row.claims[0].left, 2 * row.claims[0].right),))
    monkeypatch.setattr(running, "builders", lambda: {"S6": lambda: wrong})
    assert main(["tour", "--json", "--output", str(tmp_path)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["holds"] and not told["rows"][0]["claims"][0]["check"]["holds"]


def test_the_functions_are_the_formulas(visited, tmp_path):
    path = tmp_path / "tour_formulas.py"
    path.write_text(formulas(list(visited.values())), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("tour_formulas", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    b = np.array([-1000.0, -3.0, 0.0, 0.5, 40.0])
    with np.errstate(all="raise", under="ignore"), mpmath.workdps(50):
        p = [1 / (1 + mpmath.exp(-mpmath.mpf(value))) for value in b]
        q = [1 / (1 + mpmath.exp(mpmath.mpf(value))) for value in b]
        for name, value in {
            "ntvar_logistic": [(u * v) ** 2 for u, v in zip(p, q, strict=True)],
            "ntvar_logistic_fisher": [u * v for u, v in zip(p, q, strict=True)],
            "update": [2 * u * v for u, v in zip(p, q, strict=True)],
            "dp_dt": [2 * (u * v) ** 2 for u, v in zip(p, q, strict=True)],
            "trick": [5 * u * v for u, v in zip(p, q, strict=True)],
        }.items():
            found = getattr(module, name)(b)
            expected = np.array([float(v) for v in value])
            assert np.allclose(found, expected, rtol=1e-12, atol=1e-300), name


def test_a_row_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ShapeError, match="S99"):
        tour(tmp_path, rows=["S99"])
