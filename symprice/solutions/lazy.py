"""The lazy regime: a kernel K that stays, so that the outputs of a network move linearly.

`df/dt = -ηK(f - y)` on the training points; at others, whose kernel with these is the row k,
`dg/dt = -ηk(f - y)`.
"""

from __future__ import annotations

from typing import Any

from sympy import Basic, Expr, Float, Identity, ImmutableDenseMatrix, MatMul
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..derivation import Derivation, Rule, Step
from ..errors import ShapeError
from ..outputs import Result
from .exponentials import eigenvalues
from .matrix_nodes import MatrixExponential, StepPower
from .signs import oriented
from .slope import SlopeInTime

__all__ = ["LazyTraining"]

# Eigenvalues of floats are known to about that, relatively.
_ROUNDING = 1e-9


class LinearFlow(Rule):
    """f_t = y + Φ(f₀ - y), where Φ = e^{-ηKt}, or (I - ηK)ⁿ after n steps of descent."""


class StartOfTraining(Rule):
    """Before training Φ is the identity."""


class LazyTraining(Result, Basic):
    """Training a network whose tangent kernel does not change, by a squared loss.

    Parameters
    ==========

    K : the kernel on the training points: a matrix symbol, or an explicit symmetric matrix.
    y : the targets, a column.
    f0 : the outputs before training, a column.
    eta : the learning rate.
    time : the symbol of time; or the number of steps, then ``discrete=True``.
    discrete : whether training goes in steps of gradient descent.

    Raises
    ======

    ShapeError : for shapes that do not fit, and for steps that diverge.

    Examples
    ========

    >>> from sympy import MatrixSymbol, latex, symbols
    >>> from symprice.solutions.lazy import LazyTraining
    >>> N = symbols('N', integer=True, positive=True)
    >>> eta, t = symbols('eta t', positive=True)
    >>> K, y, f0 = MatrixSymbol('K', N, N), MatrixSymbol('y', N, 1), MatrixSymbol('f_0', N, 1)
    >>> print(latex(LazyTraining(K, y, f0, eta, t).outputs))
    e^{- \\eta t K} \\left(f_{0} - y\\right) + y
    >>> k = MatrixSymbol('k', 1, N)
    >>> print(latex(LazyTraining(K, y, f0, eta, t).change_at(k)))
    k K^{-1} \\left(\\mathbb{I} - e^{- \\eta t K}\\right) \\left(- f_{0} + y\\right)

    References
    ==========

    J. Lee et al., Wide neural networks of any depth evolve as linear models under gradient descent,
    NeurIPS 2019.
    """

    def __new__(
        cls, K: Any, y: Any, f0: Any, eta: Any, time: Any, discrete: Any = False
    ) -> LazyTraining:
        K, y, f0 = (_matrix(m) for m in (K, y, f0))
        rows = K.shape[0]
        if K.shape[1] != rows or y.shape != (rows, 1) or f0.shape != (rows, 1):
            raise ShapeError(
                f"asked for training with a kernel of {K.shape[0]} × {K.shape[1]}, targets "
                f"{y.shape[0]} × {y.shape[1]} and outputs {f0.shape[0]} × {f0.shape[1]}: write N × "
                "N, N × 1 and N × 1"
            )
        if isinstance(eta, Basic) and not isinstance(eta, Expr):
            raise ShapeError(
                f"asked for lazy training by {eta}: write a learning rate; it is that of gradient "
                "flow, or of gradient descent with discrete=True"
            )
        eta, time = _sympify(eta), _sympify(time)
        if eta.is_nonpositive:
            raise ShapeError(
                f"asked for lazy training with the learning rate {eta}: it is positive"
            )
        if discrete and (time.is_negative or time.is_integer is False):
            raise ShapeError(f"asked for {time} steps of lazy training: write a whole number")
        if isinstance(K, MatrixBase):
            _require_kernel(K, eta if discrete else None)
        return super().__new__(cls, K, y, f0, eta, time, _sympify(bool(discrete)))

    @property
    def remaining(self) -> Any:
        """Φ: what is left of the initial error, `e^{-ηKt}` or `(I - ηK)ⁿ`."""
        K, _, _, eta, time, discrete = self.args
        return StepPower(eta * K, time) if discrete else MatrixExponential(-eta * time * K)

    @property
    def outputs(self) -> Any:
        """The outputs on the training points, `y + Φ(f₀ - y)`."""
        _, y, f0, *_ = self.args
        return y + MatMul(self.remaining, f0 - y)

    def change_at(self, k: Any) -> Any:
        """How far the output at other points has moved, `k K⁻¹ (I - Φ)(y - f₀)`.

        Parameters
        ==========

        k : the kernel between these points and the training points, a row for each.
        """
        K, y, f0, *_ = self.args
        k = _matrix(k)
        if k.shape[1] != K.shape[0]:
            raise ShapeError(
                f"asked for outputs at other points with a kernel of {k.shape[0]} × {k.shape[1]}: "
                f"it has a column for each of the {K.shape[0]} training points"
            )
        return MatMul(k, self._inverse(k), Identity(K.shape[0]) - self.remaining, y - f0)

    def _inverse(self, k: Any) -> Any:
        """K⁻¹; of a singular kernel the pseudo-inverse, as long as k is among its rows."""
        K = self.args[0]
        if not isinstance(K, MatrixBase) or K.free_symbols or K.det() != 0:
            return K.inv()
        inverse = ImmutableDenseMatrix(K.pinv())
        if (
            isinstance(k, MatrixBase)
            and (k * inverse * K - k).applyfunc(lambda e: e.expand()).norm()
        ):
            raise ShapeError(
                "asked for outputs at other points with a kernel that is no combination of the "
                "rows of K, which is singular: together they are no kernel"
            )
        return inverse

    def mean_at(self, k: Any, mean: Any, prior_mean: Any = 0) -> Any:
        """The mean over an ensemble of initialisations, at other points.

        Parameters
        ==========

        k : the kernel between these points and the training points.
        mean : the mean of the initial outputs on the training points.
        prior_mean : the mean of the initial outputs at the other points, where it is not 0.
        """
        K, y, _, eta, time, discrete = self.args
        moved = LazyTraining(K, y, _matrix(mean), eta, time, bool(discrete)).change_at(k)
        return moved if prior_mean == 0 else _matrix(prior_mean) + moved

    def variance_at(self, k: Any, prior: Any, cross: Any, here: Any) -> Any:
        """The covariance over an ensemble of initialisations, at other points.

        With `P = k K⁻¹ (I - Φ)` the outputs are `g₀ + P(y - f₀)`, so their covariance is
        `Q_gg - P Q_fg - Q_gf Pᵀ + P Q_ff Pᵀ`.

        Parameters
        ==========

        k : the kernel between these points and the training points.
        prior : Q_ff, the covariance of the initial outputs on the training points.
        cross : Q_fg, between training points and these.
        here : Q_gg, at these points.
        """
        K = self.args[0]
        k = _matrix(k)
        P = MatMul(k, self._inverse(k), Identity(K.shape[0]) - self.remaining)
        prior, cross, here = (_matrix(m) for m in (prior, cross, here))
        return here - P * cross - cross.T * P.T + P * prior * P.T

    @property
    def derivation(self) -> Derivation:
        """The equation of training with the outputs put in, and the start."""
        K, y, f0, eta, time, discrete = self.args
        start = Step(StartOfTraining(), self.at_time(0).outputs, f0)
        if discrete:
            after = self.outputs - eta * K * (self.outputs - y)
            return Derivation([Step(LinearFlow(), self.at_time(time + 1).outputs, after), start])
        slope = SlopeInTime(self.outputs, time)
        return Derivation([Step(LinearFlow(), slope, -eta * K * (self.outputs - y)), start])

    def at_time(self, time: Any) -> LazyTraining:
        """The same training at another time."""
        K, y, f0, eta, _, discrete = self.args
        return LazyTraining(K, y, f0, eta, time, bool(discrete))

    def doit(self, **hints: Any) -> Any:
        """The outputs with their entries, where the kernel is explicit."""
        found = self.outputs.doit(**hints)
        return found.as_explicit() if isinstance(self.args[0], MatrixBase) else found

    def _formula(self) -> Any:
        return self.outputs

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        return [(step.rule.name, step.before, step.after) for step in self.derivation]

    def __str__(self) -> str:
        return str(self.outputs)

    __repr__ = __str__


