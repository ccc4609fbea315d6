"""Activations in elementary functions of mpmath, written down a second time.

The package has these definitions already; a check that read them there would not notice a wrong
one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

__all__ = ["DEFINITIONS"]


def sigmoid(x: Any) -> Any:
    """1/(1 + exp(-x))."""
    return 1 / (1 + mpmath.exp(-x))


def gaussian_cdf(x: Any) -> Any:
    """erfc(-x/√2)/2, the area under the standard normal density up to x."""
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def leaky(x: Any, slope: Any = None) -> Any:
    """x above zero, a hundredth of it below, or the slope that is given."""
    return x if x > 0 else x * (mpmath.mpf(1) / 100 if slope is None else slope)


def partition(logits: tuple[Any, ...]) -> Any:
    """Σ exp(z_j)."""
    return mpmath.fsum(mpmath.exp(z) for z in logits)


DEFINITIONS: dict[str, Callable[..., Any]] = {
    "sigmoid": sigmoid,
    "log_sigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "silu": lambda x: x * sigmoid(x),
    "normal_cdf": gaussian_cdf,
    "gelu": lambda x: x * gaussian_cdf(x),
    "relu": lambda x: x if x > 0 else mpmath.mpf(0),
    "step": lambda x: mpmath.mpf(1 if x > 0 else 0),
    "leaky_relu": leaky,
    "elu": lambda x, alpha=1: x if x > 0 else alpha * mpmath.expm1(x),
    "SoftmaxEntry": lambda k, *z: mpmath.exp(z[int(k) - 1]) / partition(z),
    "LogSoftmaxEntry": lambda k, *z: z[int(k) - 1] - mpmath.log(partition(z)),
    "logsumexp": lambda *z: mpmath.log(partition(z)),
}
