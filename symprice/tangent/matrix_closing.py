"""Closed forms of covariances at matrix level, for every width.

The gradients by a trainable array are multiplied entry by entry and summed; that a weight's
gradient is an outer product `δ aᵀ` makes the sum fall apart, `(aᵀa')(δᵀδ')`. What has the same
adjoints is collected, so a layer's weight and bias give `(aᵀa' + 1) δᵀδ'`.
"""

from __future__ import annotations

import warnings
from typing import Any

from sympy import Add, ImmutableDenseMatrix, MatMul, MatrixSymbol, Mul, S, ZeroMatrix

from ..closedform import ClosedForm, ClosedFormMatrix, Definitions, hoist
from ..derivation import Rule
from ..errors import NoRuleError, NothingSharedWarning, ShapeError
from ..indexed.collecting import collected, collected_matrix
from ..indexed.entries import Entry, Index, fresh_index, indices_of
from ..indexed.families import EntriesOf
from ..indexed.lowering import entry, scalar
from ..indexed.naming import prepared
from ..indexed.raising import raised
from ..indexed.sums import summed
from ..symbols import TRAINED, Observable, ObservableVector, Parameter, ParameterMatrix
from .covariance import NTCov, NTVar
from .covariance_matrix import NTCovMatrix, NTVarMatrix
from .free_labels import at_one_sample, free_labels
from .index_pullback import Gradient, Places, index_gradient
from .properties import MATRIX

__all__ = ["MatrixReverseAccumulation", "NothingShared", "contributions", "is_matrix_level"]

DIRECTIONS = ("p", "q")


class MatrixReverseAccumulation(Rule):
    """NTCov(f, g) = Σ over the entries of the trainable arrays of ∂f/∂θ ∂g/∂θ."""

    @property
    def name(self) -> str:
        """'reverse accumulation'."""
        return "reverse accumulation"

    def apply(self, node: Any) -> Any:
        """The closed form, where both properties are made of trainable matrices."""
        if not isinstance(node, (NTCov, NTVar, NTCovMatrix, NTVarMatrix)):
            return None
        first, last = node.properties[0], node.properties[-1]
        if not (is_matrix_level(first) or is_matrix_level(last)):
            return None
        if any(p.atoms(Observable, ObservableVector) for p in (first, last)):
            return None
        if free_labels(first, last):
            sample = at_one_sample(first, last)
            first, last = sample.properties
            return sample.restored(covariance_of_arrays(first, last, node.metric))
        return covariance_of_arrays(first, last, node.metric)


class NothingShared(Rule):
    """NTCov(f, g) = 0 where f and g have no parameter in common."""

    def apply(self, node: Any) -> Any:
        """Zero, said aloud: at matrix level it is more often a slip than a result."""
        if not isinstance(node, (NTCov, NTCovMatrix)):
            return None
        trained = [{s for s in p.free_symbols if isinstance(s, TRAINED)} for p in node.properties]
        every = trained[0] | trained[1]
        if not all(trained) or trained[0] & trained[1] or not any(map(is_matrix_level, every)):
            return None
        if any(isinstance(s, (Observable, ObservableVector)) for s in every):
            return None
        one, other = (", ".join(sorted(map(str, symbols))) for symbols in trained)
        warnings.warn(
            f"the two properties share no parameter (they are trained by {one} and {other}), so "
            "their covariance is 0",
            NothingSharedWarning,
            stacklevel=2,
        )
        return ZeroMatrix(*node.shape) if isinstance(node, NTCovMatrix) else S.Zero


def is_matrix_level(expr: Any) -> bool:
    """Whether a trainable matrix occurs in an expression."""
    return any(isinstance(s, ParameterMatrix) for s in expr.free_symbols)


def covariance_of_arrays(first: Any, last: Any, metric: Any = None) -> Any:
    """The closed form of NTCov of two properties of trainable matrices."""
    return _Gradients(first, last, metric).closed()


def contributions(covariance: Any) -> dict[Any, Any]:
    """What each trainable array contributes to a covariance: which layer learns.

    Parameters
    ==========

    covariance : an NTCov or NTVar of properties of trainable matrices, or the closed form of one.

    Returns {parameter: closed form}; they add up to the covariance.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import MLP, NTCov, contributions, inputs
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> x, y = inputs('x y', d)
    >>> net = MLP(d, m, 1)
    >>> {p: c.expr for p, c in contributions(NTCov(net(x), net(y))).items() if str(p) == 'b1'}
    {b1: ScalarProduct(delta1, delta1_prime)}
    """
    node = getattr(covariance, "origin", None) or covariance
    if not isinstance(node, (NTCov, NTVar, NTCovMatrix, NTVarMatrix)):
        raise ShapeError(
            f"asked for the contributions of the parameters to {covariance}: write an NTCov, or "
            "the closed form of one"
        )
    gradients = _Gradients(node.properties[0], node.properties[-1], node.metric)
    return {symbol: gradients.contribution(symbol) for symbol in gradients.shared()}


