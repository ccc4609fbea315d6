"""Networks: layers one after another, written out as closed forms with named intermediates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from sympy import Basic, Expr, ImmutableDenseMatrix, MatrixExpr, Symbol, preorder_traversal, tanh
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedForm, ClosedFormMatrix
from ..errors import ShapeError
from ..outputs import Drawn
from ..symbols import ParameterMatrix, expression
from .layer import (
    CHANNELS,
    COLUMN,
    SEQUENCE,
    Layer,
    Scope,
    Signal,
    Weight,
    chain_forward,
    chain_on_matrix,
    chain_taken,
    chain_weights,
    checked_chain,
)
from .layers import Activation, Dense
from .packing import initial, packed, trained

__all__ = ["MLP", "Network"]


class Network(Drawn, Layer):
    """Layers one after another; itself a layer, which others may contain.

    Parameters
    ==========

    layers : Layers whose widths fit together.

    Raises
    ======

    ShapeError : where the width that leaves a layer is not the one that the next layer takes.

    Examples
    ========

    >>> from symprice import Activation, Dense, Network, sigmoid
    >>> net = Network(Dense(1, 1), Activation(sigmoid))
    >>> net.explicit().doit()
    sigmoid(b1_1 + w1_11*x1)
    """

    layouts = (COLUMN, SEQUENCE, CHANNELS)

    def __new__(cls, *layers: Layer) -> Network:
        checked_chain(layers, "the network")
        return super().__new__(cls, *layers)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in order."""
        return self.args

    @property
    def widths(self) -> tuple[Any, Any]:
        """(fan_in, fan_out)."""
        return self.fan_in, self.fan_out

    @property
    def fan_in(self) -> Any:
        """The width of the input."""
        return next((layer.widths[0] for layer in self.layers if layer.widths[0] is not None), None)

    @property
    def fan_out(self) -> Any:
        """The width of the output."""
        return next(
            (layer.widths[1] for layer in reversed(self.layers) if layer.widths[1] is not None),
            None,
        )

    @property
    def taken(self) -> tuple[str, ...]:
        """The layouts that the layers take until a column is left."""
        return chain_taken(self.layers)

    @property
    def pools(self) -> bool:
        """Whether a layer does."""
        return any(layer.pools for layer in self.layers)

    def weights(self, scope: Scope) -> tuple[Weight, ...]:
        """Those of the layers in order."""
        return chain_weights(self.layers, scope)

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """The layers one after another."""
        return chain_forward(self.layers, entries, scope)

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """The layers one after another."""
        return chain_on_matrix(self.layers, signal, scope)

    # --- parameters -------------------------------------------------------------------------------
    @property
    def parameters(self) -> tuple[ParameterMatrix, ...]:
        """The trainable matrices in order of their layers, one that is shared only once.

        Examples
        ========

        >>> from sympy import symbols
        >>> from symprice import MLP
        >>> d, m = symbols('d m', integer=True, positive=True)
        >>> [(p, p.shape) for p in MLP(d, m, 1).parameters]
        [(W1, (m, d)), (b1, (m, 1)), (W2, (1, m)), (b2, (1, 1))]
        """
        return tuple(trained(self.weights(Scope())))

    def pack(self, arrays: Any, sizes: Mapping[Any, int] | None = None) -> dict[str, Any]:
        """Arrays of numbers by the names of the parameters, as generated functions take them.

        Parameters
        ==========

        arrays : a dict {parameter or its name: array}, the arrays in the order of ``parameters``,
            or one flat vector of all their entries in that order, row by row.
        sizes : the sizes of Symbols, where a flat vector is to be cut: {d: 784}.

        A weight is (rows, columns), a bias (rows,), a kernel (filters, channels, places).

        Raises
        ======

        ShapeError : for arrays that are missing, unknown, of another shape, or no floats.

        Examples
        ========

        >>> from symprice import MLP
        >>> params = MLP(2, 1).pack([1.0, 2.0, 3.0])
        >>> params['W1'].tolist(), params['b1'].tolist()
        ([[1.0, 2.0]], [3.0])
        """
        return packed(self.parameters, arrays, sizes)

    def init(
        self, rng: Any = None, sizes: Mapping[Any, int] | None = None, dtype: Any = "float64"
    ) -> dict[str, Any]:
        """Random arrays to start training from, by the names of the parameters.

        Weights are normal with mean 0 and variance 1/fan_in, embeddings 1; biases are 0, gains 1.
        In the 'ntk' parameterization weights and biases are standard normal.

        Parameters
        ==========

        rng : a ``numpy.random.Generator``, a seed, or None for a fresh one.
        sizes : the sizes of Symbols: {d: 784}.
        dtype : 'float64' or 'float32'.

        Examples
        ========

        >>> from sympy import symbols
        >>> from symprice import MLP
        >>> d, m = symbols('d m', integer=True, positive=True)
        >>> params = MLP(d, m, 1).init(0, {d: 784, m: 16})
        >>> [(name, array.shape) for name, array in params.items()]
        [('W1', (16, 784)), ('b1', (16,)), ('W2', (1, 16)), ('b2', (1,))]
        """
        return initial(self.weights(Scope()), rng, sizes, dtype)

    # --- at an input ------------------------------------------------------------------------------
    def explicit(self, *inputs: Any) -> ClosedForm | ClosedFormMatrix:
        """The network with scalar weights `w^{(l)}_{ij}`, biases `b^{(l)}_i` and named neurons
        `h^{(l)}_i, a^{(l)}_i`.

        Parameters
        ==========

        inputs : the input entries, one by one, as a list or as a column Matrix; ``x1, x2, …`` where
        not given.

        Returns a ClosedForm (one output) or a ClosedFormMatrix (a column of outputs): an expression
        like any other, whose derivatives are accumulated over its names and never taken of the
        flattened formula.

        Examples
        ========

        >>> from sympy import tanh
        >>> from symprice import MLP
        >>> f = MLP(1, 2, 1, activation=tanh).explicit()
        >>> f.expr
        a1_1*w2_11 + a1_2*w2_12 + b2_1
        >>> list(f.definitions.values())
        [b1_1 + w1_11*x1, tanh(h1_1), b1_2 + w1_21*x1, tanh(h1_2)]
        >>> f.parameters
        (b1_1, w1_11, b1_2, w1_21, b2_1, w2_11, w2_12)
        """
        self._integer_widths()
        entries: Sequence[Any] = self._inputs(inputs)
        scope = Scope(set().union(*(entry.free_symbols for entry in entries)))
        return self._explicit(entries, scope)

    def _integer_widths(self) -> None:
        layers = [node for node in preorder_traversal(self) if isinstance(node, Layer)]
        for width in (width for layer in layers for width in layer.widths if width is not None):
            if not width.is_Integer:
                raise ShapeError(
                    f"asked for the explicit scalars of a network of width {width}: they can be "
                    f"written out for integer widths only, as in net.subs({width}, 3).explicit()"
                )

    def _explicit(self, entries: Sequence[Any], scope: Scope) -> ClosedForm | ClosedFormMatrix:
        entries = self.forward(entries, scope)
        if len(entries) == 1:
            closed = scope.definitions.closing(entries[0])
            return closed if isinstance(closed, ClosedForm) else ClosedForm(closed, ())
        column = ImmutableDenseMatrix(len(entries), 1, list(entries))
        closed = scope.definitions.closing(column)
        return closed if isinstance(closed, ClosedFormMatrix) else ClosedFormMatrix(closed, ())

    def __call__(self, *inputs: Any) -> ClosedForm | ClosedFormMatrix:
        """The network at an input: a matrix of any size, or scalars, ``net(x1, x2)``.

        The matrix is a column, or a sequence T × d (a row per token), or channels × length where
        the layers say so. The parameters are trainable matrices ``W1, b1, …`` and the result holds
        for every width: a matrix with named intermediates ``h1, a1, …``.

        Examples
        ========

        >>> from sympy import symbols, tanh
        >>> from symprice import MLP, inputs
        >>> d, m = symbols('d m', integer=True, positive=True)
        >>> f = MLP(d, m, 1, activation=tanh)(inputs('x', d))
        >>> f.expr
        W2*a1 + b2
        >>> f.definitions
        {h1: W1*x + b1, a1: Elementwise(Lambda(h, tanh(h)), h1)}
        """
        if not inputs:
            raise ShapeError(
                f"a network is called with its inputs: net(x1, ...), {self.fan_in} of them"
            )
        given = inputs[0]
        if len(inputs) > 1 or not isinstance(given, MatrixExpr) or isinstance(given, MatrixBase):
            return self.explicit(*inputs)
        scope = Scope(given.free_symbols)
        value = scope.hoisted(given)
        if isinstance(value, MatrixBase):
            self._integer_widths()
            return self._explicit(self._inputs((value,)), scope)
        result = self.on_matrix(Signal(value, self._layout_of(value)), scope)
        return scope.definitions.closing(result.value)

    def _layout_of(self, value: Any) -> str:
        """How an input is laid out: as the layers need it, else by its shape."""
        taken, (rows, columns) = self.taken, value.shape
        if COLUMN in taken and columns == 1:
            return COLUMN
        if COLUMN in taken and rows == 1:
            raise ShapeError(
                f"the network takes a column, but received {value}, a row of {columns} entries: "
                "write its transpose; a sequence has a row for every token"
            )
        return SEQUENCE if SEQUENCE in taken or not taken else taken[0]

    def _inputs(self, given: tuple[Any, ...]) -> list[Any]:
        width = self.fan_in
        if not given:
            count = 1 if width is None else int(width)
            return [Symbol(f"x{j}") for j in range(1, count + 1)]
        if len(given) == 1 and isinstance(given[0], MatrixBase):
            entries: Iterable[Any] = given[0]
        elif (
            len(given) == 1
            and isinstance(given[0], (list, tuple, Basic))
            and not isinstance(given[0], Expr)
        ):
            entries = given[0] if isinstance(given[0], (list, tuple)) else given[0].args
        else:
            entries = given
        found = [expression(entry, "the network at its inputs") for entry in entries]
        if width is not None and len(found) != width:
            raise ShapeError(
                f"the network takes {width} inputs, but received {len(found)}: {found}"
            )
        return found


