"""Conserved quantities against training by Runge–Kutta, against exact derivatives and by hand."""

from __future__ import annotations

import pickle
from itertools import product

import numpy as np
import pytest
from sympy import (
    Function,
    Matrix,
    MatrixSymbol,
    Rational,
    Symbol,
    cos,
    exp,
    expand,
    log,
    sin,
    symbols,
    tanh,
)

from symprice import (
    MLP,
    Dense,
    Elementwise,
    GlobalAveragePool,
    Index,
    Network,
    Parameter,
    ParameterMatrix,
    SelfAttention,
    SympriceError,
    average,
    inputs,
    leaky_relu,
    observables,
    parameters,
    relu,
    squared_loss,
)
from symprice.elementwise import ScalarProduct
from symprice.solutions import deciding
from symprice.solutions.homogeneous import homogeneity
from symprice.solutions.invariants import conserved
from symprice.solutions.vanishing import proved_zero

d, m, n, k, T = symbols("d m n k T", integer=True, positive=True)
x = inputs("x", d)
a, b = parameters("a b", real=True)
y = Symbol("y", real=True)
W1, W2, W3 = ParameterMatrix("W1", m, d), ParameterMatrix("W2", n, m), ParameterMatrix("W3", k, n)


def squared(matrix):
    return ScalarProduct(matrix, matrix)


def weights(net, layer):
    """The squared norm of the weights of a layer of an explicit network."""
    found = [p for p in net.free_symbols if isinstance(p, Parameter) and f"w{layer}_" in p.name]
    return sum(p**2 for p in sorted(found, key=str))


def flow(gradients, theta, steps=400, h=0.005):
    """Gradient flow on a list of arrays by Runge–Kutta."""

    def moved(state, slope, factor):
        return [s - factor * g for s, g in zip(state, slope, strict=True)]

    for _ in range(steps):
        k1 = gradients(theta)
        k2 = gradients(moved(theta, k1, h / 2))
        k3 = gradients(moved(theta, k2, h / 2))
        k4 = gradients(moved(theta, k3, h))
        slope = [(p + 2 * q + 2 * r + s) / 6 for p, q, r, s in zip(k1, k2, k3, k4, strict=True)]
        theta = moved(theta, slope, h)
    return theta


# --- conserved, and seen to be so in training -----------------------------------------------------


def test_a_product_of_two_scalars():
    found = conserved(a**2 - b**2, (y - a * b) ** 2)
    assert found and found.proved and found.counterexample is None
    assert found.rate.doit() == 0
    assert found.equation.rhs == 0
    assert found.check(points=3)


def test_balance_of_deep_linear_networks_for_every_width():
    net = W3 * W2 * W1 * x
    for quantity in (W2.T * W2 - W1 * W1.T, W3.T * W3 - W2 * W2.T):
        found = conserved(quantity, net)
        assert found.proved
        assert found.check(points=2)


def test_balance_in_training():
    """The same in NumPy: all entries stay, on a random data set."""
    draw = np.random.default_rng(0)
    A, B, C = (draw.normal(size=s) / 2 for s in ((4, 3), (2, 4), (2, 2)))
    X, Y = draw.normal(size=(3, 7)), draw.normal(size=(2, 7))

    def gradients(theta):
        A, B, C = theta
        G = (C @ B @ A @ X - Y) / 7
        return [B.T @ C.T @ G @ X.T, C.T @ G @ (A @ X).T, G @ (B @ A @ X).T]

    A2, B2, C2 = flow(gradients, [A, B, C])
    assert np.abs(A2 - A).max() > 0.1
    assert np.allclose(B2.T @ B2 - A2 @ A2.T, B.T @ B - A @ A.T, atol=1e-9)
    assert np.allclose(C2.T @ C2 - B2 @ B2.T, C.T @ C - B @ B.T, atol=1e-9)


def test_balance_of_explicit_linear_networks():
    A, B = Matrix(2, 2, parameters("a1:5")), Matrix(2, 2, parameters("b1:5"))
    f = B * A * Matrix(symbols("x1 x2"))
    assert conserved(B.T * B - A * A.T, f).proved
    assert conserved(B.T * B - A * A.T, f).check(points=2)
    assert not conserved(B * B.T - A * A.T, f)


@pytest.mark.parametrize("phi", [relu, leaky_relu])
def test_norms_of_rectified_layers(phi):
    net = MLP(d, m, n, k, activation=phi, bias=False)
    first, second, third = net.parameters
    i = Index("i", m)
    for quantity in (
        squared(second) - squared(first),
        squared(third) - squared(second),
        (second.T * second)[i, i] - (first * first.T)[i, i],  # of every neuron
        (second.T * second)[0, 0] - (first * first.T)[0, 0],
    ):
        assert conserved(quantity, net(x)).proved
    assert not conserved(second.T * second - first * first.T, net(x))  # but not between neurons
    explicit = MLP(2, 2, 2, activation=phi, bias=False).explicit()
    found = conserved(weights(explicit, 2) - weights(explicit, 1), explicit)
    assert found.proved and found.check(points=2)


