"""The matrices that raising writes: products, sums and transposes, built without evaluation.

SymPy's operators ask every factor for its assumptions, which costs more than all the rest; the
functions here know the shapes and put each node into the one form that is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sympy import (
    HadamardProduct,
    Identity,
    Lambda,
    MatAdd,
    MatMul,
    MatrixSymbol,
    Mul,
    OneMatrix,
    S,
    Subs,
    Symbol,
    Transpose,
    ZeroMatrix,
)

from ..elementwise import Elementwise, ScalarProduct, ScaledRows
from .entries import Index
from .families import EntriesOf, Member
from .sums import SumOver, SumOverMatrix

__all__ = [
    "Tensor",
    "added",
    "dot",
    "hadamard",
    "joined",
    "ordered",
    "pointwise",
    "product",
    "role",
    "scaled",
    "times",
    "transposed",
]

_PRIME = re.compile(r"_prime\d*$")


class Tensor(NamedTuple):
    """A matrix whose rows, and columns if it has two axes, are counted by indices."""

    axes: tuple[Index, ...]
    matrix: Any

    def along(self, first: Index) -> Any:
        """The matrix with its rows counted by that index."""
        return self.matrix if self.axes[0] == first else transposed(self.matrix)

    def other(self, index: Index) -> Index:
        """The second axis of two."""
        return self.axes[1] if self.axes[0] == index else self.axes[0]


def transposed(matrix: Any) -> Any:
    """`Mᵀ`, taken into products and sums."""
    if matrix.shape == (1, 1):
        return matrix
    if isinstance(matrix, Transpose):
        return matrix.arg
    if isinstance(matrix, MatMul):
        coefficient, matrices = matrix.as_coeff_matrices()
        return times(coefficient, product(*map(transposed, reversed(matrices))))
    if isinstance(matrix, MatAdd):
        return MatAdd(*map(transposed, matrix.args))
    if isinstance(matrix, (OneMatrix, ZeroMatrix)):
        return matrix.func(*reversed(matrix.shape))
    if isinstance(matrix, Identity) or _is_diagonal(matrix):
        return matrix
    if isinstance(matrix, SumOverMatrix):
        return SumOver(transposed(matrix.expr), *matrix.indices)
    if isinstance(matrix, EntriesOf):
        expr, row, column = matrix.args
        return EntriesOf(expr, column, row)
    if isinstance(matrix, Elementwise) and isinstance(matrix.argument, Transpose):
        return Elementwise(matrix.function, matrix.argument.arg)
    return Transpose(matrix)


def _is_diagonal(matrix: Any) -> bool:
    """Whether a matrix is `v ∘ I`, a scaled identity."""
    while isinstance(matrix, ScaledRows):
        matrix = matrix.args[1]
        if isinstance(matrix, Identity):
            return True
    return False


def product(*matrices: Any) -> Any:
    """The matrix product, flat, its scalars in front."""
    scalars: list[Any] = []
    factors: list[Any] = []
    for matrix in matrices:
        if isinstance(matrix, MatMul):
            coefficient, inner = matrix.as_coeff_matrices()
            scalars.append(coefficient)
            factors.extend(inner)
        else:
            factors.append(matrix)
    if len(factors) > 1:
        factors = [f for f in factors if not isinstance(f, Identity)] or factors[:1]
    result = factors[0] if len(factors) == 1 else MatMul(*factors)
    return times(Mul(*scalars), result) if scalars else result


def times(coefficient: Any, matrix: Any) -> Any:
    """A scalar times a matrix."""
    if coefficient is S.One:
        return matrix
    if isinstance(matrix, MatMul):
        inner, matrices = matrix.as_coeff_matrices()
        coefficient = coefficient * inner
        return MatMul(*matrices) if coefficient == 1 else MatMul(coefficient, *matrices)
    return MatMul(coefficient, matrix)


def added(terms: Iterable[tuple[Any, Any]], shape: tuple[Any, Any]) -> Any:
    """The sum of scalars times matrices; equal matrices are counted together."""
    collected: dict[Any, Any] = {}
    for coefficient, matrix in terms:
        collected[matrix] = collected.get(matrix, S.Zero) + coefficient
    kept = [matrix for matrix, coefficient in collected.items() if coefficient != 0]
    if not kept:
        return ZeroMatrix(*shape)
    if len(kept) > 1:
        kept.sort(key=lambda matrix: (_is_constant(matrix), matrix.sort_key()))
    parts = [times(collected[matrix], matrix) for matrix in kept]
    return parts[0] if len(parts) == 1 else MatAdd(*parts)


def _is_constant(matrix: Any) -> bool:
    return isinstance(matrix, (OneMatrix, Identity))


def ordered(vectors: Iterable[Any]) -> list[Any]:
    """Slopes φ'(h) before names before what is composed."""
    found = [(_rank(vector), vector) for vector in vectors]
    ranks = {rank for rank, _ in found}
    if len(ranks) == len(found):  # SymPy's key is long
        return [vector for _, vector in sorted(found, key=itemgetter(0))]
    return [v for _, v in sorted(found, key=lambda pair: (pair[0], pair[1].sort_key()))]


def _rank(matrix: Any) -> int:
    if isinstance(matrix, Elementwise):
        return 0
    plain = matrix.arg if isinstance(matrix, Transpose) else matrix
    return 1 if isinstance(plain, (MatrixSymbol, Member)) else 2


def scaled(vectors: Iterable[Any], matrix: Any) -> Any:
    """`v ∘ w ∘ M`, the rows of a matrix scaled."""
    for vector in reversed(ordered(v for v in vectors if not isinstance(v, OneMatrix))):
        # In a scaling, ones are scaled to the vector itself.
        is_ones = isinstance(matrix, OneMatrix) and matrix.shape[1] == 1
        matrix = vector if is_ones else ScaledRows(vector, matrix)
    return matrix


def joined(vectors: Iterable[Any]) -> Any:
    """The entrywise product of columns."""
    *rest, last = ordered(vectors)
    return scaled(rest, last)


def hadamard(matrices: Iterable[Any]) -> Any:
    """The entrywise product of matrices of one shape."""
    given = list(matrices)
    rest = ordered(m for m in given if not isinstance(m, OneMatrix)) or given[:1]
    return rest[0] if len(rest) == 1 else HadamardProduct(*rest)


def dot(vectors: Iterable[Any]) -> Any:
    """`Σ_i u_i v_i …` of columns; many are grouped by the input that they belong to."""
    given = ordered(vectors)
    primed = [v for v in given if _is_primed(v)]
    if len(given) > 3 and 1 < len(primed) < len(given) - 1:
        return ScalarProduct(joined(v for v in given if v not in primed), joined(primed))
    *rest, last = given
    return ScalarProduct(joined(rest) if rest else OneMatrix(*last.shape), last)


def _is_primed(vector: Any) -> bool:
    return any(_PRIME.search(symbol.name) for symbol in vector.atoms(MatrixSymbol))


@lru_cache(maxsize=4096)
def pointwise(body: Any, slot: Symbol) -> Lambda:
    """The function of one entry that an expression is; equal ones are one object."""
    # SymPy writes φ' at an entry as a substitution; at a variable it is a derivative.
    return Lambda(slot, body.doit() if body.has(Subs) else body)


def role(matrix: Any) -> tuple[str, ...]:
    """What arrays a matrix is made of, up to primes: the same for `δ` and `δ'`."""
    found = {_PRIME.sub("", symbol.name) for symbol in matrix.atoms(MatrixSymbol)}
    return tuple(sorted(found))
