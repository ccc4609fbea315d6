"""Covariances by complex steps: what is derived is held against NumPy functions written by hand.

A hand-written property is a function of a dict {name: array}, columns as vectors; nothing of the
package is used to differentiate it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from sympy import Add, Float, Integer, MatrixSymbol, preorder_traversal, symbols
from sympy import Matrix as Explicit

from symprice import Member, NTCov, Parameter, ParameterMatrix, ScalarProduct, closed_form
from symprice.checks.oracle import value
from symprice.closedform import ClosedForm, ClosedFormMatrix

d, m, n, k, N, M, T = symbols("d m n k N M T", integer=True, positive=True)
# Distinct, so that a transposed matrix does not fit by accident.
SIZES = {d: 3, m: 4, n: 5, k: 2, N: 3, M: 2, T: 3}
TOLERANCE = 1e-12

Hand = Callable[[Mapping[str, Any]], Any]


class Point:
    """Random numbers for all symbols of some properties."""

    def __init__(self, *props: Any, sizes: Mapping[Any, int] | None = None, seed: int = 0) -> None:
        self.sizes = SIZES if sizes is None else dict(sizes)
        self.arrays: dict[str, Any] = {}
        self.trained: list[str] = []
        self.exact: dict[Any, Any] = _integers(self.sizes)
        generator = np.random.default_rng(seed)
        labels = _labels(props)
        free = set().union(*(prop.free_symbols for prop in props))
        for symbol in sorted(free, key=lambda s: s.name):
            if symbol in self.sizes:
                continue
            shape = self._shape(symbol, labels)
            array = np.round(generator.uniform(-0.9, 0.9, shape) * 2**20) / 2**20
            if getattr(symbol, "is_positive", False):
                array = np.abs(array) + 0.5
            self.arrays[symbol.name] = array if shape else float(array)
            self.exact[symbol] = _exact(symbol, array, labels)
            if isinstance(symbol, (Parameter, ParameterMatrix)):
                self.trained.append(symbol.name)

    def size(self, side: Any) -> int:
        """A size as an integer."""
        return int(side if isinstance(side, int) else side.xreplace(_integers(self.sizes)))

    def _shape(self, symbol: Any, labels: Mapping[Any, tuple[Any, ...]]) -> tuple[int, ...]:
        if not isinstance(symbol, MatrixSymbol):
            return ()
        rows, columns = map(self.size, symbol.shape)
        own = (rows,) if symbol.shape[1] == 1 else (rows, columns)
        if hasattr(symbol, "size"):
            return (*own, self.size(symbol.size))
        return (*map(self.size, labels.get(symbol, ())), *own)

    def gradient(self, hand: Hand) -> Any:
        """The derivatives of a property by all that is trained, (entries, parameters)."""
        rows = []
        for name in self.trained:
            given = np.asarray(self.arrays[name])
            for place in np.ndindex(given.shape):
                moved = given.astype(complex)
                moved[place] += 1e-30j
                changed = {**self.arrays, name: moved if given.shape else complex(moved)}
                rows.append(np.atleast_1d(hand(changed)).imag / 1e-30)
        return np.array(rows).T

    def covariance(self, first: Hand, last: Hand, metric: Any = None) -> Any:
        """Σ ∂f ∂g, or ∇fᵀ M ∇g."""
        left, right = self.gradient(first), self.gradient(last)
        return left @ right.T if metric is None else left @ metric @ right.T

    def number(self, formula: Any) -> Any:
        """The value of a closed form, at least a matrix."""
        found = value(formula, self.exact, 18)
        if not hasattr(found, "tolist"):
            return np.array([[float(found)]])
        return np.array(found.tolist(), dtype=float)

    def compute(self, formula: Any) -> Any:
        """What the generated NumPy function of a closed form returns."""
        function = formula.lambdify()
        trained = {name: self.arrays[name] for name in self.trained}
        return function(trained, *(self.arrays[symbol.name] for symbol in function.inputs))


def _labels(props: Any) -> dict[Any, tuple[Any, ...]]:
    """The sizes of the labels of the families of data."""
    found = {}
    for prop in props:
        for node in preorder_traversal(prop):
            if isinstance(node, Member) and not hasattr(node.array, "size"):
                sizes = tuple(getattr(index, "size", None) for index in node.labels)
                if None not in sizes:
                    found[node.array] = sizes
    return found


def _integers(sizes: Mapping[Any, int]) -> dict[Any, Any]:
    return {symbol: Integer(number) for symbol, number in sizes.items()}


def _exact(symbol: Any, array: Any, labels: Mapping[Any, Any]) -> Any:
    """A number or a matrix; of a family, one for every label."""
    if not isinstance(symbol, MatrixSymbol):
        return Float(float(array), 30)
    column = symbol.shape[1] == 1
    if hasattr(symbol, "size"):
        return {s: _matrix(array[..., s], column) for s in range(array.shape[-1])}
    count = len(labels.get(symbol, ()))
    if not count:
        return _matrix(array, column)
    places = np.ndindex(array.shape[:count])
    return {p[0] if count == 1 else p: _matrix(array[p], column) for p in places}


def _matrix(array: Any, column: bool) -> Any:
    rows = [[entry] for entry in array] if column else array
    return Explicit([[Float(float(entry), 30) for entry in row] for row in rows])


def close(found: Any, wanted: Any) -> bool:
    """Whether two arrays agree, relative to the larger of them and 1."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape, (found.shape, wanted.shape)
    return bool(np.abs(found - wanted).max() <= TOLERANCE * max(1.0, np.abs(wanted).max()))


