"""The report of the study of the digits: figures, a table, and what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .digits import BATCH, RATE, WIDTHS, Digits

__all__ = ["numbers", "write"]


def write(found: Digits, folder: Path) -> list[Path]:
    """Write the figures, ``report.md`` and ``numbers.json`` into a folder."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in FIGURES.items():
        figure = draw(found)
        written.append(folder / f"{name}.png")
        _save(figure, written[-1])
        plt.close(figure)
    texts = {"report.md": report(found), "numbers.json": json.dumps(numbers(found), indent=2)}
    for file, text in texts.items():
        written.append(folder / file)
        written[-1].write_text(text + "\n", encoding="utf-8")
    return written


def _save(figure: Any, path: Path) -> None:
    """Write a figure in shades of grey, which is all that there is in it: the file is small."""
    from PIL import Image

    figure.savefig(path, dpi=160)
    with Image.open(path) as picture:
        grey = picture.convert("L")
    grey.save(path, optimize=True)


# --- figures --------------------------------------------------------------------------------------
def _examples(found: Digits) -> Any:
    from ...plots.examples import strongest

    title = (
        f"Training images that raise or lower the probability of {found.test_class} "
        "on the test image most"
    )
    grid = strongest(found.attribution, found.images, test=found.test_image, k=8, title=title)
    return grid[0, 0].figure


def _classes(found: Digits) -> Any:
    from ...plots.examples import by_class

    return by_class(found.attribution).figure


def _slopes(found: Digits) -> Any:
    from ...plots.comparisons import errors

    return errors(found.comparison).figure


def _epoch(run: Any, title: str) -> Any:
    import matplotlib.pyplot as plt

    from ...plots.runs import parts_of_change, values

    figure, (left, right) = plt.subplots(1, 2, figsize=(10.4, 3.6), layout="constrained")
    values(run, name="P", ax=left)
    parts_of_change(run, ax=right)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    return figure


def _stochastic(found: Digits) -> Any:
    return _epoch(found.stochastic, f"One epoch, batches of {BATCH}, learning rate {RATE:g}")


def _full(found: Digits) -> Any:
    return _epoch(found.full, f"{len(found.full)} steps on all images, learning rate {RATE:g}")


def _left_out(found: Digits) -> Any:
    import matplotlib.pyplot as plt

    from ...plots.comparisons import agreement

    count = len(found.left_out)
    figure, panels = plt.subplots(
        count, 2, figsize=(8.6, 3.7 * count), layout="constrained", squeeze=False
    )
    for row, case in zip(panels, found.left_out, strict=True):
        for ax, (said, words) in zip(
            row,
            (
                (case.predicted, "first order, step by step"),
                (case.responding, "with the response of later steps"),
            ),
            strict=True,
        ):
            agreement(
                said,
                case.actual,
                xlabel="predicted change of $P$",
                ylabel="actual change of $P$",
                ax=ax,
            )
            ax.spines[["top", "right"]].set_visible(False)
            ax.set_title(f"{case.steps} steps {case.title}:\n{words}", fontsize="medium")
    figure.suptitle("Leaving one training image out")
    return figure


def _kernel(found: Digits) -> Any:
    from ...plots.kernels import heat_map

    ax = heat_map(found.kernel, label=r"$\operatorname{NTCov}(f_0(x), f_0(x'))$")
    middles = [6 * digit + 2.5 for digit in range(10)]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(middles, labels=[str(digit) for digit in range(10)])
    for edge in range(6, 60, 6):
        ax.axhline(edge - 0.5, color="white", linewidth=0.5)
        ax.axvline(edge - 0.5, color="white", linewidth=0.5)
    ax.set_xlabel("class of $x'$ (six images of each)")
    ax.set_ylabel("class of $x$")
    return ax.figure


FIGURES = {
    "examples": _examples,
    "classes": _classes,
    "slopes": _slopes,
    "epoch_batches": _stochastic,
    "epoch_full": _full,
    "left_out": _left_out,
    "kernel": _kernel,
}