def test_norms_of_rectified_layers_in_training():
    draw = np.random.default_rng(3)
    A, B = draw.normal(size=(6, 3)), draw.normal(size=(2, 6))
    X, Y = draw.normal(size=(3, 9)), draw.normal(size=(2, 9))

    def gradients(theta):
        A, B = theta
        H = A @ X
        G = (B @ np.maximum(H, 0) - Y) / 9
        return [(B.T @ G * (H > 0)) @ X.T, G @ np.maximum(H, 0).T]

    # A kink in the path costs a step its order, not its invariant to first order in the step.
    A2, B2 = flow(gradients, [A, B], steps=4000, h=0.0005)
    assert np.abs(A2 - A).max() > 0.1
    moved = (B2**2).sum(0) - (A2**2).sum(1) - (B**2).sum(0) + (A**2).sum(1)
    assert np.abs(moved).max() < 1e-5


def test_a_loss_over_data():
    i = Index("i", Symbol("N", integer=True, positive=True))
    x_i, t_i = inputs("x", d, each=i), inputs("t", k, each=i)
    net = MLP(d, m, k, activation=relu, bias=False)
    first, last = net.parameters
    loss = average(squared_loss(net(x_i), t_i), i)
    assert conserved(squared(last) - squared(first), loss).proved


def test_queries_and_keys():
    """Scores depend on W_Q W_Kᵀ alone: W_QᵀW_Q - W_KᵀW_K is conserved by any attention."""
    X = MatrixSymbol("X", T, d)
    net = Network(SelfAttention(d, k), GlobalAveragePool(), Dense(d, 1))
    queries, keys = net.parameters[:2]
    assert conserved(queries.T * queries - keys.T * keys, net(X)).proved
    assert not conserved(queries.T * queries + keys.T * keys, net(X))


def test_one_loss_where_a_network_is_not():
    """Weight decay in the loss: a² - b² is no longer conserved; a/b is by the decay alone."""
    decay = a**2 + b**2
    assert not conserved(a**2 - b**2, (y - a * b) ** 2 + decay)
    assert conserved(a / b, decay).proved


def test_functions_with_identities():
    assert conserved(log(sin(a)) - log(sin(b)), cos(a) * cos(b)).proved
    assert conserved(exp(-a) + exp(-b), exp(a) - exp(b)).proved is True
    assert conserved(a - b, tanh(a + b)).proved
    assert conserved(a - b, Function("f")(a + b)).proved


@pytest.mark.parametrize("seed", range(6))
def test_polynomials(seed):
    """Functions of a² - b² are conserved under losses of ab; SymPy's gradients say the same."""
    draw = np.random.default_rng(seed)

    def polynomial(u):
        return sum(int(c) * u**e for e, c in enumerate(draw.integers(1, 5, 4), start=1))

    loss = polynomial(a * b)
    for quantity in (polynomial(a**2 - b**2), polynomial(a**2 - b**2) + int(seed + 1) * a * b**2):
        direct = expand(sum(quantity.diff(p) * loss.diff(p) for p in (a, b)))
        found = conserved(quantity, loss)
        assert bool(found) == (direct == 0)
        assert found.proved == bool(found)


def test_another_metric():
    assert conserved(a - 2 * b, a + b, metric={a: 2, b: 1}).proved
    assert not conserved(a - 2 * b, a + b)


# --- not conserved --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phi", "bias"), [(tanh, False), (relu, True), (tanh, True), (Function("phi"), False)], ids=str
)
def test_norms_of_other_layers_are_not_conserved(phi, bias):
    net = MLP(d, m, k, activation=phi, bias=bias)
    first, last = (p for p in net.parameters if p.name.startswith("W"))
    found = conserved(squared(last) - squared(first), net(x))
    assert not found and not found.proved
    explicit = MLP(1, 2, 1, activation=phi, bias=bias).explicit()
    assert not conserved(weights(explicit, 2) - weights(explicit, 1), explicit)


def test_a_counterexample_is_one():
    """By SymPy's own derivatives at the point that is shown."""
    quantity, loss = a**2 + b**2, (y - a * b) ** 2
    found = conserved(quantity, loss)
    direct = sum(quantity.diff(p) * loss.diff(p) for p in (a, b))
    assert expand(direct).subs(found.counterexample) == found.value != 0
    assert "a = " in str(found)
    assert found.check(points=3)  # of what the rate is instead


def test_a_counterexample_of_matrices_is_one():
    net = Elementwise(tanh, W1 * x)
    found = conserved(W1 * W1.T, net)
    point = {str(key): value for key, value in found.counterexample.items()}
    i, j, out = (int(point[name]) for name in ("i", "j", "column"))
    A = Matrix(2, 2, symbols("A:4"))
    f = (A * Matrix(point["x"])).applyfunc(tanh)[out]
    quantity = (A * A.T)[i, j]
    direct = sum(quantity.diff(A[p]) * f.diff(A[p]) for p in product(range(2), range(2)))
    value = direct.subs(dict(zip(A, point["W1"], strict=True)))
    assert abs((value - found.value).evalf(30)) < 1e-25
    assert found.value != 0


