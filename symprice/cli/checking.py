"""``symprice check``: a formula that someone wrote, held against numbers and against ours."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from sympy import sstr
from sympy.matrices.matrixbase import MatrixBase

from ..derivation import Step
from ..errors import ParseError
from .formula import declare_names, quantities_of
from .latex_formulas import chains, displays
from .parser import parse

__all__ = ["check_command", "register"]

EXAMPLES = """\
examples:
  symprice check 'NTVar(p) = p*(1 - p)' --param b --express p='sigmoid(b)'
  symprice check '\\operatorname{NTVar}(w^{2}) = 4 w^{2}' --param w
  symprice check paper.tex --param w b --symbol x
  symprice check '\\operatorname{NTVar}(w^\\top x) = x^\\top x' --param w:3 --symbol x:3
  symprice check '\\nabla_w \\tfrac12 \\|w - x\\|^2 = w - x' --param w:3 --symbol x:3
  symprice check '\\frac{\\partial L}{\\partial w} = \\frac2n \\sum_{i=1}^n (w - x_i)' --param w \\
      --symbol x:3 --express n=3 'L=((w-x_1)^2+(w-x_2)^2+(w-x_3)^2)/n'

Both sides of every equation are compared at points of their domain; of a file, those of every
display, with the macros that the file defines put in. Vectors and matrices are declared with their
shape and checked entry by entry: functions of a column are taken of its entries, and \\odot
multiplies entries. Sums are written out, over as many entries as are declared where they have no
bounds. \\nabla is by its index, \\nabla and \\nabla_\\theta by all of --param in their order. What
could be meant in two ways is refused with its place. The exit status is 0 where all agree, 1 where
one does not, 2 where one cannot be read, or not be decided in the time there is.
"""

_LONGEST = 20_000  # characters of one side, its sums written out
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

    known, quantities = quantities_of(arguments)
    results: list[dict[str, Any]] = []
    for place, sides in _equations(arguments.formula, known):
        try:
            if isinstance(sides, ParseError):
                raise sides
            parsed = [parse(side, known, max_length=_LONGEST) for side in sides]
            _same_shape(sides, parsed)
        except ParseError as error:
            if not place:
                raise
            results.append({"place": place, "unread": str(error)})
            continue
        for (text, other), (left, right) in zip(pairwise(sides), pairwise(parsed), strict=True):
            report = check(Step(Stated(), left, right))
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


def _equations(given: str, names: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(where it stands, its sides) of every equation; of one that cannot be read, the error."""
    if given.endswith(".tex"):
        path = Path(given)
        for line, body in displays(_text(path)):
            try:
                found = chains(body, names)
            except ParseError as error:
                line += error.text.count("\n", 0, error.position)
                yield f"{path.name}:{line}", error
                continue
            for sides in found:
                if len(sides) > 1:
                    yield f"{path.name}:{line}", sides
        return
    found = chains(given, names) if "\\" in given or "{" in given else [_sides(given)]
    if not all(len(sides) > 1 and all(sides) for sides in found):
        raise ParseError(
            "asked to check a formula without two sides: write LEFT = RIGHT, as in "
            "'NTVar(w**2) = 4*w**2'"
        )
    for sides in found:
        yield "", sides


def _sides(typed: str) -> list[str]:
    """What stands between the signs of equality; those in brackets belong to options."""
    sides, depth = [""], 0
    for sign in typed.replace("==", "="):
        depth += (sign in "([") - (sign in ")]")
        if sign == "=" and depth <= 0:
            sides.append("")
        else:
            sides[-1] += sign
    return [side.strip() for side in sides]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ParseError(f"asked to read {path}, which is no text in UTF-8") from None


def _same_shape(sides: list[str], parsed: list[Any]) -> None:
    shapes = [getattr(side, "shape", ()) for side in parsed]
    for (text, shape), (other, wanted) in pairwise(zip(sides, shapes, strict=True)):
        if shape != wanted:
            told = [f"{s[0]}x{s[1]}" if s else "a scalar" for s in (shape, wanted)]
            raise ParseError(f"{text} is {told[0]}, but {other} is {told[1]}: no equation")


def _ours(left: Any, quantities: dict[Any, Any]) -> str:
    """What the left side is, as far as it can be derived; nothing where it is that already."""
    from .. import express
    from ..errors import SympriceError

    try:
        if quantities and not isinstance(left, MatrixBase):
            return sstr(express(left, quantities))
        found = left.doit()
    except SympriceError:
        found = left.doit()
    if found == left:
        return ""
    return sstr(found.flat() if getattr(found, "cols", 0) == 1 else found)


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
        print(f"{_MARKS[word]} {place}{_tidy(result['left'])} = {_tidy(result['right'])} {word}")
        print(f"    {result['report'].splitlines()[0]}")
        if result.get("ours"):
            print(f"    derived: {_tidy(result['left'])} = {result['ours']}")


def _tidy(text: str) -> str:
    """Brackets that say nothing left out: `w**2`, `1/2*p`."""
    text = re.sub(r"\*\*\((\w+)\)", r"**\1", text)
    return re.sub(r"(?<![\w*/)])\((\w+)\)/\((\w+)\)", r"\1/\2", text)
