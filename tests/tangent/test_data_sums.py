"""Losses over data sets: sums over an index of samples, with other properties and each other."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Function, KroneckerDelta, MatrixSymbol, Mod, Symbol, exp, sqrt, tanh

from symprice import (
    MLP,
    Elementwise,
    Index,
    Member,
    NTCov,
    Parameter,
    ParameterFamily,
    ParameterMatrix,
    ScalarProduct,
    SumOver,
    average,
    check,
    closed_form,
    cross_entropy,
    inputs,
    relu,
    softmax,
    squared_loss,
)
from symprice.indexed.entries import Entry
from tests.tangent.steps import Case, M, N, Point, computes, d, holds, k, m, mlp

x, one = inputs("x", d), inputs("t", k)
X, Y = MatrixSymbol("X", d, 1), MatrixSymbol("Y", k, 1)
i, j, r = Index("i", N), Index("j", N), Index("r", M)
net = MLP(d, m, k, activation=tanh)


def f(label):
    return net(Member(X, label))


def error(label):
    return squared_loss(f(label), Member(Y, label))


def entropy_of(label):
    return cross_entropy(f(label), Member(Y, label))


def outputs(p):
    return np.array([mlp(p, sample) for sample in p["X"]])


def squared(p):
    return ((outputs(p) - p["Y"]) ** 2).sum(1) / 2


def crossed(p):
    F = outputs(p)
    return np.log(np.exp(F).sum(1)) - (p["Y"] * F).sum(1)


def grids(p):
    """The outputs where the samples have two labels."""
    return np.array([[mlp(p, sample) for sample in row] for row in p["X"]])


def variance(p):
    F = outputs(p)
    return ((F - F.mean(0)) ** 2).sum(1).mean()


def pairs(hand):
    """A sum over all pairs of samples of a function of their scalar product."""
    return lambda p: (lambda F: hand(F @ F.T))(outputs(p))


AT_X = Case(net(x), lambda p: mlp(p, p["x"]))
LOSS = Case(average(error(i), i), lambda p: squared(p).mean())
CROSS = Case(average(entropy_of(i), i), lambda p: crossed(p).mean())
both = Member(X, i, r)
weights = ParameterMatrix("w", N, 1)
CASES = {
    "a squared loss": LOSS,
    "a cross-entropy": CROSS,
    "the sum of the outputs": Case(SumOver(f(i), i), lambda p: outputs(p).sum(0)),
    "a function of a loss": Case(exp(LOSS.expr), lambda p: np.exp(squared(p).mean())),
    "two losses": Case(
        LOSS.expr + CROSS.expr**2 * LOSS.expr,
        lambda p: squared(p).mean() * (1 + crossed(p).mean() ** 2),
    ),
    "a penalty": Case(
        LOSS.expr + Symbol("rho") * sum(ScalarProduct(p, p) for p in net.parameters),
        lambda p: (
            squared(p).mean()
            + p["rho"] * sum((p[name] ** 2).sum() for name in ("W1", "b1", "W2", "b2"))
        ),
    ),
    "pairs": Case(
        SumOver(tanh(ScalarProduct(f(i), f(j))), i, j), pairs(lambda G: np.tanh(G).sum())
    ),
    "a sum of squared sums": Case(
        SumOver(SumOver(tanh(ScalarProduct(f(i), f(j))), i) ** 2, j),
        pairs(lambda G: (np.tanh(G).sum(0) ** 2).sum()),
    ),
    "different samples": Case(
        SumOver((1 - KroneckerDelta(i, j)) * ScalarProduct(f(i), f(j)), i, j),
        pairs(lambda G: G.sum() - np.trace(G)),
    ),
    "neighbours": Case(
        SumOver(ScalarProduct(f(i), net(Member(X, Mod(i + 1, N)))), i),
        lambda p: (outputs(p) * np.roll(outputs(p), -1, 0)).sum(),
    ),
    "two labels": Case(
        average(ScalarProduct(net(both), net(both)), i, r), lambda p: (grids(p) ** 2).sum(2).mean()
    ),
    "a mean of functions of means": Case(
        average(tanh(average(ScalarProduct(net(both), net(both)), r)), i),
        lambda p: np.tanh((grids(p) ** 2).sum(2).mean(1)).mean(),
    ),
    "with a fixed input": Case(
        average(ScalarProduct(f(i), net(x)), i), lambda p: outputs(p).mean(0) @ mlp(p, p["x"])
    ),
    "relu": Case(
        SumOver(ScalarProduct(Elementwise(relu, f(i)), Member(Y, i)), i),
        lambda p: (np.where(outputs(p).real > 0, outputs(p), 0) * p["Y"]).sum(),
    ),
    "norms": Case(
        SumOver(sqrt(ScalarProduct(f(i), f(i))), i),
        lambda p: np.sqrt((outputs(p) ** 2).sum(1)).sum(),
    ),
    "the loss of a mean": Case(
        squared_loss(SumOver(f(i), i) / N, one),
        lambda p: ((outputs(p).mean(0) - p["t"]) ** 2).sum() / 2,
    ),
    "the variance of the outputs": Case(
        average(ScalarProduct(f(i), f(i)), i)
        - ScalarProduct(SumOver(f(i), i) / N, SumOver(f(j), j) / N),
        variance,
    ),
    "numbered samples": Case(
        SumOver((i + 1) * error(i), i), lambda p: np.arange(1, 4) @ squared(p)
    ),
    "weighted samples": Case(
        SumOver(Entry(MatrixSymbol("w", N, 1), i) * error(i), i), lambda p: p["w"] @ squared(p)
    ),
    "trained weights": Case(
        SumOver(softmax(weights)[i, 0] * error(i), i) + ScalarProduct(weights, weights) ** 2,
        lambda p: np.exp(p["w"]) @ squared(p) / np.exp(p["w"]).sum() + ((p["w"] ** 2).sum()) ** 2,
    ),
    "a trained factor": Case(
        SumOver(Parameter("s") ** 2 * error(i), i), lambda p: p["s"] ** 2 * squared(p).sum()
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_formula(name):
    assert holds(CASES[name], AT_X)
    assert holds(CASES[name], CROSS if "labels" not in name and "means" not in name else AT_X)


@pytest.mark.parametrize("name", CASES)
def test_the_code(name):
    assert computes(CASES[name], AT_X)


@pytest.mark.parametrize("name", ["a squared loss", "two labels", "different samples"])
def test_a_sum_with_itself(name):
    assert holds(CASES[name], CASES[name])
    assert computes(CASES[name], CASES[name])


def test_two_samples_by_number():
    """A sample with a number is a member too; the others say how many there are."""
    first = Case(net(Member(X, 0)), lambda p: mlp(p, p["X"][0]))
    other = Case(
        net(Member(X, 2)) + SumOver(f(i), i), lambda p: mlp(p, p["X"][2]) + outputs(p).sum(0)
    )
    assert holds(first, other)
    report = check(closed_form(NTCov(first.expr, net(Member(X, 1)))), code=False, points=2)
    assert report, report


@pytest.mark.parametrize("name", ["p", "q", "_1", "_row", "_column", "_label", "_fresh0", "s", "t"])
def test_any_name_of_the_index(name):
    index = Index(name, N)
    loss = Case(average(squared_loss(f(index), Member(Y, index)), index), LOSS.hand)
    total = Case(SumOver(f(index), index), CASES["the sum of the outputs"].hand)
    assert holds(loss, AT_X)
    assert holds(total, AT_X)
    assert holds(total, loss)


def test_trained_inputs():
    codes = ParameterFamily("Z", d, 1, N)
    case = Case(
        SumOver(squared_loss(net(Member(codes, i)), Member(Y, i)), i),
        lambda p: sum(((mlp(p, p["Z"][:, n]) - p["Y"][n]) ** 2).sum() / 2 for n in range(3)),
    )
    assert holds(case, AT_X)
    assert holds(case, case)


def test_an_unspecified_activation():
    g = MLP(d, m, 1, activation=Function("phi"))
    loss = average(ScalarProduct(g(Member(X, i)), g(Member(X, i))) ** 2, i)
    report = check(closed_form(NTCov(loss, g(x))), code=False, points=1, digits=15)
    assert report, report


def test_the_label_of_a_sample_is_no_sum():
    """NTCov(f(x_i), f(x_j)) for free i and j is one entry of the Gram matrix."""
    report = check(closed_form(NTCov(f(i), f(j))), code=False, points=1, digits=15)
    assert report, report


def test_a_sum_of_covariances_at_samples_is_the_covariance_of_the_sum():
    formula = closed_form(SumOver(NTCov(net(x), f(i)), i))
    report = check(formula, code=False, points=1, digits=15)
    assert report, report
    point = Point(net(x), SumOver(f(i), i))
    whole = closed_form(NTCov(net(x), SumOver(f(i), i)))
    assert np.allclose(point.number(formula), point.number(whole), rtol=1e-13)


def test_a_sample_has_the_formula_of_an_input():
    point = Point(net(x), SumOver(f(i), i))
    formula = closed_form(NTCov(SumOver(f(i), i), net(x)))
    plain = closed_form(NTCov(net(inputs("y", d)), net(x)))
    total = 0
    for n in range(3):
        point.exact[MatrixSymbol("y", d, 1)] = point.exact[X][n]
        total = total + point.number(plain)
    assert np.allclose(point.number(formula), total, rtol=1e-13)
