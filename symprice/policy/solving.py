"""F⁻¹ g for the Fisher informations of families, without differences of what is nearly equal."""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

from sympy import Add, Dummy, Mul, cancel, factor, fraction, gcd, lcm, polygamma

from .factoring import factored
from .short import short
from .trigamma_gaps import TrigammaFall

__all__ = ["concentrations", "solved"]


def solved(matrix: Any, slope: list[Any]) -> list[Any]:
    """x of `F x = g`, of a symmetric F that is not singular.

    Of the information of concentrations, `diag(ψ'(αⱼ)) - ψ'(s)` with `s = Σ αⱼ`, it is with the
    falls `Δⱼ = αⱼ ψ'(αⱼ) - s ψ'(s)`

        xᵢ = (Σⱼ αⱼ gⱼ + Σⱼ (gᵢ - gⱼ) Δⱼ/ψ'(αⱼ)) / (ψ'(αᵢ) Σⱼ Δⱼ/ψ'(αⱼ)),

    because `1/ψ'(s) - Σⱼ 1/ψ'(αⱼ) = Σⱼ Δⱼ/(s ψ'(s) ψ'(αⱼ))`: no terms of the denominator cancel.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from sympy.abc import a, b
    >>> from symprice.policy.solving import solved
    >>> solved(Matrix([[a, 1], [1, b]]), [1, 0])
    [b/(a*b - 1), 1/(-a*b + 1)]
    """
    if matrix.rows == 1:
        return [short(slope[0] / matrix[0, 0])]
    if (alphas := concentrations(matrix)) is not None:
        return _Concentrations(alphas).solved(slope)
    if matrix.rows == 2:
        return _by_cofactors(matrix, slope)
    return [short(e) for e in matrix.LUsolve(type(matrix)(slope))]


# --- concentrations -------------------------------------------------------------------------------


def concentrations(matrix: Any) -> list[Any] | None:
    """The αⱼ of `diag(ψ'(αⱼ)) - ψ'(Σ αⱼ)`; None of any other matrix."""
    n = matrix.rows
    others = {matrix[i, j] for i in range(n) for j in range(n) if i != j}
    if len(others) != 1:
        return None
    shared = -others.pop()
    peaks = [matrix[i, i] + shared for i in range(n)]
    if not all(isinstance(p, polygamma) and p.args[0] == 1 for p in (shared, *peaks)):
        return None
    alphas = [p.args[1] for p in peaks]
    return alphas if shared.args[1] == Add(*alphas) else None


class _Concentrations(NamedTuple):
    alphas: list[Any]

    @property
    def peaks(self) -> list[Any]:
        return [polygamma(1, alpha) for alpha in self.alphas]

    @property
    def falls(self) -> list[Any]:
        return [TrigammaFall(alpha, Add(*self.alphas) - alpha) for alpha in self.alphas]

    def solved(self, slope: list[Any]) -> list[Any]:
        """The x, all over `Πⱼ ψ'(αⱼ) Σⱼ Δⱼ/ψ'(αⱼ)`."""
        below = Add(*(fall * self._others(j) for j, fall in enumerate(self.falls)))
        scaled = Add(*(alpha * g for alpha, g in zip(self.alphas, slope, strict=True)))
        own = any(f.args[0] == 1 for g in slope for f in g.atoms(polygamma))
        found = []
        for i, g in enumerate(slope):
            others = [j for j in range(len(slope)) if j != i]
            weights = [_tidied(w) for w in (scaled, *(g - slope[j] for j in others))]
            values = [self._others(i)]
            values += [self.falls[j] * self._others(i, j) for j in others]
            exact = self._exact(weights, values, below) if own else None
            found.append(_sum(weights, values, below) if exact is None else exact)
        return found

    def _others(self, *without: int) -> Any:
        return Mul(*(peak for j, peak in enumerate(self.peaks) if j not in without))

    def _exact(self, weights: list[Any], values: list[Any], below: Any) -> Any:
        """The quotient, where trigammas of g cancel those of F; None where they do not."""
        end, steps, total = Dummy(), [Dummy() for _ in self.alphas], Add(*self.alphas)
        terms = dict(zip(self.falls, steps, strict=True)) | {polygamma(1, total): end}
        for alpha, peak, step in zip(self.alphas, self.peaks, steps, strict=True):
            terms[peak] = (step + total * end) / alpha
        above = Add(*(w * v for w, v in zip(weights, values, strict=True)))
        found = cancel(above.xreplace(terms) / below.xreplace(terms))
        return None if found.has(end, *steps) else short(found)


def _sum(weights: list[Any], values: list[Any], below: Any) -> Any:
    """`Σ wⱼ vⱼ` over what is below, what the weights share taken out."""
    if not all(w.is_rational_function() for w in weights):
        return Add(*(w * v for w, v in zip(weights, values, strict=True))) / below
    pairs = [fraction(w) for w in weights]
    shared = factor(reduce(gcd, (up for up, _ in pairs)) / reduce(lcm, (down for _, down in pairs)))
    rest = [factor(cancel(w / shared)) if shared != 0 else w for w in weights]
    return shared * Add(*(w * v for w, v in zip(rest, values, strict=True))) / below


def _tidied(weight: Any) -> Any:
    found = factored(weight) if weight.is_rational_function() else None
    return short(weight) if found is None else found


# --- two parameters -------------------------------------------------------------------------------


def _by_cofactors(matrix: Any, slope: list[Any]) -> list[Any]:
    """Of two parameters; `ψ'(x)` as `(1 + Δ)/x`, if it is the only one, so that 1 is no term that
    the others cancel.
    """
    (a, b), (c, d) = matrix.tolist()
    g, h = slope
    above, below = [d * g - b * h, a * h - c * g], a * d - b * c
    held = [f for f in below.atoms(polygamma) if f.args[0] == 1]
    if len(held) != 1:
        return [short(e / below) for e in above]
    x, fall = held[0].args[1], Dummy(positive=True)
    above, below = (
        [_by_powers(e.xreplace({held[0]: (1 + fall) / x}), fall) for e in above],
        _by_powers(below.xreplace({held[0]: (1 + fall) / x}), fall),
    )
    return [short(e / below).xreplace({fall: TrigammaFall(x)}) for e in above]


def _by_powers(e: Any, x: Any) -> Any:
    """A polynomial in x, its coefficients tidied."""
    terms, n = [], 0
    while e != 0:
        terms.append(_tidied(e.subs(x, 0)) * x**n)
        e, n = e.diff(x) / (n + 1), n + 1
    return Add(*terms)
