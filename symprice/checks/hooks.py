"""How nodes that the oracle does not know say what they are: by a method, or by an entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import mpmath
from sympy import Basic

from ..errors import NoRuleError
from .graph import Cell, Graph, Scope
from .state import State

__all__ = ["Evaluate", "Point", "opaque", "register"]

Evaluator = Callable[[Any, "Evaluate", "Point"], Any]
_EVALUATORS: dict[str, Evaluator] = {}


def register(kind: type | str) -> Callable[[Evaluator], Evaluator]:
    """Say how a class of nodes is evaluated, on a function ``(node, evaluate, point)``.

    A node of the package says it itself instead, with a method ``_numeric(self, evaluate, point)``.
    ``evaluate(expr, point)`` is the oracle's recursion, ``{**point, symbol: value}`` another point.
    A method ``_size`` of the same form says how large the terms are that the value is a sum of.

    Examples
    ========

    >>> from sympy import Function, Symbol
    >>> from symprice.checks.oracle import register, value
    >>> class double(Function):
    ...     pass
    >>> @register(double)
    ... def _(node, evaluate, point):
    ...     return 2*evaluate(node.args[0], point)
    >>> x = Symbol('x')
    >>> print(value(double(x + 1), {x: 3}, 15))
    8.0
    """
    name = kind if isinstance(kind, str) else kind.__name__

    def enter(evaluator: Evaluator) -> Evaluator:
        _EVALUATORS[name] = evaluator
        return evaluator

    return enter


def opaque(graph: Graph, expr: Any, scope: Scope, cls: type) -> Cell | None:
    """The cell of a node whose class says itself what it is; None if ``cls`` does not."""
    if cls.__name__ in _EVALUATORS:
        evaluator = _EVALUATORS[cls.__name__]
    elif "_numeric" in vars(cls):
        method = vars(cls)["_numeric"]

        def evaluator(node: Any, evaluate: Evaluate, point: Point) -> Any:
            return method(node, evaluate, point)

    else:
        return None
    # A node may ask for all parameters of the point, so they must be known before the first value.
    for arg in expr.args:
        try:
            graph.cell(arg, scope)
        except NoRuleError:
            continue

    def run(state: State) -> Any:
        return evaluator(expr, Evaluate(state, scope), Point(state, scope))

    def size(state: State) -> Any:
        return expr._size(Evaluate(state, scope), Point(state, scope))

    # What it depends on is its own affair: everything.
    return Cell("opaque", (), run, mask=-1, symbol=size if hasattr(cls, "_size") else None)


class Point(Mapping[Any, Any]):
    """The values of the variables at a point: parameters, inputs, constants, sizes."""

    def __init__(self, state: State, scope: Scope) -> None:
        self.state, self.scope = state, scope

    def __getitem__(self, symbol: Any) -> Any:
        if not isinstance(symbol, Basic):
            raise KeyError(symbol)
        return self.state.value(self.state.graph.cell(symbol, self.scope))

    def __iter__(self) -> Iterator[Any]:
        symbols = self.state.graph.variables.items()
        state = self.state
        return iter(
            [
                s
                for s, cell in symbols
                if s not in self.scope.names and (state.known(cell) is not None or s in state.draw)
            ]
        )

    def __len__(self) -> int:
        return len(list(iter(self)))


class Evaluate:
    """The oracle's recursion, at the place where a node stands."""

    def __init__(self, state: State, scope: Scope) -> None:
        self._state, self._scope = state, scope

    def __call__(self, expr: Any, point: Mapping[Any, Any]) -> Any:
        """The value of an expression at a point: the one given to the node, or one made from it."""
        state, graph = self._state, self._state.graph
        cell = graph.cell(expr, self._scope)
        if isinstance(point, Point):
            return point.state.value(cell)
        moved = {}
        for symbol, value in point.items():
            variable = graph.cell(symbol, self._scope)
            if not variable.bit:
                raise NoRuleError(f"asked for a point with a value of {symbol}, which is no symbol")
            if value is not state.known(variable):
                moved[variable] = value
        return state.moving(moved).value(cell)

    def along(self, symbol: Any) -> Callable[[Any, Any], Any]:
        """The values of expressions where one symbol has another value: f(expr, value)."""
        state, graph, scope = self._state, self._state.graph, self._scope
        variable = graph.cell(symbol, scope)
        cells: dict[Any, Cell] = {}
        # What does not depend on the symbol is computed once at every precision.
        bases: dict[int, State] = {}

        def at(expr: Any, value: Any) -> Any:
            cell, precision = cells.get(expr), mpmath.mp.prec
            if cell is None:
                cell = cells[expr] = graph.cell(expr, scope)
            if precision not in bases:
                bases[precision] = state.moving({})
            return bases[precision].moving({variable: value}).value(cell)

        return at

    @property
    def digits(self) -> int:
        """How many digits are wanted of what is evaluated."""
        return self._state.digits

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What ``make()`` gives, computed once at each point that is drawn.

        The key names all that it depends on besides: the numbers that difference quotients move.
        """
        state = self._state
        if state.held:  # an observable that is held, whatever the parameters are
            return make()
        if state.graph.kept_at is not state.draw:
            state.graph.kept_at = state.draw
            state.graph.kept.clear()
        place = (id(self._scope), key)
        if place not in state.graph.kept:
            state.graph.kept[place] = make()
        return state.graph.kept[place]
