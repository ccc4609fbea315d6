"""How numbers of a population change: in a generation, or in continuous time; with their rules."""

from __future__ import annotations

from typing import Any

from sympy import Add, Derivative, Subs, Symbol, exp
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Rule
from .moments import Mean, Moment, OffspringMean, Trait, TraitChange, TraitRate, Var
from .rules import PopulationRule, SumOverTypes

__all__ = ["MeanChange", "VarianceChange", "RateOfMean", "changed", "moving"]


def changed(expr: Any) -> Any:
    """A quantity of the offspring, where it is this one of the parents: z + Δz for z."""
    return expr.xreplace({z: z + TraitChange(z) for z in expr.atoms(Trait)})


def moving(expr: Any) -> Any:
    """The rate at which a quantity of an individual changes by itself: ż for z."""
    found = sorted(expr.atoms(Trait), key=str)
    return Add(*(expr.diff(z) * TraitRate(z) for z in found))


class DefinitionOfChange(PopulationRule):
    """Δz̄ = z̄' - z̄, the mean of the next generation minus that of this one."""

    title = "definition of the change"

    def apply(self, node: Any) -> Any:
        """The means of the two generations."""
        if not isinstance(node, MeanChange):
            return None
        z, after, w = node.values
        tail = () if node.over is None else (node.over,)
        return OffspringMean(after, w, *tail) - Mean(z, *tail)


class MeanChange(Moment):
    """Δz̄, the change of the mean of a quantity z from one generation to the next.

    Parameters
    ==========

    z : the quantity.
    after : what it is of the offspring, as `z + Δz`; z where there is selection only.
    w : the fitness.

    Examples
    ========

    >>> from symprice.populations.changes import MeanChange
    >>> from symprice.populations.moments import traits
    >>> w, z = traits('w z')
    >>> MeanChange(z, z, w).doit()
    -Mean(z) + Mean(w*z)/Mean(w)
    """

    _count = 3
    precedence = PRECEDENCE["Pow"]  # brackets in a power, none in a product

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The types inserted; the definition."""
        return (SumOverTypes(), DefinitionOfChange())

    def explicit(self, table: Any, individual: int) -> Any:
        """Σ xᵢ' zᵢ' - Σ xᵢ zᵢ with the new frequencies xᵢ' written out."""
        z, after, w = self.values
        before = table.average(self.over, individual, lambda i: table.at(z, i))
        return OffspringMean(after, w, *self.args[3:]).explicit(table, individual) - before

    def _tex(self, printer: Any) -> str:
        z = self.values[0]
        if isinstance(z, Trait):
            return rf"\Delta{{\bar{{{printer._print(z)}}}}}"
        return rf"\Delta\operatorname{{E}}\left({printer._print(z)}\right)"


class DefinitionOfVarianceChange(PopulationRule):
    """ΔVar(z) = E'((z - z̄)²) - (E'(z) - z̄)² - Var(z), by shifting the origin to z̄."""

    title = "definition of the variance after selection"

    def apply(self, node: Any) -> Any:
        """The variance after selection, by deviations from the mean before."""
        if not isinstance(node, VarianceChange):
            return None
        z, w = node.values
        tail = () if node.over is None else (node.over,)
        mean = Mean(z, *tail)
        shift = OffspringMean(z, w, *tail) - mean
        return OffspringMean((z - mean) ** 2, w, *tail) - shift**2 - Var(z, *tail)


class VarianceChange(Moment):
    """ΔVar(z), the change of the variance of a trait by selection alone.

    Examples
    ========

    >>> from symprice.populations.changes import VarianceChange
    >>> from symprice.populations.moments import traits
    >>> w, z = traits('w z')
    >>> print(VarianceChange(z, w).text())
    ΔVar(z)
    """

    _count = 2
    precedence = PRECEDENCE["Pow"]  # brackets in a power, none in a product

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The types inserted; the definition."""
        return (SumOverTypes(), DefinitionOfVarianceChange())

    def explicit(self, table: Any, individual: int) -> Any:
        """The variance in the new frequencies minus that in the old ones."""
        z, w = self.values
        tail = self.args[2:]

        def after(x: Any) -> Any:
            return OffspringMean(x, w, *tail).explicit(table, individual)

        return after(z**2) - after(z) ** 2 - Var(z, *tail).explicit(table, individual)

    def _tex(self, printer: Any) -> str:
        return rf"\Delta\operatorname{{Var}}\left({printer._print(self.values[0])}\right)"


class GrowthOfFrequencies(PopulationRule):
    """dz̄/dt = Σ ẋᵢ zᵢ + Σ xᵢ żᵢ, where ẋᵢ = xᵢ (fᵢ - f̄) because the numbers grow as ṅᵢ = fᵢ nᵢ."""

    title = "replicator equation"

    def apply(self, node: Any) -> Any:
        """The mean of deviations in growth times the trait, and the mean rate."""
        if not isinstance(node, RateOfMean):
            return None
        z, rate, f = node.values
        tail = () if node.over is None else (node.over,)
        return Mean((f - Mean(f, *tail)) * z, *tail) + Mean(rate, *tail)


class RateOfMean(Moment):
    """dz̄/dt, where type i grows at the rate fᵢ and its trait changes at the rate żᵢ.

    Examples
    ========

    >>> from symprice.populations.changes import RateOfMean
    >>> from symprice.populations.moments import Mean, TraitRate, traits
    >>> f, z = traits('f z')
    >>> RateOfMean(z, TraitRate(z), f).doit()
    -Mean(f)*Mean(z) + Mean(f*z) + Mean(TraitRate(z))
    """

    _count = 3
    precedence = PRECEDENCE["Pow"]  # brackets in a power, none in a product

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The types inserted; the replicator equation."""
        return (SumOverTypes(), GrowthOfFrequencies())

    def explicit(self, table: Any, individual: int) -> Any:
        """d/dt of Σ nᵢ(t) zᵢ(t) / Σ nᵢ(t) at t = 0, with nᵢ(t) = xᵢ exp(fᵢ t)."""
        t = Symbol("t_of_growth", real=True)
        z, rate, f = self.values
        total = table.average(self.over, individual, lambda i: exp(table.at(f, i) * t))
        weighted = table.average(
            self.over,
            individual,
            lambda i: exp(table.at(f, i) * t) * (table.at(z, i) + t * table.at(rate, i)),
        )
        return Subs(Derivative(weighted / total, t, evaluate=False), t, 0)

    def _tex(self, printer: Any) -> str:
        z = self.values[0]
        if isinstance(z, Trait):
            return rf"\frac{{d \bar{{{printer._print(z)}}}}}{{dt}}"
        return rf"\frac{{d}}{{dt}} \operatorname{{E}}\left({printer._print(z)}\right)"
