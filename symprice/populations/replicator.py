"""Frequencies in continuous time: the replicator equation, with mutation the quasispecies.

Numbers grow as `ṅᵢ = fᵢ nᵢ`; for the frequencies `xᵢ = nᵢ/N` this is `ẋᵢ = xᵢ (fᵢ - f̄)`.
"""

from __future__ import annotations

from typing import Any

from sympy import (
    Add,
    Basic,
    Derivative,
    Eq,
    Expr,
    Function,
    ImmutableDenseMatrix,
    Mul,
    Symbol,
    exp,
)

from ..derivation import Derivation, Step
from ..errors import NoRuleError, ShapeError
from ..outputs import Result
from .chain import Chain
from .rules import PopulationRule
from .selection import continuous
from .short import shortened

__all__ = ["Replicator", "TIME"]

TIME = Symbol("t", real=True)
# So many types are shown to move as the equation says.
_SHOWN = 3


class QuotientRule(PopulationRule):
    """d/dt (n/N) = ṅ/N - n Ṅ/N²."""

    title = "quotient rule"


class Growth(PopulationRule):
    """ṅᵢ = fᵢ nᵢ: every type grows at its own rate."""

    title = "growth"


class Shares(PopulationRule):
    """xᵢ = nᵢ/N, with the mean growth rate f̄ = Σ_j x_j f_j."""

    title = "frequencies"


class ExponentialGrowth(PopulationRule):
    """xᵢ(t) = xᵢ(0) exp(fᵢ t)/Σ_j x_j(0) exp(f_j t) solves ẋᵢ = xᵢ (fᵢ - f̄), if f is constant."""

    title = "exponential growth"


