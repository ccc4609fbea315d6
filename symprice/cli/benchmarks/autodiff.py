"""Gram matrices by automatic differentiation: the rows of the Jacobians, and then their products.

Both libraries get the arrays as their own. All inputs go at once, which is fastest where the memory
has room for both Jacobians; else the first Jacobian is made in blocks, and the second kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .cases import Case
from .forwards import FORWARDS
from .timing import Contestant, contestant

BLOCK = 64


class Library(NamedTuple):
    """What it takes to contract Jacobians: arrays in, the rows of a block, and products."""

    array: Callable[[Any], Any]
    jacobian: Callable[[Any, Any], Any]
    contract: Callable[[Any, Any], Any]
    join: Callable[[list[Any], int], Any]
    whole: Callable[[Any, Any, Any], Any]
    wait: Callable[[Any], Any]


def jax_library(case: Case) -> Library:
    """JAX: ``jit(vmap(grad))``, ``jit(vmap(jacrev))`` of several outputs."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    forward = FORWARDS[case.forward]

    def one(params: Any, x: Any) -> Any:
        outputs = forward(jnp, params, x)
        return outputs[0] if case.outputs == 1 else outputs

    derivative = jax.grad(one) if case.outputs == 1 else jax.jacrev(one)
    jacobian = jax.jit(jax.vmap(derivative, (None, 0)))
    contract = jax.jit(lambda left, right: _contracted(case, left, right))
    whole = jax.jit(lambda params, x, y: contract(jacobian(params, x), jacobian(params, y)))
    wait = jax.block_until_ready
    return Library(jnp.asarray, jacobian, contract, jnp.concatenate, whole, wait)


def torch_library(case: Case) -> Library:
    """PyTorch: ``torch.func.vmap(grad)``, ``vmap(jacrev)`` of several outputs."""
    import torch
    from torch.func import grad, jacrev, vmap

    forward = FORWARDS[case.forward]

    def one(params: Any, x: Any) -> Any:
        outputs = forward(torch, params, x)
        return outputs[0] if case.outputs == 1 else outputs

    jacobian = vmap((grad if case.outputs == 1 else jacrev)(one), (None, 0))

    def contract(left: Any, right: Any) -> Any:
        return _contracted(case, left, right)

    def whole(params: Any, x: Any, y: Any) -> Any:
        return contract(jacobian(params, x), jacobian(params, y))

    return Library(torch.from_numpy, jacobian, contract, torch.cat, whole, lambda result: result)


LIBRARIES = {
    "jax.jit(vmap(grad))": jax_library,
    "torch.func.vmap(grad)": torch_library,
}


def _contracted(case: Case, left: Any, right: Any) -> Any:
    """Σ over the parameters of the products of the rows: (n, m), or (n, m, k, k)."""
    rows, others = (
        {name: value.reshape(-1, case.size(name)) for name, value in side.items()}
        for side in (left, right)
    )
    total: Any = sum(rows[name] @ others[name].T for name in rows)
    if case.outputs == 1:
        return total
    k = case.outputs
    return total.reshape(-1, k, len(total[0]) // k, k).swapaxes(1, 2)


def way(case: Case, dtype: str, name: str) -> tuple[str, Callable[[], Any]] | None:
    """What is called, and how it goes about in words; None where the memory has no room for it."""
    library = LIBRARIES[name](case)
    params, x, y = case.arrays(dtype)
    params = {key: library.array(value) for key, value in params.items()}
    x, y = library.array(x), library.array(y)
    size = case.jacobian_bytes(dtype)
    if 3 * size < free_memory():
        return "all inputs at once", lambda: library.wait(library.whole(params, x, y))
    if 2 * size < free_memory():
        return f"in blocks of {BLOCK}", lambda: library.wait(_blocks(library, params, x, y))
    return None


def _blocks(library: Library, params: Any, x: Any, y: Any) -> Any:
    places = range(0, len(x), BLOCK)
    kept = [library.jacobian(params, y[i : i + BLOCK]) for i in places]
    bands = []
    for i in places:
        rows = library.jacobian(params, x[i : i + BLOCK])
        bands.append(library.join([library.contract(rows, others) for others in kept], 1))
    return library.join(bands, 0)


def opponent(case: Case, dtype: str, name: str, expected: Any) -> tuple[Contestant | None, str]:
    """A contestant and a note on how it goes about; None and the reason where there is none.

    Its result is held against the expected one before anything is timed.
    """
    try:
        found = way(case, dtype, name)
    except ImportError as error:
        return None, f"skipped: {error}"
    size = f"Jacobians of {_size(case.jacobian_bytes(dtype))}"
    if found is None:
        return None, f"skipped: {size} do not fit into the free memory"
    words, function = found
    agree(name, np.asarray(function()), expected, dtype)
    return contestant(function), f"{size}, {words}"


def _size(count: int) -> str:
    for power, unit in ((9, "GB"), (6, "MB"), (3, "kB")):
        if count >= 10**power:
            return f"{count / 10**power:.3g} {unit}"
    return f"{count} bytes"


def agree(name: str, found: Any, expected: Any, dtype: str) -> None:
    """Hold a result against another one: to 1e-9 in float64, to 1e-3 of the largest in float32."""
    found = np.asarray(found, dtype="float64").reshape(expected.shape)
    rtol, atol = (1e-9, 1e-12) if dtype == "float64" else (0, 1e-3)
    np.testing.assert_allclose(
        found, expected, rtol=rtol, atol=atol * np.abs(expected).max(), err_msg=name
    )


def free_memory() -> float:
    """Bytes that a process may take without the machine swapping; unknown is without bound."""
    known = Path("/proc/meminfo")
    if known.exists():
        for line in known.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return float("inf")
