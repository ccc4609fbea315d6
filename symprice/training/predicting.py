"""What Price's equation predicts at arrays of numbers, term by term and order by order."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sympy import Integer, Symbol

from ..dynamics.equation import PriceEquation
from ..dynamics.update import mean_loss
from ..errors import NoRuleError, ShapeError
from .evaluating import Evaluator, named
from .steps import TIME_STEP

__all__ = ["PARTS", "Predictor", "predictor"]

PARTS = ("selection", "bias", "noise", "curvature")


def predictor(equation: Any) -> Predictor:
    """The predictor of an equation; its code is generated once."""
    return _made(equation) if isinstance(equation, PriceEquation) else Predictor(equation)


@lru_cache(maxsize=8)
def _made(equation: PriceEquation) -> Predictor:
    return Predictor(equation)


class Predictor:
    """The parts of a Price equation, its property and its loss as functions of arrays.

    Parameters
    ==========

    equation : what ``price`` gives, for formulas or networks.
    """

    def __init__(self, equation: Any) -> None:
        if not isinstance(equation, PriceEquation):
            raise ShapeError(
                f"asked to hold {equation!r} against training: write price(P, L, dynamics)"
            )
        self.equation = equation
        self.prop = Evaluator(equation.prop, "P")
        self.loss = Evaluator(mean_loss(equation.args[1]), "L")
        self.is_flow = bool(equation.dynamics.continuous)
        if self.is_flow and equation.order > 1:
            raise NoRuleError(
                f"asked to hold order {equation.order} of {equation.dynamics.title} against "
                "training: of a flow, that is a second derivative in time; write order=1"
            )
        # Parts that several orders have in common are computed once.
        self._functions: dict[Any, Evaluator] = {}
        self._formulas: dict[int, dict[str, Any]] = {}

    @property
    def orders(self) -> range:
        """The orders up to the one of the equation."""
        return range(1, self.equation.order + 1)

    def formulas(self, order: int) -> dict[str, Any]:
        """The parts of the equation to an order, those that are not 0."""
        if order not in self._formulas:
            prop, loss, dynamics, _ = self.equation.args
            equation = PriceEquation(prop, loss, dynamics, Integer(order))
            found = {part: equation.part_in_arrays(part) for part in PARTS}
            self._formulas[order] = {part: value for part, value in found.items() if value != 0}
        return self._formulas[order]

    def parts(
        self, params: Mapping[str, Any], data: Mapping[str, Any]
    ) -> dict[int, dict[str, float]]:
        """{order: {part: what it adds to P in one step}}."""
        scale = data[TIME_STEP] if self.is_flow else 1.0
        values: dict[Any, float] = {}
        for order in self.orders:
            for part, formula in self.formulas(order).items():
                if formula not in self._functions:
                    self._functions[formula] = Evaluator(formula, part)
                if formula not in values:
                    value = scale * self._functions[formula](params, data)
                    values[formula] = value + 0.0  # -0.0 is 0
        return {
            order: {part: values[formula] for part, formula in self.formulas(order).items()}
            for order in self.orders
        }

    def start(self, params: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[float, float]:
        """The property and the loss where training starts; an error where they are no numbers."""
        import numpy as np

        with np.errstate(all="ignore"):
            found = {"property": self.prop(params, data), "loss": self.loss(params, data)}
        for what, value in found.items():
            if np.ndim(value) or not np.isfinite(value):
                raise ShapeError(
                    f"asked to train where the {what} is {value}: give data with samples, and "
                    "parameters at which it is a finite number"
                )
        return found["property"], found["loss"]

    def rate_name(self) -> str:
        """The name of the symbol of the step size."""
        if self.is_flow:
            return TIME_STEP
        rate = self.equation.dynamics.step_size
        if not isinstance(rate, Symbol):
            raise NoRuleError(
                f"asked to vary the learning rate of {self.equation.dynamics}, which is the number "
                f"{rate}: write a symbol for it, as in GradientDescent(symbols('eta'))"
            )
        return str(rate.name)

    def arrays(self, params: Any) -> dict[str, Any]:
        """The parameters as arrays of float64 by their names."""
        import numpy as np

        found = {}
        for name, value in named(params).items():
            try:
                array = np.asarray(value)
            except ValueError:  # rows of different lengths
                raise ShapeError(f"the parameter {name} is {value!r}: write an array") from None
            if array.dtype.kind not in "fiu":
                raise ShapeError(f"the parameter {name} is of {array.dtype}: write numbers")
            found[name] = array.astype(float)
            if not np.isfinite(found[name]).all():
                raise ShapeError(f"the parameter {name} holds NaN or infinity: write numbers")
        return found
