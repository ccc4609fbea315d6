"""The neural tangent covariance ``NTCov(a, b) = ∇θ a · ∇θ b`` and its diagonal ``NTVar``.

A symmetric bi-derivation: bilinear, a derivation in each argument, with given values on the
coordinates of θ. Its laws are in ``laws``; those of its matrix twin, for vectors of properties, in
``matrix_laws``.
"""

from __future__ import annotations

from typing import Any

from sympy import Basic, Expr, ImmutableDenseMatrix, Rational, Tuple, default_sort_key
from sympy.core.sympify import _sympify
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.matrices.matrixbase import MatrixBase

from ..derivation import Rule
from ..errors import NoParameterError, NoRuleError, ShapeError
from ..nodes import Node
from ..symbols import TRAINED, Name, Parameter, depends_on_parameters
from .metric import Metric, as_metric

__all__ = ["NTCov", "NTCovMatrix", "NTVar", "NTVarMatrix"]

MATRIX = (MatrixBase, MatrixExpr)


def _property(given: Any) -> Basic:
    """A property of θ: a scalar, or a column vector of them."""
    if isinstance(given, (list, tuple, Tuple)):
        given = ImmutableDenseMatrix(len(given), 1, list(given))
    expr = _sympify(given)
    if isinstance(expr, MatrixBase):
        expr = ImmutableDenseMatrix(expr)
    if isinstance(expr, MATRIX):
        if expr.shape[1] != 1:
            raise ShapeError(
                f"a covariance is of scalars or column vectors, but {expr} is {expr.shape[0]} × "
                f"{expr.shape[1]}: "
                "write X.T for a row, X.vec() or X.reshape(n, 1) for a matrix"
            )
        return expr
    if not isinstance(expr, Expr):
        raise ShapeError(
            f"a covariance is of expressions, but {given!r} is a {type(given).__name__}"
        )
    return expr


def _require_parameters(name: str, *properties: Basic) -> None:
    """Raise where θ is nowhere, and where a plain Symbol carries the name of a Parameter."""
    free = set().union(*(p.free_symbols for p in properties))
    trained = {symbol for symbol in free if isinstance(symbol, TRAINED)}
    if not trained and not any(isinstance(symbol, Name) for symbol in free):
        shown = ", ".join(str(p) for p in properties)
        example = min((str(symbol) for symbol in free), default="b")
        raise NoParameterError(
            f"asked for {name}({shown}), but no Parameter or Observable occurs in it, so nothing "
            "is trained. "
            f"Declare what is trained: {example} = Parameter('{example}') (a plain "
            f"Symbol('{example}') is a constant)"
        )
    names = {symbol.name for symbol in trained}
    for symbol in sorted(free - trained, key=default_sort_key):
        if getattr(symbol, "name", None) in names and isinstance(symbol, Expr):
            raise NoParameterError(
                f"{name} received both a Parameter and a plain Symbol called {symbol}: they are "
                "different objects. "
                f"Use the Parameter everywhere, or give the constant another name"
            )


class _Covariance(Node):
    """What NTCov and NTVar share, scalar and matrix."""

    __slots__ = ()

    args: Any

    @property
    def metric(self) -> Metric | None:
        """The metric on parameter space; None is the Euclidean one."""
        last = self.args[-1]
        return last if isinstance(last, Metric) else None

    @property
    def properties(self) -> tuple[Any, ...]:
        """The properties whose gradients are multiplied."""
        return tuple(arg for arg in self.args if not isinstance(arg, Metric))

    def _with(self, *properties: Any) -> Any:
        """The covariance of other properties in this metric; 0 where one of them is constant."""
        return covariance(*properties, metric=self.metric)

    def _eval_subs(self, old: Any, new: Any) -> Any:
        # θ is both free and differentiated: replacing it means evaluating first, then replacing.
        if isinstance(old, TRAINED) and old in self.free_symbols and not self._renames(old, new):
            value = self.doit()
            if any(old in node.free_symbols for node in value.atoms(_Covariance)):
                raise NoRuleError(
                    f"asked to put {new} for {old} in {value}, where the gradient of {old} is "
                    "unspecified: put a "
                    "property of Parameters for an Observable, as in expr.subs(P, sigmoid(b)), "
                    "then a number for b"
                )
            return value.subs(old, new)
        return None

    def _renames(self, old: Any, new: Any) -> bool:
        """Whether replacing only gives ``old`` another name: then differentiating afterwards is the
        same.
        """
        if isinstance(old, Parameter):
            return isinstance(new, Parameter) and new not in self.free_symbols
        return isinstance(new, Basic) and depends_on_parameters(new)

    def _tex(self, printer: Any) -> str:
        inner = ", ".join(printer._print(p) for p in self.properties)
        metric = "" if self.metric is None else f"_{{{_metric_tex(self.metric, printer)}}}"
        name = type(self).__name__.removesuffix("Matrix")
        return rf"\operatorname{{{name}}}{metric}\left({inner}\right)"

    def _pretty(self, printer: Any) -> Any:
        from sympy.printing.pretty.stringpict import prettyForm

        inner = printer._print_seq(self.properties, "(", ")", delimiter=", ")
        return prettyForm(*prettyForm(type(self).__name__.removesuffix("Matrix")).right(inner))

    def _sympystr(self, printer: Any) -> str:
        inner = ", ".join(printer._print(arg) for arg in self.args)
        return f"{type(self).__name__.removesuffix('Matrix')}({inner})"


