r"""Code beside formulas in TeX: a table of two columns, a row for each statement."""

from __future__ import annotations

import textwrap

from symprice.emit.documents.model import Beside, Line
from symprice.emit.documents.texprose import math, typewriter
from symprice.emit.documents.width import width
from symprice.emit.layout import broken_lines

__all__ = ["beside_tex"]

_CHARACTER = 0.44  #: of code in footnotesize, in ems of 11pt
_MOST = 0.5  #: of the line, for code
_GAP = 2.0
_RELATION = 1.6


def beside_tex(block: Beside, line: float) -> str:
    r"""The statements and their formulas, in lines of so many ems.

    >>> print(beside_tex(Beside("", (("s = b**2", Line("s", "=", "b^{2}")),)), 40))
    \begin{longtable}[l]{@{}m{4.0em}@{\hspace{2em}}l@{}}
    {\footnotesize\texttt{s\ =\ b{*}{*}2}} & $\displaystyle s = b^{2}$ \\
    \end{longtable}
    """
    longest = max(len(code) for code, _ in block.rows) + 1
    taken = min(_CHARACTER * longest, _MOST * line)
    characters, room = int(taken / _CHARACTER), line - taken - _GAP
    rows = [
        f"{{\\footnotesize{_code(code, characters)}}} & {_formula(said, room)} \\\\"
        for code, said in block.rows
    ]
    layout = f"@{{}}m{{{taken:.1f}em}}@{{\\hspace{{{_GAP:g}em}}}}l@{{}}"
    return "\n".join([f"\\begin{{longtable}}[l]{{{layout}}}", *rows, "\\end{longtable}"])


def _code(code: str, characters: int) -> str:
    found = []
    for row in code.split("\n"):
        margin = " " * (len(row) - len(row.lstrip()))
        found += textwrap.wrap(
            row.strip(),
            characters,
            initial_indent=margin,
            subsequent_indent=margin + "    ",
            break_on_hyphens=False,
        )
    printed = (typewriter(part).replace(r"\allowbreak ", "") for part in found)
    return r"\newline\mbox{}".join(part.replace(" ", r"\ ") for part in printed)


def _formula(said: Line, room: float) -> str:
    """On one line, or broken: behind the sign, or all of the right side below the left."""
    left, right = math(said.left), math(said.right)
    first = max(room - width(left) - _RELATION, 4.0)
    pieces = broken_lines(right, first, max(first - 1.0, 4.0))
    if len(pieces) == 1:
        return f"$\\displaystyle {left} {said.relation} {pieces[0]}$"
    rows = [f"{left} &{said.relation} {pieces[0]}", *(rf"&\quad {piece}" for piece in pieces[1:])]
    below = broken_lines(right, room - _RELATION - 1.0, room - 2.0)
    if len(below) + 1 < len(rows):
        rows = [rf"&{left}", rf"&\quad {said.relation} {below[0]}"]
        rows += [rf"&\qquad {piece}" for piece in below[1:]]
    return "$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$"
