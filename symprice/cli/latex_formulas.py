r"""Formulas in LaTeX as text that the parser reads: `\frac{1}{2} p^{2}` is `(1)/(2)*p**(2)`.

What is not known, or could be meant in two ways, is refused and never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ..emit.documents.fragments import Group, Leaf, Node, parse, source
from ..errors import ParseError
from .latex_brackets import paired
from .latex_macros import expanded, macros
from .latex_names import Unreadable
from .latex_reader import Reader

__all__ = ["chains", "displays"]

_RELATIONS = {"=", r"\equiv"}
_BIG = re.compile(r"\\[bB]igg?[lrm]?(?![A-Za-z])")
_OUTER = "equation|align|gather|multline|dmath|displaymath|eqnarray|flalign|alignat"
_INNER = "aligned|split|gathered|multlined|alignedat"
_DISPLAY = re.compile(
    rf"\\begin\{{({_OUTER})\*?\}}(.*?)\\end\{{\1\*?\}}|\\\[(.*?)\\\]|\$\$(.*?)\$\$", re.DOTALL
)
_WORDS = re.compile(r"\\(?:text|textrm|textit|mbox)\s*\{(.*)\}\s*", re.DOTALL)
_CONTINUING = {"+", "-", "*", "/", ",", r"\cdot", r"\times", r"\odot", r"\circ"} | _RELATIONS
_EMPTY = {"&", r"\quad", r"\qquad", r"\,", r"\;", r"\:", r"\!", r"\ ", "~", r"\notag"}
_EMPTY |= {r"\nonumber", r"\displaystyle"}
_GAPS = {"&", r"\quad", r"\qquad"}
_ENDS = {",", ".", ";"}
_LONGEST = 20_000


def displays(document: str) -> Iterator[tuple[int, str]]:
    r"""(line, formula) of every displayed formula of a document, comments left out and the macros
    that it defines put in.

    >>> list(displays("Text.\n\\[ a = b \\]"))
    [(2, 'a = b ')]
    """
    plain = re.sub(r"(?<!\\)%.*", "", document)
    known = macros(plain)
    for found in _DISPLAY.finditer(plain):
        group = next(g for g in (2, 3, 4) if found[g] is not None)
        body = found[group].lstrip()
        start = found.end(group) - len(body)
        yield plain.count("\n", 0, start) + 1, expanded(body, known)


def chains(latex: str, names: Collection[str] | Mapping[str, Any] = ()) -> list[list[str]]:
    r"""The sides of every equation of a display, in the syntax of the parser.

    A chain `a = b = c` has three sides. A row that begins with a relation or a sign goes on with
    the row above it. Names of rules in `\text{}` and what follows a `where` are left out. The names
    that are declared decide whether `e` is a number, `T` a transposition, and `\sigma` a function.

    Raises
    ======

    ParseError : for what there is no meaning for, and for what has two; with the place.

    Examples
    ========

    >>> from symprice.cli.latex_formulas import chains
    >>> chains(r"\operatorname{NTVar}(p) = \frac12 p^2 \left(1 - p\right)^{2}")
    [['NTVar(p)', '(1)/(2)*p**(2)*(1-p)**(2)']]
    >>> chains(r"a &= b + c \\ &= d \\ \tanh^2 h &= e^{-x}")
    [['a', 'b+c', 'd'], ['tanh(h)**(2)', 'E**(-x)']]
    >>> chains(r"\delta = W^\top (y - p) \odot h")
    [['delta', 'hadamard(transpose(W)*(y-p),h)']]
    """
    if len(latex) > _LONGEST:
        raise ParseError(f"a display has at most {_LONGEST} characters: name its parts")
    try:
        nodes = paired(parse(_plain(latex)))
        reader = Reader(names)
        found: list[list[str]] = []
        for sides in _equations(nodes):
            found.append([reader.side(side) for side in sides])
        return found
    except RecursionError:
        raise ParseError("nested too deeply: name its parts", latex, 0) from None
    except Unreadable as error:
        node = error.node
        place = -1 if node is None else latex.find(source(node).strip())
        if place < 0 and isinstance(node, Group):
            place = latex.find(node.open.strip())
        raise ParseError(str(error), latex if place >= 0 else "", max(place, 0)) from None


def _plain(latex: str) -> str:
    """Without what is for the layout alone."""
    latex = re.sub(r"\\(?:label|tag\*?|intertext)\s*\{[^{}]*\}|\[label=[^\]]*\]", "", latex)
    latex = re.sub(rf"\\(?:begin|end)\s*\{{(?:{_OUTER}|{_INNER})\*?\}}", "", latex)
    latex = re.sub(r"\\\\(?:\*(?:\s*\[[^\]]*\])?|\s*\[[^\]]*\])", r"\\\\ ", latex)
    latex = re.sub(r"(?<![A-Za-z\\])NT(Cov|Var)(?=\s*(?:\\left\s*)?[(\[])", r"\\NT\1 ", latex)
    latex = _BIG.sub("", latex)
    latex = re.sub(r":\s*=|\\(?:coloneqq|triangleq)(?![A-Za-z])", "=", latex)
    latex = re.sub(r"\\(?:left|right)\s*\.", "", latex)
    for bar, name in ((r"\|", "vert"), (r"\\\|", "Vert")):
        latex = re.sub(rf"\\left\s*{bar}", rf"\\l{name} ", latex)
        latex = re.sub(rf"\\right\s*{bar}", rf"\\r{name} ", latex)
    return re.sub(r"\\(?:left|right)(?![A-Za-z])\s*", "", latex)


def _equations(nodes: Sequence[Node]) -> Iterator[list[list[Node]]]:
    """The sides of one equation after the other, from the rows of a display."""
    current: list[Node] = []
    for led, row in _rows(nodes):
        if not row:
            continue
        related = any(_name(node) in _RELATIONS for node in row)
        if current and not led and related and _name(row[0]) in ("+", "-"):
            raise Unreadable("a new equation, or more of the one above? begin it with &", row[0])
        goes_on = not current or _name(row[0]) in _CONTINUING or _name(current[-1]) in _CONTINUING
        if not goes_on:
            if not related:
                raise Unreadable("a row goes on without a sign: begin it with = or +", row[0])
            yield _sides(current)
            current = []
        current += row
    if current:
        yield _sides(current)


def _rows(nodes: Sequence[Node]) -> Iterator[tuple[bool, list[Node]]]:
    """The rows, each up to the words at its end, and whether a `&` leads; none after a `where`."""
    row: list[Node] = []
    words = ""
    empty = 0
    led = gap = False
    for node in (*nodes, Leaf(r"\\")):
        name = _name(node)
        if name.startswith(r"\\"):
            while row and _name(row[-1]) in _ENDS:
                row.pop()
            yield led, row
            row, words, empty, led, gap = [], "", 0, False, False
            continue
        found = _WORDS.fullmatch(node.text) if isinstance(node, Leaf) else None
        told = "" if found is None else found[1].strip()
        if told.split(" ")[0].rstrip(",:") == "where":
            yield led, row
            return
        if words:
            if re.match("(and|or)\\b", words) and name in _RELATIONS:
                raise Unreadable("several formulas in one row: check them one by one", node)
            continue
        empty = empty + 1 if name == "&" else 0
        led = led or (name == "&" and not row)
        gap = gap or name in _GAPS
        if empty == 2 or (found is not None and not re.fullmatch("[A-Za-z]+", told)):
            words = told or "a comment"  # the name of a rule stands at the end of a row
        elif told in ("and", "or", "for", "with", "if", "as"):
            words = told
        elif name not in _EMPTY:
            if gap and row and not {name, _name(row[-1])} & _CONTINUING:
                raise Unreadable("several formulas in one row: check them one by one", node)
            row.append(node)
            gap = False


def _sides(nodes: Sequence[Node]) -> list[list[Node]]:
    sides: list[list[Node]] = [[]]
    for node in nodes:
        if _name(node) in _RELATIONS:
            sides.append([])
        else:
            sides[-1].append(node)
    if len(sides) > 1 and not all(sides):
        raise Unreadable("a side of an equation is missing: write LEFT = RIGHT", nodes[0])
    return sides


def _name(node: Node) -> str:
    return node.name if isinstance(node, Leaf) else ""
