r"""Where a long formula may break: before signs, then between factors, then inside parentheses.

The breaks follow what mathematicians do by hand. A line begins with the sign that joins it to the
line above; a parenthesis that must be opened over two lines trades ``\left \right``, which cannot
be broken, for a size of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from symprice.emit.documents.fragments import Group, Leaf, Node, parse, source
from symprice.emit.documents.metrics import BIG, CLASSES, OPERATORS, SPACES
from symprice.emit.documents.width import delimiter_size, measure, width

__all__ = ["broken", "halves", "pieces"]

_SIZES = ("", *BIG, "\\Bigg")  # by the number that delimiter_size gives
_SIGNS = {"+", "-", "\\pm", "\\mp"}
_SCRIPTS = {"^", "_", "'"}
_DIFFERENTIALS = {"\\nabla", "\\partial", "\\Delta"}
_FRACTIONS = {"\\frac", "\\dfrac", "\\tfrac"}
_CONTEXT = ("bin", "op", "rel", "open", "punct")


def broken(latex: str, first: float, rest: float) -> tuple[str, ...]:
    """``latex`` in lines of at most ``first``, then ``rest`` ems, as far as it can be broken.

    >>> broken("a + b + c", 40, 38)
    ('a + b + c',)
    >>> broken("a + b + c", 3.6, 3)
    ('a + b', '+ c')
    """
    if width(latex) <= first:
        return (_trimmed(parse(latex)),)
    lines: list[str] = []
    current = ""
    for chunk in _chunks(parse(latex), min(first, rest)):
        if current.strip() and width(current + chunk) > (rest if lines else first):
            lines.append(_trimmed(parse(current)))
            current = chunk
        else:
            current += chunk
    return (*lines, _trimmed(parse(current)))


def pieces(latex: str, limit: float) -> tuple[str, ...]:
    r"""The parts that a line may be filled from: terms, and parts of terms wider than ``limit``.

    >>> pieces(r"-a \left(b + c\right) + e^{-x} = d", 20)
    ('-a \\left(b + c\\right)', '+ e^{-x}', '= d')
    """
    found = (chunk.strip() for chunk in _chunks(parse(latex), limit))
    return tuple(piece + " " if piece.endswith("\\") else piece for piece in found if piece)


def halves(latex: str) -> tuple[str, str, str]:
    r"""The left side, the relation sign and the right side at the first relation of ``latex``.

    >>> halves(r"h(x = 0) \approx a = b")
    ('h(x = 0)', '\\approx', 'a = b')
    >>> halves("a + b")
    ('', '', 'a + b')
    """
    nodes = _paired(parse(latex))
    for i, node in enumerate(nodes):
        if i and isinstance(node, Leaf) and _class(node) == "rel" and node.name != ":":
            return _trimmed(nodes[:i]), node.name, _trimmed(nodes[i + 1 :])
    return "", "", _trimmed(nodes)


def _trimmed(nodes: Sequence[Node]) -> str:
    """The source of ``nodes`` without the space at its end, be it blanks or commands."""
    end = len(nodes)
    while end and isinstance(last := nodes[end - 1], Leaf):
        if last.name not in SPACES and not last.text.isspace():
            break
        end -= 1
    return source(nodes[:end]).strip() if end else ""


def _class(node: Node | None) -> str:
    if not isinstance(node, Leaf):
        return "ord"
    if node.name in OPERATORS:
        return "op"
    return CLASSES.get(node.name, "ord")


def _paired(nodes: Iterable[Node]) -> list[Node]:
    """``nodes`` with what stands between plain or sized parentheses gathered into groups."""
    stack: list[tuple[str, list[Node]]] = [("", [])]
    prefix = ""
    for node in nodes:
        if isinstance(node, Leaf) and node.name.rstrip("lrm") in BIG and node.name not in BIG:
            prefix += node.text
            continue
        opening = prefix + source(node)
        kind = _class(node)
        if kind == "open":
            stack.append((opening, []))
        elif kind == "close" and len(stack) > 1:
            start, children = stack.pop()
            stack[-1][1].append(Group(start, tuple(children), opening))
        elif prefix:
            stack[-1][1].append(Leaf(opening))
        else:
            stack[-1][1].append(node)
        prefix = ""
    while len(stack) > 1:
        start, children = stack.pop()
        stack[-1][1].extend((Leaf(start), *children))
    return stack[0][1] + ([Leaf(prefix)] if prefix else [])


def _split(nodes: Sequence[Node], before: Callable[[int], bool]) -> list[list[Node]]:
    parts: list[list[Node]] = [[]]
    for i, node in enumerate(nodes):
        if i and before(i) and parts[-1]:
            parts.append([])
        parts[-1].append(node)
    return parts


def _terms(nodes: Sequence[Node]) -> list[list[Node]]:
    def before(i: int) -> bool:
        node, previous = nodes[i], nodes[i - 1]
        if isinstance(previous, Leaf) and SPACES.get(previous.name, 0.0) >= 1.0:
            return True
        if not isinstance(node, Leaf) or _class(previous) in _CONTEXT:
            return False
        if isinstance(previous, Leaf) and previous.name in {"^", "_"}:
            return False
        return node.name in _SIGNS or (_class(node) == "rel" and node.name not in (":", "\\mid"))

    return _split(nodes, before)


def _factors(nodes: Sequence[Node], anywhere: bool) -> list[list[Node]]:
    """The factors of a term: at signs of products and between parentheses, or ``anywhere``."""

    def before(i: int) -> bool:
        node, previous = nodes[i], nodes[i - 1]
        name = node.name if isinstance(node, Leaf) else ""
        behind = previous.name if isinstance(previous, Leaf) else ""
        if name in _SCRIPTS | {"/", "\\mid"} or behind in {"^", "_", "/"} or name in SPACES:
            return False
        if _class(node) in ("punct", "close") or _class(previous) in ("bin", "op", "open", "rel"):
            return False
        if _class(node) == "bin" or _class(previous) == "punct":
            return True
        if isinstance(node, Group) and (node.kind == "brace" or _applied(nodes, i)):
            return False  # an argument
        if _derived(nodes, i):
            return False
        if behind and not anywhere:
            return False
        if isinstance(node, Group):
            return not behind  # after a letter it is what a function is applied to
        return _closing(nodes, i - 1) if not anywhere else True

    return _split(nodes, before)


def _applied(nodes: Sequence[Node], i: int) -> bool:
    """Whether the bracket at ``i`` holds what the function before it is applied to: there is no
    blank between them, or an operator with its scripts stands there.
    """
    node = nodes[i]
    if isinstance(node, Group) and node.open.startswith("("):
        if not source(nodes[i - 1]).endswith(" "):
            return True
    at = i - 1
    while at > 1 and isinstance(mark := nodes[at - 1], Leaf) and mark.name in _SCRIPTS:
        at -= 2
    if isinstance(base := nodes[at], Leaf):
        return base.name in OPERATORS
    return at > 0 and isinstance(word := nodes[at - 1], Leaf) and word.name == "\\operatorname"


def _derived(nodes: Sequence[Node], i: int) -> bool:
    """Whether what stands at ``i`` is what a `\\nabla` or a `d/dt` before it is applied to."""
    at = i - 1
    while at > 1 and isinstance(mark := nodes[at - 1], Leaf) and mark.name in _SCRIPTS:
        at -= 2
    if isinstance(base := nodes[at], Leaf):
        return base.name in _DIFFERENTIALS
    if i < 3 or not isinstance(name := nodes[i - 3], Leaf) or name.name not in _FRACTIONS:
        return False
    return (
        re.fullmatch(r"\{(?:d|\\partial)\s*(?:\^\{?\w+\}?)?\}\s*", source(nodes[i - 2])) is not None
    )


def _closing(nodes: Sequence[Node], i: int) -> bool:
    """Whether a parenthesis, with or without scripts, ends at ``i``."""
    node = nodes[i]
    if not isinstance(node, Group):
        return False
    if node.kind != "brace":
        return True
    if i and isinstance(nodes[i - 1], Leaf):
        mark = nodes[i - 1]
        if isinstance(mark, Leaf) and mark.name in {"^", "_"}:
            return i > 1 and _closing(nodes, i - 2)
    return len(node.children) == 1 and isinstance(node.children[0], Group)


def _chunks(nodes: Iterable[Node], limit: float) -> list[str]:
    """Pieces that the lines are filled from, each at most ``limit`` wide where that can be."""
    found: list[str] = []
    for term in _terms(_paired(nodes)):
        if width(source(term)) <= limit:
            found.append(source(term))
            continue
        for factor in _factors(term, anywhere=False):
            if width(source(factor)) <= limit:
                found.append(source(factor))
            else:
                found.extend(_opened(factor, limit) or map(source, _factors(factor, True)))
    return found


def _opened(factor: Sequence[Node], limit: float) -> list[str]:
    """A factor with its widest parenthesis opened, or nothing if there is none to open."""
    best, at = 0.0, -1
    for i, node in enumerate(factor):
        script = i and isinstance(factor[i - 1], Leaf) and source(factor[i - 1])[:1] in "^_"
        if _fence(node) is not None and not script and (wide := width(source(node))) > best:
            best, at = wide, i
    if at < 0 or (fence := _fence(factor[at])) is None:
        return []
    inside = _chunks(fence.children, limit)
    if len(inside) < 2:  # it would fit by itself, but not behind what stands before it
        inside = _chunks(fence.children, limit - width(source(factor[:at])) - 1.0)
    if len(inside) < 2:
        return []
    opening, closing = fence.open, fence.close
    if fence.kind == "fence":
        size = _SIZES[delimiter_size(measure(source(fence.children)))]
        opening = _sized(opening.removeprefix("\\left").strip(), size, "l")
        closing = _sized(closing.removeprefix("\\right").strip(), size, "r")
    start = source(factor[:at]) + opening
    if width(start + inside[0]) <= limit:
        inside[0] = start + inside[0]
    else:  # a line may end behind the sign that opens
        inside.insert(0, start)
    behind = at + 1
    while behind < len(factor) and isinstance(mark := factor[behind], Leaf):
        if mark.name not in _SCRIPTS:
            break
        behind += 1 if mark.name == "'" else 2
    inside[-1] += closing + source(factor[at + 1 : behind])
    rest = list(factor[behind:])
    if width(inside[-1] + source(rest)) <= limit:
        inside[-1] += source(rest)
        return inside
    while rest and isinstance(space := rest[0], Leaf) and space.name in SPACES:
        rest.pop(0)
    return [*inside, *_chunks(rest, limit)]


def _fence(node: Node) -> Group | None:
    """The parenthesis that ``node`` is, itself or inside braces of its own."""
    if not isinstance(node, Group) or node.kind not in ("brace", "fence", "paren"):
        return None
    if node.kind == "brace":
        return _fence(node.children[0]) if len(node.children) == 1 else None
    if any(isinstance(n, Leaf) and n.name.startswith("\\middle") for n in node.children):
        return None
    return node


def _sized(sign: str, size: str, side: str) -> str:
    if sign == ".":
        return ""
    return f"{size}{side}{sign} " if size else f"{sign} "
