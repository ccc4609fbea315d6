"""Modified flows, against flows that are integrated numerically and steps that are taken."""

from __future__ import annotations

from itertools import permutations

import mpmath
import pytest
from sympy import (
    Matrix,
    O,
    Rational,
    Symbol,
    cosh,
    expand,
    hessian,
    lambdify,
    series,
    sin,
    symbols,
    tanh,
)
from sympy import log as ln

from symprice import GradientDescent, NTVar, ShapeError, check, observables, parameters, price
from symprice.dynamics.modified import ModifiedFlow
from symprice.dynamics.momentum import HeavyBall, Nesterov
from symprice.dynamics.reshuffling import RandomReshuffling
from symprice.dynamics.sgd import SGD
from tests.dynamics.moving import integrated, order_of

P, L = observables("P L")
w, b = parameters("w b", real=True)
eta, beta = symbols("eta beta", positive=True)
LOSS = cosh(w) / 2 + sin(w * b) / 3 + b**2
START = [mpmath.mpf(3) / 5, mpmath.mpf(-1) / 3]


def gradient_of(loss):
    """The gradient as a function of numbers, by SymPy."""
    return lambdify((w, b), [loss.diff(w), loss.diff(b)], "mpmath")


def field_of(flow, loss, **values):
    """dθ/dt of a modified flow as a function of numbers, read off the law for w and for b."""
    laws = [price(p, loss, flow).change.doit().subs(values) for p in (w, b)]
    return lambdify((w, b, eta), laws, "mpmath")


def error_of(flow, step, duration=1):
    """What lies between a step and following the flow for its time, as a function of η."""

    def error(rate):
        with mpmath.workdps(40):
            reached = integrated(lambda y: flow(*y, rate), START, duration * rate)
            return mpmath.norm(mpmath.matrix(reached) - mpmath.matrix(step(rate)))

    return error


@pytest.mark.parametrize("accuracy", [1, 2, 3])
def test_gradient_descent_follows_its_modified_flow(accuracy):
    slopes = gradient_of(LOSS)
    flow = field_of(GradientDescent(eta).modified_flow(accuracy), LOSS)
    moved = error_of(
        flow, lambda h: [x - h * g for x, g in zip(START, slopes(*START), strict=True)]
    )
    assert abs(order_of(moved, (2, 3)) - accuracy - 1) < 0.05


@pytest.mark.parametrize(("steps", "accuracy"), [(HeavyBall, 1), (HeavyBall, 2), (HeavyBall, 3)])
def test_heavy_ball_follows_its_modified_flow(steps, accuracy):
    kept, slopes = mpmath.mpf(2) / 5, gradient_of(LOSS)
    flow = field_of(steps(eta, Rational(2, 5)).modified_flow(accuracy), LOSS)

    def step(h):
        back = integrated(lambda y: [-x for x in flow(*y, h)], START, h)
        velocity = [x - y for x, y in zip(START, back, strict=True)]
        return [
            x + kept * v - h * g for x, v, g in zip(START, velocity, slopes(*START), strict=True)
        ]

    assert abs(order_of(error_of(flow, step), (2, 3)) - accuracy - 1) < 0.05


def test_nesterov_follows_its_modified_flow():
    kept, slopes = mpmath.mpf(2) / 5, gradient_of(LOSS)
    flow = field_of(Nesterov(eta, Rational(2, 5)).modified_flow(), LOSS)

    def step(h):
        back = integrated(lambda y: [-x for x in flow(*y, h)], START, h)
        ahead = [x + kept * (x - y) for x, y in zip(START, back, strict=True)]
        return [x - h * g for x, g in zip(ahead, slopes(*ahead), strict=True)]

    assert abs(order_of(error_of(flow, step), (2, 3)) - 3) < 0.05


def test_an_epoch_of_random_reshuffling_follows_its_modified_loss():
    batches = [cosh(w) / 2, sin(w * b) / 3 + b**2, (w - b) ** 2 * w]
    slopes = [gradient_of(batch) for batch in batches]
    loss = RandomReshuffling(eta).modified_loss(batches).doit()
    descent = lambdify((w, b, eta), [-loss.diff(w), -loss.diff(b)], "mpmath")

    def epochs(h):
        total = mpmath.matrix([0, 0])
        for order in permutations(slopes):
            theta = START
            for slope in order:
                theta = [x - h * g for x, g in zip(theta, slope(*theta), strict=True)]
            total += mpmath.matrix(theta) / 6
        return total

    assert abs(order_of(error_of(descent, epochs, 3), (3, 4)) - 3) < 0.05


