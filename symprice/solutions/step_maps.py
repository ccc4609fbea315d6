"""The linear map of one step of training on `½ λ θ²`, and its characteristic polynomial."""

from __future__ import annotations

from typing import Any

from sympy import Dummy, ImmutableDenseMatrix, MatAdd, MatMul, ZeroMatrix, eye

from ..errors import NoRuleError, ShapeError
from ..symbols import Parameter

__all__ = ["characteristic_polynomial", "heavy_ball_matrix", "nesterov_matrix", "step_matrix"]


def step_matrix(dynamics: Any, lam: Any) -> Any:
    """The matrix that takes (θ, what moves besides it) to the next step, on the loss `½ λ θ²`.

    Read off what the way of moving says of its update and of its state.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent
    >>> from symprice.solutions.step_maps import step_matrix
    >>> eta, lam = symbols('eta lambda', positive=True)
    >>> step_matrix(GradientDescent(eta), lam)
    Matrix([[-eta*lambda + 1]])
    """
    from ..dynamics.update import Dynamics

    if not isinstance(dynamics, Dynamics) or dynamics.continuous:
        raise ShapeError(
            f"asked for the steps of {dynamics!r}: write a way of moving in finite steps, as "
            "GradientDescent(eta), or a characteristic polynomial with its symbols r and λ"
        )
    theta = Parameter("theta")
    loss = lam * theta**2 / 2
    update, state = dynamics.update(loss), dynamics.state_update(loss)
    slots = {vector: Dummy(str(vector)) for vector in state}
    moved = [theta + _scalar(update, theta, slots)]
    moved += [_scalar(after, theta, slots) for after in state.values()]
    variables = [theta, *slots.values()]
    matrix = ImmutableDenseMatrix(
        len(moved), len(moved), lambda i, j: moved[i].expand().diff(variables[j])
    )
    rest = (after.subs(dict.fromkeys(variables, 0)) for after in moved)
    if any(entry.has(*variables) for entry in matrix) or any(r != 0 for r in rest):
        raise NoRuleError(
            f"asked for the steps of {dynamics} on a quadratic loss, which are not linear: its "
            "stability depends on where it is"
        )
    return matrix


def _scalar(vector: Any, theta: Any, slots: dict[Any, Any]) -> Any:
    """A vector over the one parameter θ as a scalar."""
    from ..tangent.gradient import Nabla
    from ..tangent.shifted import GradientAt
    from ..tangent.vectors import ParameterPosition, Preconditioned

    if vector in slots:
        return slots[vector]
    if isinstance(vector, ZeroMatrix):
        return theta * 0
    if isinstance(vector, MatAdd):
        return sum(_scalar(term, theta, slots) for term in vector.args)
    if isinstance(vector, MatMul):
        scalars = [a for a in vector.args if not getattr(a, "is_Matrix", False)]
        matrices = [a for a in vector.args if getattr(a, "is_Matrix", False)]
        if len(matrices) == 1:
            product = _scalar(matrices[0], theta, slots)
            for scalar in scalars:
                product = product * scalar
            return product
    if isinstance(vector, Nabla):
        return vector.args[0].diff(theta)
    if isinstance(vector, Preconditioned):
        metric, inner = vector.args
        return metric.entry(theta, theta) * _scalar(inner, theta, slots)
    if isinstance(vector, ParameterPosition):
        return theta
    if isinstance(vector, GradientAt):  # at θ + shift
        loss, shift = vector.args
        return loss.diff(theta).subs(theta, theta + _scalar(shift, theta, slots))
    raise NoRuleError(
        f"asked for the steps on a quadratic loss, but nothing says what {vector} is there: write "
        "the characteristic polynomial, stability_of(polynomial, r, lam)"
    )


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
    return polynomial.collect(r)


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
