"""Layers that mix the tokens of a sequence: self-attention and recurrence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sympy import Lambda, MatMul, S, Transpose, sqrt, tanh
from sympy.core.sympify import _sympify

from ..arrays import SoftmaxRows
from ..elementwise import Elementwise
from ..errors import ShapeError
from ..indexed.shifts import UnitVector
from .layer import (
    COLUMN,
    SEQUENCE,
    Layer,
    Scope,
    Signal,
    Weight,
    added,
    as_lambda,
    positive_width,
)

__all__ = ["RNN", "SelfAttention"]


class SelfAttention(Layer):
    """`softmax(X W_Q (X W_K)ᵀ/√d_k) X W_V W_O` of a sequence X, the softmax along every row.

    Parameters
    ==========

    width : how many entries a token has.
    key : how many entries d_k the queries and keys have.
    causal : whether a token sees only itself and those before it.
    heads : how many heads, each with matrices of its own; what they give is added.
    value : how many entries the values have; as the keys where it is left out.

    Examples
    ========

    >>> from sympy import MatrixSymbol, symbols
    >>> from symprice import Network, SelfAttention
    >>> T, d, k = symbols('T d k', integer=True, positive=True)
    >>> f = Network(SelfAttention(d, k))(MatrixSymbol('X', T, d))
    >>> f.expr
    C1*WO1
    >>> [str(name) for name in f.definitions]
    ['Q1', 'K1', 'S1', 'A1', 'V1', 'C1']
    """

    layouts = (SEQUENCE,)

    def __new__(
        cls, width: Any, key: Any, causal: Any = False, heads: Any = 1, value: Any = None
    ) -> SelfAttention:
        key = positive_width(key, "SelfAttention with key")
        heads = positive_width(heads, "SelfAttention with heads")
        if not heads.is_Integer:
            raise ShapeError(f"asked for SelfAttention with {heads} heads: write an integer")
        return super().__new__(
            cls,
            positive_width(width, "SelfAttention with width"),
            key,
            _sympify(bool(causal)),
            heads,
            key if value is None else positive_width(value, "SelfAttention with value"),
        )

    @property
    def widths(self) -> tuple[Any, Any]:
        """(width, width)."""
        return self.args[0], self.args[0]

    @property
    def key(self) -> Any:
        """How many entries the queries and keys have."""
        return self.args[1]

    @property
    def causal(self) -> bool:
        """Whether a token sees only itself and those before it."""
        return bool(self.args[2])

    @property
    def heads(self) -> int:
        """How many heads there are."""
        return int(self.args[3])

    @property
    def value(self) -> Any:
        """How many entries the values have."""
        return self.args[4]

    def weights(self, scope: Scope) -> tuple[Weight, ...]:
        """W_Q, W_K, W_V of variance 1/width and W_O of 1/(value · heads), head by head."""
        scope.layer += 1
        width, key, value = self.args[0], self.key, self.value
        found: list[Weight] = []
        for head in self._places():
            suffix = "" if head is None else f"_{head}"
            for letter, columns in (("WQ", key), ("WK", key), ("WV", value)):
                found.append(Weight(scope.matrix(letter, width, columns, suffix), 1 / width))
            output = scope.matrix("WO", value, width, suffix)
            found.append(Weight(output, 1 / (value * self.args[3])))
        return tuple(found)

    def _places(self) -> Iterator[int | None]:
        """The numbers of the heads; a single one has none."""
        yield from [None] if self.heads == 1 else range(1, self.heads + 1)

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """Queries, keys, scores S, attention A, values V, and their means C = A V, by name."""
        x = scope.named(self.fitting(signal))
        weights = [weight.matrix for weight in self.weights(scope)]
        terms = []
        for n, head in enumerate(self._places()):
            by_query, by_key, by_value, out = weights[4 * n : 4 * n + 4]
            queries = scope.define("Q", MatMul(x, by_query), head)
            keys = scope.define("K", MatMul(x, by_key), head)
            product = MatMul(1 / sqrt(self.key), queries, Transpose(keys))
            scores = scope.define("S", product, head)
            attention = scope.define("A", SoftmaxRows(scores, self.causal), head)
            values = scope.define("V", MatMul(x, by_value), head)
            terms.append(MatMul(scope.define("C", MatMul(attention, values), head), out))
        return signal.but(added(*terms), "F")


class RNN(Layer):
    """The last state of `a_t = φ(W a_{t-1} + U x_t + b)`, from `a_0 = 0`, over the rows `x_t` of a
    sequence.

    Parameters
    ==========

    fan_in, width : how many entries a token and the state have.
    activation : φ; ``tanh`` where it is left out.
    bias : whether there is a bias b.

    The sequence has a known number of tokens, over which the recurrence is written out.

    Examples
    ========

    >>> from sympy import MatrixSymbol, symbols
    >>> from symprice import RNN, Network
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> f = Network(RNN(d, m))(MatrixSymbol('X', 3, d))
    >>> f.expr, [str(name) for name in f.definitions][3:]
    (a1_3, ['x1_2', 'h1_2', 'a1_2', 'x1_3', 'h1_3', 'a1_3'])
    """

    layouts = (SEQUENCE,)

    def __new__(cls, fan_in: Any, width: Any, activation: Any = tanh, bias: Any = True) -> RNN:
        return super().__new__(
            cls,
            positive_width(fan_in, "RNN with fan_in"),
            positive_width(width, "RNN with width"),
            as_lambda(activation),
            _sympify(bool(bias)),
        )

    @property
    def widths(self) -> tuple[Any, Any]:
        """(fan_in, width)."""
        return self.args[0], self.args[1]

    @property
    def activation(self) -> Lambda:
        """φ."""
        return self.args[2]

    @property
    def bias(self) -> bool:
        """Whether there is a bias."""
        return bool(self.args[3])

    @property
    def pools(self) -> bool:
        """A column leaves."""
        return True

    def weights(self, scope: Scope) -> tuple[Weight, ...]:
        """W of variance 1/width, U of 1/fan_in, b = 0."""
        scope.layer += 1
        fan_in, width = self.widths
        found = (
            Weight(scope.matrix("W", width, width), 1 / width),
            Weight(scope.matrix("U", width, fan_in), 1 / fan_in),
        )
        return (*found, Weight(scope.matrix("b", width), S.Zero)) if self.bias else found

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """The tokens `x_t`, `h_t = W a_{t-1} + U x_t + b` and states `a_t = φ(h_t)`, by name."""
        x = scope.named(self.fitting(signal))
        length = x.shape[0]
        if not length.is_Integer:
            raise ShapeError(
                f"{self} is unrolled over the tokens of a sequence, but received {length} of them: "
                "write an integer, as in MatrixSymbol('X', 5, d)"
            )
        recurrent, given, *biases = (weight.matrix for weight in self.weights(scope))
        state: Any = None
        for t in range(int(length)):
            token = scope.define("x", MatMul(Transpose(x), UnitVector(length, t)), t + 1)
            terms = [MatMul(given, token), *biases]
            if state is not None:
                terms.append(MatMul(recurrent, state))
            inner = scope.define("h", added(*terms), t + 1)
            state = scope.define("a", Elementwise(self.activation, inner), t + 1)
        return Signal(state, COLUMN)
