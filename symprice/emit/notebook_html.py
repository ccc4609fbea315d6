r"""Results as notebooks show them: formulas for MathJax, definitions folded, changes coloured.

Notebooks typeset what stands between dollars in HTML; an editor that does not gets LaTeX alone.
Colours are readable on white and on black.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from html import escape
from typing import Any

from sympy import Add, Basic, Mul

from ..derivation import Derivation, Step
from ..errors import SympriceError
from .documents.width import width
from .latex import displayed, on_screen
from .latex_printer import PaperPrinter
from .lines import ChainLine, Lines, lines_of
from .notation import Notation, in_use
from .primes import Closing
from .reading_order import Product, product

__all__ = [
    "changed",
    "display",
    "folded",
    "formula_html",
    "framed",
    "in_line",
    "table_html",
    "typesets",
]

LONGEST = 6000  #: of a formula that is shown, in characters of TeX
_OPEN = 4  #: up to so many definitions stand open
_WIDEST = 14.0  #: of what is coloured, in ems: a line does not break inside of it
_NEW = "#d9480f"
# A group that the line breaker measures and leaves whole; nothing prints it otherwise.
_MARK = r"\mathinner{"


def typesets() -> bool:
    """Whether the notebook sets mathematics inside of HTML, which Visual Studio Code does not."""
    return "VSCODE_PID" not in os.environ


def in_line(tex: str) -> str:
    """A formula in running text."""
    return rf"\({escape(tex, quote=False)}\)"


def display(tex: str) -> str:
    """A formula on lines of its own."""
    return f"$$\n{escape(on_screen(tex), quote=False)}\n$$"


def framed(inner: str) -> str:
    """HTML in which mathematics is typeset."""
    # The class tells Sphinx's MathJax to look inside.
    return f'<div class="symprice tex2jax_process" style="overflow: auto hidden">\n{inner}\n</div>'


def formula_html(obj: Any) -> str | None:
    r"""A formula with its definitions folded below it, or a derivation with its rules.

    What a step has changed is coloured. None where the notebook had better show LaTeX or text: for
    what has no definitions and no steps, is very long, or cannot be written.

    Examples
    ========

    >>> from sympy import log
    >>> from symprice import NTCov, derive, observables
    >>> P, L, Q = observables('P L Q')
    >>> shown = formula_html(derive(NTCov(log(P)*Q, L)))
    >>> r'\textcolor{#d9480f}{\frac{Q}{P} \operatorname{NTCov}(P, L)}' in shown
    True
    """
    if not typesets():
        return None
    notation = in_use().but(macros=False)  # which MathJax does not know
    with notation.use():
        return _formula_html(obj, notation)


def _formula_html(obj: Any, notation: Notation) -> str | None:
    try:
        shown = lines_of(obj, PaperPrinter({}, notation).doprint)
    except (SympriceError, TypeError, ValueError):
        return None
    steps = _steps_of(obj, shown)
    if not (shown.where or steps):
        return None
    tex = displayed(Lines(shown.lines), notation=notation)
    if len(tex) > LONGEST:
        return None
    if steps:
        with suppress(SympriceError, TypeError, ValueError):
            tex = _coloured(obj, shown, steps, notation) or tex
    return framed(display(tex) + folded(shown.where, notation, shown.closing))


def _steps_of(obj: Any, shown: Lines) -> Sequence[Step]:
    """The steps that the lines show, one a line."""
    if isinstance(obj, Step):
        return (obj,)
    found = obj if isinstance(obj, Derivation) else getattr(obj, "derivation", None)
    steps = tuple(found.steps) if isinstance(found, Derivation) else ()
    matching = len(steps) == len(shown) and all(line.rule for line in shown)
    return steps if matching else ()


def folded(
    where: Sequence[tuple[str, str]],
    notation: Notation | None = None,
    closing: Closing | None = None,
) -> str:
    """Definitions behind a triangle, open where they are few."""
    if not where:
        return ""
    rows = [ChainLine(name, "=", value) for name, value in where]
    rows += [ChainLine("", "", closing.tex)] if closing is not None else []
    tex = displayed(Lines(tuple(rows)), notation=notation)
    count = f"{len(where)} definition" + ("s" if len(where) > 1 else "")
    state = " open" if len(where) <= _OPEN else ""
    head = '<summary style="cursor: pointer">where '
    if len(tex) > 3 * LONGEST:
        return f"\n<p>where {count} follow; .latex() lists them</p>"
    return f"\n<details{state}>{head}<small>({count})</small></summary>\n{display(tex)}\n</details>"


class _Marking(PaperPrinter):
    """The printer of papers, marking what is new in a line."""

    new: frozenset[Basic] = frozenset()

    def _print(self, expr: Any, **kwargs: Any) -> str:
        tex = super()._print(expr, **kwargs)
        return _marked(tex) if expr in self.new and not isinstance(expr, Mul) else tex

    def _product(self, parts: Product, followed: bool = False) -> str:
        # The terms of a sum arrive here, without their signs.
        tex = super()._product(parts, followed)
        return _marked(tex) if any(_same(parts, part) for part in self.new) else tex


def _same(parts: Product, part: Any) -> bool:
    return isinstance(part, Mul) and product(part)[1:] == parts[1:]


def _marked(tex: str) -> str:
    return f"{_MARK}{tex}}}" if tex.strip() and width(tex) <= _WIDEST else tex


def changed(before: Any, after: Any) -> frozenset[Any]:
    """The smallest parts of ``after`` that are not parts of ``before`` in the same place.

    Examples
    ========

    >>> from sympy import sin
    >>> from sympy.abc import x, y
    >>> changed(x*sin(y) + 1, x*sin(2*y) + 1)
    frozenset({2*y})
    """
    if before == after or not isinstance(after, Basic):
        return frozenset()
    if not isinstance(before, Basic) or before.func != after.func or not after.args:
        return frozenset([after])
    if isinstance(after, (Add, Mul)):
        lost = [arg for arg in before.args if arg not in after.args]
        new = [arg for arg in after.args if arg not in before.args]
        if len(lost) == len(new) == 1:
            return changed(lost[0], new[0])
        # Factors are set together, in fractions: a product is coloured as a whole.
        whole = isinstance(after, Mul) or len(new) == len(after.args)
        return frozenset([after] if whole else new)
    if len(before.args) != len(after.args):
        return frozenset([after])
    pairs = zip(before.args, after.args, strict=True)
    return frozenset().union(*(changed(old, new) for old, new in pairs))


def _coloured(obj: Any, shown: Lines, steps: Sequence[Step], notation: Notation) -> str | None:
    """The same lines with what each of them changes in colour."""
    printer = _Marking({}, notation)
    found = []
    for index, (line, step) in enumerate(zip(shown, steps, strict=True)):
        new = {part for part in changed(step.before, step.after) if not part.is_number}
        whole = step.after in new
        printer.new = frozenset() if whole else frozenset(new)
        right = lines_of(obj, printer.doprint)[index].right if printer.new else line.right
        # Where a mark has changed more than the colour, the line stays as it was.
        same = _unmarked(right) == line.right.replace(" ", "")
        found.append(line._replace(right=right if same else line.right))
    tex = displayed(Lines(tuple(found)), notation=notation)
    return tex.replace(_MARK, rf"\textcolor{{{_NEW}}}{{")


def _unmarked(tex: str) -> str:
    """TeX without marks and spaces."""
    while (start := tex.find(_MARK)) >= 0:
        depth, end = 1, start + len(_MARK)
        while end < len(tex) and depth:
            depth += (tex[end] == "{") - (tex[end] == "}")
            end += 1
        tex = tex[:start] + tex[start + len(_MARK) : end - 1] + tex[end:]
    return tex.replace(" ", "")


def table_html(title: str, rows: Iterable[tuple[str, str]], note: str = "") -> str:
    """A title, a row of two cells for each entry, and a note; cells are HTML."""
    cell = '<td style="text-align: left; vertical-align: top; padding: 0.2em 0.8em">'
    body = "\n".join(f"<tr>{cell}<b>{head}</b></td>{cell}{value}</td></tr>" for head, value in rows)
    told = f"\n<p><small>{escape(note)}</small></p>" if note else ""
    return framed(f"<p><b>{escape(title)}</b></p>\n<table><tbody>\n{body}\n</tbody></table>{told}")
