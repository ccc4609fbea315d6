"""The frame of every way of moving θ: `Δθ = M f + b + ξ`, force, metric, bias and noise.

S. A. Frank, The Price equation reveals a universal force–metric–bias law of algorithmic learning
and natural selection, Entropy 27 (2025). A way of moving θ is one subclass of ``Dynamics`` that
states these; the law of change of a property follows by Taylor's theorem (``taylor``) or by the
chain rule in time (``motion``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import mpmath
from sympy import Basic, Expr, Symbol
from sympy.core.function import AppliedUndef
from sympy.core.sympify import _sympify

from ..derivation import Derivation
from ..errors import NoRuleError, ShapeError
from ..outputs import DescribedFields, DescribedMotion
from ..spelling import AsTyped
from ..symbols import expression
from ..tangent.differences import numeric_metric
from ..tangent.gradient import Nabla
from ..tangent.gradient_noise import mean_loss
from ..tangent.metric import Metric
from ..tangent.vectors import Preconditioned, added, numeric_vector, scaled
from .spread import displacements

__all__ = ["Dynamics", "Noise", "mean_loss", "positive"]


class _Fields(NamedTuple):
    factor: Any
    metric: Metric | None
    order: int


class Noise(_Fields, DescribedFields):
    """Covariance `factor · metric` of the noise ξ, of the given order in the step size.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import LangevinDescent, observables
    >>> eta, T = symbols('eta T', positive=True)
    >>> LangevinDescent(eta, T).noise(observables('L'))
    Noise(factor=2*T*eta, metric=None, order=1)
    """

    __slots__ = ()


class Dynamics(AsTyped, DescribedMotion, Basic):
    """A way of moving θ: the base of all of them.

    A subclass states its ``rate`` and what it has of ``gradient``, ``metric``, ``bias`` and
    ``noise``; finite steps also their ``step_size``, in whose powers the law is expanded.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Dynamics, observables, price
    >>> class Steps(Dynamics):
    ...     rate = property(lambda self: symbols('eta', positive=True))
    >>> price(*observables('P L'), Steps()).equation.rhs
    -eta*NTCov(P, L) + O(eta**2)
    """

    @property
    def orders(self) -> tuple[int, ...]:
        """The orders up to which its law exists; the first is what ``price`` takes by itself."""
        return (1,)

    @property
    def continuous(self) -> bool:
        """Whether it is a flow in time, not a step."""
        return False

    @property
    def title(self) -> str:
        """What it is called in derivations: 'gradient flow' for ``GradientFlow``."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(self).__name__).lower()

    # --- what a subclass states -------------------------------------------------------------------
    @property
    def rate(self) -> Any:
        """The factor of the force."""
        return _sympify(1)

    @property
    def step_size(self) -> Any:
        """The symbol in whose powers a finite step is expanded."""
        return self.rate

    def gradient(self, loss: Any) -> Any:
        """The gradient whose negative is the force, exactly."""
        return Nabla(mean_loss(loss))

    def gradient_terms(self, loss: Any) -> list[tuple[int, Any]]:
        """The gradient as (order, vector) in powers of the step size."""
        return [(0, self.gradient(loss))]

    def metric(self, loss: Any) -> Metric | None:
        """The metric M; None is the Euclidean one."""
        return None

    def bias(self, loss: Any) -> Any:
        """What moves θ besides force and noise: a vector, or None."""
        return None

    def noise(self, loss: Any) -> Noise | None:
        """The noise of a step, or per unit of time."""
        return None

    def state_update(self, loss: Any) -> dict[Any, Any]:
        """How the state beside θ moves: {v: v after the step}, in a flow {v: dv/dt}."""
        return {}

    @property
    def time(self) -> Any:
        """The symbol of time where it occurs, as in a schedule; else None."""
        return None

    # --- what follows -----------------------------------------------------------------------------
    def applied(self, loss: Any, vector: Any) -> Any:
        """-η M v, the part of the update that comes from a gradient v."""
        metric, negative = self.metric(loss), isinstance(vector, Nabla) and self.rate == 1
        if negative:  # the force has a name of its own: ∇(-L)
            vector = Nabla(-vector.args[0])
        moved = vector if metric is None else Preconditioned(metric, vector)
        return moved if negative else scaled(-self.rate, moved)

    def update(self, loss: Any) -> Any:
        """Δθ, or dθ/dt, without the noise."""
        forced, bias = self.applied(loss, self.gradient(loss)), self.bias(loss)
        return forced if bias is None else added(bias, forced)

    def terms_of_order(self, loss: Any, order: int) -> Any:
        """The part of Δθ that is of an order in the step size: the bias counts as of the first."""
        terms = self.gradient_terms(loss)
        found = [self.applied(loss, vector) for power, vector in terms if power + 1 == order]
        bias = self.bias(loss)
        return added(*found) if bias is None or order != 1 else added(bias, *found)

    def is_of_first_order(self, loss: Any) -> bool:
        """Whether the whole step is of the first order in the step size, but for the noise: then
        Taylor's theorem leaves nothing out of a polynomial.
        """
        return bool(self.update(loss) == self.terms_of_order(loss, 1))

    def outcomes(self, loss: Any, evaluate: Any, point: Any) -> Iterator[tuple[Any, list[Any]]]:
        """What a step can be at a point: weights and displacements, for the checks.

        Noise is stood in for by a few displacements with the same covariance.
        """
        center = numeric_vector(self.update(loss), evaluate, point)
        noise = self.noise(loss)
        if noise is None:
            yield mpmath.mpf(1), center
            return
        for weight, shift in displacements(_root(noise, evaluate, point), noise.order == 1):
            yield weight, [a + b for a, b in zip(center, shift, strict=True)]

    def run(self, params: Any, gradient: Any, steps: int | None = None) -> Any:
        """Training as it is done: the algorithm iterated from a start, with numbers, arrays or
        symbols.

        Parameters
        ==========

        params : the start, a dict by name or Parameter.
        gradient : a function from such a dict to the dict of gradients, a list of these dicts, one
            a step, or a loss, a formula of the Parameters that are the keys.
        steps : how many.

        Returns a ``Run``: the lists ``params`` and ``states`` of what there was before the first
        step and after each.
        """
        from .running import iterate

        return iterate(self, params, gradient, steps)

    def place(self, params: Any, state: Any, value: Any) -> Any:
        """Where ``run`` takes the gradients of a step: at θ, if the algorithm does not say else."""
        return params

    def second_place(self, params: Any, gradients: Any, value: Any) -> Any:
        """Where ``run`` takes the gradients once more, from those at the first place, as SAM does;
        None if one gradient a step is enough.
        """
        return None

    def law_state(self, before: Any, after: Any, t: int, value: Any) -> Any:
        """What the states of the law of step t are, from those of the algorithm before and after;
        if nothing else is said, those before.
        """
        return before

    @property
    def has_algorithm(self) -> bool:
        """Whether it says how a step is computed from gradients, in ``advance``."""
        return type(self).advance is not Dynamics.advance

    def advance(self, params: Any, gradients: Any, state: Any, t: int, value: Any) -> Any:
        """The parameters and the state after step t, from the gradients at its ``place``;
        ``value`` is how constants enter.
        """
        raise NoRuleError(f"asked for a run of {type(self).__name__}, which states no algorithm")

    def derivation(self, prop: Any, loss: Any, order: int) -> Derivation:
        """The steps from the way of moving θ to the law of change of a property."""
        return self._law().derivation(self, prop, loss, order)

    def law_in_arrays(self, prop: Any, loss: Any, order: int) -> Any:
        """The law as its code is written from."""
        return self.derivation(prop, loss, order).result

    def parts(self, prop: Any, loss: Any, order: int) -> dict[str, Any]:
        """Selection, bias, noise and curvature, as far as they are there; the remainder is a
        function, called when it is asked for.
        """
        return self._law().parts(self, prop, loss, order)

    def _law(self) -> Any:
        if self.continuous:
            from . import motion

            return motion
        from . import taylor

        return taylor


