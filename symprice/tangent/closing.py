"""Closed forms of covariances: gradients by reverse accumulation, multiplied group by group.

``NTCov(f, g) = Σ_kk' δ_k δ'_k' Σ_θ c_kθ c'_k'θ``: definitions that share the same inner sum are
collected, so a layer's contribution is one product `(Σ_j a_j a'_j + 1)(Σ_i δ_i δ'_i)` without
anything having said 'layer'.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Basic, S
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedForm, ClosedFormMatrix, Definitions, hoist
from ..derivation import evaluate
from ..symbols import TRAINED, Parameter
from .covariance import NTCov, NTVar, covariance
from .covariance_matrix import NTCovMatrix, NTVarMatrix
from .partials import no_rule
from .properties import MATRIX
from .pullback import Group, gradient_groups

__all__ = ["close_covariance", "closed_form", "derivative"]


def closed_form(expr: Any) -> ClosedForm | ClosedFormMatrix:
    """The closed form of an expression: all covariances unfolded, the definitions of its networks
    kept as names.

    Cost and length grow with the number of definitions, not with the number of paths through the
    network.

    Parameters
    ==========

    expr : a scalar or matrix expression with NTCov, NTVar or networks in it.

    Examples
    ========

    >>> from sympy import tanh
    >>> from symprice import MLP, NTVar, closed_form
    >>> f = MLP(1, 1, 1, activation=tanh).explicit()
    >>> closed_form(NTVar(f)).expr
    a1_1**2 + delta1_1**2*(x1**2 + 1) + 1
    """
    origin = _sympify(expr)
    value = evaluate(origin)
    definitions = Definitions(value.free_symbols)
    closed = definitions.closing(hoist(value, definitions))
    if not isinstance(closed, (ClosedForm, ClosedFormMatrix)):
        closed = (ClosedFormMatrix if isinstance(closed, MATRIX) else ClosedForm)(closed, ())
    if value == origin:
        return closed
    if isinstance(origin, NTCovMatrix | NTVarMatrix) and closed.shape == (1, 1):
        return ClosedForm(closed.expr[0, 0], closed.args[1], origin)
    return closed.func(*closed.args, origin)


def close_covariance(node: NTCov | NTVar) -> Basic:
    """The closed form of one covariance of scalar closed forms."""
    first, last = node.properties[0], node.properties[-1]
    definitions = Definitions(first.free_symbols | last.free_symbols)
    bodies = [hoist(first, definitions)]
    left = gradient_groups(bodies[0], definitions, _is_coordinate)
    if first == last:
        right = left
    else:
        body = hoist(last, definitions)
        right = gradient_groups(body, definitions, _is_coordinate)
    return definitions.closing(_inner_product(left, right, node.metric))


def derivative(closed: Any, symbol: Any) -> Any:
    """The derivative of a closed form by a symbol, itself a closed form."""
    definitions = Definitions(closed.free_symbols)
    body = hoist(closed, definitions)

    def by_symbol(entry: Any) -> Any:
        found = gradient_groups(entry, definitions, lambda s: s == symbol)
        return Add(*(g.adjoint * g.coefficients[symbol] for g in found if symbol in g.coefficients))

    if isinstance(body, MatrixBase):
        return definitions.closing(body.applyfunc(by_symbol))
    if isinstance(body, MATRIX):
        raise no_rule(body)
    return definitions.closing(by_symbol(body))


def _is_coordinate(symbol: Any) -> bool:
    return isinstance(symbol, TRAINED)


def _inner_product(left: list[Group], right: list[Group], metric: Any) -> Any:
    """Σ_kk' δ_k δ'_k' Σ_uv c_ku NTCov(u, v) c'_k'v, collected by the inner sums."""
    where: dict[Any, list[tuple[int, Any]]] = {}
    for k, group in enumerate(right):
        for coordinate, value in group.coefficients.items():
            where.setdefault(coordinate, []).append((k, value))
    unspecified = [c for c in where if not isinstance(c, Parameter)]

    inner: dict[tuple[int, int], list[Any]] = {}
    for j, group in enumerate(left):
        for u, c in group.coefficients.items():
            for v, m in _partners(u, list(where), unspecified, metric):
                for k, d in where.get(v, ()):
                    inner.setdefault((j, k), []).append(c * d if m is S.One else c * d * m)

    collected: dict[Any, list[Any]] = {}
    sums: dict[tuple[Any, ...], Any] = {}
    for (j, k), terms in inner.items():
        key = tuple(terms)
        if key not in sums:
            sums[key] = Add(*terms)
        collected.setdefault(sums[key], []).append(left[j].adjoint * right[k].adjoint)
    return Add(*(total * Add(*products) for total, products in collected.items()))


def _partners(
    u: Any, coordinates: list[Any], unspecified: list[Any], metric: Any
) -> list[tuple[Any, Any]]:
    """The coordinates that ``u`` covaries with, and how much; those that have no formula are asked
    one by one.
    """
    if not isinstance(u, Parameter):
        return [(v, covariance(u, v, metric=metric)) for v in coordinates]
    known = [(u, S.One)] if metric is None else list(metric.row(u))
    return known + [(v, covariance(u, v, metric=metric)) for v in unspecified]
