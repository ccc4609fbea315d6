"""Code of functions of whole arrays, by the name of their class: one rule each.

A rule is given the writer, the node, the axes of its rows and columns, and the symbol that it
defines; it returns the array. Rules go by names, so that a class brings its code wherever it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sympy import S

from ..errors import NoRuleError
from .array_graph import Array

__all__ = ["ARRAY_RULES", "SCALAR_RULES"]

Rule = Callable[[Any, Any, Any, Any, Any], Array]
ARRAY_RULES: dict[str, Rule] = {}
SCALAR_RULES: dict[str, Callable[[Any, Any], Array]] = {}


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def enter(rule: Rule) -> Rule:
        for name in names:
            ARRAY_RULES[name] = rule
        return rule

    return enter


def _argument(writer: Any, node: Any, row: Any, column: Any, along: Any) -> Array:
    """The argument, with the axis along which it is normalised at its full length."""
    return _along(writer, node.args[0], row, column, along)


def _along(writer: Any, node: Any, row: Any, column: Any, along: Any) -> Array:
    array: Array = writer.matrix(node, row, column)
    if along is S.Zero or along in array.axes:
        return array
    return writer.products.spread(array, (*array.axes, along))


def _from_end(array: Array, axis: Any) -> int:
    return array.axes.index(axis) - len(array.axes)


@_rule("SoftmaxVector", "SoftmaxRows")
def _softmax(writer: Any, node: Any, row: Any, column: Any, symbol: Any) -> Array:
    """exp(z)/Σ exp(z), down a column or along every row; of a causal one, up to the diagonal."""
    rows = type(node).__name__ == "SoftmaxRows"
    along = column if rows else row
    array = _argument(writer, node, row, column, along)
    if along is S.Zero:
        return Array(writer.graph.number(S.One))
    if rows and len(node.args) > 1 and bool(node.args[1]):
        array = _causal(writer, array, row, column)
    axis = _from_end(array, along)
    if symbol is not None:
        places = tuple(p for p in (row, column) if p is not S.Zero)

        def logarithm() -> Array:
            logarithms = Array(writer.language.log_softmax(array.node, axis), array.axes)
            return Array(logarithms.node, writer._stored(logarithms, places))

        if not (rows and len(node.args) > 1 and bool(node.args[1])):
            writer.logarithms[symbol] = logarithm
    return Array(writer.language.softmax(array.node, axis), array.axes)


def _causal(writer: Any, array: Array, row: Any, column: Any) -> Array:
    condition = writer.entries.not_after(column, row)
    axes = writer.products.axes_of([array, condition])
    nodes = [writer.products.aligned(part, axes) for part in (condition, array)]
    return Array(writer.language.masked(*nodes), axes)


@_rule("Standardized", "StandardizedRows")
def _standardized(writer: Any, node: Any, row: Any, column: Any, symbol: Any) -> Array:
    """(h - mean)/sqrt(variance + ε), down each column or along each row."""
    along = column if type(node).__name__.endswith("Rows") else row
    array = _argument(writer, node, row, column, along)
    mean = _mean(writer, array, along)
    opposite = writer.graph.mul([writer.graph.number(S.NegativeOne), mean.node])
    centred = writer.products.add([array, Array(opposite, mean.axes)])
    return _over_root_mean_square(writer, centred, along, node.args[1])


@_rule("RMSNormalized", "RMSNormalizedRows")
def _rms_normalized(writer: Any, node: Any, row: Any, column: Any, symbol: Any) -> Array:
    """h/sqrt(mean of squares + ε), down each column or along each row."""
    along = column if type(node).__name__.endswith("Rows") else row
    array = _argument(writer, node, row, column, along)
    return _over_root_mean_square(writer, array, along, node.args[1])


def _mean(writer: Any, array: Array, along: Any) -> Array:
    if along is S.Zero:
        return array
    size = writer.graph.power(writer.sizes.node(writer.graph, along.size), S.NegativeOne)
    return writer.products.contraction([array, Array(size)], [along])


def _over_root_mean_square(writer: Any, array: Array, along: Any, eps: Any) -> Array:
    square = Array(writer.graph.power(array.node, S(2)), array.axes)
    mean = writer.products.add([_mean(writer, square, along), writer.array(eps)])
    root = writer.graph.power(mean.node, S.Half)
    inverse = Array(writer.graph.power(root, S.NegativeOne), mean.axes)
    return writer.products.multiplied([array, inverse])


@_rule("LogOdds", "MeanOfOthers", "GapToOthers", "VarianceOfOthers", "DivergenceTerms")
def _of_others(writer: Any, node: Any, row: Any, column: Any, symbol: Any) -> Array:
    """What a softmax says of the places other than the k-th, or how far it is from another, for
    every k of a column.
    """
    if row is S.Zero or column is not S.Zero:
        raise NoRuleError(f"asked for code of {node}: its arguments are columns of several rows")
    arrays = [_along(writer, arg, row, column, row) for arg in node.args]
    rest = writer.products.axes_of(arrays)
    axes = (*(axis for axis in rest if axis != row), row)
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(node).__name__).lower()
    nodes = [writer.products.aligned(array, axes) for array in arrays]
    return Array(writer.language.of_others(name, nodes), axes)


def _log_sum_exp(writer: Any, node: Any) -> Array:
    """log Σ exp(z) over the entries of a column."""
    from .array_writer import places_in

    row, column = places_in(node.args[0].shape)
    array = _argument(writer, node, row, column, row)
    if row is S.Zero:
        return array
    if column is not S.Zero:
        raise NoRuleError(f"asked for NumPy code of {node}: its argument is a column")
    rest = tuple(axis for axis in array.axes if axis != row)
    return Array(writer.language.log_sum_exp(array.node, _from_end(array, row)), rest)


SCALAR_RULES["LogSumExp"] = _log_sum_exp
