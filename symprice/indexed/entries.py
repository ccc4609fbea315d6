"""Indices and entries: what a matrix expression is, written entry by entry.

An `Index` knows its range, an `Entry` its array and its positions. Axes of length 1 have no
position, so a column `x` has entries `x_i`, and a 1 × 1 matrix is a scalar.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from sympy import Add, Basic, Expr, S, Symbol
from sympy.core.symbol import Str
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..errors import ShapeError

__all__ = [
    "Entry",
    "Index",
    "Within",
    "every_index",
    "fresh_index",
    "indices_of",
    "placed",
    "places_of",
]


class Index(Expr):
    """An index that runs over `0, …, size - 1`; printed from 1, as on paper.

    Parameters
    ==========

    name : an identifier.
    size : how many values it takes: a positive integer, or a Symbol.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import Index
    >>> i = Index('i', Symbol('N', integer=True, positive=True))
    >>> i, i.size
    (i, N)
    """

    is_commutative = True
    is_integer = True
    is_nonnegative = True
    precedence = PRECEDENCE["Atom"]

    def __new__(cls, name: Any, size: Any) -> Index:
        text = name.name if isinstance(name, Str) else str(name)
        size = _sympify(size)
        if size.is_integer is False or size.is_positive is False:
            raise ShapeError(f"asked for the index {text} over {size} values: write how many")
        return super().__new__(cls, Str(text), size)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.args[0].name)

    @property
    def size(self) -> Any:
        """How many values it takes."""
        return self.args[1]

    def _sympystr(self, printer: Any) -> str:
        return self.name

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        tex = str(printer._print(Symbol(self.name)))
        return tex if exp is None else f"{tex}^{{{exp}}}"


_COUNTER = count()


def fresh_index(size: Any) -> Index:
    """An index that occurs nowhere else."""
    return Index(f"_fresh{next(_COUNTER)}", size)


class Entry(Expr):
    """An entry of an array: a scalar.

    Parameters
    ==========

    array : a symbol with a shape: an input, a trainable matrix, the name of a definition.
    positions : one for each axis that is longer than 1, and one for each label of a family.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Index, inputs
    >>> from symprice.indexed.entries import Entry
    >>> d = symbols('d', integer=True, positive=True)
    >>> Entry(inputs('x', d), Index('i', d))
    Entry(x, i)
    """

    is_commutative = True
    is_real = True
    # Its sign is not known, and nothing is gained by asking for it.
    is_zero = is_positive = is_negative = None

    @property
    def precedence(self) -> int:
        """That of an atom; of a primed name, so that it is put in brackets before it is raised."""
        primed = "_prime" in str(getattr(self.args[0], "name", ""))
        return PRECEDENCE["Mul" if primed else "Atom"]

    def __new__(cls, array: Any, *positions: Any) -> Any:
        places = tuple(map(_sympify, positions))
        if not array.is_symbol:
            # A definition has been inlined.
            return _resolved(array, places)
        return super().__new__(cls, array, *places)

    @property
    def array(self) -> Any:
        """The symbol whose entry this is."""
        return self.args[0]

    @property
    def positions(self) -> tuple[Any, ...]:
        """Where it stands."""
        return self.args[1:]

    def _eval_derivative(self, symbol: Any) -> Any:
        return S.Zero if symbol != self.array else None

    def as_coefficient(self, expr: Any) -> Any:
        """An entry is a multiple of nothing but itself."""
        return S.One if self == expr else None

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        from .writing import entry_latex

        tex = entry_latex(printer, self)
        if exp is None:
            return tex
        return rf"\left({tex}\right)^{{{exp}}}" if {"^", "'"} & set(tex) else f"{tex}^{{{exp}}}"


def _resolved(array: Any, places: tuple[Any, ...]) -> Any:
    """The entry of an array that is an expression by now."""
    from .families import Member

    if isinstance(array, Member):
        return Entry(array.array, *places, *array.labels)
    labels = getattr(array, "labels", ())
    own = len(places) - len(labels)
    value = array(*places[own:]) if labels else array
    if not getattr(value, "is_Matrix", False):
        return value
    row, column = placed(value.shape, places[:own])
    return value[row, column]


def places_of(shape: Any, row: Any, column: Any) -> tuple[Any, ...]:
    """The positions of a matrix entry: those on axes that are longer than 1."""
    return tuple(p for size, p in zip(shape, (row, column), strict=True) if size != 1)


def placed(shape: Any, places: Any) -> tuple[Any, Any]:
    """Row and column of an entry with these positions."""
    rest = list(places)
    row, column = (S.Zero if size == 1 else rest.pop(0) for size in shape)
    return row, column


class Within(Expr):
    """1 where a position lies in `0, …, size - 1`, else 0: the padding of a shifted sequence."""

    is_commutative = True
    is_nonnegative = True
    precedence = PRECEDENCE["Atom"]

    def __new__(cls, position: Any, size: Any) -> Any:
        position, size = _sympify(position), _sympify(size)
        lowest, highest = _bounds(position)
        if lowest.is_nonnegative and (size - 1 - highest).is_nonnegative:
            return S.One
        if highest.is_negative or (lowest - size).is_nonnegative:
            return S.Zero
        return super().__new__(cls, position, size)

    def _eval_power(self, exponent: Any) -> Any:
        return self if exponent.is_positive else None

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        from .writing import place_latex

        place, size = place_latex(printer, self.args[0]), printer._print(self.args[1])
        tex = rf"\left[1 \leq {place} \leq {size}\right]"
        return tex if exp is None else f"{tex}^{{{exp}}}"


def _bounds(position: Any) -> tuple[Any, Any]:
    """The lowest and the highest value of a sum of indices."""
    lowest: Any = S.Zero
    highest: Any = S.Zero
    for term in Add.make_args(position):
        coefficient, rest = term.as_coeff_Mul()
        if isinstance(rest, Index):
            ends = (S.Zero, coefficient * (rest.size - 1))
        else:
            ends = (term, term)
        lowest += ends[0] if coefficient.is_nonnegative or rest is S.One else ends[1]
        highest += ends[1] if coefficient.is_nonnegative or rest is S.One else ends[0]
    return lowest, highest


def indices_of(expr: Basic) -> set[Index]:
    """The indices that are free in an expression: those that nothing binds."""
    from .scopes import IndexBinder

    found: set[Index] = set()
    stack: list[Any] = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, Index):
            found.add(node)
        elif isinstance(node, IndexBinder):
            found |= node.free_indices
        elif not node.is_symbol:
            stack.extend(node.args)
    return found


def every_index(expr: Basic) -> set[Index]:
    """The indices in an expression, those that something binds among them."""
    found: set[Index] = set()
    stack: list[Any] = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, Index):
            found.add(node)
        elif not node.is_symbol:
            stack.extend(node.args)
    return found
