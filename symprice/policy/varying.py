"""Functions of a step x by what must not be taken as a difference where x is small.

`f(x) - f(0)` is of the order of x and `f(x+y) - f(x) - f(y) + f(0)` of that of x y, where f itself
is not: sums and products have theirs from those of their parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sympy import Dummy, EulerGamma, S, expand, pi, polygamma

from .gamma_differences import PolygammaDifference

__all__ = ["Varying", "of_polygamma", "of_polynomial"]


class Varying(NamedTuple):
    """A function of x by f(0), f(x), its rise `f(x) - f(0)` and its bend
    `f(x+y) - f(x) - f(y) + f(0)`.
    """

    start: Any
    at: Callable[[Any], Any]
    rise: Callable[[Any], Any]
    bend: Callable[[Any, Any], Any]

    def plus(self, other: Varying) -> Varying:
        """f + g."""
        return Varying(
            self.start + other.start,
            lambda x: self.at(x) + other.at(x),
            lambda x: self.rise(x) + other.rise(x),
            lambda x, y: self.bend(x, y) + other.bend(x, y),
        )

    def times(self, other: Varying) -> Varying:
        """f g."""
        f, g = self, other

        def rise(x: Any) -> Any:
            return f.start * g.rise(x) + f.rise(x) * g.at(x)

        def bend(x: Any, y: Any) -> Any:
            by_f, by_g = f.bend(x, y), g.bend(x, y)
            crossed = f.rise(x) * g.rise(y) + f.rise(y) * g.rise(x)
            return (f.at(x) + f.rise(y)) * by_g + crossed + by_f * g.at(x + y)

        return Varying(f.start * g.start, lambda x: f.at(x) * g.at(x), rise, bend)


def of_polynomial(f: Callable[[Any], Any]) -> Varying:
    """A polynomial, whose differences are taken term by term.

    Examples
    ========

    >>> from sympy.abc import x, y
    >>> from symprice.policy.varying import of_polynomial
    >>> square = of_polynomial(lambda x: 1 + x**2)
    >>> square.rise(x), square.bend(x, y)
    (x**2, 2*x*y)
    """
    s, t = Dummy("s"), Dummy("t")
    start = f(S.Zero)
    rise = expand(f(s) - start)
    bend = expand(f(s + t) - f(s) - f(t) + start)
    return Varying(
        start,
        lambda x: f(x),
        lambda x: rise.xreplace({s: x}),
        lambda x, y: bend.xreplace({s: x, t: y}),
    )


def of_polygamma(n: int) -> Varying:
    """`ψ⁽ⁿ⁾(1+x)` for n = 0 or 1."""
    return Varying(
        -EulerGamma if n == 0 else pi**2 / 6,
        lambda x: polygamma(n, 1 + x),
        lambda x: PolygammaDifference(n, x),
        lambda x, y: PolygammaDifference(n, x, y),
    )
