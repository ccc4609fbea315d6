"""What continuous training does to a property: the chain rule in time, with Itô's term for noise.

`dP/dt = ∂P/∂t + ∇P · dθ/dt + ½ tr(Σ ∇²P)`; the second derivative by the same rule once more.
"""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import Add, Expr, MatAdd, S, expand_mul
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Derivation, Rule, Step, rewrite
from ..errors import NoRuleError
from ..tangent.differences import differencing, displaced, trained_symbols
from ..tangent.gradient import Inner, Linearity, Nabla, source_of
from ..tangent.laws import Bilinearity
from ..tangent.properties import OfParameters, ScalarOfParameters
from ..tangent.second import HessianTrace
from ..tangent.vectors import VectorOfParameters, numeric_vector, theta_tex
from .taylor import RULES, written
from .update import Dynamics

__all__ = ["FlowVelocity", "TimeDerivative", "derivation", "parts"]


class ChainRuleInTime(Rule):
    """dP/dt = ∂P/∂t + ∇P · dθ/dt, with noise of covariance Σ per unit of time + ½ tr(Σ ∇²P) (Itô);
    of a P that is linear in a state v, + P with dv/dt in place of v.
    """

    @property
    def name(self) -> str:
        """'chain rule'."""
        return "chain rule"

    def apply(self, node: Any) -> Any:
        """The gradient times the velocity of θ, and what time, state and noise add."""
        if not isinstance(node, TimeDerivative):
            return None
        prop, loss, dynamics = node.args
        return Add(
            _by_itself(dynamics, prop),
            _by_state(dynamics, prop, loss),
            Inner(Nabla(prop), FlowVelocity(loss, dynamics)),
            _noise(dynamics, prop, loss),
        )


def _by_itself(dynamics: Dynamics, prop: Any) -> Any:
    """∂P/∂t, where the property depends on time itself."""
    time = dynamics.time
    return S.Zero if time is None or time not in prop.free_symbols else prop.diff(time)


def _by_state(dynamics: Dynamics, prop: Any, loss: Any) -> Any:
    """What a property that is linear in a state moves by, when the state moves."""
    found = []
    for state in dynamics.state_update(loss):
        for term in Add.make_args(prop):
            if term.has(state):
                if term.count(state) != 1:
                    raise NoRuleError(f"asked for the change of {term}, which is not linear")
                found.append(term.xreplace({state: FlowVelocity(loss, dynamics, state)}))
    return Add(*found)


def _noise(dynamics: Dynamics, prop: Any, loss: Any) -> Any:
    noise = dynamics.noise(loss)
    return S.Zero if noise is None else noise.factor / 2 * HessianTrace(prop, noise.metric)


class WayOfMoving(Rule):
    """The velocity dθ/dt that the way of training prescribes."""

    @property
    def name(self) -> str:
        """What the way is called, as 'gradient flow'."""
        return self.args[0].title if self.args else "way of moving"

    def apply(self, node: Any) -> Any:
        """The velocity, inserted into an inner product."""
        if isinstance(node, Inner) and isinstance(node.args[1], FlowVelocity):
            return Inner(node.args[0], node.args[1].value())
        return None


class FlowVelocity(OfParameters, VectorOfParameters):
    """dθ/dt of a continuous way of training on L, or dv/dt of a state of it."""

    precedence = PRECEDENCE["Mul"]
    known = WayOfMoving

    def __new__(cls, loss: Any, dynamics: Any, state: Any = None) -> FlowVelocity:
        return super().__new__(cls, _sympify(loss), dynamics, *(() if state is None else (state,)))

    def as_shown(self) -> Any:
        """Itself without the loss, which is not printed."""
        return self.func(S.Zero, *self.args[1:])

    def value(self) -> Any:
        """The velocity as the way of training states it."""
        loss, dynamics, *state = self.args
        return dynamics.state_update(loss)[state[0]] if state else dynamics.update(loss)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        return numeric_vector(self.value(), evaluate, point)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        moved = printer._print(self.args[2]) if len(self.args) > 2 else theta_tex(printer)
        return rf"\frac{{d{moved}}}{{dt}}"


