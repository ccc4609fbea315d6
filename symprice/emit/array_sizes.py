"""Sizes of generated array code: read off the arguments, estimated for plans, checked in calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sympy import Add, Mul, Pow, S, Symbol, fraction, together
from sympy.core.sympify import _sympify

from ..counts import is_count
from ..errors import ShapeError
from .array_graph import ADD, ATOM, MUL, Graph, Node

__all__ = ["Sizes", "evaluated"]

# What a plan assumes of sizes that are symbols.
WIDTH, SEQUENCE, KERNEL, DIRECTIONS, BATCH = 512, 32, 3, 10, 256


def checked_guesses(given: Mapping[Any, int], known: set[Any]) -> dict[Any, int]:
    """What a caller says of sizes, if it is a positive integer for a size that there is."""
    for size, value in given.items():
        if size not in known:
            listed = ", ".join(sorted(map(str, known))) or "none"
            raise ShapeError(
                f"asked to plan for the size {size!r}, which is no size of the arguments: give the "
                f"symbols themselves (here {listed}), as sizes={{d: 512}}"
            )
        if not is_count(value):
            raise ShapeError(
                f"asked to plan for {size} = {value!r}: write about how large it is, as 512"
            )
    return dict(given)


class Sizes:
    """The code of every size, and how large it may be.

    A width is the size of an axis of a weight; sequences and data sets are none.
    """

    def __init__(self, given: Mapping[Any, int] | None = None) -> None:
        self._code: dict[Any, str] = {}
        self._labels: dict[str, str] = {}
        self._given = dict(given or {})
        self._guesses: dict[Any, float] = {s: float(n) for s, n in self._given.items()}
        self.widths: set[Any] = set()
        self.directions: set[Any] = set()

    def read(self, size: Any, code: str) -> None:
        """An argument from whose shape a size can be read."""
        if not size.is_Integer:
            self._code.setdefault(size, code)

    def read_label(self, label: str, code: str) -> None:
        """An argument from whose shape the length of a batch can be read."""
        self._labels.setdefault(label, code)

    def guess(self, size: Any, value: float) -> None:
        """How large a symbolic size is in a plan; the first guess stands."""
        if isinstance(size, Symbol):
            self._guesses.setdefault(size, value)

    # --- code -------------------------------------------------------------------------------------
    def of_axis(self, axis: Any) -> str:
        """The code of the length of an axis: of a batch, or of an index."""
        return self._labels[axis] if isinstance(axis, str) else self.text(axis.size)

    def node(self, graph: Graph, size: Any) -> Node:
        """A size as a number in the code."""
        size = _sympify(size)
        if size.is_number:
            return graph.number(size)
        text, tight = self._written(size)
        return graph.size(text, tight)

    def text(self, size: Any) -> str:
        """The code of a size."""
        return self._written(_sympify(size))[0]

    def _written(self, size: Any) -> tuple[str, int]:
        if size in self._code:
            return self._code[size], ATOM
        if size.is_Integer:
            return str(size), ATOM
        above, below = fraction(together(size))
        if below != 1 and below.is_Integer:
            return f"{self._factor(above)}//{below}", MUL
        if isinstance(size, Add):
            return self._sum(size), ADD
        if isinstance(size, Mul):
            return "*".join(self._factor(arg) for arg in size.args), MUL
        if isinstance(size, Pow) and size.exp.is_Integer and size.exp.is_positive:
            return f"{self._factor(size.base)}**{size.exp}", MUL
        raise ShapeError(f"the width {size} cannot be read off any argument of the function")

    def _factor(self, size: Any) -> str:
        text, tight = self._written(size)
        return text if tight == ATOM and not text.startswith("-") else f"({text})"

    def _sum(self, size: Any) -> str:
        terms = sorted(size.args, key=lambda t: (t.is_number, t.could_extract_minus_sign(), str(t)))
        total = ""
        for term in terms:
            negative = term.could_extract_minus_sign()
            text = self._written(-term if negative else term)[0]
            total += f" - {text}" if negative else f" + {text}" if total else text
        return total.strip()

    # --- plans ------------------------------------------------------------------------------------
    def estimate(self, axis: Any) -> float:
        """How long an axis may be."""
        if isinstance(axis, str):
            return BATCH
        size = _sympify(axis.size)
        if size.is_Integer:
            return float(size)
        guesses = {s: self._guesses.get(s, SEQUENCE) for s in size.free_symbols}
        return max(float(size.xreplace({s: _sympify(v) for s, v in guesses.items()})), 1.0)

    def is_width(self, axis: Any) -> bool:
        """Whether an axis is as long as a layer is wide."""
        if isinstance(axis, str):
            return False
        return axis.size in self.widths and axis.size not in self.directions

    def is_known(self, axis: Any) -> bool:
        """Whether it is known how long an axis is."""
        return axis.size.is_Integer or axis.size in self._given


def evaluated(size: Any, lengths: Mapping[Any, int]) -> int | None:
    """A size at given lengths of symbols; None where one is not known."""
    value = _sympify(size).xreplace({s: _sympify(n) for s, n in lengths.items()})
    return int(value) if value.is_Integer else None


def derived(sizes: Iterable[Any]) -> tuple[Any, ...]:
    """The sizes that are computed from others, in a fixed order."""
    found = {size for size in map(_sympify, sizes) if size.args and size is not S.One}
    return tuple(sorted(found, key=str))