def _root(noise: Noise, evaluate: Any, point: Any) -> Any:
    """R with R Rᵀ the covariance of the noise."""
    factor = evaluate(_sympify(noise.factor), point)
    if noise.metric is not None and hasattr(noise.metric, "root"):
        return mpmath.sqrt(factor) * noise.metric.root(evaluate, point)
    return mpmath.cholesky(factor * numeric_metric(noise.metric, evaluate, point))


def positive(given: Any, asked: str) -> Expr:
    """A rate or a size as an expression; an error where it is certainly not positive."""
    value = expression(given, asked)
    if value.is_nonpositive:
        raise ShapeError(f"asked for {asked} {value}: it is positive")
    return value


def symbol_of_expansion(dynamics: Dynamics) -> Symbol:
    """The step size, which an expansion needs as a symbol."""
    size = dynamics.step_size
    if not isinstance(size, Symbol):
        raise ShapeError(
            f"an expansion in the learning rate needs a symbol for it, but received {size} in "
            f"{dynamics}: write eta there, and .change.removeO().subs(eta, {size}) afterwards"
        )
    return size


def symbol_of_order(dynamics: Dynamics) -> Symbol:
    """The symbol of an O-term in the step size: η itself, that of `η g(t)`, and η for `η(t)`."""
    size = dynamics.step_size
    if isinstance(size, AppliedUndef):
        return Symbol(size.func.__name__, positive=True)
    scales = [s for s in getattr(size, "free_symbols", ()) if not (size / s).has(s)]
    return scales[0] if len(scales) == 1 else symbol_of_expansion(dynamics)


def time_in(expr: Any) -> Any:
    """The symbol that a schedule is a function of: the argument of `γ(t)`, or t itself."""
    functions = {a for f in expr.atoms(AppliedUndef) for a in f.args if isinstance(a, Symbol)}
    named = {s for s in expr.free_symbols if s.name == "t"}
    return min(functions or named, key=lambda s: s.name, default=None)
