r"""Network diagrams as TikZ pictures that are never wider than their line."""

from __future__ import annotations

from typing import Any

from symprice.emit.documents.texprose import math
from symprice.emit.documents.width import width

__all__ = ["crowded", "to_tikz"]

_APART, _ABOVE = 2.1, 1.25  #: between columns and rows, in centimetres
_EM = 0.38  #: of the type, in centimetres

_STYLES = r"""  every node/.style={font=\small},
  quantity/.style={draw, rounded corners=3mm, minimum size=7.5mm, inner sep=2pt},
  input/.style={quantity, draw=none},
  hidden/.style={quantity},
  output/.style={quantity, thick},
  forward/.style={-{Stealth[length=1.6mm]}, black!75},
  back/.style={-{Stealth[length=1.6mm]}, red!75!black, densely dashed},
  beside/.style={font=\scriptsize, inner sep=1.5pt},"""


def to_tikz(diagram: Any) -> str:
    r"""The ``tikzpicture`` of a diagram; it needs the library arrows.meta.

    >>> from symprice import MLP
    >>> from symprice.emit.diagrams import draw
    >>> print(to_tikz(draw(MLP(1, 1), neurons=True)).splitlines()[-2])
      \draw[forward] (n0) -- node[beside, above] {$w^{(1)}_{11}$} (n1);
    """
    dense = crowded(diagram)
    apart, above = _spacing(diagram), _ABOVE * (1.3 if dense else 1)
    apart *= 1.25 if dense else 1
    lines = [r"\begin{tikzpicture}[", _STYLES, "]"]
    for i, node in enumerate(diagram.nodes):
        place = f"({node.column * apart:.2f}, {node.height * above:.2f})"
        lines.append(rf"  \node[{node.kind}] (n{i}) at {place} {{${math(node.label)}$}};")
        if node.adjoint:
            lines.append(
                rf"  \node[beside, red!75!black, below=1.5mm] at (n{i}.south) "
                rf"{{${math(node.adjoint)}$}};"
            )
    for arrow in diagram.arrows:
        label = ""
        if arrow.label:
            start, end = diagram.nodes[arrow.start], diagram.nodes[arrow.end]
            sloped = dense and start.height != end.height
            # Steep arrows cross in the middle: their labels stand where they end.
            share = 0.24 if abs(start.height - end.height) <= 1 else 0.7
            where = f"sloped, pos={share}, fill=white, inner sep=0.6pt" if sloped else "above"
            label = rf" node[beside, {where}] {{${math(arrow.label)}$}}"
        shift = "[yshift=0.9mm]" if arrow.backward and not arrow.bend else ""
        tail, tip = f"n{arrow.start}", f"n{arrow.end}"
        if arrow.bend:
            how = f"to[bend {'left' if arrow.bend > 0 else 'right'}=38]"
            lines.append(rf"  \draw[forward] ({tail}) {how}{label} ({tip});")
            if arrow.backward:
                how = f"to[bend {'right' if arrow.bend > 0 else 'left'}=30]"
                lines.append(rf"  \draw[back] ({tip}) {how} ({tail});")
            continue
        if not shift:
            lines.append(rf"  \draw[forward] ({tail}) --{label} ({tip});")
            continue
        lines.append(
            rf"  \draw[forward] ([yshift=0.8mm]{tail}.east) --{label} ([yshift=0.8mm]{tip}.west);"
        )
        lines.append(rf"  \draw[back] ([yshift=-0.8mm]{tip}.west) -- ([yshift=-0.8mm]{tail}.east);")
    return "\n".join([*lines, r"\end{tikzpicture}"])


def _spacing(diagram: Any) -> float:
    """The distance of columns: what the widest node and the widest label need."""
    node = max((width(node.label) for node in diagram.nodes), default=0.0)
    label = max((width(arrow.label) for arrow in diagram.arrows), default=0.0)
    return max(_APART, _EM * (0.92 * node + 0.8 * label) + 0.9)


def crowded(diagram: Any) -> bool:
    """Whether arrows of one pair of columns cross, so that labels lie along them."""
    pairs = [(diagram.nodes[a.start].column, diagram.nodes[a.end].column) for a in diagram.arrows]
    return any(pairs.count(pair) > 2 for pair in set(pairs))
