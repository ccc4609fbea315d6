"""Scores of what has happened: where an action was nearly certain, `a - p` is small."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from sympy import KroneckerDelta, Mul, S

from ..networks.activations import sigmoid
from ..networks.logits import SoftmaxEntry
from .stable_sums import stable_sum

__all__ = ["stable_score"]

# Every 1 - π is a sum over the others.
_ACTIONS = 32


def stable_score(total: Any) -> Any:
    """a - n σ(x) of a count a as a σ(-x) - (n - a) σ(x), and [a = k] - π_k likewise.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from sympy.abc import x
    >>> from symprice.networks.activations import sigmoid
    >>> from symprice.emit.stable_scores import stable_score
    >>> stable_score(Symbol('a', integer=True) - 5*sigmoid(x))
    a*sigmoid(-x) - (5 - a)*sigmoid(x)
    """
    if len(total.args) != 2:
        return total
    for first, second in permutations(total.args):
        c, happened = first.as_coeff_Mul()
        tried, likely = _split(second)
        n = -tried / c if likely is not None else S.Zero
        if not n.is_positive:
            continue
        if happened.is_Symbol and happened.is_integer and isinstance(likely, sigmoid):
            x = likely.args[0]
            return c * (happened * sigmoid(-x) - (n - happened) * likely)
        if isinstance(happened, KroneckerDelta) and isinstance(likely, SoftmaxEntry) and n == 1:
            if len(likely.logits) <= _ACTIONS:
                others = stable_sum(1 - likely)
                return c * (happened * others - (1 - happened) * likely)
    return total


def _split(term: Any) -> tuple[Any, Any]:
    """A probability and what stands before it."""
    held = [f for f in Mul.make_args(term) if isinstance(f, (sigmoid, SoftmaxEntry))]
    return (term / held[0], held[0]) if len(held) == 1 else (term, None)
