"""RMSProp, Adam and AdamW: the preconditioner is a state, in a step it is a metric.

Within one step the moving averages are numbers, so the law of a step is exact in them:
`Δθ = -η(1-β₁)/(1-β₁ᵗ) M∇L - ηβ₁/(1-β₁ᵗ) M m`, with `M = diag(1/(√v̂ + ε))`, v̂ of this step and m of
the step before. What the averages become is ``run``.
"""

from __future__ import annotations

from typing import Any

from sympy import Basic, Expr, Integer, Rational, Symbol
from sympy.core.sympify import _sympify

from ..errors import ShapeError
from ..symbols import expression
from ..tangent.training_metrics import AdaptiveMetric
from ..tangent.vectors import ParameterPosition, PositiveState, Preconditioned, StateVector
from .running import root
from .update import Dynamics, positive

__all__ = ["Adam", "AdamW", "RMSProp"]

# The defaults are those of PyTorch.
ALPHA, DECAY = Rational(99, 100), Rational(1, 100)
BETA1, BETA2, EPS = Rational(9, 10), Rational(999, 1000), Rational(1, 10**8)


def decay(given: Any, asked: str) -> Expr:
    """A decay rate of a moving average; an error where it is certainly outside of [0, 1)."""
    value = expression(given, asked)
    if value.is_negative or (value - 1).is_nonnegative:
        raise ShapeError(f"asked for {asked} {value}: it is at least 0 and less than 1")
    return value


class RMSProp(Dynamics):
    """`v ← β₂v + (1-β₂)g²`, `θ ← θ - η g/(√v + ε)`, where g = ∇L.

    The law of a step has the v of that step as a state: symbols v_w, one for each parameter.

    Parameters
    ==========

    eta : the learning rate.
    beta2 : the part of the mean square that is kept (PyTorch's alpha).
    eps : ε, outside of the root.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Parameter, price
    >>> from symprice.dynamics.adaptive import RMSProp
    >>> w = Parameter('w')
    >>> eta, beta = symbols('eta beta', positive=True)
    >>> price(w**2, w**2/2, RMSProp(eta, beta, 0)).selection.doit()
    -2*w**2*eta/sqrt(v_w)

    References
    ==========

    T. Tieleman, G. Hinton, Neural networks for machine learning, lecture 6.5, 2012.
    """

    orders = (1, 2)

    def __new__(cls, eta: Any, beta2: Any = ALPHA, eps: Any = EPS) -> RMSProp:
        return super().__new__(
            cls,
            positive(eta, "RMSProp with the learning rate"),
            decay(beta2, "RMSProp with beta2"),
            expression(eps, "RMSProp with eps"),
        )

    @property
    def title(self) -> str:
        """'RMSProp'."""
        return type(self).__name__

    @property
    def rate(self) -> Any:
        """η."""
        return self.args[0]

    def metric(self, loss: Any) -> Any:
        """1/(√v + ε) on the diagonal."""
        return AdaptiveMetric(PositiveState("v"), self.args[2])

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """One step."""
        eta, beta, eps = map(value, self.args)
        old = state.get("v", {})
        v = {p: beta * old.get(p, 0) + (1 - beta) * g**2 for p, g in gradients.items()}
        moved = {p: x - eta * gradients[p] / (root(v[p]) + eps) for p, x in params.items()}
        return moved, {"v": v}

    def law_state(self, before: Any, after: Any, t: int, value: Any) -> Any:
        """The v of the step itself."""
        return after


