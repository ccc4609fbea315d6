"""The flow of two balanced layers in numbers: the Riccati solution in the frame of F."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["two_layers_at"]


def two_layers_at(
    t: Any, Sigma: Any, W1: Any, W2: Any, tau: float = 1.0, excess: float = 0.0
) -> Any:
    """W2 W1, W1.T W1 and W2 W2.T at time t, of two linear layers that start at W1, W2.

    t may be a list of times. W2.T W2 - W1 W1.T must be `excess` times the identity.

    >>> product, _, _ = two_layers_at(0.5, [[2.0]], [[1.0]], [[1.0]])
    >>> bool(abs(product[0, 0] - 2 * np.exp(2) / (np.exp(2) + 1)) < 1e-12)
    True
    """
    if np.ndim(t):
        found = [two_layers_at(time, Sigma, W1, W2, tau, excess) for time in t]
        return tuple(map(np.stack, zip(*found, strict=True)))
    Sigma, W1, W2 = (np.asarray(given, dtype=float) for given in (Sigma, W1, W2))
    hidden, inputs = W1.shape
    outputs = W2.shape[0]
    if W2.shape != (outputs, hidden) or Sigma.shape != (outputs, inputs):
        raise ValueError(
            f"Sigma, W1, W2 have the shapes {Sigma.shape}, {W1.shape}, {W2.shape}: they are "
            "(outputs, inputs), (hidden, inputs), (outputs, hidden)"
        )
    if t < 0 or tau <= 0:
        raise ValueError(f"t = {t}, tau = {tau}: times are not negative, and tau is positive")
    difference = W2.T @ W2 - W1 @ W1.T - excess * np.eye(hidden)
    scale = np.linalg.norm(W1) ** 2 + np.linalg.norm(W2) ** 2
    if not np.linalg.norm(difference) <= 1e-9 * scale:
        raise ValueError(
            f"the layers are not balanced: W2.T W2 - W1 W1.T, less {excess} on its diagonal, has "
            f"the norm {np.linalg.norm(difference):.3g} and is conserved; it must be 0"
        )
    shift = excess / 2
    F = np.block([[-shift * np.eye(inputs), Sigma.T], [Sigma, shift * np.eye(outputs)]])
    rates, frame = np.linalg.eigh(F)
    Q = frame.T @ np.vstack([W1.T, W2])
    # In short stretches, each from where the last one ends: no exponential overflows.
    count = max(1, int(np.ceil(np.abs(rates).max() * t / tau / 4)))
    s = t / tau / count
    safe = np.where(rates == 0, 1.0, rates)
    spent = np.where(rates == 0, s, np.expm1(2 * safe * s) / (2 * safe))
    for _ in range(count):
        # R.T R = I + Q.T spent Q, without squaring.
        stacked = np.vstack([np.eye(hidden), np.sqrt(spent)[:, None] * Q])
        R: Any = np.linalg.qr(stacked, mode="r")
        Q = np.exp(rates * s)[:, None] * np.linalg.solve(R.T, Q.T).T
    Q = frame @ Q
    M = Q @ Q.T
    return M[inputs:, :inputs], M[:inputs, :inputs], M[inputs:, inputs:]
