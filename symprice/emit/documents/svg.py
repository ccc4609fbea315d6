"""Network diagrams as plain inline SVG: no scripts, no fonts, readable in any viewer."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Any

from symprice.emit.documents.fragments import Leaf, Node, parse
from symprice.emit.documents.tikz import crowded
from symprice.emit.documents.width import width
from symprice.emit.from_latex import from_latex

__all__ = ["label", "to_svg"]

_APART, _ABOVE, _MARGIN = 96.0, 62.0, 34.0
_RADIUS = 19.0
_SIZE = 15.0  #: of the type, in pixels
_ADVANCE = 0.35  #: of a raised character, in sizes of the type that it is raised from
_INK, _BACK = "#333", "#b3261e"
_FONT = "'Latin Modern Math', 'STIX Two Math', 'Times New Roman', serif"
_LETTERS = {
    r"\mathrm": "normal", r"\operatorname": "normal", r"\mathit": "italic", r"\mathbf": "bold",
    r"\boldsymbol": "bold", r"\text": "normal",
}  # fmt: skip

Point = tuple[float, float]


def to_svg(diagram: Any) -> str:
    """The SVG of a diagram.

    >>> from symprice import MLP
    >>> from symprice.emit.diagrams import draw
    >>> to_svg(draw(MLP(1, 2, 1))).count('<rect')
    6
    """
    half = [max(_RADIUS, 0.36 * _SIZE * 1.6 * width(n.label) + 7) for n in diagram.nodes]
    label_width = max((width(arrow.label) for arrow in diagram.arrows), default=0.0)
    apart = max(_APART, 2 * max(half) + 46 + 6 * label_width)
    apart *= 1.35 if crowded(diagram) else 1.0
    columns = max(node.column for node in diagram.nodes)
    top = max(node.height for node in diagram.nodes)
    bottom = min(node.height for node in diagram.nodes)
    bent = 44.0 if any(arrow.bend for arrow in diagram.arrows) else 0.0
    wide = 2 * _MARGIN + columns * apart + 2 * max(half) - 20
    above = _ABOVE * (1.35 if crowded(diagram) else 1.0)
    high = 2 * _MARGIN + (top - bottom) * above + 2 * bent + 14
    left, ceiling = _MARGIN + max(half) - 10, _MARGIN + bent
    places = [(left + n.column * apart, ceiling + (top - n.height) * above) for n in diagram.nodes]
    body: list[str] = []
    for arrow in diagram.arrows:
        body += _arrow(arrow, places, half, diagram)
    for node, place, reach in zip(diagram.nodes, places, half, strict=True):
        body += _node(node, place, reach)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" '
        f'width="{wide:.0f}" height="{high:.0f}" role="img" '
        f'font-family="{_FONT}" '
        f'font-size="{_SIZE:g}" fill="{_INK}"><title>{escape(_title(diagram))}</title>'
        f'<rect width="{wide:.0f}" height="{high:.0f}" fill="#fff"/>{"".join(body)}</svg>'
    )


def _title(diagram: Any) -> str:
    names = [from_latex(node.label) for node in diagram.nodes if node.kind != "hidden"]
    return f"A network diagram: {', '.join(names)}"


def _node(node: Any, place: Point, reach: float) -> list[str]:
    x, y = place
    found = []
    if node.kind != "input":
        stroke = 2.2 if node.kind == "output" else 1.2
        found.append(
            f'<rect x="{x - reach:.1f}" y="{y - _RADIUS:.1f}" width="{2 * reach:.1f}" '
            f'height="{2 * _RADIUS:.1f}" rx="{_RADIUS:.1f}" fill="#fff" stroke="{_INK}" '
            f'stroke-width="{stroke}"/>'
        )
    found.append(
        f'<text x="{x:.1f}" y="{y + 5:.1f}" text-anchor="middle">{label(node.label)}</text>'
    )
    if node.adjoint:
        found.append(
            f'<text x="{x:.1f}" y="{y + _RADIUS + 15:.1f}" text-anchor="middle" font-size="13" '
            f'fill="{_BACK}">{label(node.adjoint)}</text>'
        )
    return found


def _arrow(arrow: Any, places: Sequence[Point], half: Sequence[float], diagram: Any) -> list[str]:
    (x, y), (u, v) = places[arrow.start], places[arrow.end]
    x, u = x + half[arrow.start], u - half[arrow.end]
    if diagram.nodes[arrow.start].kind == "input":
        x -= 6
    found: list[str] = []
    if arrow.bend:
        up = -arrow.bend * (58 + 5 * abs(u - x) / _APART)
        middle = ((x + u) / 2, (y + v) / 2 + up)
        x, u = x - half[arrow.start] * 0.5, u + half[arrow.end] * 0.5
        side = -_RADIUS * 0.9 * arrow.bend
        found += _line([(x, y + side), middle, (u, v + side)], _INK)
        if arrow.backward:
            low = (middle[0], middle[1] + 9 * arrow.bend)
            found += _line([(u - 8, v + side), low, (x + 8, y + side)], _BACK, dashed=True)
        tip = (middle[0], (middle[1] + (y + v) / 2) / 2 + side - 4)
    else:
        shift = 4.0 if arrow.backward else 0.0
        found += _line([(x + 2, y - shift), (u - 2, v - shift)], _INK)
        if arrow.backward:
            found += _line([(u - 2, v + shift), (x + 2, y + shift)], _BACK, dashed=True)
        level = abs(v - y) < 1
        rows = abs(diagram.nodes[arrow.start].height - diagram.nodes[arrow.end].height)
        share = 0.5 if level else 0.27 if rows <= 1 else 0.7
        tip = (x + share * (u - x), y + share * (v - y) - (shift + 8 if level else -4))
    if arrow.label:
        found.append(
            f'<text x="{tip[0]:.1f}" y="{tip[1]:.1f}" text-anchor="middle" font-size="12" '
            f'stroke="#fff" stroke-width="3" paint-order="stroke">{label(arrow.label)}</text>'
        )
    return found


def _line(points: Sequence[Point], ink: str, dashed: bool = False) -> list[str]:
    """A straight or a bent line with a head at its end."""
    start, end = points[0], points[-1]
    before = list(pairwise(points))[-1][0]
    middle = f"Q{_at(points[1])} " if len(points) == 3 else "L"
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    length = max(((end[0] - before[0]) ** 2 + (end[1] - before[1]) ** 2) ** 0.5, 1e-9)
    dx, dy = 8 * (end[0] - before[0]) / length, 8 * (end[1] - before[1]) / length
    head = [
        (end[0] - dx - dy / 2, end[1] - dy + dx / 2),
        (end[0] - dx + dy / 2, end[1] - dy - dx / 2),
    ]
    return [
        f'<path d="M{_at(start)} {middle}{_at((end[0] - dx / 2, end[1] - dy / 2))}" fill="none" '
        f'stroke="{ink}" stroke-width="1.2"{dash}/>'
        f'<polygon points="{_at(end)} {_at(head[0])} {_at(head[1])}" fill="{ink}"/>'
    ]


def _at(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


# --- labels ---------------------------------------------------------------------------------------
def label(latex: str) -> str:
    r"""LaTeX of a name as ``tspan`` elements.

    >>> print(label("h_{1}"))
    <tspan font-style="italic">h</tspan><tspan dy="4" font-size="70%">1</tspan>
    """
    return "".join(_spans(parse(latex), 0.0))


def _spans(nodes: Sequence[Node], moved: float) -> list[str]:
    found: list[str] = []
    i = 0
    raised = 0.0
    while i < len(nodes):
        node = nodes[i]
        i += 1
        name = node.name if isinstance(node, Leaf) else ""
        if name in ("^", "_") and i < len(nodes):
            inner = nodes[i]
            i += 1
            text = from_latex("".join(_source(inner)))
            shift = -6.0 if name == "^" else 4.0
            back = "" if not raised else f' dx="-{raised:.1f}"'
            found.append(
                f'<tspan dy="{shift - moved:g}"{back} font-size="70%">{escape(text)}</tspan>'
            )
            moved = shift
            raised = 0.0 if raised else _ADVANCE * _SIZE * sum(c.isalnum() or 0.66 for c in text)
            continue
        raised = 0.0
        dy = f' dy="{-moved:g}"' if moved else ""
        moved = 0.0
        if name == "'":
            found.append(f"<tspan{dy}>′</tspan>")
        elif name in _LETTERS and i < len(nodes):
            text = from_latex("".join(_source(nodes[i])))
            i += 1
            found.append(_letters(text, _LETTERS[name], dy))
        elif name in (r"\tilde", r"\hat", r"\bar") and i < len(nodes):
            source = name + "".join(_source(nodes[i], braces=True))
            bold = "boldsymbol" in source
            i += 1
            found.append(_letters(from_latex(source), "bold" if bold else "italic", dy))
        else:
            text = from_latex(_raw(node))
            upright = name in _FUNCTIONS or not text.isalpha()
            found.append(_letters(text, "normal" if upright else "italic", dy))
    return found


_FUNCTIONS = {rf"\{name}" for name in "tanh sin cos exp log max min erf cosh sinh".split()}


def _letters(text: str, style: str, dy: str) -> str:
    look = {"italic": ' font-style="italic"', "normal": "", "bold": ' font-weight="bold"'}[style]
    return f"<tspan{look}{dy}>{escape(text)}</tspan>" if look or dy else escape(text)


def _raw(node: Node) -> str:
    return node.text if isinstance(node, Leaf) else "".join(_source(node))


def _source(node: Node, braces: bool = False) -> list[str]:
    if isinstance(node, Leaf):
        return [node.text]
    inner = [part for child in node.children for part in _source(child, True)]
    return [node.open, *inner, node.close] if braces or node.kind != "brace" else inner
