"""Objectives of a softmax of any number of actions: closed forms in π, entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Lambda, OneMatrix, Symbol

from ..arrays import LogSumExp, SoftmaxVector
from ..closedform import Definitions, hoist
from ..elementwise import Elementwise, ScalarProduct, ScaledRows
from ..networks.activations import relu, step
from ..symbols import Name, NameMatrix

__all__ = ["ClippedColumn", "applied", "mean_variance_of_column", "risk_of_column"]


def applied(form: Callable[[Any], Any], column: Any) -> Any:
    """A function of every entry of a column."""
    u = Symbol("u", real=True)
    return Elementwise(Lambda(u, form(u)), column)


class _Names:
    """π and what else of a policy has a name, with what the names mean."""

    def __init__(self, policy: Any, *others: Any) -> None:
        taken = policy.free_symbols.union(*(other.free_symbols for other in others))
        self.size, self.definitions = policy.size, Definitions(taken)
        self.pi = self.softmax("pi", policy)
        self.ones = OneMatrix(policy.size, 1)

    def softmax(self, letter: str, policy: Any) -> Any:
        """A name for the probabilities of a policy."""
        return self.column(letter, SoftmaxVector(hoist(policy.logits, self.definitions)))

    def column(self, letter: str, value: Any) -> Any:
        """A name for a column."""
        return self.definitions.define(NameMatrix(letter, self.size, 1), value)

    def mean(self, letter: str, column: Any) -> Any:
        """A name for the mean of a column under π."""
        return self.definitions.define(Name(letter), ScalarProduct(column, self.pi))

    def closed(self, expr: Any) -> Any:
        """An expression in these names as a closed form."""
        return self.definitions.closing(hoist(expr, self.definitions))


def risk_of_column(policy: Any, reward: Any, beta: Any) -> Any:
    """`(log Σ exp(z + β r) - log Σ exp z)/β`.

    Examples
    ========

    >>> from sympy import Integer, Symbol
    >>> from symprice import CategoricalPolicy, inputs
    >>> z, r = inputs('z r', Symbol('K', integer=True, positive=True))
    >>> risk_of_column(CategoricalPolicy(z), r, Integer(2)).expr
    -LogSumExp(z)/2 + LogSumExp(w)/2
    """
    names = _Names(policy, beta)
    z = hoist(policy.logits, names.definitions)
    tilted = names.column("w", z + beta * policy.rewards(reward))
    return names.closed((LogSumExp(tilted) - LogSumExp(z)) / beta)


def mean_variance_of_column(policy: Any, reward: Any, weight: Any) -> Any:
    """`J - w Σ π (r - J)²`.

    Examples
    ========

    >>> from sympy import Integer, Symbol
    >>> from symprice import CategoricalPolicy, inputs
    >>> z, r = inputs('z r', Symbol('K', integer=True, positive=True))
    >>> mean_variance_of_column(CategoricalPolicy(z), r, Integer(2)).expr
    J - 2*ScalarProduct(pi, ScaledRows(g, g))
    """
    r = policy.rewards(reward)
    names = _Names(policy, weight, r)
    mean = names.mean("J", r)
    gap = names.column("g", r - mean * names.ones)
    return names.closed(mean - weight * ScalarProduct(names.pi, ScaledRows(gap, gap)))


class ClippedColumn:
    """The clipped surrogate of two columns of logits, and its gradient by the logits.

    min(π, (1+ε) π_old) is π less the positive part of π - (1+ε) π_old; likewise below.

    Examples
    ========

    >>> from sympy import Rational, Symbol
    >>> from symprice import CategoricalPolicy, inputs
    >>> z, y, A = inputs('z y A', Symbol('K', integer=True, positive=True))
    >>> pi, old = CategoricalPolicy(z), CategoricalPolicy(y)
    >>> print(ClippedColumn(pi, old, A, Rational(1, 5)).gradient().expr)
    ScaledRows(pi, (-J)*1 + A_kept)
    """

    def __init__(self, policy: Any, old: Any, advantage: Any, width: Any) -> None:
        self.gains = policy.rewards(advantage)
        self.names = names = _Names(policy, old, self.gains, width)
        before = names.softmax("pi_old", old)
        self.good, self.bad = Elementwise(relu, self.gains), Elementwise(relu, -self.gains)
        self.above = names.pi - (1 + width) * before
        self.below = (1 - width) * before - names.pi

    def surrogate(self) -> Any:
        """Aᵀπ less what is clipped."""
        lost = [
            ScalarProduct(share, Elementwise(relu, beyond))
            for share, beyond in ((self.good, self.above), (self.bad, self.below))
        ]
        return self.names.closed(ScalarProduct(self.gains, self.names.pi) - lost[0] - lost[1])

    def gradient(self) -> Any:
        """π ∘ (A' - πᵀA'), where A' is A of the actions that are not clipped, else 0."""
        x, names = Symbol("x", real=True), self.names
        inside = Lambda(x, 1 - step(x))
        good = ScaledRows(self.good, Elementwise(inside, self.above))
        bad = ScaledRows(self.bad, Elementwise(inside, self.below))
        kept = names.column("A_kept", good - bad)
        return names.closed(ScaledRows(names.pi, kept - names.mean("J", kept) * names.ones))
