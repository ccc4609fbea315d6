"""Metrics on parameter space: ``NTCov_M(a, b) = ∇aᵀ M ∇b``.

The Euclidean metric is the absence of one. Per-parameter learning rates are a diagonal metric (a
frozen parameter is a zero on it), a genetic covariance is a full matrix, natural gradient and
Newton's method are inverses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import mpmath
from sympy import Basic, Expr, ImmutableDenseMatrix, MatrixExpr, MatrixSymbol, S, Tuple
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase
from sympy.printing.precedence import PRECEDENCE

from ..errors import NoRuleError, ShapeError
from ..spelling import AsTyped
from ..symbols import TRAINED, Parameter, ParameterMatrix, expression
from ..timelimit import within
from .differences import Place, parameter_vector

__all__ = [
    "DiagonalMetric",
    "InverseMetric",
    "MatrixMetric",
    "Metric",
    "as_metric",
    "metric_tex",
]

SECONDS = 10  # for the determinant and the inverse of a matrix of symbols, which may swell


class Metric(AsTyped, Basic):
    """A symmetric bilinear form on gradients; ``entry(u, v)`` is its value on coordinates of θ."""

    def entry(self, u: Parameter, v: Parameter) -> Expr:
        """``NTCov_M(u, v)`` of two parameters."""
        raise NotImplementedError

    def row(self, u: Parameter) -> Iterable[tuple[Parameter, Expr]]:
        """The parameters that ``u`` covaries with, and how much."""
        raise NotImplementedError

    def depends_on(self) -> set[Any]:
        """The symbols that occur in the entries."""
        return self.free_symbols

    @property
    def is_constant(self) -> bool:
        """Whether it is the same everywhere in parameter space."""
        return not any(isinstance(s, TRAINED) for s in self.depends_on())

    def of(self, a: Any, b: Any) -> Expr | None:
        """The covariance of two properties, where the metric knows more than its entries."""
        return None

    @property
    def only_along(self) -> Any:
        """The property L of a metric that is made of ∇L, of which `M ∇L` has a formula at matrix
        level; None for others.
        """
        return None

    def on_block(self, symbol: Any, block: Any) -> Any:
        """`M m` for what of a vector belongs to a trained matrix."""
        raise NoRuleError(f"asked for the block of {symbol} in the metric {self}")

    def numeric(self, evaluate: Any, point: Any) -> Any:
        """Its mpmath matrix over the coordinates of θ at a point, for the checks."""
        coordinates = parameter_vector(point)
        found = mpmath.zeros(len(coordinates))
        for i, p in enumerate(coordinates):
            if isinstance(p, Place):
                raise NoRuleError(f"asked for the entry of {p.symbol} in the metric {self}")
            for other, value in self.row(p):
                found[i, coordinates.index(other)] = evaluate(_sympify(value), point)
        return found

    def tex(self, printer: Any) -> str:
        """Its LaTeX, as the index of a covariance."""
        return "M"

    def applied_tex(self, vector: Any, printer: Any) -> str:
        """The LaTeX of M v."""
        return f"{metric_tex(self, printer)} {printer.parenthesize(vector, PRECEDENCE['Mul'])}"

    def trace_with(self, prop: Any) -> Expr | None:
        """tr(M ∇²P), for metrics that are sums of outer products of gradients; else None."""
        return None


class DiagonalMetric(Metric):
    """M = diag(rates): each parameter with a learning rate of its own; zero freezes it.

    Parameters
    ==========

    rates : a dict from Parameter to rate, or one rate for all parameters.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import DiagonalMetric, NTVar, parameters
    >>> w, b = parameters('w b')
    >>> x, eta = symbols('x eta')
    >>> NTVar(w*x + b, DiagonalMetric({w: eta, b: 0})).doit()
    eta*x**2
    """

    def __new__(cls, rates: Any) -> DiagonalMetric:
        if isinstance(rates, (Mapping, Tuple, tuple, list)):
            pairs = rates.items() if isinstance(rates, Mapping) else rates
            entries = sorted(
                (Tuple(_parameter(p), _sympify(rate)) for p, rate in pairs),
                key=lambda pair: pair[0].sort_key(),
            )
            return super().__new__(cls, Tuple(*entries))
        return super().__new__(cls, _sympify(rates))

    @property
    def uniform_rate(self) -> Expr | None:
        """The one rate of all parameters; None where they differ."""
        return None if isinstance(self.args[0], Tuple) else self.args[0]

    def rate(self, u: Parameter) -> Expr:
        """The rate of one parameter."""
        rates = self.args[0]
        if not isinstance(rates, Tuple):
            return rates
        for parameter, rate in rates:
            if parameter == u:
                return rate
        raise ShapeError(
            f"asked for the learning rate of {u}, but the metric lists only "
            f"{', '.join(str(p) for p, _ in rates)}: add '{u}: rate' (0 freezes it)"
        )

    def numeric(self, evaluate: Any, point: Any) -> Any:
        """The rates on the diagonal."""
        if self.uniform_rate is None:
            return super().numeric(evaluate, point)
        count = len(parameter_vector(point))
        return evaluate(self.uniform_rate, point) * mpmath.eye(count)

    def on_arrays(self, code: Any, vector: Any) -> Any:
        """`r v` in NumPy code, for one rate r of all parameters."""
        return code.scaled(self.uniform_rate, vector)

    def entry(self, u: Parameter, v: Parameter) -> Expr:
        """The rate of ``u`` if the two are the same parameter, else 0."""
        rate = self.rate(u)
        return rate if u == v else S.Zero

    def row(self, u: Parameter) -> Iterable[tuple[Parameter, Expr]]:
        """``u`` itself with its rate."""
        return [(u, self.rate(u))]

    def depends_on(self) -> set[Any]:
        """The symbols in the rates."""
        rates = self.args[0]
        if not isinstance(rates, Tuple):
            return rates.free_symbols
        return set().union(*(rate.free_symbols for _, rate in rates))


def metric_tex(metric: Metric, printer: Any) -> str:
    """The LaTeX of a metric, as the index of a covariance."""
    if isinstance(metric, MatrixMetric):
        power = "^{-1}" if isinstance(metric, InverseMetric) else ""
        if isinstance(metric.matrix, MatrixBase):
            return "F^{-1}" if power else "M"
        return printer._print(metric.matrix) + power
    if isinstance(metric, DiagonalMetric) and not isinstance(metric.args[0], Tuple):
        return printer._print(metric.args[0])
    return metric.tex(printer)


class MatrixMetric(Metric):
    """M = G, a symmetric matrix over an ordered list of parameters.

    Parameters
    ==========

    matrix : n × n, an explicit Matrix or a MatrixSymbol (taken as symmetric); a scalar for n = 1.
    parameters : the n parameters in the order of its rows; without it, the parameters of the two
    properties
        sorted by name.

    Examples
    ========

    >>> from sympy import Matrix, symbols
    >>> from symprice import MatrixMetric, NTCov, parameters
    >>> g1, g2 = parameters('g1 g2')
    >>> a, b, c = symbols('a b c')
    >>> NTCov(g1, g1*g2, MatrixMetric(Matrix([[a, c], [c, b]]), (g1, g2))).doit()
    g1*c + g2*a
    """

    def __new__(cls, matrix: Any, parameters: Any = ()) -> MatrixMetric:
        matrix = (
            ImmutableDenseMatrix(matrix) if isinstance(matrix, (list, tuple)) else _sympify(matrix)
        )
        if isinstance(matrix, Expr) and not isinstance(matrix, MatrixExpr) and len(parameters) == 1:
            matrix = ImmutableDenseMatrix([[matrix]])
        if isinstance(matrix, MatrixBase):
            matrix = ImmutableDenseMatrix(matrix)
        elif not isinstance(matrix, MatrixExpr):
            raise ShapeError(
                f"asked for a matrix metric of {matrix}: a Matrix or a MatrixSymbol is needed"
            )
        if matrix.shape[0] != matrix.shape[1]:
            raise ShapeError(
                f"a metric is a square matrix, but this one is {matrix.shape[0]} × "
                f"{matrix.shape[1]}"
            )
        if isinstance(matrix, MatrixBase):
            for i in range(matrix.shape[0]):
                for j in range(i):
                    if matrix[i, j] != matrix[j, i] and (matrix[i, j] - matrix[j, i]).expand() != 0:
                        raise ShapeError(
                            f"a metric is symmetric, but its entries ({i + 1}, {j + 1}) and "
                            f"({j + 1}, {i + 1}) "
                            f"are {matrix[i, j]} and {matrix[j, i]}: write (M + M.T)/2 if that is "
                            "meant"
                        )
        order = Tuple(*(_parameter(p) for p in parameters))
        if order and _sympify(matrix.shape[0]).is_Integer and len(order) != matrix.shape[0]:
            raise ShapeError(
                f"the metric is {matrix.shape[0]} × {matrix.shape[0]}, but there are {len(order)} "
                "parameters "
                f"({', '.join(map(str, order))}): write {cls.__name__}(M, (w, b, ...)) with one "
                "for each row"
            )
        if len(set(order)) != len(order):
            raise ShapeError(
                f"the parameters of a metric are distinct, but {', '.join(map(str, order))} repeat"
            )
        return super().__new__(cls, matrix, order)

    @property
    def matrix(self) -> Any:
        """The matrix that was given."""
        return self.args[0]

    @property
    def parameters(self) -> Tuple:
        """The parameters in the order of the rows."""
        return self.args[1]

    def _index(self, u: Parameter) -> int:
        try:
            return list(self.parameters).index(u)
        except ValueError:
            listed = ", ".join(map(str, self.parameters)) or "no parameters"
            raise ShapeError(
                f"asked for the metric's row of {u}, but it is over {listed}: "
                f"write {type(self).__name__}(M, parameters) with {u} among them"
            ) from None

    def _value(self, i: int, j: int) -> Expr:
        return self.matrix[min(i, j), max(i, j)]

    def numeric(self, evaluate: Any, point: Any) -> Any:
        """Its entries; without a list of parameters it is over all of them."""
        if self.parameters:
            return super().numeric(evaluate, point)
        if isinstance(self.matrix, MatrixBase):
            rows = self.matrix.tolist()
            matrix = mpmath.matrix([[evaluate(entry, point) for entry in row] for row in rows])
        else:
            matrix = evaluate(self.matrix, point)
            count = len(parameter_vector(point))
            if matrix.rows != count:
                raise NoRuleError(
                    f"asked for numbers of the metric {self.matrix} of {matrix.rows} rows on "
                    f"{count} parameters: write its size as their number, as d*m + m"
                )
        return matrix**-1 if isinstance(self, InverseMetric) else matrix

    def entry(self, u: Parameter, v: Parameter) -> Expr:
        """The entry in the row of ``u`` and the column of ``v``."""
        return self._value(self._index(u), self._index(v))

    def row(self, u: Parameter) -> Iterable[tuple[Parameter, Expr]]:
        """The row of ``u``, without its zeros."""
        i = self._index(u)
        pairs = [(v, self._value(i, j)) for j, v in enumerate(self.parameters)]
        return [(v, value) for v, value in pairs if value != 0]

    def over(self, symbols: Iterable[Any]) -> MatrixMetric:
        """This metric with an order of parameters, where none was given: sorted by name."""
        known = self.parameters or any(isinstance(s, ParameterMatrix) for s in symbols)
        found = sorted((s for s in symbols if isinstance(s, Parameter)), key=lambda p: p.sort_key())
        return self if known or not found else self.func(self.matrix, found)

    def depends_on(self) -> set[Any]:
        """The symbols in the matrix."""
        return self.matrix.free_symbols

    def on_arrays(self, code: Any, vector: Any) -> Any:
        """`M v` in NumPy code, for a matrix over all trained arrays: its rows go by their names,
        and in each row by row. An inverse is solved for, never formed.
        """
        if not isinstance(self.matrix, MatrixSymbol) or self.parameters:
            raise NoRuleError(
                f"asked for NumPy code of the metric {self} on trained matrices: write a "
                "MatrixSymbol of n rows, one for every entry of the trained arrays"
            )
        named = code.codes[self.matrix]
        is_inverse = isinstance(self, InverseMetric)
        return code.solved(named, vector) if is_inverse else code.product(named, vector)


class InverseMetric(MatrixMetric):
    """M = F⁻¹, the inverse of a symmetric matrix: natural gradient for a Fisher matrix, Newton for
    a Hessian.

    Examples
    ========

    >>> from symprice import InverseMetric, NTVar, Parameter, sigmoid
    >>> b = Parameter('b')
    >>> p = sigmoid(b)
    >>> NTVar(p, InverseMetric([[p*(1 - p)]], (b,))).doit()
    (1 - sigmoid(b))*sigmoid(b)
    """

    def __new__(cls, matrix: Any, parameters: Any = ()) -> InverseMetric:
        metric = super().__new__(cls, matrix, parameters)
        if isinstance(metric.matrix, MatrixBase):
            determinant = within(
                SECONDS, lambda: metric.matrix.det(method="berkowitz").expand(), default=S.One
            )
            if determinant == 0:
                raise ShapeError(
                    "the matrix of an inverse metric is singular (a softmax Fisher matrix is): use "
                    "its pseudo-inverse in a MatrixMetric, or fix one of the parameters"
                )
        return metric

    def _value(self, i: int, j: int) -> Expr:
        if isinstance(self.matrix, MatrixBase):
            return self._inverse()[min(i, j), max(i, j)]
        return self.matrix.inverse()[min(i, j), max(i, j)]

    def _inverse(self) -> Any:
        store = self.__dict__
        if "_inverted" not in store:
            found = within(SECONDS, lambda: self.matrix.inv(method="ADJ"))
            if found is None:
                raise NoRuleError(
                    f"the inverse of {self.matrix} was not found in {SECONDS} s: give it "
                    "yourself, as MatrixMetric(inverse, parameters)"
                )
            store["_inverted"] = found
        return store["_inverted"]


def _parameter(symbol: Any) -> Parameter:
    if not isinstance(symbol, Parameter):
        raise ShapeError(
            f"a metric is over Parameters, but {symbol} is a {type(symbol).__name__}: write "
            f"Parameter('{symbol}')"
        )
    return symbol


def as_metric(given: Any, symbols: set[Any]) -> Metric | None:
    """The metric that ``metric=given`` means for properties in which ``symbols`` occur; None is
    Euclidean.
    """
    if given is None:
        return None
    if isinstance(given, (dict, Mapping)):
        if any(isinstance(key, ParameterMatrix) for key in given):
            from .block_metric import BlockMetric

            return BlockMetric(given)
        return DiagonalMetric(given)
    if isinstance(given, (list, tuple)) and not isinstance(given, Basic):
        given = ImmutableDenseMatrix(given)
    given = expression(given, "the metric")
    if isinstance(given, (MatrixBase, MatrixSymbol, MatrixExpr)):
        given = MatrixMetric(given)
    if isinstance(given, MatrixMetric):
        return given.over(symbols)
    if isinstance(given, Metric):
        return given
    if isinstance(given, Expr):
        return None if given == 1 else DiagonalMetric(given)
    raise ShapeError(
        f"asked for the metric {given!r}: write a dict {{parameter: rate}}, one rate, a Matrix, "
        "MatrixMetric(M, parameters) or InverseMetric(F, parameters)"
    )
