"""What the pages of the documentation do with docstrings, transcripts and tables."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).parents[1] / "docs" / "_ext"


def extension(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", EXTENSIONS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tidied(text):
    return extension("docstrings").tidied(text.split("\n"))


def test_an_initial_is_no_number_of_a_list():
    """reStructuredText takes T. and I. at the beginning of a line for A, B, C or I, II, III."""
    found = tidied("T.\n\nv.\n\n  I. Loshchilov\n\nM. Welling\n\nThe. E.g.\n\n>>> T.x")
    assert found[::2] == [
        "T\\.",
        "v\\.",
        "  I\\. Loshchilov",
        "M\\. Welling",
        "The. E.g.",
        ">>> T.x",
    ]


def test_values_and_commands_are_code_and_prose_is_not():
    found = tidied("'right', or ''; the user's and the others' `f('x')`, `\\top`, {'v': 1}.")
    assert found == [
        "``'right'``, or ``''``; the user's and the others' `f('x')`, ``\\top``, {``'v'``: 1}."
    ]
    span = ["from `E[a", "b] 'x'` to 'y'."]
    assert tidied("\n".join(span)) == ["from `E[a", "b] 'x'` to ``'y'``."]
    assert tidied(">>> 'a'\n'a'") == [">>> 'a'", "'a'"]


def test_entries_stand_below_their_names():
    found = tidied("Parameters\n==========\n\nt : T.\n")
    assert found[-3:] == ["t", "    T\\.", ""]


def shown(text):
    """The last value of a transcript, and (line, LaTeX) of what is shown below it."""
    return extension("transcripts").run(text, {"__name__": "__main__"})


START = ">>> from symprice import *\n>>> P, L = observables('P L')\n"


def test_whatever_is_printed_with_a_latex_form_is_shown_below_its_line():
    value, found = shown(
        START + ">>> print(price(P, L).latex())\n\\frac{d P}{dt} = ...\n"
        ">>> print(price(P, L).derivation)\ndP/dt = ...\n   = ...\n>>> NTCov(P*P, L).expand()\n"
        "2*P*NTCov(P, L)\n>>> 1 == 1\nTrue\n"
    )
    lines, formulas = zip(*found, strict=True)
    assert value is True and lines == (4, 7, 11)
    assert formulas[0].startswith(r"\frac{d P}{dt} = ")
    assert formulas[1].startswith(r"\begin{aligned}") and "chain rule" in formulas[1]
    assert formulas[2] == r"2 P \operatorname{NTCov}(P, L)"


def test_text_stands_for_what_it_is_the_text_of_and_nothing_is_shown_twice():
    _, found = shown(
        START + ">>> K = price(P, L)\n>>> print(K.text())\ndP/dt = NTCov(P, -L)\n"
        ">>> print(K.latex())\n"
    )
    assert [line for line, _ in found] == [5]


def test_what_is_no_formula_is_not_shown():
    for line in ("MLP(2, 1)", "GradientDescent(1)", "P", "3", "print('x')", "print(1, 2)"):
        assert shown(START + f">>> {line}\n")[1] == []
    macros = ">>> print(to_latex(NTVar(P), notation=Notation(macros=True)))\n"
    sentence = ">>> K = closed_form(NTVar(MLP(1, 2, 1)(inputs('x', 1))))\n"
    sentence += ">>> print(K.latex(environment='equation', where='sentence'))\n"
    assert shown(START + macros)[1] == [] == shown(START + sentence)[1]


def test_an_example_that_fails_stops_the_page():
    with pytest.raises(ValueError, match=r"1/0 raised ZeroDivisionError"):
        shown(">>> 1/0\n")
    assert shown(">>> 1/0\nTraceback (most recent call last):\n  ...\nZeroDivisionError: x\n")