class Case(NamedTuple):
    """A property, and what it is by hand."""

    expr: Any
    hand: Hand

    @property
    def moved(self) -> Case:
        """The same at the input y instead of x."""
        x = [s for s in self.expr.free_symbols if getattr(s, "name", "") == "x"]
        if not x:
            return self
        rule = {x[0]: MatrixSymbol("y", *x[0].shape)}
        return Case(self.expr.xreplace(rule), lambda p: self.hand({**p, "x": p["y"]}))


def norms(expr: Any) -> Case:
    """A scalar that all parameters of an expression move: Σ ‖θ‖⁴, and Σ s³ of scalars."""
    scalars = sorted((s for s in expr.free_symbols if isinstance(s, Parameter)), key=str)
    arrays = [s for s in expr.free_symbols if isinstance(s, ParameterMatrix)]
    arrays = sorted((s for s in arrays if not hasattr(s, "size")), key=str)
    total = Add(*(s**3 for s in scalars), *(ScalarProduct(W, W) ** 2 for W in arrays))

    def hand(p: Any) -> Any:
        cubes = sum(p[s.name] ** 3 for s in scalars)
        return cubes + sum((p[W.name] ** 2).sum() ** 2 for W in arrays)

    return Case(total, hand)


def holds(first: Any, last: Any, sizes: Any = None, metric: Any = None, seed: int = 0) -> bool:
    """Whether the closed form of the covariance of two cases is what complex steps give."""
    formula = closed_form(NTCov(first.expr, last.expr, metric))
    assert isinstance(formula, (ClosedForm, ClosedFormMatrix))
    point = Point(first.expr, last.expr, sizes=sizes, seed=seed)
    return close(point.number(formula), point.covariance(first.hand, last.hand))


def computes(first: Any, last: Any, sizes: Any = None, seed: int = 0) -> bool:
    """Whether the generated function of that closed form is."""
    formula = closed_form(NTCov(first.expr, last.expr))
    point = Point(first.expr, last.expr, sizes=sizes, seed=seed)
    wanted = point.covariance(first.hand, last.hand)
    return close(point.compute(formula), wanted.squeeze())


def softmax_by_hand(z: Any) -> Any:
    """exp(z_i) / Σ_j exp(z_j) along the last axis."""
    weights = np.exp(z)
    return weights / weights.sum(-1, keepdims=True)


def dense(weight: Any, x: Any) -> Any:
    """W x; a weight with one column comes as a vector."""
    return (weight if np.ndim(weight) == 2 else weight[:, None]) @ x


def mlp(p: Any, x: Any, depth: int = 2, act: Any = np.tanh) -> Any:
    """W_L act(… act(W_1 x + b_1) …) + b_L; without biases where there are none."""
    for layer in range(1, depth + 1):
        x = dense(p[f"W{layer}"], x) + p.get(f"b{layer}", 0)
        x = act(x) if layer < depth else x
    return x
