"""Paths of a causal model that carry a covariance: from one property to a root, from a root on."""

from __future__ import annotations

from typing import Any

from sympy import Basic, Mul, S, Tuple, latex, sstr
from sympy.core.sympify import _sympify

from ..outputs import Outputs

__all__ = ["CausalPath"]


class CausalPath(Outputs, Basic):
    """A path `X ← … ← r ↔ s → … → Y`, which contributes its coefficients × NTCov(r, s).

    Parameters
    ==========

    upward : ((X, 1), …, (r, coefficient)): against the arrows, each node with the coefficient of
        the arrow that leaves it.
    downward : ((Y, 1), …, (s, coefficient)): the same from the other end.
    covariance : that of the two roots.
    factor : what the law of change multiplies it by: -1 for a loss.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables
    >>> from symprice.causal.model import CausalModel
    >>> P, R, L = observables('P R L')
    >>> (path,) = CausalModel({R: symbols('j')*P, L: -R}).rate(R, L).paths
    >>> print(path)
    R ← P ↔ P → R → L
    >>> path.coefficients, path.covariance, path.contribution
    ((j, j, -1), NTVar(P), j**2*NTVar(P))
    """

    def __new__(cls, upward: Any, downward: Any, covariance: Any, factor: Any = 1) -> CausalPath:
        sides = (Tuple(*(Tuple(*pair) for pair in side)) for side in (upward, downward))
        return super().__new__(cls, *sides, covariance, _sympify(factor))

    @property
    def nodes(self) -> tuple[Any, ...]:
        """The nodes from X to Y; the two roots stand side by side, one after the other."""
        return (*(node for node, _ in self.args[0]), *(node for node, _ in self.args[1][::-1]))

    @property
    def roots(self) -> tuple[Any, Any]:
        """The two ends of the double arrow: twice the same where it is a variance."""
        return self.args[0][-1][0], self.args[1][-1][0]

    @property
    def coefficients(self) -> tuple[Any, ...]:
        """The path coefficients of the arrows, in the order of the path."""
        return (*(c for _, c in self.args[0][1:]), *(c for _, c in self.args[1][:0:-1]))

    @property
    def covariance(self) -> Any:
        """The covariance of the roots."""
        return self.args[2]

    @property
    def factor(self) -> Any:
        """What the law of change multiplies the path by."""
        return self.args[3]

    @property
    def contribution(self) -> Any:
        """The factor, the coefficients and the covariance of the roots, multiplied."""
        return Mul(self.factor, *self.coefficients, self.covariance)

    def _formula(self) -> Any:
        return self.contribution

    def _arrows(self, show: Any, left: str, both: str, right: str) -> str:
        up = left.join(show(node) for node, _ in self.args[0])
        down = right.join(show(node) for node, _ in self.args[1][::-1])
        return f"{up}{both}{down}"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return self._arrows(printer._print, r" \leftarrow ", r" \leftrightarrow ", r" \rightarrow ")

    def arrows_latex(self) -> str:
        r"""The path itself in LaTeX, `R \leftarrow P \leftrightarrow P \rightarrow L`."""
        return str(latex(self))

    def __str__(self) -> str:
        return self._arrows(sstr, " ← ", " ↔ ", " → ")

    __repr__ = __str__


def contributions(paths: tuple[CausalPath, ...]) -> Any:
    """The sum of what paths contribute."""
    return sum((path.contribution for path in paths), start=S.Zero)
