"""Docstrings as the reference sets them: an entry is a name with its text below it.

In the source an entry of a section is written `name : text`, which numpydoc takes for the type of
the name, and a paragraph behind the entries, which it takes for one more name. Here the text goes
below its name, and such a paragraph to the end of what stands before the sections.

Three things that reStructuredText would read otherwise are put as they are meant: an initial at the
beginning of a line (it takes `T.` for the number of a list), a value in quotes, and a backslash in
backticks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any

_SECTIONS = {"Parameters", "Attributes", "Raises", "Returns"}
_ENTRY = re.compile(r"(\S[^:]*?) : (.*)")
_INITIAL = re.compile(r"^(\s*)([A-Za-z]|[ivxlcdmIVXLCDM]+)\.(?=\s|$)")
_SPAN = re.compile(r"(`+[^`]+`+)")
_VALUE = re.compile(r"(?<![\w'])'(?:\w[\w ]*)?'(?![\w'])")


def tidied(lines: list[str]) -> list[str]:
    """The lines of a docstring, rearranged."""
    head, *sections = _sections(_meant(lines))
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
    return _initials([*head, *moved, *found])


def _meant(lines: list[str]) -> list[str]:
    """Values in quotes, and backslashes in backticks, as literals; a span may go on over lines."""
    found: list[str] = []
    for code, part in _paragraphs(lines):
        if not code:
            pieces = _SPAN.split("\n".join(part))
            pieces[::2] = [_VALUE.sub(r"``\g<0>``", prose) for prose in pieces[::2]]
            pieces[1::2] = [
                f"`{span}`" if "\\" in span and not span.startswith("``") else span
                for span in pieces[1::2]
            ]
            part = "".join(pieces).split("\n")
        found += part
    return found


def _initials(lines: list[str]) -> list[str]:
    """A letter with a full stop is a letter with a full stop."""
    found: list[str] = []
    for code, part in _paragraphs(lines):
        found += part if code else [_INITIAL.sub(r"\1\2\\.", line) for line in part]
    return found


def _paragraphs(lines: list[str]) -> Iterator[tuple[bool, list[str]]]:
    """What stands between empty lines, and whether it is a transcript."""
    for empty, group in groupby(lines, key=lambda line: not line.strip()):
        part = list(group)
        yield not empty and part[0].lstrip().startswith(">>>"), part


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


def _skip(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """The fields of a named tuple are in its signature; Python's words on them say nothing."""
    return True if (getattr(obj, "__doc__", "") or "").startswith("Alias for field") else None


def setup(app: Any) -> dict[str, Any]:
    """Registers the rearrangement, before numpydoc reads the docstrings."""
    app.connect("autodoc-process-docstring", _tidy, priority=100)
    app.connect("autodoc-skip-member", _skip)
    return {"version": "1", "parallel_read_safe": True}
