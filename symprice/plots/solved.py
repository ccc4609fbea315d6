"""Solved flows: the variables, or a property of them, against time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .style import axes, mathtext, style

__all__ = ["solution"]

_POINTS = 60
_DIGITS = 12


def solution(
    flow: Any,
    until: float = 10.0,
    *,
    of: Any = None,
    values: Mapping[Any, Any] | None = None,
    ax: Any = None,
) -> Any:
    """What ``solve_flow`` gives, from time 0 on.

    Parameters
    ==========

    flow : the solution.
    until : the time to draw to.
    of : a property of the variables that is drawn in their place.
    values : {symbol: number} for the constants.
    ax : Axes to draw into.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import Parameter, sigmoid
    >>> from symprice.plots.solved import solution
    >>> from symprice.solutions.flows import solve_flow
    >>> b = Parameter('b')
    >>> ax = solution(solve_flow(1 - 2*sigmoid(b), {b: 0}), 5, of=sigmoid(b))
    >>> ax.get_ylabel(), [round(float(p), 3) for p in ax.lines[0].get_ydata()[[0, -1]]]
    ('$\\\\sigma(b)$', [0.5, 0.865])
    """
    import numpy as np

    times = np.linspace(0, until, _POINTS)
    reached = [flow.at(float(time), values, digits=_DIGITS) for time in times]
    shown = flow.system.variables if of is None else [of]
    ax = axes(ax)
    for rank, expr in enumerate(shown):
        found = [float(expr.subs(point).subs(values or {}).evalf(_DIGITS)) for point in reached]
        ax.plot(times, found, label=mathtext(expr, str(expr)), **style(rank))
    ax.set_xlim(0, until)
    ax.set_xlabel(mathtext(flow.system.time, "t"))
    if len(shown) == 1:
        ax.set_ylabel(mathtext(shown[0], "P"))
    else:
        ax.legend(frameon=False)
    return ax
