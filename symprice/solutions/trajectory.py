"""The state of training at a time as a symbol of its own: `b(t)`, the flow from where it starts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import mpmath
from sympy import Basic, Derivative, Eq, Expr, Function, Symbol, Tuple, default_sort_key
from sympy.core.sympify import _sympify

from ..symbols import Observable, Parameter
from .integrating import extrapolated_flow
from .verification import compiled

__all__ = ["FlowSystem", "Trajectory"]


class FlowSystem(Basic):
    """A system `db/dt = g(b)` with the values at time 0.

    Parameters
    ==========

    rates : {variable: rate}; the rates are expressions in the variables.
    initial : {variable: value at time 0}.
    time : the symbol of time.
    clock : the time that has passed for the flow, `∫₀ᵗ η`; time itself where not given.

    Examples
    ========

    >>> from sympy.abc import t, w
    >>> from symprice.solutions.trajectory import FlowSystem
    >>> FlowSystem({w: -w}, {w: 3}, t).equations
    (Eq(Derivative(w(t), t), -w(t)),)
    """

    def __new__(cls, rates: Any, initial: Any, time: Any, clock: Any = None) -> FlowSystem:
        clock = time if clock is None else _sympify(clock)
        if isinstance(rates, (Tuple, tuple)):  # func(*args)
            return super().__new__(cls, _sympify(rates), _sympify(initial), time, clock)
        pairs = [Tuple(v, _sympify(rate)) for v, rate in rates.items()]
        starts = Tuple(*(_sympify(initial[v]) for v in rates))
        return super().__new__(cls, Tuple(*pairs), starts, time, clock)

    @property
    def variables(self) -> tuple[Any, ...]:
        """What moves."""
        return tuple(pair[0] for pair in self.args[0])

    @property
    def rates(self) -> dict[Any, Any]:
        """{variable: rate}."""
        return {pair[0]: pair[1] for pair in self.args[0]}

    @property
    def initial(self) -> dict[Any, Any]:
        """{variable: value at time 0}."""
        return dict(zip(self.variables, self.args[1], strict=True))

    @property
    def time(self) -> Any:
        """The symbol of time."""
        return self.args[2]

    @property
    def clock(self) -> Any:
        """The time that has passed for the flow."""
        return self.args[3]

    @property
    def constants(self) -> set[Any]:
        """What else occurs: data, rates of learning, symbols of initial values."""
        found = set().union(*(rate.free_symbols for rate in self.rates.values()))
        found |= set().union(*(start.free_symbols for start in self.initial.values()))
        found |= self.clock.free_symbols
        return found - set(self.variables) - {self.time}

    def ordered_constants(self) -> list[Any]:
        """The constants in one order."""
        return sorted(self.constants, key=default_sort_key)

    @property
    def free_symbols(self) -> set[Any]:
        """Time and the constants: the variables are bound."""
        return self.constants | self.time.free_symbols

    def moving(self) -> dict[Any, Any]:
        """Each variable as a function of time, for display."""
        return {v: Function(str(v), real=True)(self.time) for v in self.variables}

    @property
    def equations(self) -> Tuple:
        """The differential equations."""
        names, pace = self.moving(), self.pace
        return Tuple(
            *(
                Eq(Derivative(names[v], self.time), pace * rate.xreplace(names), evaluate=False)
                for v, rate in self.rates.items()
            )
        )

    @property
    def pace(self) -> Any:
        """How fast the clock goes: the learning rate η(t)."""
        return self.clock.diff(self.time) if self.time.is_Symbol else _sympify(1)

    def at_pace_of(self, clock: Any) -> FlowSystem:
        """The same system by another clock."""
        return FlowSystem(self.args[0], self.args[1], self.time, clock)

    def trajectories(self) -> dict[Any, Any]:
        """Each variable as its Trajectory."""
        return {v: Trajectory(v, self) for v in self.variables}


@lru_cache(maxsize=256)
def _field(system: FlowSystem) -> Any:
    return compiled(system.rates.values(), [*system.variables, *system.ordered_constants()])


@lru_cache(maxsize=4096)
def _reached(
    system: FlowSystem, start: tuple[Any, ...], known: tuple[Any, ...], end: Any, digits: int
) -> tuple[Any, ...] | None:
    """Where the flow is at the end; None where it does not get there."""
    field = _field(system)
    try:
        return tuple(extrapolated_flow(lambda state: field(*state, *known), start, end))
    except ArithmeticError:
        return None


class Trajectory(Expr):
    """`b(t)`: where the flow of a system has taken a variable at its time.

    Numbers for it come from integration, not from a formula.

    Examples
    ========

    >>> from sympy.abc import t, w
    >>> from symprice.solutions.trajectory import FlowSystem, Trajectory
    >>> from sympy import pretty
    >>> print(pretty(Trajectory(w, FlowSystem({w: -w}, {w: 3}, t))))
    w(t)
    """

    is_commutative = True
    is_real = True

    def __new__(cls, variable: Any, system: FlowSystem) -> Trajectory:
        return Expr.__new__(cls, variable, system)

    @property
    def variable(self) -> Any:
        """What moves."""
        return self.args[0]

    @property
    def system(self) -> FlowSystem:
        """How it moves."""
        return self.args[1]

    @property
    def free_symbols(self) -> set[Any]:
        """Time and the constants of the system."""
        return self.system.free_symbols

    def _shown(self) -> Any:
        return Function(str(self.variable))(self.system.time)

    def _eval_derivative(self, symbol: Any) -> Any:
        if symbol == self.system.time:
            rate = self.system.rates[self.variable].xreplace(self.system.trajectories())
            return self.system.pace * rate
        if symbol in self.free_symbols:
            return None
        return _sympify(0)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        system = self.system
        start = [evaluate(value, point) for value in system.initial.values()]
        known = tuple(point[symbol] for symbol in system.ordered_constants())
        end = evaluate(system.clock, point)
        # The point has twice as many digits as are compared.
        with mpmath.workdps(max(18, mpmath.mp.dps * 3 // 5)):
            reached = _reached(system, tuple(start), known, end, mpmath.mp.dps)
        if reached is None:
            raise ArithmeticError("the trajectory ends before")
        return mpmath.mpf(reached[system.variables.index(self.variable)])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        name = printer._print(self.variable)
        power = "" if exp is None else f"^{{{exp}}}"
        time = printer._print(self.system.time)
        return rf"{name}{power}\left({time}\right)"

    def _sympystr(self, printer: Any) -> str:
        return f"Trajectory({', '.join(map(printer._print, self.args))})"

    def _pretty(self, printer: Any) -> Any:
        return printer._print(self._shown())


def plain_symbol(variable: Any) -> Symbol:
    """The initial value of a variable where none is given: `b_0`."""
    name = variable.name if isinstance(variable, (Symbol, Parameter, Observable)) else "x"
    return Symbol(f"{name}_0", real=True)
