"""Momentum, in steps and in continuous time, against the steps and the differential equation."""

from __future__ import annotations

import math

import mpmath
import pytest
from sympy import Derivative, Function, Rational, Symbol, besselj, cosh, sin, sqrt, symbols, tanh

from symprice import NTCov, ShapeError, observables, parameters, price
from symprice.dynamics.momentum import HeavyBall, HeavyBallFlow, Nesterov, NesterovFlow
from symprice.tangent.gradient import Inner, Nabla
from symprice.tangent.vectors import Velocity
from tests.differences import covariance, number, random_point
from tests.dynamics.moving import integrated, order_of

P, L = observables("P L")
w, b = parameters("w b", real=True)
eta, beta, gamma, t = symbols("eta beta gamma t", positive=True)
v = Velocity("v")
PROPERTY = sin(w) * b
LOSS = cosh(w * b / 2) + tanh(b - w) ** 2
KEPT = mpmath.mpf(7) / 10


def gradients(point, loss=LOSS):
    with mpmath.workdps(120):
        return {p: covariance(loss, p, point) for p in (w, b)}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("steps", [HeavyBall, Nesterov])
def test_what_is_left_of_a_step_is_of_the_next_order(steps, order):
    point = random_point({w, b}, 3)
    speed = {w: mpmath.mpf(3) / 4, b: mpmath.mpf(-1) / 3}
    law = price(PROPERTY, LOSS, steps(eta, beta), order=order).change.removeO().doit()

    def error(rate):
        velocity = {p: rate * speed[p] for p in (w, b)}
        ahead = {p: point[p] + KEPT * velocity[p] for p in (w, b)}
        slopes = gradients(ahead if steps is Nesterov else point)
        moved = {p: ahead[p] - rate * slopes[p] for p in (w, b)}
        state = {v.coordinate(p): velocity[p] for p in (w, b)}
        actual = number(PROPERTY, moved) - number(PROPERTY, point)
        return actual - number(law, {**point, **state, eta: rate, beta: KEPT})

    assert abs(order_of(error, (4, 5)) - order - 1) < 0.01


def test_the_state_moves_as_theta_does():
    steps = HeavyBall(eta, beta)
    assert steps.state_update(L) == {v: steps.update(L)}


def test_a_run_of_nesterov_takes_its_gradient_ahead():
    steps = Nesterov(Rational(1, 100), Rational(9, 10))
    run = steps.run({"x": 0.7}, lambda now: {"x": 4 * now["x"] ** 3 + math.cos(now["x"])}, 6)
    x, speed = 0.7, 0.0
    for before, after in zip(run.params, run.params[1:], strict=False):
        assert math.isclose(before["x"], x, rel_tol=1e-14)
        ahead = x + 0.9 * speed
        speed = 0.9 * speed - 0.01 * (4 * ahead**3 + math.cos(ahead))
        x = x + speed
        assert math.isclose(after["x"], x, rel_tol=1e-14)
    law = price(w**2, w**4 / 4, Nesterov(eta, beta), order=2)  # two symbolic steps, then the law
    moved = Nesterov(eta, beta).run({w: w}, w**4 / 4, 2)
    x1, v1 = moved.params[1][w], moved.states[1]["v"][w]
    predicted = law.change.removeO().doit().subs({v.coordinate(w): v1, w: x1}, simultaneous=True)
    left = (moved.params[2][w] ** 2 - x1**2 - predicted).expand()
    assert min(power for (power,) in left.as_poly(eta).monoms()) == 3


def test_a_run_of_nesterov_is_that_of_pytorch():
    """PyTorch's iterate is the place looked ahead to, θ + βv."""
    torch = pytest.importorskip("torch", reason="pip install torch to compare with its optimisers")
    steps = Nesterov(Rational(1, 100), Rational(9, 10))
    run = steps.run({"x": 0.7}, lambda now: {"x": 4 * now["x"] ** 3 + math.cos(now["x"])}, 6)
    x = torch.tensor(0.7, requires_grad=True, dtype=torch.float64)
    optimiser = torch.optim.SGD([x], lr=0.01, momentum=0.9, nesterov=True)
    for after, state in zip(run.params[1:], run.states[1:], strict=True):
        optimiser.zero_grad()
        (x**4 + torch.sin(x)).backward()
        optimiser.step()
        assert math.isclose(after["x"] + 0.9 * state["v"]["x"], x.item(), rel_tol=1e-13)


