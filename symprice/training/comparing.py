"""One step of real training beside what Price's equation says of it, at many step sizes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from sympy import Symbol

from ..counts import is_count
from ..dynamics.update import Dynamics
from ..errors import ShapeError, StepSizeWarning
from ..outputs import Shown
from .evaluating import named
from .predicting import Predictor, predictor
from .stability import momentum, sharpness, threshold
from .steps import Stepper, stepper
from .tables import Column, shown

__all__ = ["Comparison", "compare"]

# Differences of floating-point numbers below this part of P are rounding, not error.
_ROUNDING = 1e-13
# Step sizes between these parts of the stability threshold are taken where none are given.
_SMALLEST, _LARGEST, _COUNT = 1e-3, 3e-2, 9
# With momentum, the velocity of the first step is that of a few steps before.
_WARM_UP = 5


class Comparison(Shown):
    """Actual and predicted changes of a property in one step, at several step sizes.

    Made by ``compare``.

    Attributes
    ==========

    equation : the Price equation that was held against training.
    rates : the step sizes.
    actual : what the property changed by, for each of them.
    predicted : {order: what the equation says to that order}.
    threshold : the step size above which training is unstable, as 2/λ with the sharpness λ; NaN
        where none is known, as for Adam.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import GradientDescent, Parameter, compare, price, sigmoid
    >>> b, steps = Parameter('b', real=True), GradientDescent(Symbol('eta', positive=True))
    >>> found = compare(price(sigmoid(b), b**2/2, steps), {}, {b: 2.0})
    >>> round(float(found.threshold), 6), round(found.slope(1))
    (2.0, 2)
    """

    def __init__(
        self, equation: Any, rates: Any, actual: Any, predicted: dict[int, Any], limit: float
    ) -> None:
        self.equation, self.rates, self.actual = equation, rates, actual
        self.predicted, self.threshold = predicted, limit
        self.scale = 1.0

    def error(self, order: int) -> Any:
        """What the actual change has beyond the predicted one."""
        return self.actual - self.predicted[order]

    def slope(self, order: int) -> float:
        """The power of the step size that the error goes with, by least squares over logarithms.

        Theory says order + 1. NaN where the errors are rounding: the prediction is exact then.
        """
        import numpy as np

        error = np.abs(self.error(order))
        used = error > _ROUNDING * self.scale
        if used.sum() < 3:
            return float("nan")
        return float(np.polyfit(np.log(self.rates[used]), np.log(error[used]), 1)[0])

    @property
    def slopes(self) -> dict[int, float]:
        """The slope of the error of every order."""
        return {order: self.slope(order) for order in self.predicted}

    def _columns(self) -> list[Column]:
        found = [Column("step size", self.rates, ".3g"), Column("actual ΔP", self.actual, ".6e")]
        for order, values in self.predicted.items():
            found.append(Column(f"order {order}", values, ".6e"))
            found.append(Column("error", self.error(order), ".1e"))
        return found

    def _notes(self) -> list[str]:
        notes = [
            f"error of order {order} ∝ (step size)^{slope:.2f}; theory: {order + 1}"
            for order, slope in self.slopes.items()
            if slope == slope
        ]
        if self.threshold < float("inf"):
            notes.append(f"stable below a step size of {self.threshold:.3g}")
        return notes

    def _repr_html_(self) -> str:
        return shown(self, html=True)

    def __str__(self) -> str:
        return shown(self)

    def __repr__(self) -> str:
        slopes = ", ".join(f"order {k}: {v:.2f}" for k, v in self.slopes.items())
        return f"<Comparison at {len(self.rates)} step sizes; slopes of the error {slopes}>"


def compare(
    equation: Any,
    data: Mapping[Any, Any],
    params: Mapping[Any, Any],
    rates: Iterable[float] | None = None,
    *,
    warm_up: int | None = None,
) -> Comparison:
    """Hold a Price equation against one real step of training, at several step sizes.

    The network is trained in float64 by generated NumPy code, with the update that the way of
    training states. The error of a prediction to order k falls as the (k + 1)-th power of the step
    size; the slopes are fitted. The curvature of kinks, as that of relu, counts as 0: that is true
    of steps that cross none.

    Parameters
    ==========

    equation : ``price(P, L, dynamics, order=k)`` of formulas or networks, the learning rate a
        symbol. A flow is followed by Euler's steps of the given sizes.
    data : {input: array}, for every input of P and of L; numbers for other symbols, as β.
    params : {parameter or name: array}, as ``net.init()`` gives.
    rates : the step sizes; where not given, 9 between 0.001 and 0.03 of the stability threshold,
        or of 2/λ where there is none.
    warm_up : how many steps are taken before, so that momentum has a velocity; 5 where it has one.

    Raises
    ======

    ShapeError : for missing arrays, wrong shapes, NaN, step sizes that are not positive.
    NoRuleError : for a way of training whose update has no rule in arrays, or that is random.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import GradientDescent, Parameter, price, sigmoid
    >>> from symprice.training.comparing import compare
    >>> b, eta = Parameter('b', real=True), Symbol('eta', positive=True)
    >>> found = compare(price(sigmoid(b), -sigmoid(b), GradientDescent(eta), order=2), {}, {b: 0.5})
    >>> {order: round(slope, 1) for order, slope in found.slopes.items()}
    {1: 2.0, 2: 3.0}
    """
    import numpy as np

    predicting = predictor(equation)
    moving = stepper(equation.args[1], equation.dynamics)
    arrays, known, name = predicting.arrays(params), named(data), predicting.rate_name()
    start, _ = predicting.start(arrays, known)
    largest = sharpness(moving.loss, arrays, known)
    limit = threshold(equation.dynamics, largest, known)
    if warm_up is not None and not is_count(warm_up, least=0):
        raise ShapeError(f"asked for {warm_up!r} steps before: write how many")
    sizes = _sizes(rates, (1 - momentum(equation.dynamics, known)) * _scale(limit, largest))
    if sizes[-1] > limit:
        warnings.warn(
            f"the step size {sizes[-1]:.3g} lies above the stability threshold {limit:.3g} (the "
            f"sharpness of the loss is {largest:.3g}): what is left out of the prediction is large",
            StepSizeWarning,
            stacklevel=2,
        )
    count = warm_up if warm_up is not None else _WARM_UP if moving.states else 0
    numbers = {**known, name: sizes[0]}
    state: Any = {}
    for t in range(1, count + 1):
        arrays, state = moving(arrays, state, numbers, t)
    actual: list[float] = []
    predicted: dict[int, list[float]] = {order: [] for order in predicting.orders}
    for size in sizes:
        # The velocity of a step is a sum of steps: it grows with their size.
        grown = {
            letter: {n: a * size / sizes[0] for n, a in found.items()}
            if letter in moving.velocities and not predicting.is_flow
            else found
            for letter, found in state.items()
        }
        scale = {s: known[s] * size / sizes[0] for s in _small(equation.dynamics) if s in known}
        given = {**known, **scale, name: size}
        change, laws = _one(predicting, moving, arrays, grown, given, count + 1)
        actual.append(change)
        for order, value in laws.items():
            predicted[order].append(value)
    result = Comparison(
        equation,
        np.array(sizes),
        np.array(actual),
        {order: np.array(values) for order, values in predicted.items()},
        limit,
    )
    result.scale = max(abs(start), float(np.abs(result.actual).max()))
    return result


def _small(dynamics: Any) -> list[str]:
    """The names of the symbols that count as of the order of the step size, as SAM's ρ."""
    found = [s.name for s in getattr(dynamics, "small", ()) if isinstance(s, Symbol)]
    inner = (base for base in dynamics.args if isinstance(base, Dynamics))
    return found + [name for base in inner for name in _small(base)]


