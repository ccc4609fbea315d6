"""Means of polynomials in centred Gaussian noise, by sums of monomials: nothing is cancelled but
powers of one symbol.
"""

from __future__ import annotations

from typing import Any

from sympy import QQ, Dummy, Expr, Mul, Pow, S, Symbol, default_sort_key
from sympy.polys.rings import PolyRing

__all__ = ["mean_of_polynomial"]

# So many terms are factorised.
_FEW = 40


def mean_of_polynomial(expr: Any, noise: list[Any], sigma: Any) -> Any:
    """E of a polynomial in noise with the covariance ``sigma``, over a common denominator.

    Coefficients are sums, products and whole powers; what else they hold is a symbol here. The
    moments follow from Stein's identity `E[g_i h] = Σ_j Σ_ij E[∂_j h]`.

    Examples
    ========

    >>> from sympy import eye, symbols
    >>> from symprice.policy.gaussian_moments import mean_of_polynomial
    >>> x, y, m, s = symbols('x y m s')
    >>> mean_of_polynomial((m + s*x)**4/s**2 + x*y, [x, y], eye(2))
    (m**4 + 6*m**2*s**2 + 3*s**4)/s**2
    """
    return _Reading(expr, noise, sigma).mean()


class _Reading:
    """The ring of the noise, of what the coefficients are made of, and of the inverses of these."""

    def __init__(self, expr: Any, noise: list[Any], sigma: Any) -> None:
        self.expr, self.noise, self.sigma = expr, noise, sigma
        found: dict[Any, Any] = {}
        for part in (expr, *sigma):
            self._collect(part, found)
        bases = sorted((k for k in found if isinstance(k, Expr)), key=default_sort_key)
        inverted = sorted((k[0] for k in found if isinstance(k, tuple)), key=default_sort_key)
        named = {b: b if isinstance(b, Symbol) else Dummy("u") for b in bases}
        # A sum that is inverted has no generator but its inverse.
        self.inverses = {b: Dummy("v") for b in inverted}
        gens = [*noise, *named.values(), *self.inverses.values()]
        self.ring = PolyRing(gens, QQ, "lex")
        places = dict(zip(gens, self.ring.gens, strict=True))
        self.of = {x: places[x] for x in noise} | {b: places[g] for b, g in named.items()}
        self.below = {b: places[v] for b, v in self.inverses.items()}
        back = {g: b for b, g in named.items()} | {v: 1 / b for b, v in self.inverses.items()}
        self.written = [back.get(g, g) for g in gens]
        index = {g: i for i, g in enumerate(gens)}
        self.pairs = [(index[named[b]], index[v]) for b, v in self.inverses.items() if b in named]
        self.sums = [b for b in self.inverses if b not in named]
        self.index, self.count = index, len(noise)
        self.memo: dict[Any, Any] = {(0,) * self.count: self.ring.one}

    def _collect(self, e: Any, found: dict[Any, Any]) -> None:
        if e.is_Rational or e in self.noise:
            return
        if e.is_Add or e.is_Mul:
            for arg in e.args:
                self._collect(arg, found)
            return
        if isinstance(e, Pow) and e.exp.is_Integer:
            self._collect(e.base, found)
            if e.exp < 0:
                found[(e.base,)] = True
            return
        found[e] = True

    def read(self, e: Any) -> Any:
        """The element of the ring."""
        if e.is_Rational:
            return self.ring(QQ.from_sympy(e))
        if e in self.of:
            return self.of[e]
        if e.is_Add:
            return sum(map(self.read, e.args), self.ring.zero)
        if e.is_Mul:
            total = self.ring.one
            for factor in e.args:
                total = self._cancelled(total * self.read(factor))
            return total
        n = int(e.exp)
        return self.read(e.base) ** n if n > 0 else self.below[e.base] ** -n

    def _cancelled(self, element: Any) -> Any:
        """x · (1/x) as 1."""
        if not self.pairs:
            return element
        found: dict[Any, Any] = {}
        for powers, c in element.terms():
            moved = list(powers)
            for i, j in self.pairs:
                least = min(moved[i], moved[j])
                moved[i], moved[j] = moved[i] - least, moved[j] - least
            key = tuple(moved)
            found[key] = found.get(key, QQ.zero) + c
        return self.ring.from_dict({k: c for k, c in found.items() if c})

    def mean(self) -> Any:
        """E, each power of the noise replaced by its moment."""
        total, count = self.ring.zero, self.count
        grouped: dict[Any, dict[Any, Any]] = {}
        for powers, c in self.read(self.expr).terms():
            rest = (0,) * count + powers[count:]
            grouped.setdefault(powers[:count], {})[rest] = c
        for powers, terms in grouped.items():
            total += self.ring.from_dict(terms) * self._moment(powers)
        return self._as_quotient(self._cancelled(total))

    def _moment(self, powers: tuple[int, ...]) -> Any:
        if powers in self.memo:
            return self.memo[powers]
        total = self.ring.zero
        if sum(powers) % 2 == 0:
            first = next(i for i, n in enumerate(powers) if n)
            rest = list(powers)
            rest[first] -= 1
            for j, n in enumerate(rest):
                if n and self.sigma[first, j] != 0:
                    lower = (m - (k == j) for k, m in enumerate(rest))
                    total += self.read(self.sigma[first, j]) * n * self._moment(tuple(lower))
        self.memo[powers] = self._cancelled(total)
        return self.memo[powers]

    def _as_quotient(self, total: Any) -> Any:
        """Over one denominator; sums below are taken out of it as often as they divide."""
        below = []
        for base in self.sums:
            total, power = self._over(total, base)
            below.append(base**-power)
        places = [self.index[v] for b, v in self.inverses.items() if b not in self.sums]
        highest = [max((m[j] for m in total), default=0) for j in places]
        for (i, j), most in zip(self.pairs, highest, strict=True):
            total = self.ring.from_dict({_raised(m, i, j, most): c for m, c in total.terms()})
            below.append(self.written[i] ** -most)
        return Mul(self._expression(total), *below)

    def _over(self, total: Any, base: Any) -> tuple[Any, int]:
        """A polynomial over a power of a sum, the lowest one."""
        place, value = self.index[self.inverses[base]], self.read(base)
        parts: dict[int, dict[Any, Any]] = {}
        for powers, c in total.terms():
            own = (*powers[:place], 0, *powers[place + 1 :])
            parts.setdefault(powers[place], {})[own] = c
        power = max(parts, default=0)
        above = sum(
            (self.ring.from_dict(t) * value ** (power - n) for n, t in parts.items()),
            self.ring.zero,
        )
        above = self._cancelled(above)
        while power:
            quotient, rest = above.div(value)
            if rest:
                break
            above, power = quotient, power - 1
        return above, power

    def _expression(self, total: Any) -> Any:
        if len(total) > _FEW:
            return total.as_expr(*self.written)
        if not total:
            return S.Zero
        c, factors = total.factor_list()
        powers = (Pow(f.as_expr(*self.written), k) for f, k in factors)
        return Mul(QQ.to_sympy(c), *powers)


def _raised(powers: tuple[int, ...], i: int, j: int, most: int) -> tuple[int, ...]:
    """A monomial times the power ``most`` of the generator i, of which j is the inverse."""
    moved = list(powers)
    moved[i], moved[j] = moved[i] + most - moved[j], 0
    return tuple(moved)
