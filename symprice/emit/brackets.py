"""Brackets and scripts of LaTeX: where brackets may be plain, what has a superscript already."""

from __future__ import annotations

import re

from .documents.fragments import Group, Leaf, Node, parse, source
from .documents.metrics import OPERATORS

__all__ = ["raised", "scripted", "tidy"]

# What makes brackets grow beyond the height of a line.
_TALL = re.compile(r"\\(?:d?frac|binom|sum|prod|int|iint|oint|begin|left|under|over)(?![a-z])")


# What takes the group behind it as its argument, and the next one, too.
_TAKING_TWO = frozenset({"\\frac", "\\dfrac", "\\tfrac", "\\binom"})
_TAKING = frozenset({"^", "_", "]", "\\sqrt"}) | _TAKING_TWO


def _outside(tex: str) -> str:
    """The characters of ``tex`` that stand in no group."""
    return "".join(n.text for n in parse(tex) if isinstance(n, Leaf))


def raised(tex: str) -> bool:
    r"""Whether ``tex`` has a superscript of its own, so that another one does not compile.

    >>> raised("w^{(1)}_{2}"), raised("x'"), raised(r"\\sigma{\\left(x^{2}\\right)}")
    (True, True, False)
    """
    return ("^" in tex or "'" in tex) and any(mark in _outside(tex) for mark in "^'")


def scripted(tex: str) -> bool:
    """Whether ``tex`` ends with a script, raised or lowered."""
    return raised(tex) or "_" in _outside(tex)


def tidy(tex: str) -> str:
    r"""``tex`` with plain brackets round arguments that are no taller than a line.

    ``\left(`` puts a thin space before the bracket, which reads as a product.

    >>> print(tidy(r"\sigma{\left(x \right)} \operatorname{NTCov}\left(P, Q\right)"))
    \sigma(x) \operatorname{NTCov}(P, Q)
    >>> print(tidy(r"f{\left(\frac{1}{x} \right)} + f'\left(x\right) + x' \left(y + z\right)"))
    f{\left(\frac{1}{x}\right)} + f'(x) + x' \left(y + z\right)
    >>> print(tidy(r"\frac{k}{\left(x + y \right)} + k^{\left(x + y \right)}"))
    \frac{k}{x + y} + k^{\left(x + y\right)}
    """
    return source(_tidied(parse(tex))).rstrip()


def _tidied(nodes: tuple[Node, ...]) -> list[Node]:
    found: list[Node] = []
    for i, node in enumerate(nodes):
        if isinstance(node, Leaf):
            found.append(node)
        elif _round(node):
            inner = source(_tidied(node.children)).strip()
            blank = node.close[len(node.close.rstrip()) :]
            if i > 0 and _calls(nodes[i - 1]):
                found.append(Leaf(_call(inner, _operator(nodes[:i])) + blank))
            else:
                found.append(Leaf(rf"\left({inner}\right){blank}"))
        elif _braced(node) and isinstance(fence := node.children[0], Group):
            inner = source(_tidied(fence.children)).strip()
            if (place := _takes(nodes[max(i - 2, 0) : i])) is None:
                found.append(Leaf(_call(inner, _operator(nodes[:i])) + node.close[1:]))
            elif place in ("^", "_", "]"):
                found.append(Leaf(rf"{{\left({inner}\right){node.close}"))
            else:  # a bar over it, and a bar above or below it, are brackets enough
                found.append(Leaf(f"{{{inner}{node.close}"))
        else:
            found.append(Group(node.open, tuple(_tidied(node.children)), node.close))
    return found


def _takes(before: tuple[Node, ...]) -> str | None:
    """What a group is the exponent, the root or the side of a fraction of, by what precedes it."""
    names = [node.name if isinstance(node, Leaf) else "" for node in before]
    if names and names[-1] in _TAKING:
        return names[-1]
    return names[0] if len(names) == 2 and not names[1] and names[0] in _TAKING_TWO else None


def _call(inner: str, operator: bool) -> str:
    r"""Arguments in their brackets; those that grow get no thin space, which `\exp` would add."""
    if _low(inner):
        return f"({inner})"
    return rf"\!\left({inner}\right)" if operator else rf"{{\left({inner}\right)}}"


def _operator(before: tuple[Node, ...]) -> bool:
    r"""Whether what stands before a bracket is `\operatorname{}` or a command like `\exp`."""
    rest = list(before)
    while len(rest) > 1 and isinstance(mark := rest[-2], Leaf) and mark.name in ("^", "_"):
        rest = rest[:-2]
    if rest and isinstance(last := rest[-1], Leaf):
        return last.name in OPERATORS
    return len(rest) > 1 and isinstance(mark := rest[-2], Leaf) and mark.name == r"\operatorname"


def _low(tex: str) -> bool:
    return not _TALL.search(tex)


def _round(node: Node) -> bool:
    return isinstance(node, Group) and node.open.strip() == r"\left(" and ")" in node.close


def _braced(node: Group) -> bool:
    return node.kind == "brace" and len(node.children) == 1 and _round(node.children[0])


def _calls(node: Node) -> bool:
    """Whether a function's name stands right before a bracket: a product has a blank there."""
    if isinstance(node, Group):
        return node.kind == "brace" and not _braced(node) and not node.close.endswith(" ")
    named = node.text.isalpha() or node.text.startswith("\\") or not node.text.strip("'")
    return named and not node.text.endswith(" ")
