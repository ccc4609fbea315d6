"""Weight decay, against the steps; Euler's theorem for homogeneous properties."""

from __future__ import annotations

import mpmath
import pytest
from sympy import Rational, cosh, expand, sin, symbols

from symprice import GradientDescent, ShapeError, observables, parameters, price
from symprice.dynamics.adaptive import Adam, AdamW
from symprice.dynamics.decay import WeightDecay
from symprice.dynamics.momentum import HeavyBall, HeavyBallFlow
from symprice.dynamics.sgd import SGD
from symprice.tangent.gradient import Inner
from tests.differences import covariance, number, random_point
from tests.dynamics.moving import order_of

P, L = observables("P L")
w, b = parameters("w b", real=True)
eta, lam, beta = symbols("eta lam beta", positive=True)
PROPERTY = sin(w) * b
LOSS = cosh(w * b / 2) + b**2


@pytest.mark.parametrize("order", [1, 2])
def test_what_is_left_of_a_step_is_of_the_next_order(order):
    point = random_point({w, b}, 9)
    rate_of_decay = mpmath.mpf(3) / 5
    found = price(PROPERTY, LOSS, WeightDecay(lam, GradientDescent(eta)), order=order)
    law = found.change.removeO().doit()
    with mpmath.workdps(120):
        slopes = {p: covariance(LOSS, p, point) for p in (w, b)}

    def error(rate):
        moved = {p: point[p] - rate * (slopes[p] + rate_of_decay * point[p]) for p in (w, b)}
        actual = number(PROPERTY, moved) - number(PROPERTY, point)
        return actual - number(law, {**point, eta: rate, lam: rate_of_decay})

    assert abs(order_of(error, (4, 5)) - order - 1) < 0.01


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_homogeneous_properties_shrink_by_their_degree(degree):
    prop = (w + 2 * b) ** degree
    found = price(prop, L, WeightDecay(lam, GradientDescent(eta))).bias.doit()
    assert expand(found + eta * lam * degree * prop) == 0
    assert expand(price(prop, L, WeightDecay(lam)).transmission.doit() + lam * degree * prop) == 0


@pytest.mark.parametrize(
    "base", [None, HeavyBall(eta, beta), SGD(eta, 2), GradientDescent(eta)], ids=str
)
def test_any_way_can_decay(base):
    decayed = WeightDecay(lam, base)
    assert price(P, L, decayed).check(points=3)
    assert decayed.func(*decayed.args) == decayed


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: WeightDecay(-1), "positive"),
        (lambda: WeightDecay(lam, "sgd"), "GradientDescent"),
        (lambda: price(P, L, WeightDecay(lam, GradientDescent(eta)), order=3), "1, 2"),
    ],
)
def test_bad_input_says_what_to_write(make, remedy):
    with pytest.raises(ShapeError) as caught:
        make()
    assert remedy in str(caught.value)


def test_decay_beside_adam_is_adamw():
    """It is η that is decayed by, not the factor of the force, η(1 - β₁)/(1 - β₁ᵗ)."""
    betas = {"beta1": Rational(4, 5), "beta2": Rational(9, 10), "t": 3}
    for order in (1, 2):
        beside = price(PROPERTY, LOSS, WeightDecay(lam, Adam(eta, **betas)), order=order)
        whole = price(PROPERTY, LOSS, AdamW(eta, weight_decay=lam, **betas), order=order)
        assert expand(beside.bias.doit() - whole.bias.doit()) == 0
    assert price(P, L, WeightDecay(lam, Adam(eta, **betas))).check(points=2)


def test_the_algorithm_shrinks_what_it_started_from():
    """`θ ← θ - η(∇L + λθ)` with numbers; the velocity of a heavy ball does not decay."""
    start, slope = {"w": 2.0, "b": -3.0}, {"w": 0.5, "b": 4.0}
    for way, steps in ((GradientDescent(0.1), 1), (HeavyBall(0.1, 0.5), 2)):
        run = WeightDecay(0.3, way).run(start, [slope] * steps)
        expected, speed = dict(start), dict.fromkeys(start, 0.0)
        for _ in range(steps):
            speed = {p: 0.5 * v - 0.1 * slope[p] for p, v in speed.items()}
            expected = {p: x + speed[p] - 0.1 * 0.3 * x for p, x in expected.items()}
        assert run.params[-1] == pytest.approx(expected, rel=1e-14)


def test_second_derivatives_are_written_term_by_term():
    law = price(P, L, WeightDecay(lam, HeavyBallFlow(beta)), order=2)
    assert law.check(points=2)
    for node in law.change.atoms(Inner):
        prop = node.args[0].args[0]
        assert not prop.is_Add
