"""Layers that normalise: layer normalisation and its relative without the mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from sympy import Add, HadamardProduct, OneMatrix, S, Symbol, Transpose, sqrt
from sympy.core.sympify import _sympify

from ..array_nodes import RMSNormalized, RMSNormalizedRows, Standardized, StandardizedRows
from ..symbols import expression
from .layer import COLUMN, Layer, Scope, Signal, Weight, added, positive_width, product

__all__ = ["LayerNorm", "RMSNorm"]


class _Norm(Layer):
    """`γ ∘ ẑ + β`, for a normalised ẑ."""

    kinds: ClassVar[tuple[Any, Any]]
    centred: ClassVar[bool]

    @property
    def widths(self) -> tuple[Any, Any]:
        """(width, width)."""
        return self.args[0], self.args[0]

    @property
    def eps(self) -> Any:
        """The ε under the root."""
        return self.args[1]

    @property
    def bias(self) -> bool:
        """Whether there is a bias β."""
        return False

    def weights(self, scope: Scope) -> tuple[Weight, ...]:
        """γ = 1 and β = 0 at first."""
        scope.layer += 1
        width = self.args[0]
        found = (Weight(scope.matrix("gamma", width), S.Zero, S.One),)
        return (*found, Weight(scope.matrix("beta", width))) if self.bias else found

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """`γ_i (h_i - μ)/s + β_i`, with μ, s and the quotients named."""
        inner = [scope.name("h", j, entry) for j, entry in enumerate(entries, start=1)]
        scope.layer += 1
        size = len(inner)
        if self.centred:
            mean = scope.define("mu", Add(*inner) / size)
            inner = [h - mean for h in inner]
        root = scope.define("s", sqrt(Add(*(h**2 for h in inner)) / size + self.eps))
        outer = []
        for i, h in enumerate(inner, start=1):
            value = scope.parameter("gamma", i) * scope.name("z", i, h / root)
            outer.append(value + scope.parameter("beta", i) if self.bias else value)
        return outer

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """`γ ∘ ẑ + β`, with ẑ named; along every row of a sequence."""
        inner = scope.named(self.fitting(signal))
        parameters = [weight.matrix for weight in self.weights(scope)]
        down = signal.layout == COLUMN
        normal = scope.define("z", self.kinds[0 if down else 1](inner, self.eps))
        if not down:
            ones = OneMatrix(inner.shape[0], 1)
            parameters = [product(ones, Transpose(matrix)) for matrix in parameters]
        gain, *biases = parameters
        return signal.but(added(HadamardProduct(gain, normal), *biases), "n")


class LayerNorm(_Norm):
    """`γ ∘ (h - μ)/√(σ² + ε) + β` over the entries of a column, or of every row of a sequence.

    Parameters
    ==========

    width : how many entries there are.
    eps : ε; the Symbol ``epsilon`` where it is left out. The variance σ² is the biased one, the
        mean of the squares about the mean.
    bias : whether there is a trained β beside the trained gain γ.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import LayerNorm, Network, inputs
    >>> d = Symbol('d', integer=True, positive=True)
    >>> f = Network(LayerNorm(d))(inputs('x', d))
    >>> f.definitions
    {z1: Standardized(x, epsilon)}
    """

    kinds = (Standardized, StandardizedRows)
    centred = True

    def __new__(cls, width: Any, eps: Any = None, bias: Any = True) -> LayerNorm:
        return super().__new__(
            cls, positive_width(width, "LayerNorm with width"), _eps(eps), _sympify(bool(bias))
        )

    @property
    def bias(self) -> bool:
        """Whether there is a bias β."""
        return bool(self.args[2])


class RMSNorm(_Norm):
    """`γ ∘ h/√(‖h‖²/n + ε)` over the n entries of a column, or of every row of a sequence.

    Parameters
    ==========

    width, eps : as of ``LayerNorm``.

    Examples
    ========

    >>> from symprice import Network, RMSNorm
    >>> f = Network(RMSNorm(2, eps=0)).explicit()
    >>> f.expr.T
    Matrix([[z1_1*gamma1_1, z1_2*gamma1_2]])
    >>> list(f.definitions.values())[0]
    sqrt(x1**2/2 + x2**2/2)
    """

    kinds = (RMSNormalized, RMSNormalizedRows)
    centred = False

    def __new__(cls, width: Any, eps: Any = None) -> RMSNorm:
        return super().__new__(cls, positive_width(width, "RMSNorm with width"), _eps(eps))


def _eps(eps: Any) -> Any:
    return Symbol("epsilon", positive=True) if eps is None else expression(eps, "a norm with eps")
