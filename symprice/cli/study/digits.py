"""A network on the handwritten digits of scikit-learn: what moves one probability on one image.

A [64, 64, 10] tanh network is trained by generated code; then the probability of one class on one
test image is followed: which training images raise it, how well the first and second order of
Price's equation predict an epoch, and what leaving an image out does in truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import NoRuleError

if TYPE_CHECKING:
    from ...training.leaving_out import LeavingOut

__all__ = ["Digits", "LeftOut", "study"]

WIDTHS = (64, 64, 10)
SEED = 0
TRAINED = 1437
BATCH = 32
# The network that is studied has been trained for some epochs; it knows most of the digits.
BEFORE = 4
RATE = 0.1
# Retraining from the start: full batches, so that nothing but the example is different.
FROM_START, RATE_FROM_START = 200, 0.5
# So many examples are left out: of those that raise, those that lower, and at random.
EACH = 8


@dataclass
class LeftOut:
    """What leaving single examples out does, predicted and in truth."""

    title: str
    steps: int
    rate: float
    chosen: dict[str, Any]
    predicted: dict[str, Any] = field(default_factory=dict)
    responding: dict[str, Any] = field(default_factory=dict)
    actual: dict[str, Any] = field(default_factory=dict)

    def agreement(self, predicted: dict[str, Any]) -> dict[str, float]:
        """Correlations, the slope through the origin, and how many signs agree."""
        import numpy as np
        from scipy.stats import pearsonr, spearmanr

        said = np.concatenate(list(predicted.values()))
        done = np.concatenate(list(self.actual.values()))
        return {
            "pearson": float(pearsonr(said, done)[0]),
            "spearman": float(spearmanr(said, done)[0]),
            "slope": float(said @ done / (said @ said)),
            "signs": int((np.sign(said) == np.sign(done)).sum()),
            "count": len(said),
        }


@dataclass
class Digits:
    """All numbers of the study."""

    images: Any
    test_image: Any
    test_class: int
    test_number: int
    accuracy: list[float]
    attribution: Any
    later: Any
    comparison: Any
    stochastic: Any
    full: Any
    left_out: list[LeftOut]
    kernel: Any
    kernel_classes: Any


def study(quick: bool = False, say: Callable[[str], None] = lambda text: None) -> Digits:
    """Train, attribute, predict, and leave out; all of it seeded.

    Parameters
    ==========

    quick : fewer steps and examples, to see that it runs.
    say : is told what is being done.
    """
    import numpy as np
    from sympy import Symbol, tanh

    from ... import (
        MLP,
        GradientDescent,
        Index,
        NTCov,
        average,
        cross_entropy,
        inputs,
        lambdify,
        price,
        softmax,
    )
    from ...elementwise import ScalarProduct
    from ...training.attribution import Attributor
    from ...training.comparing import compare
    from ...training.following import follow
    from ...training.leaving_out import LeavingOut

    X, y, images = _data()
    X_test, y_test, images_test = X[TRAINED:], y[TRAINED:], images[TRAINED:]
    X, y, images = X[:TRAINED], y[:TRAINED], images[:TRAINED]
    d, _, k = WIDTHS
    net = MLP(*WIDTHS, activation=tanh)
    i, eta = Index("i", Symbol("N", integer=True, positive=True)), Symbol("eta", positive=True)
    x_i, y_i = inputs("x", d, each=i), inputs("y", k, each=i)
    x, c, z = inputs("x_test", d), inputs("c", k), inputs("z", d)
    loss = average(cross_entropy(net(x_i), y_i), i)
    prop = ScalarProduct(c, softmax(net(x)))
    data = {"x": X, "y": np.eye(k)[y]}
    forward = lambdify(None, net(x), batch={x: "n"})

    say("training the network")
    start = net.init(SEED)
    nothing = {"x_test": X_test[0], "c": np.eye(k)[0]}
    descent = price(prop, loss, GradientDescent(eta))
    epochs = 1 if quick else BEFORE
    params = follow(
        descent, {**data, **nothing}, start, RATE, epochs=epochs, batch=BATCH, rng=SEED
    ).params
    accuracy = [
        float((forward(params, inputs_).argmax(1) == labels).mean())
        for inputs_, labels in ((X, y), (X_test, y_test))
    ]

    # The image that the network is least decided about: a probability that has room to move.
    logits = forward(params, X_test)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    chosen = int(np.argmin(abs(chances[np.arange(len(y_test)), y_test] - 0.5)))
    image, label = X_test[chosen], int(y_test[chosen])
    data |= {"x_test": image, "c": np.eye(k)[label]}

    say("attributing")
    attributor = Attributor(net)
    attribution = attributor(params, image, X, y, label)

    say("one step at many step sizes")
    second = price(prop, loss, GradientDescent(eta), order=2)
    comparison = compare(second, data, params)

    say("one epoch of minibatches, and as many steps on all images")
    steps = 6 if quick else TRAINED // BATCH
    stochastic = follow(second, data, params, RATE, steps, batch=BATCH, rng=SEED)
    full = follow(second, data, params, RATE, steps)

    picked = _picked(attribution, 2 if quick else EACH)
    many = 10 if quick else FROM_START
    left_out = [
        LeftOut("from the trained network on", steps, RATE, picked),
        LeftOut("from the random start", many, RATE_FROM_START, picked),
    ]
    t = inputs("t", k)
    effects = LeavingOut(prop, loss, cross_entropy(net(z), t), {z: "x", t: "y"})
    for case, begin in zip(left_out, (params, start), strict=True):
        say(f"leaving examples out: {case.steps} steps {case.title}")
        _leave_out(case, effects, attributor, begin, data, (image, X, y, label))

    rows = np.concatenate([np.nonzero(y == digit)[0][:6] for digit in range(k)])
    a, b = inputs("a b", d)
    one = lambdify(None, NTCov(net(a)[0], net(b)[0]), batch={a: "n", b: "m"})
    return Digits(
        images, images_test[chosen], label, chosen, accuracy, attribution,
        attributor(stochastic.params, image, X, y, label), comparison, stochastic, full, left_out,
        one(params, X[rows], X[rows]), y[rows],
    )  # fmt: skip


def _data() -> tuple[Any, Any, Any]:
    """The digits in a fixed random order: entries from 0 to 1, classes, images."""
    import numpy as np

    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise NoRuleError(
            "asked for the digits of scikit-learn, which is not installed: "
            "pip install 'symprice[study]'"
        ) from None
    found = load_digits()
    order = np.random.default_rng(SEED).permutation(len(found.target))
    return found.data[order] / 16, found.target[order], found.images[order]


def _picked(attribution: Any, each: int) -> dict[str, Any]:
    """The examples to leave out, by why."""
    import numpy as np

    top, bottom = attribution.top(each), attribution.bottom(each)
    rest = np.setdiff1d(np.arange(len(attribution)), np.concatenate([top, bottom]))
    chance = np.random.default_rng(SEED).choice(rest, each, replace=False)
    return {"raise $P$": top, "lower $P$": bottom, "at random": chance}


def _leave_out(
    case: LeftOut, effects: LeavingOut, attributor: Any, start: Any, data: Any, example: Any
) -> None:
    """Train with all examples and without each of the chosen ones, and predict the difference."""
    import numpy as np

    image, X, y, label = example

    def value(now: Any) -> float:
        return float(attributor(now, image, X[:1], y[:1], label, progress=False).value)

    path = effects.path(start, data, case.rate, case.steps)
    predicted = effects(start, data, case.rate, case.steps, path)
    for kind, chosen in case.chosen.items():
        case.predicted[kind] = predicted.direct[chosen]
        case.responding[kind] = predicted.responding[chosen]
        changes = []
        for i in chosen:
            kept = np.arange(len(X)) != i
            rest = {**data, "x": data["x"][kept], "y": data["y"][kept]}
            end = effects.path(start, rest, case.rate, case.steps)[-1]
            changes.append(value(end) - value(path[-1]))
        case.actual[kind] = np.array(changes)
