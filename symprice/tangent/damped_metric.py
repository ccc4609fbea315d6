"""Metrics `(F + λI)⁻¹` of a matrix F that a loss makes, as its Hessian."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import Symbol
from sympy.core.sympify import _sympify

from .differences import parameter_vector
from .metric import Metric

__all__ = ["DampedMetric"]

# Of so many points the numbers of a metric are kept.
POINTS_KEPT = 8


class DampedMetric(Metric):
    """M = (F + λI)⁻¹ with a matrix F of a loss. A subclass says which: ``_letter`` and numbers.

    Parameters
    ==========

    loss : the property L.
    damping : λ.
    """

    _letter = "F"

    def __new__(cls, loss: Any, damping: Any = 0) -> Any:
        return super().__new__(cls, _sympify(loss), _sympify(damping))

    @property
    def loss(self) -> Any:
        """The property that makes the matrix."""
        return self.args[0]

    @property
    def damping(self) -> Any:
        """λ."""
        return self.args[1]

    def tex(self, printer: Any) -> str:
        """(F + λI)⁻¹."""
        if self.damping == 0:
            return f"{self._letter}^{{-1}}"
        damping = "" if self.damping == 1 else f"{printer._print(self.damping)} "
        return rf"({self._letter} + {damping}I)^{{-1}}"

    def _kept(self, evaluate: Any, point: Any) -> Any:
        """Its numbers, which take seconds; kept for the last points. What is no argument of the
        metric, as a step size, may change.
        """
        coordinates = [str(p) for p in parameter_vector(point)]
        own = self.depends_on()
        inside = {s: v for s, v in point.items() if s in own or not isinstance(s, Symbol)}
        here = (mpmath.mp.dps, coordinates, inside)
        known = self.__dict__.setdefault("_numeric_", [])
        for key, value in known:
            if key == here:
                return value
        known.append((here, self._numeric_inverse(evaluate, point)))
        del known[:-POINTS_KEPT]
        return known[-1][1]

    def _numeric_inverse(self, evaluate: Any, point: Any) -> Any:
        """The inverse at a point."""
        raise NotImplementedError
