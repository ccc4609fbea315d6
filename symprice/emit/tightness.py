"""How tightly printed text holds together, read off the text itself.

Whether a power, a root or a fraction bar may stand beside an expression depends on how it is
written, not on what it is: `I₂(u)/I₀(u)` is a function of one argument and needs brackets.
"""

from __future__ import annotations

import re

__all__ = ["bare", "divided", "outside", "tight"]

_PAIRS = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "|": "|", "‖": "‖"}
_OPERATORS = re.compile(r"[ /·∘↦+\-√Δ∇∂∑∏∫^=<>≤≥≠]")


def outside(text: str) -> str:
    """The characters of ``text`` that stand in no brackets.

    >>> outside("σ(w x) + ‖a b‖²"), outside("E(a | b)/2")
    ('σ() + ‖‖²', 'E()/2')
    """
    found: list[str] = []
    open_: list[str] = []
    for c in text:
        if open_ and c == open_[-1]:
            open_.pop()
        elif open_ and c in "|‖":  # as in E(a | b), where they are no brackets
            continue
        elif c in _PAIRS:
            if not open_:
                found.append(c)
            open_.append(_PAIRS[c])
            continue
        if not open_:
            found.append(c)
    return "".join(found)


def tight(text: str) -> bool:
    """Whether a power behind ``text``, or a root before it, belongs to all of it.

    >>> tight("σ(w x)"), tight("dP/dt"), tight("Δz"), tight("e^(η Z)")
    (True, False, False, False)
    """
    return _OPERATORS.search(outside(text)) is None


def bare(text: str) -> bool:
    """Whether ``text`` needs brackets as a factor of a product, wherever it stands.

    >>> bare("-x"), bare("w a where a = tanh(x)"), bare("σ(-x)")
    (True, True, False)
    """
    return text.startswith("-") or " where " in outside(text)


def divided(text: str) -> bool:
    """Whether a factor behind ``text``, or a fraction bar before it, could belong to a part of it.

    >>> divided("dP/dt"), divided("uᵀ v"), divided("f(x y)")
    (True, True, False)
    """
    return re.search(r"[ /·]", outside(text)) is not None
