"""Layers that treat every token alike: affine maps, activations, gates, softmax, embeddings.

How a layer is made, and what it is given, is in ``layer.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Add, HadamardProduct, Lambda, MatrixExpr, OneMatrix, S, Transpose, sqrt
from sympy.core.symbol import Str
from sympy.core.sympify import _sympify

from ..arrays import SoftmaxRows, SoftmaxVector
from ..elementwise import Elementwise
from ..errors import ShapeError
from ..symbols import expression
from .activations import silu
from .layer import (
    CHANNELS,
    COLUMN,
    SEQUENCE,
    Layer,
    Scope,
    Signal,
    Weight,
    added,
    as_lambda,
    positive_width,
    product,
)
from .logits import softmax

__all__ = ["Activation", "Dense", "Embedding", "GLU", "Layer", "Scope", "Softmax"]


class Dense(Layer):
    """The affine layer `h = W a + b`; on a sequence, row by row, `H = A Wᵀ + 1 bᵀ`.

    Parameters
    ==========

    fan_in, fan_out : the widths; integers, or positive integer Symbols for the matrix level.
    bias : whether there is a bias b.
    parameterization : 'standard', or 'ntk' for `h = (σ_w/√fan_in) W a + σ_b b`.
    sigma_w, sigma_b : the scales σ_w and σ_b of 'ntk', numbers or Symbols.
    weight : a matrix expression to use instead of an own ``W{l}``: the ParameterMatrix of another
        layer, or its transpose, ties the two. Matrix level only.

    Examples
    ========

    >>> from symprice import Dense, Network
    >>> Network(Dense(2, 1)).explicit().doit()
    b1_1 + w1_11*x1 + w1_12*x2

    An autoencoder with tied weights:

    >>> from sympy import symbols, tanh
    >>> from symprice import Activation, ParameterMatrix, inputs
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> W = ParameterMatrix('W', m, d)
    >>> encoder, decoder = Dense(d, m, bias=False, weight=W), Dense(m, d, bias=False, weight=W.T)
    >>> Network(encoder, Activation(tanh), decoder)(inputs('x', d)).expr
    W.T*a1
    """

    def __new__(
        cls,
        fan_in: Any,
        fan_out: Any,
        bias: Any = True,
        parameterization: Any = "standard",
        sigma_w: Any = 1,
        sigma_b: Any = 1,
        weight: Any = None,
    ) -> Dense:
        kind = parameterization.name if isinstance(parameterization, Str) else parameterization
        fan_in = positive_width(fan_in, "Dense with fan_in")
        fan_out = positive_width(fan_out, "Dense with fan_out")
        scales = [expression(s, f"Dense with {n}") for n, s in _scales(sigma_w, sigma_b)]
        if kind not in ("standard", "ntk"):
            raise ShapeError(
                f"asked for Dense with the parameterization {kind!r}: write 'standard' or 'ntk'"
            )
        if kind == "standard" and scales != [1, 1]:
            raise ShapeError(
                f"asked for Dense with scales {scales[0]} and {scales[1]} in the standard "
                "parameterization, which has none: write parameterization='ntk'"
            )
        if weight is not None and not isinstance(weight, MatrixExpr):
            raise ShapeError(
                f"asked for Dense with the weight {weight!r}: write a ParameterMatrix, or an "
                "expression of such"
            )
        if weight is not None and weight.shape != (fan_out, fan_in):
            raise ShapeError(
                f"asked for Dense from {fan_in} to {fan_out} entries with the weight {weight} of "
                f"shape {weight.shape[0]} × {weight.shape[1]}: it must be {fan_out} × {fan_in}"
            )
        args = [fan_in, fan_out, _sympify(bool(bias))]
        if kind == "ntk" or weight is not None:
            args += [Str(kind), *scales]
        return super().__new__(cls, *args, *([] if weight is None else [weight]))

    @property
    def widths(self) -> tuple[Any, Any]:
        """(fan_in, fan_out)."""
        return self.args[0], self.args[1]

    @property
    def bias(self) -> bool:
        """Whether there is a bias."""
        return bool(self.args[2])

    @property
    def parameterization(self) -> str:
        """'standard' or 'ntk'."""
        return str(self.args[3].name) if len(self.args) > 3 else "standard"

    @property
    def weight(self) -> Any:
        """The weight that was given; None where the layer has its own."""
        return self.args[6] if len(self.args) > 6 else None

    @property
    def factors(self) -> tuple[Any, Any]:
        """What W and b are multiplied by: (σ_w/√fan_in, σ_b), or (1, 1)."""
        if self.parameterization == "standard":
            return S.One, S.One
        return self.args[4] / sqrt(self.args[0]), self.args[5]

    def weights(self, scope: Scope) -> tuple[Weight, ...]:
        """W of variance 1/fan_in and b = 0; of variance 1 in the 'ntk' parameterization."""
        scope.layer += 1
        fan_in, fan_out = self.widths
        ntk = self.parameterization == "ntk"
        given = self.weight
        weight = scope.matrix("W", fan_out, fan_in) if given is None else scope.shared(given)
        found = Weight(weight, S.One if ntk else 1 / fan_in)
        if not self.bias:
            return (found,)
        return found, Weight(scope.matrix("b", fan_out), S.One if ntk else S.Zero)

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """`h_i = Σ_j w_ij a_j + b_i`."""
        if self.weight is not None:
            raise ShapeError(
                f"asked for the scalars of {self} one by one: a weight that is given is known at "
                "matrix level, as in net(inputs('x', d))"
            )
        inner = [scope.name("h", j, entry) for j, entry in enumerate(entries, start=1)]
        scope.layer += 1
        fan_out = int(self.args[1])
        wide = max(len(inner), fan_out) > 9
        by_weight, by_bias = self.factors
        outer = []
        for i in range(1, fan_out + 1):
            terms = [
                by_weight * scope.parameter("w", i, j, wide=wide) * a
                for j, a in enumerate(inner, start=1)
            ]
            if self.bias:
                terms.append(by_bias * scope.parameter("b", i))
            outer.append(Add(*terms))
        return outer

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """`W a + b`, or `A Wᵀ + 1 bᵀ`."""
        value = scope.named(self.fitting(signal))
        (weight, *_), *biases = self.weights(scope)
        by_weight, by_bias = self.factors
        if signal.layout == COLUMN:
            terms = [product(by_weight, weight, value)]
            terms += [product(by_bias, bias.matrix) for bias in biases]
        else:
            ones = OneMatrix(value.shape[0], 1)
            terms = [product(by_weight, value, weight.T)]
            terms += [product(by_bias, ones, Transpose(bias.matrix)) for bias in biases]
        return signal.but(added(*terms))


def _scales(sigma_w: Any, sigma_b: Any) -> list[tuple[str, Any]]:
    return [("sigma_w", sigma_w), ("sigma_b", sigma_b)]


class Activation(Layer):
    """The same function on every entry, `a_i = φ(h_i)`.

    Parameters
    ==========

    function : a SymPy function (``tanh``, ``sigmoid``, ``Function('phi')``), a ``Lambda``, or a
        Python function of one SymPy argument.

    Examples
    ========

    >>> from sympy import Symbol, tanh
    >>> from symprice import Activation
    >>> Activation(tanh).function(Symbol('h'))
    tanh(h)
    """

    layouts = (COLUMN, SEQUENCE, CHANNELS)

    def __new__(cls, function: Any) -> Activation:
        return super().__new__(cls, as_lambda(function))

    @property
    def function(self) -> Lambda:
        """The function, as a Lambda."""
        return self.args[0]

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """`a_i = φ(h_i)`, with both sides named."""
        named = []
        for i, entry in enumerate(entries, start=1):
            inner = scope.name("h", i, entry)
            named.append(scope.name("a", i, self.function(inner)))
        return named

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """`φ(h)`, with both sides named."""
        inner = scope.named(signal)
        return signal.but(scope.define("a", Elementwise(self.function, inner)))


class GLU(Layer):
    """The gated linear unit `(U x) ∘ g(G x)`, without biases (Dauphin et al. 2017; Shazeer 2020).

    Parameters
    ==========

    fan_in, width : the widths that enter and leave.
    gate : the function g of one entry; ``silu`` where it is left out.

    Examples
    ========

    >>> from sympy import symbols, tanh
    >>> from symprice import GLU, Network, inputs
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> f = Network(GLU(d, m, gate=tanh))(inputs('x', d))
    >>> [f.definitions[name] for name in list(f.definitions)[:2]]
    [U1*x, G1*x]
    """

    def __new__(cls, fan_in: Any, width: Any, gate: Any = silu) -> GLU:
        widths = positive_width(fan_in, "GLU with fan_in"), positive_width(width, "GLU with width")
        return super().__new__(cls, *widths, as_lambda(gate))

    @property
    def widths(self) -> tuple[Any, Any]:
        """(fan_in, width)."""
        return self.args[0], self.args[1]

    @property
    def gate(self) -> Lambda:
        """The function g."""
        return self.args[2]

    def weights(self, scope: Scope) -> tuple[Weight, ...]:
        """U and G, of variance 1/fan_in."""
        scope.layer += 1
        fan_in, width = self.widths
        return tuple(Weight(scope.matrix(letter, width, fan_in), 1 / fan_in) for letter in "UG")

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """`a_i = (Σ_j u_ij x_j) g(Σ_j g_ij x_j)`."""
        inner = [scope.name("h", j, entry) for j, entry in enumerate(entries, start=1)]
        scope.layer += 1
        width = int(self.args[1])
        wide = max(len(inner), width) > 9

        def map_of(letter: str, i: int) -> Any:
            return Add(
                *(scope.parameter(letter, i, j, wide=wide) * x for j, x in enumerate(inner, 1))
            )

        outer = []
        for i in range(1, width + 1):
            kept = scope.name("h", i, map_of("u", i))
            gate = scope.name("v", i, map_of("g", i))
            outer.append(scope.name("a", i, kept * self.gate(gate)))
        return outer

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """`h = U x`, `v = G x`, `a = h ∘ g(v)`."""
        value = scope.named(self.fitting(signal))
        maps = []
        for letter, (weight, *_) in zip("hv", self.weights(scope), strict=True):
            factors = (weight, value) if signal.layout == COLUMN else (value, Transpose(weight))
            maps.append(scope.define(letter, product(*factors)))
        kept, gate = maps
        return signal.but(scope.define("a", HadamardProduct(kept, Elementwise(self.gate, gate))))


class Softmax(Layer):
    """The probabilities `p_i = exp(h_i) / Σ_j exp(h_j)` of a column, or of every row of a sequence.

    Examples
    ========

    >>> from symprice import MLP, Network, Softmax, inputs
    >>> Network(MLP(2, 3), Softmax())(inputs('x', 2)).definitions
    {h1: W1*x + b1, p1: softmax(h1)}
    """

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """The entries of the softmax."""
        inner = [scope.name("h", i, entry) for i, entry in enumerate(entries, start=1)]
        return [scope.name("p", i, p) for i, p in enumerate(softmax(*inner), start=1)]

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """`softmax(h)`, with both sides named."""
        inner = scope.named(self.fitting(signal))
        kind = SoftmaxVector if signal.layout == COLUMN else SoftmaxRows
        return signal.but(scope.define("p", kind(inner)))


class Embedding(Layer):
    """A vector for every word: the rows of E that one-hot rows X pick out, `X E`.

    A single word, a one-hot column x, gives the column `Eᵀ x`.

    Parameters
    ==========

    vocabulary : how many words there are.
    width : how many entries a vector has.

    Examples
    ========

    >>> from sympy import MatrixSymbol, symbols
    >>> from symprice import Embedding, Network
    >>> T, V, d = symbols('T V d', integer=True, positive=True)
    >>> Network(Embedding(V, d))(MatrixSymbol('X', T, V))
    X*E1
    """

    def __new__(cls, vocabulary: Any, width: Any) -> Embedding:
        return super().__new__(
            cls,
            positive_width(vocabulary, "Embedding with vocabulary"),
            positive_width(width, "Embedding with width"),
        )

    @property
    def widths(self) -> tuple[Any, Any]:
        """(vocabulary, width)."""
        return self.args

    def weights(self, scope: Scope) -> tuple[Weight, ...]:
        """E, of variance 1: a one-hot row picks one entry only."""
        scope.layer += 1
        return (Weight(scope.matrix("E", *self.args), S.One),)

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """`X E`, or `Eᵀ x`."""
        value = scope.named(self.fitting(signal))
        ((table, *_),) = self.weights(scope)
        column = signal.layout == COLUMN
        return signal.but(product(Transpose(table), value) if column else product(value, table))
