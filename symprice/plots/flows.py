"""Flows: the phase line p ↦ dp/dt, and trajectories in time beside the steps of a descent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..emit.numpy import lambdify
from ..errors import ShapeError
from ..symbols import Parameter
from ..training.evaluating import named
from ..training.following import follow
from ..training.predicting import Predictor
from .style import axes, mathtext, style

__all__ = ["flow", "phase_line", "trajectories"]

_RANGE = (-6.0, 6.0)
_POINTS = 400
_ARROWS = 13


def flow(equation: Any, *args: Any, **settings: Any) -> Any:
    """The picture of a Price equation: trajectories where starting points are given."""
    return (trajectories if args or "starts" in settings else phase_line)(
        equation, *args, **settings
    )


def phase_line(
    equation: Any,
    *,
    between: tuple[float, float] = _RANGE,
    numbers: Mapping[Any, float] | None = None,
    name: str | None = None,
    ax: Any = None,
    **line: Any,
) -> Any:
    """A property of one parameter against its rate of change (of a step: its change).

    Arrows on the axis show where it moves, circles where it rests: filled where it returns.

    Parameters
    ==========

    equation : ``price(P, L, …)``, P and L formulas of one Parameter.
    between : the values of the parameter.
    numbers : {symbol: value} for the others, as the learning rate.
    name : a letter for the property in the labels; its formula where not given.
    ax : Axes to draw into.
    line : how matplotlib draws the curve.
    """
    import numpy as np

    parameter = _only_parameter(equation.prop, equation.loss)
    at = np.linspace(*_interval(between), _POINTS)
    value = np.broadcast_to(_values(equation.prop, parameter, at, numbers), at.shape)
    rate = np.broadcast_to(_values(equation._formula(), parameter, at, numbers), at.shape)
    ax = axes(ax)
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=1)
    ax.plot(value, rate, **{**style(0), **line})
    _arrows(ax, value, rate)
    _rests(ax, value, rate)
    shown = mathtext(name or equation.prop, "P")
    ax.set_xlabel(shown)
    ax.set_ylabel(_rate_label(equation, name))
    return ax


def _rate_label(equation: Any, name: str | None) -> str:
    shown = mathtext(name or equation.prop).strip("$")
    if not equation.dynamics.continuous:
        return mathtext(rf"\Delta {shown}" if shown else "", "ΔP")
    if not shown:
        return "dP/dt"
    return mathtext(
        rf"\dfrac{{d {name}}}{{dt}}" if name else rf"\dfrac{{d}}{{dt}}\, {shown}", "dP/dt"
    )


def _arrows(ax: Any, value: Any, rate: Any) -> None:
    """Small triangles on the axis that point where the property goes.

    None of a property that has a value at several parameters, where it may go either way.
    """
    import numpy as np

    steps = np.diff(value)
    if (steps > 0).any() and (steps < 0).any():
        return
    low, high = float(value.min()), float(value.max())
    order = np.argsort(value)
    places = np.linspace(low, high, _ARROWS + 2)[1:-1]
    speeds = np.interp(places, value[order], rate[order])
    for marker, chosen in ((">", speeds > 0), ("<", speeds < 0)):
        ax.plot(places[chosen], 0 * places[chosen], marker, color="0.4", markersize=5, zorder=2)


def _rests(ax: Any, value: Any, rate: Any) -> None:
    """Circles where the rate changes its sign; filled where the property returns.

    Where the property itself turns round, its rate is 0, but the parameter moves on.
    """
    import numpy as np

    moving = np.nonzero(rate)[0]
    for i, j in pairwise(moving):
        nearby = np.diff(value[max(i - 1, 0) : j + 2])
        if rate[i] * rate[j] > 0 or j - i > 2 or nearby.min() * nearby.max() <= 0:
            continue
        at = value[i] - rate[i] * (value[j] - value[i]) / (rate[j] - rate[i])
        fill = "black" if rate[i] * (value[j] - value[i]) > 0 else "white"
        ax.plot([at], [0], "o", color="black", markerfacecolor=fill, markersize=7, zorder=4)


def trajectories(
    equation: Any,
    starts: Sequence[Mapping[Any, Any]],
    until: float = 10.0,
    *,
    rate: float | None = None,
    data: Mapping[Any, Any] | None = None,
    name: str | None = None,
    ax: Any = None,
) -> Any:
    """A property against time under gradient flow, from several starting points.

    Of a way of training with finite steps, the steps are marked, and the flow is beside them: what
    infinitesimal steps would do.

    Parameters
    ==========

    equation : ``price(P, L, …)``.
    starts : {parameter: value} for every line.
    until : the time to draw to; a step takes as much time as its size.
    rate : the size of the steps, for ways of training with finite steps.
    data : arrays of the inputs, numbers for other symbols.
    name : a letter for the property in the labels.
    """
    import numpy as np

    predictor = Predictor(equation)
    known = named(data)
    ax = axes(ax)
    if not predictor.is_flow and rate is None:
        raise ShapeError("asked for the steps of a descent: write rate=0.1, the size of a step")
    for rank, start in enumerate(starts):
        params = predictor.arrays(start)
        times, values = _flowing(predictor, params, known, until)
        first = rank == 0
        ax.plot(times, values, label="flow" if first and rate else None, **style(0))
        if not predictor.is_flow and rate is not None:
            steps = max(1, int(until / rate + 1e-9))
            run = follow(equation, known, params, rate=rate, steps=steps)
            ax.plot(
                rate * np.arange(steps + 1),
                run.values,
                linestyle="none",
                marker="o",
                markersize=3.5,
                color="black",
                markerfacecolor="white",
                clip_on=False,  # the first and the last step lie on the border
                markevery=max(1, steps // 25),
                label=f"steps of size {rate:g}" if first else None,
            )
    ax.set_xlabel("$t$")
    ax.set_ylabel(mathtext(name or equation.prop, "P"))
    ax.set_xlim(0, max(until, rate or 0))
    if rate:
        ax.legend(frameon=False)
    return ax


def _flowing(predictor: Predictor, params: Any, data: Any, until: float) -> tuple[Any, Any]:
    """The property along dθ/dt = -∇L."""
    import numpy as np
    from scipy.integrate import solve_ivp

    from ..dynamics.update import mean_loss
    from ..training.gradients import GradientFunction, flat, unflat

    gradient = GradientFunction(mean_loss(predictor.equation.args[1]))
    names = [name for name in params if name in gradient.names]

    def velocity(_: float, theta: Any) -> Any:
        return -flat(gradient({**params, **unflat(theta, params, names)}, data), names)

    times = np.linspace(0, until, 200)
    found = solve_ivp(
        velocity, (0, until), flat(params, names), t_eval=times, rtol=1e-8, atol=1e-10
    )
    values = [
        predictor.prop({**params, **unflat(theta, params, names)}, data) for theta in found.y.T
    ]
    return found.t, np.array(values)


def _only_parameter(*exprs: Any) -> Any:
    found = {s for e in exprs for s in e.free_symbols if isinstance(s, Parameter)}
    if len(found) != 1:
        listed = ", ".join(sorted(map(str, found))) or "none"
        raise ShapeError(
            f"asked for a line along one Parameter, but there are {listed}: give starts=[{{…}}] "
            "for trajectories, or compare() and follow() for networks"
        )
    return found.pop()


def _interval(between: Any) -> tuple[float, float]:
    try:
        low, high = map(float, between)
    except (TypeError, ValueError):
        raise ShapeError(f"asked for the interval {between!r}: write (lowest, highest)") from None
    if not low < high:
        raise ShapeError(f"asked for the interval {between!r}: the lowest value stands first")
    return low, high


def _values(expr: Any, parameter: Any, at: Any, numbers: Mapping[Any, float] | None) -> Any:
    known = named(numbers)
    free = sorted((s for s in expr.doit().free_symbols if s != parameter), key=str)
    lacking = [s.name for s in free if s.name not in known]
    if lacking:
        raise ShapeError(
            f"asked for a picture of {expr}, but {', '.join(lacking)} has no value: write "
            f"numbers={{'{lacking[0]}': 0.1}}"
        )
    return lambdify([parameter, *free], expr)(at, *(known[s.name] for s in free))
