"""What the tangent covariances have in common, scalar and matrix: properties, metric, printing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sympy import Add, Basic, Expr, ImmutableDenseMatrix, Lambda, Tuple, default_sort_key
from sympy.core.function import AppliedUndef
from sympy.core.sympify import _sympify
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.matrices.matrixbase import MatrixBase
from sympy.printing.precedence import PRECEDENCE

from ..derivation import evaluate
from ..errors import NoParameterError, NoRuleError, ShapeError
from ..nodes import Node
from ..symbols import (
    TRAINED,
    Name,
    NameMatrix,
    Observable,
    ObservableVector,
    Parameter,
    depends_on_parameters,
    expression,
)
from .metric import Metric, metric_tex

__all__ = [
    "MATRIX",
    "OfParameters",
    "ScalarOfParameters",
    "TangentCovariance",
    "as_property",
    "entry",
    "require_parameters",
    "size",
]

MATRIX = (MatrixBase, MatrixExpr)


def as_property(given: Any) -> Basic:
    """A property of θ: a scalar, or a column vector of them."""
    asked = "a covariance of expressions"
    if isinstance(given, (list, tuple, Tuple)):
        entries = [expression(entry, asked) for entry in given]
        if not all(isinstance(entry, Expr) and not isinstance(entry, MATRIX) for entry in entries):
            raise ShapeError(f"a vector of properties has scalar entries, but received {given}")
        given = ImmutableDenseMatrix(len(entries), 1, entries)
    expr = expression(given, asked)
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
    if not isinstance(expr, Expr) or isinstance(expr, Lambda):
        raise ShapeError(
            f"a covariance is of expressions, but {given!r} is a {type(given).__name__}"
        )
    if isinstance(expr, Add) and expr.getO() is not None:
        raise ShapeError(
            f"asked for a covariance of {expr}, whose remainder has an unknown gradient: write "
            "expr.removeO()"
        )
    return expr


def require_parameters(name: str, *properties: Basic) -> None:
    """Raise where θ is nowhere, and where a plain Symbol carries the name of a Parameter."""
    free = set().union(*(p.free_symbols for p in properties))
    trained = {symbol for symbol in free if isinstance(symbol, TRAINED)}
    if not trained and not any(isinstance(symbol, (Name, NameMatrix)) for symbol in free):
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
        if isinstance(old, TRAINED):
            structural = old not in self.free_symbols or self._renames(old, new)
        else:  # a function of θ: naming it as a property is no evaluation, a number for it is
            structural = (
                isinstance(old, (Name, AppliedUndef))
                or not isinstance(old, Basic)
                or not (depends_on_parameters(old) and self.has(old))
                or bool(new.atoms(Observable, ObservableVector, Name))
            )
        return None if structural else self._value_for({old: new}).subs(old, new)

    def _xreplace(self, rule: Any) -> Any:
        if self in rule or not isinstance(rule, Mapping):
            return super()._xreplace(rule)
        moved = {s: rule[s] for s in self.free_symbols if isinstance(s, TRAINED) and s in rule}
        if len(set(moved.values())) == len(moved) and all(
            self._renames(old, new) for old, new in moved.items()
        ):
            return super()._xreplace(rule)
        return self._value_for(moved).xreplace(rule), True

    def _value_for(self, rule: Mapping[Any, Any]) -> Any:
        """The value, in which nothing of what is replaced is still differentiated by θ."""
        value = evaluate(self)
        for old, new in rule.items():
            if any(node.has(old) for node in value.atoms(OfParameters)):
                raise NoRuleError(
                    f"asked to put {new} for {old} in {value}, where the gradient of {old} is "
                    "unspecified: put a "
                    "property of Parameters for an Observable, as in expr.subs(P, sigmoid(b)), "
                    "then a number for b"
                )
        return value

    def _renames(self, old: Any, new: Any) -> bool:
        """Whether replacing only gives ``old`` another name: then differentiating afterwards is the
        same.
        """
        if isinstance(old, Parameter):
            return isinstance(new, Parameter) and new not in self.free_symbols
        return isinstance(new, Basic) and depends_on_parameters(new)


class ScalarOfParameters(Node, OfParameters, Expr):
    """The base of scalar nodes that differentiate by θ: SymPy's limits and derivatives of them."""

    __slots__ = ()

    is_commutative = True
    precedence = PRECEDENCE["Mul"]

    def _eval_derivative(self, symbol: Any) -> Any:
        return self.doit().diff(symbol)

    def _eval_nseries(self, x: Any, n: Any, logx: Any, cdir: Any = 0) -> Any:
        value = self._unfolded_in(x)
        return self if value == self else value._eval_nseries(x, n=n, logx=logx, cdir=cdir)

    def _eval_as_leading_term(self, x: Any, logx: Any = None, cdir: Any = 0) -> Any:
        value = self._unfolded_in(x)
        return self if value == self else value.as_leading_term(x, logx=logx, cdir=cdir)

    def _unfolded_in(self, x: Any) -> Any:
        """What SymPy's series see of the node in a variable."""
        return self.doit() if x in self.free_symbols else self


