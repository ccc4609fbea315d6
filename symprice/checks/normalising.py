"""How what normalises a column or a row is evaluated: softmax, and what has mean 0, deviation 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from .graph import Cell, Graph, Scope, builds, entries
from .matrices import as_matrix

__all__: list[str] = []


def _shares(values: list[Any]) -> list[Any]:
    """exp(z_k) over the sum of all."""
    weights = [mpmath.exp(z) for z in values]
    total = mpmath.fsum(weights)
    return [weight / total for weight in weights]


def _standardized(values: list[Any], eps: Any) -> list[Any]:
    """(x - mean) / sqrt(variance + eps), the variance over n."""
    mean = mpmath.fsum(values) / len(values)
    variance = mpmath.fsum((x - mean) ** 2 for x in values) / len(values)
    return [(x - mean) / mpmath.sqrt(variance + eps) for x in values]


def _over_root_mean_square(values: list[Any], eps: Any) -> list[Any]:
    """x / sqrt(mean of x² + eps)."""
    mean = mpmath.fsum(x**2 for x in values) / len(values)
    return [x / mpmath.sqrt(mean + eps) for x in values]


def _by_rows(matrix: Any, change: Callable[[list[Any], int], list[Any]]) -> Any:
    """A matrix with every row changed; ``change`` is given the row and its number."""
    return mpmath.matrix([change(row, i) for i, row in enumerate(matrix.tolist())])


@builds("SoftmaxVector")
def softmax(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The softmax of a column."""
    inner = graph.cell(expr.args[0], scope)

    def run(state: Any) -> Any:
        return mpmath.matrix(_shares(entries([as_matrix(state.value(inner))])))

    return graph.shared("softmax", (inner,), run)


@builds("SoftmaxRows")
def softmax_of_rows(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The softmax of each row; causal: of its entries up to the diagonal, the others are 0."""
    inner, causal = graph.cell(expr.args[0], scope), bool(expr.args[1])

    def change(row: list[Any], i: int) -> list[Any]:
        seen = row[: i + 1] if causal else row
        return [*_shares(seen), *[mpmath.mpf(0)] * (len(row) - len(seen))]

    def run(state: Any) -> Any:
        return _by_rows(as_matrix(state.value(inner)), change)

    return graph.shared(("softmax of rows", causal), (inner,), run)


@builds("LogSumExp")
def log_sum_exp(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """log Σ exp(z_k) of a column."""
    inner = graph.cell(expr.args[0], scope)

    def run(state: Any) -> Any:
        return mpmath.log(mpmath.fsum(map(mpmath.exp, entries([state.value(inner)]))))

    return graph.shared("log-sum-exp", (inner,), run)


def _others(k: int, weights: list[Any]) -> list[Any]:
    """The weights with the k-th left out."""
    return [w for j, w in enumerate(weights) if j != k]


def _log_odds(weights: list[Any], k: int) -> Any:
    return mpmath.log(weights[k]) - mpmath.log(mpmath.fsum(_others(k, weights)))


def _mean_of_others(weights: list[Any], values: list[Any], k: int) -> Any:
    rest, total = _others(k, weights), mpmath.fsum(_others(k, weights))
    return mpmath.fdot(rest, _others(k, values)) / total


def _gap_to_others(weights: list[Any], values: list[Any], k: int) -> Any:
    return values[k] - _mean_of_others(weights, values, k)


def _variance_of_others(weights: list[Any], values: list[Any], k: int) -> Any:
    mean = _mean_of_others(weights, values, k)
    return _mean_of_others(weights, [(x - mean) ** 2 for x in values], k)


def _of_others(moment: Callable[..., Any]) -> Any:
    """The builder of a column of moments over all actions but the k-th, for every k."""

    def build(graph: Graph, expr: Any, scope: Scope) -> Cell:
        inner = graph.cells(expr.args, scope)

        def run(state: Any) -> Any:
            columns = [entries([as_matrix(state.value(cell))]) for cell in inner]
            columns[0] = [mpmath.exp(z) for z in columns[0]]
            return mpmath.matrix([moment(*columns, k) for k in range(len(columns[0]))])

        return graph.shared(type(expr).__name__, inner, run)

    return build


builds("LogOdds")(_of_others(_log_odds))
builds("MeanOfOthers")(_of_others(_mean_of_others))
builds("GapToOthers")(_of_others(_gap_to_others))
builds("VarianceOfOthers")(_of_others(_variance_of_others))


@builds("DivergenceTerms")
def divergence_terms(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """π log(π/π') + π' - π of two columns of logits."""
    inner = graph.cells(expr.args, scope)

    def run(state: Any) -> Any:
        shares = []
        for cell in inner:
            weights = [mpmath.exp(z) for z in entries([as_matrix(state.value(cell))])]
            shares.append([w / mpmath.fsum(weights) for w in weights])
        pairs = zip(*shares, strict=True)
        return mpmath.matrix([p * mpmath.log(p / q) + q - p for p, q in pairs])

    return graph.shared("divergence terms", inner, run)


def _normalised(change: Callable[[list[Any], Any], list[Any]], columns: bool) -> Any:
    """The builder of a node (matrix, eps) that changes every row, or every column."""

    def build(graph: Graph, expr: Any, scope: Scope) -> Cell:
        inner, eps = graph.cells(expr.args[:2], scope)

        def run(state: Any) -> Any:
            given, small = as_matrix(state.value(inner)), state.value(eps)
            found = _by_rows(given.T if columns else given, lambda row, _: change(row, small))
            return found.T if columns else found

        return graph.shared(type(expr).__name__, (inner, eps), run)

    return build


builds("Standardized")(_normalised(_standardized, columns=True))
builds("StandardizedRows")(_normalised(_standardized, columns=False))
builds("RMSNormalized")(_normalised(_over_root_mean_square, columns=True))
builds("RMSNormalizedRows")(_normalised(_over_root_mean_square, columns=False))
