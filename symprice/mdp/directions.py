"""Gradients in float64 held against difference quotients of J along random directions."""

from __future__ import annotations

from typing import Any

from sympy import Float

__all__ = ["along_arrays", "along_directions", "objective_of"]

STEP = 1e-3
DIRECTIONS = 3


def objective_of(evaluation: Any, logits: Any) -> float:
    """J of the softmax policy of some logits, on the tables of an evaluation."""
    from scipy.special import softmax

    pi = softmax(logits, axis=1)
    rho = evaluation.rho
    return type(evaluation)(
        evaluation.shape,
        evaluation.plain,
        evaluation.gamma,
        rho,
        evaluation.policy,
        pi,
        evaluation.temperature,
    ).J


def along_directions(gradient: Any) -> list[tuple[str, Any, Any]]:
    """⟨∇J, u⟩ next to a sixth-order difference quotient, for a few directions u of length one."""
    import numpy as np

    e = gradient.evaluation
    with np.errstate(divide="ignore"):
        logits = np.maximum(np.log(e.pi), -700.0)
    given = getattr(e.policy.given, "logits", None)
    if given is not None and not callable(given) and np.shape(given) == logits.shape:
        logits = np.array(given, dtype=float)
    for s, a in e.shape.absent:
        logits[s, a] = -np.inf
    rng, items = np.random.default_rng(0), []
    table = gradient.table
    scale = max(float(np.linalg.norm(table)), 1e-300)
    for k in range(DIRECTIONS):
        u = rng.standard_normal(logits.shape)
        # A part along the gradient, so that the slope is no difference of large numbers.
        u = u / np.linalg.norm(u) + table / scale
        u /= np.abs(u).max()
        weights = {1: 45, 2: -9, 3: 1}
        slope = sum(
            w * (objective_of(e, logits + m * STEP * u) - objective_of(e, logits - m * STEP * u))
            for m, w in weights.items()
        ) / (60 * STEP)
        items.append(
            (
                f"slope of J along direction {k + 1}",
                Float(slope, 17),
                Float(float((table * u).sum()), 17),
            )
        )
    return items


def along_arrays(gradient: Any) -> list[tuple[str, Any, Any]]:
    """The same for the arrays of a network: they are moved together, and each alone."""
    import numpy as np

    e, policy = gradient.evaluation, gradient.evaluation.policy.given
    found, rng = gradient.doit(), np.random.default_rng(0)
    size = max(float(np.abs(array).max()) for array in found.values()) or 1.0
    items = []
    for moved in (list(found), *([name] for name in found)):
        # A part along the gradient, so that the slope is no difference of large numbers.
        u = {name: rng.uniform(-1, 1, found[name].shape) / 4 + found[name] / size for name in moved}

        def at(step: float, u: Any = u) -> float:
            arrays = {
                name: array + step * u[name] if name in u else array
                for name, array in policy.params.items()
            }
            return objective_of(e, policy.table(arrays))

        slope = sum(w * (at(m * STEP) - at(-m * STEP)) for m, w in {1: 45, 2: -9, 3: 1}.items()) / (
            60 * STEP
        )
        items.append(
            (
                f"slope of J along a direction of {', '.join(moved)}",
                Float(slope, 17),
                Float(float(sum((found[name] * u[name]).sum() for name in moved)), 17),
            )
        )
    return items
