"""Local partial derivatives: a node's arguments, each with the derivative of the node by it.

The one place that knows how a node of a scalar expression is differentiated; the laws of the
covariance and reverse accumulation both read it. What it does not know raises: a zero would be
silently wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Add, Derivative, Dummy, Expr, Function, Mul, Piecewise, Pow, S, Subs, log
from sympy.core.function import AppliedUndef, ArgumentIndexError
from sympy.core.sympify import _sympify
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from ..arrays import ArrayNode
from ..errors import NoRuleError
from ..nodes import Node
from ..symbols import Name, Observable, Parameter

__all__ = ["Partials", "no_rule", "partials"]

# Pairs (partial derivative, argument).
Partials = list[tuple[Any, Any]]


def partials(node: Any, active: Callable[[Any], bool]) -> Partials:
    """The arguments of ``node`` that ``active`` accepts, each with the partial derivative by it.

    ``active`` says whether an expression depends on what is differentiated by.
    """
    if isinstance(node, Add):
        return [(S.One, argument) for argument in node.args if active(argument)]
    if isinstance(node, Mul):
        factors = node.args
        return [
            (Mul(*factors[:i], *factors[i + 1 :]), factor)
            for i, factor in enumerate(factors)
            if active(factor)
        ]
    if isinstance(node, Pow):
        return _of_power(node, active)
    if isinstance(node, Function) and not isinstance(node, Piecewise):
        return _of_function(node, active)
    if isinstance(node, Subs) and not active(node.expr):
        return _of_point(node, active)
    if isinstance(node, MatrixElement) and isinstance(node.parent, ArrayNode):
        return _of_entry(node, active)
    return _by_symbols(node, active)


def _of_power(node: Any, active: Callable[[Any], bool]) -> Partials:
    base, exponent = node.args
    pairs: Partials = []
    if active(base):
        pairs.append((exponent * base ** (exponent - 1), base))
    if active(exponent):
        pairs.append((node if base is S.Exp1 else node * log(base), exponent))
    return pairs


def _of_function(node: Any, active: Callable[[Any], bool]) -> Partials:
    moving = [(i, argument) for i, argument in enumerate(node.args, start=1) if active(argument)]
    if not moving or not all(isinstance(argument, Expr) for _, argument in moving):
        raise no_rule(node)
    try:
        return [(_by_argument(node, index), argument) for index, argument in moving]
    except NoRuleError:
        if isinstance(node, AppliedUndef):
            raise
        return _by_symbols(node, active)  # a function may know how to differentiate itself


def _of_point(node: Any, active: Callable[[Any], bool]) -> Partials:
    """A derivative at a point, as φ'(h): the next derivative there."""
    return [
        (Subs(node.expr.diff(variable), node.variables, node.point), place)
        for variable, place in zip(node.variables, node.point, strict=True)
        if active(place)
    ]


def _of_entry(node: Any, active: Callable[[Any], bool]) -> Partials:
    """An entry of a vector function: its row of the Jacobians."""
    pairs: Partials = []
    for jacobian, argument in node.parent.jacobians():
        if not active(argument):
            continue
        size = argument.shape[0]
        if not (_sympify(size).is_Integer and node.i.is_Integer):
            raise no_rule(node)
        pairs += [(jacobian[node.i, j], argument[j, 0]) for j in range(int(size))]
    return [(c, entry) for c, entry in pairs if active(entry)]


def _by_argument(node: Any, index: int) -> Any:
    try:
        value = node.fdiff(index)
    except (ArgumentIndexError, NotImplementedError, AttributeError) as error:
        raise no_rule(node) from error
    # SymPy answers with a Derivative of the node itself where it knows no rule; of an unspecified
    # function that is the answer.
    if isinstance(value, (Derivative, Subs)):
        if not isinstance(node, AppliedUndef):
            raise no_rule(node)
        argument = node.args[index - 1]
        if isinstance(argument, Name) or (
            isinstance(argument, Parameter) and node.atoms(Observable)
        ):
            return _at_point(node, index)
    return value


def _at_point(node: Any, index: int) -> Any:
    """φ'(h) as the derivative at a point: Derivative(φ(h), h) would lose its variable when h is
    inlined, and Derivative(φ(P, w), w) reads as a total derivative.
    """
    argument = node.args[index - 1]
    elsewhere = node.func(*node.args[: index - 1], argument**2, *node.args[index:]).fdiff(index)
    return Subs(elsewhere.expr, elsewhere.variables, (argument,))


def _by_symbols(node: Any, active: Callable[[Any], bool]) -> Partials:
    """Any other scalar expression: its total derivative by the symbols that it depends on."""
    if not isinstance(node, Expr) or node.has(Node) or any(map(active, node.atoms(MatrixExpr))):
        raise no_rule(node)
    pairs: Partials = []
    for symbol in sorted((s for s in node.free_symbols if active(s)), key=lambda s: s.sort_key()):
        if not symbol.is_symbol or getattr(symbol, "is_Matrix", False):
            raise no_rule(node)
        pairs.append((_by_symbol(node, symbol), symbol))
    if not pairs:
        raise no_rule(node)
    return pairs


def _by_symbol(node: Any, symbol: Any) -> Any:
    """The partial derivative by one symbol, the others held fixed: Observables do not depend on
    Parameters here.
    """
    masks = {
        s: Dummy(s.name, **s.assumptions0) for s in node.free_symbols if isinstance(s, Observable)
    }
    variable = masks.get(symbol, symbol)
    if any(
        isinstance(variable, Parameter) and not inner.expr.atoms(Observable).isdisjoint(masks)
        for inner in node.atoms(Derivative)
        for variable in inner.variables
    ):
        raise no_rule(node)
    value = node.xreplace(masks).diff(variable)
    unknown = [d for d in value.atoms(Derivative) if not isinstance(d.expr, AppliedUndef)]
    if unknown and not node.has(Derivative, Subs):
        raise no_rule(node)
    return value.xreplace({mask: s for s, mask in masks.items()})


def no_rule(node: Any) -> NoRuleError:
    """The error for a node whose derivative is not known."""
    return NoRuleError(
        f"asked for the gradient of {node}, but no rule differentiates a {type(node).__name__}. "
        "Write it with "
        "SymPy functions, or give the function an fdiff(argindex) method that returns its partial "
        "derivative"
    )
