"""Momentum in continuous time on a mode `½ λ x²`: damped oscillator and Nesterov's equation."""

from __future__ import annotations

from typing import Any

from sympy import (
    Derivative,
    Piecewise,
    S,
    Symbol,
    besselj,
    cos,
    cosh,
    exp,
    sin,
    sinh,
    sqrt,
)
from sympy import (
    gamma as gamma_function,
)
from sympy.core.sympify import _sympify

from ..derivation import Rule, Step
from ..errors import ShapeError
from .signs import tidied
from .solved import Solved

__all__ = ["heavy_ball_flow", "nesterov_flow"]

REGIMES = ("overdamped", "critical", "underdamped")


class DampedOscillator(Rule):
    """ẍ = -γẋ - λx with x = e^{-γt/2} [x₀ c + (v₀ + γx₀/2) s], where s' = c, c' = (γ²/4 - λ) s."""


class InitialValue(Rule):
    """The formula at time 0."""


class PowerSeries(Rule):
    """In x = Σ cₖ t²ᵏ the equation says c_{k+1}/cₖ = -(λ/4)/((k + 1)(k + ν + 1)), ν = (r - 1)/2.

    A series with this ratio is ₀F₁(; ν + 1; -λt²/4), which is a Bessel function.
    """


def heavy_ball_flow(
    lam: Any, gamma: Any, x0: Any, v0: Any = 0, t: Any = None, *, regime: str | None = None
) -> Solved:
    """Heavy ball in continuous time, `ẍ + γẋ + λx = 0`, in its three regimes.

    Overdamped where γ² > 4λ, critical where γ² = 4λ, underdamped where γ² < 4λ.

    Parameters
    ==========

    lam, gamma : curvature and friction.
    x0, v0 : place and velocity at time 0.
    t : the symbol of time, ``Symbol('t')`` where not given.
    regime : 'overdamped', 'critical' or 'underdamped'; where not given, that of the numbers, or
        all three as a Piecewise.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.momentum_flows import heavy_ball_flow
    >>> x0, t = symbols('x0 t', real=True)
    >>> heavy_ball_flow(1, 2, x0, t=t).value
    x0*(t + 1)*exp(-t)

    References
    ==========

    B. T. Polyak, Some methods of speeding up the convergence of iteration methods, 1964.
    """
    lam, gamma, x0, v0 = (_sympify(a) for a in (lam, gamma, x0, v0))
    t = Symbol("t", real=True) if t is None else _sympify(t)
    square = gamma**2 / 4 - lam
    if regime is None:
        signs = (square.is_positive, square.is_zero, square.is_negative)
        decided = [name for name, holds in zip(REGIMES, signs, strict=True) if holds]
        regime = decided[0] if decided else "all"
    elif regime not in REGIMES:
        raise ShapeError(f"asked for the regime {regime!r}: write one of {', '.join(REGIMES)}")
    wanted = [name for name in REGIMES if regime in (name, "all")]
    forms = {name: _damped(name, lam, gamma, x0, v0, t) for name in wanted}
    if regime == "all":
        value: Any = Piecewise(
            (forms["overdamped"], square > 0),
            (forms["underdamped"], square < 0),
            (forms["critical"], True),
        )
    else:
        value = forms[regime]
    checked = {"critical": {lam: gamma**2 / 4}} if lam.is_Symbol else {}
    steps = []
    for name, form in forms.items():
        shown = form.subs(checked.get(name, {}))
        own = lam.subs(checked.get(name, {}))
        slope, second = (Derivative(shown, (t, k), evaluate=False) for k in (1, 2))
        steps.append(Step(DampedOscillator(), second, -gamma * slope - own * shown))
        steps.append(Step(InitialValue(), shown.subs(t, 0), x0))
        steps.append(Step(InitialValue(), shown.diff(t).subs(t, 0), v0))
    return Solved(value, steps)


def _damped(regime: str, lam: Any, gamma: Any, x0: Any, v0: Any, t: Any) -> Any:
    square = gamma**2 / 4 - lam
    if regime == "critical":
        c, s = S.One, t
    elif regime == "overdamped":
        omega = sqrt(square)
        c, s = cosh(omega * t), sinh(omega * t) / omega
    else:
        omega = sqrt(-square)
        c, s = cos(omega * t), sin(omega * t) / omega
    return tidied(exp(-gamma * t / 2) * (x0 * c + (v0 + gamma * x0 / 2) * s))


def nesterov_flow(lam: Any, x0: Any, t: Any = None, *, r: Any = 3) -> Solved:
    """Nesterov's acceleration in continuous time, `ẍ + (r/t) ẋ + λx = 0` from rest at x₀.

    For r = 3 it is `2 x₀ J₁(√λ t)/(√λ t)`.

    Parameters
    ==========

    lam : the curvature.
    x0 : where it starts, at rest.
    t : the symbol of time, a positive one where not given.
    r : the friction; 3 is that of Nesterov's method.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.momentum_flows import nesterov_flow
    >>> nesterov_flow(1, 1, symbols('t', positive=True)).value
    2*besselj(1, t)/t

    References
    ==========

    W. Su, S. Boyd, E. J. Candès, A differential equation for modeling Nesterov's accelerated
    gradient method, JMLR 17 (2016).
    """
    lam, x0, r = _sympify(lam), _sympify(x0), _sympify(r)
    t = Symbol("t", positive=True) if t is None else _sympify(t)
    if lam.is_zero:
        return Solved(x0, [Step(InitialValue(), x0, x0)])
    nu = (r - 1) / 2
    root = sqrt(lam) * t
    value = x0 * gamma_function(nu + 1) * (2 / root) ** nu * besselj(nu, root)
    k = Symbol("k", integer=True, nonnegative=True)
    ratio = -lam / (4 * (k + 1) * (k + nu + 1))
    slope, second = (Derivative(value, (t, n), evaluate=False) for n in (1, 2))
    steps = [
        Step(PowerSeries(), -lam / ((2 * k + 2) * (2 * k + 1 + r)), ratio),
        Step(NesterovEquation(), second, -r / t * slope - lam * value),
    ]
    return Solved(value, steps)


class NesterovEquation(Rule):
    """ẍ = -(r/t) ẋ - λx, with the formula put in."""
