"""Networks: layers one after another, written out as closed forms with named intermediates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from sympy import Basic, Expr, ImmutableDenseMatrix, MatrixExpr, Symbol, tanh
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedForm, ClosedFormMatrix
from ..errors import ShapeError
from ..symbols import expression
from .layers import Activation, Dense, Layer, Scope

__all__ = ["MLP", "Network"]


class Network(Basic):
    """Layers one after another.

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

    def __new__(cls, *layers: Layer) -> Network:
        width, source = None, ""
        for position, layer in enumerate(layers, start=1):
            if not isinstance(layer, Layer):
                raise ShapeError(
                    f"layer {position} of the network is {layer!r}: write a Layer, as Dense(2, 3) "
                    "or Activation(tanh)"
                )
            fan_in, fan_out = layer.widths
            if None not in (width, fan_in) and width != fan_in:
                raise ShapeError(
                    f"{source} gives {width} entries, but layer {position}, {layer}, takes "
                    f"{fan_in}: "
                    f"their widths must be equal"
                )
            if fan_out is not None:
                width, source = fan_out, f"layer {position}, {layer},"
        return super().__new__(cls, *layers)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in order."""
        return self.args

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
        for width in (
            width for layer in self.layers for width in layer.widths if width is not None
        ):
            if not width.is_Integer:
                raise ShapeError(
                    f"asked for the explicit scalars of a network of width {width}: they can be "
                    "written out for "
                    f"integer widths only, as in net.subs({width}, 3).explicit()"
                )
        scope = Scope()
        entries: Sequence[Any] = self._inputs(inputs)
        for layer in self.layers:
            entries = layer.forward(entries, scope)
        if len(entries) == 1:
            closed = scope.definitions.closing(entries[0])
            return closed if isinstance(closed, ClosedForm) else ClosedForm(closed, ())
        column = ImmutableDenseMatrix(len(entries), 1, list(entries))
        closed = scope.definitions.closing(column)
        return closed if isinstance(closed, ClosedFormMatrix) else ClosedFormMatrix(closed, ())

    def __call__(self, *inputs: Any) -> ClosedForm | ClosedFormMatrix:
        """The network at an input: ``net(x)`` at a column of any width, ``net(x1, x2)`` at scalars.

        At a symbolic column the weights are trainable matrices ``W1, b1, …`` and the result holds
        for every width: a column with named layers ``h1, a1, …``.

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
        column = inputs[0]
        if (
            len(inputs) == 1
            and isinstance(column, MatrixExpr)
            and not isinstance(column, MatrixBase)
        ):
            scope = Scope()
            for layer in self.layers:
                column = layer.on_column(column, scope)
            return scope.definitions.closing(column)
        return self.explicit(*inputs)

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


def MLP(*widths: Any, activation: Any = tanh, bias: bool = True) -> Network:
    """The multilayer perceptron `f = W_L φ(… φ(W_1 x + b_1) …) + b_L`.

    Parameters
    ==========

    widths : input, hidden …, output; at least two.
    activation : φ, after every layer but the last.
    bias : whether the layers have biases.

    Examples
    ========

    >>> from sympy import tanh
    >>> from symprice import MLP
    >>> MLP(2, 3, 1, activation=tanh)
    Network(Dense(2, 3, True), Activation(tanh), Dense(3, 1, True))
    """
    if len(widths) < 2:
        raise ShapeError(
            f"asked for MLP{widths}: give at least the input and the output width, as MLP(2, 3, 1)"
        )
    layers: list[Layer] = []
    for fan_in, fan_out in pairwise(widths):
        if layers:
            layers.append(Activation(activation))
        layers.append(Dense(fan_in, fan_out, bias))
    return Network(*layers)
