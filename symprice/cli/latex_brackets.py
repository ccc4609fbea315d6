r"""What stands between brackets, bars and angles in LaTeX, as groups.

A bar opens where none is open, so `\|a\| + \|b\|` has two of them; where a bar inside another one
is as likely, it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..emit.documents.fragments import Group, Leaf, Node
from .latex_names import Unreadable, mark

__all__ = ["paired"]

_PARTNERS = {"(": ")", "[": "]", r"\{": r"\}", r"\lvert": r"\rvert", r"\lVert": r"\rVert",
             r"\langle": r"\rangle"}  # fmt: skip
_BARS = {"|": (r"\lvert ", r"\rvert "), r"\|": (r"\lVert ", r"\rVert "),
         r"\vert": (r"\lvert ", r"\rvert "), r"\Vert": (r"\lVert ", r"\rVert ")}  # fmt: skip
_OPERATORS = {"+", "-", "*", "/", ",", "=", r"\cdot", r"\times", r"\odot", r"\circ", "&"}
_SCRIPTS = {"^", "_"}


def paired(nodes: Sequence[Node]) -> list[Node]:
    """The nodes, with a group for every pair of brackets.

    Examples
    ========

    >>> from symprice.cli.latex_brackets import paired
    >>> from symprice.emit.documents.fragments import parse
    >>> [type(node).__name__ for node in paired(parse('a (b + c)'))]
    ['Leaf', 'Group']
    """
    stack: list[tuple[Leaf | None, list[Node]]] = [(None, [])]
    for node in nodes:
        opening, inside = stack[-1]
        if isinstance(node, Group):
            inside.append(Group(node.open, tuple(paired(node.children)), node.close))
        elif node.name in _PARTNERS:
            stack.append((node, []))
        elif node.name in _PARTNERS.values():
            if opening is None:
                raise Unreadable("a bracket is closed that was not opened: write both", node)
            if _PARTNERS[opening.name] != node.name:
                raise Unreadable("a bracket is closed by one of another kind", node)
            stack.pop()
            stack[-1][1].append(Group(opening.text, tuple(_barred(inside)), node.text))
        else:
            inside.append(node)
    opening, inside = stack[-1]
    if opening is not None:
        raise Unreadable("a bracket is opened that is not closed: write both", opening)
    return _barred(inside)


def _barred(nodes: list[Node]) -> list[Node]:
    """The nodes of one level, with what stands between bars as groups."""
    found: list[Node] = []
    opened: Node | None = None
    inside: list[Node] = []
    since: list[Node] | None = None  # what stands between the last pair and this one
    for node in nodes:
        if mark(node) not in _BARS:
            (found if opened is None else inside).append(node)
            if mark(node) == "=" or mark(node).startswith("\\\\"):
                since = None
                if opened is not None:
                    raise Unreadable("a bar is opened that is not closed: write both", opened)
            elif since is not None and opened is None:
                since.append(node)
        elif opened is None:
            if since and not {mark(since[0]), mark(since[-1])} & (_OPERATORS | _SCRIPTS):
                raise Unreadable(rf"which bar closes which? write \left{mark(node)}", node)
            opened, inside = node, []
        elif mark(node) != mark(opened):
            inside.append(node)
        else:
            operators = _OPERATORS | _SCRIPTS
            if not inside or mark(inside[0]) in operators - {"-"} or mark(inside[-1]) in operators:
                raise Unreadable(rf"which bar closes which? write \left{mark(node)}", node)
            left, right = _BARS[mark(node)]
            found.append(Group(left, tuple(_barred(inside)), right))
            opened, since = None, []
    if opened is not None:
        raise Unreadable("a bar is opened that is not closed: write both", opened)
    return found
