"""Integrands with conditions on the action, in pieces on which no condition changes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from sympy import Piecewise, Rational, S, oo
from sympy.core.relational import Relational

__all__ = ["Region", "over_regions"]


class Region(NamedTuple):
    """An integrand from ``low`` to ``high``."""

    function: Any
    low: Any
    high: Any


def over_regions(function: Any, a: Any, low: Any, high: Any) -> list[Region]:
    """The pieces of an integral over ``a`` in which each Piecewise is one of its branches; where
    nobody knows in which order the conditions change, the integral as it is.

    Examples
    ========

    >>> from sympy import Piecewise, Symbol, oo
    >>> from symprice.policy.regions import over_regions
    >>> a = Symbol('a', real=True)
    >>> over_regions(Piecewise((a, a > 1), (0, True)), a, -oo, oo)
    [Region(function=a, low=1, high=oo)]
    """
    whole = [Region(function, low, high)]
    found = [node for node in function.atoms(Piecewise) if node.has(a)]
    places = _places([pair.cond for node in found for pair in node.args], a, low, high)
    if not found or places is None:
        return whole
    pieces: list[Region] = []
    for left, right in pairwise([low, *places, high]):
        inner, point = function, _between(left, right)
        for node in found:
            branch = _branch(node, a, point)
            if branch is None:
                return whole
            inner = inner.xreplace({node: branch})
        if pieces and pieces[-1].function == inner:
            pieces[-1] = Region(inner, pieces[-1].low, right)
        else:
            pieces.append(Region(inner, left, right))
    return [piece for piece in pieces if piece.function != 0]


def _places(conditions: list[Any], a: Any, low: Any, high: Any) -> list[Any] | None:
    """Where conditions change within the ends, in order; None where that is not known."""
    found = set()
    for condition in conditions:
        for relation in condition.atoms(Relational):
            gap = (relation.lhs - relation.rhs).expand()
            slope = gap.coeff(a)
            rest = gap - slope * a
            if not gap.has(a):
                return None
            if slope.is_nonzero is not True or (rest.has(a) or slope.has(a)):
                return None
            found.add(-rest / slope)
    inside = [x for x in found if (x > low) != S.false and (x < high) != S.false]
    if not all((x > low) == S.true and (x < high) == S.true for x in inside):
        return None
    if len(inside) > 1 and not all(x.is_number for x in inside):
        return None
    return sorted(inside) if len(inside) > 1 else inside


def _between(left: Any, right: Any) -> Any:
    if left == -oo and right == oo:
        return Rational(1, 3)
    if left == -oo or right == oo:
        return right - Rational(4, 3) if left == -oo else left + Rational(4, 3)
    return (left + right) / 2


def _branch(node: Any, a: Any, point: Any) -> Any:
    """The branch that holds at a point; None where that depends on symbols."""
    for expr, condition in node.args:
        holds = condition.subs(a, point)
        if holds == S.true:
            return expr
        if holds != S.false:
            return None
    return None
