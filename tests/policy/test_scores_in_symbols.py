"""Scores at any action, in the short form of textbooks, against the scores of each action."""

from __future__ import annotations

import pytest
from sympy import KroneckerDelta, MatrixBase, Symbol, log

from symprice import (
    BernoulliPolicy,
    CategoricalPolicy,
    Parameter,
    ParameterMatrix,
    PolicyError,
    inputs,
    parameters,
    sigmoid,
)
from symprice.networks.logits import SoftmaxEntry
from symprice.policy.distribution import Action

theta, x, y = parameters("theta x y", real=True)
p = Parameter("p", positive=True)
logits = parameters("z1:4", real=True)


def test_two_actions():
    a = Action("a", integer=True)
    assert BernoulliPolicy(logit=theta).score() == a - sigmoid(theta)
    assert BernoulliPolicy(probability=p).score() == (a - p) / (p * (1 - p))
    law = BernoulliPolicy(probability=p).log_prob()
    assert law == a * log(p) + (1 - a) * log(1 - p)


def test_softmax():
    a = Action("a", integer=True)
    for k, entry in enumerate(CategoricalPolicy(logits).score(), start=1):
        assert entry == KroneckerDelta(a, k) - SoftmaxEntry(k, *logits)


@pytest.mark.parametrize(
    "policy",
    [
        BernoulliPolicy(logit=theta * x),
        BernoulliPolicy(probit=theta),
        CategoricalPolicy(logits, actions=[-1, 0, 5]),
        CategoricalPolicy([x, 0, -2 * x]),
        CategoricalPolicy([x * y, y]),
        CategoricalPolicy([x, y], actions=["left", "right"]),
        CategoricalPolicy(probabilities=[p, 1 - p]),
    ],
    ids=str,
)
def test_the_formula_is_that_of_every_action(policy):
    point = {s: 0.3 + 0.1 * k for k, s in enumerate(sorted(policy.free_symbols, key=str))}

    def numbers(expr):
        entries = expr if isinstance(expr, MatrixBase) else [expr]
        return [float(e.subs(point).evalf(20)) for e in entries]

    for formula, at in (
        (policy.score(), policy.score),
        (policy.score(Symbol("a")), policy.score),
        (policy.log_prob(), policy.log_prob),
        (policy.prob(), policy.prob),
    ):
        (a,) = (s for s in formula.free_symbols if isinstance(s, Action))
        for action in policy.actions:
            there = formula.subs(a, action).replace(KroneckerDelta, lambda i, j: 1 if i == j else 0)
            assert numbers(there) == pytest.approx(numbers(at(action)), rel=1e-14, abs=1e-15)


def test_columns_and_networks():
    K = Symbol("K", integer=True, positive=True)
    column = CategoricalPolicy(ParameterMatrix("z", K, 1))
    a = Symbol("a", integer=True, positive=True)
    assert column.score() == column.score(a)
    from symprice import MLP

    network = CategoricalPolicy(list(MLP(2, 3, 2)(inputs("s", 2))))
    with pytest.raises(PolicyError, match="name the action"):
        network.score()
    with pytest.raises(PolicyError, match="whose actions are"):
        CategoricalPolicy([x, 0]).score(Symbol("q"))
