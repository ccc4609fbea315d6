"""SymPy's own derivative by one entry, `f[0, 0].diff(W[k, l])`, at symbolic widths, as an oracle.

It is taken entry by entry of plain matrix symbols, multiplied, and only then the sizes become
numbers; the kernel is the sum over all entries of all parameters.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sympy import Float, HadamardProduct, Integer, MatrixSymbol, Sum, Symbol, exp, symbols, tanh
from sympy.matrices.expressions.matexpr import MatrixElement

from symprice import Elementwise, NTCov, ParameterMatrix, ScalarProduct, closed_form, softmax
from tests.tangent.steps import SIZES, Case, Point, close, d, k, m

i, j, r, c = symbols("i j r c", integer=True, nonnegative=True)


class Written:
    """An expression in plain symbols for SymPy, and the same in trainable matrices."""

    def __init__(self, make, shapes, column=True):
        self.shapes = shapes
        self.plain = {name: MatrixSymbol(name, *shape) for name, shape in shapes.items()}
        trained = {name: ParameterMatrix(name, *shape) for name, shape in shapes.items()}
        self.x, self.y = (MatrixSymbol(letter, d, 1) for letter in "xy")
        self.entry = make(self.plain, self.x, True)
        self.ours = [make(trained, u, False) for u in (self.x, self.y)]

    def derivative(self, name):
        """Of entry r of the property, by entry (i, j) of a parameter."""
        symbol = self.plain[name]
        column = 0 if self.shapes[name][1] == 1 else j
        return self.entry.diff(symbol[i, column]).doit()


def evaluated(expr, arrays, numbers):
    """The number of an index expression: sums written out, entries put in."""
    sizes = {symbol: Integer(n) for symbol, n in SIZES.items()}
    expr = expr.xreplace(sizes | numbers).doit()
    entries = {}
    for element in expr.atoms(MatrixElement):
        array = arrays[element.parent.name]
        place = tuple(map(int, element.args[1:]))
        entries[element] = Float(float(array[place[:1] if array.ndim == 1 else place]), 20)
    return float(expr.xreplace(entries).evalf(18))


def network(p, u, plain):
    """W₂ tanh(W₁ x + b₁) + b₂."""
    h = p["W1"] * u + p["b1"]
    if plain:
        return (p["W2"] * h.applyfunc(tanh) + p["b2"])[r, 0]
    return p["W2"] * Elementwise(tanh, h) + p["b2"]


def tied(p, u, plain):
    """Wᵀ tanh(W x)."""
    h = p["W"] * u
    return (p["W"].T * h.applyfunc(tanh))[r, 0] if plain else p["W"].T * Elementwise(tanh, h)


def gated(p, u, plain):
    """(U x) ∘ (G x), times the square of a norm."""
    if plain:
        norm = Sum(p["U"][i, c] * u[c, 0], (c, 0, d - 1)).xreplace({i: r})
        return norm * (p["G"] * u)[r, 0]
    return HadamardProduct(p["U"] * u, p["G"] * u)


def probabilities(p, u, plain):
    """softmax(W x)."""
    if not plain:
        return softmax(p["W"] * u)
    total = Sum(exp((p["W"] * u)[c, 0]), (c, 0, k - 1))
    return exp((p["W"] * u)[r, 0]) / total


def squares(p, u, plain):
    """‖W x‖² b, all of whose entries share a scalar."""
    if plain:
        return Sum((p["W"] * u)[c, 0] ** 2, (c, 0, m - 1)) * p["b"][r, 0]
    return ScalarProduct(p["W"] * u, p["W"] * u) * p["b"]


CASES = {
    "two layers": (network, {"W1": (m, d), "b1": (m, 1), "W2": (k, m), "b2": (k, 1)}, k),
    "tied": (tied, {"W": (m, d)}, d),
    "gated": (gated, {"U": (m, d), "G": (m, d)}, m),
    "softmax": (probabilities, {"W": (k, d)}, k),
    "a shared scalar": (squares, {"W": (m, d), "b": (k, 1)}, k),
}


@pytest.mark.parametrize("name", CASES)
def test_the_kernel(name):
    make, shapes, rows = CASES[name]
    written = Written(make, shapes)
    first, last = written.ours
    point = Point(first, last)
    arrays = point.arrays
    gradients = []
    for letter in "xy":
        seen = {**arrays, "x": arrays[letter]}
        parts = []
        for parameter, shape in shapes.items():
            derivative = written.derivative(parameter)
            assert not derivative.has(MatrixSymbol) or derivative.has(MatrixElement)
            places = product(*(range(point.size(side)) for side in shape))
            for place in places:
                numbers = {i: Integer(place[0]), j: Integer(place[1])}
                parts.append(
                    [
                        evaluated(derivative, seen, numbers | {r: Integer(row)})
                        for row in range(point.size(rows))
                    ]
                )
        gradients.append(np.array(parts).T)
    wanted = gradients[0] @ gradients[1].T
    assert close(point.number(closed_form(NTCov(first, last))), wanted)


def test_the_entries_are_those_of_the_property():
    """The two ways of writing a case are the same function."""
    for make, shapes, rows in CASES.values():
        written = Written(make, shapes)
        point = Point(*written.ours)
        value = [
            [evaluated(written.entry, point.arrays, {r: Integer(row)})]
            for row in range(point.size(rows))
        ]
        assert close(point.number(written.ours[0]), value)
    assert Case(Symbol("x"), None).hand is None
