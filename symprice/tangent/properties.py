"""What the tangent covariances have in common, scalar and matrix: properties, metric, printing."""

from __future__ import annotations

from typing import Any

from sympy import Basic, Expr, ImmutableDenseMatrix, Tuple, default_sort_key
from sympy.core.sympify import _sympify
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.matrices.matrixbase import MatrixBase

from ..errors import NoParameterError, NoRuleError, ShapeError
from ..nodes import Node
from ..symbols import TRAINED, Name, Parameter, depends_on_parameters
from .metric import DiagonalMetric, InverseMetric, MatrixMetric, Metric

__all__ = [
    "MATRIX",
    "OfParameters",
    "TangentCovariance",
    "as_property",
    "entry",
    "require_parameters",
    "size",
]

MATRIX = (MatrixBase, MatrixExpr)


def as_property(given: Any) -> Basic:
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


def require_parameters(name: str, *properties: Basic) -> None:
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


class OfParameters(Basic):
    """Mixin of what differentiates by θ: replacing a parameter means evaluating first."""

    __slots__ = ()

    def _eval_subs(self, old: Any, new: Any) -> Any:
        if isinstance(old, TRAINED) and old in self.free_symbols and not self._renames(old, new):
            value = self.doit()
            if any(old in node.free_symbols for node in value.atoms(OfParameters)):
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


class TangentCovariance(Node, OfParameters):
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
    if isinstance(metric, MatrixMetric):
        power = "^{-1}" if isinstance(metric, InverseMetric) else ""
        if isinstance(metric.matrix, MatrixBase):
            return "F^{-1}" if power else "M"
        return printer._print(metric.matrix) + power
    if isinstance(metric, DiagonalMetric) and not isinstance(metric.args[0], Tuple):
        return printer._print(metric.args[0])
    return "M"


def size(prop: Any) -> Any:
    """The number of entries of a property: 1 for a scalar."""
    return _sympify(prop.shape[0] if isinstance(prop, MATRIX) else 1)


def entry(prop: Any, i: Any) -> Any:
    """Entry ``i`` of a property; a scalar is its own only entry."""
    return prop[i, 0] if isinstance(prop, MATRIX) else prop
