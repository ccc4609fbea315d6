"""Scores of 60 000 training examples for one probability, beside per-example gradients of PyTorch.

A [784, 256, 10] network in float32. The scores are `NTCov(P(x), -ℓ_i)`: generated code against
`torch.func` (vmap of grad), whose gradients are contracted in chunks. The memory is the peak of a
process of its own, interpreter and data included.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .peers import Environments
from .timing import Times, Wanted, contestant

WIDTHS = (784, 256, 10)
EXAMPLES, QUICK = 60_000, 3_000
# Of 16, 64 and 256 the quickest for PyTorch, whose gradients then fit into a cache.
CHUNK = 16
# PyTorch takes long enough for one round to say it.
ROUNDS = 1
WANTED, MEMORY = Wanted(">=", 10), Wanted("<=", 1000)


def data(count: int) -> tuple[Any, Any, Any]:
    """Inputs, classes and a test input, in float32."""
    rng = np.random.default_rng(0)
    X = rng.random((count, WIDTHS[0]), dtype=np.float32)
    return X, rng.integers(0, WIDTHS[-1], count), X[0]


def network() -> tuple[Any, dict[str, Any]]:
    """The network and its arrays."""
    from symprice import MLP

    net = MLP(*WIDTHS)
    return net, net.init(0, dtype="float32")


def ours(count: int) -> Any:
    """A function that computes the scores; derivation and code are made before."""
    from symprice.training.attribution import Attributor

    net, params = network()
    X, y, x = data(count)
    attributor = Attributor(net)
    return lambda: attributor(params, x, X, y, 3, progress=False).scores


def by_torch(count: int) -> Any:
    """The same by per-example gradients, contracted with that of the probability."""
    import torch
    from torch.func import grad, vmap

    _, arrays = network()
    params = {name: torch.from_numpy(array) for name, array in arrays.items()}
    X, y, x = (torch.from_numpy(np.asarray(array)) for array in data(count))

    def logits(now: Any, one: Any) -> Any:
        return torch.tanh(now["W1"] @ one + now["b1"]) @ now["W2"].T + now["b2"]

    def probability(now: Any) -> Any:
        return torch.softmax(logits(now, x), -1)[3]

    def loss(now: Any, one: Any, label: Any) -> Any:
        return torch.nn.functional.cross_entropy(logits(now, one), label)

    examples = vmap(grad(loss), (None, 0, 0))

    def scores() -> Any:
        direction = grad(probability)(params)
        found = []
        for start in range(0, count, CHUNK):
            rows = examples(params, X[start : start + CHUNK], y[start : start + CHUNK])
            found.append(-sum((rows[n] * direction[n]).flatten(1).sum(1) for n in rows))
        return torch.cat(found).numpy()

    return scores


def run(quick: bool = False, environments: Environments | None = None) -> list[dict[str, Any]]:
    """The rows: both in turn, and the memory of ours."""
    count = QUICK if quick else EXAMPLES
    functions = {"symprice": ours(count)}
    note = f"in chunks of {CHUNK} examples"
    try:
        functions["torch.func.vmap(grad)"] = by_torch(count)
    except ImportError as error:
        note = f"skipped: {error}"
    samples: dict[str, list[float]] = {name: [] for name in functions}
    values: dict[str, Any] = {}

    def kept(name: str) -> Callable[[], None]:
        return lambda: values.update({name: functions[name]()})

    for _ in range(ROUNDS):
        before = contestant(kept("symprice"))(1)
        for name in set(functions) - {"symprice"}:
            samples[name].append(contestant(kept(name))(1))
        # The others take minutes: what slows the machine meanwhile is met half by half.
        samples["symprice"].append((before + contestant(kept("symprice"))(1)) / 2)
    scale = np.abs(values["symprice"]).max()
    for name, found in values.items():
        np.testing.assert_allclose(found, values["symprice"], atol=1e-4 * scale, err_msg=name)
    times = {name: Times(found) for name, found in samples.items()}
    return [
        _row("symprice", count, times["symprice"], _memory(count), MEMORY),
        _row("torch.func.vmap(grad)", count, times.get("torch.func.vmap(grad)"), None, None)
        | _ratio(times, quick)
        | {"note": note},
    ]


def _row(name: str, count: int, times: Times | None, memory: Any, wanted: Any) -> dict[str, Any]:
    return {
        "network": f"{list(WIDTHS)}, {count} examples",
        "dtype": "float32",
        "what": name,
        "median ms": 1000 * times.median if times else "—",
        "ratio": "",
        "peak MB": "" if memory is None else memory,
        "wanted": "" if wanted is None else f"{wanted} MB",
        "met": "" if wanted is None else "yes" if wanted.met(memory) else "no",
        "note": "",
    }


def _ratio(times: dict[str, Times], quick: bool) -> dict[str, Any]:
    other = times.get("torch.func.vmap(grad)")
    if other is None:
        return {}
    ratio = other.ratio(times["symprice"])
    if quick:
        return {"ratio": ratio}
    return {"ratio": ratio, "wanted": f"{WANTED} ×", "met": "yes" if WANTED.met(ratio) else "no"}


def _memory(count: int) -> float:
    """The peak memory of a process that does nothing else, in MB."""
    done = subprocess.run(
        [sys.executable, "-m", "symprice.cli.benchmarks.attribution", str(count)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1])["peak"])


def _peak() -> float:
    """The largest memory of this process so far, in MB."""
    known = Path("/proc/self/status")
    if known.exists():  # what getrusage says counts the memory of the parent, too
        lines = dict(line.split(":", 1) for line in known.read_text().splitlines() if ":" in line)
        return float(lines["VmHWM"].split()[0]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    compute = ours(int(sys.argv[1]))
    compute()
    print(json.dumps({"peak": _peak()}))
