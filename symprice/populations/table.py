"""A population written out: frequencies, a column for every trait, groups of individuals.

What a mean is by definition is computed here, and no rule is used. For populations that are left
unspecified the table has eight individuals with symbols of their own, in nested groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sympy import Add, Basic, Expr, Mul, S, Symbol

from .levels import Level, population_of, span
from .moments import Moment, PerIndividual, Trait

__all__ = ["Table", "table_of"]

_GENERIC = 8


class Table:
    """Individuals (or types) by number.

    Parameters
    ==========

    frequencies : their frequencies, which sum to one.
    column : gives a trait of an individual.
    paths : for every individual the groups that it is in, from the outermost to the innermost.
    """

    def __init__(
        self,
        frequencies: Sequence[Any],
        column: Callable[[Any, int], Any],
        paths: Sequence[tuple[Any, ...]],
    ) -> None:
        self.frequencies, self.column, self.paths = frequencies, column, paths

    def expression(self, expr: Any) -> Any:
        """An expression of the whole population, written out."""
        return self.at(expr, 0)

    def at(self, expr: Any, i: int) -> Any:
        """An expression as it is for one individual."""
        if isinstance(expr, Moment):
            return expr.explicit(self, i)
        if isinstance(expr, (Trait, PerIndividual)):
            return self.column(expr, i)
        if not isinstance(expr, Basic) or not expr.has(Trait, Moment):
            return expr
        return expr.func(*(self.at(arg, i) for arg in expr.args))

    def average(self, over: Any, i: int, value: Callable[[int], Any]) -> Any:
        """The mean of a value over the parts that ``over`` names, where individual i is."""
        top, bottom = span(over)
        members = [j for j in range(len(self.frequencies)) if self._near(i, j, top)]
        whole = S.One if top == 0 else Add(*(self.frequencies[j] for j in members))
        parts: dict[Any, list[int]] = {}
        for j in members:
            if self.frequencies[j].is_zero and whole != 0:
                continue  # what is not there has no mean
            key = self.paths[j][:bottom] if bottom <= len(self.paths[j]) else (j,)
            parts.setdefault(key, []).append(j)
        shares = [Add(*(self.frequencies[j] for j in part)) for part in parts.values()]
        values = [value(part[0]) for part in parts.values()]
        return Add(*(Mul(share, v) for share, v in zip(shares, values, strict=True))) / whole

    def _near(self, i: int, j: int, depth: int) -> bool:
        return self.paths[i][:depth] == self.paths[j][:depth]


def table_of(expr: Any) -> Table:
    """The table of the population that the moments in an expression are over."""
    moments = expr.atoms(Moment) if isinstance(expr, Expr) else {expr}
    for moment in sorted(moments, key=str):
        population = population_of(moment.over)
        if population is not None:
            return population.table
    depths = [level.depths for level in expr.atoms(Level)]
    return _generic(max(depths, default=1))


def _generic(depths: int) -> Table:
    """A population of individuals with a symbol for every number that they have."""
    sizes = [Symbol(f"n[{i}]", positive=True) for i in range(_GENERIC)]
    whole = Add(*sizes)

    def column(trait: Any, i: int) -> Any:
        stated: Mapping[str, Any] = trait.assumptions0 if isinstance(trait, Trait) else {}
        kept = {key: stated[key] for key in ("positive", "nonnegative") if stated.get(key)}
        return Symbol(f"{trait}[{i}]", real=True, **kept)

    paths = [_path(i, _GENERIC, depths - 1) for i in range(_GENERIC)]
    return Table([size / whole for size in sizes], column, paths)


def _path(i: int, count: int, depth: int) -> tuple[int, ...]:
    """The groups of an individual, when every group is divided in two unequal ones."""
    if depth <= 0:
        return ()
    first = max(1, (3 * count) // 5)
    inside = i < first
    rest = _path(i, first, depth - 1) if inside else _path(i - first, count - first, depth - 1)
    return (0 if inside else 1, *rest)
