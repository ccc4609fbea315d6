"""Numbers of expectations at a point, kept: the steps of a derivation share their sides."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import mpmath
from sympy import Symbol
from sympy.core.function import AppliedUndef

from ..symbols import Observable

__all__ = ["remembered"]

_KNOWN: OrderedDict[Any, Any] = OrderedDict()
_MOST = 512


def remembered(node: Any, point: Any, compute: Callable[[], Any]) -> Any:
    """``compute()``, the number of an expectation at a point: computed once for the same numbers
    at the same precision.
    """
    key = _key(node, point)
    if key is None:
        return compute()
    if key not in _KNOWN:
        _KNOWN[key] = compute()
        if len(_KNOWN) > _MOST:
            _KNOWN.popitem(last=False)
    _KNOWN.move_to_end(key)
    return _KNOWN[key]


def _key(node: Any, point: Any) -> Any:
    """All that the number depends on; None where it is more than the values of symbols."""
    free = node.free_symbols
    if node.has(AppliedUndef, Observable):
        return None
    bound = {limit[0] for limit in node.limits}
    if any(not getattr(s, "is_action", False) for s in node.atoms(Symbol) - free - bound):
        return None
    symbols = sorted(free, key=lambda s: s.sort_key())
    try:
        return node, tuple((s, mpmath.mpmathify(point[s])) for s in symbols), mpmath.mp.prec
    except (KeyError, TypeError):
        return None
