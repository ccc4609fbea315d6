"""Whether what an O-term leaves out is really of that order."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import Expr, Order, preorder_traversal

from ..errors import NoRuleError
from ..populations.gaussian import OverGaussian
from ..tangent.vectors import StepSized, StepSizedMatrix
from .graph import Graph
from .oracle import Undefined, evaluate_at
from .points import Draw
from .sides import Pair, numbers

__all__ = ["beside_limit", "exponent_shortfall"]

# The distances from the limit at which the remainder is looked at: 10⁻⁶, 10⁻⁷, 10⁻⁸.
_DISTANCES = (6, 7, 8)
_REFINEMENTS = 4
_ROUNDING = object()


class Near:
    """A point with one symbol moved close to where an O-term is meant."""

    def __init__(self, draw: Draw, symbol: Any, value: Any, small: frozenset[Any]) -> None:
        self._draw, self._symbol, self._value, self._small = draw, symbol, value, small

    def __call__(self, symbol: Any) -> Any:
        """The value of a symbol; velocities shrink with the step size."""
        if symbol == self._symbol:
            return self._value
        drawn = self._draw(symbol)
        small = isinstance(symbol, (StepSized, StepSizedMatrix)) or symbol in self._small
        return drawn * self._value if small else drawn

    def __contains__(self, symbol: Any) -> bool:
        return True


def beside_limit(pair: Pair, draw: Draw) -> Any:
    """The point next to the limit of the O-term: where two sides are compared up to it. Away from
    there, a long step may lead to where numbers have millions of digits.
    """
    symbol, target = _variable(pair.remainder)
    return Near(draw, symbol, _placed(target, mpmath.mpf(10) ** -_DISTANCES[0]), _small(pair))


def exponent_shortfall(pair: Pair, draw: Draw, digits: int, graph: Graph) -> Any:
    """How much more slowly than its O-term a difference vanishes, as an exponent.

    The slope of the O-term in the logarithm of the distance, minus that of the difference: negative
    where it vanishes faster, None where a side is undefined.

    Raises
    ======

    NoRuleError : for an O-term in several variables.
    """
    order = pair.remainder
    symbol, target = _variable(order)
    extra = 0 if any(side.has(OverGaussian) for side in (pair.left, pair.right)) else 2
    power = _power(order.expr, symbol, target) + extra  # of a quadrature no more than it takes
    needed = max(digits, 15 + _DISTANCES[-1] * power)
    for _ in range(_REFINEMENTS):
        found = _shortfall(pair, draw, needed, graph)
        if found is not _ROUNDING:
            return found
        needed *= 2  # what is left is less than rounding: in the tails it takes more digits
    return None


def _shortfall(pair: Pair, draw: Draw, needed: int, graph: Graph) -> Any:
    order = pair.remainder
    symbol, target = _variable(order)
    small = _small(pair)
    sizes, claims, scale = [], [], mpmath.mpf(0)
    for exponent in _DISTANCES:
        near = Near(draw, symbol, _placed(target, mpmath.mpf(10) ** -exponent), small)
        found = evaluate_at([pair.left, pair.right, order.expr], near, needed, graph)
        if any(isinstance(value, Undefined) for value in found):
            return None
        left, right, claim = (numbers(value)[0] for value in found)
        with mpmath.workdps(needed):
            sizes.append(max(abs(a - b) for a, b in zip(left, right, strict=True)))
            claims.append(abs(claim[0]))
            scale = max(scale, *(abs(a) for a in (*left, *right)))
    with mpmath.workdps(needed):
        if max(sizes) <= scale * mpmath.mpf(10) ** -(needed - 5):
            return -mpmath.inf  # the two sides are equal
        if min(sizes) <= scale * mpmath.mpf(10) ** -(needed - 5):
            return _ROUNDING
        return _slope(claims) - _slope(sizes)


def _small(pair: Pair) -> frozenset[Any]:
    """The symbols that a way of moving θ counts as of the order of its step size."""
    nodes = (n for side in (pair.left, pair.right) for n in preorder_traversal(side))
    return frozenset(s for node in nodes for s in getattr(node, "small", ()))


def _variable(order: Order) -> tuple[Any, Any]:
    if len(order.variables) != 1:
        raise NoRuleError(
            f"the remainder {order} is in several variables: it is compared in one only"
        )
    return order.variables[0], order.point[0]


def _placed(target: Expr, distance: Any) -> Any:
    if target.is_infinite:
        return 1 / distance if target.is_positive else -1 / distance
    return mpmath.mpmathify(target._to_mpmath(mpmath.mp.prec) if target.is_number else 0) + distance


def _power(claim: Any, symbol: Any, target: Any) -> int:
    """About which power of the distance an O-term is, for the digits that seeing it takes."""
    near = claim if target.is_infinite else claim.subs(symbol, target + symbol)
    exponent = near.as_leading_term(symbol).as_coeff_exponent(symbol)[1]
    return int(abs(exponent)) if exponent.is_number else 6


def _slope(sizes: list[Any]) -> Any:
    """The fitted exponent of sizes at the distances."""
    heights = [mpmath.log10(max(size, mpmath.mpf(10) ** -10_000)) for size in sizes]
    places = [mpmath.mpf(-exponent) for exponent in _DISTANCES]
    middle, mean = mpmath.fsum(places) / len(places), mpmath.fsum(heights) / len(heights)
    above = mpmath.fsum((p - middle) * (h - mean) for p, h in zip(places, heights, strict=True))
    return above / mpmath.fsum((p - middle) ** 2 for p in places)
