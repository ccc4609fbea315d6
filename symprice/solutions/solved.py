"""What the solutions that are no flow of a loss come as: a formula with the steps that show it."""

from __future__ import annotations

from typing import Any

from sympy import Basic, Tuple
from sympy.core.sympify import _sympify

from ..derivation import Derivation, Step
from ..outputs import Result

__all__ = ["Solved"]


class Solved(Result, Basic):
    """A formula that solves an equation.

    Attributes
    ==========

    value : the formula, a scalar or a matrix.
    derivation : the steps; the last are the equation and its start with the formula put in.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.momentum_flows import nesterov_flow
    >>> lam, x0, t = symbols('lambda x0 t', positive=True)
    >>> nesterov_flow(lam, x0, t).value
    2*x0*besselj(1, sqrt(lambda)*t)/(sqrt(lambda)*t)
    """

    def __new__(cls, value: Any, steps: Any) -> Solved:
        return super().__new__(cls, _sympify(value), Tuple(*steps))

    @property
    def value(self) -> Any:
        """The formula."""
        return self.args[0]

    @property
    def derivation(self) -> Derivation:
        """The steps, each of which can be checked."""
        return Derivation(self.args[1])

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        steps: tuple[Step, ...] = tuple(self.args[1])
        return [
            (f"step {i} ({step.rule.name})", step.before, step.after)
            for i, step in enumerate(steps, start=1)
        ]

    def _formula(self) -> Any:
        return self.value

    def doit(self, **hints: Any) -> Any:
        """The formula, unfolded."""
        return self.value.doit(**hints)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__
