r"""Rows of an aligned display: sides, rule names and definitions set within a line width.

Everything here is LaTeX text; where it breaks is decided from the widths of Computer Modern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .documents.breaking import broken
from .documents.fragments import Group, Leaf, parse, source
from .documents.width import prose_width, width
from .lines import ChainLine

__all__ = ["Layout", "laid_out"]

_RELATION = 1.4  #: a relation sign with its spaces, in ems
_INDENT = 2.0  #: of a line that goes on from the one above
_GAP = 2.2  #: between a formula and the name of its rule
_ROOM = 16.0  #: what must be left for formulas beside a column of rules
_SHORT = 2.0  #: entries of a matrix that keep their place


class Layout(NamedTuple):
    """The rows of a display, and which of them ends the main formula."""

    rows: tuple[str, ...]
    last: int


def laid_out(chain: Sequence[ChainLine], where: Sequence[tuple[str, str]], room: float) -> Layout:
    r"""The rows of a chain and of its definitions, none wider than ``room`` ems as far as they can be broken.

    >>> for row in laid_out([ChainLine("f", "=", "a + b")], [("a", "x^{2}"), ("b", "y")], 30).rows:
    ...     print(row)
    f &= a + b
    \text{where}\quad a &= x^{2},
    b &= y
    """
    chain, extra = _without_wide_matrices(chain, room)
    pairs = [*extra, *where]
    labels = [name if i else rf"\text{{where}}\quad {name}" for i, (name, _) in enumerate(pairs)]
    column = max(map(width, labels), default=0.0)
    for line in chain:
        if not _hangs(line, room):
            column = max(column, width(line.left))
    available = room - column - _RELATION
    rows = _chain_rows(chain, available, room)
    return Layout((*rows, *_definition_rows(pairs, available)), len(rows) - 1)


def _hangs(line: ChainLine, room: float) -> bool:
    """Whether the left side is so long that it takes a row of its own."""
    side = width(line.left)
    return side > 0.3 * room and side + _RELATION + width(line.right) > room


def _chain_rows(chain: Sequence[ChainLine], available: float, room: float) -> list[str]:
    tags = [_tag(line) for line in chain]
    widest = max(map(prose_width, map(_words, tags)), default=0.0)
    beside = available - widest - _GAP if widest else available
    in_column = beside >= _ROOM or all(width(line.right) <= beside for line in chain)
    rows: list[str] = []
    for line, tag in zip(chain, tags, strict=True):
        start = "" if _hangs(line, room) else line.left
        if _hangs(line, room):
            rows += [f"& {piece}" for piece in broken(line.left, available, available - _INDENT)]
        indent = r"\quad " if _hangs(line, room) else ""
        limit = (beside if in_column else available) - bool(indent)
        pieces = broken(line.right, limit, limit - _INDENT)
        head = f"{start} &{indent}{line.relation} {pieces[0]}" if line.relation else f"& {pieces[0]}"
        rows.append(head.strip())
        rows += [rf"&\qquad {piece}" for piece in pieces[1:]]
        if tag and in_column:
            rows[-1] += f" && {tag}"
        elif tag:
            free = available - width(pieces[-1]) - _INDENT * (len(pieces) > 1)
            fits = prose_width(_words(tag)) + _GAP <= free
            rows += [] if fits else [rf"&\qquad {tag}"]
            rows[-1] += rf" \qquad {tag}" if fits else ""
    return rows


def _tag(line: ChainLine) -> str:
    """The name of the rule and what it was given, as LaTeX."""
    given = ", ".join(line.given)
    if not line.rule:
        return given
    words = "".join(f"\\{c}" if c in "#$%&_{}" else c for c in line.rule)
    return rf"\text{{{words}: }} {given}" if given else rf"\text{{{words}}}"


def _words(tag: str) -> str:
    return f"${tag}$" if tag else ""


def _definition_rows(pairs: Sequence[tuple[str, str]], available: float) -> list[str]:
    """The definitions: those of one kind side by side where they fit, the others one a row."""
    rows: list[str] = []
    for group in _grouped(pairs):
        row, used = "", 0.0
        for name, value in group:
            wide = width(value)
            beside = wide + width(name) + _RELATION + 1.0
            if row and used + beside + 0.3 <= available:
                row += rf",\quad {name} = {value}"
                used += beside + 0.3
                continue
            if row:
                rows.append(row + ",")
            pieces = broken(value, available - 0.5, available - _INDENT - 0.5)
            rows.append(f"{name} &= {pieces[0]}")
            rows += [rf"&\qquad {piece}" for piece in pieces[1:]]
            row = rows.pop()
            used = wide if len(pieces) == 1 else available
        rows.append(row + ",")
    if rows:
        rows[0] = rf"\text{{where}}\quad {rows[0]}"
        rows[-1] = rows[-1].removesuffix(",")
    return rows


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Runs of names that differ in their lower index only."""
    groups: list[list[tuple[str, str]]] = []
    kind = None
    for name, value in pairs:
        stem = re.sub(r"_\{[\d,]*\}$", "", name)
        if stem != name and stem == kind:
            groups[-1].append((name, value))
        else:
            groups.append([(name, value)])
        kind = stem
    return groups


def _without_wide_matrices(
    chain: Sequence[ChainLine], room: float
) -> tuple[list[ChainLine], list[tuple[str, str]]]:
    """The chain with the entries of matrices that are too wide written as `K_{ij}`, and what these are."""
    names: dict[str, str] = {}
    found: list[ChainLine] = []
    letter = next(
        (x for x in "KMCS" if not any(re.search(rf"(?<![A-Za-z]){x}(?![A-Za-z])", c.right) for c in chain)),
        "K",
    )
    for line in chain:
        if width(line.right) + _RELATION > room - 2.0 * bool(line.left):
            line = line._replace(right=_entries_named(line.right, letter, names, room))
        found.append(line)
    return found, [(name, cell) for cell, name in names.items()]


def _entries_named(latex: str, letter: str, names: dict[str, str], room: float) -> str:
    pieces = []
    for node in parse(latex):
        if not (isinstance(node, Group) and node.kind == "pmatrix" and width(source(node)) > 0.6 * room):
            pieces.append(source(node))
            continue
        rows = [
            [source(cell).strip() for cell in _split(row, "&")] for row in _split(node.children, r"\\")
        ]
        for i, row in enumerate(rows, start=1):
            for j, cell in enumerate(row, start=1):
                if width(cell) > _SHORT:
                    row[j - 1] = names.setdefault(cell, f"{letter}_{{{i}{j}}}")
        body = r" \\ ".join(" & ".join(row) for row in rows)
        pieces.append(rf"\begin{{pmatrix}} {body} \end{{pmatrix}}")
    return "".join(pieces)


def _split(nodes: Sequence[Leaf | Group], mark: str) -> list[list[Leaf | Group]]:
    parts: list[list[Leaf | Group]] = [[]]
    for node in nodes:
        if isinstance(node, Leaf) and node.name == mark:
            parts.append([])
        else:
            parts[-1].append(node)
    return parts
