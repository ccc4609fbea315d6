"""Where a mean is taken: over a whole population, or over the parts of a part of it.

A population that is divided into groups, and groups into groups, is a tree. Depth 0 is the whole,
the last depth the individuals. A ``Level`` takes the parts at one depth inside a part at another.
"""

from __future__ import annotations

from typing import Any

from sympy import Basic, Integer
from sympy.core.symbol import Str

from ..errors import ShapeError

__all__ = ["Level", "depth_of", "population_of", "span"]

# A depth that is below all groups: the individuals of a population without any.
BOTTOM = 10**6


class Level(Basic):
    """The parts at depth ``bottom`` of a part at depth ``top``, in a tree of ``depths`` levels.

    Parameters
    ==========

    name : its letter, which means and covariances over it carry as a subscript.
    top, bottom : depths; 0 is the whole population.
    depths : the depth of the individuals.
    population : the population whose types are inserted; none for an unspecified one.

    Examples
    ========

    >>> from symprice.populations.levels import Level
    >>> from symprice.populations.moments import Mean, Trait
    >>> z = Trait('z')
    >>> print(Mean(Mean(z, Level('i', 1, 2, 2)), Level('g', 0, 1, 2)).text())
    E_g(Eᵢ(z))
    """

    def __new__(
        cls, name: Any, top: Any, bottom: Any, depths: Any, population: Any = None
    ) -> Level:
        name = name if isinstance(name, Str) else Str(str(name))
        top, bottom, depths = (Integer(n) for n in (top, bottom, depths))
        if not 0 <= top < bottom <= depths:
            raise ShapeError(
                f"asked for the parts at depth {bottom} of a part at depth {top} in a tree of "
                f"depth {depths}: write 0 <= top < bottom <= depths"
            )
        tail = () if population is None else (population,)
        return super().__new__(cls, name, top, bottom, depths, *tail)

    @property
    def name(self) -> str:
        """Its letter."""
        return self.args[0].name

    @property
    def top(self) -> int:
        """The depth of the part that is divided."""
        return int(self.args[1])

    @property
    def bottom(self) -> int:
        """The depth of the parts."""
        return int(self.args[2])

    @property
    def depths(self) -> int:
        """The depth of the individuals."""
        return int(self.args[3])

    @property
    def population(self) -> Any:
        """The population with its types; None for an unspecified one."""
        return self.args[4] if len(self.args) > 4 else None


def population_of(over: Any) -> Any:
    """The population with types that a mean is over; None where it is unspecified."""
    return over.population if isinstance(over, Level) else over


def span(over: Any) -> tuple[int, int]:
    """From which depth to which a mean goes."""
    return (over.top, over.bottom) if isinstance(over, Level) else (0, BOTTOM)


def depth_of(expr: Any) -> int:
    """The depth at which an expression is one number: 0 for a constant of the population."""
    from .moments import Moment, PerIndividual, Trait

    if isinstance(expr, (Trait, PerIndividual)):
        return BOTTOM
    if isinstance(expr, Moment):
        return span(expr.over)[0]
    return max((depth_of(arg) for arg in expr.args), default=0)
