"""The values of cells at one point, and at the points beside it that difference quotients need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import mpmath

from ..errors import NoRuleError
from ..symbols import Parameter, ParameterMatrix
from .graph import Cell, Graph, TooDeep

__all__ = ["Coordinate", "State", "Values", "working_digits"]

# A movable cell, or one entry of it where it is a matrix.
Coordinate = tuple[Cell, tuple[int, int] | None]


def step_exponent(digits: int) -> int:
    """k of the step `h = 10⁻ᵏ`: a quotient errs by h² f'''/6, ten digits beyond those asked for."""
    return digits // 2 + 5


def working_digits(digits: int, level: int) -> int:
    """The precision at which ``level`` nested quotients leave the digits: each divides by h."""
    return digits + 15 + level * step_exponent(digits)


class Values(Protocol):
    """Where a symbol has its value from."""

    def __call__(self, symbol: Any) -> Any:
        """The value of a symbol."""

    def __contains__(self, symbol: Any) -> bool:
        """Whether it has one."""


class State:
    """Values of cells, computed when they are asked for and kept.

    A state beside another one differs from it in a few cells; the rest is looked up there.

    Parameters
    ==========

    graph : the cells.
    draw : gives a symbol its value at this point.
    digits : the digits wanted of every derivative.
    """

    def __init__(
        self,
        graph: Graph,
        draw: Values,
        digits: int,
        *,
        parent: State | None = None,
        moved: Mapping[Cell, Any] | None = None,
        level: int = 0,
    ) -> None:
        self.graph, self.draw, self.digits, self.parent, self.level = (
            graph,
            draw,
            digits,
            parent,
            level,
        )
        self.precision = mpmath.mp.prec
        moved = moved or {}
        self.changed = 0
        # Moved cells that are not leaves stay where they were put, whatever moves after them.
        self.held = {cell: value for cell, value in moved.items() if not cell.is_leaf}
        if parent is not None:
            self.held = {**parent.held, **self.held}
        self.held_bits = 0
        for cell in self.held:
            self.held_bits |= cell.bit
        for cell in moved:
            self.changed |= cell.bit
        self._values: dict[Cell, Any] = {**self.held, **moved}
        self._beside: dict[tuple[Coordinate, int], State] = {}
        self._partials: dict[tuple[Cell, Coordinate], Any] = {}

    def value(self, cell: Cell) -> Any:
        """The value of a cell."""
        found = self._values.get(cell)
        if found is None:
            if self.parent is not None and not cell.mask & self.changed:
                found = self.parent.value(cell)
            else:
                found = cell.run(self)
            self._values[cell] = found
        return found

    def known(self, cell: Cell) -> Any:
        """The value of a cell if it has been computed here or before, else None."""
        found = self._values.get(cell)
        if found is None and self.parent is not None and not cell.mask & self.changed:
            return self.parent.known(cell)
        return found

    def moving(self, moved: Mapping[Cell, Any], level: int | None = None) -> State:
        """The state in which these cells have these values."""
        level = self.level if level is None else level
        parent: State | None = self
        if mpmath.mp.prec != self.precision:
            # Values kept at another precision would spoil a quotient: start from the variables.
            known = ((cell, self.known(cell)) for cell in self.graph.variables.values())
            leaves = {cell: value for cell, value in known if value is not None}
            parent, moved = None, {**leaves, **self.held, **moved}
        return State(self.graph, self.draw, self.digits, parent=parent, moved=moved, level=level)

    def deeper(self) -> int:
        """The level of a state beside this one; asks for more precision if it would be noise."""
        level = self.level + 1
        if mpmath.mp.dps < working_digits(self.digits, level):
            raise TooDeep(level)
        return level

    @property
    def step(self) -> Any:
        """The step h of difference quotients."""
        return mpmath.mpf(10) ** -step_exponent(self.digits)

    def beside(self, coordinate: Coordinate, sign: int) -> State:
        """The state one step away along a coordinate."""
        key = (coordinate, sign)
        if key not in self._beside:
            level = self.deeper()
            cell, entry = coordinate
            value = self.value(cell)
            if entry is None:
                value = value + sign * self.step
            else:
                value = value.copy()
                value[entry] = value[entry] + sign * self.step
            self._beside[key] = self.moving({cell: value}, level)
        return self._beside[key]

    def partial(self, cell: Cell, coordinate: Coordinate) -> Any:
        """The derivative of a cell along a coordinate, by a central difference quotient."""
        key = (cell, coordinate)
        if key not in self._partials:
            ahead, behind = self.beside(coordinate, 1), self.beside(coordinate, -1)
            self._partials[key] = (ahead.value(cell) - behind.value(cell)) / (2 * self.step)
        return self._partials[key]

    def coordinates(self, mask: int) -> list[Coordinate]:
        """The coordinates of θ that a mask contains: parameters, entries of parameter matrices."""
        found: list[Coordinate] = []
        for symbol, cell in self.graph.variables.items():
            if not cell.bit & mask:
                continue
            if isinstance(symbol, Parameter):
                found.append((cell, None))
            elif isinstance(getattr(symbol, "array", symbol), ParameterMatrix):
                value = self.value(cell)
                found += [(cell, (i, j)) for i in range(value.rows) for j in range(value.cols)]
        return found

    def require_free(self, cell: Cell) -> None:
        """Raise where the gradient of something is asked whose observables are held."""
        if cell.mask & self.held_bits:
            raise NoRuleError(
                "asked for a covariance inside a derivative by an observable: it moves θ, which "
                "moves the observable. Write the derivative by a Parameter"
            )
