"""Taking steps with arrays: the algorithm that a way of moving θ states, at numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..dynamics.update import Dynamics, mean_loss
from ..emit.matrix_function import MatrixFunction
from ..emit.vector_code import VectorCode
from ..errors import NoRuleError
from ..symbols import Parameter
from ..tangent.covariance import covariance
from ..tangent.gradient import Nabla
from ..tangent.shifted import GradientAt
from ..tangent.vectors import ParameterPosition, Preconditioned, StateVector, Velocity, terms
from .evaluating import Evaluator, is_of_matrices, named
from .gradients import GradientFunction

__all__ = ["TIME_STEP", "Stepper", "stepper"]

# What a step of a flow is called among the numbers: its size in time.
TIME_STEP = "dt"

Arrays = dict[str, Any]
State = dict[str, Arrays]


class _Now(NamedTuple):
    """Where a step starts; gradients that several terms use are computed once."""

    params: Mapping[str, Any]
    state: State
    data: Mapping[Any, Any]
    gradients: dict[Any, Arrays]

    def known(self, letter: str, name: str) -> Any:
        """The array of a state; 0 before the first step."""
        return self.state.get(letter, {}).get(name, 0.0 * self.params[name])


@lru_cache(maxsize=8)
def stepper(loss: Any, dynamics: Dynamics) -> Stepper:
    """The steps of a way of moving on a loss; its code is generated once."""
    return Stepper(loss, dynamics)


class Stepper:
    """Steps of a way of moving θ on a loss, with gradients from generated code.

    A step is the ``advance`` of the way of moving θ, or else its ``update`` and ``state_update``
    read term by term. A flow is followed by Euler's steps of size ``dt``. Where the law of a step
    has other states than the algorithm, ``law_state`` says what they are.

    Parameters
    ==========

    loss : what is descended.
    dynamics : the way of moving θ.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import GradientDescent, Parameter
    >>> from symprice.training.steps import Stepper
    >>> w, eta = Parameter('w'), Symbol('eta', positive=True)
    >>> stepper = Stepper(w**2/2, GradientDescent(eta))
    >>> moved, state = stepper({'w': 2.0}, {}, {'eta': 0.25}, 1)
    >>> float(moved['w'])
    1.5
    """

    def __init__(self, loss: Any, dynamics: Dynamics) -> None:
        self.loss, self.dynamics = mean_loss(loss), dynamics
        if dynamics.noise(loss) is not None:
            raise NoRuleError(
                f"asked for a step of {dynamics.title}, which is random: write "
                "GradientDescent(eta), and give follow() a batch: given its batch, a step of "
                "stochastic descent is one of gradient descent"
            )
        self.gradient = GradientFunction(self.loss)
        self._factors: dict[Any, Evaluator] = {}
        self._formulas: dict[Any, dict[str, Evaluator]] = {}
        self._arrays_of: dict[Any, tuple[list[str], MatrixFunction]] = {}
        update = dynamics.update(loss)
        self.states = sorted(update.atoms(StateVector), key=str)
        self.velocities = [state.name for state in self.states if isinstance(state, Velocity)]
        self.has_algorithm = dynamics.has_algorithm
        self.update = [] if self.has_algorithm else terms(update)
        self.state_update = {
            state.name: terms(change)
            for state, change in ({} if self.has_algorithm else dynamics.state_update(loss)).items()
        }
        # What an algorithm is given is the gradient at the place that it asks for, as Nesterov's.
        self.asked = terms(dynamics.gradient(loss)) if self.has_algorithm else []
        for combination in (self.asked, self.update, *self.state_update.values()):
            for _, vector in combination:
                self._check(vector)

    def _check(self, vector: Any) -> None:
        if self._is_formula(vector):
            return
        gradient = isinstance(vector, (Nabla, GradientAt)) and self._sign(vector) != 0
        if not gradient and not isinstance(vector, (StateVector, ParameterPosition)):
            raise NoRuleError(
                f"asked for steps of {self.dynamics}, whose update has the term {vector}, and "
                f"which states no algorithm: give {type(self.dynamics).__name__} a method advance"
            )

    def _is_formula(self, vector: Any) -> bool:
        """Whether it is a gradient in a metric of scalars: its components are covariances."""
        if not isinstance(vector, Preconditioned) or not isinstance(vector.vector, Nabla):
            return False
        return not is_of_matrices(self.loss) or hasattr(vector.metric, "on_arrays")

    def _sign(self, gradient: Any) -> float:
        """1 of ∇L, -1 of ∇(-L), 0 of other gradients."""
        return {self.loss: 1.0, -self.loss: -1.0}.get(gradient.args[0], 0.0)

    def __call__(
        self, params: Mapping[str, Any], state: State, data: Mapping[Any, Any], t: int
    ) -> tuple[Arrays, State]:
        """The parameters and the state after step t."""
        now = _Now(params, state, {**data, "t": float(t)}, {})
        if self.has_algorithm:
            after: tuple[Arrays, State] = self.dynamics.advance(
                dict(params),
                self._combined(self.asked, now),
                state,
                t,
                lambda factor: self._number(factor, params, data),
            )
            return after
        step = self._combined(self.update, now)
        states = {letter: self._combined(of, now) for letter, of in self.state_update.items()}
        if self.dynamics.continuous:
            size = data[TIME_STEP]
            step = {name: size * array for name, array in step.items()}
            states = {
                letter: {n: now.known(letter, n) + size * a for n, a in arrays.items()}
                for letter, arrays in states.items()
            }
        return {name: params[name] + step[name] for name in params}, states

    def _combined(self, combination: Any, now: _Now) -> Arrays:
        """A sum of multiples of vectors, as arrays."""
        import numpy as np

        total = {name: np.zeros(np.shape(array)) for name, array in now.params.items()}
        for factor, vector in combination:
            number = self._number(factor, now.params, now.data)
            for name, array in self._vector(vector, now).items():
                total[name] = total[name] + number * array
        return total

    def _vector(self, vector: Any, now: _Now) -> Arrays:
        if isinstance(vector, StateVector):
            return {name: now.known(vector.name, name) for name in now.params}
        if isinstance(vector, ParameterPosition):
            return dict(now.params)
        if self._is_formula(vector):
            return self._components(vector, now)
        if vector not in now.gradients:
            place, sign = now.params, self._sign(vector)
            if isinstance(vector, GradientAt):
                ahead = self._combined(terms(vector.args[1]), now)
                place = {name: place[name] + ahead[name] for name in place}
            slope = self._slope(place, now.data)
            now.gradients[vector] = {name: sign * array for name, array in slope.items()}
        return now.gradients[vector]

    def _components(self, vector: Any, now: _Now) -> Arrays:
        """`(M∇f)_w = NTCov_M(w, f)`; of networks the arrays of the whole vector."""
        if is_of_matrices(self.loss):
            return self._arrays(vector, now)
        if vector not in self._formulas:
            metric, prop = vector.args[0], vector.args[1].args[0]
            self._formulas[vector] = {
                s.name: Evaluator(covariance(s, prop, metric=metric), s.name)
                for s in self.loss.free_symbols
                if isinstance(s, Parameter)
            }
        known = self._formulas[vector]
        zero = {name: 0.0 * array for name, array in now.params.items()}
        return zero | {name: entry(now.params, now.data) for name, entry in known.items()}

    def _arrays(self, vector: Any, now: _Now) -> Arrays:
        if vector not in self._arrays_of:
            code = VectorCode(vector, "step")
            names = [p.name for p in code.parameters]
            self._arrays_of[vector] = names, MatrixFunction.of_source(code.written, "step")
        names, function = self._arrays_of[vector]
        known = named(now.data)
        found = function(now.params, *(known[s.name] for s in function.inputs))
        zero = {name: 0.0 * array for name, array in now.params.items()}
        return zero | dict(zip(names, found, strict=True))

    def _slope(self, params: Mapping[str, Any], data: Mapping[Any, Any]) -> Arrays:
        """∇L; 0 for what the loss does not depend on, as an unused head."""
        gradient = self.gradient(params, data)
        return {name: gradient.get(name, 0.0 * params[name]) for name in params}

    def in_law(
        self,
        params: Mapping[str, Any],
        before: State,
        after: State,
        data: Mapping[Any, Any],
        t: int,
    ) -> Arrays:
        """What the state is called in the law of step t: arrays such as ``v_W1``, and t."""
        import numpy as np

        states = self.dynamics.law_state(
            before, after, t, lambda factor: self._number(factor, params, data)
        )
        found: Arrays = {}
        for vector in self.states:
            arrays = states.get(vector.name, {})
            for name, array in params.items():
                found[f"{vector.name}_{name}"] = arrays.get(name, np.zeros(np.shape(array)))
        return {**found, "t": float(t)} if self.states else found

    def _number(self, factor: Any, params: Any, data: Any) -> float:
        if factor.is_number:
            return float(factor)
        if factor not in self._factors:
            self._factors[factor] = Evaluator(factor, "rate")
        return float(self._factors[factor](params, data))
