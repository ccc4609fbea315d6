"""Gradients that stay symbols: ∇P of an unspecified property, and their inner products.

For derivations that begin before the covariance does: `dP/dt = ∇P · dθ/dt = ∇P · ∇(-L) = NTCov(P,
-L)`.
"""

from __future__ import annotations

from typing import Any

from sympy import Derivative, Expr, MatrixExpr, Symbol
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Rule
from ..errors import ShapeError
from ..nodes import Node
from ..symbols import Parameter
from .covariance import covariance
from .properties import OfParameters

__all__ = ["DefinitionOfCovariance", "Inner", "Nabla", "parameter_vector"]

DIMENSION = Symbol("n_theta", integer=True, positive=True)


def parameter_vector(point: Any) -> list[Parameter]:
    """The coordinates of θ at a point: its Parameters, in one order for all vectors."""
    return sorted((s for s in point if isinstance(s, Parameter)), key=lambda p: p.sort_key())


class Nabla(OfParameters, MatrixExpr):
    """∇θ P, the gradient of a property: a column with as many entries as there are parameters.

    Examples
    ========

    >>> from symprice import observables
    >>> from symprice.tangent.gradient import Nabla
    >>> P = observables('P')
    >>> Nabla(P).shape
    (n_theta, 1)
    """

    precedence = PRECEDENCE["Mul"]

    def __new__(cls, prop: Any) -> Nabla:
        return super().__new__(cls, _sympify(prop))

    @property
    def shape(self) -> tuple[Any, Any]:
        """Number of parameters × 1."""
        return DIMENSION, _sympify(1)

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        raise ShapeError(f"the entries of {self} have no names: its property is unspecified")

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        return [
            evaluate(Derivative(self.args[0], p, evaluate=False), point)
            for p in parameter_vector(point)
        ]

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\nabla {printer.parenthesize(self.args[0], PRECEDENCE['Mul'])}"


class DefinitionOfCovariance(Rule):
    """∇a · ∇b = NTCov(a, b), by definition."""

    @property
    def name(self) -> str:
        """'definition of NTCov'."""
        return "definition of NTCov"

    def apply(self, node: Any) -> Any:
        """The covariance, where both vectors are gradients."""
        if isinstance(node, Inner) and all(isinstance(v, Nabla) for v in node.args):
            return covariance(node.args[0].args[0], node.args[1].args[0])
        return None


class KnownVector(Rule):
    """u · v, with what v is known to be put in for it."""

    def apply(self, node: Any) -> Any:
        """The inner product rewritten by the rule that its second vector names."""
        rule = getattr(node.args[1], "known", None) if isinstance(node, Inner) else None
        return None if rule is None else rule().apply(node)


class Inner(Node, OfParameters, Expr):
    """The inner product `u · v` of two vectors over the parameters, a scalar."""

    is_commutative = True
    precedence = PRECEDENCE["Mul"]

    def __new__(cls, u: Any, v: Any) -> Inner:
        return Expr.__new__(cls, _sympify(u), _sympify(v))

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """What the vectors are, where they say so; the definition of the covariance."""
        return (KnownVector(), DefinitionOfCovariance())

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        u, v = (evaluate(vector, point) for vector in self.args)
        return sum(a * b for a, b in zip(u, v, strict=True))

    def _eval_derivative(self, symbol: Any) -> Any:
        return self.doit().diff(symbol)

    def _tex(self, printer: Any) -> str:
        return r" \cdot ".join(printer.parenthesize(v, PRECEDENCE["Mul"]) for v in self.args)
