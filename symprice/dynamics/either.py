"""Ways of moving θ that exist as steps of a learning rate, and without one as a flow."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..symbols import expression
from .update import Dynamics, positive

__all__ = ["SecondOrder", "StepOrFlow"]


class StepOrFlow(Dynamics):
    """`θ ← θ - η M ∇L` with a learning rate η, `dθ/dt = -M ∇L` without one.

    A subclass gives the number of its other arguments, which come before the learning rate.
    """

    _others = 0

    @classmethod
    def _made(cls, others: tuple[Any, ...], eta: Any) -> Any:
        tail = () if eta is None else (positive(eta, f"{cls.__name__} with the learning rate"),)
        return Dynamics.__new__(cls, *others, *tail)

    @property
    def eta(self) -> Any:
        """The learning rate; None of a flow."""
        return self.args[self._others] if len(self.args) > self._others else None

    @property
    def continuous(self) -> bool:
        """Whether it is a flow."""
        return self.eta is None

    @property
    def orders(self) -> tuple[int, ...]:
        """A flow has its rate of change; a step is expanded."""
        return (1,) if self.continuous else (1, 2)

    @property
    def rate(self) -> Any:
        """η, or 1 per unit of time."""
        return super().rate if self.continuous else self.eta


class SecondOrder(StepOrFlow):
    """Descent in the metric `(F + λI)⁻¹` of a matrix F that the loss makes.

    Parameters
    ==========

    damping : λ.
    eta : the learning rate; without one it is the flow.
    """

    _others = 1
    _method = ""

    def __new__(cls, damping: Any = 0, eta: Any = None) -> Any:
        value = expression(damping, f"{cls._method} with damping")
        if value.is_negative:
            raise ShapeError(f"asked for {cls._method} with damping {value}: it is at least 0")
        return cls._made((value,), eta)

    @property
    def title(self) -> str:
        """What it is called in print."""
        return self._method

    @property
    def damping(self) -> Any:
        """λ."""
        return self.args[0]