def test_the_modified_losses_of_the_literature():
    assert GradientDescent(eta).modified_loss(L) == L + eta * NTVar(L) / 4
    expected = L / (1 - beta) + eta * (1 + beta) / (4 * (1 - beta) ** 3) * NTVar(L)
    assert (HeavyBall(eta, beta).modified_loss(L) - expected).simplify() == 0
    l1, l2 = observables("l1 l2")
    mean = (l1 + l2) / 2
    smith = mean + eta / 4 * NTVar(mean) + eta / 8 * (NTVar(l1 - mean) + NTVar(l2 - mean))
    reshuffled = RandomReshuffling(eta)
    assert check(reshuffled.modified_loss([l1, l2]) - smith, points=3)
    given = reshuffled.modified_loss([w**2, b * w]) - smith.subs({l1: w**2, l2: b * w})
    assert expand(given.doit()) == 0
    assert check(reshuffled.modified_loss_derivation([l1, l2]), points=3)


def test_the_second_field_is_that_of_hairer_lubich_wanner():
    f = -Matrix([LOSS.diff(w), LOSS.diff(b)])
    jacobian = f.jacobian([w, b])
    bent = Matrix([(f.T * hessian(entry, (w, b)) * f)[0] for entry in f])
    known = jacobian * jacobian * f / 3 + bent / 12
    for parameter, entry in zip((w, b), known, strict=True):
        law = price(parameter, LOSS, GradientDescent(eta).modified_flow(3)).change.doit()
        ours = expand(law).coeff(eta, 2)
        at = {w: Rational(3, 7), b: Rational(-5, 4)}
        assert abs((ours - entry).subs(at).evalf(30)) < 1e-25


def test_the_exact_rate_of_a_mode():
    lam = Symbol("lambda", positive=True)
    law = price(w, lam * w**2 / 2, GradientDescent(eta).modified_flow(3)).change.doit()
    rate = series(ln(1 - eta * lam) / eta, eta, 0, 3).removeO()
    assert expand(law - rate * w) == 0


@pytest.mark.parametrize(
    "steps", [GradientDescent(eta), HeavyBall(eta, beta), Nesterov(eta, beta)], ids=str
)
def test_abstract_laws_hold(steps):
    found = price(P, L, steps.modified_flow())
    assert found.derivation.steps[0].rule.name == "backward error analysis"
    assert found.equation.rhs == found.change
    assert found.check(points=2, timeout=None)


def test_reshuffled_epochs_hold():
    losses = [tanh(w * b), w**2 / 2, sin(b)]
    assert price(w**2 * b, losses, RandomReshuffling(eta), order=2).check(points=3)
    assert price(w**2 * b, losses, RandomReshuffling(eta).modified_flow()).check(points=3)


@pytest.mark.parametrize("prop", [w, w**2, w * b + w])
@pytest.mark.parametrize("order", [1, 2])
def test_an_epoch_leaves_something_out_of_every_polynomial(prop, order):
    law = price(prop, [w**4 * b, (w - 1) ** 2 * w], RandomReshuffling(eta), order=order)
    assert law.remainder == O(eta ** (order + 1))
    assert law.check(points=2)


def test_a_wrong_field_is_found():
    class Forgetful(HeavyBall):
        def fields(self, loss, accuracy):
            zeroth, first = super().fields(loss, accuracy)
            return [zeroth, 2 * first]

    assert not price(w**2 * b, LOSS, Forgetful(eta, beta).modified_flow()).check(points=3)


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: GradientDescent(eta).modified_flow(4), "1, 2, 3"),
        (lambda: Nesterov(eta, beta).modified_flow(3), "1, 2"),
        (lambda: ModifiedFlow(SGD(eta, 2)), "GradientDescent(eta)"),
        (lambda: RandomReshuffling(eta).modified_loss(L), "list"),
        (lambda: price(P, L, GradientDescent(eta).modified_flow(), order=2), "1"),
    ],
)
def test_bad_input_says_what_to_write(make, remedy):
    with pytest.raises(ShapeError) as caught:
        make()
    assert remedy in str(caught.value)
