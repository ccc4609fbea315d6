"""Covariances of trainable matrices in a metric, against ∇fᵀ M ∇g by complex steps."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import (
    DiagMatrix,
    Identity,
    KroneckerProduct,
    Matrix,
    MatrixSymbol,
    Symbol,
    symbols,
    tanh,
)

from symprice import (
    MLP,
    BlockMetric,
    NTCov,
    NTVar,
    Parameter,
    ParameterMatrix,
    ShapeError,
    closed_form,
    contributions,
    inputs,
    squared_loss,
)
from tests.tangent.steps import Case, Point, close, d, dense, k, m, mlp

x, y, target = *inputs("x y", d), inputs("t", k)
net = MLP(d, m, k, activation=tanh)
W1, b1, W2, b2 = net.parameters
F = Case(net(x), lambda p: mlp(p, p["x"]))
LOSS = Case(squared_loss(net(x), target), lambda p: ((mlp(p, p["x"]) - p["t"]) ** 2).sum() / 2)
eta, rho, damping = symbols("eta rho lambda", positive=True)
A, B, v = MatrixSymbol("A", d, d), MatrixSymbol("B", m, m), MatrixSymbol("v", m, 1)
Q = MatrixSymbol("Q", m * d, m * d)
FROZEN = {b1: 0, W2: 0, b2: 0}


def stacked(block, rows, columns):
    """A block on the columns of a matrix stacked, as one on its rows one after another."""
    order = np.arange(rows * columns).reshape(columns, rows).T.ravel()
    return block[np.ix_(order, order)]


def metric_by_hand(point, blocks):
    """M, by the names of the arrays in the order of the point."""
    sizes = [np.size(point.arrays[name]) for name in point.trained]
    whole = np.zeros((sum(sizes),) * 2)
    start = 0
    for name, size in zip(point.trained, sizes, strict=True):
        block = blocks[name]
        part = slice(start, start + size)
        whole[part, part] = block * np.eye(size) if np.ndim(block) == 0 else block
        start += size
    return whole


def symmetric(point, symbol):
    """Make a drawn matrix symmetric."""
    array = point.arrays[symbol.name]
    point.arrays[symbol.name] = (array + array.T) / 2
    point.exact[symbol] = (point.exact[symbol] + point.exact[symbol].T) / 2


def in_a_metric(first, last, blocks, by_hand):
    """The two sides: the closed form's number, and complex steps'."""
    metric = BlockMetric(blocks)
    formula = closed_form(NTCov(first.expr, last.expr, metric))
    point = Point(first.expr, last.expr, metric)
    for symbol in metric.free_symbols & {A, B, Q}:
        symmetric(point, symbol)
    given = {name: hand(point.arrays) for name, hand in by_hand.items()}
    wanted = point.covariance(first.hand, last.hand, metric_by_hand(point, given))
    return point.number(formula), wanted


def zero(p):
    return 0


def kron(outer, inner):
    """The block of a KroneckerProduct(A, B), for the rows of W one after another."""
    return lambda p: np.kron(p[inner] if inner else np.eye(4), p[outer] if outer else np.eye(3))


BLOCKS = {
    "rates": (
        {W1: eta, b1: 2, W2: eta * rho, b2: 0},
        {
            "W1": lambda p: p["eta"],
            "b1": lambda p: 2,
            "W2": lambda p: p["eta"] * p["rho"],
            "b2": zero,
        },
    ),
    "all frozen": ({W1: 0, **FROZEN}, {}),
    "a matrix for a bias": ({W1: 1, **FROZEN, b1: B}, {"W1": lambda p: 1, "b1": lambda p: p["B"]}),
    "a diagonal": (
        {W1: 0, **FROZEN, b1: DiagMatrix(v)},
        {"b1": lambda p: np.diag(p["v"])},
    ),
    "a product": ({W1: 0, **FROZEN, b1: B * B}, {"b1": lambda p: p["B"] @ p["B"]}),
    "Kronecker": ({W1: KroneckerProduct(A, B), **FROZEN}, {"W1": kron("A", "B")}),
    "one side": ({W1: KroneckerProduct(Identity(d), B), **FROZEN}, {"W1": kron("", "B")}),
    "a rate times the other side": (
        {W1: eta * KroneckerProduct(A, Identity(m)), **FROZEN},
        {"W1": lambda p: p["eta"] * kron("A", "")(p)},
    ),
    "damped": (
        {W1: KroneckerProduct(A, B) + damping * Identity(m * d), **FROZEN, b1: B + Identity(m)},
        {
            "W1": lambda p: kron("A", "B")(p) + p["lambda"] * np.eye(12),
            "b1": lambda p: p["B"] + np.eye(4),
        },
    ),
    "full": ({W1: Q, **FROZEN}, {"W1": lambda p: stacked(p["Q"], 4, 3)}),
    "identities": (
        {W1: Identity(m * d), b1: Identity(m), W2: 0, b2: eta * Identity(k)},
        {"W1": lambda p: 1, "b1": lambda p: 1, "b2": lambda p: p["eta"]},
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("first", [F, LOSS], ids=["outputs", "loss"])
def test_blocks(name, first):
    blocks, by_hand = BLOCKS[name]
    hands = {str(p): zero for p in net.parameters} | by_hand
    found, wanted = in_a_metric(first, F.moved, blocks, hands)
    assert close(found, wanted)
    assert name == "all frozen" or np.abs(wanted).max() > 1e-3


def test_a_frozen_network_does_not_move():
    kernel = closed_form(NTCov(net(x), net(y), BlockMetric(dict.fromkeys(net.parameters, 0))))
    assert kernel.expr.is_ZeroMatrix and kernel.shape == (k, k)


def test_explicit_blocks():
    small = MLP(2, 2, 1, activation=tanh)
    u = inputs("x", 2)
    case = Case(small(u), lambda p: mlp(p, p["x"]))
    block = Matrix(4, 4, lambda i, j: 1 + i * j + 3 * (i == j))
    numbers = [block, Matrix([[2, 1], [1, 3]]), Matrix([[1, 2], [2, 5]]), Matrix([[7]])]
    blocks = dict(zip(small.parameters, numbers, strict=True))
    arrays = {str(p): np.array(b.tolist(), dtype=float) for p, b in blocks.items()}
    arrays["W1"] = stacked(arrays["W1"], 2, 2)
    hands = {name: (lambda p, a=array: a) for name, array in arrays.items()}
    assert close(*in_a_metric(case, case.moved, blocks, hands))


def test_arrays_of_one_row_and_of_one_entry():
    R, u, s = ParameterMatrix("R", 1, d), ParameterMatrix("u", 1, 1), Parameter("s")
    row = Case(s * R * x, lambda p: p["s"] * dense(p["R"], p["x"]))
    hands = {"R": lambda p: p["A"], "s": lambda p: p["eta"]}
    assert close(*in_a_metric(row, row.moved, {R: A, s: eta}, hands))
    one = Case(u * u, lambda p: p["u"] ** 2)
    for block in (Matrix([[5]]), 5):
        assert close(*in_a_metric(one, one, {u: block}, {"u": lambda p: np.array([[5.0]])}))


def test_contributions_in_a_metric_add_up():
    metric = BlockMetric({W1: eta, b1: B, W2: 3, b2: 0})
    for covariance in (NTCov(net(x), net(y), metric), NTVar(net(x), metric)):
        point = Point(net(x), net(y), metric)
        parts = contributions(covariance)
        assert list(parts) == [W1, b1, W2, b2]
        total = sum(point.number(part) for part in parts.values())
        assert close(total, point.number(closed_form(covariance)))


def test_a_dict_of_rates_is_a_metric():
    rates = {W1: eta, b1: 2, W2: 0, b2: 1}
    assert NTCov(net(x), net(y), rates) == NTCov(net(x), net(y), BlockMetric(rates))


def test_one_rate_for_all_keeps_the_names():
    plain, rated = (closed_form(NTCov(net(x), net(y), *rate)) for rate in ((), (eta,)))
    assert rated.definitions == plain.definitions
    point = Point(net(x), net(y), eta)
    assert close(point.number(rated), point.arrays["eta"] * point.number(plain))


@pytest.mark.parametrize(
    ("blocks", "remedy"),
    [
        ({W1: 1}, "add 'W2: rate'"),
        ({W1: B, b1: 1, W2: 1, b2: 1}, "d*m × d*m"),
        ({W1: 1, b1: MatrixSymbol("P", m, d), W2: 1, b2: 1}, "m × m"),
        ({W1: KroneckerProduct(B, A), b1: 1, W2: 1, b2: 1}, "A d × d and B m × m"),
        ({ParameterMatrix("c", 2, 1): Matrix([[1, 2], [3, 4]])}, "not symmetric"),
        ({"W1": 1}, "ParameterMatrix('W1'"),
        ({x: 1}, "ParameterMatrix('x'"),
        ({Symbol("W1"): 1}, "ParameterMatrix('W1'"),
    ],
)
def test_what_is_no_metric(blocks, remedy):
    with pytest.raises(ShapeError) as caught:
        closed_form(NTCov(net(x), net(y), BlockMetric(blocks)))
    assert remedy in str(caught.value)
