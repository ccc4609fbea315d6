r"""Definitions that are others with primes: said in one line, in place of a second list.

Of a kernel, `h'_1 = W_1 y + b_1` says nothing that `h_1 = W_1 x + b_1` has not said. What is
left out is found by comparing values, so a name whose definition differs stays in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any, NamedTuple

from sympy import Basic, MatrixSymbol, Symbol

from ..indexed.entries import Index
from ..symbols import TRAINED
from ..tangent.layer_pattern import ALIKE, PRIMED

__all__ = ["Closing", "Mirror", "mirrored", "written"]

#: So many definitions at least are left out, or none: a line about one is as long as the one.
_FEWEST = 2
#: So many inputs can be exchanged together.
_MOST_INPUTS = 3

Pair = tuple[Any, Any]


class Mirror(NamedTuple):
    """What may be left out: names, the inputs that become others, and whether primed names stay."""

    names: tuple[Basic, ...] = ()
    moved: tuple[Pair, ...] = ()
    partial: bool = False


class Closing(NamedTuple):
    """The words that end a list of definitions, and the inputs (old, new) of the primed ones."""

    words: str
    moved: tuple[tuple[str, str], ...]

    def said(self, arrow: str) -> tuple[str, str]:
        """The words, and the inputs behind them."""
        if len(self.moved) == 1:
            return f"and {self.words} at", self.moved[0][1]
        places = ", ".join(f"{old} {arrow} {new}" for old, new in self.moved)
        return f"and {self.words} for", places

    @property
    def tex(self) -> str:
        """A row of an aligned display."""
        words, places = self.said(r"\to")
        return rf"\text{{{words} }} {places}"

    @property
    def sentence(self) -> str:
        """The end of a sentence."""
        words, places = self.said(r"\to")
        return f"{words} ${places}$"

    @property
    def text(self) -> str:
        """A line in a terminal."""
        return " ".join(self.said("→"))


def mirrored(pairs: Sequence[Pair]) -> Mirror:
    """The definitions (name, value) that are others with inputs exchanged and names primed.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Name
    >>> x, y, w = symbols('x y w')
    >>> h, a, k, b = map(Name, ('h1', 'a1', 'h1_prime', 'a1_prime'))
    >>> mirror = mirrored([(h, w*x), (a, h**2), (k, w*y), (b, k**2)])
    >>> sorted(mirror.names, key=str), mirror.moved
    ([a1_prime, h1_prime], ((x, y),))
    >>> mirrored([(h, w*x), (a, h**2), (k, w*y), (b, k**3)]).names
    ()
    """
    if not any(PRIMED in str(name) for name, _ in pairs):
        return Mirror()
    values = {_symbol(name): (name, value) for name, value in pairs}
    partner = {
        twin: symbol
        for symbol in values
        if (twin := _unprimed(symbol)) is not None and twin in values
    }
    if len(partner) < _FEWEST:
        return Mirror()
    inputs = _inputs(values, partner.keys()), _inputs(values, partner.values())
    here, there = inputs[0] - inputs[1], inputs[1] - inputs[0]
    if not 0 < len(here) == len(there) <= _MOST_INPUTS:
        return Mirror()
    if any(isinstance(symbol, Index) for symbol in here | there):
        return Mirror()
    best = Mirror()
    start = sorted(here, key=str)
    for end in permutations(sorted(there, key=str)):
        moved = tuple(zip(start, end, strict=True))
        if all(_alike(*pair) for pair in moved):
            names = _images(values, partner, dict(moved))
            if len(names) > max(len(best.names), _FEWEST - 1):
                primed = {symbol for symbol in values if PRIMED in str(symbol)}
                shown = tuple(values[name][0] for name in values if name in names)
                best = Mirror(shown, moved, names != primed)
    return best


def written(
    pairs: Sequence[Pair], show: Callable[[Any], str], everything: bool = False
) -> tuple[tuple[tuple[str, str], ...], Closing | None]:
    """The definitions that are listed, as text, and what is said of those that need not be.

    With ``everything`` they all are listed.
    """
    mirror = Mirror() if everything else mirrored(pairs)
    closing = _closing(mirror, show)
    omitted = set(mirror.names if closing is not None else ())
    listed = (pair for pair in pairs if pair[0] not in omitted)
    return tuple((show(name), show(value)) for name, value in listed), closing


def _closing(mirror: Mirror, show: Callable[[Any], str]) -> Closing | None:
    """How the list ends where definitions are left out; None where they are not.

    Whether names at the second input have primes or tildes is read off what ``show`` writes.
    """
    if not mirror.names:
        return None
    marks = {_mark(show(name)) for name in mirror.names}
    if len(marks) != 1 or None in marks:
        return None
    mark = marks.pop()
    words = ALIKE.replace("primes", f"the other {mark}" if mirror.partial else str(mark))
    return Closing(words, tuple((show(old), show(new)) for old, new in mirror.moved))


def _mark(shown: str) -> str | None:
    if r"\tilde" in shown:
        return "tildes"
    return "primes" if "'" in shown or r"\prime" in shown else None


def _symbol(name: Any) -> Any:
    """The symbol that a name of a family is a member of."""
    return getattr(name, "array", name)


def _unprimed(symbol: Any) -> Any:
    """The symbol without its prime; None where it has none, or more than one."""
    name = str(symbol.name)
    if not name.endswith(PRIMED) or name.count(PRIMED) != 1:
        return None
    plain = name.removesuffix(PRIMED)
    return symbol.func(plain, *symbol.shape) if hasattr(symbol, "shape") else symbol.func(plain)


def _inputs(values: Mapping[Any, Pair], names: Any) -> set[Any]:
    """What is free in some definitions, and is neither trained nor defined nor a size."""
    found: set[Any] = set().union(*(values[name][1].free_symbols for name in names))
    sizes = {s for array in found for n in getattr(array, "shape", ()) for s in n.free_symbols}
    return {
        symbol
        for symbol in found - sizes - values.keys()
        if isinstance(symbol, (Symbol, MatrixSymbol)) and not isinstance(symbol, TRAINED)
    }


def _alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) and getattr(one, "shape", 0) == getattr(other, "shape", 0)


def _images(
    values: Mapping[Any, Pair], partner: Mapping[Any, Any], moved: Mapping[Any, Any]
) -> set[Any]:
    """The primed names whose definition is that of their partner, moved."""
    exchange = {**moved, **partner}
    # A name without a primed one must not depend on what is moved: a reader would prime it too.
    changing = set(exchange)
    while True:
        more = {
            name
            for name, (_, value) in values.items()
            if name not in changing and PRIMED not in str(name) and value.free_symbols & changing
        }
        if not more:
            break
        changing |= more
    strange = (changing - exchange.keys()) | {name for name in values if PRIMED in str(name)}
    return {
        partner[name]
        for name in partner
        if not values[name][1].free_symbols & strange
        and tuple(part.xreplace(exchange) for part in values[name]) == values[partner[name]]
    }
