"""Price's equation of training, `dP/dt = NTCov(P, -L)`, and what remains of it for other ways of
moving θ.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from sympy import Basic, Derivative, Eq, Function, Integer, Symbol, Tuple
from sympy.core.sympify import _sympify
from sympy.matrices.expressions.matexpr import MatrixElement

from ..derivation import Derivation, Rule, Step
from ..errors import NoRuleError, ShapeError
from ..nodes import Node
from ..outputs import Outputs, Result
from ..symbols import Observable, Parameter, expression
from ..tangent.closing import closed_form
from ..tangent.covariance import covariance
from ..tangent.gradient_noise import GradientNoise
from ..tangent.matrix_closing import is_matrix_level
from ..tangent.properties import MATRIX, as_property, require_parameters
from ..tangent.slopes import needs_vectors
from .flow import GradientFlow
from .kernel_form import AtTheOutput, in_kernel, kernel_of
from .kernel_solution import PushThrough, pushed_through
from .update import Dynamics, mean_loss
from .wrapped import InTime

__all__ = ["PriceEquation", "price"]


class PriceEquation(Result, Basic):
    """How a property moves in training: the equation, its parts by name, and its derivation.

    Made by ``price``.

    Examples
    ========

    >>> from symprice import observables, price
    >>> P, L = observables('P L')
    >>> price(P, L).selection
    NTCov(P, -L)
    """

    @property
    def prop(self) -> Any:
        """The property P."""
        return self.args[0]

    @property
    def loss(self) -> Any:
        """The loss L that training descends; the losses of examples were given as their mean."""
        return mean_loss(self.args[1])

    @property
    def dynamics(self) -> Any:
        """The way in which θ is moved."""
        return self.args[2]

    @property
    def order(self) -> int:
        """The order in the step size up to which it holds."""
        return int(self.args[3])

    @property
    def derivation(self) -> Derivation:
        """The steps from the way of moving θ to the equation."""
        found = self.dynamics.derivation(self.prop, self.args[1], self.order)
        for rule, after in self._by_outputs(found.result):
            found += Derivation([Step(rule, found.result, after)])
        return found

    def _by_outputs(self, law: Any) -> Iterator[tuple[Rule, Any]]:
        """The steps of a law, or of a part of it, to the outputs of the network."""
        for rule, written in (
            (PushThrough(), pushed_through),
            (AtTheOutput(self.loss), partial(in_kernel, loss=self.loss)),
        ):
            after = written(law)
            if after != law:
                yield rule, after
                law = after

    @property
    def change(self) -> Any:
        """The right-hand side: the rate or the step of P."""
        return self.derivation.result

    @property
    def equation(self) -> Any:
        """The equation: `dP/dt = …` for a flow, `ΔP = …` for a step.

        Where the property is no formula in functions of time, a covariance say, or moves in
        expectation only, the left side is the start of the derivation.
        """
        plain = not (self.prop.has(Node, MatrixElement) or is_matrix_level(self.prop))
        noisy = self.dynamics.noise(self.args[1]) is not None
        if self.dynamics.continuous and plain and not noisy:
            left = _in_time(self.prop, self.dynamics.time, self.order)
            return Eq(left, self.change, evaluate=False)
        return Eq(_start(self.derivation), self.change, evaluate=False)

    @property
    def _equations(self) -> Any:
        """As it is displayed: letters stand for what is long, so its rate is that of a letter."""
        return Eq(_start(self.derivation), self.change, evaluate=False)

    def _part(self, name: str) -> Any:
        whole = self._whole_part(name)
        return next((law for _, law in [*self._by_outputs(whole)][::-1]), whole)

    def _whole_part(self, name: str) -> Any:
        """A part with the loss as a whole."""
        return self.dynamics.parts(self.prop, self.args[1], self.order).get(name, _sympify(0))

    def part_in_arrays(self, name: str) -> Any:
        """A part as its code is written: what needs vectors has the gradient of the whole loss."""
        whole = self._whole_part(name)
        return whole if needs_vectors(whole) else in_kernel(whole, self.loss)

    @property
    def selection(self) -> Any:
        """The covariance term: what the gradient selects for."""
        return self._part("selection")

    @property
    def curvature(self) -> Any:
        """The second-order term of a finite step."""
        return self._part("curvature")

    @property
    def bias(self) -> Any:
        """What moves P besides force and noise, as momentum or decay: transmission."""
        return self._part("bias")

    @property
    def transmission(self) -> Any:
        """Another name of the bias, that of the field where the equation comes from."""
        return self.bias

    @property
    def noise(self) -> Any:
        """What the noise of the steps adds in expectation; 0 for exact gradients."""
        return self._part("noise")

    @property
    def fluctuation(self) -> Any:
        """The variance of the change of P around its mean, to leading order: `∇Pᵀ Σ ∇P`."""
        noise = self.dynamics.noise(self.args[1])
        if noise is None:
            return _sympify(0)
        return noise.factor * covariance(self.prop, metric=noise.metric)

    @property
    def remainder(self) -> Any:
        """What is left out, as an O-term."""
        found = self.dynamics.parts(self.prop, self.args[1], self.order).get("remainder")
        return _sympify(0) if found is None else found()

    def doit(self, **hints: Any) -> Any:
        """The change of P with all covariances unfolded."""
        return self.change.doit(**hints)

    @property
    def kernel(self) -> Any:
        """The closed form of the covariance of P with the output of the network, at a sample.

        Raises
        ======

        NoRuleError : where the loss is no function of the output of a network.
        """
        found = kernel_of(self.prop, self.loss, self.dynamics.metric(self.args[1]))
        if found is None:
            raise NoRuleError(
                f"asked for the kernel of training on {self.loss}: that is for a loss of the "
                "output of a network of matrices, as average(squared_loss(net(x_i), y_i), i)"
            )
        return closed_form(found)

    def source(self, args: Any = None, **settings: Any) -> str:
        """Readable NumPy source of the change of P; of networks it takes their arrays, the data,
        and the state, as ``v_W1``.
        """
        return Outputs.source(self._coded(), args, **settings)

    def lambdify(self, args: Any = None, **settings: Any) -> Any:
        """The change of P as a NumPy function."""
        return Outputs.lambdify(self._coded(), args, **settings)

    def _coded(self) -> Any:
        """What is computed: without O-terms, networks with their definitions."""
        formula = self._formula()
        if any(noise.is_unspecified for noise in formula.atoms(GradientNoise)):
            raise NoRuleError(
                "asked for code of a law with the covariance C of the gradients of examples that "
                "are not given: write price(P, [l1, l2, ...], ...) or a mean, average(l_i, i)"
            )
        return formula if needs_vectors(formula) else closed_form(formula).without_origin()

    def _formula(self) -> Any:
        change = self.dynamics.law_in_arrays(self.prop, self.args[1], self.order)
        if not needs_vectors(change):
            change = in_kernel(change, self.loss)
        return change.removeO() if hasattr(change, "removeO") else change


def _start(derivation: Derivation) -> Any:
    """What the last line of thought of a derivation starts from."""
    index = len(derivation) - 1
    while derivation.continues(index):
        index -= 1
    return derivation.steps[index].before


def _in_time(prop: Any, time: Any, order: int) -> Any:
    """d/dt of the property, with what is trained as a function of time."""
    t = Symbol("t") if time is None else time
    moving = {
        s: Function(s.name)(t) for s in prop.free_symbols if isinstance(s, (Parameter, Observable))
    }
    return Derivative(prop.doit().xreplace(moving), (t, order))


def price(
    P: Any, L: Any, dynamics: Any = None, *, order: int | None = None, time: Any = None
) -> PriceEquation:
    """Price's equation for a property of a network that is trained on a loss.

    Parameters
    ==========

    P : a property: an Observable, an expression of Parameters, an entry of a network's output; of
        a gradient flow also a column of properties, as ``net(x)``.
    L : the loss; or a list of the losses of single examples, whose mean is the loss.
    dynamics : the way of moving θ, ``GradientFlow()`` where not given: steps as
        ``GradientDescent(eta)``, ``SGD(eta, batch)``, ``HeavyBall(eta, beta)``, ``Adam(eta)``, or
        another flow, as ``Langevin(temperature)``; every subclass of ``Dynamics`` is one.
    order : for finite steps, up to which power of the step size; 1 where not given. For flows, 2
        is the second derivative in time.
    time : the symbol of time, where the property depends on time itself: it then moves by ∂P/∂t.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent, observables, price
    >>> P, L = observables('P L')
    >>> price(P, L).equation
    Eq(Derivative(P(t), t), NTCov(P, -L))
    >>> eta = symbols('eta', positive=True)
    >>> price(P, L, GradientDescent(eta), order=2).curvature
    eta**2*(-NTCov(P, NTVar(L))/2 + NTCov(NTCov(P, L), L))/2

    References
    ==========

    G. R. Price, Selection and covariance, Nature 227 (1970). tailcalled, Price's equation for
    neural networks (2022).
    """
    dynamics = GradientFlow() if dynamics is None else dynamics
    if not isinstance(dynamics, Dynamics):
        raise ShapeError(
            f"asked for training by {dynamics!r}: write a way of moving θ, as GradientFlow(), "
            "GradientDescent(eta), SGD(eta, batch) or Adam(eta)"
        )
    if time is not None:
        dynamics = InTime(expression(time, "a property in the time"), dynamics)
    order = dynamics.orders[0] if order is None else order
    if isinstance(order, bool) or order not in dynamics.orders:
        raise ShapeError(
            f"asked for order {order!r} of {type(dynamics).__name__}: the orders that exist are "
            f"{', '.join(map(str, dynamics.orders))}"
        )
    prop = _scalar(as_property(P))
    if isinstance(L, (list, tuple, Tuple)):
        if not L:
            raise ShapeError("asked for training on the losses of no examples: write [l1, l2, ...]")
        loss: Any = Tuple(*(_scalar(as_property(one)) for one in L))
    else:
        loss = _scalar(as_property(L))
    if isinstance(mean_loss(loss), MATRIX):
        raise ShapeError(f"asked for training on {L}, a column: a loss is a scalar")
    for given in (prop, mean_loss(loss)):
        require_parameters("price", given)
    # Of scalars: targets are often called t, and are no time.
    scalars = (s for s in prop.free_symbols if isinstance(s, Symbol))
    constants = {s.name for s in scalars if not isinstance(s, (Parameter, Observable))}
    if dynamics.continuous and dynamics.time is None and "t" in constants:
        raise ShapeError(
            f"asked for the rate of {prop}, in which t is a constant, while t is the time of the "
            "rate: write price(P, L, time=t) for what depends on time, or call the constant c"
        )
    if isinstance(prop, MATRIX):
        _require_flow(prop, loss, dynamics, order)
    return PriceEquation(prop, loss, dynamics, Integer(order))


def _scalar(prop: Any) -> Any:
    """A property; a 1 × 1 matrix is its entry."""
    return prop[0, 0] if isinstance(prop, MATRIX) and prop.shape == (1, 1) else prop


def _require_flow(prop: Any, loss: Any, dynamics: Any, order: int) -> None:
    """Raise where the law of a column of properties is not its covariance with the loss alone."""
    alone = dynamics.continuous and dynamics.bias(loss) is None and dynamics.noise(loss) is None
    if order > 1 or not alone or dynamics.gradient_terms(loss) != [(0, dynamics.gradient(loss))]:
        raise ShapeError(
            f"asked for order {order} of {type(dynamics).__name__} for a column of "
            f"{prop.shape[0]} properties: write an entry of it, as net(x)[0]; a column as a whole "
            "moves under GradientFlow()"
        )
