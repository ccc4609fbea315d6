"""A NumPy function of trainable matrices and batches of inputs, made from its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Symbol

from ..errors import ShapeError
from .array_arguments import check_sizes, fitting
from .array_tiles import checked_threads, checked_tile, rows_at_once, tiled
from .compile import compile_source
from .loop_threads import looped
from .matrix_source import MatrixSource, write_matrix_source

__all__ = ["MatrixFunction"]


class MatrixFunction:
    """``f(params, X, Y)``: params is a dict {parameter or its name: array}, inputs are arrays.

    A weight is (rows, columns), a bias (rows,), an input (width,) or, with a batch label,
    (n, width); scalars that are not trained follow the arrays. It pickles by its source;
    ``f.__wrapped__`` is the function itself, without checks, as for ``jax.jit``.

    Where it depends on the sizes in which order a formula is best computed (a sequence may be
    summed for every sample, or for every pair), the code is planned once more at the first call,
    for the lengths of its arrays; ``f.source`` is the code that runs. Given ``sizes`` settle it.

    Parameters
    ==========

    closed : a closed form in trainable matrices.
    batch : {input: label}; inputs with different labels give all pairs, with equal labels pairs.
    name : what it is called.
    backend : 'numpy'; 'array_api' for arrays of any library that follows the array API; or 'numba'
        for loops over rows that are for themselves, which the first call compiles (a few seconds);
        there NaN is no error, but stays in its row.
    sizes : {symbol: about how large}, by which the order of contractions is planned.
    tile : how many elements of every batch are computed at a time; None for all, or, where each row
        of a large batch is for itself (a softmax in many states), for as many as stay in the cache.
    threads : how many blocks are computed at the same time; None for as many as there are
        processors where the rows are for themselves, and for one where a tile is given.
    progress : whether tiles are shown by a progress bar; None for where they take long.

    Examples
    ========

    >>> import numpy as np
    >>> from sympy import symbols
    >>> from symprice import MLP, NTCov, closed_form, inputs
    >>> from symprice.emit.matrix_function import MatrixFunction
    >>> d = symbols('d', integer=True, positive=True)
    >>> x, y = inputs('x y', d)
    >>> net = MLP(d, 1)
    >>> f = MatrixFunction(closed_form(NTCov(net(x), net(y))), {x: 'n', y: 'm'})
    >>> f({}, np.eye(2), np.ones((3, 2)))
    array([[2., 2., 2.],
           [2., 2., 2.]])
    """

    #: What it computes, as long as it was not pickled.
    formula: Any = None

    def __init__(
        self,
        closed: Any,
        batch: Mapping[Any, str] | None = None,
        name: str = "f",
        *,
        backend: str = "numpy",
        sizes: Mapping[Any, int] | None = None,
        tile: int | None = None,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> None:
        written = write_matrix_source(closed, batch, name, backend=backend, sizes=sizes)
        settings = {"backend": backend, "tile": tile, "progress": progress, "threads": threads}
        is_open = written.has_chosen and sizes is None
        self._setup(written, dict(batch or {}), name, settings, closed if is_open else None)

    @classmethod
    def of_source(cls, written: MatrixSource, name: str) -> MatrixFunction:
        """A function of a source that is there."""
        return _again(written, {}, name, {"backend": "numpy", "tile": None, "progress": None}, None)

    def _setup(
        self,
        written: MatrixSource,
        batch: dict[Any, str],
        name: str,
        settings: dict[str, Any],
        closed: Any,
    ) -> None:
        #: The formula, until its code is planned for the sizes that it is used at.
        self._closed = closed
        self._written, self._settings = written, settings
        self.source, self.parameters, self.inputs = written.text, written.parameters, written.inputs
        self.batch = batch
        self.__name__ = self.__qualname__ = name
        checked_threads(settings.get("threads"))
        if settings["tile"] is not None:
            checked_tile(settings["tile"], written.labels, name)
        self.__wrapped__ = compile_source(self.source, name)
        self.__doc__ = self.__wrapped__.__doc__

    def _repr_html_(self) -> str | None:
        from .beside import code_html

        return code_html(self)

    def __repr__(self) -> str:
        return f"<MatrixFunction {self.__name__}({', '.join(['params', *map(str, self.inputs)])})>"

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self._written, self.batch, self.__name__, self._settings, self._closed)
        return _again, state

    def __call__(
        self,
        params: Mapping[Any, Any],
        *inputs: Any,
        tile: int | None = None,
        threads: int | None = None,
        progress: bool | None = None,
        **named: Any,
    ) -> Any:
        """The formula at arrays; inputs may also be given by their names.

        ``tile``, ``threads`` and ``progress`` are those of the function where they are not given.

        Raises
        ======

        ShapeError : for a missing parameter, a wrong number of inputs, widths that do not fit,
            integers, NaN.
        """
        arrays, given = self._fitting(params, self._ordered(inputs, named))
        tile = self._settings["tile"] if tile is None else tile
        threads = self._settings.get("threads") if threads is None else threads
        labels, arguments = self._written.labels, self._written.arguments
        if self._settings["backend"] == "numba":
            return looped(self.__wrapped__, arrays, given, tile, threads)
        if tile is None:
            size = rows_at_once(given, arguments, labels)
            if size is None:
                return self.__wrapped__(arrays, *given)
            many, progress = checked_threads(threads), False
        else:
            size = checked_tile(tile, labels, self.__name__)
            many = 1 if threads is None else checked_threads(threads)
            progress = self._settings["progress"] if progress is None else progress
        return tiled(self.__wrapped__, arrays, given, arguments, labels, size, progress, many)

    def _ordered(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        codes = [a.code for a in self._written.arguments if not a.is_trained]
        rest = codes[len(inputs) :]
        if len(inputs) > len(codes) or set(named) != set(rest):
            shown = [*map(str, self.inputs)] or ["none"]
            received = [str(len(inputs)), *named]
            raise ShapeError(
                f"{self.__name__} takes params and {len(codes)} inputs ({', '.join(shown)}), but "
                f"received {', '.join(received)}"
            )
        return [*inputs, *(named[code] for code in rest)]

    def _fitting(self, params: Mapping[Any, Any], inputs: list[Any]) -> Any:
        named = {getattr(key, "name", key): value for key, value in params.items()}
        backend = self._settings["backend"]
        # Loops read their inputs once; NaN stays in its row there, for everyone to see.
        standard, checked = backend == "array_api", backend != "numba"
        lengths: dict[Any, tuple[int, str]] = {}
        values = iter(inputs)
        arrays, given = {}, []
        for argument in self._written.arguments:
            name = argument.symbol.name
            if not argument.is_trained:
                given.append(fitting(next(values), argument, lengths, standard, checked))
            elif name in named:
                arrays[name] = fitting(named[name], argument, lengths, standard)
            else:
                raise ShapeError(
                    f"{self.__name__} needs the parameter {name}, but received "
                    f"{', '.join(sorted(map(str, named))) or 'none'}"
                )
        check_sizes(self._written.sizes, lengths)
        if self._closed is not None:
            self._plan({size: length for size, (length, _) in lengths.items()})
        return arrays, given

    def _plan(self, lengths: Mapping[Any, int]) -> None:
        """Write the code once more, for sizes that are known by now."""
        sizes = {size: n for size, n in lengths.items() if isinstance(size, Symbol)}
        name, settings = self.__name__, self._settings
        backend = settings["backend"]
        written = write_matrix_source(self._closed, self.batch, name, backend=backend, sizes=sizes)
        self._setup(written, self.batch, name, settings, None)


def _again(*state: Any) -> MatrixFunction:
    function = MatrixFunction.__new__(MatrixFunction)
    function._setup(*state)
    return function
