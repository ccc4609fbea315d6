"""Expressions that bind names, and replacing that respects it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sympy import Basic

from .symbols import Name

__all__ = ["Binder"]


class Binder(Basic):
    """An expression that binds Names: replacing a symbol never touches what it binds, nor is
    captured by it.
    """

    __slots__ = ()

    @property
    def bound_symbols(self) -> list[Name]:
        """The names that are bound."""
        raise NotImplementedError

    def _eval_subs(self, old: Any, new: Any) -> Any:
        bound = set(self.bound_symbols)
        if old in bound:
            return self
        if bound & getattr(new, "free_symbols", set()):
            return self._renamed(new.free_symbols)._subs(old, new)
        return None

    def _xreplace(self, rule: Any) -> Any:
        if self in rule:
            return rule[self], True
        bound = set(self.bound_symbols)
        if isinstance(rule, Mapping):
            rule = {old: new for old, new in rule.items() if old not in bound}
            arriving = set().union(*(new.free_symbols for new in rule.values()))
            if not (arriving.isdisjoint(bound) or self.free_symbols.isdisjoint(rule)):
                return self._renamed(arriving)._xreplace(rule)[0], True
        return Basic._xreplace(self, rule)

    def _renamed(self, taken: Iterable[Any]) -> Any:
        """The same with other names for those that are taken."""
        raise NotImplementedError
