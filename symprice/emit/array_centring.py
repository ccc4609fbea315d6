"""`x - E[x]` under a softmax, in which no difference of nearly equal numbers is left."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sympy import Add, Lambda, Mul, OneMatrix, S, Symbol, ZeroMatrix

from ..arrays import LogSumExp, SoftmaxVector
from ..elementwise import Elementwise, ScalarProduct
from ..indexed.entries import Entry, indices_of
from ..indexed.lowering import entry
from ..indexed.sums import SumOver, opened
from ..networks.activations import log_sigmoid
from ..policy.divergence_terms import DivergenceTerms
from ..policy.other_columns import LogOdds
from .array_graph import Array

__all__ = ["centred_sum", "with_positive_terms"]


def centred_sum(writer: Any, expr: Any) -> Array | None:
    """A sum `x_i - J` where J is the mean `Σ_j π_j x_j` under a softmax; None of any other.

    It is `d_i - Σ_j π_j d_j` with `d_j = x_j - x_m`, m the likeliest place. Where π_m is nearly 1,
    J has all of its digits in common with x_m; the d_j have none, and no error of rounding is
    larger than those of `Σ_j π_j |x_i - x_j|`, of which the difference is made.
    """
    for term in expr.args:
        found = _mean(writer, -term)
        if found is None:
            continue
        at, shares = found
        rest = expr - term
        for row in sorted(indices_of(rest), key=str):
            if row.size == shares.shape[0] and at(row) == rest:
                return _centred(writer, rest, shares, row)
    return None


def with_positive_terms(expr: Any) -> Any:
    """Entropies and divergences of softmaxes as sums of numbers that are not negative."""
    return with_log_odds(with_divergences(expr)) if expr.has(LogSumExp) else expr


def with_log_odds(expr: Any) -> Any:
    """`log Σ exp z - πᵀz`, the entropy of π = softmax(z), as the sum of `-π log σ(u)` with the
    log-odds u of π: of numbers that are not negative.
    """
    changes = {}
    for total in expr.atoms(Add):
        terms = dict(reversed(term.as_coeff_Mul()) for term in total.args)
        for level, c in terms.items():
            if not isinstance(level, LogSumExp):
                continue
            z = level.args[0]
            shares = SoftmaxVector(z)
            mean = ScalarProduct(shares, z)
            if terms.get(mean) == -c:
                u = Symbol("u", real=True)
                logarithms = Elementwise(Lambda(u, log_sigmoid(u)), LogOdds(z))
                rest = total - c * level + c * mean
                changes[total] = rest - c * ScalarProduct(shares, logarithms)
    return expr.xreplace(changes) if changes else expr


def with_divergences(expr: Any) -> Any:
    """`πᵀ(z - y) - log Σ exp z + log Σ exp y`, the divergence of π = softmax(z) from softmax(y), as
    a sum of numbers that are not negative: of close policies its terms cancel.
    """
    changes = {}
    for total in expr.atoms(Add):
        found = total
        for product in total.atoms(ScalarProduct):
            for shares, gap in (product.args, product.args[::-1]):
                if isinstance(shares, SoftmaxVector):
                    found = _with_divergence(found, product, shares.argument, gap)
        if found != total:
            changes[total] = found
    return expr.xreplace(changes) if changes else expr


def _with_divergence(total: Any, product: Any, z: Any, gap: Any) -> Any:
    terms = dict(reversed(term.as_coeff_Mul()) for term in Add.make_args(total))
    weight = terms.get(product, S.Zero)
    if weight == 0 or terms.get(LogSumExp(z)) != -weight:
        return total
    for level, c in terms.items():
        if isinstance(level, LogSumExp) and c == weight:
            y = level.argument
            if y != z and (gap + y - z).doit() == ZeroMatrix(*z.shape):
                sides = weight * product, -weight * LogSumExp(z), weight * level
                parts = ScalarProduct(OneMatrix(*z.shape), DivergenceTerms(z, y))
                return total - Add(*sides) + weight * parts
    return total


def _mean(writer: Any, expr: Any) -> tuple[Callable[[Any], Any], Any] | None:
    """Of a mean under a softmax what it is the mean of, at an index, and the probabilities."""
    if expr in writer.means:
        values, shares = writer.means[expr]
        return lambda row: entry(values, row, S.Zero), shares
    if not isinstance(expr, SumOver) or len(expr.indices) != 1:
        return None
    body, (index,) = opened(expr)
    for factor in Mul.make_args(body):
        if isinstance(factor, Entry) and factor.array in writer.shares:
            if factor == entry(factor.array, index, S.Zero):
                return partial(_at, body / factor, index), factor.array
    return None


def _at(body: Any, index: Any, row: Any) -> Any:
    return body.xreplace({index: row})


def _centred(writer: Any, rest: Any, shares: Any, row: Any) -> Array | None:
    products, minus = writer.products, writer.graph.number(S.NegativeOne)
    arrays = [_gaps_first(writer, rest, row), writer.array(entry(shares, row, S.Zero))]
    if any(row not in array.axes for array in arrays):
        return None
    axes = (*(axis for axis in products.axes_of(arrays) if axis != row), row)
    values, weights = (products.full(array, axes) for array in arrays)
    reference = writer.language.at_likeliest(weights, values)
    if reference is None:
        return None
    gaps = Array(writer.graph.add([values, writer.graph.mul([minus, reference])]), axes)
    writer.graph.must_have_names.add(gaps.node)
    mean = products.contraction([gaps, arrays[1]], [row])
    return products.add([gaps, Array(writer.graph.mul([minus, mean.node]), mean.axes)])


def _gaps_first(writer: Any, rest: Any, row: Any) -> Array:
    """What varies with the row, columns of opposite weights subtracted first: of
    `r - w (z - z')` the difference of close columns keeps its digits.
    """
    groups: dict[Any, list[Any]] = {}
    for term in Add.make_args(rest):
        fixed, moving = term.as_independent(row, as_Add=False)
        if moving == 1:
            continue  # the same for every action
        sign = S.NegativeOne if fixed.could_extract_minus_sign() else S.One
        groups.setdefault(sign * fixed, []).append(sign * moving)
    parts = []
    for weight, columns in groups.items():
        gap = writer.array(Add(*columns))
        if len(columns) > 1:
            writer.graph.must_have_names.add(gap.node)
        parts.append(
            gap if weight == 1 else writer.products.multiplied([writer.array(weight), gap])
        )
    return writer.products.add(parts) if parts else writer.array(S.Zero)
