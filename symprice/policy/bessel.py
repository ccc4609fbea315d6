"""Ratios of Bessel functions: the mean of a wave over directions."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import Add, Expr, S, besseli, expand

from ..errors import PolicyError
from ..networks.named_function import NamedFunction, write
from .cosine_moments import CosineMoment

__all__ = ["BesselRatio", "in_ratios", "mean_of_waves"]


class BesselRatio(NamedFunction):
    """`I_n(κ)/I_0(κ)`, the mean of cos n(a-μ) over von Mises directions; n is a whole number.

    Each order stands by itself: the recurrence `I_{n+1} = I_{n-1} - 2n I_n/κ` loses all digits
    where κ is small. Generated code is right to about 1e-14, without overflow.

    Examples
    ========

    >>> from sympy.abc import kappa
    >>> from symprice.policy.bessel import BesselRatio
    >>> BesselRatio(1, kappa).diff(kappa)
    CosineMoment(kappa, 1, 1)
    >>> BesselRatio(3, 0), BesselRatio(3, 0.01).n(5)
    (0, 2.0833e-8)
    """

    #: To printers: a fraction.
    is_quotient = True

    @classmethod
    def eval(cls, n: Expr, x: Expr) -> Expr | None:
        """1 for the order 0, and 0 at the origin."""
        if n.is_number and not (n.is_Integer and n.is_nonnegative):
            raise PolicyError(
                f"asked for BesselRatio({n}, {x}): the order is a whole number, 0, 1, …"
            )
        if n.is_zero:
            return S.One
        if x.is_zero:
            return S.Zero
        return cls._floats(n, x)

    @classmethod
    def definition(cls, n: Expr, x: Expr) -> Expr:
        return besseli(n, x) / besseli(0, x)

    @staticmethod
    def _mpmath(n: Any, x: Any) -> Any:
        return mpmath.besseli(n, x) / mpmath.besseli(0, x)

    def partials(self) -> tuple[Expr, ...]:
        """By κ the covariance of cos nx and cos x; the order does not vary."""
        n, x = self.args
        return S.Zero, CosineMoment(x, n, 1)

    def _eval_is_positive(self) -> bool | None:
        return self.args[1].is_positive

    def _tex(self, printer: Any) -> str:
        n, x = (printer._print(arg) for arg in self.args)
        return rf"\frac{{I_{{{n}}}\left({x}\right)}}{{I_{{0}}\left({x}\right)}}"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        tex = self._tex(printer)
        return tex if exp is None else rf"\left({tex}\right)^{{{exp}}}"

    def _write(self, printer: Any, language: str) -> str:
        if language not in ("numpy", "scipy", "cupy"):
            return write(printer, self.definition(*self.args))
        library = "cupyx.scipy.special" if language == "cupy" else "scipy.special"
        ive = printer._module_format(f"{library}.ive")
        n, x = (printer._print(arg) for arg in self.args)
        return f"({ive}({n}, {x})/{ive}(0, {x}))"


def in_ratios(expr: Any) -> Any:
    """Bessel functions over I_0 as ratios of their orders."""
    return expr.replace(
        lambda e: isinstance(e, besseli) and e.args[0] != 0,
        lambda e: BesselRatio(*e.args) * besseli(0, e.args[1]),
    )


def mean_of_waves(waves: dict[int, Any], k: Any) -> Any:
    """Σ c_n I_n/I_0, where `I_{n-1} - I_{n+1} = 2n I_n/κ` whose coefficients are opposite."""
    c = dict(waves)
    for n in sorted(c, reverse=True):
        if n >= 2 and c.get(n - 2, 0) != 0 and expand(c[n] + c[n - 2]) == 0:
            c[n - 1] = c.get(n - 1, S.Zero) + 2 * (n - 1) * c[n - 2] / k
            c[n] = c[n - 2] = S.Zero
    return Add(*(value * BesselRatio(n, k) for n, value in c.items()))
