"""The equations of a causal model as they are given: read, refused where they make no model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sympy import Basic, Dummy, Equality, Expr, Tuple

from ..errors import NameClashError, NoParameterError, NoRuleError, ShapeError
from ..symbols import Observable, Parameter, expression
from ..tangent.properties import MATRIX, OfParameters

__all__ = [
    "causes",
    "distinct",
    "pairs_of",
    "partial_derivative",
    "refuse_plain_namesakes",
    "right_side",
    "root_formulas",
]


def pairs_of(given: Any) -> list[tuple[Any, Any]]:
    """Equations as (left, right), however they were written."""
    if isinstance(given, Equality):
        given = [given]
    found = list(given.items()) if isinstance(given, Mapping) else given
    if not isinstance(found, (list, tuple, Tuple)):
        raise ShapeError(
            f"asked for a causal model of {given!r}: write a dict {{R: j*s*P, L: -R}} of "
            "expressions, or a list of Eq(R, j*s*P)"
        )
    pairs = []
    for one in found:
        sides = one.args if isinstance(one, Equality) else one
        single = isinstance(sides, (str, Basic)) and not isinstance(sides, Tuple)
        if single or len(sides) != 2:
            raise ShapeError(
                f"asked for the structural equation {one!r}: write Eq(R, j*s*P), or the dict "
                "{R: j*s*P}"
            )
        pairs.append((sides[0], sides[1]))
    return pairs


def distinct(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    seen: dict[Any, Any] = {}
    for variable, side in pairs:
        if not isinstance(variable, Observable):
            raise NoParameterError(
                f"asked for a structural equation of {variable!r}, a {type(variable).__name__}: "
                f"its left side is an Observable, as {{Observable('R'): {side}}}"
            )
        if variable in seen:
            raise NameClashError(
                f"asked for a causal model with two equations for {variable}, by {seen[variable]} "
                f"and by {side}: write one, for the sum of the causes if that is meant"
            )
        seen[variable] = side
    return pairs


def right_side(variable: Any, given: Any) -> Any:
    expr = expression(given, f"the structural equation of {variable}")
    if not isinstance(expr, Expr) or isinstance(expr, MATRIX):
        raise ShapeError(f"the structural equation of {variable} is a scalar, but it is {expr}")
    if expr.has(OfParameters):
        node = min(map(str, expr.atoms(OfParameters)))
        raise NoRuleError(
            f"the structural equation of {variable} holds {node}, whose value is no function of "
            f"the values of its properties: make it a root, as roots={{Observable('C'): {node}}}"
        )
    strays = {s for s in expr.free_symbols if isinstance(s, MATRIX)}
    if strays:
        raise NoRuleError(
            f"the structural equation of {variable} holds the matrix {min(map(str, strays))}: make "
            "the output of a network a root, as roots={F: net(x)[0]}"
        )
    if not causes(expr):
        raise NoParameterError(
            f"the structural equation {variable} = {expr} has no cause in it that is trained: a "
            "cause is an Observable or a Parameter, a plain Symbol is a constant"
        )
    return expr


def root_formulas(roots: Any, made: Mapping[Any, Any]) -> dict[Any, Any]:
    """{root: formula or None}."""
    if roots is None:
        return {}
    if isinstance(roots, (Observable, Parameter, Equality)):
        roots = [roots]
    items: Iterable[Any] = roots.items() if isinstance(roots, Mapping) else roots
    found: dict[Any, Any] = {}
    for item in items:
        pair = item.args if isinstance(item, Equality) else item
        root, formula = pair if isinstance(pair, (tuple, Tuple)) else (pair, None)
        if not isinstance(root, (Observable, Parameter)):
            raise NoParameterError(
                f"asked for the root {root!r} of a causal model, a {type(root).__name__}: write "
                f"Observable('{root}'), or leave it out if it is a constant"
            )
        if root in made:
            raise NameClashError(
                f"{root} is among the roots and has the equation {root} = {made[root]}: write one "
                "of the two"
            )
        if formula is not None:
            formula = expression(formula, f"the root {root}")
            if isinstance(root, Parameter) or formula.free_symbols & {*made, root}:
                raise NoRuleError(
                    f"asked for the root {root} = {formula}: the formula of a root is a property "
                    "of Parameters, without the variables of the model"
                )
        found[root] = formula
    return found


def refuse_plain_namesakes(exprs: Iterable[Any], known: Iterable[Any]) -> None:
    """A plain Symbol that is spelled as a variable would be a constant."""
    free = set().union(*(e.free_symbols for e in exprs if e is not None))
    trained = {s for s in free if isinstance(s, (Observable, Parameter))} | set(known)
    for symbol in sorted(free - trained, key=lambda s: s.sort_key()):
        if getattr(symbol, "name", None) in {s.name for s in trained}:
            raise NoParameterError(
                f"the equations of a causal model hold a plain Symbol and an Observable that are "
                f"both called {symbol}: use the Observable everywhere, or another name"
            )


def causes(expr: Any) -> tuple[Any, ...]:
    """What an expression is made of that is trained."""
    found = {s for s in expr.free_symbols if isinstance(s, (Observable, Parameter))}
    return tuple(sorted(found, key=lambda symbol: symbol.sort_key()))


def _stated(symbol: Any) -> dict[str, Any]:
    return {key: value for key, value in symbol.assumptions0.items() if key != "complex"}


def partial_derivative(expr: Any, cause: Any) -> Any:
    """∂expr/∂cause, all other causes held fixed."""
    # Properties are real, also where that is not stated.
    slots = {c: Dummy(c.name, **({"real": True} | _stated(c))) for c in causes(expr)}
    found = expr.xreplace(slots).diff(slots[cause])
    return found.xreplace({slot: c for c, slot in slots.items()})
