r"""LaTeX fragments as trees: enough of TeX to measure a formula and to know where it may break.

The parser reads what SymPy and this package write, loses no character that matters, and never
raises: whatever it does not know is a leaf.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Group", "Leaf", "Node", "parse", "source", "well_formed"]

_TOKEN = re.compile(
    r"""[^\\\d]\s* | \d+(?:\.\d+)?\s*
      | \\(?:text|textrm|textit|textbf|texttt|textsf|mbox)\s*\{(?:[^{}]|\{[^{}]*\})*\}\s*
      | \\(?:left|right|middle)(?![A-Za-z])\s*(?:\\[A-Za-z]+|\\.|.)\s*
      | \\begin\{array\}(?:\[[^\]]*\])?\s*\{[^{}]*\}\s*
      | \\(?:begin|end)\s*\{[A-Za-z]+\*?\}(?:\[[^\]]*\])?\s*
      | \\[A-Za-z]+\*?\s*
      | \\\\(?:\[[^\]]*\])?\s*
      | \\.\s* | \\""",
    re.VERBOSE | re.DOTALL,
)
_OPENING = re.compile(r"\{|\\(?:left|begin)(?![A-Za-z])")
_CLOSING = re.compile(r"\}|\\(?:right|end)(?![A-Za-z])")


class Leaf(NamedTuple):
    """One token: a character, a number, a command or a ``\\text{}``, with the blanks behind it."""

    text: str

    @property
    def name(self) -> str:
        """The token without blanks; a text command without its words."""
        if len(self.text) == 1:
            return self.text
        stripped = self.text.strip()
        if stripped.startswith(("\\text", "\\mbox")):
            return stripped.split("{", 1)[0].rstrip()
        if stripped == "\\" != self.text:
            return "\\ "
        return stripped or self.text[:1]


class Group(NamedTuple):
    r"""What stands between ``open`` and ``close``: braces, a fence, an environment."""

    open: str
    children: tuple[Node, ...]
    close: str

    @property
    def kind(self) -> str:
        """``brace``, ``fence``, ``paren`` or the name of the environment."""
        if self.open.startswith("{"):
            return "brace"
        if self.open.startswith("\\left"):
            return "fence"
        if self.open.startswith("\\begin"):
            return self.open.split("{", 1)[1].split("}", 1)[0]
        return "paren"


Node = Leaf | Group


def source(nodes: Node | Iterable[Node]) -> str:
    """The LaTeX of a node or of a run of nodes."""
    if isinstance(nodes, Leaf):
        return nodes.text
    if isinstance(nodes, Group):
        return nodes.open + source(nodes.children) + nodes.close
    return "".join(source(node) for node in nodes)


def parse(latex: str) -> tuple[Node, ...]:
    r"""The nodes of a fragment.

    >>> [source(node) for node in parse(r"\frac{a}{b} \left(x + 1\right)^{2}")]
    ['\\frac', '{a}', '{b} ', '\\left(x + 1\\right)', '^', '{2}']
    >>> source(parse(r"\}{ \end{x}"))
    '\\}{ \\end{x}'
    """
    root: list[Node] = []
    stack: list[tuple[str, list[Node]]] = [("", root)]
    for token in _TOKEN.findall(latex):
        if token[0] not in "{}\\":
            stack[-1][1].append(Leaf(token))
        elif _opens(token):
            stack.append((token, []))
        elif _closes(token) and len(stack) > 1 and _partners(stack[-1][0], token):
            opening, children = stack.pop()
            stack[-1][1].append(Group(opening, tuple(children), token))
        else:
            stack[-1][1].append(Leaf(token))
    while len(stack) > 1:  # never closed: the opening is a leaf like any other
        opening, children = stack.pop()
        stack[-1][1].extend((Leaf(opening), *children))
    return tuple(root)


def well_formed(latex: str) -> bool:
    r"""Whether everything in ``latex`` is closed, and no cell or row ends outside a table.

    >>> well_formed(r"\left. x \right|_{a}"), well_formed(r"\frac{a"), well_formed(r"a\right)")
    (True, False, False)
    >>> well_formed("a & b"), well_formed(r"\begin{matrix} a & b \end{matrix}")
    (False, True)
    """

    def stray(node: Node, inside: bool) -> bool:
        if isinstance(node, Group):
            inside = inside or node.kind != "fence"
            return any(stray(child, inside) for child in node.children)
        if node.name in ("&", "\\cr") or node.name.startswith("\\\\"):
            return not inside
        return _opens(node.text) or _closes(node.text) or node.text == "\\" or node.name == "$"

    return not any(stray(node, False) for node in parse(latex))


def _opens(token: str) -> bool:
    return token.startswith(("{", "\\left", "\\begin")) and _OPENING.match(token) is not None


def _closes(token: str) -> bool:
    return token.startswith(("}", "\\right", "\\end")) and _CLOSING.match(token) is not None


def _partners(opening: str, closing: str) -> bool:
    if opening.startswith("{"):
        return closing.startswith("}")
    if opening.startswith("\\left"):
        return closing.startswith("\\right")
    environment = opening.split("{", 1)[1].split("}", 1)[0]
    return closing.startswith("\\end") and f"{{{environment}}}" in closing
