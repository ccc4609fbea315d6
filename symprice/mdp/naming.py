"""How the quantities of a decision process are written: V(s), Q(s, a), π(a, s), d(s)."""

from __future__ import annotations

import re
from typing import Any

from sympy import Function, ImmutableDenseMatrix

from ..closedform import ClosedForm, ClosedFormMatrix
from ..symbols import Name

__all__ = ["applied", "column", "named_probabilities", "names_of", "with_names"]


def applied(name: str, *labels: Any) -> Any:
    """A quantity at a state, or a state and an action."""
    return Function(name)(*labels)


def column(entries: Any) -> ImmutableDenseMatrix:
    """A column."""
    entries = list(entries)
    return ImmutableDenseMatrix(len(entries), 1, entries)


def named_probabilities(evaluation: Any) -> dict[Any, Any]:
    """The names of the probabilities of a policy that is evaluated."""
    return names_of(evaluation.shape, evaluation.pi)


def names_of(shape: Any, pi: Any) -> dict[Any, Any]:
    """A name `π_s_a` for every probability that is no number, symbol, or 1 less a symbol."""
    found: dict[Any, Any] = {}
    taken = {str(symbol) for row in pi for p in row for symbol in p.free_symbols}
    for s, state in enumerate(shape.states):
        if s in shape.terminal:
            continue
        for a, action in enumerate(shape.actions):
            p = pi[s][a]
            if p in found or p.is_number or p.is_Symbol or (1 - p).is_Symbol:
                continue
            text = f"pi_{state}_{action}"
            name = text if re.fullmatch(r"\w+", text) else f"pi_{s + 1}_{a + 1}"
            while name in taken:
                name += "_prime"
            taken.add(name)
            found[p] = Name(name)
    return found


def with_names(expr: Any, names: dict[Any, Any]) -> Any:
    """A closed form in the names of the probabilities; the expression itself if it has none."""
    inside = expr.xreplace(names)
    used = [(name, p) for p, name in names.items() if name in inside.free_symbols]
    if not used:
        return inside
    kind = ClosedFormMatrix if getattr(inside, "is_Matrix", False) else ClosedForm
    return kind(inside, dict(used))
