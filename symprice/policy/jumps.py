"""Where a reward jumps: it has no slope there, and derivatives along a or θ miss the jump."""

from __future__ import annotations

from typing import Any

from sympy import Heaviside, Mod, Piecewise, S, ceiling, expand, floor, frac, sign
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

__all__ = ["jump_of"]

_STEPS = (Heaviside, sign, floor, ceiling, frac, Mod)


def jump_of(expr: Any, symbols: Any) -> Any:
    """A part of an expression that jumps where some symbols pass a place; None if none does.

    A Piecewise whose pieces meet is no jump.

    Examples
    ========

    >>> from sympy import Heaviside, Piecewise, Symbol
    >>> a = Symbol('a', real=True)
    >>> jump_of(a*Heaviside(a - 1), {a})
    Heaviside(a - 1)
    >>> jump_of(Piecewise((a, a > 0), (0, True)), {a}) is None
    True
    """
    wanted = set(symbols)
    for node in expr.atoms(*_STEPS):
        if node.free_symbols & wanted:
            return node
    for node in expr.atoms(Piecewise):
        conditions = [c for _, c in node.args if isinstance(c, Boolean) and c.free_symbols & wanted]
        if any(not _meets(node, c, wanted) for c in conditions):
            return node
    return None


def _meets(node: Any, condition: Any, wanted: set[Any]) -> bool:
    """Whether all pieces have one value where a condition changes; False where that is unclear."""
    if not isinstance(condition, Relational):
        return False
    gap = expand(condition.lhs - condition.rhs)
    for symbol in sorted(gap.free_symbols & wanted, key=str):
        slope = gap.coeff(symbol, 1)
        rest = expand(gap - slope * symbol)
        if slope != 0 and not rest.has(symbol) and not slope.has(symbol):
            place = -rest / slope
            values = [expand(piece.xreplace({symbol: place})) for piece, _ in node.args]
            return len(node.args) == 2 and expand(values[0] - values[1]) == S.Zero
    return False
