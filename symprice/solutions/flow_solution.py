"""The solution of a flow: explicit, implicit or by numbers, and what it can be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
from sympy import Basic, Derivative, Eq, Float, Function, S, Symbol, Tuple, default_sort_key
from sympy.core.symbol import Str
from sympy.core.sympify import _sympify

from ..closedform import ClosedForm
from ..derivation import Derivation
from ..errors import NoRuleError, ShapeError
from ..outputs import Result
from .integrating import extrapolated_flow, float_flow
from .trajectory import FlowSystem
from .verification import compiled

__all__ = ["FlowSolution"]

_DOUBLE = 15


class FlowSolution(Result, Basic):
    """The trajectory of a flow. Made by ``solve_flow``.

    Attributes
    ==========

    equation : the differential equation; a Tuple of them where several variables move.
    solution : {variable: formula} where it is explicit; the equation `F(b) = t + c` (or a list of
        equations) where it is implicit; None where no formula was found.
    explicit, implicit, numeric : which of the three it is.
    method : the method in words; of a numeric solution, why it is one.
    derivation : the steps, each of which can be checked.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import Parameter, sigmoid
    >>> from symprice.solutions.flows import solve_flow
    >>> b, t = Parameter('b'), Symbol('t')
    >>> found = solve_flow(1 - 2*sigmoid(b), {b: 0}, t=t)
    >>> found.implicit, found.solution
    (True, Eq(b + sinh(b), t))
    >>> found.at(2)
    {b: 0.930009034712565}
    """

    def __new__(
        cls,
        system: FlowSystem,
        pairs: Any,
        form: Any,
        method: Any,
        steps: Any = (),
        shown: Any = (),
        domain: Any = (),
    ) -> FlowSolution:
        return super().__new__(
            cls,
            system,
            Tuple(*(Tuple(*pair) for pair in pairs)),
            Str(str(form)),
            Str(str(method)),
            Tuple(*steps),
            Tuple(*shown),
            Tuple(*(Tuple(*interval) for interval in domain)),
        )

    @property
    def system(self) -> FlowSystem:
        """The equation with its initial values."""
        return self.args[0]

    @property
    def equation(self) -> Any:
        """The differential equation, or a Tuple of them."""
        equations = self.system.equations
        return equations[0] if len(equations) == 1 else equations

    @property
    def initial(self) -> dict[Any, Any]:
        """{variable: value at time 0}."""
        return self.system.initial

    @property
    def explicit(self) -> bool:
        """Whether there is a formula for every variable."""
        return self.args[2].name == "explicit"

    @property
    def implicit(self) -> bool:
        """Whether there are equations for the variables, not solved for them."""
        return self.args[2].name == "implicit"

    @property
    def numeric(self) -> bool:
        """Whether no formula was found: values come from numerical integration."""
        return self.args[2].name == "numeric"

    @property
    def method(self) -> str:
        """How it was solved; why it was not."""
        return self.args[3].name

    @property
    def derivation(self) -> Derivation:
        """The steps from the loss to the solution."""
        return Derivation(self.args[4])

    @property
    def solution(self) -> Any:
        """{variable: formula}, an implicit equation (or a list of them), or None."""
        if self.explicit:
            return {variable: formula for variable, formula in self.args[1]}
        if self.implicit:
            equations = [Eq(left, right, evaluate=False) for left, right in self.args[1]]
            return equations[0] if len(equations) == 1 else equations
        return None

    @property
    def free_symbols(self) -> set[Any]:
        """Time and the constants; the variables are bound."""
        return self.system.free_symbols

    # --- values -----------------------------------------------------------------------------------
    def at(
        self, time: Any, values: Mapping[Any, Any] | None = None, digits: int | None = None
    ) -> dict[Any, Any]:
        """The variables at a time, {variable: value}.

        Parameters
        ==========

        time : a number; where the solution is explicit, any expression.
        values : numbers for the constants, {symbol: number}.
        digits : how many digits; exact formulas stay formulas where not given, others have 15. Up
            to 15 digits of a numeric solution come from ``scipy.integrate.solve_ivp``, more from
            extrapolation in mpmath.

        Raises
        ======

        ShapeError : where a constant has no value that is needed, or the trajectory ends before.
        """
        known = {_sympify(k): _sympify(v) for k, v in (values or {}).items()}
        time = _sympify(time)
        if self.explicit:
            found = {v: expr.subs(self.system.time, time).subs(known) for v, expr in self.args[1]}
            self._require_reached(time, known)
            if any(value.has(S.NaN, S.ComplexInfinity) for value in found.values()):
                # A start at which the formula is 0/0: there the equation says what it is.
                reached = self._integrated(time, known, digits or _DOUBLE)
                found = dict(
                    zip(found, (Float(x, digits or _DOUBLE) for x in reached), strict=True)
                )
            return found if digits is None else {v: e.evalf(digits) for v, e in found.items()}
        missing = sorted((self.system.constants - set(known)), key=default_sort_key)
        if missing or time.free_symbols:
            names = ", ".join(map(str, missing)) or str(time)
            raise ShapeError(
                f"asked for the value of a solution that is {self.args[2].name} at t = {time}, but "
                f"{names} has no number: write .at(1, {{symbol: number}})"
            )
        count = digits or _DOUBLE
        try:
            reached = self._integrated(time, known, count)
        except ArithmeticError:
            raise _not_reached(time) from None
        return {v: Float(x, count) for v, x in zip(self.system.variables, reached, strict=True)}

    def _require_reached(self, time: Any, known: Mapping[Any, Any]) -> None:
        """Raise where numbers say that an explicit trajectory ends before a time: a formula does
        not show that it has passed a pole.
        """
        if time.free_symbols or self.system.constants - set(known):
            return
        try:
            self._integrated(time, known, _DOUBLE)
        except ArithmeticError:
            raise _not_reached(time) from None
        except (TypeError, ValueError, NameError):
            return  # no numbers to be had: a complex state, a function without code

    def _integrated(self, time: Any, known: Mapping[Any, Any], digits: int) -> list[Any]:
        system = self.system
        constants = sorted(system.constants, key=default_sort_key)
        with mpmath.workdps(digits + 8):
            number = self._number
            values = [number(known[c]) for c in constants]
            start = [number(x.subs(known)) for x in system.initial.values()]
            clock = number(system.clock.subs(system.time, time).subs(known))
            rates = compiled(system.rates.values(), [*system.variables, *constants])
            if self.implicit or digits > _DOUBLE:
                try:
                    found = extrapolated_flow(lambda state: rates(*state, *values), start, clock)
                    self._put_back(found, time, known)
                    return found
                except ArithmeticError:
                    if digits > _DOUBLE:
                        raise
            end = float_flow(
                lambda state: [float(r) for r in rates(*state, *values)],
                [float(x) for x in start],
                [float(clock)],
            )[:, 0]
            if not all(map(mpmath.isfinite, end)):
                raise ArithmeticError
            return list(end)

    def _put_back(self, found: list[Any], time: Any, known: Mapping[Any, Any]) -> None:
        """Raise where what was integrated is not at F(b) = t + c."""
        system = self.system
        if not self.implicit or len(found) > 1:
            return
        ((left, right),) = self.args[1]
        at = {**known, system.time: time}
        values = [self._number(value) for value in at.values()]
        sides = compiled([left, right], [*system.variables, *at])(*found, *values)
        if abs(sides[0] - sides[1]) > mpmath.mpf("1e-9") * max(1, abs(sides[0])):
            raise ArithmeticError

    @staticmethod
    def _number(expr: Any) -> Any:
        return mpmath.mpmathify(
            expr._to_mpmath(mpmath.mp.prec)
            if expr.is_Atom
            else expr.evalf(mpmath.mp.dps)._to_mpmath(mpmath.mp.prec)
        )

    def lambdify(self, args: Any = None, **settings: Any) -> Callable[..., Any]:
        """A NumPy function of time and the constants; of several variables it gives a tuple.

        Of an explicit solution it is generated code. Else it integrates by
        ``scipy.integrate.solve_ivp`` (of an implicit one, improved by Newton's method until F(b)
        agrees), for arrays of times and numbers for the constants.

        Parameters
        ==========

        args : the arguments; time first, then the constants in order of their names, where not
            given.
        """
        default = [self.system.time, *sorted(self.system.constants, key=default_sort_key)]
        args = default if args is None else args
        if self.explicit:
            return super().lambdify(args, **settings)
        return _Integrator(self, list(args))

    def source(self, args: Any = None, **settings: Any) -> str:
        """NumPy source of an explicit solution."""
        if not self.explicit:
            raise ShapeError(
                f"asked for the source of a solution that is {self.args[2].name}: write "
                ".lambdify(), which integrates"
            )
        default = [self.system.time, *sorted(self.system.constants, key=default_sort_key)]
        return super().source(default if args is None else args, **settings)

    def _formula(self) -> Any:
        formulas = tuple(formula for _, formula in self.args[1])
        return formulas[0] if len(formulas) == 1 else formulas

    # --- checks -----------------------------------------------------------------------------------
    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """The residual of the equation and the initial values; of an implicit one, the motion."""
        items: list[tuple[str, Any, Any]] = []
        system, inside = self.system, self._within_domain()
        if self.explicit:
            formulas = self.solution
            for v, formula in formulas.items():
                rate = system.pace * system.rates[v].xreplace(formulas)
                slope = Derivative(formula, system.time, evaluate=False)
                items.append((f"d{v}/dt", slope, rate))
                items.append((f"{v} at 0", formula.subs(system.time, 0), system.initial[v]))
        else:
            flows = system.trajectories()
            items += [
                (str(left), left.xreplace(flows), right.xreplace(flows))
                for left, right in self.args[1]
            ]
        if not items:
            items = [(f"step {i}", s.before, s.after) for i, s in enumerate(self.args[4], start=1)]
        return [(label, inside(a), inside(b)) for label, a, b in items]

    def _within_domain(self) -> Callable[[Any], Any]:
        """Symbols that are restricted to an interval, by symbols that are not."""
        moved: dict[Any, Any] = {}
        for symbol, low, high in self.args[6]:
            slot = Symbol(f"{symbol.name}_free", real=True)
            if low.is_finite and high.is_finite:
                moved[symbol] = low + (high - low) * (1 + slot / (1 + abs(slot))) / 2
            elif low.is_finite or high.is_finite:
                moved[symbol] = low + slot**2 if low.is_finite else high - slot**2

        def inside(expr: Any) -> Any:
            return expr.subs(moved) if moved else expr

        return inside

    # --- display ----------------------------------------------------------------------------------
    @property
    def _equations(self) -> list[Any]:
        """The lines in which it is shown: the equation of motion, and what solves it."""
        system = self.system
        names, rows = system.moving(), list(system.equations)
        if self.numeric:
            starts = system.initial.items()
            rows += [Eq(Function(str(v))(0), x, evaluate=False) for v, x in starts]
            return rows
        rights = self.args[5] or [right for _, right in self.args[1]]
        for (left, _), right in zip(self.args[1], rights, strict=True):
            shown = right if isinstance(right, ClosedForm) else right.xreplace(names)
            rows.append(Eq(left.xreplace(names), shown, evaluate=False))
        return rows

    def text(self) -> str:
        """The equation and its solution in Unicode, and how it was found."""
        return f"{super().text()}\n{self.args[2].name}: {self.method}"

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__


def _not_reached(time: Any) -> ShapeError:
    return ShapeError(
        f"asked for the value at t = {time}, which the trajectory does not reach: it goes to "
        "infinity before, or comes to a point at which its rate jumps"
    )


class _Integrator:
    """A solution without a formula as a function of arrays of times."""

    def __init__(self, solution: FlowSolution, args: list[Any]) -> None:
        self.solution, self.args = solution, args
        system = solution.system
        missing = (system.constants | {system.time}) - set(args)
        if missing:
            names = ", ".join(sorted(map(str, missing)))
            raise ShapeError(f"asked for a function of {args}, but {names} occurs too: add it")
        # By names of our own: what a symbol is called may mean something to Python.
        own = {s: Symbol(f"x_{i}") for i, s in enumerate([*system.variables, *args])}
        order, ours = list(own.values()), list(own.values())[len(system.variables) :]

        def code(expr: Any, given: list[Any]) -> Any:
            return ClosedForm(expr.xreplace(own), ()).lambdify(given)

        self._rates = [code(r, order) for r in system.rates.values()]
        self._starts = [code(x, ours) for x in system.initial.values()]
        self._clock = code(system.clock, ours)
        self._sides: list[tuple[Any, Any]] = []
        pairs = solution.args[1] if solution.implicit and len(system.variables) == 1 else ()
        try:
            self._sides = [(code(left, order), code(right, ours)) for left, right in pairs]
        except NoRuleError:  # a function without code: integration is all there is
            pass

    def __call__(self, *values: Any) -> Any:
        import numpy as np

        given = dict(zip(self.args, values, strict=True))
        times = np.asarray(given[self.solution.system.time], dtype=float)
        for symbol, value in given.items():
            if symbol != self.solution.system.time and np.ndim(value):
                raise ShapeError(
                    f"asked for a trajectory with an array for {symbol}: give a number"
                )
        start = [float(f(*self._with(given, 0.0))) for f in self._starts]
        clock = self._clock(*self._with(given, times)) + 0 * times

        def field(state: list[Any]) -> list[Any]:
            return [f(*state, *self._with(given, 0.0)) for f in self._rates]

        found = float_flow(field, start, clock)
        if self._sides:
            (left, right), rate = self._sides[0], self._rates[0]
            here = self._with(given, times)
            for _ in range(3):
                gap = right(*here) - left(found[0], *here)
                step = gap * rate(found[0], *here)
                # Where the trajectory rests, or F has no value, integration is all there is.
                found = found + np.where(abs(step) < 1e-3 * (1 + abs(found)), step, 0.0)
        return found[0] if len(found) == 1 else tuple(found)

    def _with(self, given: Mapping[Any, Any], time: Any) -> list[Any]:
        return [time if s == self.solution.system.time else v for s, v in given.items()]
