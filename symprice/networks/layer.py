"""What a layer is: a forward map with named intermediates, and nothing about derivatives.

A layer is given a ``Signal`` and a ``Scope``, from which it takes parameters and in which it names
what it computes. What has a name is computed once and differentiated once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from sympy import Basic, Expr, Lambda, MatAdd, MatMul, MatrixSymbol, S, Symbol
from sympy.core.function import FunctionClass
from sympy.core.sympify import _sympify

from ..closedform import Definitions, hoist, labelled
from ..errors import NameClashError, ShapeError
from ..indexed.entries import indices_of
from ..indexed.families import Family, Member, ParameterFamily
from ..spelling import AsTyped
from ..symbols import Name, NameMatrix, Parameter, ParameterMatrix, expression

__all__ = ["Layer", "Scope", "Signal", "Weight"]

COLUMN, SEQUENCE, CHANNELS = "column", "sequence", "channels"
_AXES = {
    COLUMN: "a column of {} entries",
    SEQUENCE: "a sequence with {} entries a row",
    CHANNELS: "{} channels, one a row",
}


class Signal(NamedTuple):
    """What goes from layer to layer: a matrix, how it is laid out, the letter of its name.

    A column is d × 1, a sequence T × d (a row per token), channels are channels × length.
    """

    value: Any
    layout: str
    letter: str = "h"

    @property
    def width(self) -> Any:
        """How many entries a place has."""
        return self.value.shape[1 if self.layout == SEQUENCE else 0]

    def but(self, value: Any, letter: str = "h") -> Signal:
        """Another value in the same layout."""
        return Signal(value, self.layout, letter)


class Weight(NamedTuple):
    """A trainable matrix of a layer, and the normal distribution that it starts from."""

    matrix: Any
    variance: Any = S.Zero
    mean: Any = S.Zero


class Scope:
    """The names of a network being written out: the layer that is being built, its parameters, its
    definitions.
    """

    def __init__(self, given: Iterable[Any] = ()) -> None:
        self.definitions = Definitions()
        self.layer = 0
        # Names are text in formulas and code, so what is spelled the same is the same.
        self._given = {str(symbol): symbol for symbol in given}
        self._texts = set(self._given)

    def hoisted(self, expr: Any) -> Any:
        """An expression with its definitions moved here."""
        result = hoist(expr, self.definitions)
        self._texts |= {str(name) for name, _ in self.definitions.items()}
        return result

    def parameter(self, letter: str, *index: int, wide: bool = False) -> Parameter:
        """The Parameter ``w1_23`` (letter, layer, index); ``w1_2_13`` where an index is wide."""
        text = f"{letter}{self.layer}_{('_' if wide else '').join(map(str, index))}"
        return self._trained(Parameter(text))

    def matrix(self, letter: str, rows: Any, columns: Any = 1, suffix: str = "") -> ParameterMatrix:
        """The trainable matrix ``W1`` (letter, layer); a column where ``columns`` is left out."""
        return self._trained(ParameterMatrix(f"{letter}{self.layer}{suffix}", rows, columns))

    def family(self, letter: str, rows: Any, columns: Any, size: Any) -> ParameterFamily:
        """The trainable matrices ``W1`` of a layer, one for each of ``size`` labels."""
        return self._trained(ParameterFamily(f"{letter}{self.layer}", rows, columns, size))

    def _trained(self, symbol: Any) -> Any:
        other = self._given.setdefault(symbol.name, symbol)
        if other != symbol:
            raise NameClashError(
                f"two things are named {symbol.name} in the network: {_described(other)}, and "
                f"{_described(symbol)} that is trained: give the input, or the weight that you "
                "made, another name"
            )
        self._texts.add(symbol.name)
        return symbol

    def shared(self, weight: Any) -> Any:
        """A weight that was made before, whose names are taken from now on."""
        for symbol in weight.atoms(MatrixSymbol):
            self._trained(symbol)
        return weight

    def name(self, letter: str, index: int, value: Any) -> Any:
        """A name ``h1_2`` for the value; an atom keeps its own."""
        stem = f"{letter}{self.layer}"
        return self._define((f"{stem}_{index}", f"{stem}_{{}}_{index}"), value)

    def named(self, signal: Signal) -> Any:
        """A name ``h1`` for a signal's matrix; one that has a name keeps it."""
        return self.define(signal.letter, signal.value)

    def define(self, letter: str, value: Any, place: int | None = None) -> Any:
        """A name ``h1`` for a matrix or scalar, ``h1_2`` at a place; a symbol keeps its own."""
        stem = f"{letter}{self.layer}" + ("" if place is None else f"_{place}")
        return self._define((stem, stem + "_{}"), value)

    def plain(self, letter: str, value: Any) -> Any:
        """A name without a number, ``f``, for what is of no layer; a symbol keeps its own."""
        return self._define((letter, letter + "{}"), value)

    def _define(self, texts: tuple[str, str], value: Any) -> Any:
        if value.is_Atom or value.is_symbol or isinstance(value, Member):
            return value
        labels = sorted(indices_of(value), key=lambda index: index.name)
        text = texts[0]
        if Family(value, *labels) not in self.definitions.named():
            count = 1
            while text in self._texts:
                count += 1
                text = texts[1].format(count)
            self._texts.add(text)
        symbol: Any = NameMatrix(text, *value.shape) if _is_matrix(value) else Name(text)
        return labelled(self.definitions, symbol, value)


