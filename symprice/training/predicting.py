"""What Price's equation predicts at arrays of numbers, term by term and order by order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Integer, Symbol

from ..dynamics.equation import PriceEquation
from ..dynamics.update import mean_loss
from ..errors import NoRuleError, ShapeError
from .evaluating import Evaluator, named
from .steps import TIME_STEP

__all__ = ["PARTS", "Predictor"]

PARTS = ("selection", "bias", "noise", "curvature")


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
        self._parts: dict[int, dict[str, Evaluator]] = {}

    @property
    def orders(self) -> range:
        """The orders up to the one of the equation."""
        return range(1, self.equation.order + 1)

    def parts_at_order(self, order: int) -> dict[str, Evaluator]:
        """The parts of the equation to an order, those that are not 0, as functions."""
        if order not in self._parts:
            prop, loss, dynamics, _ = self.equation.args
            equation = PriceEquation(prop, loss, dynamics, Integer(order))
            found = {part: getattr(equation, part) for part in PARTS}
            self._parts[order] = {
                part: Evaluator(value, part) for part, value in found.items() if value != 0
            }
        return self._parts[order]

    def parts(
        self, order: int, params: Mapping[str, Any], data: Mapping[str, Any]
    ) -> dict[str, float]:
        """The parts of the change of P in one step."""
        scale = data[TIME_STEP] if self.is_flow else 1.0
        return {
            part: scale * function(params, data)
            for part, function in self.parts_at_order(order).items()
        }

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
            array = np.asarray(value)
            if array.dtype.kind not in "fiu":
                raise ShapeError(f"the parameter {name} is of {array.dtype}: write numbers")
            found[name] = array.astype(float)
            if not np.isfinite(found[name]).all():
                raise ShapeError(f"the parameter {name} holds NaN or infinity: write numbers")
        return found
