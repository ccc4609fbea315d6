"""A derivation as lines of text or LaTeX: left side, relation, right side, the rule and what it was given.

The closed forms of the whole derivation share one list of definitions, so a name means one thing from the first line
to the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..derivation import Derivation
from .latex_printer import paper
from .short_names import ShortNames

__all__ = ["ChainLine", "Lines", "lines"]


class ChainLine(NamedTuple):
    """One line ``left relation right`` of a chain; ``left`` is empty where it goes on from the line above.

    ``rule`` is the name of the law in words, ``given`` the equations that the step inserts.
    """

    left: str
    relation: str
    right: str
    rule: str = ""
    given: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lines:
    """The lines of a derivation, a sequence, and the definitions (name, value) that they share."""

    lines: tuple[ChainLine, ...]
    where: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[ChainLine]:
        return iter(self.lines)

    def __getitem__(self, index: int) -> ChainLine:
        return self.lines[index]


def lines(derivation: Derivation, show: Callable[[Any], str] = paper) -> Lines:
    r"""The lines of a derivation.

    Parameters
    ==========

    derivation : a Derivation.
    show : how an expression is written: LaTeX, or ``symprice.emit.terminal.text`` for a terminal.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, derive, sigmoid
    >>> for line in lines(derive(NTVar(sigmoid(Parameter('b'))))):
    ...     print(line.left or '   ', line.relation, line.right, '|', line.rule)
    \operatorname{NTVar}(\sigma(b)) = \sigma(b)^{2} \left(1 - \sigma(b)\right)^{2} \operatorname{NTVar}(b) | chain rule
        = \sigma(b)^{2} \left(1 - \sigma(b)\right)^{2} | coordinates
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
    where = tuple((show(name), show(value)) for name, value in names.where())
    return Lines(tuple(found), where)
