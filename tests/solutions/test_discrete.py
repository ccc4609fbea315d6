"""Steps in closed form, thresholds, stationary covariances, against the recursions themselves."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Matrix, Rational, Symbol, diag, exp, limit, log, series, symbols

from symprice import GradientDescent, ShapeError, check, parameters
from symprice.dynamics.momentum import HeavyBall, Nesterov
from symprice.solutions.points_of_rest import fixed_points, ornstein_uhlenbeck, stable
from symprice.solutions.recurrences import (
    continuous_rate,
    heavy_ball_steps,
    linear_recurrence,
    nesterov_steps,
    solve_descent,
)
from symprice.solutions.stationary import stationary_covariance, stationary_of_steps
from symprice.solutions.step_maps import (
    characteristic_polynomial,
    heavy_ball_matrix,
    nesterov_matrix,
)
from symprice.solutions.thresholds import schur_conditions, stability_of, stability_threshold

lam, eta, beta, C, t = symbols("lambda eta beta C t", positive=True)
r, x0 = Symbol("r"), Symbol("x0", real=True)
n = Symbol("n", integer=True, nonnegative=True)
w, u = parameters("w u")


# --- steps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("curvature", [Rational(1, 2), Rational(1, 100), Rational(81, 200), 5])
def test_heavy_ball_steps(curvature):
    """Complex, real and (nearly) double roots."""
    rate, momentum = Rational(1, 5), Rational(1, 2)
    formula = heavy_ball_steps(curvature, rate, momentum, 3, n).value
    x, velocity = Rational(3), Rational(0)
    for step in range(12):
        assert float(formula.subs(n, step)) == pytest.approx(float(x), rel=1e-12, abs=1e-14)
        velocity = momentum * velocity - rate * curvature * x
        x = x + velocity


def test_nesterov_steps():
    formula = nesterov_steps(2, Rational(1, 5), Rational(1, 2), 3, n).value
    x, before = Rational(3), Rational(3)
    for step in range(12):
        assert float(formula.subs(n, step)) == pytest.approx(float(x), rel=1e-12)
        ahead = x + (x - before) / 2
        x, before = ahead - Rational(2, 5) * ahead, x


def test_steps_in_symbols_hold_in_the_oracle():
    for roots in ("real", "complex", None):
        assert check(heavy_ball_steps(lam, eta, beta, x0, n, roots=roots), points=8)
    assert check(linear_recurrence(2 * lam, -(lam**2), 1, 3, n), points=8)  # a double root


def test_descent_on_a_quadratic():
    loss = (3 - w - 2 * u) ** 2 / 2 + lam * w**2 / 2
    found = solve_descent(loss, {w: 1, u: -1}, eta)
    assert check(found, points=8)
    point = np.array([1.0, -1.0])
    rate, curvature = 0.05, 0.7
    for _ in range(20):
        gap = 3 - point[0] - 2 * point[1]
        point = point - rate * np.array([-gap + curvature * point[0], -2 * gap])
    ours = found.value.subs({eta: rate, lam: curvature, n: 20})
    count = Symbol("n", integer=True, nonnegative=True)
    ours = ours.subs(count, 20)
    assert [float(e) for e in ours] == pytest.approx(list(point), rel=1e-10)


@pytest.mark.parametrize(
    ("make", "threshold"),
    [
        (lambda: solve_descent(2 * w**2, {w: 1}, Rational(3, 5)), "1/2"),
        (lambda: heavy_ball_steps(31, Rational(1, 10), Rational(1, 2), 1, n), "30"),
        (lambda: nesterov_steps(16, Rational(1, 10), Rational(1, 2), 1, n), "15"),
        (lambda: stationary_covariance(21, 1, Rational(1, 10), discrete=True), "20"),
        (lambda: stationary_covariance(31, 1, Rational(1, 10), beta=Rational(1, 2)), "30"),
    ],
)
def test_divergence_is_reported_with_the_threshold(make, threshold):
    with pytest.raises(ShapeError) as caught:
        make()
    assert threshold in str(caught.value) and "diverge" in str(caught.value)


def test_the_flow_through_every_step():
    rate = continuous_rate(1 - eta * lam, eta)
    assert exp(eta * rate).subs({eta: Rational(1, 10), lam: 3}) == Rational(7, 10)
    assert rate == log(1 - eta * lam) / eta
    # Backward error: -λ - ηλ²/2 is the flow of L + η/4 |∇L|² with L = ½λx².
    loss = lam * w**2 / 2
    modified = loss + eta / 4 * loss.diff(w) ** 2
    assert (series(rate, eta, 0, 2).removeO() + modified.diff(w) / w).expand() == 0


# --- thresholds -----------------------------------------------------------------------------------

decay, momentum = symbols("delta beta_1", positive=True)
THRESHOLDS = {
    "gradient descent": (r - (1 - eta * lam), 2 / eta),
    "heavy ball": (r**2 - (1 + beta - eta * lam) * r + beta, (2 + 2 * beta) / eta),
    "Nesterov": (
        r**2 - (1 + beta) * (1 - eta * lam) * r + beta * (1 - eta * lam),
        2 * (1 + beta) / (eta * (1 + 2 * beta)),
    ),
    "weight decay": (r - (1 - eta * (lam + decay)), 2 / eta - decay),
    "Adam, frozen preconditioner": (
        r**2 - (1 + momentum - (1 - momentum) * eta * lam) * r + momentum,
        (2 + 2 * momentum) / ((1 - momentum) * eta),
    ),
}


@pytest.mark.parametrize("name", THRESHOLDS)
def test_thresholds_of_stability(name):
    polynomial, expected = THRESHOLDS[name]
    found = stability_of(polynomial, r, lam)
    assert (found.threshold - expected).equals(0)
    assert check(found.derivation, points=8)
    numbers = {eta: 0.3, beta: 0.6, decay: 0.2, momentum: 0.8}
    edge = float(expected.subs(numbers))
    for factor, stays in ((0.02, True), (0.5, True), (0.999, True), (1.001, False), (1.5, False)):
        p = polynomial.subs(numbers).subs(lam, edge * factor)
        coefficients = [float(c) for c in p.as_poly(r).all_coeffs()]
        assert (max(abs(np.roots(coefficients))) < 1) == stays


def test_the_polynomials_come_from_the_steps():
    assert stability_threshold(GradientDescent(eta)) == 2 / eta
    assert (stability_threshold(HeavyBall(eta, beta)) - (2 + 2 * beta) / eta).equals(0)
    expected = THRESHOLDS["Nesterov"][1]
    assert (stability_threshold(Nesterov(eta, beta)) - expected).equals(0)
    heavy = characteristic_polynomial(heavy_ball_matrix(lam, eta, beta), lam, r)
    assert (heavy - THRESHOLDS["heavy ball"][0]).expand() == 0
    nesterov = characteristic_polynomial(nesterov_matrix(lam, eta, beta), lam, r)
    assert (nesterov - THRESHOLDS["Nesterov"][0]).expand() == 0


def test_the_criterion_for_higher_degrees():
    generator = np.random.default_rng(0)
    agreed = {True: 0, False: 0}
    for degree in (1, 2, 3, 4, 5):
        for _ in range(40):
            coefficients = [1, *(Rational(int(k), 8) for k in generator.integers(-9, 10, degree))]
            polynomial = sum(c * r ** (degree - k) for k, c in enumerate(coefficients))
            inside = max(abs(np.roots([float(c) for c in coefficients])), default=0)
            if abs(inside - 1) < 1e-9:
                continue
            stays = all(condition > 0 for condition in schur_conditions(polynomial, r))
            assert stays == (inside < 1), polynomial
            agreed[bool(stays)] += 1
    assert min(agreed.values()) > 20


def test_a_threshold_that_does_not_exist():
    with pytest.raises(ShapeError, match="unit circle"):
        stability_of(r - 1 / (1 + eta * lam), r, lam)
    with pytest.raises(ShapeError, match="however small lambda is"):
        stability_of(r - 1 - eta * lam, r, lam)


# --- noise ----------------------------------------------------------------------------------------


def test_the_formulas_of_the_literature():
    assert stationary_covariance(lam, C, eta).value == eta * C / (2 * lam)
    exact = stationary_covariance(lam, C, eta, discrete=True).value
    assert (exact - eta * C / (lam * (2 - eta * lam))).equals(0)
    heavy = stationary_covariance(lam, C, eta, beta=beta).value
    expected = eta * C * (1 + beta) / (lam * (1 - beta) * (2 * (1 + beta) - eta * lam))
    assert (heavy - expected).equals(0)


A = Matrix([[2, 1], [1, 3]])
NOISE = Matrix([[2, 1], [1, 4]])
RATE = Rational(1, 10)


def test_matrices_solve_their_equations():
    flow = stationary_covariance(A, NOISE, RATE).value
    assert A * flow + flow * A == RATE * NOISE
    steps = stationary_covariance(A, NOISE, RATE, discrete=True).value
    assert A * steps + steps * A - RATE * A * steps * A == RATE * NOISE
    mixed = stationary_covariance(diag(lam, 2 * lam), Matrix([[1, C], [C, 2]]), eta, discrete=True)
    assert check(mixed, points=8)
    assert (mixed.value[0, 1] - eta * C / (3 * lam - 2 * eta * lam**2)).equals(0)


@pytest.mark.parametrize("momentum", [None, Rational(1, 2)])
def test_exact_moments_and_a_simulation(momentum):
    settings = {"discrete": True} if momentum is None else {"beta": momentum}
    expected = stationary_covariance(A, NOISE, RATE, **settings).value
    a, noise, rate = np.array(A, float), np.array(NOISE, float), float(RATE)
    kept = 0.0 if momentum is None else float(momentum)
    # Moments: x ← x + βv - η(Ax + ξ), of the pair (x, x before).
    step = np.block([[(1 + kept) * np.eye(2) - rate * a, -kept * np.eye(2)], [np.eye(2), 0 * a]])
    kick = np.zeros((4, 4))
    kick[:2, :2] = rate**2 * noise
    moments = np.zeros((4, 4))
    for _ in range(2000):
        moments = step @ moments @ step.T + kick
    assert np.allclose(moments[:2, :2], np.array(expected, float), rtol=1e-12)
    whole = stationary_of_steps(
        Matrix(4, 4, lambda i, j: Rational(str(step[i, j]))),
        Matrix(4, 4, lambda i, j: Rational(str(kick[i, j]))),
    ).value
    assert np.allclose(np.array(whole, float), moments, rtol=1e-12)
    # A simulation of many chains, within five standard errors.
    generator = np.random.default_rng(1)
    root = np.linalg.cholesky(noise)
    x, v = np.zeros((20_000, 2)), np.zeros((20_000, 2))
    for _ in range(150):
        force = x @ a + generator.standard_normal(x.shape) @ root.T
        v = kept * v - rate * force
        x = x + v
    sampled, exact = x.T @ x / len(x), np.array(expected, float)
    spread = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / len(x))
    assert (abs(sampled - exact) < 5 * spread).all()


def test_mean_and_variance_on_the_way():
    found = ornstein_uhlenbeck(lam, C, eta, mean=3, variance=Rational(1, 5), t=t)
    mean, variance = found.solution.values()
    assert mean == 3 * exp(-lam * t)
    assert limit(variance.subs(lam, 2), t, float("inf")) == eta * C / 4
    assert check(found, points=8)
    # By Euler steps of the moments, with an error of the order of the step.
    values, h = {lam: 2, C: 3, eta: 0.1}, 1e-4
    m, spread = 3.0, 0.2
    for _ in range(5000):
        m, spread = m - 2 * h * m, spread + h * (-4 * spread + 0.3)
    assert float(mean.subs(values).subs(t, 0.5)) == pytest.approx(m, rel=1e-3)
    assert float(variance.subs(values).subs(t, 0.5)) == pytest.approx(spread, rel=1e-3)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: stationary_covariance(-1, 1, eta), "not positive definite"),
        (lambda: stationary_covariance(A, Matrix([[1, 2], [3, 4]]), eta), "not symmetric"),
        (lambda: stationary_covariance(A, 1, eta), "same size"),
        (lambda: stationary_covariance(Matrix([[1, 2]]), 1, eta), "square"),
    ],
)
def test_what_is_not_stationary(make, reason):
    with pytest.raises(ShapeError, match=reason):
        make()


def test_points_of_rest_with_weight_decay():
    y = Symbol("y", positive=True)
    loss = (y - w * u) ** 2 / 2 + lam * (w**2 + u**2) / 2
    products = {(point[w] * point[u]).expand() for point in fixed_points(loss)}
    # At y + λ the weights would be imaginary.
    assert products == {0, y - lam}
    values = {y: 2, lam: 1}
    minima = [p for p in fixed_points(loss.subs(values)) if stable(loss.subs(values), p)]
    assert {point[w] * point[u] for point in minima} == {1}  # y - λ: soft thresholding
