"""The parameters of a network as arrays of numbers: in order, checked, and at random."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ShapeError
from ..indexed.families import ParameterFamily
from ..symbols import ParameterMatrix
from .layer import Weight

__all__ = ["initial", "packed", "trained"]


def trained(weights: Iterable[Weight]) -> dict[ParameterMatrix, Weight]:
    """The trainable matrices in order; one that is used again counts where it is used first."""
    found: dict[ParameterMatrix, Weight] = {}
    for weight in weights:
        matrices = weight.matrix.atoms(ParameterMatrix)
        for matrix in sorted(matrices, key=lambda matrix: matrix.name):
            found.setdefault(matrix, weight)
    return found


def array_shape(symbol: ParameterMatrix) -> tuple[Any, ...]:
    """The shape of a parameter's array: a column has one axis, a family one more."""
    if isinstance(symbol, ParameterFamily):
        return (*symbol.shape, symbol.size)
    rows, columns = symbol.shape
    return (rows,) if columns == 1 else (rows, columns)


# --- given arrays ---------------------------------------------------------------------------------
def packed(
    parameters: Iterable[ParameterMatrix], arrays: Any, sizes: Mapping[Any, int] | None = None
) -> dict[str, Any]:
    """Arrays by the names of parameters, after a check of shapes and dtypes."""
    parameters = tuple(parameters)
    found = _Sizes(sizes)
    given = {
        symbol.name: _fitting(symbol, _as_array(symbol, array), found)
        for symbol, array in _in_order(parameters, arrays, found).items()
    }
    kinds = {str(array.dtype): name for name, array in given.items()}
    if len(kinds) > 1:
        listed = ", ".join(f"{name} is {kind}" for kind, name in kinds.items())
        raise ShapeError(f"the parameters are arrays of different dtypes: {listed}")
    return given


def _in_order(
    parameters: tuple[ParameterMatrix, ...], arrays: Any, sizes: _Sizes
) -> dict[ParameterMatrix, Any]:
    listed = ", ".join(symbol.name for symbol in parameters)
    if isinstance(arrays, Mapping):
        named = {getattr(key, "name", str(key)): array for key, array in arrays.items()}
        missing = [symbol.name for symbol in parameters if symbol.name not in named]
        unknown = sorted(named.keys() - {symbol.name for symbol in parameters})
        if missing or unknown:
            wrong = [f"lack {', '.join(missing)}"] if missing else []
            wrong += [f"have {', '.join(unknown)}"] if unknown else []
            raise ShapeError(
                f"the parameters of the network are {listed}, but the arrays {' and '.join(wrong)}"
            )
        return {symbol: named[symbol.name] for symbol in parameters}
    if _is_flat(arrays):
        return _cut(parameters, arrays, sizes)
    if not isinstance(arrays, (list, tuple)):
        raise ShapeError(
            f"asked to pack {type(arrays).__name__}: write a dict, a list of arrays in the order "
            f"{listed}, or one flat vector"
        )
    if len(arrays) != len(parameters):
        raise ShapeError(
            f"the network has the {len(parameters)} parameters {listed}, but received "
            f"{len(arrays)} arrays"
        )
    return dict(zip(parameters, arrays, strict=True))


def _is_flat(arrays: Any) -> bool:
    if hasattr(arrays, "ndim"):
        return bool(arrays.ndim == 1)
    return (
        isinstance(arrays, (list, tuple))
        and len(arrays) > 0
        and all(isinstance(entry, (int, float)) for entry in arrays)
    )


def _cut(
    parameters: tuple[ParameterMatrix, ...], vector: Any, sizes: _Sizes
) -> dict[ParameterMatrix, Any]:
    """Pieces of a flat vector, each in the shape of a parameter."""
    shapes = [sizes.realised(array_shape(symbol), symbol.name) for symbol in parameters]
    counts = [_product(shape) for shape in shapes]
    if len(vector) != sum(counts):
        raise ShapeError(
            f"the parameters of the network have {sum(counts)} entries, but the vector has "
            f"{len(vector)}"
        )
    if not hasattr(vector, "reshape"):
        import numpy as np

        vector = np.asarray(vector)
    pieces, start = {}, 0
    for symbol, shape, count in zip(parameters, shapes, counts, strict=True):
        pieces[symbol] = vector[start : start + count].reshape(shape)
        start += count
    return pieces


