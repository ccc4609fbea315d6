"""The same covariance by tensorgrad, in its own environment: it knows nothing of symprice.

``python tensorgrad_worker.py HIDDEN expanded|plain`` derives the sum over the parameters of the
products of the gradients of a tanh network at two inputs, simplifies it fully, with or without
expanding products of sums (it does by default), and prints the seconds as JSON, after holding the
result of up to two hidden layers against PyTorch's gradients.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from sympy import Symbol, symbols


def variables(hidden: int) -> dict[str, Any]:
    """Inputs x, y and the parameters by name; the width of layer l is the symbol n_l."""
    import tensorgrad as tg

    sizes = symbols(f"n0:{hidden + 1}")
    found = {name: tg.Variable(name, i0=sizes[0]) for name in ("x", "y")}
    for layer in range(1, hidden + 2):
        rows = {f"i{layer}": sizes[layer]} if layer <= hidden else {}
        columns = {f"i{layer - 1}": sizes[layer - 1]}
        found[f"W{layer}"] = tg.Variable(f"W{layer}", **rows, **columns)
        found[f"b{layer}"] = tg.Variable(f"b{layer}", **rows)
    return found


def covariance(names: dict[str, Any]) -> Any:
    """Σ over the parameters of ∂f(x) · ∂f(y), not simplified."""
    import tensorgrad as tg
    import tensorgrad.functions as F

    hidden = len(names) // 2 - 2

    def network(a: Any) -> Any:
        for layer in range(1, hidden + 1):
            a = F.tanh(names[f"W{layer}"] @ a + names[f"b{layer}"])
        return names[f"W{hidden + 1}"] @ a + names[f"b{hidden + 1}"]

    f, g = network(names["x"]), network(names["y"])
    parameters = [value for name, value in names.items() if name not in ("x", "y")]
    return tg.Sum([f.grad(p) @ g.grad(p) for p in parameters])


def error(result: Any, names: dict[str, Any]) -> float:
    """The relative difference of a derived covariance to that of PyTorch, at small widths."""
    import torch
    from forwards import mlp  # beside this file, which is run as a script
    from tensorgrad.compiler import compile_to_callable

    torch.manual_seed(7)
    sizes = {Symbol(f"n{layer}"): layer + 2 for layer in range(len(names))}
    arrays = {
        name: torch.randn([sizes[s] for s in value.shape.values()], dtype=torch.float64)
        for name, value in names.items()
    }
    found = compile_to_callable(result, simplify=False)(
        {names[name]: array.clone() for name, array in arrays.items()}, sizes
    )
    points = [arrays.pop(name) for name in ("x", "y")]
    parameters = {name: array.requires_grad_() for name, array in arrays.items()}
    left, right = (
        torch.autograd.grad(mlp(torch, parameters, point).sum(), list(parameters.values()))
        for point in points
    )
    expected = sum(float((a * b).sum()) for a, b in zip(left, right, strict=True))
    return abs(float(found.rename(None)) - expected) / abs(expected)


def main() -> None:
    """Derive and simplify once."""
    hidden, way = int(sys.argv[1]), sys.argv[2]
    names = variables(hidden)
    started = time.perf_counter()
    result = covariance(names).full_simplify(expand=way == "expanded")
    seconds = time.perf_counter() - started
    worst = error(result, names) if hidden <= 2 else None
    print(json.dumps({"seconds": seconds, "error": worst}))


if __name__ == "__main__":
    main()
