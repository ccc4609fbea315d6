"""Closed forms of covariances at matrix level, for every width.

`⟨L Rᵀ, L' R'ᵀ⟩ = (Lᵀ L') (Rᵀ R')` for two outer products: the cyclic trace. Products with the
same directed factor are collected, so a layer's weight and bias give `(aᵀa' + 1) ΔᵀΔ'`.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Identity, ImmutableDenseMatrix, MatAdd, MatMul, S, Transpose, ZeroMatrix

from ..closedform import Definitions, hoist
from ..derivation import Rule
from ..elementwise import ScalarProduct
from ..errors import NoRuleError
from ..symbols import ParameterMatrix
from .covariance_matrix import NTCovMatrix, NTVarMatrix
from .matrix_pullback import OuterProduct, outer_gradient

__all__ = ["MatrixReverseAccumulation"]


class MatrixReverseAccumulation(Rule):
    """NTCov(f, g) = Σ over trainable matrices of (Rᵀ R') Lᵀ L', of gradients L Rᵀ and L' R'ᵀ."""

    @property
    def name(self) -> str:
        """'reverse accumulation'."""
        return "reverse accumulation"

    def apply(self, node: Any) -> Any:
        """The closed form, where a property is made of trainable matrices."""
        if not isinstance(node, (NTCovMatrix, NTVarMatrix)):
            return None
        first, last = node.properties[0], node.properties[-1]
        trained = {
            s for p in (first, last) for s in p.free_symbols if isinstance(s, ParameterMatrix)
        }
        if not trained or any(getattr(p, "shape", (0, 0))[1] != 1 for p in (first, last)):
            return None
        if node.metric is not None:
            raise NoRuleError(
                "asked for a covariance of trainable matrices in a metric: at matrix level only "
                "the Euclidean metric is known; write the network with explicit()"
            )
        definitions = Definitions()
        left = outer_gradient(hoist(first, definitions), definitions)
        right = left if first == last else outer_gradient(hoist(last, definitions), definitions)
        return definitions.closing(_inner_product(left, right, first.shape[0], last.shape[0]))


def _inner_product(
    left: list[OuterProduct], right: list[OuterProduct], rows: Any, columns: Any
) -> Any:
    collected: dict[Any, list[Any]] = {}
    for one in left:
        for other in right:
            if one.parameter != other.parameter:
                continue
            scalar, matrix = _product(one, other)
            collected.setdefault(matrix, []).append(scalar)
    terms = [(Add(*scalars), matrix) for matrix, scalars in collected.items()]
    if not terms:
        return ZeroMatrix(rows, columns)
    if rows == columns == 1:
        return ImmutableDenseMatrix([[Add(*(scalar * _entry(matrix) for scalar, matrix in terms))]])
    products = [matrix if scalar == 1 else MatMul(scalar, matrix) for scalar, matrix in terms]
    return products[0] if len(products) == 1 else MatAdd(*products)


def _product(one: OuterProduct, other: OuterProduct) -> tuple[Any, Any]:
    """`(Rᵀ R') · Lᵀ L'` as a scalar and a matrix of directions."""
    if one.directed == other.directed:
        plain, directed = ("right", "left") if one.directed == "left" else ("left", "right")
        scalar = ScalarProduct(getattr(one, plain), getattr(other, plain))
        return scalar, _transposed_product(getattr(one, directed), getattr(other, directed))
    if one.directed == "left":
        column = _transposed_product(one.left, other.left)
        return S.One, MatMul(column, Transpose(_transposed_product(other.right, one.right))).doit(
            deep=False
        )
    column = _transposed_product(one.right, other.right)
    return S.One, MatMul(column, Transpose(_transposed_product(other.left, one.left))).doit(
        deep=False
    )


def _entry(matrix: Any) -> Any:
    """A 1 × 1 product of columns as a scalar."""
    if isinstance(matrix, Identity):
        return S.One
    if (
        isinstance(matrix, MatMul)
        and len(matrix.args) == 2
        and isinstance(matrix.args[0], Transpose)
    ):
        return ScalarProduct(matrix.args[0].arg, matrix.args[1])
    return matrix[0, 0]


def _transposed_product(u: Any, v: Any) -> Any:
    if isinstance(u, Identity):
        return v
    return Transpose(u) if isinstance(v, Identity) else MatMul(Transpose(u), v)
