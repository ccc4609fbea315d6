"""e^{At} of an explicit matrix, and Aⁿ, from the eigenvalues alone.

By the theorem of Cayley and Hamilton both are polynomials in A; Putzer's algorithm finds them
without eigenvectors, so repeated eigenvalues are no special case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
from sympy import (
    Add,
    Expr,
    Float,
    ImmutableDenseMatrix,
    Matrix,
    Mul,
    Poly,
    Pow,
    S,
    cos,
    cosh,
    exp,
    eye,
    factor_list,
    radsimp,
    sin,
    sinh,
    sqrt,
    zeros,
)

from ..timelimit import within

__all__ = ["eigenvalues", "matrix_exponential", "matrix_power", "real_exponential_2"]

_SECONDS = 5


def eigenvalues(A: Any) -> list[Any] | None:
    """The eigenvalues in radicals, as often as they occur; None where they were not found.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice.solutions.exponentials import eigenvalues
    >>> sorted(eigenvalues(Matrix([[2, 1], [1, 2]])))
    [1, 3]
    """

    def found() -> list[Any] | None:
        # By linear and quadratic factors: of cubics the radicals are longer than anyone reads.
        values: list[Any] = []
        polynomial = A.charpoly()
        x = polynomial.gen
        for factor, count in factor_list(polynomial.as_expr(), x)[1]:
            terms = Poly(factor, x)
            if terms.degree() > 2:
                return None
            lead, *rest = terms.all_coeffs()
            if terms.degree() == 1:
                values += [-rest[0] / lead] * count
            else:
                middle = -rest[0] / (2 * lead)
                root = sqrt((middle**2 - rest[1] / lead).factor())
                values += [middle + root, middle - root] * count
        return values

    values = within(_SECONDS, found)
    return values if values is not None and len(values) == A.rows else None


def matrix_exponential(A: Any, t: Any) -> Any:
    """e^{At} with real entries; None where the eigenvalues were not found or may be complex.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from sympy.abc import t
    >>> from symprice.solutions.exponentials import matrix_exponential
    >>> matrix_exponential(Matrix([[1, 1], [0, 1]]), t)
    Matrix([
    [exp(t), t*exp(t)],
    [     0,   exp(t)]])
    """
    A = ImmutableDenseMatrix(A)
    if A.is_diagonal():
        return ImmutableDenseMatrix(A.rows, A.rows, lambda i, j: exp(A[i, i] * t) if i == j else 0)
    if _symmetric_floats(A):
        return _by_eigenvectors(A, lambda value: exp(value * t))
    values = eigenvalues(A)
    if A.rows == 2 and any(x.atoms(Pow) for x in values or ()):
        hyperbolic = real_exponential_2(A, t)  # shorter than exponentials of square roots
        if hyperbolic is not None:
            return hyperbolic
    if values is not None and all(x.is_real for x in values):
        return _putzer(A, values, t)
    return real_exponential_2(A, t) if A.rows == 2 else None


def matrix_power(A: Any, n: Any) -> Any:
    """Aⁿ for a symbolic n; None where its eigenvalues are not found or A has too few eigenvectors.

    Examples
    ========

    >>> from sympy import Matrix, Symbol
    >>> from symprice.solutions.exponentials import matrix_power
    >>> matrix_power(Matrix([[2, 1], [1, 2]]), Symbol('n'))
    Matrix([
    [3**n/2 + 1/2, 3**n/2 - 1/2],
    [3**n/2 - 1/2, 3**n/2 + 1/2]])
    """
    A = ImmutableDenseMatrix(A)
    if A.is_diagonal():
        return ImmutableDenseMatrix(A.rows, A.rows, lambda i, j: A[i, i] ** n if i == j else 0)
    if _symmetric_floats(A):
        return _by_eigenvectors(A, lambda value: value**n)
    values = list(dict.fromkeys(eigenvalues(A) or ()))
    if not values:
        return None
    total = zeros(A.rows)
    for value in values:
        part = eye(A.rows)  # Sylvester's formula
        for other in values:
            if other != value:
                part = part * (A - other * eye(A.rows)) / (value - other)
        if ((A - value * eye(A.rows)) * part).applyfunc(_vanishing) != zeros(A.rows):
            return None
        total = total + value**n * part
    return ImmutableDenseMatrix(total.applyfunc(_cleaned))


def _symmetric_floats(A: Any) -> bool:
    return bool(A.has(Float) and all(entry.is_number for entry in A) and A == A.T)


def _by_eigenvectors(A: Any, function: Callable[[Any], Any]) -> Any:
    """f(A) = Σ f(λ) q qᵀ of a symmetric matrix of floats."""
    values, vectors = mpmath.eigsy(_numbers(A))
    total = zeros(A.rows)
    for k in range(A.rows):
        q = Matrix([Float(vectors[i, k]) for i in range(A.rows)])
        total += function(Float(values[k])) * (q * q.T)
    return ImmutableDenseMatrix(total)


def _numbers(A: Any) -> Any:
    return mpmath.matrix([[mpmath.mpmathify(entry) for entry in A.row(i)] for i in range(A.rows)])


def _vanishing(entry: Expr) -> Any:
    return within(_SECONDS, lambda: radsimp(entry.expand()).expand(), entry)


def real_exponential_2(A: Any, t: Any) -> Any:
    """e^{At} of a 2×2 matrix: e^{mt} [c I + s (A - mI)], m = tr A/2, ω² = m² - det A.

    c = cosh ωt, s = sinh(ωt)/ω where ω² > 0; cos and sin where it is negative; 1 and t where it is
    0. None where the sign is open.
    """
    middle = A.trace() / 2
    square = (middle**2 - A.det()).factor()
    if square.is_zero:
        c, s = S.One, t
    elif square.is_positive:
        omega = sqrt(square)
        c, s = cosh(omega * t), sinh(omega * t) / omega
    elif square.is_negative:
        omega = sqrt(-square)
        c, s = cos(omega * t), sin(omega * t) / omega
    else:
        return None
    rest = A - middle * eye(2)
    return ImmutableDenseMatrix(
        2, 2, lambda i, j: exp(middle * t) * (c * (1 if i == j else 0) + s * rest[i, j])
    )


# Sums of coefficients times tᵏ e^{μt}: {(k, μ): coefficient}.
Terms = dict[tuple[int, Any], Any]


def _putzer(A: Any, values: list[Any], t: Any) -> Any:
    """Σ r_k(t) P_k: r_k' = λ_k r_k + r_{k-1}, P_k = Π_{j<k} (A - λ_j I)."""
    size = A.rows
    total, product = zeros(size), eye(size)
    terms: Terms = {(0, values[0]): S.One}
    for k, value in enumerate(values):
        if k:
            terms = _next(terms, value)
        scale = Add(*(c * t**n * exp(mu * t) for (n, mu), c in terms.items()))
        total = total + Matrix(product) * scale
        product = (product * (A - value * eye(size))).applyfunc(_cleaned)
    return ImmutableDenseMatrix(total.applyfunc(lambda e: e.expand() if size < 3 else e))


def _cleaned(entry: Expr) -> Any:
    return entry.expand()


def _next(forcing: Terms, value: Any) -> Terms:
    """The solution of r' = λr + forcing with r(0) = 0."""
    found: Terms = {}

    def put(n: int, mu: Any, c: Any) -> None:
        found[(n, mu)] = found.get((n, mu), S.Zero) + c

    for (n, mu), c in forcing.items():
        gap = (mu - value).expand()
        if gap == 0:
            put(n + 1, value, c / (n + 1))
            continue
        # ∫₀ᵗ e^{λ(t-s)} sⁿ e^{μs} ds, by parts.
        factor = S.One
        for k in range(n + 1):
            sign = (-1) ** k
            put(n - k, mu, Mul(c, sign, factor, 1 / gap ** (k + 1)))
            factor = factor * (n - k)
        put(0, value, -c * (-1) ** n * _factorial(n) / gap ** (n + 1))
    return {key: c for key, c in found.items() if c != 0}


def _factorial(n: int) -> int:
    return 1 if n < 2 else n * _factorial(n - 1)
