"""One of each class of the room, for the tests that hold of every class."""

from __future__ import annotations

from sympy import Rational, Symbol

from symprice import MatrixMetric, Parameter, observables
from symprice.populations.changes import MeanChange, RateOfMean, VarianceChange
from symprice.populations.correlated import CorrelatedMean
from symprice.populations.gaussian import GaussianCov, GaussianMean
from symprice.populations.gaussian_series import (
    DerivativePairing,
    MetricLaplacian,
    bridge,
)
from symprice.populations.levels import Level
from symprice.populations.moments import (
    Cov,
    Mean,
    OffspringMean,
    Trait,
    TraitChange,
    TraitRate,
    Var,
)
from symprice.populations.population import Population
from symprice.populations.response import SearchGradient

w, b = Parameter("w", real=True), Parameter("b", real=True)
eta = Symbol("eta", positive=True)
P, L = observables("P L")
trait, fitness = Trait("z"), Trait("y", positive=True)
flock = Population(
    ["A", "B"], [Rational(1, 4), Rational(3, 4)], [1, 2], {"z": [0, 1]}, {"z": [0, 2]}
)
spread = MatrixMetric([[eta]], (w,))
SPECIMENS = [
    trait,
    TraitChange(trait),
    TraitRate(trait),
    Mean(trait),
    Cov(fitness, trait),
    Var(trait),
    OffspringMean(trait, fitness),
    MeanChange(trait, trait + TraitChange(trait), fitness),
    VarianceChange(trait, fitness),
    RateOfMean(trait, TraitRate(trait), fitness),
    Level("g", 0, 1, 2),
    flock,
    flock.price("z"),
    flock.replicator(),
    flock.quasispecies([[Rational(1, 2), 0], [Rational(1, 2), 1]]),
    GaussianMean(w**2, spread),
    GaussianCov(w, w**2 * b, spread),
    DerivativePairing(w**2 * b, w**3, spread, 2),
    MetricLaplacian(w**3, spread),
    CorrelatedMean(w, w**2, spread, 1, Rational(1, 2)),
    SearchGradient(w**3, w, spread, eta),
    bridge(P, L, spread, order=1),
]

WITHOUT = {"PerIndividual", "Moment", "OverGaussian", "OfMetric", "PopulationRule"}
