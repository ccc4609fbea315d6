"""Closed forms at matrix level are held to their covariances; what is wrong is found."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Function, MatrixSymbol, symbols, tanh

from symprice import (
    MLP,
    Activation,
    ClosedForm,
    Conv1D,
    Dense,
    GlobalAveragePool,
    Index,
    Member,
    Network,
    NoRuleError,
    NTCov,
    NTVar,
    ParameterFamily,
    ParameterMatrix,
    ScalarProduct,
    SumOver,
    average,
    check,
    closed_form,
    inputs,
    squared_loss,
)
from symprice.checks import generated_arrays
from symprice.checks.points import Draw
from symprice.checks.realise import Realisation
from symprice.emit import matrix_function
from symprice.indexed.entries import Entry

d, m, k, N, L, C, F = symbols("d m k N L C F", integer=True, positive=True)
x, y = inputs("x y", d)
i = Index("i", N)
data, targets = inputs("x", d, each=i), inputs("y", 1, each=i)


def network():
    return MLP(d, m, 1, activation=tanh)


def loss():
    return average(squared_loss(network()(data), targets), i)


def convolution(padding):
    net = Network(
        Conv1D(C, F, k, padding=padding), Activation(tanh), GlobalAveragePool(), Dense(F, 1)
    )
    return NTCov(net(MatrixSymbol("X", C, L)), net(MatrixSymbol("Y", C, L)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: NTCov(network()(x), loss()),
        lambda: NTVar(loss()),
        lambda: convolution("valid"),
        lambda: convolution("circular"),
    ],
    ids=["net and loss", "loss", "valid", "circular"],
)
def test_families_are_held_to_difference_quotients(make):
    report = check(closed_form(make()), points=2, code=False)
    assert report, report
    assert report.worst < 1e-25


def changed(closed, change):
    """A closed form of the same with something in its formula or its definitions replaced."""
    where = {name: change(definition) for name, definition in closed.definitions.items()}
    return ClosedForm(change(closed.expr), where, closed.origin)


WRONG = {
    "one label for two": lambda e: e.replace(
        lambda node: isinstance(node, ScalarProduct) and len(node.atoms(Member)) == 2,
        lambda node: ScalarProduct(node.args[0], node.args[0]),
    ),
    "a factor": lambda e: e.replace(
        lambda node: isinstance(node, SumOver), lambda node: node * (1 + 10**-9)
    ),
    "no mean": lambda e: e.subs(1 / N, 1),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_formula_with_families_is_refuted(name):
    closed = closed_form(NTVar(loss()))
    wrong = changed(closed, WRONG[name])
    assert wrong.args[:2] != closed.args[:2]
    report = check(wrong, points=2, code=False)
    assert not report and "differ" in str(report)


def test_a_shift_in_the_wrong_direction_is_refuted():
    closed = closed_form(convolution("circular"))
    s = next(node.indices[0] for node in closed.expr.atoms(SumOver))
    wrong = changed(
        closed, lambda e: e.replace(lambda n: type(n).__name__ == "Shift", lambda n: _back(n))
    )
    assert s.size == k and not check(wrong, points=2, code=False)


def _back(node):
    return node.func(node.args[0], -node.args[1], *node.args[2:])


# -- code -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("widths", [(d, m, 1), (d, m, k)], ids=str)
def test_the_code_of_matrix_level_is_run(widths):
    net = MLP(*widths, activation=tanh)
    u, v = inputs("x y", widths[0])
    report = check(closed_form(NTCov(net(u), net(v))), points=5)
    assert report, report
    assert report.code_worst is not None and report.code_worst < 1e-13


@pytest.mark.parametrize(
    "make", [lambda: NTVar(loss()), lambda: convolution("valid")], ids=["loss", "valid"]
)
def test_the_code_of_families_is_run(make):
    report = check(closed_form(make()), points=2)
    assert report, report
    assert report.code_worst is not None and report.code_worst < 1e-13


class Spoiled:
    def __init__(self, closed):
        self.true = TRUE(closed)
        self.inputs, self.parameters = self.true.inputs, self.true.parameters

    def __call__(self, params, *arrays):
        return self.true(params, *arrays) * (1 + 1e-8)


TRUE = matrix_function.MatrixFunction


def test_wrong_code_is_found(monkeypatch):
    monkeypatch.setattr(matrix_function, "MatrixFunction", Spoiled)
    report = check(closed_form(NTVar(network()(x))), points=3)
    assert not report and "the code gives" in str(report)


def test_what_has_no_code_is_noted(monkeypatch):
    def refuse(closed):
        raise NoRuleError("no code for this")

    monkeypatch.setattr(matrix_function, "MatrixFunction", refuse)
    report = check(closed_form(NTVar(network()(x))), points=2)
    assert report and "no code for this" in str(report)
    phi = MLP(d, m, 1, activation=Function("phi"))
    assert "has no formula" in str(check(closed_form(NTVar(phi(x))), points=2))


def test_arrays_are_given_as_generated_code_takes_them(monkeypatch):
    W, b = ParameterMatrix("W", m, d), ParameterMatrix("b", m, 1)
    K, A = ParameterFamily("K", m, d, k), MatrixSymbol("A", d, L)
    eta = symbols("eta", positive=True)
    formula = eta * SumOver(Entry(data.array, 0, i) * Entry(K, 0, 0, Index("s", k)), i)
    formula += Entry(W, 0, 0) * Entry(b, 0) * Entry(x, 0) * Entry(A, 0, 0)
    formula = formula.xreplace({data.array: MatrixSymbol("z", d, 1)})
    given = {}

    class Recorded:
        inputs = (*sorted((MatrixSymbol("z", d, 1), x, A), key=str), eta)
        parameters = (W, b, K)

        def __init__(self, closed):
            pass

        def __call__(self, params, *arrays):
            given.update(params)
            given.update(zip(map(str, self.inputs), arrays, strict=True))
            return 0.0

    monkeypatch.setattr(matrix_function, "MatrixFunction", Recorded)
    realisation = Realisation([formula])
    draw = Draw(realisation, 0, 0)
    generated_arrays.array_code(formula)([draw])
    size = realisation.sizes
    shapes = {name: np.shape(array) for name, array in given.items()}
    assert shapes == {
        "W": (size[m], size[d]),
        "b": (size[m],),
        "K": (size[m], size[d], size[k]),
        "A": (size[d], size[L]),
        "x": (size[d],),
        "z": (size[N], size[d]),
        "eta": (),
    }
    assert given["K"][1, 0, 1] == float(draw(Member(K, 1))[1, 0])
    assert given["z"][1, 1] == float(draw(Member(MatrixSymbol("z", d, 1), 1))[1])
