r"""LaTeX for papers: formulas with their definitions, derivations with their rules.

Long lines are broken at their signs, so that nothing is wider than a line of an article;
definitions follow the formula as an aligned `where` block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..errors import NameClashError, NoRuleError
from .latex_printer import PaperPrinter
from .layout import Layout, laid_out
from .lines import Lines, lines_of

__all__ = ["displayed", "to_latex"]

# The line of an article at 11pt, in ems, and what an equation number takes of it.
_LINE = 32.0
_NUMBER = 3.5
_NUMBERED = ("equation", "align", "gather")


def to_latex(
    obj: Any,
    *,
    environment: str | None = None,
    label: str | None = None,
    where: bool = True,
    width: float = _LINE,
    **settings: Any,
) -> str:
    r"""LaTeX of an expression, an equation, a closed form, a derivation, or a list of these.

    Parameters
    ==========

    obj : what is shown. A closed form is shown with its definitions, and with what it is the closed
        form of on the left; a derivation as a chain with the names of its rules. Any other object
        is shown by its ``equation``, its ``_formula()`` or its ``derivation``, the first that it
        has.
    environment : None for mathematics that stands between dollars, or 'equation', 'align',
        'gather', with or without a star.
    label : a ``\label`` for the equation number.
    where : whether the definitions of a closed form are listed.
    width : of the line, in ems of its type; 32 is an article at 11pt, 20 a column of a two-column
        paper.
    settings : those of SymPy's ``latex``.

    Raises
    ======

    NoRuleError : for an environment or an object that there is no rule for.
    NameClashError : for a label that LaTeX cannot read, or that has no number to name.

    Examples
    ========

    >>> from sympy import Symbol, tanh
    >>> from symprice import ClosedForm, Name, NTVar, Parameter, closed_form
    >>> w, v, x, h, a = Parameter('w'), Parameter('v'), Symbol('x'), Name('h'), Name('a')
    >>> f = ClosedForm(v*a, {h: w*x, a: tanh(h)})
    >>> print(to_latex(closed_form(NTVar(f))))
    \begin{aligned}
    \operatorname{NTVar}(f) &= v^{2} x^{2} \left(1 - a^{2}\right)^{2} + a^{2} \\
    \text{where}\quad f &= v a, \\
    h &= w x, \\
    a &= \tanh(h)
    \end{aligned}
    """
    shown = lines_of(obj, PaperPrinter(settings).doprint)
    if not where:
        shown = Lines(shown.lines)
    return displayed(shown, environment=environment, label=label, width=width)


def displayed(
    shown: Lines, *, environment: str | None = None, label: str | None = None, width: float = _LINE
) -> str:
    """Lines of LaTeX as one display, broken to the width; arguments as for ``to_latex``."""
    numbered = _checked(environment, label)
    layout = laid_out(shown.lines, shown.where, width - (_NUMBER if numbered else 0.0))
    mark = rf"\label{{{label}}}" if label else ""
    if environment is None:
        return _bare(layout)
    if environment.startswith("align"):
        return _wrapped(environment, _numbered(layout, mark) if numbered else list(layout.rows))
    return _wrapped(environment, [*([mark] if mark else []), _bare(layout)])


def _checked(environment: str | None, label: str | None) -> bool:
    """Whether the environment has a number."""
    kind = (environment or "").removesuffix("*")
    if environment is not None and kind not in _NUMBERED:
        raise NoRuleError(
            f"asked for LaTeX in the environment {environment!r}: write None, 'equation', 'align' "
            "or 'gather', "
            "with a star for no number"
        )
    numbered = environment is not None and not environment.endswith("*")
    if label is None:
        return numbered
    if not numbered:
        raise NameClashError(
            f"asked for the label {label!r} where there is no equation number ({environment=}): "
            "write "
            "environment='equation' or environment='align' with it"
        )
    if not re.fullmatch(r"[A-Za-z0-9:.+/ _-]+", label):
        raise NameClashError(
            f"asked for the label {label!r}: a label is letters, digits and : . + / - _, as in "
            "'eq:kernel'"
        )
    return numbered


def _bare(layout: Layout) -> str:
    """Mathematics that stands between dollars: one row as it is, several aligned."""
    if len(layout.rows) > 1 or "&&" in layout.rows[0]:
        return _wrapped("aligned", layout.rows)
    return re.sub(r"^(.*?)\s*&\s*", lambda m: f"{m[1]} " if m[1] else "", layout.rows[0], count=1)


def _numbered(layout: Layout, mark: str) -> list[str]:
    """The rows with one number, where the main formula ends."""
    found = []
    for i, row in enumerate(layout.rows):
        body = row.removesuffix(r" \\")
        note = mark if i == layout.last else r"\notag"
        found.append(f"{body} {note}".rstrip() + row[len(body) :])
    return found


def _wrapped(environment: str, rows: Sequence[str]) -> str:
    return "\n".join([f"\\begin{{{environment}}}", *rows, f"\\end{{{environment}}}"])
