"""Transcripts as the pages show them: run, with the LaTeX of what they show.

Whatever is printed and has a LaTeX form, or is LaTeX, is shown below the lines that print it, and
so is the last value; True or False behind it, what a check says, stays above the formula.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import re
from typing import Any

from sympy import Basic

_PLAIN = {"Integer", "Zero", "One", "NegativeOne", "BooleanTrue", "BooleanFalse", "Tuple"}
_TEX = re.compile(r"\\(begin\{(aligned|align|multline)|frac|operatorname|nabla|sum)")


def _evaluated(code: str, names: dict[str, Any]) -> tuple[Any, str, bool]:
    """The value of a piece of code that is an expression (else None), and what it prints.

    Of `print(x)` and `print(x.text())` the value is x; and whether it is LaTeX that is printed.
    """
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        tree = ast.parse(code)
        if len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
            exec(compile(tree, "<example>", "exec"), names)
            return None, printed.getvalue(), False
        shown = _argument(tree.body[0].value)
        if shown is None:
            return _value(tree.body[0].value, names), printed.getvalue(), False
        if isinstance(shown, ast.Call) and _called(shown) == "text" and not shown.args:
            value = _value(shown.func.value, names)  # type: ignore[attr-defined]
            print(value.text())
        else:
            print(value := _value(shown, names))
        is_tex = isinstance(shown, ast.Call) and _called(shown) in {"latex", "to_latex"}
        return value, printed.getvalue(), is_tex


def _value(node: ast.expr, names: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "<example>", "eval"), names)


def _argument(node: ast.expr) -> ast.expr | None:
    """What `print` is called with, if that is one thing."""
    if not isinstance(node, ast.Call) or _called(node) != "print" or node.keywords:
        return None
    alone = len(node.args) == 1 and not isinstance(node.args[0], ast.Starred)
    return node.args[0] if alone else None


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _display(value: Any, printed: str, is_tex: bool) -> str | None:
    """The LaTeX of what was shown, if it has any."""
    if printed and (value is None or isinstance(value, str)):
        plain = printed.strip()
        return plain if (is_tex or _TEX.match(plain)) and _set_by_mathjax(plain) else None
    if type(value).__name__ in _PLAIN or not hasattr(value, "_repr_latex_"):
        return None
    if isinstance(value, Basic):
        return _as_ours(value) if _is_formula(value) else None
    tex = value._repr_latex_()
    return None if tex is None else tex.strip().strip("$").strip()


def _set_by_mathjax(tex: str) -> bool:
    """Whether it is one display, without text around it and without macros of a preamble."""
    from symprice import Notation

    macros = re.findall(r"\\providecommand\{(\\\w+)\}", Notation(macros=True).preamble())
    return "$" not in tex and not any(re.search(re.escape(m) + r"\b", tex) for m in macros)


def _is_formula(value: Basic) -> bool:
    """Numbers and letters read as well in print; layers and optimisers are no formulas."""
    from symprice import Dynamics, Layer

    plain = getattr(value, "is_Number", False) or getattr(value, "is_Symbol", False)
    return not plain and not isinstance(value, (Dynamics, Layer))


def _as_ours(value: Basic) -> str:
    from symprice import to_latex

    return str(value.latex() if hasattr(value, "latex") else to_latex(value))


def run(text: str, names: dict[str, Any]) -> tuple[Any, list[tuple[int, str]]]:
    """The last value, and the LaTeX of what is shown, with the line below which it belongs.

    Raises
    ======

    ValueError : where an example fails that does not say so.
    """
    value: Any = None
    last: tuple[int, str] | None = None
    found: list[tuple[int, str]] = []
    for example in doctest.DocTestParser().get_examples(text):
        if example.options.get(doctest.SKIP):
            continue
        try:
            value, printed, is_tex = _evaluated(example.source, names)
        except Exception as error:
            if example.exc_msg is None:
                raise ValueError(f"{example.source.strip()} raised {error!r}") from error
            value, printed, is_tex = None, "", False
        end = example.lineno + example.source.count("\n") + example.want.count("\n")
        if isinstance(value, bool):  # the verdict on a formula leaves it in view
            if last is not None:
                found = [(end, last[1]) if shown == last else shown for shown in found]
                last = (end, last[1])
            continue
        tex = _display(value, printed, is_tex)
        last = None if tex is None else (end, tex)
        if printed and last is not None:
            found.append(last)
    if last is not None:
        found.append(last)
    first = {tex: line for line, tex in reversed(found)}  # nothing is shown twice
    return value, sorted((line, tex) for tex, line in first.items())