class Replicator(Result, Basic):
    """The motion of the frequencies of a population, `ẋᵢ = xᵢ (fᵢ - f̄)`.

    Made by ``Population.replicator()``. Growth rates may depend on the frequencies, where these are
    symbols.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.populations.population import Population
    >>> x, a, b = symbols('x a b')
    >>> motion = Population(['A', 'B'], [x, 1 - x], growth=[a, b]).replicator()
    >>> motion.rates[0]
    x*(1 - x)*(a - b)
    >>> print(motion.text())
    d/dt x₁(t) = x₁(t)(f₁ - f̄)
    """

    def __new__(cls, population: Any) -> Replicator:
        if not population.is_specified:
            raise ShapeError(
                "asked for the replicator equation of a population without types: write "
                "Population(types, frequencies, growth=[...])"
            )
        population.trait(population.growth)
        return super().__new__(cls, population)

    @property
    def population(self) -> Any:
        """The population."""
        return self.args[0]

    @property
    def growth(self) -> tuple[Any, ...]:
        """The growth rate of each type, which may be in terms of the frequencies."""
        pop = self.population
        return tuple(pop.table.at(pop.growth, i) for i in range(len(pop.types)))

    @property
    def mean_growth(self) -> Any:
        """f̄ = Σ xᵢ fᵢ."""
        return _mean(self.population.frequencies, self.growth)

    @property
    def rates(self) -> tuple[Any, ...]:
        """ẋᵢ at the frequencies of the population."""
        mean = self.mean_growth
        shares = self.population.frequencies
        return tuple(shortened(x * (f - mean)) for x, f in zip(shares, self.growth, strict=True))

    @property
    def functions(self) -> tuple[Any, ...]:
        """The frequencies as functions of time."""
        return tuple(Function(f"x_{i + 1}")(TIME) for i in range(len(self.growth)))

    @property
    def equations(self) -> tuple[Any, ...]:
        """`dxᵢ/dt = xᵢ (fᵢ - f̄)` for every type, as differential equations."""
        self.population.moving_symbols()
        named = {
            x: function
            for x, function in zip(self.population.frequencies, self.functions, strict=True)
            if x.is_Symbol
        }
        growth = [f.xreplace(named) for f in self.growth]
        mean = _mean(self.functions, growth)
        return tuple(
            Eq(Derivative(x, TIME), x * (f - mean), evaluate=False)
            for x, f in zip(self.functions, growth, strict=True)
        )

    @property
    def equation(self) -> Any:
        """The equation of the first type, with names for its growth rate and for the mean."""
        f, mean = Symbol("f_1"), Symbol("fbar")
        x = self.functions[0]
        return Eq(Derivative(x, TIME), x * (f - mean), evaluate=False)

    @property
    def derivation(self) -> Derivation:
        """From the growth of numbers to the frequency of the first type."""
        count = len(self.growth)
        n = [Function(f"n_{i + 1}")(TIME) for i in range(count)]
        x = [Symbol(f"x_{i + 1}", positive=True) for i in range(count)]
        f = [Symbol(f"f_{i + 1}", real=True) for i in range(count)]
        total = Add(*n)
        chain = Chain(Derivative(n[0] / total, TIME, evaluate=False))
        rates = [Derivative(one, TIME) for one in n]
        chain.to(QuotientRule(), rates[0] / total - n[0] * Add(*rates) / total**2)
        grown = [Mul(rate, one) for rate, one in zip(f, n, strict=True)]
        given = [Eq(rate, new, evaluate=False) for rate, new in zip(rates, grown, strict=True)]
        chain.to(Growth(), grown[0] / total - n[0] * Add(*grown) / total**2, given)
        shares = [Eq(a, b / total, evaluate=False) for a, b in zip(x, n, strict=True)]
        chain.to(Shares(), x[0] * (f[0] - _mean(x, f)), shares)
        return Derivation([*chain.steps, *self._solved()])

    def _solved(self) -> list[Step]:
        """That the solution, where there is one, moves as the equation says."""
        try:
            x = self.solution()
        except NoRuleError:
            return []
        mean = _mean(x, self.growth)
        pairs = list(zip(x, self.growth, strict=True))[:_SHOWN]
        return [
            Step(ExponentialGrowth(), Derivative(a, TIME, evaluate=False), a * (f - mean))
            for a, f in pairs
        ]

    @property
    def fitness_change(self) -> Any:
        """`df̄/dt = Var(f) + E(ḟ)`: Price's equation for the growth rate itself.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> motion = Population(['A', 'B'], growth=[1, 3]).replicator()
        >>> motion.fitness_change.selection.doit()
        1
        """
        return continuous(self.population, self.population.growth)

    def solution(self, t: Expr = TIME) -> tuple[Any, ...]:
        """The frequencies at time t, `xᵢ(0) exp(fᵢ t)/Σ_j x_j(0) exp(f_j t)`.

        Raises
        ======

        NoRuleError : if growth depends on the frequencies.

        Examples
        ========

        >>> from sympy.abc import s, x
        >>> from symprice.populations.population import Population
        >>> Population(['A', 'B'], [x, 1 - x], growth=[s, 0]).replicator().solution()[0]
        x*exp(s*t)/(x*exp(s*t) - x + 1)
        """
        shares, moving = self.population.frequencies, self.population.moving_symbols()
        for f in self.growth:
            if f.free_symbols & moving:
                raise NoRuleError(
                    f"asked for the frequencies at a time, where the growth rate {f} depends on "
                    "them: integrate .equations numerically, as with scipy.integrate.solve_ivp"
                )
        numbers = [x * exp(f * t) for x, f in zip(shares, self.growth, strict=True)]
        total = Add(*numbers).expand()
        return tuple(number / total for number in numbers)

    def doit(self, **hints: Any) -> Any:
        """The rates as a column."""
        return ImmutableDenseMatrix(len(self.rates), 1, list(self.rates))

    def _formula(self) -> Any:
        return self.doit()


def _mean(shares: Any, values: Any) -> Any:
    return Add(*(x * f for x, f in zip(shares, values, strict=True)))
