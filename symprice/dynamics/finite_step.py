"""One finite step of gradient descent, `θ → θ - η∇L`, and what it does to a property.

To second order nothing but iterated covariances is needed:
`ΔP = -η NTCov(P, L) + η²/2 [NTCov(NTCov(P, L), L) - ½ NTCov(P, NTVar(L))] + O(η³)`.
"""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import Basic, Expr, Integer, O, Rational, Symbol
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Derivation, Rule, Step, rewrite
from ..errors import ShapeError
from ..nodes import Node
from ..symbols import expression
from ..tangent.covariance import covariance
from ..tangent.gradient import Nabla, parameter_vector
from ..tangent.properties import OfParameters

__all__ = ["AfterStep", "GradientDescent", "HessianForm", "along"]


def along(prop: Any, direction: Any, evaluate: Any, point: Any, order: int = 1) -> Any:
    """The ``order``-th derivative of a property along a direction in θ, by difference quotients at
    a point.
    """
    coordinates = parameter_vector(point)

    def at(t: Any) -> Any:
        moved = {p: point[p] + t * v for p, v in zip(coordinates, direction, strict=True)}
        return evaluate(prop, {**point, **moved})

    digits = mpmath.mp.dps
    with mpmath.workdps(4 * digits):
        h = mpmath.mpf(10) ** -digits
        if order == 1:
            value = (at(h) - at(-h)) / (2 * h)
        else:
            value = (at(h) - 2 * at(0) + at(-h)) / h**2
    return +value


class Taylor(Rule):
    """P(θ + Δ) - P(θ) = ∇P · Δ + ½ Δᵀ ∇²P Δ + O(|Δ|³)."""

    @property
    def name(self) -> str:
        """'Taylor expansion'."""
        return "Taylor expansion"


class IteratedCovariance(Rule):
    """∇Lᵀ ∇²P ∇L = NTCov(NTCov(P, L), L) - ½ NTCov(P, NTVar(L)).

    By the product rule ∇(∇P·∇L)·∇L = ∇Lᵀ∇²P∇L + ∇Pᵀ∇²L∇L, and NTCov(P, NTVar(L)) = 2 ∇Pᵀ∇²L∇L.
    """

    def apply(self, node: Any) -> Any:
        """Covariances of covariances in place of the second derivatives."""
        if not isinstance(node, HessianForm):
            return None
        prop, loss = node.args
        moving = covariance(covariance(prop, loss), loss)
        return moving - Rational(1, 2) * covariance(prop, covariance(loss))


class HessianForm(Node, OfParameters, Expr):
    """∇Lᵀ ∇²P ∇L: the second derivative of P along the gradient of L."""

    is_commutative = True
    precedence = PRECEDENCE["Mul"]

    def __new__(cls, prop: Any, loss: Any) -> HessianForm:
        return Expr.__new__(cls, _sympify(prop), _sympify(loss))

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """Second derivatives by iterated covariances."""
        return (IteratedCovariance(),)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        return along(self.args[0], evaluate(Nabla(self.args[1]), point), evaluate, point, order=2)

    def _eval_derivative(self, symbol: Any) -> Any:
        return self.doit().diff(symbol)

    def _tex(self, printer: Any) -> str:
        prop, loss = (printer.parenthesize(arg, PRECEDENCE["Mul"]) for arg in self.args)
        return rf"\nabla {loss}^{{\top}}\, \nabla^{{2}} {prop}\, \nabla {loss}"


