"""The oracle: what an expression is worth at a point, by definitions and difference quotients.

It shares no code with what derives: no law, no rule, no pullback, no SymPy derivative.
``NTCov(a, b)`` is `Σ_θ (a(θ + h) - a(θ - h))/2h · (b(θ + h) - b(θ - h))/2h`, at a working precision
that leaves the digits asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
from sympy import Basic, MatrixSymbol, Symbol, Tuple
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..errors import NoRuleError, ShapeError, SympriceError
from ..indexed.families import Member
from ..policy.quadrature import NoQuadrature, OutOfReach
from . import calculus, covariances, indices, matrices, normalising, scalars
from .graph import Cell, Graph, TooDeep, entries
from .hooks import register
from .state import State, Values, working_digits

__all__ = ["Undefined", "evaluate_at", "register", "value"]

# The modules that enter how expressions are evaluated.
ROOMS = (scalars, matrices, indices, normalising, covariances, calculus)
# Difference quotients inside difference quotients, more than this: something goes round in circles.
_DEEPEST = 12


class Given:
    """The values of a point that was given as a dict."""

    def __init__(self, point: Mapping[Any, Any]) -> None:
        self._point: dict[Any, Any] = {}
        for symbol, number in point.items():
            self._point |= dict(_members(symbol, number))
        self.sizes = _sizes(self._point)

    def __call__(self, symbol: Any) -> Any:
        """The value of a symbol, at the present precision."""
        if symbol not in self._point:
            listed = ", ".join(map(str, self._point)) or "no symbols"
            raise NoRuleError(
                f"asked for the value of an expression in {symbol}, but the point gives {listed}: "
                f"add {symbol} to it"
            )
        number = self._point[symbol]
        if isinstance(number, MatrixBase):
            return mpmath.matrix([[_mp(entry) for entry in row] for row in number.tolist()])
        return _mp(number) if isinstance(number, Basic) else number

    def __contains__(self, symbol: Any) -> bool:
        return symbol in self._point


def _members(symbol: Any, given: Any) -> Iterator[tuple[Any, Any]]:
    """A symbol with its value; of a family, every member with its own."""
    if isinstance(given, (list, tuple)):
        given = dict(enumerate(given))
    if not isinstance(given, Mapping):
        yield symbol, _exact(symbol, given)
        return
    for label, number in given.items():
        labels = label if isinstance(label, (tuple, Tuple)) else (label,)
        yield from _members(Member(symbol, *labels), number)


def _sizes(point: Mapping[Any, Any]) -> dict[Any, int]:
    """What the point says of sizes: their values, else the shapes of its matrices."""
    found: dict[Any, int] = {}
    for symbol, number in point.items():
        if isinstance(symbol, (MatrixSymbol, Member)):
            shape = (number.rows, number.cols)
            sides = zip(symbol.shape, shape, strict=True)
            found |= {side: n for side, n in sides if isinstance(side, Symbol)}
    for symbol, number in point.items():
        if not isinstance(symbol, (MatrixSymbol, Member)) and mpmath.isint(number):
            found[symbol] = int(number)
    return found


def _exact(symbol: Any, number: Any) -> Any:
    """A number of the point: SymPy's stay exact until the precision is known."""
    if isinstance(number, (mpmath.mpf, mpmath.mpc, mpmath.matrix)):
        return number
    number = _sympify(number)
    if isinstance(symbol, (MatrixSymbol, Member)) != isinstance(number, MatrixBase):
        raise ShapeError(
            f"the point gives {symbol} the value {number}: write a number for a scalar, a Matrix "
            "for a matrix"
        )
    return number


def _mp(number: Any) -> Any:
    return mpmath.mpmathify(number._to_mpmath(mpmath.mp.prec))


def value(expr: Any, point: Mapping[Any, Any], digits: int = 30) -> Any:
    """The value of an expression at a point, as an mpmath number or matrix.

    Parameters
    ==========

    expr : any expression with the package's nodes, SymPy's derivatives, sums, integrals, limits; a
        Tuple or an Eq gives the list of its members.
    point : numbers for the symbols {symbol: number}, matrices for matrix symbols; for a family a
        list of matrices, or a dict {label: matrix}. Sizes are read off the matrices.
    digits : the digits wanted.

    Raises
    ======

    NoRuleError : if something in it has no number: an unspecified function, a symbol without value.

    Examples
    ========

    >>> from sympy import Rational
    >>> from symprice import NTVar, Parameter, sigmoid
    >>> from symprice.checks.oracle import value
    >>> b = Parameter('b')
    >>> print(value(NTVar(sigmoid(b)), {b: 0}, 15))
    0.0625
    """
    given = Given(point)
    found = evaluate_at([expr], given, digits, Graph(sizes=given.sizes))[0]
    if isinstance(found, Undefined):
        raise NoRuleError(f"{expr} has no value at the point {dict(point)}: {found.reason}")
    return found


@dataclass(frozen=True)
class Undefined:
    """In place of a value: there is none at this point."""

    reason: str
    #: Whether there may be one that was not found.
    out_of_reach: bool = False


def evaluate_at(
    exprs: Sequence[Any],
    draw: Values,
    digits: int,
    graph: Graph,
    measure: Callable[[State, Cell], Any] = State.value,
) -> list[Any]:
    """The values of several expressions at one point; ``Undefined`` at a pole."""
    level = graph.level
    while True:
        with mpmath.workdps(working_digits(digits, level)):
            try:
                cells = [graph.cell(_basic(expr)) for expr in exprs]
                state = State(graph, draw, digits)
                return [_measured(measure, state, cell) for cell in cells]
            except TooDeep as deep:
                if deep.level > _DEEPEST:
                    raise NoRuleError(
                        f"more than {_DEEPEST} derivatives of derivatives stand in {exprs[0]}"
                    ) from deep
                level = graph.level = deep.level


def _measured(measure: Callable[[State, Cell], Any], state: State, cell: Cell) -> Any:
    try:
        found = measure(state, cell)
    except NoQuadrature as error:
        return Undefined(str(error), isinstance(error, OutOfReach))
    except SympriceError:
        raise
    except (ArithmeticError, ValueError, mpmath.libmp.NoConvergence) as error:
        return Undefined(str(error) or type(error).__name__)
    if not all(map(mpmath.isfinite, entries(_listed(found)))):
        return Undefined("it is not finite")
    return rounded(found, state.digits)


def _listed(found: Any) -> list[Any]:
    return (
        [each for part in found for each in _listed(part)]
        if isinstance(found, (list, tuple))
        else [found]
    )


def rounded(number: Any, digits: int) -> Any:
    """A value, or a list of them, at the digits that are right."""
    if isinstance(number, (list, tuple)):
        return [rounded(each, digits) for each in number]
    with mpmath.workdps(digits + 10):
        return (
            number.apply(lambda entry: +entry)
            if isinstance(number, mpmath.matrix)
            else +mpmath.mpmathify(number)
        )


def _basic(expr: Any) -> Basic:
    expr = _sympify(expr)
    return expr.as_immutable() if isinstance(expr, MatrixBase) else expr
