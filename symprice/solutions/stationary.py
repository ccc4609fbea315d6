"""Stationary covariances of noisy training near a minimum: Lyapunov's equations, solved entrywise.

`AS + SA = ηC` for the continuous limit of SGD (an Ornstein–Uhlenbeck process), exactly for its
steps `AS + SA - ηASA = ηC`, `S = MSMᵀ + N` for any linear step M with noise N.
"""

from __future__ import annotations

from typing import Any

from sympy import Basic, Dummy, ImmutableDenseMatrix, Matrix, Tuple, eye, linsolve
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..derivation import Derivation, Rule, Step
from ..errors import ShapeError
from ..outputs import Outputs
from ..timelimit import within
from .signs import oriented
from .step_maps import heavy_ball_matrix
from .thresholds import stability_threshold

__all__ = ["StationaryCovariance", "stationary_covariance", "stationary_of_steps"]

_SECONDS = 10


class Lyapunov(Rule):
    """The covariance S that one step, or a moment, of the noisy dynamics leaves as it is."""

    @property
    def name(self) -> str:
        """'Lyapunov equation'."""
        return "Lyapunov equation"


class StationaryCovariance(Outputs, Basic):
    """The covariance that noisy training settles to, with the equation that it solves.

    Attributes
    ==========

    value : S, a matrix, or a scalar where curvature and noise are scalars.
    derivation : both sides of Lyapunov's equation with S put in.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.stationary import stationary_covariance
    >>> lam, C, eta = symbols('lambda C eta', positive=True)
    >>> stationary_covariance(lam, C, eta).value
    C*eta/(2*lambda)
    """

    @property
    def value(self) -> Any:
        """S."""
        return self.args[0]

    @property
    def derivation(self) -> Derivation:
        """Lyapunov's equation, an entry a step."""
        left, right = self.args[1]
        entries = zip(left, right, strict=True)
        return Derivation([Step(Lyapunov(), a, b) for a, b in entries])

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        return [("Lyapunov equation", step.before, step.after) for step in self.derivation]

    def _formula(self) -> Any:
        return self.value

    def __str__(self) -> str:
        return str(self.value)

    __repr__ = __str__


def stationary_covariance(
    A: Any, C: Any, eta: Any, *, beta: Any = None, discrete: bool = False
) -> StationaryCovariance:
    """The covariance that SGD with learning rate η settles to around a minimum.

    Parameters
    ==========

    A : the Hessian at the minimum, a symmetric matrix, or a curvature λ.
    C : the covariance of the gradient noise of a step, of the same shape.
    eta : the learning rate.
    beta : of heavy ball, `v ← βv - ηg, θ ← θ + v`; its steps are solved exactly.
    discrete : whether the steps are solved exactly (`AS + SA - ηASA = ηC`) or in the limit of
        small ones (`AS + SA = ηC`).

    Raises
    ======

    ShapeError : for matrices that do not fit, and for a learning rate at which the steps diverge.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.stationary import stationary_covariance
    >>> lam, C, eta, beta = symbols('lambda C eta beta', positive=True)
    >>> stationary_covariance(lam, C, eta, discrete=True)
    C*eta/(lambda*(-eta*lambda + 2))
    >>> stationary_covariance(lam, C, eta, beta=beta)
    C*eta*(beta + 1)/(lambda*(1 - beta)*(2*beta - eta*lambda + 2))

    References
    ==========

    S. Mandt, M. D. Hoffman, D. M. Blei, Stochastic gradient descent as approximate Bayesian
    inference, JMLR 18 (2017). L. Ziyin, K. Liu, T. Mori, M. Ueda, Strength of minibatch noise in
    SGD, ICLR 2022.
    """
    hessian, noise, eta = _square("A", A), _square("C", C), _sympify(eta)
    if hessian.shape != noise.shape:
        raise ShapeError(
            f"asked for a stationary covariance with a Hessian of {hessian.rows} rows and noise of "
            f"{noise.rows}: write both of the same size"
        )
    for name, matrix in (("A", hessian), ("C", noise)):
        if (matrix - matrix.T).expand() != 0 * matrix:
            raise ShapeError(
                f"asked for a stationary covariance with {name} = {matrix}, which is not symmetric"
            )
    _require_minimum(hessian)
    n = hessian.rows
    scalar = not isinstance(A, MatrixBase)
    if beta is not None:
        beta = _sympify(beta)
        _require_stable(hessian, eta, beta)
        step = Matrix(2 * n, 2 * n, lambda i, j: 0)
        step[:n, :n] = (1 + beta) * eye(n) - eta * hessian
        step[:n, n:] = -beta * eye(n)
        step[n:, :n] = eye(n)
        kick = Matrix(2 * n, 2 * n, lambda i, j: 0)
        kick[:n, :n] = eta**2 * noise
        return _solved(lambda S: step * S * step.T + kick, 2 * n, n, scalar)
    if discrete:
        _require_stable(hessian, eta, None)
        step = eye(n) - eta * hessian
        return _solved(lambda S: step * S * step.T + eta**2 * noise, n, n, scalar)
    return _solved(lambda S: S + eta * noise - hessian * S - S * hessian, n, n, scalar)


