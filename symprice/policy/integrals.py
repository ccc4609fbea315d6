"""Expectations that no rule closes: the integral or the sum as it stands, and its number."""

from __future__ import annotations

from functools import partial
from itertools import combinations, pairwise
from typing import Any

import mpmath
from sympy import (
    Abs,
    Add,
    Derivative,
    Dummy,
    Heaviside,
    Integer,
    Integral,
    Max,
    Min,
    Poly,
    Pow,
    Sum,
    exp,
    expand_mul,
    lambdify,
    log,
    roots,
    sign,
)
from sympy.core.relational import Relational
from sympy.core.sympify import _sympify

from ..errors import NoRuleError
from ..timelimit import within
from .density import DensityOf
from .folding import folded
from .peaks import single_peaks
from .quadrature import (
    NoQuadrature,
    exponential,
    over_half_line,
    over_interval,
    over_line,
    size_of,
)
from .remembering import remembered
from .summing import series

__all__ = ["ActionIntegral", "ActionSum"]

# A sum of fewer terms can be written out.
_FEW = 50
# Whole numbers below this stay exact; seconds for an integral over several entries; digits more of
# constants, which may nearly cancel.
_EXACT, _PATIENCE, _GUARD = 1000, 20.0, 30


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
        return remembered(self, point, lambda: self._quadrature(evaluate, point))

    def _quadrature(self, evaluate: Any, point: Any) -> Any:
        symbol = self.limits[0][0]
        ends = [_bound(evaluate(end, point)) for end in self._ends]
        along: dict[Any, Any] = {}

        def at(f: Any, b: Any, t: Any) -> Any:
            if b not in along:
                along[b] = evaluate.along(b)
            return along[b](f, t)

        value = _finite(at)
        terms = single_peaks(_written(self), symbol)
        return sum(_over(term, symbol, ends, value, self._ends) for term in terms)

    def _size(self, evaluate: Any, point: Any) -> Any:
        """∫ |f|, to which the digits of code are relative."""
        return size_of(lambda: self._quadrature(evaluate, point))

    @property
    def _ends(self) -> list[Any]:
        """The ends, and the places where the integrand has a kink."""
        symbol, low, high = self.limits[0]
        return [low, *_kinks(_written(self), symbol), high]

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
        return remembered(self, point, lambda: self._summed(evaluate, point))

    def _summed(self, evaluate: Any, point: Any) -> Any:
        symbol, low, high = self.limits[0]
        ends = [_bound(evaluate(end, point)) for end in (low, high)]
        at = _finite(evaluate.along(symbol))
        terms = single_peaks(_written(self), symbol)
        return sum(series(partial(at, term), *ends) for term in terms)

    def doit(self, **hints: Any) -> Any:
        """A sum of few terms written out; any other itself, what the rules could not find is not
        tried again.
        """
        symbol, low, high = self.limits[0]
        if low.is_Integer and high.is_Integer and high - low < _FEW:
            return Add(*(self.function.subs(symbol, k) for k in range(int(low), int(high) + 1)))
        return self


def _written(node: Any) -> Any:
    """An integrand with the formula of each density that it names, and where nothing inside binds
    the same action again.
    """
    function, (symbol, *_) = node.function, node.limits[0]
    named = function.atoms(DensityOf)
    if named:
        function = function.xreplace({node: node.doit() for node in named})
    again = [e for e in function.atoms(Integral, Sum) if symbol in e.variables]
    if again:
        apart = Dummy("a", **symbol.assumptions0)
        function = function.xreplace({e: e.xreplace({symbol: apart}) for e in again})
    return function


