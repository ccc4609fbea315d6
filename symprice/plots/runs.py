"""Training runs: what each part of Price's equation adds, step by step, and what happens."""

from __future__ import annotations

from typing import Any

from ..errors import NoRuleError
from .style import HATCHES, axes, mathtext, style

__all__ = ["parts_of_change", "run", "values"]

# Of more steps than that, several share a bar, which then is their mean.
_BARS = 60


def run(training: Any, kind: str = "parts", **settings: Any) -> Any:
    """The picture of a training run: its parts, or the values of the property."""
    pictures = {"parts": parts_of_change, "values": values}
    if kind not in pictures:
        raise NoRuleError(f"asked for the picture {kind!r}: write 'parts' or 'values'")
    return pictures[kind](training, **settings)


def parts_of_change(training: Any, *, ax: Any = None) -> Any:
    """The parts of the predicted ΔP as stacked bars, the actual ΔP as a line.

    What raises the property is stacked upwards, what lowers it downwards. In a long run a bar is
    the mean of several steps.

    Parameters
    ==========

    training : what ``follow`` gives.
    ax : Axes to draw into.
    """
    import numpy as np

    ax = axes(ax, (6.2, 3.6))
    count = len(training)
    size = -(-count // _BARS)
    starts = np.arange(0, count, size)
    width = np.diff([*starts, count])
    middle = starts + width / 2
    ups, downs = np.zeros(len(middle)), np.zeros(len(middle))
    for rank, (part, changes) in enumerate(training.parts.items()):
        heights = np.add.reduceat(changes, starts) / width
        shade, hatch = HATCHES[rank % len(HATCHES)]
        ax.bar(
            middle,
            heights,
            width,
            bottom=np.where(heights > 0, ups, downs),
            label=part,
            facecolor=shade,
            hatch=hatch,
            edgecolor="0.25",
            linewidth=0.4,
        )
        ups += np.maximum(heights, 0)
        downs += np.minimum(heights, 0)
    actual = np.add.reduceat(training.actual, starts) / width
    ax.plot(middle, actual, label="actual", marker="o", markersize=3, color="black", linewidth=1.2)
    ax.axhline(0, color="black", linewidth=0.6)
    ax.set_xlim(0, count)
    ax.set_xlabel("step")
    ax.set_ylabel(r"$\Delta P$ of a step" + (f" (means of {size})" if size > 1 else ""))
    ax.legend(frameon=False, ncols=3, fontsize="small")
    return ax


def values(training: Any, *, name: str | None = None, ax: Any = None) -> Any:
    """The property along training, and as it would be had every step changed it as predicted.

    Parameters
    ==========

    training : what ``follow`` gives.
    name : a letter for the property; its formula where not given.
    ax : Axes to draw into.
    """
    import numpy as np

    ax = axes(ax, (6.2, 3.6))
    steps = np.arange(len(training) + 1)
    every = max(1, len(training) // 20)
    ax.plot(steps, training.values, label="actual", **style(0))
    for rank, order in enumerate(training.predicted, start=1):
        label = f"predicted, order {order}"
        drawn = {**style(rank, marker=True), "markevery": (rank * every // 3, every)}
        ax.plot(steps, training.cumulated(order), label=label, **drawn)
    ax.set_xlabel("step")
    ax.set_ylabel(mathtext(name or training.equation.prop, "$P$"))
    ax.set_xlim(-0.01 * len(training), 1.01 * len(training))
    ax.legend(frameon=False, fontsize="small")
    return ax
