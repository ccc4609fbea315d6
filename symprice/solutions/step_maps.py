"""The linear map of one step of training on `½ λ θ²`, and its characteristic polynomial."""

from __future__ import annotations

from typing import Any

from sympy import ImmutableDenseMatrix, Poly, eye

from .linear_steps import linear_step
from .signs import oriented

__all__ = [
    "by_powers",
    "characteristic_polynomial",
    "heavy_ball_matrix",
    "nesterov_matrix",
    "step_matrix",
]


def step_matrix(dynamics: Any, lam: Any) -> Any:
    """The matrix that takes (θ, what moves besides it) to the next step, on the loss `½ λ θ²`.

    Read off its algorithm, or its update and what it says of its state (``linear_steps``).

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent
    >>> from symprice.solutions.step_maps import step_matrix
    >>> eta, lam = symbols('eta lambda', positive=True)
    >>> step_matrix(GradientDescent(eta), lam)
    Matrix([[-eta*lambda + 1]])
    """
    return linear_step(dynamics, lam).matrix


def characteristic_polynomial(given: Any, lam: Any, r: Any) -> Any:
    """det(r I - M) of a step matrix M, or of the one of a way of moving.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.step_maps import characteristic_polynomial, heavy_ball_matrix
    >>> r, lam, eta, beta = symbols('r lambda eta beta')
    >>> characteristic_polynomial(heavy_ball_matrix(lam, eta, beta), lam, r)
    beta + r**2 + r*(-beta + eta*lambda - 1)
    """
    matrix = given if getattr(given, "is_Matrix", False) else step_matrix(given, lam)
    polynomial = (r * eye(matrix.rows) - matrix).det(method="berkowitz").expand()
    return polynomial.collect(r, lambda part: by_powers(part, lam))


def by_powers(part: Any, lam: Any) -> Any:
    """A coefficient as a sum of powers of λ, with what stands before each in factors.

    Examples
    ========

    >>> from sympy.abc import a, b, x
    >>> from symprice.solutions.step_maps import by_powers
    >>> by_powers(a*x/(a + b) + b*x/(a + b) + a**2, x)
    a**2 + x
    """
    if not part.is_polynomial(lam):
        return part
    powers = Poly(part, lam).terms()
    return sum(oriented(c) * lam**k for (k,), c in powers)


def heavy_ball_matrix(lam: Any, eta: Any, beta: Any) -> Any:
    """`θ ← θ + β(θ - θ₋) - ηλθ` on the pair (θ, θ₋), θ₋ being the step before.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.step_maps import heavy_ball_matrix
    >>> heavy_ball_matrix(*symbols('lambda eta beta'))
    Matrix([
    [beta - eta*lambda + 1, -beta],
    [                    1,     0]])
    """
    return ImmutableDenseMatrix([[1 + beta - eta * lam, -beta], [1, 0]])


def nesterov_matrix(lam: Any, eta: Any, beta: Any) -> Any:
    """`θ ← y - ηλy`, `y = θ + β(θ - θ₋)` on the pair (θ, θ₋).

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.step_maps import nesterov_matrix
    >>> nesterov_matrix(*symbols('lambda eta beta'))
    Matrix([
    [(beta + 1)*(-eta*lambda + 1), -beta*(-eta*lambda + 1)],
    [                           1,                       0]])
    """
    return ImmutableDenseMatrix([[(1 + beta) * (1 - eta * lam), -beta * (1 - eta * lam)], [1, 0]])
