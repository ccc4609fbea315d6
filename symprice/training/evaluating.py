"""Formulas at arrays: what a formula needs is looked up by name, what lacks is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sympy import Symbol, Tuple

from ..emit.matrix_function import MatrixFunction
from ..emit.numpy import lambdify
from ..errors import ShapeError
from ..symbols import Observable, ObservableVector, Parameter, ParameterMatrix

__all__ = ["Evaluator", "is_of_matrices", "named"]


def is_of_matrices(expr: Any) -> bool:
    """Whether trainable matrices occur in an expression."""
    return any(isinstance(s, ParameterMatrix) for s in expr.free_symbols)


def named(values: Mapping[Any, Any] | None) -> dict[str, Any]:
    """Values by names, where the keys are symbols, families as `x_i`, or texts."""
    found = {}
    for key, value in (values or {}).items():
        array = getattr(key, "array", key)  # a member x_i of the family x
        found[getattr(array, "name", str(array))] = value
    return found


class Evaluator:
    """``f(params, data)``: a formula at arrays of numbers, by the names of its symbols.

    Parameters
    ==========

    expr : an expression of trained scalars or matrices and of inputs.
    name : what it is called in errors.

    Examples
    ========

    >>> from sympy import Symbol, Tuple
    >>> from symprice import NTVar, Parameter
    >>> from symprice.training.evaluating import Evaluator
    >>> w, x = Parameter('w'), Symbol('x')
    >>> Evaluator(NTVar(w**2*x))({w: 3.0}, {x: 1.0, 'y': 7.0})
    36.0
    """

    def __init__(self, expr: Any, name: str = "f") -> None:
        unknown = [s for s in expr.free_symbols if isinstance(s, (Observable, ObservableVector))]
        if unknown:
            raise ShapeError(
                f"asked for numbers of a formula in {', '.join(sorted(map(str, unknown)))}, which "
                "is left unspecified: write formulas or networks for the property and the loss"
            )
        function: Any
        if isinstance(expr, Tuple) and is_of_matrices(expr):
            function = MatrixFunction(expr, name=name)
        else:
            function = lambdify(None, expr, name=name)
        # A product of covariances can lose its matrices, and become a constant.
        self.of_matrices = hasattr(function, "inputs")
        self.function = function
        symbols = function.inputs if self.of_matrices else function.args
        given = [s for s in symbols if not isinstance(s, (Parameter, ParameterMatrix))]
        self.inputs = tuple(s.name for s in given)
        self.numbers = {s.name for s in given if isinstance(s, Symbol)}

    def __call__(self, params: Mapping[Any, Any], data: Mapping[Any, Any]) -> Any:
        """The value; a number as a float."""
        import numpy as np

        known, trained = named(data), named(params)
        missing = [name for name in self.inputs if name not in known]
        if missing:
            raise ShapeError(
                f"asked for numbers of a formula in {_listed(self.inputs)}, but the data lack "
                f"{_listed(missing)}: they have {_listed(sorted(known)) or 'nothing'}. Write "
                f"data={{'{missing[0]}': array}}"
            )
        values = [known[name] for name in self.inputs]
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


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
