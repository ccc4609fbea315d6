r"""Network diagrams: the definitions of a network as a graph, in columns from input to output.

A node is what the formulas have a name for, an arrow says that one is computed from another and
with which parameters: the graph is read off the let-form, so every network can be drawn. The
backward pass runs along the same arrows, with the adjoints under their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sympy import Add, Integer, MatAdd, MatrixSymbol, Symbol
from sympy.core.function import Function
from sympy.matrices.matrixbase import MatrixBase

from ..arrays import ArrayNode
from ..closedform import ClosedForm, ClosedFormMatrix
from ..elementwise import Elementwise
from ..errors import NoRuleError, SympriceError
from ..networks.layer import CHANNELS, COLUMN
from ..networks.network import Network
from ..symbols import Name, NameMatrix, Parameter, ParameterMatrix
from ..tangent.closing import closed_form
from ..tangent.covariance import covariance
from ..tangent.pullback import adjoint_name
from .latex_printer import PaperPrinter
from .notation import noted

__all__ = ["Arrow", "Diagram", "Node", "draw"]

_NEURONS = 16  #: up to so many entries a network of integer widths is drawn neuron by neuron
_MOST = 200  #: and no more are drawn at all
_LABELS = 6  #: up to so many arrows between two columns carry their weights
_TRAINED = (Parameter, ParameterMatrix)


@dataclass(frozen=True)
class Node:
    """A named quantity: its LaTeX, its column from the left, its height (0 is the middle row)."""

    label: str
    column: int
    height: float
    kind: str = "hidden"  #: 'input', 'hidden' or 'output'
    adjoint: str = ""  #: LaTeX of what arrives at it in the backward pass


@dataclass(frozen=True)
class Arrow:
    """From one node to another, by their places in the list, with LaTeX beside it."""

    start: int
    end: int
    label: str = ""
    backward: bool = False  #: whether the backward pass runs along it
    bend: float = 0.0


@dataclass(frozen=True)
class Diagram:
    """A drawn network: SVG in notebooks, TikZ in papers. Made by ``net.draw()``.

    Attributes
    ==========

    nodes, arrows : the graph.
    backward : whether the backward pass is highlighted.
    caption : in prose, what the letters are.

    Examples
    ========

    >>> from symprice import MLP
    >>> diagram = MLP(2, 3, 1).draw()
    >>> len(diagram.nodes), len(diagram.arrows), diagram.backward
    (9, 12, False)
    """

    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    backward: bool = False
    caption: str = field(default="", compare=False)
    drawn: Any = field(default=None, compare=False, repr=False)

    def written_in(self, notation: Any) -> Diagram:
        """The same diagram in a notation, where none was asked for when it was drawn."""
        if self.drawn is None:
            return self
        again = _Reader(self.drawn, self.backward, PaperPrinter({}, noted(notation)).doprint)
        return replace(again.diagram(), caption=self.caption)

    def tikz(self) -> str:
        """A ``tikzpicture``; it needs the package tikz and the library arrows.meta."""
        from .documents.tikz import to_tikz

        return to_tikz(self)

    def svg(self) -> str:
        """Plain inline SVG, without scripts and fonts of its own."""
        from .documents.svg import to_svg

        return to_svg(self)

    def save(self, path: str | Path) -> Path:
        """Write it to a file that ends in .svg, .tikz or .tex (a document of its own)."""
        path = Path(path)
        writers = {".svg": self.svg, ".tikz": self.tikz, ".tex": self._standalone}
        if path.suffix not in writers:
            raise NoRuleError(
                f"asked to save a diagram as {path.name}: write a name that ends in "
                f"{', '.join(writers)}"
            )
        path.write_text(writers[path.suffix]() + "\n", encoding="utf-8")
        return path

    def _standalone(self) -> str:
        return "\n".join(
            [
                r"\documentclass[border=4pt]{standalone}",
                r"\usepackage{amsmath,amssymb,tikz}",
                r"\usetikzlibrary{arrows.meta}",
                r"\begin{document}",
                self.tikz(),
                r"\end{document}",
            ]
        )

    def _repr_html_(self) -> str:
        return self.svg()

    def _repr_svg_(self) -> str:
        return self.svg()

    def __str__(self) -> str:
        from .from_latex import from_latex

        lines = []
        for arrow in self.arrows:
            start, end = (from_latex(self.nodes[i].label) for i in (arrow.start, arrow.end))
            lines.append(
                f"{start} → {end}" + (f"   {from_latex(arrow.label)}" if arrow.label else "")
            )
        return "\n".join(lines)


def draw(
    network: Any, *, backward: bool = False, neurons: bool | None = None, notation: Any = None
) -> Diagram:
    r"""The diagram of a network.

    Parameters
    ==========

    network : a Network, or its value at an input.
    backward : whether the backward pass is highlighted, with the adjoints `δ` at what they belong
        to.
    neurons : whether every neuron is drawn; by default where the network is small.
    notation : how its symbols are written, as for ``to_latex``.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import MLP
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> print(draw(MLP(d, m, 1)))
    x → h₁   W₁, b₁
    h₁ → a₁   tanh
    a₁ → f   W₂, b₂
    >>> draw(MLP(d, m, 1), backward=True).nodes[1].adjoint
    '\\delta_{1}'
    """
    closed = _closed(network, neurons)
    found = _Reader(closed, backward, PaperPrinter({}, noted(notation)).doprint).diagram()
    return found if notation is not None else replace(found, drawn=closed)


def _closed(network: Any, neurons: bool | None) -> Any:
    """The network at an input, in let-form."""
    if isinstance(network, (ClosedForm, ClosedFormMatrix)):
        return network.without_origin()
    if not isinstance(network, Network):
        raise NoRuleError(
            f"asked for the diagram of a {type(network).__name__}: write a Network, or its value "
            "at an input"
        )
    entries = _entries(network)
    if neurons and entries > _MOST:
        raise NoRuleError(
            f"asked to draw {entries:g} neurons: write neurons=False for a node a layer"
        )
    small = entries <= _NEURONS
    if neurons or (neurons is None and small):
        try:
            return network.explicit()
        except SympriceError:
            if neurons:
                raise
    return network(_input(network))


def _entries(network: Network) -> float:
    sides = [side for layer in network.layers for side in layer.widths]
    if any(side is not None and not side.is_Integer for side in sides):
        return float("inf")
    return float(sum(int(side) for side in sides[1::2] if side is not None) + int(sides[0] or 1))


def _input(network: Network) -> MatrixSymbol:
    d = Symbol("d", integer=True, positive=True) if network.fan_in is None else network.fan_in
    places = Symbol("T", integer=True, positive=True)
    if COLUMN in network.taken:
        return MatrixSymbol("x", d, Integer(1))
    sides = (d, places) if network.taken[:1] == (CHANNELS,) else (places, d)
    return MatrixSymbol("X", *sides)


class _Reader:
    """Reads nodes and arrows off a closed form."""

    def __init__(self, closed: Any, backward: bool, show: Any) -> None:
        self.closed, self.backward, self.show = closed, backward, show
        self.values: dict[Any, Any] = dict(closed.definitions)
        self.outputs: list[Any] = []
        body = closed.expr
        entries = list(body) if isinstance(body, MatrixBase) else [body]
        for k, entry in enumerate(entries):
            if entry in self.values:
                self.outputs.append(entry)
                continue
            text = "f" if len(entries) == 1 else f"f_{k + 1}"
            name = (
                NameMatrix(text, *entry.shape) if getattr(entry, "is_Matrix", False) else Name(text)
            )
            self.values[name] = entry
            self.outputs.append(name)
        self.inputs = self._inputs()

    def _inputs(self) -> list[Any]:
        found: dict[Any, None] = {}
        for value in self.values.values():
            for symbol in sorted(value.free_symbols, key=lambda s: _natural(str(s))):
                array = isinstance(symbol, MatrixSymbol)
                if symbol in self.values or isinstance(symbol, _TRAINED) or _constant(symbol):
                    continue
                if array or not self._is_matrix_level():
                    found[symbol] = None
        return list(found)

    def _is_matrix_level(self) -> bool:
        return any(getattr(name, "is_Matrix", False) for name in self.values)

    def diagram(self) -> Diagram:
        """The graph with places."""
        names = [*self.inputs, *self.values]
        before = {n: [p for p in names if p in self.values.get(n, n).free_symbols and p != n]
                  for n in names}  # fmt: skip
        columns: dict[Any, int] = {}
        for name in names:
            columns[name] = 1 + max((columns[p] for p in before[name]), default=-1)
        last = max(columns.values())
        for name in self.outputs:
            columns[name] = last
        heights = _heights(columns)
        trained = self._trained(names, before)
        nodes = tuple(
            Node(
                self.show(name),
                columns[name],
                heights[name],
                "input" if name in self.inputs else "output" if name in self.outputs else "hidden",
                self._adjoint(name) if self.backward and name in trained else "",
            )
            for name in names
        )
        return Diagram(nodes, tuple(self._arrows(names, before, columns, trained)), self.backward)

    def _trained(self, names: Iterable[Any], before: Mapping[Any, list[Any]]) -> set[Any]:
        """What depends on parameters: the backward pass goes that far."""
        found: set[Any] = set()
        for name in names:
            value = self.values.get(name)
            if value is not None and (value.atoms(*_TRAINED) or found & set(before[name])):
                found.add(name)
        return found

    def _adjoint(self, name: Any) -> str:
        """The adjoint of a quantity by the name that formulas have for it, where they have one."""
        adjoint = adjoint_name(name)
        if name in self.outputs or adjoint.name not in self._named:
            return ""
        if getattr(name, "is_Matrix", False):
            return str(self.show(NameMatrix(adjoint.name, *name.shape)))
        return str(self.show(adjoint))

    @cached_property
    def _named(self) -> set[str]:
        """The names in the closed form of a covariance of the network."""
        try:
            closed = closed_form(covariance(self.closed))
            return {str(name) for name in closed.definitions}
        except SympriceError:  # a matrix of outputs, say: then what has weights of its own
            own = {n for n, value in self.values.items() if value.atoms(*_TRAINED)}
            return {adjoint_name(name).name for name in own}

    def _arrows(
        self,
        names: list[Any],
        before: Mapping[Any, list[Any]],
        columns: Mapping[Any, int],
        trained: set[Any],
    ) -> Iterable[Arrow]:
        between: dict[tuple[int, int], int] = {}
        for end in names:
            for start in before[end]:
                key = columns[start], columns[end]
                between[key] = between.get(key, 0) + 1
        turn, heights = 1.0, _heights(columns)
        for end in names:
            for start in before[end]:
                key = columns[start], columns[end]
                label = self._label(start, end) if between[key] <= _LABELS else ""
                bend = 0.0
                if key[1] - key[0] > 1 and self._in_between(start, end, columns):
                    # Round the outside: below what stands in the lower half, else above or below.
                    side = heights[start] + heights[end]
                    bend, turn = (turn, -turn) if not side else (1.0 if side > 0 else -1.0, turn)
                runs = self.backward and start in trained and end in trained
                yield Arrow(names.index(start), names.index(end), label, runs, bend)

    def _in_between(self, start: Any, end: Any, columns: Mapping[Any, int]) -> bool:
        heights = _heights(columns)
        return any(
            columns[start] < columns[n] < columns[end]
            and min(heights[start], heights[end]) - 0.4 <= heights[n]
            and heights[n] <= max(heights[start], heights[end]) + 0.4
            for n in columns
        )

    def _label(self, start: Any, end: Any) -> str:
        """The parameters that meet ``start`` on its way to ``end``, or the function applied."""
        value = self.values[end]
        if isinstance(value, Elementwise):
            applied = value.function(Symbol("u")) if hasattr(value, "function") else None
            return _function_label(applied, self.show)
        if isinstance(value, ArrayNode) or (isinstance(value, Function) and len(value.args) == 1):
            return _function_label(value, self.show)
        terms = value.args if isinstance(value, (Add, MatAdd)) else (value,)
        own = [term for term in terms if start in term.free_symbols]
        found = {p for term in own for p in term.atoms(*_TRAINED)}
        if len([n for n in self._sources(end)]) == 1:  # the bias comes with the only arrow
            found |= value.atoms(*_TRAINED)
        shown = sorted(found, key=lambda p: (not str(p)[:1].isupper(), _natural(str(p))))
        scalar = not getattr(end, "is_Matrix", False)
        if scalar and len(shown) > 1:
            shown = [p for p in shown if any(p in t.free_symbols for t in own)]
        return ", ".join(map(self.show, shown)) if len(shown) <= 2 else ""

    def _sources(self, end: Any) -> list[Any]:
        names = [*self.inputs, *self.values]
        return [n for n in names if n in self.values[end].free_symbols and n != end]


def _function_label(value: Any, show: Any) -> str:
    """`tanh` of `tanh(u)`: what stands before the bracket, where that is short."""
    if value is None:
        return ""
    tex = show(value)
    name = re.match(r"(\\operatorname\{[A-Za-z]+\}|\\[A-Za-z]+|[a-z])", tex)
    plain = name is not None and not tex.startswith((r"\frac", r"\left", r"\max", r"\begin"))
    return name[0] if plain and name is not None else ""


def _constant(symbol: Any) -> bool:
    """Whether a symbol is a size or a number of the architecture."""
    return bool(getattr(symbol, "is_integer", False)) or str(symbol) in ("epsilon", "eps")


def _heights(columns: Mapping[Any, int]) -> dict[Any, float]:
    """Rows of a column, from the top, centred."""
    rows: dict[int, list[Any]] = {}
    for name, column in columns.items():
        rows.setdefault(column, []).append(name)
    return {
        name: (len(names) - 1) / 2 - place
        for names in rows.values()
        for place, name in enumerate(names)
    }


def _natural(text: str) -> list[Any]:
    return [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", text)]
