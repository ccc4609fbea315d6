"""Scores of sequences, channels, words and tied weights, against complex steps of plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import MatrixSymbol, Symbol, tanh

from symprice import (
    MLP,
    RNN,
    Activation,
    Conv1D,
    Dense,
    Embedding,
    GlobalAveragePool,
    LayerNorm,
    Network,
    ParameterMatrix,
    Residual,
    SelfAttention,
    ShapeError,
    Softmax,
    cross_entropy,
)
from symprice.training.attribution import Attributor, attribute

TIED = ParameterMatrix("A", 4, 4)
END = (GlobalAveragePool(), Dense(4, 3))
NETS = {
    "convolutions": Network(
        Conv1D(2, 3, 3), Activation(tanh), Conv1D(3, 4, 2, padding="valid"), Activation(tanh), *END
    ),
    "attention": Network(SelfAttention(4, 3, heads=2, causal=True), *END),
    "recurrence": Network(RNN(4, 5), Dense(5, 3)),
    "transformer": Network(
        Embedding(6, 4), Residual(SelfAttention(4, 3)), LayerNorm(4, eps=1e-5), *END
    ),
    "tied": Network(
        Residual(Dense(4, 4, weight=TIED), Activation(tanh), Dense(4, 4, weight=TIED.T)),
        Dense(4, 3),
    ),
    "tokens": Network(Dense(4, 4), Activation(tanh), *END),
}
# Shapes of the test input and of the examples.
SHAPES = {
    "convolutions": ((2, 5), (2, 7)),
    "attention": ((4, 4), (3, 4)),
    "recurrence": ((4, 4), (3, 4)),
    "transformer": ((4, 6), (2, 6)),
    "tied": ((4,), (4,)),
    "tokens": ((4, 4), (2, 4)),
}


# --- the networks once more, in NumPy -------------------------------------------------------------
def weighted(scores):
    powers = np.exp(scores - scores.real.max())
    return powers / powers.sum(-1, keepdims=True)


def convolved(W, b, x, valid=False):
    count = x.shape[1] - W.shape[2] + 1 if valid else x.shape[1]
    moved = [np.roll(x, -s, 1)[:, :count] for s in range(W.shape[2])]
    return sum(W[:, :, s] @ moved[s] for s in range(W.shape[2])) + b[:, None]


def attended(p, x, suffix, causal=False):
    queries, keys, values = (x @ p[f"W{letter}{suffix}"] for letter in "QKV")
    scores = queries @ keys.T / np.sqrt(queries.shape[1])
    if causal:
        scores = np.where(np.tri(len(x), dtype=bool), scores, -np.inf)
    return weighted(scores) @ values @ p[f"WO{suffix}"]


def convolutions(p, x):
    h = np.tanh(convolved(p["W1"], p["b1"], x))
    return p["W3"] @ np.tanh(convolved(p["W2"], p["b2"], h, True)).mean(1) + p["b3"]


def attention(p, x):
    return p["W2"] @ sum(attended(p, x, f"1_{n}", True) for n in (1, 2)).mean(0) + p["b2"]


def recurrence(p, x):
    state = np.zeros(5)
    for token in x:
        state = np.tanh(p["W1"] @ state + p["U1"] @ token + p["b1"])
    return p["W2"] @ state + p["b2"]


def transformer(p, x):
    h = x @ p["E1"]
    h = h + attended(p, h, "2")
    h = h - h.mean(1, keepdims=True)
    h = h / np.sqrt((h**2).mean(1, keepdims=True) + 1e-5) * p["gamma3"] + p["beta3"]
    return p["W4"] @ h.mean(0) + p["b4"]


def tied(p, x):
    return p["W3"] @ (x + p["A"].T @ np.tanh(p["A"] @ x + p["b1"]) + p["b2"]) + p["b3"]


def tokens(p, x):
    return p["W2"] @ np.tanh(x @ p["W1"].T + p["b1"]).mean(0) + p["b2"]


def slopes(function, params):
    """The gradient by complex steps, exact to rounding."""
    found = []
    for name, array in params.items():
        for place in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[place] += 1e-30j
            found.append(function({**params, name: moved}).imag / 1e-30)
    return np.array(found)


def by_steps(forward, params, x, X, y):
    """-∇P · ∇ℓ_i, of the probability of class 1 and cross-entropy."""
    up = slopes(lambda p: weighted(forward(p, x))[1], params)
    losses = [
        slopes(lambda p, row=row, c=c: -np.log(weighted(forward(p, row))[c]), params)
        for row, c in zip(X, y, strict=True)
    ]
    return -np.array([up @ slope for slope in losses])


def example(name, count=3):
    rng = np.random.default_rng(len(name))
    one, each = SHAPES[name]
    params = {n: a + 0.3 * rng.normal(size=a.shape) for n, a in NETS[name].init(rng).items()}
    return params, rng.normal(size=one), rng.normal(size=(count, *each)), rng.integers(0, 3, count)


@pytest.mark.parametrize("name", NETS)
def test_scores_are_products_of_gradients(name):
    params, x, X, y = example(name)
    found = attribute(NETS[name], params, x, X, y, 1, tile=2, progress=False)
    wanted = by_steps(globals()[name], params, x, X, y)
    np.testing.assert_allclose(found.scores, wanted, rtol=1e-11, atol=1e-13)
    assert found.value == pytest.approx(weighted(globals()[name](params, x))[1], rel=1e-13)


def test_words_are_one_hot_rows():
    params, *_ = example("transformer")
    words, texts, y = np.array([1, 5, 1]), np.array([[0, 5], [3, 3]], dtype=np.uint8), [0, 2]
    found = attribute(NETS["transformer"], params, words, texts, y, 1)
    rows = attribute(NETS["transformer"], params, np.eye(6)[words], np.eye(6)[texts], y, 1)
    np.testing.assert_array_equal(found.scores, rows.scores)
    single = Network(Embedding(6, 4), Dense(4, 3))
    arrays = single.init(0)
    np.testing.assert_array_equal(
        attribute(single, arrays, 4, [1, 4], [0, 2], 1).scores,
        attribute(single, arrays, np.eye(6)[4], np.eye(6)[[1, 4]], [0, 2], 1).scores,
    )


def test_one_attributor_serves_sequences_of_all_lengths_and_dtypes():
    scores = Attributor(NETS["tokens"])
    params, x, X, y = example("tokens")
    whole = scores(params, x, X, y, 1).scores
    np.testing.assert_allclose(scores(params, x, X[:1], y[:1], 1).scores, whole[:1], rtol=1e-13)
    shorter = scores(params, x[:3], X[:, :1], y, 1).scores
    np.testing.assert_allclose(shorter, by_steps(tokens, params, x[:3], X[:, :1], y), rtol=1e-11)
    small = {n: a.astype("float32") for n, a in params.items()}
    single = scores(small, x.astype("float32"), X.astype("float32"), y, 1).scores
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, whole, rtol=1e-4, atol=1e-6)


def test_numbers_that_a_network_leaves_open():
    net, closed = (Network(Dense(4, 4), LayerNorm(4, *eps), Dense(4, 3)) for eps in ((), (0.5,)))
    params, x, X, y = net.init(0), *example("tied")[1:]
    with pytest.raises(ShapeError, match="epsilon, which is not trained and has no value"):
        attribute(net, params, x, X, y)
    np.testing.assert_allclose(
        attribute(net, {**params, "epsilon": 0.5}, x, X, y, 1).scores,
        attribute(closed, params, x, X, y, 1).scores,
        rtol=1e-12,
    )


def test_targets_of_a_single_output_are_values():
    net = MLP(4, 1)
    params, x, X = net.init(0), *example("tied")[1:3]
    settings = {"of": "logit", "loss": "squared"}
    for y in (np.zeros(3, int), np.array([0, 3, -1]), np.array([[0], [3], [5]])):
        residuals = X @ params["W1"][0] + params["b1"][0] - np.ravel(y)
        found = attribute(net, params, x, X, y, **settings)
        np.testing.assert_allclose(found.scores, -(X @ x + 1) * residuals, rtol=1e-12)


def test_targets_of_every_kind():
    params, x, X, y = example("tied")
    wanted = attribute(NETS["tied"], params, x, X, y, 1).scores
    for kind in (bool, int, np.uint8, np.float32):
        rows = np.eye(3, dtype=kind)[y]
        np.testing.assert_array_equal(attribute(NETS["tied"], params, x, X, rows, 1).scores, wanted)
    twice = attribute(NETS["tied"], params, x, X[[1, 1]], y[[1, 1]], 1).scores
    assert twice[0] == twice[1] == pytest.approx(wanted[1])


def test_names_that_the_network_has_are_left_to_it():
    net, same = Network(Dense(4, 3, weight=ParameterMatrix("c", 3, 4))), Network(Dense(4, 3))
    params, x, X, y = same.init(0), *example("tied")[1:]
    named = {"c": params["W1"], "b1": params["b1"]}
    np.testing.assert_array_equal(
        attribute(net, named, x, X, y, 1).scores, attribute(same, params, x, X, y, 1).scores
    )


@pytest.mark.parametrize(
    ("net", "change", "message"),
    [
        ("tokens", {"test": np.zeros(4)}, r"write one sequence, \(T, 4\)"),
        ("tokens", {"data": np.zeros((3, 4))}, r"write \(N, T, 4\)"),
        ("tokens", {"data": [np.zeros((1, 4)), np.zeros((2, 4))]}, "of different lengths"),
        ("tokens", {"data": np.zeros((3, 2), int)}, r"write \(N, T, 4\)"),
        ("convolutions", {"test": np.zeros((5, 2))}, r"\(channels, length\), \(2, L\)"),
        ("convolutions", {"data": np.zeros((3, 2, 1))}, "shorter than the kernel"),
        ("transformer", {"test": np.array([1, 6])}, "run from 1 to 6: the network has 0 to 5"),
        ("transformer", {"test": np.array([1.0])}, "or the numbers of words, as integers"),
        ("tied", {"data": np.full((3, 4), np.nan)}, "in 3 of them, first in example 0"),
        ("tied", {"targets": np.eye(4)[:3]}, r"the targets have the shape \(3, 4\)"),
        ("tied", {"targets": -np.eye(3)}, "adds up to -1: the targets of cross-entropy"),
        ("tied", {"targets": -np.eye(3), "loss": cross_entropy}, "write classes as integers"),
        ("tied", {"targets": np.full((3, 3), np.nan)}, "target of example 0 holds NaN"),
        ("tied", {"of": lambda z: z[0], "class_": 1}, "leave class_ out"),
        ("tied", {"of": lambda z: z}, "that is no scalar"),
        ("tied", {"of": lambda z: 1}, "which no training input moves"),
        ("tied", {"of": lambda z: Symbol("q") * z[0]}, "q, which is not trained"),
        ("tied", {"more": {"W9": np.zeros(2)}}, "but the arrays have W9"),
        ("tied", {"more": {"A": np.eye(4) * 1j}}, "A is an array of complex numbers"),
        ("tied", {"test": np.ma.masked_less(np.arange(4.0), 2)}, "masked in places"),
        (MLP(4, 1), {}, "a single output, whose softmax is 1"),
        (Network(Dense(4, 3), Softmax()), {}, "ends in Softmax"),
        (Network(SelfAttention(4, 2)), {"test": np.zeros((2, 4)), "data": np.zeros((3, 2, 4))},
         "2 × 4 outputs: it must give one column"),
        (Network(Activation(tanh)), {}, "whose layers take any width"),
        (Dense(4, 3), {}, "write a network"),
        (MatrixSymbol("W", 3, 4), {}, "write a network"),
    ],
)  # fmt: skip
def test_what_cannot_be_used(net, change, message):
    params, x, X, y = example(net if isinstance(net, str) else "tied")
    if isinstance(net, str):
        net = NETS[net]
    elif hasattr(net, "init"):
        params = net.init(0)
    change = dict(change)
    params = {**params, **change.pop("more", {})}
    given = {"network": net, "params": params, "test": x, "data": X, "targets": y, **change}
    with pytest.raises(ShapeError, match=message):
        attribute(**given)
