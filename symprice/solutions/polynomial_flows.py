"""Flows `v' = R(v)` with a formula for v(t): linear, Bernoulli's, Riccati's equations.

The formulas need no case distinction on where v starts: they hold from every start until the
trajectory ends.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Piecewise, S, cos, exp, sin, sqrt, tan, tanh

from ..derivation import Rule

__all__ = ["BernoulliEquation", "LinearEquation", "RiccatiEquation", "polynomial_flow"]


class LinearEquation(Rule):
    """dv/dt = αv + β is solved by v = v₀ e^{αt} + (β/α)(e^{αt} - 1), and for α = 0 by v₀ + βt."""


class BernoulliEquation(Rule):
    """dv/dt = αv + βvⁿ is a linear equation for u = v^{1-n}: du/dt = (1-n)(αu + β)."""

    @property
    def name(self) -> str:
        """'Bernoulli equation'."""
        return "Bernoulli equation"


class RiccatiEquation(Rule):
    """dv/dt = αv² + βv + γ gives v = (m₁₁v₀ + m₁₂)/(m₂₁v₀ + m₂₂), m = e^{t[[β/2, γ], [-α, -β/2]]}.

    With v = x/y, the linear system dx/dt = βx/2 + γy, dy/dt = -αx - βy/2 has this rate of v.
    """

    @property
    def name(self) -> str:
        """'Riccati equation'."""
        return "Riccati equation"


def polynomial_flow(rate: Any, v: Any, start: Any, t: Any) -> tuple[Any, Rule] | None:
    """v(t) of a polynomial rate, with the rule that gives it; None where there is no such rule.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.polynomial_flows import polynomial_flow
    >>> v, c, t = symbols('v c t')
    >>> polynomial_flow(-3*v, v, c, t)
    (c*exp(-3*t), LinearEquation())
    >>> polynomial_flow(v**2, v, c, t)
    (c/(-c*t + 1), BernoulliEquation())
    """
    terms = _powers(rate, v)
    if terms is None:
        return None
    if set(terms) <= {0, 1}:
        return _linear(terms.get(1, S.Zero), terms.get(0, S.Zero), start, t), LinearEquation()
    powers = set(terms) - {1}
    if len(powers) == 1:
        (n,) = powers
        return _bernoulli(terms.get(1, S.Zero), terms[n], n, start, t), BernoulliEquation()
    if set(terms) <= {0, 1, 2}:
        return _riccati(terms[2], terms.get(1, S.Zero), terms[0], start, t), RiccatiEquation()
    return None


def _powers(rate: Any, v: Any) -> dict[Any, Any] | None:
    """{exponent: coefficient} of a sum of powers of v."""
    terms: dict[Any, Any] = {}
    for term in Add.make_args(rate.expand()):
        coefficient, power = term.as_independent(v, as_Add=False)
        base, exponent = power.as_base_exp() if power != 1 else (v, S.Zero)
        if base != v or exponent.has(v):
            return None
        terms[exponent] = terms.get(exponent, S.Zero) + coefficient
    # Of symbolic exponents it must be known that they are not 1.
    return terms if all(n == 1 or (n - 1).is_nonzero for n in terms) else None


def _linear(alpha: Any, beta: Any, start: Any, t: Any) -> Any:
    if alpha == 0:
        return start + beta * t
    rest = -beta / alpha
    return rest + (start - rest) * exp(alpha * t) if rest != 0 else start * exp(alpha * t)


def _bernoulli(alpha: Any, beta: Any, n: Any, start: Any, t: Any) -> Any:
    # v/v₀ is positive along the way, so its power is taken, whatever the sign of v₀.
    if alpha == 0:
        return start * (1 - (n - 1) * beta * start ** (n - 1) * t) ** (S.NegativeOne / (n - 1))
    growth = exp((n - 1) * alpha * t)
    inner = 1 + beta / alpha * start ** (n - 1) * (1 - growth)
    if n == 2:
        return start * growth / inner
    return start * exp(alpha * t) * inner ** (S.NegativeOne / (n - 1))


def _riccati(alpha: Any, beta: Any, gamma: Any, start: Any, t: Any) -> Any:
    squares = beta**2 - 4 * alpha * gamma
    discriminant = squares.factor()

    def moved(ratio: Any) -> Any:
        """With ratio = sinh(ωt)/(ω cosh(ωt)), ω half the root of the discriminant."""
        return (start + (beta * start / 2 + gamma) * ratio) / (
            1 - (alpha * start + beta / 2) * ratio
        )

    root = sqrt(discriminant)
    fast, slow = 2 * tanh(root * t / 2) / root, S.Zero
    if squares.is_nonnegative or discriminant.is_nonnegative:
        return moved(fast)
    turning = sqrt(-discriminant)
    slow = 2 * tan(turning * t / 2) / turning
    if discriminant.is_negative:
        return _turning(alpha, beta, gamma, start, t, turning)
    if discriminant == 0:
        return moved(t)
    return Piecewise(
        (moved(fast), discriminant > 0), (moved(slow), discriminant < 0), (moved(t), True)
    )


def _turning(alpha: Any, beta: Any, gamma: Any, start: Any, t: Any, root: Any) -> Any:
    c, s = cos(root * t / 2), 2 * sin(root * t / 2) / root
    return (start * c + (beta * start / 2 + gamma) * s) / (c - (alpha * start + beta / 2) * s)
