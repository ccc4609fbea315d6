"""Derivatives of a network by its input, as the physics-informed losses need them."""

from __future__ import annotations

from typing import Any

from sympy import MatrixSymbol, S

from ..closedform import ClosedForm, ClosedFormMatrix, Definitions, hoist
from ..errors import NoRuleError, ShapeError
from ..indexed.entries import Index
from ..indexed.families import Member
from ..indexed.lowering import entry, scalar
from ..indexed.naming import prepared
from ..indexed.raising import raised
from .free_labels import at_one_sample, free_labels
from .index_pullback import Places, index_gradient

__all__ = ["jacobian"]


def jacobian(prop: Any, x: Any) -> Any:
    """The matrix of the derivatives `∂f_i/∂x_j` of a column (or a scalar) by an input column.

    It is a closed form again: covariances of it, and its own jacobian (the Hessian of f, where f is
    a scalar: `jacobian(jacobian(f, x).T, x)`), are taken like those of any property.

    Parameters
    ==========

    prop : k × 1, or a scalar (k = 1), at matrix level.
    x : a column of inputs d × 1, also that of one sample, `x_i`.

    Returns a k × d matrix.

    Raises
    ======

    ShapeError : for what is no column, or by what is no column of inputs.
    NoRuleError : where other samples, or single entries of this one, are in the property.

    Examples
    ========

    >>> from sympy import symbols, tanh
    >>> from symprice import MLP, inputs, jacobian
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> x = inputs('x', d)
    >>> jacobian(MLP(d, m, 1, activation=tanh)(x), x).shape
    (1, d)
    """
    if free_labels(prop, x):
        sample = at_one_sample(prop, x)
        single, one = sample.properties
        if isinstance(x, Member) and x.array in single.free_symbols:
            raise NoRuleError(
                f"asked for derivatives by {x}, but {x.array} is in the property in other ways, "
                "too: take the derivative by a column of its own, inputs('y', d), and put the "
                "sample in afterwards, with xreplace"
            )
        return sample.restored(jacobian(single, one))
    if not isinstance(x, MatrixSymbol) or x.shape[1] != 1:
        raise ShapeError(f"asked for derivatives by {x}: write a column of inputs, inputs('x', d)")
    shape = getattr(prop, "shape", (S.One, S.One))
    if shape[1] != 1:
        raise ShapeError(f"asked for the jacobian of a {shape[0]} × {shape[1]} matrix: a column")
    definitions = Definitions(prop.free_symbols)
    body = hoist(prepared(prop), definitions)
    place = S.Zero if shape[0] == 1 else Index("p", shape[0])
    body = entry(body, place, S.Zero) if getattr(body, "is_Matrix", False) else scalar(body)
    direction = place if isinstance(place, Index) else None
    gradient = index_gradient(body, definitions, lambda symbol: symbol == x, direction)
    column = Places.of(x).row
    _, found = gradient.get(x, (None, S.Zero))
    value = raised(found, direction, column if isinstance(column, Index) else None)
    closed = definitions.closing(value)
    if isinstance(closed, (ClosedForm, ClosedFormMatrix)):
        return closed
    return (ClosedFormMatrix if getattr(closed, "is_Matrix", False) else ClosedForm)(closed, ())
