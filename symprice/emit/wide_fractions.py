r"""Denominators that are wider than a line, which nothing can break: they get names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .documents.fragments import Group, Leaf, Node, parse, source
from .documents.width import width
from .lines import ChainLine

__all__ = ["widest_part", "without_wide_fractions"]

_LETTERS = "DRUV"
_FRACTION = r"\frac"


def without_wide_fractions(
    chain: Sequence[ChainLine], where: Sequence[tuple[str, str]], room: float
) -> tuple[list[ChainLine], list[tuple[str, str]]]:
    r"""The chain and the definitions, those of denominators of more than ``room`` ems among them.

    >>> line = ChainLine("y", "=", r"\frac{x}{a + b + c + d}")
    >>> chain, where = without_wide_fractions([line], [], 5)
    >>> chain[0].right, where
    ('\\frac{x}{D}', [('D', 'a + b + c + d')])
    """
    texts = [part for line in chain for part in (line.left, line.right)]
    names = _Names(" ".join([*texts, *(part for pair in where for part in pair)]), room)
    found = [
        line._replace(left=names.without(line.left), right=names.without(line.right))
        for line in chain
    ]
    pairs = names.pairs()
    for name, value in where:
        known = len(names.given)
        pairs += [(name, names.without(value)), *names.pairs()[known:]]
    return found, pairs


def widest_part(latex: str) -> float:
    """The width of the widest bracket, matrix or fraction: what stays in one piece."""
    nodes = parse(latex)
    widest = 0.0
    for i, node in enumerate(nodes):
        if isinstance(node, Group):
            widest = max(widest, width(source(node)))
        elif node.name == _FRACTION:
            widest = max(widest, width(source(nodes[i : i + 3])))
    return widest


class _Names:
    """The names that denominators have got."""

    def __init__(self, used: str, room: float) -> None:
        self.room = room
        self.free = [x for x in _LETTERS if not re.search(rf"(?<![A-Za-z\\]){x}(?![a-z])", used)]
        self.given: dict[str, str] = {}

    def pairs(self) -> list[tuple[str, str]]:
        """(name, denominator), in order."""
        return [(name, value) for value, name in self.given.items()]

    def without(self, latex: str) -> str:
        """The formula with names for its wide denominators."""
        if _FRACTION not in latex or width(latex) <= self.room:
            return latex
        return self._named(parse(latex))

    def _named(self, nodes: Sequence[Node]) -> str:
        out = ""
        last = [Leaf(""), Leaf("")]
        for node in nodes:
            text = source(node)
            below = last[0].name == _FRACTION
            if isinstance(node, Group) and below and node.kind == "brace":
                inside = self._named(node.children)
                inside = self._name(inside) if width(inside) > self.room else inside
                text = node.open + inside + node.close
            elif isinstance(node, Group):
                text = node.open + self._named(node.children) + node.close
            out += text
            last = [last[1], node if isinstance(node, Leaf) else Leaf("")]
        return out

    def _name(self, value: str) -> str:
        if value not in self.given:
            letters = (
                f"{letter}{mark}"
                for mark in ("", *(f"_{{{n}}}" for n in range(2, 99)))
                for letter in self.free or ["D_{1}"]
            )
            taken = set(self.given.values())
            self.given[value] = next(name for name in letters if name not in taken)
        return self.given[value]
