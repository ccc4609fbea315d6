"""Which training examples push a property up, and which down: `NTCov(P(x), -ℓ_i)` for each.

Under gradient flow `dP(x)/dt = (1/N) Σ_i NTCov(P(x), -ℓ_i)`: every example has its own term, the
kernel of the test point and the example times what the loss says there, `Θ(x, x_i)(y_i - p_i)`. No
gradient of an example is formed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..counts import is_count
from ..emit.array_tiles import checked_tile
from ..emit.progress import advancing
from ..errors import ShapeError
from ..networks.layer import COLUMN
from ..networks.losses import cross_entropy
from ..outputs import Shown
from .attribution_law import AttributionLaw, check_outputs
from .evaluating import named
from .examples import ExampleForm, targets_as_rows
from .tables import Column, shown

__all__ = ["Attribution", "Attributor", "attribute"]


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
    tile: int | None = None,
    progress: bool | None = None,
) -> Attribution:
    """Data attribution to first order: `NTCov(P(x), -ℓ_i)` for every training example i.

    Parameters
    ==========

    network : a network that gives a column of logits, such as ``MLP(784, 256, 10)``. It takes
        columns, sequences or channels.
    params : {parameter or name: array}, and what the network leaves open, as the ``epsilon`` of
        ``LayerNorm(16)``.
    test : the test input: (d,), a sequence (T, d), or (channels, length).
    data : the training inputs, (N, d), (N, T, d) or (N, channels, length), all of one length, which
        may be another one than that of ``test``. What an ``Embedding`` takes first may be the
        numbers of words, integers (N, T).
    targets : classes as integers (N,), or the targets themselves (N, k); of a single output (N,)
        numbers.
    class_ : whose probability it is; where not given, the class that the network finds most likely.
    of : 'probability', 'log_probability' or 'logit' of the class; or a function that makes a scalar
        property of the outputs, as ``lambda z: z[0] - z[1]``.
    loss : 'cross_entropy', 'squared', or a function of the outputs and a target column.
    tile : how many examples are computed at a time: memory is bounded by that. Where not given,
        2048 columns, or as many sequences as keep every array small.
    progress : whether to show a bar; None for where it takes long.

    Raises
    ======

    ShapeError : for shapes that do not fit, NaN, a class that there is not, arrays that the network
        does not have, a softmax of probabilities.

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

    The formula of a network of columns is derived here, that of one of sequences or channels at the
    first call with inputs of their lengths.

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
        tile: int | None = None,
    ) -> None:
        self.network, self._of, self._loss = network, of, loss
        self._form = ExampleForm.of(network)
        check_outputs(network, of, loss)
        self._tile = tile if tile is None else checked_tile(tile, ["n"], "attribute")
        self._laws: dict[tuple[Any, ...], AttributionLaw] = {}
        if self._form.layout == COLUMN:
            self._law((), ())

    def _law(self, lengths: tuple[int, ...], trained_at: tuple[int, ...]) -> AttributionLaw:
        """The formulas for a test input and examples of such lengths."""
        key = lengths, trained_at
        if key not in self._laws:
            self._laws[key] = AttributionLaw(self.network, self._form, self._of, self._loss, *key)
        return self._laws[key]

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

        if callable(self._of) and class_ is not None:
            raise ShapeError(
                f"asked for the class {class_!r} of a property of your own: leave class_ out, the "
                "function says which outputs it is of"
            )
        given = {name: np.asarray(array) for name, array in named(params).items()}
        form = self._form
        point, examples = form.checked(test, data)
        lengths = [
            form.lengths(array.shape[batch:], form.given_as_words(array, batch))
            for batch, array in enumerate((point, examples))
        ]
        law = self._law(*lengths)
        trained, numbers = law.parted(given)
        kind = np.result_type(*trained.values()) if trained else np.dtype(float)
        point = form.written_out(point, 0, kind)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite raises below
            logits = np.atleast_1d(law.outputs(trained, {**numbers, law.x.name: point}))
            chosen = _chosen(class_, logits)
            one = np.zeros(len(logits), dtype=logits.dtype)
            one[chosen] = 1
            sums = self._loss in ("cross_entropy", cross_entropy)
            rows = targets_as_rows(targets, len(examples), len(logits), kind, sums)
            known = {law.x: point, law.c: one}
            tile = self._tile or form.tile(max(lengths), trained)
            parts = []
            with advancing(-(-len(rows) // tile), progress, "block") as advance:
                for i in range(0, len(rows), tile):
                    block = {
                        **known,
                        law.z: form.written_out(examples[i : i + tile], 1, kind),
                        law.t: rows[i : i + tile],
                    }
                    parts.append(law.scores(trained, numbers, block))
                    advance()
            scores = np.concatenate(parts)
            value = law.value(trained, {**{s.name: a for s, a in known.items()}, **numbers})
        if not (np.isfinite(scores).all() and np.isfinite(value)):
            raise ShapeError(
                "asked for scores at parameters at which they overflow: give the arrays of a "
                "network whose outputs are finite"
            )
        what = "the property"
        if not callable(self._of):
            what = f"the {self._of.replace('_', '-')} of class {chosen}"
        told = np.asarray(targets) if len(logits) > 1 else rows
        return Attribution(scores, value, law.formula, told, what)


def _chosen(class_: Any, logits: Any) -> int:
    import numpy as np

    if class_ is None:
        return int(np.argmax(logits))
    if isinstance(class_, bool) or not isinstance(class_, (int, np.integer)):
        raise ShapeError(f"asked for the class {class_!r}: write an integer")
    if not 0 <= class_ < len(logits):
        raise ShapeError(f"asked for the class {class_}: the network has 0 to {len(logits) - 1}")
    return int(class_)


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
