"""From entries back to matrices: `Σ_j W_ji δ_j φ'(h_i)` is read as `φ'(h) ∘ Wᵀδ`.

A summand is a product of matrices over shared indices. Each factor becomes a matrix, the bound
indices are summed away one by one, and what is left stands on the open row and column. An index
that no matrix product sums over, as the offset of a kernel, stays as the label of a visible sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from sympy import Add, Basic, KroneckerDelta, MatMul, MatrixExpr, Mod, Mul, OneMatrix, S, Trace
from sympy.core.sympify import _sympify

from ..elementwise import ScalarProduct
from .entries import Entry, Index, Within
from .families import Member
from .raising_factors import (
    as_tensor,
    entries_tensor,
    free,
    is_curved,
    letters,
    own_places,
    single,
)
from .raising_matrices import Tensor, added, hadamard, joined, product, scaled, times, transposed
from .raising_network import Contraction, contracted
from .sums import SumOver, summed

__all__ = ["raised"]


def raised(expr: Any, row: Index | None = None, column: Index | None = None) -> Any:
    """A scalar index expression in matrix notation.

    Parameters
    ==========

    expr : a scalar made of entries, sums over indices, functions of them.
    row, column : its open indices. With none the result is a scalar; else the matrix, column or
    row whose entries the expression is. Other free indices are labels of families.

    Examples
    ========

    >>> from sympy import symbols, tanh
    >>> from symprice import Index, NameMatrix, ParameterMatrix, SumOver, inputs
    >>> from symprice.indexed.entries import Entry
    >>> from symprice.indexed.raising import raised
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> x, y = inputs('x y', d)
    >>> i, j = Index('i', m), Index('j', d)
    >>> raised(SumOver(Entry(x, j)*Entry(y, j), j) + 1)
    ScalarProduct(x, y) + 1
    >>> W, delta = ParameterMatrix('W', m, d), NameMatrix('delta', m, 1)
    >>> raised(SumOver(Entry(W, i, j)*Entry(delta, i), i), j)
    W.T*delta
    >>> raised(tanh(Entry(x, j))*SumOver(Entry(W, i, j)*Entry(delta, i), i), j)
    ScaledRows(Elementwise(Lambda(h, tanh(h)), x), W.T*delta)
    """
    expr = _sympify(expr)
    if row is None and column is None:
        return _scalar(expr)
    return _matrix(expr, row, column)


def _scalar(expr: Any) -> Any:
    if isinstance(expr, SumOver):
        coefficient, _ = _sum(expr.expr, expr.indices, None, None)
        return coefficient
    if isinstance(expr, (Entry, Index, MatrixExpr)) or not expr.args:
        return expr
    args = [_scalar(arg) if isinstance(arg, Basic) else arg for arg in expr.args]
    return expr if all(a is b for a, b in zip(args, expr.args, strict=True)) else expr.func(*args)


def _matrix(expr: Any, row: Index | None, column: Index | None) -> Any:
    shape = tuple(S.One if index is None else index.size for index in (row, column))
    ones = {i: S.Zero for i in (row, column) if i is not None and i.size == 1}
    if ones:
        # An axis of length 1 has no index.
        expr = expr.xreplace(ones)
        row, column = (None if i in ones else i for i in (row, column))
    if row is None and column is None:
        return added([_one_by_one(term) for term in Add.make_args(expr)], shape)
    whole = _whole(expr, row, column)
    if whole is not None:
        return whole
    return added([_term(term, row, column) for term in Add.make_args(expr) if term != 0], shape)


def _whole(expr: Any, row: Index | None, column: Index | None) -> Any:
    """`1 - tanh²(h)` as one function; a sum such as `h + tanh(h)` stays a sum."""
    if not (isinstance(expr, Add) and any(term.is_number for term in expr.args)):
        return None
    active = frozenset(i for i in (row, column) if i is not None)
    function = single(expr, active)
    if function is None or not is_curved(*function[1:]):
        return None
    tensor = as_tensor(expr, active, _matrix)
    return None if tensor is None else _combined([tensor], row, column)


def _one_by_one(term: Any) -> tuple[Any, Any]:
    """A scalar as a 1 × 1 matrix, which it may have been."""
    scalars = list(Mul.make_args(_scalar(term)))
    for place, factor in enumerate(scalars):
        rest = Mul(*scalars[:place], *scalars[place + 1 :])
        if isinstance(factor, Entry) and own_places(factor)[0] == (None, None):
            if getattr(factor.array, "is_Matrix", False):
                return rest, Member(factor.array, *factor.positions)
        if isinstance(factor, ScalarProduct) and factor.args[0].shape[1] == 1:
            u, v = sorted(factor.args, key=_is_row_turned)
            return rest, product(transposed(u), v)
    return Mul(*scalars), OneMatrix(1, 1)


def _is_row_turned(matrix: Any) -> tuple[bool, bool]:
    return not matrix.is_Transpose, isinstance(matrix, MatMul)


def _term(term: Any, row: Index | None, column: Index | None) -> tuple[Any, Any]:
    """A product as a coefficient and a matrix."""
    active = frozenset(i for i in (row, column) if i is not None)
    scalars: list[Any] = []
    moving: list[Any] = []
    tensors: list[Tensor] = []
    used: set[Any] = set()
    factors = Mul.make_args(term)
    for factor in factors:
        if free(factor).isdisjoint(active):
            scalars.append(_scalar(factor))
        elif isinstance(factor, SumOver):
            masks = _masks(factor, factors)
            used.update(masks)
            coefficient, found = _sum(Mul(*masks, factor.expr), factor.indices, row, column)
            scalars.append(coefficient)
            tensors.extend(found)
        else:
            moving.append(factor)
    found, failed = _tensors([f for f in moving if f not in used], active, active)
    assert failed is None  # there are at most two open indices
    tensors.extend(found)
    return Mul(*scalars), _combined(tensors, row, column)


def _combined(tensors: list[Tensor], row: Index | None, column: Index | None) -> Any:
    """The entrywise product of what stands on the open indices, broadcast to both."""
    if row is None or column is None:
        index = column if row is None else row
        assert index is not None
        matrix = joined([t.matrix for t in tensors] or [OneMatrix(index.size, S.One)])
        return transposed(matrix) if row is None else matrix
    rows = [t.matrix for t in tensors if t.axes == (row,)]
    columns = [t.matrix for t in tensors if t.axes == (column,)]
    matrices = [t.along(row) for t in tensors if len(t.axes) == 2]
    if not matrices:
        left = joined(rows) if rows else OneMatrix(row.size, S.One)
        right = joined(columns) if columns else OneMatrix(column.size, S.One)
        if not (rows or columns):
            return OneMatrix(row.size, column.size)
        return product(left, transposed(right))
    matrix = hadamard(matrices)
    if columns:
        matrix = transposed(scaled(columns, transposed(matrix)))
    return scaled(rows, matrix)


# --- one sum --------------------------------------------------------------------------------------
def _sum(
    body: Any, indices: Iterable[Index], row: Index | None, column: Index | None
) -> tuple[Any, list[Tensor]]:
    """`Σ body` as a scalar times matrices on the open indices."""
    opened = frozenset(i for i in (row, column) if i is not None)
    factors, bound = _opened(body, list(indices), opened)
    wide = next((f for f in factors if _is_wide_sum(f, opened.union(bound))), None)
    if wide is not None:
        rest = [f for f in factors if f is not wide]
        total = Add(*(summed(Mul(*rest, term), bound) for term in wide.args))
        return _as_product(total, opened)
    factors = _squares_split(factors, opened.union(bound))
    labels = _positions_to_keep(factors, bound, opened)
    while True:
        active = opened.union(bound) - labels
        moving = [f for f in factors if not free(f).isdisjoint(active)]
        left = [index for index in bound if index not in labels]
        trace = _trace(moving, left, opened)
        if trace is not None:
            contraction = trace
            break
        tensors, failed = _tensors(moving, active, opened)
        if failed is not None:
            labels.add(next(index for index in left if index in free(failed)))
            continue
        contraction = contracted(tensors, left, row)
        if contraction.stuck is None:
            break
        labels.add(contraction.stuck)
    outer = [_scalar(f) for f in factors if free(f).isdisjoint(active)]
    outer.extend(Mul.make_args(contraction.scalar))
    if not labels:
        return Mul(*outer), contraction.tensors
    return _labelled(outer, contraction.tensors, [i for i in bound if i in labels], row, column)


def _tensors(
    moving: list[Any], active: frozenset[Index], opened: frozenset[Index]
) -> tuple[list[Tensor], Any]:
    """The factors as matrices, or the factor that has none as long as its indices are summed."""
    found: list[tuple[Any, Tensor]] = []
    used: set[Any] = set()
    for factor in _padded(moving, active):
        tensor = as_tensor(factor, active, _matrix)
        if tensor is None:
            left = free(factor) & active
            # Alone under its sum a function stays as it is; among others it is a matrix of entries.
            listed = (len(moving) > 1 or left & opened) and not _has_members(factor, active)
            if listed or left <= opened:
                masks = _masks(factor, moving)
                used.update(masks)
                tensor = entries_tensor(Mul(*masks, factor), active)
        if tensor is None:
            return [], factor
        found.append((factor, tensor))
    return [tensor for factor, tensor in found if factor not in used], None


def _labelled(
    outer: list[Any],
    tensors: list[Tensor],
    labels: list[Index],
    row: Index | None,
    column: Index | None,
) -> tuple[Any, list[Tensor]]:
    """A visible sum over the labels, what does not depend on them in front."""
    inside = [f for f in outer if not free(f).isdisjoint(labels)]
    outside = [f for f in outer if free(f).isdisjoint(labels)]
    axes = tuple(i for i in (row, column) if i is not None and any(i in t.axes for t in tensors))
    inner = Mul(*inside)
    if axes:
        inner = times(inner, _combined(tensors, axes[0], axes[1] if len(axes) == 2 else None))
    held = [label for label in labels if label in free(inner)]
    outside += [label.size for label in labels if label not in held]
    names = letters(inner, held)
    inner = inner.xreplace(names) if names else inner
    total = SumOver(inner, *(names.get(label, label) for label in held))
    if axes:
        return Mul(*outside), [Tensor(axes, total)]
    return Mul(*outside, total), []


def _as_product(total: Any, opened: frozenset[Index]) -> tuple[Any, list[Tensor]]:
    """A sum as a scalar, or as one matrix on the open indices."""
    axes = tuple(sorted(free(total) & opened, key=lambda index: index.name))
    if not axes:
        return _scalar(total), []
    return S.One, [Tensor(axes, _matrix(total, axes[0], axes[1] if len(axes) == 2 else None))]


# --- before the contraction -----------------------------------------------------------------------
def _opened(
    body: Any, bound: list[Index], opened: frozenset[Index]
) -> tuple[list[Any], list[Index]]:
    """The factors of a summand, sums among them opened, all bound indices distinct."""
    factors: list[Any] = []
    stack = [(body, opened.intersection(bound))]
    bound = [index for index in bound if index not in opened]
    while stack:
        part, clashing = stack.pop()
        if clashing:
            names = _unused([body, part], clashing, [*bound, *opened])
            bound.extend(names.values())
            part = part.xreplace(names)
        for factor in Mul.make_args(part):
            if isinstance(factor, SumOver):
                stack.append((factor.expr, frozenset(factor.indices)))
            else:
                factors.append(factor)
    return factors, bound


def _unused(
    exprs: list[Any], clashing: Iterable[Index], taken: Iterable[Index]
) -> dict[Index, Index]:
    """Names that occur nowhere, the same for the same expression."""
    used = {i.name for expr in exprs for i in expr.atoms(Index)} | {i.name for i in taken}
    fresh = (f"_{n}" for n in count(1) if f"_{n}" not in used)
    ordered = sorted(clashing, key=lambda index: index.name)
    return {index: Index(name, index.size) for index, name in zip(ordered, fresh, strict=False)}


def _is_wide_sum(factor: Any, active: frozenset[Index]) -> bool:
    return isinstance(factor, Add) and len(free(factor) & active) > 2


def _squares_split(factors: list[Any], active: frozenset[Index]) -> list[Any]:
    """`Σ_i x_i²` is the scalar product of x with itself."""
    moving = [f for f in factors if not free(f).isdisjoint(active)]
    if len(moving) == 1:
        base, exponent = moving[0].as_base_exp()
        if exponent.is_Integer and exponent > 0 and exponent % 2 == 0:
            half = base ** (exponent / 2)
            return [*(f for f in factors if f is not moving[0]), half, half]
    return factors


def _trace(moving: list[Any], bound: list[Index], opened: frozenset[Index]) -> Contraction | None:
    """`Σ_i M_ii`, of a matrix that is the same for all open indices."""
    if len(moving) != 1 or not isinstance(moving[0], Entry):
        return None
    (row, column), labels = own_places(moving[0])
    array = moving[0].array
    if row is None or row != column or row not in bound or array.shape != (row.size, row.size):
        return None
    if any(not free(label).isdisjoint(opened) for label in labels):
        return None
    others = (index.size for index in bound if index != row)
    return Contraction(Mul(Trace(Member(array, *labels)), *others), [])


def _positions_to_keep(
    factors: list[Any], bound: list[Index], opened: frozenset[Index]
) -> set[Index]:
    """The bound indices that are labels: those of a member, and all but one of a moved position."""
    kept: set[Index] = set()
    moved: list[frozenset[Index]] = []
    stack = [f for f in factors if not free(f).isdisjoint(bound)]
    while stack:
        node = stack.pop()
        if isinstance(node, Entry):
            places, labels = own_places(node)
            kept.update(*(free(label) for label in labels))
        elif isinstance(node, KroneckerDelta):
            places = node.args
        elif isinstance(node, Within):
            places = node.args[:1]
        else:
            if isinstance(node, Member):
                kept.update(*map(free, node.labels))
            stack.extend(arg for arg in node.args if not free(arg).isdisjoint(bound))
            continue
        for place in places:
            if place is not None and not isinstance(place, Index):
                inner = place.args[0] if isinstance(place, Mod) else place
                own = free(place)
                kept.update(i for i in own if i in free(inner - i))
                moved.append(own)
    kept.intersection_update(bound)
    while True:
        crowded = [
            own & opened.union(bound) - kept
            for own in moved
            if len(own & opened.union(bound) - kept) > 1
        ]
        choices = [i for i in bound if any(i in own for own in crowded)]
        if not choices:
            return kept
        kept.add(max(choices, key=lambda i: sum(i in own for own in crowded)))


def _padded(factors: list[Any], active: frozenset[Index]) -> list[Any]:
    """The factors without the paddings that a moved entry among them has of its own."""
    masks = [f for f in factors if isinstance(f, Within)]
    if not masks:
        return factors
    own = set()
    for factor in factors:
        if isinstance(factor, Entry):
            places, _ = own_places(factor)
            own |= {
                Within(place, size)
                for place, size in zip(places, getattr(factor.array, "shape", ()), strict=False)
                if place is not None and len(free(place) & active) == 1
            }
    return [f for f in factors if f not in own]


def _masks(factor: Any, factors: Iterable[Any]) -> list[Any]:
    """The paddings among the factors that belong to a position in one: there it has no value."""
    return [
        f for f in factors if f is not factor and isinstance(f, Within) and factor.has(f.args[0])
    ]


def _has_members(factor: Any, active: frozenset[Index]) -> bool:
    """Whether a whole matrix inside it depends on an active index."""
    stack = [factor]
    while stack:
        node = stack.pop()
        if isinstance(node, MatrixExpr):
            return True
        if not isinstance(node, Entry):
            stack.extend(arg for arg in node.args if not free(arg).isdisjoint(active))
    return False
