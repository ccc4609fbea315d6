"""Training step by step, with what Price's equation says of every step beside what happens."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from ..counts import is_count, is_positive
from ..dynamics.descent import GradientDescent
from ..dynamics.sgd import SGD
from ..emit.progress import advancing
from ..errors import DivergenceError, ShapeError, StepSizeWarning
from ..outputs import Shown
from .batches import Samples
from .evaluating import named
from .predicting import Predictor, predictor
from .stability import sharpness, threshold
from .steps import stepper
from .tables import Column, shown

__all__ = ["TrainingRun", "follow"]


class TrainingRun(Shown):
    """A property along a run of training: its values, and its changes actual and predicted.

    Made by ``follow``.

    Attributes
    ==========

    equation : the Price equation that was followed.
    values : the property before every step and after the last, (steps + 1,).
    parts : {'selection': …}: what each part of the equation says of every step, (steps,).
    predicted : {order: the changes as the equation has them to that order}, (steps,).
    losses : the loss on all data at the start and at the end.
    params : the arrays after the last step.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import GradientDescent, Parameter, follow, price
    >>> b, steps = Parameter('b', real=True), GradientDescent(Symbol('eta', positive=True))
    >>> run = follow(price(b, b**2/2, steps), {}, {b: 1.0}, rate=0.5, steps=3)
    >>> run.values.tolist(), run.losses
    ([1.0, 0.5, 0.25, 0.125], (0.5, 0.0078125))
    """

    def __init__(self, equation: Any, values: Any, parts: Any, predicted: Any) -> None:
        self.equation, self.values = equation, values
        self.parts: dict[str, Any] = parts
        self.predicted: dict[int, Any] = predicted
        self.losses: tuple[float, float] = (float("nan"), float("nan"))
        self.params: dict[str, Any] = {}

    @property
    def actual(self) -> Any:
        """The changes of the property, step by step."""
        import numpy as np

        return np.diff(self.values)

    def cumulated(self, order: int) -> Any:
        """The property as it would be, had every step changed it as predicted; (steps + 1,)."""
        import numpy as np

        return self.values[0] + np.concatenate([[0.0], np.cumsum(self.predicted[order])])

    def __len__(self) -> int:
        return len(self.values) - 1

    def _columns(self) -> list[Column]:
        found = [
            Column("step", range(len(self)), "d"),
            Column("P", self.values[:-1], ".6f"),
            Column("actual ΔP", self.actual, ".3e"),
        ]
        found += [Column(f"order {k}", values, ".3e") for k, values in self.predicted.items()]
        if len(self.parts) > 1:
            found += [Column(part, values, ".3e") for part, values in self.parts.items()]
        return found

    def _notes(self) -> list[str]:
        total = self.values[-1] - self.values[0]
        notes = [f"P {self.values[0]:.4f} → {self.values[-1]:.4f}: changed by {total:.4e}"]
        notes += [
            f"order {order}: {self.cumulated(order)[-1] - self.values[0]:.4e} predicted in sum"
            for order in self.predicted
        ]
        return [*notes, "loss {:.4f} → {:.4f}".format(*self.losses)]

    def _repr_html_(self) -> str:
        return shown(self, html=True)

    def __str__(self) -> str:
        return shown(self)

    def __repr__(self) -> str:
        return f"<TrainingRun of {len(self)} steps: P {self.values[0]:.4g} → {self.values[-1]:.4g}>"


def follow(
    equation: Any,
    data: Mapping[Any, Any],
    params: Mapping[Any, Any],
    rate: float,
    steps: int | None = None,
    *,
    epochs: float | None = None,
    batch: int | None = None,
    rng: Any = None,
    progress: bool | None = None,
) -> TrainingRun:
    """Train, and hold what a Price equation says of every step against what the step does.

    With ``batch`` the steps are taken on batches in random order, an epoch after another, and the
    equation is asked for the batch of each step: given its batch, a step of SGD is one of gradient
    descent. Of ``SGD`` itself every step draws its minibatch, and the equation, asked for all data,
    says what is expected: selection, curvature, and what the noise adds.

    Parameters
    ==========

    equation, data, params : as for ``compare``.
    rate : the step size.
    steps, epochs : how long; one of them.
    batch : how many samples a step uses; all of them where not given.
    rng : a ``numpy.random.Generator`` or a seed for the order of the samples.
    progress : whether to show a bar; None for where it takes long.

    Raises
    ======

    DivergenceError : where numbers overflow; it says below which step size training is stable.
    ShapeError : for missing arrays, wrong shapes, NaN, batches that are too large.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import GradientDescent, Parameter, price, sigmoid
    >>> from symprice.training.following import follow
    >>> b, eta = Parameter('b', real=True), Symbol('eta', positive=True)
    >>> equation = price(sigmoid(b), -sigmoid(b), GradientDescent(eta), order=2)
    >>> run = follow(equation, {}, {b: 0.0}, rate=0.1, steps=100)
    >>> run
    <TrainingRun of 100 steps: P 0.5 → 0.866>
    >>> [round(float(run.cumulated(order)[-1]), 4) for order in (1, 2)]
    [0.8672, 0.866]
    """
    import numpy as np

    predicting = predictor(equation)
    dynamics = equation.dynamics
    drawn = isinstance(dynamics, SGD)
    moving = stepper(equation.args[1], GradientDescent(dynamics.rate) if drawn else dynamics)
    arrays, known = predicting.arrays(params), _with_rate(predicting, data, rate)
    samples, generator = Samples(moving.loss, known), np.random.default_rng(rng)
    if drawn:
        batch = _drawn_at_once(dynamics, batch, samples, known)
        batches = samples.draws(batch, dynamics.replacement, generator)
    else:
        batches = samples.batches(batch, generator)
    count = _count(samples, steps, epochs, batch)
    top = predicting.orders[-1]
    state: Any = {}
    start = arrays
    value, first = predicting.start(arrays, known)
    values, found = [value], []
    ignored = np.errstate(over="ignore", invalid="ignore")
    with ignored, advancing(count, progress, "step") as advance:
        for t in range(1, count + 1):
            given = next(batches)
            moved, after = moving(arrays, state, given, t)
            law = known if drawn else given
            numbers = {**law, **moving.in_law(arrays, state, after, given, t)}
            found.append(predicting.parts(arrays, numbers))
            arrays, state = moved, after
            if not all(np.isfinite(array).all() for array in arrays.values()):
                raise DivergenceError(_unstable(equation, rate, moving.loss, start, known, count))
            values.append(predicting.prop(arrays, known))
            advance()
    last = predicting.loss(arrays, known)
    if not last <= max(first, first + abs(first)):
        warnings.warn(
            _unstable(equation, rate, moving.loss, start, known, count, (first, last)),
            StepSizeWarning,
            stacklevel=2,
        )
    parts = {part: np.array([f[top][part] for f in found]) for part in found[0][top]}
    predicted = {k: np.array([sum(f[k].values()) for f in found]) for k in predicting.orders}
    run = TrainingRun(equation, np.array(values), parts, predicted)
    run.losses, run.params = (first, last), arrays
    return run


def _with_rate(predicting: Predictor, data: Mapping[Any, Any], rate: float) -> dict[str, Any]:
    if not is_positive(rate):
        raise ShapeError(f"asked to train with the step size {rate!r}: write a positive number")
    known, name = named(data), predicting.rate_name()
    if name in known:
        raise ShapeError(f"the step size {name} is given twice: as rate={rate} and in the data")
    return {**known, name: float(rate)}


def _drawn_at_once(dynamics: Any, batch: Any, samples: Samples, known: dict[str, Any]) -> int:
    """The size of the minibatches of SGD, which has to fit the data."""
    given: dict[str, Any] = {
        str(size): size if size.is_Integer else known.get(str(size))
        for size in (dynamics.batch, dynamics.n)
        if size is not None
    }
    lacking = [name for name, value in given.items() if value is None]
    if lacking:
        raise ShapeError(f"asked to train by {dynamics}, but the data lack {lacking[0]}")
    size = int(given[str(dynamics.batch)])
    if batch is not None and batch != size:
        raise ShapeError(f"asked for batches of {batch} of {dynamics}, whose batches have {size}")
    if dynamics.n is not None and int(given[str(dynamics.n)]) != samples.count:
        raise ShapeError(f"asked to train by {dynamics} on {samples.count} samples")
    return size


def _count(samples: Samples, steps: int | None, epochs: float | None, batch: int | None) -> int:
    if (steps is None) == (epochs is None):
        raise ShapeError("asked to train without saying how long: write steps=100 or epochs=1")
    count = steps if steps is not None else samples.steps(batch, epochs or 0)
    if not is_count(count):
        raise ShapeError(f"asked to train for {count!r} steps: write a positive integer")
    return int(count)


def _unstable(
    equation: Any,
    rate: float,
    loss: Any,
    params: Any,
    data: Any,
    count: int,
    losses: tuple[float, float] | None = None,
) -> str:
    """What is said of a run that went wrong, with the largest stable step size at its start."""
    largest = sharpness(loss, params, data)
    limit = threshold(equation.dynamics, largest, data)
    what = "left the finite numbers"
    if losses is not None:
        what = "raised the loss from {:.4g} to {:.4g}".format(*losses)
    stable = "take a smaller one"
    if limit < float("inf"):
        stable = f"at its start it is stable below {limit:.4g}"
    return (
        f"training with the step size {rate:g} for {count} steps {what}: {stable} (the sharpness "
        f"of the loss is {largest:.4g})"
    )
