"""Gauss–Newton by the kernel of the examples, against the matrix itself, made by JAX."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from sympy import MatrixSymbol, Symbol, symbols, tanh

from symprice import (
    MLP,
    Dense,
    Index,
    Network,
    NoRuleError,
    ShapeError,
    average,
    cross_entropy,
    inputs,
    observables,
    price,
    softmax,
    squared_loss,
)
from symprice.checks.realise import Realisation
from symprice.dynamics.decay import WeightDecay
from symprice.dynamics.gauss_newton import GaussNewton, InverseGaussNewton
from symprice.dynamics.kernel_solution import KernelSolution, PushThrough
from symprice.dynamics.natural import Newton
from symprice.dynamics.taylor import with_remainder

d, m, k, N = symbols("d m k N", integer=True, positive=True)
eta, lamda = Symbol("eta", positive=True), Symbol("lamda", positive=True)
i = Index("i", N)
x_i, x = inputs("x", d, each=i), inputs("t", d)
LOSSES = {"softmax": cross_entropy, "Gaussian": squared_loss}
ORDER = ("W1", "b1", "W2", "b2")
D, M = 3, 4
RATE = 0.2


def model(kind, outputs):
    size = k if outputs > 1 else 1
    net = MLP(d, m, size, activation=tanh)
    loss = average(LOSSES[kind](net(x_i), inputs("y", size, each=i)), i)
    prop = softmax(net(x))[0] if outputs > 1 else net(x)[0] ** 2
    return prop, loss


def dense(kind, outputs, params, data, damping):
    """∇P·u and uᵀ∇²P u for u = (F + λI)⁻¹∇L, with F from the Jacobians of all examples."""
    jax = pytest.importorskip("jax", reason="JAX is not installed: make oracles")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy

    def forward(flat, given):
        parts, start = {}, 0
        for name in ORDER:
            size = params[name].size
            parts[name] = flat[start : start + size].reshape(params[name].shape)
            start += size
        return jnp.tanh(given @ parts["W1"].T + parts["b1"]) @ parts["W2"].T + parts["b2"]

    def loss(flat):
        z = forward(flat, data["x"])
        if kind == "softmax":
            return -jnp.mean(jnp.sum(data["y"] * jax.nn.log_softmax(z), axis=1))
        return jnp.mean(jnp.sum((z - data["y"]) ** 2, axis=1)) / 2

    def prop(flat):
        z = forward(flat, data["t"])
        return jax.nn.softmax(z)[0] if outputs > 1 else z[0] ** 2

    flat = np.concatenate([params[name].ravel() for name in ORDER])
    matrix = damping * np.eye(len(flat))
    outputs_of = functools.partial(forward, given=data["x"])
    functions = outputs_of, jax.jacobian(outputs_of), jax.grad(prop), jax.grad(loss)
    found = jax.jit(lambda at: [function(at) for function in functions])(flat)
    z_all, jacobians, slope_p, slope = map(np.asarray, found)
    for z, rows in zip(z_all, jacobians, strict=True):
        p = np.exp(z) / np.exp(z).sum()
        inner = np.diag(p) - np.outer(p, p) if kind == "softmax" else np.eye(outputs)
        matrix += rows.T @ inner @ rows / len(jacobians)
    moved = np.linalg.solve(matrix, slope)
    bent = jax.jit(lambda at: jax.jvp(jax.grad(prop), (at,), (jnp.asarray(moved),))[1])(flat)
    return slope_p @ moved, moved @ np.asarray(bent)


def drawn(kind, outputs, count):
    rng = np.random.default_rng(outputs + 10 * count)
    shapes = {"W1": (M, D), "b1": (M,), "W2": (outputs, M), "b2": (outputs,)}
    params = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    targets = rng.normal(size=(count, outputs))
    if kind == "softmax":
        targets = np.eye(outputs)[rng.integers(0, outputs, count)]
    return params, {"x": rng.normal(size=(count, D)), "y": targets, "t": rng.normal(size=D)}


@pytest.mark.parametrize(
    ("kind", "outputs", "count", "damping"),
    [
        ("softmax", 3, 5, 0.3),
        ("softmax", 2, 1, 0.01),
        ("Gaussian", 2, 6, 0.3),
        ("Gaussian", 1, 4, 0.02),
    ],
)
def test_the_code_solves_with_the_whole_matrix(kind, outputs, count, damping):
    prop, loss = model(kind, outputs)
    params, data = drawn(kind, outputs, count)
    first, second = dense(kind, outputs, params, data, damping)
    laws = {(None, None): -first}
    if count == 1:
        laws[eta, 2] = -RATE * first + RATE**2 / 2 * second
    for (rate, order), expected in laws.items():
        function = price(prop, loss, GaussNewton(lamda, rate), order=order).lambdify()
        known = {**data, "lamda": damping, "eta": RATE}
        found = function(params, *(known[symbol.name] for symbol in function.inputs))
        assert np.isclose(found, expected, rtol=1e-10)


def test_a_linear_network_is_solved_in_one_step():
    """Gauss–Newton of a linear model is Newton: ridge regression with the data, by hand."""
    y_i = inputs("y", 1, each=i)
    linear = Network(Dense(d, 1))
    loss = average(squared_loss(linear(x_i), y_i), i)
    change = price(linear(x)[0], loss, GaussNewton(lamda)).lambdify()
    rng = np.random.default_rng(3)
    data = {"x": rng.normal(size=(3, 5)), "y": rng.normal(size=(3, 1)), "t": rng.normal(size=5)}
    params = {"W1": np.zeros((1, 5)), "b1": np.zeros(1)}
    given = {**data, "lamda": 0.1}
    design = np.c_[data["x"], np.ones(3)]
    ridge = np.linalg.solve(design.T @ design / 3 + 0.1 * np.eye(6), design.T @ data["y"] / 3)
    expected = np.r_[data["t"], 1] @ ridge[:, 0]
    found = change(params, *(given[symbol.name] for symbol in change.inputs))
    assert np.isclose(found, expected, rtol=1e-11)


def test_the_push_through_identity_is_a_checked_step():
    """The inverse of the whole matrix in 40 digits against the system of the examples."""
    j = Index("i", 2)
    small = Network(Dense(2, 2))
    loss = average(cross_entropy(small(inputs("x", 2, each=j)), inputs("y", 2, each=j)), j)
    law = price(small(inputs("t", 2))[0], loss, GaussNewton(lamda))
    assert law.derivation.steps[-1].rule == PushThrough()
    assert law.check(points=2)


def test_one_example_with_one_output_is_a_quotient():
    point, y = inputs("x", 2), inputs("y", 1)
    found = Network(Dense(2, 1))(point)
    law = price(found[0], squared_loss(found, y), GaussNewton(lamda))
    assert not law.doit().has(KernelSolution)
    params = {"W1": np.array([[0.5, -2.0]]), "b1": np.array([0.25])}
    known = {"x": np.array([1.5, 0.5]), "y": np.array([2.0]), "lamda": 0.1}
    function = law.lambdify()
    value = function(params, *(known[symbol.name] for symbol in function.inputs))
    norm, output = 1.5**2 + 0.5**2 + 1, 0.5 * 1.5 - 2 * 0.5 + 0.25
    assert np.isclose(value, -(output - 2) * norm / (norm + 0.1), rtol=1e-13)


def test_latex():
    tex = price(*model("softmax", 3), GaussNewton(lamda)).latex()
    assert r"\sum_{i,j=1}^{N} \operatorname{NTCov}(z_{i}," in tex
    assert r"\operatorname{NTCov}(z_{i}, z_{j})\right]_{i,j}" in tex
    assert r"p_{i} \circ \left(I - \mathbf{1} p_{i}^{\top}\right)" in tex


def test_a_step_prints_and_its_parts_are_by_the_kernel():
    law = price(*model("softmax", 3), GaussNewton(lamda, eta))
    assert r"\right]_{i,j} + \lambda N I\right)^{-1}" in law.latex()
    assert law.selection.has(KernelSolution)
    assert law.change == with_remainder(law.selection, law.remainder)
    decaying = price(*model("softmax", 3), WeightDecay(lamda, GaussNewton(lamda, eta)))
    assert decaying.selection == law.selection
    assert decaying.derivation.steps[-1].rule == PushThrough()


@pytest.mark.parametrize("way", [Newton(1), GaussNewton(1)], ids=["Newton", "Gauss–Newton"])
def test_the_check_of_a_network_of_any_width_decides(way):
    """Of matrices of symbolic sizes, at small ones: it took more than its time limit."""
    found = Realisation(
        [x, MatrixSymbol("A", m, k), way.metric(model("softmax", 3)[1])], small=True
    )
    assert set(found.sizes) == {d, m, k, N} and set(found.sizes.values()) == {2, 3}
    linear = Network(Dense(d, k))
    loss = average(cross_entropy(linear(x_i), inputs("y", k, each=i)), i)
    report = price(linear(x)[0], loss, way).check(points=1)
    assert report.outcome == "holds", report


def test_other_losses_are_refused():
    P, L = observables("P L")
    with pytest.raises(NoRuleError, match="outputs of one network"):
        _ = price(P, L, GaussNewton(1)).equation
    with pytest.raises(ShapeError, match="at least 0"):
        GaussNewton(-1)
    prop, loss = model("Gaussian", 2)
    with pytest.raises(ShapeError, match="orders that exist are 1, 2"):
        price(prop, loss, GaussNewton(1, eta), order=3)
    with pytest.raises(NoRuleError, match="entries"):
        InverseGaussNewton(loss, 1).row(None)
