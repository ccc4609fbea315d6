"""Selection with mutation: the quasispecies equation `ẋ = Q F x - f̄ x` and where it comes to rest.

It is the linear motion `ṅ = Q F n` seen in frequencies, so the leading eigenvector of `Q F` is its
equilibrium and the leading eigenvalue the mean growth there.
"""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import (
    Add,
    And,
    Basic,
    Eq,
    Float,
    Gt,
    ImmutableDenseMatrix,
    Mul,
    S,
    Symbol,
    cancel,
    diag,
    sqrt,
)
from sympy.matrices.matrixbase import MatrixBase

from ..derivation import Derivation, Step
from ..errors import NoRuleError, ShapeError
from ..outputs import Result
from ..timelimit import within
from .chain import Chain
from .rules import PopulationRule
from .short import shortened

__all__ = ["Quasispecies"]

_DIGITS = 30


class GrowthWithMutation(PopulationRule):
    """ṅᵢ = Σ_j Qᵢⱼ f_j n_j and xᵢ = nᵢ/N give ẋᵢ = Σ_j Qᵢⱼ f_j x_j - f̄ xᵢ, as Σᵢ Qᵢⱼ = 1."""

    title = "growth with mutation"


class LeadingEigenvector(PopulationRule):
    """Q F v = λ v with the largest λ: v is the equilibrium and λ the mean growth in it."""

    title = "leading eigenvector"


class Quasispecies(Result, Basic):
    """The motion of frequencies under selection and mutation, `ẋ = Q F x - f̄ x`.

    Parameters
    ==========

    population : types with growth rates (or fitness).
    mutation : Q, with the probability in row i and column j that an offspring of type j is of type
        i; its columns sum to one.

    Raises
    ======

    ShapeError : for a Q of another size, or with columns that do not sum to one; for negative
        growth rates.

    Examples
    ========

    >>> from sympy import Matrix, symbols
    >>> from symprice.populations.population import Population
    >>> u, s = symbols('u s', positive=True)
    >>> wild = Population(['wild', 'mutant'], fitness=[1 + s, 1])
    >>> found = wild.quasispecies(Matrix([[1 - u, 0], [u, 1]]))
    >>> found.mean_growth
    (1 - u)*(s + 1)
    >>> found.equilibrium.T
    Matrix([[(-s*u + s - u)/s, u*(s + 1)/s]])

    References
    ==========

    M. Eigen, Naturwissenschaften 58 (1971).
    """

    def __new__(cls, population: Any, mutation: Any) -> Quasispecies:
        matrix = ImmutableDenseMatrix(mutation)
        count = len(population.types)
        if matrix.shape != (count, count) or not count:
            raise ShapeError(
                f"asked for mutation among {count} types by a matrix of {matrix.rows} × "
                f"{matrix.cols}: it has a row and a column for every type"
            )
        for j in range(count):
            rest = cancel(Add(*matrix[:, j]) - 1)
            wrong = abs(rest) > 1e-9 if rest.is_number and rest.has(Float) else rest != 0
            if wrong or any(entry.is_negative for entry in matrix[:, j]):
                raise ShapeError(
                    f"asked for mutation from type {population.types[j]} with the probabilities "
                    f"{', '.join(map(str, matrix[:, j]))}: they are not negative and sum to 1 "
                    "(entry i, j is from type j to type i)"
                )
        population.trait(population.growth)
        for i, name in enumerate(population.types):
            if (rate := population.table.at(population.growth, i)).is_negative:
                raise ShapeError(
                    f"asked for mutation among types of which {name} grows at the rate {rate}: "
                    "mutation is in births, whose rates are not negative: give these as "
                    "fitness=[...]"
                )
        return super().__new__(cls, population, matrix)

    @property
    def population(self) -> Any:
        """The population."""
        return self.args[0]

    @property
    def mutation(self) -> Any:
        """The matrix Q."""
        return self.args[1]

    @property
    def production(self) -> Any:
        """Q F, the matrix of the linear motion of numbers."""
        pop = self.population
        f = [pop.table.at(pop.growth, i) for i in range(len(pop.types))]
        if pop.moving_symbols():
            raise NoRuleError(
                "asked for a quasispecies where growth depends on the frequencies: its motion is "
                "not linear, integrate it numerically"
            )
        return ImmutableDenseMatrix(self.mutation * diag(*f))

    @property
    def rates(self) -> Any:
        """ẋ at the frequencies of the population, a column."""
        x = ImmutableDenseMatrix(len(self.population.types), 1, list(self.population.frequencies))
        grown = self.production * x
        return shortened(grown - Add(*grown) * x)

    def _leading(self) -> tuple[Any, Any]:
        """The leading eigenvalue and its vector with the sum 1; exact where that can be decided."""
        w = self.production
        if isinstance(found := _triangular(w), tuple):
            return found
        if w.rows == 2:
            half, difference = (w[0, 0] + w[1, 1]) / 2, (w[0, 0] - w[1, 1]) / 2
            root = sqrt(within(2.0, lambda: cancel(difference**2 + w[0, 1] * w[1, 0])))
            value = half + root
            vector = [w[0, 1], value - w[0, 0]]
            return value, _normalised(vector)
        if w.free_symbols:
            raise NoRuleError(
                f"asked for the equilibrium of {w.rows} types with symbols in Q F: it is the "
                "leading root of a polynomial of that degree, for which there is no formula; "
                "substitute numbers, or give a triangular Q"
            )
        return _numeric(w)

    @property
    def mean_growth(self) -> Any:
        """The mean growth rate at equilibrium, the leading eigenvalue of Q F."""
        return shortened(self._leading()[0])

    @property
    def equilibrium(self) -> Any:
        """The frequencies at equilibrium, a column.

        Of a triangular Q the leading type is taken to be the one that the equilibrium is called
        after, the first with the largest `Qᵢᵢ fᵢ` where that can be decided, else the first; that
        it does lead is the ``condition``.
        """
        return shortened(self._leading()[1])

    @property
    def condition(self) -> Any:
        """Under which the growth is the leading one, and the equilibrium what the motion comes to:
        the error threshold, beyond which the leading type is lost.

        Examples
        ========

        >>> from sympy import Matrix, symbols
        >>> from symprice.populations.population import Population
        >>> u, s = symbols('u s', positive=True)
        >>> wild = Population(['wild', 'mutant'], fitness=[1 + s, 1])
        >>> wild.quasispecies(Matrix([[1 - u, 0], [u, 1]])).condition
        (1 - u)*(s + 1) > 1
        """
        w, value = self.production, self._leading()[0]
        if not w.is_lower:
            return S.true
        others = [w[i, i] for i in range(w.rows) if cancel(value - w[i, i]) != 0]
        undecided = [g for g in others if not (value - g).is_positive]
        return And(*(Gt(shortened(value), shortened(g)) for g in undecided))

    @property
    def derivation(self) -> Derivation:
        """The motion in frequencies, and that it rests at the equilibrium."""
        value, v = self._leading()
        grown = self.production * v
        steps = [
            Step(LeadingEigenvector(), grown[i], Mul(value, v[i]))
            for i in range(len(grown))
            if grown[i] != Mul(value, v[i])
        ]
        return Derivation([*self._motion(), *steps])

    def _motion(self) -> list[Step]:
        """From numbers to frequencies, for the first type."""
        from sympy import Derivative, Function

        from .replicator import TIME

        count = self.production.rows
        n = [Function(f"n_{i + 1}")(TIME) for i in range(count)]
        total, w = Add(*n), self.production
        grown = [Add(*(w[i, j] * n[j] for j in range(count))) for i in range(count)]
        given = [Eq(Derivative(a, TIME), b, evaluate=False) for a, b in zip(n, grown, strict=True)]
        x = [Symbol(f"x_{i + 1}", positive=True) for i in range(count)]
        shares = [Eq(a, b / total, evaluate=False) for a, b in zip(x, n, strict=True)]
        mean = Add(*(Add(*w[:, j]) * x[j] for j in range(count)))
        chain = Chain(n[0].diff(TIME) / total - n[0] * Add(*(a.diff(TIME) for a in n)) / total**2)
        after = Add(*(w[0, j] * x[j] for j in range(count))) - mean * x[0]
        chain.to(GrowthWithMutation(), after, [*given, *shares])
        return chain.steps

    def doit(self, **hints: Any) -> Any:
        """The equilibrium."""
        return self.equilibrium

    def _formula(self) -> Any:
        return self.equilibrium


