"""The generated code of matrix level at the points of a check: its arrays are made here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from sympy import Basic, MatrixSymbol, S

from ..indexed.entries import Entry, Index
from ..indexed.families import Member, ParameterFamily
from ..symbols import ParameterMatrix
from ..tangent.slopes import needs_vectors
from .points import Draw
from .realise import subexpressions

__all__ = ["array_code", "is_of_arrays"]


def is_of_arrays(formula: Basic) -> bool:
    """Whether a formula is of matrix level: of trained matrices, symbolic sizes or indices."""
    return formula.has(Index) or any(
        isinstance(s, ParameterMatrix)
        or (isinstance(s, MatrixSymbol) and not all(side.is_Integer for side in s.shape))
        for s in formula.free_symbols
    )


def array_code(formula: Any) -> Callable[[Sequence[Draw]], Any]:
    """The code of a formula of matrix level, as a function of points: one result for each.

    Raises
    ======

    NoRuleError : where there is no code.
    """
    from ..emit.matrix_function import MatrixFunction
    from ..emit.numpy import lambdify

    function: Any = lambdify(None, formula) if needs_vectors(formula) else MatrixFunction(formula)
    shape = getattr(formula, "shape", (0, 0))
    is_row = shape[0] == 1 != shape[1]
    labels = _labels(formula)

    def run(draws: Sequence[Draw]) -> Any:
        import numpy as np

        results = []
        for draw in draws:
            params = {s.name: _array(draw, s, labels) for s in function.parameters}
            given = [_array(draw, s, labels) for s in function.inputs]
            result = np.asarray(function(params, *given), dtype=float)
            results.append(result[None] if is_row else result)
        return np.stack(results)

    return run


def _labels(formula: Basic) -> dict[Any, list[Any]]:
    """For every array that stands with labels, as the data of a sum, their ranges."""
    found: dict[Any, list[Any]] = {}
    for node in subexpressions([formula]):
        if not isinstance(node, (Entry, Member)):
            continue
        labels = node.args[1:]
        if isinstance(node, Entry):
            sides = getattr(node.array, "shape", ())
            labels = labels[sum(side != 1 for side in sides) :]
        if labels:
            ranges = found.setdefault(node.array, [S.Zero] * len(labels))
            for slot, label in enumerate(labels):
                if isinstance(label, Index):
                    ranges[slot] = label.size
                elif label.is_Integer and ranges[slot].is_Integer:
                    ranges[slot] = max(ranges[slot], label + 1)
    return found


def _array(draw: Draw, symbol: Any, labels: dict[Any, list[Any]]) -> Any:
    """The values of a symbol at a point, its axes as generated code takes them."""
    import numpy as np

    if isinstance(symbol, ParameterFamily):
        count = draw.realisation.size(symbol.size)
        return np.stack([_matrix(draw(Member(symbol, n))) for n in range(count)], axis=-1)
    if symbol in labels:
        sizes = [draw.realisation.size(size) for size in labels[symbol]]
        members = [_one(draw, Member(symbol, *place)) for place in product(*map(range, sizes))]
        return np.stack(members).reshape(*sizes, *members[0].shape)
    return _one(draw, symbol)


def _one(draw: Draw, symbol: Any) -> Any:
    import numpy as np

    if not isinstance(symbol, (MatrixSymbol, Member)):
        return np.float64(draw(symbol))
    matrix = _matrix(draw(symbol))
    return matrix[:, 0] if symbol.shape[1] == 1 else matrix


def _matrix(value: Any) -> Any:
    import numpy as np

    return np.array(value.tolist(), dtype=float)
