"""What is to be computed: scalars with named definitions, and how they were arranged.

Everything that can be emitted arrives here (an expression, a closed form, a matrix, an equation, a
derivation, a tuple of these) and leaves as one flat list of definitions and a tree of scalar
expressions, free of covariances.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sympy import (
    Basic,
    Derivative,
    Eq,
    Expr,
    Integral,
    Lambda,
    Limit,
    MatrixExpr,
    Subs,
    Sum,
    Tuple,
)
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.function import AppliedUndef
from sympy.core.sympify import SympifyError, _sympify
from sympy.logic.boolalg import Boolean
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedForm, ClosedFormMatrix, Definitions, hoist
from ..derivation import Derivation, evaluate
from ..errors import NoRuleError, ShapeError
from ..nodes import Node
from ..symbols import Observable
from .expectations import as_calls

__all__ = ["Array", "Branch", "Formula", "Group", "Leaf", "unfold", "walk"]


class Leaf(NamedTuple):
    """One scalar."""

    expr: Any


class Array(NamedTuple):
    """An explicit matrix, row by row; a column has one axis."""

    shape: tuple[int, ...]
    entries: tuple[Any, ...]


class Group(NamedTuple):
    """A tuple, a list, or (with keys) a dict of results."""

    kind: type
    items: tuple[Any, ...]
    keys: tuple[Any, ...] = ()


# What binds symbols of its own, or waits to be differentiated.
_UNEVALUATED = (ExprWithLimits, Derivative, Subs, Lambda, Limit)

Branch = Leaf | Array | Group


class Formula(NamedTuple):
    """A tree of scalar expressions, and the definitions of the names in them."""

    tree: Branch
    definitions: dict[Any, Any]

    def scalars(self) -> list[Any]:
        """The scalar expressions, in order."""
        return list(_scalars(self.tree))

    def replaced(self, scalars: list[Any], definitions: dict[Any, Any]) -> Formula:
        """The same tree with other expressions in it."""
        values = iter(scalars)
        return Formula(_rebuilt(self.tree, lambda _: next(values)), definitions)


def unfold(expr: Any) -> Formula:
    """The scalars of ``expr`` with every covariance unfolded and every definition in one list."""
    definitions = Definitions()
    tree = _tree(expr, definitions)
    scalars = Tuple(*(_without_covariances(scalar) for scalar in _scalars(tree)))
    values = iter(hoist(scalars, definitions))
    return Formula(_rebuilt(tree, lambda _: next(values)), dict(definitions.items()))


def walk(*exprs: Any) -> Iterator[Any]:
    """Every distinct node of some expressions once, however often it is shared."""
    seen: set[Any] = set()
    stack = list(reversed(exprs))
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        yield node
        # What a closed form is the closed form of is no part of what is computed.
        closed = isinstance(node, (ClosedForm, ClosedFormMatrix))
        stack.extend(reversed(node.args[:2] if closed else node.args))


def _tree(expr: Any, definitions: Definitions) -> Branch:
    # What a formula says beyond its conditions is no number of what it stands for.
    formula = getattr(expr, "_guarded_formula", None) or getattr(expr, "_formula", None)
    if callable(formula):
        return _tree(formula(), definitions)
    if isinstance(expr, Derivation):
        return _tree(expr.result, definitions)
    if isinstance(expr, Eq):
        return _tree(expr.rhs, definitions)
    if isinstance(expr, Mapping):
        keys = tuple(key if isinstance(key, (str, int)) else str(key) for key in expr)
        return Group(dict, tuple(_tree(item, definitions) for item in expr.values()), keys)
    if isinstance(expr, (tuple, list, Tuple)):
        kind = list if isinstance(expr, list) else tuple
        return Group(kind, tuple(_tree(item, definitions) for item in expr))
    try:
        value = _sympify(expr)
    except SympifyError:
        raise _not_a_formula(expr) from None
    if isinstance(value, (MatrixBase, MatrixExpr)):
        return _array(value, definitions)
    if not isinstance(value, (Expr, Boolean)):
        raise _not_a_formula(expr)
    return Leaf(value)


def _not_a_formula(expr: Any) -> ShapeError:
    return ShapeError(
        f"asked for code of {expr!r}, which is a {type(expr).__name__}: give a SymPy expression, "
        "a ClosedForm, a Matrix, an Eq, or a tuple, list or dict of these"
    )


def _array(matrix: Any, definitions: Definitions) -> Array:
    if not isinstance(matrix, MatrixBase):
        # The law of its entries; without one, the matrix itself says what its entries are.
        matrix = hoist(evaluate(matrix), definitions)
        if not isinstance(matrix, MatrixBase):
            if not all(size.is_Integer for size in matrix.shape):
                raise NoRuleError(
                    f"asked for code of {matrix}, a matrix of shape {matrix.shape[0]} × "
                    f"{matrix.shape[1]}: code is written for explicit matrices. Substitute "
                    "numbers for the sizes, as in expr.subs(n, 3)"
                )
            matrix = matrix.as_explicit()
    rows, columns = matrix.shape
    return Array((rows,) if columns == 1 else (rows, columns), tuple(matrix.flat()))


def _scalars(tree: Branch) -> Iterator[Any]:
    if isinstance(tree, Leaf):
        yield tree.expr
    elif isinstance(tree, Array):
        yield from tree.entries
    else:
        for item in tree.items:
            yield from _scalars(item)


def _rebuilt(tree: Branch, change: Callable[[Any], Any]) -> Branch:
    if isinstance(tree, Leaf):
        return Leaf(change(tree.expr))
    if isinstance(tree, Array):
        return Array(tree.shape, tuple(change(entry) for entry in tree.entries))
    return Group(tree.kind, tuple(_rebuilt(item, change) for item in tree.items), tree.keys)


def _without_covariances(scalar: Any) -> Basic:
    if any(isinstance(node, Node) for node in walk(scalar)):
        scalar = evaluate(scalar)
    for node in walk(scalar):
        if isinstance(node, Node):
            free = sorted(s.name for s in node.free_symbols if isinstance(s, Observable))
            what = free[0] if free else str(node)
            raise NoRuleError(
                f"asked for code of {node}, whose gradients have no formula. Substitute a property "
                f"of Parameters for {', '.join(free) or what}, as in expr.subs({what}, sigmoid(b))"
            )
        if isinstance(node, AppliedUndef):
            name = node.func.__name__
            raise NoRuleError(
                f"asked for code of {node}, but the function {name} has no formula. Substitute "
                f"one, as in expr.subs({name}, tanh).doit()"
            )
    if any(isinstance(node, (Integral, Sum)) for node in walk(scalar)):
        scalar = as_calls(scalar)
    for node in walk(scalar):
        if isinstance(node, _UNEVALUATED):
            raise NoRuleError(
                f"asked for code of {node}, which is not evaluated. Write expr.doit() first; where "
                "that leaves it, no formula is known and no code can be written"
            )
    return scalar
