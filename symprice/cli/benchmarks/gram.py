"""Gram matrices of a tanh network by the emitted code, by hand, and by automatic differentiation.

All in one run and in turn; a ratio is the median over the rounds of one time over the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import by_hand, cases
from .autodiff import agree
from .cases import Case
from .kernels import EMITTED, beside_autodiff, emitted
from .peers import Environments
from .timing import Comparison, Wanted, alternate, contestant, fastest, rows

BY_HAND, PRODUCTS = "NumPy by hand", "matrix products alone"
JITTED, JITTED_BY_HAND = "emitted array API, jax.jit", "by hand, jax.jit"
WANTED = {
    "jax.jit(vmap(grad))": Wanted(">=", 30),
    "torch.func.vmap(grad)": Wanted(">=", 30),
    "neural-tangents": Wanted(">=", 30),
    "neural-tangents structured": Wanted(">=", 1),
}


def run(quick: bool = False, environments: Environments | None = None) -> list[dict[str, Any]]:
    """The rows for float64 and float32."""
    case = cases.mlp(16, 32, 48, 48, 1) if quick else cases.mlp(256, 784, 1024, 1024, 1)
    far = Environments.nowhere() if environments is None else environments
    found = []
    for dtype in ("float64", "float32"):
        found += beside_hand(case, dtype, 3 if quick else 15)
        found += under_jit(case, dtype, 3 if quick else 15)
        found += beside_autodiff(case, dtype, far, {} if quick else WANTED)
    return found


def beside_hand(case: Case, dtype: str, rounds: int) -> list[dict[str, Any]]:
    """Emitted NumPy, the best that is written by hand, and the matrix products in it."""
    function = emitted(case)
    arrays = case.arrays(dtype)
    expected = function(*case.arrays("float64"))
    written: dict[str, Callable[..., Any]] = {
        "as the formula reads": lambda *args: by_hand.gram(np, *args),
        "in place": by_hand.gram_in_place,
    }
    for name, candidate in {EMITTED: function, **written}.items():
        agree(name, candidate(*arrays), expected, dtype)
    runs = {name: contestant(candidate, *arrays) for name, candidate in written.items()}
    way, best = fastest(runs, 5)
    contestants = {
        EMITTED: contestant(function, *arrays),
        BY_HAND: best,
        PRODUCTS: contestant(by_hand.Products(*arrays)),
    }
    comparisons = [
        Comparison(EMITTED, BY_HAND, Wanted("<=", 1.1)),
        Comparison(BY_HAND, PRODUCTS, None, f"the faster of two ways: {way}"),
        Comparison(PRODUCTS, None, None, "into memory that is there already: the floor"),
    ]
    return rows(comparisons, alternate(contestants, rounds), network=case.name, numbers=dtype)


def under_jit(case: Case, dtype: str, rounds: int) -> list[dict[str, Any]]:
    """The emitted array-API code compiled by JAX, beside the formula by hand compiled by JAX."""
    comparisons = [
        Comparison(JITTED, JITTED_BY_HAND, Wanted("<=", 1.1)),
        Comparison(JITTED_BY_HAND, None),
    ]
    try:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        closed, batch = case.closed()
        function = closed.lambdify(batch=batch, backend="array_api")
    except ImportError as error:
        reason = f"skipped: {error}"
        skipped = [Comparison(JITTED, None, None, reason)]
        return rows(skipped, {}, network=case.name, numbers=dtype)
    params, *points = case.arrays(dtype)
    order = [list(batch).index(symbol) for symbol in function.inputs]
    arrays = {name: jnp.asarray(value) for name, value in params.items()}
    inputs = [jnp.asarray(points[place]) for place in order]
    hand = jax.jit(lambda *args: by_hand.gram(jnp, *args))
    ours = jax.jit(function.__wrapped__)
    expected = by_hand.gram(np, *case.arrays("float64"))
    contestants = {}
    for name, compiled, args in (
        (JITTED, ours, inputs),
        (JITTED_BY_HAND, hand, list(map(jnp.asarray, points))),
    ):
        agree(name, compiled(arrays, *args), expected, dtype)
        contestants[name] = contestant(_finished, compiled, arrays, *args)
    return rows(comparisons, alternate(contestants, rounds), network=case.name, numbers=dtype)


def _finished(compiled: Callable[..., Any], *args: Any) -> Any:
    return compiled(*args).block_until_ready()
