"""What the things that can be checked claim: a list of items, each a left and a right side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sympy import Basic, Derivative, Equality, Expr, Integral, Limit, Product, Subs, Sum, Tuple
from sympy.logic.boolalg import BooleanAtom
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedForm, ClosedFormMatrix
from ..derivation import Derivation, Step
from ..errors import NoRuleError, SympriceError
from ..nodes import Node
from ..outputs import Outputs
from ..tangent.slopes import needs_vectors
from ..timelimit import within
from .generated import abstract_part
from .sides import Item

__all__ = ["claims", "subject_of"]

_SECONDS = 1.0  #: for writing down what was checked
UNEVALUATED = (Derivative, Integral, Limit, Product, Subs, Sum)


def claims(thing: Any) -> tuple[list[Item], list[tuple[str, Any]]]:
    """The claims of a thing, and its formulas that generated code should compute.

    Raises
    ======

    NoRuleError : for something that claims nothing that numbers could decide.
    """
    own = getattr(thing, "_check_items", None)
    if callable(own):
        return [Item(str(label), before, after) for label, before, after in own()], []
    if isinstance(thing, (list, tuple, Tuple)):
        return _several(thing)
    if isinstance(thing, Derivation):
        items = [
            _of_step(step, f"step {i} ({step.rule.name})")
            for i, step in enumerate(thing.steps, start=1)
        ]
        return items, _coded(thing.result)
    if isinstance(thing, Step):
        return [_of_step(thing, f"step ({thing.rule.name})")], []
    if isinstance(thing, Equality):
        return [Item("equation", thing.lhs, thing.rhs)], []
    if isinstance(thing, BooleanAtom):
        return [Item("equation", thing, thing)], []
    if isinstance(thing, (ClosedForm, ClosedFormMatrix)) and thing.origin is not None:
        return _of_closed(thing.origin, thing)
    if isinstance(thing, (Expr, MatrixBase)):
        return _of_expression(thing)
    derivation = getattr(thing, "derivation", None)
    if isinstance(derivation, Derivation):
        items, coded = claims(derivation)
        formula = getattr(thing, "_formula", lambda: None)()
        return items, [("result", formula)] if needs_vectors(formula) else coded
    if callable(formula := getattr(thing, "_formula", None)):
        return claims(formula())
    raise NoRuleError(
        f"asked to check {str(thing)[:200]}, a {type(thing).__name__}: what can be checked is an "
        "expression, an Eq, a Step, a Derivation, a closed form, or a result that has one of these"
    )


def _coded(result: Any) -> list[tuple[str, Any]]:
    """The result of a derivation as code computes it; nothing where something in it is abstract."""
    if isinstance(result, Expr):
        result = result.removeO()
    if needs_vectors(result):
        return [("result", result)]
    if result.has(Node):
        from ..tangent.closing import closed_form

        result = closed_form(result).without_origin()
    return [] if abstract_part(result) else [("result", result)]


def _several(things: Iterable[Any]) -> tuple[list[Item], list[tuple[str, Any]]]:
    items: list[Item] = []
    formulas: list[tuple[str, Any]] = []
    for number, thing in enumerate(things, start=1):
        found, coded = claims(thing)
        items += [
            Item(f"{number}: {item.label}", item.before, item.after, item.given) for item in found
        ]
        formulas += [(f"{number}: {label}", formula) for label, formula in coded]
    return items, formulas


def _of_step(step: Step, label: str) -> Item:
    return Item(label, step.before, step.after, tuple(step.given))


def _of_closed(origin: Any, closed: Any) -> tuple[list[Item], list[tuple[str, Any]]]:
    formula = closed.without_origin() if closed.definitions else closed.expr
    # In its code, what it is the closed form of says how wide it is.
    return [Item("closed form", origin, formula)], [("closed form", closed)]


def _of_expression(expr: Any) -> tuple[list[Item], list[tuple[str, Any]]]:
    """An expression claims that its closed form, or what ``doit`` makes of it, is the same."""
    if expr.has(Node):
        from ..tangent.closing import closed_form

        return _of_closed(expr, closed_form(expr))
    if isinstance(expr, Basic) and expr.has(*UNEVALUATED):
        done = expr.doit()
        return [Item("evaluation", expr, done)], [("evaluation", done)]
    return [], [("formula", expr)]


def subject_of(thing: Any) -> str:
    """What was checked, in a few words."""
    if isinstance(thing, Derivation):
        count = len(thing.steps)
        return f"a derivation of {count} step{'s' if count != 1 else ''}"
    text = " ".join(_written(thing).split()) or type(thing).__name__
    return text if len(text) <= 100 else f"{text[:97]} …"


def _written(thing: Any) -> str:
    """A result as a terminal shows it, of several lines the first, and what is too long for that as
    text.
    """
    from ..emit.terminal import as_text

    if not isinstance(thing, (Outputs, Basic)):
        return str(thing)
    short = ClosedForm, ClosedFormMatrix
    shown = thing.origin if isinstance(thing, short) and thing.origin is not None else thing
    try:
        found = within(_SECONDS, lambda: as_text(shown), None)
    except (SympriceError, TypeError, ValueError):  # it is shown in another way
        found = None
    return found.splitlines()[0] if found else str(thing)
