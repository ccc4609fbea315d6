"""The closed form of a tanh network with two hidden layers and one output, written by hand.

``xp`` is NumPy or jax.numpy. ``gram`` states the formula, ``gram_in_place`` is the fastest NumPy
that we know for it, and ``Products`` is what no code of it can do without: its matrix products.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def gram(xp: Any, params: Any, x: Any, y: Any) -> Any:
    """`(xᵀy + 1) δ₁ᵀδ'₁ + (a₁ᵀa'₁ + 1) δ₂ᵀδ'₂ + a₂ᵀa'₂ + 1` of all pairs of two batches."""
    W1, W2, W3 = params["W1"], params["W2"], params["W3"]

    def half(x: Any) -> tuple[Any, ...]:
        a1 = xp.tanh(x @ W1.T + params["b1"])
        a2 = xp.tanh(a1 @ W2.T + params["b2"])
        delta2 = (1 - a2 * a2) * W3[0]
        return a1, a2, delta2 @ W2 * (1 - a1 * a1), delta2

    a1, a2, delta1, delta2 = half(x)
    c1, c2, eps1, eps2 = half(y)
    return (x @ y.T + 1) * (delta1 @ eps1.T) + (a1 @ c1.T + 1) * (delta2 @ eps2.T) + a2 @ c2.T + 1


def gram_in_place(params: Any, x: Any, y: Any) -> Any:
    """The same, with every array written over as soon as it is not needed."""
    W1, W2, W3 = params["W1"], params["W2"], params["W3"]

    def half(x: Any) -> tuple[Any, ...]:
        a1 = x @ W1.T
        a1 += params["b1"]
        np.tanh(a1, out=a1)
        a2 = a1 @ W2.T
        a2 += params["b2"]
        np.tanh(a2, out=a2)
        delta2 = a2 * a2
        np.subtract(1, delta2, out=delta2)
        delta2 *= W3[0]
        delta1 = delta2 @ W2
        slope = a1 * a1
        np.subtract(1, slope, out=slope)
        delta1 *= slope
        return a1, a2, delta1, delta2

    a1, a2, delta1, delta2 = half(x)
    c1, c2, eps1, eps2 = half(y)
    total = x @ y.T
    total += 1
    total *= delta1 @ eps1.T
    term = a1 @ c1.T
    term += 1
    term *= delta2 @ eps2.T
    total += term
    np.matmul(a2, c2.T, out=term)
    total += term
    total += 1
    return total


class Products:
    """The eleven matrix products of the formula, into memory that is there already."""

    def __init__(self, params: Any, x: Any, y: Any) -> None:
        W1, W2 = params["W1"], params["W2"]
        # Of each width one array at x and another at y: NumPy halves the work of `A @ A.T`.
        first, second = ((np.ones((len(z), len(W)), z.dtype) for z in (x, y)) for W in (W1, W2))
        (a1, c1), (a2, c2) = first, second
        b1, b2, square = np.empty_like(a1), np.empty_like(a2), np.empty((len(x), len(y)), x.dtype)
        self.products = [(x, W1.T, b1), (y, W1.T, b1), (x, y.T, square)]
        self.products += [(a1, W2.T, b2), (c1, W2.T, b2), (a2, W2, b1), (c2, W2, b1)]
        self.products += [(a1, c1.T, square), (a2, c2.T, square)] * 2

    def __call__(self) -> None:
        """All of them, one after another."""
        for left, right, into in self.products:
            np.matmul(left, right, out=into)
