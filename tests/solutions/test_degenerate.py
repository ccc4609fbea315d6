"""Starts, rates, kernels at the edge: zeros, equal and opposite weights, what is no covariance."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.linalg import expm
from sympy import (
    Abs,
    I,
    Matrix,
    Rational,
    Symbol,
    exp,
    eye,
    ones,
    oo,
    sqrt,
    symbols,
)

from symprice import (
    SAM,
    Adam,
    GradientDescent,
    GradientFlow,
    HeavyBall,
    LangevinDescent,
    Parameter,
    ShapeError,
    WeightDecay,
    check,
    parameters,
    sigmoid,
)
from symprice.solutions.flows import solve_flow
from symprice.solutions.lazy import LazyTraining
from symprice.solutions.modes import mode_strength
from symprice.solutions.momentum_flows import nesterov_flow
from symprice.solutions.points_of_rest import fixed_points, ridge_flow
from symprice.solutions.recurrences import heavy_ball_steps, nesterov_steps, solve_descent
from symprice.solutions.stationary import stationary_covariance, stationary_of_steps

lam, eta, beta, C, T = symbols("lambda eta beta C T", positive=True)
t, y = Symbol("t"), Symbol("y", real=True)
a0, b0 = symbols("a0 b0", real=True)
n = Symbol("n", integer=True, nonnegative=True)
a, b = parameters("a b")
z = Parameter("z", real=True)


@pytest.mark.parametrize("start", [(0, 0), (2, 1), (-1, -2)])
def test_weights_that_rest_stay(start):
    found = solve_flow((2 - a * b) ** 2 / 2, {a: start[0], b: start[1]}, t=t)
    assert found.method == "point of rest" and found.solution == {a: start[0], b: start[1]}
    assert check(found)


@pytest.fixture(scope="module")
def product():
    return solve_flow((y - a * b) ** 2 / 2, {a: a0, b: b0}, t=t)


@pytest.mark.parametrize(
    "numbers",
    [(1, 1, 2), (1, -1, 2), (0, 0, 3), (1, 1, 0), (-1, 0, 3), (1, 1, -1), (2, -3, 0), (0, 1, -2)],
)
def test_a_formula_in_symbols_holds_at_every_start(product, numbers):
    """Balanced, opposite, zero starts, a target of 0: against integration at 25 digits."""
    first, second, target = numbers
    ours = product.at(Rational(3, 4), {a0: first, b0: second, y: target})
    with mpmath.workdps(25):
        flow = mpmath.odefun(
            lambda _, s: [s[1] * (target - s[0] * s[1]), s[0] * (target - s[0] * s[1])],
            0,
            [first, second],
        )
        there = flow(mpmath.mpf(3) / 4)
        exact = all(not value.has(1.0) and not value.is_Float for value in ours.values())
        bound = mpmath.mpf("1e-20" if exact else "1e-13")
        for value, other in zip(ours.values(), there, strict=True):
            assert abs(mpmath.mpf(str(value.evalf(30))) - other) < bound


def test_its_code_divides_by_no_weight(product):
    run = product.lambdify()
    with np.errstate(all="raise"):
        ends = run(0.75, np.array([1.0, 1.0, 0.0, -1.0]), np.array([1.0, -1.0, 0.0, 0.0]), 2.0)
    assert np.isfinite(ends).all()


@pytest.mark.parametrize("start", [I, oo, 1 + 2 * I])
def test_starts_are_real(start):
    with pytest.raises(ShapeError, match="real"):
        solve_flow(1 - 2 * sigmoid(z), {z: start}, t=t)


def test_flows_that_are_not_along_the_gradient_of_the_loss():
    with pytest.raises(ShapeError, match="exact gradient"):
        solve_flow(z**2, {z: 1}, t=t, dynamics=SAM(beta))


def test_weight_decay_is_a_loss():
    """-λθ besides is the flow of L + ½λθ²; with a schedule both are slowed."""
    for rate in (1, exp(-t)):
        decayed = solve_flow(
            (y - z) ** 2 / 2, {z: a0}, t=t, dynamics=WeightDecay(lam, GradientFlow(rate))
        )
        other = solve_flow((y - z) ** 2 / 2 + lam * z**2 / 2, {z: a0}, t=t, eta=rate)
        assert (decayed.solution[z] - other.solution[z]).equals(0)
        assert check(decayed, points=6) and check(decayed.derivation, points=6)
    given = solve_flow({z: -(z**2)}, {z: 1}, t=t, dynamics=WeightDecay(1))
    assert given.solution[z].equals(1 / (2 * exp(t) - 1))


def test_a_rate_that_jumps_has_no_formula_beyond():
    found = solve_flow(Abs(z), {z: 1}, t=t)
    assert found.numeric
    assert float(found.at(Rational(1, 2))[z]) == pytest.approx(0.5, rel=1e-9)
    with pytest.raises(ShapeError, match="does not reach"):
        found.at(2)


def test_no_curvature():
    assert nesterov_flow(0, a0, Symbol("t", positive=True)).value == a0
    assert heavy_ball_steps(0, 1, Rational(1, 2), a0, n).value == a0


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: heavy_ball_steps(1, 0, beta, 1, n), "learning rate 0"),
        (lambda: heavy_ball_steps(1, 1, 1, 1, n), "between -1 and 1"),
        (lambda: heavy_ball_steps(3 * (1 + beta) / eta, eta, beta, 1, n), r"2\*\(beta \+ 1\)/eta"),
        (lambda: nesterov_steps(2, -1, 0, 1, n), "learning rate -1"),
        (lambda: solve_descent(z**2, {z: 1}, -1), "learning rate -1"),
        (lambda: solve_descent(lam * z**2 / 2, {z: 1}, 3 / lam), "2/lambda for the rate"),
        (lambda: solve_descent(z**2, {z: 1}, HeavyBall(eta, beta)), "heavy_ball_steps"),
    ],
)
def test_steps_that_diverge(make, reason):
    with pytest.raises(ShapeError, match=reason):
        make()


def test_descent_by_its_class():
    assert solve_descent(z**2, {z: 1}, GradientDescent(eta)) == solve_descent(z**2, {z: 1}, eta)


# --- lazy training --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: LazyTraining(Matrix([[1, 5], [-5, 1]]), [1, 2], [0, 0], eta, t), "symmetric"),
        (lambda: LazyTraining(Matrix([[1, 2], [2, 1]]), [1, 2], [0, 0], eta, t), "negative eigen"),
        (lambda: LazyTraining(eye(2), [1, 2], [0, 0], 0, t), "learning rate 0"),
        (lambda: LazyTraining(eye(2), [1, 2], [0, 0], 1, -3, True), "whole number"),
        (lambda: LazyTraining(eye(2), [1, 2], [0, 0], 1, Rational(1, 2), True), "whole number"),
        (lambda: LazyTraining(lam * eye(2), [1, 2], [0, 0], 3 / lam, n, True), "2/lambda"),
        (lambda: LazyTraining(eye(2), [1, 2], [0, 0], HeavyBall(eta, beta), n, True), "rate"),
    ],
)
def test_what_is_no_kernel_or_diverges(make, reason):
    with pytest.raises(ShapeError, match=reason):
        make()


def test_examples_that_are_there_twice():
    """A singular kernel: outputs elsewhere, against Euler's steps of their equation."""
    found = LazyTraining(ones(2, 2), [1, 2], [0, 0], 1, Rational(1, 2))
    moved = found.change_at(Matrix([[3, 3]])).doit().as_explicit()
    f, g, h = np.zeros(2), 0.0, 1e-5
    for _ in range(50_000):
        gap = np.array([1.0, 2.0]) - f
        f, g = f + h * np.ones((2, 2)) @ gap, g + h * 3 * gap.sum()
    assert float(moved[0]) == pytest.approx(g, rel=1e-4)
    with pytest.raises(ShapeError, match="singular"):
        found.change_at(Matrix([[1, 0]]))


