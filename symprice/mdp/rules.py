"""The rules of decision processes, one class each; the docstring is the law."""

from __future__ import annotations

from typing import Any, ClassVar

from ..derivation import Rule

__all__ = [
    "AdvantageForValue",
    "BellmanEquation",
    "Definition",
    "DerivativeOfBellman",
    "Elimination",
    "InsertionOfTables",
    "LinearSystem",
    "LogLikelihoodOfPolicy",
    "MeanOverStart",
    "PerformanceDifference",
    "ScoreOfPolicy",
    "SlopeOfActions",
    "TelescopingSum",
    "UnrolledForever",
    "UnrolledOnce",
]


class ProcessRule(Rule):
    """A rule whose name is its ``title``."""

    title: ClassVar[str]

    @property
    def name(self) -> str:
        """The name of the rule in words."""
        return self.title


class BellmanEquation(ProcessRule):
    """V(s) = Σ_a π(a|s) [r(s, a) + γ Σ p(s'|s, a) V(s')], by what happens first."""

    title = "Bellman equation"


class LinearSystem(ProcessRule):
    """V = (I - γP_π)⁻¹ r_π, because (I - γP_π) V = r_π."""

    title = "linear system"


class Elimination(ProcessRule):
    """The solution of the linear system, by fraction-free elimination."""

    title = "elimination"


class Definition(ProcessRule):
    """Q(s, a) = r + γ Σ p V(s'), A = Q - V, J = Σ ρ V, d = (1 - γ) ρᵀ (I - γP_π)⁻¹."""

    title = "definition"


class DerivativeOfBellman(ProcessRule):
    """∂V(s) = Σ_a Q(s, a) ∂π(a|s) + γ Σ P_π(s, s') ∂V(s'), by the product rule."""

    title = "derivative of the Bellman equation"


class SlopeOfActions(ProcessRule):
    """g(s) = Σ_a Q(s, a) ∂π(a|s), what moving the actions of one step does."""

    title = "slope of the actions"


class UnrolledOnce(ProcessRule):
    """∂V = g + γP_π g + γ²P_π² ∂V, where ∂V = g + γP_π ∂V is put into itself."""

    title = "unrolled once"


class UnrolledForever(ProcessRule):
    """∂V(s) = Σ_x N(s, x) g(x), where N = Σ_t γᵗ P_πᵗ = (I - γP_π)⁻¹ counts discounted visits."""

    title = "unrolled for ever"


class MeanOverStart(ProcessRule):
    """Σ_s ρ(s) N(s, x) = η(x) = d(x)/(1 - γ), so ∂J = Σ_x d(x) g(x)/(1 - γ)."""

    title = "mean over the start"


class LogLikelihoodOfPolicy(ProcessRule):
    """∂π(a|s) = π(a|s) ∂log π(a|s)."""

    title = "log-likelihood trick"


class AdvantageForValue(ProcessRule):
    """Σ_a π ∂log π = 0 in every state, so V(s) may be taken from Q(s, a)."""

    title = "value as baseline"


class ScoreOfPolicy(ProcessRule):
    """∂log π(a|s) inserted, and collected: of a softmax it is [a = b] - π(b|s)."""

    title = "score"


class InsertionOfTables(ProcessRule):
    """d, A and π inserted, as the tables give them."""

    title = "insertion"

    def apply(self, node: Any) -> Any:
        """The value of a quantity that is shown by its name."""
        return getattr(node, "value", None)


class TelescopingSum(ProcessRule):
    """Σ_s ρ(s) V(s) = Σ_s η'(s) [V(s) - γ Σ P'(s, s') V(s')], for any V: later terms cancel."""

    title = "telescoping sum"


class PerformanceDifference(ProcessRule):
    """r'(s) + γ Σ P'(s, s') V(s') - V(s) = Σ_a π'(a|s) A(s, a), with V and A of the old policy."""

    title = "performance difference"