def _as_array(symbol: ParameterMatrix, given: Any) -> Any:
    """The array as it is, of whatever library; lists become NumPy's."""
    if not (hasattr(given, "dtype") and hasattr(given, "shape")):
        import numpy as np

        try:
            given = np.asarray(given)
        except ValueError as error:
            raise ShapeError(f"{symbol.name} is no array: {error}") from error
    kind = str(given.dtype).rpartition(".")[2]
    if not kind.startswith(("float", "bfloat")):
        raise ShapeError(f"{symbol.name} is an array of {kind}: write floating-point numbers")
    return given


def _fitting(symbol: ParameterMatrix, array: Any, sizes: _Sizes) -> Any:
    """The array, if its axes are as declared and agree with those seen before."""
    wanted, shape = array_shape(symbol), tuple(array.shape)
    if len(wanted) == 1 and len(shape) == 2 and shape[1] == 1:
        array, shape = array.reshape(shape[:1]), shape[:1]
    sizes.learn(wanted, shape, symbol.name)
    return array


class _Sizes:
    """What the Symbols of shapes are, and where that was learnt."""

    def __init__(self, sizes: Mapping[Any, int] | None) -> None:
        self._values = {str(size): int(value) for size, value in (sizes or {}).items()}
        self._sources = dict.fromkeys(self._values, "sizes")

    def _value(self, size: Any) -> Any:
        known = {
            symbol: self._values[symbol.name]
            for symbol in size.free_symbols
            if symbol.name in self._values
        }
        return size.subs(known)

    def realised(self, shape: tuple[Any, ...], name: str) -> tuple[int, ...]:
        """A shape in numbers."""
        return tuple(map(int, self.values(shape, name)))

    def values(self, shape: tuple[Any, ...], name: str) -> list[float]:
        """Expressions in sizes as numbers."""
        values = [self._value(size) for size in shape]
        unknown = sorted({str(s) for value in values for s in value.free_symbols})
        if unknown:
            raise ShapeError(
                f"{name} has the shape ({_listed(shape)}), but {', '.join(unknown)} is not known: "
                f"write sizes={{{unknown[0]}: 3}}"
            )
        return list(map(float, values))

    def learn(self, wanted: tuple[Any, ...], shape: tuple[int, ...], name: str) -> None:
        """Hold the shape of an array to the one declared."""
        if len(wanted) != len(shape):
            raise ShapeError(f"{name} has the shape {shape}: it is declared ({_listed(wanted)})")
        for size, length in zip(wanted, shape, strict=True):
            if size.is_Symbol:
                self._values.setdefault(size.name, int(length))
                self._sources.setdefault(size.name, name)
        for size, length in zip(wanted, shape, strict=True):
            expected = self._value(size)
            if expected.is_Integer and expected != length:
                where = {self._sources[s.name] for s in size.free_symbols} - {name}
                source = (
                    f", and {size} is {expected} in {', '.join(sorted(where))}" if where else ""
                )
                raise ShapeError(
                    f"{name} has the shape {shape}: it is declared ({_listed(wanted)}){source}"
                )


def _listed(shape: tuple[Any, ...]) -> str:
    return ", ".join(map(str, shape))


def _product(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


# --- random arrays --------------------------------------------------------------------------------
def initial(
    weights: Iterable[Weight], rng: Any, sizes: Mapping[Any, int] | None, dtype: Any
) -> dict[str, Any]:
    """Normal numbers of the mean and variance of every weight."""
    import numpy as np

    if np.dtype(dtype).kind != "f":
        raise ShapeError(f"asked for parameters of dtype {dtype}: write 'float64' or 'float32'")
    generator, known = np.random.default_rng(rng), _Sizes(sizes)
    arrays = {}
    for symbol, weight in trained(weights).items():
        shape = known.realised(array_shape(symbol), symbol.name)
        (variance,) = known.values((weight.variance,), symbol.name)
        array = np.full(shape, float(weight.mean))
        if variance:
            array += np.sqrt(variance) * generator.standard_normal(shape)
        arrays[symbol.name] = array.astype(dtype)
    return arrays
