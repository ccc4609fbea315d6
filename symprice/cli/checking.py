"""``symprice check``: a formula that someone wrote, held against numbers and against ours."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from sympy import Symbol, sstr

from ..derivation import Step
from ..errors import ParseError
from .formula import declare_names, names_of
from .latex_formulas import displays, in_text
from .parser import parse, parse_assignment

__all__ = ["check_command", "register"]

EXAMPLES = """\
examples:
  symprice check 'NTVar(sigmoid(b)) = p*(1 - p)' --param b --express p='sigmoid(b)'
  symprice check '\\operatorname{NTVar}(w^{2}) = 4 w^{2}' --param w
  symprice check paper.tex --param w b --symbol x

Both sides of every equation are compared at points of their domain; of a file, those of every
display. The exit status is 0 where all agree, 1 where one does not, 2 where one cannot be
read, or not be decided, as in the time there is.
"""

_MARKS = {"holds": "✓", "does not hold": "✗", "undecided": "?"}


def register(commands: Any) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "check",
        help="compare a formula that someone wrote with what is derived",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "formula", help="LEFT = RIGHT, as typed in Python or in LaTeX; or FILE.tex"
    )
    declare_names(command)
    command.add_argument("--json", action="store_true", help="print a JSON object")
    command.set_defaults(run=check_command)


def check_command(arguments: argparse.Namespace) -> int:
    """Check every equation; 1 where one of them fails."""
    from ..checks import check
    from ..emit.paper_blocks import Stated

    names = names_of(arguments)
    quantities = {}
    for given in arguments.express:
        name, quantity = parse_assignment(given, names)
        quantities[Symbol(name, real=True)] = quantity
    known = {**names, **{str(symbol): symbol for symbol in quantities}}
    results: list[dict[str, Any]] = []
    for place, sides in _equations(arguments.formula):
        if len(sides) == 1:
            results.append({"place": place, "unread": sides[0]})
            continue
        try:
            parsed = [parse(side, known) for side in sides]
        except ParseError as error:
            if not place:
                raise
            results.append({"place": place, "unread": str(error)})
            continue
        for (text, other), (left, right) in zip(pairwise(sides), pairwise(parsed), strict=True):
            report = check(Step(Stated(), left.xreplace(quantities), right.xreplace(quantities)))
            found: dict[str, Any] = {"place": place, "left": text, "right": other}
            found |= {"holds": bool(report), "outcome": report.outcome, "report": str(report)}
            if not report:
                found["ours"] = _ours(left, quantities)
            results.append(found)
    if not any("holds" in result for result in results):
        raise ParseError(
            "asked to check, but there is no equation that can be read: write LEFT = RIGHT, or a "
            "file with displayed equations"
            + "".join(f"; {result['place']}: {result['unread']}" for result in results)
        )
    _print(results, arguments.json)
    outcomes = [result.get("outcome", "unread") for result in results]
    if "does not hold" in outcomes:
        return 1
    return 0 if set(outcomes) == {"holds"} else 2


def _equations(given: str) -> Iterator[tuple[str, list[str]]]:
    """(where it stands, its sides) of every equation; of one that cannot be read, why."""
    if given.endswith(".tex"):
        path = Path(given)
        for line, body in displays(path.read_text(encoding="utf-8")):
            place = f"{path.name}:{line}"
            try:
                sides = in_text(body)
            except ParseError as error:
                yield place, [str(error)]
                continue
            if len(sides) > 1:
                yield place, sides
        return
    if "\\" in given:
        yield "", in_text(given)
        return
    sides = [side.strip() for side in given.replace("==", "=").split("=")]
    if len(sides) < 2 or not all(sides):
        raise ParseError(
            "asked to check a formula without two sides: write LEFT = RIGHT, as in "
            "'NTVar(w**2) = 4*w**2'"
        )
    yield "", sides


def _ours(left: Any, quantities: dict[Any, Any]) -> str:
    """What the left side is, as far as it can be derived."""
    from .. import express
    from ..errors import SympriceError

    try:
        if quantities:
            return sstr(express(left.xreplace(quantities), quantities))
        return sstr(left.doit())
    except SympriceError:
        return sstr(left.xreplace(quantities).doit())


def _print(results: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(results, indent=2))
        return
    for result in results:
        place = f"{result['place']}: " if result["place"] else ""
        if "unread" in result:
            print(f"- {place}not read: {result['unread']}")
            continue
        word = result["outcome"]
        print(f"{_MARKS[word]} {place}{result['left']} = {result['right']} {word}")
        print(f"    {result['report'].splitlines()[0]}")
        if not result["holds"]:
            print(f"    derived: {result['left']} = {result['ours']}")
