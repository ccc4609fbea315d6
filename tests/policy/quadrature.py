"""Expectations by mpmath's own quadrature and by summation: no code is shared with the package."""

from __future__ import annotations

import itertools

import mpmath
import sympy
from sympy import S, Symbol

DIGITS = 20


def function(expr, symbols):
    """An mpmath function of an expression; SymPy writes it."""
    return sympy.lambdify(symbols, expr, modules="mpmath")


def mean(policy, expr, point, breaks=()):
    """E[expr] at {symbol: number}: the density is the exponential of log_prob."""
    a = policy.action
    law = policy.log_prob().subs(point)
    f = function(expr.subs(point) * sympy.exp(law), [a])
    low, high = (b.subs(point) for b in policy.bounds)
    if policy.is_countable:
        return total(f, int(low), None if high is S.Infinity else int(high))
    ends = [b.evalf(DIGITS)._to_mpmath(mpmath.mp.prec) for b in (low, high)]
    return mpmath.quad(f, pieces(*ends, breaks))


def pieces(low, high, breaks):
    if mpmath.isinf(low):
        inner = [-30, -8, -3, -1, 0, 1, 3, 8, 30]
    elif mpmath.isinf(high):
        inner = [low + mpmath.mpf(x) for x in ("1e-6", "1e-3", "0.05", "0.5", 1, 3, 8, 30, 90)]
    else:
        inner = [low + (high - low) * mpmath.mpf(x) for x in ("0.01", "0.2", "0.5", "0.8", "0.99")]
    return sorted([low, *(mpmath.mpf(x) for x in (*inner, *breaks)), high])


def total(f, low, high):
    result = mpmath.mpf(0)
    for k in itertools.count(low) if high is None else range(low, high + 1):
        term = f(mpmath.mpf(k))
        result += term
        if high is None and k > 60 and abs(term) < mpmath.mpf(10) ** -(DIGITS + 3):
            return result
    return result


def number(expr, point):
    """The number of a closed expression."""
    return mpmath.mpmathify(sympy.N(expr.subs(point), DIGITS))


def values_of(policy, seed=0):
    """A number for each parameter of a policy, inside its domain; the same in every run."""
    import random

    generator = random.Random(f"{policy} {seed}")
    point = {}
    for head, stand in zip(policy.heads, policy.stand_ins(), strict=True):
        if head.is_number:
            continue
        low, high = (60, 240) if stand.is_positive else (-90, 90)
        if is_unit(policy, head):
            low, high = 20, 90
        point[head] = sympy.Rational(generator.randint(low, high), 101)
    return point


def is_unit(policy, head):
    """Whether a head is a probability."""
    return any(name == "probability" and value == head for _, name, _, value in policy._fields)


def named(cls):
    """A policy of a family for every form of its parameters, all of them Parameters."""
    from symprice import Parameter

    found = []
    for forms in itertools.product(*(forms.items() for forms in cls.groups.values())):
        given = {}
        for name, form in forms:
            given[name] = (
                sympy.Integer(4)
                if form.domain == "count"
                else Parameter(name, real=True)
                if form.domain == "real"
                else Parameter(name, positive=True)
            )
        found.append(cls(**given))
    return found


def other(policy):
    """The same family with other symbols."""
    heads = [h if h.is_number else Symbol(f"{h.name}_2", **h.assumptions0) for h in policy.heads]
    return policy.with_heads(heads)
