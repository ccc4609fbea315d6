"""Backward error analysis: the flow that finite steps follow, `dθ/dt = F₀ + ηF₁ + η²F₂ + …`.

The flow moves θ in a time s by `Δ(s) = sF + ½s² D_F F + ⅙s³ D_F D_F F + …`, where `D_G F` is the
derivative of the field F along G. Steps with momentum β are `Δ(η) + βΔ(-η) = ηf(θ) + …`: power by
power in η this says what F₀, F₁, F₂ are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import mpmath
from sympy import Add, Expr, Integer, O, Pow, S, Tuple, ZeroMatrix, factor
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Derivation, Rule, Step
from ..errors import NoRuleError, ShapeError
from ..tangent.covariance import covariance
from ..tangent.differences import displaced
from ..tangent.gradient import Nabla
from ..tangent.properties import ScalarOfParameters
from ..tangent.second import HessianVector
from ..tangent.vectors import DIMENSION, numeric_vector, terms, theta_tex
from . import motion
from .taylor import AfterStep
from .update import Dynamics, mean_loss, symbol_of_expansion

__all__ = ["AfterFlow", "FollowsAFlow", "ModifiedFlow", "StepOnFlow"]

HIGHEST = 3


class FollowsAFlow(Dynamics):
    """Steps that follow a flow of the loss, closely if they are short."""

    highest_accuracy = HIGHEST

    @property
    def kept(self) -> Any:
        """How much of the last step is kept: β."""
        return S.Zero

    @property
    def look_ahead(self) -> Any:
        """How far along the last step the gradient is taken."""
        return S.Zero

    def duration(self, loss: Any) -> Any:
        """The time that one step takes in the flow."""
        return self.rate

    def fields(self, loss: Any, accuracy: int) -> list[Any]:
        """F₀, F₁, …: what matches a step of the flow with one of the training, power by power."""
        beta, force = self.kept, -Nabla(mean_loss(loss))
        found = [scaled(1 / (1 - beta), force)]
        if accuracy > 1:
            bend = scaled(-(1 + beta) / 2, along(found[0], found[0]))
            ahead = scaled(self.look_ahead, along(force, found[0]))
            found.append(scaled(1 / (1 - beta), bend + ahead))
        if accuracy > 2:
            zeroth, first = found
            twist = along(first, zeroth) + along(zeroth, first)
            rest = scaled(-(1 + beta) / 2 / (1 - beta), twist)
            third = along(along(zeroth, zeroth), zeroth)
            found.append(scaled(S.One, rest - third / 6))
        return found

    def modified_flow(self, accuracy: int = 2) -> ModifiedFlow:
        """The flow that the steps follow up to O(η^(accuracy + 1)) in each."""
        return ModifiedFlow(self, accuracy)

    def modified_loss(self, loss: Any) -> Any:
        """The loss whose gradient flow the steps follow up to O(η³) in each, which is
        `L + (η/4) NTVar(L)` for gradient descent.

        Examples
        ========

        >>> from sympy import symbols
        >>> from symprice import GradientDescent, observables
        >>> GradientDescent(symbols('eta', positive=True)).modified_loss(observables('L'))
        L + eta*NTVar(L)/4
        """
        found = []
        given = Tuple(*loss) if isinstance(loss, (list, tuple)) else _sympify(loss)
        for coefficient, vector in terms(self.modified_flow().update(given)):
            if not isinstance(vector, Nabla):
                raise NoRuleError(f"asked for a loss with the gradient {vector}: there is none")
            found.append(-coefficient * vector.args[0])
        return Add(*found)


def along(field: Any, direction: Any) -> Any:
    """D_G F for fields that are made of gradients: `∇²A G` for `F = ∇A`, which along ∇A itself is
    `½∇|∇A|²`.
    """
    found: Any = ZeroMatrix(DIMENSION, 1)
    for c, vector in terms(field):
        if not isinstance(vector, Nabla):
            raise NoRuleError(f"asked for the derivative of the field {vector}: it is no gradient")
        (source,) = vector.args
        for d, other in terms(direction):
            if other == vector:
                found += c * d / 2 * Nabla(covariance(source))
            else:
                found += c * d * HessianVector(source, other)
    return found


def scaled(number: Any, vector: Any) -> Any:
    """A multiple of a vector, the coefficients collected and factored."""
    return combined([(number, vector)])


def combined(parts: Any) -> Any:
    """Multiples of vectors, added, the coefficients collected and factored."""
    collected: dict[Any, Any] = {}
    for number, part in parts:
        for c, vector in terms(part):
            collected[vector] = collected.get(vector, S.Zero) + number * c
    found: Any = ZeroMatrix(DIMENSION, 1)
    for vector, c in collected.items():
        if (c := _factored(c)) != 0:
            found += c * vector
    return found


@lru_cache(maxsize=256)
def _factored(coefficient: Any) -> Any:
    """A coefficient factored, with 1 - β where SymPy writes β - 1."""

    def turned(power: Any) -> Any:
        return (-1) ** power.exp * Pow(-power.base, power.exp)

    return factor(coefficient).replace(_is_turned, turned)


def _is_turned(expr: Any) -> bool:
    return bool(
        expr.is_Pow
        and expr.base.is_Add
        and expr.exp.is_Integer
        and expr.base.as_coeff_Add()[0] == -1
    )


class BackwardErrorAnalysis(Rule):
    """P after a step is P after following the modified flow for the time η, up to higher powers."""

    @property
    def name(self) -> str:
        """'backward error analysis'."""
        return "backward error analysis"


class ModifiedFlow(Dynamics):
    """The flow that steps of training follow: `dθ/dt = F₀ + ηF₁ + …`.

    Of gradient descent it is `F₁ = -∇ ¼|∇L|²` (Barrett & Dherin), `F₂ = ⅓ f'f'f + 1/12 f''(f, f)`
    with `f = -∇L`; of heavy ball `-∇ (L/(1-β) + η(1+β)/(4(1-β)³)|∇L|²)`, once the start is
    forgotten. Its ``derivation`` begins with the claim that the flow passes where the steps do.

    Parameters
    ==========

    steps : the steps, as ``GradientDescent(eta)``, ``HeavyBall(eta, beta)``.
    accuracy : how many powers of η are matched: 1, 2 or 3.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent, observables, price
    >>> P, L = observables('P L')
    >>> eta = symbols('eta', positive=True)
    >>> price(P, L, GradientDescent(eta).modified_flow()).change
    -eta*NTCov(P, NTVar(L))/4 - NTCov(P, L)

    References
    ==========

    D. G. T. Barrett, B. Dherin, Implicit gradient regularization, ICLR 2021. E. Hairer, C. Lubich,
    G. Wanner, Geometric numerical integration, 2006, chapter IX. N. B. Kovachki, A. M. Stuart,
    Continuous time analysis of momentum methods, JMLR 22 (2021).
    """

    continuous = True

    def __new__(cls, steps: Any, accuracy: Any = 2) -> ModifiedFlow:
        if not isinstance(steps, FollowsAFlow):
            raise ShapeError(
                f"asked for the flow that {steps!r} follows: write the modified flow of "
                "GradientDescent(eta), HeavyBall(eta, beta) or Nesterov(eta, beta)"
            )
        exist = range(1, steps.highest_accuracy + 1)
        if accuracy not in exist:
            raise ShapeError(
                f"asked for the flow that {type(steps).__name__} follows up to {accuracy} powers "
                f"of the learning rate: the accuracies that exist are {', '.join(map(str, exist))}"
            )
        return super().__new__(cls, steps, Integer(accuracy))

    @property
    def steps(self) -> Any:
        """The steps that follow it."""
        return self.args[0]

    @property
    def accuracy(self) -> int:
        """How many powers of the learning rate are matched."""
        return int(self.args[1])

    @property
    def title(self) -> str:
        """'matching a step of the flow with a step'."""
        return "matching a step of the flow"

    def gradient_terms(self, loss: Any) -> list[tuple[int, Any]]:
        """None: the fields are stated as they are."""
        return []

    def update(self, loss: Any) -> Any:
        """F₀ + ηF₁ + …"""
        return _velocity(self, loss)

    def bias(self, loss: Any) -> Any:
        """What the flow has besides the force: ηF₁ + …"""
        rest = combined([(1, self.update(loss)), (-1, self.steps.fields(loss, 1)[0])])
        return None if rest.is_ZeroMatrix else rest

    def derivation(self, prop: Any, loss: Any, order: int) -> Derivation:
        """That the flow passes where the steps do; then the chain rule along the flow."""
        eta, duration = symbol_of_expansion(self.steps), self.steps.duration(loss)
        claim = Step(
            BackwardErrorAnalysis(),
            StepOnFlow(prop, loss, self) - AfterFlow(prop, loss, self, duration),
            O(eta ** Integer(self.accuracy + 1)),
        )
        return Derivation([claim]) + motion.derivation(self, prop, loss, order)

    def parts(self, prop: Any, loss: Any, order: int) -> dict[str, Any]:
        """The force is selection, what the finite step adds is bias."""
        found = motion.parts(self, prop, loss, order)
        force = self.steps.fields(loss, 1)[0]
        selection = motion.written(motion.Inner(Nabla(prop), force))
        return {**found, "selection": selection}


@lru_cache(maxsize=64)
def _velocity(flow: ModifiedFlow, loss: Any) -> Any:
    found = flow.steps.fields(loss, flow.accuracy)
    return combined((flow.steps.rate**k, field) for k, field in enumerate(found))


def _after(dynamics: Any, loss: Any, time: Any, evaluate: Any, point: Any) -> list[Any]:
    """How far a flow moves θ in a short time: one Runge–Kutta step, right up to the power of the
    time that is claimed, at most the third.
    """
    field = dynamics.update(loss)

    def speed(*shifts: tuple[Any, list[Any]]) -> list[Any]:
        there = point
        for part, shift in shifts:
            there = displaced(there, shift, part * time)
        return numeric_vector(field, evaluate, there)

    accuracy, half = getattr(dynamics, "accuracy", HIGHEST), mpmath.mpf(1) / 2
    first = speed()
    if accuracy == 1:
        return [time * a for a in first]
    middle = speed((half, first))
    if accuracy == 2:
        return [time * b for b in middle]
    last = speed((-1, first), (2, middle))
    return [time * (a + 4 * b + c) / 6 for a, b, c in zip(first, middle, last, strict=True)]


class AfterFlow(ScalarOfParameters):
    """P after following a continuous way of training for a short time.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientFlow, observables
    >>> from symprice.dynamics.modified import AfterFlow
    >>> AfterFlow(*observables('P L'), GradientFlow(), symbols('s'))
    AfterFlow(P, L, GradientFlow(), s)
    """

    def __new__(cls, prop: Any, loss: Any, dynamics: Any, time: Any) -> AfterFlow:
        return Expr.__new__(cls, _sympify(prop), _sympify(loss), dynamics, _sympify(time))

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """None: a flow has a closed form in few cases."""
        return ()

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        prop, loss, dynamics, time = self.args
        shift = _after(dynamics, loss, evaluate(time, point), evaluate, point)
        return evaluate(prop, displaced(point, shift))

    def _tex(self, printer: Any) -> str:
        prop, _, _, time = self.args
        shown = printer.parenthesize(prop, PRECEDENCE["Atom"])
        return rf"{shown}\left({theta_tex(printer)}({printer._print(time)})\right)"


class StepOnFlow(ScalarOfParameters):
    """P after a step of training that comes along its modified flow, velocity included.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent, observables
    >>> from symprice.dynamics.modified import StepOnFlow
    >>> flow = GradientDescent(symbols('eta')).modified_flow()
    >>> StepOnFlow(*observables('P L'), flow)
    StepOnFlow(P, L, ModifiedFlow(GradientDescent(eta)))
    """

    def __new__(cls, prop: Any, loss: Any, flow: Any) -> StepOnFlow:
        return Expr.__new__(cls, _sympify(prop), _sympify(loss), flow)

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """None."""
        return ()

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        prop, loss, flow = self.args
        eta = evaluate(flow.steps.rate, point)
        states = {}
        for state in flow.steps.state_update(loss):
            back = _after(flow, loss, -eta, evaluate, point)
            states[state] = [-entry for entry in back]
        there = motion.with_states(point, states)
        return evaluate(AfterStep(prop, loss, flow.steps), there)

    def _tex(self, printer: Any) -> str:
        prop, loss, flow = self.args
        return str(printer._print(AfterStep(prop, loss, flow.steps)))
