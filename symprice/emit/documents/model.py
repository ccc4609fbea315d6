"""A document of derivations as plain data: sections of prose, chains, formulas and verdicts.

Every string is LaTeX or prose, never a SymPy object, so that one document can be written as
Markdown, as TeX and as HTML, and the three say the same.

*Prose* (titles, texts, rules, table cells) is plain text in which ``$...$`` is inline mathematics
and a pair of backticks encloses code; ``\\$`` is a dollar sign. *Fragments* (the sides of a line,
formulas, definitions) are LaTeX as it stands between the dollars.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from symprice.errors import ShapeError

__all__ = [
    "Beside",
    "Block",
    "Chain",
    "Code",
    "Display",
    "Document",
    "Figure",
    "Formula",
    "Line",
    "Procedure",
    "Section",
    "Table",
    "Text",
    "Verdict",
]


@dataclass(frozen=True)
class Text:
    """A paragraph of prose."""

    text: str


@dataclass(frozen=True)
class Line:
    """One line ``left relation right`` of a derivation, and the rule that gave it.

    ``left`` is empty on the lines that go on from the line above.

    >>> Line("f", "=", "x^{2}", "definition of $f$").relation
    '='
    >>> Line("", right=r"x \\, x").rule
    ''
    """

    left: str
    relation: str = "="
    right: str = ""
    rule: str = ""


@dataclass(frozen=True)
class Chain:
    """An aligned derivation: its relation signs stand below one another."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Formula:
    """A displayed result, and the names it is written in as pairs ``(name, definition)``."""

    latex: str
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What a numerical check said: ``ok`` or not, None where it could not decide; and in words how
    far it went.
    """

    ok: bool | None
    text: str


@dataclass(frozen=True)
class Code:
    """Source code, printed as it is."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Beside:
    """A function in source, and beside each statement the formula that it says.

    ``head`` is what stands before the statements.
    """

    head: str
    rows: tuple[tuple[str, Line], ...]

    @property
    def stacked(self) -> tuple[Code | Text | Chain, ...]:
        """The code, and the formulas below it, where there is no room beside it."""
        code = "\n".join([self.head, *(statement for statement, _ in self.rows)])
        said = Text("In formulas, the code says")
        *lines, last = (line for _, line in self.rows)
        # The last has a longer left side, with the arguments of the function.
        chains = [Chain(tuple(part)) for part in (lines, [last]) if part]
        return Code(code, "python"), said, *chains


@dataclass(frozen=True)
class Table:
    """A table of prose cells; every row is as long as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows, start=1):
            if len(row) != len(self.header):
                raise ShapeError(
                    f"A table with the header {self.header} needs {len(self.header)} cells in "
                    f"every row; row {number} has {len(row)}: {row}. Write '' for an empty cell."
                )


@dataclass(frozen=True)
class Display:
    """A result as a paper shows it: its lines, its definitions, its number where it has a label.

    ``lines`` are (left, relation, right, rule, given), as ``symprice.emit.lines`` has them, and so
    is ``closing``, which ends the definitions.
    """

    lines: tuple[Any, ...]
    where: tuple[tuple[str, str], ...] = ()
    label: str = ""
    closing: Any = None

    @property
    def chain(self) -> Chain:
        """The lines, each with its rule and what it inserts as prose."""
        return Chain(tuple(Line(ln.left, ln.relation, ln.right, _rule(ln)) for ln in self.lines))

    @property
    def definitions(self) -> Chain:
        """The definitions, one a line, and what is said of those that are left out."""
        found = [Line(name, "=", value) for name, value in self.where]
        return Chain((*found, *([Line("", "", self.closing.tex)] if self.closing else [])))


@dataclass(frozen=True)
class Figure:
    """A picture as TikZ and as SVG, with a caption in prose."""

    tikz: str
    svg: str
    caption: str = ""
    label: str = ""


@dataclass(frozen=True)
class Procedure:
    """An algorithm box: its lines as (depth, prose), and its LaTeX for lines of a given width."""

    title: str
    lines: tuple[tuple[int, str], ...]
    latex: Callable[[float], str] = field(compare=False)


def _rule(line: Any) -> str:
    """The name of a rule, with what it inserts where that is short."""
    given = ", ".join(f"${equation}$" for equation in line.given)
    return f"{line.rule}: {given}" if given and len(given) < 40 else line.rule


Block = Text | Chain | Formula | Verdict | Code | Beside | Table | Display | Figure | Procedure


@dataclass(frozen=True)
class Section:
    """A titled run of blocks; ``label`` is shown in place of its number, where given."""

    title: str
    blocks: tuple[Block, ...]
    label: str = ""


@dataclass(frozen=True)
class Document:
    """A title, a subtitle and the sections; of a paper also authors, abstract and references.

    ``references`` are pairs (key, prose).
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    authors: str = ""
    abstract: str = ""
    references: tuple[tuple[str, str], ...] = ()
