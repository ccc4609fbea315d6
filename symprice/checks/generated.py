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
from .graph import Cell, Graph
from .oracle import Undefined, evaluate_at
from .points import Draw
from .realise import subexpressions
from .sides import numbers
from .state import State
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
        if isinstance(node, MatrixSymbol) and not all(side.is_Integer for side in node.shape):
            return f"{node} has no size"
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
    formula = getattr(formula, "without_origin", lambda: formula)()
    why = abstract_part(formula)
    if why or not draws:
        return tally.note(f"no code was run: {why or 'there are no points'}")
    try:
        from ..emit.numpy import lambdify
    except ImportError:
        return tally.note("no code was run: there is no emitter")
    args = sorted(formula.free_symbols, key=lambda symbol: symbol.sort_key())
    try:
        function = lambdify(args, formula)
    except SympriceError as error:
        return tally.note(f"no code was run: {error}")
    expected = [(draw, *found) for draw in draws if (found := _expected(formula, draw)) is not None]
    if expected:
        tally.finished(len(expected))
        _compare(function, args, expected, label, tally)


def _expected(formula: Any, draw: Draw) -> tuple[list[Any], list[Any], tuple[int, ...]] | None:
    """The numbers of a formula, the sizes of the terms they are sums of, and the shape in code."""
    graph = Graph(draw.realisation)
    (found,) = evaluate_at([formula], draw, _DIGITS, graph, _value_and_size)
    if isinstance(found, Undefined):
        return None
    value, sizes = found
    shape: tuple[int, ...] = ()
    if isinstance(value, mpmath.matrix):
        shape = (value.rows,) if value.cols == 1 else (value.rows, value.cols)
    return numbers(value)[0], numbers(sizes)[0], shape


def _value_and_size(state: State, cell: Cell) -> list[Any]:
    known: dict[Cell, Any] = {}

    def size(inner: Cell) -> Any:
        """The sum of the sizes of what is added up, through products, powers and names."""
        if inner not in known:
            known[inner] = measured(inner)
        return known[inner]

    def measured(inner: Cell) -> Any:
        parts = inner.children
        if inner.kind == "sum":
            return mpmath.fsum(map(size, parts))
        if inner.kind == "product":
            return mpmath.fprod(map(size, parts))
        if inner.kind in ("name", "where"):
            return size(parts[-1])
        value = state.value(inner)
        if inner.kind == "integer power" and state.value(parts[0]):
            return abs(value) * (size(parts[0]) / abs(state.value(parts[0]))) ** abs(inner.symbol)
        if inner.kind == "matrix":
            return [size(part) for part in parts]
        if isinstance(value, mpmath.matrix):
            return [abs(entry) for entry in value]
        return abs(value)

    return [state.value(cell), size(cell)]


def _compare(
    function: Callable[..., Any],
    args: Sequence[Any],
    expected: Sequence[Any],
    label: str,
    tally: Tally,
) -> None:
    import numpy as np

    draws = [draw for draw, *_ in expected]
    point = {symbol: _argument(draws, symbol) for symbol in args}
    shape = (len(draws), *expected[0][3])
    try:
        with np.errstate(all="ignore"):
            got = np.broadcast_to(np.asarray(function(point), dtype=float), shape)
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
