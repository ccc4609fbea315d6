"""The two sides of a claim: taken apart into pairs of scalars or matrices, and made comparable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import mpmath
from sympy import Basic, Equality, Expr, Float, I, ImmutableDenseMatrix, Order, S, Tuple, sstr
from sympy.core.function import AppliedUndef
from sympy.core.sympify import _sympify
from sympy.logic.boolalg import BooleanAtom
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedForm
from ..errors import NoRuleError, ShapeError
from .graph import Graph, Scope

__all__ = ["Item", "Pair", "abridged", "insert", "numbers", "pairs", "real"]


@dataclass(frozen=True)
class Item:
    """One claim: ``before`` equals ``after`` under the equations ``given``."""

    label: str
    before: Any
    after: Any
    given: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Pair:
    """Two expressions that are to be equal, up to an O-term ``remainder`` where there is one."""

    left: Any
    right: Any
    remainder: Any = None

    @property
    def floats(self) -> int | None:
        """The digits of the least precise Float on a side; None where all numbers are exact."""
        found = [number._prec for side in (self.left, self.right) for number in side.atoms(Float)]
        return int(min(found) * 0.30103) if found else None

    @property
    def complex(self) -> bool:
        """Whether the imaginary unit occurs, so that values may be complex."""
        return any(side.has(I) for side in (self.left, self.right))


def pairs(before: Any, after: Any) -> list[Pair]:
    """What a claim says in scalars and matrices: of two equations, that both hold."""
    before, after = _immutable(before), _immutable(after)
    if isinstance(before, Tuple) and isinstance(after, Tuple):
        if len(before) != len(after):
            raise ShapeError(
                f"asked to compare {len(before)} things with {len(after)}: {before} and {after}"
            )
        return [pair for b, a in zip(before, after, strict=True) for pair in pairs(b, a)]
    truths = [side for side in (before, after) if isinstance(side, (Equality, BooleanAtom))]
    if len(truths) == 2:
        return [pair for side in truths for pair in _equation(side)]
    if truths:
        raise ShapeError(f"asked to compare an equation with what is none: {before} and {after}")
    if (
        isinstance(before, MatrixBase)
        and isinstance(after, MatrixBase)
        and (before.has(Order) or after.has(Order))
    ):
        if before.shape != after.shape:
            raise ShapeError(
                f"asked to compare matrices of the shapes {before.shape} and {after.shape}"
            )
        return [_without_order(b, a) for b, a in zip(before.flat(), after.flat(), strict=True)]
    return [_without_order(before, after)]


def _immutable(side: Any) -> Basic:
    side = _sympify(side)
    return ImmutableDenseMatrix(side) if isinstance(side, MatrixBase) else side


def _equation(side: Any) -> list[Pair]:
    if isinstance(side, Equality):
        return pairs(side.lhs, side.rhs)
    return [Pair(S.Zero, S.Zero if side else S.One)]  # SymPy has decided it already


def _without_order(left: Any, right: Any) -> Pair:
    left, first = _split_order(left)
    right, second = _split_order(right)
    order = first if second is None else second
    if first is not None and second is not None and first.contains(second):
        order = first
    if order is None:
        return Pair(left, right, None)
    return Pair(_in_a_step(left, order), _in_a_step(right, order), order)


def _in_a_step(side: Any, order: Any) -> Any:
    """A schedule η(t) is a number within a step: the η in which the O-term is."""
    names = {s.name: s for s in order.variables}
    moving = side.atoms(AppliedUndef)
    return side.xreplace({f: names[f.func.__name__] for f in moving if f.func.__name__ in names})


def _split_order(side: Any) -> tuple[Any, Any]:
    """An expression without its O-term, and the O-term."""
    if not side.has(Order):
        return side, None
    if isinstance(side, ClosedForm):
        body, order = _split_order(side.expr)
        return ClosedForm(body, side.args[1]), order
    order = side.getO() if isinstance(side, Expr) else None
    rest = None if order is None else side.removeO()
    if rest is None or rest.has(Order):
        raise NoRuleError(
            f"the O-term in {abridged(side)} is no summand of it, so that it cannot be compared"
        )
    return rest, order


def insert(given: Iterable[Any], graph: Graph) -> None:
    """Take equations as the meaning of their left sides, in whatever order they come."""
    stated = [_sympify(equation) for equation in given]
    waiting = [equation for equation in stated if isinstance(equation, Equality)]
    for statement in stated:
        if statement not in waiting and statement is not S.true:
            raise NoRuleError(
                f"the equations that a step is given are Eq(left, right), but received {statement}"
            )
    while waiting:
        open_symbols = {equation.lhs for equation in waiting}
        ready = [
            e for e in waiting if not (open_symbols - {e.lhs}) & e.rhs.free_symbols
        ] or waiting[:1]
        for equation in ready:
            waiting.remove(equation)
            scope, left = graph.root, equation.lhs
            if left.is_Symbol:
                meaning = graph.define(left, graph.cell(equation.rhs, scope))
                graph.root = Scope({**scope.names, left: meaning}, scope.replaced)
            else:
                graph.root = Scope(scope.names, {**scope.replaced, left: equation.rhs})


def numbers(value: Any) -> tuple[list[Any], tuple[int, ...]]:
    """The numbers in a value and its shape; a 1×1 matrix is a scalar."""
    if isinstance(value, (list, tuple)):
        parts = [numbers(each)[0] for each in value]
        return [number for part in parts for number in part], (len(parts), 1)
    if isinstance(value, mpmath.matrix):
        shape = () if (value.rows, value.cols) == (1, 1) else (value.rows, value.cols)
        return list(value), shape
    return [value], ()


def real(number: Any, digits: int) -> Any:
    """A number without the imaginary part that is rounding; None where it is complex."""
    if not isinstance(number, mpmath.mpc):
        return number
    size = max(abs(number.real), mpmath.mpf(10) ** -(digits // 2))
    return number.real if abs(number.imag) <= size * mpmath.mpf(10) ** -(digits // 2) else None


def abridged(expr: Any, length: int = 300) -> str:
    """An expression as text, cut where it is long."""
    text = sstr(expr)
    return text if len(text) <= length else f"{text[: length - 4]} …"
