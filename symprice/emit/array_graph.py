"""The graph of a generated array program: every value once, whatever it is used for.

A node is an operation on nodes, and equal nodes are one object; so what a formula repeats is
computed once, and a value that a definition names is that name wherever it occurs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sympy import Rational, S

__all__ = ["ADD", "ATOM", "CONDITION", "MATMUL", "MUL", "POW", "Array", "Graph", "Node"]

# How tightly the text of a node holds together.
CONDITION, ADD, MUL, MATMUL, POW, ATOM = range(6)
# How many terms of a sum are written in one line.
_TERMS = 40


class Node:
    """One operation; made by ``Graph`` alone, which keeps equal ones together.

    ``kind`` is 'text' (a template over the arguments), 'number', 'add', 'mul', 'pow' or 'call' (a
    SymPy function of slots). A ``view`` costs nothing and is written wherever it is used.
    """

    __slots__ = ("args", "content", "host", "kind", "serial", "tight", "trained", "view")

    def __init__(self, kind: str, content: Any, args: tuple[Node, ...], serial: int) -> None:
        self.kind, self.content, self.args, self.serial = kind, content, args, serial
        self.tight = ATOM
        self.view = self.trained = self.host = False

    def __repr__(self) -> str:
        return f"<{self.kind} {self.content} {list(self.args)}>"


class Array(NamedTuple):
    """A node and what its axes are: batch labels, indices, or positions of a stored array."""

    node: Node
    axes: tuple[Any, ...] = ()


class Graph:
    """All nodes of one function, and the names that some of them have."""

    def __init__(self) -> None:
        self._nodes: dict[Any, Node] = {}
        self.names: dict[Node, str] = {}
        self.must_have_names: set[Node] = set()

    def _node(self, kind: str, content: Any, args: tuple[Node, ...]) -> Node:
        key = (kind, content, *args)
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = Node(kind, content, args, len(self._nodes))
            found.host = bool(args) and all(a.host for a in args)
        return found

    def leaf(self, text: str, trained: bool = False) -> Node:
        """A value that has its name already."""
        node = self._node("text", text, ())
        node.view, node.trained = True, trained
        return node

    def size(self, text: str, tight: int = ATOM) -> Node:
        """A number that Python computes from shapes."""
        node = self._node("text", text, ())
        node.view = node.host = True
        node.tight = tight
        return node

    def number(self, value: Any) -> Node:
        """A number of the formula."""
        node = self._node("number", value, ())
        node.view = node.host = True
        return node

    def text(self, template: str, *args: Node, tight: int = ATOM) -> Node:
        """A call or an operation: `{a0}` is the first argument, `{f0}` the same as a factor."""
        node = self._node("text", template, args)
        node.tight, node.host = tight, False
        for place, arg in enumerate(args):
            if template.count(f"{{a{place}}}") + template.count(f"{{f{place}}}") > 1:
                self.must_have_names.add(arg)
        return node

    def view(self, template: str, arg: Node) -> Node:
        """Another look at the memory of an array."""
        node = self.text(template, arg)
        node.view, node.trained = True, arg.trained
        return node

    def call(self, function: Any, *args: Node) -> Node:
        """A function of SymPy, whose slots are the arguments."""
        return self._node("call", function, args)

    def _is_open(self, node: Node, kind: str) -> bool:
        """Whether a node is of a kind, and no definition, which is computed as it stands."""
        named = node in self.names or node in self.must_have_names
        return node.kind == kind and not named

    def add(self, terms: Iterable[Node]) -> Node:
        """The sum of aligned arrays."""
        parts: list[Node] = []
        for term in terms:
            parts.extend(term.args if self._is_open(term, "add") else [term])
        parts = [p for p in parts if not (p.kind == "number" and p.content is S.Zero)]
        if not parts:
            return self.number(S.Zero)
        if len(parts) == 1:
            return parts[0]
        parts.sort(key=lambda p: p.serial)
        node = self._sum(parts[:_TERMS])
        for start in range(_TERMS, len(parts), _TERMS):
            # A long sum is taken in parts: Python reads a + b + … by recursion.
            self.must_have_names.add(node)
            node = self._sum([node, *parts[start : start + _TERMS]])
        return node

    def _sum(self, parts: list[Node]) -> Node:
        node = self._node("add", None, tuple(parts))
        node.tight = ADD
        return node

    def mul(self, factors: Iterable[Node]) -> Node:
        """The product of aligned arrays; equal ones are a power, the numbers are one number."""
        coefficient: Any = S.One
        powers: dict[Node, Any] = {}
        stack = list(factors)[::-1]
        while stack:
            factor = stack.pop()
            if factor.kind == "number":
                coefficient = coefficient * factor.content
            elif self._is_open(factor, "mul"):
                stack.extend(reversed(factor.args))
            else:
                base, exponent = factor, S.One
                if self._is_open(factor, "pow") and len(factor.args) == 1:
                    base, exponent = factor.args[0], factor.content
                powers[base] = powers.get(base, S.Zero) + exponent
        if coefficient is S.Zero:
            return self.number(S.Zero)
        parts = [self.power(base, exponent) for base, exponent in powers.items()]
        parts = [p for p in parts if not (p.kind == "number" and p.content is S.One)]
        if coefficient is not S.One or not parts:
            parts.append(self.number(coefficient))
        if len(parts) == 1:
            return parts[0]
        node = self._node("mul", None, tuple(sorted(parts, key=lambda p: p.serial)))
        node.tight = MUL
        return node

    def split(self, node: Node) -> tuple[Node | None, Node]:
        """The number in front of a product, if there is one, and the rest."""
        if not self._is_open(node, "mul"):
            return None, node
        numbers = [factor for factor in node.args if factor.kind == "number"]
        rest = [factor for factor in node.args if factor.kind != "number"]
        return (numbers[0], self.mul(rest)) if numbers else (None, node)

    def power(self, base: Node, exponent: Any) -> Node:
        """`base**exponent` for a number as exponent."""
        if exponent is S.One:
            return base
        if exponent is S.Zero:
            return self.number(S.One)
        if base.kind == "number":
            return self.number(base.content**exponent)
        node = self._node("pow", exponent, (base,))
        node.tight = POW
        if exponent.is_negative:
            node.tight = MUL
        elif exponent == Rational(1, 2) and not base.host:
            node.tight = ATOM
        return node

    def power_of(self, base: Node, exponent: Node) -> Node:
        """`base**exponent` for an array as exponent."""
        node = self._node("pow", None, (base, exponent))
        node.tight = POW
        return node
