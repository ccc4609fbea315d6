"""The rules of the log-likelihood trick where actions are continuous or countable."""

from __future__ import annotations

from .rules import PolicyRule

__all__ = [
    "DerivativeUnderExpectation",
    "EvaluationOfExpectations",
    "InsertionOfHeads",
    "InsertionOfScores",
    "LogLikelihoodTrickOfDensities",
]


class DerivativeUnderExpectation(PolicyRule):
    """∇∫ π(a) r(a) da = ∫ (r(a) ∇π(a) + π(a) ∇r(a)) da, where the support does not depend on θ."""

    title = "derivative under the expectation"


class LogLikelihoodTrickOfDensities(PolicyRule):
    """∇J = E[r(a) ∇log π(a)], because ∇π = π ∇log π."""

    title = "log-likelihood trick"


class InsertionOfScores(PolicyRule):
    """∇log π(a) is replaced by the score of the family."""

    title = "insertion of the scores"


class EvaluationOfExpectations(PolicyRule):
    """E[Σ c f(a)] = Σ c E[f(a)], with the moments of the family."""

    title = "expectation"


class InsertionOfHeads(PolicyRule):
    """The parameters z of the distribution are replaced by what they are."""

    title = "insertion of the parameters"
