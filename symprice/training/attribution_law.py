"""The law of an example's score, `NTCov(P(x), -ℓ_i)`: its formula, and what its code needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Expr, MatrixSymbol
from sympy.core.sympify import _sympify

from ..elementwise import ScalarProduct
from ..emit.numpy import lambdify
from ..errors import ShapeError
from ..networks.layers import Softmax
from ..networks.logits import log_softmax, softmax
from ..networks.losses import cross_entropy, squared_loss
from ..tangent.closing import closed_form
from ..tangent.covariance import NTCov
from .evaluating import Evaluator
from .examples import ExampleForm

__all__ = ["AttributionLaw", "check_outputs"]

_LOSSES = {"cross_entropy": cross_entropy, "squared": squared_loss}
_PROPERTIES = ("probability", "log_probability", "logit")


class AttributionLaw:
    """The score of an example as a formula of inputs of known lengths, and its code.

    Parameters
    ==========

    network, of, loss : as for ``attribute``.
    form : how an example of the network is laid out.
    lengths, trained_at : of the test input and of the examples; a column has none.

    Examples
    ========

    >>> from symprice import MLP
    >>> from symprice.training.attribution_law import AttributionLaw
    >>> from symprice.training.examples import ExampleForm
    >>> net = MLP(3, 2)
    >>> law = AttributionLaw(net, ExampleForm.of(net), 'logit', 'squared', (), ())
    >>> law.formula.expr
    (ScalarProduct(x, x_train) + 1)*(ScalarProduct(c, delta_f))
    """

    def __init__(
        self,
        network: Any,
        form: ExampleForm,
        of: Any,
        loss: Any,
        lengths: tuple[int, ...],
        trained_at: tuple[int, ...],
    ) -> None:
        taken = {symbol.name for symbol in network.free_symbols if hasattr(symbol, "name")}
        taken |= {symbol.name for symbol in network.parameters}
        x, z, t, c = (_free(name, taken) for name in ("x", "x_train", "y", "c"))
        self.x, self.z = form.symbol(x, lengths), form.symbol(z, trained_at)
        outputs, at_examples = network(self.x), network(self.z)
        if outputs.shape[1] != 1:
            raise ShapeError(
                f"asked to attribute a network that gives {outputs.shape[0]} × {outputs.shape[1]} "
                "outputs: it must give one column; end it as in GlobalAveragePool(), Dense(16, 10)"
            )
        self.t, self.c = (MatrixSymbol(name, outputs.shape[0], 1) for name in (t, c))
        prop = _property(outputs, of, self.c)
        self.formula = closed_form(NTCov(prop, -_loss(loss)(at_examples, self.t)))
        self.outputs = Evaluator(outputs, "outputs")
        self.value = Evaluator(closed_form(prop), "P")
        if self.z not in self.formula.free_symbols:
            raise ShapeError(
                f"asked for the scores of {prop}, which no training input moves: write a property "
                "of the outputs, as lambda z: z[0] - z[1], and a loss of the outputs and a target"
            )
        batch = {s: "n" for s in (self.z, self.t) if s in self.formula.free_symbols}
        self._function: Any = lambdify(None, self.formula, batch=batch)
        code: Any = self._function
        self._trained = {s.name for s in (*network.parameters, *code.parameters)}
        own = (self.x, self.z, self.t, self.c)
        self._numbers = {s.name for s in code.inputs if s not in own}
        self._numbers |= set(self.outputs.inputs) - {s.name for s in own}

    def parted(self, params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is trained and what is not, as the ε of a normalisation, of arrays by name."""
        lacking = sorted(self._numbers - set(params))
        if lacking:
            raise ShapeError(
                f"the formula has {', '.join(lacking)}, which is not trained and has no value: add "
                f"it to the parameters, {{**params, '{lacking[0]}': 1e-5}}, or write a number in "
                "the network, as LayerNorm(16, eps=1e-5)"
            )
        unknown = sorted(set(params) - self._trained - self._numbers)
        if unknown:
            raise ShapeError(
                f"the parameters are {', '.join(sorted(self._trained))}, but the arrays have "
                f"{', '.join(unknown)}: give those of the network, as net.pack(...)"
            )
        trained = {name: array for name, array in params.items() if name in self._trained}
        return trained, {n: float(a) if a.ndim == 0 else a for n, a in params.items()
                         if n in self._numbers}  # fmt: skip

    def scores(self, trained: Any, numbers: Mapping[str, Any], arrays: Mapping[Any, Any]) -> Any:
        """The scores of the examples of a block."""
        inputs = self._function.inputs
        values = (arrays[s] if s in arrays else numbers[s.name] for s in inputs)
        return self._function(trained, *values)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_given"
    return name


def check_outputs(network: Any, of: Any, loss: Any) -> None:
    """Refuse what would be silently wrong: a softmax of a softmax, or of a single logit."""
    name = "cross_entropy" if loss is cross_entropy else loss
    named_ones = [asked for asked in (of, name) if asked in ("cross_entropy", *_PROPERTIES[:2])]
    if not named_ones:
        return
    last = network
    while hasattr(last, "layers"):
        last = last.layers[-1]
    if isinstance(last, Softmax):
        raise ShapeError(
            f"asked for {named_ones[0]} of a network that ends in Softmax(): it is of logits; "
            "leave out the last layer, or write functions of its outputs for of= and loss="
        )
    if network.widths[1] == 1:
        raise ShapeError(
            f"asked for {named_ones[0]} of a network with a single output, whose softmax is 1: "
            "write of='logit', loss='squared', or functions of the output"
        )


def _property(outputs: Any, of: Any, c: Any) -> Any:
    """The property of the outputs; the class is a direction c."""
    if callable(of):
        found = _sympify(of(outputs))
        if not isinstance(found, Expr) or found.is_Matrix:
            raise ShapeError(
                "asked for a property of your own that is no scalar: write a function of the "
                "column of outputs that gives a number, as lambda z: z[0] - z[1]"
            )
        return found
    if of not in _PROPERTIES:
        raise ShapeError(f"asked for {of!r}: write {', '.join(map(repr, _PROPERTIES))}")
    value = {"probability": softmax, "log_probability": log_softmax}.get(of, lambda z: z)(outputs)
    return ScalarProduct(c, value)


def _loss(loss: Any) -> Any:
    if callable(loss):
        return loss
    if loss not in _LOSSES:
        raise ShapeError(f"asked for the loss {loss!r}: write {', '.join(map(repr, _LOSSES))}")
    return _LOSSES[loss]
