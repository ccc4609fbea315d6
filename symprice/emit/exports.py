r"""Single results for other programs: MathML for pages and word processors, and Markdown."""

from __future__ import annotations

from typing import Any

from ..errors import NoRuleError
from .documents import markdown, mathml
from .documents.model import Display
from .latex import to_latex
from .latex_printer import PaperPrinter
from .lines import lines_of
from .notation import noted

__all__ = ["display_of", "to_markdown", "to_mathml"]


def display_of(obj: Any, *, label: str = "", notation: Any = None, **settings: Any) -> Display:
    """A result as a block of a document.

    >>> from sympy.abc import x
    >>> display_of(x**2).lines[0].right
    'x^{2}'
    """
    shown = lines_of(obj, PaperPrinter(settings, noted(notation)).doprint)
    return Display(tuple(shown.lines), shown.where, label, shown.closing)


def to_mathml(obj: Any, *, notation: Any = None, **settings: Any) -> str:
    r"""A ``<math>`` element of a result, its definitions below it; settings as for ``to_latex``.

    Word, LibreOffice and browsers read it.

    Raises
    ======

    NoRuleError : where the converter does not know what is in the formula; write its LaTeX then.

    Examples
    ========

    >>> from sympy.abc import x
    >>> print(to_mathml(x**2))
    <math display="block"><msup><mi>x</mi><mn>2</mn></msup></math>
    """
    spelling = noted(notation).but(macros=False)
    tex = to_latex(obj, notation=spelling, **settings)
    found = mathml.to_mathml(tex)
    if found is None:
        raise NoRuleError(
            f"asked for MathML of {type(obj).__name__}, which the converter cannot write: use "
            f".latex(), which is {tex[:60]}..."
        )
    return found.replace("<math>", '<math display="block">', 1)


def to_markdown(obj: Any, *, notation: Any = None, reader: str = "github", **settings: Any) -> str:
    r"""Markdown of a result: a display that GitHub and Jupyter read.

    With ``reader='pandoc'`` it is written for Pandoc, which makes Word documents of it; GitHub
    would take the row ends `\\` for an escape, Pandoc does not know what stands for them there.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, derive
    >>> print(to_markdown(derive(NTVar(Parameter('w')**2))))
    $$
    \begin{aligned}
    \mathop{\mathrm{NTVar}}(w^{2}) & = 4 w^{2} \mathop{\mathrm{NTVar}}(w) && \text{chain rule} \cr
    & = 4 w^{2} && \text{coordinates}
    \end{aligned}
    $$
    """
    spelling = noted(notation).but(macros=False)
    shown = markdown.block_markdown(display_of(obj, notation=spelling, **settings))
    return markdown.read_by(reader, shown)
