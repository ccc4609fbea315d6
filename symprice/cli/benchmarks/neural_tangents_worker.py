"""The empirical kernels of neural-tangents, in its own environment: it knows nothing of symprice.

``python neural_tangents_worker.py FOLDER`` reads FOLDER/case.json and the arrays beside it. Then
every line of input is a command, answered by one line: ``value NAME`` writes FOLDER/NAME.npy,
``time NAME CALLS`` gives the seconds of one call, and the end of the input ends it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def load(folder: Path) -> dict[str, Callable[[], Any]]:
    """The jitted kernels by name, of the arrays in a folder."""
    import jax
    import jax.numpy as jnp
    import neural_tangents as nt
    from forwards import FORWARDS  # beside this file, which is run as a script

    jax.config.update("jax_enable_x64", True)
    ways = nt.NtkImplementation
    kinds = {"default": ways.JACOBIAN_CONTRACTION, "structured": ways.STRUCTURED_DERIVATIVES}
    case = json.loads((folder / "case.json").read_text())
    forward = FORWARDS[case["forward"]]
    params = {name: jnp.asarray(np.load(folder / f"{name}.npy")) for name in case["params"]}
    x, y = (jnp.asarray(np.load(folder / f"{name}.npy")) for name in ("inputs-x", "inputs-y"))

    def batched(params: Any, inputs: Any) -> Any:
        return jax.vmap(lambda one: forward(jnp, params, one))(inputs)

    def jitted(kind: Any) -> Callable[[], Any]:
        kernel = jax.jit(
            nt.empirical_ntk_fn(batched, trace_axes=(), vmap_axes=0, implementation=kind)
        )
        return lambda: jax.block_until_ready(kernel(x, y, params))

    return {name: jitted(kind) for name, kind in kinds.items()}


def main() -> None:
    """Answer the commands."""
    folder = Path(sys.argv[1])
    # What the libraries print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    kernels = load(folder)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        command, name, *rest = line.split()
        try:
            if command == "value":
                np.save(folder / f"{name}.npy", np.asarray(kernels[name]()))
                answer = "done"
            else:
                calls = int(rest[0])
                started = time.perf_counter()
                for _ in range(calls):
                    kernels[name]()
                answer = repr((time.perf_counter() - started) / calls)
        except Exception as error:
            answer = "failed: " + " ".join(str(error).split())[:200]
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    main()
