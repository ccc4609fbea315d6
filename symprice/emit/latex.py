r"""LaTeX of results, ready for a paper: formulas with their definitions, derivations with their rules.

Long lines are broken at their signs, so that nothing is wider than a line of an article; definitions follow the
formula as an aligned `where` block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sympy import Basic, Tuple
from sympy.core.relational import Relational
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..derivation import Derivation, Step
from ..errors import NameClashError, NoRuleError
from .latex_printer import PaperPrinter
from .layout import Layout, laid_out
from .lines import ChainLine, Lines, lines
from .short_names import CLOSED, ShortNames

__all__ = ["to_latex"]

# The line of an article at 11pt, in ems, and what an equation number takes of it.
_LINE = 32.0
_NUMBER = 3.5
_NUMBERED = ("equation", "align", "gather")
_RELATIONS = {"==": "=", "!=": r"\neq", "<=": r"\leq", ">=": r"\geq"}


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

    obj : what is shown. A closed form is shown with its definitions, and with what it is the closed form of on
        the left; a derivation as a chain with the names of its rules. Any object with a method ``_formula()`` or
        a ``derivation`` is shown by that.
    environment : None for mathematics that stands between dollars, or 'equation', 'align', 'gather', with or
        without a star.
    label : a ``\label`` for the equation number.
    where : whether the definitions of a closed form are listed.
    width : of the line, in ems of its type; 32 is an article at 11pt, 20 a column of a two-column paper.
    settings : those of SymPy's ``latex``.

    Raises
    ======

    NoRuleError : for an environment or an object that there is no rule for.
    NameClashError : for a label that LaTeX cannot read, or that has no number to name.

    Examples
    ========

    >>> from sympy import Symbol, tanh
    >>> from symprice import ClosedForm, Name, NTVar, Parameter, closed_form
    >>> w, v, x, h, a = Parameter('w'), Parameter('v'), Symbol('x'), Name('h1_1'), Name('a1_1')
    >>> f = ClosedForm(v*a, {h: w*x, a: tanh(h)})
    >>> print(to_latex(closed_form(NTVar(f))))
    \begin{aligned}
    \operatorname{NTVar}(f) &= v^{2} x^{2} \left(1 - \tanh^{2}(h^{(1)}_{1})\right)^{2} + \left(a^{(1)}_{1}\right)^{2} \\
    \text{where}\quad f &= v a^{(1)}_{1}, \\
    h^{(1)}_{1} &= w x, \\
    a^{(1)}_{1} &= \tanh(h^{(1)}_{1})
    \end{aligned}
    """
    numbered = _checked(environment, label)
    shown = _lines_of(obj, settings)
    room = width - (_NUMBER if numbered else 0.0)
    layout = laid_out(shown.lines, shown.where if where else (), room)
    mark = rf"\label{{{label}}}" if label else ""
    if environment is None:
        return _bare(layout)
    if environment.startswith("align"):
        return _wrapped(environment, _numbered(layout, mark) if numbered else list(layout.rows))
    return _wrapped(environment, [*([mark] if mark else []), _bare(layout)], join="\n")


def _checked(environment: str | None, label: str | None) -> bool:
    """Whether the environment has a number."""
    kind = (environment or "").removesuffix("*")
    if environment is not None and kind not in _NUMBERED:
        raise NoRuleError(
            f"asked for LaTeX in the environment {environment!r}: write None, 'equation', 'align' or 'gather', "
            "with a star for no number"
        )
    numbered = environment is not None and not environment.endswith("*")
    if label is None:
        return numbered
    if not numbered:
        raise NameClashError(
            f"asked for the label {label!r} where there is no equation number ({environment=}): write "
            "environment='equation' or environment='align' with it"
        )
    if not re.fullmatch(r"[A-Za-z0-9:.+/ _-]+", label):
        raise NameClashError(
            f"asked for the label {label!r}: a label is letters, digits and : . + / - _, as in 'eq:kernel'"
        )
    return numbered


def _lines_of(obj: Any, settings: dict[str, Any]) -> Lines:
    """What an object is shown as: lines, and definitions."""
    printer = PaperPrinter(settings)
    if isinstance(obj, Step):
        obj = Derivation((obj,))
    if isinstance(obj, Derivation):
        return lines(obj, printer.doprint)
    if callable(formula := getattr(obj, "_formula", None)):
        return _lines_of(formula(), settings)
    if isinstance(own := getattr(obj, "derivation", None), Derivation):
        return _lines_of(own, settings)
    parts = list(obj) if isinstance(obj, (list, tuple)) else [obj]
    formulas = [_sides(part) for part in parts]
    names = ShortNames(side for left, _, right in formulas for side in (left, right) if side is not None)
    shown = []
    for left, relation, right in formulas:
        before = "" if left is None else printer.doprint(names.shown(left))
        shown.append(ChainLine(before, relation, printer.doprint(names.shown(right))))
    where = tuple((printer.doprint(name), printer.doprint(value)) for name, value in names.where())
    return Lines(tuple(shown), where)


def _sides(part: Any) -> tuple[Any, str, Any]:
    """Left side (or None), relation and right side of a formula."""
    if callable(formula := getattr(part, "_formula", None)):
        return _sides(formula())
    if isinstance(part, Relational):
        return part.lhs, _RELATIONS.get(part.rel_op, part.rel_op), part.rhs
    if isinstance(part, CLOSED):
        origin = part.origin
        return origin, "" if origin is None else "=", part.without_origin()
    if isinstance(part, MatrixBase):
        part = part.as_immutable()
    if isinstance(part, (Basic, int, float, complex)) and not isinstance(part, Tuple):
        return None, "", _sympify(part)
    if isinstance(part, Tuple):
        return None, "", part
    raise NoRuleError(
        f"asked for the LaTeX of a {type(part).__name__}: write a SymPy expression, an Eq, a Matrix, a closed "
        "form, a derivation, or a list of these"
    )


def _bare(layout: Layout) -> str:
    """Mathematics that stands between dollars: one row as it is, several aligned."""
    if len(layout.rows) == 1 and "&&" not in layout.rows[0]:
        return layout.rows[0].replace("&", "", 1).strip() if _aligned(layout.rows[0]) else layout.rows[0]
    return _wrapped("aligned", layout.rows)


def _aligned(row: str) -> bool:
    return r"\begin" not in row.split("&", 1)[0]


def _numbered(layout: Layout, mark: str) -> list[str]:
    """The rows with one number, where the main formula ends."""
    return [
        f"{row}{mark and ' '}{mark}" if i == layout.last else rf"{row} \notag"
        for i, row in enumerate(layout.rows)
    ]


def _wrapped(environment: str, rows: Sequence[str], join: str = " \\\\\n") -> str:
    body = join.join(rows)
    return f"\\begin{{{environment}}}\n{body}\n\\end{{{environment}}}"
