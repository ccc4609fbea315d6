"""Covariances and third cumulants of a softmax over pairs and triples of actions: none cancels.

`E[u (r - J)]` is small where the actions that are likely have nearly one u, as a difference of
numbers that are not. Over pairs every term is small by its own factor.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

from sympy import Add

from .short import short

__all__ = ["FEW", "are_uneven", "covariance", "needs_centring", "one_differs", "third_cumulant"]

# Of so many actions the pairs are not too many to be read.
FEW = 6


def one_differs(column: list[Any]) -> bool:
    """Whether all values but one are equal: then a formula with 1 - π is shorter, and as good."""
    return len(set(column)) == 2 and 1 in (column.count(s) for s in set(column))


def are_uneven(*columns: list[Any]) -> bool:
    """Whether scores of a few actions differ by numbers, and not all by one action alone."""
    if not 3 <= len(columns[0]) <= FEW or all(map(one_differs, columns)):
        return False
    return all(short(x - column[0]).is_number for column in columns for x in column[1:])


def needs_centring(column: list[Any]) -> bool:
    """Whether scores are neither those of one action alone nor of few actions by numbers: then
    their mean gets a name, and is subtracted from each.
    """
    return len(column) >= 3 and not one_differs(column) and not are_uneven(column)


def covariance(pi: list[Any], u: list[Any], v: list[Any]) -> Any:
    """cov(u, v) = Σ_{j<k} π_j π_k (u_j - u_k) (v_j - v_k).

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.policy.pairs import covariance
    >>> p, q = symbols('p q')
    >>> covariance([p, q], [1, 3], [5, 0])
    -10*p*q
    """
    return Add(
        *(
            pi[j] * pi[k] * short(u[j] - u[k]) * short(v[j] - v[k])
            for j, k in combinations(range(len(pi)), 2)
        )
    )


def third_cumulant(pi: list[Any], u: list[Any], v: list[Any], r: list[Any]) -> Any:
    """E of the product of three centred variables: as derivatives of the covariance of u and r
    along logits v it is `-Σ_{j<k} π_j π_k (π_j - π_k) Δu Δv Δr`, and for each triple π_j π_k π_l
    times the sum of `Δu Δr (v_j + v_k - 2 v_l)` over its three pairs.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.policy.pairs import third_cumulant
    >>> p, q = symbols('p q')
    >>> third_cumulant([p, q], [1, 0], [1, 0], [1, 0])
    -p*q*(p - q)
    """
    terms = [
        -pi[j]
        * pi[k]
        * (pi[j] - pi[k])
        * short(u[j] - u[k])
        * short(v[j] - v[k])
        * short(r[j] - r[k])
        for j, k in combinations(range(len(pi)), 2)
    ]
    for triple in combinations(range(len(pi)), 3):
        share = Add(
            *(
                short(u[j] - u[k]) * (r[j] - r[k]) * short(v[j] + v[k] - 2 * v[m])
                for j, k in combinations(triple, 2)
                for m in set(triple) - {j, k}
            )
        )
        terms.append(pi[triple[0]] * pi[triple[1]] * pi[triple[2]] * short(share))
    return Add(*terms)
