"""Mirror descent: gradient descent in other coordinates, those of a potential's gradient."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import Add, Basic, Expr, Lambda, Symbol, solve
from sympy.core.sympify import _sympify

from ..derivation import Rule
from ..errors import NoRuleError, ShapeError
from ..symbols import Parameter, ParameterMatrix, expression
from ..tangent.covariance import covariance
from ..tangent.differences import Place, parameter_vector
from ..tangent.gradient import Inner, Nabla, has_formula
from ..tangent.properties import OfParameters
from ..tangent.training_metrics import CoordinateMetric, InverseHessian
from ..tangent.vectors import VectorOfParameters, numeric_vector, theta_tex
from ..timelimit import within
from .either import StepOrFlow
from .update import mean_loss

__all__ = ["MirrorDescent"]

SECONDS = 5


class MirrorDescent(StepOrFlow):
    """`∇ψ(θ⁺) = ∇ψ(θ) - η∇L`, or the flow `dθ/dt = -(∇²ψ)⁻¹∇L`.

    Parameters
    ==========

    potential : ψ as a function of one coordinate, summed over all of them, as
        ``lambda u: u*log(u) - u`` (then a step is `θ ← θ exp(-η ∇L)`, exponentiated gradient, and
        the flow the replicator equation); or a formula in Parameters, of which there is the flow.
    eta : the learning rate; without one it is the flow.

    Raises
    ======

    ShapeError : where a step is asked of a potential that is no function of one coordinate.
    NoRuleError : where the gradient of the potential has no inverse that is found.

    Examples
    ========

    >>> from sympy import log, symbols
    >>> from symprice import parameters, price
    >>> from symprice.dynamics.mirror import MirrorDescent
    >>> from symprice.dynamics.taylor import AfterStep
    >>> p, q = parameters('p q', positive=True)
    >>> eta = symbols('eta', positive=True)
    >>> entropy = lambda u: u*log(u) - u
    >>> AfterStep(p, 3*p + q**2, MirrorDescent(entropy, eta)).doit()
    p*exp(-3*eta)
    >>> price(p, 3*p + q**2, MirrorDescent(entropy)).doit()
    -3*p

    References
    ==========

    A. Nemirovski, D. Yudin, Problem Complexity and Method Efficiency in Optimization, 1983.
    J. Kivinen, M. Warmuth, Exponentiated gradient versus gradient descent, 1997.
    """

    _others = 1

    def __new__(cls, potential: Any, eta: Any = None) -> MirrorDescent:
        made = cls._made((_potential(potential),), eta)
        if not made.continuous and not isinstance(made.potential, Lambda):
            raise ShapeError(
                f"asked for steps of mirror descent with the potential {made.potential}: write a "
                "function of one coordinate, as lambda u: u*log(u), or leave the learning rate out"
            )
        return made

    @property
    def orders(self) -> tuple[int, ...]:
        """Its law is known to first order."""
        return (1,)

    @property
    def potential(self) -> Any:
        """ψ."""
        return self.args[0]

    def metric(self, loss: Any) -> Any:
        """(∇²ψ)⁻¹."""
        if not isinstance(self.potential, Lambda):
            return InverseHessian(self.potential)
        (u,) = self.potential.variables
        return CoordinateMetric(Lambda(u, 1 / self.potential.expr.diff(u, 2)))

    def update(self, loss: Any) -> Any:
        """The step to where the gradient of ψ is less by η∇L."""
        if self.continuous:
            return super().update(loss)
        return MirrorStep(mean_loss(loss), self.potential, self.eta)

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """One step, of numbers or expressions."""
        mirrored, eta = mirrored_step(self.potential), value(self.eta)
        moved = {}
        for p, x in params.items():
            arguments = (_sympify(x), _sympify(eta * gradients[p]))
            moved[p] = float(mirrored(*arguments)) if isinstance(x, float) else mirrored(*arguments)
        return moved, state


def _potential(given: Any) -> Any:
    if callable(given) and not isinstance(given, Basic):
        u = Symbol("u", positive=True)
        given = Lambda(u, expression(given(u), "a potential"))
    if isinstance(given, Lambda):
        if len(given.variables) != 1:
            raise ShapeError(f"asked for the potential {given}: it is a function of one coordinate")
        return given
    value = expression(given, "mirror descent with a potential")
    if not isinstance(value, Expr) or not value.atoms(Parameter):
        raise ShapeError(
            f"asked for mirror descent with the potential {value}: write a function of one "
            "coordinate, as lambda u: u*log(u), or a formula in Parameters"
        )
    return value


def mirrored_step(potential: Lambda) -> Lambda:
    """(u, s) ↦ (ψ')⁻¹(ψ'(u) - s)."""
    (u,) = potential.variables
    slope = potential.expr.diff(u)
    image, step = Symbol("y", real=True), Symbol("s", real=True)
    found = within(SECONDS, lambda: solve(slope - image, u), default=[])
    if len(found) != 1:
        raise NoRuleError(
            f"asked for the inverse of {slope}, the slope of the potential, and found "
            f"{len(found)}: leave the learning rate out for the flow"
        )
    return Lambda((u, step), found[0].subs(image, slope - step))


class StepInTheMirror(Rule):
    """∇P · Δθ with Δθᵢ = (ψ')⁻¹(ψ'(θᵢ) - η ∂L/∂θᵢ) - θᵢ."""

    def apply(self, node: Any) -> Any:
        """The sum over the parameters of a formula."""
        if not isinstance(node, Inner) or not isinstance(node.args[1], MirrorStep):
            return None
        left, step = node.args
        if not isinstance(left, Nabla) or not has_formula(left.args[0]):
            return None
        prop = left.args[0]
        if any(isinstance(s, ParameterMatrix) for s in prop.free_symbols):
            return None
        known = sorted((s for s in prop.free_symbols if isinstance(s, Parameter)), key=str)
        return Add(*(covariance(prop, p) * step.coordinate(p) for p in known))


class MirrorStep(OfParameters, VectorOfParameters):
    """Δθ of a step of mirror descent."""

    known = StepInTheMirror

    def __new__(cls, loss: Any, potential: Lambda, eta: Any) -> MirrorStep:
        return super().__new__(cls, _sympify(loss), potential, _sympify(eta))

    def coordinate(self, parameter: Any) -> Any:
        """(ψ')⁻¹(ψ'(θᵢ) - η ∂L/∂θᵢ) - θᵢ."""
        loss, potential, eta = self.args
        slope = covariance(loss, parameter)
        return mirrored_step(potential)(parameter, eta * slope) - parameter

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        loss, potential, eta = self.args
        u, s = Symbol("u"), Symbol("s")
        moved = mirrored_step(potential)(u, s) - u
        rate, found = evaluate(eta, point), []
        slopes = numeric_vector(Nabla(loss), evaluate, point)
        for p, slope in zip(parameter_vector(point), slopes, strict=True):
            here = point[p.symbol][p.row, p.column] if isinstance(p, Place) else point[p]
            found.append(mpmath.mpmathify(evaluate(moved, {**point, u: here, s: rate * slope})))
        return found

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        loss, _, eta = self.args
        slope = printer._print(eta * Nabla(loss))
        theta = theta_tex(printer)
        return rf"\left((\nabla\psi)^{{-1}}(\nabla\psi - {slope}) - {theta}\right)"
