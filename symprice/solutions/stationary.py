"""Stationary covariances of noisy training near a minimum: Lyapunov's equations, solved entrywise.

`AS + SA = ηC` for the continuous limit of SGD (an Ornstein–Uhlenbeck process), exactly for its
steps `AS + SA - ηASA = ηC`, `S = MSMᵀ + N` for any linear step M with noise N.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import (
    Basic,
    BlockMatrix,
    Dummy,
    ImmutableDenseMatrix,
    Matrix,
    Poly,
    Tuple,
    eye,
    fraction,
    linsolve,
    sqrt,
    together,
)
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..derivation import Derivation, Rule, Step
from ..dynamics.update import Dynamics
from ..errors import ShapeError
from ..outputs import Result
from ..symbols import Parameter
from ..tangent.gradient_noise import GradientNoise
from ..timelimit import within
from .linear_steps import linear_step
from .signs import oriented
from .step_maps import characteristic_polynomial, heavy_ball_matrix
from .thresholds import stability_threshold

__all__ = ["StationaryCovariance", "stationary_covariance", "stationary_of_steps"]

_SECONDS = 10
_ROUNDING = 1e-12


class Lyapunov(Rule):
    """The covariance S that one step, or a moment, of the noisy dynamics leaves as it is."""

    @property
    def name(self) -> str:
        """'Lyapunov equation'."""
        return "Lyapunov equation"


class StationaryCovariance(Result, Basic):
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
    A: Any,
    C: Any,
    eta: Any,
    *,
    beta: Any = None,
    discrete: bool = False,
    frozen: Mapping[Any, Any] | None = None,
) -> StationaryCovariance:
    """The covariance that noisy training settles to around a minimum.

    Parameters
    ==========

    A : the Hessian at the minimum, a symmetric matrix, or a curvature λ.
    C : the covariance of the gradient noise of a step, of the same shape.
    eta : the learning rate of SGD; or a way of moving θ in steps, as ``Nesterov(eta, beta)``, whose
        steps are solved exactly with noise in their gradients; that of Langevin steps is added.
    beta : of heavy ball, `v ← βv - ηg, θ ← θ + v`; its steps are solved exactly.
    discrete : whether the steps are solved exactly (`AS + SA - ηASA = ηC`) or in the limit of
        small ones (`AS + SA = ηC`).
    frozen : of a way of moving that divides by a state, as Adam by √v: its value, {'v': 1}; else
        it is a symbol.

    Raises
    ======

    ShapeError : for matrices that do not fit, and for a learning rate at which the steps diverge.

    Examples
    ========

    >>> from sympy import Rational, symbols
    >>> from symprice import Nesterov
    >>> from symprice.solutions.stationary import stationary_covariance
    >>> lam, C, eta, beta = symbols('lambda C eta beta', positive=True)
    >>> stationary_covariance(lam, C, eta, discrete=True)
    C*eta/(lambda*(-eta*lambda + 2))
    >>> stationary_covariance(lam, C, eta, beta=beta)
    C*eta*(beta + 1)/(lambda*(1 - beta)*(2*beta - eta*lambda + 2))
    >>> stationary_covariance(1, C, Nesterov(Rational(1, 2), Rational(1, 2)))
    5*C/12

    References
    ==========

    S. Mandt, M. D. Hoffman, D. M. Blei, Stochastic gradient descent as approximate Bayesian
    inference, JMLR 18 (2017). L. Ziyin, K. Liu, T. Mori, M. Ueda, Strength of minibatch noise in
    SGD, ICLR 2022.
    """
    hessian, noise = _square("A", A), _square("C", C)
    if hessian.shape != noise.shape:
        raise ShapeError(
            f"asked for a stationary covariance with a Hessian of {hessian.rows} rows and noise of "
            f"{noise.rows}: write both of the same size"
        )
    _require_symmetric("A", hessian)
    _require_covariance("C", noise)
    _require_minimum(hessian)
    if not isinstance(eta, Dynamics) and _sympify(eta).is_nonpositive:
        raise ShapeError(
            f"asked for a stationary covariance with the learning rate {eta}: it is positive"
        )
    n, scalar = hessian.rows, not isinstance(A, MatrixBase)
    lam = Dummy("lambda", positive=True)
    if isinstance(eta, Dynamics):
        if beta is not None or discrete:
            raise ShapeError(
                f"asked for the stationary covariance of {eta} with beta or discrete=True besides: "
                "they belong to a learning rate; leave them out"
            )
        return _of_dynamics(eta, hessian, noise, lam, scalar, frozen)
    elif beta is not None:
        eta, beta = _sympify(eta), _sympify(beta)
        if beta.is_number and not abs(beta) < 1:
            raise ShapeError(f"asked for momentum with β = {beta}: it is between -1 and 1")
        step, kick = heavy_ball_matrix(lam, eta, beta), ImmutableDenseMatrix([-eta, 0])
    elif discrete:
        eta = _sympify(eta)
        step, kick = ImmutableDenseMatrix([[1 - eta * lam]]), ImmutableDenseMatrix([-eta])
    else:
        rate = _sympify(eta)
        return _solved(lambda S: S + rate * noise - hessian * S - S * hessian, n, n, scalar)
    return _of_steps(step, kick, hessian, noise, lam, scalar)


def _of_dynamics(
    dynamics: Dynamics, hessian: Any, noise: Any, lam: Any, scalar: bool, frozen: Any
) -> StationaryCovariance:
    """Of the steps of a way of moving θ; what it is kicked by besides comes to the noise."""
    step, kick, constants = linear_step(dynamics, lam, frozen)
    own = dynamics.noise(lam * Parameter("theta") ** 2 / 2)
    added = 0 * noise
    if own is not None and own.metric is None:
        added = own.factor * eye(hessian.rows)
    elif own is not None and not isinstance(own.metric, GradientNoise):
        raise ShapeError(
            f"asked for the stationary covariance of {dynamics}, whose noise is in a metric: give "
            "that of its steps to stationary_of_steps(M, N)"
        )
    # Roots of what is frozen are numbers by themselves: else a fraction is not reduced by them.
    roots = {s: Dummy(s.name, positive=True) for s in constants if s.is_Symbol}
    squares = {s: root**2 for s, root in roots.items()}
    found = _of_steps(step.subs(squares), kick.subs(squares), hessian, noise, lam, scalar, added)
    return found.xreplace({root: sqrt(s) for s, root in roots.items()})


def _of_steps(
    step: Any, kick: Any, hessian: Any, noise: Any, lam: Any, scalar: bool, added: Any = None
) -> StationaryCovariance:
    n = hessian.rows
    whole, entering = _at_hessian(step, lam, hessian), _at_hessian(kick, lam, hessian)
    _require_stable(whole, step, lam, hessian)
    total = Matrix(entering * noise * entering.T)
    if added is not None:
        total[:n, :n] += added
    return _solved(lambda S: whole * S * whole.T + total, whole.rows, n, scalar)


def _at_hessian(step: Any, lam: Any, hessian: Any) -> Any:
    """The blocks that the entries of a step, functions of the curvature, are at a Hessian."""
    powers = [eye(hessian.rows)]

    def polynomial(given: Any) -> Any:
        found = hessian * 0
        for (k,), c in Poly(given, lam).terms():
            while len(powers) <= k:
                powers.append(powers[-1] * hessian)
            found += c * powers[k]
        return found

    def block(entry: Any) -> Any:
        if entry.is_polynomial(lam):
            return polynomial(entry)
        top, bottom = fraction(together(entry))
        return polynomial(top) * polynomial(bottom).inv()

    return Matrix(
        BlockMatrix([[block(step[i, j]) for j in range(step.cols)] for i in range(step.rows)])
    )


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
    if step.shape != kick.shape:
        raise ShapeError(
            f"asked for the stationary covariance of a step of {step.rows} rows with noise of "
            f"{kick.rows}: write both of the same size"
        )
    _require_covariance("N", kick)
    if not step.free_symbols and _radius(step) >= 1 - _ROUNDING:
        raise ShapeError(
            f"asked for the stationary covariance of the step {step}, which has an eigenvalue of "
            f"modulus {_radius(step):.6g}: it diverges from 1 on"
        )
    return _solved(lambda S: step * S * step.T + kick, step.rows, step.rows, False)


def _square(name: str, given: Any) -> Any:
    matrix = given if isinstance(given, MatrixBase) else ImmutableDenseMatrix([[_sympify(given)]])
    if matrix.rows != matrix.cols:
        raise ShapeError(
            f"asked for a stationary covariance with {name} of {matrix.rows} × {matrix.cols}: it "
            "is square"
        )
    return ImmutableDenseMatrix(matrix)


def _require_symmetric(name: str, matrix: Any) -> None:
    if (matrix - matrix.T).expand() != 0 * matrix:
        raise ShapeError(
            f"asked for a stationary covariance with {name} = {matrix}, which is not symmetric"
        )


def _require_covariance(name: str, matrix: Any) -> None:
    """Raise where a matrix is certainly not the covariance of a noise."""
    _require_symmetric(name, matrix)
    negative = any(entry.is_negative for entry in matrix.diagonal())
    if not matrix.free_symbols:
        spectrum = [complex(value).real for value in matrix.evalf().eigenvals(multiple=True)]
        negative = negative or min(spectrum) < -_ROUNDING * max(map(abs, spectrum))
    if negative:
        raise ShapeError(
            f"asked for a stationary covariance with {name} = {matrix}, which is no covariance: it "
            "has a negative eigenvalue"
        )


def _radius(step: Any) -> float:
    """The largest modulus of an eigenvalue."""
    return max(abs(complex(value)) for value in step.evalf().eigenvals(multiple=True))


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


def _require_stable(whole: Any, step: Any, lam: Any, hessian: Any) -> None:
    """Raise where the steps certainly diverge, with the threshold that they pass."""
    r = Dummy("r")
    try:
        threshold = stability_threshold(characteristic_polynomial(step, lam, r), r, lam)
    except ShapeError:
        threshold = None
    if whole.free_symbols | hessian.free_symbols:
        curvatures = hessian.diagonal() if threshold is not None and hessian.is_diagonal() else []
        passed = [c for c in curvatures if oriented(c - threshold).is_nonnegative]
        if not passed:
            return
        sharpest = passed[0]
    else:
        if _radius(whole) < 1 - _ROUNDING:
            return
        sharpest = max(complex(value.evalf()).real for value in hessian.eigenvals(multiple=True))
        sharpest = f"{sharpest:.6g}"
    known = "" if threshold is None else f", the largest stable curvature is {threshold}"
    raise ShapeError(
        f"asked for the stationary covariance of steps at a curvature of {sharpest}: they "
        f"diverge{known}"
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
