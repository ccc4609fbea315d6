"""Momentum: the state is (θ, v), and what the steps before have left moves a property by ∇P · v."""

from __future__ import annotations

from typing import Any

from sympy import Symbol

from ..errors import ShapeError
from ..symbols import expression
from ..tangent.gradient import Nabla
from ..tangent.second import HessianVector
from ..tangent.shifted import GradientAt
from ..tangent.vectors import Velocity
from .modified import FollowsAFlow
from .update import Dynamics, mean_loss, positive, time_in

__all__ = ["HeavyBall", "HeavyBallFlow", "Nesterov", "NesterovFlow"]


class HeavyBall(FollowsAFlow):
    """`v ← βv - η∇L`, `θ ← θ + v`: Polyak's momentum.

    The force moves P by selection, the velocity by the bias `β ∇P · v`; in O-terms v counts as of
    the order of η.

    Parameters
    ==========

    eta : the learning rate.
    beta : the part of the velocity that is kept, from 0 to 1.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.momentum import HeavyBall
    >>> P, L = observables('P L')
    >>> eta, beta = symbols('eta beta', positive=True)
    >>> price(P, L, HeavyBall(eta, beta)).bias
    beta*(Inner(Nabla(P), v))

    References
    ==========

    B. T. Polyak, Some methods of speeding up the convergence of iteration methods, 1964.
    """

    orders = (1, 2)

    def __new__(cls, eta: Any, beta: Any) -> Any:
        rate = positive(eta, "momentum with the learning rate")
        kept = expression(beta, "momentum with a beta")
        if kept.is_negative or (1 - kept).is_nonpositive:
            raise ShapeError(f"asked for momentum with beta = {kept}: it is from 0 to below 1")
        return super().__new__(cls, rate, kept)

    @property
    def rate(self) -> Any:
        """η."""
        return self.args[0]

    @property
    def beta(self) -> Any:
        """The part of the velocity that is kept."""
        return self.args[1]

    @property
    def kept(self) -> Any:
        """β."""
        return self.beta

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """One step, from v = 0 at the first."""
        eta, beta, old = value(self.rate), value(self.beta), state.get("v", {})
        v = {p: beta * old.get(p, 0) - eta * gradients[p] for p in params}
        return {p: x + v[p] for p, x in params.items()}, {"v": v}

    def bias(self, loss: Any) -> Any:
        """βv."""
        return self.beta * Velocity("v")

    def state_update(self, loss: Any) -> dict[Any, Any]:
        """v is the step that θ makes."""
        return {Velocity("v"): self.update(loss)}


class Nesterov(HeavyBall):
    """`v ← βv - η∇L(θ + βv)`, `θ ← θ + v`: the gradient is that of the place looked ahead to.

    Expanded, `∇L(θ + βv) = ∇L + β∇²L v + …`: to second order selection gains `-ηβ ∇²L[∇P, v]`.

    Parameters
    ==========

    eta, beta : as for ``HeavyBall``.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.momentum import Nesterov
    >>> P, L = observables('P L')
    >>> eta, beta = symbols('eta beta', positive=True)
    >>> price(P, L, Nesterov(eta, beta), order=2).selection
    -beta*eta*NTCov(P, Inner(Nabla(L), v)) - eta*NTCov(P, L)

    References
    ==========

    Y. Nesterov, A method for solving the convex programming problem with convergence rate O(1/k²),
    1983; in this form I. Sutskever, J. Martens, G. Dahl, G. Hinton, On the importance of
    initialization and momentum in deep learning, ICML 2013.
    """

    highest_accuracy = 2

    def place(self, params: Any, state: Any, value: Any) -> Any:
        """θ + βv."""
        beta, v = value(self.beta), state.get("v", {})
        return {p: x + beta * v.get(p, 0) for p, x in params.items()}

    @property
    def look_ahead(self) -> Any:
        """β."""
        return self.beta

    def gradient(self, loss: Any) -> Any:
        """∇L(θ + βv)."""
        return GradientAt(mean_loss(loss), self.beta * Velocity("v"))

    def gradient_terms(self, loss: Any) -> list[tuple[int, Any]]:
        """∇L and β∇²L v."""
        mean = mean_loss(loss)
        return [(0, Nabla(mean)), (1, self.beta * HessianVector(mean, Velocity("v")))]


class HeavyBallFlow(Dynamics):
    """`dθ/dt = v`, `dv/dt = -γv - ∇L`: a ball with friction in the landscape of the loss.

    A property starts to move by `∇P · v` alone, and the loss is in its second derivative (order=2):
    `d²P/dt² = ∇(∇P · v) · v - γ ∇P · v - NTCov(P, L)`.

    Parameters
    ==========

    friction : γ; a number, a symbol, or a function of the time t.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.momentum import HeavyBallFlow
    >>> P, L = observables('P L')
    >>> found = price(P, L, HeavyBallFlow(symbols('gamma', positive=True)), order=2)
    >>> found.selection, found.bias
    (-NTCov(P, L), -gamma*Inner(Nabla(P), v))

    References
    ==========

    N. Qian, On the momentum term in gradient descent learning algorithms, Neural Networks 12
    (1999).
    """

    continuous = True
    orders = (1, 2)

    def __new__(cls, friction: Any) -> Any:
        given = expression(friction, "a flow with the friction")
        if given.is_negative:
            raise ShapeError(f"asked for the friction {given}: it is not negative")
        return super().__new__(cls, given)

    @property
    def title(self) -> str:
        """'heavy ball'."""
        return "heavy ball"

    @property
    def friction(self) -> Any:
        """γ."""
        return self.args[0]

    @property
    def time(self) -> Any:
        """What the friction is a function of."""
        return time_in(self.friction)

    def update(self, loss: Any) -> Any:
        """v."""
        return Velocity("v")

    def bias(self, loss: Any) -> Any:
        """v: all of the velocity is left from before."""
        return Velocity("v")

    def gradient_terms(self, loss: Any) -> list[tuple[int, Any]]:
        """None: the force is in the second derivative."""
        return []

    def state_update(self, loss: Any) -> dict[Any, Any]:
        """dv/dt = -γv - ∇L."""
        v = Velocity("v")
        return {v: -self.friction * v + self.applied(loss, self.gradient(loss))}


class NesterovFlow(HeavyBallFlow):
    """`d²θ/dt² + (r/t) dθ/dt + ∇L = 0`: Nesterov's method with small steps, t = √η · steps.

    Parameters
    ==========

    time : the symbol of time.
    r : 3 for Nesterov's method; smaller values lose its rate.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.momentum import NesterovFlow
    >>> P, L = observables('P L')
    >>> price(P, L, NesterovFlow(symbols('t', positive=True)), order=2).bias
    -3*Inner(Nabla(P), v)/t

    References
    ==========

    W. Su, S. Boyd, E. J. Candès, A differential equation for modeling Nesterov's accelerated
    gradient method, JMLR 17 (2016).
    """

    def __new__(cls, time: Any, r: Any = 3) -> Any:
        symbol = expression(time, "Nesterov's flow in the time")
        if not isinstance(symbol, Symbol):
            raise ShapeError(f"asked for Nesterov's flow in the time {time}: write a symbol")
        factor = positive(r, "Nesterov's flow with r =")
        return Dynamics.__new__(cls, symbol, factor)  # type: ignore[call-arg]

    @property
    def title(self) -> str:
        """'Nesterov flow'."""
        return "Nesterov flow"

    @property
    def time(self) -> Any:
        """t."""
        return self.args[0]

    @property
    def friction(self) -> Any:
        """r/t."""
        return self.args[1] / self.args[0]
