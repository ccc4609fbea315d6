"""The neural tangent covariance ``NTCov(a, b) = ∇θ a · ∇θ b`` and its diagonal ``NTVar``.

A symmetric bi-derivation: bilinear, a derivation in each argument, with given values on the
coordinates of θ. Its laws are in ``laws``; those of its matrix twin, for vectors of properties, in
``matrix_laws``.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Expr, ZeroMatrix
from sympy.core.sympify import _sympify

from ..derivation import Rule
from ..symbols import TRAINED, Parameter, depends_on_parameters
from .covariance_matrix import NTCovMatrix, NTVarMatrix
from .metric import Metric, as_metric
from .properties import (
    MATRIX,
    TangentCovariance,
    as_property,
    require_formula,
    require_parameters,
    size,
)
from .symmetry import Symmetry

__all__ = ["NTCov", "NTCovMatrix", "NTVar", "NTVarMatrix", "covariance"]


class ScalarCovariance(TangentCovariance, Expr):
    """What NTCov and NTVar share: the laws, and SymPy's limits, series and derivatives."""

    is_commutative = True

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """Constants, bilinearity, products, chains, networks; values on the coordinates last."""
        from .laws import COVARIANCE

        return COVARIANCE

    @classmethod
    def expansion_laws(cls) -> tuple[Rule, ...]:
        """The laws without the values on coordinates."""
        from .laws import EXPANSION

        return EXPANSION

    def _eval_derivative(self, symbol: Any) -> Any:
        return _differentiate(self, symbol)

    def _eval_nseries(self, x: Any, n: Any, logx: Any, cdir: Any = 0) -> Any:
        value = self.doit() if x in self.free_symbols else self
        return value if value == self else value._eval_nseries(x, n=n, logx=logx, cdir=cdir)

    def _eval_as_leading_term(self, x: Any, logx: Any = None, cdir: Any = 0) -> Any:
        value = self.doit() if x in self.free_symbols else self
        return value if value == self else value.as_leading_term(x, logx=logx, cdir=cdir)

    def _eval_is_real(self) -> bool | None:
        real = self.metric is None and all(prop.is_real for prop in self.properties)
        return True if real else None


class NTCov(ScalarCovariance):
    """The tangent covariance of two properties of a network, ``NTCov(a, b) = Σ_θ ∂a/∂θ · ∂b/∂θ``.

    With ``a = f(x)``, ``b = f(x')`` it is the finite-width neural tangent kernel; under gradient
    flow ``dP/dt = NTCov(P, -L)``. With a metric M on parameter space it is ``∇aᵀ M ∇b``.

    Parameters
    ==========

    a, b : properties of θ: scalars, or vectors of them (a Matrix, a tuple, a column of
    Observables); of vectors
        the covariance is the matrix of all pairs.
    metric : None (Euclidean), a rate, a dict {parameter: rate}, a symmetric Matrix,
    ``MatrixMetric(G, parameters)``
        or ``InverseMetric(F, parameters)``. The Euclidean NTCov changes under reparameterisation of
        θ; in the Fisher metric it does not.

    Raises
    ======

    NoParameterError : if nothing in either argument is trained.
    ShapeError : for a matrix that is no column, or a metric of the wrong size.

    Examples
    ========

    >>> from sympy import Function, symbols
    >>> from symprice import NTCov, observables, parameters
    >>> w, b = parameters('w b')
    >>> x, y = symbols('x y')
    >>> NTCov(w*x + b, w*y + b).doit()
    x*y + 1
    >>> P, L, Q = observables('P L Q')
    >>> NTCov(2*P + Q, L).expand()
    2*NTCov(P, L) + NTCov(Q, L)
    >>> f, g = Function('f'), Function('g')
    >>> NTCov(f(P), g(Q)).expand()
    Derivative(f(P), P)*Derivative(g(Q), Q)*NTCov(P, Q)

    References
    ==========

    A. Jacot, F. Gabriel, C. Hongler, Neural tangent kernel, NeurIPS 2018. tailcalled, Price's
    equation for neural networks, 2022.
    """

    def __new__(cls, a: Any, b: Any, metric: Any = None) -> Any:
        a, b = as_property(a), as_property(b)
        require_parameters("NTCov", a, b)
        metric = as_metric(metric, a.free_symbols | b.free_symbols)
        tail = () if metric is None else (metric,)
        if isinstance(a, MATRIX) or isinstance(b, MATRIX):
            return NTCovMatrix._make(a, b, *tail)
        a, b = Symmetry().ordered(a, b)
        return Expr.__new__(cls, a, b, *tail)

    def _eval_rewrite_as_NTVar(self, *args: Any, **hints: Any) -> Any:
        from .laws import Polarisation

        return Polarisation().apply(self)


class NTVar(ScalarCovariance):
    """The tangent variance ``NTVar(a) = NTCov(a, a) = |∇θ a|²``: how fast training can move a
    property.

    Under gradient flow ``dL/dt = -NTVar(L)``.

    Parameters
    ==========

    a : a property of θ, or a vector of them (then the symmetric matrix NTCov(a, a)).
    metric : as for ``NTCov``.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, sigmoid
    >>> b = Parameter('b')
    >>> NTVar(sigmoid(b)).doit()
    (1 - sigmoid(b))**2*sigmoid(b)**2
    """

    def __new__(cls, a: Any, metric: Any = None) -> Any:
        a = as_property(a)
        require_parameters("NTVar", a)
        metric = as_metric(metric, a.free_symbols)
        tail = () if metric is None else (metric,)
        if isinstance(a, MATRIX):
            return NTVarMatrix._make(a, *tail)
        return Expr.__new__(cls, a, *tail)

    def _eval_rewrite_as_NTCov(self, *args: Any, **hints: Any) -> Any:
        (a,) = self.properties
        return NTCov(a, a, self.metric)

    def _eval_is_nonnegative(self) -> bool | None:
        return True if self.properties[0].is_real and self.metric is None else None


def covariance(a: Any, b: Any = None, *, metric: Metric | None = None) -> Any:
    """NTCov(a, b), NTVar(a) where b is None or equal to a, and 0 where one of them is constant."""
    b = a if b is None else b
    if not (depends_on_parameters(a) and depends_on_parameters(b)):
        if isinstance(a, MATRIX) or isinstance(b, MATRIX):
            return ZeroMatrix(size(a), size(b))
        return _sympify(0)
    if a == b:  # the same of a - b and b - a, so that they are recognised as equal
        return NTVar(-a if isinstance(a, Add) and a.could_extract_minus_sign() else a, metric)
    return NTCov(a, b, metric)


def _differentiate(node: Any, symbol: Any) -> Any:
    """∂ NTCov(a, b) = NTCov(∂a, b) + NTCov(a, ∂b), in a metric without the symbol."""
    metric = node.metric
    require_formula(node, symbol)
    if isinstance(symbol, TRAINED) and not isinstance(symbol, Parameter):
        return None
    if metric is not None and symbol in metric.depends_on():
        value = node.doit()
        return None if value.has(TangentCovariance) else value.diff(symbol)
    a, b = node.properties[0], node.properties[-1]
    first = covariance(a.diff(symbol), b, metric=metric)
    return 2 * first if a == b else first + covariance(a, b.diff(symbol), metric=metric)
