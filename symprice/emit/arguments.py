"""The arguments of generated functions: symbols, in nested groups, and where none are given all
free symbols.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sympy import Expr, MatrixExpr, MatrixSymbol, Symbol, Tuple
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.matrixbase import MatrixBase

from ..errors import ShapeError
from ..symbols import TRAINED, Observable, Parameter
from .code_names import natural
from .unfolding import Formula

__all__ = ["default_order", "free_symbols", "leaves", "nested", "roles"]


def nested(args: Any) -> tuple[Any, ...]:
    """The arguments as a tuple of symbols and tuples of these; one symbol alone is a tuple of one.

    Raises
    ======

    ShapeError : for anything that is no symbol.
    """
    if isinstance(args, (Symbol, MatrixSymbol)):
        return (args,)
    tree = _node(args)
    return tree if isinstance(tree, tuple) else (tree,)


def _node(arg: Any) -> Any:
    if isinstance(arg, MatrixSymbol):
        if not all(size.is_Integer for size in arg.shape):
            raise ShapeError(
                f"asked for a function of {arg}, whose size {arg.shape[0]} × {arg.shape[1]} is no "
                "number: substitute one first, as in expr.subs(n, 3)"
            )
        return arg
    if isinstance(arg, Symbol):
        return arg
    if isinstance(arg, MatrixBase):
        return tuple(map(_node, arg.flat()))
    if isinstance(arg, Iterable) and not isinstance(arg, (str, Expr, MatrixExpr)):
        items = arg.args if isinstance(arg, Tuple) else arg
        if isinstance(items, (set, frozenset)):
            raise ShapeError(
                "the arguments are a set, which has no order: write a tuple, as sorted(..., "
                "key=str)"
            )
        return tuple(map(_node, items))
    raise ShapeError(
        f"asked for a function of {arg!r}: arguments are symbols, or tuples of symbols, as in "
        "lambdify((x, (w1, w2)), expr)"
    )


def leaves(tree: Iterable[Any]) -> list[Any]:
    """The symbols of nested arguments, in order."""
    found: list[Any] = []
    for node in tree:
        found.extend(leaves(node) if isinstance(node, tuple) else [node])
    return found


def free_symbols(formula: Formula) -> set[Any]:
    """What the formula is a function of: its symbols without the names that it defines."""
    seen: set[Any] = set()
    stack = [*formula.scalars(), *formula.definitions.values()]
    found: set[Any] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, (Symbol, MatrixSymbol)):
            found.add(node)
        elif isinstance(node, MatrixElement):
            stack.extend((node.parent, node.i, node.j))
        else:
            stack.extend(node.args)
    return found - set(formula.definitions)


def default_order(symbols: Iterable[Any]) -> tuple[Any, ...]:
    """Trained symbols first, then the others; each in natural order, `w1_2` before `w1_10`."""
    return tuple(
        sorted(symbols, key=lambda s: (not isinstance(s, TRAINED), natural(s.name), s.sort_key()))
    )


def roles(symbols: Iterable[Any]) -> list[tuple[str, list[Any]]]:
    """The symbols by what they are: parameters, properties, vectors, and the rest."""
    groups: dict[str, list[Any]] = {}
    for symbol in symbols:
        groups.setdefault(_role(symbol), []).append(symbol)
    return list(groups.items())


def _role(symbol: Any) -> str:
    if isinstance(symbol, MatrixSymbol):
        rows, columns = symbol.shape
        shape = f"({rows},)" if columns == 1 else f"({rows}, {columns})"
        kind = "trained" if isinstance(symbol, TRAINED) else "input"
        return f"{kind}, last axes of shape {shape}"
    if isinstance(symbol, Parameter):
        return "parameter"
    if isinstance(symbol, Observable):
        return "property of the parameters"
    return "input or constant"
