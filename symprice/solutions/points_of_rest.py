"""Where training comes to rest: minima with weight decay, and the flows that lead there."""

from __future__ import annotations

from typing import Any

from sympy import Identity, MatMul, Symbol, default_sort_key, hessian, solve
from sympy.core.sympify import _sympify

from ..errors import NoParameterError, ShapeError
from ..symbols import Parameter, expression
from ..timelimit import within
from .flow_solution import FlowSolution
from .flows import solve_flow
from .lazy import LazyTraining
from .signs import tidied
from .verification import agree

__all__ = ["fixed_points", "ornstein_uhlenbeck", "ridge_flow"]

_SECONDS = 8


def fixed_points(L: Any) -> list[dict[Any, Any]]:
    """The points of rest of gradient flow on a loss, `∇L = 0`, each {parameter: value}.

    Weight decay is a part of the loss, `λ/2 |θ|²`. Points that are not real for some constants are
    among them, those that never are are not.

    Raises
    ======

    ShapeError : where the equations were not solved in time.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import parameters
    >>> from symprice.solutions.points_of_rest import fixed_points
    >>> w, = parameters('w,')
    >>> y, lam = symbols('y lambda', positive=True)
    >>> fixed_points((y - w)**2/2 + lam*w**2/2)
    [{w: y/(lambda + 1)}]
    """
    loss = expression(L, "the points of rest of a loss").doit()
    trained = sorted(
        (s for s in loss.free_symbols if isinstance(s, Parameter)), key=default_sort_key
    )
    if not trained:
        raise NoParameterError(
            f"asked for the points of rest of {loss}, but no Parameter occurs in it: declare what "
            "is trained, b = Parameter('b')"
        )
    gradient = [loss.diff(p) for p in trained]
    found = within(_SECONDS, lambda: solve(gradient, trained, dict=True))
    if found is None:
        raise ShapeError(
            f"asked for the points of rest of {loss}, which were not found in {_SECONDS} s: put in "
            "numbers for its constants"
        )
    points = []
    for solution in found:
        point = {p: tidied(value) for p, value in solution.items()}
        if any(value.is_real is False for value in point.values()):
            continue
        rests = [(g.xreplace(point) + 1, _sympify(1)) for g in gradient]
        if all(left.expand() == right for left, right in rests) or agree(rests):
            points.append(point)
    return points


def stable(L: Any, point: dict[Any, Any]) -> bool | None:
    """Whether a point of rest is a minimum: the Hessian is positive definite; None if not known."""
    loss = expression(L, "the Hessian of a loss").doit()
    trained = sorted(
        (s for s in loss.free_symbols if isinstance(s, Parameter)), key=default_sort_key
    )
    curvature = hessian(loss, trained).subs(point)
    return within(_SECONDS, lambda: curvature.applyfunc(tidied).is_positive_definite)


def ridge_flow(X: Any, y: Any, decay: Any, theta0: Any, eta: Any, t: Any) -> LazyTraining:
    """Linear regression with weight decay in training: `θ_t = θ* + e^{-η(XᵀX + λI)t}(θ₀ - θ*)`.

    `θ* = (XᵀX + λI)⁻¹Xᵀy` is where it ends, ridge regression.

    Parameters
    ==========

    X, y : the data, a row for each example, and the targets, a column.
    decay : λ; the loss is `½|Xθ - y|² + ½λ|θ|²`.
    theta0 : the parameters at time 0, a column.
    eta, t : the learning rate and the symbol of time.

    Examples
    ========

    >>> from sympy import MatrixSymbol, latex, symbols
    >>> from symprice.solutions.points_of_rest import ridge_flow
    >>> n, d = symbols('n d', integer=True, positive=True)
    >>> lam, eta, t = symbols('lambda eta t', positive=True)
    >>> X, y, start = MatrixSymbol('X', n, d), MatrixSymbol('y', n, 1), MatrixSymbol('w', d, 1)
    >>> print(latex(ridge_flow(X, y, lam, start, eta, t).args[1]))
    \\left(\\lambda \\mathbb{I} + X^{T} X\\right)^{-1} X^{T} y
    """
    decay = _sympify(decay)
    curvature = X.T * X + decay * Identity(X.shape[1])
    if getattr(X, "is_MatrixExpr", False) is not True:
        curvature = X.T * X + decay * Identity(X.shape[1]).as_explicit()
        if curvature.det().expand() == 0:
            raise ShapeError(
                f"asked for ridge regression with the decay {decay} on data of rank below "
                f"{X.shape[1]}: the minimum is not unique; write a positive decay"
            )
        end = curvature.LUsolve(X.T * y).applyfunc(tidied)
        return LazyTraining(curvature, end, theta0, eta, t)
    return LazyTraining(curvature, MatMul(curvature.inv(), X.T, y), theta0, eta, t)


def ornstein_uhlenbeck(
    lam: Any, C: Any, eta: Any, *, mean: Any = None, variance: Any = 0, t: Any = None
) -> FlowSolution:
    """Mean and variance over time of `dx = -λx dt + √(ηC) dW`, SGD on a mode in continuous time.

    `m e^{-λt}` and `ηC/(2λ) + (V₀ - ηC/(2λ)) e^{-2λt}`: the variance is that of its own linear
    equation, `dV/dt = -2λV + ηC`.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.points_of_rest import ornstein_uhlenbeck
    >>> lam, C, eta, t = symbols('lambda C eta t', positive=True)
    >>> m, V = ornstein_uhlenbeck(lam, C, eta, mean=3, t=t).solution.values()
    >>> m, V
    (3*exp(-lambda*t), C*eta*(1 - exp(-2*lambda*t))/(2*lambda))
    """
    lam, C, eta = (_sympify(a) for a in (lam, C, eta))
    m, V = Symbol("m", real=True), Symbol("V", real=True)
    start = Symbol("m_0", real=True) if mean is None else _sympify(mean)
    return solve_flow({m: -lam * m, V: -2 * lam * V + eta * C}, {m: start, V: variance}, t=t)
