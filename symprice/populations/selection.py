"""Price's equation of a population, derived from the frequencies of the next generation.

`w̄ Δz̄ = Cov(w, z) + E(w Δz)`, in continuous time `dz̄/dt = Cov(f, z) + E(ż)`, and what selection does
to the variance.
"""

from __future__ import annotations

from typing import Any

from sympy import S, expand_mul

from .chain import Chain
from .changes import (
    DefinitionOfChange,
    DefinitionOfVarianceChange,
    GrowthOfFrequencies,
    MeanChange,
    RateOfMean,
    VarianceChange,
    changed,
    moving,
)
from .equation import PopulationEquation
from .moments import Cov, Mean, OffspringMean, Var
from .rules import (
    CovarianceFromMeans,
    LinearMean,
    NextGeneration,
    PopulationRule,
    VarianceFromMeans,
)

__all__ = ["PriceForDeviations", "bayes", "continuous", "discrete", "variance_change"]


def discrete(population: Any, z: Any, transmission: bool = True) -> PopulationEquation:
    """w̄ Δz̄ = Cov(w, z) + E(w Δz); without transmission its first term alone."""
    over, w = population.over, population.trait(population.fitness)
    after = changed(z) if transmission else z
    mean = Mean(w, *over)
    chain = Chain(mean * MeanChange(z, after, w, *over))
    chain.by(DefinitionOfChange())
    chain.by(NextGeneration())
    product = Mean(w * z, *over)
    difference = (after - z).expand()
    rest = Mean(w * difference, *over) if transmission else S.Zero
    chain.to(LinearMean(), product + rest - mean * Mean(z, *over))
    selection = CovarianceFromMeans().of(w, z, over) - mean * Mean(z, *over)
    chain.to(CovarianceFromMeans(), selection + rest)
    parts = {"selection": selection}
    if transmission:
        parts["transmission"] = rest
    return PopulationEquation(chain.start, parts, chain.derivation)


def continuous(population: Any, z: Any) -> PopulationEquation:
    """dz̄/dt = Cov(f, z) + E(ż)."""
    over, f = population.over, population.trait(population.growth)
    rate = moving(z)
    chain = Chain(RateOfMean(z, rate, f, *over))
    chain.by(GrowthOfFrequencies())
    transmission = Mean(rate, *over)
    means = Mean(f, *over) * Mean(z, *over)
    chain.to(LinearMean(), Mean(f * z, *over) - means + transmission)
    selection = CovarianceFromMeans().of(f, z, over) - means
    chain.to(CovarianceFromMeans(), selection + transmission)
    parts = {"selection": selection, "transmission": transmission}
    return PopulationEquation(chain.start, parts, chain.derivation)


class PriceForDeviations(PopulationRule):
    """E'(u) - E(u) = Cov(w, u)/w̄, Price's equation without transmission."""

    title = "Price's equation"

    def selected(self, u: Any, w: Any, over: Any) -> Any:
        """The mean after selection, by the covariance with fitness."""
        return Cov(w, u, *over) / Mean(w, *over) + Mean(u, *over)


def variance_change(population: Any, z: Any) -> PopulationEquation:
    """ΔVar(z) = Cov(w, (z - z̄)²)/w̄ - (Cov(w, z)/w̄)², by selection alone."""
    over, w = population.over, population.trait(population.fitness)
    mean, price = Mean(z, *over), PriceForDeviations()
    chain = Chain(VarianceChange(z, w, *over))
    chain.by(DefinitionOfVarianceChange())
    square = (z - mean) ** 2
    spread, shift = (Cov(w, u, *over) / Mean(w, *over) for u in (square, z))
    chain.to(price, price.selected(square, w, over) - shift**2 - Var(z, *over))
    chain.by(VarianceFromMeans())
    parts = {"selection": spread, "curvature": -(shift**2)}
    return PopulationEquation(chain.start, parts, chain.derivation)


class BayesRule(PopulationRule):
    """p(θ | y) = p(θ) ℓ(θ)/p(y), where p(y) = E(ℓ): selection with the likelihood as fitness."""

    title = "Bayes' rule"


def bayes(population: Any, theta: Any) -> PopulationEquation:
    """Δθ̄ = Cov(ℓ, θ)/E(ℓ), from the prior to the posterior mean."""
    over, likelihood = population.over, population.trait(population.likelihood)
    evidence, mean = Mean(likelihood, *over), Mean(theta, *over)
    chain = Chain(MeanChange(theta, theta, likelihood, *over))
    chain.by(DefinitionOfChange())
    chain.to(BayesRule(), Mean(likelihood * theta, *over) / evidence - mean)
    product = CovarianceFromMeans().of(likelihood, theta, over)
    found = expand_mul(product / evidence, deep=False) - mean
    chain.to(CovarianceFromMeans(), found)
    quantities = {"evidence": evidence, "posterior mean": OffspringMean(theta, likelihood, *over)}
    return PopulationEquation(chain.start, {"selection": found}, chain.derivation, (), quantities)