def trajectory(prop, loss, friction, start, speed, time):
    """P along the ball's path, from the Taylor series of the path to third order in time."""

    def field(y):
        here = {w: y[0], b: y[1]}
        slopes = gradients(here, loss)
        rub = friction(y[4])
        return [y[2], y[3], -rub * y[2] - slopes[w], -rub * y[3] - slopes[b], 1]

    with mpmath.workdps(120):
        found = integrated(field, [start[w], start[b], speed[w], speed[b], 2], time, parts=2)
        return number(prop, {w: found[0], b: found[1]})


@pytest.mark.parametrize("flow", [HeavyBallFlow(Rational(3, 2)), NesterovFlow(t)], ids=str)
def test_the_second_derivative_is_that_of_the_path(flow):
    start = random_point({w, b}, 6)
    speed = {w: mpmath.mpf(1) / 3, b: mpmath.mpf(-2) / 5}
    state = {v.coordinate(p): speed[p] for p in (w, b)}
    point = {**start, **state, t: mpmath.mpf(2)}
    friction = (
        (lambda s: 3 / s) if isinstance(flow, NesterovFlow) else (lambda s: mpmath.mpf(3) / 2)
    )
    law = price(PROPERTY, LOSS, flow, order=2).change.doit()
    with mpmath.workdps(120):
        h = mpmath.mpf(10) ** -15
        ahead, here, behind = (
            trajectory(PROPERTY, LOSS, friction, start, speed, s * h) for s in (1, 0, -1)
        )
        second = (ahead - 2 * here + behind) / h**2
        first = (ahead - behind) / (2 * h)
        assert abs(second - number(law, point)) < 1e-25
        assert abs(first - number(price(PROPERTY, LOSS, flow).change.doit(), point)) < 1e-25


def test_the_equation_of_the_ball():
    found = price(P, L, HeavyBallFlow(gamma), order=2)
    assert found.equation.lhs == Derivative(Function("P")(Symbol("t")), (Symbol("t"), 2))
    assert found.selection == -NTCov(P, L)
    assert found.bias == -gamma * Inner(Nabla(P), v)
    assert found.curvature == Inner(Nabla(Inner(Nabla(P), v)), v)
    assert found.check(points=4)
    assert price(P, L, HeavyBallFlow(gamma)).change == Inner(Nabla(P), v)


def test_a_bessel_function_solves_nesterovs_flow():
    lam = Symbol("lambda", positive=True)
    law = price(w, lam * w**2 / 2, NesterovFlow(t), order=2).change.doit()
    path = 2 * besselj(1, sqrt(lam) * t) / (sqrt(lam) * t)
    left = path.diff(t, 2) - law.subs({v.coordinate(w): path.diff(t), w: path})
    for time in (Rational(1, 3), 2, 5):
        assert abs(left.subs({lam: Rational(3, 2), t: time}).evalf(30)) < 1e-25


@pytest.mark.parametrize("steps", [HeavyBall(eta, beta), Nesterov(eta, beta)], ids=str)
def test_abstract_laws_hold(steps):
    assert price(P, L, steps, order=2).check(points=3)
    assert price(w**2 * b, LOSS, steps, order=2).check(points=3)


def test_a_forgotten_look_ahead_is_found():
    class Blind(Nesterov):
        def gradient_terms(self, loss):
            return super().gradient_terms(loss)[:1]

    assert not price(P, L, Blind(eta, beta), order=2).check(points=3)


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: HeavyBall(eta, 1), "below 1"),
        (lambda: HeavyBall(eta, -1), "from 0"),
        (lambda: Nesterov(0, beta), "positive"),
        (lambda: HeavyBallFlow(-1), "not negative"),
        (lambda: NesterovFlow(2), "symbol"),
        (lambda: price(P, L, HeavyBall(eta, beta), order=3), "1, 2"),
    ],
)
def test_bad_input_says_what_to_write(make, remedy):
    with pytest.raises(ShapeError) as caught:
        make()
    assert remedy in str(caught.value)
