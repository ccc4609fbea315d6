"""Two sides held against each other at random points of the declared domain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath
from sympy import Derivative, MatrixSymbol, S, Symbol

from ..dynamics.either import SecondOrder
from ..policy.integrals import ActionIntegral, ActionSum
from ..populations.gaussian import OverGaussian
from ..populations.gaussian_series import OfMetric
from ..symbols import Observable
from ..tangent.covariance import NTCov, NTVar
from ..tangent.damped_metric import DampedMetric
from .generated_arrays import is_of_arrays
from .graph import Graph
from .oracle import Undefined, evaluate_at
from .points import MODES, Draw
from .realise import Realisation
from .remainders import beside_limit, exponent_shortfall
from .sides import Item, Pair, abridged, insert, numbers, pairs, real
from .tally import Settings, Tally

__all__ = ["Comparison"]

# For every point that is wanted, so many may be drawn.
_PATIENCE = 40
# A way of drawing points is given up when so many in a row were undefined.
_FRUITLESS = 15
# How much of the order of a remainder may be missing from the fitted slope.
_SLACK = mpmath.mpf("0.05")
_SHOWN = 8
# An expectation is a quadrature at every point, a step of Newton's a system of equations: so few
# points are enough for them.
_COSTLY = 3
# How often the digits are doubled where two sides differ; with each doubling rounding shrinks at
# least so much. What is less than the noise even then, 10⁻⁴⁸⁰, is in the far tails: it decides
# nothing.
_REFINEMENTS = 4
_SHRINKS = 10**6
_DERIVED = (NTCov, NTVar, OfMetric)
COMPLEX = "it is complex"


class Comparison:
    """One claim at many points; its verdict goes to a tally, and the good points are kept.

    Parameters
    ==========

    item : the claim.
    settings : how many points, how many digits, which tolerance.
    tally : where agreement and disagreement are counted.
    """

    def __init__(self, item: Item, settings: Settings, tally: Tally) -> None:
        self.item, self.settings, self.tally = item, settings, tally
        self.pairs = pairs(item.before, item.after)
        given = [side for equation in item.given for side in equation.args]
        sides = [side for pair in self.pairs for side in (pair.left, pair.right)]
        by_system = any(map(_by_system, sides))
        self.realisation = Realisation([*sides, *given], settings.seed, small=by_system)
        self.graph = Graph(self.realisation)
        insert(item.given, self.graph)
        costly = any(map(_by_quadrature, sides))
        if costly:  # nothing is integrated before the precision is known
            self.graph.level = max(1, *map(_nested, sides))
        costly = costly or by_system
        self.wanted = min(settings.points, _COSTLY) if costly else settings.points
        self.good: list[Draw] = []
        self._fruitless = dict.fromkeys(MODES, 0)
        self._largest: dict[Pair, Any] = {}

    def run(self) -> None:
        """Compare at as many points as are wanted, or up to the first that disagrees."""
        if all(pair.left == pair.right for pair in self.pairs):
            self.tally.note(f"{self.item.label}: the two sides are the same expression")
        # Next to a limit the right side is evaluated later, at other points; so is a left one that
        # takes a quadrature.
        lefts = [
            S.Zero if pair.remainder is not None and _by_quadrature(pair.left) else pair.left
            for pair in self.pairs
        ]
        rights = [
            pair.right if pair.remainder is None else left
            for pair, left in zip(self.pairs, lefts, strict=True)
        ]
        undefined, unmatched, reason, unreached = 0, 0, "", 0
        for draw in self._draws():
            where, sides = self._where(draw), [*lefts, *rights]
            values = evaluate_at(sides, where, self.settings.digits, self.graph)
            if where is not draw and self._undefined(values[: len(lefts)]):
                values = evaluate_at(sides, draw, self.settings.digits, self.graph)
            left, right = values[: len(lefts)], values[len(lefts) :]
            if why := self._undefined(left):
                undefined, reason = undefined + 1, why
                self._fruitless[draw.mode] += 1
                continue
            self._fruitless[draw.mode] = 0
            verdicts: list[bool | None] = [None]
            why = self._undefined(right)
            if not why:
                compared = zip(self.pairs, left, right, strict=True)
                verdicts = [self._holds(pair, draw, a, b) for pair, a, b in compared]
            if False in verdicts:
                return None
            if None in verdicts:
                if any(isinstance(each, Undefined) and each.out_of_reach for each in right):
                    # Nothing is said against a number that was not found.
                    unreached, reason = unreached + 1, why
                    if unreached > self.wanted // 2:
                        return self.tally.leave(f"{self.item.label}: {why}")
                    continue
                unmatched += 1
                if why == COMPLEX or unmatched > self.wanted // 2:
                    return self.tally.fail(
                        f"{self.item.label}: the right side has no real value ({why or 'a pole'}) "
                        f"at {self.point(draw)}\n" + _sides(self.pairs[0])
                    )
                continue
            self.good.append(draw)
            self.tally.advance()
            if len(self.good) == self.wanted:
                self.tally.redrawn += undefined + unmatched
                return self.tally.finished(len(self.good))
        return self.tally.leave(
            f"{self.item.label}: only {len(self.good)} of {self.wanted} points were found "
            f"at which {abridged(self.pairs[0].left, 120)} is defined, "
            f"{undefined + unmatched + unreached} "
            f"were tried in vain ({reason}): declare the domain, as positive=True"
        )

    def _where(self, draw: Draw) -> Any:
        """Where the two sides have to be defined."""
        beside = [pair for pair in self.pairs if pair.remainder is not None]
        return beside_limit(beside[0], draw) if len(beside) == len(self.pairs) else draw

    def _draws(self) -> Iterator[Draw]:
        """Points in all modes in turn; a mode in which nothing is defined is given up."""
        for index in range(_PATIENCE * self.wanted):
            mode = MODES[index % len(MODES)]
            if self._fruitless[mode] < _FRUITLESS or min(self._fruitless.values()) >= _FRUITLESS:
                yield Draw(self.realisation, self.settings.seed, index, mode)

    def _undefined(self, values: list[Any]) -> str:
        """Why one of the values is none, or an empty text."""
        for pair, value in zip(self.pairs, values, strict=True):
            if isinstance(value, Undefined):
                return value.reason
            if not pair.complex and any(
                real(number, self.settings.digits) is None for number in numbers(value)[0]
            ):
                return COMPLEX
        return ""

    def _holds(self, pair: Pair, draw: Draw, left: Any, right: Any) -> bool | None:
        """Whether a pair agrees at a point; None where it is not defined beside it."""
        if pair.remainder is None:
            return self._agree(pair, draw, left, right)
        return self._same_order(pair, draw)

    def _agree(self, pair: Pair, draw: Draw, left: Any, right: Any) -> bool:
        (a, shape), (b, other) = numbers(left), numbers(right)
        if shape != other:
            self.tally.fail(
                f"{self.item.label}: the left side has the shape {shape}, the right side {other}"
            )
            return False
        tolerance = self.settings.tolerance_for(pair)
        error = relative_error(a, b, self.settings.digits)
        if error > tolerance:
            error = self._refined(pair, draw, a, b, tolerance)
        self.tally.compared(len(a), error, lambda: f"{self.item.label}, {self.point(draw)}")
        if error > tolerance:
            self.tally.fail(
                f"{self.item.label}: the sides differ by {mpmath.nstr(error, 3)} (relative) at "
                f"{self.point(draw)}\n" + _sides(pair, f" = {_text(left)}", f" = {_text(right)}")
            )
        return bool(error <= tolerance)

    def _refined(self, pair: Pair, draw: Draw, a: list[Any], b: list[Any], tolerance: Any) -> Any:
        """The error that is left at higher precision: rounding vanishes, a wrong term stays."""
        digits = self.settings.digits
        sizes = [max(abs(x), abs(y)) for x, y in zip(a, b, strict=True)]
        gap = max(abs(x - y) for x, y in zip(a, b, strict=True))
        error, noise = mpmath.inf, mpmath.mpf(0)
        if pair.floats is not None:
            # Floats were rounded before they came here, relative to what they are summed with.
            largest = self._largest[pair] = max(self._largest.get(pair, 0), *sizes)
            return gap / largest if largest else mpmath.mpf(0)
        for _ in range(_REFINEMENTS):
            digits *= 2
            values = evaluate_at([pair.left, pair.right], draw, digits, self.graph)
            if any(isinstance(value, Undefined) for value in values):
                break
            (a, _), (b, _) = (numbers(value) for value in values)
            with mpmath.workdps(digits):
                noise = mpmath.mpf(10) ** -digits
                gaps = [abs(x - y) for x, y in zip(a, b, strict=True)]
                sizes = [max(s, abs(x), abs(y)) for s, x, y in zip(sizes, a, b, strict=True)]
                error = max(d / s if s else d for d, s in zip(gaps, sizes, strict=True))
                if error <= tolerance or (max(gaps) > noise and max(gaps) > gap / _SHRINKS):
                    return error
                gap = max(gaps)
        return error if gap > noise else mpmath.mpf(0)

    def _same_order(self, pair: Pair, draw: Draw) -> bool | None:
        missing = exponent_shortfall(pair, draw, self.settings.digits, self.graph)
        if missing is None:
            return None
        self.tally.compared(1, mpmath.mpf(0), lambda: "")
        if missing > _SLACK:
            self.tally.fail(
                f"{self.item.label}: the sides differ by more than {pair.remainder}: the "
                f"difference vanishes with an exponent smaller by {mpmath.nstr(missing, 3)}, at "
                f"{self.point(draw)}\n" + _sides(pair)
            )
            return False
        return True

    def point(self, draw: Draw) -> str:
        """The point in words: the values of what stands in the expressions."""
        free = set().union(
            *(side.free_symbols for pair in self.pairs for side in (pair.left, pair.right))
        )
        shown = sorted(
            (s for s in free if isinstance(s, Symbol) and s not in self.realisation.sizes),
            key=lambda s: s.sort_key(),
        )
        parts = []
        for symbol in shown[:_SHOWN]:
            value = draw(symbol)
            if isinstance(symbol, Observable) or symbol in self.graph.root.names:
                (value,) = evaluate_at([symbol], draw, 15, self.graph)
            parts.append(f"{symbol} = {_text(value)}")
        more = len(shown) - _SHOWN + sum(isinstance(s, MatrixSymbol) for s in free)
        if more > 0:
            parts.append("…")
        return ", ".join(parts) or "every point"


def _nested(expr: Any) -> int:
    """How many derivatives are nested in an expression."""
    if isinstance(expr, Derivative):
        own = sum(int(count) if count.is_Integer else 1 for _, count in expr.args[1:])
    else:
        own = int(getattr(expr, "order", 1)) if isinstance(expr, _DERIVED) else 0
    return own + max(map(_nested, expr.args), default=0)


def _by_system(side: Any) -> bool:
    """Whether a value of a side takes a system of equations in all parameters of a network."""
    return is_of_arrays(side) and side.has(DampedMetric, SecondOrder)


def _by_quadrature(side: Any) -> bool:
    """Whether a value of a side takes seconds."""
    return side.has(ActionIntegral, ActionSum) or any(
        mean.costly for mean in side.atoms(OverGaussian)
    )


def _sides(pair: Pair, left: str = "", right: str = "") -> str:
    return f"left:  {abridged(pair.left)}{left}\nright: {abridged(pair.right)}{right}"


def relative_error(a: list[Any], b: list[Any], digits: int) -> Any:
    """The largest relative error of an entry."""
    with mpmath.workdps(digits + 10):
        return max(
            (
                abs(x - y) / max(abs(x), abs(y)) if x != y else mpmath.mpf(0)
                for x, y in zip(a, b, strict=True)
            ),
            default=mpmath.mpf(0),
        )


def _text(value: Any) -> str:
    if isinstance(value, mpmath.matrix):
        return (
            "["
            + "; ".join(" ".join(mpmath.nstr(entry, 8) for entry in row) for row in value.tolist())
            + "]"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_text, value)) + "]"
    return mpmath.nstr(value, 10) if isinstance(value, (mpmath.mpf, mpmath.mpc)) else str(value)
