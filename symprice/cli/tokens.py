"""The text of a formula, cut into numbers, names and marks; every other character is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import ParseError

__all__ = ["Token", "quote", "spelled", "tokens"]

_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma "
    "tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
_GREEK = dict(zip("αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", _NAMES.split(), strict=True))
_TOKEN = re.compile(
    r"(?P<space> +)"
    r"|(?P<name>[A-Za-z_\u0370-\u03ff][A-Za-z_0-9\u0370-\u03ff]*)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<mark>\*\*|[-+*/^()\[\],=])"
)
_INSTEAD = {
    "'\"`": "a formula holds no quoted text",
    ".": "attributes do not exist here, and a number has one decimal point",
    "<>!": "a comparison is no formula, write the difference a - b",
    ";:\n\r\\": "write one expression on one line, such as exp(-b)",
    "·×∙⋅∗": "write * for a product",
    "−–—": "write - for a minus",
    "²³": "write **2 or **3 for a power",
    "÷": "write / for a quotient",
    "√": "write sqrt(b) for a root",
    "%": "write a/100 for a percentage",
    "{}": "write ( ) to group, [ ] for a vector",
}


class Token(NamedTuple):
    """A piece of the text: its kind ("number", "name", "mark" or "end") and where it starts."""

    kind: str
    text: str
    position: int


def spelled(name: str) -> str:
    """The name itself, or in Latin letters if it is a single Greek one.

    Examples
    ========

    >>> from symprice.cli.tokens import spelled
    >>> spelled('η'), spelled('eta_1')
    ('eta', 'eta_1')
    """
    return _GREEK.get(name, name)


def quote(text: str) -> str:
    """The text in quotes, in ASCII, and no longer than a message can take."""
    return ascii(text if len(text) <= 40 else text[:37] + "...")


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a formula, Greek letters spelled, up to one of the kind "end".

    Raises
    ======

    ParseError : for a character that has no meaning in a formula, and a name that is reserved.

    Examples
    ========

    >>> from symprice.cli.tokens import tokens
    >>> [token.text for token in tokens('η*b**2')]
    ['eta', '*', 'b', '**', '2', '']
    """
    at = 0
    while match := _TOKEN.match(text, at):
        kind, piece = str(match.lastgroup), match.group()
        if kind == "name":
            piece = spelled(piece)
            if not piece.isascii():
                latin = "".join(map(spelled, piece))
                write = latin if latin.isascii() else "it in Latin letters"
                raise ParseError(
                    f"{quote(piece)} is not an ASCII name, nor one Greek letter: write {write}",
                    text,
                    at,
                )
            if piece.startswith("__"):
                raise ParseError(
                    f"{quote(piece)} is reserved: write a name that starts with a letter", text, at
                )
        if kind != "space":
            yield Token(kind, piece, at)
        at = match.end()
    if at < len(text):
        hints = (hint for letters, hint in _INSTEAD.items() if text[at] in letters)
        hint = next(hints, "write ASCII, with Greek letters as names and plain spaces")
        raise ParseError(f"{quote(text[at])} has no meaning in a formula: {hint}", text, at)
    yield Token("end", "", at)
