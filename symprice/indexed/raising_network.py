"""The order of contraction: a sum of products of matrices over shared indices, index by index.

A sum that runs through one matrix and vectors is a matrix times a vector and always comes first; a
scalar product of two matrices ends a sum; two matrices are multiplied only where nothing else is
left. So no intermediate has more than two indices, and `Σ δ_ti X_tj δ'_si X'_sj` becomes
`⟨δδ'ᵀ, XX'ᵀ⟩`, with no matrix of width × width.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sympy import MatMul, Mul, OneMatrix, S, Transpose

from ..elementwise import ScalarProduct
from .entries import Index
from .raising_matrices import Tensor, dot, hadamard, joined, ordered, product, role, scaled

__all__ = ["Contraction", "contracted"]

# What summing over an index writes: ⟨M, N⟩, M v, (M ∘ N) v, M N.
INNER, VECTOR, SUMMED, PRODUCT = range(4)


class Contraction(NamedTuple):
    """A scalar, what is left on open indices, and an index that no product sums over, if any."""

    scalar: Any
    tensors: list[Tensor]
    stuck: Index | None = None


class _Star(NamedTuple):
    """An index with what it stands in."""

    index: Index
    vectors: list[Tensor]
    matrices: dict[Index, list[Tensor]]  # by their other index

    @property
    def degree(self) -> int:
        """How many matrices the index stands in."""
        return sum(map(len, self.matrices.values()))


def contracted(tensors: list[Tensor], bound: list[Index], row: Index | None) -> Contraction:
    """Sum a product of tensors over indices; ``row`` is the open index that comes first."""
    scalars: list[Any] = []
    left = list(bound)
    while left:
        stars = [_star(index, tensors) for index in left]
        done = next((s for s in stars if not s.matrices), None)
        if done is not None:
            left.remove(done.index)
            columns = [t.matrix for t in done.vectors]
            scalars.append(dot(columns) if columns else done.index.size)
            tensors = _without(tensors, done)
            continue
        steps = [(_preference(star, stars, left), n) for n, star in enumerate(stars)]
        steps = [(key, n) for key, n in steps if key]
        if not steps:
            worst = max(stars, key=lambda star: star.degree)
            return Contraction(Mul(*scalars), tensors, worst.index)
        (kind, *_), chosen = min(steps)
        star = stars[chosen]
        if kind == INNER:
            (partner,) = star.matrices
            scalars.append(_inner_product(star, next(s for s in stars if s.index == partner)))
            left = [index for index in left if index not in (star.index, partner)]
            tensors = [t for t in tensors if star.index not in t.axes and partner not in t.axes]
        else:
            left.remove(star.index)
            tensors = [*_without(tensors, star), _merged(star, row)]
    return Contraction(Mul(*scalars), tensors)


def _star(index: Index, tensors: list[Tensor]) -> _Star:
    star = _Star(index, [], {})
    for tensor in tensors:
        if index in tensor.axes:
            if len(tensor.axes) == 1:
                star.vectors.append(tensor)
            else:
                star.matrices.setdefault(tensor.other(index), []).append(tensor)
    return star


def _without(tensors: list[Tensor], star: _Star) -> list[Tensor]:
    return [t for t in tensors if star.index not in t.axes]


def _preference(star: _Star, stars: list[_Star], left: list[Index]) -> tuple[Any, ...]:
    """A key of how good it is to sum over an index now; empty where that is not possible."""
    if len(star.matrices) == 1:
        ((partner, matrices),) = star.matrices.items()
        if len(matrices) == 1:
            alike = _is_mirrored(star, partner, stars)
            return (VECTOR, not alike, not star.vectors, _turns(star, partner))
        across = next((s for s in stars if s.index == partner), None)
        if across is not None and len(across.matrices) == 1:
            if not (star.vectors and across.vectors):
                return (INNER,)
            return (VECTOR, True, False, 0)
        return (SUMMED,)
    if len(star.matrices) == 2:
        one, other = (hadamard(t.along(star.index) for t in ts) for ts in star.matrices.values())
        alike = role(one) == role(other)
        sizes = [partner.size for partner in star.matrices]
        cost = int(Mul(*sizes)) if all(size.is_Integer for size in sizes) else 0
        return (PRODUCT, star.degree, not alike, one.shape != other.shape, cost)
    return ()


def _turns(star: _Star, partner: Index) -> int:
    """Whether the matrix has to be transposed."""
    (tensor,) = star.matrices[partner]
    return int(isinstance(tensor.along(partner), Transpose))


def _is_mirrored(star: _Star, partner: Index, stars: list[_Star]) -> bool:
    """Whether the other side is a vector of the same make, as in `(Wx)ᵀ(Wy)`."""
    across = next((s for s in stars if s.index == partner), None)
    if across is None:
        return False
    (tensor,) = star.matrices[partner]
    own = tensor.along(partner)
    return any(
        isinstance(t.matrix, MatMul)
        and type(t.matrix.args[0]) is type(own)
        and role(t.matrix.args[0]) == role(own)
        for t in across.vectors
    )


def _inner_product(star: _Star, across: _Star) -> Any:
    """`Σ_ij u_i M_ij N_ij`."""
    ((_, tensors),) = star.matrices.items()
    if not star.vectors and not across.vectors:
        # Read along the rows of the first.
        first = min(tensors, key=lambda t: (isinstance(t.matrix, Transpose), t.matrix.sort_key()))
        index, vectors = first.axes[0], []
    else:
        side = star if star.vectors else across
        index, vectors = side.index, [t.matrix for t in side.vectors]
    one, *rest = ordered(t.along(index) for t in tensors)
    return ScalarProduct(scaled(vectors, one), hadamard(rest))


def _merged(star: _Star, row: Index | None) -> Tensor:
    """The tensor that stands for all that an index stood in."""
    vectors = [t.matrix for t in star.vectors]
    if len(star.matrices) == 1:
        ((partner, tensors),) = star.matrices.items()
        matrix = hadamard(t.along(partner) for t in tensors)
        vector = joined(vectors) if vectors else OneMatrix(star.index.size, S.One)
        return Tensor((partner,), product(matrix, vector))
    one, other = (
        Tensor((partner, star.index), hadamard(t.along(partner) for t in tensors))
        for partner, tensors in star.matrices.items()
    )
    if other.axes[0] == row or (one.axes[0] != row and _name(other) < _name(one)):
        one, other = other, one
    axes = (one.axes[0], other.axes[0])
    return Tensor(axes, product(one.matrix, scaled(vectors, other.along(star.index))))


def _name(tensor: Tensor) -> Any:
    return tensor.matrix.sort_key()
