"""The results of a run as a page in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

OPENING = """\
# What it costs

Written by `symprice bench --page docs/benchmarks.md`; `symprice bench` prints the same tables, \
and `symprice bench --peers` first makes the environments of the packages that need one of their \
own. All numbers of a table come from one run, in which those who are compared take turns. A \
time is the median of the rounds; a ratio is the median over the rounds of its time over that of \
what stands under `to`, in the same round. Before anything is timed, results are held against \
each other: in float64 to a relative 1e-9.
"""

SECTIONS = {
    "gram": (
        "Gram matrices of a tanh network",
        """\
All pairs of two batches, `closed_form(NTCov(net(x), net(y))).lambdify(batch={x: 'n', y: 'm'})` \
with symbolic widths. *By hand* is the same formula in NumPy as we would write it ourselves; the \
*matrix products alone* are what no code of it can do without. The others make the rows of both \
Jacobians by automatic differentiation and multiply them.""",
    ),
    "architectures": (
        "Ten outputs, a convolution, attention",
        """\
The same for a covariance of vectors, (n, m, k, k), and for weights that meet a whole sequence. \
The order of the sums goes by the sizes: over the tokens of every pair where the weights are wide, \
so that no Jacobian is made; over the tokens of every sample where they are narrow, which makes \
the same short rows that automatic differentiation does. At these smallest sizes a run takes a \
millisecond or two, most of it in `tanh` and `softmax`, and what JAX compiles into one loop over \
several entries at a time is as fast or faster than calls of NumPy one by one.""",
    ),
    "deriving": (
        "Deriving",
        """\
Seconds for the closed form of the covariance of a tanh network of symbolic widths, its LaTeX and \
its source, in a process that has derived others but remembers no expression; TeX and lines count \
the characters of the LaTeX and the lines of the source, a layer. tensorgrad simplifies the same \
sum of products of gradients; it expands products of sums unless it is told not to.""",
    ),
    "covariance": (
        "Explicit networks",
        """\
Seconds for the covariance of the outputs of an [n, n, 1] tanh network of scalar parameters at two \
inputs, derived and lambdified, beside SymPy's own derivatives.""",
    ),
    "attribution": (
        "Data attribution",
        """\
The first-order score `NTCov(P(x), -ℓ_i)` of every training example, for the probability of one \
class at one test input. *torch.func* makes the gradient of every example, in chunks, and \
contracts it with that of the probability. The memory is the peak of a process of its own, with \
interpreter and data.""",
    ),
    "pricing": (
        "Price's equation",
        """\
Seconds for Price's equation with all its steps, of unspecified properties and of a network.""",
    ),
    "policies": (
        "Policies",
        """\
Milliseconds for the policy gradient of a quadratic reward, and the operations in it; then the \
gradient of a softmax of many actions in many states by generated code. NumPy passes over \
the arrays about ten times, and its `exp` in float64 computes one entry at a time where the \
processor has no 512-bit vectors; `backend='numba'` reads them once.""",
    ),
    "mdps": (
        "Decision processes",
        """\
Exact gradients ∇J of softmax policies by solving the linear equations of Bellman.""",
    ),
    "importing": ("Importing", "Seconds of a fresh interpreter, medians of runs in turn."),
}


def page(found: dict[str, Any]) -> str:
    """The page of the results of one run."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    parts = [OPENING, f"Machine: {found['machine']}. Versions: {versions}.\n"]
    for name, (title, words) in SECTIONS.items():
        rows = found["results"].get(name)
        if rows:
            parts += [f"## {title}\n", f"{words}\n"]
            for words, members in groups(rows).items():
                parts += [f"**{words}**\n"] if words else []
                parts.append(f"{table(members)}\n")
    return "\n".join(parts)


def cell(value: Any) -> str:
    """A value of a row in three digits."""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return " ".join(str(value).split())


def groups(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each network and dtype, under these words; all under '' where there are none."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        rest = dict(row)
        words = [rest.pop(key) for key in ("network", "numbers") if key in rest]
        found.setdefault(", ".join(words), []).append(rest)
    return found


def columns(rows: list[dict[str, Any]]) -> dict[str, bool]:
    """The columns in which something stands, and whether it is numbers."""
    kept = [key for key in rows[0] if any(str(row[key]) for row in rows)]
    return {key: any(isinstance(row[key], int | float) for row in rows) for key in kept}


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table."""
    shown = columns(rows)
    lines = [
        _line(shown),
        _line("---:" if numeric else "---" for numeric in shown.values()),
        *(_line(cell(row[key]) for key in shown) for row in rows),
    ]
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(text.replace("|", r"\|") for text in cells) + " |"
