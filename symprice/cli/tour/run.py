"""Running the tour: derive each row, check it, print it, and write the documents."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sympy import sstr

from ...derivation import Step
from ...errors import ShapeError
from .row import Row, Stated

__all__ = ["Visited", "builders", "tour", "visit"]


@dataclass(frozen=True)
class Visited:
    """A row with the reports on its derivations and claims."""

    row: Row
    reports: tuple[Any, ...]
    claims: tuple[Any, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every check of the row passed."""
        return all(self.reports) and all(self.claims) and all(ok for ok, _ in self.row.verdicts)


def builders() -> dict[str, Callable[[], Row]]:
    """The rows by name, in order."""
    from . import calculus, networks, policies

    found: dict[str, Any] = {**calculus.rows(), **networks.rows(), **policies.rows()}
    return dict(sorted(found.items(), key=lambda item: int(item[0][1:])))


def visit(build: Callable[[], Row]) -> Visited:
    """Build a row and check every step and every claim of it."""
    from ...checks import check

    started = time.perf_counter()
    row = build()
    reports = tuple(check(derivation) for derivation in row.derivations)
    claims = tuple(
        check(Step(Stated(), claim.left, claim.right), points=10) for claim in row.claims
    )
    return Visited(row, reports, claims, time.perf_counter() - started)


def tour(
    output: Path, rows: Iterable[str] | None = None, quiet: bool = False, as_json: bool = False
) -> int:
    """Derive, print and check the rows, and write them; 1 if a check failed.

    Parameters
    ==========

    output : the folder for ``tour.md``, ``tour.tex``, ``tour.pdf`` (where there is a TeX),
        ``tour.html`` and ``tour_formulas.py``.
    rows : names such as ``S7``; all of them where not given.
    quiet : print the verdicts only.
    as_json : print a JSON object with the verdicts, and nothing else.
    """
    from rich.console import Console
    from rich.progress import track

    from .printing import show, summary
    from .writing import write

    console = Console(quiet=as_json)
    known = builders()
    wanted = list(known) if rows is None else list(dict.fromkeys(name.upper() for name in rows))
    if unknown := [name for name in wanted if name not in known]:
        raise ShapeError(f"the tour has no row {', '.join(unknown)}: it has {', '.join(known)}")
    output.mkdir(parents=True, exist_ok=True)  # what cannot be is found out first
    visited = []
    for name in track(wanted, description="deriving", console=console, transient=True):
        visited.append(visit(known[name]))
        if not quiet:
            show(console, visited[-1])
    written = write(output, visited)
    summary(console, visited, written)
    if as_json:
        print(json.dumps(_told(visited, written), indent=2))
    return 0 if all(stop.ok for stop in visited) else 1


def _told(visited: list[Visited], written: Mapping[str, Path]) -> dict[str, Any]:
    """The tour as plain numbers, texts and lists."""
    from .printing import plain

    def row_of(stop: Visited) -> dict[str, Any]:
        row = stop.row
        return {
            "name": row.name,
            "title": plain(row.title),
            "holds": stop.ok,
            "seconds": stop.seconds,
            "derivations": [
                {
                    "formula": sstr(derivation.start),
                    "result": sstr(derivation.result),
                    "check": report.to_dict(),
                }
                for derivation, report in zip(row.derivations, stop.reports, strict=True)
            ],
            "claims": [
                {
                    "text": plain(claim.text),
                    "stated": sstr(claim.statement),
                    "check": report.to_dict(),
                }
                for claim, report in zip(row.claims, stop.claims, strict=True)
            ],
            "table": [
                [cell if isinstance(cell, str) else sstr(cell) for cell in cells]
                for cells in ((row.header, *row.table) if row.table else ())
            ],
            "verdicts": [{"holds": ok, "text": plain(text)} for ok, text in row.verdicts],
        }

    return {
        "holds": all(stop.ok for stop in visited),
        "written": {kind: str(path) for kind, path in written.items()},
        "rows": [row_of(stop) for stop in visited],
    }
