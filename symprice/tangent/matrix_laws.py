"""The laws of the covariance of vectors, one class each; the docstring is the law.

``NTCov(X, Y)`` of columns is the matrix of the covariances of their entries. The laws write a
vector's gradient as `Σ Cᵢ ∇uᵢ` with matrix coefficients, and multiply: `Σ Cᵢ NTCov(uᵢ, vⱼ) Dⱼᵀ`.
"""

from __future__ import annotations

from typing import Any

from sympy import ImmutableDenseMatrix, MatAdd, MatMul, Mul, S
from sympy.matrices.matrixbase import MatrixBase

from ..arrays import ArrayNode
from ..closedform import ClosedFormMatrix
from ..derivation import Rule
from ..errors import NoRuleError
from ..symbols import ObservableVector, depends_on_parameters
from .covariance import NTVar, covariance
from .covariance_matrix import NTCovMatrix, NTVarMatrix
from .laws import Bilinearity, ChainRule, ProductRule, UniformRate
from .matrix_closing import MatrixReverseAccumulation, NothingShared
from .properties import MATRIX, size

__all__ = ["MATRIX_COVARIANCE", "MATRIX_EXPANSION"]

KINDS = (NTCovMatrix, NTVarMatrix)
Combination = list[tuple[Any, Any]]


class MatrixLaw(Rule):
    """A law of the covariance of vectors: a gradient as a combination with matrix coefficients."""

    def combination(self, prop: Any) -> Combination | None:
        """``prop`` as pairs (matrix or scalar coefficient, smaller property), or None."""
        raise NotImplementedError

    def apply(self, node: Any) -> Any:
        """The sum of C NTCov(u, v) Dᵀ over the two combinations."""
        if not isinstance(node, KINDS):
            return None
        a, b = node.properties[0], node.properties[-1]
        left = self.combination(a)
        right = left if a == b else self.combination(b)
        if left is None and right is None:
            return None
        terms = []
        for c, u in left or [(S.One, a)]:
            for d, v in right or [(S.One, b)]:
                middle = covariance(u, v, metric=node.metric)
                transposed = d.T if isinstance(d, MATRIX) else d
                terms.append(_product(c, middle, transposed))
        return terms[0] if len(terms) == 1 else MatAdd(*terms).doit(deep=False)


def _product(*factors: Any) -> Any:
    scalars = [f for f in factors if not isinstance(f, MATRIX)]
    matrices = [f for f in factors if isinstance(f, MATRIX)]
    scalar = Mul(*scalars)
    if len(matrices) == 1 and scalar == 1:
        return matrices[0]
    return MatMul(scalar, *matrices).doit(deep=False)


class MatrixConstants(Rule):
    """NTCov(C, Y) = 0 where C does not depend on θ."""

    def apply(self, node: Any) -> Any:
        """The zero matrix where one of the vectors is constant."""
        if isinstance(node, KINDS) and not all(map(depends_on_parameters, node.properties)):
            from sympy import ZeroMatrix

            return ZeroMatrix(*node.shape)
        return None


class EqualVectors(Rule):
    """NTCov(X, X) = NTVar(X)."""

    def apply(self, node: Any) -> Any:
        """NTVar, where the two vectors are one."""
        if isinstance(node, NTCovMatrix) and node.properties[0] == node.properties[1]:
            return NTVar(node.properties[0], node.metric)
        return None


class LinearMaps(MatrixLaw):
    """NTCov(A X + B Z, C Y) = A NTCov(X, Y) Cᵀ + B NTCov(Z, Y) Cᵀ for constant matrices A, B, C."""

    def combination(self, prop: Any) -> Combination | None:
        """The terms of a sum, each with its constant matrices on the left."""
        if not isinstance(prop, (MatAdd, MatMul)):
            return None
        terms: Combination = []
        for term in MatAdd.make_args(prop):
            if not depends_on_parameters(term):
                continue
            scalar, matrices = _factors(term)
            split = 0
            while split < len(matrices) - 1 and not depends_on_parameters(matrices[split]):
                split += 1
            constant = [f for f in Mul.make_args(scalar) if not depends_on_parameters(f)]
            trained = [f for f in Mul.make_args(scalar) if depends_on_parameters(f)]
            terms.append(
                (_product(*constant, *matrices[:split]), _product(*trained, *matrices[split:]))
            )
        return None if terms == [(S.One, prop)] else terms


