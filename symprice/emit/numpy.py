"""NumPy out of formulas: readable source, and functions of arrays made from that source."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from sympy import Expr, Tuple

from ..errors import NoRuleError, ShapeError
from ..policy.integrals import ActionIntegral, ActionSum
from ..tangent.closing import closed_form
from ..tangent.slopes import needs_vectors
from .arguments import default_order, free_symbols, leaves, nested
from .compile import compile_source
from .describing import describe
from .matrix_function import MatrixFunction
from .matrix_source import is_matrix_level, write_matrix_source
from .numpy_source import Source, write_source
from .unfolding import unfold
from .vector_code import write_vector_source

__all__ = ["NumpyFunction", "lambdify", "source"]


def source(
    args: Any,
    expr: Any,
    *,
    name: str = "f",
    batch: Mapping[Any, str] | None = None,
    **settings: Any,
) -> str:
    """Readable NumPy source of one function ``name(args)`` that computes a formula.

    Every definition of a closed form is a line under its own name, repeated subexpressions are
    computed once, and the code neither overflows nor cancels in the tails (`1 - σ(x)` is
    ``expit(-x)``, a softmax shares its log-softmax, …). It needs NumPy and SciPy only.

    Parameters
    ==========

    args : the arguments: a symbol, or symbols in a sequence, nested as for SymPy's lambdify. None
        stands for all free symbols, what is trained first, then the others, each in natural order
        (`w1_2` before `w1_10`).
    expr : an expression, closed form, Matrix, derivation (its result), Eq (its right-hand side), or
        a tuple, list or dict of these. Covariances are unfolded first.
    name : what the function is called.
    batch : for formulas of trainable matrices, {input: label}: the inputs' batch axes.
    settings : for these, too: ``backend='array_api'`` writes for any library that follows the array
        API (NumPy, PyTorch, JAX), ``backend='numba'`` loops over rows, which Numba compiles;
        ``sizes={symbol: about how large}`` guides the order of products. Without sizes ``source``
        takes widths to be large, and what ``lambdify`` makes goes by the arrays of its first call.

    Raises
    ======

    NameClashError : for a name that Python cannot hold, or that means two things; it says what to
        write.
    ShapeError : if free symbols are missing among the arguments.
    NoRuleError : where no code is known: an Observable's covariance, an unspecified function.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, sigmoid
    >>> from symprice.emit.numpy import source
    >>> b = Parameter('b')
    >>> text = source([b], NTVar(sigmoid(b)), name='speed')
    >>> [line.strip() for line in text.splitlines() if 'expit' in line]
    ['from scipy.special import expit', 'return expit(-b)**2*expit(b)**2']
    """
    if args is None and needs_vectors(expr):
        _without_batch(batch, settings)
        return write_vector_source(expr, name).text
    closed = _at_matrix_level(args, expr, batch)
    if closed is not None:
        return write_matrix_source(closed, batch, name, **settings).text
    _none_of(settings)
    return _written(args, expr, name)[1].text


def lambdify(
    args: Any,
    expr: Any,
    *,
    name: str = "f",
    batch: Mapping[Any, str] | None = None,
    **settings: Any,
) -> NumpyFunction | MatrixFunction:
    """A NumPy function of arrays that computes a formula: ``source``, made callable.

    Parameters and errors are those of ``source``. Numbers give NumPy numbers, arrays broadcast,
    float32 stays float32; a matrix gives its entries on the last two axes, a column on the last
    one. Formulas of trainable matrices have three settings more: ``tile=`` is how many elements of
    every batch are computed at a time, ``threads=`` how many tiles at the same time, and
    ``progress=`` whether a bar shows them. Integrals and sums that stay are computed by quadrature,
    to about 1e-12 of the integral of the absolute value; where that cannot be promised, the
    function raises ArithmeticError.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice import NTCov, parameters, sigmoid
    >>> from symprice.emit.numpy import lambdify
    >>> w, b = parameters('w b')
    >>> f = lambdify(None, NTCov(sigmoid(w), sigmoid(w + b)))
    >>> f
    <NumpyFunction f(b, w)>
    >>> f(b=0, w=0).item()
    0.0625
    >>> f({b: np.zeros(3), w: 1000.0})
    array([0., 0., 0.])
    """
    if args is None and needs_vectors(expr):
        _without_batch(batch, settings)
        found = MatrixFunction.of_source(write_vector_source(expr, name), name)
        found.formula = expr
        return found
    closed = _at_matrix_level(args, expr, batch)
    if closed is not None:
        matrix_function = MatrixFunction(closed, batch, name, **settings)
        matrix_function.formula = closed
        return matrix_function
    _none_of(settings)
    tree, written = _written(args, expr, name)
    function = NumpyFunction(written, tree, name)
    function.formula = expr
    return function


def _at_matrix_level(args: Any, expr: Any, batch: Any) -> Any:
    """The closed form of a formula of trainable matrices; None for one of scalars."""
    if not isinstance(expr, Expr) and callable(formula := getattr(expr, "_formula", None)):
        expr = formula()
    if args is None and isinstance(expr, Tuple) and any(map(is_matrix_level, expr)):
        return expr
    origin = getattr(expr, "origin", None)
    if args is None and (is_matrix_level(expr) or is_matrix_level(origin)):
        if callable(has := getattr(expr, "has", None)) and has(ActionIntegral, ActionSum):
            raise NoRuleError(
                "asked for code of a formula of trainable matrices with an integral or a sum in "
                "it, for which there is no quadrature: make one function of the outputs of the "
                "network, and one of the formula with a Symbol in the place of each of them"
            )
        # What a formula is the closed form of is kept: it knows widths that the formula lost.
        return expr if getattr(expr, "origin", None) is not None else closed_form(expr)
    if batch is not None:
        raise ShapeError(
            "asked for batch axes by label: these are for formulas of trainable matrices, with "
            "args=None; functions of scalars broadcast over arrays by themselves"
        )
    return None


def _without_batch(batch: Any, settings: Mapping[str, Any]) -> None:
    if batch or settings:
        raise ShapeError(
            f"asked for {', '.join(['batch'] * bool(batch) + [*settings])} of a formula with a "
            "Hessian, an inverse matrix or singular values in it: its code takes one input at a "
            "time; sums over data stand in the formula, as average(..., i)"
        )


def _none_of(settings: Mapping[str, Any]) -> None:
    if settings:
        raise ShapeError(
            f"asked for {', '.join(settings)}: these settings are for formulas of trainable "
            "matrices, with args=None"
        )


def _written(args: Any, expr: Any, name: str) -> tuple[tuple[Any, ...], Source]:
    formula = unfold(expr)
    tree = default_order(free_symbols(formula)) if args is None else nested(args)
    return tree, write_source(tree, formula, name, describe(expr))


class NumpyFunction:
    """A function of arrays with the source that it was made from. Made by ``lambdify``.

    It is called with the arguments in order, by their names in code, or with one dict {symbol or
    name: value}. It pickles by its source.

    Examples
    ========

    >>> from sympy import Symbol, exp
    >>> from symprice.emit.numpy import lambdify
    >>> x = Symbol('x')
    >>> f = lambdify([x], 1/(1 + exp(-x)))
    >>> float(f(-1000.0)), f.args
    (0.0, (x,))
    """

    #: What it computes, as long as it was not pickled.
    formula: Any = None

    def __init__(self, written: Source, args: tuple[Any, ...], name: str) -> None:
        self.source = written.text
        self.args = args
        self.__name__ = self.__qualname__ = name
        self._written = written
        self._symbols = leaves(args)
        self._known: dict[Any, Any] = {}
        for symbol, code in written.names.items():
            self._known |= {code: symbol, symbol.name: symbol, symbol: symbol}
        self.__wrapped__ = compile_source(self.source, name)
        self.__doc__ = self.__wrapped__.__doc__

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.__wrapped__)

    def __repr__(self) -> str:
        shown = list(self._written.signature)
        if len(shown) > 8:
            shown = [*shown[:4], "…", *shown[-2:]]
        return f"<NumpyFunction {self.__name__}({', '.join(shown)})>"

    def _repr_html_(self) -> str | None:
        from .beside import code_html

        return code_html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._written, self.args, self.__name__)

    def __call__(self, *values: Any, **named: Any) -> Any:
        given: dict[Any, Any] = {}
        if len(values) == 1 and isinstance(values[0], Mapping) and not named:
            # A dict may hold more, as the parameters of a network that a property of it lacks.
            named = {key: value for key, value in values[0].items() if key in self._known}
            values = ()
        if len(values) > len(self.args):
            raise ShapeError(
                f"{self!r} takes {len(self.args)} arguments, received {len(values)}: "
                f"write {self.__name__}({', '.join(self._written.signature)})"
            )
        for arg, value in (*zip(self.args, values, strict=False), *self._by_symbol(named)):
            self._bind(arg, value, given)
        missing = [self._written.names[s] for s in self._symbols if s not in given]
        if missing:
            raise ShapeError(
                f"{self!r} was called without {', '.join(missing)}: write "
                f"{self.__name__}({', '.join(self._written.signature)}), or a dict with an entry "
                "for each"
            )
        arrays = {symbol: _numeric(given[symbol]) for symbol in self._symbols}
        result = self.__wrapped__(*(_arranged(arg, arrays) for arg in self.args))
        return _finished(result, [id(array) for array in arrays.values()])

    def _by_symbol(self, named: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
        for key, value in named.items():
            if key not in self._known:
                raise ShapeError(
                    f"{self!r} was given a value for {key}, which it does not depend on: its "
                    "arguments are "
                    f"{', '.join(self._written.names[s] for s in self._symbols) or 'none'}"
                )
            yield self._known[key], value

    def _bind(self, arg: Any, value: Any, given: dict[Any, Any]) -> None:
        if not isinstance(arg, tuple):
            if arg in given:
                raise ShapeError(f"{self!r} was given two values for {arg}: give one")
            given[arg] = value
            return
        if not isinstance(value, Iterable) or len(parts := list(value)) != len(arg):
            received = f"{len(list(value))} values" if isinstance(value, Iterable) else repr(value)
            raise ShapeError(
                f"{self!r} takes the {len(arg)} values ({', '.join(map(str, arg))}) as one "
                f"argument, received {received}"
            )
        for inner, part in zip(arg, parts, strict=True):
            self._bind(inner, part, given)


def _numeric(value: Any) -> Any:
    """An array or NumPy number; floats and complex numbers keep their type, the rest is float."""
    array = np.asarray(value)
    if array.dtype.kind not in "fc":
        try:
            array = array.astype(float)
        except (TypeError, ValueError):
            raise ShapeError(
                f"asked for the value at {value!r}, a {type(value).__name__}: give numbers, or "
                "arrays of numbers whose shapes broadcast"
            ) from None
    return array[()]


def _arranged(arg: Any, values: Mapping[Any, Any]) -> Any:
    return (
        tuple(_arranged(inner, values) for inner in arg) if isinstance(arg, tuple) else values[arg]
    )


def _finished(result: Any, given: list[int]) -> Any:
    """Results as NumPy numbers and arrays of their own, in the structure they came in."""
    if isinstance(result, dict):
        return {key: _finished(value, given) for key, value in result.items()}
    if isinstance(result, (tuple, list)):
        return type(result)(_finished(value, given) for value in result)
    array = np.asarray(result)
    if array.ndim == 0:
        return np.float64(array) if array.dtype.kind in "iu" else array[()]
    # A result may be a view of an argument: it is copied, so that changing it changes nothing else.
    return array if array.flags.owndata and id(array) not in given else array.copy()
