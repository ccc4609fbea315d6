"""The base of all nodes: expressions that print as themselves, obey laws, and unfold.

A node states three things: its arguments (everything it means), its LaTeX, and its ``laws``, the
rules that rewrite it. Unfolding (``doit``), one layer of it (``expand``) and its steps (``derive``)
follow from the laws.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sympy import Basic
from sympy.printing.precedence import PRECEDENCE

from .outputs import Outputs

if TYPE_CHECKING:
    from .derivation import Rule

__all__ = ["Node", "prefixed"]

# What stands before its operand, so that a power would belong to that alone.
_PREFIX = re.compile(r"-|\\(?:d?frac|Delta|nabla|partial|sum|prod|int)(?![A-Za-z])")


def prefixed(tex: str) -> bool:
    r"""Whether LaTeX begins with an operator: a power behind it would not belong to all of it.

    >>> prefixed(r"\Delta{z}"), prefixed(r"\frac{d z}{dt}"), prefixed(r"\operatorname{E}(z)")
    (True, True, False)
    """
    return _PREFIX.match(tex) is not None


class Node(Outputs, Basic):
    """Mixin of the unevaluated nodes; the other base is ``Expr`` or ``MatrixExpr``."""

    __slots__ = ()

    precedence = PRECEDENCE["Atom"]

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The rules that rewrite this node, in the order in which they are tried."""
        raise NotImplementedError

    @classmethod
    def expansion_laws(cls) -> tuple[Rule, ...]:
        """Those of the laws that ``expand`` applies: all but the values."""
        return cls.laws()

    def rebuilt(self, args: Sequence[Any]) -> Any:
        """The node of other arguments, which unfolding has made of its own."""
        return self.func(*args)

    def doit(self, **hints: Any) -> Any:
        """The closed form: all laws applied until none does, named definitions inlined."""
        from .derivation import evaluate

        result = evaluate(self)
        if isinstance(result, Node):
            return result
        return result.doit(**hints) if isinstance(result, Basic) else result

    def _eval_expand_basic(self, **hints: Any) -> Any:
        from .derivation import evaluate

        return evaluate(self, expanding=True)

    def _tex(self, printer: Any) -> str:
        raise NotImplementedError

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        tex = self._tex(printer)
        if exp is None:
            return tex
        return rf"\left({tex}\right)^{{{exp}}}" if prefixed(tex) else rf"{{{tex}}}^{{{exp}}}"