def MLP(
    *widths: Any,
    activation: Any = tanh,
    bias: bool = True,
    parameterization: str = "standard",
    sigma_w: Any = 1,
    sigma_b: Any = 1,
) -> Network:
    """The multilayer perceptron `f = W_L φ(… φ(W_1 x + b_1) …) + b_L`.

    Parameters
    ==========

    widths : input, hidden …, output; at least two.
    activation : φ, after every layer but the last.
    bias : whether the layers have biases.
    parameterization, sigma_w, sigma_b : of the layers, as of ``Dense``.

    Examples
    ========

    >>> from sympy import symbols, tanh
    >>> from symprice import MLP, inputs
    >>> MLP(2, 3, 1, activation=tanh)
    Network(Dense(2, 3), Activation(tanh), Dense(3, 1))
    >>> sigma_w, sigma_b = symbols('sigma_w sigma_b', positive=True)
    >>> MLP(4, 1, parameterization='ntk', sigma_w=sigma_w, sigma_b=sigma_b)(inputs('x', 4))
    sigma_b*b1 + (sigma_w/2)*W1*x
    """
    if len(widths) < 2:
        raise ShapeError(
            f"asked for MLP{widths}: give at least the input and the output width, as MLP(2, 3, 1)"
        )
    layers: list[Layer] = []
    for fan_in, fan_out in pairwise(widths):
        if layers:
            layers.append(Activation(activation))
        layers.append(Dense(fan_in, fan_out, bias, parameterization, sigma_w, sigma_b))
    return Network(*layers)
