"""Examples as attribution takes them: what one of a network is, and whether arrays fit it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sympy import MatrixSymbol

from ..errors import ShapeError
from ..networks.layer import CHANNELS, COLUMN, SEQUENCE
from ..networks.layers import Embedding

__all__ = ["ExampleForm", "targets_as_rows"]

_WRITE = {
    COLUMN: ("one column, ({0},)", "(N, {0}), a row for every example, as wide as the test input"),
    SEQUENCE: ("one sequence, (T, {0}), a row for every token", "(N, T, {0}), a sequence each"),
    CHANNELS: ("(channels, length), ({0}, L)", "(N, {0}, L), channels × length each"),
}
# So many examples of columns are computed at a time, and so many entries of what is longer.
_EXAMPLES, _ENTRIES = 2048, 2**19


class ExampleForm(NamedTuple):
    """One example of a network: a column (d,), a sequence (T, d), or channels (c, length).

    Examples
    ========

    >>> from symprice import RNN, Network
    >>> from symprice.training.examples import ExampleForm
    >>> ExampleForm.of(Network(RNN(4, 3))).symbol('x', (7,)).shape
    (7, 4)
    """

    layout: str
    width: Any
    #: Whether it may be given as the numbers of words, which an embedding takes.
    words: bool

    @classmethod
    def of(cls, network: Any) -> ExampleForm:
        """What a network takes."""
        try:
            width, taken, first = network.widths[0], network.taken, network.layers[0]
        except (AttributeError, IndexError):
            raise ShapeError(
                f"asked to attribute a {type(network).__name__}: write a network, as "
                "MLP(784, 256, 10) or Network(Dense(784, 10))"
            ) from None
        if width is None:
            raise ShapeError(
                f"asked to attribute {network}, whose layers take any width: write one that has "
                "weights, as Network(Dense(784, 10))"
            )
        others = SEQUENCE if SEQUENCE in taken or not taken else taken[0]
        while hasattr(first, "layers"):
            first = first.layers[0]
        layout = COLUMN if COLUMN in taken else others
        return cls(layout, width, isinstance(first, Embedding))

    def symbol(self, name: str, lengths: tuple[int, ...]) -> Any:
        """The input of a network, of a length where it has one."""
        if self.layout == COLUMN:
            return MatrixSymbol(name, self.width, 1)
        (length,) = lengths
        return MatrixSymbol(
            name, *((length, self.width) if self.layout == SEQUENCE else (self.width, length))
        )

    def lengths(self, shape: tuple[int, ...], words: bool) -> tuple[int, ...]:
        """The length of an example of a shape; of a column there is none."""
        if self.layout == COLUMN:
            return ()
        return (shape[0] if words or self.layout == SEQUENCE else shape[1],)

    def checked(self, point: Any, examples: Any) -> tuple[Any, Any]:
        """A test input and training inputs as arrays.

        Raises
        ======

        ShapeError : for shapes that do not fit, no examples, integers, NaN.
        """
        import numpy as np

        try:
            found = np.asanyarray(point), np.asanyarray(examples)
        except ValueError:
            raise ShapeError(
                "the inputs are of different lengths: attribute to those of each length for "
                "itself, as an array (N, T, d)"
            ) from None
        one, many = _WRITE[self.layout]
        self._check(found[0], 0, "the test input has", one)
        self._check(found[1], 1, "the training inputs have", many)
        if self.layout == COLUMN and not self.given_as_words(found[0], 0):
            wide = len(found[0])
            if not self.given_as_words(found[1], 1) and found[1].shape[1] != wide:
                raise ShapeError(
                    f"the training inputs have the shape {found[1].shape}: write "
                    f"{many.format(wide)}"
                )
        if not len(found[1]):
            raise ShapeError(
                "asked to attribute to no training inputs: write (N, d) with N above 0"
            )
        self._check_entries("test input", found[0], 0)
        self._check_entries("training inputs", found[1], 1)
        return np.asarray(found[0]), np.asarray(found[1])

    def given_as_words(self, array: Any, batch: int) -> bool:
        """Whether an array holds the numbers of words."""
        axes = batch + (0 if self.layout == COLUMN else 1)
        return bool(self.words and array.dtype.kind in "iu" and array.ndim == axes)

    def written_out(self, array: Any, batch: int, kind: Any) -> Any:
        """Words as one-hot rows; other arrays as they are."""
        import numpy as np

        if not self.given_as_words(array, batch):
            return array
        return (array[..., None] == np.arange(int(self.width))).astype(kind)

    def tile(self, lengths: tuple[int, ...], params: Mapping[str, Any]) -> int:
        """How many examples are computed at a time, so that every array on the way stays small."""
        import numpy as np

        if self.layout == COLUMN:
            return _EXAMPLES
        shapes = [np.shape(array) for array in params.values() if np.ndim(array)]
        widest = max((max(s[0], int(np.prod(s[1:]))) for s in shapes), default=1)
        entries = lengths[0] * max(lengths[0], widest)
        return min(_EXAMPLES, max(1, _ENTRIES // entries))

    def _check(self, array: Any, batch: int, words: str, write: str) -> None:
        shape = array.shape
        if self.given_as_words(array, batch) and 0 not in shape[batch:]:
            return
        place = -1 if self.layout != CHANNELS else -2
        axes = batch + (1 if self.layout == COLUMN else 2)
        known = getattr(self.width, "is_Integer", False)
        # That examples are as wide as the test input is said of columns in one sentence.
        held = known and not (batch and self.layout == COLUMN)
        if array.ndim != axes or (held and shape[place] != self.width) or 0 in shape[batch:]:
            numbers = "; or the numbers of words, as integers" if self.words else ""
            raise ShapeError(
                f"{words} the shape {shape}: write {write.format(self.width)}{numbers}"
            )

    def _check_entries(self, name: str, array: Any, batch: int) -> None:
        import numpy as np

        are = "are" if name.endswith("s") else "is"
        if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
            raise ShapeError(f"the {name} {are} masked in places: leave such examples out")
        if self.given_as_words(array, batch):
            if not getattr(self.width, "is_Integer", False):
                raise ShapeError(
                    f"the words of a vocabulary of {self.width} are given by numbers: write the "
                    "network with an integer, as Embedding(1000, 16)"
                )
            if array.min() < 0 or array.max() >= self.width:
                raise ShapeError(
                    f"the words of the {name} run from {array.min()} to {array.max()}: the "
                    f"network has 0 to {self.width - 1}"
                )
        elif array.dtype.kind != "f":
            raise ShapeError(
                f"the {name} {are} of {array.dtype}: write floating-point numbers, scaled as the "
                "network was trained, as in images / 255"
            )
        elif not (np.isfinite(array.max()) and np.isfinite(array.min())):
            where = ""
            if batch:
                rows = ~np.isfinite(array.reshape(len(array), -1)).all(1)
                where = f" in {int(rows.sum())} of them, first in example {int(rows.argmax())}"
            raise ShapeError(
                f"the {name.removesuffix('s')} holds NaN or infinity{where}: write numbers"
            )


def targets_as_rows(targets: Any, count: int, outputs: int, kind: Any, sums: bool) -> Any:
    """Classes, values of a single output, or rows, as targets (N, outputs).

    Parameters
    ==========

    count, outputs : how many examples and outputs there are.
    kind : the dtype of the targets of classes.
    sums : whether every row is a distribution, as cross-entropy needs.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice.training.examples import targets_as_rows
    >>> targets_as_rows(np.array([1, 0]), 2, 2, float, sums=True)
    array([[0., 1.],
           [1., 0.]])
    """
    import numpy as np

    given = np.asarray(targets)
    if given.ndim not in (1, 2) or len(given) != count:
        raise ShapeError(
            f"the targets have the shape {given.shape}: write ({count},) classes or ({count}, "
            f"{outputs}) targets, one for every example"
        )
    if given.ndim == 1 and outputs > 1:
        return np.eye(outputs, dtype=kind)[_as_known_classes(given, outputs)]
    # A single output has no classes: integers are values too.
    rows = given[:, None] if given.ndim == 1 else given
    if rows.dtype.kind not in "iufb":
        raise ShapeError(f"the targets are of {rows.dtype}: write numbers")
    if rows.shape[1] != outputs:
        raise ShapeError(
            f"the targets have the shape {rows.shape}: write ({count},) classes or ({count}, "
            f"{outputs}) targets, one for every output"
        )
    rows = rows if rows.dtype.kind == "f" else rows.astype(kind)
    if not np.isfinite(rows).all():
        wrong = int((~np.isfinite(rows)).any(1).argmax())
        raise ShapeError(f"the target of example {wrong} holds NaN or infinity: write numbers")
    if sums:
        totals = rows.sum(1, dtype=float)
        wrong = (abs(totals - 1) > 1e-3) | (rows < 0).any(1)
        if wrong.any():
            i = int(wrong.argmax())
            raise ShapeError(
                f"the target of example {i} is {rows[i]}, which adds up to {totals[i]:.4g}: the "
                "targets of cross-entropy are probabilities; write classes as integers, or rows "
                "that add up to 1"
            )
    return rows


def _as_known_classes(given: Any, outputs: int) -> Any:
    if given.dtype.kind not in "iu":
        raise ShapeError(f"the classes are of {given.dtype}: write integers, or (N, k) targets")
    if given.min(initial=0) < 0 or given.max(initial=0) >= outputs:
        raise ShapeError(
            f"the classes run from {given.min()} to {given.max()}: the network has 0 to "
            f"{outputs - 1}"
        )
    return given
