"""Natural gradient and Newton's method: the metric is the inverse of a matrix."""

from __future__ import annotations

from typing import Any

from sympy import Expr, ImmutableDenseMatrix, Rational, eye
from sympy.matrices.matrixbase import MatrixBase

from ..errors import NoRuleError, ShapeError
from ..tangent.metric import InverseMetric
from ..tangent.training_metrics import InverseHessian
from .descent import GradientDescent
from .either import SecondOrder, StepOrFlow
from .running import iterate
from .update import mean_loss

__all__ = ["NaturalGradient", "Newton"]

# A determinant below this, against the size of the entries, is 0 to rounding.
SMALL = Rational(1, 10**20)


class NaturalGradient(StepOrFlow):
    """`θ ← θ - η F⁻¹∇L`, or `dθ/dt = -F⁻¹∇L`: descent in the metric of a Fisher matrix.

    Then `dP/dt = NTCov(P, -L)` in that metric, which no choice of parameters changes. With the
    matrix `F = Σᵢ ∇fᵢ ∇fᵢᵀ + λI` of outputs fᵢ it is the Gauss–Newton method of their squared loss.

    Parameters
    ==========

    F : the Fisher matrix, an explicit Matrix or a MatrixSymbol; or a policy, whose it is. Of
        trained matrices, a MatrixSymbol with a row for every entry: by name, in each row by row.
    parameters : the parameters in the order of its rows; of a policy they are known.
    eta : the learning rate; without one it is the flow.

    Raises
    ======

    ShapeError : where F is not symmetric, certainly not positive, or singular.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, price, sigmoid
    >>> from symprice.dynamics.natural import NaturalGradient
    >>> b = Parameter('b')
    >>> p = sigmoid(b)
    >>> price(p, -p, NaturalGradient(BernoulliPolicy(logit=b))).doit()
    (1 - sigmoid(b))*sigmoid(b)

    References
    ==========

    S. Amari, Natural gradient works efficiently in learning, Neural Computation 10 (1998).
    """

    _others = 1

    def __new__(cls, F: Any, parameters: Any = (), eta: Any = None) -> NaturalGradient:
        if isinstance(F, InverseMetric):  # as ``args`` have it: the learning rate stands second
            return cls._made((F,), parameters if parameters != () else eta)
        if callable(getattr(F, "fisher", None)):
            F, parameters = _fisher(F), parameters or F.parameters
        return cls._made((_definite(InverseMetric(F, parameters)),), eta)

    def metric(self, loss: Any) -> Any:
        """F⁻¹."""
        return self.args[0]

    def run(self, params: Any, gradient: Any, steps: int | None = None) -> Any:
        """Training as it is done, as ``Dynamics.run``, on a loss that is a formula."""
        matrix, order = self.args[0].matrix, list(self.args[0].parameters)
        if not isinstance(matrix, MatrixBase) or set(params) != set(order):
            raise NoRuleError(
                f"asked for a run of natural gradient with F = {matrix} from {params}: write F as "
                "a Matrix and the parameters of its rows, NaturalGradient(F, (w, b), eta)"
            )
        return _solving(self, params, gradient, steps, lambda loss: (order, matrix))


def _fisher(policy: Any) -> Any:
    """The Fisher matrix of a policy; an error where it has no inverse."""
    found = policy.fisher()
    matrix = ImmutableDenseMatrix(found if getattr(found, "is_Matrix", False) else [[found]])
    if _vanishes(matrix):
        raise ShapeError(
            f"asked for natural gradient with the Fisher matrix of {policy}, which is singular, as "
            "that of every softmax is: fix one of the parameters, as the first logit to 0, or take "
            "policy_gradient(...).natural(), which has the pseudo-inverse"
        )
    return matrix


def _vanishes(matrix: Any) -> bool:
    """Whether the determinant is 0 at a few points; of what has no numbers nothing is said."""
    symbols = sorted(matrix.free_symbols, key=lambda s: s.sort_key())
    for shift in range(3):
        point = {s: Rational(5 + 3 * k + 7 * shift, 11 + 4 * k) for k, s in enumerate(symbols)}
        numbers = matrix.subs(point).doit().evalf(30)
        if not all(entry.is_Float or entry.is_Integer for entry in numbers):
            return False
        if abs(numbers.det()) > SMALL * max(1, *map(abs, numbers)) ** matrix.rows:
            return False
    return True


def _definite(metric: InverseMetric) -> InverseMetric:
    """The metric; an error where its matrix has numbers and is certainly not positive."""
    matrix = metric.matrix
    if not isinstance(matrix, MatrixBase) or not all(entry.is_number for entry in matrix):
        return metric
    if matrix.is_positive_definite is False:
        raise ShapeError(
            f"asked for natural gradient with F = {matrix.tolist()}, which is not positive "
            "definite: a Fisher matrix is; with F + lambda*eye(n) it is damped"
        )
    return metric


def _solving(dynamics: Any, params: Any, loss: Any, steps: Any, matrix_of: Any) -> Any:
    """Descent along the solution of a system with the gradient, where it is."""
    if not isinstance(loss, Expr):
        raise NoRuleError(
            f"asked for a run of {dynamics.title} on {loss!r}: write the loss as a formula of "
            "Parameters; compare(price(...), data, params) takes steps of networks"
        )
    if dynamics.eta is None:
        raise ShapeError(f"asked for a run of {dynamics}, a flow: give it a learning rate")
    order, matrix = matrix_of(loss)
    slopes = ImmutableDenseMatrix([loss.diff(p).doit() for p in order])

    def moved(now: Any) -> dict[Any, Any]:
        solved = matrix.subs(now, simultaneous=True).LUsolve(slopes.subs(now, simultaneous=True))
        return dict(zip(order, solved, strict=True))

    return iterate(GradientDescent(dynamics.eta), params, moved, steps)


class Newton(SecondOrder):
    """`θ ← θ - η (H + λI)⁻¹∇L` with `H = ∇²L`, or the flow `dθ/dt = -(H + λI)⁻¹∇L`.

    Without damping a loss falls under the flow as `dL/dt = -∇Lᵀ H⁻¹∇L`, and a quadratic one is at
    its minimum after one step of η = 1.

    Parameters
    ==========

    damping : λ.
    eta : the learning rate; without one it is the flow.

    Of a formula the inverse is written out, of an unspecified loss it prints as `H^{-1}`. Code for
    networks forms the Hessian of their n parameters from n products with it in one call, and
    solves: memory of n² numbers and of n times what a pass through the data takes.

    Examples
    ========

    >>> from symprice import parameters, price
    >>> from symprice.dynamics.natural import Newton
    >>> w, b = parameters('w b')
    >>> price(w*b, w**2 + 3*b**2, Newton()).doit()
    -2*b*w

    References
    ==========

    J. Nocedal, S. Wright, Numerical Optimization, 2006, chapter 3.
    """

    _method = "Newton's method"

    def run(self, params: Any, gradient: Any, steps: int | None = None) -> Any:
        """Training as it is done, as ``Dynamics.run``, on a loss that is a formula."""

        def hessian(loss: Any) -> tuple[list[Any], Any]:
            order = list(params)
            rows = [[loss.diff(p, q).doit() for q in order] for p in order]
            return order, ImmutableDenseMatrix(rows) + self.damping * eye(len(order))

        return _solving(self, params, gradient, steps, hessian)

    def metric(self, loss: Any) -> Any:
        """(H + λI)⁻¹."""
        return InverseHessian(mean_loss(loss), self.damping)
