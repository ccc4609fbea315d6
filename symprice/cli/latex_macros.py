r"""The macros that a document defines, `\newcommand` and its like, put in where it uses them.

They are read by the rules of TeX as far as formulas need it; nothing else of TeX runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import ParseError

__all__ = ["Macro", "expanded", "macros"]

_NAME = r"\s*(?:\{\s*(\\[A-Za-z]+)\s*\}|(\\[A-Za-z]+))\s*"
_DEFINING = re.compile(
    rf"\\(?P<kind>(?:re|provide)?newcommand|providecommand|DeclareMathOperator|DeclarePairedDelimiter)\*?{_NAME}"
    r"(?:\[(?P<slots>\d)\]\s*(?:\[(?P<default>[^\]]*)\]\s*)?)?"
    r"|\\def\s*(?P<defined>\\[A-Za-z]+)(?P<marks>(?:#\d)*)\s*"
)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_MOST, _LONGEST = 2000, 20_000


class Macro(NamedTuple):
    """What a macro stands for, how many arguments it takes, and the first if it may be missing."""

    slots: int
    default: str | None
    body: str
    starred: bool = False


def macros(document: str) -> dict[str, Macro]:
    r"""The macros of a document by name, the last definition of each.

    Examples
    ========

    >>> from symprice.cli.latex_macros import macros
    >>> macros(r"\newcommand{\norm}[1]{\|#1\|}")
    {'\\norm': Macro(slots=1, default=None, body='\\|#1\\|', starred=False)}
    """
    found: dict[str, Macro] = {}
    for match in _DEFINING.finditer(document):
        name = match[2] or match[3] or match["defined"]
        kind = match["kind"] or "def"
        body, end = _argument(document, match.end())
        if kind == "providecommand" and name in found:
            continue
        if kind == "DeclareMathOperator":
            found[name] = Macro(0, None, rf"\operatorname{{{body}}}")
        elif kind == "DeclarePairedDelimiter":
            closing, _ = _argument(document, end)
            found[name] = Macro(1, None, f"{body} #1 {closing} ", starred=True)
        else:
            slots = int(match["slots"] or (match["marks"] or "").count("#"))
            found[name] = Macro(slots, match["default"], body)
    return found


def expanded(latex: str, known: Mapping[str, Macro]) -> str:
    r"""A formula in which every macro is what it stands for.

    Raises
    ======

    ParseError : for macros that stand for themselves, and for what becomes too long.

    Examples
    ========

    >>> from symprice.cli.latex_macros import expanded, macros
    >>> expanded(r"\norm{w}^2", macros(r"\newcommand{\norm}[1]{\|#1\|}"))
    '\\|w\\|^2'
    """
    start, count = 0, 0
    while match := _COMMAND.search(latex, start):
        start = match.end()
        macro = known.get(match[0])
        if macro is None:
            continue
        count += 1
        if count > _MOST or len(latex) > _LONGEST:
            raise ParseError(f"the macro {match[0]} has no end, or becomes too long: write it out")
        end, values = match.end(), []
        if macro.starred:
            end += len(re.match(r"\*?\s*(?:\[[^\]]*\])?", latex[end:])[0])  # type: ignore[index]
        if macro.default is not None:
            given = re.match(r"\s*\[([^\]]*)\]", latex[end:])
            values.append(macro.default if given is None else given[1])
            end += 0 if given is None else given.end()
        while len(values) < macro.slots:
            value, end = _argument(latex, end)
            values.append(value)
        body = re.sub(r"#(\d)", lambda m, v=values: _filled(m, v), macro.body)  # type: ignore[misc]
        if (
            body[-1:].isalpha()
            and re.search(r"\\[A-Za-z]+\Z", body)
            and latex[end : end + 1].isalpha()
        ):
            body += " "
        start = match.start()
        latex = latex[:start] + body + latex[end:]
    return latex


def _filled(mark: re.Match[str], values: list[str]) -> str:
    slot = int(mark[1])
    if not 1 <= slot <= len(values):
        raise ParseError(f"a macro of {len(values)} arguments uses #{slot}")
    return values[slot - 1]


def _argument(text: str, start: int) -> tuple[str, int]:
    """The next group without its braces, or the next token; and where it ends."""
    start += len(text[start:]) - len(text[start:].lstrip())
    if text[start : start + 1] != "{":
        token = re.match(r"\\[A-Za-z]+|\\.|[^{}]", text[start:], re.DOTALL)
        if token is None:
            raise ParseError("a macro whose argument is missing: write it in braces")
        return token[0], start + token.end()
    depth = 0
    for match in re.finditer(r"\\.|[{}]", text[start:], re.DOTALL):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if not depth:
            return text[start + 1 : start + match.start()], start + match.end()
    raise ParseError("a brace is opened that is not closed: write both")
