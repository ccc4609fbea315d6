"""Covariances between any two properties of networks with trainable matrices."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest
from sympy import Function, Integer, Lambda, MatrixSymbol, Symbol, Trace, exp, log, symbols, tanh

from symprice import (
    MLP,
    Activation,
    Dense,
    Elementwise,
    Network,
    NTCov,
    NTVar,
    Parameter,
    ParameterMatrix,
    Residual,
    ScalarProduct,
    check,
    closed_form,
    contributions,
    cross_entropy,
    entropy,
    inputs,
    sigmoid,
    softmax,
    squared_loss,
)
from tests.tangent.steps import (
    SIZES,
    Case,
    Point,
    close,
    computes,
    d,
    dense,
    holds,
    k,
    m,
    mlp,
    n,
    softmax_by_hand,
)

x, y, target = *inputs("x y", d), inputs("t", k)
net = MLP(d, m, k, activation=tanh)
W1, b1, W2, b2 = net.parameters
tau = Parameter("tau", real=True)
slot = Symbol("h")


def out(p):
    return mlp(p, p["x"])


def prob(p):
    return softmax_by_hand(out(p))


f, probabilities = net(x), softmax(net(x))
PROPERTIES = {
    "outputs": Case(f, out),
    "an output": Case(f[1, 0], lambda p: out(p)[1]),
    "probabilities": Case(probabilities, prob),
    "log probabilities": Case(
        Elementwise(Lambda(slot, log(slot)), probabilities), lambda p: np.log(prob(p))
    ),
    "a squared loss": Case(squared_loss(f, target), lambda p: ((out(p) - p["t"]) ** 2).sum() / 2),
    "a cross-entropy": Case(
        cross_entropy(f, target), lambda p: np.log(np.exp(out(p)).sum()) - p["t"] @ out(p)
    ),
    "an entropy": Case(entropy(probabilities), lambda p: -(prob(p) * np.log(prob(p))).sum()),
    "norms": Case(
        ScalarProduct(W1, W1) + Trace(W2.T * W2) + ScalarProduct(b1, b1) ** 2,
        lambda p: (p["W1"] ** 2).sum() + (p["W2"] ** 2).sum() + (p["b1"] @ p["b1"]) ** 2,
    ),
    "a bias": Case(b1, lambda p: p["b1"]),
    "a temperature": Case(
        softmax(f / exp(tau)), lambda p: softmax_by_hand(out(p) / np.exp(p["tau"]))
    ),
    "scaled outputs": Case(tau**2 * f, lambda p: p["tau"] ** 2 * out(p)),
}
PAIRS = list(combinations_with_replacement(PROPERTIES, 2))


@pytest.mark.parametrize(("first", "last"), PAIRS, ids=[" and ".join(pair) for pair in PAIRS])
def test_any_two(first, last):
    assert holds(PROPERTIES[first], PROPERTIES[last].moved)


@pytest.mark.parametrize("name", PROPERTIES)
def test_the_code(name):
    assert computes(PROPERTIES[name], PROPERTIES["outputs"].moved)
    if name != "a bias":
        assert computes(PROPERTIES[name], PROPERTIES[name])


@pytest.mark.parametrize("name", ["outputs", "a cross-entropy", "an entropy", "a temperature"])
def test_by_difference_quotients(name):
    prop = PROPERTIES[name].expr
    for covariance in (NTCov(prop, net(y)), NTVar(prop)):
        report = check(closed_form(covariance), code=False, points=2, digits=15)
        assert report, report


# --- the statements -------------------------------------------------------------------------------
def kernels():
    """A point with the kernel at (x, y), and what softmax makes of the outputs there."""
    point = Point(net(x), net(y), target)
    found = point.number(closed_form(NTCov(net(x), net(y))))
    p, q = (softmax_by_hand(mlp(point.arrays, point.arrays[u])) for u in "xy")
    return point, found, p, q


def test_the_recursion_of_a_network():
    """Θ' = (aᵀa' + 1) I + W D Θ D' Wᵀ, layer by layer."""
    deep = MLP(d, m, n, m, k, activation=tanh)
    point = Point(deep(x), deep(y))
    arrays = point.arrays
    a, b, theta = arrays["x"], arrays["y"], None
    for layer in range(1, 5):
        weight, bias = arrays[f"W{layer}"], arrays[f"b{layer}"]
        own = (a @ b + 1) * np.eye(len(weight))
        if theta is not None:
            left, right = weight * (1 - a**2), weight * (1 - b**2)
            own = own + left @ theta @ right.T
        theta = own
        h, g = weight @ a + bias, weight @ b + bias
        a, b = np.tanh(h), np.tanh(g)
    assert close(point.number(closed_form(NTCov(deep(x), deep(y)))), theta)


