"""A derivation as lines of text or LaTeX: left side, relation, right side, rule, what is given.

The closed forms of the whole derivation share one list of definitions, so a name means one thing
from the first line to the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import starmap
from typing import Any, NamedTuple

from sympy import Basic
from sympy.core.relational import Relational
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..derivation import Derivation, Step
from ..errors import NoRuleError
from ..indexed.writing import at_labels
from .latex_printer import paper
from .primes import Closing, written
from .short_names import CLOSED, ShortNames

__all__ = ["ChainLine", "Lines", "lines", "lines_of"]

Show = Callable[[Any], str]


class ChainLine(NamedTuple):
    """One line ``left relation right``; ``left`` is empty where it continues the line above.

    ``rule`` is the name of the law in words, ``given`` the equations that the step inserts.
    """

    left: str
    relation: str
    right: str
    rule: str = ""
    given: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lines:
    """The lines of a derivation, a sequence, and the definitions (name, value) that they share.

    ``closing`` says what the primed ones are where they are left out.
    """

    lines: tuple[ChainLine, ...]
    where: tuple[tuple[str, str], ...] = ()
    closing: Closing | None = None

    def without_definitions(self) -> Lines:
        """The lines alone."""
        return Lines(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[ChainLine]:
        return iter(self.lines)

    def __getitem__(self, index: int) -> ChainLine:
        return self.lines[index]


def lines(derivation: Derivation, show: Show = paper) -> Lines:
    r"""The lines of a derivation.

    Parameters
    ==========

    derivation : a Derivation.
    show : how an expression is written: LaTeX, or ``symprice.emit.terminal.text`` for a terminal.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, derive, sigmoid
    >>> for line in lines(derive(NTVar(sigmoid(Parameter('b'))))):
    ...     print(line.left, line.relation, line.right.split('}')[0], '…', line.rule)
    \operatorname{NTVar}(\sigma(b)) = \sigma(b)^{2 … chain rule
     = \sigma(b)^{2 … coordinates
    """
    names = ShortNames(
        expr for step in derivation.steps for expr in (step.before, step.after, *step.given)
    )
    found = []
    for index, step in enumerate(derivation.steps):
        left = "" if derivation.continues(index) else show(names.shown(step.before))
        right = show(names.shown(step.after))
        given = tuple(show(names.shown(equation)) for equation in step.given)
        found.append(ChainLine(left, "=", right, step.rule.name, given))
    return _with_definitions(found, names, show)


def lines_of(obj: Any, show: Show = paper, everything: bool = False) -> Lines:
    """The lines that any object is shown in: one formula, several of a list, or a derivation.

    With ``everything`` the definitions at a second input are listed like all others.

    Examples
    ========

    >>> from sympy import Eq
    >>> from sympy.abc import x, y
    >>> lines_of(Eq(y, 2*x))[0]
    ChainLine(left='y', relation='=', right='2 x', rule='', given=())
    """
    if isinstance(obj, Step):
        obj = Derivation((obj,))
    if isinstance(obj, Derivation):
        return lines(obj, show)
    if (formula := _formula(obj)) is not None:
        return _remarked(lines_of(formula, show, everything), getattr(obj, "_remark", ""))
    if isinstance(own := getattr(obj, "derivation", None), Derivation):
        return lines(own, show)
    sides = [_sides(part) for part in (obj if isinstance(obj, (list, tuple)) else [obj])]
    if not sides:
        raise NoRuleError("asked how to show an empty list: write one with a formula in it")
    names = ShortNames(e for left, _, right in sides for e in (left, right) if e is not None)
    found = [
        ChainLine("" if left is None else show(names.shown(left)), sign, show(names.shown(right)))
        for left, sign, right in sides
    ]
    return _with_definitions(found, names, show, everything)


def _remarked(found: Lines, remark: str) -> Lines:
    """The lines with what an object says beside its formula, as the name of a rule is."""
    if not remark:
        return found
    *before, last = found.lines
    return replace(found, lines=(*before, last._replace(rule=remark)))


def _with_definitions(
    found: Iterable[ChainLine], names: ShortNames, show: Show, everything: bool = False
) -> Lines:
    pairs = list(starmap(at_labels, names.where()))
    return Lines(tuple(found), *written(pairs, show, everything))


def _formula(obj: Any) -> Any:
    """The equation or the formula that an object says it is."""
    equation = getattr(obj, "_equations", None)
    if equation is None:
        equation = getattr(obj, "equation", None)
    several = equation if isinstance(equation, (list, tuple)) else (equation,)
    if several and all(isinstance(one, Relational) for one in several):
        return equation
    formula = getattr(obj, "_formula", None)
    return formula() if callable(formula) else None


_RELATIONS = {"==": "=", "!=": r"\neq", "<=": r"\leq", ">=": r"\geq"}


def _sides(part: Any) -> tuple[Any, str, Any]:
    """Left side (or None), relation and right side of a formula."""
    if (formula := _formula(part)) is not None:
        return _sides(formula)
    if isinstance(part, Relational):
        return part.lhs, _RELATIONS.get(part.rel_op, part.rel_op), part.rhs
    if isinstance(part, CLOSED):
        return part.origin, "" if part.origin is None else "=", part.without_origin()
    if isinstance(part, MatrixBase):
        part = part.as_immutable()
    if isinstance(part, (Basic, int, float, complex)):
        return None, "", _sympify(part)
    raise NoRuleError(
        f"asked how to show a {type(part).__name__}: write a SymPy expression, an Eq, a Matrix, a "
        "closed "
        "form, a derivation, or a list of these"
    )