# --- numbers --------------------------------------------------------------------------------------
def _run(run: Any) -> dict[str, Any]:
    import numpy as np

    total = float(run.values[-1] - run.values[0])
    orders = {}
    for order, changes in run.predicted.items():
        orders[str(order)] = {
            "total": float(changes.sum()),
            "too high": int((changes > run.actual).sum()),
            "relative error of a step, median": float(
                np.median(abs(changes - run.actual) / abs(run.actual))
            ),
            "signs": int((np.sign(changes) == np.sign(run.actual)).sum()),
            "correlation": float(np.corrcoef(changes, run.actual)[0, 1]),
        }
    return {
        "steps": len(run),
        "P": [float(run.values[0]), float(run.values[-1])],
        "actual": total,
        "orders": orders,
        "loss": list(run.losses),
    }


def numbers(found: Digits) -> dict[str, Any]:
    """What the study found, as plain numbers."""
    from scipy.stats import spearmanr

    a = found.attribution
    return {
        "accuracy": {"training": found.accuracy[0], "test": found.accuracy[1]},
        "test image": {"number": found.test_number, "class": found.test_class, "P": a.value},
        "rate": a.rate,
        "by class": {str(c): share for c, share in a.by_class().items()},
        "raising": int((a.scores > 0).sum()),
        "top": [[int(i), int(a.targets[i]), float(a.scores[i])] for i in a.top(8)],
        "bottom": [[int(i), int(a.targets[i]), float(a.scores[i])] for i in a.bottom(8)],
        "scores an epoch later, rank correlation": float(
            spearmanr(a.scores, found.later.scores)[0]
        ),
        "slopes": {str(k): v for k, v in found.comparison.slopes.items()},
        "threshold": found.comparison.threshold,
        "epoch of batches": _run(found.stochastic),
        "full batches": _run(found.full),
        "left out": [
            {
                "count": sum(map(len, case.chosen.values())),
                "title": case.title,
                "steps": case.steps,
                "rate": case.rate,
                "cumulated": case.agreement(case.predicted),
                "responding": case.agreement(case.responding),
                "largest actual change": float(
                    max(abs(values).max() for values in case.actual.values())
                ),
            }
            for case in found.left_out
        ],
    }


# --- the text -------------------------------------------------------------------------------------
def report(found: Digits) -> str:
    """The report in Markdown."""
    n = numbers(found)
    a = found.attribution
    widths = ", ".join(map(str, WIDTHS))
    own = n["by class"][str(found.test_class)]
    lines = [
        "# What moves one probability: a study on handwritten digits",
        "",
        f"A [{widths}] tanh network, trained on {len(a)} of scikit-learn's 8 × 8 digits by code "
        f"that symprice generated. It is right on {n['accuracy']['training']:.1%} of the training "
        f"and {n['accuracy']['test']:.1%} of the test images. P is the probability of class "
        f"{found.test_class} on test image {found.test_number}, which shows that digit: of all "
        "test images the one whose own class has the probability nearest to one half, "
        f"P = {a.value:.3f}.",
        "",
        "## Which training images push it",
        "",
        "Under gradient flow `dP/dt = (1/N) Σ_i NTCov(P, -ℓ_i)`; the score of image i is its term.",
        "",
        f"$$\n{a.latex()}\n$$",
        "",
        "![strongest](examples.png)",
        "",
        _strongest(n),
        "",
        f"{n['raising']} of {len(a)} images raise P. Together dP/dt = {n['rate']:.3e}, of which "
        f"the images of class {found.test_class} give {own:+.3e} and the others "
        f"{n['rate'] - own:+.3e}.",
        "",
        "![by class](classes.png)",
        "",
        "## How well the equation predicts",
        "",
        _slopes_text(n),
        "",
        "![slopes](slopes.png)",
        "",
        "An epoch of minibatches, and as many steps on all images, from the same network. Each "
        "step is predicted at its own parameters and for its own batch; predictions are added up.",
        "",
        _epochs(n),
        "",
        _sums(n),
        "",
        "![batches](epoch_batches.png)",
        "",
        "![all images](epoch_full.png)",
        "",
        "## Where first order fails: leaving an image out",
        "",
        f"The truth about an image's influence is training without it. {n['left out'][0]['count']} "
        "images were left out, one at a time: those that raise P most, those that lower it most, "
        "and as many at random. To first order, leaving image i out changes every step by "
        "`η (s̄ - s_i)/(N - 1)`, added up along the training with all images. What this misses: the "
        "other images act on the moved network too. With their response the displacement is "
        "`δ ← δ - η∇²L δ - η(g - g_i)/(N - 1)`, and P changes by `∇P · δ`. Run backwards, that is "
        "one product with the Hessian for each step, and one score for each image: the same "
        "covariance, with ∇P carried back through the later steps.",
        "",
        _left_out_table(n),
        "",
        "![left out](left_out.png)",
        "",
        "Read the slope as actual change for each unit of predicted change: 1 where nothing is "
        "missed. The scores themselves hardly change in an epoch (rank correlation "
        f"{n['scores an epoch later, rank correlation']:.2f} between its start and its end), and "
        "they predict each step; but what a step does, later steps largely undo, so that their sum "
        "overstates what an image does to the trained network, and from a random start says "
        "little. The response carried along puts that right, until second-order terms matter.",
        "",
        "## The kernel",
        "",
        "Dark where a step on one image moves the first output on the other: the blocks on the "
        "diagonal are images of one class, which are trained alike.",
        "",
        "![kernel](kernel.png)",
    ]
    return "\n".join(lines)


