"""Stochastic gradient descent, against all minibatches one by one."""

from __future__ import annotations

import time
from itertools import combinations, product

import mpmath
import pytest
from sympy import O, Rational, Symbol, exp, expand, sin, symbols, tanh

from symprice import (
    MLP,
    Index,
    NoRuleError,
    NTCov,
    ShapeError,
    average,
    check,
    closed_form,
    inputs,
    observables,
    parameters,
    price,
    squared_loss,
)
from symprice.dynamics.momentum import HeavyBall, Nesterov
from symprice.dynamics.sgd import SGD
from symprice.dynamics.wrapped import WithNoise
from symprice.indexed.entries import Entry
from symprice.tangent.gradient_noise import GradientNoise
from symprice.tangent.second import HessianTrace, RankOneSum
from symprice.tangent.vectors import Velocity
from tests.differences import covariance, number, random_point
from tests.dynamics.moving import order_of

P, L = observables("P L")
w, b = parameters("w b", real=True)
eta = Symbol("eta", positive=True)
LOSSES = [(w - 1) ** 2 + b * w, w**2 * b / 2, (b + 2) ** 2 / 3]
CURVED = [exp(w * b / 2), tanh(b - w) ** 2, w**2 * b]


def batches(count, size, replacement):
    chosen = product(range(count), repeat=size) if replacement else combinations(range(count), size)
    return list(chosen)


def expected_step(prop, losses, size, replacement, power=1):
    """E[(P(θ - η g) - P)^power] over all minibatches, in symbols, by SymPy's derivatives."""
    found = batches(len(losses), size, replacement)
    total = 0
    for batch in found:
        slope = {p: sum(losses[i].diff(p) for i in batch) / size for p in (w, b)}
        moved = prop.subs({p: p - eta * slope[p] for p in (w, b)}, simultaneous=True)
        total += (moved - prop) ** power
    return expand(total / len(found))


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_change_of_a_quadratic_is_exact(size, replacement):
    prop = w**2 - 3 * w * b + b
    found = price(prop, LOSSES, SGD(eta, size, replacement=replacement), order=2)
    assert found.remainder == 0
    assert expand(found.change.doit() - expected_step(prop, LOSSES, size, replacement)) == 0


def test_a_number_is_a_learning_rate_where_nothing_is_left_out():
    found = price(w**2, LOSSES, SGD(Rational(1, 10), 2), order=2)
    exact = expected_step(w**2, LOSSES, 2, True).subs(eta, Rational(1, 10))
    assert expand(found.change.doit() - exact) == 0
    with pytest.raises(ShapeError, match="symbol"):
        _ = price(w**3, LOSSES, SGD(Rational(1, 10), 2), order=2).change


@pytest.mark.parametrize("replacement", [True, False])
def test_what_is_left_is_of_third_order(replacement):
    prop, size = sin(w) * b, 2
    point = random_point({w, b}, 4)
    found = price(prop, CURVED, SGD(eta, size, replacement=replacement), order=2)
    law = found.change.removeO().doit()
    with mpmath.workdps(120):
        slopes = [{p: covariance(one, p, point) for p in (w, b)} for one in CURVED]
    chosen = batches(3, size, replacement)

    def error(rate):
        total = mpmath.mpf(0)
        for batch in chosen:
            moved = {p: point[p] - rate * sum(slopes[i][p] for i in batch) / size for p in point}
            total += number(prop, moved) - number(prop, point)
        return total / len(chosen) - number(law, {**point, eta: rate})

    assert abs(order_of(error, (4, 5)) - 3) < 0.01


def test_the_fluctuation_is_the_leading_variance_of_the_change():
    prop, size = sin(w) * b, 2
    found = price(prop, CURVED, SGD(eta, size), order=2).fluctuation.doit()
    second, first = (expected_step(prop, CURVED, size, True, power) for power in (2, 1))
    point = random_point({w, b}, 5)
    rate = mpmath.mpf(10) ** -20
    with mpmath.workdps(120):
        near = {**point, eta: rate}
        variance = number(second, near) - number(first, near) ** 2
        assert abs(variance / number(found, near) - 1) < 1e-15


def test_the_trace_is_made_of_iterated_covariances():
    losses = observables("l1:4")
    trace = RankOneSum().apply(HessianTrace(P, GradientNoise(losses)))
    assert not trace.expand().has(HessianTrace)
    assert check(trace - HessianTrace(P, GradientNoise(losses)))


@pytest.mark.parametrize("loss", [L, list(observables("l1:3"))])
@pytest.mark.parametrize("replacement", [True, False])
def test_abstract_laws_hold(loss, replacement):
    n = 5 if loss is L else None
    found = price(P, loss, SGD(eta, 2, n, replacement), order=2)
    assert found.remainder == O(eta**3)
    if replacement or loss is L:
        assert found.noise.has(GradientNoise)
    assert found.check(points=4)


def test_a_wrong_noise_is_found():
    class Doubled(SGD):
        def covariance_factor(self, loss):
            return 2 * super().covariance_factor(loss)

    assert price(w**2 * b, CURVED, SGD(eta, 2), order=2).check(points=4, code=False)
    assert not price(w**2 * b, CURVED, Doubled(eta, 2), order=2).check(points=4, code=False)


