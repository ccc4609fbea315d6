"""Means of two properties at points that are correlated, as Price's theorem for Gaussians needs."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import Expr, Matrix
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Rule
from ..symbols import Observable, ObservableVector, Parameter
from ..tangent.metric import MatrixMetric
from .gaussian import GaussianMean, OverGaussian
from .quadrature import gaussian_mean
from .rules import PopulationRule

__all__ = ["CorrelatedMean", "unspecified"]


def unspecified(expr: Any) -> bool:
    """Whether something in an expression has no formula."""
    return any(isinstance(s, (Observable, ObservableVector)) for s in expr.free_symbols)


class OverBothPoints(PopulationRule):
    """E a(θ + ξ) b(θ + ξ') is a mean over (ξ, ξ') together, with the blocks Σ and ρΣ."""

    title = "mean over both points"

    def apply(self, node: Any) -> Any:
        """The Gaussian integral, where it has a closed form."""
        a, b, metric, scale, rho = node.args
        first = list(metric.parameters)
        last = [Parameter(f"{p.name}_prime", **p.assumptions0) for p in first]
        size, paired = len(first), dict(zip(first, last, strict=True))

        def entry(i: int, j: int) -> Any:
            value = metric.entry(first[i % size], first[j % size])
            return value if (i < size) == (j < size) else rho * value

        joint = MatrixMetric(Matrix(2 * size, 2 * size, entry), [*first, *last])
        if unspecified(a) or unspecified(b):
            return None
        found = GaussianMean(a * b.xreplace(paired), joint, scale).doit()
        return (
            None if found.has(GaussianMean) else found.xreplace({q: p for p, q in paired.items()})
        )


class CorrelatedMean(OverGaussian):
    """`E a(θ + ξ) b(θ + ξ')`, where ξ and ξ' ~ N(0, sΣ) have the correlation ρ.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import MatrixMetric, Parameter
    >>> from symprice.populations.correlated import CorrelatedMean
    >>> z, rho = Parameter('z'), symbols('rho')
    >>> print(CorrelatedMean(z, z**2, MatrixMetric([[2]], [z]), 1, rho).text())
    E(z z²; ρ)
    """

    _count = 2

    def __new__(cls, *args: Any) -> Any:
        *rest, rho = args
        found = super().__new__(cls, *rest)
        return Expr.__new__(cls, *found.args, _sympify(rho))

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The Gaussian integral over both points together."""
        return (OverBothPoints(),)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        a, b = self.args[:2]
        rho = evaluate(self.args[4], point)
        part = evaluate(self.scale, point) * evaluate(self.metric.matrix, point)
        size = part.rows
        joint = mpmath.zeros(2 * size)
        joint[:size, :size] = joint[size:, size:] = part
        joint[:size, size:] = joint[size:, :size] = rho * part
        parameters = list(self.metric.parameters)
        start = [point[p] for p in parameters]

        def at(steps: list[Any]) -> Any:
            first, last = (
                evaluate(
                    e,
                    {
                        **point,
                        **{p: x + d for p, x, d in zip(parameters, start, moved, strict=True)},
                    },
                )
                for e, moved in ((a, steps[:size]), (b, steps[size:]))
            )
            return first * last

        return gaussian_mean(at, joint, self._degree(a, b))

    def _tex(self, printer: Any) -> str:
        a, b = (printer.parenthesize(value, PRECEDENCE["Mul"]) for value in self.args[:2])
        rho = printer._print(self.args[4])
        return rf"\operatorname{{E}}{self._subscript(printer)}\left({a} {b}; {rho}\right)"
