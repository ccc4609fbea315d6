"""Losses at random numbers against their formulas in NumPy; explicit entries; names."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Matrix, symbols

from symprice import (
    ClosedForm,
    Index,
    Name,
    NameMatrix,
    average,
    inputs,
    logsumexp,
    softmax,
)
from symprice.errors import ShapeError
from symprice.networks.layers import Softmax
from symprice.networks.losses import cross_entropy, entropy, squared_loss
from symprice.networks.network import MLP, Network
from tests.networks.evaluation import d, k, m, random_point, value

x, y = inputs("x", d), inputs("y", k)
net = MLP(d, m, k)


def point_and_output(seed=2):
    point = random_point([x, y, *net.parameters], seed)
    p = {s.name: array for s, array in point.items()}
    return point, p["W2"] @ np.tanh(p["W1"] @ point[x] + p["b1"]) + p["b2"]


def test_squared_loss():
    point, f = point_and_output()
    loss = squared_loss(net(x), y)
    assert isinstance(loss, ClosedForm)
    assert value(loss, point) == pytest.approx(np.sum((f - point[y]) ** 2) / 2, rel=1e-14)


def test_cross_entropy():
    point, z = point_and_output()
    weights = np.exp(z)
    point[y] = np.array([[0.3], [0.7]])
    expected = -np.sum(point[y] * np.log(weights / weights.sum()))
    assert value(cross_entropy(net(x), y), point) == pytest.approx(expected, rel=1e-14)
    assert value(logsumexp(net(x)), point) == pytest.approx(np.log(weights.sum()), rel=1e-14)


def test_entropy():
    point, z = point_and_output()
    p = np.exp(z) / np.exp(z).sum()
    found = value(entropy(Network(net, Softmax())(x)), point)
    assert found == pytest.approx(-np.sum(p * np.log(p)), rel=1e-14)


def test_the_output_has_a_name():
    loss = squared_loss(net(x), y)
    assert [str(name) for name in loss.definitions] == ["h1", "a1", "f"]
    assert loss.definitions[NameMatrix("f", k, 1)] == net(x).expr
    # Another thing of that name keeps it.
    other = squared_loss(net(x), inputs("f", k))
    assert "f2" in {str(name) for name in other.definitions}
    point, f = point_and_output()
    point[inputs("f", k)] = point[y]
    assert value(other, point) == pytest.approx(np.sum((f - point[y]) ** 2) / 2, rel=1e-14)


def test_a_sum_over_data():
    i = Index("i", 3)
    x_i, y_i = inputs("x", d, each=i), inputs("y", k, each=i)
    loss = average(squared_loss(net(x_i), y_i), i)
    rng = np.random.default_rng(4)
    point, _ = point_and_output()
    point |= {x: rng.standard_normal((4, 1, 3)), y: rng.standard_normal((2, 1, 3))}
    each = [
        value(squared_loss(net(x), y), {**point, x: point[x][..., n], y: point[y][..., n]})
        for n in range(3)
    ]
    assert value(loss, point) == pytest.approx(np.mean(each), rel=1e-14)


def test_explicit_columns_and_scalars():
    u, v, s, t = symbols("u v s t", real=True)
    assert squared_loss([u, v], [s, t]).doit() == (u - s) ** 2 / 2 + (v - t) ** 2 / 2
    assert squared_loss(u, s).doit() == (u - s) ** 2 / 2
    scalar = squared_loss(MLP(1, 1, 1).explicit(u), s)
    assert scalar.definitions[Name("f")] == MLP(1, 1, 1).explicit(u).expr
    numbers = {u: 0.3, v: -1.2, s: 0.25, t: 0.75}
    found = cross_entropy(Matrix([u, v]), Matrix([s, t])).doit().subs(numbers).evalf()
    weights = np.exp([0.3, -1.2])
    expected = -np.dot([0.25, 0.75], np.log(weights / weights.sum()))
    assert float(found) == pytest.approx(expected, rel=1e-13)
    probabilities = weights / weights.sum()
    found = entropy(softmax(u, v)).doit().subs(numbers).evalf()
    assert float(found) == pytest.approx(-np.sum(probabilities * np.log(probabilities)), rel=1e-13)


def test_explicit_networks_have_the_loss_of_their_matrices():
    small = MLP(2, 2, 2)
    loss = squared_loss(small.explicit(0.5, -1), [1, 2])
    assert [str(n) for n in loss.definitions][-2:] == ["f_1", "f_2"]
    column = inputs("x", 2)
    point = {s: np.full([int(n) for n in s.shape], 0.25) for s in small.parameters}
    point |= {column: np.array([[0.5], [-1.0]]), inputs("y", 2): np.array([[1.0], [2.0]])}
    expected = value(squared_loss(small(column), inputs("y", 2)), point)
    found = loss.doit().subs(dict.fromkeys(loss.parameters, 0.25)).evalf()
    assert float(found) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: squared_loss(net(x), inputs("y", m)), "k entries.*m × 1"),
        (lambda: squared_loss(net(x), 3), "1 × 1"),
        (lambda: cross_entropy(symbols("z"), 1), "column"),
        (lambda: entropy(y.T), "column"),
        (lambda: squared_loss("f", 1), "squared_loss"),
    ],
)
def test_what_does_not_fit_says_so(make, remedy):
    with pytest.raises(ShapeError, match=remedy):
        make()
