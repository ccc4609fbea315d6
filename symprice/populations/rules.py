"""The rules of means and covariances over a population, one class each."""

from __future__ import annotations

from typing import Any, ClassVar

from sympy import Add, Expr, Mul, S, expand_mul

from ..derivation import Rule
from .levels import Level, depth_of, span
from .moments import Cov, Mean, Moment, OffspringMean, Var

__all__ = [
    "MOMENTS",
    "BilinearCovariance",
    "CovarianceFromMeans",
    "LinearMean",
    "NextGeneration",
    "PopulationRule",
    "SumOverTypes",
    "TotalCovariance",
    "TotalExpectation",
    "VarianceFromMeans",
]


class PopulationRule(Rule):
    """A rule whose name is its ``title``."""

    title: ClassVar[str]

    @property
    def name(self) -> str:
        """The name of the rule in words."""
        return self.title


class SumOverTypes(PopulationRule):
    """E(z) = Σᵢ xᵢ zᵢ, with the frequencies and traits of the types."""

    title = "sum over the types"

    def apply(self, node: Any) -> Any:
        """The sum written out, where the population has types and the node is a number of it."""
        from .levels import population_of
        from .short import shortened

        if not isinstance(node, Moment) or depth_of(node) > 0:
            return None
        population = population_of(node.over)
        return None if population is None else shortened(population.value(node))


class LinearMean(PopulationRule):
    """E(a y + b z + c) = a E(y) + b E(z) + c, where a, b and c are the same for all."""

    title = "linearity"

    def apply(self, node: Any) -> Any:
        """The terms, each with its constant factor in front."""
        if not isinstance(node, (Mean, OffspringMean)):
            return None
        z, *rest = node.values
        top = span(node.over)[0]
        terms = parted(z, top)
        if terms == [(S.One, z)]:
            return None
        return Add(*(c * (S.One if u == 1 else node.on(u, *rest)) for c, u in terms))


class BilinearCovariance(PopulationRule):
    """Cov(a y + b z + c, w) = a Cov(y, w) + b Cov(z, w), where a, b and c are the same for all."""

    title = "bilinearity"

    def apply(self, node: Any) -> Any:
        """The pairs of terms."""
        if not isinstance(node, (Cov, Var)):
            return None
        top = span(node.over)[0]
        a, b = node.values[0], node.values[-1]
        left, right = parted(a, top), parted(b, top)
        if left == [(S.One, a)] and right == [(S.One, b)]:
            return None
        tail = () if node.over is None else (node.over,)
        left, right = ([(c, u) for c, u in side if u != 1] for side in (left, right))
        return Add(*(c * d * Cov(u, v, *tail) for c, u in left for d, v in right))


class NextGeneration(PopulationRule):
    """E'(z) = E(w z)/w̄, because type i has the frequency xᵢ' = xᵢ wᵢ/w̄ after selection."""

    title = "frequencies after selection"

    def apply(self, node: Any) -> Any:
        """The mean in the frequencies before."""
        if not isinstance(node, OffspringMean):
            return None
        z, w = node.values
        tail = () if node.over is None else (node.over,)
        return Mean(w * z, *tail) / Mean(w, *tail)


class CovarianceFromMeans(PopulationRule):
    """E(w z) = Cov(w, z) + w̄ z̄, the definition of the covariance."""

    title = "definition of the covariance"

    def of(self, w: Any, z: Any, over: Any) -> Any:
        """The covariance and the product of the means, for the mean of w z."""
        return Cov(w, z, *over) + Mean(w, *over) * Mean(z, *over)


class VarianceFromMeans(PopulationRule):
    """E((z - z̄)²) = Var(z), the definition of the variance."""

    title = "definition of the variance"

    def apply(self, node: Any) -> Any:
        """The variance, for a mean squared deviation."""
        if not isinstance(node, Mean):
            return None
        square = node.values[0]
        if not (square.is_Pow and square.exp == 2):
            return None
        centred = square.base
        for mean in centred.atoms(Mean):
            z = mean.values[0]
            if centred == z - mean and mean.over == node.over:
                return Var(z, *(() if node.over is None else (node.over,)))
        return None


class TotalExpectation(PopulationRule):
    """E(z) = E_g(E_i(z)): the mean over groups g of the mean over the members i of each."""

    title = "mean of group means"

    def split(self, node: Any, outer: Level, inner: Level) -> Any:
        """A mean over individuals as a mean over groups."""
        return Mean(Mean(node.values[0], inner), outer)


class TotalCovariance(PopulationRule):
    """Cov(w, z) = Cov_g(E_i(w), E_i(z)) + E_g(Cov_i(w, z)): between groups and within them."""

    title = "covariance between and within groups"

    def split(self, node: Any, outer: Level, inner: Level) -> Any:
        """A covariance over individuals, between groups and within them."""
        a, b = node.values[0], node.values[-1]
        return Cov(Mean(a, inner), Mean(b, inner), outer) + Mean(Cov(a, b, inner), outer)


def parted(expr: Expr, top: int) -> list[tuple[Any, Any]]:
    """An expression as pairs (constant, quantity) that sum up to it; quantity 1 for a constant."""
    found: dict[Any, Any] = {}
    for term in Add.make_args(expand_mul(expr)):
        factors = Mul.make_args(term)
        constant = [f for f in factors if depth_of(f) <= top]
        varying = Mul(*(f for f in factors if depth_of(f) > top))
        found[varying] = found.get(varying, S.Zero) + Mul(*constant)
    if len(found) == 1 and S.One in found.values():
        ((u, c),) = found.items()
        return [(c, expr if u == expand_mul(expr) else u)]
    return [(c, u) for u, c in found.items()]


MOMENTS = (SumOverTypes(), NextGeneration(), LinearMean(), BilinearCovariance())
