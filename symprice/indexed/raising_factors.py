"""A factor of an index expression as a matrix: entries, moved entries, deltas, functions.

Each rule answers with the matrix and the indices that count its rows and columns; None where the
factor has no matrix of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, count
from typing import Any

from sympy import (
    Add,
    Expr,
    Identity,
    KroneckerDelta,
    MatrixExpr,
    MatrixSymbol,
    Mod,
    OneMatrix,
    S,
    Subs,
    Symbol,
)

from ..elementwise import Elementwise
from .entries import Entry, Index, Within, indices_of
from .families import EntriesOf, Family, Member
from .raising_matrices import Tensor, hadamard, pointwise, product, transposed
from .shifts import Shift, UnitVector
from .sums import SumOver

__all__ = ["as_tensor", "entries_tensor", "free", "is_curved", "letters", "own_places", "single"]

# Raises an expression to the matrix with these rows and columns.
Raise = Callable[[Any, Any, Any], Any]


_FREE: dict[Any, frozenset[Index]] = {}


def free(expr: Any) -> frozenset[Index]:
    """The free indices of an expression."""
    if len(_FREE) > 1 << 14:
        _FREE.clear()
    return _free(expr)[0]


def _free(expr: Any) -> tuple[frozenset[Index], bool]:
    """The free indices, and whether they may be remembered.

    Not those of what holds a Subs: SymPy compares the points of two by how they print, and entries
    of arrays of different sizes print alike.
    """
    if isinstance(expr, Index):
        return frozenset((expr,)), True
    if not expr.args or isinstance(expr, MatrixSymbol):
        return frozenset(), True
    found = _FREE.get(expr)
    if found is not None:
        return found, True
    inner = [_free(arg) for arg in expr.args]
    if isinstance(expr, (SumOver, Family, EntriesOf)):
        found = frozenset(indices_of(expr))
    else:
        found = frozenset().union(*(indices for indices, _ in inner))
    plain = not isinstance(expr, Subs) and all(known for _, known in inner)
    if plain:
        _FREE[expr] = found
    return found, plain


def as_tensor(factor: Any, active: frozenset[Index], raise_: Raise) -> Tensor | None:
    """The matrix of a factor over those of its indices that are active."""
    if isinstance(factor, Entry):
        return _entry(factor, active)
    if isinstance(factor, KroneckerDelta):
        return _delta(factor, active)
    if isinstance(factor, Within):
        position, size = factor.args
        return _placed(OneMatrix(size, S.One), (position, None), active)
    if isinstance(factor, (Index, MatrixExpr)):
        return None
    if isinstance(factor, Add):
        function = single(factor, active)
        if function is not None and is_curved(*function[1:]):
            return _applied(*function, active)
        return _raised_tensor(factor, active, raise_)
    if isinstance(factor, SumOver) or factor.is_Mul:
        return _raised_tensor(factor, active, raise_)
    function = single(factor, active)
    if function is not None:
        return _applied(*function, active)
    return _of_an_expression(factor, active, raise_)


def own_places(entry: Entry) -> tuple[tuple[Any, Any], tuple[Any, ...]]:
    """Row and column of an entry (None on axes of length 1), and its labels."""
    shape = getattr(entry.array, "shape", (S.One, S.One))
    rest = list(entry.positions)
    row, column = (None if size == 1 else rest.pop(0) for size in shape)
    return (row, column), tuple(rest)


# --- entries --------------------------------------------------------------------------------------
def _entry(entry: Entry, active: frozenset[Index]) -> Tensor | None:
    places, labels = own_places(entry)
    if any(not free(label).isdisjoint(active) for label in labels):
        return None
    if places == (None, None):
        return None
    return _placed(Member(entry.array, *labels), places, active)


def _delta(delta: KroneckerDelta, active: frozenset[Index]) -> Tensor | None:
    for index, other in (delta.args, delta.args[::-1]):
        if index in active:
            return _placed(Identity(index.size), (index, other), active)
    return None


def _placed(matrix: Any, places: tuple[Any, Any], active: frozenset[Index]) -> Tensor | None:
    """The matrix that a position on each axis reads off."""
    axes: list[Index | None] = [None, None]
    for n, place in enumerate(places):
        if place is None:
            continue
        size = matrix.shape[n]
        own = free(place) & active
        if not own:
            unit = UnitVector(size, place)
            matrix = product(matrix, unit) if n else product(transposed(unit), matrix)
        elif isinstance(place, Index) and place.size == size:
            axes[n] = place
        else:
            moved = _offset(place, size, own)
            if moved is None:
                return None
            axes[n], *how = moved
            if n:
                matrix = Shift(matrix, *how)
            else:
                matrix = transposed(Shift(transposed(matrix), *how))
    rows, columns = axes
    if rows is None:
        return None if columns is None else Tensor((columns,), transposed(matrix))
    if columns is None:
        return Tensor((rows,), matrix)
    if rows == columns:
        size = rows.size
        diagonal = hadamard([matrix, Identity(size)])
        return Tensor((rows,), product(diagonal, OneMatrix(size, S.One)))
    return Tensor((rows, columns), matrix)


def _offset(place: Any, size: Any, own: frozenset[Index]) -> tuple[Any, ...] | None:
    """The index of a moved position, by how much, how long it runs, and the padding."""
    if len(own) != 1:
        return None
    (index,) = own
    inner, padding = place, "zero"
    if isinstance(place, Mod):
        inner, modulus = place.args
        padding = "circular"
        if modulus != size:
            return None
    rest = inner - index
    return None if index in free(rest) else (index, rest, index.size, padding)


# --- functions ------------------------------------------------------------------------------------
def single(factor: Any, active: frozenset[Index]) -> tuple[Entry, Any, Symbol] | None:
    """The one entry that a scalar is a function of, the function's expression, its variable."""
    found: Entry | None = None
    stack = [factor]
    while stack:
        node = stack.pop()
        if free(node).isdisjoint(active):
            if node.args and node.has(Entry, SumOver, MatrixExpr):
                return None
        elif isinstance(node, Entry):
            if found is not None and node != found:
                return None
            found = node
        elif isinstance(node, (Index, KroneckerDelta, Within, SumOver, MatrixExpr)):
            return None
        else:
            stack.extend(node.args)
    if found is None:
        return None
    slot = _slot(factor)
    return found, factor.xreplace({found: slot}), slot


