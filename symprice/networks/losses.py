"""Losses and entropies of what networks give: columns of any size, explicit columns, scalars.

What a loss is of has a name in the result, so that it is computed and differentiated once.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, ImmutableDenseMatrix, Lambda, MatMul, S, Symbol, log
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..arrays import LogSumExp
from ..closedform import ClosedForm
from ..elementwise import Elementwise, ScalarProduct
from ..errors import ShapeError
from ..indexed.entries import Entry
from ..symbols import expression
from .layer import Scope, added
from .logits import logsumexp

__all__ = ["cross_entropy", "entropy", "squared_loss"]


def squared_loss(f: Any, y: Any) -> ClosedForm:
    """Half the squared distance from a target, `½ ‖f - y‖²`.

    Parameters
    ==========

    f : a column, as a network at an input, or a scalar.
    y : the target, of the same shape.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Dense, Network, inputs, squared_loss
    >>> d, k = symbols('d k', integer=True, positive=True)
    >>> loss = squared_loss(Network(Dense(d, k))(inputs('x', d)), inputs('y', k))
    >>> loss.expr
    (ScalarProduct(-y + f, -y + f))/2
    >>> loss.definitions
    {f: W1*x + b1}
    """
    value, target, scope = _named("squared_loss", "f", f, y)
    if isinstance(value, list):
        squares = ((a - b) ** 2 for a, b in zip(value, target, strict=True))
        return _closed(Add(*squares) / 2, scope)
    if not getattr(target, "is_Matrix", False):
        return _closed((Entry(value) - target) ** 2 / 2, scope)
    difference = added(value, MatMul(S.NegativeOne, target))
    return _closed(ScalarProduct(difference, difference) / 2, scope)


def cross_entropy(z: Any, y: Any) -> ClosedForm:
    """The cross-entropy of probabilities with logits z, `log Σ_j exp(z_j) - yᵀ z`.

    Parameters
    ==========

    z : a column of logits, as a network at an input.
    y : the target, a column of probabilities: its entries add up to 1.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Dense, Network, cross_entropy, inputs
    >>> d, k = symbols('d k', integer=True, positive=True)
    >>> cross_entropy(Network(Dense(d, k))(inputs('x', d)), inputs('y', k)).expr
    LogSumExp(z) - ScalarProduct(y, z)
    """
    value, target, scope = _named("cross_entropy", "z", z, y)
    if isinstance(value, list):
        product = Add(*(a * b for a, b in zip(target, value, strict=True)))
        return _closed(logsumexp(*value) - product, scope)
    return _closed(LogSumExp(value) - ScalarProduct(target, value), scope)


def entropy(p: Any) -> ClosedForm:
    """The entropy of probabilities, `-Σ_i p_i log p_i`.

    Parameters
    ==========

    p : a column of positive probabilities, as ``softmax(z)`` or a network that ends in Softmax().

    Examples
    ========

    >>> from symprice import Dense, Network, Softmax, entropy, inputs
    >>> entropy(Network(Dense(2, 3), Softmax())(inputs('x', 2))).expr
    -ScalarProduct(Elementwise(Lambda(p, log(p)), p1), p1)
    """
    value, _, scope = _named("entropy", "p", p)
    if isinstance(value, list):
        return _closed(-Add(*(p_i * log(p_i) for p_i in value)), scope)
    slot = Symbol("p")
    logarithm = Elementwise(Lambda(slot, log(slot)), value)
    return _closed(-ScalarProduct(value, logarithm), scope)


def _named(asked: str, letter: str, given: Any, target: Any = None) -> tuple[Any, Any, Scope]:
    """What a loss is of, by name, its target, and the scope of the names.

    A symbolic column is a symbol then, an explicit one and a scalar the list of their entries; the
    target likewise.
    """
    given, target = _as_expression(given, asked), _as_expression(target, asked)
    scope = Scope(given.free_symbols | target.free_symbols)
    value, goal = scope.hoisted(given), scope.hoisted(target)
    scalar = not getattr(value, "is_Matrix", False)
    shape = (S.One, S.One) if scalar else value.shape
    if shape[1] != 1 or (scalar and asked != "squared_loss"):
        raise ShapeError(f"asked for {asked} of {given}: it is of a column")
    if goal is not S.NaN:
        other = goal.shape if getattr(goal, "is_Matrix", False) else (S.One, S.One)
        if tuple(other) != tuple(shape):
            raise ShapeError(
                f"asked for {asked} of {shape[0]} entries with the target {target} of shape "
                f"{other[0]} × {other[1]}: it must have one entry for each"
            )
    if not scalar and not isinstance(value, MatrixBase):
        return scope.plain(letter, value), goal, scope
    entries = [value] if scalar else list(value)
    named = [
        scope.plain(letter if len(entries) == 1 else f"{letter}_{i}", entry)
        for i, entry in enumerate(entries, start=1)
    ]
    goals = [goal] if not getattr(goal, "is_Matrix", False) else _entries(goal)
    return named, goals, scope


def _as_expression(given: Any, asked: str) -> Any:
    if given is None:
        return S.NaN
    if isinstance(given, (list, tuple)):
        given = ImmutableDenseMatrix(len(given), 1, list(given))
    given = expression(given, asked)
    return given.as_immutable() if isinstance(given, MatrixBase) else given


def _entries(matrix: Any) -> list[Any]:
    return [matrix[i, 0] for i in range(int(_sympify(matrix.shape[0])))]


def _closed(expr: Any, scope: Scope) -> ClosedForm:
    closed = scope.definitions.closing(expr)
    return closed if isinstance(closed, ClosedForm) else ClosedForm(closed, ())
