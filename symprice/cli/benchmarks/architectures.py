"""Gram matrices of ten outputs, a convolution and attention, beside automatic differentiation.

As for the tanh network with one output: in one run, in turn.
"""

from __future__ import annotations

from typing import Any

from . import cases
from .kernels import beside_autodiff
from .peers import Environments
from .timing import Wanted

WANTED = {
    "jax.jit(vmap(grad))": Wanted(">=", 3),
    "torch.func.vmap(grad)": Wanted(">=", 3),
}


def run(quick: bool = False, environments: Environments | None = None) -> list[dict[str, Any]]:
    """The rows in float64, at 64 inputs: Jacobians of ten outputs are ten times as large."""
    far = Environments.nowhere() if environments is None else environments
    if quick:
        chosen = [
            cases.mlp(4, 16, 24, 24, 3),
            cases.convolution(4, 3, 8, 6),
            cases.attention(4, 3, 6, 4),
        ]
    else:
        chosen = [
            cases.mlp(64, 784, 512, 512, 10),
            cases.convolution(64, 3, 8, 32),
            cases.convolution(64, 256, 256, 16),
            cases.attention(64, 16, 32, 16),
            cases.attention(64, 16, 1024, 256),
        ]
    wanted = {} if quick else WANTED
    return [row for case in chosen for row in beside_autodiff(case, "float64", far, wanted)]