class Layer(AsTyped, Basic):
    """A map with parameters of its own, of columns, sequences or channels.

    A subclass states ``widths``, ``weights`` if it has any, ``on_matrix`` (its forward map, for
    every width) and, where scalars can be written out, ``forward``.

    Examples
    ========

    >>> from symprice import Dense, Layer
    >>> isinstance(Dense(2, 3), Layer), Dense(2, 3).widths
    (True, (2, 3))
    """

    #: How an input may be laid out.
    layouts: ClassVar[tuple[str, ...]] = (COLUMN, SEQUENCE)

    @property
    def widths(self) -> tuple[Any, Any]:
        """How many entries come in and how many go out; None where any number does."""
        return None, None

    @property
    def taken(self) -> tuple[str, ...]:
        """How an input may be laid out, for all layers inside too."""
        return self.layouts

    @property
    def pools(self) -> bool:
        """Whether a column leaves, whatever came in."""
        return False

    def weights(self, scope: Scope) -> tuple[Weight, ...]:
        """The parameters, numbered by the scope, which counts the layers that have some."""
        return ()

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """The entries that leave the layer."""
        raise ShapeError(
            f"asked for the scalars of {self} one by one, but it is known for whole matrices only: "
            "call the network at a matrix, as net(MatrixSymbol('X', T, d))"
        )

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """What leaves the layer, at matrix level: for every width."""
        raise NotImplementedError

    def fitting(self, signal: Signal) -> Signal:
        """The signal, if the layer takes its layout and width."""
        fan_in = self.widths[0]
        taken = self.taken
        if signal.layout in taken and fan_in in (None, signal.width):
            return signal
        wanted = " or ".join(
            _AXES[layout].format("d" if fan_in is None else fan_in) for layout in taken
        )
        rows, columns = signal.value.shape
        text = str(signal.value)
        raise ShapeError(
            f"{self} takes {wanted}, but received "
            f"{text if len(text) < 60 else signal.letter} of shape {rows} × {columns}"
            + ("" if signal.layout in taken else f", which is a {signal.layout} there")
        )


# --- layers one after another ---------------------------------------------------------------------
def checked_chain(layers: Sequence[Any], owner: str) -> tuple[Any, Any]:
    """The width that enters a chain of layers and the one that leaves it, if all fit together."""
    first, width, source = None, None, ""
    for position, layer in enumerate(layers, start=1):
        if not isinstance(layer, Layer):
            raise ShapeError(
                f"layer {position} of {owner} is {layer!r}: write a Layer, as Dense(2, 3) "
                "or Activation(tanh)"
            )
        fan_in, fan_out = layer.widths
        if None not in (width, fan_in) and width != fan_in:
            raise ShapeError(
                f"{source} gives {width} entries, but layer {position}, {layer}, takes "
                f"{fan_in}: their widths must be equal"
            )
        if first is None and width is None:
            first = fan_in
        if fan_out is not None:
            width, source = fan_out, f"layer {position}, {layer},"
    return first, width


def chain_taken(layers: Iterable[Layer]) -> tuple[str, ...]:
    """The layouts that all layers take until a column is left; where they contradict each other,
    those of the first ones.
    """
    taken: tuple[str, ...] = (COLUMN, SEQUENCE, CHANNELS)
    for layer in layers:
        narrowed = tuple(layout for layout in taken if layout in layer.taken)
        if not narrowed:
            break
        taken = narrowed
        if layer.pools:
            break
    return taken


def chain_weights(layers: Iterable[Layer], scope: Scope) -> tuple[Weight, ...]:
    """The parameters of a chain in order."""
    return tuple(weight for layer in layers for weight in layer.weights(scope))


def chain_forward(layers: Iterable[Layer], entries: Sequence[Any], scope: Scope) -> list[Any]:
    """The entries that leave a chain."""
    for layer in layers:
        entries = layer.forward(entries, scope)
    return list(entries)


def chain_on_matrix(layers: Iterable[Layer], signal: Signal, scope: Scope) -> Signal:
    """The signal that leaves a chain."""
    for layer in layers:
        signal = layer.on_matrix(signal, scope)
    return signal


# --- what layers are written with -----------------------------------------------------------------
def positive_width(given: Any, asked: str) -> Any:
    """A width: a positive integer, or a Symbol for one."""
    width = expression(given, asked)
    if not (width.is_integer and width.is_positive):
        raise ShapeError(
            f"asked for {asked} = {width}: write a positive integer, or a Symbol declared with "
            "integer=True, positive=True"
        )
    return width


def product(*factors: Any) -> Any:
    """The product of scalars and matrices, as it stands."""
    kept = [factor for factor in factors if _is_matrix(factor) or factor != 1]
    return kept[0] if len(kept) == 1 else MatMul(*kept)


def added(*terms: Any) -> Any:
    """The sum of matrices, as it stands."""
    return (
        terms[0]
        if len(terms) == 1
        else MatAdd(*(t for term in terms for t in MatAdd.make_args(term)))
    )


def _described(symbol: Any) -> str:
    shape = getattr(symbol, "shape", None)
    size = "" if shape is None else f" of shape {shape[0]} × {shape[1]}"
    return f"a {type(symbol).__name__}{size}"


def _is_matrix(value: Any) -> bool:
    return bool(getattr(value, "is_Matrix", False))


def as_lambda(function: Callable[[Any], Any]) -> Lambda:
    """A function of one scalar, however it was given, as a Lambda."""
    if isinstance(function, Lambda):
        if len(function.variables) != 1:
            raise ShapeError(
                f"an activation has one argument, but {function} has {len(function.variables)}"
            )
        return function
    if not callable(function):
        raise ShapeError(
            f"asked for the activation {function!r}: write a SymPy function such as tanh, a "
            "Lambda, or a Python function of one SymPy argument"
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
            "SymPy function, as in MLP(2, 3, 1, activation=tanh) with sympy's tanh"
        ) from error
    if not isinstance(value, Expr):
        raise ShapeError(
            f"the activation {function!r} gave {value}, which is not a scalar expression"
        )
    return Lambda(h, value)
