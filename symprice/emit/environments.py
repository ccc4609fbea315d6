r"""The environments that a display can stand in: what each makes of rows, numbers and labels.

One class an environment. A formula is laid out in rows first (``layout``); ``multline`` and
``dmath`` take one formula and break it in ways of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from ..errors import NameClashError, NoRuleError
from .documents.width import width
from .layout import Layout, broken_lines, laid_out
from .lines import ChainLine, Lines
from .wide_fractions import widest_part

__all__ = ["NUMBER", "Display", "Environment", "environment_of"]

_WIDE = "a bracket, a matrix or a fraction that is wider than the line, which it cannot break,"
NUMBER = 3.5  #: what an equation number takes of a line, in ems


class Display(NamedTuple):
    """What is shown, in how wide a line, with which numbers and names of rules."""

    shown: Lines
    width: float
    label: str = ""
    steps: bool = False  #: whether every step has a number of its own
    rules: str = "right"

    @property
    def mark(self) -> str:
        r"""The ``\label`` of the display."""
        return rf"\label{{{self.label}}}" if self.label else ""


class Environment:
    """An environment of LaTeX; a subclass states ``write``.

    ``name`` comes with or without its star.
    """

    kinds: ClassVar[tuple[str, ...]] = ()
    #: Whether definitions can stand below the formula.
    lists: ClassVar[bool] = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.numbered = not name.endswith("*") and bool(name)

    def write(self, display: Display) -> str:
        """The display in the environment."""
        raise NotImplementedError

    def room(self, display: Display) -> float:
        """What a line has for mathematics."""
        return display.width - (NUMBER if self.numbered else 0.0)

    def refuse(self, what: str, instead: str) -> NoRuleError:
        """The error for what the environment cannot show."""
        return NoRuleError(
            f"asked for {what} in the environment {self.name or None!r}: write {instead}"
        )

    def wrapped(self, rows: Sequence[str], name: str = "") -> str:
        """Rows between begin and end."""
        name = name or self.name
        return "\n".join([f"\\begin{{{name}}}", *rows, f"\\end{{{name}}}"])


class Bare(Environment):
    """Mathematics that stands between dollars: one row as it is, several aligned."""

    kinds: ClassVar[tuple[str, ...]] = ("",)

    def write(self, display: Display) -> str:
        """The rows."""
        if display.steps:
            raise self.refuse("numbered steps", "environment='align'")
        return self.body(display)

    def body(self, display: Display) -> str:
        """The rows, aligned if there are several."""
        if display.rules == "intertext" and any(line.rule for line in display.shown):
            raise self.refuse("rules as intertext", "environment='align*'")
        shown = display.shown
        layout = laid_out(shown.lines, shown.where, self.room(display), shown.closing)
        if len(layout.rows) > 1 or "&&" in layout.rows[0]:
            return self.wrapped(layout.rows, "aligned")
        return re.sub(
            r"^(.*?)\s*&\s*", lambda m: f"{m[1]} " if m[1] else "", layout.rows[0], count=1
        )


class Equation(Bare):
    """``equation`` and ``gather``: one number for all rows."""

    kinds = ("equation", "gather")

    def write(self, display: Display) -> str:
        """The rows as one block."""
        if display.steps:
            raise self.refuse("numbered steps", "environment='align'")
        return self.wrapped([*([display.mark] if display.mark else []), self.body(display)])


class Align(Environment):
    """``align``: a number where the main formula ends, or one for each step."""

    kinds = ("align",)

    def write(self, display: Display) -> str:
        """The rows of the environment itself."""
        between = display.rules == "intertext"
        shown = display.shown
        chain = [line._replace(rule="", given=()) if between else line for line in shown.lines]
        layout = laid_out(chain, shown.where, self.room(display), shown.closing)
        rows = list(layout.rows)
        for i in range(layout.last):  # no page ends inside of a formula
            if i not in layout.ends:
                rows[i] += "*"
        layout = layout._replace(rows=tuple(rows))
        if self.numbered:
            rows = _numbered(layout, display)
        elif display.steps:
            raise self.refuse("numbered steps", "'align', without the star")
        if between:
            rows = _intertexts(rows, layout, shown.lines)
        return self.wrapped(rows)


class Multline(Environment):
    """``multline``: one long formula, its first line at the left and its last at the right."""

    kinds = ("multline",)
    lists = False

    def write(self, display: Display) -> str:
        """The lines, without alignment."""
        formula = _single(self, display)
        room = self.room(display)
        lines = broken_lines(formula, room, room)
        if max(map(width, lines)) > room:
            raise self.refuse(_WIDE, "environment='align'")
        if len(lines) == 1:
            # One line of a multline stands at the left.
            plain = "equation" if self.numbered else "equation*"
            return self.wrapped([*([display.mark] if display.mark else []), formula], plain)
        rows = [rf"{line} \\" for line in lines[:-1]] + [f"{lines[-1]} {display.mark}".rstrip()]
        return self.wrapped(rows)


class Dmath(Environment):
    """``dmath`` of the package breqn, which breaks the formula itself."""

    kinds = ("dmath",)
    lists = False

    def write(self, display: Display) -> str:
        """The formula on one line of source."""
        formula = _single(self, display)
        if widest_part(formula) > self.room(display):
            raise self.refuse(_WIDE, "environment='align'")
        label = f"[label={{{display.label}}}]" if display.label else ""
        return f"\\begin{{{self.name}}}{label}\n{formula}\n\\end{{{self.name}}}"


_ALL: tuple[type[Environment], ...] = (Bare, Equation, Align, Multline, Dmath)


def environment_of(name: str | None, label: str | None = None) -> Environment:
    """The environment of a name, if it is known and can have the label.

    Raises
    ======

    NoRuleError : for a name that there is no rule for.
    NameClashError : for a label that LaTeX cannot read, or that has no number to name.
    """
    kind = (name or "").removesuffix("*")
    for cls in _ALL:
        if kind in cls.kinds and name != "*":
            found = cls(name or "")
            break
    else:
        known = ", ".join(repr(kind) for cls in _ALL[1:] for kind in cls.kinds)
        raise NoRuleError(
            f"asked for LaTeX in the environment {name!r}: write None or one of {known}, with a "
            "star for no number"
        )
    if label is None:
        return found
    if not found.numbered:
        raise NameClashError(
            f"asked for the label {label!r} where there is no equation number "
            f"(environment={name!r}): write environment='equation' or environment='align' with it"
        )
    if not re.fullmatch(r"[A-Za-z0-9:.+/ _-]+", label):
        raise NameClashError(
            f"asked for the label {label!r}: a label is letters, digits and : . + / - _, as in "
            "'eq:kernel'"
        )
    return found


def _single(where: Environment, display: Display) -> str:
    """The one formula of a display, on one line."""
    if len(display.shown) != 1 or display.steps:
        raise where.refuse(
            f"{len(display.shown)} lines, with their relations below one another", "'align'"
        )
    line = display.shown[0]
    return " ".join(part for part in (line.left, line.relation, line.right) if part)


def _numbered(layout: Layout, display: Display) -> list[str]:
    """The rows with a number where the main formula ends, or where each step does."""
    ends = layout.ends if display.steps else (layout.last,)
    rows = []
    for i, row in enumerate(layout.rows):
        body = row.removesuffix("*").removesuffix(r" \\")
        note = r"\notag"
        if i in ends:
            note = display.mark
            if note and i != layout.last:
                note = rf"\label{{{display.label}.{ends.index(i) + 1}}}"
        rows.append(f"{body} {note}".rstrip() + row[len(body) :])
    return rows


def _intertexts(rows: Sequence[str], layout: Layout, lines: Sequence[ChainLine]) -> list[str]:
    """The rows, each step after the name of its rule."""
    found: list[str] = []
    start = 0
    for line, end in zip(lines, layout.ends, strict=True):
        words = _words(line)
        if words:
            found.append(rf"\intertext{{{words}}}")
        found += rows[start : end + 1]
        start = end + 1
    return [*found, *rows[start:]]


def _words(line: ChainLine) -> str:
    """What a step says before it: the name of its rule, and what it inserts."""
    rule = "".join(f"\\{c}" if c in "#$%&_{}" else c for c in line.rule)
    given = ", ".join(f"${equation}$" for equation in line.given)
    if not rule:
        return f"with {given}" if given else ""
    return f"{rule[:1].upper()}{rule[1:]}" + (f", {given}" if given else "") + ":"
