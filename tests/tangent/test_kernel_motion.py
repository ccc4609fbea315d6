"""How a kernel moves: covariances of closed forms of covariances, and identities of training."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Function, Trace, symbols, tanh

from symprice import (
    MLP,
    Elementwise,
    NTCov,
    NTVar,
    ParameterMatrix,
    ScalarProduct,
    UnitVector,
    check,
    closed_form,
    inputs,
    relu,
    softmax,
    squared_loss,
)
from tests.tangent.steps import (
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
)

x, y, z, zk = *inputs("x y z", d), inputs("z", k)
net, wide = MLP(d, m, 1, activation=tanh), MLP(d, m, k, activation=tanh)
phi, psi = Function("phi"), Function("psi")


def kernel(p, x, y):
    """Of a network with one hidden layer: (xᵀy + 1) W₂ D D' W₂ᵀ + (aᵀa' + 1) I."""
    a, b = (np.tanh(dense(p["W1"], u) + p["b1"]) for u in (x, y))
    inner = (p["W2"] * (1 - a**2) * (1 - b**2)) @ p["W2"].T
    return (x @ y + 1) * inner + (a @ b + 1) * np.eye(len(inner))


def of(hand):
    """A property made of the kernel at x and y."""
    return lambda p: hand(kernel(p, p["x"], p["y"]))


def squared_error(p):
    return ((mlp(p, p["x"]) - p["t"]) ** 2).sum() / 2


def at(letter):
    return lambda p: mlp(p, p[letter])


K, WIDE_K = closed_form(NTCov(net(x), net(y))), closed_form(NTCov(wide(x), wide(y)))
LOSS = squared_loss(wide(x), inputs("t", k))
MOTIONS = {
    "of one output": (Case(K, of(lambda K: K[0, 0])), Case(net(z), at("z"))),
    "another entry": (Case(WIDE_K[0, 1], of(lambda K: K[0, 1])), Case(wide(z), at("z"))),
    "the trace": (Case(Trace(WIDE_K), of(np.trace)), Case(wide(z), at("z"))),
    "a column": (
        Case(WIDE_K * UnitVector(k, 1), of(lambda K: K[:, 1])),
        Case(wide(z), at("z")),
    ),
    "a quadratic form": (
        Case(zk.T * WIDE_K * zk, lambda p: p["z"] @ kernel(p, p["x"], p["y"]) @ p["z"]),
        Case(wide(x), at("x")),
    ),
    "the variance": (
        Case(closed_form(NTVar(net(x))), lambda p: kernel(p, p["x"], p["x"])[0, 0]),
        Case(net(y), at("y")),
    ),
    "a node that is not closed yet": (
        Case(NTVar(net(x)[0, 0]), lambda p: kernel(p, p["x"], p["x"])[0, 0]),
        Case(net(y), at("y")),
    ),
    "the speed of a loss": (
        Case(
            closed_form(NTVar(LOSS)),
            lambda p: (lambda e: e @ kernel(p, p["x"], p["x"]) @ e)(mlp(p, p["x"]) - p["t"]),
        ),
        Case(LOSS, squared_error),
    ),
}


@pytest.mark.parametrize("name", MOTIONS)
def test_the_formula(name):
    first, last = MOTIONS[name]
    assert holds(first, last)
    assert holds(last, first)


@pytest.mark.parametrize("name", MOTIONS)
def test_the_code(name):
    first, last = MOTIONS[name]
    first = Case(closed_form(first.expr), first.hand)
    assert computes(first, last)


@pytest.mark.parametrize("widths", [(d, m, 1), (d, m, n, 1), (d, m, k), (1, m, 1), (d, 1, 1)])
def test_unspecified_activations(widths):
    f = MLP(*widths, activation=phi)
    u, v, w = inputs("x y z", widths[0])
    kernel = closed_form(NTCov(f(u), f(v)))
    kernel = kernel if widths[-1] == 1 else Trace(kernel)
    report = check(closed_form(NTCov(kernel, f(w))), code=False, points=1, digits=15)
    assert report, report


def test_arrays_that_print_alike_are_not_confused():
    """φ' at an entry of an h₁ of m entries, then of one of d entries."""
    f = MLP(d, m, 1, activation=phi)
    closed_form(NTCov(f(x), f(y)))
    S = ParameterMatrix("S", d, d)
    for prop in (
        Elementwise(phi, Elementwise(psi, S * x)),
        softmax(Elementwise(phi, S * x)),
        ScalarProduct(Elementwise(phi, S * x), Elementwise(phi, S * x)) ** 2,
    ):
        formula = closed_form(NTCov(prop, prop.subs(x, y)))
        report = check(formula, code=False, points=1, digits=15)
        assert report, report


def test_the_kernel_moves_twice():
    third = closed_form(NTCov(closed_form(NTCov(K, net(x))), net(y)))
    report = check(third, code=False, points=1, digits=15)
    assert report, report


# --- identities -----------------------------------------------------------------------------------
def hidden_layers(width, bias=False, activation=relu):
    return MLP(d, m, width, 1, bias=bias, activation=activation)


def test_euler_for_homogeneous_networks():
    """NTCov(½ |θ|², f) = L f for a network that is L-homogeneous in its parameters."""
    f = hidden_layers(n)
    half = sum(ScalarProduct(W, W) for W in f.parameters) / 2
    point = Point(f(x))
    found = point.number(closed_form(NTCov(half, f(x))))
    assert close(found, 3 * point.number(f(x)))


@pytest.mark.parametrize("activation", [relu, lambda h: h], ids=["relu", "linear"])
def test_the_norms_of_layers_differ_by_a_constant(activation):
    f = hidden_layers(n, activation=activation)
    W1, W2, W3 = f.parameters
    point = Point(f(x))
    for one, other in ((W1, W2), (W2, W3)):
        difference = ScalarProduct(one, one) - ScalarProduct(other, other)
        found = point.number(closed_form(NTCov(difference, f(x))))
        assert np.abs(found).max() < 1e-12


def test_linear_networks_conserve_a_matrix():
    """NTCov(W₂ᵀW₂ - W₁W₁ᵀ, f) = 0."""
    f = MLP(d, m, k, bias=False, activation=lambda h: h)
    W1, W2 = f.parameters
    u = inputs("u", m)
    point = Point(f(x), u, sizes=None)
    column = (W2.T * W2 - W1 * W1.T) * u
    found = point.number(closed_form(NTCov(column, f(x))))
    assert found.shape == (4, 2) and np.abs(found).max() < 1e-12


def test_the_acceleration_of_a_property():
    """P̈ = NTCov(NTCov(P, L), L) = gᵀ H_P g + ∇Pᵀ H_L g, the derivative of Ṗ along -∇L."""
    P, L = net(z)[0, 0], squared_loss(net(x), inputs("t", 1))
    point = Point(net(z), net(x), inputs("t", 1))
    found = point.number(closed_form(NTCov(closed_form(NTCov(P, L)), L)))

    def speed(p):
        return kernel(p, p["z"], p["x"])[0] @ (mlp(p, p["x"]) - p["t"])

    wanted = point.covariance(speed, squared_error)
    assert close(found, wanted)


def test_a_positive_scale_of_the_input():
    """NTVar(c f) = c² NTVar(f) for a constant c."""
    c = symbols("c", positive=True)
    point = Point(net(x), c)
    twice = point.number(closed_form(NTVar(c * net(x))))
    assert close(twice, point.arrays["c"] ** 2 * point.number(closed_form(NTVar(net(x)))))
