"""A report is true only if something was compared and nothing disagrees, and it says so."""

from __future__ import annotations

import dataclasses
import io
import json
import signal

import pytest
from rich.console import Console
from sympy import Eq, Function, Symbol, log

from symprice import Derivation, NTVar, Parameter, Rule, Step, sigmoid
from symprice.checks import Report, check
from symprice.emit.documents.html import to_html
from symprice.emit.documents.markdown import to_markdown
from symprice.emit.documents.model import Document, Section, Verdict
from symprice.emit.documents.tex import to_tex
from symprice.emit.notation import in_use
from symprice.emit.paper_blocks import Blocks
from symprice.emit.terminal import show

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
    assert set(GOOD.to_dict()) == {field.name for field in dataclasses.fields(Report)} | {
        "holds",
        "outcome",
    }


LATE = Report("late", checked=4, points=4, problems=("no time",), undecided=("no time",))


def test_undecided_is_not_false():
    """Three outcomes; only what holds is true, only what disagrees does not hold."""
    assert [report.outcome for report in (GOOD, BAD, LATE)] == [
        "holds",
        "does not hold",
        "undecided",
    ]
    assert not LATE and not GOOD + LATE and (GOOD + LATE).outcome == "undecided"
    assert LATE.verdict == "undecided: no time; 4 numbers compared, which agree"
    assert "does not hold" not in str(LATE) and LATE._repr_markdown_().startswith("**? undecided")
    both = LATE + BAD
    assert both.outcome == "does not hold" and both.undecided == ("no time",)
    assert both.verdict == "does not hold: b (and 1 more)"  # what disagrees comes first
    assert Report().outcome == Report("x").outcome == (GOOD + Report("x")).outcome == "undecided"
    assert LATE.to_dict()["outcome"] == "undecided" and LATE.to_dict()["holds"] is False


def test_what_a_check_cannot_decide():
    class Unheard(Function):
        pass

    class Slow(Function):
        def _numeric(self, evaluate, point):
            while True:
                pass

    x = Symbol("x", real=True)
    slow = check(Eq(Slow(x), x, evaluate=False), timeout=0.3)
    for report in (slow, check(Eq(log(-1 - x**2), x, evaluate=False), points=2)):
        assert not report and report.outcome == "undecided" and "undecided: " in str(report)
    assert "time limit" in slow.verdict and slow._repr_markdown_().startswith("**?")
    steps = [Step(Rule(), NTVar(b), 2), Step(Rule(), Slow(x), x)]
    late = check(Derivation(steps), timeout=0.5)
    assert late.outcome == "does not hold" and late.verdict.startswith("does not hold: step 1")
    assert len(late.undecided) == 1


def test_undecided_is_shown_as_such_everywhere():
    console = Console(width=100, record=True, file=io.StringIO())
    show(LATE, console=console)
    assert console.export_text().startswith("? undecided")
    blocks = Blocks(in_use(), False).blocks(LATE, "", "")
    assert blocks == [Verdict(None, LATE.verdict)]
    assert Blocks(in_use(), False).blocks(BAD, "", "") == [Verdict(False, BAD.verdict)]
    document = Document("Results", "abstract", (Section("One", tuple(blocks)),))
    assert r"\verdict{?}{undecided" in to_tex(document)
    page = to_html(document)
    assert 'class="verdict open"' in page and "Undecided: " in page and "✗" not in page
    assert "**?** undecided" in to_markdown(document)


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


def test_a_bar_is_shown_where_it_is_asked_for_and_a_check_can_be_interrupted(capsys, monkeypatch):
    b = Parameter("b", real=True)
    plain = check(NTVar(sigmoid(b)), points=4, progress=False)
    assert capsys.readouterr().err == ""
    assert check(NTVar(sigmoid(b)), points=4, progress=True) == plain
    assert "/4 " in capsys.readouterr().err

    def stopped(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("symprice.checks.comparing.evaluate_at", stopped)
        with pytest.raises(KeyboardInterrupt):
            check(NTVar(sigmoid(b)), points=4)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert check(NTVar(sigmoid(b)), points=4) == plain
