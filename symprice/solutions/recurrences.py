"""Training in finite steps on quadratic losses, solved: powers of the step, by its eigenvalues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import (
    Dummy,
    ImmutableDenseMatrix,
    Matrix,
    Piecewise,
    Symbol,
    acos,
    default_sort_key,
    eye,
    log,
    sin,
    sqrt,
)
from sympy.core.sympify import _sympify

from ..derivation import Rule, Step
from ..dynamics.descent import GradientDescent
from ..dynamics.update import Dynamics
from ..errors import NoParameterError, ShapeError
from ..symbols import Parameter, expression
from .exponentials import eigenvalues
from .linear_flows import linear_part
from .signs import oriented, tidied
from .solved import Solved
from .step_maps import heavy_ball_matrix, nesterov_matrix
from .thresholds import stability_threshold

__all__ = [
    "continuous_rate",
    "heavy_ball_steps",
    "linear_recurrence",
    "nesterov_steps",
    "solve_descent",
]

REGIMES = ("real", "double", "complex")


class LinearRecurrence(Rule):
    """x_{n+2} = p x_{n+1} + q x_n has x_n = x₁ Sₙ + q x₀ S_{n-1}, Sₙ = (r₁ⁿ - r₂ⁿ)/(r₁ - r₂).

    r₁, r₂ are the roots of r² - p r - q; where they are equal Sₙ = n rⁿ⁻¹, where they are complex,
    of modulus ρ and angle φ, Sₙ = ρⁿ⁻¹ sin(nφ)/sin φ.
    """


class PowersOfTheStep(Rule):
    """θ_{n+1} = M θ_n + c has θ_n = θ* + Mⁿ(θ₀ - θ*), Mⁿ = Σ μᵢⁿ Π_{j≠i} (M - μⱼ)/(μᵢ - μⱼ)."""


class FirstValue(Rule):
    """The formula at n = 0 and n = 1."""


def linear_recurrence(
    p: Any, q: Any, x0: Any, x1: Any, n: Any, *, roots: str | None = None
) -> Solved:
    """x_n of `x_{n+2} = p x_{n+1} + q x_n`.

    Parameters
    ==========

    p, q : the coefficients.
    x0, x1 : the first two values.
    n : an integer symbol.
    roots : 'real', 'double' or 'complex', which case of `r² - p r - q` is meant; where not given,
        that of the numbers, or all three as a Piecewise.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.recurrences import linear_recurrence
    >>> n = symbols('n', integer=True, nonnegative=True)
    >>> [linear_recurrence(1, 1, 0, 1, n).value.subs(n, k).expand() for k in range(8)]
    [0, 1, 1, 2, 3, 5, 8, 13]
    """
    p, q, x0, x1, n = (_sympify(a) for a in (p, q, x0, x1, n))
    discriminant = p**2 + 4 * q
    if roots is None:
        signs = (discriminant.is_positive, discriminant.is_zero, discriminant.is_negative)
        decided = [name for name, holds in zip(REGIMES, signs, strict=True) if holds]
        roots = decided[0] if decided else "all"
    elif roots not in REGIMES:
        raise ShapeError(f"asked for {roots!r} roots: write one of {', '.join(REGIMES)}")
    forms = {name: _powers(name, p, q, x0, x1, n) for name in REGIMES if roots in (name, "all")}
    value: Any = forms.get(roots)
    if roots == "all":
        value = Piecewise(
            (forms["real"], discriminant > 0),
            (forms["complex"], discriminant < 0),
            (forms["double"], True),
        )
        forms = {"all": value}
    steps = []
    for form in forms.values():
        later = p * form.subs(n, n + 1) + q * form
        steps.append(Step(LinearRecurrence(), form.subs(n, n + 2), later))
        steps += [Step(FirstValue(), form.subs(n, k), x) for k, x in ((0, x0), (1, x1))]
    return Solved(value, steps)


def _powers(case: str, p: Any, q: Any, x0: Any, x1: Any, n: Any) -> Any:
    if case == "double":
        return (p / 2) ** n * x0 + n * (x1 - x0 * p / 2) * (p / 2) ** (n - 1)
    if case == "complex":
        rho = sqrt(-q)
        phi = acos(p / (2 * rho))
        return rho**n * (x1 / rho * sin(n * phi) - x0 * sin((n - 1) * phi)) / sin(phi)
    root = sqrt(p**2 + 4 * q)
    first, second = (p + root) / 2, (p - root) / 2
    return ((x1 - second * x0) * first**n - (x1 - first * x0) * second**n) / root


def heavy_ball_steps(
    lam: Any, eta: Any, beta: Any, x0: Any, n: Any, *, roots: str | None = None
) -> Solved:
    """Heavy ball `v ← βv - ηλx, x ← x + v` from rest: by the roots of `r² - (1 + β - ηλ) r + β`.

    Parameters
    ==========

    lam, eta, beta : curvature, learning rate, momentum.
    x0 : where it starts, at rest.
    n : an integer symbol, the number of the step.
    roots : as for ``linear_recurrence``.

    Raises
    ======

    ShapeError : for numbers with which it diverges; the threshold is reported.

    Examples
    ========

    >>> from sympy import Rational, symbols
    >>> from symprice.solutions.recurrences import heavy_ball_steps
    >>> n = symbols('n', integer=True, nonnegative=True)
    >>> heavy_ball_steps(5, 1, Rational(1, 2), 1, n)
    Traceback (most recent call last):
        ...
    symprice.errors.ShapeError: asked for steps at the curvature 5, which diverge: the largest
    stable curvature is 3
    """
    lam, eta, beta, x0 = (_sympify(a) for a in (lam, eta, beta, x0))
    _require_convergence(heavy_ball_matrix, lam, eta, beta)
    return linear_recurrence(1 + beta - eta * lam, -beta, x0, (1 - eta * lam) * x0, n, roots=roots)


def nesterov_steps(
    lam: Any, eta: Any, beta: Any, x0: Any, n: Any, *, roots: str | None = None
) -> Solved:
    """Nesterov's `y = x + β(x - x₋)`, `x ← y - ηλy` from rest, by the roots of its polynomial.

    Examples
    ========

    >>> from sympy import Rational, symbols
    >>> from symprice.solutions.recurrences import nesterov_steps
    >>> n = symbols('n', integer=True, nonnegative=True)
    >>> nesterov_steps(1, Rational(1, 2), Rational(1, 2), 8, n).value.subs(n, 2).simplify()
    1
    """
    lam, eta, beta, x0 = (_sympify(a) for a in (lam, eta, beta, x0))
    _require_convergence(nesterov_matrix, lam, eta, beta)
    keep = 1 - eta * lam
    return linear_recurrence((1 + beta) * keep, -beta * keep, x0, keep * x0, n, roots=roots)


def _require_convergence(matrix: Any, lam: Any, eta: Any, beta: Any) -> None:
    """Raise where the steps certainly diverge, with the threshold that they pass."""
    if eta.is_nonpositive:
        raise ShapeError(f"asked for steps with the learning rate {eta}: it is positive")
    if (abs(beta) - 1).is_nonnegative:
        raise ShapeError(f"asked for steps with the momentum β = {beta}: it is between -1 and 1")
    r, slot = Dummy("r"), Dummy("lambda", positive=True)
    try:
        threshold = stability_threshold((r * eye(2) - matrix(slot, eta, beta)).det(), r, slot)
    except ShapeError:  # which condition fails first depends on the constants
        return
    if oriented(lam - threshold).is_nonnegative:
        raise ShapeError(
            f"asked for steps at the curvature {lam}, which diverge: the largest stable curvature "
            f"is {threshold}"
        )


def solve_descent(L: Any, initial: Mapping[Any, Any], eta: Any, n: Any = None) -> Solved:
    """Gradient descent `θ ← θ - η∇L` on a quadratic loss after n steps, a column.

    Parameters
    ==========

    L : a quadratic expression in Parameters.
    initial : where it starts, {w: w0}; the column has this order.
    eta : the learning rate, or ``GradientDescent(eta)``.
    n : an integer symbol, the number of the step; ``Symbol('n', integer=True, nonnegative=True)``
        where not given.

    Raises
    ======

    ShapeError : for a loss that is not quadratic, and for numbers with which the steps diverge.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Parameter
    >>> from symprice.solutions.recurrences import solve_descent
    >>> w = Parameter('w')
    >>> lam, eta, w0 = symbols('lambda eta w0', positive=True)
    >>> solve_descent(lam*w**2/2, {w: w0}, eta).value
    Matrix([[w0*(-eta*lambda + 1)**n]])
    """
    if isinstance(eta, Dynamics):
        if not isinstance(eta, GradientDescent):
            raise ShapeError(
                f"asked for the steps of {eta} in closed form: solve_descent has those of gradient "
                "descent, heavy_ball_steps and nesterov_steps those of momentum at a curvature"
            )
        eta = eta.eta
    loss, eta = expression(L, "the descent of a loss"), _sympify(eta)
    n = Symbol("n", integer=True, nonnegative=True) if n is None else _sympify(n)
    trained = sorted(
        (s for s in loss.free_symbols if isinstance(s, Parameter)), key=default_sort_key
    )
    if not trained or set(trained) != set(initial):
        raise NoParameterError(
            f"asked for gradient descent on {loss} from {dict(initial)}: its Parameters are "
            f"{', '.join(map(str, trained)) or 'none'}; write a value for each of them"
        )
    variables = tuple(initial)
    gradient = [loss.doit().diff(v).expand() for v in variables]
    parts = linear_part(gradient, variables)
    if parts is None:
        raise ShapeError(
            f"asked for gradient descent on {loss} in closed form: there is one where the loss is "
            "quadratic in the parameters"
        )
    hessian, slope = parts
    if hessian.det().expand() == 0 and any(entry != 0 for entry in slope):
        raise ShapeError(
            f"asked for gradient descent on {loss}, whose minimum is not unique: leave out, or "
            "fix, the direction in which it is flat"
        )
    rest = -hessian.LUsolve(slope) if any(e != 0 for e in slope) else 0 * Matrix(slope)
    start = Matrix([_sympify(initial[v]) for v in variables])
    values = eigenvalues(hessian)
    if values is None:
        raise ShapeError(
            f"asked for gradient descent on {loss}: the eigenvalues of its Hessian were not found "
            "in radicals; put in numbers for the constants"
        )
    _require_small(values, eta)
    step = eye(len(variables)) - eta * hessian
    distinct = list(dict.fromkeys(values))
    power = 0 * step
    for value in distinct:
        share = eye(len(variables))
        for other in distinct:
            if other != value:
                share = share * (hessian - other * eye(len(variables))) / (value - other)
        power = power + (1 - eta * value) ** n * share
    result = ImmutableDenseMatrix((rest + power * (start - rest)).applyfunc(tidied))
    after = ImmutableDenseMatrix(step * result - eta * slope)
    rule = PowersOfTheStep()
    steps = [Step(rule, a, b) for a, b in zip(result.subs(n, n + 1), after, strict=True)]
    steps += [Step(FirstValue(), a, b) for a, b in zip(result.subs(n, 0), start, strict=True)]
    return Solved(result, steps)


def _require_small(values: list[Any], eta: Any) -> None:
    """Raise where the steps certainly diverge, with the thresholds that they pass."""
    if eta.is_nonpositive:
        raise ShapeError(f"asked for gradient descent with the learning rate {eta}: it is positive")
    passed = [value for value in values if oriented(eta * value - 2).is_nonnegative]
    if passed:
        sharpest = max(passed, key=float) if all(v.is_number for v in passed) else passed[0]
        raise ShapeError(
            f"asked for gradient descent with the learning rate {eta} at a sharpness of "
            f"{sharpest}: it diverges; the threshold is {2 / sharpest} for the rate, "
            f"{2 / eta} for the sharpness"
        )


def continuous_rate(multiplier: Any, eta: Any) -> Any:
    """The rate κ with `e^{κη} = multiplier`: the flow that passes through every step.

    Gradient descent multiplies a mode λ by `1 - ηλ`, so its rate is `log(1 - ηλ)/η`, not -λ.

    Examples
    ========

    >>> from sympy import series, symbols
    >>> from symprice.solutions.recurrences import continuous_rate
    >>> eta, lam = symbols('eta lambda', positive=True)
    >>> continuous_rate(1 - eta*lam, eta)
    log(-eta*lambda + 1)/eta
    >>> series(continuous_rate(1 - eta*lam, eta), eta, 0, 2).removeO()
    -eta*lambda**2/2 - lambda
    """
    multiplier, eta = _sympify(multiplier), _sympify(eta)
    if multiplier.is_nonpositive:
        raise ShapeError(
            f"asked for the continuous rate of the multiplier {multiplier}: a step that changes "
            "the sign is not that of a flow"
        )
    return log(multiplier) / eta
