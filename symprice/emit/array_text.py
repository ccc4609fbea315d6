"""From the graph of an array program to its lines, as a person would write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sympy import Integer, Rational, S

from .array_graph import ADD, ATOM, MATMUL, MUL, POW, Graph, Node
from .code_names import CodeNames, natural

__all__ = ["Line", "Text", "after_arguments", "freed", "give_names", "program", "reached"]

_HALF = Rational(1, 2)
_EXACT = 2**53
_CONTRACTIONS = (".sum(", ".einsum(", ".tensordot(")


class Line(NamedTuple):
    """An assignment, and the names that its value is made of."""

    target: str
    value: str
    uses: frozenset[str]


def freed(lines: Sequence[Line], result: frozenset[str]) -> list[tuple[str, ...]]:
    """After each line, the names that nothing uses any more; those of the result are kept."""
    last = {name: place for place, line in enumerate(lines) for name in line.uses}
    dead: list[list[str]] = [[] for _ in lines]
    for line in lines:
        if line.target not in result and line.target in last:
            dead[last[line.target]].append(line.target)
    return [tuple(names) for names in dead]


class Functions(Protocol):
    """What writes functions in a language."""

    module: str

    def function(self, expr: Any, texts: list[tuple[str, bool]]) -> str:
        """The text of a SymPy function of slots."""


def program(
    graph: Graph, roots: Iterable[Node], result: Node, names: CodeNames, functions: Functions
) -> tuple[list[Line], str, frozenset[str]]:
    """The lines that compute ``roots`` (definitions, in order) and the text of the result, with
    the names that it is made of.
    """
    needed = reached(result)
    ordered = [*(root for root in roots if root in needed), result]
    give_names(graph, needed, names)
    writer = Text(graph, functions)
    lines: list[Line] = []
    done: set[Node] = set()
    for root in ordered:
        for node in after_arguments(root, done):
            if node in graph.names and node.args:
                value, _ = writer.definition(node)
                lines.append(Line(graph.names[node], value, writer.names_in(node)))
    return lines, writer.bare(result), writer.names_of(result)


def reached(result: Node) -> set[Node]:
    """A node and all that it is made of."""
    seen, stack = {result}, [result]
    while stack:
        for arg in stack.pop().args:
            if arg not in seen:
                seen.add(arg)
                stack.append(arg)
    return seen


def after_arguments(root: Node, done: set[Node]) -> Iterable[Node]:
    """The nodes below one, and this, each after its arguments; those ``done`` are left out."""
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif node not in done:
            done.add(node)
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args))


def give_names(graph: Graph, needed: set[Node], names: CodeNames) -> None:
    """A name for every value that is used more than once, in the order of their making."""
    uses: dict[Node, int] = {}
    for node in needed:
        if node.view and node.args:
            continue
        for arg in node.args:
            uses[_seen(arg)] = uses.get(_seen(arg), 0) + 1
    # What is looked at from several sides is written that often.
    forced = {_seen(node) for node in graph.must_have_names if node in needed}
    for node in sorted(needed, key=lambda n: n.serial):
        if node in graph.names or node.view or node.host or not (node.args or node in forced):
            continue
        if uses.get(node, 0) > 1 or node in forced:
            graph.names[node] = names.numbered("t")


def _seen(node: Node) -> Node:
    while node.view and node.args:
        (node,) = node.args
    return node


class Text:
    """Nodes as text."""

    def __init__(self, graph: Graph, functions: Functions) -> None:
        self.names: Mapping[Node, str] = graph.names
        self.functions = functions
        self._memo: dict[Node, tuple[str, int]] = {}

    def names_of(self, node: Node) -> frozenset[str]:
        """The local names in the text of a node."""
        name = self.names.get(node)
        return frozenset([name]) if name is not None else self.names_in(node)

    def names_in(self, node: Node) -> frozenset[str]:
        """The local names in the definition of a node."""
        found: set[str] = set()
        stack = list(node.args)
        while stack:
            arg = stack.pop()
            name = self.names.get(arg)
            if name is not None:
                found.add(name)
            else:
                stack.extend(arg.args)
        return frozenset(found)

    def bare(self, node: Node) -> str:
        """The text where nothing stands beside it."""
        return self._shown(node)[0]

    def factor(self, node: Node, beyond: int = MATMUL) -> str:
        """The text in brackets, unless it binds tighter than ``beyond``."""
        text, tight = self._shown(node)
        if text.startswith("-"):
            tight = ADD
        return text if tight > beyond else f"({text})"

    def _shown(self, node: Node) -> tuple[str, int]:
        name = self.names.get(node)
        if name is not None:
            return name, ATOM
        if node not in self._memo:
            self._memo[node] = self.definition(node)
        return self._memo[node]

    def definition(self, node: Node) -> tuple[str, int]:
        """The text of the operation, and how tightly it binds."""
        if node.kind == "text":
            fields = {f"a{i}": self.bare(arg) for i, arg in enumerate(node.args)}
            fields |= {f"f{i}": self.factor(arg, POW) for i, arg in enumerate(node.args)}
            fields |= {f"l{i}": self.factor(arg, MUL) for i, arg in enumerate(node.args)}
            return (node.content.format(**fields) if node.args else node.content), node.tight
        if node.kind == "number":
            return self.number(node.content)
        if node.kind == "call":
            texts = [(self.bare(arg), self._shown(arg)[1] == ATOM) for arg in node.args]
            return self.functions.function(node.content, texts), node.tight
        if node.kind == "add":
            return self._sum(node), ADD
        if node.kind == "pow":
            return self._power(node)
        return self._product(list(node.args)), MUL

    def number(self, value: Any) -> tuple[str, int]:
        """The text of a number, and how tightly it binds."""
        return number(value)

    # --- arithmetic -------------------------------------------------------------------------------
    def _sum(self, node: Node) -> str:
        texts = [self.bare(term) for term in sorted(node.args, key=self._place_in_sum)]
        first = next((i for i, text in enumerate(texts) if not text.startswith("-")), 0)
        texts.insert(0, texts.pop(first))
        total = texts[0]
        for text in texts[1:]:
            total += f" - {text[1:]}" if text.startswith("-") else f" + {text}"
        return total

    def _place_in_sum(self, node: Node) -> tuple[Any, ...]:
        named = node in self.names
        contracted = not named and _is_contraction(node)
        if node.kind == "number":
            rank = 4
        elif node.trained:
            rank = 3
        elif contracted:
            rank = 1
        elif not named and node.kind == "mul" and any(map(_holds_contraction, node.args)):
            rank = 0
        else:
            rank = 2
        return rank, natural(self.bare(node).lstrip("-("))

    def _product(self, factors: list[Node]) -> str:
        sign, above, below = "", [], []
        for factor in sorted(factors, key=self._place_in_product):
            if factor.kind == "number" and factor.content.is_Rational:
                value = factor.content
                sign = "-" if value < 0 else ""
                if abs(value.p) != 1:
                    above.append(self.number(Integer(abs(value.p)))[0])
                if value.q != 1:
                    below.append(self.number(Integer(value.q))[0])
            elif self._is_below(factor):
                below.append(self._inverse(factor))
            else:
                above.append(self.factor(factor))
        top = "*".join(above) or self.number(S.One)[0]
        if not below:
            return sign + top
        under = below[0] if len(below) == 1 else f"({'*'.join(below)})"
        return f"{sign}{top}/{under}"

    def _place_in_product(self, node: Node) -> tuple[Any, ...]:
        text = self.bare(node)
        if node.kind == "number":
            rank = 0
        elif node.trained:
            rank = 5
        elif node in self.names or node.view:
            rank = 1
        elif _is_contraction(node):
            rank = 4
        else:
            rank = 3 if node.kind == "add" else 2
        return rank, natural(text)

    def _is_below(self, node: Node) -> bool:
        return (
            node.kind == "pow"
            and node not in self.names
            and len(node.args) == 1
            and bool(node.content.is_negative)
        )

    def _inverse(self, node: Node) -> str:
        (base,) = node.args
        if node.content is S.NegativeOne:
            return self.factor(base)
        return self._raised(base, -node.content)[0]

    def _power(self, node: Node) -> tuple[str, int]:
        if len(node.args) == 2:
            return f"{self.factor(node.args[0], POW)}**{self.factor(node.args[1], POW)}", POW
        if node.content.is_negative:
            return f"{self.number(S.One)[0]}/{self._inverse(node)}", MUL
        return self._raised(node.args[0], node.content)

    def _raised(self, base: Node, exponent: Any) -> tuple[str, int]:
        if exponent is S.One:
            return self._shown(base)
        if exponent == _HALF and not base.host:
            return f"{self.functions.module}.sqrt({self.bare(base)})", ATOM
        text, tight = number(exponent)
        if tight != ATOM:
            text = repr(float(exponent))
        return f"{self.factor(base, POW)}**{text}", POW


def number(value: Any) -> tuple[str, int]:
    """Python's own numbers, which do not change the type of an array."""
    if value.is_Integer:
        text = str(value) if abs(value) < _EXACT else repr(float(value))
        return text, ATOM
    if value.is_Rational:
        return f"{value.p}/{value.q}", MUL
    return repr(float(value)), ATOM


def _is_contraction(node: Node) -> bool:
    if node.kind != "text" or not node.args:
        return False
    return node.tight == MATMUL or any(name in node.content for name in _CONTRACTIONS)


def _holds_contraction(node: Node) -> bool:
    if node.kind == "add":
        return any(map(_is_contraction, node.args))
    return _is_contraction(node)
