"""Formulas in terminals that have no Greek: what an encoding lacks is spelled in ASCII."""

from __future__ import annotations

import codecs
import sys
import unicodedata

__all__ = ["make_printable", "spelled_out"]

_HANDLER = "symprice.spelled_out"
_SIGNS = {
    "✓": "ok", "✗": "FAILED", "∇": "grad ", "∂": "d", "∘": "*", "·": "*", "→": "->", "∞": "oo",
    "≠": "!=", "≤": "<=", "≥": ">=", "−": "-", "—": "-", "…": "...", "⟨": "<", "⟩": ">", "∈": "in",
    "⊤": "T", "∑": "sum", "∏": "product", "↦": "->", "≈": "~", "×": "*", "′": "'", "─": "-",
}  # fmt: skip
_MARKS = {"<super>": "^", "<sub>": "_"}


def spelled_out(text: str) -> str:
    """A text in ASCII: `σ(b)²` is ``sigma(b)^2``.

    Examples
    ========

    >>> spelled_out('∂L/∂w₁₂ = -δ²')
    'dL/dw_12 = -delta^2'
    """
    found, marked = [], ""
    for sign in text:
        kind, _, plain = unicodedata.decomposition(sign).partition(" ")
        mark = _MARKS.get(kind, "")
        if mark:  # raised and lowered characters that follow one another share their mark
            sign = "".join(chr(int(code, 16)) for code in plain.split())
            found.append(mark if mark != marked else "")
        found.append(sign if sign.isascii() else _word(sign))
        marked = mark
    return "".join(found)


def _word(sign: str) -> str:
    if sign in _SIGNS:
        return _SIGNS[sign]
    words = unicodedata.name(sign, "").split()
    if words[:1] == ["GREEK"] and "LETTER" in words:
        return words[-1].capitalize() if "CAPITAL" in words else words[-1].lower()
    return sign.encode("ascii", "backslashreplace").decode()


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return spelled_out(error.object[error.start : error.end]), error.end


def make_printable() -> None:
    """Let the standard output spell out what its encoding has no characters for."""
    codecs.register_error(_HANDLER, _spell)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:  # no text file, as under a test runner, prints what it can
        reconfigure(errors=_HANDLER)