class AfterStep(Node, OfParameters, Expr):
    """P(θ - η∇L): the property after one step of gradient descent on L.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Parameter
    >>> from symprice.dynamics.finite_step import AfterStep
    >>> w, eta = Parameter('w'), symbols('eta')
    >>> AfterStep(w**2, w**2/2, eta).doit()
    w**2*(1 - eta)**2
    """

    is_commutative = True

    def __new__(cls, prop: Any, loss: Any, eta: Any) -> AfterStep:
        return Expr.__new__(cls, *map(_sympify, (prop, loss, eta)))

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The step itself, where the gradient has a formula."""
        return (TakeTheStep(),)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        prop, loss, eta = self.args
        gradient, rate = evaluate(Nabla(loss), point), evaluate(eta, point)
        moved = {
            p: point[p] - rate * g for p, g in zip(parameter_vector(point), gradient, strict=True)
        }
        return evaluate(prop, {**point, **moved})

    def _eval_derivative(self, symbol: Any) -> Any:
        return self.doit().diff(symbol)

    def _tex(self, printer: Any) -> str:
        prop, loss, eta = self.args
        shown = printer.parenthesize(prop, PRECEDENCE["Atom"])
        rate, gradient = (printer.parenthesize(e, PRECEDENCE["Mul"]) for e in (eta, loss))
        return rf"{shown}\left(\theta - {rate} \nabla {gradient}\right)"


class TakeTheStep(Rule):
    """P(θ - η∇L) is P with every parameter θᵢ replaced by θᵢ - η ∂L/∂θᵢ."""

    def apply(self, node: Any) -> Any:
        """The property at the moved parameters, if nothing in it is unspecified."""
        from sympy import factor_terms

        from ..symbols import TRAINED, Parameter
        from ..tangent.covariance import NTCov

        if not isinstance(node, AfterStep) or any(
            isinstance(s, TRAINED) and not isinstance(s, Parameter)
            for s in node.args[0].free_symbols | node.args[1].free_symbols
        ):
            return None
        prop, loss, eta = node.args
        moved = {
            p: factor_terms(p - eta * (NTCov(loss, p).doit() if p in loss.free_symbols else 0))
            for p in sorted(prop.free_symbols, key=lambda s: s.name)
            if isinstance(p, Parameter)
        }
        return prop.doit().subs(moved, simultaneous=True)


class GradientDescent(Basic):
    """`θ ← θ - η∇L`: finite steps along the exact gradient.

    Parameters
    ==========

    eta : the learning rate.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent, observables, price
    >>> P, L = observables('P L')
    >>> eta = symbols('eta', positive=True)
    >>> price(P, L, GradientDescent(eta)).selection
    -eta*NTCov(P, L)
    """

    orders = (1, 2)

    def __new__(cls, eta: Any) -> GradientDescent:
        eta = expression(eta, "gradient descent with a learning rate")
        if eta.is_nonpositive:
            raise ShapeError(
                f"asked for gradient descent with the learning rate {eta}: it is positive"
            )
        return super().__new__(cls, eta)

    @property
    def eta(self) -> Any:
        """The learning rate."""
        return self.args[0]

    def derivation(self, prop: Any, loss: Any, order: int) -> Derivation:
        """Taylor's theorem along the step, then covariances for the derivatives."""
        eta = self.eta
        if not isinstance(eta, Symbol):
            raise ShapeError(
                f"an expansion in the learning rate needs a symbol for it, but received {eta}: "
                "write "
                "GradientDescent(eta) and substitute the number afterwards"
            )
        before = AfterStep(prop, loss, eta) - prop
        expansion = -eta * covariance(prop, loss)
        if order >= 2:
            expansion += eta**2 / 2 * HessianForm(prop, loss)
        remainder = O(eta ** Integer(order + 1))
        steps = [Step(Taylor(), before, expansion + remainder)]
        if order >= 2:
            rule = IteratedCovariance()
            steps.append(Step(rule, steps[-1].after, rewrite(expansion, rule) + remainder))
        return Derivation(steps)

    def parts(self, prop: Any, loss: Any, order: int) -> dict[str, Any]:
        """Selection, curvature and remainder."""
        found = {
            "selection": -self.eta * covariance(prop, loss),
            "remainder": O(self.eta ** Integer(order + 1)),
        }
        if order >= 2:
            found["curvature"] = (
                self.eta**2 / 2 * IteratedCovariance().apply(HessianForm(prop, loss))
            )
        return found
