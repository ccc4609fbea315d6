"""From Σ π(a) r(a) ∇log π(a) to its short form, by the rules alone."""

from __future__ import annotations

from typing import Any

from sympy import Add, Mul, Pow

from .rules import Collection, CommonPart, ExpectationOfScores, primitive
from .setting import Setting
from .short import short

__all__ = ["collect", "tidied", "weights"]


def weights(probabilities: list[Any], scores: list[Any]) -> list[Any]:
    """π(a) ∇log π(a) of each action."""
    rule = ExpectationOfScores()
    return [rule.weight(p, s) for p, s in zip(probabilities, scores, strict=True)]


def collect(
    probabilities: list[Any], rewards: list[Any], scores: list[Any], mean: Any, setting: Setting
) -> tuple[Any, Any]:
    """E[r s] in short, and as it stands one step before.

    Of named probabilities, whose scores are s(a) = u(a) - E[u], it is Σ π(a) u(a) (r(a) - J), where
    ``mean`` is J, and before E[r u] - E[u] J; of others the common factors are taken out.
    """
    split = CommonPart().split(scores, probabilities) if setting.named else None
    if split is None:
        short = Collection().collected(weights(probabilities, scores), rewards)
        return short, short
    own, common = split
    triples = list(zip(probabilities, rewards, own, strict=True))
    before = Add(*(p * r * u for p, r, u in triples), *(mean * t for t in Add.make_args(common)))
    return before, Add(*(p * u * (r - mean) for p, r, u in triples))


def tidied(expr: Any) -> Any:
    """The short form, its factors with a positive constant: -5 (1 - p) p, never 5 (p - 1) p."""
    found = short(expr)
    factors = []
    for part in Mul.make_args(found):
        base, power = part.as_base_exp()
        if isinstance(base, Add) and power.is_Integer:
            content, rest = primitive(base)
            factors += [content**power, Pow(rest, power)]
        else:
            factors.append(part)
    return Mul(*factors)
