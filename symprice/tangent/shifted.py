"""The gradient at another place than θ: what looks ahead, or at the worst place near by."""

from __future__ import annotations

from typing import Any

from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from .differences import displaced
from .gradient import Nabla
from .properties import OfParameters
from .vectors import VectorOfParameters, numeric_vector, theta_tex

__all__ = ["GradientAt"]


class GradientAt(OfParameters, VectorOfParameters):
    """∇L(θ + s), the gradient at a place that lies a vector s away.

    Parameters
    ==========

    prop : the property L.
    shift : the vector s, which may depend on θ.

    Examples
    ========

    >>> from symprice import observables
    >>> from symprice.tangent.shifted import GradientAt
    >>> from symprice.tangent.vectors import Velocity
    >>> L = observables('L')
    >>> GradientAt(L, Velocity('v')).shape
    (n_theta, 1)
    """

    precedence = PRECEDENCE["Mul"]

    def __new__(cls, prop: Any, shift: Any) -> GradientAt:
        return super().__new__(cls, _sympify(prop), _sympify(shift))

    @property
    def prop(self) -> Any:
        """The property."""
        return self.args[0]

    @property
    def shift(self) -> Any:
        """The vector from θ to the place."""
        return self.args[1]

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        moved = displaced(point, numeric_vector(self.shift, evaluate, point))
        return evaluate(Nabla(self.prop), moved)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        prop = printer.parenthesize(self.prop, PRECEDENCE["Mul"])
        shift = printer._print(self.shift)
        joint = " " if shift.startswith("-") else " + "
        return rf"\nabla {prop}\left({theta_tex(printer)}{joint}{shift}\right)"
