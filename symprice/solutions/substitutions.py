"""Changes of variable after which the rate of a scalar equation is a rational function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from sympy import (
    Dummy,
    Expr,
    Integer,
    Poly,
    Pow,
    Rational,
    S,
    atan,
    cancel,
    cos,
    cot,
    csc,
    exp,
    gcd_list,
    igcd,
    ilcm,
    log,
    sec,
    sin,
    sqrt,
    tan,
    together,
)
from sympy.functions.elementary.hyperbolic import HyperbolicFunction

from ..networks.named_function import NamedFunction
from ..timelimit import within

__all__ = ["Change", "changes", "elementary"]

_SECONDS = 5


@dataclass(frozen=True)
class Change:
    """A new variable v = φ(b): how it is made, how it is undone, and how fast it moves.

    Attributes
    ==========

    v : the new variable, with what is known of its sign.
    forward : φ(b).
    backward : b in terms of v.
    rate : dv/dt, a rational function of v.
    """

    v: Any
    forward: Any
    backward: Any
    rate: Any

    @property
    def trivial(self) -> bool:
        """Whether nothing changes."""
        return bool(self.backward == self.v)


def elementary(expr: Any) -> Any:
    """An expression in which activations and hyperbolic functions are written in exponentials."""
    while True:
        named = expr.atoms(NamedFunction)
        inner = {f for f in named if not any(f in g.args[0].atoms(NamedFunction) for g in named)}
        if not inner:
            break
        expr = expr.xreplace({f: f.definition(*f.args) for f in inner})
    hyperbolic = {f: f.rewrite(exp) for f in expr.atoms(HyperbolicFunction)}
    return expr.xreplace(hyperbolic) if hyperbolic else expr


def changes(rate: Any, b: Any) -> Iterator[Change]:
    """The changes of variable that make a rate rational, the plainest first."""
    rate = elementary(rate)
    for make in (_itself, _exponential, _logarithm, _half_angle, _root, _square_root):
        found = within(_SECONDS, partial(make, rate, b))
        if found is not None:
            yield found


def rational_in(expr: Any, v: Any) -> Any | None:
    """The expression as one fraction where it is a rational function of v, else None."""
    fraction = cancel(together(expr))
    if not fraction.is_rational_function(v):
        return None
    top, bottom = fraction.as_numer_denom()
    if not (top.is_polynomial(v) and bottom.is_polynomial(v)):
        return None
    return fraction


def _itself(rate: Expr, b: Any) -> Change | None:
    fraction = rational_in(rate, b)
    return None if fraction is None else Change(b, b, b, fraction)


def _exponential(rate: Expr, b: Any) -> Change | None:
    """v = exp(κ b), where every exponential in b has a multiple of κ b in its exponent."""
    slopes: list[Any] = []
    for power in rate.atoms(exp):
        exponent = power.args[0].expand()
        if exponent.has(b):
            slope = exponent.coeff(b)
            if slope.has(b) or (exponent - slope * b).has(b):
                return None
            slopes.append(slope)
    if not slopes:
        return None
    ratios = [slope / slopes[0] for slope in slopes]
    if not all(ratio.is_Rational for ratio in ratios):
        return None
    kappa = slopes[0] * gcd_list([abs(ratio) for ratio in ratios])
    if kappa.could_extract_minus_sign() or kappa.is_negative:
        kappa = -kappa
    v = Dummy("v", positive=True)
    powers = {
        p: v ** (p.args[0].expand().coeff(b) / kappa)
        * exp(p.args[0].expand() - p.args[0].expand().coeff(b) * b)
        for p in rate.atoms(exp)
        if p.has(b)
    }
    rate = rational_in(rate.xreplace(powers), v)
    if rate is None:
        return None
    # Where only every m-th power of v occurs, v^m is the better variable.
    top, bottom = (Poly(part, v) for part in rate.as_numer_denom())
    exponents = [n for poly in (top, bottom) for (n,) in poly.monoms()]
    low = min(exponents)
    m = igcd(*(n - low for n in exponents)) or 1
    if top.monoms()[-1][0] % m != low % m or bottom.monoms()[-1][0] % m != low % m:
        m = 1
    shift = [poly.as_expr() / v**low for poly in (top, bottom)]
    written = (shift[0].expand() / shift[1].expand()).subs(v, v ** Rational(1, m))
    kappa = m * kappa
    return _made(written, b, v, exp(kappa * b), log(v) / kappa, kappa * v)


def _logarithm(rate: Expr, b: Any) -> Change | None:
    """v = log b, where b occurs in logarithms and as a factor."""
    logs = [f for f in rate.atoms(log) if f.has(b)]
    if not logs or any(f.args[0] != b for f in logs):
        return None
    v = Dummy("v", real=True)
    inner = cancel(together(rate / b)).xreplace({log(b): v})
    return None if inner.has(b) else _made(inner, b, v, log(b), exp(v), S.One)


def _half_angle(rate: Expr, b: Any) -> Change | None:
    """v = tan(κ b/2), in which sines and cosines of κ b are rational."""
    circular = [f for f in rate.atoms(sin, cos, tan, cot, sec, csc) if f.has(b)]
    if not circular:
        return None
    slopes = [f.args[0] / b for f in circular]
    if any(slope.has(b) for slope in slopes) or any(s / slopes[0] != 1 for s in slopes):
        return None
    kappa, v = slopes[0], Dummy("v", real=True)
    sine, cosine = 2 * v / (1 + v**2), (1 - v**2) / (1 + v**2)
    values = {
        sin: sine,
        cos: cosine,
        tan: sine / cosine,
        cot: cosine / sine,
        sec: 1 / cosine,
        csc: 1 / sine,
    }
    written = rate.xreplace({f: values[f.func] for f in circular})
    speed = kappa * (1 + v**2) / 2
    return _made(written, b, v, tan(kappa * b / 2), 2 * atan(v) / kappa, speed)


def _root(rate: Expr, b: Any) -> Change | None:
    """v = b^(1/q), where b has fractional powers."""
    powers = [p for p in rate.atoms(Pow) if p.base == b and not p.exp.is_Integer]
    if not powers or not all(p.exp.is_Rational for p in powers):
        return None
    q = ilcm(1, *(p.exp.q for p in powers))
    v = Dummy("v", positive=True)
    speed = v ** (1 - q) / q
    return _made(rate.subs(b, v**q), b, v, b ** Rational(1, q), v**q, speed)


def _square_root(rate: Expr, b: Any) -> Change | None:
    """v = √α b + √(α b² + β b + γ), Euler's, where that square root is the only one."""
    roots = [p for p in rate.atoms(Pow) if p.has(b) and not p.exp.is_Integer]
    radicands = {p.base for p in roots}
    if len(radicands) != 1 or not all((2 * p.exp).is_Integer for p in roots):
        return None
    (radicand,) = radicands
    if not radicand.is_polynomial(b):
        return None
    quadratic = Poly(radicand, b)
    if quadratic.degree() != 2 or not quadratic.LC().is_positive:
        return None
    a, beta, gamma = quadratic.all_coeffs()
    root = sqrt(a)
    v = Dummy("v", real=True)
    back = (v**2 - gamma) / (2 * root * v + beta)
    value = v - root * back
    written = rate.xreplace({p: value ** Integer(2 * p.exp) for p in roots}).subs(b, back)
    speed = 1 / back.diff(v)
    plain = back if beta else v / (2 * root) - gamma / (2 * root * v)
    return _made(written, b, v, root * b + sqrt(radicand), plain, speed)


def _made(written: Any, b: Any, v: Any, forward: Any, backward: Any, speed: Any) -> Change | None:
    """The change of variable, if b is gone and what moves v is rational in it."""
    if written.has(b):
        return None
    fraction = rational_in(speed * written, v)
    return None if fraction is None else Change(v, forward, backward, fraction)
