"""The divergence of two policies, E[log π - log π']."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sympy import Dummy

from ..errors import PolicyError
from .large_numbers import with_values

if TYPE_CHECKING:
    from .distribution import DistributionPolicy

__all__ = ["kl_divergence"]


def kl_divergence(policy: DistributionPolicy, other: Any) -> Any:
    """`KL(π, π') = E_π[log π(a) - log π'(a)]`, by the rules of π; where they do not close it, with
    an integral or a sum.

    Raises
    ======

    PolicyError : if an action of π is none of π', where the divergence is infinite.
    """
    if not hasattr(other, "log_density"):
        raise PolicyError(
            f"asked for the divergence of {policy} from {other!r}: write a policy with the same "
            "kind of actions"
        )
    if policy.support.is_subset(other.support) is False:
        raise PolicyError(
            f"asked for the divergence of {policy} from {other}, which is infinite: actions in "
            f"{policy.support} are not all in {other.support}"
        )
    a, pure = policy._bound, policy.pure
    twins = [Dummy(z.name, **z.assumptions0) for z in other.stand_ins()]
    there = other.with_heads(twins)
    same = type(there) is type(pure) and _shared(policy, other, twins)
    gap = pure.log_density(a) - there.log_density(a)
    if same:
        gap = gap.xreplace(same)
    found = pure.whole(gap, a, lambda bound: bound)
    values = dict(zip(twins, other.heads, strict=True))
    return policy.inserted(with_values(found, values))


def _shared(policy: Any, other: Any, twins: list[Any]) -> dict[Any, Any]:
    """The stand-ins of parameters that both policies have in common, as a fixed count."""
    found: dict[Any, Any] = {}
    if len(policy.heads) != len(other.heads):
        return found
    for mine, yours, stand, twin in zip(
        policy.heads, other.heads, policy.stand_ins(), twins, strict=True
    ):
        if mine == yours and stand.assumptions0 == twin.assumptions0:
            found[twin] = stand
    return found
