"""Benchmarks: what things cost, beside their peers, measured in the same run.

``symprice bench`` runs them and prints the tables. Peers that are not installed
are skipped, and said to be.
"""

from __future__ import annotations

__all__ = ["NAMES"]

NAMES = {
    "importing": "import symprice beside import sympy",
    "covariance": "covariances of explicit networks, beside SymPy's diff",
    "deriving": "closed forms of deep networks, their LaTeX and source, beside tensorgrad",
    "pricing": "Price's equation for every way of training",
    "gram": "Gram matrices by generated code, by hand, and by JAX, PyTorch, neural-tangents",
    "architectures": "the same for ten outputs, convolutions, attention",
    "attribution": "scores of 60 000 training examples, beside torch.func",
    "mdps": "exact policy gradients of decision processes",
    "policies": "policy gradients: deriving them, and the softmax in many states",
}
