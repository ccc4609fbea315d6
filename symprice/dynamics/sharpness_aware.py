"""Sharpness-aware minimisation: the force is taken where the loss near by is highest."""

from __future__ import annotations

from typing import Any

from sympy import Add, O, sqrt

from ..derivation import Derivation, Rule, Step, rewrite
from ..errors import ShapeError
from ..symbols import expression
from ..tangent.covariance import covariance
from ..tangent.gradient import DefinitionOfCovariance, Inner, Nabla
from ..tangent.shifted import GradientAt
from .either import StepOrFlow
from .running import root
from .taylor import Linear, with_remainder, written
from .update import mean_loss, symbol_of_expansion

__all__ = ["SAM"]


class InTheDistance(Rule):
    """∇L(θ + ρ g/|g|) = ∇L + ρ ∇|∇L| + O(ρ²), where g = ∇L: for ∇²L g/|g| = ∇|∇L|."""

    @property
    def name(self) -> str:
        """'Taylor expansion'."""
        return "Taylor expansion"


class SAM(StepOrFlow):
    """`θ ← θ - η ∇L(θ + ρ g/|g|)` with g = ∇L: descent of the loss at the worst place near by.

    Expanded in ρ it is descent of `L + ρ|∇L|`: `∇L(θ + ρ g/|g|) = ∇(L + ρ √NTVar(L)) + O(ρ²)`. As
    a step, ρ counts as of the order of η; as a flow the law is up to `O(ρ²)`.

    Parameters
    ==========

    rho : ρ, how far away the place is: a symbol.
    eta : the learning rate; without one it is the flow.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.sharpness_aware import SAM
    >>> P, L = observables('P L')
    >>> price(P, L, SAM(symbols('rho', positive=True))).selection
    -rho*NTCov(P, sqrt(NTVar(L))) + NTCov(P, -L)

    References
    ==========

    P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, Sharpness-aware minimization for efficiently
    improving generalization, ICLR 2021.
    """

    _others = 1

    def __new__(cls, rho: Any, eta: Any = None) -> SAM:
        value = expression(rho, "SAM at the distance")
        if value.is_nonpositive:
            raise ShapeError(f"asked for SAM at the distance {value}: it is positive")
        return cls._made((value,), eta)

    @property
    def title(self) -> str:
        """'SAM'."""
        return "SAM"

    @property
    def rho(self) -> Any:
        """How far away the gradient is taken."""
        return self.args[0]

    @property
    def small(self) -> tuple[Any, ...]:
        """What counts as of the order of the step size."""
        return () if self.continuous else (self.rho,)

    @property
    def step_size(self) -> Any:
        """η; of the flow ρ, in which its law is expanded."""
        return self.rho if self.continuous else self.eta

    def derivation(self, prop: Any, loss: Any, order: int) -> Derivation:
        """Of the flow: the velocity, expanded in ρ, as covariances."""
        if not self.continuous:
            return super().derivation(prop, loss, order)
        rest = O(symbol_of_expansion(self) ** 2)
        forces = (self.applied(loss, v) for _, v in self.gradient_terms(loss))
        steps = list(super().derivation(prop, loss, order).steps[:2])
        current = Add(*(Inner(Nabla(prop), force) for force in forces))
        current = rewrite(current, Linear())
        steps.append(Step(InTheDistance(), steps[-1].after, with_remainder(current, rest)))
        after = written(current)
        steps.append(
            Step(
                DefinitionOfCovariance(), with_remainder(current, rest), with_remainder(after, rest)
            )
        )
        return Derivation(steps)

    def parts(self, prop: Any, loss: Any, order: int) -> dict[str, Any]:
        """Selection up to O(ρ²), and the remainder."""
        found = super().parts(prop, loss, order)
        if not self.continuous:
            return found
        return {**found, "remainder": lambda: O(symbol_of_expansion(self) ** 2)}

    def gradient(self, loss: Any) -> Any:
        """`∇L(θ + ρ g/|g|)`."""
        total = mean_loss(loss)
        return GradientAt(total, self.rho / sqrt(covariance(total)) * Nabla(total))

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """One step along the gradient at the worst place near by."""
        eta = value(self.eta)
        return {p: x - eta * gradients[p] for p, x in params.items()}, state

    def second_place(self, params: Any, gradients: Any, value: Any) -> Any:
        """`θ + ρ g/|g|`: where ``run`` takes the gradient once more; θ where g is 0."""
        squares = (g**2 for g in gradients.values())
        norm = root(sum(getattr(s, "sum", lambda s=s: s)() for s in squares))
        if norm == 0:
            return params
        rho = value(self.rho)
        return {p: x + rho * gradients[p] / norm for p, x in params.items()}

    def gradient_terms(self, loss: Any) -> list[tuple[int, Any]]:
        """`∇L + ρ ∇|∇L|`."""
        total = mean_loss(loss)
        return [(0, Nabla(total)), (1, self.rho * Nabla(sqrt(covariance(total))))]
