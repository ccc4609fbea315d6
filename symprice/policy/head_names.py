"""The heads that a network gives, under names: results in z, and what z is put into them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from sympy import Eq, Symbol

from ..closedform import ClosedForm, Definitions, hoist
from ..symbols import Name
from .chain import by_heads
from .distribution import DistributionPolicy
from .large_numbers import with_values
from .setting import Names

__all__ = ["NamedHeads", "by_names", "named_heads", "within_domain"]


def named_heads(gradient: Any) -> NamedHeads | None:
    """The names for a gradient by heads of a density that are no symbols; else None."""
    if not isinstance(gradient.policy, DistributionPolicy):
        return None
    return NamedHeads(gradient) if by_heads(gradient.policy, gradient.wrt) else None


def by_names(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of an estimator, carried out by names where its gradient is by heads that a network
    gives.
    """

    @wraps(method)
    def carried_out(self: Any, *args: Any, **settings: Any) -> Any:
        named = named_heads(self.gradient)
        if named is None:
            return method(self, *args, **settings)
        twin = self.func(named.gradient, *self.args[1:])
        found = carried_out(twin, *args, **settings)
        return found if isinstance(found, list) else named.inserted(found)

    return carried_out


class NamedHeads:
    """The heads by which a gradient is taken under names `z_1, …` (`z`, if there is one).

    ``gradient`` is the same gradient by these names, and ``inserted`` puts the heads back: as
    definitions where a network makes them, so that nothing is differentiated or printed twice.
    """

    def __init__(self, gradient: Any) -> None:
        policy, names = gradient.policy, Names(gradient)
        by_place = gradient.wrt == policy.heads
        named = [
            not isinstance(head, Symbol) and (by_place or head in gradient.wrt) and not _fixed(head)
            for head in policy.heads
        ]
        one = sum(named) == 1
        heads = [
            within_domain(names.fresh("z" if one else f"z_{k}"), domain) if is_named else head
            for k, (head, is_named, domain) in enumerate(
                zip(policy.heads, named, policy.stand_ins(), strict=True), start=1
            )
        ]
        wrt = heads if by_place else [heads[policy.heads.index(v)] for v in gradient.wrt]
        self.values = {
            name: head
            for name, head, is_named in zip(heads, policy.heads, named, strict=True)
            if is_named
        }
        self._taken = gradient.free_symbols
        self.gradient = type(gradient)(policy.with_heads(heads), gradient.reward, wrt)

    @property
    def given(self) -> list[Any]:
        """What the names are, as equations."""
        return [Eq(name, head, evaluate=False) for name, head in self.values.items()]

    def inserted(self, expr: Any) -> Any:
        """A formula in the names, with the heads of the policy."""
        if not any(head.has(ClosedForm) for head in self.values.values()):
            return with_values(expr, self.values)
        definitions = Definitions(self._taken | (expr.free_symbols - set(self.values)))
        moved = {
            name: definitions.define(name, hoist(head, definitions))
            for name, head in self.values.items()
        }
        return definitions.closing(hoist(expr.xreplace(moved), definitions))


def within_domain(name: Any, domain: Any) -> Name:
    """The name with what is assumed of a symbol: where the checks may put numbers."""
    known = {"positive": True} if domain.is_positive else {"real": True}
    return Name(name.name, **known)


def _fixed(head: Any) -> bool:
    return bool(head.is_number)
