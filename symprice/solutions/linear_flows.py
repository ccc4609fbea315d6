"""Flows whose rates are linear in the variables, as those of quadratic losses: by e^{At}."""

from __future__ import annotations

from typing import Any

from sympy import ImmutableDenseMatrix, Matrix, eye, zeros

from ..derivation import Rule, Step
from ..timelimit import within
from .exponentials import matrix_exponential
from .separation import Found
from .signs import tidied
from .trajectory import FlowSystem
from .verification import solves

__all__ = ["solve_linear"]

_SECONDS = 8


class LinearSystem(Rule):
    """dx/dt = A x + c is solved by x* + e^{At}(x₀ - x*) where A x* + c = 0."""


def linear_part(rates: list[Any], variables: tuple[Any, ...]) -> tuple[Any, Any] | None:
    """A and c of rates A x + c; None where they are not linear."""
    A = Matrix(len(rates), len(variables), lambda i, j: rates[i].diff(variables[j]))
    A = A.applyfunc(lambda e: e.expand())
    if any(entry.has(*variables) for entry in A):
        return None
    c = Matrix([rate.subs(dict.fromkeys(variables, 0), simultaneous=True) for rate in rates])
    return ImmutableDenseMatrix(A), ImmutableDenseMatrix(c)


def solve_linear(system: FlowSystem) -> Found | None:
    """The solution of a linear system; None where it is not linear, or e^{At} was not found."""
    variables, t = system.variables, system.time
    parts = linear_part([rate.expand() for rate in system.rates.values()], variables)
    if parts is None:
        return None
    formulas = within(_SECONDS, lambda: _formulas(*parts, system, t))
    if formulas is None:
        return None
    solution = dict(zip(variables, formulas, strict=True))
    if not solves(solution, system.rates, system.initial, t):
        return None
    rule, flows = LinearSystem(), system.trajectories()
    steps = [Step(rule, flows[v], formula) for v, formula in solution.items()]
    return Found(list(solution.items()), True, steps, "linear system")


def _formulas(A: Any, c: Any, system: FlowSystem, t: Any) -> list[Any] | None:
    start = Matrix(list(system.initial.values()))
    size = A.rows
    if all(entry == 0 for entry in c):
        rest = zeros(size, 1)
    elif A.det().expand() != 0:
        rest = -A.LUsolve(c).applyfunc(tidied)
    else:
        # No point of rest: the constant is one more variable, which stays 1.
        A = Matrix(A).row_join(c).col_join(zeros(1, size + 1))
        start, rest = start.col_join(eye(1)), zeros(size + 1, 1)
    power = matrix_exponential(A, t)
    if power is None:
        return None
    moved = rest + power * (start - rest)
    return [tidied(entry, seconds=1) for entry in moved[:size, 0]]