class _Gradients:
    """The gradients of two properties, over one list of definitions."""

    def __init__(self, first: Any, last: Any, metric: Any) -> None:
        self.rate = getattr(metric, "uniform_rate", None)
        self.metric = metric if self.rate is None else None
        if self.metric is not None and not hasattr(metric, "applied"):
            remedy = "write BlockMetric({W: rate or matrix, ...}), with a block for each array"
            if hasattr(metric, "on_arrays"):
                remedy = f"it has code, .lambdify() and .source(), but no formula; else {remedy}"
            name = type(metric).__name__
            raise NoRuleError(
                f"asked for a covariance of trainable matrices in a metric of {name}: {remedy}"
            )
        if getattr(metric, "only_along", None) is not None:
            first, last = _loss_last(first, last, metric)
        self.definitions = Definitions(first.free_symbols | last.free_symbols)
        self.adjoints: set[Any] = set()
        self.is_matrix = isinstance(first, MATRIX) or isinstance(last, MATRIX)
        p, self.left = self.gradient(first, DIRECTIONS[0])
        q, self.right = self._again(first, last, p) or self.gradient(last, DIRECTIONS[1])
        self.places = (p, q)

    def gradient(self, prop: Any, direction: str) -> tuple[Any, Gradient]:
        """The index of the entries of a property (0 of a scalar), and its gradient."""
        shape = getattr(prop, "shape", (S.One, S.One))
        if shape[1] != 1:
            raise ShapeError(
                f"asked for a covariance of the matrix {prop} of shape {shape[0]} × {shape[1]}: "
                "take a column of it, as X.T*UnitVector(T, t) for row t, or a scalar, as "
                "Trace(A.T*X)"
            )
        place = S.Zero if shape[0] == 1 else Index(direction, shape[0])
        labels = sorted(map(str, indices_of(prop)))
        if labels:
            raise NoRuleError(
                f"asked for a covariance of {_short(prop)}, which depends on the label "
                f"{', '.join(labels)}: sum over it, as average(..., {labels[0]}), or take an input "
                "of its own, as inputs('x', d)"
            )
        body = hoist(prepared(prop), self.definitions)
        is_matrix = getattr(body, "is_Matrix", False)
        body = entry(body, place, S.Zero) if is_matrix else scalar(body)
        index = place if isinstance(place, Index) else None
        return place, index_gradient(body, self.definitions, _is_coordinate, index, self.adjoints)

    def _again(self, first: Any, last: Any, place: Any) -> tuple[Any, Gradient] | None:
        """The second gradient as the first one with other names, where the second property is the
        first at another input; else None.
        """
        rule = _renaming(first, last)
        if rule is None:
            return None
        for name, value in list(self.definitions.items()):
            moved = value.xreplace(rule)
            if moved != value:
                rule[name] = self.definitions.define(name, moved)
                if name in self.adjoints:
                    self.adjoints.add(rule[name])
        if isinstance(place, Index):
            rule[place] = place = Index(DIRECTIONS[1], place.size)
        return place, {s: (where, e.xreplace(rule)) for s, (where, e) in self.left.items()}

    def shared(self) -> list[Any]:
        """The arrays that both properties depend on, by name."""
        return sorted(self.left.keys() & self.right.keys(), key=_reading_order)

    def closed(self, symbols: Any = None) -> Any:
        """The covariance, of all arrays or of some."""
        symbols = self.left if symbols is None else symbols
        total = self._inner_product([s for s in symbols if s in self.right])
        value = self._in_matrices(total)
        if self.rate is not None:
            value = _times(self.rate, value)
        if self.is_matrix:
            shape = tuple(getattr(i, "size", S.One) for i in self.places)
            if value == 0:
                value = ZeroMatrix(*shape)
            elif not getattr(value, "is_Matrix", False):
                value = ImmutableDenseMatrix([[value]])
        return self.definitions.closing(value)

    def contribution(self, symbol: Any) -> Any:
        """That of one array; of properties with one entry it is a scalar."""
        value = self.closed([symbol])
        if getattr(value, "shape", None) == (1, 1):
            expr = value.expr if isinstance(value, ClosedFormMatrix) else value
            where = value.args[1] if isinstance(value, ClosedFormMatrix) else ()
            return ClosedForm(expr[0, 0], where)
        if isinstance(value, (ClosedForm, ClosedFormMatrix)):
            return value
        return (ClosedFormMatrix if self.is_matrix else ClosedForm)(value, ())

    def _in_matrices(self, total: Any) -> Any:
        """The covariance in matrix notation; where a direction is the label of a family, as the
        matrix of its entries.
        """
        if not any(isinstance(place, Index) for place in self.places):
            return collected(raised(total), self.is_inner)
        plain: list[Any] = []
        labelled: list[Any] = []
        for term in Add.make_args(total):
            (labelled if self._has_labels(term) else plain).append(term)
        row, column = (i if isinstance(i, Index) else None for i in self.places)
        parts = [raised(Add(*plain), row, column)] if plain else []
        if labelled:
            entries = collected(raised(Add(*labelled)), self.is_inner)
            parts.append(EntriesOf(entries, *self.places))
        return collected_matrix(parts) if parts else S.Zero

    def _has_labels(self, term: Any) -> bool:
        """Whether a direction is the label of a family of matrices in a term."""
        return any(
            place in self.places
            for part in term.atoms(Entry)
            for place in part.positions[len(Places.of(part.array).indices) :]
            if isinstance(place, Index)
        )

    def _inner_product(self, symbols: list[Any]) -> Any:
        """Σ over the entries of the arrays of the products, collected by the adjoints in them."""
        terms: dict[Any, list[Any]] = {}
        for symbol in symbols:
            places, gradient = self.left[symbol]
            other = self.right[symbol][1]
            if self.metric is not None:
                other = self.metric.applied(symbol, places, other)
            own = {index: fresh_index(index.size) for index in places.indices}
            for one in Add.make_args(gradient.xreplace(own)):
                for factor in Add.make_args(other.xreplace(own)):
                    product = summed(Mul(one, factor), own.values())
                    for term in Add.make_args(product):
                        key, coefficient = self._split(term)
                        terms.setdefault(key, []).append(coefficient)
        return Add(*(key * Add(*coefficients) for key, coefficients in terms.items()))

    def is_inner(self, factor: Any) -> bool:
        """Whether an adjoint or a direction occurs in a factor."""
        return not self.adjoints.isdisjoint(factor.free_symbols) or any(
            index.name in DIRECTIONS for index in indices_of(factor)
        )

    def _split(self, term: Any) -> tuple[Any, Any]:
        """The factors with adjoints or directions in them, and the others."""
        factors = Mul.make_args(term)
        inner = [f for f in factors if self.is_inner(f)]
        return Mul(*inner), Mul(*(f for f in factors if not self.is_inner(f)))


