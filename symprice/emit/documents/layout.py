"""How a derivation sits on a page of a given width: what every writer of aligned lines shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symprice.emit.documents.model import Line
from symprice.emit.documents.prose import spans
from symprice.emit.documents.width import prose_width, width

__all__ = ["Frame", "cut_at_words", "frame", "in_columns", "wrapped"]

RELATION = 1.4  #: the width of a relation sign with its spaces, in ems

Pair = tuple[str, str]


@dataclass(frozen=True)
class Frame:
    """The widths of the columns of a chain; ``hanging`` when left sides stand on lines alone."""

    hanging: bool
    right: float


def frame(lines: Sequence[Line], room: float) -> Frame:
    """The columns of ``lines`` within ``room`` ems.

    A long left side takes a line of its own, and the relations then stand under its beginning.
    """
    left = max((width(line.left) for line in lines), default=0.0)
    right = max((width(line.right) for line in lines), default=0.0)
    hanging = left > 0.3 * room and left + RELATION + right > room - 1
    return Frame(hanging, room - RELATION - (1.0 if hanging else left))


def in_columns(pairs: Sequence[Pair], room: float, gap: float) -> list[Sequence[Pair]] | None:
    """Rows of as many definitions (at least two, at most three) as fit side by side."""
    for columns in (3, 2):
        if len(pairs) < columns:
            continue
        rows = [pairs[i : i + columns] for i in range(0, len(pairs), columns)]
        total = gap * (columns - 1) + RELATION * columns
        for c in range(columns):
            column = [row[c] for row in rows if c < len(row)]
            total += max(width(name) for name, _ in column) + max(width(d) for _, d in column)
        if total < room:
            return rows
    return None


def wrapped(prose: str, limit: float) -> list[str]:
    """``prose`` in lines of at most ``limit`` ems, broken between words.

    >>> wrapped("the chain rule for $f$", 6)
    ['the chain', 'rule for $f$']
    """
    marks = {"text": "", "math": "$", "code": "`"}
    glued = "".join(
        span.text.replace("$", r"\$")
        if span.kind == "text"
        else (marks[span.kind] + span.text.replace(" ", "\0") + marks[span.kind])
        for span in spans(prose)
    )
    lines: list[str] = []
    for word in (word.replace("\0", " ") for word in glued.split()):
        if lines and prose_width(f"{lines[-1]} {word}") <= limit:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def cut_at_words(code: str, limit: int) -> list[str]:
    """A line of code in lines of at most so many characters, cut behind a blank, a comma, an
    operator or a bracket; what goes on stands four places further in.

    >>> cut_at_words("    out = first_value*second_value + third_value", 26)
    ['    out = first_value*', '        second_value +', '        third_value']
    """
    lead = " " * min(len(code) - len(code.lstrip()) + 4, limit // 2)
    lines = []
    while len(code) > limit:
        start = len(code) - len(code.lstrip())
        place = max(code.rfind(mark, start, limit) for mark in " ,(*/+-)")
        place = place + 1 if place >= start else limit
        lines.append(code[:place].rstrip())
        code = lead + code[place:].lstrip()
    return [*lines, code]
