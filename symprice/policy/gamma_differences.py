"""Differences and quotients of gamma functions next to 1, as in moments of powers of an exponential
variable.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import mpmath
from sympy import Add, Expr, S, gamma, log, loggamma, polygamma

from ..errors import PolicyError
from ..networks.named_function import NamedFunction

__all__ = ["GammaQuotient", "PolygammaDifference"]

_SMALL = 4


class PolygammaDifference(NamedFunction):
    """The difference `f(1+x) - f(1)`, or the second one `f(1+x+y) - f(1+x) - f(1+y) + f(1)`, of a
    polygamma function `f = ψ⁽ⁿ⁾`; for n = -1 of log Γ.

    It is of the order of x, or of x y, where its terms are not: for steps from 0 on generated code
    is right to about 1e-14.

    Examples
    ========

    >>> from sympy.abc import x, y
    >>> from symprice.policy.gamma_differences import PolygammaDifference
    >>> PolygammaDifference(0, x).diff(x)
    polygamma(1, x + 1)
    >>> PolygammaDifference(-1, x, y).definition(-1, x, y)
    -loggamma(x + 1) - loggamma(y + 1) + loggamma(x + y + 1)
    >>> PolygammaDifference(0, 0.001, 0.001).n(5)
    -2.3976e-6
    """

    nargs = (2, 3)

    @classmethod
    def eval(cls, n: Expr, *steps: Expr) -> Expr | None:
        """0 where a step is, and the value at a few whole numbers and halves."""
        if n.is_number and not (n.is_Integer and n >= -1):
            raise PolicyError(
                f"asked for PolygammaDifference({n}, ...): the order is a whole number, -1, 0, 1, …"
            )
        if any(x.is_zero for x in steps):
            return S.Zero
        if n.is_number and all(x.is_Rational and x.q <= 2 and 0 < x <= _SMALL for x in steps):
            return cls.definition(n, *steps)
        return cls._floats(n, *steps)

    @classmethod
    def definition(cls, n: Expr, *steps: Expr) -> Expr:
        def f(x: Expr) -> Expr:
            return loggamma(x) if n == -1 else polygamma(n, x)

        return Add(
            *(
                (-1) ** (len(steps) - j) * f(1 + Add(*some))
                for j in range(len(steps) + 1)
                for some in combinations(steps, j)
            )
        )

    @staticmethod
    def _mpmath(n: Any, *steps: Any) -> Any:
        def f(x: Any) -> Any:
            return mpmath.loggamma(x) if n == -1 else mpmath.psi(int(n), x)

        # Of two steps that are small, the terms share as many digits as both have zeros.
        small = sum(max(0, -mpmath.mag(x)) for x in steps)
        with mpmath.extraprec(small + 20):
            return mpmath.fsum(
                (-1) ** (len(steps) - j) * f(1 + mpmath.fsum(some))
                for j in range(len(steps) + 1)
                for some in combinations(steps, j)
            )

    def partials(self) -> tuple[Expr, ...]:
        """By a step the difference of the next order in the others; the order does not vary."""
        n, *steps = self.args
        if len(steps) == 1:
            return S.Zero, polygamma(n + 1, 1 + steps[0])
        (x, y), next_ = steps, polygamma(n + 1, 1 + Add(*steps))
        return S.Zero, next_ - polygamma(n + 1, 1 + x), next_ - polygamma(n + 1, 1 + y)

    def _eval_is_extended_real(self) -> bool | None:
        return True if all(x.is_nonnegative for x in self.args[1:]) else None

    _eval_is_finite = _eval_is_extended_real

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        formula = self.definition(*self.args).replace(loggamma, lambda x: log(gamma(x)))
        tex = rf"\left({printer._print(formula)}\right)"
        return tex if exp is None else rf"{tex}^{{{exp}}}"


class GammaQuotient(NamedFunction):
    """`Γ(1+x+y)/(Γ(1+x) Γ(1+y))`, the mean of `u^(x+y)` over the means of `u^x` and `u^y` for a
    standard exponential u. Next to 1 generated code keeps the digits of the difference from it.

    Examples
    ========

    >>> from sympy.abc import x, y
    >>> from symprice.policy.gamma_differences import GammaQuotient
    >>> GammaQuotient(2, 3), GammaQuotient(x, 0), GammaQuotient(x, y).diff(x)
    (10, 1, (-polygamma(0, x + 1) + polygamma(0, x + y + 1))*GammaQuotient(x, y))
    """

    #: To printers: a fraction.
    is_quotient = True

    @classmethod
    def eval(cls, x: Expr, y: Expr) -> Expr | None:
        """1 where a step is 0, and the value at a few whole numbers and halves."""
        if x.is_zero or y.is_zero:
            return S.One
        if all(s.is_Rational and s.q <= 2 and 0 < s <= _SMALL for s in (x, y)):
            return cls.definition(x, y)
        return cls._floats(x, y)

    @classmethod
    def definition(cls, x: Expr, y: Expr) -> Expr:
        return gamma(1 + x + y) / (gamma(1 + x) * gamma(1 + y))

    @staticmethod
    def _mpmath(x: Any, y: Any) -> Any:
        return mpmath.gammaprod([1 + x + y], [1 + x, 1 + y])

    def partials(self) -> tuple[Expr, ...]:
        """The quotient times a difference of digammas."""
        x, y = self.args
        rises = (polygamma(0, 1 + x + y) - polygamma(0, 1 + z) for z in (x, y))
        return tuple(self * rise for rise in rises)

    def _eval_is_positive(self) -> bool | None:
        return True if all(x.is_nonnegative for x in self.args) else None

    def _tex(self, printer: Any) -> str:
        return str(printer._print(self.definition(*self.args)))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        tex = self._tex(printer)
        return tex if exp is None else rf"\left({tex}\right)^{{{exp}}}"
