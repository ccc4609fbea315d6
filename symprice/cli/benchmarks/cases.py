"""The networks whose Gram matrices are timed: their closed forms, sizes and random arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sympy import MatrixSymbol, symbols, tanh

import symprice
from symprice import MLP, NTCov, closed_form, inputs

d, m, n, k, L, T = symbols("d m n k L T", integer=True, positive=True)


class Case(NamedTuple):
    """A network at two batches of inputs, for ours by its formula, for others by its forward pass.

    The formula is made for symbolic sizes; ``shapes`` and ``inputs`` say which numbers they are.
    """

    name: str
    covariance: Callable[[], tuple[Any, dict[Any, str]]]
    forward: str
    shapes: dict[str, tuple[int, ...]]
    inputs: tuple[int, ...]
    batch: int
    outputs: int = 1

    def closed(self) -> tuple[Any, dict[Any, str]]:
        """The closed form of the covariance, and the labels of the batches."""
        node, batch = self.covariance()
        return closed_form(node), batch

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(map(self.size, self.shapes))

    def size(self, parameter: str) -> int:
        """How many numbers one parameter holds."""
        return int(np.prod(self.shapes[parameter]))

    def jacobian_bytes(self, dtype: str) -> int:
        """What the derivatives of the outputs at one batch by all parameters take."""
        return self.batch * self.outputs * self.parameters * np.dtype(dtype).itemsize

    def arrays(self, dtype: str) -> tuple[dict[str, Any], Any, Any]:
        """Parameters and two batches, the same numbers in every run."""
        generator = np.random.default_rng(7)

        def draw(*shape: int, scale: float = 1.0) -> Any:
            return (scale * generator.standard_normal(shape)).astype(dtype)

        params = {}
        for name, shape in self.shapes.items():
            # Tokens multiply weights from the left in attention, so the fan-in is the first size.
            columns = shape[0] if self.forward == "attention" and name != "W2" else shape[1:]
            params[name] = draw(*shape, scale=0.5 if len(shape) == 1 else np.prod(columns) ** -0.5)
        return params, draw(self.batch, *self.inputs), draw(self.batch, *self.inputs)


def mlp(count: int, *sizes: int) -> Case:
    """A tanh network with biases and widths that are symbols, with one or several outputs."""
    depth, outputs = len(sizes) - 1, sizes[-1]

    def covariance() -> tuple[Any, dict[Any, str]]:
        hidden = {2: (m,), 3: (m, n)}[depth]
        net = MLP(d, *hidden, 1 if outputs == 1 else k, activation=tanh)
        x, y = inputs("x y", d)
        return NTCov(net(x), net(y)), {x: "n", y: "m"}

    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(1, depth + 1):
        shapes[f"W{layer}"] = (sizes[layer], sizes[layer - 1])
        shapes[f"b{layer}"] = (sizes[layer],)
    name = f"[{', '.join(map(str, sizes))}] tanh with biases"
    return Case(name, covariance, "mlp", shapes, (sizes[0],), count, outputs)


def convolution(count: int, channels: int, filters: int, length: int) -> Case:
    """A circular convolution with three places, tanh, the mean over the length, one output."""

    def covariance() -> tuple[Any, dict[Any, str]]:
        net = symprice.Network(
            symprice.Conv1D(d, m, 3, padding="circular"),
            symprice.Activation(tanh),
            symprice.GlobalAveragePool(),
            symprice.Dense(m, 1),
        )
        X, Y = (MatrixSymbol(name, d, L) for name in "XY")
        return NTCov(net(X), net(Y)), {X: "n", Y: "m"}

    shapes = {"W1": (filters, channels, 3), "b1": (filters,), "W2": (1, filters), "b2": (1,)}
    name = f"convolution {channels} → {filters} channels, length {length}, pooled"
    return Case(name, covariance, "convolution", shapes, (channels, length), count)


def attention(count: int, tokens: int, width: int, key: int) -> Case:
    """Self-attention, the mean over the tokens, one output."""

    def covariance() -> tuple[Any, dict[Any, str]]:
        net = symprice.Network(
            symprice.SelfAttention(d, k), symprice.GlobalAveragePool(), symprice.Dense(d, 1)
        )
        X, Y = (MatrixSymbol(name, T, d) for name in "XY")
        return NTCov(net(X), net(Y)), {X: "n", Y: "m"}

    inner = {name: (width, key) for name in ("WQ1", "WK1", "WV1")}
    shapes = {**inner, "WO1": (key, width), "W2": (1, width), "b2": (1,)}
    name = f"self-attention of {tokens} tokens of width {width}, keys of {key}, pooled"
    return Case(name, covariance, "attention", shapes, (tokens, width), count)
