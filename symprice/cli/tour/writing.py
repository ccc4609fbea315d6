"""The tour as documents, Markdown, TeX, PDF and HTML, and as a Python module of its formulas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...emit.documents.html import to_html
from ...emit.documents.markdown import to_markdown
from ...emit.documents.model import (
    Block,
    Chain,
    Display,
    Document,
    Line,
    Section,
    Table,
    Text,
    Verdict,
)
from ...emit.documents.pdf import compile_pdf
from ...emit.documents.tex import to_tex
from ...emit.latex_printer import paper
from ...emit.lines import lines

__all__ = ["document", "formulas", "write"]


def write(output: Path, visited: Sequence[Any]) -> dict[str, Path]:
    """Write everything into a folder; what was written, by kind. Without a TeX there is no PDF."""
    paper_document = document(visited)
    written: dict[str, Path] = {}
    for kind, name, content in (
        ("markdown", "tour.md", to_markdown(paper_document)),
        ("tex", "tour.tex", to_tex(paper_document)),
        ("html", "tour.html", to_html(paper_document)),
        ("numpy", "tour_formulas.py", formulas(visited)),
    ):
        written[kind] = output / name
        written[kind].write_text(content, encoding="utf-8")
    pdf = compile_pdf(written["tex"])
    if pdf is not None:
        written["pdf"] = output / pdf.name
        (output / "tour.log").unlink(missing_ok=True)
    return written


def document(visited: Sequence[Any]) -> Document:
    """The tour as a document."""
    sections = tuple(
        Section(stop.row.title, tuple(_blocks(stop)), stop.row.name) for stop in visited
    )
    subtitle = (
        "Every formula is derived by the rules named beside it, and every step of it is compared "
        "with an evaluation by difference quotients that shares no code with the derivation."
    )
    return Document("A tour of symprice", subtitle, sections)


def _blocks(stop: Any) -> list[Block]:
    row = stop.row
    blocks: list[Block] = [Text(row.text)]
    for derivation, report in zip(row.derivations, stop.reports, strict=True):
        chain = lines(derivation)
        blocks.append(Chain(tuple(Line(ln.left, ln.relation, ln.right, _rule(ln)) for ln in chain)))
        if chain.where:
            blocks.append(Text("where"))
            blocks.append(Display((), chain.where, "", chain.closing).definitions)
        blocks.append(Verdict(bool(report), str(report).splitlines()[0]))
    if row.claims:
        cells = tuple(
            (claim.text, f"${paper(claim.statement)}$", "✓" if report else "✗")
            for claim, report in zip(row.claims, stop.claims, strict=True)
        )
        blocks.append(Table(("", "as stated", "checked"), cells))
    if row.table:
        table = tuple(tuple(map(_cell, cells)) for cells in row.table)
        blocks.append(Table(row.header, table))
    blocks.extend(Verdict(ok, sentence) for ok, sentence in row.verdicts)
    return blocks


def _cell(content: Any) -> str:
    return content if isinstance(content, str) else f"${paper(content)}$"


def _rule(line: Any) -> str:
    """The rule's name, with what it inserts where that is short."""
    given = ", ".join(f"${equation}$" for equation in line.given)
    return f"{line.rule}: {given}" if given and len(given) < 40 else line.rule


def formulas(visited: Sequence[Any]) -> str:
    """A Python module with the NumPy functions of all the rows; it needs NumPy and SciPy only."""
    from ...emit.module import module

    functions = {name: expr for stop in visited for name, expr in stop.row.functions.items()}
    title = "The formulas of the tour, as NumPy functions."
    return module(functions, title)
