"""Flows by numbers: SciPy in double precision, extrapolation in mpmath for any number of digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath

__all__ = ["extrapolated_flow", "float_flow"]

Field = Callable[[list[Any]], list[Any]]

# A flow is taken to end where so many steps, refused ones included, do not reach the time, or where
# steps must be shorter than this part of it.
_MOST_STEPS = 400
_MOST_EVALUATIONS = 12_000
# Evaluations in double precision are so much cheaper.
_DOUBLES = 20
_SHORTEST = mpmath.mpf(2) ** -24
_INSTANT = mpmath.mpf(2) ** -48
_COLUMNS = 24
# Many steps shorter than this part of the time: the rate jumps to and fro.
_SLIDING = 1e-8
_PATIENCE = 200


def extrapolated_flow(field: Field, start: Sequence[Any], time: Any) -> list[Any]:
    """The state at a time of the flow of an autonomous field, to the working precision of mpmath.

    Modified midpoint steps, extrapolated in the squared step size (Gragg, Bulirsch & Stoer); the
    step follows the convergence of the extrapolation.

    Raises
    ======

    ArithmeticError : if the flow does not reach the time as one that ends before.

    Examples
    ========

    >>> import mpmath
    >>> from symprice.solutions.integrating import extrapolated_flow
    >>> with mpmath.workdps(30):
    ...     (end,) = extrapolated_flow(lambda y: [-y[0]], [1], 1)
    ...     abs(end - mpmath.exp(-1)) < 1e-26
    True
    """
    state = [mpmath.mpf(value) for value in start]
    time = mpmath.mpf(time)
    done, step, spent = mpmath.mpf(0), time, 0
    tolerance = mpmath.eps * 2**10
    for _ in range(_MOST_STEPS):
        if done == time:
            return state
        step = _limited(step, state, field)
        if abs(step) < abs(time) * _INSTANT:
            break
        if abs(step) >= abs(time - done):
            step = time - done
        moved, columns = _extrapolated_step(field, state, step, tolerance)
        spent += columns * (columns + 1)
        if spent > _MOST_EVALUATIONS:
            break
        if moved is None:
            step /= 3
            if abs(step) < abs(time) * _SHORTEST:
                break
            continue
        done = time if step == time - done else done + step
        state = moved
        step *= mpmath.mpf(3) / 2 if columns < _COLUMNS - 6 else 1
    raise ArithmeticError(f"the flow does not reach the time {mpmath.nstr(time, 8)}")


def _limited(step: Any, state: list[Any], field: Field) -> Any:
    """A step in which the first guess moves by a part of its size only: from far away, where a rate
    may be nothing, all guesses come back to where they began, and seem to converge there.
    """
    moves = (abs(v) / (1 + abs(y)) for y, v in zip(state, field(state), strict=True))
    speed = max(moves)
    longest = 1 / (4 * speed) if speed else abs(step)
    return step if abs(step) <= longest else mpmath.sign(step) * longest


def _extrapolated_step(
    field: Field, state: list[Any], step: Any, tolerance: Any
) -> tuple[list[Any] | None, int]:
    """One long step; None where the extrapolation does not converge."""
    rows: list[list[list[Any]]] = []
    counts: list[int] = []
    for column in range(1, _COLUMNS + 1):
        count = 2 * column
        try:
            row = [_midpoint(field, state, step, count)]
        except (ArithmeticError, ValueError):
            return None, column
        counts.append(count)
        for k, last in enumerate(rows[-1] if rows else []):
            ratio = (mpmath.mpf(count) / counts[column - 2 - k]) ** 2 - 1
            fine = row[-1]
            row.append([a + (a - b) / ratio for a, b in zip(fine, last, strict=True)])
        if len(row) > 2:
            best, second = row[-1], row[-2]
            if not all(map(mpmath.isfinite, best)):
                return None, column
            sizes = [max(1, abs(value)) for value in best]
            if all(
                abs(a - b) <= tolerance * s for a, b, s in zip(best, second, sizes, strict=True)
            ):
                return best, column
        rows.append(row)
    return None, _COLUMNS


def _midpoint(field: Field, state: list[Any], step: Any, count: int) -> list[Any]:
    h = step / count
    before, here = state, [y + h * v for y, v in zip(state, field(state), strict=True)]
    for _ in range(count - 1):
        after = [y + 2 * h * v for y, v in zip(before, field(here), strict=True)]
        before, here = here, after
    return here


def float_flow(field: Field, start: Sequence[float], times: Any) -> Any:
    """The states at an array of times (in any order, from time 0), by scipy.integrate.solve_ivp.

    Shape (variables, times). What lies beyond the end of a trajectory that reaches infinity is nan;
    so is what lies beyond a point at which the rate jumps to and fro, so that no step is short
    enough.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice.solutions.integrating import float_flow
    >>> np.allclose(float_flow(lambda y: [-y[0]], [1.0], [0.0, 1.0]), [[1, np.exp(-1)]])
    True
    """
    import numpy as np

    times = np.asarray(times, dtype=float)
    found = np.full((len(start), times.size), np.nan)
    flat = times.ravel()
    for sign in (1.0, -1.0):
        chosen = flat * sign >= 0 if sign > 0 else flat < 0
        if not chosen.any():
            continue
        ordered, places = np.unique(flat[chosen], return_inverse=True)
        if sign < 0:
            ordered, places = ordered[::-1], len(ordered) - 1 - places
        with np.errstate(all="ignore"):
            found[:, chosen] = _integrated(field, start, ordered)[:, places]
    return found.reshape(len(start), *times.shape)


def _integrated(field: Field, start: Sequence[float], times: Any) -> Any:
    """The states at times that go one way from 0, as far as a number of evaluations gets."""
    import numpy as np
    from scipy.integrate import DOP853

    found = np.full((len(start), len(times)), np.nan)
    at_start = times == 0
    found[:, at_start] = np.asarray(start, dtype=float)[:, None]
    if at_start.all():
        return found
    solver = DOP853(
        lambda _, state: np.asarray(field(list(state)), dtype=float),
        0.0,
        np.asarray(start, dtype=float),
        float(times[-1]),
        rtol=1e-12,
        atol=1e-14,
    )
    shortest, stuck = _SLIDING * abs(float(times[-1])), 0
    while solver.status == "running" and solver.nfev < _MOST_EVALUATIONS * _DOUBLES:
        solver.step()
        stuck = stuck + 1 if solver.h_abs < shortest else 0
        if solver.status == "failed" or stuck > _PATIENCE:
            break
        passed = (abs(times) > abs(solver.t_old)) & (abs(times) <= abs(solver.t))
        if passed.any():
            found[:, passed] = solver.dense_output()(times[passed])
    return found
