"""Derivatives of networks by their input and their covariances: physics-informed networks."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Function, MatrixSymbol, Trace, sin, tanh

from symprice import (
    MLP,
    Elementwise,
    Index,
    Member,
    NTCov,
    ParameterMatrix,
    ScalarProduct,
    ShapeError,
    average,
    check,
    closed_form,
    inputs,
    jacobian,
    softmax,
)
from symprice.arrays import LogSumExp
from tests.tangent.steps import (
    Case,
    N,
    Point,
    close,
    computes,
    d,
    dense,
    holds,
    k,
    m,
    mlp,
    softmax_by_hand,
)

x, z, zk = inputs("x", d), inputs("z", d), inputs("z", k)
S, b = ParameterMatrix("S", d, d), ParameterMatrix("b", d, 1)
net, wide = MLP(d, m, 1, activation=tanh), MLP(d, m, k, activation=tanh)
i = Index("i", N)


def slope(p, x):
    """The Jacobian of a network with one hidden layer, by hand."""
    a = np.tanh(dense(p["W1"], x) + p["b1"])
    return (p["W2"] * (1 - a**2)) @ p["W1"]


def curvature(p, x):
    """The Hessian of its only output."""
    a = np.tanh(dense(p["W1"], x) + p["b1"])
    return p["W1"].T @ np.diag(p["W2"][0] * (-2 * a * (1 - a**2))) @ p["W1"]


def value(p):
    return mlp(p, p["x"])


F = Case(net(x), value)
J, WIDE_J = jacobian(net(x), x), jacobian(wide(x), x)
H = jacobian(J.T, x)
CASES = {
    "the gradient": Case(J.T, lambda p: slope(p, p["x"])[0]),
    "one entry of it": Case(J[0, 1], lambda p: slope(p, p["x"])[0, 1]),
    "its square": Case(ScalarProduct(J.T, J.T), lambda p: (slope(p, p["x"]) ** 2).sum()),
    "a Jacobian times a vector": Case(WIDE_J * z, lambda p: slope(p, p["x"]) @ p["z"]),
    "a vector times a Jacobian": Case(WIDE_J.T * zk, lambda p: slope(p, p["x"]).T @ p["z"]),
    "‖J‖²": Case(ScalarProduct(WIDE_J, WIDE_J), lambda p: (slope(p, p["x"]) ** 2).sum()),
    "the Laplacian": Case(Trace(H), lambda p: np.trace(curvature(p, p["x"]))),
    "an entry of the Hessian": Case(H[0, 1], lambda p: curvature(p, p["x"])[0, 1]),
    "the Hessian times a vector": Case(H * z, lambda p: curvature(p, p["x"]) @ p["z"]),
    "zᵀ H z": Case(z.T * H * z, lambda p: p["z"] @ curvature(p, p["x"]) @ p["z"]),
    "the residual of an equation": Case(
        (Trace(H) - sin(net(x)[0, 0])) ** 2,
        lambda p: (np.trace(curvature(p, p["x"])) - np.sin(value(p)[0])) ** 2,
    ),
    "Burgers' equation": Case(
        net(x)[0, 0] * J[0, 0] - H[1, 1],
        lambda p: value(p)[0] * slope(p, p["x"])[0, 0] - curvature(p, p["x"])[1, 1],
    ),
    "linear": Case(jacobian(S * x, x) * x, lambda p: p["S"] @ p["x"]),
    "a quadratic form": Case(
        Trace(jacobian(jacobian(x.T * S * x, x).T, x)) * S[0, 1],
        lambda p: 2 * np.trace(p["S"]) * p["S"][0, 1],
    ),
    "softmax": Case(
        jacobian(softmax(S * x), x) * z,
        lambda p: (lambda q: (np.diag(q) - np.outer(q, q)) @ p["S"] @ p["z"])(
            softmax_by_hand(p["S"] @ p["x"])
        ),
    ),
    "log Σ exp": Case(
        jacobian(LogSumExp(S * x), x).T, lambda p: p["S"].T @ softmax_by_hand(p["S"] @ p["x"])
    ),
    "of a scalar": Case(
        jacobian(ScalarProduct(x, x) * ScalarProduct(b, x), x).T,
        lambda p: 2 * p["x"] * (p["b"] @ p["x"]) + (p["x"] @ p["x"]) * p["b"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_formula(name):
    case = CASES[name]
    assert holds(case, case.moved)
    trained = {s.name for s in case.expr.free_symbols}
    if {"W1", "W2"} <= trained:
        other = Case((net if name not in ("‖J‖²",) and "Jacobian" not in name else wide)(x), value)
        assert holds(other, case)


@pytest.mark.parametrize("name", CASES)
def test_the_code(name):
    case = CASES[name]
    if name == "linear":
        case = Case(case.expr + S * S * x, lambda p: p["S"] @ (p["x"] + p["S"] @ p["x"]))
    assert computes(case, case.moved)


def test_the_value_of_a_jacobian():
    point = Point(net(x))
    assert close(point.number(J), slope(point.arrays, point.arrays["x"]))
    assert close(point.number(H), curvature(point.arrays, point.arrays["x"]))


def test_third_derivatives():
    f = ScalarProduct(b, Elementwise(tanh, S * x))
    third = Trace(jacobian(jacobian(jacobian(f, x).T, x) * z, x))
    report = check(closed_form(NTCov(third, f)), code=False, points=2, digits=15)
    assert report, report


@pytest.mark.parametrize("case", ["the gradient", "the Laplacian"])
def test_of_an_unspecified_activation(case):
    f = MLP(d, m, 1, activation=Function("phi"))(x)
    gradient = jacobian(f, x).T
    prop = gradient if case == "the gradient" else Trace(jacobian(gradient, x))
    report = check(closed_form(NTCov(prop, f)), code=False, points=2, digits=15)
    assert report, report


def test_the_statement_for_one_input_and_one_neuron_after_another():
    """Of f_x for f = Σ v φ(w x + b): Σ w²φ'φ' + (vφ' + vwφ''x)(vφ' + vwφ''y) + v²w²φ''φ''."""
    u, v = inputs("x y", 1)
    f = MLP(1, m, 1, activation=tanh)
    kernel = closed_form(NTCov(jacobian(f(u), u), jacobian(f(v), v)))
    point = Point(f(u), f(v))
    arrays = point.arrays
    x, y = arrays["x"][0], arrays["y"][0]
    w, v, b = arrays["W1"], arrays["W2"][0], arrays["b1"]
    (p1, q1), (p2, q2) = (
        (1 - a**2, -2 * a * (1 - a**2)) for a in (np.tanh(w * x + b), np.tanh(w * y + b))
    )
    terms = w**2 * p1 * p2 + (v * p1 + v * w * q1 * x) * (v * p2 + v * w * q2 * y)
    wanted = (terms + v**2 * w**2 * q1 * q2).sum()
    assert close(point.number(kernel), [[wanted]])


def residual_at_points(p):
    return np.mean([(np.trace(curvature(p, u)) - np.sin(mlp(p, u)[0])) ** 2 for u in p["X"]])


def test_a_loss_of_residuals_at_points():
    points = Member(MatrixSymbol("X", d, 1), i)
    residual = Trace(H) - sin(net(x)[0, 0])
    loss = Case(average(residual.subs(x, points) ** 2, i), residual_at_points)
    assert holds(loss, F)
    fit = Case(
        average(ScalarProduct(net(points), net(points)), i),
        lambda p: np.mean([mlp(p, u) ** 2 for u in p["X"]]),
    )
    assert holds(loss, fit)
    assert computes(loss, fit)


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: jacobian(net(x), MatrixSymbol("X", d, 2)), "a column of inputs"),
        (lambda: jacobian(net(x), x[0, 0]), "a column of inputs"),
        (lambda: jacobian(S * S, x), "a column"),
    ],
)
def test_bad_input(make, remedy):
    with pytest.raises(ShapeError, match=remedy):
        make()
