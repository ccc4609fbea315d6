"""Quantities of a decision process by name, as derivations write them: V(s), Q(s, a), π(a|s)."""

from __future__ import annotations

from typing import Any

from sympy import Expr, Symbol, Tuple
from sympy.core.sympify import _sympify

from ..derivation import Rule
from ..nodes import Node
from .rules import InsertionOfTables

__all__ = ["ProcessQuantity"]


class ProcessQuantity(Node, Expr):
    """A quantity that is shown by its name and is worth a formula: `V(home)`, `π(go|home)`.

    Parameters
    ==========

    name : a Symbol, as V.
    labels : the states and actions that it is of.
    given : the states behind the bar.
    value : what it is; ``doit()`` gives it, and derivatives are its derivatives.

    Examples
    ========

    >>> from sympy import Symbol, latex
    >>> from symprice.mdp.quantities import ProcessQuantity
    >>> p = Symbol('p')
    >>> node = ProcessQuantity(Symbol('pi'), (Symbol('go'),), (Symbol('home'),), p**2)
    >>> print(latex(node))
    \\pi\\left(go \\mid home\\right)
    >>> node.doit(), node.diff(p)
    (p**2, 2*p)
    """

    is_commutative = True

    def __new__(cls, name: Any, labels: Any, given: Any, value: Any) -> ProcessQuantity:
        name = Symbol(name) if isinstance(name, str) else name
        return Expr.__new__(cls, name, Tuple(*labels), Tuple(*given), _sympify(value))

    @property
    def value(self) -> Any:
        """What it is."""
        return self.args[3]

    @property
    def free_symbols(self) -> set[Any]:
        """The symbols in its value; names of states and actions are none."""
        return set(self.value.free_symbols)

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The value inserted."""
        return (InsertionOfTables(),)

    @classmethod
    def expansion_laws(cls) -> tuple[Rule, ...]:
        """None: its value stays hidden."""
        return ()

    def _eval_derivative(self, symbol: Any) -> Any:
        return self.value.diff(symbol)

    def _eval_subs(self, old: Any, new: Any) -> Any:
        # States and actions keep their names.
        name, labels, given, value = self.args
        return self.func(name, labels, given, value._subs(old, new))

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        return evaluate(self.value, point)

    def _tex(self, printer: Any) -> str:
        name, labels, given, _ = self.args
        inner = ", ".join(map(printer._print, labels))
        if given:
            inner += r" \mid " + ", ".join(map(printer._print, given))
        head = printer._print(name)
        return rf"{head}\left({inner}\right)" if inner else head
