"""Gram matrices of a case: the emitted code, and beside it those who differentiate by machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from . import autodiff
from .cases import Case
from .peers import Environments, NeuralTangents, Unavailable
from .timing import Comparison, Contestant, Wanted, alternate, contestant, rows

EMITTED = "emitted NumPy"
KINDS = {
    "neural-tangents": "default",
    "neural-tangents structured": "structured",
}


def emitted(case: Case) -> Callable[..., Any]:
    """The generated NumPy function of (params, x, y), made for symbolic sizes."""
    closed, batch = case.closed()
    function = closed.lambdify(batch=batch)
    order = [list(batch).index(symbol) for symbol in function.inputs]

    def call(params: Any, *points: Any) -> Any:
        return function(params, *(points[place] for place in order))

    return call


def beside_autodiff(
    case: Case, dtype: str, environments: Environments, wanted: dict[str, Wanted]
) -> list[dict[str, Any]]:
    """The rows of a case: emitted NumPy, JAX, PyTorch and neural-tangents in turn."""
    function = emitted(case)
    params, x, y = case.arrays(dtype)
    expected = function(*case.arrays("float64"))
    autodiff.agree(EMITTED, function(params, x, y), expected, dtype)
    contestants: dict[str, Contestant] = {EMITTED: contestant(function, params, x, y)}
    notes = {EMITTED: f"{case.parameters:,} parameters, {case.batch} × {case.batch} inputs"}
    with ExitStack() as stack:
        for name in autodiff.LIBRARIES:
            run, notes[name] = autodiff.opponent(case, dtype, name, expected)
            if run is not None:
                contestants[name] = run
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        notes |= dict.fromkeys(KINDS, "")
        try:
            worker = stack.enter_context(NeuralTangents(environments, case, dtype, folder))
            for name, kind in KINDS.items():
                if kind == "default" and 3 * case.jacobian_bytes(dtype) > autodiff.free_memory():
                    notes[name] = "skipped: its Jacobians do not fit into the free memory"
                else:
                    contestants[name] = _held(worker, kind, expected, dtype)
        except Unavailable as reason:
            notes |= {name: f"skipped: {reason}" for name in KINDS if name not in contestants}
        times = alternate(contestants, 3 if case.jacobian_bytes(dtype) > 1e9 else 7)
    comparisons = [
        Comparison(name, None if name == EMITTED else EMITTED, wanted.get(name), note)
        for name, note in notes.items()
    ]
    return rows(comparisons, times, network=case.name, numbers=dtype)


def _held(worker: NeuralTangents, kind: str, expected: Any, dtype: str) -> Contestant:
    found = np.asarray(worker.value(kind))
    autodiff.agree(f"neural-tangents, {kind}", found, expected, dtype)
    return worker.contestant(kind)
