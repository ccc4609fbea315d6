"""Rewards that are undefined at an action of a policy, or infinite in the midst of them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sympy import Abs, I, Mul, Poly, Pow, Rational, S, log, real_roots
from sympy.polys.polyerrors import BasePolynomialError

from ..errors import PolicyError

if TYPE_CHECKING:
    from .distribution import DistributionPolicy

__all__ = ["require_defined"]


def require_defined(policy: DistributionPolicy, reward: Any) -> Any:
    """The reward, if no action is known at which it has no number.

    Of countable actions each one matters; of others a pole within the support, as that of 1/a, over
    which no integral is finite, and roots and logarithms of negative numbers. What depends on
    symbols is left to the quadrature, which raises.

    Raises
    ======

    PolicyError : with the action, and what to write instead.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import GaussianPolicy
    >>> from symprice.policy.poles import require_defined
    >>> pi = GaussianPolicy(Symbol('mu'), 1)
    >>> require_defined(pi, 1/(1 + pi.action**2))
    1/(a**2 + 1)
    """
    a = policy.action
    if not getattr(a, "is_Symbol", False) or not (reward.has(log) or _powers(reward, a)):
        return reward
    low, high = policy.bounds
    if not low.is_number:
        return reward
    zeros: set[Any] = set()
    for inner in (*_powers(reward, a), *(node.args[0] for node in reward.atoms(log))):
        zeros.update(_zeros(inner, a))
    inside = [z for z in sorted(zeros) if (low <= z) is S.true and (z <= high) is S.true]
    for z in inside:
        counts = policy.is_countable and z.is_integer
        pole = not policy.is_countable and z not in (low, high) and _is_pole(reward, a, z)
        if (counts or pole) and _is_infinite(reward, a, z):
            remedy = (
                f"such as Piecewise((0, Eq({a}, {z})), ({reward}, True))"
                if counts
                else "in which no integral is infinite"
            )
            raise PolicyError(
                f"asked for the expectation of {reward} under {policy}, which has no value: "
                f"the reward is infinite at the action {z}. Write one that is finite on "
                f"{policy.support}, {remedy}"
            )
    _require_real(policy, reward, [low, *inside, high])
    return reward


def _powers(reward: Any, a: Any) -> list[Any]:
    """The bases of powers that are infinite or complex somewhere."""
    return [p.base for p in reward.atoms(Pow) if p.base.has(a) and not p.exp.is_nonnegative] + [
        p.base for p in reward.atoms(Pow) if p.base.has(a) and p.exp.is_integer is False
    ]


def _zeros(inner: Any, a: Any) -> list[Any]:
    inner = inner.args[0] if isinstance(inner, Abs) else inner
    try:
        return list(dict.fromkeys(real_roots(Poly(inner, a, domain="QQ"))))
    except (BasePolynomialError, NotImplementedError, ValueError):
        return []


def _is_infinite(reward: Any, a: Any, z: Any) -> bool:
    found = reward.subs(a, z)
    return bool(found.has(S.ComplexInfinity) or found.is_infinite or _alone(reward, a, z))


def _alone(reward: Any, a: Any, z: Any) -> bool:
    """Whether a term without another factor in ``a`` that is 0 there is infinite."""
    return any(term.subs(a, z).is_infinite for term in reward.as_ordered_terms())


def _is_pole(reward: Any, a: Any, z: Any) -> bool:
    """Whether a term grows like 1/|a - z| at least, beyond what integrals have."""
    return any(_order(term, a, z) <= -1 for term in reward.as_ordered_terms())


def _order(term: Any, a: Any, z: Any) -> Any:
    total: Any = S.Zero
    for factor in Mul.make_args(term):
        base, power = factor.as_base_exp()
        base = base.args[0] if isinstance(base, Abs) else base
        if power.is_Rational and base.has(a) and base.is_polynomial(a):
            try:
                order = real_roots(Poly(base, a, domain="QQ")).count(z)
            except (BasePolynomialError, NotImplementedError):
                continue
            total += power * order
    return total


def _require_real(policy: Any, reward: Any, places: list[Any]) -> None:
    """Raise for √a or log a, where an action may be negative."""
    if policy.is_countable or reward.has(I):
        return
    for left, right in pairwise(dict.fromkeys(places)):
        if not right.is_number:
            return
        if left.is_infinite and right.is_infinite:
            middle: Any = Rational(1, 3)
        elif left.is_infinite or right.is_infinite:
            middle = right - Rational(4, 3) if left.is_infinite else left + Rational(4, 3)
        else:
            middle = (left + right) / 2
        value = reward.subs(policy.action, middle)
        if value.is_number and value.is_real is False:
            raise PolicyError(
                f"asked for the expectation of {reward} under {policy}, which is no real number at "
                f"the action {middle}: write a reward that is real on {policy.support}, such as "
                f"one in Abs({policy.action})"
            )
