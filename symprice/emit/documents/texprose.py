"""Prose for pdfTeX: escapes, quotation marks, and every character that a reader may meet."""

from __future__ import annotations

import re
import unicodedata

from symprice.emit.documents.fragments import well_formed
from symprice.emit.documents.prose import Span, spans
from symprice.emit.documents.unicode import as_latex, in_math

__all__ = ["declarations", "escaped", "math", "prose", "run", "typewriter"]

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "^": r"\textasciicircum{}", "_": r"\_", "~": r"\textasciitilde{}", "%": r"\%",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}",
    "[": "{[}", "]": "{]}", "*": "{*}",  # bare, a row of a table may take them for an option
}  # fmt: skip
# Letters that LaTeX composes by itself: these accents over ASCII, and the characters below.
_ACCENTS = set("\u0300\u0301\u0302\u0303\u0308\u030a\u030b\u0327\u030c")
_NATIVE = set("ßæœøÆŒØåÅłŁ–—‘’“”§¶©°\u00a0")


def escaped(text: str) -> str:
    r"""Plain characters as TeX prints them.

    >>> print(escaped('50% of "a_b" & #1'))
    50\% of ``a\_b'' \& \#1
    """
    quoted = re.sub(r'(^|(?<=[\s(\[]))"', "“", text).replace('"', "”")
    special = "".join(_ESCAPES.get(character, character) for character in quoted)
    return special.replace("“", "``").replace("”", "''").replace("--", "-{}-")


def typewriter(text: str) -> str:
    r"""Code within prose: no ligatures, and line breaks allowed behind its punctuation.

    >>> print(typewriter("net.explicit"))
    \texttt{net.\allowbreak explicit}
    """
    special = "".join(_ESCAPES.get(character, character) for character in text)
    special = special.replace("--", "-{}-").replace("'", r"\textquotesingle{}")
    special = re.sub(r"(?<=[._/,=(])(?=[A-Za-z])", r"\\allowbreak ", special)
    return f"\\texttt{{{special}}}"


def math(latex: str) -> str:
    r"""A fragment for math mode; letters that only text mode has are put into ``\text{}``.

    A fragment that would tear the document apart is shown as its source.

    >>> print(math("θ_é"), math("{x"))
    \theta _\text{é} \text{\texttt{\{x}}
    """
    if not well_formed(latex):
        return f"\\text{{{typewriter(latex)}}}"
    return re.sub(r"[^\x00-\x7f]+", _in_text, in_math(latex))


def _in_text(match: re.Match[str]) -> str:
    before = match.string[: match.start()]
    inside = re.search(r"\\(?:text|mbox)[a-z]*\{[^{}]*$", before)
    return match[0] if inside else f"\\text{{{match[0]}}}"


def prose(text: str) -> str:
    r"""Prose with its mathematics and its code.

    >>> print(prose("5% at $θ$ in `f_1`"))
    5\% at $\theta$ in \texttt{f\_1}
    """
    return "".join(run(span) for span in spans(text))


def run(span: Span) -> str:
    """A run of prose of one kind."""
    if span.kind == "math":
        return f"${math(span.text).strip()}$"
    if span.kind == "cite":
        return rf"\cite{{{span.text}}}"
    if span.kind == "ref":
        return rf"\{'eqref' if span.text.startswith('eq') else 'ref'}{{{span.text}}}"
    return typewriter(span.text) if span.kind == "code" else escaped(span.text)


def declarations(body: str) -> str:
    """What the preamble must say about the characters of ``body`` that TeX does not know."""
    lines = []
    for character in sorted(set(body)):
        if character.isascii() or _native(character):
            continue
        code = f"{ord(character):04X}"
        latex = as_latex(character)
        if latex and not latex.strip("'"):  # in code an apostrophe is no prime
            latex = "^{" + "\\prime" * len(latex) + "}"
        if latex is None:
            meaning = f"\\texttt{{[U+{code}]}}"
        elif latex.startswith(("^", "_")):
            meaning = f"\\ensuremath{{{{}}{latex}}}"
        else:
            meaning = f"\\ensuremath{{{latex}}}"
        lines.append(f"\\DeclareUnicodeCharacter{{{code}}}{{{meaning}}}\n")
    return "".join(lines)


def _native(character: str) -> bool:
    letter, *accents = list(unicodedata.normalize("NFD", character))
    return character in _NATIVE or (
        len(accents) == 1 and letter.isascii() and letter.isalpha() and accents[0] in _ACCENTS
    )