def _kinks(function: Any, symbol: Any) -> list[Any]:
    """Where an absolute value, a sign, a maximum or a condition in an integrand changes, or where
    it is infinite.
    """
    inner = [node.args[0] for node in function.atoms(Abs, sign, Heaviside, log)]
    inner += [power.base for power in function.atoms(Pow) if not power.exp.is_nonnegative]
    inner += [rel.lhs - rel.rhs for rel in function.atoms(Relational)]
    for node in function.atoms(Max, Min):
        inner += [x - y for x, y in combinations(_choices(node), 2)]
    found: list[Any] = []
    for gap in inner:
        found += _zeros(gap, symbol)
    return list(dict.fromkeys(found))


def _choices(node: Any) -> list[Any]:
    """What a maximum or minimum may be, of those inside of it too."""
    found: list[Any] = []
    for arg in node.args:
        found += _choices(arg) if isinstance(arg, (Max, Min)) else [arg]
    return found


def _zeros(gap: Any, symbol: Any) -> list[Any]:
    """Where an expression is 0, as far as it is linear or quadratic in the action or in its
    logarithm, or has such factors.
    """
    return list(_roots(gap, symbol)[0])


def _all_zeros(gap: Any, symbol: Any) -> bool:
    """Whether these are all of them, so that the sign is known between."""
    found, degree = _roots(gap, symbol)
    return 0 < degree == sum(found.values())


def _roots(gap: Any, symbol: Any) -> tuple[dict[Any, int], int]:
    """The zeros with their multiplicities, and how many there are, those that are not found too."""
    opened = expand_mul(gap)
    level = Dummy("level")
    in_logarithm = opened.xreplace({log(symbol): level})
    if in_logarithm.has(level) and not in_logarithm.has(symbol):
        found, degree = _roots(in_logarithm, level)
        return {exp(zero): count for zero, count in found.items()}, degree
    if not opened.has(symbol) or not opened.is_polynomial(symbol):
        return {}, 0
    return roots(opened, symbol, cubics=False, quartics=False), int(Poly(opened, symbol).degree())


def _bound(value: Any) -> Any:
    if isinstance(value, mpmath.mpc) and abs(value.imag) > abs(value) * mpmath.mpf(10) ** -10:
        return value
    value = mpmath.re(value)
    return value if mpmath.isinf(value) else mpmath.mpf(value)


def _finite(f: Any) -> Any:
    """The function, with an error of ours where it divides by 0 or leaves the real numbers."""

    def inner(*args: Any) -> Any:
        try:
            found = f(*args)
        except (ZeroDivisionError, OverflowError, ValueError):
            found = mpmath.nan
        if isinstance(found, mpmath.mpc):
            found = found.real if abs(found.imag) <= abs(found) * mpmath.eps else mpmath.nan
        if mpmath.isnan(found) or mpmath.isinf(found):
            raise NoQuadrature(f"an expectation is infinite or undefined at the action {args[-1]}")
        return found

    return inner


def _by_numbers(node: Any, prec: int) -> Any:
    if node.free_symbols:
        return None
    if len(node.limits) > 1:
        return _nested(node)
    symbol, low, high = node.limits[0]
    digits = int(prec * 0.30103) + 5

    compiled: dict[Any, Any] = {}

    def value(f: Any, b: Any, t: Any) -> Any:
        if f not in compiled:
            own = Dummy("x", **b.assumptions0)
            inner = folded(f.xreplace({b: own}), [own], digits + _GUARD)
            compiled[f] = lambdify([own], inner, modules=[{"exp": exponential}, "mpmath"])
        # An exact power of an integer may be as long as its exponent.
        return compiled[f](int(t) if b.is_integer and abs(t) < _EXACT else t)

    def bound(b: Any) -> Any:
        return _bound(mpmath.mpmathify(b.evalf(digits)._to_mpmath(mpmath.mp.prec)))

    with mpmath.workdps(digits):
        if isinstance(node, Integral):
            ends = list(map(bound, node._ends))
            terms = single_peaks(_written(node), symbol)
            total = sum(_over(term, symbol, ends, _finite(value), node._ends) for term in terms)
        else:
            at = _finite(lambda f, k: value(f, symbol, k))
            terms = single_peaks(_written(node), symbol)
            total = sum(series(partial(at, term), bound(low), bound(high)) for term in terms)
        return _sympify(total).n(digits)