def test_kernels_of_floats_and_of_symbols():
    kernel = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    targets = np.array([1.0, 2.0, 3.0])
    flow = LazyTraining(Matrix(kernel), [1, 2, 3], [0, 0, 0], 0.1, t).doit()
    expected = targets - expm(-0.1 * 1.5 * kernel) @ targets
    assert np.allclose(np.array(flow.subs(t, 1.5), float)[:, 0], expected, rtol=1e-12)
    steps = LazyTraining(Matrix(kernel), [1, 2, 3], [0, 0, 0], 0.1, n, True).doit()
    expected = targets - np.linalg.matrix_power(np.eye(3) - 0.1 * kernel, 7) @ targets
    assert np.allclose(np.array(steps.subs(n, 7), float)[:, 0], expected, rtol=1e-12)
    K = Matrix([[lam, beta], [beta, lam]])
    flow = LazyTraining(K, [1, 3], [0, 0], eta, t).doit()
    slope = flow.diff(t) + eta * K * (flow - Matrix([1, 3]))
    assert slope.applyfunc(lambda e: e.expand(power_exp=True)).is_zero_matrix


# --- noise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: stationary_of_steps(Matrix([[2]]), Matrix([[1]])), "modulus 2"),
        (lambda: stationary_of_steps(Matrix([[0, 2], [1, 0]]), eye(2)), "1.41421"),
        (lambda: stationary_of_steps(Matrix([[0]]), eye(2)), "same size"),
        (lambda: stationary_of_steps(Matrix([[0]]), Matrix([[-1]])), "no covariance"),
        (lambda: stationary_covariance(1, -C, eta), "no covariance"),
        (lambda: stationary_covariance(eye(2), Matrix([[1, 2], [2, 1]]), eta), "no covariance"),
        (lambda: stationary_covariance(1, C, 0), "learning rate 0"),
    ],
)
def test_what_is_no_noise(make, reason):
    with pytest.raises(ShapeError, match=reason):
        make()


