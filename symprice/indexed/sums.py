"""Sums over indices in a normal form: each one over a connected product, its indices renamed.

`Σ_ij u_i u'_i v_j v'_j` is the product of two sums; a Kronecker delta is summed away. Equal sums
are equal expressions, so collecting terms is SymPy's addition.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sympy import Add, Expr, KroneckerDelta, MatrixExpr, Mod, Mul
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from .entries import Entry, Index, Within, every_index, indices_of
from .scopes import IndexBinder

__all__ = ["SumOver", "SumOverMatrix", "average", "opened", "summed"]


class SumOver(IndexBinder, Expr):
    """`Σ_i expr`, the sum over all values of its indices.

    Parameters
    ==========

    expr : a scalar or a matrix (then it is a matrix).
    indices : Indices, which the sum binds.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import Index, SumOver, inputs
    >>> N, d = Symbol('N', integer=True, positive=True), Symbol('d', integer=True, positive=True)
    >>> i = Index('i', N)
    >>> x_i = inputs('x', d, each=i)
    >>> SumOver(x_i, i).shape
    (d, 1)
    """

    is_commutative = True
    precedence = PRECEDENCE["Mul"]

    def __new__(cls, expr: Any, *indices: Any) -> Any:
        expr = _sympify(expr)
        if not indices:
            return expr
        if getattr(expr, "is_Matrix", False):
            return MatrixExpr.__new__(SumOverMatrix, expr, *indices)
        return Expr.__new__(SumOver, expr, *indices)

    @property
    def expr(self) -> Any:
        """What is summed."""
        return self.args[0]

    @property
    def indices(self) -> tuple[Index, ...]:
        """The indices that are summed over."""
        return self.args[1:]

    def doit(self, **hints: Any) -> Any:
        """The sum written out, where the number of terms is known."""
        expr = self.expr.doit(**hints)
        left = []
        for index in self.indices:
            if index.size.is_Integer:
                terms = [expr.xreplace({index: _sympify(n)}) for n in range(int(index.size))]
                expr = _added(terms)
            else:
                left.append(index)
        return self.func(expr, *left) if left else expr

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        from .writing import sum_latex

        tex = sum_latex(printer, self)
        return tex if exp is None else rf"\left({tex}\right)^{{{exp}}}"


class SumOverMatrix(SumOver, MatrixExpr):
    """`Σ_i M_i` of matrices. Made by ``SumOver``."""

    @property
    def shape(self) -> Any:
        """That of the summand."""
        return self.expr.shape

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return SumOver(self.expr[i, j], *self.indices)

    def _eval_transpose(self) -> Any:
        return SumOver(self.expr.T, *self.indices)


def average(expr: Any, *indices: Any) -> Any:
    """The mean over all values of indices, `(1/N) Σ_i expr`: a loss over a data set.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import Index, average, inputs
    >>> i = Index('i', Symbol('N', integer=True, positive=True))
    >>> x_i = inputs('x', 1, each=i)
    >>> average(x_i[0, 0]**2, i)
    (SumOver(Entry(x, i)**2, i))/N
    """
    return SumOver(expr, *indices) / Mul(*(index.size for index in indices))


def _added(terms: list[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def opened(node: SumOver) -> tuple[Any, tuple[Index, ...]]:
    """The summand at fresh indices, and these."""
    body, names = node.opened()
    return body, tuple(names.values())


def summed(expr: Any, indices: Iterable[Index]) -> Any:
    """The sum of a scalar over indices, in normal form."""
    indices = tuple(indices)
    if not indices:
        return expr
    if isinstance(expr, Add):
        return Add(*(summed(term, indices) for term in expr.args))
    factors, bound = _flattened(expr, set(indices))
    factors, bound = _without_deltas(factors, bound)
    free = [(factor, indices_of(factor) & bound) for factor in factors]
    outside = [factor for factor, own in free if not own]
    result = [*outside]
    for component, own in _components([(f, own) for f, own in free if own]):
        bound -= own
        result.append(_canonical(component, own))
    result += [index.size for index in sorted(bound, key=lambda i: i.name)]
    return Mul(*result)


def _flattened(expr: Any, bound: set[Index]) -> tuple[list[Any], set[Index]]:
    """The factors, with the sums among them that share an index opened."""
    factors: list[Any] = []
    stack = list(Mul.make_args(expr))
    bound = set(bound)
    while stack:
        factor = stack.pop()
        base, power = factor.as_base_exp()
        if not isinstance(base, SumOver) or base.free_indices.isdisjoint(bound):
            factors.append(factor)
        elif power.is_Integer and power.is_positive:
            for _ in range(int(power)):
                body, fresh = opened(base)
                bound |= set(fresh)
                stack.extend(Mul.make_args(body))
        else:
            factors.append(factor)
    return factors, bound


def _without_deltas(factors: list[Any], bound: set[Index]) -> tuple[list[Any], set[Index]]:
    """Σ_j δ_ij f_j = f_i, for every delta with a summed index."""
    again = True
    while again:
        again = False
        for place, factor in enumerate(factors):
            if not isinstance(factor, KroneckerDelta):
                continue
            i, j = factor.args
            old, new = (j, i) if j in bound else (i, j)
            if old not in bound or old.size != getattr(new, "size", old.size) or new.has(old):
                continue
            rest = factors[:place] + factors[place + 1 :]
            factors = [f.xreplace({old: new}) for f in rest]
            if not _runs_within(new, old.size):
                factors.append(Within(new, old.size))
            bound = bound - {old}
            again = True
            break
    if any(isinstance(f, (Mul, Add)) for f in factors):
        factors = [part for f in factors for part in Mul.make_args(f)]
    return factors, bound


def _runs_within(position: Any, size: Any) -> bool:
    """Whether a position is one of ``size`` places whatever its indices are."""
    if isinstance(position, Mod):
        return bool(position.args[1] == size)
    return isinstance(position, Index) or not position.has(Index)


def _components(pairs: list[tuple[Any, set[Index]]]) -> list[tuple[list[Any], set[Index]]]:
    """Factors that are connected by summed indices."""
    groups: list[tuple[list[Any], set[Index]]] = []
    for factor, own in pairs:
        joined: tuple[list[Any], set[Index]] = ([factor], set(own))
        rest = []
        for group in groups:
            if group[1].isdisjoint(own):
                rest.append(group)
            else:
                joined = (group[0] + joined[0], joined[1] | group[1])
        groups = [*rest, joined]
    return groups


def _canonical(factors: list[Any], own: set[Index]) -> SumOver:
    """The sum with its indices numbered in the order in which they occur."""
    order = factors
    if len(factors) > 1:
        masks = {index: Index("_", index.size) for index in own}
        order = sorted(factors, key=lambda factor: _masked(factor, masks))
    depth = max((_depth(factor) for factor in factors), default=0)
    names: dict[Index, Index] = {}
    for factor in order:
        for index in _in_order(factor):
            if index in own and index not in names:
                names[index] = Index(f"_{depth + len(names) + 1}", index.size)
    body = Mul(*(factor.xreplace(names) for factor in factors))
    return SumOver(body, *names.values())


def _masked(factor: Any, masks: dict[Index, Index]) -> str:
    """How a factor is written with its summed indices made the same."""
    if isinstance(factor, Entry) and all(isinstance(p, Index) for p in factor.positions):
        places = (masks.get(place, place).name for place in factor.positions)
        return f"Entry({', '.join((factor.array.name, *places))})"
    return str(factor.xreplace(masks))


def _in_order(expr: Any) -> Iterable[Index]:
    if isinstance(expr, Index):
        yield expr
        return
    for arg in expr.args:
        yield from _in_order(arg)


def _depth(expr: Any) -> int:
    """The highest number of a bound index inside."""
    highest = 0
    for node in every_index(expr):
        text = node.name[1:]
        if node.name.startswith("_") and text.isdigit():
            highest = max(highest, int(text))
    return highest
