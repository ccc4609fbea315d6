"""One equation `db/dt = g(b)`: separation of variables, with its constants and branches kept.

A trajectory does not cross a point of rest, so every factor in a logarithm keeps its sign: the
constant of integration is F(b₀), and nothing else. Whatever is solved for is put back into the
equation at many points before it is returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sympy import (
    Abs,
    Add,
    Derivative,
    Dummy,
    Integral,
    Piecewise,
    Wild,
    atan,
    exp,
    exp_polar,
    integrate,
    log,
    nan,
    oo,
    unpolarify,
    zoo,
)
from sympy.core.sympify import _sympify

from ..closedform import ClosedForm
from ..derivation import Rule, Step
from ..symbols import Name
from ..timelimit import within
from .hypergeometric import gauss_function
from .inverting import inverses
from .polynomial_flows import polynomial_flow
from .rational import antiderivative
from .signs import Signs, hyperbolic, logarithms, named, tidied
from .substitutions import Change, changes
from .trajectory import FlowSystem, Trajectory
from .verification import agree, solves

__all__ = ["Found", "solve_scalar"]

_SECONDS = 6


@dataclass
class Found:
    """What was found for an equation.

    Attributes
    ==========

    pairs : (left, right): the variable and its formula, or F(b) and `t + c`.
    explicit : whether the left sides are the variables themselves.
    steps : how it was found.
    method : in words.
    shown : the right sides as they are displayed, long constants by name; empty for as they are.
    """

    pairs: list[tuple[Any, Any]]
    explicit: bool
    steps: list[Step] = field(default_factory=list)
    method: str = ""
    shown: list[Any] = field(default_factory=list)


class ChangeOfVariable(Rule):
    """dv/dt = φ'(b) db/dt for v = φ(b)."""


class Integration(Rule):
    """F'(b) = 1/g(b): F is an antiderivative of 1/g."""


class SeparationOfVariables(Rule):
    """With F' = 1/g, F(b(t)) increases by 1 per unit of time: F(b) = t + F(b₀)."""


class Inversion(Rule):
    """The equation is solved for b; of several branches, the one that starts at b₀."""


class PointOfRest(Rule):
    """Where g(b₀) = 0, b stays at b₀."""


def solve_scalar(
    b: Any, rate: Any, start: Any, t: Any, domain: Mapping[Any, Any] | None = None
) -> Found | None:
    """b(t), or an equation for it; None where neither is found.

    Parameters
    ==========

    b, rate : the variable and g(b), an expression in b.
    start : b(0).
    t : the symbol of time.
    domain : intervals {symbol: (low, high)} in which the result must hold.
    """
    domain = dict(domain or {})
    rate, start = _sympify(rate), _sympify(start)
    system = FlowSystem({b: rate}, {b: start}, t)
    flow = Trajectory(b, system)
    if within(_SECONDS, lambda: rate.subs(b, start).doit().is_zero, None):
        return Found([(b, start)], True, [Step(PointOfRest(), flow, start)], "point of rest")
    candidates = list(changes(rate, b))
    for change in candidates:
        found = _by_polynomial(change, b, rate, start, t, flow, domain)
        if found is not None:
            return found
    for change in candidates:
        found = _by_separation(change, b, rate, start, t, flow, domain)
        if found is not None:
            return found
    return _by_integration(b, rate, start, t, flow, domain)


def _by_polynomial(
    change: Change, b: Any, rate: Any, start: Any, t: Any, flow: Any, domain: Mapping[Any, Any]
) -> Found | None:
    first = change.forward.subs(b, start)
    made = polynomial_flow(change.rate, change.v, first, t)
    if made is None:
        return None
    value, rule = made
    value = tidied(value)
    result = value if change.trivial else _finished(change.backward.subs(change.v, value))
    if not solves({b: result}, {b: rate}, {b: start}, t, domain):
        return None
    steps = []
    moved = change.forward.subs(b, flow)
    if not change.trivial:
        speed = change.rate.subs(change.v, change.forward)
        before = Derivative(change.forward, b, evaluate=False) * rate
        steps.append(Step(ChangeOfVariable(), before, speed))
    steps.append(Step(rule, moved, value))
    if not change.trivial:
        steps.append(Step(Inversion(), flow, result))
    return Found([(b, result)], True, steps, rule.name)


