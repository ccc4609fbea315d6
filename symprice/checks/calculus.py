"""Derivatives, substitutions, sums, integrals and limits by numbers alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import mpmath
from sympy.core.function import AppliedUndef

from ..errors import NoRuleError
from ..nodes import Node
from ..symbols import Observable, ObservableVector
from .graph import Cell, Graph, Scope, builds, no_evaluation
from .state import Coordinate, State

__all__: list[str] = []

# A sum over more terms than this is left alone.
_MOST_TERMS = 10_000
# Extrapolation of limits: the first distance is 10⁻⁸, halved this often.
_HALVINGS = 8


@builds("Derivative")
def derivative(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The derivative by symbols, observables or unspecified functions: each is moved by itself."""
    body = graph.cell(expr.args[0], scope)
    along: list[Coordinate] = []
    for symbol, order in expr.args[1:]:
        if not order.is_Integer:
            raise no_evaluation(expr)
        along += [_coordinate(graph, symbol, scope)] * int(order)

    held = _held(graph, expr, scope)

    def run(state: State) -> Any:
        return slope(
            state.moving({cell: state.value(cell) for cell in held}) if held else state, along
        )

    def slope(state: State, rest: list[Coordinate]) -> Any:
        if len(rest) == 1:
            return state.partial(body, rest[0])
        ahead, behind = (slope(state.beside(rest[0], sign), rest[1:]) for sign in (1, -1))
        return (ahead - behind) / (2 * state.step)

    if not along:
        return body
    kind = ("derivative", *along)
    return graph.shared(kind, (body,), run)


def _held(graph: Graph, expr: Any, scope: Scope) -> list[Cell]:
    """What stays where it is in a partial derivative of an unspecified function.

    ``Derivative(f(P, w), w)`` is the derivative in the second slot: P does not follow, though it
    depends on w. A derivative of anything else is total.
    """
    if not isinstance(expr.args[0], AppliedUndef):
        return []
    moving = {symbol for symbol, _ in expr.args[1:]}
    apart: list[Any] = []
    stack = list(expr.args[0].args)
    while stack:
        part = stack.pop()
        if (
            isinstance(part, (Observable, ObservableVector, Node))
            and not part.free_symbols & moving
        ):
            apart.append(part)
        else:
            stack.extend(part.args)
    return [graph.cell(part, scope) for part in dict.fromkeys(apart)]


def _coordinate(graph: Graph, symbol: Any, scope: Scope) -> Coordinate:
    """What a derivative by ``symbol`` moves."""
    if type(symbol).__name__ == "MatrixElement":
        parent, i, j = symbol.args
        cell = graph.cell(parent, scope)
        if cell.bit and i.is_Integer and j.is_Integer:
            return cell, (int(i), int(j))
    elif not getattr(symbol, "is_Matrix", False):
        cell = graph.cell(symbol, scope)
        if cell.bit:
            return cell, None
    raise NoRuleError(
        f"asked for a derivative by {symbol}, which cannot be moved by itself: write it by a "
        "symbol, an observable, an entry of a matrix symbol or an unspecified function"
    )


def _variables(graph: Graph, symbols: Any, scope: Scope) -> tuple[tuple[Cell, ...], Scope]:
    """Leaves for bound variables, and the scope in which these symbols mean them."""
    leaves = tuple(graph.variable(symbol) for symbol in symbols)
    return leaves, scope.inside(dict(zip(symbols, leaves, strict=True)))


@builds("Subs")
def substitution(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """An expression where variables have the values of other expressions."""
    inner, symbols, values = expr.args
    variables = tuple(_coordinate(graph, symbol, scope)[0] for symbol in symbols)
    body, there = graph.cell(inner, scope), graph.cells(values, scope)

    def run(state: State) -> Any:
        moved = {cell: state.value(value) for cell, value in zip(variables, there, strict=True)}
        return state.moving(moved).value(body)

    return graph.shared(("substitution", variables), (body, *there), run)


@builds("Sum", "Product")
def accumulation(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A finite sum or product."""
    limits = list(expr.args[1:])
    if any(len(limit) != 3 for limit in limits):
        raise no_evaluation(expr)
    variables, inner = _variables(graph, [limit[0] for limit in limits], scope)
    body = graph.cell(expr.args[0], inner)
    bounds = tuple(graph.cells(limit[1:], inner) for limit in limits)
    is_sum = type(expr).__name__ == "Sum"

    def run(state: State) -> Any:
        return loop(state, len(limits) - 1)

    def loop(state: State, place: int) -> Any:
        if place < 0:
            return state.value(body)
        low, high = (state.value(bound) for bound in bounds[place])
        if not (mpmath.isint(low) and mpmath.isint(high)) or high - low > _MOST_TERMS:
            raise no_evaluation(expr)
        total = mpmath.mpf(0 if is_sum else 1)
        for index in range(int(low), int(high) + 1):
            term = loop(state.moving({variables[place]: mpmath.mpf(index)}), place - 1)
            total = total + term if is_sum else total * term
        return total

    return graph.shared(
        (type(expr).__name__, variables), (body, *(c for pair in bounds for c in pair)), run
    )


@builds("Integral")
def integral(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A definite integral, by quadrature."""
    limits = list(expr.args[1:])
    if any(len(limit) != 3 for limit in limits):
        raise no_evaluation(expr)
    variables, inner = _variables(graph, [limit[0] for limit in limits], scope)
    body = graph.cell(expr.args[0], inner)
    bounds = tuple(graph.cells(limit[1:], inner) for limit in limits)

    def run(state: State) -> Any:
        return over(state, len(limits) - 1)

    def over(state: State, place: int) -> Any:
        if place < 0:
            return state.value(body)

        def integrand(t: Any) -> Any:
            return over(state.moving({variables[place]: t}), place - 1)

        found, error = mpmath.quad(integrand, [state.value(b) for b in bounds[place]], error=True)
        if error > mpmath.mpf(10) ** (-mpmath.mp.dps * 2 // 3) * max(1, abs(found)):
            raise NoRuleError(
                f"the integral {expr} could not be computed to {state.digits} digits by quadrature"
            )
        return found

    return graph.shared(("integral", variables), (body, *(c for pair in bounds for c in pair)), run)


@builds("Limit")
def limit(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A limit, by Richardson extrapolation from distances 10⁻⁸/2ᵏ."""
    inner, symbol, target, direction = expr.args
    (variable,), within = _variables(graph, [symbol], scope)
    body, there = graph.cell(inner, within), graph.cell(target, scope)
    sign = -1 if str(direction) == "-" else 1

    def run(state: State) -> Any:
        level, goal = state.deeper(), state.value(there)

        def at(h: Any) -> Any:
            moved = mpmath.sign(goal) / h if mpmath.isinf(goal) else goal + sign * h
            return state.moving({variable: moved}, level).value(body)

        best, previous = extrapolated(at)
        if abs(best - previous) > mpmath.mpf(10) ** -state.digits * max(1, abs(best)):
            raise NoRuleError(
                f"{expr} could not be computed to {state.digits} digits by extrapolation"
            )
        return best

    return graph.shared(("limit", variable, sign), (body, there), run)


def extrapolated(at: Callable[[Any], Any]) -> tuple[Any, Any]:
    """The value of an analytic function at 0+, and the one before the last refinement."""
    start = mpmath.mpf(10) ** -8
    table = [at(start / 2**k) for k in range(_HALVINGS)]
    previous = table[-1]
    for order in range(1, _HALVINGS):
        previous = table[-1]
        weight = 2**order
        table = [(weight * fine - coarse) / (weight - 1) for coarse, fine in pairwise(table)]
    return table[0], previous
