"""Generated code held against the oracle's numbers, in float64 and over arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
from sympy import Basic, MatrixSymbol
from sympy.core.function import AppliedUndef

from ..errors import SympriceError
from ..nodes import Node
from ..symbols import Observable, ObservableVector
from ..tangent.slopes import needs_vectors
from .generated_arrays import array_code, is_of_arrays
from .graph import Graph
from .magnitude import value_and_size
from .oracle import Undefined, evaluate_at
from .points import Draw
from .realise import subexpressions
from .sides import numbers
from .tally import Tally

__all__ = ["abstract_part", "check_code"]

# Relative to the terms that are added up, not to what is left of them where they cancel.
_TOLERANCE = 1e-10
_DIGITS = 25
# What lies outside has no digits in float64.
_SMALLEST, _LARGEST = 1e-290, 1e290


def abstract_part(formula: Basic) -> str:
    """What in a formula no code can compute, in words; an empty text where it is concrete."""
    for node in subexpressions([formula]):
        if isinstance(node, (Node, AppliedUndef, ObservableVector, Observable)):
            return f"{node} has no formula"
    return ""


def check_code(formula: Any, label: str, draws: Sequence[Draw], tally: Tally) -> None:
    """Run the generated code of a formula at the points, and count how far it is from the oracle.

    Parameters
    ==========

    formula : the closed form; what is abstract is noted and left alone.
    label : what it is called in the report.
    draws : the points; float64 holds their numbers exactly.
    tally : where it is counted.
    """
    whole, formula = formula, getattr(formula, "without_origin", lambda: formula)()
    why = "" if needs_vectors(formula) else abstract_part(formula)
    if why or not draws:
        return tally.note(f"no code was run: {why or 'there are no points'}")
    try:
        args, function = _code(whole, formula)
    except ImportError:
        return tally.note("no code was run: there is no emitter")
    except SympriceError as error:
        return tally.note(f"no code was run: {error}")
    expected = [(draw, *found) for draw in draws if (found := _expected(formula, draw)) is not None]
    if expected:
        tally.finished(len(expected))
        _compare(function, args, expected, label, tally)


def _code(whole: Any, formula: Any) -> tuple[list[Any], Callable[[Sequence[Draw]], Any]]:
    """The symbols of a formula, and its code as a function of points: one result for each.

    ``whole`` is the formula with what it is the closed form of.
    """
    args = sorted(formula.free_symbols, key=lambda symbol: symbol.sort_key())
    if is_of_arrays(formula):
        return args, array_code(whole)
    from ..emit.numpy import lambdify

    function = lambdify(args, formula)
    return args, lambda draws: function({symbol: _argument(draws, symbol) for symbol in args})


def _expected(formula: Any, draw: Draw) -> tuple[list[Any], list[Any], tuple[int, ...]] | None:
    """The numbers of a formula, the sizes of the terms they are sums of, and the shape in code."""
    graph = Graph(draw.realisation)
    (found,) = evaluate_at([formula], draw, _DIGITS, graph, value_and_size)
    if isinstance(found, Undefined):
        return None
    value, sizes = found
    shape: tuple[int, ...] = ()
    if isinstance(value, mpmath.matrix):
        shape = (value.rows,) if value.cols == 1 else (value.rows, value.cols)
    return numbers(value)[0], numbers(sizes)[0], shape


def _compare(
    function: Callable[[Sequence[Draw]], Any],
    args: Sequence[Any],
    expected: Sequence[Any],
    label: str,
    tally: Tally,
) -> None:
    import numpy as np

    draws = [draw for draw, *_ in expected]
    shape = (len(draws), *expected[0][3])
    try:
        with np.errstate(all="ignore"):
            got = np.broadcast_to(np.asarray(function(draws), dtype=float), shape)
    except Exception as error:
        return tally.fail(f"{label}: the code raises {type(error).__name__}: {error}")
    for row, (draw, values, sizes, _) in zip(got, expected, strict=True):
        for value, right, size in zip(np.ravel(row), values, sizes, strict=True):
            if not _SMALLEST < size < _LARGEST:
                continue
            gap = abs(mpmath.mpf(float(value)) - right) / size
            worst = float(gap) if mpmath.isfinite(gap) else float("inf")
            tally.checked += 1
            tally.code_worst = max(worst, tally.code_worst or 0.0)
            if worst > _TOLERANCE:
                shown = ", ".join(f"{symbol} = {_shown(draw(symbol))}" for symbol in args[:8])
                return tally.fail(
                    f"{label}: the code gives {float(value)!r} where {mpmath.nstr(right, 17)} is "
                    f"right, at {shown}"
                )
    return None


def _argument(draws: Sequence[Draw], symbol: Any) -> Any:
    """The values of a symbol at all points, which are the first axis."""
    import numpy as np

    values = [draw(symbol) for draw in draws]
    if not isinstance(symbol, MatrixSymbol):
        return np.array([float(value) for value in values])
    stacked = np.array([value.tolist() for value in values], dtype=float)
    return stacked[..., 0] if symbol.shape[1] == 1 else stacked


def _shown(value: Any) -> str:
    return str(value.tolist() if isinstance(value, mpmath.matrix) else mpmath.nstr(value, 10))
