"""Multivariate Gaussian actions, by covariance or by Cholesky factor."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sympy import (
    Add,
    ImmutableDenseMatrix,
    Pow,
    ProductSet,
    Rational,
    S,
    Tuple,
    degree,
    diag,
    expand,
    log,
    pi,
)
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..errors import PolicyError
from .arguments import listed, scalar
from .gaussian_moments import mean_of_polynomial
from .given import stand_in
from .short import short
from .tilting import mean_of_tilted
from .vectors import VectorPolicy, entries_of

__all__ = ["MultivariateGaussianPolicy", "inverse_of"]


class MultivariateGaussianPolicy(VectorPolicy):
    """A column of d real actions, Gaussian with mean μ and covariance Σ = L Lᵀ.

    Parameters
    ==========

    mean : the list of means μ.
    covariance : the symmetric matrix Σ, or instead
    cholesky : its lower triangular factor L.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice import parameters
    >>> from symprice.policy.multivariate import MultivariateGaussianPolicy
    >>> m1, m2, s, t = parameters('m1 m2 s t')
    >>> pi = MultivariateGaussianPolicy([m1, m2], cholesky=Matrix([[s, 0], [0, t]]))
    >>> pi.expectation(lambda a, b: a**2*b)
    m2*(m1**2 + s**2)
    >>> pi.fisher(wrt=(m1, s))
    Matrix([
    [s**(-2),        0],
    [      0, 2/s**2]])
    """

    def __new__(cls, mean: Any, covariance: Any = (), cholesky: Any = ()) -> Any:
        means = entries_of(mean, "the mean")
        d = len(means)
        given = [_matrix(m, d) for m in (covariance, cholesky)]
        if (given[0] is None) == (given[1] is None):
            raise PolicyError(
                "MultivariateGaussianPolicy takes one of covariance and cholesky: write "
                "cholesky=Matrix([[l11, 0], [l21, l22]])"
            )
        sigma, factor = given
        if sigma is not None and sigma != sigma.T:
            raise PolicyError(f"asked for a Gaussian with the covariance {sigma}: it is symmetric")
        if factor is not None and not factor.is_lower:
            raise PolicyError(f"asked for a Gaussian with {factor} for L: it is lower triangular")
        if sigma is not None and _is_indefinite(sigma):
            raise PolicyError(
                f"asked for a Gaussian with the covariance {sigma}: it is positive definite"
            )
        if factor is not None and any(factor[i, i].is_nonpositive for i in range(d)):
            raise PolicyError(f"asked for a Gaussian with {factor} for L: its diagonal is positive")
        return super().__new__(
            cls, Tuple(*means), *(Tuple() if m is None else m for m in (sigma, factor))
        )

    @property
    def size(self) -> int:
        """The number of entries d."""
        return len(self.args[0])

    @property
    def means(self) -> tuple[Any, ...]:
        """The means."""
        return tuple(self.args[0])

    @property
    def is_by_cholesky(self) -> bool:
        """Whether L was given."""
        return isinstance(self.args[1], Tuple)

    @property
    def covariance(self) -> Any:
        """Σ."""
        if self.is_by_cholesky:
            factor = self.args[2]
            return ImmutableDenseMatrix(factor * factor.T)
        return self.args[1]

    def _places(self) -> list[tuple[int, int]]:
        """The entries on and below the diagonal that are not fixed to 0."""
        matrix = self.args[2] if self.is_by_cholesky else self.args[1]
        return [(i, j) for i in range(self.size) for j in range(i + 1) if matrix[i, j] != 0]

    @property
    def heads(self) -> tuple[Any, ...]:
        """The means, then the entries of Σ or L on and below the diagonal, row by row."""
        matrix = self.args[2] if self.is_by_cholesky else self.args[1]
        return (*self.means, *(matrix[i, j] for i, j in self._places()))

    def with_heads(self, heads: Any) -> MultivariateGaussianPolicy:
        """The same with other means and entries."""
        heads = list(heads)
        d = self.size
        entries = dict(zip(self._places(), heads[d:], strict=True))
        if self.is_by_cholesky:
            factor = ImmutableDenseMatrix(d, d, lambda i, j: entries.get((i, j), S.Zero))
            return type(self)(heads[:d], cholesky=factor)
        sigma = ImmutableDenseMatrix(d, d, lambda i, j: entries.get((max(i, j), min(i, j)), S.Zero))
        return type(self)(heads[:d], covariance=sigma)

    def stand_ins(self) -> tuple[Any, ...]:
        """Real symbols, positive ones on the diagonal."""
        letter = "L" if self.is_by_cholesky else "Sigma"
        means = [stand_in(f"mu_{k + 1}", "real") for k in range(self.size)]
        entries = [
            stand_in(f"{letter}_{i + 1}{j + 1}", "positive" if i == j else "real")
            for i, j in self._places()
        ]
        return (*means, *entries)

    @property
    def support(self) -> Any:
        """All of ℝᵈ."""
        return ProductSet(*[S.Reals] * self.size)

    def in_action(self, f: Any) -> Any:
        """The reward as an expression in the entries; an error where it has a pole.

        Raises
        ======

        PolicyError : for a quotient by a polynomial of odd degree in an entry: it is 0 somewhere.
        """
        expr = super().in_action(f)
        for power in expr.atoms(Pow):
            base, way = power.args
            if not (way.is_number and (way + 1).is_nonpositive) or not base.has(*self.action):
                continue
            odd = [x for x in self.action if base.is_polynomial(x) and degree(base, x) % 2]
            if odd:
                raise PolicyError(
                    f"asked for the expected reward {expr}, which is infinite where {base} = 0: "
                    f"its mean does not exist. Write a reward that is finite for every {odd[0]}"
                )
        return expr

    def log_density(self, a: Any) -> Any:
        """-(a-μ)ᵀ Σ⁻¹ (a-μ)/2 - log det(Σ)/2 - d log(2π)/2."""
        gaps = ImmutableDenseMatrix([x - m for x, m in zip(a, self.means, strict=True)])
        d = self.size
        if self.is_by_cholesky:
            factor = self.args[2]
            white = factor.lower_triangular_solve(gaps)
            volume = Add(*(log(factor[i, i]) for i in range(d)))
        else:
            sigma = self.args[1]
            weights, volume = inverse_of(sigma), log(sigma.det(method="berkowitz")) / 2
            form = (gaps.T * weights * gaps)[0]
            return -form / 2 - volume - d * log(2 * pi) / 2
        return -Add(*(w**2 for w in white)) / 2 - volume - d * log(2 * pi) / 2

    def mean_in_heads(self, expr: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E of an expression: a polynomial in noise ε with a = μ + L ε, or in the gaps a - μ."""
        noise = self._noise
        if self.is_by_cholesky:
            column = self.args[2] * ImmutableDenseMatrix(noise)
        else:
            column = ImmutableDenseMatrix(noise)
        moved = expr.xreplace({x: m + c for x, m, c in zip(a, self.means, column, strict=True)})
        if not moved.is_polynomial(*noise):
            return super().mean_in_heads(expr, a, check)
        d = self.size
        sigma = ImmutableDenseMatrix(diag(*[1] * d)) if self.is_by_cholesky else self.args[1]
        return short(mean_of_polynomial(moved, noise, sigma))

    @property
    def _noise(self) -> list[Any]:
        return [stand_in(f"epsilon_{k}", "real") for k in range(1, self.size + 1)]

    def mean_of(self, term: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """Of polynomials, times exponentials and waves of linear functions."""
        if term.is_polynomial(*a):
            return self.mean_in_heads(term, a, check)
        mean = ImmutableDenseMatrix(self.means)

        def moments(polynomial: Any) -> Any:
            return self.mean_in_heads(polynomial, a, check)

        return mean_of_tilted(term, a, mean, self.covariance, moments)

    def scores(self, a: Any) -> list[Any]:
        """With y = Σ⁻¹(a-μ): y_i by a mean, y_i y_j - Λ_ij by a covariance, half of it if i = j."""
        if self.is_by_cholesky:
            return super().scores(a)
        gaps = ImmutableDenseMatrix([x - m for x, m in zip(a, self.means, strict=True)])
        weights = inverse_of(self.args[1])
        y = (weights * gaps).applyfunc(short)
        found = list(y)
        for i, j in self._places():
            half = Rational(1, 2) if i == j else S.One
            found.append(half * (y[i] * y[j] - short(weights[i, j])))
        return found

    def information(self, i: int, j: int) -> Any:
        """E[s_i s_j] in y, which is Gaussian with covariance Λ = Σ⁻¹."""
        if self.is_by_cholesky:
            return None
        d = self.size
        weights = inverse_of(self.args[1])
        if i < d or j < d:
            return weights[i, j] if i < d and j < d else S.Zero
        (h, k), (m, n) = self._places()[i - d], self._places()[j - d]
        halves = Rational(1, 2) ** ((h == k) + (m == n))
        return short(halves * (weights[h, m] * weights[k, n] + weights[h, n] * weights[k, m]))

    def reparameterised(self, noise: Any) -> Any:
        """a = μ + L ε, with independent standard normal ε, and L the Cholesky factor of Σ."""
        factor = self.args[2] if self.is_by_cholesky else self.args[1].cholesky(hermitian=False)
        column = ImmutableDenseMatrix(self.means) + factor * ImmutableDenseMatrix(list(noise))
        identity = ImmutableDenseMatrix(diag(*[1] * self.size))
        return tuple(column), MultivariateGaussianPolicy([0] * self.size, cholesky=identity)

    def placed(self, t: list[Any]) -> tuple[list[Any], Any]:
        """μ + L t."""
        import numpy as np

        factor = np.linalg.cholesky(np.array(self.covariance.tolist(), dtype=float))
        entries = np.array([float(m) for m in self.means])[:, None] + factor @ np.array(t)
        return list(entries), np.log(np.diag(factor)).sum()

    def draw(self, rng: Any, n: int) -> Any:
        """n actions, one a row."""
        import numpy as np

        means = np.array([float(m) for m in self.means])
        return rng.multivariate_normal(means, np.array(self.covariance.tolist(), dtype=float), n)

    def _sympystr(self, printer: Any) -> str:
        name = "cholesky" if self.is_by_cholesky else "covariance"
        matrix = self.args[2] if self.is_by_cholesky else self.args[1]
        means = ", ".join(map(printer._print, self.means))
        return f"MultivariateGaussianPolicy([{means}], {name}={printer._print(matrix)})"

    def _latex(self, printer: Any) -> str:
        means = printer._print(ImmutableDenseMatrix(self.means))
        return rf"\mathcal{{N}}{{\left({means}, {printer._print(self.covariance)} \right)}}"


@lru_cache(maxsize=64)
def inverse_of(sigma: Any) -> Any:
    """Σ⁻¹ by cofactors; SymPy's own asks again and again whether the determinant is 0."""
    volume = sigma.det(method="berkowitz")
    return ImmutableDenseMatrix(sigma.adjugate(method="berkowitz") / volume).applyfunc(short)


def _is_indefinite(sigma: Any) -> bool:
    """Whether a leading minor is known not to be positive."""
    minors = (sigma[:k, :k].det(method="berkowitz") for k in range(1, sigma.rows + 1))
    return any(expand(minor).is_nonpositive for minor in minors)


def _matrix(given: Any, d: int) -> Any:
    if isinstance(given, (tuple, Tuple)) and not given:
        return None
    if isinstance(given, (list, tuple)):
        rows = [listed(row, "a row of a matrix") or [row] for row in given]
        if {len(row) for row in rows} != {d}:
            raise PolicyError(
                f"asked for a Gaussian of {d} actions with {given!r}: write {d} rows of {d} entries"
            )
        given = ImmutableDenseMatrix([[scalar(x, "an entry") for x in row] for row in rows])
    matrix = _sympify(given)
    if not isinstance(matrix, MatrixBase) or matrix.shape != (d, d):
        raise PolicyError(
            f"asked for a Gaussian of {d} actions with {given!r}: write a {d} × {d} Matrix"
        )
    return ImmutableDenseMatrix(matrix)
