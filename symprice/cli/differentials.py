"""Derivatives in formulas: by a scalar, and by all entries of a column or a matrix."""

from __future__ import annotations

from typing import Any

from sympy import Basic, ImmutableDenseMatrix, Integer, Symbol, sstr

from ..errors import NoRuleError
from ..symbols import Observable, Parameter

__all__ = ["derivative", "gradient"]


def derivative(value: Any, by: Any, *more: Any) -> Any:
    """A derivative by one scalar after the other; of a column that of each entry.

    Raises
    ======

    NoRuleError : for a derivative by anything but a declared scalar, and for one of an unspecified
        property, of which nothing is known but its covariances.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.cli.differentials import derivative
    >>> w, b = parameters('w b', real=True)
    >>> derivative(w**2*b, w, b).doit()
    2*w
    """
    for symbol in (by, *more):
        if not isinstance(symbol, Symbol) or isinstance(symbol, Observable):
            raise NoRuleError(
                f"asked for a derivative by {sstr(symbol)}, which is no declared scalar: write one "
                "by a name of --param or --symbol; by all entries it is \\nabla"
            )
        value = (
            ImmutableDenseMatrix(value).applyfunc(lambda entry, s=symbol: _one(entry, s))
            if value.is_Matrix
            else _one(value, symbol)
        )
    return value


def gradient(value: Any, by: Any) -> Any:
    """The derivatives of a scalar by all entries of ``by``, in the shape of ``by``.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice import parameters
    >>> from symprice.cli.differentials import gradient
    >>> w, b = parameters('w b', real=True)
    >>> gradient(w**2*b, Matrix([w, b])).doit()
    Matrix([
    [2*b*w],
    [ w**2]])
    """
    if value.is_Matrix:
        raise NoRuleError(
            f"asked for the gradient of {value.rows}x{value.cols} entries: write that of a scalar, "
            "such as one entry"
        )
    return by.applyfunc(lambda s: derivative(value, s)) if by.is_Matrix else derivative(value, by)


def _one(value: Basic, symbol: Symbol) -> Any:
    """`∂value/∂w` is the covariance with w, unevaluated: checks hold it against differences."""
    from symprice import NTCov

    unspecified = sorted(map(str, value.atoms(Observable)))
    if unspecified:
        raise NoRuleError(
            f"{unspecified[0]} is an unspecified property, which has no derivative by {symbol}: "
            "write what it is with --express, or write NTCov(P, L) for \\nabla P \\cdot \\nabla L"
        )
    if symbol not in value.free_symbols:
        return Integer(0)
    return NTCov(value, symbol) if isinstance(symbol, Parameter) else value.diff(symbol)
