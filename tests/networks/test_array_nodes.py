"""The pullbacks of array nodes against difference quotients of NumPy, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from sympy import Matrix, MatrixSymbol, Rational, Symbol, latex, log

from symprice import NameMatrix, Parameter
from symprice.array_nodes import RMSNormalized, RMSNormalizedRows, Standardized, StandardizedRows
from symprice.arrays import ArrayNode, LogSumExp, SoftmaxRows, SoftmaxVector, companion
from symprice.closedform import Definitions
from symprice.errors import NoRuleError, ShapeError
from symprice.symbols import Name
from tests.networks.evaluation import T, d, random_array, value

EPS = Rational(1, 5)
column, square, rows = MatrixSymbol("u", d, 1), MatrixSymbol("S", T, T), MatrixSymbol("X", T, d)
NODES = {
    "softmax": SoftmaxVector(column),
    "softmax of rows": SoftmaxRows(rows),
    "causal softmax": SoftmaxRows(square, causal=True),
    "standardized": Standardized(column, EPS),
    "standardized rows": StandardizedRows(rows, EPS),
    "rms": RMSNormalized(column, EPS),
    "rms of rows": RMSNormalizedRows(rows, EPS),
}


class Named:
    """Gives names, and remembers what they stand for."""

    def __init__(self):
        self.definitions = Definitions()

    def __call__(self, letter, expr):
        matrix = getattr(expr, "is_Matrix", False)
        return self.definitions.define(
            NameMatrix(letter, *expr.shape) if matrix else Name(letter), expr
        )

    def values(self, given):
        given = dict(given)
        for name, expr in self.definitions.items():
            given[name] = value(expr, given)
        return given


def difference_quotients(function, at):
    """The gradient of a scalar function of an array, to about 1e-9."""
    gradient, h = np.zeros_like(at), 1e-5
    for place in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[place] += h
        down[place] -= h
        gradient[place] = (function(up) - function(down)) / (2 * h)
    return gradient


@pytest.mark.parametrize("name", NODES)
def test_the_pullback_is_the_transposed_derivative(name):
    node, rng, define = NODES[name], np.random.default_rng(5), Named()
    at, direction = random_array(node.argument, rng), random_array(node, rng)
    shown, adjoint = NameMatrix("z2_prime", *node.shape), MatrixSymbol("D", *node.shape)
    pulled = node.pull(shown, adjoint, define)
    assert pulled.shape == node.argument.shape
    given = define.values({node.argument: at, shown: value(node, {node.argument: at})})
    found = value(pulled, {**given, adjoint: direction})
    expected = difference_quotients(
        lambda x: np.sum(direction * value(node, {node.argument: x})), at
    )
    np.testing.assert_allclose(found, expected, atol=2e-9)
    # What is named is named beside the value, and without its argument the pullback is short.
    assert all(str(n).endswith("2_prime") for n, _ in define.definitions.items())
    assert node.argument not in pulled.free_symbols


@pytest.mark.parametrize("name", ["softmax", "standardized", "rms"])
def test_the_jacobian_says_the_same(name):
    node, rng = NODES[name], np.random.default_rng(6)
    given = {node.argument: random_array(node.argument, rng), Symbol("D"): 0}
    ((jacobian, argument),) = node.jacobians()
    assert argument == node.argument
    adjoint = MatrixSymbol("D", *node.shape)
    given[adjoint] = random_array(node, rng)
    jacobian = jacobian.replace(
        lambda e: isinstance(e, sympy.DiagMatrix) or isinstance(e, sympy.Identity),
        lambda e: MatrixSymbol("_diagonal" if isinstance(e, sympy.DiagMatrix) else "_one", d, d),
    )
    given[MatrixSymbol("_one", d, d)] = np.eye(4)
    given[MatrixSymbol("_diagonal", d, d)] = np.diag(value(node, given).ravel())
    found = value(jacobian, given).T @ given[adjoint]
    define = Named()
    pulled = node.pull(node, adjoint, define)
    np.testing.assert_allclose(found, value(pulled, define.values(given)), rtol=1e-12)


def test_the_gradient_of_the_normaliser_is_the_softmax():
    node, define, factor = LogSumExp(column), Named(), Symbol("a")
    at = random_array(column, np.random.default_rng(7))
    pulled = node.pull(node, factor, define)
    found = value(pulled, {**define.values({column: at}), factor: 2.5})
    weights = np.exp(at)
    np.testing.assert_allclose(found, 2.5 * weights / weights.sum(), rtol=1e-14)


def test_a_row_sees_only_what_came_before():
    found = value(NODES["causal softmax"], {square: np.zeros((3, 3))})
    third = 1 / 3
    expected = [[1, 0, 0], [0.5, 0.5, 0], [third, third, third]]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_the_normaliser_of_known_logits():
    s, t = sympy.symbols("s t", real=True)
    node = LogSumExp(Matrix([s, 2 * t]))
    expected = log(sympy.exp(s) + sympy.exp(2 * t))
    assert node.doit() == expected and LogSumExp([s, t]).free_symbols == {s, t}
    assert sympy.expand(node.diff(t) - expected.diff(t)) == 0
    assert node.diff(Symbol("r")) == 0
    assert LogSumExp(column).doit() == LogSumExp(column)
    with pytest.raises(NoRuleError, match="closed form"):
        LogSumExp(s * column).diff(s)


def test_names_beside_names():
    assert companion(NameMatrix("z2_prime", 3, 1), "s") == "s2_prime"
    assert companion(NameMatrix("logits", 3, 1), "p") == "p"
    assert companion(NameMatrix("h1_2", 3, 1), "mu") == "mu1_2"
    assert companion(column + column, "p") == "p"


@pytest.mark.parametrize("name", NODES)
def test_the_arguments_say_everything(name):
    node = NODES[name]
    assert node.func(*node.args) == node and hash(node.func(*node.args)) == hash(node)
    assert latex(node).count("{") == latex(node).count("}")
    assert node.subs(d, 3).shape == node.argument.subs(d, 3).shape


def test_what_is_refused():
    with pytest.raises(NoRuleError, match="trained"):
        Standardized(column, Parameter("e"))
    with pytest.raises(NoRuleError, match="trained"):
        StandardizedRows(rows, EPS * Symbol("e")).subs(Symbol("e"), Parameter("e"))
    with pytest.raises(ShapeError, match="eps"):
        RMSNormalized(column, column)
    with pytest.raises(ShapeError, match="column"):
        Standardized(rows, EPS)
    with pytest.raises(ShapeError, match="matrix"):
        SoftmaxRows(Symbol("x"))
    with pytest.raises(NoRuleError, match="pullback"):
        SoftmaxRows(rows).jacobians()
    with pytest.raises(NoRuleError, match="pullback"):
        ArrayNode(column).jacobians()