def is_curved(body: Any, slot: Symbol) -> bool:
    """Whether a sum is more than a multiple of its variable and a constant."""
    for term in Add.make_args(body):
        rest = term.as_independent(slot, as_Add=False)[1]
        if rest != slot and rest.has(slot):
            return True
    return False


def _applied(entry: Entry, body: Any, slot: Symbol, active: frozenset[Index]) -> Tensor | None:
    inner = _entry(entry, active)
    return inner and Tensor(inner.axes, Elementwise(pointwise(body, slot), inner.matrix))


def _of_an_expression(factor: Any, active: frozenset[Index], raise_: Raise) -> Tensor | None:
    """`φ(Σ_j W_ij x_j)`: a function of one argument that has a matrix."""
    slot = _slot(factor)
    if isinstance(factor, Subs):
        # φ'(u) at a point.
        function, variables, points = factor.args
        if len(variables) != 1 or not free(function).isdisjoint(active):
            return None
        argument, body = points[0], function.xreplace({variables[0]: slot})
    else:
        moving = [arg for arg in factor.args if not free(arg).isdisjoint(active)]
        if len(set(moving)) != 1 or not isinstance(moving[0], Expr):
            return None
        argument = moving[0]
        body = factor.func(*(slot if arg == argument else arg for arg in factor.args))
    if isinstance(argument, (Index, MatrixExpr)) or body.has(Entry, SumOver, MatrixExpr):
        return None
    inner = as_tensor(argument, active, raise_)
    return inner and Tensor(inner.axes, Elementwise(pointwise(body, slot), inner.matrix))


def _slot(expr: Any) -> Symbol:
    """The variable of a function of one entry."""
    taken = expr.free_symbols
    names = chain("hu", (f"h_{n}" for n in count(1)))
    return next(s for s in map(Symbol, names) if s not in taken)


def _raised_tensor(factor: Any, active: frozenset[Index], raise_: Raise) -> Tensor | None:
    axes = _axes(factor, active)
    if not 1 <= len(axes) <= 2:
        return None
    return Tensor(axes, raise_(factor, axes[0], axes[1] if len(axes) == 2 else None))


def _axes(expr: Any, active: frozenset[Index]) -> tuple[Index, ...]:
    """The active indices, in the order in which an entry has them as row and column."""
    own = free(expr) & active
    if len(own) == 1:
        return tuple(own)
    order: list[Index] = []
    stack = [expr]
    while stack:
        node = stack.pop(0)
        here = [arg for arg in node.args if isinstance(arg, Index) and arg in own]
        if isinstance(node, Entry) and len(here) == 2 == len(own) and here[0] != here[1]:
            return tuple(here)
        order.extend(index for index in here if index not in order)
        stack.extend(arg for arg in node.args if not free(arg).isdisjoint(own))
    return tuple(order)


# --- what has no matrix ---------------------------------------------------------------------------
def entries_tensor(factor: Any, active: frozenset[Index]) -> Tensor | None:
    """`[f(a_i, b_i)]_i`, a matrix by its entries."""
    axes = _axes(factor, active)
    if not 1 <= len(axes) <= 2:
        return None
    names = letters(factor, axes)
    expr = factor.xreplace(names)
    places = [names.get(index, index) for index in axes]
    column = places[1] if len(places) == 2 else S.Zero
    return Tensor(axes, EntriesOf(expr, places[0], column))


def letters(expr: Any, indices: Iterable[Index]) -> dict[Index, Index]:
    """Letters for the indices that a reader will see: `i, j, k, …`, of a time or a move `t, s, …`.

    Only for those that have no name yet: their own name begins with an underscore.
    """
    taken = {s.name for s in expr.free_symbols} | {i.name for i in expr.atoms(Index)}
    names: dict[Index, Index] = {}
    for index in indices:
        if index.name.startswith("_"):
            if any(index in free(shift.args[1]) for shift in expr.atoms(Shift)):
                pool = "srtuijkl"
            else:
                pool = "tsrijklu" if str(index.size)[:1] in ("T", "L") else "ijklstru"
            names_left = chain(pool, (f"i_{n}" for n in count(1)))
            name = next(name for name in names_left if name not in taken)
            taken.add(name)
            names[index] = Index(name, index.size)
    return names
