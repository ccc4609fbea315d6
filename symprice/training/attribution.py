"""Which training examples push a property up, and which down: `NTCov(P(x), -ℓ_i)` for each.

Under gradient flow `dP(x)/dt = (1/N) Σ_i NTCov(P(x), -ℓ_i)`: every example has its own term, the
kernel of the test point and the example times what the loss says there, `Θ(x, x_i)(y_i - p_i)`. No
gradient of an example is formed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import MatrixSymbol

from ..counts import is_count
from ..elementwise import ScalarProduct
from ..emit.numpy import lambdify
from ..errors import ShapeError
from ..networks.logits import log_softmax, softmax
from ..networks.losses import cross_entropy, squared_loss
from ..outputs import Shown
from ..tangent.closing import closed_form
from ..tangent.covariance import NTCov
from .evaluating import Evaluator, named
from .tables import Column, shown

__all__ = ["Attribution", "Attributor", "attribute"]

# So many examples are computed at a time: the arrays on the way are as long.
_TILE = 2048
_LOSSES = {"cross_entropy": cross_entropy, "squared": squared_loss}
_PROPERTIES = ("probability", "log_probability", "logit")


class Attribution(Shown):
    """What every training example does to a property, to first order. Made by ``attribute``.

    Attributes
    ==========

    scores : NTCov(P, -ℓ_i), (N,): positive where training on the example raises P.
    value : the property itself at the test point.
    formula : the closed form that was computed.
    targets : what the examples were labelled with.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice import MLP, attribute
    >>> net, X, y = MLP(2, 3, 2), np.eye(2), np.array([0, 1])
    >>> found = attribute(net, net.init(0), X[0], X, y, class_=0)
    >>> found.top(1), found.bottom(1), bool(found.rate == found.scores.mean())
    (array([0]), array([1]), True)
    """

    def __init__(self, scores: Any, value: float, formula: Any, targets: Any, what: str) -> None:
        self.scores, self.value, self.formula = scores, value, formula
        self.targets, self.what = targets, what

    def __len__(self) -> int:
        return len(self.scores)

    def top(self, k: int = 10) -> Any:
        """The numbers of the k examples that raise the property most, the strongest first."""
        import numpy as np

        return np.argsort(-self.scores, kind="stable")[: _counted(k)]

    def bottom(self, k: int = 10) -> Any:
        """The numbers of the k examples that lower the property most, the strongest first."""
        import numpy as np

        return np.argsort(self.scores, kind="stable")[: _counted(k)]

    @property
    def rate(self) -> float:
        """dP/dt under gradient flow on the mean loss: the mean of the scores."""
        return float(self.scores.mean())

    def by_class(self) -> dict[int, float]:
        """What the examples of every class add to dP/dt."""
        import numpy as np

        classes = as_classes(self.targets)
        if classes is None:
            raise ShapeError("asked for the scores by class: the targets are no classes")
        count = len(self.scores)
        return {int(c): float(self.scores[classes == c].sum() / count) for c in np.unique(classes)}

    def latex(self, **settings: Any) -> str:
        """The formula with its definitions; settings as for ``to_latex``."""
        from ..emit.latex import to_latex

        return to_latex(self.formula, **settings)

    def _repr_latex_(self) -> str:
        from ..emit.notation import in_use

        return f"$$\n{self.latex(notation=in_use().but(macros=False))}\n$$"

    def _columns(self, k: int = 10) -> list[Column]:
        top, bottom = self.top(k), self.bottom(k)
        found = [
            Column("raises", top, "d"),
            Column("score", self.scores[top], ".3e"),
            Column("lowers", bottom, "d"),
            Column("score", self.scores[bottom], ".3e"),
        ]
        classes = as_classes(self.targets)
        if classes is not None:
            found.insert(1, Column("class", classes[top], "d"))
            found.insert(4, Column("class", classes[bottom], "d"))
        return found

    def _notes(self) -> list[str]:
        raising = int((self.scores > 0).sum())
        return [
            f"{self.what} = {self.value:.4g}; dP/dt = {self.rate:.3e} (the mean of the scores)",
            f"{raising} of {len(self)} examples raise it, {len(self) - raising} do not",
        ]

    def _repr_html_(self) -> str:
        return shown(self, html=True)

    def __str__(self) -> str:
        return shown(self)

    def __repr__(self) -> str:
        return f"<Attribution of {self.what} to {len(self)} examples: dP/dt = {self.rate:.3e}>"


def attribute(
    network: Any,
    params: Mapping[Any, Any],
    test: Any,
    data: Any,
    targets: Any,
    class_: int | None = None,
    *,
    of: str = "probability",
    loss: Any = "cross_entropy",
    tile: int = _TILE,
    progress: bool | None = None,
) -> Attribution:
    """Data attribution to first order: `NTCov(P(x), -ℓ_i)` for every training example i.

    Parameters
    ==========

    network : a network that takes a column, such as ``MLP(784, 256, 10)``; its outputs are logits.
    params : {parameter or name: array}.
    test : the test input, (d,).
    data : the training inputs, (N, d).
    targets : classes as integers (N,), or the targets themselves (N, k).
    class_ : whose probability it is; where not given, the class that the network finds most likely.
    of : 'probability', 'log_probability' or 'logit' of the class; or a function that makes a scalar
        property of the outputs, as ``lambda z: z[0] - z[1]``.
    loss : 'cross_entropy', 'squared', or a function of the outputs and a target column.
    tile : how many examples are computed at a time: memory is bounded by that.
    progress : whether to show a bar; None for where it takes long.

    Raises
    ======

    ShapeError : for shapes that do not fit, NaN, a class that there is not.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice import MLP
    >>> from symprice.training.attribution import attribute
    >>> net, rng = MLP(3, 8, 2), np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 3))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> found = attribute(net, net.init(1), X[0], X[1:], y[1:], class_=y[0])
    >>> len(found), bool(found.scores[found.top(1)] == found.scores.max())
    (99, True)

    References
    ==========

    G. Pruthi, F. Liu, M. Sundararajan, S. Kale, Estimating training data influence by tracing
    gradient descent (2020), which sums such terms along training.
    """
    attributor = Attributor(network, of=of, loss=loss, tile=tile)
    return attributor(params, test, data, targets, class_, progress=progress)


class Attributor:
    """Attribution made once for a network, to be called at many parameters or test inputs.

    Parameters
    ==========

    network, of, loss, tile : as for ``attribute``.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice import MLP
    >>> from symprice.training.attribution import Attributor
    >>> net = MLP(2, 3, 2)
    >>> scores = Attributor(net, of='logit')
    >>> X, y = np.eye(2), np.array([0, 1])
    >>> scores(net.init(0), X[0], X, y, class_=1)
    <Attribution of the logit of class 1 to 2 examples: dP/dt = ...>
    """

    def __init__(
        self,
        network: Any,
        *,
        of: Any = "probability",
        loss: Any = "cross_entropy",
        tile: int = _TILE,
    ) -> None:
        x, z, t = (MatrixSymbol(name, size, 1) for name, size in _sizes(network))
        self.network, self._of = network, of
        self._outputs = Evaluator(network(x), "outputs")
        prop = _property(network(x), of)
        self.formula = closed_form(NTCov(prop, -_loss(loss)(network(z), t)))
        self._value = Evaluator(closed_form(prop), "P")
        self._function: Any = lambdify(None, self.formula, batch={z: "n", t: "n"}, tile=tile)

    def __call__(
        self,
        params: Mapping[Any, Any],
        test: Any,
        data: Any,
        targets: Any,
        class_: int | None = None,
        *,
        progress: bool | None = None,
    ) -> Attribution:
        """The scores at arrays; arguments as for ``attribute``."""
        import numpy as np

        trained = {name: np.asarray(array) for name, array in named(params).items()}
        point, examples = np.asarray(test), np.asarray(data)
        _check_inputs(point, examples, self.network.widths[0])
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite raises below
            logits = np.atleast_1d(self._outputs(trained, {"x": point}))
            chosen = _chosen(class_, logits)
            one = np.zeros(len(logits), dtype=logits.dtype)
            one[chosen] = 1
            given = _targets(targets, len(examples), len(logits), trained)
            known = {"x": point, "x_train": examples, "y": given, "c": one}
            values = (known[symbol.name] for symbol in self._function.inputs)
            scores = self._function(trained, *values, progress=progress)
        if not np.isfinite(scores).all():
            raise ShapeError(
                "asked for scores at parameters at which they overflow: give the arrays of a "
                "network whose outputs are finite"
            )
        what = "the property"
        if not callable(self._of):
            what = f"the {self._of.replace('_', '-')} of class {chosen}"
        return Attribution(
            scores, self._value(trained, known), self.formula, np.asarray(targets), what
        )


def _sizes(network: Any) -> list[tuple[str, Any]]:
    """The names of the test input, the training inputs and the targets, and their sizes."""
    try:
        fan_in, fan_out = network.widths
    except AttributeError:
        raise ShapeError(
            f"asked to attribute a {type(network).__name__}: write a network, as MLP(784, 256, 10)"
        ) from None
    return [("x", fan_in), ("x_train", fan_in), ("y", fan_out)]


def _check_inputs(point: Any, examples: Any, width: Any) -> None:
    import numpy as np

    if point.ndim != 1 or (getattr(width, "is_Integer", False) and len(point) != width):
        raise ShapeError(
            f"the test input has the shape {point.shape}: write one column, ({width},)"
        )
    if examples.ndim != 2 or examples.shape[1] != len(point):
        raise ShapeError(
            f"the training inputs have the shape {examples.shape}: write (N, {len(point)}), a row "
            "for every example, as wide as the test input"
        )
    if not len(examples):
        raise ShapeError("asked to attribute to no training inputs: write (N, d) with N above 0")
    for words, array in (("test input is", point), ("training inputs are", examples)):
        if array.dtype.kind != "f":
            raise ShapeError(
                f"the {words} of {array.dtype}: write floating-point numbers, scaled as the "
                "network was trained, as in images / 255"
            )
        if not (np.isfinite(array.max()) and np.isfinite(array.min())):
            raise ShapeError(f"the {words.split()[0]} input holds NaN or infinity: write numbers")


def _chosen(class_: Any, logits: Any) -> int:
    import numpy as np

    if class_ is None:
        return int(np.argmax(logits))
    if isinstance(class_, bool) or not isinstance(class_, (int, np.integer)):
        raise ShapeError(f"asked for the class {class_!r}: write an integer")
    if not 0 <= class_ < len(logits):
        raise ShapeError(f"asked for the class {class_}: the network has 0 to {len(logits) - 1}")
    return int(class_)


def _targets(targets: Any, count: int, classes: int, params: Any) -> Any:
    import numpy as np

    given = np.asarray(targets)
    if given.ndim not in (1, 2) or len(given) != count:
        raise ShapeError(
            f"the targets have the shape {given.shape}: write ({count},) classes or ({count}, "
            f"{classes}) targets, one for every example"
        )
    if given.ndim == 2:
        return given
    if given.dtype.kind not in "iu":
        if classes == 1 and given.dtype.kind == "f":
            return given[:, None]
        raise ShapeError(f"the classes are of {given.dtype}: write integers, or (N, k) targets")
    if given.min(initial=0) < 0 or given.max(initial=0) >= classes:
        raise ShapeError(
            f"the classes run from {given.min()} to {given.max()}: the network has 0 to "
            f"{classes - 1}"
        )
    kind = np.result_type(*params.values()) if params else float
    return np.eye(classes, dtype=kind)[given]


def _property(outputs: Any, of: Any) -> Any:
    """The property of the outputs; the class is a direction c."""
    if callable(of):
        return of(outputs)
    if of not in _PROPERTIES:
        raise ShapeError(f"asked for {of!r}: write {', '.join(map(repr, _PROPERTIES))}")
    value = {"probability": softmax, "log_probability": log_softmax}.get(of, lambda z: z)(outputs)
    return ScalarProduct(MatrixSymbol("c", outputs.shape[0], 1), value)


def _loss(loss: Any) -> Any:
    if callable(loss):
        return loss
    if loss not in _LOSSES:
        raise ShapeError(f"asked for the loss {loss!r}: write {', '.join(map(repr, _LOSSES))}")
    return _LOSSES[loss]


def as_classes(targets: Any) -> Any:
    """The targets as integers, where they are classes or rows with a single one."""
    import numpy as np

    given = np.asarray(targets)
    if given.dtype.kind in "iu" and given.ndim == 1:
        return given
    if given.ndim == 2 and ((given == 0) | (given == 1)).all() and (given.sum(1) == 1).all():
        return given.argmax(1)
    return None


def _counted(k: Any) -> int:
    if not is_count(k, least=0):
        raise ShapeError(f"asked for {k!r} examples: write how many")
    return int(k)