def _loss_last(first: Any, last: Any, metric: Any) -> tuple[Any, Any]:
    """The two properties, second the one of whose gradient the metric is made."""
    loss = metric.only_along
    if last in (loss, -loss):
        return first, last
    if first in (loss, -loss) and not isinstance(last, MATRIX):
        return last, first
    raise NoRuleError(
        f"asked for a covariance of {_short(first)} and {_short(last)} in a metric that is made of "
        "the gradient of a loss: at matrix level it is known where one of the two is that loss"
    )


def _short(prop: Any) -> str:
    """What a property is, in a line."""
    body = getattr(prop, "expr", prop)
    return str(body)


def _reading_order(symbol: Any) -> tuple[int, str]:
    """By layer, then by name."""
    number = "".join(filter(str.isdigit, symbol.name))
    return int(number or 0), symbol.name


def _times(rate: Any, value: Any) -> Any:
    return MatMul(rate, value) if getattr(value, "is_Matrix", False) else rate * value


def _renaming(first: Any, last: Any) -> dict[Any, Any] | None:
    """What turns one property into the other, where that is an input for an input."""
    if first == last:
        return {}
    own, other = first.free_symbols - last.free_symbols, last.free_symbols - first.free_symbols
    if len(own) != 1 or len(other) != 1:
        return None
    (old,), (new,) = own, other
    if not (isinstance(old, MatrixSymbol) and old.func == new.func and old.shape == new.shape):
        return None
    rule = {old: new}
    return rule if _is_plain(old) and first.xreplace(rule) == last else None


def _is_plain(symbol: Any) -> bool:
    return not isinstance(symbol, (ParameterMatrix, ObservableVector))


def _is_coordinate(symbol: Any) -> bool:
    return isinstance(symbol, (Parameter, ParameterMatrix))
