"""Solving `A(v) + Σ c log|q(v)| = t + constant` for v: powers, quadratics, Lambert's W."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sympy import Abs, LambertW, Mul, Poly, Rational, cancel, exp, log, sqrt, together
from sympy.polys.polyerrors import PolynomialError

from ..timelimit import within
from .signs import tidied
from .substitutions import Change

__all__ = ["inverses"]

_SECONDS = 5


def inverses(
    rational: Any, logs: list[tuple[Any, Any]], change: Change, b: Any, start: Any, t: Any
) -> Iterator[Any]:
    """Candidates for b(t), each a branch of the inverse; which of them holds is for others to see.

    Parameters
    ==========

    rational : the rational part A of the antiderivative, in the variable of the change.
    logs : its logarithms, pairs (c, q).
    change : the change of variable in which it was found.
    b, start, t : the variable, where it starts, the symbol of time.
    """
    v, first = change.v, change.forward.subs(b, start)
    rational = rational - rational.as_independent(v, as_Add=True)[0]
    for value in within(_SECONDS, lambda: list(_values(rational, logs, v, first, t)), []):
        if isinstance(value, _Lambert) and value.of == v and change.backward.has(log):
            # b is the logarithm itself: it need not be taken of W.
            slope = change.backward.diff(v) * v
            yield slope * (value.logarithm - value.ratio * value.value)
        else:
            yield change.backward.subs(v, getattr(value, "value", value))


class _Lambert:
    """φ from αφ + β log φ = s: φ = (β/α) W((α/β) e^{s/β}), and log φ = s/β - (α/β) φ."""

    def __init__(self, of: Any, value: Any, logarithm: Any, ratio: Any) -> None:
        self.of, self.value, self.logarithm, self.ratio = of, value, logarithm, ratio


def _values(
    rational: Any, logs: list[tuple[Any, Any]], v: Any, first: Any, t: Any
) -> Iterator[Any]:
    if not logs:
        yield from _roots(rational - rational.subs(v, first) - t, v)
        return
    c = logs[0][0]
    ratios = [cancel(other / c) for other, _ in logs]
    if not all(ratio.is_Rational for ratio in ratios):
        return
    # The logarithms as one, β log φ; where the sign of φ is open, φ/φ₀ is positive all the same.
    whole = next(n for n in range(1, 60) if all((n * ratio).is_Integer for ratio in ratios))
    powers = [n * whole for n in ratios]
    insides = [q.args[0] if isinstance(q, Abs) else q for _, q in logs]
    phi = Mul(*(q**n for q, n in zip(insides, powers, strict=True)))
    beta, phi0 = c / whole, phi.subs(v, first)
    if rational == 0:
        yield from _roots(phi - phi0 * exp(t / beta), v)
        yield from _roots(1 / phi - exp(-t / beta) / phi0, v)
        return
    for power in (1, -1):
        psi, weight, psi0 = phi**power, beta / power, phi0**power
        alpha = cancel(together(rational.diff(v) / psi.diff(v)))
        if alpha.has(v):
            continue
        ratio = tidied(alpha / weight)
        level = tidied(t / weight) + ratio * psi0
        if psi == v and first.func is exp:
            logarithm = level + first.args[0]
            inner = ratio * exp(logarithm)
        else:
            logarithm = level + log(psi0)
            inner = ratio * psi0 * exp(level)
        for branch in (0, -1):
            w = LambertW(inner, branch) if branch else LambertW(inner)
            value = w / ratio
            if psi == v:
                yield _Lambert(v, value, logarithm, ratio)
            else:
                yield from _roots(psi - value, v)


def _roots(equation: Any, v: Any) -> Iterator[Any]:
    """Solutions of a rational equation whose numerator is linear, quadratic, or a pure power."""
    try:
        numerator = Poly(together(equation).as_numer_denom()[0], v)
    except PolynomialError:
        return
    terms = {n: k for (n,), k in numerator.terms()}
    if set(terms) == {1, 0} or set(terms) == {1}:
        yield -terms.get(0, 0) / terms[1]
    elif set(terms) == {2, 1, 0}:
        a, h, c = terms[2], terms[1], terms[0]
        root = sqrt(tidied(h**2 - 4 * a * c))
        yield from ((-h + s * root) / (2 * a) for s in (1, -1))
    elif len(terms) == 2 and 0 in terms:
        n = max(terms)
        inner = tidied(-terms[0] / terms[n])
        root = inner ** Rational(1, n)
        yield root
        if n % 2 == 0:
            yield -root
