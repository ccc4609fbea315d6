"""What a user gives of a population, checked: columns of values, frequencies, groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Add, Expr, Float, Integer, Rational, S, Symbol, Tuple, cancel
from sympy.core.symbol import Str
from sympy.matrices.matrixbase import MatrixBase

from ..errors import ShapeError
from ..symbols import expression
from ..timelimit import within
from .moments import Trait

__all__ = [
    "column",
    "columns",
    "frequencies",
    "growing",
    "labels",
    "nonnegative",
    "own_names",
    "paths",
]

_ROUNDING = 1e-9
_RESERVED = {"w": "the fitness", "f": "the growth rate", "ell": "the likelihood"}


def column(given: Any, what: str, count: int | None = None) -> Tuple:
    """A list, a Matrix or a NumPy array of numbers or expressions, one for each type."""
    if isinstance(given, MatrixBase):
        given = list(given)
    elif hasattr(given, "tolist"):
        given = given.tolist()
    if isinstance(given, (str, Mapping)) or not hasattr(given, "__iter__"):
        raise ShapeError(
            f"asked for {what} of each type, but received {given!r}: write a list or an array with "
            "one number for each type"
        )
    values = Tuple(*(expression(value, f"{what} of each type") for value in given))
    for value in values:
        if value.is_Float:  # which is finite: what is not has classes of its own
            continue
        if not isinstance(value, Expr) or isinstance(value, Trait) or value.is_finite is False:
            raise ShapeError(f"asked for {what} of each type, but one of them is {value}")
        if value is S.NaN or value.is_extended_real is False:
            raise ShapeError(f"asked for {what} of each type, but one of them is {value}")
    if not values:
        raise ShapeError(f"asked for {what} of each type of a population, but there is none")
    if count is not None and len(values) != count:
        raise ShapeError(
            f"asked for {what} of each of {count} types, but received {len(values)} values: write "
            "one for each type, in their order"
        )
    return values


def columns(given: Any, what: str, count: int) -> Tuple:
    """Columns by the trait that they are of: {'z': [...], ...}, sorted by name."""
    if isinstance(given, Mapping):
        pairs = list(given.items())
    elif isinstance(given, (Tuple, list, tuple)):
        pairs = [tuple(pair) for pair in given]
    else:
        raise ShapeError(
            f"asked for {what}, but received {given!r}: write them by name, as {{'z': [1, 2, 3]}}"
        )
    found = {_trait(key): column(values, f"{what} {key}", count) for key, values in pairs}
    if len({trait.name for trait in found}) < len(pairs):
        raise ShapeError(f"asked for {what} by name, but two of them have the same name")
    return Tuple(*(Tuple(t, found[t]) for t in sorted(found, key=lambda t: t.name)))


def by_name(given: Any) -> Any:
    """Columns by name; of a column alone, a list of numbers or an array, the name is z."""
    if isinstance(given, Mapping) or isinstance(given, str) or not hasattr(given, "__iter__"):
        return given
    values = list(given)
    alone = values and not any(isinstance(v, (list, tuple, Tuple, str)) for v in values)
    return {"z": given} if alone else given


def _trait(key: Any) -> Trait:
    if isinstance(key, str) and key.isidentifier():
        return Trait(key)
    if isinstance(key, Trait):
        return key
    raise ShapeError(f"asked for a column called {key!r}: write its name as text, or Trait('z')")


def labels(given: Any, count: int) -> Tuple:
    """The names of the types: those given, else 1, 2, …."""
    if given is None or given == ():
        return Tuple(*(Integer(i + 1) for i in range(count)))
    found = [Str(name) if isinstance(name, str) else expression(name, "a type") for name in given]
    if len(found) != count:
        raise ShapeError(
            f"asked for a population of {len(found)} types, but the columns have {count} values: "
            "write one for each type, in their order"
        )
    if len(set(found)) < len(found):
        raise ShapeError(f"the types of a population are distinct, but received {list(given)}")
    return Tuple(*found)


def nonnegative(values: Tuple, what: str, remedy: str = "") -> Tuple:
    """The values, none of which may be a negative number."""
    for place, value in enumerate(values, start=1):
        if float(value) < 0 if value.is_Float else value.is_negative:
            raise ShapeError(
                f"asked for {what} {value} of type {place}: {what} is not negative{remedy}"
            )
    return values


def growing(shares: Tuple, fitness: Any) -> None:
    """Raise where the mean fitness is known to be zero, or less: there is no next generation."""
    if not fitness:
        return
    mean = Add(*(x * w for x, w in zip(shares, fitness, strict=True)))
    mean = within(1.0, lambda: cancel(mean), mean)
    if mean.is_nonpositive:
        raise ShapeError(
            f"asked for a population in which the mean fitness is {mean}: the fitness of all types "
            "is zero, or the frequency of those where it is not, and there is no next generation"
        )


def own_names(traits: Tuple) -> None:
    """Raise for traits that are called like the fitness, the growth rate or the likelihood."""
    for trait, _ in traits:
        if trait.name in _RESERVED:
            raise ShapeError(
                f"asked for a trait called {trait.name}, which is {_RESERVED[trait.name]} in all "
                f"formulas: give it another name, as {trait.name}_0"
            )


def frequencies(given: Any, count: int) -> tuple[Tuple, dict[Any, Any]]:
    """Frequencies that sum to one, and what a last one that was eliminated is replaced by.

    Of symbols that are not known to sum to one the last is eliminated: `x₃ = 1 - x₁ - x₂`.
    """
    if given is None:
        return Tuple(*([Rational(1, count)] * count)), {}
    values = nonnegative(column(given, "a frequency", count), "a frequency")
    total = Add(*values)
    rest = within(2.0, lambda: cancel(total - 1), total - 1)
    if rest == 0 or (rest.is_number and rest.has(Float) and abs(rest) < _ROUNDING):
        return values, {}
    if rest.is_number:
        raise ShapeError(
            f"asked for a population with the frequencies {_listed(values)}, whose sum is {total}: "
            "frequencies sum to 1 (divide counts by their sum)"
        )
    last, others = values[-1], Add(*values[:-1])
    if isinstance(last, Symbol) and last not in others.free_symbols:
        return Tuple(*values[:-1], 1 - others), {last: 1 - others}
    raise ShapeError(
        f"asked for a population with the frequencies {_listed(values)}, whose sum is {total}: "
        f"write {1 - others} for the last one"
    )


def _listed(values: Tuple) -> str:
    shown = ", ".join(map(str, values[:6]))
    return f"{shown}, …" if len(values) > 6 else shown


def paths(given: Any, count: int) -> Tuple:
    """For every type the groups that it is in, from the outermost to the innermost.

    ``given`` is one list with the group of every type, or several such lists, the outermost first.
    """
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise ShapeError(
            f"asked for groups, but received {given!r}: write the group of every type in a list, "
            "or several such lists, the outermost first"
        )
    levels = [
        list(level.tolist() if hasattr(level, "tolist") else level) if _is_level(level) else level
        for level in given
    ]
    if not levels or not all(isinstance(level, list) for level in levels):
        levels = [list(levels)]
    for level in levels:
        if len(level) != count:
            raise ShapeError(
                f"asked for the groups of {count} types, but received {len(level)}: write the "
                "group of every type, in their order"
            )
    return Tuple(*(Tuple(*map(_group, path)) for path in zip(*levels, strict=True)))


def _is_level(given: Any) -> bool:
    return not isinstance(given, str) and hasattr(given, "__iter__")


def _group(name: Any) -> Any:
    return Str(name) if isinstance(name, str) else expression(name, "the name of a group")
