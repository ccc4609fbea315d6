"""Antiderivatives of rational functions, taken apart: a rational part, logarithms, arctangents.

By partial fractions over the field of the coefficients, with square roots added where a factor is
quadratic. SymPy's ``ratint`` is not used: it answers 0 for `1/(v² + r v + s)` with symbols r, s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sympy import Abs, Add, Dummy, Poly, Rational, S, cancel, factor_list, sqrt, together
from sympy.polys.polyerrors import PolynomialError

__all__ = ["Antiderivative", "antiderivative"]


@dataclass(frozen=True)
class Antiderivative:
    """`rational + Σ c log|q| + Σ c arctan(a)`.

    Attributes
    ==========

    rational : the rational part.
    logs : pairs (c, q); the sign of q is left open.
    arctangents : pairs (c, a).
    """

    rational: Any
    logs: tuple[tuple[Any, Any], ...]
    arctangents: tuple[tuple[Any, Any], ...]


def magnitude(expr: Any, sign: Callable[[Any], int]) -> Any:
    """|expr|, without the bars where the sign is known."""
    known = sign(expr)
    return expr if known > 0 else (-expr).expand() if known < 0 else Abs(expr)


def antiderivative(fraction: Any, v: Any) -> Antiderivative | None:
    """The antiderivative of a rational function of v; None where a factor has a degree above 2.

    Examples
    ========

    >>> from sympy.abc import v
    >>> from symprice.solutions.rational import antiderivative
    >>> found = antiderivative(1/(v**2*(1 - v)), v)
    >>> found.rational, found.logs
    (-1/v, ((-1, v - 1), (1, v)))
    """
    top, bottom = together(fraction).as_numer_denom()
    try:
        numerator, denominator = Poly(top, v), Poly(bottom, v)
    except PolynomialError:
        return None
    quotient, remainder = numerator.div(denominator)
    rational: list[Any] = [quotient.integrate().as_expr()]
    logs: list[tuple[Any, Any]] = []
    arctangents: list[tuple[Any, Any]] = []
    if not remainder.is_zero:
        for factor, power, parts in _fractions(remainder, denominator, v):
            if factor.degree() > 2:
                return _with_roots(fraction, factor, v)
            if factor.degree() == 1:
                _linear(factor, power, parts, v, rational, logs)
            elif power > 1 or not _quadratic(factor, parts[0], v, logs, arctangents):
                return None
    return Antiderivative(Add(*rational), tuple(logs), tuple(arctangents))


def _with_roots(fraction: Any, factor: Poly, v: Any) -> Antiderivative | None:
    """The same where `A vⁿ + B` has factors once the n-th root of B/A has a name."""
    terms = dict(factor.terms())
    n = factor.degree()
    if set(terms) != {(n,), (0,)}:
        return None
    lead, constant = terms[(n,)], terms[(0,)]
    ratio = cancel(constant / lead)
    if not (ratio.is_positive or ratio.is_negative) or n not in (3, 4, 6):
        return None
    sign = 1 if ratio.is_positive else -1
    root = Dummy("r", positive=True)
    chosen = next((s for s in _by_name(constant) if cancel(constant / s).has(s) is False), None)
    if chosen is None or constant.is_Add:
        return None
    value = cancel(chosen * sign * lead * root**n / constant)
    found = antiderivative(cancel(fraction.subs(chosen, value)), v)
    if found is None:
        return None
    back = {root: (sign * ratio) ** Rational(1, n)}
    return Antiderivative(
        found.rational.xreplace(back),
        tuple((c.xreplace(back), q.xreplace(back)) for c, q in found.logs),
        tuple((c.xreplace(back), a.xreplace(back)) for c, a in found.arctangents),
    )


def _by_name(expr: Any) -> list[Any]:
    return sorted(expr.free_symbols, key=lambda s: s.sort_key())


def _fractions(top: Poly, bottom: Poly, v: Any) -> list[tuple[Poly, int, list[Any]]]:
    """Partial fractions: for each factor its power and the numerators by power, from 1 up."""
    _, factors = factor_list(bottom.as_expr(), v)
    factors = [(Poly(f, v), k) for f, k in factors if f.has(v)]
    scale = cancel(bottom.LC() / _product(factors, v).LC())
    found = []
    for factor, power in factors:
        rest = _product([pair for pair in factors if pair[0] != factor], v).as_expr() * scale
        found.append((factor, power, _numerators(top, factor, power, rest, v)))
    return found


def _product(factors: list[tuple[Poly, int]], v: Any) -> Poly:
    total = Poly(1, v)
    for factor, power in factors:
        total = total * factor**power
    return total


def _numerators(top: Poly, factor: Poly, power: int, rest: Any, v: Any) -> list[Any]:
    """Of top/(factor^power · rest), the numerators over factor, factor², …

    Written in base ``factor``: top · rest⁻¹ modulo factor^power, digit by digit.
    """
    modulus = factor**power
    field = modulus.set_domain(modulus.get_domain().get_field())
    other = Poly(rest, v)
    domain = field.get_domain().unify(other.get_domain().get_field())
    domain = domain.unify(top.get_domain().get_field())
    field, other = field.set_domain(domain), other.set_domain(domain)
    local = (top.set_domain(domain) * other.rem(field).invert(field)).rem(field)
    base, digits = factor.set_domain(domain), []
    for _ in range(power):
        local, digit = local.div(base)
        digits.append(digit.as_expr())
    return digits[::-1]


def _linear(
    factor: Poly, power: int, parts: list[Any], v: Any, rational: list[Any], logs: list[Any]
) -> None:
    slope = factor.LC()
    for k, part in enumerate(parts, start=1):
        coefficient = cancel(part / slope)
        if coefficient == 0:
            continue
        if k == 1:
            logs.append((coefficient, factor.as_expr()))
        else:
            rational.append(coefficient / ((1 - k) * factor.as_expr() ** (k - 1)))


def _quadratic(factor: Poly, part: Any, v: Any, logs: list[Any], arctangents: list[Any]) -> bool:
    """∫ (m v + n)/(a v² + b v + c): logarithms, and an arctangent where there are no real roots.

    False where the sign of the discriminant is open.
    """
    a, b, c = factor.all_coeffs()
    line = Poly(part, v)
    m, n = line.coeff_monomial(v), line.coeff_monomial(1)
    discriminant = (b**2 - 4 * a * c).factor()
    if m != 0:
        logs.append((cancel(m / (2 * a)), factor.as_expr()))
    left = cancel(n - m * b / (2 * a))
    if left == 0:
        return True
    if discriminant.is_negative:
        root = sqrt(-discriminant)
        arctangents.append((2 * left / root, (2 * a * v + b) / root))
        return True
    if discriminant.is_positive:
        root = sqrt(discriminant)
        logs.append((left / root, (2 * a * v + b - root)))
        logs.append((-left / root, (2 * a * v + b + root)))
        return True
    return bool(discriminant is S.Zero)
