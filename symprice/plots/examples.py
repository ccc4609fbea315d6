"""Training examples and what they do to a property: by class, and the strongest as images."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from .style import MARKERS, axes, pyplot

__all__ = ["influences", "strongest"]


def influences(attribution: Any, *, images: Any = None, ax: Any = None, **settings: Any) -> Any:
    """The picture of an attribution: scores by class, or with images the strongest examples."""
    if images is not None:
        return strongest(attribution, images, **settings)
    return by_class(attribution, ax=ax, **settings)


def by_class(attribution: Any, *, ax: Any = None) -> Any:
    """The score of every example, a row for each class; the bars are what the classes add up to.

    Parameters
    ==========

    attribution : what ``attribute`` gives.
    ax : Axes to draw into.
    """
    import numpy as np

    from ..training.attribution import as_classes

    classes = as_classes(attribution.targets)
    ax = axes(ax, (6.0, 3.8))
    if classes is None:
        ax.hist(attribution.scores, bins=60, color="0.6")
        ax.set_xlabel(r"score $\operatorname{NTCov}(P, {-\ell_i})$")
        ax.set_ylabel("examples")
        return ax
    known = np.unique(classes)
    generator = np.random.default_rng(0)
    for row, c in enumerate(known):
        scores = attribution.scores[classes == c]
        spread = row + generator.uniform(-0.3, 0.3, len(scores))
        ax.plot(scores, spread, MARKERS[0], markersize=2, color="0.35", alpha=0.5, rasterized=True)
        ax.plot([scores.mean()], [row], "|", color="black", markersize=16, markeredgewidth=2)
    ax.axvline(0, color="0.5", linewidth=0.8)
    ax.set_yticks(range(len(known)), labels=[str(c) for c in known])
    ax.set_ylabel("class of the example")
    ax.set_xlabel(r"score $\operatorname{NTCov}(P, {-\ell_i})$; bar: the mean of the class")
    return ax


def strongest(
    attribution: Any, images: Any, *, test: Any = None, k: int = 8, title: str | None = None
) -> Any:
    """The examples that raise the property most, and those that lower it most, as images.

    Parameters
    ==========

    attribution : what ``attribute`` gives.
    images : (N, rows, columns), the training examples as images.
    test : the image of the test input, shown at the left.
    k : how many of each.
    title : a heading; what the property is, where not given.

    Returns the array of Axes, (2, k) or with the test image (2, k + 1).
    """
    import numpy as np

    pictures = np.asarray(images)
    if pictures.ndim != 3 or len(pictures) != len(attribution):
        raise ShapeError(
            f"the images have the shape {pictures.shape}: write ({len(attribution)}, rows, columns)"
        )
    from ..training.attribution import as_classes

    classes = as_classes(attribution.targets)
    first = int(test is not None)
    figure, grid = pyplot().subplots(
        2, k + first, figsize=(1.05 * (k + first) + 0.4, 3.1), layout="constrained", squeeze=False
    )
    for row, (chosen, word) in enumerate(
        ((attribution.top(k), "raise"), (attribution.bottom(k), "lower"))
    ):
        for place, i in enumerate(chosen):
            ax = grid[row, place + first]
            ax.imshow(pictures[i], cmap="gray_r", interpolation="nearest")
            label = "" if classes is None else f"class {classes[i]}\n"
            ax.set_title(f"{label}{attribution.scores[i]:+#.2g}", fontsize="small")
        grid[row, first].set_ylabel(f"{word} it", fontsize="medium")
    for ax in grid.flat:
        ax.set_xticks([])
        ax.set_yticks([])
    if first:
        grid[0, 0].imshow(np.asarray(test), cmap="gray_r", interpolation="nearest")
        grid[0, 0].set_title("test image", fontsize="small")
        grid[1, 0].set_axis_off()
    figure.suptitle(title or f"What moves {attribution.what}")
    return grid