class ScalarTimesVector(MatrixLaw):
    """NTCov(s X, Y) = s NTCov(X, Y) + X NTCov(s, Y) for a scalar property s."""

    def combination(self, prop: Any) -> Combination | None:
        """The vector with the scalar as coefficient, and each scalar factor with the rest."""
        if not isinstance(prop, MatMul):
            return None
        scalar, matrices = _factors(prop)
        trained = [f for f in Mul.make_args(scalar) if depends_on_parameters(f)]
        if not trained:
            return None
        vector = _product(*matrices)
        terms: Combination = [(scalar, vector)] if depends_on_parameters(vector) else []
        for factor in trained:
            terms.append((_product(scalar / factor, vector), factor))
        return terms


class ScalarProperty(MatrixLaw):
    """NTCov(f(a, b), Y) = ∂f/∂a NTCov(a, Y) + ∂f/∂b NTCov(b, Y) for a scalar property f(a, b)."""

    def combination(self, prop: Any) -> Combination | None:
        """The scalar as the scalar laws have it: the terms of a sum, factors, or arguments."""
        if isinstance(prop, MATRIX):
            return None
        found = (law.combination(prop) for law in (Bilinearity(), ProductRule(), ChainRule()))
        return next((terms for terms in found if terms is not None), None)


class VectorChainRule(MatrixLaw):
    """NTCov(f(X), g(Y)) = J_f(X) NTCov(X, Y) J_g(Y)ᵀ for any vector functions f, g."""

    def combination(self, prop: Any) -> Combination | None:
        """The vector arguments with their Jacobians."""
        return prop.jacobians() if isinstance(prop, ArrayNode) else None


class Entries(Rule):
    """NTCov(X, Y)ᵢⱼ = NTCov(Xᵢ, Yⱼ)."""

    def apply(self, node: Any) -> Any:
        """The matrix of scalar covariances, where the entries of the vectors are known."""
        if not isinstance(node, KINDS):
            return None
        left, right = node.properties[0], node.properties[-1]
        if not any(isinstance(p, (MatrixBase, ClosedFormMatrix)) for p in (left, right)):
            for prop in (left, right):
                if isinstance(prop, MATRIX) and not isinstance(prop, ObservableVector):
                    if all(s.is_Integer for s in node.shape):
                        return ImmutableDenseMatrix(node.as_explicit())
                    raise NoRuleError(
                        f"asked for the gradient of the matrix expression {prop}, but no rule "
                        "differentiates a "
                        f"{type(prop).__name__}. Write an explicit Matrix of its entries, or "
                        "constant matrices "
                        "times vectors, or a VectorFunction"
                    )
            return None
        if not all(s.is_Integer for s in (size(left), size(right))):
            return None
        return ImmutableDenseMatrix(node.as_explicit())


def _factors(term: Any) -> tuple[Any, list[Any]]:
    if isinstance(term, MatMul):
        scalar, matrices = term.as_coeff_matrices()
        return scalar, list(matrices)
    return S.One, [term]


MATRIX_EXPANSION = (
    MatrixConstants(),
    EqualVectors(),
    LinearMaps(),
    ScalarTimesVector(),
    ScalarProperty(),
    VectorChainRule(),
)
MATRIX_COVARIANCE = (
    MatrixConstants(),
    EqualVectors(),
    NothingShared(),
    MatrixReverseAccumulation(),
    UniformRate(),
    *MATRIX_EXPANSION[2:],
    Entries(),
)
