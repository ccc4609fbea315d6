"""Exponentials and waves of several Gaussian numbers: they move the mean, `μ → μ + Σt`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Add, I, ImmutableDenseMatrix, Mul, S, cos, exp, expand, log, sin

from .short import merged_exponentials

__all__ = ["mean_of_tilted"]


def mean_of_tilted(term: Any, a: Any, mean: Any, sigma: Any, moments: Callable[[Any], Any]) -> Any:
    """`E[p(a) exp(t·a)] = exp(t·μ + tᵀΣt/2) E[p(a + Σt)]`; sines and cosines are those of imaginary
    t. None where the term is no product of a polynomial p with exponentials and waves of linear
    functions of the action.

    ``moments`` gives the expectations of polynomials.

    Examples
    ========

    >>> from sympy import Matrix, exp, symbols
    >>> from symprice.policy.tilting import mean_of_tilted
    >>> a, b, m = symbols('a b m')
    >>> mean_of_tilted(exp(2*b), (a, b), Matrix([0, m]), Matrix([[1, 0], [0, 1]]), lambda p: p)
    exp(2*m + 2)
    """
    waves = {f for f in term.atoms(sin, cos) if f.has(*a)}
    opened = expand(term.xreplace({f: _as_exponential(f) for f in waves}))
    total = S.Zero
    for part in Add.make_args(opened):
        read = _slopes(part, a)
        if read is None:
            return None
        factor, t, polynomial = read
        shift = sigma * t
        moved = polynomial.xreplace({x: x + s for x, s in zip(a, shift, strict=True)})
        height = expand((t.T * mean)[0] + (t.T * shift)[0] / 2)
        found = S.Zero
        for piece in Add.make_args(expand(moved)):
            c, monomial = piece.as_independent(*a, as_Add=False)
            found += c * (S.One if monomial == 1 else moments(monomial))
        total += factor * exp(height) * found
    total = merged_exponentials(expand(total))
    return total.as_real_imag()[0] if waves else total


def _as_exponential(wave: Any) -> Any:
    x = wave.args[0]
    if isinstance(wave, cos):
        return (exp(I * x) + exp(-I * x)) / 2
    return (exp(I * x) - exp(-I * x)) / (2 * I)


def _slopes(part: Any, a: Any) -> tuple[Any, Any, Any] | None:
    """A product as c, t and p of `c p(a) exp(t·a)`."""
    c, t, p = S.One, ImmutableDenseMatrix([S.Zero] * len(a)), S.One
    for factor in Mul.make_args(part):
        if factor.is_polynomial(*a):
            p *= factor
            continue
        base, power = factor.as_base_exp()
        if base.has(*a):
            return None
        exponent = expand(power * log(base))
        slopes = ImmutableDenseMatrix([exponent.coeff(x, 1) for x in a])
        rest = expand(exponent - Add(*(s * x for s, x in zip(slopes, a, strict=True))))
        if rest.has(*a) or slopes.has(*a):
            return None
        c, t = c * exp(rest), t + slopes
    return c, t, p
