"""A report is true only if something was compared and nothing disagrees, and it says so."""

from __future__ import annotations

import dataclasses
import json

import pytest
from sympy import Eq

from symprice import NTVar, Parameter, sigmoid
from symprice.checks import Report, check

b = Parameter("b")
GOOD = Report("good", worst=1e-31, where="here", points=20, digits=30, checked=20)
BAD = Report("bad", worst=0.5, where="there", points=3, digits=30, checked=3, problems=("b\nc",))


def test_truth():
    assert GOOD and not BAD and not Report()
    assert not dataclasses.replace(GOOD, checked=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        GOOD.worst = 0


def test_merging_keeps_the_worst_and_every_problem():
    both = GOOD + BAD
    assert not both and both == Report.merge([GOOD, BAD])
    assert (both.worst, both.where, both.checked, both.points) == (0.5, "there", 23, 3)
    assert both.problems == BAD.problems and both.subject == "good; bad"
    assert GOOD + GOOD and (GOOD + GOOD).checked == 40
    assert sum([GOOD, GOOD], Report("start", checked=1))
    assert not GOOD + Report("empty") and "empty" in (GOOD + Report("empty")).problems[0]
    coded = dataclasses.replace(GOOD, code_worst=1e-16) + dataclasses.replace(
        GOOD, code_worst=1e-15
    )
    assert coded.code_worst == 1e-15 and not Report.merge([])
    with pytest.raises(TypeError):
        GOOD + 1


def test_text():
    assert str(GOOD).splitlines()[0] == (
        "holds: 20 numbers compared at 20 points, worst relative error 1.0e-31"
    )
    assert repr(GOOD) == f"<Report: {GOOD.verdict}>" and "\n" not in repr(BAD)
    assert str(BAD).startswith("does not hold: b\n") and "  c" in str(BAD)
    assert "nothing was compared" in str(Report())
    assert "✓" in GOOD._repr_markdown_() and "✗" in BAD._repr_markdown_()
    assert json.loads(json.dumps((GOOD + BAD).to_dict()))["holds"] is False
    assert set(GOOD.to_dict()) == {field.name for field in dataclasses.fields(Report)} | {"holds"}


def test_a_real_report():
    report = check(NTVar(sigmoid(b)), code=False)
    assert (report.points, report.digits, report.checked) == (20, 30, 20)
    assert 0 < report.worst < 1e-35 and "b = " in report.where
    wrong = check(Eq(NTVar(sigmoid(b)), sigmoid(b)))
    assert wrong.problems[0].startswith("equation: the sides differ by ") and " at b = " in str(
        wrong
    )


def test_the_methods_of_results_are_the_same_check():
    assert NTVar(sigmoid(b)).check(points=3, code=False)