class TimeDerivative(ScalarOfParameters):
    """dP/dt along a continuous way of training on L, in expectation over its noise.

    Examples
    ========

    >>> from symprice import GradientFlow, observables
    >>> from symprice.dynamics.motion import TimeDerivative
    >>> P, L = observables('P L')
    >>> TimeDerivative(P, L, GradientFlow()).doit()
    -NTCov(P, L)
    """

    def __new__(cls, prop: Any, loss: Any, dynamics: Any) -> TimeDerivative:
        return Expr.__new__(cls, _sympify(prop), _sympify(loss), dynamics)

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The chain rule; the velocity is then inserted into the inner product."""
        return (ChainRuleInTime(),)

    def as_shown(self) -> Any:
        """Itself without the loss, which is not printed."""
        return self.func(self.args[0], S.Zero, *self.args[2:])

    is_of_the_moved = False

    def called(self) -> dict[str, Any]:
        """What it is about, by the letters that are usual for it."""
        return {"P": self.args[0], "L": self.args[1]}

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        prop, loss, dynamics = self.args
        velocity = numeric_vector(dynamics.update(loss), evaluate, point)
        states = {
            state: numeric_vector(value, evaluate, point)
            for state, value in dynamics.state_update(loss).items()
        }
        with differencing(1) as h:
            ahead, behind = (
                evaluate(prop, _moved(point, velocity, states, dynamics.time, h * sign))
                for sign in (1, -1)
            )
            slope = (ahead - behind) / (2 * h)
        return slope + evaluate(_noise(dynamics, prop, loss), point)

    def _tex(self, printer: Any) -> str:
        prop, loss, dynamics = self.args
        if isinstance(prop, TimeDerivative):
            shown = printer.parenthesize(prop.args[0], PRECEDENCE["Mul"])
            return rf"\frac{{d^{{2}} {shown}}}{{dt^{{2}}}}"
        if prop.is_Add or isinstance(prop, Inner):
            return rf"\frac{{d}}{{dt}}\left({printer._print(prop)}\right)"
        shown = printer.parenthesize(prop, PRECEDENCE["Mul"])
        if dynamics.noise(loss) is not None:
            shown = rf"\operatorname{{E}}\left[{shown}\right]"
        return rf"\frac{{d {shown}}}{{dt}}"


def _moved(point: Any, velocity: Any, states: Any, time: Any, step: Any) -> dict[Any, Any]:
    """The point with θ, the state and the time moved for a moment."""
    shifts = {state: [step * number for number in values] for state, values in states.items()}
    found = {**displaced(point, velocity, step), **with_states(point, shifts, added=True)}
    if time is not None and time in point:
        found[time] = point[time] + step
    return found


def with_states(point: Any, states: Any, added: bool = False) -> dict[Any, Any]:
    """The point with numbers for the entries of states, in the order of the coordinates of θ; or
    with these numbers added to what they are.
    """
    found = {} if added else dict(point)
    for state, numbers in states.items():
        rest = list(numbers)
        for symbol in trained_symbols(point):
            name, value = state.coordinate(symbol), point[symbol]
            if isinstance(value, mpmath.matrix):
                size = value.rows * value.cols  # len() of an mpmath matrix is something else
                own, rest = rest[:size], rest[size:]
                rows = range(0, size, value.cols)
                new: Any = mpmath.matrix([own[row : row + value.cols] for row in rows])
            else:
                new = rest.pop(0)
            found[name] = point[name] + new if added else new
    return found


class RateOfChange(Rule):
    """d²P/dt² = d/dt of dP/dt."""

    @property
    def name(self) -> str:
        """'rate of change'."""
        return "rate of change"


def derivation(dynamics: Dynamics, prop: Any, loss: Any, order: int) -> Derivation:
    """dP/dt = ∇P · dθ/dt, with the velocity put in, as covariances; order 2 is d²P/dt²."""
    steps: list[Step] = []
    current: Any = TimeDerivative(prop, loss, dynamics)
    if order == 2:
        once = TimeDerivative(_first(dynamics, prop, loss), loss, dynamics)
        steps = [Step(RateOfChange(), TimeDerivative(current, loss, dynamics), once)]
        current = once
    for rule in (ChainRuleInTime(), WayOfMoving(dynamics), *RULES):
        after = rewrite(current, rule)
        if after != current:
            steps.append(Step(rule, current, after))
            current = after
    if order == 2 and (after := _gathered(current)) != current:
        steps.append(Step(Bilinearity(), current, after))
    return Derivation(steps)


class SlopeOfASum(Rule):
    """∇(c A + B) · v = c ∇A · v + ∇B · v, for what a first derivative in time has left."""

    def apply(self, node: Any) -> Any:
        """The terms, where derivatives are in them."""
        if not isinstance(node, Inner) or not isinstance(node.args[0], Nabla):
            return None
        (prop,), vector = node.args[0].args, node.args[1]
        found = Bilinearity().combination(prop) if prop.has(OfParameters) else None
        return None if found is None else Add(*(c * Inner(Nabla(u), vector) for c, u in found))


def _gathered(expr: Any) -> Any:
    """Sums and constant factors taken out of derivatives of derivatives."""
    for _ in range(3):
        for rule in (SlopeOfASum(), Bilinearity()):
            expr = rewrite(expr, rule)
    return Add(*(expand_mul(term, deep=False) for term in Add.make_args(expr)))


def _first(dynamics: Dynamics, prop: Any, loss: Any) -> Any:
    """dP/dt of a way without noise."""
    shown = Inner(Nabla(prop), dynamics.update(loss))
    return written(_by_itself(dynamics, prop) + shown)


def parts(dynamics: Dynamics, prop: Any, loss: Any, order: int) -> dict[str, Any]:
    """Selection, bias and noise as rates; of a second derivative also the curvature."""
    curvature: Any = S.Zero
    shift: Any
    if order == 2:
        prop = _first(dynamics, prop, loss)
        curvature = Inner(Nabla(prop), dynamics.update(loss))
        shift = rewrite(rewrite(_by_state(dynamics, prop, loss), WayOfMoving()), Linearity())
        selected = [t for t in Add.make_args(shift) if _is_forced(t)]
        selection = Add(*selected)
        shift -= selection
    else:
        forces = [dynamics.applied(loss, v) for _, v in dynamics.gradient_terms(loss)]
        selection = Inner(Nabla(prop), MatAdd(*forces)) if forces else S.Zero
        bias = dynamics.bias(loss)
        shift = S.Zero if bias is None else Inner(Nabla(prop), bias)
    found = {
        "selection": selection,
        "bias": _by_itself(dynamics, prop) + shift,
        "noise": _noise(dynamics, prop, loss),
        "curvature": curvature,
    }
    tidy = _gathered if order == 2 else lambda part: part
    return {name: tidy(written(part)) for name, part in found.items()}


def _is_forced(term: Any) -> bool:
    """Whether a term is an inner product with a gradient."""
    return any(source_of(node.args[1]) is not None for node in term.atoms(Inner))
