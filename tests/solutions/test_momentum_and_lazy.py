"""Momentum in continuous time and the lazy regime, against integration and against training."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.linalg import expm
from sympy import (
    ImmutableDenseMatrix,
    Matrix,
    MatrixSymbol,
    Rational,
    Symbol,
    besselj,
    eye,
    latex,
    ones,
    sqrt,
    symbols,
)

from symprice import ShapeError, check
from symprice.solutions.lazy import LazyTraining
from symprice.solutions.matrix_nodes import MatrixExponential, StepPower
from symprice.solutions.momentum_flows import heavy_ball_flow, nesterov_flow
from symprice.solutions.points_of_rest import ridge_flow

lam, friction, eta, t = symbols("lambda gamma eta t", positive=True)
x0, v0 = symbols("x0 v0", real=True)
n = Symbol("n", integer=True, nonnegative=True)


@pytest.mark.parametrize("curvature", [Rational(1, 2), Rational(9, 4), 5])
def test_three_regimes(curvature):
    """γ = 3: overdamped, critical, underdamped."""
    found = heavy_ball_flow(curvature, 3, x0, v0, t)
    value = found.value.subs({x0: 2, v0: -1, t: Rational(7, 5)})
    with mpmath.workdps(20):
        k = mpmath.mpf(Rational(curvature).p) / Rational(curvature).q
        flow = mpmath.odefun(lambda _, s: [s[1], -3 * s[1] - k * s[0]], 0, [2, -1])
        there = flow(mpmath.mpf(7) / 5)[0]
    assert abs(mpmath.mpf(str(value.evalf(20))) - there) < 1e-15
    assert check(found, points=8)


def test_regimes_in_symbols():
    assert check(heavy_ball_flow(lam, friction, x0, v0, t), points=8)
    for regime in ("overdamped", "critical", "underdamped"):
        assert check(heavy_ball_flow(lam, friction, x0, v0, t, regime=regime), points=8)
    with pytest.raises(ShapeError, match="overdamped, critical"):
        heavy_ball_flow(lam, friction, x0, regime="damped")


def test_nesterov():
    found = nesterov_flow(lam, x0, t)
    assert found.value == 2 * x0 * besselj(1, sqrt(lam) * t) / (sqrt(lam) * t)
    assert check(found, points=8)
    # A power series started by hand at 0: x = x₀ Σ c_k t^{2k}, and integration from there on.
    with mpmath.workdps(20):
        h = mpmath.mpf("0.01")
        start = 1 - 3 * h**2 / 8 + 9 * h**4 / 192
        slope = -6 * h / 8 + 36 * h**3 / 192
        flow = mpmath.odefun(lambda s, x: [x[1], -3 / s * x[1] - 3 * x[0]], h, [start, slope])
        there = flow(2)[0]
    ours = found.value.subs({lam: 3, x0: 1, t: 2}).evalf(20)
    assert abs(mpmath.mpf(str(ours)) - there) < 1e-10


KERNEL = Matrix([[3, 1, 0], [1, 2, 1], [0, 1, 4]])
TARGETS, START = Matrix([1, -1, 2]), Matrix([0, 3, 1])


def test_lazy_training_in_symbols():
    N = Symbol("N", integer=True, positive=True)
    K, y, f0 = MatrixSymbol("K", N, N), MatrixSymbol("y", N, 1), MatrixSymbol("f_0", N, 1)
    found = LazyTraining(K, y, f0, eta, t)
    assert check(found, points=6)
    assert check(LazyTraining(K, y, f0, eta, n, discrete=True), points=6)
    assert r"e^{- \eta t K}" in latex(found.outputs)
    assert found.func(*found.args) == found


def test_lazy_training_is_training_of_a_linear_model():
    """Features Φ with ΦΦᵀ = K: training of the weights, on training and on other points."""
    generator = np.random.default_rng(0)
    features, others = generator.standard_normal((3, 5)), generator.standard_normal((2, 5))
    targets, weights = np.array([1.0, -1.0, 2.0]), generator.standard_normal(5)
    rate, steps = 0.05, 40
    trained = weights.copy()
    for _ in range(steps):
        trained -= rate * features.T @ (features @ trained - targets)

    def exact(array):
        return (
            ImmutableDenseMatrix(
                array.shape[0],
                -1 if array.ndim == 1 else array.shape[1],
                list(map(float, array.ravel())),
            )
            if array.ndim > 1
            else (ImmutableDenseMatrix(len(array), 1, list(map(float, array))))
        )

    kernel, across = exact(features @ features.T), exact(others @ features.T)
    found = LazyTraining(kernel, exact(targets), exact(features @ weights), rate, steps, True)
    outputs = np.array(found.doit().tolist(), dtype=float)[:, 0]
    assert np.allclose(outputs, features @ trained, atol=1e-12)
    change = np.array(found.change_at(across).doit().as_explicit().tolist(), dtype=float)[:, 0]
    assert np.allclose(change, others @ (trained - weights), atol=1e-12)


def test_ensembles_have_the_mean_and_covariance_of_samples():
    generator = np.random.default_rng(2)
    kernel, across = np.array(KERNEL, float), np.array([[1.0, 0.5, -1.0]])
    prior = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 1.5]])
    cross, here = np.array([[0.4], [0.2], [-0.3]]), np.array([[1.2]])
    joint = np.block([[prior, cross], [cross.T, here]])
    samples = generator.multivariate_normal(np.zeros(4), joint, 200_000)
    rate, time = 0.3, 0.8
    left = expm(-rate * time * kernel)
    moved = across @ np.linalg.solve(kernel, np.eye(3) - left)
    targets = np.array([1.0, -1.0, 2.0])
    ends = samples[:, 3] + (targets - samples[:, :3]) @ moved[0]
    found = LazyTraining(KERNEL, TARGETS, START, Rational(3, 10), Rational(4, 5))
    symbolic = {
        name: ImmutableDenseMatrix(m.tolist())
        for name, m in (("k", across), ("q", prior), ("c", cross), ("h", here))
    }
    variance = found.variance_at(*(symbolic[name] for name in "kqch"))
    from symprice.checks.oracle import value

    exact = float(value(variance, {}, 20)[0, 0])
    assert abs(ends.var() - exact) < 5 * exact * np.sqrt(2 / len(ends))
    mean = float(value(found.mean_at(symbolic["k"], [0, 0, 0]), {}, 20)[0, 0])
    assert abs(ends.mean() - mean) < 5 * np.sqrt(exact / len(ends))


def test_explicit_entries_and_code():
    found = LazyTraining(Matrix([[2, 1], [1, 2]]), [1, 3], [0, 0], eta, t)
    assert check(found, points=6)
    ours = found.lambdify([t, eta])(1.5, 0.4)
    kernel, targets = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([1.0, 3.0])
    assert np.allclose(ours, targets - expm(-0.6 * kernel) @ targets, rtol=1e-13)
    assert MatrixExponential(Matrix([[0, 1], [0, 0]])).doit() == Matrix([[1, 1], [0, 1]])
    assert StepPower(Matrix([[Rational(1, 2), 0], [0, 3]]), n).doit()[1, 1] == (-2) ** n


def test_ridge():
    X, y = Matrix([[1, 2], [0, 1], [1, 1]]), Matrix([1, 2, 3])
    found = ridge_flow(X, y, Rational(1, 2), [1, -1], eta, t)
    end = found.args[1]
    assert (X.T * X * end + end / 2 - X.T * y).expand() == Matrix([0, 0])
    assert check(found, points=6)
    theta, h = np.array([1.0, -1.0]), 1e-4
    data, targets = np.array(X, float), np.array(y, float)[:, 0]
    for _ in range(10_000):
        theta = theta - h * (data.T @ (data @ theta - targets) + theta / 2)
    assert np.allclose(found.lambdify([t, eta])(1.0, 1.0), theta, atol=1e-3)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: LazyTraining(KERNEL, TARGETS, START, 1, n, discrete=True), "threshold"),
        (lambda: LazyTraining(KERNEL, Matrix([1, 2]), START, eta, t), "N × 1"),
        (lambda: LazyTraining(lam, TARGETS, START, eta, t), "no matrix"),
        (
            lambda: LazyTraining(KERNEL, TARGETS, START, eta, t).change_at(Matrix([[1, 2]])),
            "column",
        ),
        (lambda: MatrixExponential(Matrix([[1, 2]])), "square"),
    ],
)
def test_bad_input(make, reason):
    with pytest.raises(ShapeError, match=reason):
        make()


@pytest.mark.parametrize(
    "M",
    [Matrix([[1, 2], [3, 4]]), Matrix([[2, 1, 0], [1, 2, 1], [0, 1, 2]]) / 4, ones(3)],
    ids=str,
)
def test_powers_with_a_symbolic_exponent(M):
    """(I - A)ⁿ by its eigenvalues, against the product of n factors."""
    n = Symbol("n", integer=True, nonnegative=True)
    power = StepPower(eye(M.rows) - M, n).doit()
    for k in (0, 1, 2, 5):
        assert (power.subs(n, k) - M**k).applyfunc(lambda e: e.expand()).is_zero_matrix


def test_an_explicit_kernel_at_a_symbolic_time():
    """e^{-tK} of numbers K, though nothing says that t is real; a matrix without eigenvectors for
    its power stays.
    """
    t, n = Symbol("t"), Symbol("n", integer=True)
    K = Matrix([[2, 1], [1, 2]])
    found = MatrixExponential(-t * K).doit()
    assert (found.diff(t) + K * found).applyfunc(lambda e: e.expand()).is_zero_matrix
    assert found.subs(t, 0) == eye(2)
    assert isinstance(StepPower(Matrix([[0, -1], [0, 0]]), n).doit(), StepPower)
