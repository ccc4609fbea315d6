"""How the covariance of a layer's values follows from that of the layer below.

`Θ_l = NTCov(h_l, h'_l)` enters the next layer through the chain rule: one layer is put on top of
values `h_l + z`, where z stands for all that the parameters below can do, and has the metric Θ_l.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sympy import Identity, MatAdd, MatrixSymbol

from ..closedform import ClosedFormMatrix
from ..indexed.families import Member
from ..symbols import NameMatrix, ParameterMatrix
from .block_metric import BlockMetric
from .closing import closed_form
from .layer_names import REFERENCE, Pairs, by_layer, place
from .layer_pattern import LayerPattern

__all__ = ["KernelRecursion", "kernel_recursion", "unrolled_kernel"]


class KernelRecursion(NamedTuple):
    """`Θ_{l+1}` and `Θ_1`, and the Jacobians `J_l` in it, in the index l of the pattern."""

    theta: Any
    step: Any
    start: Any
    jacobians: dict[Any, Any]


def kernel_recursion(covariance: Any, pattern: LayerPattern) -> KernelRecursion:
    """The recursion, derived on top of two layers and compared."""
    step = _on_top_of(covariance, pattern, REFERENCE)
    if step != _on_top_of(covariance, pattern, REFERENCE + 1):
        raise pattern.error(REFERENCE + 1, "the covariance of its values is another one")
    first = []
    for prop in covariance.properties:
        layers = by_layer(prop)
        first.append(ClosedFormMatrix(layers[1][0][1], layers.get(0, [])))
    start = closed_form(covariance.func(*first)).expr
    return KernelRecursion(_theta(pattern), step[0], start, step[1])


def _theta(pattern: LayerPattern) -> Any:
    return Member(NameMatrix("Theta", pattern.hidden, pattern.hidden), pattern.index)


def _on_top_of(covariance: Any, pattern: LayerPattern, number: int) -> tuple[Any, dict[Any, Any]]:
    """The covariance of the values of the next layer, and the definitions it needs."""
    moving = ParameterMatrix("z", pattern.hidden, 1)
    tops = []
    for letter, prop in zip("uv", covariance.properties, strict=False):
        layers = by_layer(prop)
        (name, _), *rest = layers[number]
        value = MatAdd(MatrixSymbol(letter, pattern.hidden, 1), moving)
        tops.append(ClosedFormMatrix(layers[number + 1][0][1], [(name, value), *rest]))
    theta = MatrixSymbol("Theta", pattern.hidden, pattern.hidden)
    trained = {s for top in tops for s in top.free_symbols if isinstance(s, ParameterMatrix)}
    metric = BlockMetric({symbol: 1 for symbol in trained} | {moving: theta})
    closed = closed_form(covariance.func(*tops, metric))
    rule = {theta: NameMatrix(f"Theta{number}", *theta.shape)}
    jacobians = []
    for name, value in closed.definitions.items():
        family, _ = place(name) or ("", 0)
        if family not in pattern.values or pattern.is_backward(family):
            rule[name] = NameMatrix(name.name.replace("delta", "J"), *name.shape)
            jacobians.append((rule[name], value))
    found = {pattern.labelled(n, number): pattern.labelled(v, number) for n, v in jacobians}
    return pattern.labelled(closed.expr.xreplace(rule), number), found


def unrolled_kernel(pattern: LayerPattern, kernel: KernelRecursion, closed: Any) -> Any:
    """The recursion written out at the depth of a closed form with the layers' definitions."""
    covariance = closed.origin
    outputs = covariance.properties[0].shape[0]
    symbols = {s.name: s for s in covariance.free_symbols | {*closed.definitions} if place(s)}
    depth = max(number for s in symbols.values() for _, number in [place(s) or ("", 0)])
    lookup = pattern.lookup(symbols, depth)
    pairs: Pairs = list(closed.definitions.items())

    def value_at(template: Any, n: int) -> Any:
        last = {Identity(pattern.hidden): Identity(outputs)} if n == depth - 1 else {}
        return pattern.written(template, n, lookup, last)

    def define(text: str, value: Any) -> None:
        symbols[text] = NameMatrix(text, *value.shape)
        pairs.append((symbols[text], value))

    define("Theta1", kernel.start)
    for n in range(1, depth):
        for name, template in kernel.jacobians.items():
            define(pattern.family(name.array).format(n), value_at(template, n))
        define(f"Theta{n + 1}", value_at(kernel.step, n))
    return ClosedFormMatrix(symbols[f"Theta{depth}"], pairs)
