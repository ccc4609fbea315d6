"""Central moments of waves over directions, which are small where directions are nearly sure."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import Add, Expr, S, default_sort_key

from ..errors import PolicyError
from ..networks.named_function import NamedFunction

__all__ = ["CosineMoment"]


class CosineMoment(NamedFunction):
    """`E[(cos n₁φ - E cos n₁φ) (cos n₂φ - E cos n₂φ) …]` over von Mises directions φ around 0 with
    concentration κ: of two numbers the covariance, `(I_{n+m} + I_{n-m})/(2 I₀) - I_n I_m/I₀²`.

    Where κ is large it is of the order of `κ^(-k)`, for k factors, and its terms are not; where κ
    is small, of a power of κ. Generated code is right to about 1e-14 in both.

    Examples
    ========

    >>> from sympy.abc import kappa
    >>> from symprice.policy.cosine_moments import CosineMoment
    >>> CosineMoment(kappa, 1, 2).definition(kappa, 2, 1)
    -BesselRatio(1, kappa)*BesselRatio(2, kappa) + BesselRatio(1, kappa)/2 + BesselRatio(3, kappa)/2
    >>> CosineMoment(kappa, 1, 1).diff(kappa), CosineMoment(0, 1, 1)
    (CosineMoment(kappa, 1, 1, 1), 1/2)
    >>> CosineMoment(10**6, 1, 1).n(10)
    5.000002500e-13
    """

    @classmethod
    def eval(cls, x: Expr, *orders: Expr) -> Expr | None:
        """1 of no factors, 0 of one and where a number is 0; the numbers in falling order."""
        if any(n.is_number and not (n.is_Integer and n.is_nonnegative) for n in orders):
            raise PolicyError(
                f"asked for CosineMoment({x}, {', '.join(map(str, orders))}): after the "
                "concentration come whole numbers, 0, 1, …"
            )
        if not orders:
            return S.One
        if len(orders) == 1 or any(n.is_zero for n in orders):
            return S.Zero
        if x.is_zero:
            return cls.definition(x, *orders)
        ordered = sorted(orders, key=default_sort_key, reverse=True)
        return cls(x, *ordered) if list(orders) != ordered else cls._floats(x, *orders)

    @classmethod
    def definition(cls, x: Expr, *orders: Expr) -> Expr:
        from .bessel import BesselRatio

        return _expanded(orders, lambda n: BesselRatio(n, x)).expand()

    @staticmethod
    def _mpmath(x: Any, *orders: Any) -> Any:
        # Each factor loses the digits of κ.
        with mpmath.extraprec(len(orders) * max(0, mpmath.mag(x)) + 20):
            whole = mpmath.besseli(0, x)
            return _expanded(map(int, orders), lambda n: mpmath.besseli(n, x) / whole)

    def partials(self) -> tuple[Expr, ...]:
        """By κ with cos φ as another factor, less what moves the means."""
        x, *orders = self.args
        moved = (
            CosineMoment(x, *orders[:j], *orders[j + 1 :]) * CosineMoment(x, orders[j], 1)
            for j in range(len(orders))
        )
        return CosineMoment(x, *orders, 1) - Add(*moved), *(S.Zero for _ in orders)

    def _tex(self, printer: Any) -> str:
        from .bessel import BesselRatio

        formula = self.definition(*self.args).replace(BesselRatio, BesselRatio.definition)
        return rf"\left({printer._print(formula)}\right)"


def _expanded(orders: Any, ratio: Any) -> Any:
    """The moment by the means of waves: a product of cosines is a sum of them."""
    waves = {0: S.One}
    for n in orders:
        found: dict[int, Any] = {}
        for k, c in waves.items():
            for wave, factor in ((k + n, c / 2), (abs(k - n), c / 2), (k, -c * ratio(n))):
                found[wave] = found.get(wave, 0) + factor
        waves = found
    return sum(c * ratio(k) for k, c in waves.items())
