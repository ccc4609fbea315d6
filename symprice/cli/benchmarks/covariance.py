"""NTCov of two outputs of an explicit [n, n, 1] tanh network with biases: derived and lambdified.

Beside it SymPy's own ``diff`` of the flattened outputs, by every parameter, stopped after a minute.
"""

from __future__ import annotations

import multiprocessing
import time
from typing import Any

from sympy import symbols, tanh

from symprice import MLP, NTCov, closed_form, lambdify


def network(n: int) -> tuple[Any, Any]:
    """The network at inputs x and at inputs y."""
    net = MLP(n, n, 1, activation=tanh)
    return net.explicit(), net.explicit(*symbols(f"y1:{n + 1}"))


def ours(n: int) -> dict[str, Any]:
    """Seconds for deriving and for lambdifying, and the operations of the result."""
    f, g = network(n)
    started = time.perf_counter()
    kernel = closed_form(NTCov(f, g))
    derived = time.perf_counter()
    lambdify(None, kernel)
    done = time.perf_counter()
    operations = kernel.count_ops() / (f.count_ops() + g.count_ops())
    return {
        "derive": derived - started,
        "lambdify": done - derived,
        "total": done - started,
        "parameters": len(f.parameters),
        "operations / two forward passes": float(operations),
    }


def _flattened(n: int) -> None:
    f, g = (closed.doit() for closed in network(n))
    parameters = sorted(f.free_symbols - set(symbols(f"x1:{n + 1}")), key=lambda s: s.name)
    sum(f.diff(p) * g.diff(p) for p in parameters)


def sympys(n: int, limit: float = 60) -> float | None:
    """Seconds that SymPy's diff takes; None where it is not done in time."""
    started = time.perf_counter()
    process = multiprocessing.Process(target=_flattened, args=(n,))
    process.start()
    process.join(limit)
    if process.is_alive():
        process.kill()
        process.join()
        return None
    return time.perf_counter() - started


def run(quick: bool = False) -> list[dict[str, object]]:
    """One row a size; the aim is 1 s at n = 32 and 5 s at n = 64, growing like the parameters."""
    rows = []
    for n in (4, 8) if quick else (8, 16, 32, 64):
        measured = ours(n)
        peer = None if n > 32 else sympys(n, 5 if quick else 60)
        rows.append(
            {
                "n": n,
                **measured,
                "SymPy's diff": "not run" if n > 32 else "over the limit" if peer is None else peer,
                "ratio": "—" if peer is None else peer / measured["derive"],
            }
        )
    return rows
