"""The forward maps of layers at random numbers, against NumPy written out here."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sympy
from sympy import MatrixSymbol, Rational, Symbol, tanh

from symprice import Activation, Dense, Index, Member, Network, ParameterMatrix, inputs, sigmoid
from symprice.errors import NameClashError, ShapeError
from symprice.networks.combining import ParallelProduct, ParallelStack, ParallelSum, Residual
from symprice.networks.convolution import Conv1D, GlobalAveragePool
from symprice.networks.layers import GLU, Embedding, Softmax
from symprice.networks.network import MLP
from symprice.networks.normalisation import LayerNorm, RMSNorm
from symprice.networks.sequences import RNN, SelfAttention
from tests.networks.evaluation import L, T, V, c, d, k, m, random_point, size, softmax, value

EPS = Symbol("epsilon", positive=True)
x, X, C = inputs("x", d), MatrixSymbol("X", T, d), MatrixSymbol("C", c, L)
words = MatrixSymbol("O", T, V)
q = Rational(1, 3)


def np_silu(h):
    return h / (1 + np.exp(-h))


def norm(z, centred=True, axis=0):
    if centred:
        z = z - z.mean(axis=axis, keepdims=True)
    return z / np.sqrt((z * z).mean(axis=axis, keepdims=True) + 1 / 3)


def attention(X, p, causal=False, suffix=""):
    Q, Ks, Vs = (X @ p[f"W{letter}1{suffix}"] for letter in "QKV")
    rows = []
    for t in range(len(X)):
        seen = slice(None, t + 1 if causal else None)
        weights = np.exp(Ks[seen] @ Q[t] / np.sqrt(Q.shape[1]))
        rows.append((weights[:, None] * Vs[seen]).sum(axis=0) / weights.sum())
    return np.array(rows) @ p[f"WO1{suffix}"]


def conv(x, W, b, circular):
    filters, channels, places = W.shape
    length = x.shape[1] if circular else x.shape[1] - places + 1
    y = np.zeros((filters, length))
    for o in range(filters):
        for t in range(length):
            for ch in range(channels):
                for s in range(places):
                    y[o, t] += W[o, ch, s] * x[ch, (t + s) % x.shape[1]]
    return y + b


def rnn(X, p, bias=True):
    h = np.zeros((p["W1"].shape[0], 1))
    for row in X:
        h = np.tanh(p["W1"] @ h + p["U1"] @ row[:, None] + (p["b1"] if bias else 0))
    return h


# layers, input, and the same in NumPy: a function of the input and of the parameters by name
CASES = {
    "dense": ([Dense(d, m)], x, lambda v, p: p["W1"] @ v + p["b1"]),
    "dense without bias": ([Dense(d, m, bias=False)], x, lambda v, p: p["W1"] @ v),
    "dense on a sequence": ([Dense(d, m)], X, lambda v, p: v @ p["W1"].T + p["b1"].T),
    "ntk": (
        [Dense(d, m, True, "ntk", sympy.sqrt(2), q)],
        x,
        lambda v, p: np.sqrt(2) / 2 * p["W1"] @ v + p["b1"] / 3,
    ),
    "ntk on a sequence": (
        [Dense(d, m, True, "ntk", 3, q)],
        X,
        lambda v, p: 1.5 * v @ p["W1"].T + p["b1"].T / 3,
    ),
    "two dense": (
        [Dense(d, m), Dense(m, k)],
        x,
        lambda v, p: p["W2"] @ (p["W1"] @ v + p["b1"]) + p["b2"],
    ),
    "activation": ([Activation(tanh)], x, lambda v, p: np.tanh(v)),
    "activations": (
        [Activation(tanh), Activation(sympy.sin), Activation(sympy.cos)],
        X,
        lambda v, p: np.cos(np.sin(np.tanh(v))),
    ),
    "residual": (
        [Residual(Dense(d, m), Activation(tanh), Dense(m, d))],
        x,
        lambda v, p: v + p["W2"] @ np.tanh(p["W1"] @ v + p["b1"]) + p["b2"],
    ),
    "residuals without parameters": (
        [Residual(Activation(tanh)), Residual(Activation(sympy.sin)), Residual(Activation(tanh))],
        x,
        lambda v, p: [f := v + np.tanh(v), f := f + np.sin(f), f + np.tanh(f)][-1],
    ),
    "sum": (
        [ParallelSum(Dense(d, m), MLP(d, k, m), Dense(d, m, bias=False))],
        x,
        lambda v, p: (
            p["W1"] @ v + p["b1"] + p["W3"] @ np.tanh(p["W2"] @ v + p["b2"]) + p["b3"] + p["W4"] @ v
        ),
    ),
    "product": (
        [ParallelProduct(Dense(d, m), Network(Dense(d, m), Activation(sigmoid)))],
        X,
        lambda v, p: (v @ p["W1"].T + p["b1"].T) / (1 + np.exp(-(v @ p["W2"].T + p["b2"].T))),
    ),
    "stack": (
        [
            ParallelStack(Dense(d, m), Dense(d, 1), MLP(d, k), Dense(d, 1, bias=False)),
            Dense(m + k + 2, 1),
        ],
        x,
        lambda v, p: (
            p["W5"]
            @ np.vstack([p[f"W{n}"] @ v + (p[f"b{n}"] if n < 4 else 0) for n in (1, 2, 3, 4)])
            + p["b5"]
        ),
    ),
    "stack of sequences": (
        [ParallelStack(Dense(d, m), Dense(d, 1), Activation(tanh))],
        X,
        lambda v, p: np.hstack([v @ p["W1"].T + p["b1"].T, v @ p["W2"].T + p["b2"].T, np.tanh(v)]),
    ),
    "stack of channels": (
        [ParallelStack(Conv1D(c, m, 2), Activation(tanh))],
        C,
        lambda v, p: np.vstack([conv(v, p["W1"], p["b1"], True), np.tanh(v)]),
    ),
    "layer norm": (
        [LayerNorm(d, q)],
        x,
        lambda v, p: p["gamma1"] * norm(v) + p["beta1"],
    ),
    "layer norm on a sequence": (
        [LayerNorm(d, q)],
        X,
        lambda v, p: p["gamma1"].T * norm(v, axis=1) + p["beta1"].T,
    ),
    "layer norm without bias": (
        [LayerNorm(d, q, bias=False)],
        X,
        lambda v, p: p["gamma1"].T * norm(v, axis=1),
    ),
    "rms norm": ([RMSNorm(d, q)], x, lambda v, p: p["gamma1"] * norm(v, centred=False)),
    "rms norm on a sequence": (
        [RMSNorm(d, q)],
        X,
        lambda v, p: p["gamma1"].T * norm(v, centred=False, axis=1),
    ),
    "softmax": (
        [Dense(d, m), Softmax()],
        x,
        lambda v, p: softmax(p["W1"] @ v + p["b1"], axis=0),
    ),
    "softmax of a sequence": ([Softmax()], X, lambda v, p: softmax(v, axis=1)),
    "glu": (
        [GLU(d, m)],
        x,
        lambda v, p: (p["U1"] @ v) * np_silu(p["G1"] @ v),
    ),
    "glu on a sequence": (
        [GLU(d, m, gate=tanh)],
        X,
        lambda v, p: (v @ p["U1"].T) * np.tanh(v @ p["G1"].T),
    ),
    "embedding": ([Embedding(V, d)], words, lambda v, p: v @ p["E1"]),
    "embedding of a word": ([Embedding(d, m)], x, lambda v, p: p["E1"].T @ v),
    "circular": (
        [Conv1D(c, m, 3)],
        C,
        lambda v, p: conv(v, p["W1"], p["b1"], True),
    ),
    "valid": (
        [Conv1D(c, m, 3, padding="valid", bias=False)],
        C,
        lambda v, p: conv(v, p["W1"], 0, False),
    ),
    "a kernel of any size": (
        [Conv1D(c, m, k, padding="valid")],
        C,
        lambda v, p: conv(v, p["W1"], p["b1"], False),
    ),
    "a kernel of one place": ([Conv1D(c, m, 1)], C, lambda v, p: conv(v, p["W1"], p["b1"], True)),
    "deep convolution": (
        [
            Conv1D(c, m, 3),
            Activation(tanh),
            Conv1D(m, k, 2, "valid"),
            GlobalAveragePool(),
            Dense(k, 1),
        ],
        C,
        lambda v, p: (
            p["W3"]
            @ conv(np.tanh(conv(v, p["W1"], p["b1"], True)), p["W2"], p["b2"], False).mean(
                axis=1, keepdims=True
            )
            + p["b3"]
        ),
    ),
    "mean over tokens": (
        [Dense(d, m), GlobalAveragePool(), Dense(m, k)],
        X,
        lambda v, p: p["W2"] @ (v @ p["W1"].T + p["b1"].T).mean(axis=0)[:, None] + p["b2"],
    ),
    "attention": ([SelfAttention(d, k)], X, attention),
    "causal attention": ([SelfAttention(d, k, causal=True)], X, lambda v, p: attention(v, p, True)),
    "values of their own width": ([SelfAttention(d, k, value=m)], X, attention),
    "heads": (
        [SelfAttention(d, k, heads=3)],
        X,
        lambda v, p: sum(attention(v, p, suffix=f"_{h}") for h in (1, 2, 3)),
    ),
    "attention to a single token": (
        [SelfAttention(d, k), GlobalAveragePool()],
        MatrixSymbol("X", 1, d),
        lambda v, p: attention(v, p).T,
    ),
    "recurrence": ([RNN(d, m)], MatrixSymbol("X", 4, d), rnn),
    "recurrence without bias": (
        [RNN(d, m, bias=False)],
        MatrixSymbol("X", 2, d),
        lambda v, p: rnn(v, p, False),
    ),
    "transformer block": (
        [
            Residual(LayerNorm(d, q, bias=False), SelfAttention(d, k)),
            Residual(RMSNorm(d, q), GLU(d, m), Dense(m, d)),
            GlobalAveragePool(),
            Dense(d, 1),
        ],
        X,
        lambda v, p: [
            f := v
            + attention(
                p["gamma1"].T * norm(v, axis=1),
                {f"W{letter}1": p[f"W{letter}2"] for letter in "QKVO"},
            ),
            n := p["gamma3"].T * norm(f, centred=False, axis=1),
            f := f + ((n @ p["U4"].T) * np_silu(n @ p["G4"].T)) @ p["W5"].T + p["b5"].T,
            p["W6"] @ f.mean(axis=0)[:, None] + p["b6"],
        ][-1],
    ),
}
every = pytest.mark.parametrize("name", CASES)


def at_random(net, symbol, seed=1):
    """A point, the value of the network there, and the arrays by name."""
    point = random_point([symbol, *net.parameters], seed)
    return point, {s.name: array for s, array in point.items()}


@every
def test_the_forward_map(name):
    layers, symbol, reference = CASES[name]
    net = Network(*layers)
    point, arrays = at_random(net, symbol)
    result = net(symbol)
    expected = reference(point[symbol], arrays)
    assert [size(s) for s in result.shape] == list(expected.shape)
    np.testing.assert_allclose(value(result, point), expected, rtol=1e-13, atol=1e-13)


@every
def test_the_parameters_are_those_that_occur(name):
    layers, symbol, _ = CASES[name]
    net = Network(*layers)
    used = {s for s in net(symbol).free_symbols if isinstance(s, ParameterMatrix)}
    assert set(net.parameters) == used and len(net.parameters) == len(used)


@every
def test_the_definitions_are_named_once(name):
    layers, symbol, _ = CASES[name]
    result = Network(*layers)(symbol)
    names = [str(n) for n in getattr(result, "definitions", {})]
    assert len(set(names)) == len(names) and not [n for n in names if "prime" in n]
    assert not set(names) & {str(s) for s in result.free_symbols}


@every
def test_every_sample_of_a_data_set(name):
    layers, symbol, _ = CASES[name]
    net, i = Network(*layers), Index("s", 2)
    point, _ = at_random(net, symbol)
    samples = np.stack([point[symbol], 2 * point[symbol]], axis=-1)
    family = net(Member(symbol, i))
    for n in (0, 1):
        expected = value(net(symbol), {**point, symbol: samples[..., n]})
        result = value(family, {**point, symbol: samples, i: n})
        np.testing.assert_allclose(result, expected, rtol=1e-13, atol=1e-13)


@every
def test_layers_are_expressions(name):
    for layer in (*CASES[name][0], Network(*CASES[name][0])):
        assert layer.func(*layer.args) == layer
        assert pickle.loads(pickle.dumps(layer)) == layer
        assert type(layer).__name__ in str(layer) and "0x" not in repr(layer)
        assert "Lambda" not in str(layer)


@every
def test_sizes_may_be_replaced(name):
    layers, symbol, reference = CASES[name]
    rule = {d: 4, m: 2, c: 2, k: 3}
    net, symbol = Network(*layers).subs(rule), symbol.subs(rule)
    rng = np.random.default_rng(3)
    point = {}
    for s in (symbol, *net.parameters):
        shape = [size(n) for n in (*s.shape, *([s.size] if hasattr(s, "size") else []))]
        point[s] = rng.standard_normal(shape)
    expected = reference(point[symbol], {s.name: array for s, array in point.items()})
    np.testing.assert_allclose(value(net(symbol), point), expected, rtol=1e-12, atol=1e-12)


# --- names, sharing -------------------------------------------------------------------------------


def test_tied_weights_are_one_parameter():
    W = ParameterMatrix("W", m, d)
    net = Network(Dense(d, m, weight=W), Activation(tanh), Dense(m, d, bias=False, weight=W.T))
    assert [p.name for p in net.parameters] == ["W", "b1"]
    point, arrays = at_random(net, x)
    expected = arrays["W"].T @ np.tanh(arrays["W"] @ point[x] + arrays["b1"])
    np.testing.assert_allclose(value(net(x), point), expected, rtol=1e-13)
    with pytest.raises(ShapeError, match="matrix level"):
        net.subs({d: 2, m: 3}).explicit()


def test_a_network_inside_a_network_counts_its_layers():
    inner = Network(Dense(d, m), Activation(tanh))
    net = Network(inner, Residual(Network(Dense(m, m))), Dense(m, 1))
    assert net == Network(inner, Residual(Network(Dense(m, m))), Dense(m, 1))
    assert [p.name for p in net.parameters] == ["W1", "b1", "W2", "b2", "W3", "b3"]
    point, p = at_random(net, x)
    a = np.tanh(p["W1"] @ point[x] + p["b1"])
    expected = p["W3"] @ (a + p["W2"] @ a + p["b2"]) + p["b3"]
    np.testing.assert_allclose(value(net(x), point), expected, rtol=1e-13)


def test_what_comes_later_says_how_an_input_is_laid_out():
    tokens = MatrixSymbol("X", T, 1)
    net = Network(Dense(1, m), Residual(Activation(tanh)), GlobalAveragePool())
    point, p = at_random(net, tokens)
    h = point[tokens] @ p["W1"].T + p["b1"].T
    expected = (h + np.tanh(h)).mean(axis=0)[:, None]
    np.testing.assert_allclose(value(net(tokens), point), expected, rtol=1e-13)
    row, mean = MatrixSymbol("X", 1, d), Network(Activation(tanh), GlobalAveragePool())
    assert mean(row).shape == (d, 1)
    conv = Network(ParallelSum(Activation(tanh), Conv1D(T, T, 1)))
    assert conv(tokens).shape == (T, 1) and conv.taken == ("channels",)


def test_a_network_of_a_network():
    net = Network(Dense(d, d), Activation(tanh))
    point, p = at_random(net, x)
    once = np.tanh(p["W1"] @ point[x] + p["b1"])
    expected = np.tanh(p["W1"] @ once + p["b1"])
    np.testing.assert_allclose(value(net(net(x)), point), expected, rtol=1e-13)


def test_an_input_may_be_an_expression():
    net = Network(Dense(m, k))
    A = MatrixSymbol("A", m, d)
    point, p = at_random(net, x)
    point[A] = np.arange(20.0).reshape(5, 4)
    expected = p["W1"] @ point[A] @ point[x] + p["b1"]
    np.testing.assert_allclose(value(net(A * x), point), expected, rtol=1e-13)


def test_an_input_named_like_an_intermediate_or_a_parameter():
    h = inputs("h1", d)
    net = MLP(d, m, 1)
    point, p = at_random(net, h)
    expected = p["W2"] @ np.tanh(p["W1"] @ point[h] + p["b1"]) + p["b2"]
    np.testing.assert_allclose(value(net(h), point), expected, rtol=1e-13)
    with pytest.raises(NameClashError, match="b1"):
        net(inputs("b1", d))


def test_the_same_network_twice_is_the_same_expression():
    for layers, symbol, _ in CASES.values():
        assert Network(*layers)(symbol) == Network(*layers)(symbol)


# --- scalars --------------------------------------------------------------------------------------

EXPLICIT = [
    name
    for name in CASES
    if CASES[name][1] == x and "embedding" not in name and name != "a kernel of any size"
]


@pytest.mark.parametrize("name", EXPLICIT)
def test_the_scalars_are_the_entries_of_the_matrices(name):
    layers, symbol, _ = CASES[name]
    net = Network(*layers).subs({d: 4, m: 5, k: 2})
    point, arrays = at_random(net, symbol.subs(d, 4))
    expected = value(net(symbol.subs(d, 4)), point).ravel()
    explicit = net.explicit(*point[symbol.subs(d, 4)].ravel().tolist())
    numbers = {}
    for parameter in explicit.parameters:
        letter = parameter.name.rstrip("0123456789_")
        layer, _, index = parameter.name[len(letter) :].partition("_")
        array = arrays[(letter.upper() if letter in "wug" else letter) + layer]
        places = [int(digit) - 1 for digit in index]
        numbers[parameter] = array[places[0], places[1] if len(places) > 1 else 0]
    entries = explicit.doit().subs(numbers)
    found = [float(entry) for entry in (entries if hasattr(entries, "shape") else [entries])]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "net",
    [
        Network(SelfAttention(2, 3)),
        Network(Residual(Conv1D(2, 2, 1))),
        Network(RNN(2, 2)),
        Network(Embedding(2, 2)),
        Network(GlobalAveragePool()),
    ],
)
def test_what_has_no_scalars_says_so(net):
    with pytest.raises(ShapeError, match="whole matrices"):
        net.explicit()


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: Network(Dense(d, m), Activation(tanh), Dense(k, 1)), "layer 3.*takes k"),
        (lambda: Network(Dense(d, m), Dense(k, 1)), "layer 1.*gives m.*takes k"),
        (lambda: Network(Dense(d, m), Residual(Dense(k, k))), "gives m entries, but layer 2"),
        (lambda: Residual(Dense(d, m)), "take d entries and give m"),
        (lambda: Residual(Dense(d, m), Dense(k, d)), "layer 2"),
        (lambda: Residual(), "Residual"),
        (lambda: ParallelSum(Dense(d, m), Dense(d, k)), "k, m entries"),
        (lambda: ParallelProduct(Dense(d, m), Dense(k, m)), "take d, k"),
        (lambda: ParallelStack(tanh), "layers or networks"),
        (lambda: Network(tanh), "Layer"),
        (lambda: Network(Dense(d, m))(inputs("z", k)), "column of d entries.*k × 1"),
        (lambda: Network(Dense(d, m))(MatrixSymbol("Z", T, k)), "d entries a row.*T × k"),
        (lambda: Network(Dense(d, m))(x.T), "transpose"),
        (lambda: Network(SelfAttention(d, k))(x), "sequence with d entries.*d × 1"),
        (lambda: Network(Conv1D(c, m, 3))(X), "c channels"),
        (lambda: Network(Conv1D(c, m, 3), Dense(m, 1))(C), "channels"),
        (lambda: Network(Conv1D(c, m, 3))(MatrixSymbol("Z", c, 2)), "shorter than the kernel"),
        (lambda: Network(Conv1D(c, m, 3, "valid"))(MatrixSymbol("Z", c, 2)), "shorter"),
        (lambda: Network(RNN(d, m))(X), "write an integer"),
        (lambda: Network(RNN(d, m), Dense(m, 1))(x), "sequence"),
        (lambda: Network(Residual(Dense(d, d), RNN(d, d)))(x), "takes a sequence.*d × 1"),
        (lambda: Network(Residual(GlobalAveragePool()))(X), "do not fit together"),
        (lambda: Conv1D(c, m, 3, padding="same"), "circular"),
        (lambda: Conv1D(c, 0, 3), "positive integer"),
        (lambda: SelfAttention(d, k, heads=m), "integer"),
        (lambda: LayerNorm("d"), "width"),
        (lambda: Dense(d, m, parameterization="mup"), "'ntk'"),
        (lambda: Dense(d, m, sigma_w=2), "parameterization='ntk'"),
        (lambda: Dense(d, m, weight=ParameterMatrix("W", d, m)), "must be m × d"),
        (lambda: Dense(d, m, weight=3), "ParameterMatrix"),
        (lambda: Network(Dense(d, m), Dense(m, m, weight=ParameterMatrix("W1", m, m)))(x), "W1"),
    ],
)
def test_what_does_not_fit_says_what_to_write(make, remedy):
    with pytest.raises((ShapeError, NameClashError), match=remedy):
        make()
