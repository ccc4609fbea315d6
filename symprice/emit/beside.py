r"""Generated code beside the formulas that it computes, line by line."""

from __future__ import annotations

import ast
from html import escape
from typing import Any

from ..errors import NoRuleError, SympriceError
from .as_written import as_written
from .documents.model import Beside, Line
from .latex import to_latex
from .notation import in_use
from .notebook_html import LONGEST, display, formula_html, framed, in_line, typesets

__all__ = ["beside", "code_html"]

# Two columns where there is room for them, never more.
_GRID = (
    "display: grid; align-items: center; column-gap: 1.5em; row-gap: 0.3em; "
    "grid-template-columns: repeat(auto-fit, minmax(min(100%, max(22em, 40%)), 1fr))"
)
_CODE = '<pre style="margin: 0; text-align: left; white-space: pre-wrap">'


def beside(source: str) -> Beside:
    r"""The statements of a function, of several the last, each beside what it says.

    Parameters
    ==========

    source : Python source, as ``lambdify(...).source``.

    Raises
    ======

    NoRuleError : for what cannot be shown as it is written; the line is named.

    Examples
    ========

    >>> found = beside("def f(b):\n    s = expit(b)\n    return s**2/2")
    >>> [(code, line.left, line.right) for code, line in found.rows]
    [('    s = expit(b)', 's', '\\sigma(b)'), ('    return s**2/2', 'f(b)', '\\frac{s^{2}}{2}')]
    """
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise NoRuleError(f"asked for the formulas of source that is no Python: {error}") from error
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    if not functions:
        raise NoRuleError(
            "asked for the formulas of source without a function: write 'def f(x): …'"
        )
    tree = functions[-1]
    pairs = as_written(tree)
    statements = tree.body[-len(pairs) :]  # those behind the docstring
    lines = source.splitlines()
    head = "\n".join(lines[: statements[0].lineno - 1])
    rows = [
        ("\n".join(lines[statement.lineno - 1 : statement.end_lineno]), Line(left, "=", right))
        for statement, (left, right) in zip(statements, pairs, strict=True)
    ]
    return Beside(head, tuple(rows))


def code_html(function: Any) -> str | None:
    """A generated function for notebooks: its code beside its formulas, line by line where each
    line can be shown, else beside the formula that it was made from.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, lambdify, sigmoid
    >>> shown = code_html(lambdify(None, NTVar(sigmoid(Parameter('b')))))
    >>> 'return expit(-b)**2*expit(b)**2' in shown, 'display: grid' in shown
    (True, True)
    """
    source, formula = function.source, getattr(function, "formula", None)
    if not typesets() or len(source) > LONGEST:
        return None
    try:
        shown = beside(source)
    except NoRuleError:
        right = None if formula is None else formula_html(formula) or _formula(formula)
        if right is None:
            return None
        code = f"{_CODE}{escape(source.strip(chr(10)), quote=False)}</pre>"
        return framed(f'<div style="{_GRID}">\n{code}\n<div>{right}</div>\n</div>')
    cells = [
        f"{_CODE}{escape(code, quote=False)}</pre>\n"
        f"<div>{in_line(f'{line.left} {line.relation} {line.right}')}</div>"
        for code, line in shown.rows
    ]
    head = f"{_CODE}{escape(shown.head, quote=False)}</pre>"
    return framed(f'{head}\n<div style="{_GRID}">\n' + "\n".join(cells) + "\n</div>")


def _formula(formula: Any) -> str | None:
    try:
        tex = to_latex(formula, notation=in_use().but(macros=False))
    except (SympriceError, TypeError, ValueError):
        return None
    return display(tex) if len(tex) <= LONGEST else None
