"""Normal distributions around θ as they are given: covariance matrices; what is a polynomial."""

from __future__ import annotations

from typing import Any

from sympy import Poly, PolynomialError, diag
from sympy.core.function import AppliedUndef
from sympy.matrices.matrixbase import MatrixBase

from ..errors import ShapeError
from ..symbols import Parameter, depends_on_parameters
from ..tangent.metric import DiagonalMetric, MatrixMetric
from ..tangent.properties import OfParameters

__all__ = ["degree_of", "spread"]


def spread(covariance: Any, parameters: Any = None) -> MatrixMetric:
    """Σ over an ordered list of parameters, as a metric; independent ones by a DiagonalMetric.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.populations.spreading import spread
    >>> spread([[2]], [Parameter('z')])
    MatrixMetric([[2]], (z,))
    >>> spread(DiagonalMetric({Parameter('z'): 2}))
    MatrixMetric([[2]], (z,))
    """
    if isinstance(covariance, MatrixMetric):
        found = covariance
    elif isinstance(covariance, DiagonalMetric) and covariance.uniform_rate is None:
        variances = dict(covariance.args[0])
        found = MatrixMetric(diag(*variances.values()), list(variances))
    else:
        listed = [parameters] if isinstance(parameters, Parameter) else list(parameters or ())
        found = MatrixMetric(covariance, listed)
    if not found.parameters:
        raise ShapeError(
            f"asked for a normal distribution with the covariance {found.matrix}: name the "
            "parameters that vary, in the order of its rows"
        )
    if not found.is_constant:
        raise ShapeError(
            f"asked for a normal distribution with the covariance {found.matrix}: it depends on "
            "what varies; write Symbols for numbers that are fixed"
        )
    for i in range(len(found.parameters)):
        if found.matrix[i, i].is_negative:
            raise ShapeError(
                f"asked for a normal distribution in which {found.parameters[i]} has the variance "
                f"{found.matrix[i, i]}: a variance is not negative"
            )
    if _is_indefinite(found.matrix):
        raise ShapeError(
            f"asked for a normal distribution with the covariance {found.matrix}: it has a "
            "negative eigenvalue, and a covariance has none"
        )
    return found


def _is_indefinite(matrix: Any) -> bool:
    """Whether a matrix of numbers has a negative eigenvalue, beyond rounding."""
    if not isinstance(matrix, MatrixBase) or matrix.free_symbols or matrix.rows == 1:
        return False
    import numpy as np

    numbers = np.array(matrix.evalf().tolist(), dtype=float)
    return bool(np.linalg.eigvalsh(numbers)[0] < -1e-9 * np.abs(numbers).max())


def degree_of(expr: Any, parameters: Any) -> int | None:
    """The degree of a polynomial in the parameters; None for what is none, or is unspecified."""
    unspecified = any(
        not isinstance(s, Parameter) and depends_on_parameters(s) for s in expr.free_symbols
    )
    if unspecified or expr.has(OfParameters, AppliedUndef):
        return None
    try:
        return int(Poly(expr, *parameters).total_degree())
    except PolynomialError:
        return None
