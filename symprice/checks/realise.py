"""Concrete things for abstract ones, so that an identity between observables has numbers.

An Observable becomes a random smooth function of parameters, an unspecified function one of its
arguments, a symbolic size a small integer. What it becomes hangs on its name and the seed alone, so
both sides of a comparison see the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

import mpmath
from sympy import Basic, Expr, Integer, MatrixSymbol, Symbol, Tuple
from sympy.core.symbol import Str

from ..errors import NoRuleError
from ..symbols import Observable, ObservableVector, Parameter, ParameterMatrix
from .sizes import sizes_of

__all__ = ["Realisation", "Smooth", "subexpressions"]

# Parameters that observables depend on besides those of the expression.
_FRESH = 3


def subexpressions(exprs: Iterable[Basic]) -> Iterator[Basic]:
    """Every distinct subexpression, shapes of matrices included."""
    stack, seen = list(exprs), set()
    while stack:
        node = stack.pop()
        if not isinstance(node, Basic) or node in seen:
            continue
        seen.add(node)
        yield node
        stack.extend(node.args)


class Smooth:
    """A random smooth function: polynomial, sine, tanh and exponential of mixed arguments.

    ``sign`` makes its values positive or negative.
    """

    def __init__(self, key: str, arity: int, sign: int = 0) -> None:
        draw = random.Random(key)
        scale = 1 << max(0, (arity - 1).bit_length())
        self.sign = sign
        self._mixtures = [[_dyadic(draw) / scale for _ in range(arity)] for _ in range(5)]
        self._weights = [_dyadic(draw) for _ in range(8)]

    def __call__(self, values: list[Any]) -> Any:
        """The value at an argument."""
        line, bow, wave, bend, rise = (mpmath.fdot(m, values) for m in self._mixtures)
        k, square = self._weights, bow**2
        shapes = [
            mpmath.sin(2 * wave + k[4]),
            mpmath.tanh(bend + k[6]),
            mpmath.exp(rise / 2),
        ]
        weights = [k[0], 1, k[1], k[2] / 4, k[3], k[5], k[7]]
        total = mpmath.fdot(weights, [1, line, square, square * bow, *shapes])
        return self.sign * mpmath.exp(total / 4) if self.sign else total


def _dyadic(draw: random.Random) -> Any:
    """A number of size 1/4 to 5/4 with few binary digits: the same at every precision."""
    return mpmath.mpf(draw.choice((-1, 1)) * draw.randint(256, 1280)) / 1024


class Realisation:
    """What the abstract things in some expressions become.

    Parameters
    ==========

    exprs : all the expressions that are compared; what is shared between them is realised alike.
    seed : another seed, other functions.
    small : whether sizes are 2 and 3 alone, where a value takes long.
    """

    def __init__(self, exprs: Iterable[Any], seed: int = 0, small: bool = False) -> None:
        self.seed = seed
        found = list(subexpressions(exprs))
        metrics = [node for node in found if _is_kind(node, "MatrixMetric")]
        self.metrics = _symmetric(found)
        self.sizes = sizes_of(found, _fixed(metrics), small)
        self.fresh = self._fresh(found, metrics)
        self.coordinates = self._coordinates(found)
        self._functions: dict[Any, Smooth] = {}

    def _fresh(self, found: list[Basic], metrics: list[Any]) -> tuple[Parameter, ...]:
        """Parameters of the observables alone: as many as a metric without a list has rows."""
        count = _FRESH
        for metric in metrics:
            if not metric.args[1]:
                count = self.size(Integer(1) * metric.args[0].shape[0])
        taken = {getattr(node, "name", None) for node in found}
        names = (f"theta_{i}" for i in range(1, len(taken) + count + 1))
        return tuple(Parameter(name) for name in names if name not in taken)[:count]

    def _coordinates(self, found: list[Basic]) -> tuple[Any, ...]:
        """What observables depend on: all parameters, or those that every metric knows."""
        present = sorted(
            (s for s in found if isinstance(s, (Parameter, ParameterMatrix))),
            key=lambda s: s.sort_key(),
        )
        listed = [known for node in found if (known := _listed_parameters(node)) is not None]
        if not listed:
            return (*self.fresh, *present)
        common = set.intersection(*listed)
        chosen = tuple(p for p in (*self.fresh, *present) if p in common)
        if not chosen and any(isinstance(node, (Observable, ObservableVector)) for node in found):
            raise NoRuleError(
                "the metrics have no parameter in common that an observable could depend on"
            )
        return chosen

    def index(self, index: Any) -> int:
        """The value of an index that nothing binds."""
        draw = random.Random(f"{self.seed} {index.name}")
        return draw.randrange(self.size(index.size))

    def size(self, expr: Any) -> int:
        """The integer that a symbolic size becomes."""
        number = expr.xreplace({symbol: Integer(n) for symbol, n in self.sizes.items()})
        if not number.is_Integer or number < 1:
            raise NoRuleError(f"the size {expr} is no positive integer for {self.sizes}")
        return int(number)

    def smooth(self, head: Any, values: list[Any], row: int = 0) -> Any:
        """The value of an observable, or of an unspecified function, at numbers."""
        key = (head, len(values), row)
        if key not in self._functions:
            name = (
                head.name if isinstance(head, (Symbol, MatrixSymbol, Str)) else head.func.__name__
            )
            sign = 0
            if isinstance(head, Expr) and not getattr(head, "is_Matrix", False):
                sign = 1 if head.is_nonnegative else -1 if head.is_nonpositive else 0
            label = f"{self.seed} {type(head).__name__} {name} {len(values)} {row}"
            self._functions[key] = Smooth(label, len(values), sign)
        return self._functions[key](values)


def _is_kind(node: Basic, name: str) -> bool:
    return any(cls.__name__ == name for cls in type(node).__mro__)


def _listed_parameters(node: Basic) -> set[Any] | None:
    """The parameters that a metric lists, if it lists any."""
    if _is_kind(node, "MatrixMetric"):
        return set(node.args[1]) or None
    if _is_kind(node, "BlockMetric") or (
        _is_kind(node, "DiagonalMetric") and isinstance(node.args[0], Tuple)
    ):
        return {pair[0] for pair in node.args[0]}
    return None


def _symmetric(found: list[Basic]) -> set[Any]:
    """The matrix symbols that are metrics, or blocks of metrics."""
    given = [node.args[0] for node in found if _is_kind(node, "MatrixMetric")]
    for node in found:
        if _is_kind(node, "BlockMetric"):
            given += [factor for pair in node.args[0] for factor in _factors(pair[1])]
    return {matrix for matrix in given if isinstance(matrix, MatrixSymbol)}


def _factors(block: Any) -> tuple[Any, ...]:
    return tuple(block.args) if _is_kind(block, "KroneckerProduct") else (block,)


def _fixed(metrics: list[Any]) -> dict[Any, int]:
    """The sizes of metrics that list parameters: a row for each."""
    pairs = [(metric.args[0].shape[0], len(metric.args[1])) for metric in metrics if metric.args[1]]
    return {rows: count for rows, count in pairs if isinstance(rows, Symbol)}
