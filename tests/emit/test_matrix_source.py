"""Code at matrix level, against Jacobians by complex steps of networks written by hand."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from sympy import symbols, tanh

from symprice import (
    MLP,
    Elementwise,
    NTCov,
    NTVar,
    ParameterMatrix,
    ShapeError,
    closed_form,
    inputs,
    sigmoid,
    softmax,
)

d, m, n, k = symbols("d m n k", integer=True, positive=True)
x, y = inputs("x y", d)
WIDTHS = {1: (4, 5, 1), 3: (4, 5, 6, 3)}


def network(outputs, activation=tanh):
    symbolic = (d, m, 1) if outputs == 1 else (d, m, n, k)
    return MLP(*symbolic, activation=activation)


def arrays(widths, seed=0):
    generator = np.random.default_rng(seed)
    layers = list(enumerate(pairwise(widths), start=1))
    weights = {f"W{i}": generator.normal(size=(b, a)) for i, (a, b) in layers}
    return weights | {f"b{i}": generator.normal(size=b) for i, (_, b) in layers}


def jacobians(params, points, phi=np.tanh):
    """The derivative of the outputs by every parameter, by complex steps: (points, outputs, P)."""
    depth = len(params) // 2

    def forward(values, point):
        h = point
        for layer in range(1, depth + 1):
            h = values[f"W{layer}"] @ h + values[f"b{layer}"]
            h = phi(h) if layer < depth else h
        return h

    result = []
    for point in points:
        columns = []
        for name, value in params.items():
            for index in np.ndindex(value.shape):
                moved = {key: array.astype(complex) for key, array in params.items()}
                moved[name][index] += 1e-30j
                columns.append(forward(moved, point).imag / 1e-30)
        result.append(np.array(columns).T)
    return np.array(result)


@pytest.fixture(scope="module")
def points():
    generator = np.random.default_rng(1)
    return generator.normal(size=(7, 4)), generator.normal(size=(3, 4))


@pytest.mark.parametrize("outputs", [1, 3])
def test_all_pairs_paired_single_and_mixed(outputs, points):
    X, Y = points
    params = arrays(WIDTHS[outputs])
    net = network(outputs)
    kernel = closed_form(NTCov(net(x), net(y)))
    expected = np.einsum("nip,mjp->nmij", jacobians(params, X), jacobians(params, Y))
    expected = expected[..., 0, 0] if outputs == 1 else expected
    all_pairs = kernel.lambdify(batch={x: "n", y: "m"})(params, X, Y)
    assert np.allclose(all_pairs, expected, rtol=1e-12, atol=1e-12)
    paired = kernel.lambdify(batch={x: "n", y: "n"})(params, X[:3], Y)
    assert np.allclose(paired, expected[np.arange(3), np.arange(3)], rtol=1e-12, atol=1e-12)
    single = kernel.lambdify()(params, X[0], Y[0])
    assert np.allclose(single, expected[0, 0], rtol=1e-12, atol=1e-12)
    mixed = kernel.lambdify(batch={x: "n"})(params, X, Y[0])
    assert np.allclose(mixed, expected[:, 0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("phi", "numpy_phi"),
    [
        (tanh, np.tanh),
        (sigmoid, lambda h: 1 / (1 + np.exp(-h))),
        (lambda h: h**2 + h, lambda h: h**2 + h),
    ],
)
def test_variance_of_one_output(phi, numpy_phi, points):
    X, _ = points
    params = arrays(WIDTHS[1], seed=4)
    value = closed_form(NTVar(network(1, phi)(x))).lambdify(batch={x: "n"})(params, X)
    expected = (jacobians(params, X, numpy_phi)[:, 0, :] ** 2).sum(-1)
    assert np.allclose(value, expected, rtol=1e-12)


def test_probabilities(points):
    X, Y = points
    params = arrays(WIDTHS[3])
    net = network(3)
    kernel = closed_form(NTCov(softmax(net(x)), softmax(net(y))))
    found = kernel.lambdify(batch={x: "n", y: "m"})(params, X, Y)
    left, right = ([softened(params, point) for point in side] for side in points)
    expected = np.einsum("nip,mjp->nmij", left, right)
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)


def softened(params, point):
    """The derivative of the probabilities: (diag p - p pᵀ) times that of the logits."""
    logits = point
    for layer in range(1, len(params) // 2 + 1):
        logits = params[f"W{layer}"] @ (np.tanh(logits) if layer > 1 else logits)
        logits = logits + params[f"b{layer}"]
    p = np.exp(logits) / np.exp(logits).sum()
    return (np.diag(p) - np.outer(p, p)) @ jacobians(params, [point])[0]


def test_the_source_is_what_a_person_would_write():
    kernel = closed_form(NTCov(network(1)(x), network(1)(y)))
    lines = [line.strip() for line in kernel.source(batch={x: "n", y: "m"}).splitlines()]
    assert "h1 = x @ W1.T + b1" in lines
    assert "a1 = np.tanh(h1)" in lines
    assert "delta1 = (1 - a1**2)*W2[0]" in lines
    assert "return (x @ y.T + 1)*(delta1 @ delta1_prime.T) + a1 @ a1_prime.T + 1" in lines


@pytest.mark.parametrize("outputs", [1, 3])
def test_float32_stays(outputs, points):
    X, Y = (side.astype(np.float32) for side in points)
    params = {name: value.astype(np.float32) for name, value in arrays(WIDTHS[outputs]).items()}
    net = network(outputs)
    function = closed_form(NTCov(net(x), net(y))).lambdify(batch={x: "n", y: "m"})
    assert function(params, X, Y).dtype == np.float32
    again = pickle.loads(pickle.dumps(function))
    assert np.array_equal(again(params, X, Y), function(params, X, Y))


def test_parameters_may_be_given_by_symbol_or_by_name(points):
    X, _ = points
    params = arrays(WIDTHS[1])
    closed = closed_form(NTVar(network(1)(x)))
    function = closed.lambdify(batch={x: "n"})
    by_symbol = {s: params[s.name] for s in function.parameters}
    assert np.array_equal(function(by_symbol, X), function(params, X))


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        (lambda p, X: (({k: v for k, v in p.items() if k != "W2"}), X), "needs the parameter W2"),
        (lambda p, X: (p, X[:, :3]), "declared"),
        (lambda p, X: (p, X[0]), "declared"),
        (lambda p, X: (p | {"W1": p["W1"].astype(int)}, X), "floating-point"),
        (lambda p, X: (p | {"b1": np.zeros(9)}, X), "b1"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, remedy, points):
    function = closed_form(NTVar(network(1)(x))).lambdify(batch={x: "n"})
    with pytest.raises(ShapeError) as caught:
        function(*change(arrays(WIDTHS[1]), points[0]))
    assert remedy in str(caught.value)


def test_labels_are_for_inputs():
    kernel = closed_form(NTVar(network(1)(x)))
    with pytest.raises(ShapeError, match="trainable"):
        kernel.lambdify(batch={ParameterMatrix("W1", m, d): "n"})
    with pytest.raises(ShapeError, match="batch"):
        closed_form(NTVar(MLP(1, 1).explicit())).source(batch={x: "n"})


def test_columns_with_two_labels():
    W, V = ParameterMatrix("W", m, d), ParameterMatrix("V", 1, m)
    both, one = (V * Elementwise(tanh, W * inner) for inner in (x + y, x))
    kernel = closed_form(NTCov(both, one))
    generator = np.random.default_rng(3)
    params = {"W": generator.normal(size=(5, 4)), "V": generator.normal(size=(1, 5))}
    X, Y = generator.normal(size=(4, 4)), generator.normal(size=(4, 4))
    single = kernel.lambdify()
    expected = [[single(params, u, v) for v in Y] for u in X]
    found = kernel.lambdify(batch={x: "n", y: "m"})(params, X, Y)
    assert np.allclose(found, expected, rtol=1e-12)


def test_weights_that_are_columns():
    z = inputs("z", 1)
    function = closed_form(NTVar(MLP(1, m, 1)(z))).lambdify(batch={z: "n"})
    generator = np.random.default_rng(5)
    params = arrays((1, 5, 1), seed=5)
    Z = generator.normal(size=(3, 1))
    expected = (jacobians(params, Z)[:, 0, :] ** 2).sum(-1)
    assert np.allclose(function(params, Z), expected, rtol=1e-12)
    flat = params | {"W1": params["W1"][:, 0]}
    assert np.array_equal(function(flat, Z), function(params, Z))


def test_a_weight_that_is_used_twice():
    W = ParameterMatrix("W", m, d)
    f, g = (W.T * Elementwise(tanh, W * inner) for inner in (x, y))
    function = closed_form(NTCov(f, g)).lambdify(batch={x: "n", y: "m"})
    generator = np.random.default_rng(6)
    weight = generator.normal(size=(5, 4))
    X, Y = generator.normal(size=(3, 4)), generator.normal(size=(2, 4))

    def jacobian(point):
        columns = []
        for index in np.ndindex(weight.shape):
            moved = weight.astype(complex)
            moved[index] += 1e-30j
            columns.append((moved.T @ np.tanh(moved @ point)).imag / 1e-30)
        return np.array(columns).T

    left, right = (np.array([jacobian(point) for point in side]) for side in (X, Y))
    expected = np.einsum("nip,mjp->nmij", left, right)
    assert np.allclose(function({"W": weight}, X, Y), expected, rtol=1e-12, atol=1e-12)
