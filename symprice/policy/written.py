"""A sum as it is written down: its terms in their order, not yet added up."""

from __future__ import annotations

from typing import Any

from sympy import Add, Basic
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

__all__ = ["WrittenSum", "carried_out", "written"]


class WrittenSum(Add):
    """A sum that stays as it was written: `10 - 5`, where ``Add(10, -5)`` is 5.

    An ``Add`` in every respect but this one; and, unlike ``Add(..., evaluate=False)``, it stays so
    when it is pickled, rebuilt from its arguments or substituted into. ``doit()`` adds up.

    Examples
    ========

    >>> from symprice.policy.written import WrittenSum
    >>> WrittenSum(10, -5), WrittenSum(10, -5).doit()
    (10 - 5, 5)
    """

    def __new__(cls, *terms: Any, evaluate: bool = False) -> Any:
        if evaluate:
            return Add(*terms)
        return cls._from_args([_sympify(term) for term in terms])

    def _sympystr(self, printer: Any) -> str:
        return str(printer._print_Add(self, order="none"))

    def _latex(self, printer: Any) -> str:
        return str(printer._print_Add(self, order="none"))

    def _pretty(self, printer: Any) -> Any:
        return printer._print_Add(self, order="none")


def written(terms: list[Any]) -> Any:
    """The sum of the terms other than 0: a plain one, if that leaves each of them as it is."""
    kept = [term for term in terms if term != 0]
    total = Add(*kept)
    return total if set(Add.make_args(total)) == set(kept) or not kept else WrittenSum(*kept)


def carried_out(expr: Any) -> Any:
    """``expr`` with every written sum in it added up."""
    if isinstance(expr, MatrixBase):
        return expr.applyfunc(carried_out)
    if not isinstance(expr, Basic) or not expr.has(WrittenSum):
        return expr
    args = [carried_out(arg) for arg in expr.args]
    return Add(*args) if isinstance(expr, WrittenSum) else expr.func(*args)