def _metric_tex(metric: Metric, printer: Any) -> str:
    from .metric import DiagonalMetric, InverseMetric, MatrixMetric

    if isinstance(metric, MatrixMetric):
        power = "^{-1}" if isinstance(metric, InverseMetric) else ""
        if isinstance(metric.matrix, MatrixBase):
            return "F^{-1}" if power else "M"
        return printer._print(metric.matrix) + power
    if isinstance(metric, DiagonalMetric) and not isinstance(metric.args[0], Tuple):
        return printer._print(metric.args[0])
    return "M"


class NTCov(_Covariance, Expr):
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
    2*NTCov(L, P) + NTCov(L, Q)
    >>> f, g = Function('f'), Function('g')
    >>> NTCov(f(P), g(Q)).expand()
    Derivative(f(P), P)*Derivative(g(Q), Q)*NTCov(P, Q)

    References
    ==========

    A. Jacot, F. Gabriel, C. Hongler, Neural tangent kernel, NeurIPS 2018. tailcalled, Price's
    equation for neural networks, 2022.
    """

    is_commutative = True

    def __new__(cls, a: Any, b: Any, metric: Any = None) -> Any:
        a, b = _property(a), _property(b)
        _require_parameters("NTCov", a, b)
        metric = as_metric(metric, a.free_symbols | b.free_symbols)
        tail = () if metric is None else (metric,)
        if isinstance(a, MATRIX) or isinstance(b, MATRIX):
            return NTCovMatrix._make(a, b, *tail)
        a, b = _ordered(a, b)
        return Expr.__new__(cls, a, b, *tail)

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

    def _eval_rewrite_as_NTVar(self, *args: Any, **hints: Any) -> Any:
        """Polarisation: NTCov(a, b) = ½ [NTVar(a + b) - NTVar(a) - NTVar(b)]."""
        a, b = self.properties
        parts = [covariance(s, metric=self.metric) for s in (a + b, a, b)]
        return Rational(1, 2) * (parts[0] - parts[1] - parts[2])

    def _eval_is_real(self) -> bool | None:
        return True if all(p.is_real for p in self.properties) and self.metric is None else None


class NTVar(_Covariance, Expr):
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

    is_commutative = True

    def __new__(cls, a: Any, metric: Any = None) -> Any:
        a = _property(a)
        _require_parameters("NTVar", a)
        metric = as_metric(metric, a.free_symbols)
        tail = () if metric is None else (metric,)
        if isinstance(a, MATRIX):
            return NTVarMatrix._make(a, *tail)
        return Expr.__new__(cls, a, *tail)

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The laws of the covariance, read for two equal arguments."""
        from .laws import COVARIANCE

        return COVARIANCE

    @classmethod
    def expansion_laws(cls) -> tuple[Rule, ...]:
        """The laws without the values on coordinates."""
        from .laws import EXPANSION

        return EXPANSION

    def _eval_derivative(self, symbol: Any) -> Any:
        return _differentiate(self, symbol)

    def _eval_rewrite_as_NTCov(self, *args: Any, **hints: Any) -> Any:
        (a,) = self.properties
        return NTCov(a, a, self.metric)

    def _eval_is_real(self) -> bool | None:
        return True if self.properties[0].is_real and self.metric is None else None

    def _eval_is_nonnegative(self) -> bool | None:
        return True if self.properties[0].is_real and self.metric is None else None


