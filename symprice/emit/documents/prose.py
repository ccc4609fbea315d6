"""Prose with inline mathematics: where the dollars and the backticks are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Span", "plain", "spans"]

Kind = Literal["text", "math", "code", "cite", "ref"]

_SPAN = re.compile(
    r"""(?P<escaped>\\\$)                       # a dollar sign that is meant as one
      | \$(?P<math>(?:\\.|[^$\\])+)\$           # $ ... $, in which \$ does not end it
      | `(?P<code>[^`]+)`
      | \[@(?P<cite>[\w,;\ :-]+)\]              # [@key], a source
      | \[\#(?P<ref>[\w:.+/-]+)\]              # [#label], a number""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Span:
    """A run of prose of one kind; ``text`` comes without its delimiters."""

    kind: Kind
    text: str


def spans(prose: str) -> tuple[Span, ...]:
    r"""The runs of text, mathematics and code in ``prose``.

    A dollar or a backtick without its partner is an ordinary character. ``[@key]`` names a source
    and ``[#label]`` the number of an equation, a figure, a table or an algorithm.

    >>> [(s.kind, s.text) for s in spans(r"at $\theta$, run `make`")]
    [('text', 'at '), ('math', '\\theta'), ('text', ', run '), ('code', 'make')]
    >>> [s.text for s in spans(r"costs \$5, or 5 $")]
    ['costs $5, or 5 $']
    """
    found: list[Span] = []
    text: list[str] = []

    def close() -> None:
        if joined := "".join(text):
            found.append(Span("text", joined))
        text.clear()

    end = 0
    for match in _SPAN.finditer(prose):
        text.append(prose[end : match.start()])
        end = match.end()
        if match["escaped"]:
            text.append("$")
            continue
        close()
        if match["math"]:
            found.append(Span("math", match["math"].strip()))
        elif match["code"]:
            found.append(Span("code", match["code"]))
        elif match["cite"]:
            found.append(Span("cite", ",".join(re.split(r"[,;\s]+", match["cite"].strip()))))
        else:
            found.append(Span("ref", match["ref"]))
    text.append(prose[end:])
    close()
    return tuple(found)


def _spoken(latex: str) -> str:
    """Mathematics in characters: no commands for spaces, sizes and fonts, fractions with a bar."""
    latex = re.sub(r"\\(?:operatorname|math[a-z]+|left|right|text)(?![a-z])|\\[,;:!]", "", latex)
    latex = re.sub(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2", latex)
    return re.sub(r"[\\{}]", "", latex)


def plain(prose: str) -> str:
    r"""``prose`` without dollars and backslashes, for places that hold characters only.

    >>> plain(r"The kernel $K_{\theta}$ of `net`")
    'The kernel K_theta of net'
    """
    parts = [_spoken(span.text) if span.kind == "math" else span.text for span in spans(prose)]
    return " ".join("".join(parts).split())
