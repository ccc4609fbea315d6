"""Scores and Fisher information of policies with finitely many actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sympy import Add, ImmutableDenseMatrix, S, together

from ..closedform import hoist
from .collecting import weights
from .logits import Logits
from .pairs import are_uneven, covariance, needs_centring
from .rules import Collection, CommonPart
from .setting import Names, Setting, by_logits, is_network, variables_of
from .written import carried_out

if TYPE_CHECKING:
    from .finite import FinitePolicy

__all__ = ["fisher", "score"]


def score(policy: FinitePolicy, index: int, wrt: Any = None) -> Any:
    """∇log π of the action with this index: a scalar or a column, of a network a closed form."""
    variables = variables_of(policy, wrt)
    names = Names(policy)
    if not (is_network(policy) or by_logits(policy, variables)):
        setting = Setting(policy, variables, names)
        return setting.without_names(_shaped(setting.scores()[index], 1))
    logits = Logits(policy, names)
    entries = logits.setting.scores()[index]
    if by_logits(policy, variables):
        entries, definitions = logits.inserted(entries)
    else:
        entries, definitions = logits.pulled_back(entries, variables)
    return definitions.closing(hoist(_shaped(entries, 1), definitions))


def fisher(policy: FinitePolicy, wrt: Any = None) -> Any:
    """E[s sᵀ] of the scores s: a scalar or a symmetric matrix, of a network a closed form."""
    variables = variables_of(policy, wrt)
    names = Names(policy)
    count = len(variables)
    if not (is_network(policy) or by_logits(policy, variables)):
        setting = Setting(policy, variables, names)
        return setting.without_names(_shaped(information(setting), count))
    logits = Logits(policy, names)
    matrix = information(logits.setting)
    if by_logits(policy, variables):
        entries, definitions = logits.inserted(list(matrix))
    else:
        matrix, definitions = logits.pulled_back_twice(matrix, variables)
        entries = list(matrix)
    return definitions.closing(hoist(_shaped(entries, count), definitions))


def information(setting: Setting) -> Any:
    """E[s sᵀ] in the names of the setting."""
    count = len(setting.variables)
    columns = [list(column) for column in zip(*setting.scores(), strict=True)]
    upper = {
        (i, j): _mean_product(setting, columns[i], columns[j])
        for j in range(count)
        for i in range(j + 1)
    }
    return ImmutableDenseMatrix(count, count, lambda i, j: upper[min(i, j), max(i, j)])


def _mean_product(setting: Setting, left: list[Any], right: list[Any]) -> Any:
    """E[s t] of two scores: with s = u - E[u] it is Σ π(a) u(a) t(a), because E[t] = 0."""
    pi = setting.probabilities
    if setting.named and (are_uneven(left, right) or any(map(needs_centring, (left, right)))):
        return covariance(pi, left, right)
    split = CommonPart().split(left, pi) if setting.named else None
    if split is not None:
        return Add(*(p * u * t for p, u, t in zip(pi, split[0], right, strict=True)))
    products = weights(weights(pi, left), right)
    total = carried_out(Collection().collected(products, [S.One] * len(pi)))
    joined = together(total)
    return joined if joined.count_ops() < total.count_ops() else total


def _shaped(entries: Any, columns: int) -> Any:
    entries = list(entries)
    if len(entries) == 1:
        return entries[0]
    return ImmutableDenseMatrix(len(entries) // columns, columns, entries)