def test_what_is_almost_conserved_is_not():
    """A violation below all digits that are sampled is found by exact numbers."""
    tiny = Rational(1, 10**60)
    assert not conserved(a**2 - b**2 + tiny * a, (y - a * b) ** 2)


# --- how sure it is -------------------------------------------------------------------------------


def test_without_a_proof_it_says_so(monkeypatch):
    monkeypatch.setattr(deciding, "proved_zero", lambda *_: False)
    found = conserved(a**2 - b**2, (y - a * b) ** 2)
    assert found and not found.proved
    assert "not proved" in str(found)
    assert found.derivation.result == 0


def test_a_wrong_proof_is_found_out(monkeypatch):
    """A normal form that calls everything 0 meets numbers that do not."""
    monkeypatch.setattr(deciding, "proved_zero", lambda *_: True)
    assert not conserved(a**2 + b**2, (y - a * b) ** 2)
    monkeypatch.setattr(deciding, "simple_point", lambda *_: None)
    with pytest.raises(SympriceError, match="one of them is wrong"):
        conserved(a**2 + b**2, (y - a * b) ** 2)


def test_a_check_can_fail(monkeypatch):
    monkeypatch.setattr(deciding, "_disagrees", lambda report: False)
    monkeypatch.setattr(deciding, "proved_zero", lambda *_: True)
    wrong = conserved(a**2 + b**2, (y - a * b) ** 2)
    assert wrong.proved and not wrong.check(points=3)


def test_a_normal_form_decides_what_sums_are_equal():
    """Renamed, reordered and transposed sums are equal, and no others."""
    M, N = MatrixSymbol("M", m, m), MatrixSymbol("N", m, m)
    u, v = inputs("u v", m)
    assert proved_zero(ScalarProduct(u, M * N * M.T * v) - ScalarProduct(M * N.T * M.T * u, v))
    assert proved_zero(ScalarProduct(M * N, N.T * M.T) - ScalarProduct(N * M, M.T * N.T))
    assert not proved_zero(ScalarProduct(u, M * N * v) - ScalarProduct(u, N * M * v))
    assert not proved_zero(ScalarProduct(M, N) - ScalarProduct(M, N.T))


# --- Euler ----------------------------------------------------------------------------------------


def test_degrees_of_homogeneity():
    assert homogeneity(a**2 * b).degree == 3
    assert homogeneity(a**2 * b, parameters=b).degree == 1
    assert homogeneity(a / b).degree == 0
    assert homogeneity((a**2 + b**2) ** Rational(3, 4)).degree == Rational(3, 2)
    assert not homogeneity(a**2 + b)
    assert homogeneity(a**2 + b).degree is None
    assert homogeneity(tanh(a / b)).degree == 0


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_degree_of_a_network_is_its_depth(depth):
    net = MLP(d, *[m] * (depth - 1), k, activation=relu, bias=False)
    found = homogeneity(net(x))
    assert found.proved and found.degree == depth
    assert found.check(points=2)
    explicit = MLP(2, *[2] * (depth - 1), 1, activation=leaky_relu, bias=False).explicit()
    assert homogeneity(explicit).degree == depth


def test_networks_that_are_not_homogeneous():
    for net in (MLP(d, m, k, activation=relu), MLP(d, m, k, activation=tanh, bias=False)):
        assert not homogeneity(net(x))


# --- objects and errors ---------------------------------------------------------------------------


def test_it_is_an_object_of_sympy():
    loss = (y - a * b) ** 2
    for thing in (conserved(a**2 - b**2, loss), conserved(a, loss), homogeneity(a * b)):
        assert thing.func(*thing.args) == thing
        assert pickle.loads(pickle.dumps(thing)) == thing
        assert thing.latex().count("{") == thing.latex().count("}")
        assert "object at 0x" not in repr(thing)
    found = conserved(W2.T * W2 - W1 * W1.T, W2 * W1 * x)
    assert r"e_{i}^{\top} \left(W_{2}^{\top} W_{2} - W_{1} W_{1}^{\top}\right)" in found.latex()


P, L = observables("P L")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: conserved(P, a**2), "P has no formula"),
        (lambda: conserved(a, L), "L has no formula"),
        (lambda: conserved(y**2, a**2), "no Parameter"),
        (lambda: conserved("a", a**2), "write a SymPy expression"),
        (lambda: homogeneity(y**2), "no Parameter"),
        (lambda: homogeneity(a**2, parameters=[b]), "which is no parameter of it"),
    ],
)
def test_errors_say_what_to_write(make, message):
    with pytest.raises(SympriceError, match=message):
        make()
