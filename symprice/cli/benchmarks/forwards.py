"""Forward passes for the automatic differentiation of others, on the arrays of any of them.

This file imports nothing, so that an environment without symprice can load it. ``xp`` is jax.numpy
or torch; a forward pass takes one input and gives the vector of outputs. A case gives the network
of the same name.
"""

from __future__ import annotations

from typing import Any


def mlp(xp: Any, params: Any, x: Any) -> Any:
    """`W_L tanh(… tanh(W_1 x + b_1) …) + b_L`."""
    depth = len(params) // 2
    for layer in range(1, depth):
        x = xp.tanh(params[f"W{layer}"] @ x + params[f"b{layer}"])
    return params[f"W{depth}"] @ x + params[f"b{depth}"]


def convolution(xp: Any, params: Any, x: Any) -> Any:
    """A circular convolution of channels × length, tanh, the mean over the length, and a head."""
    kernel = params["W1"]
    h = sum(kernel[:, :, s] @ xp.roll(x, -s, 1) for s in range(kernel.shape[2]))
    a = xp.tanh(h + params["b1"][:, None])
    return params["W2"] @ a.mean(1) + params["b2"]


def attention(xp: Any, params: Any, x: Any) -> Any:
    """Self-attention of tokens × width, the mean over the tokens, and a head."""
    queries, keys = x @ params["WQ1"], x @ params["WK1"]
    weights = xp.exp(queries @ keys.T / keys.shape[1] ** 0.5)
    weights = weights / weights.sum(1)[:, None]
    return params["W2"] @ (weights @ (x @ params["WV1"]) @ params["WO1"]).mean(0) + params["b2"]


FORWARDS = {"mlp": mlp, "convolution": convolution, "attention": attention}
