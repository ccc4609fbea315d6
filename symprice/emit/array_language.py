"""What array programs are written in: NumPy, with SciPy's special functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Symbol

from ..networks.named_function import NamedFunction
from .array_graph import CONDITION, MATMUL, Graph, Node
from .numpy_printer import NumpyWriter
from .others_code import OTHERS, others_code
from .sharing import Sharing

__all__ = ["NumpyLanguage"]


class NumpyLanguage:
    """The operations of an array program in NumPy."""

    module = "np"
    #: Whether functions are rewritten for the tails before they are written.
    is_careful = True
    #: Whether there is code of what a softmax says of other actions, ``of_others``.
    has_others = True

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        #: An array that is given: what is made is of its type, and lies where it lies.
        self.like = ""
        self.special: set[str] = set()
        #: What is called of ``others_code``.
        self.others: set[str] = set()
        self._with_unit: dict[Node, Node] = {}
        self._writer = NumpyWriter({}, Sharing([], {}))

    def declare(self, argument: Any, node: Node) -> None:
        """An argument of the function, and its node: whatever axes it has are all right."""

    # --- views and copies -------------------------------------------------------------------------
    def expanded(self, node: Node, present: Sequence[bool]) -> Node:
        """New axes of length 1, where an axis is not ``present``; none are needed in front."""
        if not any(present) or all(present[list(present).index(True) :]):
            return node
        kept = list(present)[list(present).index(True) :]
        if node in self._with_unit and kept[-2:] == [True, False] and all(kept[:-1]):
            return self._with_unit[node]
        index = ", ".join(":" if here else "None" for here in kept)
        return self.graph.view(f"{{f0}}[{index}]", node)

    def with_units(self, node: Node, present: Sequence[bool]) -> Node:
        """Axes of length 1, also in front."""
        if all(present):
            return node
        index = ", ".join(":" if here else "None" for here in present)
        return self.graph.view(f"{{f0}}[{index}]", node)

    def without_unit(self, node: Node) -> Node:
        """Without the last axis, of length 1; put back, it is the array as it was."""
        view = self.graph.view("{f0}[..., 0]", node)
        self._with_unit[view] = node
        return view

    def picked(self, node: Node, axis: int, place: str) -> Node:
        """The part at one place of an axis."""
        index = ", ".join([*[":"] * axis, place])
        return self.graph.view(f"{{f0}}[{index}]", node)

    def picked_last(self, node: Node, after: int, place: str) -> Node:
        """The part at one place of an axis that has ``after`` axes behind it."""
        index = ", ".join(["...", place, *[":"] * after])
        return self.graph.view(f"{{f0}}[{index}]", node)

    def at_place(self, node: Node, axis: int, ndim: int, place: Node) -> Node:
        """The part at a place of an axis that is computed from sizes."""
        index = ", ".join([*[":"] * axis, "{a1}", *[":"] * (ndim - 1 - axis)])
        return self.graph.text(f"{{f0}}[{index}]", node, place)

    def transposed(self, node: Node, order: Sequence[int]) -> Node:
        """The axes in another order."""
        if list(order) == sorted(order):
            return node
        if len(order) == 2:
            return self.graph.view("{f0}.T", node)
        last = [*range(len(order) - 2), len(order) - 1, len(order) - 2]
        if list(order) == last:
            return self._swapped(node)
        return self._permuted(node, tuple(order))

    def _swapped(self, node: Node) -> Node:
        return self.graph.view("np.swapaxes({a0}, -1, -2)", node)

    def _permuted(self, node: Node, order: tuple[int, ...]) -> Node:
        return self.graph.view(f"np.transpose({{a0}}, {order})", node)

    def reshaped(self, node: Node, lengths: Sequence[str]) -> Node:
        """Other axes over the same entries."""
        comma = "," if len(lengths) == 1 else ""
        shape = f"({', '.join(lengths)}{comma})"
        call = f"{self.module}.reshape({{a0}}, "
        if node.kind == "text" and node.content.startswith(call) and node not in self.graph.names:
            (node,) = node.args
        return self.graph.text(f"{call}{shape})", node)

    def diagonal(self, node: Node, letters: str, kept: str) -> Node | None:
        """The entries at which some axes, those with equal letters, have equal places; None where
        the language has no view of them.
        """
        return self.graph.view(f'np.einsum("{letters}->{kept}", {{a0}})', node)

    def taken(self, node: Node, axis: int, ndim: int, places: Node, deep: int) -> Node:
        """The entries at places of an axis; ``places`` has ``deep`` axes of its own."""
        return self.graph.text(f"np.take({{a0}}, {{a1}}, axis={axis})", node, places)

    # --- sums and products ------------------------------------------------------------------------
    def summed(self, node: Node, axes: Sequence[int], ndim: int) -> Node:
        """The sum over axes."""
        return self.graph.text(f"{self.module}.sum({{a0}}, axis={_axes(axes, ndim)})", node)

    def product(self, left: Node, right: Node) -> Node:
        """A product of matrices, of vectors, or of stacks of matrices."""
        return self.graph.text("{l0} @ {f1}", left, right, tight=MATMUL)

    def contracted(
        self, left: tuple[Node, str], right: tuple[Node, str], result: str, summed: str
    ) -> Node:
        """The sum of products over letters that both have and the result lacks; no others are
        shared.
        """
        axes = f'"{left[1]},{right[1]}->{result}"'
        return self.graph.text(
            f"np.einsum({axes}, {{a0}}, {{a1}}, optimize=True)", left[0], right[0]
        )

    # --- arrays of places -------------------------------------------------------------------------
    def places(self, size: str) -> Node:
        """0, 1, …, size - 1."""
        return self._made(f"arange({size}")

    def identity(self, size: str) -> Node:
        """The identity matrix."""
        return self._made(f"eye({size}, dtype={self.like}.dtype")

    def _made(self, call: str) -> Node:
        """An array that is made, by a call whose bracket is open."""
        return self.graph.text(f"{self.module}.{call})")

    def compared(self, sign: str, left: Node, right: Node) -> Node:
        """A condition on the entries of two arrays."""
        return self.graph.text(f"{{l0}} {sign} {{l1}}", left, right, tight=CONDITION)

    def both(self, one: Node, other: Node) -> Node:
        """Where two conditions hold."""
        return self.graph.text("{f0} & {f1}", one, other, tight=CONDITION)

    def indicator(self, condition: Node) -> Node:
        """1 where a condition holds, else 0."""
        return self.graph.text(f"np.multiply({{a0}}, 1, dtype={self.like}.dtype)", condition)

    def masked(self, condition: Node, node: Node) -> Node:
        """The array where a condition holds, else -∞."""
        return self.graph.text("np.where({a0}, {a1}, -np.inf)", condition, node)

    def spread(self, node: Node, lengths: Sequence[str]) -> Node:
        """The array, or number, at every place of a shape that it broadcasts to."""
        comma = "," if len(lengths) == 1 else ""
        zeros = self._made(f"zeros(({', '.join(lengths)}{comma}), dtype={self.like}.dtype")
        return self.graph.add([node, zeros])

    def stacked(self, nodes: Sequence[Node]) -> Node:
        """Aligned arrays on a new last axis."""
        inner = ", ".join(f"{{a{i}}}" for i in range(len(nodes)))
        return self.graph.text(f"{self.module}.stack(({inner},), axis=-1)", *nodes)

    # --- functions along an axis ------------------------------------------------------------------
    def softmax(self, node: Node, axis: int) -> Node:
        """exp(z)/Σ exp(z) along an axis."""
        return self._special("softmax", node, axis)

    def log_softmax(self, node: Node, axis: int) -> Node:
        """z - log Σ exp(z) along an axis."""
        return self._special("log_softmax", node, axis)

    def log_sum_exp(self, node: Node, axis: int) -> Node:
        """log Σ exp(z) over an axis."""
        return self._special("logsumexp", node, axis)

    def at_likeliest(self, weights: Node, values: Node) -> Node | None:
        """Of arrays with as many axes, the value where the weight is largest along the last axis,
        which is kept; None where the language has no code for it.
        """
        place = self.graph.text("np.argmax({a0}, axis=-1, keepdims=True)", weights)
        return self.graph.text("np.take_along_axis({a0}, {a1}, axis=-1)", values, place)

    def of_others(self, name: str, nodes: Sequence[Node]) -> Node:
        """A function of ``others_code`` along the last axis of some arrays."""
        self.others.add(name)
        inner = ", ".join(f"{{a{place}}}" for place in range(len(nodes)))
        return self.graph.text(f"{name}({inner})", *nodes)

    def _special(self, name: str, node: Node, axis: int) -> Node:
        self.special.add(name)
        return self.graph.text(f"{name}({{a0}}, axis={axis})", node)

    # --- functions of entries ---------------------------------------------------------------------
    def rewritten(self, expr: Any) -> Any:
        """A function in terms of others that the language has; None where it has it itself."""
        return None

    def repeats(self, expr: Any) -> bool:
        """Whether the code of a function holds its argument more than once."""
        if not isinstance(expr, NamedFunction):
            return False
        template = expr.code.template("scipy") or ""
        return template.count("{x}") + template.count("{p}") > 1

    def function(self, expr: Any, texts: list[tuple[str, bool]]) -> str:
        """The text of a SymPy function of slots, given the texts of these."""
        inner = expr.args
        alone = all(arg.is_Symbol for arg in inner) and len(inner) == len(texts)
        names = {}
        for place, (text, atom) in enumerate(texts):
            names[slot(place)] = text if atom or (alone and _is_call(expr)) else f"({text})"
        self._writer._names = names
        return self._writer.definition(expr)

    # --- what stands above the function -----------------------------------------------------------
    def imports(self) -> list[str]:
        """The lines that import what the code calls."""
        special = self.special | self._writer.imports
        found = ["import numpy as np"]
        if special:
            found.append(f"from scipy.special import {', '.join(sorted(special))}")
        return found

    def helpers(self) -> list[str]:
        """The functions of a few lines that the code calls."""
        return [*self._writer.needed(), *others_code(self.others, "np")]

    def called(self) -> set[str]:
        """The names of functions that no symbol may have."""
        own = set(OTHERS) if self.others else set()
        return self.special | self._writer.imports | self._writer.helpers | own

    def opening(self, arrays: Sequence[str]) -> list[str]:
        """The first lines of the function."""
        return []


def slot(place: int) -> Symbol:
    """The symbol that stands for an argument of a function."""
    return Symbol(f"slot{place}", real=True)


def _is_call(expr: Any) -> bool:
    return bool(expr.is_Function) and not hasattr(expr, "code")


def _axes(axes: Sequence[int], ndim: int) -> str:
    shown = [axis - ndim for axis in axes]
    return str(shown[0]) if len(shown) == 1 else f"({', '.join(map(str, shown))})"
