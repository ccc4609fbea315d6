"""Layers: each states its forward map on scalar entries, and nothing about derivatives.

A layer is given the entries that reach it and a ``Scope``, from which it takes parameters and in
which it names what it computes. What has a name is computed once and differentiated once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sympy import Add, Basic, Expr, Function, Lambda, Symbol
from sympy.core.function import FunctionClass
from sympy.core.sympify import _sympify

from ..closedform import Definitions
from ..elementwise import Elementwise
from ..errors import ShapeError
from ..symbols import Name, NameMatrix, Parameter, ParameterMatrix, expression

__all__ = ["Activation", "Dense", "Layer", "Scope"]


class Scope:
    """The names of a network being written out: the layer that is being built, its parameters, its
    definitions.
    """

    def __init__(self) -> None:
        self.definitions = Definitions()
        self.layer = 0

    def parameter(self, letter: str, *index: int, wide: bool = False) -> Parameter:
        """The Parameter ``w1_23`` (letter, layer, index); ``w1_2_13`` where an index is wide."""
        return Parameter(f"{letter}{self.layer}_{('_' if wide else '').join(map(str, index))}")

    def name(self, letter: str, index: int, value: Any) -> Any:
        """A name ``h1_2`` for the value; an atom keeps its own."""
        return self.definitions.define(Name(f"{letter}{self.layer}_{index}"), value)

    def column(self, letter: str, value: Any) -> Any:
        """A name ``h1`` for a column; an atom keeps its own."""
        name: Any = NameMatrix(f"{letter}{self.layer}", *value.shape)
        return self.definitions.define(name, value)


class Layer(Basic):
    """A map of entries to entries, with parameters of its own.

    Examples
    ========

    >>> from symprice import Dense, Layer
    >>> isinstance(Dense(2, 3), Layer), Dense(2, 3).widths
    (True, (2, 3))
    """

    @property
    def widths(self) -> tuple[Any, Any]:
        """How many entries come in and how many go out; None where any number does."""
        return None, None

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """The entries that leave the layer."""
        raise NotImplementedError

    def on_column(self, column: Any, scope: Scope) -> Any:
        """The column that leaves the layer, at matrix level: for every width."""
        raise NotImplementedError


class Dense(Layer):
    """The affine layer `h = W a + b`: weights ``w{l}_{ij}``, biases ``b{l}_i``.

    Parameters
    ==========

    fan_in, fan_out : the widths; integers, or positive integer Symbols for the matrix level.
    bias : whether there is a bias b.

    Examples
    ========

    >>> from symprice import Dense, Network
    >>> Network(Dense(2, 1)).explicit().doit()
    b1_1 + w1_11*x1 + w1_12*x2
    """

    def __new__(cls, fan_in: Any, fan_out: Any, bias: Any = True) -> Dense:
        widths = []
        for name, width in (("fan_in", fan_in), ("fan_out", fan_out)):
            width = expression(width, f"Dense with {name}")
            if not (width.is_integer and width.is_positive):
                raise ShapeError(
                    f"asked for Dense with {name} = {width}: write a positive integer, or a Symbol "
                    "declared with "
                    "integer=True, positive=True"
                )
            widths.append(width)
        return super().__new__(cls, *widths, _sympify(bool(bias)))

    @property
    def widths(self) -> tuple[Any, Any]:
        """(fan_in, fan_out)."""
        return self.args[0], self.args[1]

    @property
    def bias(self) -> bool:
        """Whether there is a bias."""
        return bool(self.args[2])

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """`h_i = Σ_j w_ij a_j + b_i`."""
        inner = [scope.name("h", j, entry) for j, entry in enumerate(entries, start=1)]
        scope.layer += 1
        fan_out = int(self.args[1])
        wide = max(len(inner), fan_out) > 9
        outer = []
        for i in range(1, fan_out + 1):
            terms = [
                scope.parameter("w", i, j, wide=wide) * a for j, a in enumerate(inner, start=1)
            ]
            if self.bias:
                terms.append(scope.parameter("b", i))
            outer.append(Add(*terms))
        return outer

    def on_column(self, column: Any, scope: Scope) -> Any:
        """`W a + b`."""
        fan_in, fan_out = self.widths
        if column.shape != (fan_in, 1):
            raise ShapeError(
                f"{self} takes a column of {fan_in} entries, but received {column} of shape "
                f"{column.shape[0]} × {column.shape[1]}"
            )
        column = scope.column("h", column)
        scope.layer += 1
        product = ParameterMatrix(f"W{scope.layer}", fan_out, fan_in) * column
        return product + ParameterMatrix(f"b{scope.layer}", fan_out, 1) if self.bias else product


class Activation(Layer):
    """The same function on every entry, `a_i = φ(h_i)`.

    Parameters
    ==========

    function : a SymPy function (``tanh``, ``sigmoid``, ``Function('phi')``), a ``Lambda``, or a
    Python function of one
        SymPy argument.

    Examples
    ========

    >>> from sympy import Symbol, tanh
    >>> from symprice import Activation
    >>> Activation(tanh).function(Symbol('h'))
    tanh(h)
    """

    def __new__(cls, function: Any) -> Activation:
        return super().__new__(cls, _as_lambda(function))

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

    def on_column(self, column: Any, scope: Scope) -> Any:
        """`φ(h)`, with both sides named."""
        return scope.column("a", Elementwise(self.function, scope.column("h", column)))

    def _sympystr(self, printer: Any) -> str:
        body = self.function.expr
        plain = isinstance(body, Function) and body.args == self.function.variables
        return f"Activation({body.func.__name__ if plain else printer._print(self.function)})"


def _as_lambda(function: Callable[[Any], Any]) -> Lambda:
    if isinstance(function, Lambda):
        if len(function.variables) != 1:
            raise ShapeError(
                f"an activation has one argument, but {function} has {len(function.variables)}"
            )
        return function
    if not callable(function):
        raise ShapeError(
            f"asked for the activation {function!r}: write a SymPy function such as tanh, a "
            "Lambda, or a Python "
            "function of one SymPy argument"
        )
    h = Symbol("h")
    try:
        value = _sympify(function(h))
    except Exception as error:
        kind = (
            ""
            if isinstance(function, FunctionClass)
            else " (math.tanh and np.tanh do not take symbols)"
        )
        raise ShapeError(
            f"the activation {function!r} could not be applied to a symbol{kind}: {error}. Write a "
            "SymPy function, "
            "as in MLP(2, 3, 1, activation=tanh) with sympy's tanh"
        ) from error
    if not isinstance(value, Expr):
        raise ShapeError(
            f"the activation {function!r} gave {value}, which is not a scalar expression"
        )
    return Lambda(h, value)
