"""Expectations by rules: linearity, then what a family says of powers and exponentials.

Nothing here integrates. A family states `E[a^s (1-a)^q exp(t a)]` as far as it has a closed form;
moments, logarithms (derivatives in the exponents) and waves (imaginary t) follow from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sympy import (
    Add,
    Dummy,
    I,
    Mul,
    Pow,
    S,
    Symbol,
    cos,
    exp,
    expand,
    expand_log,
    expand_mul,
    log,
    sin,
)
from sympy.core.function import AppliedUndef

from ..errors import PolicyError
from ..networks.named_function import NamedFunction
from .large_numbers import expanded_functions
from .phases import real_part

__all__ = ["Powers", "expected", "mean_of_powers", "powers_of"]

Tilt = Callable[[Any, Any, Any], Any]


class Powers(NamedTuple):
    """c a^s (1-a)^q exp(t a) log(a)^m log(1-a)^n times the rest."""

    coefficient: Any
    s: Any
    q: Any
    t: Any
    m: int
    n: int
    rest: Any


def expected(expr: Any, a: Any, mean: Callable[[Any], Any]) -> tuple[Any, Any]:
    """E[expr] by linearity, as the part that ``mean`` knows and the integrand that is left."""
    known, left = [], []
    opened = _opened(expr, a)
    for term in Add.make_args(opened):
        coefficient, rest = term.as_independent(a, as_Add=False)
        value = S.One if rest == 1 else mean(rest)
        if value is None:
            left.append(term)
        else:
            known.append(coefficient * value)
    return Add(*known), Add(*left)


def _opened(expr: Any, a: Any) -> Any:
    """The expression as a sum of products; logarithms of products fall apart."""
    # What stands inside a function with a name is recognised as it is written.
    whole = {f: Dummy("f", real=True) for f in expr.atoms(NamedFunction, AppliedUndef) if f.has(a)}
    masked = expr.xreplace(whole)
    opened = expand(expand_log(masked) if masked.has(log) else masked, log=False, trig=False)
    return opened.xreplace({dummy: f for f, dummy in whole.items()})


def powers_of(term: Any, a: Any) -> Powers:
    """A product read as powers of a and 1 - a, exponentials and logarithms of them."""
    c, s, q, t, m, n, rest = S.One, S.Zero, S.Zero, S.Zero, 0, 0, S.One
    for part in Mul.make_args(term):
        if not part.has(a):
            c *= part
            continue
        base, exponent = part.as_base_exp()
        linear = _linear(exponent, a) if exponent.has(a) and not base.has(a) else None
        if linear is not None:
            slope, constant = linear
            t += slope * log(base)
            c *= Pow(base, constant)
        elif exponent.has(a):
            rest *= part
        elif base == a:
            s += exponent
        elif _is_one_minus(base, a):
            q += exponent
        elif isinstance(base, log) and exponent.is_Integer and exponent > 0:
            inner = base.args[0]
            if inner == a:
                m += int(exponent)
            elif _is_one_minus(inner, a):
                n += int(exponent)
            else:
                rest *= part
        else:
            rest *= part
    return Powers(c, s, q, t, m, n, rest)


def _linear(expr: Any, a: Any) -> tuple[Any, Any] | None:
    opened = expand_mul(expr)
    slope = opened.coeff(a, 1)
    constant = opened - slope * a
    constant = expand_mul(constant)
    return None if constant.has(a) or slope.has(a) else (slope, constant)


def _is_one_minus(base: Any, a: Any) -> bool:
    return bool(isinstance(base, Add) and base + a == 1)


def mean_of_powers(
    term: Any, a: Any, tilt: Tilt, exists: Callable[[Any, Any, Any], list[Any]], check: Any
) -> Any:
    """E of a product of powers, exponentials, logarithms and waves, from E[a^s (1-a)^q e^(ta)]."""
    if term.has(sin, cos) and not term.has(AppliedUndef):
        return _waves(term, a, tilt)
    found = powers_of(term, a)
    if found.rest != 1:
        return None
    for bound in exists(found.s, found.q, found.t):
        if check(bound).is_nonpositive:
            shown = term.xreplace({a: Symbol("a")})
            where = "" if bound.is_number else f": it is finite where {check(bound)} > 0"
            raise PolicyError(
                f"asked for an expectation of {shown}, which is infinite{where}; write a reward "
                "that is smaller where the action is near an end of its support, or large"
            )
    value = _with_logarithms(found, tilt)
    return None if value is None else found.coefficient * value


def _with_logarithms(found: Powers, tilt: Tilt) -> Any:
    """Each logarithm is a derivative in the exponent of what it is the logarithm of."""
    if not (found.m or found.n):
        value = tilt(found.s, found.q, found.t)
        return None if value is None else expanded_functions(value)
    s, q = Dummy("s"), Dummy("q")
    free = (s if found.m else found.s, q if found.n else found.q, found.t)
    value = tilt(*free)
    if value is None:
        return None
    if found.m:
        value = value.diff(s, found.m)
    if found.n:
        value = value.diff(q, found.n)
    return expanded_functions(value.subs({s: found.s, q: found.q}))


def _waves(term: Any, a: Any, tilt: Tilt) -> Any:
    """cos x = (exp(ix) + exp(-ix))/2: E of each, and what is left is real."""
    rest = [f for f in term.atoms(sin, cos) if f.has(a) and _linear(f.args[0], a) is None]
    if rest:
        return None
    opened = expand(term.xreplace({f: _as_exponential(f) for f in term.atoms(sin, cos)}))
    total = S.Zero
    for part in Add.make_args(opened):
        found = powers_of(part, a)
        if found.rest != 1:
            return None
        value = _with_logarithms(found, tilt)
        if value is None:
            return None
        total += found.coefficient * value
    return real_part(total)


def _as_exponential(wave: Any) -> Any:
    x = wave.args[0]
    if isinstance(wave, cos):
        return (exp(I * x) + exp(-I * x)) / 2
    return (exp(I * x) - exp(-I * x)) / (2 * I)
