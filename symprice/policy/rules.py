"""The rules of the log-likelihood trick, one class each; the docstring is the law."""

from __future__ import annotations

from functools import reduce
from typing import Any, ClassVar

from sympy import Add, Derivative, Dummy, Expr, Integer, Mul, Pow, S, expand_mul, gcd, log

from ..derivation import Rule
from .written import WrittenSum, carried_out, written

__all__ = [
    "Arithmetic",
    "CentredSlopes",
    "ChainRuleOfLogits",
    "Collection",
    "CommonPart",
    "ExpectationOfScores",
    "InsertionOfLogits",
    "LogLikelihood",
    "LogLikelihoodTrick",
    "MeanOfScores",
    "PairsOfActions",
    "PathwiseTerm",
    "Score",
    "SubstitutionOfRewards",
    "primitive",
]


class PolicyRule(Rule):
    """A rule whose name is its ``title``."""

    title: ClassVar[str]

    @property
    def name(self) -> str:
        """The name of the rule in words."""
        return self.title


class PathwiseTerm(PolicyRule):
    """∇Σ π(a) r(a) = Σ r(a) ∇π(a) + Σ π(a) ∇r(a), where the rewards depend on θ as well."""

    title = "pathwise term"


class MeanOfScores(PolicyRule):
    """E[∇log π(a)] = Σ ∇π(a) = 0, because probabilities sum to one."""

    title = "mean of the scores"

    def coefficient(self, rewards: list[Any], probabilities: list[Any]) -> Any:
        """The c of rewards ρ(a) + c log π(a); 0 where they are not of this form."""
        found = set()
        for reward, p in zip(rewards, probabilities, strict=True):
            mark = Dummy("L")
            opened = expand_mul(reward.xreplace({log(p): mark}))
            c = opened.coeff(mark, 1)
            if c == 0 or (opened - c * mark).has(mark) or c.has(*probabilities):
                return S.Zero
            found.add(c)
        return found.pop() if len(found) == 1 else S.Zero


class LogLikelihoodTrick(PolicyRule):
    """∇J = E[r(a) ∇log π(a)], because ∇π = π ∇log π."""

    title = "log-likelihood trick"

    def apply(self, node: Any) -> Any:
        """π ∂log π for a derivative ∂π."""
        if isinstance(node, Derivative):
            return node.expr * Derivative(log(node.expr), *node.variables)
        return None


class LogLikelihood(PolicyRule):
    """log π(a), for each action the logarithm of its probability."""

    title = "log-likelihood"


class Score(PolicyRule):
    """∇log π(a) = ∇π(a)/π(a), where the derivative of each function is known in closed form."""

    title = "score"

    def of(self, probability: Any, variable: Any) -> Any:
        """∂π/π."""
        return _times(probability.diff(variable), 1 / probability)


class ExpectationOfScores(PolicyRule):
    """E[r ∇log π] = Σ_a π(a) r(a) ∇log π(a), with the scores inserted."""

    title = "expectation"

    def weight(self, probability: Any, score: Any) -> Any:
        """π(a) ∇log π(a), where a factor 1/π cancels."""
        coefficient, powers = _factors(_times(score, probability))
        return Mul(coefficient, *(Pow(base, power) for base, power in powers.items()))


class SubstitutionOfRewards(PolicyRule):
    """r(a) is replaced by the reward of the action a."""

    title = "substitution of the rewards"


class CommonPart(PolicyRule):
    """E[r (u + c)] = E[r u] + c J, where J = E[r] and c is what the scores of all actions share."""

    title = "common part"

    def split(self, scores: list[Any], probabilities: list[Any]) -> tuple[list[Any], Any] | None:
        """The scores as u(a) + c, if c = -E[u] as it must be for scores to average to 0; or None.

        ``probabilities`` are names: c is made of the terms in them that all scores have in common.
        """
        names = [p for p in probabilities if not p.is_number]
        if not names:
            return None
        terms = [Add.make_args(_distributed(score, names)) for score in scores]
        shared = [t for t in terms[0] if t.has(*names) and all(t in others for others in terms[1:])]
        common = Add(*shared)
        own = [Add(*(t for t in ts if t not in shared)) for ts in terms]
        mean = Add(*(p * u for p, u in zip(probabilities, own, strict=True)))
        return (own, common) if _distributed(common + mean, names) == 0 else None


