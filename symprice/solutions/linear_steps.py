"""One step of training on `½ λ θ²` as a linear map, read off what a way of moving θ says of itself.

What a step divides by, as the mean square of gradients in Adam, is a state that is not linear in
θ. Frozen, it is a constant, and the step is linear in the rest (J. M. Cohen et al., Adaptive
gradient methods at the edge of stability, 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sympy import (
    Abs,
    Dummy,
    Expr,
    Float,
    ImmutableDenseMatrix,
    MatAdd,
    MatMul,
    Pow,
    Rational,
    S,
    Symbol,
    ZeroMatrix,
    cancel,
    preorder_traversal,
    solve,
)
from sympy.core.sympify import _sympify

from ..dynamics.update import Dynamics
from ..dynamics.wrapped import WithNoise
from ..errors import NoRuleError, ShapeError
from ..symbols import Parameter
from ..tangent.gradient import Nabla
from ..tangent.shifted import GradientAt
from ..tangent.vectors import ParameterPosition, PositiveState, Preconditioned
from ..timelimit import within

__all__ = ["LinearStep", "exact", "linear_step"]

_SECONDS = 5
_ROUNDING = 1e-9
_INSTEAD = "write the characteristic polynomial, stability_of(polynomial, r, lam)"


class LinearStep(NamedTuple):
    """`x ← matrix · x + kick · ξ` for x = (θ, what moves besides it) and noise ξ of the gradient.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import HeavyBall
    >>> from symprice.solutions.linear_steps import linear_step
    >>> eta, beta, lam = symbols('eta beta lambda', positive=True)
    >>> linear_step(HeavyBall(eta, beta), lam).kick
    Matrix([
    [-eta],
    [-eta]])
    """

    matrix: Any
    kick: Any
    frozen: tuple[Any, ...]


def linear_step(dynamics: Any, lam: Any, frozen: Mapping[Any, Any] | None = None) -> LinearStep:
    """The step of a way of moving θ on the loss `½ λ θ²`, after many steps.

    Of an algorithm (``advance``) it is one step, carried out with symbols; else it is the update
    and the ``state_update``. A state that is not linear in θ and the other states is frozen at the
    value that it has in the step. Powers `βᵗ` of the number of the step have died away. Floats
    count as the decimal numbers that they print as.

    Parameters
    ==========

    dynamics : a way of moving θ in finite steps.
    lam : the curvature λ.
    frozen : values for frozen states, by their letter; where not given they are positive symbols.

    Raises
    ======

    ShapeError : for what does not move in steps.
    NoRuleError : for a step that is not linear, even so.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import RMSProp
    >>> from symprice.solutions.linear_steps import linear_step
    >>> eta, lam = symbols('eta lambda', positive=True)
    >>> linear_step(RMSProp(eta, eps=0), lam).matrix
    Matrix([[-eta*lambda/sqrt(v) + 1]])
    """
    if not isinstance(dynamics, Dynamics) or dynamics.continuous:
        raise ShapeError(
            f"asked for the steps of {dynamics!r}: write a way of moving in finite steps, as "
            "GradientDescent(eta), or a characteristic polynomial with its symbols r and λ"
        )
    dynamics = exact(dynamics)
    while isinstance(dynamics, WithNoise):  # the mean moves as without noise
        dynamics = dynamics.base
    theta, noise = _coordinate(dynamics), Dummy("xi", real=True)
    states = _FrozenStates(dynamics, frozen or {})
    rule = _by_algorithm if dynamics.has_algorithm else _by_update
    moved = _without_products(rule(dynamics, theta, _sympify(lam), noise, states), noise, states)
    states.require_known()
    variables = [*moved, noise]
    rows = [_slopes(after, variables) for after in moved.values()]
    if any(row is None for row in rows):
        raise NoRuleError(
            f"asked for the steps of {dynamics} on a quadratic loss, which are not linear: its "
            "stability depends on where it is"
        )
    whole = ImmutableDenseMatrix(rows)
    return LinearStep(whole[:, :-1], whole[:, -1], tuple(states.constants.values()))


def _coordinate(dynamics: Any) -> Any:
    """θ: of a metric over one parameter, that one."""
    known = dynamics.atoms(Parameter)
    return known.pop() if len(known) == 1 else Parameter("theta", real=True)


def exact(given: Any) -> Any:
    """With every float as the decimal number that it prints as.

    Examples
    ========

    >>> from symprice import GradientDescent
    >>> from symprice.solutions.linear_steps import exact
    >>> exact(GradientDescent(0.1))
    GradientDescent(1/10)
    """
    return given.xreplace({number: Rational(str(number)) for number in given.atoms(Float)})


class _FrozenStates:
    """The constants that stand for states, by letter."""

    def __init__(self, dynamics: Any, values: Mapping[Any, Any]) -> None:
        self.dynamics = dynamics
        self.values = {str(letter): exact(_sympify(value)) for letter, value in values.items()}
        self.constants: dict[str, Any] = {}

    def constant(self, letter: str) -> Any:
        """The value that was given, or a symbol that the user does not use."""
        if letter not in self.constants:
            name, taken = letter, {s.name for s in self.dynamics.free_symbols}
            while name in taken:
                name += "'"
            self.constants[letter] = self.values.get(letter, Symbol(name, positive=True))
        return self.constants[letter]

    def require_known(self) -> None:
        """Raise where a value was given for what is not frozen, or is not positive."""
        unknown = sorted(set(self.values) - set(self.constants))
        if unknown:
            raise ShapeError(
                f"asked for {self.dynamics} with {', '.join(unknown)} frozen: what is frozen of it "
                f"is {', '.join(self.constants) or 'nothing'}"
            )
        for letter, value in self.constants.items():
            if value.is_nonpositive:
                raise ShapeError(f"asked for steps with {letter} = {value} frozen: it is positive")


def _by_algorithm(
    dynamics: Any, theta: Any, lam: Any, noise: Any, states: _FrozenStates
) -> dict[Any, Any]:
    """{x: x after the step}, from one step of the algorithm with symbols."""
    number = Dummy("t", integer=True, positive=True)

    def after(state: Any) -> Any:
        there = dynamics.place({theta: theta}, state, _sympify)
        slope = lam * there[theta] + noise
        again = dynamics.second_place(there, {theta: slope}, _sympify)
        if again is not None:
            slope = lam * again[theta] + noise
        return dynamics.advance({theta: theta}, {theta: slope}, state, number, _sympify)

    try:
        _, made = after({})
        slots = {letter: Dummy(str(letter), real=True) for letter in made}
        now, then = after({letter: {theta: slot} for letter, slot in slots.items()})
        moved = {theta: _sympify(now[theta])}
        moved |= {slot: _sympify(then[letter][theta]) for letter, slot in slots.items()}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as failure:
        raise NoRuleError(
            f"asked for the steps of {dynamics} on a quadratic loss, but its algorithm does not "
            f"take expressions ({failure}): {_INSTEAD}"
        ) from failure
    return {x: _settled(expr, number, dynamics) for x, expr in moved.items()}


def _by_update(
    dynamics: Any, theta: Any, lam: Any, noise: Any, states: _FrozenStates
) -> dict[Any, Any]:
    """{x: x after the step}, from the update and what is said of its states."""
    loss = lam * theta**2 / 2 + noise * theta
    try:
        update, state = dynamics.update(loss), dynamics.state_update(loss)
    except ShapeError as failure:
        raise NoRuleError(
            f"asked for the steps of {dynamics} on a loss ½λθ², which do not follow from λ alone: "
            f"{_INSTEAD}"
        ) from failure
    slots = {vector: Dummy(vector.name, real=True) for vector in state}
    moved = {theta: theta + _scalar(update, theta, slots)}
    moved |= {slots[vector]: _scalar(after, theta, slots) for vector, after in state.items()}
    parts = (part for vector in (update, *state.values()) for part in preorder_traversal(vector))
    metrics = {part for part in parts if isinstance(part, PositiveState) and part not in slots}
    constants = {part.coordinate(theta): states.constant(part.name) for part in metrics}
    innermost = dynamics
    while hasattr(innermost, "base"):
        innermost = innermost.base
    number = getattr(innermost, "t", None)
    return {
        x: _settled(_sympify(expr).xreplace(constants), number, dynamics)
        for x, expr in moved.items()
    }


def _scalar(vector: Any, theta: Any, slots: dict[Any, Any]) -> Any:
    """A vector over the one parameter θ as a scalar."""
    if vector in slots:
        return slots[vector]
    if isinstance(vector, ZeroMatrix):
        return theta * 0
    if isinstance(vector, MatAdd):
        return sum(_scalar(term, theta, slots) for term in vector.args)
    if isinstance(vector, MatMul):
        scalars = [a for a in vector.args if not getattr(a, "is_Matrix", False)]
        matrices = [a for a in vector.args if getattr(a, "is_Matrix", False)]
        if len(matrices) == 1:
            product = _scalar(matrices[0], theta, slots)
            for scalar in scalars:
                product = product * scalar
            return product
    if isinstance(vector, Nabla):
        return vector.args[0].diff(theta)
    if isinstance(vector, Preconditioned):
        metric, inner = vector.args
        return metric.entry(theta, theta) * _scalar(inner, theta, slots)
    if isinstance(vector, ParameterPosition):
        return theta
    if isinstance(vector, GradientAt):  # at θ + shift
        loss, shift = vector.args
        return loss.diff(theta).subs(theta, theta + _scalar(shift, theta, slots))
    raise NoRuleError(
        f"asked for the steps on a quadratic loss, but nothing says what {vector} is there: "
        f"{_INSTEAD}"
    )


def _settled(after: Expr, number: Any, dynamics: Any) -> Expr:
    """What is left after many steps: powers of the number of the step are 0."""
    if not isinstance(number, Symbol):
        return after
    powers = [p for p in after.atoms(Pow) if p.exp.has(number)]
    if all(p.exp.diff(number).is_positive and not _grows(p.base, number) for p in powers):
        after = after.xreplace(dict.fromkeys(powers, S.Zero))
    if after.has(number):
        raise NoRuleError(
            f"asked for the steps of {dynamics} on a quadratic loss, which depend on the number of "
            "the step: they have no characteristic polynomial"
        )
    return after


def _grows(base: Any, number: Any) -> bool:
    return bool(base.has(number) or (Abs(base) - 1).is_nonnegative)


def _without_products(moved: dict[Any, Any], noise: Any, states: _FrozenStates) -> dict[Any, Any]:
    """The step with constants for the states that are not linear in the others."""
    _, *slots = moved
    for slot in slots:
        image = moved[slot]
        if _slopes(image, [*moved, noise]) is None:
            del moved[slot]
            constant = states.constant(slot.name)
            moved = {x: _at_constant(after, slot, image, constant) for x, after in moved.items()}
    return moved


def _at_constant(after: Expr, slot: Any, image: Expr, constant: Any) -> Expr:
    """A formula where a state, which is its ``image`` after the step, is then a constant."""
    after = after.xreplace({image: constant})
    if not after.has(slot):
        return after
    mark = Dummy("v", positive=True)
    found = within(_SECONDS, lambda: solve(image - mark, slot), [])
    if len(found) != 1:
        return after
    after = after.xreplace({slot: found[0]})
    after = after.replace(lambda e: e.is_Pow, lambda e: Pow(cancel(e.base), e.exp))
    return after.xreplace({mark: constant})


def _slopes(after: Expr, variables: list[Any]) -> list[Any] | None:
    """The coefficients of a linear expression; None where it is not linear."""
    for form in (after, after.expand()):
        slopes = [form.diff(x) for x in variables]
        if not any(slope.has(*variables) for slope in slopes):
            return slopes if _adds_up(after, slopes, variables) else None
    if any(_varies(slope, variables) for slope in slopes):
        return None
    slopes = [within(_SECONDS, slope.cancel, slope) for slope in slopes]
    alike = not any(slope.has(*variables) for slope in slopes)
    return slopes if alike and _adds_up(after, slopes, variables) else None


def _varies(slope: Expr, variables: list[Any]) -> bool:
    """Whether a slope has different values at two places, at which all else is the same."""
    others = sorted(slope.free_symbols - set(variables), key=str)
    point = {s: Rational(5 + 3 * i, 7 + 4 * i) for i, s in enumerate(others)}
    values = [
        slope.subs(
            {**point, **{x: Rational(k + i, 3 + i) for i, x in enumerate(variables)}}
        ).evalf()
        for k in (2, 5)
    ]
    return not all(value.is_Number for value in values) or abs(values[0] - values[1]) > _ROUNDING


def _adds_up(after: Expr, slopes: list[Any], variables: list[Any]) -> bool:
    rest = after - sum(slope * x for slope, x in zip(slopes, variables, strict=True))
    return bool(rest.expand() == 0 or within(_SECONDS, rest.cancel, S.One) == 0)
