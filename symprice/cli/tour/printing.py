"""The tour in a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["plain", "show", "summary"]


def plain(prose: str) -> str:
    r"""Prose without its markup, for a terminal.

    Examples
    ========

    >>> plain(r"the update $\operatorname{NTVar}(p)$")
    'the update NTVar(p)'
    """
    prose = re.sub(r"\\operatorname\{(\w+)\}", r"\1", prose).replace("_{h→0}", " h→0:")
    prose = re.sub(r"\^[⊤]", "ᵀ", prose).replace("p^2", "p²").replace("c_{ij}", "cᵢⱼ")
    return re.sub(r"\\(log|lim)\b", r"\1", prose).replace("$", "")


def show(console: Any, visited: Any) -> None:
    """One row: its statement, every step, its claims, and the verdicts of the checks."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from ...emit.terminal import render, text

    row = visited.row
    console.rule(Text(f"{row.name}  {plain(row.title)}", style="bold"), align="left")
    console.print(Padding(Text(plain(row.text)), (0, 0, 1, 0)))
    for derivation, report in zip(row.derivations, visited.reports, strict=True):
        console.print(Padding(render(derivation), (0, 2)))
        console.print(Padding(_verdict(bool(report), str(report).splitlines()[0]), (0, 2, 1, 2)))
    if row.claims:
        table = Table.grid(padding=(0, 2))
        for claim, report in zip(row.claims, visited.claims, strict=True):
            stated = text(claim.statement)
            table.add_row(_mark(bool(report)), Text(plain(claim.text), style="dim"), Text(stated))
        console.print(Padding(table, (0, 2, 1, 2)))
    if row.table:
        grid = Table(*row.header, box=None, header_style="dim", pad_edge=False)
        for cells in row.table:
            grid.add_row(*(Text(c if isinstance(c, str) else text(c)) for c in cells))
        console.print(Padding(grid, (0, 2, 1, 2)))
    for ok, sentence in row.verdicts:
        console.print(Padding(_verdict(ok, plain(sentence)), (0, 2, 1, 2)))


def summary(console: Any, visited: list[Any], written: Mapping[str, Path]) -> None:
    """The verdict on every row, and where the documents are."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for stop in visited:
        checked = sum(report.checked for report in (*stop.reports, *stop.claims))
        table.add_row(
            _mark(stop.ok), stop.row.name, Text(plain(stop.row.title)), f"{checked} comparisons"
        )
    console.rule("[bold]checked", align="left")
    console.print(table)
    for stop in visited:
        for report in (*stop.reports, *stop.claims):
            if not report:
                console.print(f"[red]{stop.row.name}:[/red] {report}")
    for name, path in written.items():
        console.print(f"[dim]{name:>8}[/dim]  {path}", highlight=False, soft_wrap=True)


def _mark(ok: bool) -> str:
    return "[green]✓[/green]" if ok else "[red]✗[/red]"


def _verdict(ok: bool, sentence: str) -> Any:
    from rich.text import Text

    return Text.assemble(("✓ " if ok else "✗ ", "green" if ok else "red"), (sentence, "dim"))