class Collection(PolicyRule):
    """c x + d x = (c + d) x: what all terms have in common is taken out."""

    title = "collection"

    def collected(self, weights: list[Any], values: list[Any]) -> Any:
        """Σ wᵢ vᵢ with the common factors of the weights taken out, and the rest as written."""
        pairs = [
            (_factors(w), v) for w, v in zip(weights, values, strict=True) if w != 0 and v != 0
        ]
        if not pairs:
            return S.Zero
        content = reduce(gcd, (abs(coefficient) for (coefficient, _), _ in pairs))
        common = _common_powers([powers for (_, powers), _ in pairs])
        rest = [
            Mul(
                coefficient / content,
                *(Pow(base, power - common.get(base, 0)) for base, power in powers.items()),
                value,
            )
            for (coefficient, powers), value in pairs
        ]
        return Mul(content, *(Pow(base, power) for base, power in common.items()), written(rest))


class PairsOfActions(PolicyRule):
    """E[u (r - J)] = Σ_{j<k} π_j π_k (u_j - u_k) (r_j - r_k): where likely actions are alike, no
    digit cancels.
    """

    title = "pairs of actions"


class CentredSlopes(PolicyRule):
    """E[u (r - J)] = E[(u - ū) (r - J)] with ū = E[u], because E[r - J] = 0: both factors are small
    where likely actions are alike.
    """

    title = "centred slopes"


class Arithmetic(PolicyRule):
    """(10 - 5) x = 5 x: what was written out is added up."""

    title = "arithmetic"

    def apply(self, node: Any) -> Any:
        """The node with the sums in it added up."""
        return carried_out(node) if node.has(WrittenSum) else None


class InsertionOfLogits(PolicyRule):
    """The logits z are replaced by what they are."""

    title = "insertion of the logits"


class ChainRuleOfLogits(PolicyRule):
    """∂J/∂θ = Σ_k ∂J/∂z_k ∂z_k/∂θ, by reverse accumulation from the logits z."""

    title = "chain rule"


def _times(total: Any, factor: Any) -> Any:
    """A sum times a factor: as a whole, or term by term where more of it cancels so."""
    whole = total * factor
    terms = Add(*(term * factor for term in Add.make_args(total)))
    return terms if terms.count_ops() < whole.count_ops() else whole


def _distributed(expr: Any, names: list[Any]) -> Any:
    """``expr`` multiplied out where sums contain one of the names; other sums stay whole."""
    masks: dict[Any, Any] = {}

    def masked(node: Any) -> Any:
        if not isinstance(node, Expr) or not node.args:
            return node
        if not node.has(*names):
            return masks.setdefault(node, Dummy()) if isinstance(node, Add) else node
        return node.func(*map(masked, node.args)) if isinstance(node, (Add, Mul)) else node

    opened = expand_mul(masked(expr))
    return opened.xreplace({mask: node for node, mask in masks.items()})


def _factors(weight: Any) -> tuple[Any, dict[Any, Any]]:
    """A product as a rational coefficient and powers; the content of a sum is in the former."""
    coefficient: Any = S.One
    powers: dict[Any, Any] = {}
    for factor in Mul.make_args(weight):
        if factor.is_Rational:
            coefficient *= factor
            continue
        base, exponent = factor.as_base_exp()
        if isinstance(base, Add) and exponent.is_Integer:
            content, base = primitive(base)
            coefficient *= content**exponent
        if not exponent.is_Integer:
            base, exponent = factor, Integer(1)
        powers[base] = powers.get(base, S.Zero) + exponent
    return coefficient, powers


def _common_powers(factors: list[dict[Any, Any]]) -> dict[Any, Any]:
    """The powers that divide every one of the products."""
    found: dict[Any, Any] = {}
    for base in factors[0]:
        exponents = [powers.get(base, S.Zero) for powers in factors]
        if all(e > 0 for e in exponents):
            found[base] = min(exponents)
        elif all(e < 0 for e in exponents):
            found[base] = max(exponents)
    return found


def primitive(total: Add) -> tuple[Any, Any]:
    """A sum as content × sum, the sum with a positive constant: 1 - σ, never σ - 1."""
    content, rest = total.primitive()
    if rest.as_coeff_Add()[0].is_negative:
        return -content, -rest
    return content, rest
