"""Convolutions of sequences laid out as channels × length, and the means over places."""

from __future__ import annotations

from typing import Any

from sympy import MatMul, OneMatrix, Transpose
from sympy.core.symbol import Str
from sympy.core.sympify import _sympify

from ..errors import ShapeError
from ..indexed.entries import Index, indices_of
from ..indexed.families import Member
from ..indexed.shifts import Shift
from ..indexed.sums import SumOver
from .layer import CHANNELS, COLUMN, SEQUENCE, Layer, Scope, Signal, Weight, added, positive_width

__all__ = ["Conv1D", "GlobalAveragePool"]


class Conv1D(Layer):
    """`y_ot = Σ_cs W_ocs x_{c,t+s} + b_o` (a cross-correlation) of channels × length.

    Parameters
    ==========

    channels, filters : how many channels come in and go out.
    kernel_size : how many places s of the kernel there are.
    padding : 'circular' (the length stays, `t + s` wraps around) or 'valid' (it becomes
        `L - kernel_size + 1`).
    bias : whether there is a bias b.

    Examples
    ========

    >>> from sympy import MatrixSymbol, symbols
    >>> from symprice import Conv1D, Network
    >>> c, m, L = symbols('c m L', integer=True, positive=True)
    >>> Network(Conv1D(c, m, 3, padding='valid'))(MatrixSymbol('X', c, L)).shape
    (m, L - 2)
    """

    layouts = (CHANNELS,)

    def __new__(
        cls,
        channels: Any,
        filters: Any,
        kernel_size: Any,
        padding: Any = "circular",
        bias: Any = True,
    ) -> Conv1D:
        kind = padding.name if isinstance(padding, Str) else padding
        if kind not in ("circular", "valid"):
            raise ShapeError(
                f"asked for Conv1D with the padding {kind!r}: write 'circular' or 'valid'"
            )
        return super().__new__(
            cls,
            positive_width(channels, "Conv1D with channels"),
            positive_width(filters, "Conv1D with filters"),
            positive_width(kernel_size, "Conv1D with kernel_size"),
            Str(kind),
            _sympify(bool(bias)),
        )

    @property
    def widths(self) -> tuple[Any, Any]:
        """(channels, filters)."""
        return self.args[0], self.args[1]

    @property
    def kernel_size(self) -> Any:
        """How many places the kernel has."""
        return self.args[2]

    @property
    def padding(self) -> str:
        """'circular' or 'valid'."""
        return str(self.args[3].name)

    @property
    def bias(self) -> bool:
        """Whether there is a bias."""
        return bool(self.args[4])

    def weights(self, scope: Scope) -> tuple[Weight, ...]:
        """W of variance 1/(channels · kernel_size), b = 0."""
        scope.layer += 1
        channels, filters, size = self.args[:3]
        found = (Weight(scope.family("W", filters, channels, size), 1 / (channels * size)),)
        return (*found, Weight(scope.matrix("b", filters))) if self.bias else found

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """`Σ_s W_s Shift(X, s) + b 1ᵀ`."""
        value = scope.named(self.fitting(signal))
        length, size = value.shape[1], self.kernel_size
        if (size - length).is_positive:
            raise ShapeError(
                f"{self} has a kernel of {size} places, but received a sequence of {length}: it "
                "must not be shorter than the kernel"
            )
        (kernel, *_), *biases = self.weights(scope)
        valid = self.padding == "valid"
        after = length - size + 1 if valid else length
        place = _place(size, value)
        moved = Shift(value, place, after, "zero" if valid else "circular")
        terms = [SumOver(MatMul(Member(kernel, place), moved), place)]
        terms += [MatMul(bias.matrix, OneMatrix(1, after)) for bias in biases]
        return signal.but(added(*terms))


def _place(size: Any, value: Any) -> Index:
    """The index of the kernel's places, another one than the labels of the input."""
    taken, text = {index.name for index in indices_of(value)}, "s"
    while text in taken:
        text += "_prime" if text == "s" else "2"
    return Index(text, size)


class GlobalAveragePool(Layer):
    """The column of means over the length of every channel, or over the tokens of a sequence.

    Examples
    ========

    >>> from sympy import MatrixSymbol, symbols
    >>> from symprice import GlobalAveragePool, Network
    >>> T, d = symbols('T d', integer=True, positive=True)
    >>> Network(GlobalAveragePool())(MatrixSymbol('X', T, d)).shape
    (d, 1)
    """

    layouts = (SEQUENCE, CHANNELS)

    @property
    def pools(self) -> bool:
        """A column leaves."""
        return True

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """`X 1 / length`, or `Xᵀ 1 / T`."""
        value = scope.named(self.fitting(signal))
        if signal.layout == SEQUENCE:
            value = Transpose(value)
        count = value.shape[1]
        return Signal(MatMul(1 / count, value, OneMatrix(count, 1)), COLUMN, "g")
