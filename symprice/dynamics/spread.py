"""A few displacements in place of noise: numbers with the same moments, for the checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath

__all__ = ["displacements"]


def displacements(root: Any, fourth: bool) -> Iterator[tuple[Any, list[Any]]]:
    """Weights and displacements `R z` for `z ~ N(0, I)`: the second moments, and odd ones, are
    right; where ``fourth`` is asked for, those up to the fifth (A. H. Stroud, Approximate
    Calculation of Multiple Integrals, 1971, formula E_n^{r²} 5-2).
    """
    n = root.cols
    for weight, z in _of_degree_five(n) if fourth else _of_degree_three(n):
        yield weight, list(root * mpmath.matrix(z))


def _placed(n: int, entries: dict[int, Any]) -> list[Any]:
    return [entries.get(i, mpmath.mpf(0)) for i in range(n)]


def _of_degree_three(n: int) -> Iterator[tuple[Any, list[Any]]]:
    for i in range(n):
        for sign in (1, -1):
            yield mpmath.mpf(1) / (2 * n), _placed(n, {i: sign * mpmath.sqrt(n)})


def _of_degree_five(n: int) -> Iterator[tuple[Any, list[Any]]]:
    total = mpmath.mpf(n + 2)
    yield 2 / total, _placed(n, {})
    for i in range(n):
        for sign in (1, -1):
            yield (4 - n) / (2 * total**2), _placed(n, {i: sign * mpmath.sqrt(total)})
            for j in range(i):
                for other in (1, -1):
                    size = mpmath.sqrt(total / 2)
                    yield 1 / total**2, _placed(n, {i: sign * size, j: other * size})
