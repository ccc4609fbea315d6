r"""A document as GitHub flavoured Markdown whose mathematics survives Markdown.

GitHub runs Markdown over the inside of ``$$``: it halves ``\\``, drops the backslash of ``\,`` and
``\{``, and takes ``}_{`` for emphasis; and its MathJax refuses ``\operatorname``. JupyterLab does
none of this. So formulas are written in the words that both leave alone: ``\cr``, ``\thinspace``,
``\lbrace``, an underscore with a blank before it, ``\mathop{\mathrm{}}``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from symprice.emit.documents.breaking import broken, halves
from symprice.emit.documents.fragments import Group, Node, parse, source, well_formed
from symprice.emit.documents.layout import frame, in_columns, wrapped
from symprice.emit.documents.model import (
    Beside,
    Block,
    Chain,
    Code,
    Display,
    Document,
    Figure,
    Formula,
    Line,
    Procedure,
    Table,
    Text,
    Verdict,
)
from symprice.emit.documents.prose import spans
from symprice.emit.documents.unicode import in_math
from symprice.emit.documents.width import prose_width
from symprice.errors import NoRuleError

__all__ = ["block_markdown", "read_by", "to_markdown"]

_ROOM = 52.0  #: the width of a page on GitHub or of a JupyterLab cell, in ems
_RULE = 15.0  #: a longer rule is set in several lines
_WORDS = {
    "\\,": "\\thinspace ", "\\:": "\\thinspace ", "\\>": "\\thinspace ",
    "\\;": "\\thinspace ", "\\!": "\\negthinspace ", "\\{": "\\lbrace ", "\\}": "\\rbrace ",
    "\\|": "\\Vert ", "*": "\\ast ", "<": "\\lt ", ">": "\\gt ", "~": "\\ ",
    "\\%": "\\text{%}", "\\#": "\\text{#}", "\\&": "\\text{&}", "\\_": "\\text{_}",
    "\\bm": "\\boldsymbol ",
}  # fmt: skip
#: Characters of a rule that ``\text{}`` may not hold in Markdown.
_IN_TEXT = {
    "*": "\\ast ", "<": "\\lt ", ">": "\\gt ", "~": "\\ ", "{": "\\lbrace ", "}": "\\rbrace ",
    "\\": "\\backslash ", "$": "\\text{＄}", "_": "\\text{ _}",
}  # fmt: skip


#: What Pandoc, which takes formulas as they are, knows by shorter names alone.
_PANDOC = {"cr": r"\\\\", "thinspace": r"\\,", "negthinspace": r"\\!"}
_READERS = ("github", "pandoc")


def read_by(reader: str, text: str) -> str:
    r"""Markdown as a reader wants it: of GitHub and Jupyter, which have it as it is, or of Pandoc.

    >>> print(read_by('pandoc', r'$a\thinspace b \cr c$'))
    $a\, b \\ c$
    """
    if reader not in _READERS:
        raise NoRuleError(f"asked for Markdown for {reader!r}: write one of {_READERS}")
    if reader == "github":
        return text
    parts = re.split(r"(^```.*?^```$|`[^`\n]*`)", text, flags=re.DOTALL | re.MULTILINE)
    for word, sign in _PANDOC.items():  # code stays as it is
        parts[::2] = [re.sub(rf"\\{word}(?![A-Za-z])", sign, part) for part in parts[::2]]
    return "".join(parts)


def to_markdown(doc: Document) -> str:
    """The Markdown of ``doc``."""
    parts = [f"# {_prose(doc.title)}"]
    parts += [_paragraph(text) for text in (doc.subtitle, doc.authors, doc.abstract) if text]
    for section in doc.sections:
        label = f"{section.label}. " if section.label else ""
        if section.title:
            parts.append(f"## {label}{_prose(section.title)}")
        parts.extend(block_markdown(block) for block in section.blocks)
    if doc.references:
        items = [f"{i}. {_prose(text)}" for i, (_, text) in enumerate(doc.references, start=1)]
        parts += ["## References", "\n".join(items)]
    return "\n\n".join(part for part in parts if part) + "\n"


def block_markdown(block: Block) -> str:
    """The Markdown of one block."""
    match block:
        case Text(text):
            return "\n\n".join(_paragraph(part) for part in re.split(r"\n\s*\n", text.strip()))
        case Chain(lines):
            return _display(_rows(lines)) if lines else ""
        case Formula(latex, where):
            return _formula(latex, where)
        case Verdict(ok, text):
            return f"**{'?' if ok is None else '✓' if ok else '✗'}** {_prose(text)}"
        case Code(text, language):
            longest = max(map(len, re.findall("`+", text)), default=0)
            fence = "`" * max(3, longest + 1)
            return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"
        case Beside():
            return "\n\n".join(block_markdown(part) for part in block.stacked)
        case Display(_, where):
            shown = block_markdown(block.chain)
            return f"{shown}\n\nwhere\n\n{block_markdown(block.definitions)}" if where else shown
        case Procedure(title, lines, _):
            rows = [f"{'    ' * depth}1. {_prose(text)}" for depth, text in lines]
            return "\n".join([f"**{_prose(title)}**", "", *rows])
        case Figure(_, _, caption, label):
            name = re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-") or "figure"
            return f"![{_prose(caption)}]({name}.svg)"
        case Table(header, rows):
            table = [header, ("---",) * len(header), *rows]
            return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in table)


def _display(rows: Sequence[str]) -> str:
    body = " \\cr\n".join(rows)
    return f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$"


def _rows(lines: Sequence[Line]) -> list[str]:
    """The rows of an aligned block; the rules stand in a column at the right, if there is room."""
    rules = [wrapped(line.rule, _RULE) for line in lines]
    beside = max((prose_width(part) for rule in rules for part in rule), default=0.0)
    plan = frame(lines, _ROOM - (beside + 2 if beside else 0))
    stacked = plan.right < 18
    if stacked:
        plan = frame(lines, _ROOM)
    indent = "\\quad " if plan.hanging else ""
    rows: list[str] = []
    for line, rule in zip(lines, rules, strict=True):
        left = _math(line.left)
        if left and plan.hanging:
            rows.append(f"& {left}")
            left = ""
        pieces = [_math(piece) for piece in broken(line.right, plan.right, plan.right - 2)]
        cells = [f"{_unlisted(left)} & {indent}{_math(line.relation)} {pieces[0]}".strip()]
        cells += [f"& {indent}\\quad {piece}" for piece in pieces[1:]]
        texts = [_text(part) for part in rule]
        if stacked:
            cells += [f"& {indent}\\qquad {text}" for text in texts]
        else:
            cells += ["&"] * (len(texts) - len(cells))
            cells = [f"{cell} && {text}" for cell, text in zip(cells, texts, strict=False)] + cells[
                len(texts) :
            ]
        rows.extend(cells)
    return rows


def _formula(latex: str, where: Sequence[tuple[str, str]]) -> str:
    left, relation, right = halves(latex)
    shown = _display(_rows([Line(left, relation, right)]))
    if not where:
        return shown
    table = in_columns(where, _ROOM, 2.0)
    if table is None:
        rows = _rows([Line(name, "=", definition) for name, definition in where])
    else:
        rows = [
            " &\\qquad ".join(f"{_math(name)} &= {_math(value)}" for name, value in row)
            for row in table
        ]
    return f"{shown}\n\nwhere\n\n{_display([_unlisted(row) for row in rows])}"


def _unlisted(row: str) -> str:
    """``row`` so that Markdown does not read its first character as a bullet or a heading."""
    return "{}" + row if row[:1] in tuple("-+#=>*|0123456789") and row else row


def _paragraph(text: str) -> str:
    line = _prose(" ".join(text.split()))
    return re.sub(r"^(\d+)(?=[.)])|^(?=[-+#>=])", r"\1\\", line)


def _prose(text: str) -> str:
    out: list[str] = []
    for span in spans(" ".join(text.split())):
        if span.kind == "math":
            out.append(f"${_math(span.text)}$")
        elif span.kind == "code":
            out.append(f"`{span.text}`")
        else:
            escaped = re.sub(r"([\\*_$~])", r"\\\1", span.text)
            escaped = escaped.replace("&", "&amp;") if re.search(r"&#?\w+;", escaped) else escaped
            out.append(escaped.replace("<", "&lt;").replace("](", "]&#40;"))
    return "".join(out)


def _cell(text: str) -> str:
    """A table cell: a bar would end it."""
    bars = [
        f"${span.text.replace('|', chr(92) + 'vert ')}$" if span.kind == "math"
        else (f"`{span.text}`" if span.kind == "code" else span.text.replace("$", "\\$"))
        for span in spans(text.replace("\\|", "\\Vert "))
    ]  # fmt: skip
    return _prose("".join(bars)).replace("|", "\\|")


def _text(prose: str) -> str:
    """Prose within a formula."""
    out: list[str] = []
    for span in spans(prose):
        if span.kind == "math":
            out.append(_math(span.text))
            continue
        for part in re.split(r"([%#&*<>$\\{}~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))", span.text):
            if part:
                out.append(_IN_TEXT.get(part, f"\\text{{{part}}}"))
    return "".join(out)


def _math(latex: str) -> str:
    r"""``latex`` in words that neither Markdown nor GitHub's MathJax takes for something else.

    >>> print(_math(r"\operatorname{tr}\left\{x_{1}\,{y}_{2}\right\} < 2"))
    \mathop{\mathrm{tr}}\left\lbrace x_1\thinspace {y} _{2}\right\rbrace \lt 2
    """
    if not well_formed(latex):
        return _text(latex.replace("$", r"\$"))
    written = re.sub(r"\s+", " ", _written(parse(in_math(latex))))
    return re.sub(r"\](?=[(\[])", "] ", written).strip()


def _written(nodes: Sequence[Node]) -> str:
    out: list[str] = []
    i = 0
    while i < len(nodes):
        node = nodes[i]
        i += 1
        if isinstance(node, Group):
            out.append(_fence(node.open) + _written(node.children) + _fence(node.close))
        elif node.name in ("\\operatorname", "\\operatorname*") and i < len(nodes):
            out.append(f"\\mathop{{\\mathrm{{{_inside(nodes[i])}}}}}")
            i += 1
            scripted = i < len(nodes) and source(nodes[i])[:1] in "_^"
            out.append("\\nolimits " if scripted and node.name == "\\operatorname" else "")
        elif node.name.startswith(("\\text", "\\mbox")) and "{" in node.text:
            out.append(_text(node.text.split("{", 1)[1].rstrip()[:-1]))
        elif node.name == "_":
            before, index = "".join(out)[-1:], source(nodes[i : i + 1]).strip("{} ")
            if before.isalnum() and len(index) == 1 and index.isalnum():
                i += 1  # between letters and digits, Markdown takes it for one of them
                apart = source(nodes[i : i + 1])[:1].isalnum()
                out.append(f"_{index} " if apart else f"_{index}")
            else:
                out.append(" _")
        elif node.name.startswith("\\\\"):
            out.append("\\cr ")
        else:
            out.append(_WORDS.get(node.name, node.text))
    return "".join(out)


def _inside(node: Node) -> str:
    return _written(node.children if isinstance(node, Group) else (node,))


def _fence(text: str) -> str:
    r"""The opening or the end of a group; after ``\left`` a brace has a name, too."""
    for command in ("\\left", "\\right"):
        sign = text.removeprefix(command).strip()
        if text.startswith(command) and sign in _WORDS:
            return command + _WORDS[sign]
    return text
