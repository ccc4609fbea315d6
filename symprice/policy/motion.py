"""How a policy moves under the gradient of its own reward: the replicator equation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from sympy import Add, Basic, Derivative, Eq, Function, Matrix, S, Symbol, Tuple, log
from sympy.core.symbol import Str

from ..errors import PolicyError
from ..outputs import Outputs
from .chain import shaped
from .collecting import tidied
from .kernel import Kernel
from .outcomes import Outcomes, entries_of
from .second_order import compatible, natural
from .short import short

__all__ = ["PolicyMotion"]

TIME = Symbol("t", real=True)


class Motion(Outputs, Basic):
    """The base of how policies move: args are (gradient, metric)."""

    def __new__(cls, gradient: Any, metric: Any = "euclidean") -> Any:
        if str(metric) not in ("euclidean", "natural"):
            raise PolicyError(
                f"asked for the dynamics in the metric {metric!r}: write 'euclidean' or 'natural'"
            )
        return super().__new__(cls, gradient, Str(str(metric)))

    @property
    def gradient(self) -> Any:
        """The policy gradient that is followed."""
        return self.args[0]

    @property
    def metric(self) -> str:
        """'euclidean' or 'natural'."""
        return str(self.args[1])


class PolicyMotion(Motion):
    """`dπ(a)/dt` when θ follows ∇J ('euclidean') or the natural gradient F⁻¹∇J ('natural').

    One equation for each of finitely many actions, in the probabilities where θ can be eliminated:
    under the natural gradient of a softmax the replicator equation, `dπ(a)/dt = π(a) (r(a) - J)`.
    Of a density the one equation for d log π(a)/dt. Made by ``G.dynamics()``; a sequence of Eq.

    Where a network gives the logits or the heads z, it is θ that follows ∇J and not z: then
    `dπ(a)/dt = NTCov(π(a), J) = π(a) Σ_ij s_i NTCov(z_i, z_j) ∂J/∂z_j`. Under the natural gradient
    the covariances cancel, if the ∇z are linearly independent, and π moves as without a network.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, policy_gradient
    >>> G = policy_gradient(BernoulliPolicy(logit=Parameter('theta')), {1: 10, 0: 5})
    >>> G.dynamics()[0]
    Eq(Derivative(pi(1, t), t), 5*(1 - pi(1, t))**2*pi(1, t)**2)
    >>> G.dynamics('natural')[0]
    Eq(Derivative(pi(1, t), t), 5*(1 - pi(1, t))*pi(1, t))
    >>> from symprice import Observable
    >>> network = policy_gradient(BernoulliPolicy(logit=Observable('z')), {1: 10, 0: 5})
    >>> network.dynamics()[0]
    Eq(Derivative(pi(1, t), t), 5*(1 - pi(1, t))**2*pi(1, t)**2*NTVar(z))
    """

    @cached_property
    def _kernel(self) -> Kernel | None:
        """NTCov(z_i, z_j) where θ moves, and not the z by which the gradient is."""
        return Kernel.of(self.gradient) if self.metric == "euclidean" else None

    @property
    def velocity(self) -> Any:
        """dθ/dt by the variables of the gradient; of logits or heads that a network gives dz/dt."""
        if self.metric == "natural":
            return natural(self.gradient)
        if (kernel := self._kernel) is None:
            return self.gradient.doit()
        return kernel.inserted(shaped(kernel.along(entries_of(self.gradient.doit())), 1))

    @property
    def equations(self) -> Tuple:
        """The equations in the order of the actions."""
        found = Outcomes(self.gradient)
        sides = self._sides(found)
        put = self._kernel.inserted if self._kernel is not None else lambda side: side
        if not found.is_finite:
            name = Function("log_pi")(found.actions[0], TIME)
            side = put(found.closed([short(sides[0])]))
            return Tuple(Eq(Derivative(name, TIME), side, evaluate=False))
        return Tuple(
            *(
                Eq(Derivative(of(a), TIME), put(in_functions(found, side)), evaluate=False)
                for a, side in zip(found.actions, sides, strict=True)
            )
        )

    def _sides(self, found: Outcomes) -> list[Any]:
        """π(a) s(a)ᵀ dθ/dt at each action in the names of the setting; of a density sᵀ dθ/dt."""
        if self.metric == "natural" and compatible(found) is not None:
            # F x = ∇J with s(a)ᵀ x = r(a) - J: the replicator equation.
            values = [r - found.objective for r in found.rewards]
        else:
            rate = found.slope if self.metric == "euclidean" else self._natural(found)
            if self._kernel is not None:
                rate = self._kernel.along(rate)
            values = found.values(
                lambda s, r, g: Add(*(x * y for x, y in zip(s, rate, strict=True)))
            )
        if not found.is_finite:
            return values
        return [tidied(p * short(v)) for p, v in zip(found.probabilities, values, strict=True)]

    def _natural(self, found: Outcomes) -> list[Any]:
        return [found.with_names(e) for e in entries_of(natural(found.gradient))]

    @property
    def equation(self) -> Any:
        """The equations, of a density the one."""
        return tuple(self.equations) if len(self) > 1 else self.equations[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.equations)

    def __len__(self) -> int:
        return len(self.equations)

    def __getitem__(self, place: Any) -> Any:
        return self.equations[place]

    @property
    def lhs(self) -> Any:
        """The left side of the one equation of a density."""
        return self._one().lhs

    @property
    def rhs(self) -> Any:
        """The right side of the one equation of a density."""
        return self._one().rhs

    def _one(self) -> Any:
        if len(self) != 1:
            raise PolicyError(
                f"asked for one side of {len(self)} equations: write dynamics[0].rhs, or a loop"
            )
        return self.equations[0]

    def _formula(self) -> Any:
        """The right sides as functions of θ."""
        found = Outcomes(self.gradient)
        formula = found.closed(self._sides(found))
        return formula if self._kernel is None else self._kernel.carried_out(formula)

    def doit(self, **hints: Any) -> Any:
        """The right sides as functions of θ: a scalar, or a column."""
        return self._formula().doit(**hints)

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        if self._kernel is not None:
            return [("dπ/dt = NTCov(π, J)", self._kernel.motion(self.gradient), self._formula())]
        found = Outcomes(self.gradient)
        if (twin := found.twin) is not None:
            return PolicyMotion(twin, self.metric)._check_items()
        gradient, policy = self.gradient, self.gradient.policy
        speed = entries_of(self.velocity)
        moved = (
            [log(policy.prob())]
            if not isinstance(policy.actions, tuple)
            else list(policy.probabilities)
        )
        before = [
            Add(*(Derivative(p, v) * x for v, x in zip(gradient.wrt, speed, strict=True)))
            for p in moved
        ]
        items = [("the chain rule in time", shaped(before, 1), self.doit())]
        if self.metric == "natural":
            n = len(speed)
            information = Matrix(n, n, entries_of(policy.fisher(wrt=gradient.wrt).doit()))
            pushed = shaped(list(information * Matrix(speed)), 1)
            items.append(("F dθ/dt = ∇J", pushed, gradient.doit()))
        return items

    def _sympystr(self, printer: Any) -> str:
        return f"PolicyMotion({printer._print(self.gradient)}, {self.metric!r})"

    def _latex(self, printer: Any) -> str:
        rows = [rf"{printer._print(e.lhs)} &= {printer._print(e.rhs)}" for e in self.equations]
        return r"\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}"


def of(action: Any) -> Any:
    """π(a) as a function of time."""
    return Function("pi")(action, TIME)


def in_functions(found: Outcomes, side: Any) -> Any:
    """A right side in π(a, t): θ is eliminated where only probabilities are left of it."""
    values = {n: v for n, v in found.definitions.items() if n not in found.probabilities}
    opened = side.xreplace(values)
    pairs = list(zip(found.probabilities, found.actions, strict=True))
    if len(pairs) == 2:
        p, (a, b) = pairs[0][0], found.actions
        if not p.is_Symbol or not found.named:
            written = opened.xreplace({p: of(a)})
            if b == S.Zero or written == opened:
                return tidied(written)
    return tidied(opened.xreplace({p: of(a) for p, a in pairs}))