def _by_separation(
    change: Change, b: Any, rate: Any, start: Any, t: Any, flow: Any, domain: Mapping[Any, Any]
) -> Found | None:
    parts = within(_SECONDS, lambda: antiderivative(1 / change.rate, change.v))
    if parts is None:
        return None
    intervals = {k: v for k, v in domain.items() if change.trivial}
    sign = Signs(change.v, change.forward.subs(b, start), intervals)
    logs = logarithms(parts.logs, sign)
    total = Add(
        parts.rational,
        *(c * log(q) for c, q in logs),
        *(c * atan(a) for c, a in parts.arctangents),
    )
    whole = _in_b(total, change, b)
    whole = whole - _constant(whole, b)
    implicit = _implicit(whole, b, rate, start, t, flow, domain)
    if implicit is None:
        return None
    if not parts.arctangents:
        for candidate in inverses(parts.rational, logs, change, b, start, t):
            result = _finished(candidate)
            if solves({b: result}, {b: rate}, {b: start}, t, domain):
                steps = [*implicit.steps, Step(Inversion(), flow, result)]
                (first,) = implicit.shown
                names = first.definitions if isinstance(first, ClosedForm) else {}
                shown = [named(result, names)]
                return Found([(b, result)], True, steps, "separation of variables", shown)
    return implicit


def _by_integration(
    b: Any, rate: Any, start: Any, t: Any, flow: Any, domain: Mapping[Any, Any]
) -> Found | None:
    """SymPy's integral of 1/g, within a time limit, and only where it is right."""
    whole = _power_law(b, rate) or within(_SECONDS, lambda: _real(integrate(1 / rate, b)))
    if whole is None or whole.has(Integral, nan, oo, zoo):
        return None
    if any(part.has(b) for part in whole.atoms(Piecewise)):  # the rate jumps on the way
        return None
    return _implicit(whole - _constant(whole, b), b, rate, start, t, flow, domain)


def _real(whole: Any) -> Any:
    """An antiderivative with log|u| for log u, and without polar numbers; it is verified later."""
    whole = unpolarify(whole.replace(exp_polar, exp))
    return whole.replace(log, lambda u: log(u if u.is_nonnegative else Abs(u)))


def _power_law(b: Any, rate: Any) -> Any:
    """∫ db/(C b^p (A + B b^q)) by Gauss's hypergeometric function."""
    free = [Wild(name, exclude=[b]) for name in "CpABq"]
    C, p, A, B, q = free
    match = within(_SECONDS, lambda: rate.match(C * b**p * (A + B * b**q)))
    if not match or any(match.get(w) in (None, 0) for w in (C, A, B, q)):
        return None
    c, p, a, beta, q = (match[w] for w in free)
    if (1 - p).is_zero is not False and (1 - p).equals(0):
        return None
    share = (1 - p) / q
    series = gauss_function((1, share), (1 + share,), -beta * b**q / a)
    return b ** (1 - p) / ((1 - p) * a * c) * series


def _implicit(
    whole: Any, b: Any, rate: Any, start: Any, t: Any, flow: Any, domain: Mapping[Any, Any]
) -> Found | None:
    """F(b) = t + F(b₀), if F' g = 1."""
    if not whole.has(b):
        return None
    if not agree([(Derivative(whole, b, evaluate=False) * rate, b / b)], domain):
        return None
    constant = whole.subs(b, start)
    if constant.has(nan, oo, zoo):
        return None
    constant = tidied(constant)
    right = t + constant
    shown = [named(right, {Name("c"): constant})]
    steps = [
        Step(Integration(), Derivative(whole, b, evaluate=False), 1 / rate),
        Step(SeparationOfVariables(), whole.subs(b, flow), right),
    ]
    return Found([(whole, right)], False, steps, "separation of variables", shown)


def _in_b(total: Any, change: Change, b: Any) -> Any:
    if change.trivial:
        return tidied_sum(total, b)
    slot = Dummy("b", real=True)
    expr = total.subs(change.v, change.forward.subs(b, slot)).expand(log=True, power_exp=False)
    expr = hyperbolic(expr, slot)
    return tidied_sum(expr, slot).subs(slot, b)


def tidied_sum(expr: Any, b: Any) -> Any:
    """A sum with one tidy coefficient for each function of b in it."""
    coefficients: dict[Any, Any] = {}
    for term in Add.make_args(expr):
        coefficient, of = term.as_independent(b, as_Add=False)
        coefficients[of] = coefficients.get(of, 0) + coefficient
    return Add(*(tidied(c) * tidied(of) for of, c in coefficients.items()))


def _constant(expr: Any, b: Any) -> Any:
    return expr.as_independent(b, as_Add=True)[0]


def _finished(expr: Any) -> Any:
    return tidied(expr)
