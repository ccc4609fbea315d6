"""The symmetry of the covariance, which holds by construction."""

from __future__ import annotations

from typing import Any

from sympy import default_sort_key

from ..derivation import Rule
from ..symbols import Name, Observable

__all__ = ["Symmetry"]


class Symmetry(Rule):
    """NTCov(a, b) = NTCov(b, a)."""

    def ordered(self, a: Any, b: Any) -> tuple[Any, Any]:
        """The two in one order, whichever came first; a negative one and the loss L come last."""
        first, second = (
            (e.could_extract_minus_sign(), _of_the_loss(e), default_sort_key(e)) for e in (a, b)
        )
        if first == second:  # closed forms of the same symbols
            return (b, a) if a.compare(b) > 0 else (a, b)
        return (a, b) if first < second else (b, a)


def _of_the_loss(prop: Any) -> bool:
    return {s.name for s in prop.free_symbols if isinstance(s, (Observable, Name))} == {"L"}
