"""NTVar of a probability against the probability, beside what one might have guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Symbol

from ..errors import EliminationError
from ..tangent.elimination import express
from .flows import _RANGE, _interval, _only_parameter, _values
from .style import axes, mathtext, style

__all__ = ["variance"]

_POINTS = 400


def variance(
    node: Any,
    *,
    between: tuple[float, float] = _RANGE,
    numbers: Mapping[Any, float] | None = None,
    name: str = "p",
    guess: bool = True,
    ax: Any = None,
) -> Any:
    """NTVar(P) against P, for a property of one parameter; dashed the variance p(1 - p) of a coin.

    Parameters
    ==========

    node : ``NTVar(P)``.
    between : the values of the parameter.
    numbers : {symbol: value} for other symbols.
    name : the letter of the property in the labels.
    guess : whether the Bernoulli variance is drawn, where P is between 0 and 1.
    ax : Axes to draw into.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, sigmoid
    >>> from symprice.plots.variances import variance
    >>> ax = variance(NTVar(sigmoid(Parameter('b', real=True))))
    >>> print(*(line.get_label() for line in ax.lines))
    $\\operatorname{NTVar}(p) = p^{2} \\left(1 - p\\right)^{2}$ $p(1 - p)$
    """
    import numpy as np

    prop = node.properties[0]
    parameter = _only_parameter(prop)
    at = np.linspace(*_interval(between), _POINTS)
    value = np.broadcast_to(_values(prop, parameter, at, numbers), at.shape)
    found = np.broadcast_to(_values(node, parameter, at, numbers), at.shape)
    ax = axes(ax)
    # In the order of the parameter: of a P that turns back it is a curve with two branches.
    ax.plot(value, found, label=_label(node, prop, name), **style(0))
    if guess and 0 <= value.min() and value.max() <= 1:
        p = np.linspace(0, 1, _POINTS)
        ax.plot(p, p * (1 - p), label=mathtext(f"{name}(1 - {name})"), **style(1))
    ax.set_xlabel(mathtext(name))
    ax.set_ylim(bottom=0)
    # Above the axes, where no curve is.
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax


def _label(node: Any, prop: Any, name: str) -> str:
    """NTVar(p), and what that is in terms of p where it can be said."""
    left = rf"\operatorname{{NTVar}}({name})"
    try:
        found = express(node, {Symbol(name): prop})
    except EliminationError:
        return mathtext(left)
    return mathtext(f"{left} = {mathtext(found)[1:-1]}", mathtext(left))
