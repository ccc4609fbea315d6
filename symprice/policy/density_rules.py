"""The rules of the log-likelihood trick where actions are continuous or countable."""

from __future__ import annotations

from .rules import PolicyRule

__all__ = [
    "DerivativeUnderExpectation",
    "EvaluationOfExpectations",
    "InsertionOfHeads",
    "InsertionOfScores",
    "InsertionOfWeakDerivatives",
    "LogLikelihoodTrickOfDensities",
    "TrickByMoments",
]


class DerivativeUnderExpectation(PolicyRule):
    """∇∫ π(a) r(a) da = ∫ (r(a) ∇π(a) + π(a) ∇r(a)) da, where the support does not depend on θ."""

    title = "derivative under the expectation"


class LogLikelihoodTrickOfDensities(PolicyRule):
    """∇J = E[r(a) ∇log π(a)], because ∇π = π ∇log π."""

    title = "log-likelihood trick"


class TrickByMoments(PolicyRule):
    """∇E[r(a)] = E[r(a) ∇log π(a) + ∇r(a)], because ∇π = π ∇log π; both sides are written in the
    moments of the family.
    """

    title = "log-likelihood trick, in moments"


class InsertionOfScores(PolicyRule):
    """∇log π(a) is replaced by the score of the family."""

    title = "insertion of the scores"


class InsertionOfWeakDerivatives(PolicyRule):
    """∂π/∂z = c (π₊ - π₋) with two laws: ∫ r ∂π/∂z = c (∫ r π₊ - ∫ r π₋)."""

    title = "weak derivative"


class EvaluationOfExpectations(PolicyRule):
    """E[Σ c f(a)] = Σ c E[f(a)], with the moments of the family."""

    title = "expectation"


class InsertionOfHeads(PolicyRule):
    """The parameters z of the distribution are replaced by what they are."""

    title = "insertion of the parameters"
