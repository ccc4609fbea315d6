"""Random points of the declared real domain: numbers that respect the assumptions of their symbols.

Every number is a fraction of a power of two, so it is the same at every precision and in float64;
and it hangs on the name of its symbol alone, so a point is the same whatever else is there.
"""

from __future__ import annotations

import random
from typing import Any

import mpmath
from sympy import Dummy, Integer, MatrixSymbol

from ..errors import NoRuleError
from ..indexed.families import Member
from ..tangent.vectors import PositiveMatrix
from .realise import Realisation

__all__ = ["Draw", "MODES"]

# How real symbols are drawn, in turn: moderate, as probabilities, some in the tails, positive.
MODES = ("moderate", "unit", "moderate", "tails", "positive")


class Draw:
    """The values of all symbols at one point.

    Parameters
    ==========

    realisation : says what sizes are, and which matrices are metrics.
    seed, index : another point for every pair.
    mode : one of ``MODES``.
    """

    def __init__(
        self, realisation: Realisation, seed: int, index: int, mode: str = "moderate"
    ) -> None:
        self.realisation, self.seed, self.index, self.mode = realisation, seed, index, mode
        self.values: dict[Any, Any] = {}

    def __contains__(self, symbol: Any) -> bool:
        return True

    def __call__(self, symbol: Any) -> Any:
        """The value of a symbol, a matrix for a matrix symbol."""
        if symbol not in self.values:
            self.values[symbol] = self._drawn(symbol)
        return self.values[symbol]

    def _drawn(self, symbol: Any) -> Any:
        if symbol in self.realisation.sizes:
            return mpmath.mpf(self.realisation.sizes[symbol])
        array = symbol.array if isinstance(symbol, Member) else symbol
        stated = sorted(name for name, holds in array.assumptions0.items() if holds)
        number = sum(isinstance(s, Dummy) for s in self.values) if isinstance(symbol, Dummy) else ""
        label = f"{self.seed} {type(array).__name__} {array.name}{number} {' '.join(stated)}"
        if isinstance(symbol, Member):
            label += f" at {', '.join(map(str, symbol.labels))}"
        source = random.Random(f"{self.index} {label}")
        if isinstance(symbol, (MatrixSymbol, Member)):
            return self._matrix(symbol, source)
        return mpmath.mpf(_number(symbol, source, self._scalar(label, source)))

    def _scalar(self, label: str, source: random.Random) -> float:
        """A real number; of four points in the tails, every symbol is at both ends once."""
        if self.mode != "tails":
            return _real(source, self.mode)
        phase = random.Random(label).randrange(4)
        place = (self.index // len(MODES) + phase) % 4
        if place % 2:
            return _real(source, "moderate")
        return (place - 1) * _far(source)

    def _matrix(self, symbol: Any, source: random.Random) -> Any:
        rows, columns = (self.realisation.size(side) for side in symbol.shape)
        entries = mpmath.matrix(
            [[mpmath.mpf(_real(source, self.mode)) for _ in range(columns)] for _ in range(rows)]
        )
        if symbol in self.realisation.metrics:  # symmetric and positive definite
            return entries * entries.T + mpmath.eye(rows)
        return entries.apply(abs) if isinstance(symbol, PositiveMatrix) else entries


def _far(source: random.Random) -> float:
    return source.randint(6 * 1024, 9 * 1024) / 1024


def _real(source: random.Random, mode: str) -> float:
    size = source.randint(16, 2048) / 1024
    if mode == "unit":
        return source.randint(32, 992) / 1024
    if mode == "positive":
        return size
    if mode == "tails" and source.random() < 0.4:
        size = _far(source)
    return source.choice((-1, 1)) * size


def _number(symbol: Any, source: random.Random, size: float) -> float:
    """A number of which everything is true that the symbol assumes."""
    if symbol.is_zero:
        return 0
    if symbol.is_extended_real is False or symbol.is_commutative is False:
        raise NoRuleError(
            f"points are drawn from the real numbers, but {symbol} is declared not to be one"
        )
    if symbol.is_integer:
        return _whole(symbol, source)
    if symbol.is_nonnegative:
        return abs(size)
    return -abs(size) if symbol.is_nonpositive else size


def _whole(symbol: Any, source: random.Random) -> int:
    small, larger = range(-5, 7), range(-25, 26)
    candidates = [n for n in small if _admits(symbol, n)]
    candidates = candidates or [n for n in larger if _admits(symbol, n)]
    if not candidates:
        raise NoRuleError(f"no integer from -25 to 25 is what {symbol} is declared to be")
    return source.choice(candidates)


def _admits(symbol: Any, n: int) -> bool:
    """Whether an integer has the declared properties of a symbol."""
    value = Integer(n)
    facts = (
        "positive",
        "negative",
        "nonnegative",
        "nonpositive",
        "zero",
        "even",
        "odd",
        "prime",
        "composite",
    )
    for fact in facts:
        declared = getattr(symbol, f"is_{fact}")
        if declared is not None and declared != getattr(value, f"is_{fact}"):
            return False
    return True
