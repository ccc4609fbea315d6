"""Ways of moving θ that change another one: what they leave alone is passed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import ShapeError
from ..tangent.metric import Metric
from .update import Dynamics, Noise

__all__ = ["InTime", "WithNoise", "Wrapped"]


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

    def is_of_first_order(self, loss: Any) -> bool:
        """As the base."""
        return bool(self.base.is_of_first_order(loss))

    @property
    def has_algorithm(self) -> bool:
        """Where the base has one and the wrapper says what it adds."""
        return super().has_algorithm and not self.continuous and bool(self.base.has_algorithm)

    def place(self, params: Any, state: Any, value: Any) -> Any:
        """As the base."""
        return self.base.place(params, state, value)

    def second_place(self, params: Any, gradients: Any, value: Any) -> Any:
        """As the base."""
        return self.base.second_place(params, gradients, value)

    def law_state(self, before: Any, after: Any, t: int, value: Any) -> Any:
        """As the base."""
        return self.base.law_state(before, after, t, value)

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


class WithNoise(Wrapped):
    """A way of moving θ with the noise of another: momentum on minibatches, say.

    Parameters
    ==========

    source : whose noise it is, as ``SGD(eta, batch)`` or ``LangevinDescent(eta, T)``.
    base : what moves θ besides, without noise of its own, as ``HeavyBall(eta, beta)``.

    Of a look-ahead the noise is taken to be that at θ: the difference is of the third order.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import SGD, HeavyBall, observables, price
    >>> from symprice.dynamics.wrapped import WithNoise
    >>> P, L = observables('P L')
    >>> eta, beta = symbols('eta beta', positive=True)
    >>> found = price(P, L, WithNoise(SGD(eta, 32), HeavyBall(eta, beta)), order=2)
    >>> found.bias, found.noise
    (beta*(Inner(Nabla(P), v)), eta**2*(HessianTrace(P, GradientNoise(L)))/64)
    """

    def __new__(cls, source: Any, base: Any) -> WithNoise:
        for given in (source, base):
            if not isinstance(given, Dynamics):
                raise ShapeError(
                    f"asked for the noise of {source!r} on {base!r}: write "
                    "WithNoise(SGD(eta, batch), HeavyBall(eta, beta))"
                )
        if source.continuous != base.continuous:
            raise ShapeError(
                f"asked for the noise of {source} on {base}: one is a step, one a flow"
            )
        return super().__new__(cls, source, base)

    @property
    def source(self) -> Any:
        """Whose noise it is."""
        return self.args[0]

    @property
    def orders(self) -> tuple[int, ...]:
        """Those that both have."""
        return tuple(order for order in self.base.orders if order in self.source.orders)

    @property
    def title(self) -> str:
        """'heavy ball with the noise of SGD'."""
        return f"{self.base.title} with the noise of {self.source.title}"

    def noise(self, loss: Any) -> Noise | None:
        """That of the source."""
        if self.base.noise(loss) is not None:
            raise ShapeError(f"asked for more noise on {self.base}, which has noise of its own")
        return self.source.noise(loss)

    def outcomes(self, loss: Any, evaluate: Any, point: Any) -> Iterator[tuple[Any, list[Any]]]:
        """Every outcome of the base with displacements of the covariance of the noise."""
        yield from Dynamics.outcomes(self, loss, evaluate, point)