def _one(
    predicting: Predictor, moving: Stepper, params: Any, state: Any, numbers: Any, t: int
) -> tuple[float, dict[int, float]]:
    """The actual change in step t, and the one predicted to every order."""
    moved, after = moving(params, state, numbers, t)
    known = {**numbers, **moving.in_law(params, state, after, numbers, t)}
    parts = predicting.parts(params, known)
    predicted = {order: sum(values.values()) for order, values in parts.items()}
    return predicting.prop(moved, known) - predicting.prop(params, known), predicted


def _scale(limit: float, largest: float) -> float:
    """What step sizes are measured by."""
    if 0 < limit < float("inf"):
        return limit
    return 2 / largest if largest > 0 else 1.0


def _sizes(rates: Iterable[float] | None, scale: float) -> list[float]:
    import numpy as np

    if rates is None:
        return list(map(float, scale * np.geomspace(_SMALLEST, _LARGEST, _COUNT)))
    try:
        sizes = sorted(float(rate) for rate in rates)
    except (TypeError, ValueError):
        raise ShapeError(f"asked for the step sizes {rates!r}: write positive numbers") from None
    if not sizes or not all(np.isfinite(size) and size > 0 for size in sizes):
        raise ShapeError(f"asked for the step sizes {sizes}: write positive numbers")
    return sizes