def _strongest(n: dict[str, Any]) -> str:
    rows = ["| raises: image | class | score | lowers: image | class | score |", "|" + "---:|" * 6]
    for up, down in zip(n["top"], n["bottom"], strict=True):
        rows.append(
            f"| {up[0]} | {up[1]} | {up[2]:+.3f} | {down[0]} | {down[1]} | {down[2]:+.3f} |"
        )
    return "\n".join(rows)


def _slopes_text(n: dict[str, Any]) -> str:
    slopes = ", ".join(f"order {k}: {v:.2f} (theory {int(k) + 1})" for k, v in n["slopes"].items())
    return (
        "One step on all images at nine step sizes: the error goes with a power of the step size, "
        f"{slopes}. Training is stable below a learning rate of 2/λ = {n['threshold']:.3g}."
    )


def _epochs(n: dict[str, Any]) -> str:
    rows = [
        "| steps | P before | after | actual ΔP | predicted, order 1 | order 2 | error of a step, "
        "order 1 | order 2 | correlation, order 1 | order 2 | right signs, order 1 | order 2 |",
        "|---|" + "---:|" * 11,
    ]
    for title, run in (("batches", n["epoch of batches"]), ("all images", n["full batches"])):
        one, two = run["orders"]["1"], run["orders"]["2"]
        error = "relative error of a step, median"
        rows.append(
            f"| {run['steps']} {title} | {run['P'][0]:.4f} | {run['P'][1]:.4f} "
            f"| {run['actual']:+.4f} | {one['total']:+.4f} | {two['total']:+.4f} "
            f"| {100 * one[error]:.2g} % | {100 * two[error]:.2g} % "
            f"| {one['correlation']:.4f} | {two['correlation']:.4f} "
            f"| {one['signs']} | {two['signs']} |"
        )
    return "\n".join(rows)


def _sums(n: dict[str, Any]) -> str:
    run = n["epoch of batches"]
    off = {k: run["orders"][k]["total"] / run["actual"] - 1 for k in ("1", "2")}
    return (
        "First order has every step nearly right, but not by chance too high or too low: in "
        f"{run['orders']['1']['too high']} of the {run['steps']} minibatches it says too much. "
        f"Over the epoch its sum is off by {off['1']:+.0%}, that of second order by "
        f"{off['2']:+.1%}."
    )


WORDS = {"cumulated": "first order, step by step", "responding": "the same with the response"}


def _left_out_table(n: dict[str, Any]) -> str:
    rows = [
        "| training | predicted by | correlation | of ranks | slope | right signs "
        "| largest actual change |",
        "|---|---|" + "---:|" * 5,
    ]
    for case in n["left out"]:
        for name in ("cumulated", "responding"):
            found, words = case[name], WORDS[name]
            rows.append(
                f"| {case['steps']} steps {case['title']}, η = {case['rate']:g} | {words} "
                f"| {found['pearson']:.3f} | {found['spearman']:.3f} | {found['slope']:.2f} "
                f"| {found['signs']} of {found['count']} | {case['largest actual change']:.1e} |"
            )
    return "\n".join(rows)
