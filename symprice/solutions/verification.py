"""Whether two formulas agree, by numbers: at many points of the declared domain, at 30 digits.

Nothing that was solved for leaves this room before it was put back into its equation here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import mpmath
from sympy import Derivative, Dummy, Expr, Symbol, default_sort_key, lambdify, oo
from sympy.core.sympify import _sympify

from ..timelimit import within

__all__ = ["Domain", "agree", "compiled", "sample", "solves"]

POINTS = 20
DIGITS = 30
# So many points may be undefined or complex for each one that is used.
_PATIENCE = 20
_SECONDS = 20
# The share of numbers that are not of size 1, but up to 8.
_FAR = 0.2

# Intervals for symbols whose assumptions say less than is known: {p: (0, 1)}.
Domain = Mapping[Any, tuple[Any, Any]]


def sample(symbols: Iterable[Any], domain: Domain | None = None, seed: int = 0) -> Iterator[dict]:
    """Endlessly many points of the declared real domain of some symbols.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice.solutions.verification import sample
    >>> s = Symbol('s', positive=True)
    >>> next(sample([s]))[s] > 0
    True
    """
    ordered = sorted(symbols, key=default_sort_key)
    source = random.Random(seed)
    while True:
        yield {s: _drawn(s, source, (domain or {}).get(s)) for s in ordered}


def _drawn(symbol: Any, source: random.Random, interval: tuple[Any, Any] | None) -> Any:
    if symbol.is_integer:
        least = 1 if symbol.is_positive else 0 if symbol.is_nonnegative else -4
        return mpmath.mpf(source.randint(least, 6))
    if interval is not None:
        low, high = (float(x) if abs(x) != oo else None for x in interval)
        share = source.randint(41, 983) / 1024
        if low is not None and high is not None:
            return mpmath.mpf(low) + share * (mpmath.mpf(high) - low)
        return mpmath.mpf(low + 3 * share) if low is not None else mpmath.mpf((high or 0) - share)
    size = mpmath.mpf(source.randint(64, 2048)) / 1024
    if source.random() < _FAR:  # beyond the first branch of a periodic function
        size *= 4
    if symbol.is_nonnegative:
        return size
    return -size if symbol.is_nonpositive else source.choice((-1, 1)) * size


def compiled(exprs: Iterable[Any], symbols: Iterable[Any]) -> Callable[..., Any]:
    """The expressions as one function of mpmath numbers.

    What the symbols are called never becomes code: they are dummies when it is written.
    """
    symbols = list(symbols)
    slots = {s: Dummy(f"x{i}") for i, s in enumerate(symbols)}
    body = [expr.xreplace(slots) for expr in exprs]
    return lambdify([slots[s] for s in symbols], body, modules="mpmath")


def agree(
    pairs: Iterable[tuple[Any, Any]], domain: Domain | None = None, digits: int = DIGITS
) -> bool:
    """Whether every pair of expressions has equal values, at 20 points where both are real.

    Derivatives by a symbol (of first order, standing alone or in a product) are difference
    quotients. False also where too few points are found at which all sides are defined.

    Examples
    ========

    >>> from sympy import cos, sin
    >>> from sympy.abc import x
    >>> from symprice.solutions.verification import agree
    >>> agree([(sin(x)**2 + cos(x)**2, x/x)]), agree([(sin(x), x)])
    (True, False)
    """
    return bool(within(_SECONDS, partial(_agree, list(pairs), domain, digits), False))


def _agree(pairs: list[tuple[Any, Any]], domain: Domain | None, digits: int) -> bool:
    flat = [side for pair in pairs for side in pair]
    symbols = set().union(*(side.free_symbols for side in flat))
    if not all(isinstance(s, Symbol) for s in symbols):
        return False
    sides = [_evaluator(side, symbols) for side in flat]
    good = 0
    for _, point in zip(range(_PATIENCE * POINTS), sample(symbols, domain), strict=False):
        with mpmath.workdps(2 * digits + 20):
            values = _at(sides, point)
            if values is None:
                continue
            for left, right in zip(values[::2], values[1::2], strict=True):
                scale = max(1, abs(left), abs(right))
                if abs(left - right) > mpmath.mpf(10) ** (5 - digits) * scale:
                    return False
        good += 1
        if good == POINTS:
            return True
    return False


def _at(sides: list[Callable[[dict], Any]], point: dict) -> list[Any] | None:
    """The values at a point; None where one is undefined, infinite or not real."""
    values = []
    for side in sides:
        try:
            value = mpmath.mpmathify(side(point))
        except (
            ArithmeticError,
            ValueError,
            TypeError,
            NameError,  # a function that mpmath does not have
            mpmath.libmp.NoConvergence,
        ):
            return None
        if not mpmath.isfinite(value):
            return None
        if abs(mpmath.im(value)) > mpmath.eps ** mpmath.mpf(0.6) * max(1, abs(value)):
            return None
        values.append(mpmath.re(value))
    return values


def _evaluator(expr: Any, symbols: Iterable[Any]) -> Callable[[dict], Any]:
    """A function of points; what is differentiated is evaluated beside the point."""
    ordered = sorted(symbols, key=default_sort_key)
    slopes = sorted(expr.atoms(Derivative), key=default_sort_key)
    if not slopes:
        function = compiled([expr], ordered)
        return lambda point: function(*(point[s] for s in ordered))[0]
    names = [Dummy(f"d{i}") for i, _ in enumerate(slopes)]
    outer = compiled([expr.xreplace(dict(zip(slopes, names, strict=True)))], [*ordered, *names])
    inner = [_evaluator(slope.expr, ordered) for slope in slopes]

    def value(point: dict) -> Any:
        found = []
        for slope, body in zip(slopes, inner, strict=True):
            (symbol, order), *others = slope.variable_count
            if others or order != 1:
                raise ValueError("derivatives of first order only")
            if symbol not in point:  # what is differentiated does not depend on it
                found.append(mpmath.mpf(0))
                continue
            h = mpmath.mpf(10) ** (-(mpmath.mp.dps // 3))
            ahead, behind = (body({**point, symbol: point[symbol] + sign * h}) for sign in (1, -1))
            found.append((ahead - behind) / (2 * h))
        return outer(*(point[s] for s in ordered), *found)[0]

    return value


def _sympified(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: _sympify(value) for key, value in mapping.items()}


def solves(
    solution: Mapping[Any, Expr],
    rates: Mapping[Any, Expr],
    initial: Mapping[Any, Expr],
    time: Any,
    domain: Domain | None = None,
) -> bool:
    """Whether functions of time start where they should and move at the rates of the equation.

    Examples
    ========

    >>> from sympy import exp
    >>> from sympy.abc import t, w
    >>> from symprice.solutions.verification import solves
    >>> solves({w: 3*exp(-t)}, {w: -w}, {w: 3}, t), solves({w: 3 - t}, {w: -w}, {w: 3}, t)
    (True, False)
    """
    solution, initial = _sympified(solution), _sympified(initial)
    domain = {**(domain or {})}
    # A start that is a symbol of its own is drawn from the domain of what starts there.
    domain |= {initial[v]: domain[v] for v in solution if v in domain and initial[v].is_Symbol}
    starts = [(expr.subs(time, 0), initial[v]) for v, expr in solution.items()]
    moves = [
        (Derivative(expr, time, evaluate=False), rates[v].xreplace(dict(solution)))
        for v, expr in solution.items()
    ]
    # Trajectories run forwards, and a while only: later some end.
    zero, end = Expr._from_mpmath(mpmath.mpf(0), 53), Expr._from_mpmath(mpmath.mpf(1), 53)
    return agree(starts, domain) and agree(moves, {**domain, time: (zero, end)})