def _require_kernel(K: Any, eta: Any) -> None:
    """Raise where a matrix is certainly no kernel, or steps with it certainly diverge."""
    if (K - K.T).expand() != 0 * K:
        raise ShapeError(f"asked for lazy training with the kernel {K}, which is not symmetric")
    if K.free_symbols:
        values = [v for v in eigenvalues(K) or [] if v.is_positive] if eta is not None else []
    else:
        values = [Float(complex(v).real, 15) for v in K.evalf().eigenvals(multiple=True)]
        if min(values) < -_ROUNDING * max(map(abs, values)):
            raise ShapeError(
                f"asked for lazy training with the kernel {K}, which has the negative eigenvalue "
                f"{min(values):.6g}: write a positive semidefinite matrix"
            )
    passed = [v for v in values if eta is not None and oriented(eta * v - 2).is_nonnegative]
    if passed:
        sharpest = passed[0] if K.free_symbols else max(passed)
        limit = 2 / sharpest if K.free_symbols else f"{2 / float(sharpest):.6g}"
        raise ShapeError(
            f"asked for steps of lazy training with the learning rate {eta}: they diverge, "
            f"the threshold is {limit} (2 over the largest eigenvalue of K)"
        )


def _matrix(given: Any) -> Any:
    if isinstance(given, (list, tuple)):
        given = ImmutableDenseMatrix(len(given), 1, list(given))
    if isinstance(given, MatrixBase):
        return ImmutableDenseMatrix(given)
    matrix = _sympify(given)
    if not getattr(matrix, "is_Matrix", False):
        raise ShapeError(f"asked for lazy training with {given}, which is no matrix: write columns")
    return matrix
