r"""LaTeX for papers: formulas with their definitions, derivations with their rules.

Long lines are broken at their signs, so that nothing is wider than a line of an article;
definitions follow the formula as an aligned `where` block, or as a sentence.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from sympy.printing.latex import LatexPrinter

from ..errors import NoRuleError
from .documents.width import width as wide
from .environments import Display, Environment, environment_of
from .latex_printer import PaperPrinter
from .lines import ChainLine, Lines, lines_of
from .notation import Notation, noted

__all__ = ["displayed", "ems", "on_screen", "to_latex"]

# The line of an article at 11pt, in ems, and a column of a two-column paper.
WIDTHS = {"line": 32.0, "column": 20.0}
_POINTS = {"pt": 1.0, "mm": 2.845, "cm": 28.45, "in": 72.27, "em": 10.0}
_RULES = ("right", "intertext", "none")
# The part of a line that a formula in running text may take.
_RUNNING = 0.6


def to_latex(
    obj: Any,
    *,
    environment: str | None = None,
    label: str | None = None,
    where: bool | str = True,
    width: float | str = "line",
    rules: str = "right",
    numbers: str = "one",
    notation: Any = None,
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
        'gather', 'multline', 'dmath' (which needs the package breqn), with or without a star.
    label : a ``\label`` for the equation number.
    where : whether the definitions of a closed form are listed, below the formula and aligned with
        it; 'sentence' for a sentence behind the display.
    width : of the line: 'line' of an article at 11pt (32 em), 'column' of a two-column paper
        (20 em), a number of ems, or a length such as '84mm' with type of 10pt.
    rules : where the names of the rules stand: 'right', 'intertext' between the lines of an
        align, or 'none'.
    numbers : 'one' for the display, or 'steps' for every step of a derivation in an align; with a
        label `eq:a`, the steps before the last are `eq:a.1`, `eq:a.2`, ….
    notation : a Notation, 'theory' or 'learning'; the one in use where not given.
    settings : those of SymPy's ``latex``.

    Raises
    ======

    NoRuleError : for an environment or an object that there is no rule for.
    TypeError : for a setting that there is not.
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
    >>> print(to_latex(f, environment='equation', label='eq:f', where='sentence'))
    \begin{equation}
    \label{eq:f}
    v a
    \end{equation}
    {\sloppy where $h = w x$ and $a = \tanh(h)$.\par}
    """
    if unknown := sorted(settings.keys() - LatexPrinter._default_settings.keys()):
        raise TypeError(
            f"asked for LaTeX with the setting {', '.join(unknown)}, which there is not: write "
            "environment, label, where, width, rules, numbers, notation, or one of SymPy's latex"
        )
    spelling = noted(notation)
    shown = lines_of(obj, PaperPrinter(settings, spelling).doprint)
    return displayed(
        shown,
        environment=environment,
        label=label,
        where=where,
        width=width,
        rules=rules,
        numbers=numbers,
        notation=spelling,
    )


def displayed(
    shown: Lines,
    *,
    environment: str | None = None,
    label: str | None = None,
    where: bool | str = True,
    width: float | str = "line",
    rules: str = "right",
    numbers: str = "one",
    notation: Notation | None = None,
) -> str:
    """Lines of LaTeX as one display, broken to the width; arguments as for ``to_latex``."""
    kind = environment_of(environment, label)
    _checked("rules", rules, _RULES)
    _checked("numbers", numbers, ("one", "steps"))
    _checked("where", where, (True, False, "sentence"))
    if rules == "none":
        shown = replace(
            shown, lines=tuple(line._replace(rule="", given=()) for line in shown.lines)
        )
    line = ems(width)
    sentence = where == "sentence" or (where is True and not kind.lists)
    display = Display(
        shown if where is True and kind.lists else shown.without_definitions(),
        line,
        label or "",
        numbers == "steps",
        rules,
    )
    tex = kind.write(display)
    if shown.where and where and sentence:
        tex = f"{tex}\n{_sentence(shown, kind, line)}"
    return noted(notation).abbreviated(tex)


def on_screen(tex: str) -> str:
    r"""A display for MathJax, which takes a sign at the beginning of a row for that of a number.

    >>> on_screen(r"f &= a \\ &\qquad + b")
    'f &= a \\\\ &\\qquad {} + b'
    """
    return re.sub(r"(&(?:\\q?quad ?)+)(?=[+-]|\\cdot\b)", r"\1{} ", tex)


def ems(width: float | str) -> float:
    """The width of a line in ems, however it was given.

    >>> ems('column'), ems(25), round(ems('84mm'), 1)
    (20.0, 25.0, 22.7)
    """
    if isinstance(width, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(pt|mm|cm|in|em)\s*", width)
        if found is None and width not in WIDTHS:
            raise NoRuleError(
                f"asked for lines of the width {width!r}: write a number of ems, 'line', 'column', "
                "or a length as '84mm'"
            )
        # The estimate is for type of 11pt, whose indices are drawn narrower than those of 10pt.
        value = WIDTHS[width] if found is None else 0.95 * float(found[1]) * _POINTS[found[2]] / 10
    else:
        value = float(width)
    if not value >= 8:
        raise NoRuleError(f"asked for lines of {value:g} em: write 8 or more, less holds nothing")
    return value


def _checked(name: str, given: Any, known: tuple[Any, ...]) -> None:
    if given not in known:
        raise NoRuleError(
            f"asked for LaTeX with {name}={given!r}: write {' or '.join(map(repr, known))}"
        )


def _sentence(shown: Lines, kind: Environment, line: float) -> str:
    """The definitions as a sentence; one that is too wide for running text is displayed."""
    if not kind.name:
        raise kind.refuse("the definitions as a sentence", "environment='equation'")
    pairs, closing = shown.where, shown.closing
    text = "where"
    wide_ones: list[ChainLine] = []
    for i, (name, value) in enumerate(pairs):
        last = i == len(pairs) - 1 and closing is None
        end = "." if last else "," if len(pairs) > 2 or closing is not None else ""
        joint = "and " if last and i else ""
        # TeX breaks running mathematics at few places only.
        if wide(f"{name} = {value}") <= _RUNNING * line:
            text += _block(wide_ones, line) + f" {joint}${name} = {value}${end}"
            wide_ones = []
        else:
            text += f" {joint}".rstrip() if not wide_ones else ""
            wide_ones.append(ChainLine(name, "=", value + end))
    text += _block(wide_ones, line)
    if closing is not None:
        text = f"{text.rstrip(' ')} {closing.sentence}."
    return f"{{\\sloppy {text.strip()}\\par}}"


def _block(rows: list[ChainLine], line: float) -> str:
    """Definitions in a display of their own."""
    if not rows:
        return ""
    return f"\n{environment_of('equation*').write(Display(Lines(tuple(rows)), line))}\n"
