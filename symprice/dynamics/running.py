"""Training as it is done: the algorithm itself iterated, with numbers, arrays or symbols.

The laws of change are held against it; PyTorch's optimisers against both, in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sympy import Basic, Expr, sign, sqrt

from ..errors import ShapeError

__all__ = ["Run", "iterate", "root", "signs"]


class Run(NamedTuple):
    """What θ and the state were before the first step and after each: lists of dicts."""

    params: list[dict[Any, Any]]
    states: list[dict[str, dict[Any, Any]]]


def iterate(dynamics: Any, params: Mapping[Any, Any], gradient: Any, steps: int | None) -> Run:
    """θ and the state of the algorithm, step by step.

    Parameters
    ==========

    params : the start, a dict: numbers, arrays or expressions by name or Parameter.
    gradient : a function from such a dict to the dict of gradients, or a loss, a formula of the
        Parameters that are the keys: taken at the ``place`` of the way of training. Or a list of
        these dicts, one a step, as they are there.
    steps : how many; as many as there are gradients where a list is given.
    """
    given = _gradients(gradient, params)
    if isinstance(gradient, (list, tuple)):
        steps = len(gradient) if steps is None else steps
        if steps > len(gradient):
            raise ShapeError(f"asked for {steps} steps with {len(gradient)} gradients")
    if steps is None or steps < 0:
        raise ShapeError(f"asked for a run of {steps} steps: write the number of steps")
    current: dict[Any, Any] = dict(params)
    state: dict[str, dict[Any, Any]] = {}
    run = Run([current], [state])
    for t in range(1, steps + 1):
        exact = any(isinstance(x, Basic) for x in current.values())
        there = dynamics.place(current, state, _values(dynamics, exact))
        slopes = given(there, t)
        exact = exact or any(isinstance(x, Basic) for x in slopes.values())
        again = dynamics.second_place(there, slopes, _values(dynamics, exact))
        if again is not None:
            if isinstance(gradient, (list, tuple)):
                raise ShapeError(
                    f"asked for a run of {type(dynamics).__name__} on a list of gradients: it takes"
                    " two in every step, so write a loss or a function from parameters to gradients"
                )
            slopes = given(again, t)
        missing = [str(p) for p in current if p not in slopes]
        if missing:
            raise ShapeError(f"step {t} has no gradient of {', '.join(missing)}")
        exact = exact or any(isinstance(x, Basic) for x in slopes.values())
        current, state = dynamics.advance(current, slopes, state, t, _values(dynamics, exact))
        run.params.append(current)
        run.states.append(state)
    return run


def _values(dynamics: Any, exact: bool) -> Callable[[Any], Any]:
    """How a constant of the algorithm enters: as it is among symbols, else as a float."""

    def value(constant: Any) -> Any:
        if constant is None:
            raise ShapeError(f"asked for a run of {dynamics}, a flow: give it a learning rate")
        if exact:
            return constant
        if constant.free_symbols:
            raise ShapeError(
                f"asked for a run of {dynamics} with numbers, but {constant} is a symbol: write "
                f"{type(dynamics).__name__}(...) with numbers"
            )
        return float(constant)

    return value


def _gradients(given: Any, params: Mapping[Any, Any]) -> Callable[[Any, int], Mapping[Any, Any]]:
    if isinstance(given, Expr):
        formulas = {p: given.diff(p).doit() for p in params}

        def by_formula(now: Any, t: int) -> Any:
            return {p: slope.subs(now, simultaneous=True) for p, slope in formulas.items()}

        return by_formula
    if isinstance(given, Sequence):
        return lambda now, t: given[t - 1]
    if callable(given):
        return lambda now, t: given(now)
    raise ShapeError(
        f"asked for a run with the gradient {given!r}: write a loss, a function from parameters to "
        "gradients, or a list of gradients"
    )


def root(x: Any) -> Any:
    """The square root of a number, an array or an expression."""
    return sqrt(x) if isinstance(x, Basic) else x**0.5


def signs(x: Any) -> Any:
    """The sign of a number, of the entries of an array, or of an expression."""
    return sign(x) if isinstance(x, Basic) else (x > 0) * 1.0 - (x < 0) * 1.0