def test_the_ito_form():
    flow = SGD(eta, 4).ito()
    found = price(P, L, flow)
    assert found.selection == NTCov(P, -L)
    assert found.noise == eta / 8 * HessianTrace(P, GradientNoise(L))
    assert found.check(points=4)
    # Ornstein–Uhlenbeck: with examples (w - 1)²/2 and (w + 1)²/2 the variance settles at η/2.
    square = price(w**2, [(w - 1) ** 2 / 2, (w + 1) ** 2 / 2], SGD(eta, 1).ito()).change.doit()
    assert expand(square - (eta - 2 * w**2)) == 0


def test_a_data_sum_says_how_many_examples_there_are():
    n = Symbol("N", integer=True, positive=True)
    i = Index("i", n)
    loss = average((w - inputs("x", 1, each=i)[0, 0]) ** 2 / 2, i)
    found = price(w**2, loss, SGD(eta, 2, replacement=False), order=2)
    assert found.dynamics.covariance_factor(loss) == (n - 2) / (2 * (n - 1))
    assert found.remainder == 0
    data = (1, 4, -2)
    exact = expected_step(w**2, [(w - x) ** 2 / 2 for x in data], 2, False)
    summed = found.change.doit().subs(n, 3).doit()
    filled = summed.replace(lambda e: isinstance(e, Entry), lambda e: data[e.positions[-1]])
    assert expand(filled - exact) == 0
    assert found.check(points=4)


def test_a_network_on_data():
    d, n = symbols("d N", integer=True, positive=True)
    i = Index("i", n)
    net = MLP(d, 2, 1, activation=tanh)
    loss = average(squared_loss(net(inputs("x", d, each=i)), inputs("t", 1, each=i)), i)
    found = price(net(inputs("z", d))[0, 0], loss, SGD(eta, 2), order=2)
    assert closed_form(found.noise).check(points=1)


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: SGD(-1, 2), "positive"),
        (lambda: SGD(eta, 0), "positive"),
        (lambda: SGD(eta, Rational(3, 2)), "whole number"),
        (lambda: SGD(eta, 5, 4, replacement=False), "at most 4"),
        (lambda: price(P, LOSSES, SGD(eta, 4, replacement=False), order=2).noise, "at most 3"),
        (lambda: price(P, L, SGD(eta, 2, replacement=False), order=2).noise, "SGD(eta, batch, n)"),
        (lambda: price(P, LOSSES, SGD(eta, 2, 7), order=2).noise, "leave n away"),
        (lambda: price(P, L, SGD(eta, 2), order=3), "1, 2"),
        (lambda: SGD(eta, 2, 4, replacement="no"), "True or False"),
    ],
)
def test_bad_input_says_what_to_write(make, remedy):
    with pytest.raises(ShapeError) as caught:
        make()
    assert remedy in str(caught.value)


def test_formulas_become_code():
    found = price(sin(w) * b, CURVED, SGD(eta, 2), order=2)
    assert found.source().startswith("import numpy")
    function, point = found.lambdify(), random_point({w, b, eta}, 3, 0.1, 0.9)
    value = function(*(float(point[s]) for s in (b, w, eta)))
    exact = number(found.change.removeO().doit(), point)
    assert abs(value - float(exact)) < 1e-12 * abs(exact)


def test_laws_of_observables_are_quick():
    for dynamics in (SGD(eta, 2), SGD(eta, 2).ito()):
        started = time.perf_counter()
        _ = price(P, observables("l1:5"), dynamics, order=dynamics.orders[-1]).equation
        assert time.perf_counter() - started < 1  # 0.05 s on an idle machine


def test_code_needs_the_examples():
    with pytest.raises(NoRuleError, match=r"\[l1, l2, ...\]"):
        price(w * b**3, w**2, SGD(eta, 2), order=2).source()
    assert "eta" in price(w * b**3, [w**2, b * w], SGD(eta, 2), order=2).source()


def test_momentum_on_minibatches_against_all_of_them():
    """E[P(θ + βv - η g) - P] over every pair of examples, for a quadratic P exactly."""
    prop, beta = w**2 - 3 * w * b + b, Symbol("beta", positive=True)
    velocity = {p: Velocity("v").coordinate(p) for p in (w, b)}
    total = 0
    for batch in batches(3, 2, False):
        slope = {p: sum(LOSSES[i].diff(p) for i in batch) / 2 for p in (w, b)}
        moved = {p: p + beta * velocity[p] - eta * slope[p] for p in (w, b)}
        total += prop.subs(moved, simultaneous=True) - prop
    way = WithNoise(SGD(eta, 2, replacement=False), HeavyBall(eta, beta))
    law = price(prop, LOSSES, way, order=2)
    assert law.remainder == 0
    assert expand(law.change.doit() - total / 3) == 0
    assert price(P, L, WithNoise(SGD(eta, 2), Nesterov(eta, beta)), order=2).check(points=2)
    with pytest.raises(ShapeError, match="noise of its own"):
        _ = price(P, L, WithNoise(SGD(eta, 2), SGD(eta, 3)), order=2).noise
    with pytest.raises(ShapeError, match="one a flow"):
        WithNoise(SGD(eta, 2).ito(), HeavyBall(eta, beta))
