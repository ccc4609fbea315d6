"""Expectations that no rule closes: the integral or the sum as it stands, and its number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import mpmath
from sympy import (
    Abs,
    Dummy,
    Integer,
    Integral,
    Rational,
    S,
    Sum,
    Symbol,
    expand_mul,
    lambdify,
    sign,
)
from sympy.core.sympify import _sympify

from ..errors import NoRuleError
from ..timelimit import within

__all__ = ["ActionIntegral", "ActionSum", "attempted", "summed"]

# Halvings of the step of a quadrature, and how far out on the mapped line it goes.
_LEVELS, _FARTHEST, _DIVERGES = 8, 200, mpmath.mpf(10) ** 60
_TAIL = 12  # terms that are negligible in a row end a sum
_MOST_TERMS = 200_000


class ActionIntegral(Integral):
    """An expectation over a continuous action, as it stands: SymPy's ``Integral`` in every respect.

    Its number is found by quadrature on pieces of the support, ``.evalf()`` included.

    Examples
    ========

    >>> from sympy import Symbol, exp, oo
    >>> from symprice.policy.integrals import ActionIntegral
    >>> a = Symbol('a', real=True)
    >>> ActionIntegral(exp(-a**2), (a, -oo, oo)).evalf(10)
    1.772453851
    """

    def _eval_evalf(self, prec: int) -> Any:
        return _by_numbers(self, prec)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        symbol = self.limits[0][0]
        return _over(
            self.function,
            symbol,
            [_bound(evaluate(end, point)) for end in self._ends],
            lambda f, b, t: evaluate(f, {**point, b: t}),
            self._ends,
        )

    @property
    def _ends(self) -> list[Any]:
        """The ends, and the places where the integrand has a kink."""
        symbol, low, high = self.limits[0]
        return [low, *_kinks(self.function, symbol), high]

    def doit(self, **hints: Any) -> Any:
        """The integral itself: what the rules could not find is not tried again."""
        return self


class ActionSum(Sum):
    """An expectation over a countable action, as it stands: SymPy's ``Sum`` in every respect.

    Examples
    ========

    >>> from sympy import Symbol, factorial, oo
    >>> from symprice.policy.integrals import ActionSum
    >>> a = Symbol('a', integer=True, nonnegative=True)
    >>> ActionSum(1/factorial(a), (a, 0, oo)).evalf(10)
    2.718281828
    """

    def _eval_evalf(self, prec: int) -> Any:
        return _by_numbers(self, prec)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        symbol, low, high = self.limits[0]
        ends = [_bound(evaluate(end, point)) for end in (low, high)]
        return summed(lambda k: evaluate(self.function, {**point, symbol: k}), *ends)

    def doit(self, **hints: Any) -> Any:
        """The sum itself: what the rules could not find is not tried again."""
        return self


def _kinks(function: Any, symbol: Any) -> list[Any]:
    """Where an absolute value or a sign in an integrand changes."""
    found = []
    for node in function.atoms(Abs, sign):
        inner = expand_mul(node.args[0])
        slope = inner.coeff(symbol, 1)
        rest = expand_mul(inner - slope * symbol)
        if slope != 0 and not rest.has(symbol) and not slope.has(symbol):
            found.append(-rest / slope)
    return list(dict.fromkeys(found))


def _bound(value: Any) -> Any:
    return value if mpmath.isinf(value) else mpmath.mpf(value)


def _by_numbers(node: Any, prec: int) -> Any:
    if node.free_symbols or len(node.limits) != 1:
        return None
    symbol, low, high = node.limits[0]
    digits = int(prec * 0.30103) + 5

    compiled: dict[Any, Any] = {}

    def value(f: Any, b: Any, t: Any) -> Any:
        if f not in compiled:
            own = Dummy("x", **b.assumptions0)
            compiled[f] = lambdify([own], f.xreplace({b: own}), modules="mpmath")
        return compiled[f](int(t) if b.is_integer else t)

    def bound(b: Any) -> Any:
        return mpmath.mpmathify(b.evalf(digits)._to_mpmath(mpmath.mp.prec))

    with mpmath.workdps(digits):
        if isinstance(node, Integral):
            total = _over(node.function, symbol, list(map(bound, node._ends)), value, node._ends)
        else:
            total = summed(lambda k: value(node.function, symbol, k), bound(low), bound(high))
        return _sympify(total).n(digits)


def _over(function: Any, symbol: Any, ends: Any, value: Any, written: Any) -> Any:
    """∫ f between the first and the last end, in pieces; near an end in the distance to it."""
    low, high = ends[0], ends[-1]
    named = sorted(
        [(e, w) for e, w in zip(ends, written, strict=True) if low <= e <= high], key=lambda p: p[0]
    )
    total = mpmath.mpf(0)
    for (left, at_left), (right, at_right) in pairwise(named):
        if left == right:
            continue
        if mpmath.isinf(left) and mpmath.isinf(right):
            total += trapezoidal(lambda t: value(function, symbol, t), *_whole())
            continue
        gap = Dummy("d", positive=True)
        length = right - left
        sides = [(at_left, 1)] * (not mpmath.isinf(left)) + [(at_right, -1)] * (
            not mpmath.isinf(right)
        )
        for end, way in sides:
            # 1 - a near 1 keeps its digits when a is written as 1 - d.
            near = function.xreplace({symbol: end + way * gap})
            inner = partial(value, near, gap)
            total += trapezoidal(inner, *(_half() if mpmath.isinf(length) else _short(length / 2)))
    return total


def trapezoidal(f: Callable[[Any], Any], place: Any, farthest: Any) -> Any:
    """Double exponential quadrature: for smooth integrands the digits double with each halving."""
    wanted = mpmath.mpf(10) ** (-mpmath.mp.dps // 2 - 2)
    step, total, previous = mpmath.mpf(1) / 2, mpmath.mpf(0), None
    for level in range(_LEVELS):
        total += _places(f, place, step, level, farthest)
        found = total * step
        if previous is not None and abs(found - previous) <= wanted * max(wanted, abs(found)):
            return found
        previous, step = found, step / 2
    raise NoRuleError("an expectation could not be computed to enough digits by quadrature")


def _places(f: Callable[[Any], Any], place: Any, step: Any, level: int, farthest: Any) -> Any:
    """The new terms of a level: all at the first, then those half way between."""
    total, tiny = mpmath.mpf(0), mpmath.mpf(10) ** (-mpmath.mp.dps - 2)
    for way in (1, -1):
        k = (0 if way == 1 else 1) if level == 0 else 1
        small, largest = 0, mpmath.mpf(0)
        while k * step < farthest and small < 4:
            x, weight = place(way * k * step)
            term = f(x) * weight
            if abs(term) > _DIVERGES:
                raise NoRuleError("an expectation is infinite, or too large for quadrature")
            total += term
            largest = max(largest, abs(term), abs(total))
            small = small + 1 if abs(term) <= tiny * largest and k * step > 1 else 0
            k += 1 if level == 0 else 2
    return total


def _whole() -> tuple[Any, Any]:
    """The whole line, its ends far out."""
    return lambda t: (mpmath.sinh(t), mpmath.cosh(t)), _FARTHEST


def _half() -> tuple[Any, Any]:
    """The distances to an end of a half line."""

    def place(t: Any) -> tuple[Any, Any]:
        x = mpmath.exp(t - mpmath.exp(-t))
        return x, x * (1 + mpmath.exp(-t))

    return place, _FARTHEST


def _short(length: Any) -> tuple[Any, Any]:
    """The distances to an end, up to some length."""

    def place(t: Any) -> tuple[Any, Any]:
        u = mpmath.exp(-mpmath.pi * mpmath.sinh(t))
        return length / (1 + u), length * mpmath.pi * mpmath.cosh(t) * u / (1 + u) ** 2

    return place, 7


def summed(f: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """Σ f, term by term until what follows is negligible."""
    total, small, k = mpmath.mpf(0), 0, mpmath.mpf(low)
    bound = mpmath.mpf(10) ** (-mpmath.mp.dps - 2)
    while k <= high:
        term = f(k)
        total += term
        small = small + 1 if abs(term) <= bound * max(bound, abs(total)) else 0
        if small >= _TAIL and k > low + 50:
            return total
        if k - low > _MOST_TERMS:
            raise NoRuleError("a sum over actions does not settle within 200 000 terms")
        k += 1
    return total


def attempted(expr: Any, seconds: float) -> Any:
    """What SymPy finds for an Integral or a Sum in some seconds, held against its number; else
    None.
    """
    kind = Integral if isinstance(expr, Integral) else Sum

    def attempt() -> Any:
        try:
            return kind(expr.function, *expr.limits).doit()
        except Exception:
            return None

    found = within(seconds, attempt)
    if found is None or found.has(Integral, Sum) or found.has(S.NaN, S.ComplexInfinity):
        return None
    return found if within(2.0, lambda: _agrees(expr, found), False) else None


def _agrees(expr: Any, found: Any) -> bool:
    """Whether a value of an integral or sum is its number at a point of its symbols."""
    point = {}
    for place, symbol in enumerate(sorted(expr.free_symbols | found.free_symbols, key=str)):
        if not isinstance(symbol, (Symbol, Dummy)):
            return False
        value = Rational(7 + 4 * place, 9 + place)
        point[symbol] = Integer(2 + place) if symbol.is_integer else value
    try:
        left = expr.xreplace(point)._eval_evalf(53)
        right = found.xreplace(point).evalf(15)
        return bool(abs(left - right) <= 1e-9 * max(1, abs(right)))
    except Exception:
        return False