class Adam(Dynamics):
    """`θ ← θ - η m̂/(√v̂ + ε)`, with `m ← β₁m + (1-β₁)g`, `m̂ = m/(1-β₁ᵗ)`, `v ← β₂v + (1-β₂)g²`,
    `v̂ = v/(1-β₂ᵗ)`.

    The law of step t has two states: v̂ of that step, m of the step before. They print as symbols
    v̂_w and m_w, one for each parameter; the force acts in the metric 1/(√v̂ + ε), the memory m is
    the bias.

    Parameters
    ==========

    eta : the learning rate.
    beta1, beta2 : the parts of the averages that are kept.
    eps : ε, outside of the root.
    t : the number of the step, from 1; a symbol where not given.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.adaptive import Adam
    >>> P, L = observables('P L')
    >>> eta, b1, b2, eps = symbols('eta beta1 beta2 epsilon', positive=True)
    >>> found = price(P, L, Adam(eta, b1, b2, eps))
    >>> found.selection
    -eta*(1 - beta1)*NTCov(P, L, AdaptiveMetric(vhat, epsilon))/(1 - beta1**t)
    >>> found.bias
    -beta1*eta*Inner(Nabla(P), Preconditioned(AdaptiveMetric(vhat, epsilon), m))/(1 - beta1**t)

    The algorithm itself, here its first step:

    >>> from symprice import Parameter
    >>> w = Parameter('w', positive=True)
    >>> Adam(eta, b1, b2, 0).run({w: w}, w**2, 1).params[1][w].factor() == w - eta
    True

    References
    ==========

    D. P. Kingma, J. Ba, Adam: a method for stochastic optimization, ICLR 2015.
    """

    orders = (1, 2)

    def __new__(
        cls,
        eta: Any,
        beta1: Any = BETA1,
        beta2: Any = BETA2,
        eps: Any = EPS,
        t: Any = None,
    ) -> Any:
        return cls._with(*cls._settings(eta, beta1, beta2, eps), step_number(t))

    @classmethod
    def _with(cls, *args: Any) -> Any:
        return Basic.__new__(cls, *args)

    @classmethod
    def _settings(cls, eta: Any, beta1: Any, beta2: Any, eps: Any) -> tuple[Any, ...]:
        asked = cls.__name__
        return (
            positive(eta, f"{asked} with the learning rate"),
            decay(beta1, f"{asked} with beta1"),
            decay(beta2, f"{asked} with beta2"),
            expression(eps, f"{asked} with eps"),
        )

    @property
    def title(self) -> str:
        """'Adam'."""
        return type(self).__name__

    @property
    def step_size(self) -> Any:
        """η."""
        return self.args[0]

    @property
    def beta1(self) -> Any:
        """The part of m that is kept."""
        return self.args[1]

    @property
    def eps(self) -> Any:
        """ε."""
        return self.args[3]

    @property
    def t(self) -> Any:
        """The number of the step."""
        return self.args[4]

    @property
    def rate(self) -> Any:
        """η(1-β₁)/(1-β₁ᵗ)."""
        return self.step_size * (1 - self.beta1) / (1 - self.beta1**self.t)

    def metric(self, loss: Any) -> Any:
        """1/(√v̂ + ε) on the diagonal."""
        return AdaptiveMetric(PositiveState("vhat"), self.eps)

    def bias(self, loss: Any) -> Any:
        """-ηβ₁/(1-β₁ᵗ) M m."""
        if self.beta1 == 0:
            return None
        memory = Preconditioned(self.metric(loss), StateVector("m"))
        return -self.step_size * self.beta1 / (1 - self.beta1**self.t) * memory

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """One step."""
        eta, b1, b2, eps = map(value, self.args[:4])
        m, v = state.get("m", {}), state.get("v", {})
        m = {p: b1 * m.get(p, 0) + (1 - b1) * g for p, g in gradients.items()}
        v = {p: b2 * v.get(p, 0) + (1 - b2) * g**2 for p, g in gradients.items()}
        moved = {}
        for p, x in params.items():
            mean, square = m[p] / (1 - b1**t), v[p] / (1 - b2**t)
            moved[p] = x - eta * mean / (root(square) + eps)
        return moved, {"m": m, "v": v}

    def law_state(self, before: Any, after: Any, t: int, value: Any) -> Any:
        """m of the step before, v̂ of the step itself."""
        kept = value(self.args[2]) ** t
        square = {p: v / (1 - kept) for p, v in after["v"].items()}
        return {"m": before.get("m", {}), "vhat": square}


class AdamW(Adam):
    """Adam with decay beside it: `θ ← (1 - ηλ)θ - η m̂/(√v̂ + ε)`; the bias gains `-ηλ ∇P·θ`.

    Parameters
    ==========

    eta, beta1, beta2, eps, t : as of Adam.
    weight_decay : λ.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables, price
    >>> from symprice.dynamics.adaptive import AdamW
    >>> P, L = observables('P L')
    >>> eta, lamda = symbols('eta lamda', positive=True)
    >>> price(P, L, AdamW(eta, beta1=0, weight_decay=lamda)).bias
    -eta*lamda*Inner(Nabla(P), theta)

    References
    ==========

    I. Loshchilov, F. Hutter, Decoupled weight decay regularization, ICLR 2019.
    """

    def __new__(
        cls,
        eta: Any,
        beta1: Any = BETA1,
        beta2: Any = BETA2,
        eps: Any = EPS,
        t: Any = None,
        weight_decay: Any = DECAY,
    ) -> Any:
        settings = cls._settings(eta, beta1, beta2, eps)
        rate = expression(weight_decay, "AdamW with the weight decay")
        return cls._with(*settings, step_number(t), rate)

    @property
    def weight_decay(self) -> Any:
        """λ."""
        return self.args[5]

    def bias(self, loss: Any) -> Any:
        """-ηβ₁/(1-β₁ᵗ) M m - ηλθ."""
        shrinking = -self.step_size * self.weight_decay * ParameterPosition()
        memory = super().bias(loss)
        return shrinking if memory is None else memory + shrinking

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """One step."""
        kept = 1 - value(self.step_size) * value(self.weight_decay)
        shrunk = {p: kept * x for p, x in params.items()}
        return super().advance(shrunk, gradients, state, t, value)


def step_number(given: Any) -> Any:
    """The number of a step: a positive integer, or the symbol t."""
    t = Symbol("t", integer=True, positive=True) if given is None else _sympify(given)
    if t.is_positive is False or t.is_integer is False:
        raise ShapeError(f"asked for step {t} of Adam: steps are counted from {Integer(1)}")
    return t