class TangentCovariance(Node, OfParameters):
    """What NTCov and NTVar share, scalar and matrix.

    References
    ==========

    A. Jacot, F. Gabriel, C. Hongler, Neural tangent kernel, NeurIPS 2018.
    """

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

    def rebuilt(self, args: Sequence[Any]) -> Any:
        """The covariance of other properties: 0 where what they unfold to is constant."""
        from .covariance import covariance

        properties = [arg for arg in args if not isinstance(arg, Metric)]
        metric = args[-1] if isinstance(args[-1], Metric) else None
        return covariance(properties[0], properties[-1], metric=metric)

    def diff(self, *symbols: Any, **assumptions: Any) -> Any:
        """The derivative; by a Parameter there is none to give of what has no formula."""
        for symbol in symbols:
            require_formula(self, symbol[0] if isinstance(symbol, (tuple, Tuple)) else symbol)
        return super().diff(*symbols, **assumptions)

    def _tex(self, printer: Any) -> str:
        inner = ", ".join(printer._print(p) for p in self.properties)
        metric = "" if self.metric is None else f"_{{{metric_tex(self.metric, printer)}}}"
        name = type(self).__name__.removesuffix("Matrix")
        return rf"\operatorname{{{name}}}{metric}\left({inner}\right)"

    def _pretty(self, printer: Any) -> Any:
        from sympy.printing.pretty.stringpict import prettyForm

        inner = printer._print_seq(self.args, "(", ")", delimiter=", ")
        return prettyForm(*prettyForm(type(self).__name__.removesuffix("Matrix")).right(inner))

    def _sympystr(self, printer: Any) -> str:
        inner = ", ".join(printer._print(arg) for arg in self.args)
        return f"{type(self).__name__.removesuffix('Matrix')}({inner})"


def require_formula(node: Any, symbol: Any) -> None:
    """Raise where a derivative by a Parameter is asked of unspecified properties."""
    unspecified = node.atoms(Observable, ObservableVector) if isinstance(symbol, Parameter) else ()
    if unspecified:
        shown = min(map(str, unspecified))
        raise NoRuleError(
            f"asked for the derivative of {node} by the parameter {symbol}, but {shown} has no "
            f"formula: write NTCov({node}, {symbol}) for this derivative as a covariance, or put "
            f"a property of Parameters for {shown} first"
        )


def size(prop: Any) -> Any:
    """The number of entries of a property: 1 for a scalar."""
    return _sympify(prop.shape[0] if isinstance(prop, MATRIX) else 1)


def entry(prop: Any, i: Any) -> Any:
    """Entry ``i`` of a property; a scalar is its own only entry."""
    return prop[i, 0] if isinstance(prop, MATRIX) else prop
