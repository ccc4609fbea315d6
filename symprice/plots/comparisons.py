"""How well a Price equation predicts: the error against the step size, order by order."""

from __future__ import annotations

from typing import Any

from .style import axes, mathtext, style

__all__ = ["agreement", "errors"]


def errors(comparison: Any, *, ax: Any = None) -> Any:
    """|actual - predicted ΔP| against the step size on logarithmic axes, with the fitted slopes.

    Thin lines have the slopes that theory says, order + 1. Where training becomes unstable is
    marked, if it is in sight.

    Parameters
    ==========

    comparison : what ``compare`` gives.
    ax : Axes to draw into.
    """
    import numpy as np

    ax = axes(ax)
    rates = comparison.rates
    ax.loglog(rates, np.abs(comparison.actual), label="actual $|\\Delta P|$", **style(4))
    for rank, order in enumerate(comparison.predicted):
        error = np.abs(comparison.error(order))
        used = error > 0
        slope = comparison.slope(order)
        fitted = f", slope {slope:.2f}" if slope == slope else ""
        label = f"error of order {order}{fitted}"
        ax.loglog(
            rates[used],
            error[used],
            label=label,
            **{**style(rank, marker=True), "linestyle": "none"},
        )
        if used.any():
            middle = np.nonzero(used)[0][used.sum() // 2]
            guide = error[middle] * (rates / rates[middle]) ** (order + 1)
            ax.loglog(rates, guide, color="0.5", linewidth=0.8, zorder=1, label="_guide")
    if np.isfinite(comparison.threshold) and comparison.threshold <= 3 * rates.max():
        ax.axvline(comparison.threshold, color="0.5", linestyle=":", label="unstable beyond")
    _few_ticks(ax.xaxis, rates)
    ax.set_xlabel(f"step size {mathtext(_rate(comparison))}")
    ax.set_ylabel(r"$|\Delta P|$, and $|\Delta P - \Delta P_{\mathrm{predicted}}|$")
    ax.legend(frameon=False, fontsize="small")
    return ax


def _few_ticks(axis: Any, rates: Any) -> None:
    """1, 2, 5 of every power of ten where there are few of these, else the powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_minor_formatter(NullFormatter())
    if rates.max() < 200 * rates.min():
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))


def _rate(comparison: Any) -> Any:
    dynamics = comparison.equation.dynamics
    return r"\Delta t" if dynamics.continuous else dynamics.step_size


def agreement(
    predicted: Any,
    actual: Any,
    *,
    xlabel: str = "predicted",
    ylabel: str = "actual",
    ax: Any = None,
) -> Any:
    """Actual against predicted numbers, and the line on which they are equal.

    Parameters
    ==========

    predicted, actual : numbers, or {label: numbers} for several kinds with marks of their own.
    xlabel, ylabel : what stands at the axes.
    ax : Axes to draw into.

    Examples
    ========

    >>> from symprice.plots.comparisons import agreement
    >>> agreement([1.0, 2.0], [1.1, 1.9]).get_xlabel()
    'predicted'
    """
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    ax = axes(ax, (4.2, 3.8))
    kinds = predicted if isinstance(predicted, dict) else {"": predicted}
    others = actual if isinstance(actual, dict) else {"": actual}
    every = np.concatenate([np.ravel(v) for v in (*kinds.values(), *others.values())])
    ends = [every.min(), every.max()]
    ax.plot(ends, ends, color="0.6", linewidth=0.8, zorder=1, label="_equal")
    for rank, (label, values) in enumerate(kinds.items()):
        drawn = {**style(rank, marker=True), "linestyle": "none"}
        ax.plot(values, others[label], label=label or "_", **drawn)
    ax.axhline(0, color="0.85", linewidth=0.6, zorder=0)
    ax.axvline(0, color="0.85", linewidth=0.6, zorder=0)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    if len(kinds) > 1:
        ax.legend(frameon=False, fontsize="small")
    return ax
