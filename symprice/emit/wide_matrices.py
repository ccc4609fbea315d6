r"""Matrices that are wider than a line: their entries get names `K_{ij}`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count

from .documents.fragments import Group, Leaf, parse, source
from .documents.width import width
from .lines import ChainLine

__all__ = ["without_wide_matrices"]

_SHORT = 2.0  #: entries that keep their place, in ems
_INDENT = 1.0
_LETTERS = "KMCS"


def without_wide_matrices(
    chain: Sequence[ChainLine], room: float, beside: float = 0.0
) -> tuple[list[ChainLine], list[tuple[str, str]]]:
    r"""The chain with entries of wide matrices named, and pairs (name, entry).

    ``beside`` is what the names of definitions take of a row.

    >>> wide = r"\begin{pmatrix} a + b + c & 0 \\ 0 & a + b + c \end{pmatrix}"
    >>> chain, entries = without_wide_matrices([ChainLine("", "", wide)], 10)
    >>> print(chain[0].right)
    \begin{pmatrix} K_{11} & 0 \\ 0 & K_{11} \end{pmatrix}
    >>> entries
    [('K_{11}', 'a + b + c')]
    >>> other = wide.replace("c", "d")
    >>> chain, entries = without_wide_matrices([ChainLine("", "", m) for m in (wide, other)], 10)
    >>> entries
    [('K_{11}', 'a + b + c'), ('M_{11}', 'a + b + d')]
    """
    used = " ".join(f"{line.left} {line.right}" for line in chain)
    free = [x for x in _LETTERS if not re.search(rf"(?<![A-Za-z]){x}(?![A-Za-z])", used)] or ["K"]
    names: dict[str, str] = {}
    found = []
    for line in chain:
        alone = room - beside - _INDENT  # what a row of its own has for the right side
        if width(line.left) + width(line.right) + 2 > room or _widest(line.right) > alone:
            line = line._replace(right=_named(line.right, free, names, room))
        if width(line.left) > room - beside:  # which even a row of its own cannot hold
            line = line._replace(left=_named(line.left, free, names, room))
        found.append(line)
    return found, [(name, entry) for entry, name in names.items()]


def _widest(latex: str) -> float:
    """The width of the widest matrix."""
    nodes = (node for node in parse(latex) if isinstance(node, Group) and node.kind == "pmatrix")
    return max((width(source(node)) for node in nodes), default=0.0)


def _letter(cells: dict[str, str], free: Sequence[str], names: dict[str, str]) -> str:
    """A letter that has no other meaning at the places of these cells: K, M, …, K', M', …."""
    meaning = {name: cell for cell, name in names.items()}
    for primes in count():
        for letter in free:
            candidate = letter + "'" * primes
            called = ((f"{candidate}_{{{place}}}", cell) for place, cell in cells.items())
            if all(meaning.get(name, cell) == cell for name, cell in called):
                return candidate
    raise AssertionError


def _named(latex: str, free: Sequence[str], names: dict[str, str], room: float) -> str:
    pieces = []
    for node in parse(latex):
        if not isinstance(node, Group) or node.kind != "pmatrix" or width(source(node)) < room / 2:
            pieces.append(source(node))
            continue
        cells = [
            [source(c).strip() for c in _split(row, "&")] for row in _split(node.children, r"\\")
        ]
        column = all(len(row) == 1 for row in cells)
        places = {
            (i, j): f"{i + 1}" if column else f"{i + 1}{j + 1}"
            for i, row in enumerate(cells)
            for j, cell in enumerate(row)
            if width(cell) > _SHORT
        }
        wide = {place: cells[i][j] for (i, j), place in places.items()}
        fresh = {place: cell for place, cell in wide.items() if cell not in names}
        letter = _letter(fresh, free, names)
        for (i, j), place in places.items():
            cells[i][j] = names.setdefault(cells[i][j], f"{letter}_{{{place}}}")
        body = r" \\ ".join(" & ".join(row) for row in cells)
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