def stationary_of_steps(M: Any, N: Any) -> StationaryCovariance:
    """The covariance S with `S = M S Mᵀ + N`, of steps `x ← M x + noise` with noise covariance N.

    Examples
    ========

    >>> from sympy import Matrix, Rational
    >>> from symprice.solutions.stationary import stationary_of_steps
    >>> stationary_of_steps(Matrix([[Rational(1, 2)]]), Matrix([[3]])).value
    Matrix([[4]])
    """
    step, kick = _square("M", M), _square("N", N)
    return _solved(lambda S: step * S * step.T + kick, step.rows, step.rows, False)


def _square(name: str, given: Any) -> Any:
    matrix = given if isinstance(given, MatrixBase) else ImmutableDenseMatrix([[_sympify(given)]])
    if matrix.rows != matrix.cols:
        raise ShapeError(
            f"asked for a stationary covariance with {name} of {matrix.rows} × {matrix.cols}: it "
            "is square"
        )
    return ImmutableDenseMatrix(matrix)


def _require_minimum(hessian: Any) -> None:
    if hessian.is_diagonal():
        flat = [entry for entry in hessian.diagonal() if entry.is_nonpositive]
    else:
        flat = [] if hessian.free_symbols or hessian.is_positive_definite else [hessian]
    if flat:
        raise ShapeError(
            f"asked for a stationary covariance with the Hessian {hessian}, which is not positive "
            "definite: the noise is not held back in every direction, and nothing is stationary"
        )


def _require_stable(hessian: Any, eta: Any, beta: Any) -> None:
    """Raise where numbers say that the steps diverge, with the threshold that they pass."""
    r, lam = Dummy("r"), Dummy("lambda", positive=True)
    if eta.free_symbols or (beta is not None and beta.free_symbols):
        return
    if beta is None:
        polynomial = r - (1 - eta * lam)
    else:
        if not abs(beta) < 1:
            raise ShapeError(f"asked for momentum with β = {beta}: it is between -1 and 1")
        polynomial = (r * eye(2) - heavy_ball_matrix(lam, eta, beta)).det()
    threshold = stability_threshold(polynomial, r, lam)
    if hessian.free_symbols:
        return
    sharpest = max(complex(value.evalf()).real for value in hessian.eigenvals(multiple=True))
    if sharpest >= float(threshold):
        raise ShapeError(
            f"asked for steps with the learning rate {eta} at a curvature of {sharpest:.6g}: they "
            f"diverge, the largest stable curvature is {threshold}"
        )


def _solved(image: Any, n: int, shown: int, scalar: bool) -> StationaryCovariance:
    """The fixed point S = image(S) of an affine map of symmetric matrices."""
    slots = {(i, j): Dummy(f"s{i}{j}") for i in range(n) for j in range(i + 1)}
    unknown = Matrix(n, n, lambda i, j: slots[(max(i, j), min(i, j))])
    difference = (image(unknown) - unknown).expand()
    equations = [difference[i, j] for i, j in slots]
    found = within(_SECONDS, lambda: linsolve(equations, *slots.values()))
    if not found:
        raise ShapeError(
            "asked for a stationary covariance, but Lyapunov's equation has no solution (or none "
            f"was found in {_SECONDS} s): A and -A have an eigenvalue in common, or put in numbers"
        )
    (values,) = found
    known = dict(zip(slots.values(), map(oriented, values), strict=True))
    whole = ImmutableDenseMatrix(unknown.xreplace(known))
    if any(slot in whole.free_symbols for slot in slots.values()):
        raise ShapeError(
            "asked for a stationary covariance, but the equation does not determine it: some "
            "direction is neither held back nor driven"
        )
    moved = ImmutableDenseMatrix(image(whole))
    part = ImmutableDenseMatrix(whole[:shown, :shown])
    pairs = Tuple(Tuple(*(moved[i, j] for i, j in slots)), Tuple(*(whole[i, j] for i, j in slots)))
    return StationaryCovariance(part[0, 0] if scalar else part, pairs)
