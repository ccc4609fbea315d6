r"""LaTeX fragments as MathML Core, which every browser sets without scripts and without a network.

The conversion is the package math-core's. It knows most of what SymPy and this package write; what
it does not know (``\substack``, mathematics inside ``\text{}``, operators whose names carry an
index, ...) is first written in words that it does know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from symprice.emit.documents.fragments import Group, Leaf, Node, parse, source, well_formed
from symprice.emit.documents.prose import spans
from symprice.emit.documents.unicode import in_math
from symprice.emit.documents.width import delimiter_size, measure

__all__ = ["to_mathml"]

_RENAMED = {"smallmatrix": "matrix", "split": "aligned", "equation": "aligned"}
_TALL = 3  #: delimiters below this size are set as they are
_SILENT = {"\\nolimits", "\\limits", "\\hfill", "\\nonumber", "\\notag", "\\smash", "\\relax"}
_TAKES_LIMITS = re.compile(r"\\(?:sum|prod|int|oint|iint|lim|max|min|sup|inf|big[a-z]+)$")


def to_mathml(latex: str, *, display: bool = False) -> str | None:
    r"""A ``<math>`` element for ``latex``, or ``None`` where it cannot be converted.

    ``display`` asks for large operators and fractions; the element is inline all the same.

    >>> print(to_mathml("x^2"))
    <math><msup><mi>x</mi><mn>2</mn></msup></math>
    >>> print(to_mathml(r"\nosuchcommand"))
    None
    """
    converter = _converter()
    if converter is None or not well_formed(latex):
        return None
    try:
        written = converter.convert_with_local_state(_known(latex), displaystyle=False)
    except Exception:  # the converter has one error of its own and, in Rust, others
        return None
    written = written.replace("&ApplyFunction;", "&#x2061;")
    return written.replace("<math>", '<math displaystyle="true">', 1) if display else written


@cache
def _converter() -> Any:
    """The converter, or ``None`` on a machine that math-core is not installed on."""
    try:
        from math_core import LatexToMathML
    except ImportError:
        return None
    return LatexToMathML(fancy_error=False, allow_unreliable_rendering=True)


def _known(latex: str) -> str:
    r"""``latex`` in the commands that the converter knows.

    >>> print(_known(r"\left. f \right|_{\substack{ x=a }}"))
    {}f \rvert _{\begin{subarray}{c}x=a \end{subarray}}
    >>> print(_known(r"\underbrace{x}_{\text{sum of $y$}}"))
    \underbrace{x}_{\text{sum of }y}
    """
    return _rewritten(parse(in_math(latex)))


def _rewritten(nodes: Sequence[Node]) -> str:
    out: list[str] = []
    i = 0
    while i < len(nodes):
        node = nodes[i]
        following = nodes[i + 1] if i + 1 < len(nodes) else None
        i += 1
        if isinstance(node, Group):
            out.append(_group(node))
        elif node.name == "\\substack" and isinstance(following, Group):
            inside = _rewritten(following.children)
            out.append(f"\\begin{{subarray}}{{c}}{inside}\\end{{subarray}}")
            i += 1
        elif node.name == "\\overline" and _single(following):
            out.append("\\bar ")  # a bar that may grow lies on the letter
        elif node.name.startswith("\\operatorname") and isinstance(following, Group):
            name = source(following.children)
            if re.fullmatch(r"(?:[A-Za-z0-9 ]|\\[,; ])*", name):
                out.append(f"{node.text}{source(following)}")
            else:  # a name with an index or a command in it
                out.append(f"\\mathop{{\\mathrm{{{_rewritten(following.children)}}}}}")
            i += 1
        elif node.name.startswith(("\\text", "\\mbox")) and "{" in node.text:
            out.append(_words(node.text))
        elif node.name in ("\\limits", "\\nolimits") and _has_limits(nodes[: i - 1]):
            out.append(node.text)
        elif node.name not in _SILENT:
            out.append(node.text)
    return "".join(out)


def _single(node: Node | None) -> bool:
    return (
        isinstance(node, Group) and len(node.children) == 1 and isinstance(node.children[0], Leaf)
    )


def _has_limits(before: Sequence[Node]) -> bool:
    last = before[-1] if before else None
    return isinstance(last, Leaf) and bool(_TAKES_LIMITS.match(last.name))


def _group(node: Group) -> str:
    opening, closing = node.open, node.close
    if node.kind == "fence" and delimiter_size(measure(source(node.children))) < _TALL:
        # browsers reserve the room of the largest sign for every sign that may grow
        opening, closing = (_upright(opening, 5), _upright(closing, 6))
    for old, new in _RENAMED.items():
        if node.kind.rstrip("*") == old:
            opening, closing = f"\\begin{{{new}}}", f"\\end{{{new}}}"
    return opening + _rewritten(node.children) + closing


def _upright(fence: str, command: int) -> str:
    sign = fence.strip()[command:].strip()
    if sign == ".":
        return "{}"
    bars = {"|": "vert", "\\vert": "vert", "\\|": "Vert", "\\Vert": "Vert"}
    if sign in bars:
        return f"\\{'l' if command == 5 else 'r'}{bars[sign]} "
    return sign + " "


def _words(command: str) -> str:
    r"""A ``\text{}`` as words and mathematics side by side."""
    inside = command.split("{", 1)[1].rstrip()[:-1]
    out: list[str] = []
    for span in spans(inside):
        if span.kind == "math":
            out.append(_known(span.text))
            continue
        for part in re.split(r"(\\?[_%#&$])", span.text):
            if re.fullmatch(r"\\?[_%#&$]", part):
                out.append("\\" + part[-1])
            elif part:
                out.append(f"\\text{{{part}}}")
    return "".join(out)
