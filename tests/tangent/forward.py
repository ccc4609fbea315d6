"""Networks written by hand, in any namespace of arrays: the oracles of what is derived.

Each is a function ``(xp, params, x)`` with xp numpy or jax.numpy; parameters have the names that
the layers give them. They share no code with the package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sympy import Function, MatrixSymbol, Symbol, symbols, tanh

from symprice import (
    GLU,
    MLP,
    RNN,
    Activation,
    Conv1D,
    Dense,
    Elementwise,
    Embedding,
    GlobalAveragePool,
    LayerNorm,
    Network,
    ParameterMatrix,
    Residual,
    RMSNorm,
    SelfAttention,
    Softmax,
    inputs,
    sigmoid,
    silu,
)

d, m, n, k, T, L, c, o = symbols("d m n k T L c o", integer=True, positive=True)
SIZES = {d: 3, m: 4, n: 5, k: 2, T: 3, L: 6, c: 2, o: 3}
EPS = 0.01
epsilon = Symbol("epsilon", positive=True)
phi = Function("phi")

Forward = Callable[[Any, dict[str, Any], Any], Any]


class Case(NamedTuple):
    """A network, what it is by hand, and the shape of its input."""

    build: Callable[[Any], Any]
    forward: Forward
    shape: tuple[Any, ...]


def _softmax(xp: Any, z: Any) -> Any:
    weights = xp.exp(z)
    return weights / weights.sum(-1, keepdims=True)


def _standardized(xp: Any, x: Any) -> Any:
    centre = x - x.mean(-1, keepdims=True)
    return centre / xp.sqrt((centre * centre).mean(-1, keepdims=True) + EPS)


def _mlp(depth: int, act: Callable[[Any, Any], Any]) -> Forward:
    def forward(xp: Any, p: dict[str, Any], x: Any) -> Any:
        for layer in range(1, depth + 1):
            x = p[f"W{layer}"] @ x + p[f"b{layer}"]
            x = act(xp, x) if layer < depth else x
        return x

    return forward


def _tanh(xp: Any, h: Any) -> Any:
    return xp.tanh(h)


def _sigmoid(xp: Any, h: Any) -> Any:
    return 1 / (1 + xp.exp(-h))


def _residual(xp: Any, p: dict[str, Any], x: Any) -> Any:
    h = p["W1"] @ x + p["b1"]
    h = h + p["W3"] @ xp.tanh(p["W2"] @ h + p["b2"]) + p["b3"]
    return p["W4"] @ h + p["b4"]


def _deep_linear(xp: Any, p: dict[str, Any], x: Any) -> Any:
    return p["W3"] @ (p["W2"] @ (p["W1"] @ x))


def _layer_norm(xp: Any, p: dict[str, Any], x: Any) -> Any:
    h = p["W1"] @ x + p["b1"]
    h = p["gamma2"] * _standardized(xp, h) + p["beta2"]
    return p["W3"] @ xp.tanh(h) + p["b3"]


def _rms_norm(xp: Any, p: dict[str, Any], x: Any) -> Any:
    h = p["W1"] @ x + p["b1"]
    h = p["gamma2"] * h / xp.sqrt((h * h).mean() + EPS)
    return p["W3"] @ h + p["b3"]


def _conv(padding: str) -> Forward:
    def layer(xp: Any, W: Any, b: Any, x: Any) -> Any:
        size, length = W.shape[-1], x.shape[-1]
        count = length if padding == "circular" else length - size + 1
        columns = []
        for t in range(count):
            places = [(t + s) % length for s in range(size)]
            columns.append((W * x[None][:, :, places]).sum((1, 2)) + b)
        return xp.stack(columns, -1)

    def forward(xp: Any, p: dict[str, Any], x: Any) -> Any:
        h = xp.tanh(layer(xp, p["W1"], p["b1"], x))
        h = xp.tanh(layer(xp, p["W2"], p["b2"], h))
        return p["W3"] @ h.mean(-1) + p["b3"]

    return forward


def _attention(causal: bool) -> Forward:
    def forward(xp: Any, p: dict[str, Any], x: Any) -> Any:
        q, key, v = (x @ p[name] for name in ("WQ1", "WK1", "WV1"))
        scores = q @ key.T / np.sqrt(key.shape[-1])
        if causal:
            weights = xp.exp(scores) * np.tril(np.ones(scores.shape))
            a = weights / weights.sum(-1, keepdims=True)
        else:
            a = _softmax(xp, scores)
        f = a @ v @ p["WO1"]
        return p["W2"] @ f.mean(0) + p["b2"]

    return forward


def _transformer(xp: Any, p: dict[str, Any], x: Any) -> Any:
    """Embedding, a causal block with its norm and its two skips, logits of the pooled tokens."""
    h = x @ p["E1"]
    z = p["gamma2"] * _standardized(xp, h) + p["beta2"]
    q, key, v = (z @ p[name] for name in ("WQ3", "WK3", "WV3"))
    weights = xp.exp(q @ key.T / np.sqrt(key.shape[-1])) * np.tril(np.ones((len(x), len(x))))
    h = h + weights / weights.sum(-1, keepdims=True) @ v @ p["WO3"]
    f = xp.tanh(h @ p["W4"].T + p["b4"]) @ p["W5"].T + p["b5"]
    h = h + f
    return p["W6"] @ h.mean(0) + p["b6"]


def _rnn(xp: Any, p: dict[str, Any], x: Any) -> Any:
    h = xp.zeros(p["b1"].shape)
    for token in x:
        h = xp.tanh(p["W1"] @ h + p["U1"] @ token + p["b1"])
    return p["W2"] @ h + p["b2"]


def _glu(xp: Any, p: dict[str, Any], x: Any) -> Any:
    g = p["G1"] @ x
    return p["W2"] @ ((p["U1"] @ x) * g * _sigmoid(xp, g)) + p["b2"]


def _tied(xp: Any, p: dict[str, Any], x: Any) -> Any:
    return p["W"].T @ xp.tanh(p["W"] @ x)


def _skips(xp: Any, p: dict[str, Any], x: Any) -> Any:
    """A skip across three layers and a product of two sub-networks, on one shared matrix."""
    u = xp.tanh(p["W"] @ x)
    v = _sigmoid(xp, p["V"] @ u)
    return (p["V"] @ v) * u + x @ x * (p["W"] @ x)


def _skips_symbolic(x: Any) -> Any:
    W, V = ParameterMatrix("W", m, d), ParameterMatrix("V", m, m)
    from sympy import HadamardProduct

    from symprice import ScalarProduct

    u = Elementwise(tanh, W * x)
    v = Elementwise(sigmoid, V * u)
    return HadamardProduct(V * v, u) + ScalarProduct(x, x) * W * x


def _tied_symbolic(x: Any) -> Any:
    W = ParameterMatrix("W", m, d)
    return W.T * Elementwise(tanh, W * x)


def _heads(xp: Any, p: dict[str, Any], x: Any) -> Any:
    h = p["W1"] @ x + p["b1"]
    return _softmax(xp, h)


CASES: dict[str, Case] = {
    "mlp": Case(MLP(d, m, n, 1, activation=tanh), _mlp(3, _tanh), (d,)),
    "mlp, k outputs": Case(MLP(d, m, k, activation=sigmoid), _mlp(2, _sigmoid), (d,)),
    "residual": Case(
        Network(Dense(d, m), Residual(Dense(m, n), Activation(tanh), Dense(n, m)), Dense(m, k)),
        _residual,
        (d,),
    ),
    "deep linear": Case(
        Network(Dense(d, m, bias=False), Dense(m, n, bias=False), Dense(n, k, bias=False)),
        _deep_linear,
        (d,),
    ),
    "softmax": Case(Network(Dense(d, k), Softmax()), _heads, (d,)),
    "layer norm": Case(
        Network(Dense(d, m), LayerNorm(m, epsilon), Activation(tanh), Dense(m, k)),
        _layer_norm,
        (d,),
    ),
    "rms norm": Case(Network(Dense(d, m), RMSNorm(m, epsilon), Dense(m, 1)), _rms_norm, (d,)),
    "circular convolution": Case(
        Network(
            Conv1D(c, o, 3, "circular"),
            Activation(tanh),
            Conv1D(o, m, 2, "circular"),
            Activation(tanh),
            GlobalAveragePool(),
            Dense(m, k),
        ),
        _conv("circular"),
        (c, L),
    ),
    "valid convolution": Case(
        Network(
            Conv1D(c, o, 3, "valid"),
            Activation(tanh),
            Conv1D(o, m, 2, "valid"),
            Activation(tanh),
            GlobalAveragePool(),
            Dense(m, 1),
        ),
        _conv("valid"),
        (c, L),
    ),
    "attention": Case(
        Network(SelfAttention(d, k), GlobalAveragePool(), Dense(d, 1)), _attention(False), (T, d)
    ),
    "causal attention": Case(
        Network(SelfAttention(d, k, causal=True), GlobalAveragePool(), Dense(d, k)),
        _attention(True),
        (T, d),
    ),
    "transformer": Case(
        Network(
            Embedding(o, d),
            Residual(LayerNorm(d, epsilon), SelfAttention(d, k, causal=True)),
            Residual(Dense(d, m), Activation(tanh), Dense(m, d)),
            GlobalAveragePool(),
            Dense(d, k),
        ),
        _transformer,
        (T, o),
    ),
    "recurrent": Case(Network(RNN(d, m), Dense(m, 1)), _rnn, (3, d)),
    "gated": Case(Network(GLU(d, m, gate=silu), Dense(m, k)), _glu, (d,)),
    "tied autoencoder": Case(_tied_symbolic, _tied, (d,)),
    "skips and products": Case(_skips_symbolic, _skips, (d,)),
}


def symbol(letter: str, shape: tuple[Any, ...]) -> Any:
    """An input of a case."""
    if len(shape) == 1:
        return inputs(letter, shape[0])
    return MatrixSymbol(letter.upper(), *shape)


def numbers(shape: Any, generator: np.random.Generator) -> Any:
    """Random numbers for an array of symbolic sizes."""
    return generator.uniform(-0.9, 0.9, [SIZES.get(size, size) for size in map(int_or, shape)])


def int_or(size: Any) -> Any:
    """A number as an int, a Symbol as it is."""
    return int(size) if getattr(size, "is_Integer", False) else size


def parameters_of(expr: Any, generator: np.random.Generator) -> dict[str, Any]:
    """Random arrays for the trainable matrices of an expression, by name."""
    found = sorted(
        (s for s in expr.free_symbols if isinstance(s, ParameterMatrix)), key=lambda s: s.name
    )
    shapes = {}
    for s in found:
        rows, columns = s.shape
        shape = (rows,) if columns == 1 else (rows, columns)
        shapes[s.name] = (*shape, s.size) if hasattr(s, "size") else shape
    return {name: numbers(shape, generator) for name, shape in shapes.items()}


def jacobians(forward: Forward, params: dict[str, Any], x: Any) -> Any:
    """The derivative of the outputs by all parameters, (outputs, parameters), by complex steps."""
    rows = []
    for name, value in params.items():
        for index in np.ndindex(value.shape):
            moved = {key: array.astype(complex) for key, array in params.items()}
            moved[name][index] += 1e-30j
            rows.append(np.atleast_1d(forward(np, moved, x.astype(complex))).imag / 1e-30)
    return np.array(rows).T
