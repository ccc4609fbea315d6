"""The covariances of vectors of properties, matrices of all pairs; ``NTCov`` makes them."""

from __future__ import annotations

from typing import Any

from sympy import Basic, ImmutableDenseMatrix
from sympy.matrices.expressions.matexpr import MatrixExpr

from ..derivation import Rule
from ..errors import ShapeError
from .properties import TangentCovariance, entry, size

__all__ = ["NTCovMatrix", "NTVarMatrix"]


class _CovarianceMatrix(TangentCovariance, MatrixExpr):
    @classmethod
    def _make(cls, *args: Basic) -> Any:
        return MatrixExpr.__new__(cls, *args)

    @property
    def shape(self) -> tuple[Any, Any]:
        """Size of the first property × size of the second."""
        first, last = self.properties[0], self.properties[-1]
        return size(first), size(last)

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """Linear maps, products, chains with Jacobians, entries."""
        from .matrix_laws import MATRIX_COVARIANCE

        return MATRIX_COVARIANCE

    @classmethod
    def expansion_laws(cls) -> tuple[Rule, ...]:
        """The laws that hold before the entries are looked at."""
        from .matrix_laws import MATRIX_EXPANSION

        return MATRIX_EXPANSION

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        from .covariance import covariance

        a, b = self.properties[0], self.properties[-1]
        return covariance(entry(a, i), entry(b, j), metric=self.metric)

    def _eval_derivative(self, symbol: Any) -> Any:
        return self.as_explicit().diff(symbol)

    def as_explicit(self) -> Any:
        """The matrix of scalar covariances."""
        rows, columns = self.shape
        if not (rows.is_Integer and columns.is_Integer):
            raise ShapeError(
                f"the entries of {self} are countless: its shape is {rows} × {columns}"
            )
        return ImmutableDenseMatrix(rows, columns, lambda i, j: self._entry(i, j))


class NTCovMatrix(_CovarianceMatrix):
    """NTCov of two vectors: the matrix of the covariances of their entries. Made by ``NTCov``."""

    def __new__(cls, a: Any, b: Any, metric: Any = None) -> Any:
        from .covariance import NTCov

        return NTCov(a, b, metric)

    def _eval_transpose(self) -> Any:
        from .covariance import NTCov

        a, b = self.properties
        return NTCov(b, a, self.metric)


class NTVarMatrix(_CovarianceMatrix):
    """NTVar of a vector: the symmetric matrix NTCov(a, a). Made by ``NTVar``."""

    def __new__(cls, a: Any, metric: Any = None) -> Any:
        from .covariance import NTVar

        return NTVar(a, metric)

    def _eval_transpose(self) -> Any:
        return self

    def _eval_rewrite_as_NTCov(self, *args: Any, **hints: Any) -> Any:
        from .covariance import NTCov

        (a,) = self.properties
        return NTCov(a, a, self.metric)
