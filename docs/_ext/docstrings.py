"""Docstrings as the reference sets them: an entry is a name with its text below it.

In the source an entry of a section is written `name : text`, which numpydoc takes for the type of
the name, and a paragraph behind the entries, which it takes for one more name. Here the text goes
below its name, and such a paragraph to the end of what stands before the sections.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

_SECTIONS = {"Parameters", "Attributes", "Raises", "Returns"}
_ENTRY = re.compile(r"(\S[^:]*?) : (.*)")


def tidied(lines: list[str]) -> list[str]:
    """The lines of a docstring, rearranged."""
    head, *sections = _sections(lines)
    moved: list[str] = []
    found: list[str] = []
    for title, body in ((section[0], section[2:]) for section in sections):
        kept = body
        if title.strip() in _SECTIONS:
            kept, others = _entries(body)
            moved += others
        found += [title, "=" * len(title), *kept]
    if moved and head and head[-1].strip():
        head = [*head, ""]
    return [*head, *moved, *found]


def _sections(lines: list[str]) -> list[list[str]]:
    """The lines before the first title, and the lines of every section."""
    starts = [
        i
        for i in range(len(lines) - 1)
        if lines[i].strip() and re.fullmatch(r"\s*(={3,}|-{3,})\s*", lines[i + 1])
    ]
    edges = [0, *starts, len(lines)]
    return [lines[a:b] for a, b in pairwise(edges)]


def _entries(body: list[str]) -> tuple[list[str], list[str]]:
    """The entries of a section, each text below its name, and the paragraphs that are none."""
    entries: list[str] = []
    others: list[str] = []
    target = entries
    fresh = True
    for line in body:
        flush = bool(line) and not line[0].isspace()
        entry = _ENTRY.match(line) if flush else None
        if flush and fresh and entry is None:
            target = others
        if entry is not None and (fresh or target is entries):
            target = entries
            entries += [entry[1], f"    {entry[2]}"]
        elif target is entries and flush:
            entries.append(f"    {line}")
        else:
            target.append(line)
        fresh = not line.strip()
    return entries, [*others, ""] if others else []


def _tidy(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = tidied(lines)


def setup(app: Any) -> dict[str, Any]:
    """Registers the rearrangement, before numpydoc reads the docstrings."""
    app.connect("autodoc-process-docstring", _tidy, priority=100)
    return {"version": "1", "parallel_read_safe": True}
