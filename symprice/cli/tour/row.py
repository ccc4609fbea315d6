"""A row of the tour: a statement, its derivations, what it comes to, and its code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sympy import Expr

from ...derivation import Derivation
from ...emit.paper_blocks import Stated

__all__ = ["Claim", "Row", "Stated"]


@dataclass(frozen=True)
class Claim:
    """The statement that two expressions are equal, the left one derived, the right one as it is
    stated.
    """

    text: str
    left: Any
    right: Any
    shown: Any = None

    @property
    def statement(self) -> Any:
        """What is printed for the right side: a short form with names of its own, where given."""
        return self.right if self.shown is None else self.shown


@dataclass(frozen=True)
class Row:
    """One row of the tour."""

    name: str
    title: str
    text: str
    derivations: tuple[Derivation, ...]
    claims: tuple[Claim, ...] = ()
    functions: dict[str, Expr] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    table: tuple[tuple[Any, ...], ...] = ()  # expressions, or texts
    verdicts: tuple[tuple[bool, str], ...] = ()
