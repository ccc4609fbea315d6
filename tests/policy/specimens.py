"""One of each policy over numbers, and of what is made from one, for the contract of classes."""

from __future__ import annotations

from sympy import Interval, Matrix, MatrixSymbol, Symbol, log

from symprice import (
    MLP,
    BernoulliPolicy,
    BetaPolicy,
    BinomialPolicy,
    CategoricalPolicy,
    DirichletPolicy,
    ExponentialPolicy,
    GammaPolicy,
    GaussianPolicy,
    GeometricPolicy,
    LaplacePolicy,
    LogisticPolicy,
    LogNormalPolicy,
    MixturePolicy,
    MultivariateGaussianPolicy,
    NegativeBinomialPolicy,
    Parameter,
    ParameterMatrix,
    PoissonPolicy,
    Policy,
    SquashedGaussianPolicy,
    VonMisesPolicy,
    WeibullPolicy,
    inputs,
    parameters,
    policy_gradient,
)
from symprice.policy.bessel import BesselRatio
from symprice.policy.cosine_moments import CosineMoment
from symprice.policy.density import DensityOf
from symprice.policy.distribution import Action
from symprice.policy.divergence_terms import DivergenceTerms
from symprice.policy.double_sided import DoubleGamma, DoubleMaxwell
from symprice.policy.estimators import ScoreEstimator
from symprice.policy.gamma_differences import GammaQuotient, PolygammaDifference
from symprice.policy.independent import IndependentActions
from symprice.policy.other_columns import GapToOthers, LogOdds, MeanOfOthers, VarianceOfOthers
from symprice.policy.trigamma_gaps import TrigammaFall

m, s, z, k = (Parameter(name) for name in ("m", "s", "z", "k"))
u = Symbol("u", positive=True)
GAUSSIAN = GaussianPolicy(m, s)
OUTPUTS = MLP(2, 3, 2)(inputs("x", 2))
SQUARE = policy_gradient(GAUSSIAN, lambda a: a**2)
BIASED = policy_gradient(BernoulliPolicy(logit=z), {1: 1, 0: 0})
COLUMN = ParameterMatrix("z", 3, 1)
BY_COLUMN = policy_gradient(CategoricalPolicy(COLUMN), MatrixSymbol("r", 3, 1))

SPECIMENS = [
    LogOdds(COLUMN),
    MeanOfOthers(COLUMN, MatrixSymbol("r", 3, 1)),
    GapToOthers(COLUMN, MatrixSymbol("r", 3, 1)),
    VarianceOfOthers(COLUMN, MatrixSymbol("r", 3, 1)),
    DivergenceTerms(COLUMN, MatrixSymbol("r", 3, 1)),
    GAUSSIAN,
    GaussianPolicy(m, log_sigma=z),
    LogNormalPolicy(m, 1),
    MultivariateGaussianPolicy([m, z], cholesky=Matrix([[s, 0], [0, k]])),
    SquashedGaussianPolicy(m, 1),
    PoissonPolicy(m),
    GeometricPolicy(logit=z),
    BinomialPolicy(10, logit=z),
    NegativeBinomialPolicy(3, logit=z),
    ExponentialPolicy(m),
    GammaPolicy(k, m),
    WeibullPolicy(2, m),
    BetaPolicy(k, m),
    LaplacePolicy(m, 2),
    LogisticPolicy(m, 1),
    VonMisesPolicy(m, k),
    DirichletPolicy(parameters("alpha1:4")),
    MixturePolicy([GAUSSIAN, GaussianPolicy(z, 1)], probabilities=[k, 1 - k]),
    Policy.from_log_prob(log(k) + (k - 1) * log(u), u, Interval.open(0, 1)),
    GAUSSIAN.action,
    SQUARE,
    SQUARE.pathwise(),
    policy_gradient(GaussianPolicy(m, 1), lambda a: a**2).measure_valued(),
    policy_gradient(GaussianPolicy(m, k), lambda a: a**2).measure_valued(),
    policy_gradient(BernoulliPolicy(logit=OUTPUTS[0, 0]), {1: OUTPUTS[1, 0], 0: 0}),
    DoubleMaxwell(),
    DoubleGamma(),
    IndependentActions([GaussianPolicy(m, 1), PoissonPolicy(k)], [Action("a_1"), Action("a_2")]),
    BIASED.importance_weighted(BernoulliPolicy(logit=0)),
    ScoreEstimator(BIASED, 8, "optimal"),
    BIASED.dynamics("natural"),
    DensityOf(GAUSSIAN, GAUSSIAN.action),
    BesselRatio(2, u),
    PolygammaDifference(0, u),
    TrigammaFall(u),
    TrigammaFall(u, 2 * u),
    PolygammaDifference(-1, u, u / 2),
    GammaQuotient(u, u / 2),
    CosineMoment(u, 2, 1, 1),
    CategoricalPolicy(COLUMN),
    BY_COLUMN,
    BY_COLUMN.estimator(4, "mean"),
    BY_COLUMN.dynamics("natural"),
]

# Bases, and what reads back as an ordinary integral, sum or number.
WITHOUT = {
    "ActionIntegral",
    "ActionSum",
    "CountingPolicy",
    "DistributionPolicy",
    "FamilyPolicy",
    "LargeBinomial",
    "LargeFactorial",
    "LargeGamma",
    "LargePolygamma",
    "Motion",
    "PositivePolicy",
    "Sampled",
    "SymmetricPolicy",
    "VectorPolicy",
}
