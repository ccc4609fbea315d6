"""What leaving a training example out would have done, for all examples from one run backwards.

Without example i the mean gradient of a step is `g + (g - g_i)/(N - 1)`. To first order in 1/N
the parameters are displaced by `δ ← δ - η∇²L δ - η(g - g_i)/(N - 1)`, and P in the end by `∇P · δ`.
Read backwards, the same number is a sum over the steps of scores: `Σ_t η (s̄ - s_i)/(N - 1)` with
`s_i = -λ · ∇ℓ_i`, where `λ = ∇P` at the end and `λ ← λ - η∇²L λ` a step before. With ∇P in the
place of λ the response of later steps is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sympy import Symbol

from ..dynamics.descent import GradientDescent
from ..emit.notebook_cards import formulas_html
from ..symbols import Parameter, ParameterMatrix
from ..tangent.closing import closed_form
from ..tangent.covariance import NTCov
from ..tangent.properties import as_property
from ..tangent.vectors import StateVector
from .evaluating import Evaluator, named
from .gradients import GradientFunction
from .stability import HessianProduct
from .steps import Stepper

__all__ = ["LeavingOut"]

_DIRECTION = "lambda"


class Effects(NamedTuple):
    """By how much P would have been different without each example, (N,)."""

    #: Every step for itself, as if later steps did not see what has moved.
    direct: Any
    #: With the response of later steps.
    responding: Any


class LeavingOut:
    """The effect on P of leaving out single examples, along gradient descent on all of them.

    Parameters
    ==========

    prop : the property.
    loss : the mean loss, of ``data``.
    example : the loss of one example, in inputs of the names of ``inputs_``.
    inputs_ : {input of ``example``: name of the array of all examples in the data}.

    Examples
    ========

    >>> import numpy as np
    >>> from sympy import Symbol
    >>> from symprice import Dense, Index, Network, average, inputs, squared_loss
    >>> from symprice.training.leaving_out import LeavingOut
    >>> net, i = Network(Dense(1, 1, bias=False)), Index('i', Symbol('N', integer=True))
    >>> (x_i, y_i), (x, y) = inputs('x y', 1, each=i), inputs('u t', 1)
    >>> loss = average(squared_loss(net(x_i), y_i), i)
    >>> effects = LeavingOut(net(x)[0], loss, squared_loss(net(x), y), {x: 'x', y: 'y'})
    >>> data = {'x': np.ones((3, 1)), 'y': np.array([[0.0], [3.0], [3.0]]), 'u': np.ones(1)}
    >>> effects({'W1': np.zeros((1, 1))}, data, rate=0.5, steps=20).responding.round(3)
    array([ 1. , -0.5, -0.5])

    References
    ==========

    S. Hara, A. Nitanda, T. Maehara, Data cleansing for models trained with SGD, NeurIPS 2019.
    """

    def __init__(self, prop: Any, loss: Any, example: Any, inputs_: Mapping[Any, str]) -> None:
        self.prop, self.loss = prop, loss
        self.stepper = Stepper(loss, GradientDescent(Symbol("eta", positive=True)))
        self._hessian, self._slope = HessianProduct(loss), GradientFunction(prop)
        self.example = example = as_property(example)
        trained = [s for s in example.free_symbols if isinstance(s, (Parameter, ParameterMatrix))]
        self._trained = sorted(trained, key=str)
        along = closed_form(NTCov(example, StateVector(_DIRECTION).potential(trained)))
        self._along = Evaluator(along, "slopes", batch=dict.fromkeys(inputs_, "n"))
        self._rows = {symbol.name: name for symbol, name in inputs_.items()}

    def _repr_html_(self) -> str | None:
        formulas = {"property": self.prop, "loss": self.loss, "of an example": self.example}
        return formulas_html("Effects of leaving out single examples", formulas)

    def __repr__(self) -> str:
        trained = ", ".join(map(str, self._trained))
        return f"<LeavingOut: effects of single examples on a property of {trained}>"

    def path(
        self, params: Mapping[Any, Any], data: Mapping[Any, Any], rate: float, steps: int
    ) -> list[dict[str, Any]]:
        """The parameters before every step and after the last."""
        numbers = {**named(data), "eta": rate}
        found = [named(params)]
        for t in range(1, steps + 1):
            found.append(self.stepper(found[-1], {}, numbers, t)[0])
        return found

    def __call__(
        self,
        params: Mapping[Any, Any],
        data: Mapping[Any, Any],
        rate: float,
        steps: int,
        path: Iterable[dict[str, Any]] | None = None,
    ) -> Effects:
        """The effects after so many steps; the path may be given where it is known."""
        known = named(data)
        places = list(path) if path is not None else self.path(params, known, rate, steps)
        back = self._slope(places[-1], known)
        direct, responding = 0.0, 0.0
        for now in reversed(places[:-1]):
            responding += self._missed(now, known, back, rate)
            direct += self._missed(now, known, self._slope(now, known), rate)
            bent = self._hessian(now, known, back)
            back = {name: array - rate * bent[name] for name, array in back.items()}
        return Effects(direct, responding)

    def _missed(self, params: Any, data: Any, direction: Any, rate: float) -> Any:
        """`-η λ·(g - g_i)/(N - 1)`: what a step would do otherwise without i."""
        given = {f"{_DIRECTION}_{name}": array for name, array in direction.items()}
        given |= {symbol: data[name] for symbol, name in self._rows.items()}
        slopes = self._along(params, given)
        return rate * (slopes - slopes.mean()) / (len(slopes) - 1)