class _CovarianceMatrix(_Covariance, MatrixExpr):
    @classmethod
    def _make(cls, *args: Basic) -> Any:
        return MatrixExpr.__new__(cls, *args)

    @property
    def shape(self) -> tuple[Any, Any]:
        """Size of the first property × size of the second."""
        first, last = self.properties[0], self.properties[-1]
        return size(first), size(last)

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """Linear maps, products, chains with Jacobians, entries."""
        from .matrix_laws import MATRIX_COVARIANCE

        return MATRIX_COVARIANCE

    @classmethod
    def expansion_laws(cls) -> tuple[Rule, ...]:
        """The laws that hold before the entries are looked at."""
        from .matrix_laws import MATRIX_EXPANSION

        return MATRIX_EXPANSION

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        a, b = self.properties[0], self.properties[-1]
        return covariance(entry(a, i), entry(b, j), metric=self.metric)

    def as_explicit(self) -> Any:
        """The matrix of scalar covariances."""
        rows, columns = self.shape
        if not (rows.is_Integer and columns.is_Integer):
            raise ShapeError(
                f"the entries of {self} are countless: its shape is {rows} × {columns}"
            )
        return ImmutableDenseMatrix(rows, columns, lambda i, j: self._entry(i, j))


class NTCovMatrix(_CovarianceMatrix):
    """NTCov of two vectors: the matrix of the covariances of their entries. Made by ``NTCov``."""

    def __new__(cls, a: Any, b: Any, metric: Any = None) -> Any:
        return NTCov(a, b, metric)

    def _eval_transpose(self) -> Any:
        a, b = self.properties
        return NTCov(b, a, self.metric)


class NTVarMatrix(_CovarianceMatrix):
    """NTVar of a vector: the symmetric matrix NTCov(a, a). Made by ``NTVar``."""

    def __new__(cls, a: Any, metric: Any = None) -> Any:
        return NTVar(a, metric)

    def _eval_transpose(self) -> Any:
        return self

    def _eval_rewrite_as_NTCov(self, *args: Any, **hints: Any) -> Any:
        (a,) = self.properties
        return NTCov(a, a, self.metric)


def _ordered(a: Any, b: Any) -> tuple[Any, Any]:
    """The two in one order, whichever came first; a negative one last, so that NTCov(P, -L) reads
    well.
    """
    first, second = ((e.could_extract_minus_sign(), default_sort_key(e)) for e in (a, b))
    if first == second:  # closed forms of the same symbols
        return (b, a) if a.compare(b) > 0 else (a, b)
    return (a, b) if first < second else (b, a)


def size(prop: Any) -> Any:
    """The number of entries of a property: 1 for a scalar."""
    return _sympify(prop.shape[0] if isinstance(prop, MATRIX) else 1)


def entry(prop: Any, i: Any) -> Any:
    """Entry ``i`` of a property; a scalar is its own only entry."""
    return prop[i, 0] if isinstance(prop, MATRIX) else prop


def covariance(a: Any, b: Any = None, *, metric: Metric | None = None) -> Any:
    """NTCov(a, b), NTVar(a) where b is None or equal to a, and 0 where one of them is constant."""
    b = a if b is None else b
    if not (depends_on_parameters(a) and depends_on_parameters(b)):
        if isinstance(a, MATRIX) or isinstance(b, MATRIX):
            from sympy import ZeroMatrix

            return ZeroMatrix(size(a), size(b))
        return _sympify(0)
    return NTVar(a, metric) if a == b else NTCov(a, b, metric)


def _differentiate(node: Any, symbol: Any) -> Any:
    """∂ NTCov(a, b) = NTCov(∂a, b) + NTCov(a, ∂b), in a metric without the symbol."""
    metric = node.metric
    if isinstance(symbol, TRAINED) and not isinstance(symbol, Parameter):
        return None
    if metric is not None and symbol in metric.depends_on():
        value = node.doit()
        return None if value.has(_Covariance) else value.diff(symbol)
    a, b = node.properties[0], node.properties[-1]
    first = covariance(a.diff(symbol), b, metric=metric)
    return 2 * first if a == b else first + covariance(a, b.diff(symbol), metric=metric)
