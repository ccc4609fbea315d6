"""Lines of generated code: whatever is longer than a line is broken where a person would."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["assignment", "literal_lines", "signature_lines"]

_WIDTH = 99
_INDENT = "    "
# Before an operator between terms or factors, after a comma.
_PLACES = re.compile(r" (?=[+-] )|(?<=,) |(?<![*e])(?=[*/](?!\*))(?<!\*)")


def signature_lines(name: str, parameters: Iterable[str]) -> list[str]:
    """``def name(parameters):``, over several lines where it is long."""
    listed = ", ".join(parameters)
    line = f"def {name}({listed}):"
    if len(line) <= _WIDTH:
        return [line]
    return [f"def {name}(", *(_INDENT + piece for piece in _pieces(listed)), "):"]


def assignment(target: str, value: str) -> list[str]:
    """``target = value`` inside a function, over several lines in brackets where it is long."""
    line = f"{_INDENT}{target} = {value}"
    if len(line) <= _WIDTH:
        return [line]
    if len(target) > _WIDTH // 2:
        return [
            f"{_INDENT}(",
            *(_INDENT * 2 + piece for piece in _pieces(target)),
            f"{_INDENT}) = {value}",
        ]
    return [
        f"{_INDENT}{target} = (",
        *(_INDENT * 2 + piece for piece in _pieces(value)),
        f"{_INDENT})",
    ]


def literal_lines(before: str, value: Any) -> list[str]:
    """A text, or a tuple, list or dict of texts, after ``before``."""
    if isinstance(value, str):
        line = f"{_INDENT}{before}{value}"
        if len(line) <= _WIDTH:
            return [line]
        return [
            f"{_INDENT}{before}(",
            *(_INDENT * 2 + piece for piece in _pieces(value)),
            f"{_INDENT})",
        ]
    flat = f"{_INDENT}{before}{_flat(value)}"
    if len(flat) <= _WIDTH:
        return [flat]
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    if isinstance(value, tuple):
        opening, closing = "(", ")"
    return [
        f"{_INDENT}{before}{opening}",
        *(_INDENT * 2 + item for item in _items(value)),
        f"{_INDENT}{closing}",
    ]


def _items(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{key}: {_flat(item)},"
    else:
        for item in value:
            yield f"{_flat(item)},"


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flat(item)}" for key, item in value.items()) + "}"
    inner = ", ".join(map(_flat, value))
    if isinstance(value, list):
        return f"[{inner}]"
    return f"({inner},)" if len(value) == 1 else f"({inner})"


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces that fit a line; the outermost breaks are preferred."""
    room = _WIDTH - 2 * len(_INDENT)
    depths = _depths(text)
    places = [(match.start(), match.end()) for match in _PLACES.finditer(text)]
    start, first = 0, 0
    while len(text) - start > room:
        last = bisect(places, (start + room, len(text)))
        fitting = places[first:last]
        late = [place for place in fitting if place[0] > start + room // 3] or fitting
        if not late:
            break
        # Between terms rather than between factors, but not inside brackets for that.
        end, begin = min(late, key=lambda at: (2 * depths[at[0]] + (text[at[1]] in "*/"), -at[0]))
        yield text[start:end]
        start = begin
        first = bisect(places, (start, len(text)), lo=first)
    yield text[start:]


def _depths(text: str) -> list[int]:
    depth, depths = 0, []
    for character in text:
        depth -= character in ")]"
        depths.append(depth)
        depth += character in "(["
    return depths
