"""A NumPy function of trainable matrices and batches of inputs, made from its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ShapeError
from .compile import compile_source
from .matrix_source import MatrixSource, write_matrix_source

__all__ = ["MatrixFunction"]


class MatrixFunction:
    """``f(params, X, Y)``: params is a dict {parameter or its name: array}, inputs are arrays.

    A weight is (rows, columns), a bias (rows,), an input (width,) or, with a batch label,
    (n, width). It pickles by its source.
    """

    def __init__(
        self, closed: Any, batch: Mapping[Any, str] | None = None, name: str = "f"
    ) -> None:
        self._setup(write_matrix_source(closed, batch, name), dict(batch or {}), name)

    def _setup(self, written: MatrixSource, batch: dict[Any, str], name: str) -> None:
        self.source, self.parameters, self.inputs = written
        self.batch = batch
        self.__name__ = name
        self.__wrapped__ = compile_source(self.source, name)
        self.__doc__ = self.__wrapped__.__doc__

    def __repr__(self) -> str:
        return f"<MatrixFunction {self.__name__}({', '.join(['params', *map(str, self.inputs)])})>"

    def __reduce__(self) -> tuple[Any, ...]:
        written = MatrixSource(self.source, self.parameters, self.inputs)
        return _again, (written, self.batch, self.__name__)

    def __call__(self, params: Mapping[Any, Any], *inputs: Any) -> Any:
        """The formula at arrays.

        Raises
        ======

        ShapeError : for a missing parameter, a wrong number of inputs, widths that do not fit.
        """
        if len(inputs) != len(self.inputs):
            raise ShapeError(
                f"{self.__name__} takes params and {len(self.inputs)} inputs "
                f"({', '.join(map(str, self.inputs))}), but received {len(inputs)}"
            )
        named = {getattr(key, "name", key): value for key, value in params.items()}
        widths: dict[Any, tuple[int, str]] = {}
        arrays = {}
        for symbol in self.parameters:
            if symbol.name not in named:
                raise ShapeError(
                    f"{self.__name__} needs the parameter {symbol.name}, but received "
                    f"{', '.join(sorted(map(str, named))) or 'none'}"
                )
            shape = (symbol.shape[0],) if symbol.shape[1] == 1 else symbol.shape
            arrays[symbol.name] = _fitting(named[symbol.name], shape, symbol.name, widths)
        given = [
            _fitting(value, (*((None,) if s in self.batch else ()), s.shape[0]), s.name, widths)
            for s, value in zip(self.inputs, inputs, strict=True)
        ]
        return self.__wrapped__(arrays, *given)


def _again(written: MatrixSource, batch: dict[Any, str], name: str) -> MatrixFunction:
    function = MatrixFunction.__new__(MatrixFunction)
    function._setup(written, batch, name)
    return function


def _fitting(value: Any, shape: tuple[Any, ...], name: str, widths: dict[Any, Any]) -> Any:
    """The array, if its axes are as declared and agree with those seen before."""
    array = np.asarray(value)
    if array.dtype.kind not in "fc":
        raise ShapeError(f"{name} is an array of {array.dtype}: write floating-point numbers")
    wanted = ", ".join("batch" if size is None else str(size) for size in shape)
    if array.ndim != len(shape):
        raise ShapeError(f"{name} has the shape {array.shape}: it is declared ({wanted})")
    for size, length in zip(shape, array.shape, strict=True):
        if size is None:
            continue
        expected, where = (
            (int(size), name) if size.is_Integer else widths.setdefault(size, (length, name))
        )
        if length != expected:
            raise ShapeError(
                f"{name} has the shape {array.shape}, declared ({wanted}), but {size} is "
                f"{expected} in {where}"
            )
    return array
