r"""What the names in a formula in LaTeX are: their looks, their indices, what is declared."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ..emit.documents.fragments import Group, Leaf, Node, source

__all__ = ["GREEK", "STYLES", "Names", "Unreadable", "about", "lone", "mark"]

STYLES = {r"\operatorname", r"\mathrm", r"\mathit", r"\mathbf", r"\boldsymbol", r"\bm", r"\vec",
           r"\mathcal", r"\mathsf"}  # fmt: skip
GREEK = set(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "pi rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi "
    "Omega".split()
)
_TERMS = 1000


class Unreadable(Exception):
    """What cannot be read, and the node where it stands."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message)
        self.node = node


def mark(node: Node) -> str:
    """The token of a leaf; nothing of a group."""
    return node.name if isinstance(node, Leaf) else ""


def about(group: Group) -> bool:
    r"""Whether a bracket holds `\theta` alone, perhaps bold."""
    names = [source(child).strip("{} ") for child in group.children if mark(child) not in STYLES]
    return names == [r"\theta"]


def lone(group: Group) -> bool:
    """Whether nothing in a bracket asks for one: no sum, no call."""
    signs = [mark(n) in ("+", "-") for n in group.children]
    calls = any(isinstance(n, Group) and n.kind == "paren" for n in group.children)
    return not any(signs[1:]) and not calls


class Names:
    """The names that are declared, by what they stand for where that is told; and what a formula
    has said of them so far.
    """

    def __init__(self, names: Collection[str] | Mapping[str, Any] = ()) -> None:
        self.names = frozenset(names)
        self.values = dict(names) if isinstance(names, Mapping) else {}
        self.vectors = any(getattr(value, "is_Matrix", False) for value in self.values.values())
        self.looks: dict[str, str] = {}
        self.bound: dict[str, int] = {}  # indices of sums, and where they stand
        self.counted: dict[str, set[int]] = {}  # how many entries each of them counts
        self.spent = 0

    def spend(self, node: Node) -> None:
        """One more term of a sum that is written out."""
        self.spent += 1
        if self.spent > _TERMS:
            raise Unreadable(f"the sums have more than {_TERMS} terms: write smaller sizes", node)

    def entry(self, word: str, index: str, node: Node) -> str:
        """An index in which the letters of sums have their numbers."""
        letters = {*re.findall("[A-Za-z]", index)}
        declared, whole = f"{word}_{index}" in self.names, letters <= {*self.bound}
        if not letters & {*self.bound} or (declared and not whole):
            return index
        if declared:
            raise Unreadable(f"{word}_{index} is declared, and {index} counts: which?", node)
        if not whole or (len(index) > 1 and max(self.bound[letter] for letter in letters) > 9):
            raise Unreadable(f"the index {index} is not read: write it out", node)
        for letter in letters:
            size = 0
            while f"{word}_{self._filled(index, {**self.bound, letter: size + 1})}" in self.names:
                size += 1
            self.counted.setdefault(letter, set()).add(size)
        return self._filled(index, self.bound)

    @staticmethod
    def _filled(index: str, bound: Mapping[str, int]) -> str:
        return "".join(str(bound.get(sign, sign)) for sign in index.replace(",", ""))

    def styled(self, word: str, look: str, node: Node) -> str:
        r"""A name that has one look only: `w` and `\mathbf{w}` in one formula are two things."""
        if self.looks.setdefault(word, look) != look:
            raise Unreadable(f"{word} is printed in two ways: are they the same?", node)
        return word
