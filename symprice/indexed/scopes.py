"""Expressions that bind indices, and replacing that respects it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Basic

from .entries import Index, fresh_index, indices_of

__all__ = ["IndexBinder"]


class IndexBinder(Basic):
    """An expression whose first argument is in the scope of the indices among the others."""

    __slots__ = ()

    @property
    def bound_indices(self) -> tuple[Index, ...]:
        """The indices that are bound."""
        return tuple(arg for arg in self.args[1:] if isinstance(arg, Index))

    @property
    def free_indices(self) -> set[Index]:
        """The indices of the expression that are not bound here."""
        return indices_of(self.args[0]) - set(self.bound_indices)

    def opened(self) -> tuple[Any, dict[Index, Index]]:
        """The expression at fresh indices, and which stand for which."""
        names = {index: fresh_index(index.size) for index in self.bound_indices}
        return self.args[0].xreplace(names), names

    def _renamed(self) -> Any:
        body, names = self.opened()
        return self.func(body, *(names.get(arg, arg) for arg in self.args[1:]))

    def _xreplace(self, rule: Any) -> Any:
        if self in rule:
            return rule[self], True
        bound = set(self.bound_indices)
        if isinstance(rule, Mapping):
            rule = {old: new for old, new in rule.items() if old not in bound}
            # What is replaced inside may hold the bound index itself; what comes from outside not.
            if any(
                not bound.isdisjoint(new.atoms(Index)) and bound.isdisjoint(old.atoms(Index))
                for old, new in rule.items()
            ):
                return self._renamed()._xreplace(rule)[0], True
        return Basic._xreplace(self, rule)

    def _eval_subs(self, old: Any, new: Any) -> Any:
        bound = set(self.bound_indices)
        if old in bound:
            return self
        if not bound.isdisjoint(new.atoms(Index)) and bound.isdisjoint(old.atoms(Index)):
            return self._renamed()._subs(old, new)
        return None
