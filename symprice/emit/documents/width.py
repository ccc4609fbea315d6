r"""How wide, high and deep TeX will set a fragment: the estimate behind every line break.

A short copy of TeX's own rules (classes of atoms and the spaces between them, scripts, fractions,
growing delimiters, matrices) over the widths of Computer Modern. Lengths are in ems of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from symprice.emit.documents.fragments import Group, Leaf, Node, parse
from symprice.emit.documents.metrics import (
    BIG,
    CLASSES,
    DELIMITERS,
    ITALIC,
    OPERATORS,
    ROMAN,
    SPACES,
    WIDTHS,
    Class,
)
from symprice.emit.documents.prose import spans

__all__ = ["Box", "delimiter_size", "measure", "prose_width", "width"]

DISPLAY, TEXT, SCRIPT, SCRIPTSCRIPT = range(4)
_SCALE = (1.0, 1.0, 0.78, 0.63)
_HEIGHTS = (1.0, 1.2, 1.8, 2.4, 3.0)
_FONTS = {
    "\\mathbf": 1.15, "\\boldsymbol": 1.22, "\\bm": 1.22, "\\mathrm": 1.0, "\\mathit": 1.0,
    "\\mathsf": 1.0, "\\mathtt": 1.0, "\\mathbb": 1.0, "\\mathcal": 1.0, "\\mathscr": 1.0,
    "\\mathfrak": 1.0, "\\mathnormal": 1.0,
}  # fmt: skip
_ACCENTS = {
    "\\hat", "\\bar", "\\tilde", "\\dot", "\\ddot", "\\dddot", "\\vec", "\\check", "\\breve",
    "\\acute", "\\grave", "\\mathring", "\\overline", "\\underline", "\\widehat", "\\widetilde",
}  # fmt: skip
_STYLES = {
    "\\displaystyle": DISPLAY,
    "\\textstyle": TEXT,
    "\\scriptstyle": SCRIPT,
    "\\scriptscriptstyle": SCRIPTSCRIPT,
}
_WRAPPERS: dict[str, Class] = {
    "\\mathord": "ord", "\\mathop": "op", "\\mathbin": "bin", "\\mathrel": "rel",
    "\\mathopen": "open", "\\mathclose": "close", "\\mathinner": "inner",
}  # fmt: skip
_THIN, _MEDIUM, _THICK = 3 / 18, 4 / 18, 5 / 18


class Box(NamedTuple):
    """Width, height above and depth below the baseline, in ems."""

    width: float
    height: float = 0.67
    depth: float = 0.1

    def scaled(self, factor: float) -> Box:
        """The box in a font ``factor`` times as large."""
        lower = factor if factor == 1.0 else 0.94 * factor  # small fonts are drawn wide
        return Box(self.width * factor, self.height * lower, self.depth * lower)


def width(latex: str) -> float:
    r"""The width of a displayed fragment in ems.

    >>> round(width(r"x + 1"), 2)  # 0.57 + 0.78 + 0.5 and two medium spaces
    2.29
    """
    return measure(latex).width


@lru_cache(maxsize=1 << 14)
def measure(latex: str) -> Box:
    """The size of a displayed fragment."""
    return _row(parse(latex), DISPLAY)


def prose_width(prose: str) -> float:
    """The width of prose set on one line in ems."""
    return sum(
        measure(span.text).width if span.kind == "math" else _words(span.text)
        for span in spans(prose)
    )


def delimiter_size(box: Box) -> int:
    """The size of the delimiters round ``box``: 0 plain, 1 ``\\big`` ... 4 ``\\Bigg``, 5 beyond."""
    wanted = 2 * max(box.height - 0.25, box.depth + 0.25)
    wanted = max(0.901 * wanted, wanted - 0.5)
    return next((i for i, h in enumerate(_HEIGHTS) if h >= wanted), len(_HEIGHTS))


def _words(text: str) -> float:
    return sum(ROMAN.get(character, 0.7) for character in text)


def _row(nodes: Sequence[Node], style: int) -> Box:
    """A horizontal list: its atoms, and the spaces that their classes ask for."""
    setter = _Setter(nodes, style)
    atoms = setter.atoms()
    classes = [c for c, _ in atoms]
    for i, kind in enumerate(classes):  # a sign with nothing to join is an ordinary symbol
        before = classes[i - 1] if i else "open"
        if kind == "bin" and before in ("bin", "op", "rel", "open", "punct"):
            classes[i] = "ord"
        elif kind in ("rel", "close", "punct") and i and classes[i - 1] == "bin":
            classes[i - 1] = "ord"
    if classes and classes[-1] == "bin":
        classes[-1] = "ord"
    total = setter.explicit
    for left, right in pairwise(classes):
        total += _space(left, right, setter.style)
    boxes = [box for _, box in atoms]
    return Box(
        total + sum(box.width for box in boxes),
        max((box.height for box in boxes), default=0.0),
        max((box.depth for box in boxes), default=0.0),
    )


@lru_cache(maxsize=4096)
def _script(nodes: tuple[Node, ...], style: int) -> Box:
    """A row in the place of a script: there are few, and they come again and again."""
    return _row(nodes, style)


def _space(left: Class, right: Class, style: int) -> float:
    pair = {left, right}
    if "op" in pair and not pair & {"open", "close", "punct", "bin", "rel"}:
        return _THIN
    if left == "close" and right == "op":
        return _THIN
    if style >= SCRIPT:
        return 0.0
    if "bin" in pair:
        return _MEDIUM
    if "rel" in pair:
        return 0.0 if left == right or left == "open" or right == "close" else _THICK
    if left == "punct":
        return _THIN
    if "inner" in pair and left != "open" and right != "close":
        return _THIN
    return 0.0


class _Setter:
    """Reads a run of nodes from left to right and sets each nucleus with its scripts."""

    def __init__(self, nodes: Sequence[Node], style: int) -> None:
        self.nodes = [n for n in nodes if not (isinstance(n, Leaf) and n.text.isspace())]
        self.style = style
        self.explicit = 0.0
        self.at = 0

    def atoms(self) -> list[tuple[Class, Box]]:
        found: list[tuple[Class, Box]] = []
        while self.at < len(self.nodes):
            node = self.nodes[self.at]
            name = node.name if isinstance(node, Leaf) else ""
            if name in SPACES:
                self.explicit += SPACES[name] * _SCALE[self.style]
                self.at += 1
            elif name in _STYLES:
                self.style = _STYLES[name]
                self.at += 1
            elif name in ("\\limits", "\\nolimits", "\\\\", "&", "\\hline"):
                self.at += 1
            elif name in ("^", "_", "'"):
                found.append(("ord", self.scripted(Box(0.0), False)))
            else:
                kind, box, above = self.nucleus()
                found.append((kind, self.scripted(box, above)))
        return found

    def argument(self) -> Sequence[Node]:
        """The next argument: the inside of braces, or a single node."""
        if self.at >= len(self.nodes):
            return ()
        node = self.nodes[self.at]
        self.at += 1
        return node.children if isinstance(node, Group) and node.kind == "brace" else (node,)

    def optional(self) -> Sequence[Node] | None:
        """What stands in brackets, if that comes next."""
        texts = [n.text.strip() if isinstance(n, Leaf) else "" for n in self.nodes[self.at :]]
        if not texts or texts[0] != "[" or "]" not in texts:
            return None
        start, self.at = self.at + 1, self.at + texts.index("]") + 1
        return self.nodes[start : self.at - 1]

    def nucleus(self) -> tuple[Class, Box, bool]:
        """The next atom without scripts, and whether its scripts go above and below."""
        node = self.nodes[self.at]
        self.at += 1
        style, scale = self.style, _SCALE[self.style]
        if isinstance(node, Group):
            return self.group(node)
        name = node.name
        if name in OPERATORS:
            display, text, limits = OPERATORS[name]
            wide = display if style == DISPLAY else text
            tall = 0.95 if style == DISPLAY and display != text else 0.75
            if name == "\\int" and style == DISPLAY:
                tall = 1.36
            return "op", Box(wide, tall, tall - 0.5).scaled(scale), limits and style == DISPLAY
        if name in ("\\operatorname", "\\operatorname*"):
            box = Box(_roman(self.argument())).scaled(scale)
            return "op", box, name.endswith("*") and style == DISPLAY
        if name in ("\\frac", "\\dfrac", "\\tfrac", "\\binom", "\\cfrac"):
            inner = {"\\dfrac": DISPLAY, "\\tfrac": TEXT}.get(name, style)
            return "ord", self.fraction(min(inner + 1, SCRIPTSCRIPT), name == "\\binom"), False
        if name == "\\sqrt":
            index = self.optional()
            inside = _row(self.argument(), style)
            radical = 0.833 if inside.height + inside.depth < 1.0 else 1.0
            extra = 0.0 if index is None else 0.6 * _row(index, SCRIPTSCRIPT).width
            wide = inside.width + radical * scale + extra
            return "ord", Box(wide, inside.height + 0.2, inside.depth), False
        if name in _WRAPPERS:
            return _WRAPPERS[name], _row(self.argument(), style), name == "\\mathop"
        if name in _FONTS:
            return self.font(name, scale)
        if name in _ACCENTS:
            base = _row(self.argument(), style)
            return "ord", Box(base.width, base.height + 0.2, base.depth), False
        if name in ("\\underbrace", "\\overbrace"):
            base = _row(self.argument(), DISPLAY)
            grown = (0.0, 0.5) if name == "\\underbrace" else (0.5, 0.0)
            return "op", Box(base.width, base.height + grown[0], base.depth + grown[1]), True
        if name in ("\\overset", "\\underset", "\\stackrel"):
            small, base = _row(self.argument(), SCRIPT), _row(self.argument(), style)
            return "rel", Box(max(small.width, base.width), base.height + 0.6, base.depth), False
        if name == "\\substack":
            return "ord", self.table(self.argument(), SCRIPT, 0.0, 0.0), False
        if name in ("\\color", "\\hspace", "\\phantom"):
            inside = _row(self.argument(), style)
            return "ord", inside if name == "\\phantom" else Box(0.0), False
        if name.startswith(("\\text", "\\mbox")) and "{" in node.text:
            words = node.text.split("{", 1)[1].rstrip()[:-1]
            return "ord", Box(prose_width(words) * scale), False
        if (bare := name.rstrip("lrm")) in BIG:
            size = BIG[bare]
            sign = self.nodes[self.at] if self.at < len(self.nodes) else None
            self.at += 1
            wide = DELIMITERS.get(sign.name if isinstance(sign, Leaf) else "", (0.5,) * 6)[size]
            tall = _HEIGHTS[size] / 2
            kinds: dict[str, Class] = {"l": "open", "r": "close", "m": "rel"}
            return kinds.get(name[-1], "ord"), Box(wide, tall + 0.25, tall - 0.25), False
        if name.startswith(("\\left", "\\right", "\\middle")) and name not in WIDTHS:
            return "ord", Box(0.4 * scale), False
        kind = CLASSES.get(name, "ord")
        high, deep = (0.75, 0.25) if kind in ("open", "close") else (0.67, 0.2)
        return kind, Box(_symbol(name), high, deep).scaled(scale), False

    def group(self, node: Group) -> tuple[Class, Box, bool]:
        if node.kind == "brace":
            return "ord", _row(node.children, self.style), False
        if node.kind != "fence":
            return "ord", self.environment(node), False
        inside = _row(node.children, self.style)
        size = delimiter_size(inside)
        tall = max(inside.height, inside.depth + 0.5)
        ends = [text.strip()[skip:].strip() for text, skip in ((node.open, 5), (node.close, 6))]
        wide = sum(DELIMITERS.get(end, (0.5,) * 6)[size] for end in ends)
        scale = _SCALE[self.style]
        return "inner", Box(inside.width + wide * scale, tall, tall - 0.5), False

    def environment(self, node: Group) -> Box:
        kind = node.kind.rstrip("*")
        if kind in ("aligned", "align", "split", "gathered"):
            return self.table(node.children, DISPLAY, 0.0, 0.0)
        if kind == "cases":
            inside = self.table(node.children, TEXT, 1.0, 0.0)
            return Box(inside.width + 0.9, inside.height, inside.depth)
        if kind == "smallmatrix":
            return self.table(node.children, SCRIPT, _THICK, _THICK)
        inside = self.table(node.children, TEXT, 0.92, 0.92 if kind == "array" else 0.0)
        if kind in ("matrix", "array"):
            return inside
        sign = {"p": "(", "b": "[", "B": "\\{", "v": "|", "V": "\\|"}.get(kind[:1], "(")
        extra = 2 * DELIMITERS[sign][delimiter_size(inside)]
        return Box(inside.width + extra, inside.height, inside.depth)

    def table(self, nodes: Sequence[Node], style: int, gap: float, margin: float) -> Box:
        """Rows of cells, ``gap`` between the columns and half of ``margin`` on either side."""
        rows: list[list[list[Node]]] = [[[]]]
        for node in nodes:
            name = node.name if isinstance(node, Leaf) else ""
            if name.startswith("\\\\") or name == "\\cr":
                rows.append([[]])
            elif name == "&":
                rows[-1].append([])
            else:
                rows[-1][-1].append(node)
        boxes = [[_row(cell, style) for cell in row] for row in rows]
        columns = max(map(len, boxes))
        wide = sum(max(row[i].width for row in boxes if i < len(row)) for i in range(columns))
        strut = (0.55, 0.25) if style >= SCRIPT else (0.87, 0.37)
        high = sum(
            max(strut[0], *(b.height for b in row)) + max(strut[1], *(b.depth for b in row))
            for row in boxes
        )
        return Box(wide + gap * (columns - 1) + margin, high / 2 + 0.25, high / 2 - 0.25)

    def fraction(self, style: int, fenced: bool) -> Box:
        above, below = _row(self.argument(), style), _row(self.argument(), style)
        wide = max(above.width, below.width) + 0.22 + (1.2 if fenced else 0.0)
        raised, lowered = (0.677, 0.686) if style == TEXT else (0.45, 0.345)
        lift = max(raised, 0.25 + 0.14 + above.depth)
        drop = max(lowered, below.height - 0.25 + 0.14)
        return Box(wide, lift + above.height, drop + below.depth)

    def font(self, name: str, scale: float) -> tuple[Class, Box, bool]:
        inside = self.argument()
        leaves = [n for n in inside if isinstance(n, Leaf)]
        if len(leaves) < len(inside) or any(n.name[:1] in "\\_^" for n in leaves):
            box = _row(inside, self.style)
            return "ord", Box(box.width * max(_FONTS[name], 1.15), box.height, box.depth), False
        if name in ("\\mathbb", "\\mathcal", "\\mathscr", "\\mathfrak"):
            wide = sum(1.08 * ROMAN.get(n.name, 0.75) for n in leaves)
        elif name in ("\\mathit", "\\mathnormal", "\\boldsymbol", "\\bm"):
            wide = sum(_symbol(n.name) for n in leaves) * _FONTS[name]
        else:
            wide = _roman(leaves) * _FONTS[name]
        return "ord", Box(wide).scaled(scale), False

    def scripted(self, base: Box, above: bool) -> Box:
        """``base`` with the scripts that follow it, beside or (``above``) over and under it."""
        scripts: dict[str, Box] = {}
        while self.at < len(self.nodes):
            node = self.nodes[self.at]
            name = node.name if isinstance(node, Leaf) else ""
            if name in ("\\limits", "\\nolimits"):
                above = name == "\\limits"
                self.at += 1
            elif name == "'":
                self.at += 1
                prime = Box(0.275 * _SCALE[min(self.style + 2 - (self.style == 0), 3)], 0.56)
                old = scripts.get("^", Box(0.0))
                scripts["^"] = Box(old.width + prime.width, max(old.height, prime.height), 0.0)
            elif name in ("^", "_"):
                self.at += 1
                smaller = SCRIPT if self.style < SCRIPT else SCRIPTSCRIPT
                new = _script(tuple(self.argument()), smaller)
                old = scripts.get(name, Box(0.0, 0.0, 0.0))
                scripts[name] = Box(
                    old.width + new.width, max(old.height, new.height), max(old.depth, new.depth)
                )
            else:
                break
        if not scripts:
            return base
        up, down = scripts.get("^"), scripts.get("_")
        wide = max(box.width for box in scripts.values())
        high, deep = base.height, base.depth
        if above:
            high += 0.2 + up.height + up.depth if up else 0.0
            deep += 0.25 + down.height + down.depth if down else 0.0
            return Box(max(base.width, wide), high, deep)
        tall = 0.0 if base.height <= 0.75 else base.height - 0.39
        low = 0.0 if base.depth <= 0.25 else base.depth + 0.05
        if up:
            high = max(high, max(0.41, tall) + up.height)
        if down:
            deep = max(deep, max(0.15 if not up else 0.25, low) + down.depth)
        return Box(base.width + wide + 0.05, high, deep)


def _symbol(name: str) -> float:
    if name[:1].isdigit():
        return sum(0.5 if c.isdigit() else 0.278 for c in name)
    return ITALIC.get(name) or WIDTHS.get(name) or ROMAN.get(name, 0.8)


def _roman(nodes: Sequence[Node]) -> float:
    if all(isinstance(n, Leaf) and n.name[:1] not in "\\_^" for n in nodes):
        return sum(_words(n.text) for n in nodes if isinstance(n, Leaf))
    return _row(nodes, TEXT).width