def _nested(node: Any) -> Any:
    """An integral over several entries, by SciPy's quadrature in floats."""
    return _sympify(within(_PATIENCE, lambda: _by_floats(node)) or _gives_up(node))


def _gives_up(node: Any) -> Any:
    raise NoRuleError(
        f"an expectation over {len(node.limits)} entries could not be computed by quadrature: "
        "simulate it, with policy.sample(rng, n)"
    )


def _by_floats(node: Any) -> Any:
    import warnings

    from scipy.integrate import nquad

    symbols = [limit[0] for limit in node.limits]
    ranges = []
    for k, (_, *ends) in enumerate(node.limits):
        ranges.append(lambdify(symbols[k + 1 :], ends, modules="numpy"))
    function = lambdify(symbols, node.function, modules=["scipy", "numpy"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, error = nquad(function, ranges, opts={"epsrel": 1e-9, "epsabs": 0, "limit": 100})
    return value if error <= 1e-6 * abs(value) else None


def _over(function: Any, symbol: Any, ends: Any, value: Any, written: Any) -> Any:
    """∫ f between the first and the last end, in pieces; near an end in the distance to it."""
    low, high = ends[0], ends[-1]
    named = sorted(
        [(e, w) for e, w in zip(ends, written, strict=True) if _is_real(e) and low <= e <= high],
        key=lambda p: p[0],
    )
    total = mpmath.mpf(0)
    gap = Dummy("d", positive=True)
    moving = {v for node in function.atoms(Derivative) for v in node.variables}

    def beside(place: Any, end: Any, way: int) -> Any:
        # 1 - a near 1 keeps its digits when a is written as 1 - d; not inside of a derivative by
        # what the end depends on, where the action stays.
        fixed = end.free_symbols.isdisjoint(moving)
        near = function.xreplace({symbol: end + way * gap}) if fixed else function

        def at(d: Any) -> Any:
            try:
                return value(near, gap, d) if fixed else value(near, symbol, place + way * d)
            except NoQuadrature:
                # Where a distance cannot be told from 0, a number of the integrand may be none.
                if d < mpmath.mpf(10) ** (3 - mpmath.mp.dps):
                    return mpmath.mpf(0)
                raise

        return at

    whole = function
    for (left, at_left), (right, at_right) in pairwise(named):
        if left == right:
            continue
        if moving:
            function = _without_kinks(whole, symbol, value, _between(left, right))
        if mpmath.isinf(left) and mpmath.isinf(right):
            total += over_line(partial(value, function, symbol))
        elif mpmath.isinf(left):
            total += over_half_line(beside(right, at_right, -1))
        elif mpmath.isinf(right):
            total += over_half_line(beside(left, at_left, 1))
        else:
            ends_of = (beside(left, at_left, 1), beside(right, at_right, -1))
            total += over_interval(*ends_of, right - left)
    return total


def _between(left: Any, right: Any) -> Any:
    if mpmath.isinf(left):
        return mpmath.mpf(0) if mpmath.isinf(right) else right - 1
    return left + 1 if mpmath.isinf(right) else (left + right) / 2


def _without_kinks(function: Any, symbol: Any, value: Any, place: Any) -> Any:
    """An integrand as it is on one piece, where absolute values and signs are known: it has a
    derivative by what the ends of the piece depend on, at the ends too.
    """
    known = {}
    for node in function.atoms(Abs, sign):
        if _all_zeros(node.args[0], symbol):
            way = Integer(mpmath.sign(value(node.args[0], symbol, place)))
            known[node] = way * node.args[0] if isinstance(node, Abs) else way
    return function.xreplace(known)


def _is_real(end: Any) -> bool:
    return not isinstance(end, mpmath.mpc)
