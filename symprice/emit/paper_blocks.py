"""What each kind of result is shown as in a paper: the blocks of its document."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sympy import Basic, Equality

from ..derivation import Derivation, Rule, Step
from ..dynamics.update import Dynamics
from ..errors import NoRuleError
from ..networks.network import Network
from ..outputs import DescribedPopulation
from .algorithms import AlgorithmBox, algorithm
from .beside import beside
from .diagrams import Diagram, draw
from .documents.algorithmic import pseudocode
from .documents.model import Block, Code, Display, Figure, Procedure, Table, Text, Verdict
from .exports import display_of
from .latex_printer import PaperPrinter
from .lines import Lines, lines_of
from .notation import Notation
from .notebook_cards import population_rows
from .short_names import CLOSED

__all__ = ["Blocks", "kind_of"]


class Stated(Rule):
    """The left side equals the right side."""


class Blocks:
    """What each kind of result is shown as."""

    def __init__(self, notation: Notation, checked: bool) -> None:
        self.notation, self.checked = notation, checked

    def blocks(self, result: Any, label: str, caption: str) -> list[Block]:
        """The blocks of a result."""
        kind = kind_of(result)
        if kind == "figure":
            diagram = result if isinstance(result, Diagram) else draw(result)
            diagram = diagram.written_in(self.notation)
            return [Figure(diagram.tikz(), diagram.svg(), caption or _caption(diagram), label)]
        if kind == "algorithm":
            return [self.procedure(result, label, caption)]
        if kind == "table":
            populated = isinstance(result, DescribedPopulation)
            return self.table(population_rows(result) if populated else result, label, caption)
        if kind == "code":
            return self.code(result)
        if kind == "verdict":
            return [_verdict_of(result)]
        found: list[Block] = [display_of(result, label=label, notation=self.notation)]
        if isinstance(result, Equality):
            result = Derivation([Step(Stated(), result.lhs, result.rhs)])
        if self.checked and hasattr(result, "check"):
            found.append(_verdict_of(result.check()))
        return found

    def procedure(self, result: Any, label: str, title: str) -> Procedure:
        """An algorithm box."""
        box = result if isinstance(result, AlgorithmBox) else algorithm(result)
        box = replace(box, title=title) if title else box
        model = box.model(box.notation or self.notation)

        def latex(width: float) -> str:
            notation = box.notation or self.notation
            return box.latex(width=width, label=label or None, notation=notation)

        return Procedure(model.title, tuple(pseudocode(model)), latex)

    def table(self, rows: Sequence[Sequence[Any]], label: str, caption: str) -> list[Block]:
        """Rows of cells, the first of which is the header; below it what their names stand for."""
        show = PaperPrinter({}, self.notation).doprint
        closed = [cell for row in rows for cell in row if _defines(cell)]
        shown = lines_of(closed, show) if closed else Lines(())
        formulas = iter(shown.lines)
        cells = [
            tuple(
                f"${next(formulas).right}$" if _defines(cell) else _cell(cell, show) for cell in row
            )
            for row in rows
        ]
        if label and not caption:
            caption = ", ".join(cell for cell in cells[0] if cell)
        caption = caption[:1].upper() + caption[1:]
        found: list[Block] = [Table(cells[0], tuple(cells[1:]), caption, label)]
        if shown.where:
            said = Text(f"In table [#{label}]," if label else "where")
            found += [said, Display((), shown.where, "", shown.closing).definitions]
        return found

    def code(self, function: Any) -> list[Block]:
        """A generated function: its source, and what it says as formulas, line by line."""
        source = function.source if isinstance(getattr(function, "source", None), str) else ""
        try:
            return [beside(source)]
        except NoRuleError as error:
            told = f"The code is not shown as formulas, line by line: {_as_prose(str(error))}."
            found: list[Block] = [Code(source, "python")]
            formula = getattr(function, "formula", None)
            if formula is None:
                return [*found, Text(told)]
            computed = display_of(formula, notation=self.notation)
            return [*found, Text(f"{told} It computes"), computed]


def _verdict_of(report: Any) -> Verdict:
    decided = getattr(report, "outcome", "") != "undecided"
    return Verdict(bool(report) if decided else None, str(report).splitlines()[0])


def kind_of(result: Any) -> str:
    """What a result is shown as."""
    if isinstance(result, (Network, Diagram)):
        return "figure"
    if isinstance(result, (AlgorithmBox, Dynamics)) or inspect.isfunction(result):
        generated = isinstance(getattr(result, "source", None), str)
        return "code" if generated else "algorithm"
    if isinstance(getattr(result, "source", None), str):
        return "code"
    if isinstance(result, DescribedPopulation) and getattr(result, "is_specified", False):
        return "table"
    if type(result).__name__ == "Report":
        return "verdict"
    rows = isinstance(result, (list, tuple)) and len(result) > 1
    if rows and all(isinstance(row, (list, tuple)) for row in result):
        return "table"
    return "equation"


def _caption(diagram: Diagram) -> str:
    if diagram.caption:
        return diagram.caption
    told = "The network, with the names of the formulas."
    return told + " Dashed: the backward pass." if diagram.backward else told


def _defines(cell: Any) -> bool:
    """Whether a cell is a formula with definitions."""
    return isinstance(cell, Basic) and cell.has(*CLOSED)


def _cell(cell: Any, show: Callable[[Any], str]) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float):
        return f"${cell:.4g}$" if "e" not in f"{cell:.4g}" else _scientific(cell)
    return f"${show(cell)}$"


def _scientific(value: float) -> str:
    mantissa, exponent = f"{value:.3e}".split("e")
    return rf"${float(mantissa):g} \cdot 10^{{{int(exponent)}}}$"


def _as_prose(reason: str) -> str:
    return reason.replace("$", r"\$")
