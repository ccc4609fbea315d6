"""Functions of entries in array code, rewritten where float64 would lose digits in the tails."""

from __future__ import annotations

from typing import Any

from sympy import Symbol, cosh, exp, log, sinh

from ..indexed.entries import Entry
from ..indexed.sums import SumOver
from ..networks.named_function import NamedFunction
from .stable import stabilise

__all__ = ["careful", "is_delicate", "leaves_of"]

_SLOT = Symbol("h", real=True)
# What may overflow or cancel; a polynomial in tanh does neither.
_DELICATE = (exp, log, cosh, sinh, NamedFunction)
_MEMO: dict[Any, Any] = {}


def leaves_of(expr: Any) -> list[Any]:
    """The arrays that a function of entries is made of, in order."""
    found: dict[Any, None] = {}
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, (Entry, SumOver)) or (node.is_Symbol and not node.is_number):
            found[node] = None
        else:
            stack.extend(reversed(node.args))
    return list(found)


def is_delicate(expr: Any, memo: dict[Any, bool]) -> bool:
    """Whether functions that overflow or cancel are applied to entries somewhere inside."""
    found = memo.get(expr)
    if found is None:
        found = isinstance(expr, _DELICATE) or (
            not isinstance(expr, (Entry, SumOver))
            and any(is_delicate(arg, memo) for arg in expr.args)
        )
        memo[expr] = found
    return found


def careful(expr: Any) -> Any:
    """A function of one entry, in a form without overflow and cancellation.

    Examples
    ========

    >>> from sympy import exp
    >>> from symprice import Index, inputs, sigmoid
    >>> from symprice.emit.array_functions import careful
    >>> from symprice.indexed.entries import Entry
    >>> h = Entry(inputs('h', 3), Index('i', 3))
    >>> careful(1/(1 + exp(-h))) == sigmoid(h)
    True
    """
    leaves = leaves_of(expr)
    if len(leaves) != 1 or isinstance(leaves[0], SumOver):
        return expr
    template = expr.xreplace({leaves[0]: _SLOT})
    if template not in _MEMO:
        (_MEMO[template],), _ = stabilise([template], {})
    return _MEMO[template].xreplace({_SLOT: leaves[0]})
