"""Random reshuffling of single examples in batches, against the enumeration of all orders."""

from __future__ import annotations

from itertools import permutations

import pytest
from sympy import Rational, Symbol, cosh, exp, sin, symbols

from symprice import Dense, Index, Network, ShapeError, average, inputs, price, squared_loss
from symprice.dynamics.reshuffling import RandomReshuffling
from tests.dynamics.simulating import BOTH, b, w

eta = Symbol("eta", positive=True)
EXAMPLES = [cosh(w) / 2, sin(w * b) / 3 + b**2, (w - b) ** 2 * w, exp(w * b / 3)]
MEAN = sum(EXAMPLES) / 4
POINT = {w: Rational(7, 10), b: Rational(-2, 5), eta: Rational(3, 10)}


def square(loss):
    return sum(loss.diff(p) ** 2 for p in BOTH)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_modified_loss_is_the_mean_over_all_batches(size):
    """`L + η/4 |∇L|² + η/4m Σ_k |∇L_k - ∇L|²` (Smith et al. 2021), averaged over the orders."""
    found = RandomReshuffling(eta, size).modified_loss(EXAMPLES).doit().subs(POINT).evalf(30)
    total = 0
    for order in permutations(range(4)):
        batches = [[EXAMPLES[n] for n in order[s : s + size]] for s in range(0, 4, size)]
        means = [sum(batch) / size for batch in batches]
        deviations = sum(square(one - MEAN) for one in means) / len(means)
        total += (square(MEAN) + deviations).subs(POINT).evalf(30) / 24
    expected = (MEAN.subs(POINT) + POINT[eta] / 4 * total).evalf(30)
    assert abs(found - expected) < 1e-25


def test_laws_of_an_epoch_hold_over_all_orders():
    law = price(w**2 * b, EXAMPLES, RandomReshuffling(eta, 2), order=2)
    assert law.check(points=2)
    assert price(w * b, EXAMPLES[:3], RandomReshuffling(eta, 1).modified_flow()).check(points=2)


def test_a_mean_over_data_with_symbols_for_all_sizes():
    """The factors of a network's loss are those of any N and B: at N = 4, B = 2, by hand."""
    N, B, d = symbols("N B d", integer=True, positive=True)
    i = Index("i", N)
    network = Network(Dense(d, 1))(inputs("x", d, each=i))
    loss = average(squared_loss(network, inputs("y", 1, each=i)), i)
    found = RandomReshuffling(eta, B).modified_loss(loss) - loss
    share, total = (N - B) / (B * (N - 1)), 0
    for factor, value in ((1 - share, 4), (share, 9)):
        total += eta / 4 * factor * value
    from symprice import NTVar, SumOver

    sums = {node: 9 * N for node in found.atoms(SumOver) if node.has(NTVar)}
    values = {node: 4 for node in found.xreplace(sums).atoms(NTVar)}
    assert (found.xreplace(sums).xreplace(values) - total).factor() == 0


def test_sizes_that_do_not_fit():
    with pytest.raises(ShapeError, match="divisor"):
        RandomReshuffling(eta, 3).modified_loss(EXAMPLES)
    with pytest.raises(ShapeError, match="examples are not given"):
        RandomReshuffling(eta, 2).modified_loss(MEAN)
    with pytest.raises(ShapeError, match="whole number"):
        RandomReshuffling(eta, Rational(3, 2))
    with pytest.raises(ShapeError, match="batch"):
        RandomReshuffling(eta).modified_loss(MEAN)
