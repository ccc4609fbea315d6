r"""Rows of an aligned display: sides, rule names and definitions set within a line width.

Everything here is LaTeX text; where it breaks is decided from the widths of Computer Modern.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from .documents.breaking import broken, halves, pieces
from .documents.layout import wrapped
from .documents.metrics import CLASSES
from .documents.width import width
from .lines import ChainLine
from .primes import Closing
from .wide_fractions import without_wide_fractions
from .wide_matrices import without_wide_matrices

__all__ = ["Layout", "broken_lines", "laid_out"]

_RELATION = 1.4  #: a relation sign with its spaces, in ems
_INDENT = 2.0  #: of a line that goes on from the one above
_GAP = 2.2  #: between a formula and the name of its rule
_COMMA = 0.5
_JOIN = 0.6  #: the spaces round a sign that joins two terms, at most
_QUAD = 1.0
_TORN = 0.3  #: what a break behind a comma or a bracket costs, in ems that stick out
_SPLIT = 0.25  #: what a break between two brackets costs


class Layout(NamedTuple):
    """The rows of a display, which of them ends the main formula, what speaks against them, and
    which row ends each line of the chain.
    """

    rows: tuple[str, ...]
    last: int
    cost: float = 0.0
    ends: tuple[int, ...] = ()


class _Grid(NamedTuple):
    """Where things stand: left sides on rows of their own or not, rule names in a column or not."""

    hanging: bool
    column: bool
    available: float  #: for right sides


def laid_out(
    chain: Sequence[ChainLine],
    where: Sequence[tuple[str, str]],
    room: float,
    closing: Closing | None = None,
) -> Layout:
    r"""The rows of a chain, of its definitions and of what closes them, at most ``room`` ems wide
    if they can be.

    >>> for row in laid_out([ChainLine("f", "=", "a + b")], [("a", "x^{2}"), ("b", "y")], 30).rows:
    ...     print(row)
    f &= a + b \\
    \text{where}\quad a &= x^{2}, \\
    b &= y
    """
    given = chain
    names = max((width(_defined(name)) for name, _ in where), default=-_RELATION)
    chain, extra = without_wide_matrices(given, room, names + _RELATION)
    if extra:  # which have names of their own, and so leave less of every row
        names = max(names, *(width(_defined(name)) for name, _ in extra))
        chain, extra = without_wide_matrices(given, room, names + _RELATION)
    names = max(names, width(_defined("D")))
    chain, pairs = without_wide_fractions(
        chain, [*extra, *where], room - names - _RELATION - 2 * _QUAD
    )
    ruled = any(map(_tag, chain))
    options = [
        _arranged(chain, pairs, closing, _Grid(hanging, column, room))
        for hanging in (False, True)
        for column in ((True, False) if ruled else (False,))
    ]
    best = min(options, key=lambda layout: layout.cost)
    if best.cost == math.inf:  # so narrow that nothing holds: as narrow as it can be
        return laid_out(given, where, room + _INDENT, closing)
    rows = tuple(rf"{row} \\" for row in best.rows[:-1])
    return Layout((*rows, best.rows[-1]), best.last, best.cost, best.ends)


def _defined(name: str) -> str:
    """The name of the first definition."""
    return rf"\text{{where}}\quad {name}"


def _arranged(
    chain: Sequence[ChainLine],
    pairs: Sequence[tuple[str, str]],
    closing: Closing | None,
    grid: _Grid,
) -> Layout:
    """One way to set it, with its cost: rows, and above all what sticks out."""
    room = grid.available
    sides = [name if i else _defined(name) for i, (name, _) in enumerate(pairs)]
    sides += [] if grid.hanging else [line.left for line in chain]
    tags = [_tag(line) for line in chain]
    available = room - max(map(width, sides), default=0.0) - _RELATION
    if grid.column:
        available -= max(map(width, tags)) + _GAP
    if available < _INDENT + 4:
        return Layout(("",), 0, math.inf)
    grid = grid._replace(available=available)
    rows: list[str] = []
    ends: list[int] = []
    excess = 0.0
    for line, tag in zip(chain, tags, strict=True):
        added, over = _line_rows(line, tag, grid)
        rows += added
        ends.append(len(rows) - 1)
        excess += over
    last = len(rows) - 1
    added, over = _definition_rows(pairs, available)
    rows += added
    if closing is not None:
        rows[-1] += ","
        rows += _closing_rows(closing, available)
    loose = 0.0 if grid.column else 0.6 * sum(map(bool, tags))
    cost = len(rows) + loose + 0.5 * grid.hanging + 10 * (excess + over)
    return Layout(tuple(rows), last, cost, tuple(ends))


def _line_rows(line: ChainLine, tag: str, grid: _Grid) -> tuple[list[str], float]:
    rows: list[str] = []
    excess = 0.0
    limit, start, indent = grid.available, line.left, ""
    if grid.hanging and line.left:
        left = broken_lines(line.left, limit, limit - _INDENT)
        rows += [f"& {left[0]}", *(rf"&\qquad {piece}" for piece in left[1:])]
        excess += sum(max(0.0, width(piece) - limit) for piece in left)
        start = ""
    if grid.hanging:
        limit, indent = limit - _QUAD, r"\quad "
    first, *others = broken_lines(line.right, limit, limit - _INDENT)
    excess += max(0.0, width(first) - limit)
    excess += sum(max(0.0, width(piece) - limit + _INDENT) for piece in others)
    # A line that ends inside of an argument list is read twice.
    torn = sum(piece.rstrip().endswith((",", "(")) for piece in (first, *others))
    excess += _TORN * torn
    split = sum(piece.count("(") > piece.count(")") for piece in (first, *others))
    excess += _SPLIT * (split - torn if split > torn else 0)
    rows.append(
        f"{start} &{indent}{line.relation} {first}".strip() if line.relation else f"& {first}"
    )
    rows += [rf"&{indent}\qquad {piece}" for piece in others]
    if tag and grid.column:
        rows[-1] += f" && {tag}"
    elif tag:
        used = width(others[-1]) + _INDENT if others else width(first)
        if used + _GAP + width(tag) <= limit:
            rows[-1] += rf" \qquad {tag}"
        else:
            tags = _folded(line, tag, limit - _INDENT)
            rows += [rf"&{indent}\qquad {part}" for part in tags]
            excess += sum(max(0.0, width(part) - limit + _INDENT) for part in tags)
    return rows, excess


def _folded(line: ChainLine, tag: str, limit: float) -> list[str]:
    """The name of a rule and what it was given, in as many lines as they need."""
    if width(tag) <= limit:
        return [tag]
    end = ":" if line.given else ""
    found = [rf"\text{{{_words(words)}}}" for words in wrapped(line.rule + end, limit)]
    row = ""
    for i, equation in enumerate(line.given):
        piece = equation + ("," if i < len(line.given) - 1 else "")
        if row and width(f"{row} {piece}") > limit:
            found.append(row)
            row = ""
        *full, piece = _equation_lines(piece, limit)
        found += full
        row = f"{row} {piece}".strip()
    return [*found, row] if row else found


def _equation_lines(latex: str, limit: float) -> list[str]:
    """An equation that is given, in lines: what it defines stays beside the sign."""
    left, sign, right = halves(latex) if width(latex) > limit else (latex, "", "")
    if not sign or width(left) > 2 * _INDENT:
        return broken_lines(latex, limit, limit)
    beside = width(left) + _RELATION
    first, *others = broken_lines(right, limit - beside, limit - _QUAD)
    return [f"{left} {sign} {first}", *(rf"\quad {piece}" for piece in others)]


def _words(text: str) -> str:
    """Words for math mode."""
    return "".join(f"\\{c}" if c in "#$%&_{}" else c for c in text)


def broken_lines(latex: str, first: float, rest: float) -> list[str]:
    """``latex`` in lines of at most ``first``, then ``rest`` ems: broken before signs, and inside a
    term only where it must be.
    """
    if width(latex) <= first:
        return [latex]
    found: list[str] = []
    current = ""
    used = spaces = 0.0
    terms = pieces(latex, math.inf)
    for i, term in enumerate(terms):
        limit = rest if found else first
        joined = f"{current} {term}".strip()
        # A long line is measured where it might just fit or just not.
        own = width(term)
        least, most = used + own, used + own + spaces + _JOIN
        if most <= limit or (least <= limit and width(joined) <= limit):
            current, used, spaces = joined, least, spaces + _JOIN
            continue
        if current:
            found.append(current)
        if own <= rest:
            current, used, spaces = term, own, 0.0
            continue
        *full, current = _continued(broken(term, rest if found else first, rest))
        found += full
        used, spaces = width(current), 0.0
        # Behind a term in several lines stands all that is left, or nothing.
        if used + sum(map(width, terms[i + 1 :])) + _JOIN * len(terms[i + 1 :]) > rest:
            used = rest
    return [*found, current] if current else found


def _continued(lines: Sequence[str]) -> list[str]:
    """The lines of a product, with a dot where one begins with a factor."""
    found = list(lines[:1])
    for before, piece in pairwise(lines):
        sign = re.match(r"\\[A-Za-z]+|.", piece)
        joined = sign is not None and CLASSES.get(sign[0]) in ("bin", "rel", "punct")
        ended = before.rstrip()[-1:] in ",+-=" or before.rstrip().endswith("(")
        ended |= re.search(r"\\text\{[^{}]*\}\s*$", before) is not None
        found.append(piece if joined or ended else rf"\cdot {piece}")
    return found


def _tag(line: ChainLine) -> str:
    """The name of the rule and what it was given, as LaTeX."""
    given = ", ".join(line.given)
    if not line.rule:
        return given
    words = _words(line.rule)
    return rf"\text{{{words}: }} {given}" if given else rf"\text{{{words}}}"


def _definition_rows(pairs: Sequence[tuple[str, str]], available: float) -> tuple[list[str], float]:
    """The definitions: those of one kind side by side where they fit, the others one a row."""
    rows: list[str] = []
    excess = 0.0
    for group in _grouped(pairs):
        row, used = "", 0.0
        for name, value in group:
            wide = width(value)
            beside = wide + width(name) + _RELATION + _QUAD + _COMMA
            if row and used + beside <= available:
                row += rf",\quad {name} = {value}"
                used += beside
                continue
            if row:
                rows.append(row + ",")
            first, *others = broken_lines(value, available - _COMMA, available - _INDENT - _COMMA)
            excess += max(0.0, width(first) - available)
            excess += sum(max(0.0, width(piece) - available + _INDENT) for piece in others)
            *full, row = [f"{name} &= {first}", *(rf"&\qquad {piece}" for piece in others)]
            rows += full
            used = wide + _COMMA if not full else available
        rows.append(row + ",")
    if rows:
        rows[0] = rf"\text{{where}}\quad {rows[0]}"
        rows[-1] = rows[-1].removesuffix(",")
    return rows, excess


def _closing_rows(closing: Closing, available: float) -> list[str]:
    """What is said of the definitions that are left out, in as many rows as it needs."""
    if width(closing.tex) <= available:
        return [f"& {closing.tex}"]
    words, places = closing.said(r"\to")
    *found, last = wrapped(words, available)
    rows = [rf"& \text{{{part}}}" for part in found]
    if width(last) + width(places) > available:
        return [*rows, rf"& \text{{{last}}}", f"& {places}"]
    return [*rows, rf"& \text{{{last} }} {places}"]


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
