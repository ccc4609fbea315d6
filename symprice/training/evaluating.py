"""Formulas at arrays: what a formula needs is looked up by name, what lacks is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sympy import DiracDelta, Integer, MatrixSymbol, Symbol, Tuple

from ..emit.matrix_function import MatrixFunction
from ..emit.numpy import lambdify
from ..errors import NoRuleError, ShapeError
from ..symbols import Observable, ObservableVector, Parameter, ParameterMatrix
from ..tangent.closing import closed_form

__all__ = ["Evaluator", "is_of_matrices", "named"]


def is_of_matrices(expr: Any) -> bool:
    """Whether trainable matrices occur in an expression."""
    return any(isinstance(s, ParameterMatrix) for s in expr.free_symbols)


def named(values: Mapping[Any, Any] | None) -> dict[str, Any]:
    """Values by names, where the keys are symbols, families as `x_i`, or texts."""
    found = {}
    for key, value in (values or {}).items():
        array = getattr(key, "array", key)  # a member x_i of the family x
        name = getattr(array, "name", str(array))
        _check_real(name, value)
        found[name] = value
    return found


def _check_real(name: str, value: Any) -> None:
    """Refuse what NumPy would quietly leave out: imaginary parts and masks."""
    if getattr(getattr(value, "dtype", None), "kind", "") == "c":
        raise ShapeError(f"{name} is an array of complex numbers: write real ones")
    if hasattr(value, "_mask") and value.mask.any():  # a masked array, of numpy.ma
        raise ShapeError(f"{name} is masked in places: leave such samples out")


class Evaluator:
    """``f(params, data)``: a formula at arrays of numbers, by the names of its symbols.

    Parameters
    ==========

    expr : an expression of trained scalars or matrices and of inputs.
    name : what it is called in errors.
    batch : {input: label}, as for ``lambdify``.

    Examples
    ========

    >>> from sympy import DiracDelta, Integer, MatrixSymbol, Symbol, Tuple
    >>> from symprice import NTVar, Parameter
    >>> from symprice.training.evaluating import Evaluator
    >>> w, x = Parameter('w'), Symbol('x')
    >>> Evaluator(NTVar(w**2*x))({w: 3.0}, {x: 1.0, 'y': 7.0})
    36.0
    """

    def __init__(self, expr: Any, name: str = "f", batch: Mapping[Any, str] | None = None) -> None:
        unknown = [s for s in expr.free_symbols if isinstance(s, (Observable, ObservableVector))]
        if unknown:
            raise ShapeError(
                f"asked for numbers of a formula in {', '.join(sorted(map(str, unknown)))}, which "
                "is left unspecified: write formulas or networks for the property and the loss"
            )
        try:
            function = _function(expr, batch, name)
        except NoRuleError:
            smooth = _between_kinks(expr)
            if smooth is None:
                raise
            function = _function(smooth, batch, name)
        # A product of covariances can lose its matrices, and become a constant.
        self.of_matrices = hasattr(function, "inputs")
        self.function = function
        symbols = function.inputs if self.of_matrices else function.args
        given = [s for s in symbols if not isinstance(s, (Parameter, ParameterMatrix))]
        self.inputs = tuple(s.name for s in given)
        self.trained = {s.name for s in symbols} - {s.name for s in given}
        self.numbers = {s.name for s in given if isinstance(s, Symbol)}
        self.columns = {s.name for s in given if getattr(s, "shape", (0, 0))[1] == 1}

    def __call__(self, params: Mapping[Any, Any], data: Mapping[Any, Any]) -> Any:
        """The value; a number as a float."""
        import numpy as np

        known, trained = named(data), named(params)
        missing = [name for name in self.inputs if name not in known]
        if missing:
            raise ShapeError(
                f"asked for numbers of a formula in {_listed(self.inputs)}, but the data lack "
                f"{_listed(missing)}: they have {_listed(sorted(known)) or 'nothing'}. Write "
                f"data={{'{missing[0]}': {'1.0' if missing[0] in self.numbers else 'array'}}}"
            )
        lacking = sorted(self.trained - set(trained))
        if lacking:
            raise ShapeError(
                f"asked for numbers of a formula in the parameters {_listed(sorted(self.trained))},"
                f" but {_listed(lacking)} has no value: there are "
                f"{_listed(sorted(trained)) or 'none'}"
            )
        for name in self.numbers.intersection(self.inputs):
            _check_number(name, known[name])
        values = [self._declared(name, known[name], trained) for name in self.inputs]
        if self.of_matrices:
            found = self.function(
                trained,
                *(
                    v if n in self.numbers else np.asarray(v)
                    for n, v in zip(self.inputs, values, strict=True)
                ),
            )
        else:
            given = dict(zip(self.inputs, values, strict=True))
            found = self.function({**trained, **given})
        if isinstance(found, (tuple, list)):
            return found
        return float(found) if np.ndim(found) == 0 else found

    def _declared(self, name: str, value: Any, params: Mapping[str, Any]) -> Any:
        """A state of a weight, as v_W1, is a column where the weight is a matrix of one column."""
        import numpy as np

        if name in self.columns and any(name.endswith(f"_{param}") for param in params):
            array = np.asarray(value)
            return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
        return value


def _function(expr: Any, batch: Mapping[Any, str] | None, name: str) -> Any:
    # Of a linear network the second derivative is an array, but no parameter is left in it.
    if isinstance(expr, Tuple) and any(isinstance(s, MatrixSymbol) for s in expr.free_symbols):
        return MatrixFunction(expr, batch, name)
    return lambdify(None, expr, batch=batch, name=name)


def _between_kinks(expr: Any) -> Any:
    """The formula where nothing is at a kink, as that of relu, whose curvature is an impulse there.

    None where there is no kink.
    """
    closed = expr if isinstance(expr, Tuple) else closed_form(expr)
    impulses = closed.atoms(DiracDelta)
    return closed.xreplace(dict.fromkeys(impulses, Integer(0))) if impulses else None


def _check_number(name: str, value: Any) -> None:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or array.ndim > 0 or not np.isfinite(array):
        what = f"the array {array.shape}" if array.ndim else repr(value)
        raise ShapeError(f"the value of {name} is {what}: write a finite number")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