def test_softmax_on_logits():
    point, theta, p, q = kernels()
    S, R = np.diag(p) - np.outer(p, p), np.diag(q) - np.outer(q, q)
    found = point.number(closed_form(NTCov(softmax(net(x)), softmax(net(y)))))
    assert close(found, S @ theta @ R)
    logs = [Elementwise(Lambda(slot, log(slot)), softmax(net(u))) for u in (x, y)]
    one = np.ones(2)
    centred = (np.eye(2) - np.outer(one, p)) @ theta @ (np.eye(2) - np.outer(one, q)).T
    assert close(point.number(closed_form(NTCov(*logs))), centred)
    # An expression may be a distribution only where its entries add up to 1.
    losses = [cross_entropy(net(u), target) for u in (x, y)]
    t = point.arrays["t"]
    assert close(point.number(closed_form(NTCov(*losses))), [[(p - t) @ theta @ (q - t)]])
    entropies = [entropy(softmax(net(u))) for u in (x, y)]
    g, h = (-u * (np.log(u) - (u * np.log(u)).sum()) for u in (p, q))
    assert close(point.number(closed_form(NTCov(*entropies))), [[g @ theta @ h]])


def test_deep_linear_networks():
    """Θ = Σ_l (xᵀ W_{<l}ᵀ W_{<l} x') W_{>l} W_{>l}ᵀ."""
    linear = MLP(d, m, n, k, bias=False, activation=lambda h: h)
    point = Point(linear(x), linear(y))
    A = point.arrays
    below = [np.eye(3), A["W1"], A["W2"] @ A["W1"]]
    above = [A["W3"] @ A["W2"], A["W3"], np.eye(2)]
    terms = zip(below, above, strict=True)
    wanted = sum(((B @ A["x"]) @ (B @ A["y"])) * C @ C.T for B, C in terms)
    assert close(point.number(closed_form(NTCov(linear(x), linear(y)))), wanted)


def test_a_residual_block():
    """Θ ← (I + V D U) Θ (I + V D' U)ᵀ + (φᵀφ' + 1) I + (hᵀh' + 1) V D D' Vᵀ."""
    blocks = Network(Dense(d, m), Residual(Dense(m, n), Activation(tanh), Dense(n, m)))
    point = Point(blocks(x), blocks(y))
    A = point.arrays
    h, g = (A["W1"] @ A[u] + A["b1"] for u in "xy")
    a, b = (np.tanh(A["W2"] @ u + A["b2"]) for u in (h, g))
    V, U, eye = A["W3"], A["W2"], np.eye(4)
    left, right = (eye + (V * (1 - u**2)) @ U for u in (a, b))
    wanted = left @ ((A["x"] @ A["y"] + 1) * eye) @ right.T + (a @ b + 1) * eye
    wanted = wanted + (h @ g + 1) * (V * (1 - a**2) * (1 - b**2)) @ V.T
    assert close(point.number(closed_form(NTCov(blocks(x), blocks(y)))), wanted)


def test_a_tied_autoencoder():
    """Wᵀφ(W x), with the cross terms of the two places of W."""
    W = ParameterMatrix("W", m, d)
    u, v = (W.T * Elementwise(tanh, W * w) for w in (x, y))
    point = Point(u, v)
    A, X, Y = point.arrays["W"], point.arrays["x"], point.arrays["y"]
    a, b = np.tanh(A @ X), np.tanh(A @ Y)
    D, E = 1 - a**2, 1 - b**2
    cross = np.outer(Y, A.T @ (a * E)) + np.outer(A.T @ (b * D), X)
    wanted = (a @ b) * np.eye(3) + (X @ Y) * (A.T * D * E) @ A + cross
    assert close(point.number(closed_form(NTCov(u, v))), wanted)


# --- two networks, widths, scales -----------------------------------------------------------------
def test_networks_that_share_some_weights():
    shared, own = ParameterMatrix("W1", m, d), ParameterMatrix("U", n, m)
    one = Network(Dense(d, m, bias=False, weight=shared), Activation(tanh), Dense(m, k))
    first = Case(one(x), lambda p: p["W2"] @ np.tanh(p["W1"] @ p["x"]) + p["b2"])
    for other in (
        Case(
            own * Elementwise(sigmoid, shared * y),
            lambda p: p["U"] @ (1 / (1 + np.exp(-p["W1"] @ p["y"]))),
        ),
        Case(
            shared.T * Elementwise(tanh, shared * y),
            lambda p: p["W1"].T @ np.tanh(p["W1"] @ p["y"]),
        ),
        Case(ScalarProduct(shared, shared), lambda p: (p["W1"] ** 2).sum()),
        Case(ParameterMatrix("b2", k, 1), lambda p: p["b2"]),
    ):
        assert holds(first, other)
        assert holds(other, first)
    parts = contributions(NTCov(first.expr, own * Elementwise(sigmoid, shared * y)))
    assert list(parts) == [shared]


def test_contributions_add_up():
    for covariance in (
        NTCov(net(x), net(y)),
        NTVar(net(x)),
        NTCov(squared_loss(net(x), target), net(y)),
        NTCov(net(x)[0, 0], net(y)[1, 0]),
    ):
        point = Point(*covariance.properties, net(x), net(y), target)
        closed = closed_form(covariance)
        parts = contributions(covariance)
        assert list(parts) == [W1, b1, W2, b2] == list(contributions(closed))
        total = sum(point.number(part) for part in parts.values())
        assert close(total, point.number(closed))


