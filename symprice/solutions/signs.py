"""What is known of the sign of a quantity along a trajectory, and how formulas are tidied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Any

from sympy import (
    Add,
    Mul,
    Rational,
    S,
    cancel,
    cosh,
    exp,
    expand,
    expand_log,
    factor,
    factor_terms,
    log,
    powsimp,
    sinh,
    together,
)

from ..closedform import ClosedForm
from ..timelimit import within
from .rational import magnitude
from .verification import compiled, sample

__all__ = ["Signs", "hyperbolic", "logarithms", "named", "oriented", "tidied"]

_POINTS = 40


class Signs:
    """The sign of functions of v that never change it on a trajectory: 1, -1, or 0 if not known.

    Known by assumption, or by the number that v starts from, or all over the declared domain.

    Parameters
    ==========

    v : the variable that moves.
    start : where it starts.
    domain : intervals, {symbol: (low, high)}, where the user gave some.
    """

    def __init__(self, v: Any, start: Any, domain: Mapping[Any, Any]) -> None:
        self.v, self.start, self.domain = v, start, domain

    def __call__(self, expr: Any) -> int:
        known = _stated(expr) or _stated(expr.subs(self.v, self.start))
        if known or not self.domain:
            return known
        symbols = expr.free_symbols
        value = compiled([expr], sorted(symbols, key=str))
        found = set()
        for point in islice(sample(symbols, self.domain), _POINTS):
            number = value(*(point[s] for s in sorted(symbols, key=str)))[0]
            found.add(1 if number > 0 else -1)
        return found.pop() if len(found) == 1 else 0


def _stated(expr: Any) -> int:
    return 1 if expr.is_positive else -1 if expr.is_negative else 0


def logarithms(
    logs: tuple[tuple[Any, Any], ...], sign: Callable[[Any], int]
) -> list[tuple[Any, Any]]:
    """Pairs (c, |q|) with c > 0 if it can be, those with equal or opposite c made one quotient."""
    groups: dict[Any, tuple[Any, Any]] = {}
    for c, q in logs:
        flipped = c.could_extract_minus_sign()
        key = -c if flipped else c
        top, bottom = groups.get(key, (S.One, S.One))
        groups[key] = (top, bottom * q) if flipped else (top * q, bottom)
    found = []
    for c, (top, bottom) in groups.items():
        if top == 1:
            c, top, bottom = -c, bottom, top
        found.append((c, _quotient(top, bottom, sign)))
    return found


def _quotient(top: Any, bottom: Any, sign: Callable[[Any], int]) -> Any:
    """|top/bottom|, without the bars where the sign is known."""
    known = sign(top / bottom)
    if known == 0:
        return magnitude(top / bottom, sign)
    if known < 0:  # where the minus reads best
        if sign(bottom) < 0 or not bottom.is_number:
            bottom = (-bottom).expand() if bottom.is_Add else -bottom
        else:
            top = (-top).expand() if top.is_Add else -top
    return top / bottom


def hyperbolic(expr: Any, b: Any) -> Any:
    """The expression with ``e^{kb} ± e^{-kb}`` written as cosh and sinh."""
    terms = Add.make_args(expr.expand())
    coefficients: dict[Any, Any] = {}
    rest = []
    for term in terms:
        factor, other = term.as_independent(exp, as_Add=False)
        exponent = other.args[0] if isinstance(other, exp) else None
        slope = None if exponent is None else exponent.coeff(b)
        if slope is None or slope == 0 or exponent != slope * b:
            rest.append(term)
        else:
            coefficients[slope] = coefficients.get(slope, S.Zero) + factor
    for slope in sorted(coefficients, key=str):
        c, mirrored = coefficients[slope], coefficients.get(-slope)
        if slope.could_extract_minus_sign() and mirrored is not None:
            continue
        if mirrored is not None and (c - mirrored).expand() == 0:
            rest.append(2 * c * cosh(slope * b))
        elif mirrored is not None and (c + mirrored).expand() == 0:
            rest.append(2 * c * sinh(slope * b))
        else:
            rest.append(c * exp(slope * b))
            if mirrored is not None:
                rest.append(mirrored * exp(-slope * b))
    return Add(*rest)


def named(expr: Any, names: Mapping[Any, Any]) -> Any:
    """The expression with what is long in it by name, as a closed form; else as it is."""
    definitions = []
    for name, value in names.items():
        if value.is_Atom or not value.free_symbols or len(str(value)) < 4:
            continue
        short = expr.subs(value, name)
        if short.has(name):
            expr = short
            definitions.append((name, value))
    return ClosedForm(expr, dict(definitions)) if definitions else expr


def oriented(expr: Any) -> Any:
    """A fraction in factors, with the signs that make them positive where constants are small."""
    factored = within(2, lambda: factor(expr))
    if factored is None or factored.is_Add:
        return expr
    small = Rational(1, 10)
    whole: list[Any] = []
    for part in Mul.make_args(factored):
        base, exponent = part.as_base_exp()
        if base.is_Add and exponent.is_Integer:
            value = base.subs(dict.fromkeys(base.free_symbols, small))
            if value.is_negative:
                whole += [(-1) ** exponent, (-base) ** exponent]
                continue
        whole.append(part)
    apart = expand(expr)
    return apart if len(str(apart)) < len(str(Mul(*whole))) else Mul(*whole)


def tidied(expr: Any, seconds: float = 2) -> Any:
    """The shortest of a few equal forms, each found within a time limit."""

    def combined(e: Any) -> Any:
        return powsimp(e, combine="exp", deep=True) if e.has(exp) else e

    best = expr
    makers: list[Callable[[Any], Any]] = [
        lambda e: combined(factor_terms(e)),
        lambda e: combined(factor_terms(together(e))),
        lambda e: combined(factor_terms(cancel(together(e)))),
        lambda e: combined(factor_terms(cancel(together(expand_log(e))))),
    ]
    for make in makers:
        form = within(seconds, partial(make, expr))
        if form is not None and _length(form) < _length(best):
            best = form
    return best


def _length(expr: Any) -> int:
    return len(str(expr)) + 20 * len(expr.atoms(log))
