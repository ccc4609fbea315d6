"""The arguments of array functions: what their axes are, and whether arrays fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError
from ..symbols import ParameterMatrix
from .array_sizes import evaluated

__all__ = ["Argument", "arguments_of", "check_sizes", "fitting"]


class Argument(NamedTuple):
    """An argument of a generated function.

    ``axes`` are labels of batches (texts) and sizes; ``positions`` says which position of an entry
    an axis stands for, None for an axis of length 1.
    """

    symbol: Any
    code: str
    axes: tuple[Any, ...]
    positions: tuple[Any, ...]
    is_trained: bool

    @property
    def shown(self) -> str:
        """The shape, as in a docstring."""
        inner = ", ".join("any" if axis is None else str(axis) for axis in self.axes)
        return f"({inner},)" if len(self.axes) == 1 else f"({inner})"

    @property
    def declared(self) -> str:
        """The shape, as in a message."""
        axes = ("batch" if isinstance(axis, str) else axis for axis in self.axes)
        return ", ".join("any" if axis is None else str(axis) for axis in axes)


def arguments_of(
    trained: Sequence[Any],
    given: Sequence[Any],
    batch: Mapping[Any, str],
    families: Mapping[Any, tuple[Any, ...]],
    codes: Mapping[Any, str],
) -> list[Argument]:
    """What is trained first, then the inputs.

    A column is (rows,), a family of trained matrices (rows, columns, size); a family of inputs has
    its labels in front, a batch before all.
    """
    found = []
    for place, symbol in enumerate((*trained, *given)):
        is_trained = place < len(trained)
        shape = getattr(symbol, "shape", ())
        own = list(shape[:1] if shape and shape[1] == 1 else shape)
        places = _positions(shape, len(own))
        labels = list(families.get(symbol, ()))
        first = sum(1 for size in shape if size != 1)
        label_places = list(range(first, first + len(labels)))
        if isinstance(symbol, ParameterMatrix):
            axes, positions = [*own, *labels], [*places, *label_places]
        else:
            axes, positions = [*labels, *own], [*label_places, *places]
        if symbol in batch:
            axes, positions = [batch[symbol], *axes], [batch[symbol], *positions]
        found.append(Argument(symbol, codes[symbol], tuple(axes), tuple(positions), is_trained))
    return found


def _positions(shape: Sequence[Any], axes: int) -> list[Any]:
    positions: list[Any] = []
    count = 0
    for size in shape[:axes]:
        positions.append(None if size == 1 else count)
        count += size != 1
    return positions


def fitting(
    value: Any,
    argument: Argument,
    lengths: dict[Any, tuple[int, str]],
    standard: bool = False,
    checked: bool = True,
) -> Any:
    """The array, if it holds floating-point numbers, and its axes are as declared and agree with
    those seen before. An array of the array API (``standard``) stays what it is; NaN is looked for
    where it is ``checked``.

    Raises
    ======

    ShapeError : for another number of axes, another length, integers, or NaN.
    """
    name = str(argument.symbol.name)
    if not argument.axes and isinstance(value, (int, float)) and not isinstance(value, bool):
        # A number of Python's does not change the type of an array; one of NumPy's does.
        return _without_nan(float(value), name, np)
    array, xp = _standard_array(value, name) if standard else (np.asarray(value), np)
    if not _is_floating(array, xp):
        raise ShapeError(f"{name} is an array of {array.dtype}: write floating-point numbers")
    array = _in_shape(array, argument)
    _agree(array, argument, lengths)
    return _without_nan(array, name, xp) if checked else array


def _standard_array(value: Any, name: str) -> tuple[Any, Any]:
    from array_api_compat import array_namespace

    try:
        return value, array_namespace(value)
    except TypeError:
        raise ShapeError(
            f"{name} is a {type(value).__name__}: write an array of a library that follows the "
            "array API"
        ) from None


def _is_floating(array: Any, xp: Any) -> bool:
    if xp is np:
        return array.dtype.kind in "fc"
    return bool(xp.isdtype(array.dtype, ("real floating", "complex floating")))


def _without_nan(value: Any, name: str, xp: Any) -> Any:
    try:
        found = _holds_nan(value, xp)
    except TypeError:
        # An array that is being traced has no values yet.
        return value
    if found:
        raise ShapeError(f"{name} holds NaN: write numbers")
    return value


def _holds_nan(value: Any, xp: Any) -> bool:
    if isinstance(value, np.ndarray):
        # A sum is NaN where a term is, or infinities of both signs are; it makes no array, and
        # leaves no threads behind that wait.
        with np.errstate(all="ignore"):
            if not np.isnan(np.sum(value)):
                return False
    return bool(xp.any(xp.isnan(value)))


def _in_shape(array: Any, argument: Argument) -> Any:
    if argument.is_trained and array.ndim == len(argument.axes) + 1 and array.shape[1:2] == (1,):
        # A trained column may also be a matrix with one column.
        array = array[:, 0]
    if array.ndim != len(argument.axes):
        raise ShapeError(
            f"{argument.symbol.name} has the shape {array.shape}: it is declared "
            f"({argument.declared})"
        )
    return array


def _agree(array: Any, argument: Argument, lengths: dict[Any, tuple[int, str]]) -> None:
    name = str(argument.symbol.name)
    for size, length in zip(argument.axes, array.shape, strict=True):
        if size is None:
            continue
        if isinstance(size, str):
            expected, where = lengths.setdefault(size, (length, name))
        elif size.is_Integer:
            expected, where = int(size), name
        elif size.args:
            value = evaluated(size, {s: n for s, (n, _) in lengths.items() if s in size.atoms()})
            expected, where = (length if value is None else value), name
        else:
            expected, where = lengths.setdefault(size, (length, name))
        if length != expected:
            what = f"the batch {size!r}" if isinstance(size, str) else size
            raise ShapeError(
                f"{name} has the shape {array.shape}, declared ({argument.declared}), but {what} "
                f"is {expected} in {where}"
            )


def check_sizes(sizes: Sequence[Any], lengths: Mapping[Any, tuple[int, str]]) -> None:
    """An error where a size that is computed from others is not positive.

    Raises
    ======

    ShapeError : as where a sequence is shorter than the kernel that runs over it.
    """
    known = {s: n for s, (n, _) in lengths.items() if not isinstance(s, str)}
    for size in sizes:
        value = evaluated(size, known)
        if value is not None and value < 1:
            parts = sorted(size.free_symbols & known.keys(), key=str)
            where = ", ".join(f"{s} = {known[s]} in {lengths[s][1]}" for s in parts)
            raise ShapeError(
                f"the length {size} is {value}, with {where}: a sequence must be at least as long "
                "as the kernel that runs over it"
            )