WIDTHS = [
    *((1, 1), (1, 1, 1), (1, m, 1), (d, 1, 1), (d, 1, k), (1, 1, k), (1, m, k), (d, m, 1, 1)),
    *((d, 1, m, 1), (1, 1, 1, 1), (2, 3, 1), (2, 3, 2), (2, 1, 2)),
]


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_widths_of_one_and_of_numbers(widths):
    small, depth = MLP(*widths, activation=tanh), len(widths) - 1
    u, goal = inputs("x", widths[0]), inputs("t", widths[-1])
    value = Case(small(u), lambda p: mlp(p, p["x"], depth))
    loss = Case(squared_loss(small(u), goal), lambda p: ((value.hand(p) - p["t"]) ** 2).sum() / 2)
    assert holds(value, value.moved)
    assert holds(loss, value.moved)
    if widths[-1] != 1:
        chances = Case(softmax(small(u)), lambda p: softmax_by_hand(value.hand(p)))
        assert holds(chances, value.moved)
    assert computes(value, value.moved)
    assert computes(loss, loss.moved)


def test_a_softmax_of_one_entry():
    """It is constant, inside of a network with several outputs."""
    W, U, V = (ParameterMatrix(*args) for args in (("W", 1, d), ("U", m, 1), ("V", k, m)))
    prop = Case(V * Elementwise(tanh, U * softmax(W * x)), lambda p: p["V"] @ np.tanh(p["U"]))
    assert holds(prop, prop)


SUBSTITUTIONS = [
    *({d: 1, m: 1, k: 1}, {d: 1}, {m: 1}, {k: 1}, {d: 2, m: 2, k: 2}, {d: m}, {m: d, k: d}),
    {d: 3, m: 4, k: 2},
]


@pytest.mark.parametrize("rule", SUBSTITUTIONS, ids=str)
def test_widths_put_in_afterwards(rule):
    kernel, f, g = (c.subs(rule) for c in (closed_form(NTCov(net(x), net(y))), net(x), net(y)))
    again = closed_form(NTCov(f, g))
    # What is made for one output is a scalar.
    assert kernel.shape == getattr(again, "shape", (1, 1)) == (f.shape[0], g.shape[0])
    left = {s.name: s.shape for s in kernel.free_symbols if hasattr(s, "shape")}
    assert left == {s.name: s.shape for s in again.free_symbols if hasattr(s, "shape")}
    point = Point(f, g)
    wanted = point.covariance(out, lambda p: mlp(p, p["y"]))
    assert close(point.number(kernel), wanted)
    assert close(point.number(again), wanted)


@pytest.mark.parametrize("widths", [(d, m, k), (d, m, 1), (1, m, 1), (4, 9, 1)], ids=str)
def test_the_ntk_parameterization(widths):
    scales = symbols("sigma_w sigma_b", positive=True)
    ntk = MLP(
        *widths, activation=tanh, parameterization="ntk", sigma_w=scales[0], sigma_b=scales[1]
    )
    u = inputs("x", widths[0])

    def hand(p):
        a = p["x"]
        for layer in (1, 2):
            scale = p["sigma_w"] / np.sqrt(len(a))
            a = scale * dense(p[f"W{layer}"], a) + p["sigma_b"] * p[f"b{layer}"]
            a = np.tanh(a) if layer == 1 else a
        return a

    case = Case(ntk(u), hand)
    assert holds(case, case.moved)
    assert computes(case, case.moved)


@pytest.mark.parametrize("name", ["h1", "a1", "a1_prime", "delta1", "f", "p", "q", "z"])
def test_inputs_may_be_called_anything(name):
    own = inputs(name, d)
    case = Case(net(own), lambda p: mlp(p, p[name]))
    assert holds(case, PROPERTIES["outputs"])
    loss = Case(squared_loss(net(own), target), lambda p: ((case.hand(p) - p["t"]) ** 2).sum() / 2)
    assert holds(loss, case)


def test_parameters_may_be_called_like_definitions():
    delta, h = ParameterMatrix("delta1", d, m), ParameterMatrix("h1", m, d)
    case = Case(
        delta * Elementwise(tanh, h * x) * Parameter("p"),
        lambda p: p["p"] * p["delta1"] @ np.tanh(p["h1"] @ p["x"]),
    )
    assert holds(case, case.moved)
    assert computes(case, case.moved)


def test_a_network_of_an_unspecified_activation_is_the_same_for_all():
    phi = Function("phi")
    general = closed_form(NTCov(*(MLP(d, m, k, activation=phi)(u) for u in (x, y))))
    special = closed_form(NTCov(net(x), net(y)))
    put = general.subs(phi, tanh) if hasattr(general, "subs") else general
    point = Point(net(x), net(y), sizes={**SIZES, d: Integer(3)})
    assert close(point.number(put.doit()), point.number(special))


def test_constants_do_not_matter():
    B = MatrixSymbol("B", n, k)
    constant = Case(B * net(x) + MatrixSymbol("c", n, 1), lambda p: p["B"] @ out(p) + p["c"])
    assert holds(constant, PROPERTIES["outputs"].moved)
