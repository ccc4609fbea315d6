"""Deriving the covariance of a deep tanh network of symbolic widths, its LaTeX and its source.

Beside it tensorgrad's ``full_simplify`` of the same sum of products of gradients, where it is
installed; it expands products of sums by default, and both ways are shown.
"""

from __future__ import annotations

import time
from typing import Any

from sympy import symbols, tanh
from sympy.core.cache import clear_cache

from symprice import MLP, NTCov, closed_form, inputs
from symprice.emit.documents.width import measure

from .peers import Environments, Unavailable, tensorgrad

# Seconds wanted for the whole, by the number of layers.
WANTED = {5: 0.3, 100: 2.0}
LIMIT = 120
WAYS = {
    "tensorgrad": "expanded",
    "tensorgrad, not expanded": "plain",
}


def covariance(layers: int) -> tuple[Any, dict[Any, str]]:
    """The covariance of the output at two inputs, and the labels of the batches."""
    d, m = symbols("d m", integer=True, positive=True)
    net = MLP(d, *[m] * (layers - 1), 1, activation=tanh)
    x, y = inputs("x y", d)
    return NTCov(net(x), net(y)), {x: "n", y: "m"}


def ours(layers: int) -> dict[str, Any]:
    """Seconds for deriving, for the LaTeX and for the source, and the lengths of both."""
    clear_cache()
    measure.cache_clear()
    started = time.perf_counter()
    node, batch = covariance(layers)
    closed = closed_form(node)
    derived = time.perf_counter()
    tex = closed.latex()
    printed = time.perf_counter()
    source = closed.source(batch=batch)
    done = time.perf_counter()
    return {
        "derive": derived - started,
        "LaTeX": printed - derived,
        "source": done - printed,
        "total": done - started,
        "TeX/layer": len(tex) / layers,
        "lines/layer": source.count("\n") / layers,
    }


def run(quick: bool = False, environments: Environments | None = None) -> list[dict[str, Any]]:
    """The rows: ours by the number of layers, the best of three; then tensorgrad's."""
    ours(2)
    found = []
    for layers in (2, 5, 10) if quick else (2, 3, 4, 5, 10, 100, 1000):
        tries = [ours(layers) for _ in range(1 if layers >= 1000 else 3)]
        best = min(tries, key=lambda each: each["total"])
        bound = WANTED.get(layers)
        wanted = "" if bound is None else f"< {bound:g} s"
        met = "" if bound is None else "yes" if best["total"] < bound else "no"
        found.append(
            {"what": "symprice", "layers": layers, **best}
            | {"wanted": wanted, "met": met, "note": ""}
        )
    far = Environments.nowhere() if environments is None else environments
    for what, way in WAYS.items():
        for layers in (2, 3) if quick else (2, 3, 4, 5):
            row = _theirs(far, layers, way)
            found.append(dict.fromkeys(found[0], "") | {"what": what, "layers": layers} | row)
            if row["note"]:
                break
    return found


def _theirs(environments: Environments, layers: int, way: str) -> dict[str, Any]:
    try:
        found = tensorgrad(environments, layers - 1, way, LIMIT)
    except Unavailable as reason:
        return {"note": f"skipped: {reason}"}
    if found is None:
        return {"note": f"stopped after {LIMIT} s"}
    return {"total": found["seconds"], "note": ""}
