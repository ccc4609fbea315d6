"""From the graph of an array program to loops over the entries of one row.

A sum over a row is known only after a loop, so what depends on it belongs into the next one: the
loops are numbered, and every value has the number of the first loop that can compute it. What a
later loop needs again is computed again, unless a function is called in it: that is kept in a row.
"""

from __future__ import annotations

from typing import Any

from .array_graph import ATOM, Graph, Node
from .array_text import Text, after_arguments, give_names, number, reached
from .code_names import CodeNames
from .loop_language import REDUCTIONS

__all__ = ["Loops"]


class Loops:
    """The loops of a row: ``lines`` as depth, target and value; ``kept`` rows on the way.

    Parameters
    ==========

    result : what is computed: an entry at every place of a row if ``wide``, else one number.
    length : the code of a row.
    made : the code of the row that an entry of the result is put into.
    """

    def __init__(
        self,
        graph: Graph,
        result: Node,
        names: CodeNames,
        language: Any,
        *,
        length: str,
        made: str,
        wide: bool,
    ) -> None:
        self.graph, self.result, self.names = graph, result, names
        self.length, self.made, self.wide = length, made, wide
        self.place = names.fresh("k")
        give_names(graph, reached(result), names)
        self.ordered = list(after_arguments(result, set()))
        self._rows: set[Node] = set()
        self._round: dict[Node, int] = {}
        for node in self.ordered:
            self._classify(node, node in language.rows)
        self._text = _LoopText(graph, language)
        for node in self._rows:
            if not node.args:
                self._text.names[node] = f"{node.content}[{self.place}]"
        # What a later loop reads, and the loops that keep a value in the row of the result.
        self._read: set[Node] = set()
        self._lent: set[int] = set()
        #: The names of rows that are kept from one loop to the next.
        self.kept: list[str] = []
        self.lines: list[tuple[int, str, str]] = self._written()
        #: Whether the lines hold numbers of their own.
        self.has_numbers = any("real(" in value for _, _, value in self.lines)

    def _classify(self, node: Node, given: bool) -> None:
        is_sum = _is_reduction(node)
        self._round[node] = max((self._round[arg] for arg in node.args), default=0) + is_sum
        if given or (not is_sum and any(arg in self._rows for arg in node.args)):
            self._rows.add(node)

    # --- which loop computes what -----------------------------------------------------------------
    def _written(self) -> list[tuple[int, str, str]]:
        targets: list[list[Node]] = [[] for _ in range(self._round[self.result] + 1)]
        for node in self.ordered:
            if _is_reduction(node) and node.args[0].args:
                targets[self._round[node.args[0]]].append(node.args[0])
        kept = {node: place for place, nodes in enumerate(targets) for node in nodes}
        if self.wide:
            targets[-1].append(self.result)
        rounds: dict[Node, list[int]] = {}
        for place, nodes in enumerate(targets):
            for node in self._inside(nodes, kept, place):
                rounds.setdefault(node, []).append(place)
        for node, places in rounds.items():
            if node.kind == "call" and len(places) > 1:
                kept.setdefault(node, places[0])
        insides = [self._inside(nodes, kept, place) for place, nodes in enumerate(targets)]
        for place, inside in enumerate(insides):
            used = {arg for node in inside for arg in node.args} | set(targets[place])
            self._read |= {node for node in used if kept.get(node, place) < place}
        lines: list[tuple[int, str, str]] = []
        for place, (nodes, inside) in enumerate(zip(targets, insides, strict=True)):
            lines += self._numbers(place)
            if nodes:
                lines += self._loop([n for n in self.ordered if n in inside], kept, place)
        if self.wide:
            entry = self._text.bare(self.result)
            return [*lines, (1, f"{self.made}[{self.place}]", entry)]
        return [*lines, (0, "", f"return {self._text.bare(self.result)}")]

    def _inside(self, nodes: list[Node], kept: dict[Node, int], place: int) -> set[Node]:
        """What one loop computes: up to what is kept from those before."""
        seen: set[Node] = set()
        stack = list(nodes)
        while stack:
            node = stack.pop()
            if node in self._rows and node.args and node not in seen:
                if kept.get(node, place) < place:
                    continue
                seen.add(node)
                stack += node.args
        return seen

    # --- text -------------------------------------------------------------------------------------
    def _numbers(self, place: int) -> list[tuple[int, str, str]]:
        """What is one number of a row and known before a loop."""
        lines = []
        for node in self.ordered:
            if node in self._rows or not node.args or self._round[node] != place:
                continue
            if _is_reduction(node):
                (row,) = node.args
                kept = self._text.names[row].removesuffix(f"[{self.place}]")
                value = node.content.format(a0=kept)
            elif node in self.graph.names or node.kind == "call":
                value = self._text.definition(node)[0]
            else:
                continue
            lines.append((0, self._named(node), value))
        return lines

    def _loop(
        self, nodes: list[Node], kept: dict[Node, int], place: int
    ) -> list[tuple[int, str, str]]:
        lines = [(0, "", f"for {self.place} in range(len({self.length})):")]
        for node in nodes:
            if kept.get(node) == place:
                value = self._text.definition(node)[0]
                name = self._row_for(node, place)
                self._text.names[node] = f"{name}[{self.place}]"
                lines.append((1, f"{name}[{self.place}]", value))
            elif node in self.graph.names:
                value = self._text.definition(node)[0]
                lines.append((1, self._named(node), value))
        return lines

    def _row_for(self, node: Node, place: int) -> str:
        """A row to keep a value in: that of the result, where the value is only summed, else one of
        its own.
        """
        is_last = place == self._round[self.result]
        if self.wide and not is_last and node not in self._read and place not in self._lent:
            self._lent.add(place)
            return self.made
        self.kept.append(self._named(node))
        return self.kept[-1]

    def _named(self, node: Node) -> str:
        if node not in self._text.names:
            self._text.names[node] = self.graph.names.get(node) or self.names.numbered("t")
        return self._text.names[node]


class _LoopText(Text):
    """Nodes as text, in which numbers are of the type of the row."""

    def __init__(self, graph: Graph, language: Any) -> None:
        super().__init__(graph, language)
        self.names: dict[Node, str] = {}

    def number(self, value: Any) -> tuple[str, int]:
        """The number, as one of the row's type."""
        return f"real({number(value)[0]})", ATOM


def _is_reduction(node: Node) -> bool:
    return node.kind == "text" and node.content in REDUCTIONS