def test_langevin_steps_have_noise_of_their_own():
    """Var = (1 - ηλ)² Var + 2ηT."""
    found = stationary_covariance(lam, 0, LangevinDescent(eta, T)).value
    assert ((1 - eta * lam) ** 2 * found + 2 * eta * T - found).equals(0)


def test_adam_with_a_frozen_preconditioner_is_momentum():
    """Heavy ball with the rate η(1 - β)/√v."""
    found = stationary_covariance(lam, C, Adam(eta, beta, Rational(999, 1000), 0)).value
    v = Symbol("v", positive=True)
    rate = eta * (1 - beta) / sqrt(v)
    heavy = rate * C * (1 + beta) / (lam * (1 - beta) * (2 * (1 + beta) - rate * lam))
    assert (found - heavy).equals(0)
    one = stationary_covariance(lam, C, Adam(eta, beta, Rational(1, 2), 0), frozen={"v": 1})
    assert (one.value - heavy.subs(v, 1)).equals(0)


def test_points_of_rest_are_real():
    points = fixed_points((lam - a * b) ** 2 / 2 + eta * (a**2 + b**2) / 2)
    assert {(p[a] * p[b]).expand() for p in points} == {0, lam - eta}
    with pytest.raises(ShapeError, match="positive decay"):
        ridge_flow(Matrix([[1, 2], [2, 4]]), Matrix([1, 2]), 0, [0, 0], eta, t)


def test_the_number_of_layers_may_be_a_symbol():
    """da/dt = N a^{2 - 2/N} (s - a), also where the formula has no value, N = 2."""
    N = Symbol("N", integer=True, positive=True)
    found = mode_strength(lam, eta, depth=N, t=t)
    for layers in (1, 2, 3, 5):
        with mpmath.workdps(20):
            power = 2 - mpmath.mpf(2) / layers
            rate = lambda _, s, p=power, k=layers: [k * s[0] ** p * (2 - s[0])]  # noqa: E731
            flow = mpmath.odefun(rate, 0, [0.5])
            there = flow(mpmath.mpf(1) / 4)[0]
        (ours,) = found.at(Rational(1, 4), {N: layers, lam: 2, eta: Rational(1, 2)}).values()
        assert float(ours) == pytest.approx(float(there), rel=1e-12)
    with pytest.raises(ShapeError, match="positive integer"):
        mode_strength(lam, eta, depth=Symbol("M"), t=t)