def _normalised(vector: Any) -> Any:
    total = Add(*vector)
    return ImmutableDenseMatrix(len(vector), 1, [shortened(cancel(v / total)) for v in vector])


def _triangular(w: MatrixBase) -> tuple[Any, Any] | None:
    """Of a lower triangular Q F, where mutation is one way: from the first type that can lead."""
    if not w.is_lower:
        return None
    count, first = w.rows, 0
    for i in range(1, count):
        if (w[i, i] - w[first, first]).is_positive:
            first = i
    value, vector = w[first, first], _descending(w, first)
    for i in range(first + 1, count):
        if cancel(value - w[i, i]) == 0:  # an equal below, which what leads mutates to, or not
            above = cancel(Add(*(w[i, j] * vector[j] for j in range(first, i))))
            if above == 0:
                raise NoRuleError(
                    f"asked for the equilibrium of types of which several lead with the growth "
                    f"{value}, and do not mutate into one another: it depends on where one starts"
                )
            first, vector = i, _descending(w, i)
    return value, _normalised(vector)


def _descending(w: MatrixBase, first: int) -> list[Any]:
    """The eigenvector of `w[first, first]` that starts there, up to the first type that is equal to
    it.
    """
    vector: list[Any] = [S.Zero] * w.rows
    vector[first] = S.One
    for i in range(first + 1, w.rows):
        gap = cancel(w[first, first] - w[i, i])
        if gap == 0:
            break
        above = Add(*(w[i, j] * vector[j] for j in range(first, i)))
        vector[i] = cancel(above / gap)
    return vector


def _numeric(w: MatrixBase) -> tuple[Any, Any]:
    """By mpmath, in so many digits."""
    with mpmath.workdps(_DIGITS + 10):
        numbers = mpmath.matrix(
            [
                [mpmath.mpmathify(w[i, j]._to_mpmath(mpmath.mp.prec)) for j in range(w.cols)]
                for i in range(w.rows)
            ]
        )
        values, vectors = mpmath.eig(numbers)
        best = max(range(len(values)), key=lambda k: mpmath.re(values[k]))
        near = [v for v in values if abs(v - values[best]) < mpmath.mpf(10) ** (5 - _DIGITS // 2)]
        if len(near) > 1:
            raise NoRuleError(
                "asked for the equilibrium of types of which several lead with the growth "
                f"{mpmath.nstr(mpmath.re(values[best]), 10)}: it depends on where one starts"
            )
        column = [mpmath.re(vectors[i, best]) for i in range(w.rows)]
        total = mpmath.fsum(column)
        found = [Float(v / total, _DIGITS) for v in column]
        return Float(mpmath.re(values[best]), _DIGITS), ImmutableDenseMatrix(w.rows, 1, found)
