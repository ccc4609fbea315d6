"""Ways of moving θ that change another one: what they leave alone is passed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import ShapeError
from ..tangent.metric import Metric
from .update import Dynamics, Noise

__all__ = ["InTime", "Wrapped"]


class Wrapped(Dynamics):
    """A way of moving θ with another one inside, its ``base``: the last argument."""

    @property
    def base(self) -> Any:
        """The way that is changed."""
        return self.args[-1]

    @property
    def orders(self) -> tuple[int, ...]:
        """Those of the base."""
        return self.base.orders

    @property
    def continuous(self) -> bool:
        """As the base."""
        return self.base.continuous

    @property
    def time(self) -> Any:
        """As the base."""
        return self.base.time

    @property
    def title(self) -> str:
        """As the base."""
        return self.base.title

    @property
    def rate(self) -> Any:
        """As the base."""
        return self.base.rate

    @property
    def step_size(self) -> Any:
        """As the base."""
        return self.base.step_size

    def gradient(self, loss: Any) -> Any:
        """As the base."""
        return self.base.gradient(loss)

    def gradient_terms(self, loss: Any) -> list[tuple[int, Any]]:
        """As the base."""
        return self.base.gradient_terms(loss)

    def metric(self, loss: Any) -> Metric | None:
        """As the base."""
        return self.base.metric(loss)

    def bias(self, loss: Any) -> Any:
        """As the base."""
        return self.base.bias(loss)

    def noise(self, loss: Any) -> Noise | None:
        """As the base."""
        return self.base.noise(loss)

    def state_update(self, loss: Any) -> dict[Any, Any]:
        """As the base."""
        return self.base.state_update(loss)

    def applied(self, loss: Any, vector: Any) -> Any:
        """As the base."""
        return self.base.applied(loss, vector)

    def extra(self, evaluate: Any, point: Any) -> list[Any] | None:
        """What the wrapper adds to every displacement of a step, in numbers."""
        return None

    def outcomes(self, loss: Any, evaluate: Any, point: Any) -> Iterator[tuple[Any, list[Any]]]:
        """Those of the base, with what the wrapper adds."""
        extra = self.extra(evaluate, point)
        for weight, shift in self.base.outcomes(loss, evaluate, point):
            moved = shift if extra is None else [a + b for a, b in zip(shift, extra, strict=True)]
            yield weight, moved


class InTime(Wrapped):
    """A way of moving θ in a time that has a symbol: a property that depends on it moves by ∂P/∂t.

    What ``price(P, L, dynamics, time=t)`` makes.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientFlow, Observable, Parameter, price
    >>> from symprice.dynamics.wrapped import InTime
    >>> w, t = Parameter('w'), symbols('t')
    >>> price(t*w, Observable('L'), InTime(t, GradientFlow())).change
    w + NTCov(w*t, -L)
    """

    def __new__(cls, time: Any, base: Any) -> InTime:
        if not base.continuous:
            raise ShapeError(
                f"asked for {base} with the time {time}: a property that depends on time moves by "
                "∂P/∂t in continuous time, as GradientFlow(); of a step, give the property after it"
            )
        return super().__new__(cls, time, base)

    @property
    def time(self) -> Any:
        """The symbol of time."""
        return self.args[0]
