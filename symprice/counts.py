"""Numbers that callers hand in, whatever annotations say: whole ones, and positive ones."""

from __future__ import annotations

from math import inf
from numbers import Integral, Real

__all__ = ["is_count", "is_positive"]


def is_count(value: object, least: int = 1) -> bool:
    """Whether a value is a whole number, of Python, NumPy or SymPy, and not below the least.

    Examples
    ========

    >>> from sympy import Integer
    >>> from symprice.counts import is_count
    >>> is_count(3), is_count(Integer(3)), is_count(0), is_count(0, least=0)
    (True, True, False, True)
    >>> is_count(2.0), is_count(True)
    (False, False)
    """
    if isinstance(value, bool):
        return False
    return isinstance(value, Integral) and int(value) >= least


def is_positive(value: object) -> bool:
    """Whether a value is a real number above 0, and finite.

    Examples
    ========

    >>> from symprice.counts import is_positive
    >>> is_positive(0.5), is_positive(0), is_positive(float('nan')), is_positive('1')
    (True, False, False, False)
    """
    if isinstance(value, bool):
        return False
    return isinstance(value, Real) and 0 < float(value) < inf
