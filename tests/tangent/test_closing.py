"""Closed forms of networks: their shape, their cost, and that nothing is captured in them."""

from __future__ import annotations

import pickle
from itertools import pairwise

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Function, Symbol, Tuple, expand, symbols, tanh

from symprice import (
    MLP,
    Activation,
    ClosedForm,
    ClosedFormMatrix,
    Dense,
    Name,
    Network,
    NTCov,
    NTVar,
    Parameter,
    ShapeError,
    closed_form,
    observables,
    parameters,
    sigmoid,
)
from tests.differences import agree, covariance, gradient, number, random_point
from tests.tangent.strategies import THETA, X, networks

w, b, v = parameters("w b v", real=True)
x, y = symbols("x y", real=True)
h, a = Name("h"), Name("a")


def at(expr, seed=0):
    return random_point(expr.free_symbols, seed)


def test_the_layer_formula_comes_out_of_the_collection():
    net = MLP(2, 3, 1, activation=tanh)
    y1, y2 = symbols("y1 y2")
    kernel = closed_form(NTCov(net.explicit(), net.explicit(y1, y2)))
    x1, x2 = symbols("x1 x2")
    a1, a2, a3 = (Name(f"a1_{i}") for i in (1, 2, 3))
    c1, c2, c3 = (Name(f"a1_{i}_prime") for i in (1, 2, 3))
    d1, d2, d3 = (Name(f"delta1_{i}") for i in (1, 2, 3))
    e1, e2, e3 = (Name(f"delta1_{i}_prime") for i in (1, 2, 3))
    expected = (x1 * y1 + x2 * y2 + 1) * (d1 * e1 + d2 * e2 + d3 * e3)
    assert kernel.expr == expected + a1 * c1 + a2 * c2 + a3 * c3 + 1


@pytest.mark.parametrize("widths", [(1, 1, 1), (2, 3, 1), (2, 2, 2, 1), (1, 3, 2, 2, 1)])
@pytest.mark.parametrize("phi", [tanh, sigmoid, lambda e: e**2 + e])
def test_kernels_of_mlps_against_difference_quotients(widths, phi):
    net = MLP(*widths, activation=phi)
    f = net.explicit()
    g = net.explicit(*symbols(f"y1:{widths[0] + 1}"))
    point = {**at(f, 3), **at(g, 3)}
    assert agree(number(closed_form(NTCov(f, g)), point), covariance(f, g, point))


def test_outputs_of_a_vector_network_give_the_matrix():
    net = MLP(2, 2, 2, activation=tanh).explicit()
    assert isinstance(net, ClosedFormMatrix)
    kernel = closed_form(NTVar(net))
    assert kernel.shape == (2, 2)
    point = at(net, 1)
    for i in range(2):
        for j in range(2):
            assert agree(number(kernel[i, j], point), covariance(net[i, 0], net[j, 0], point))


@given(networks(), st.integers(0, 10**6))
def test_derivatives_of_closed_forms(net, seed):
    point = random_point([*THETA, X], seed)
    for symbol in (THETA[0], X):
        expected = gradient(net, [symbol], point)[0]
        found = number(net.diff(symbol), point)
        if mpmath.isfinite(expected) and abs(expected) < 1e10:
            assert agree(found, expected)


def test_kernel_motion_is_a_covariance_of_a_closed_form():
    f = MLP(1, 2, 1, activation=tanh).explicit()
    g = f.subs("x1", y)
    kernel = closed_form(NTCov(f, g))
    moving = closed_form(NTCov(kernel, f))
    point = {**at(f, 5), **at(g, 5)}
    assert agree(number(moving, point), covariance(kernel.doit(), f, point))


@pytest.mark.parametrize("n", [4, 8, 16])
def test_operations_stay_below_six_times_the_two_forward_passes(n):
    net = MLP(n, n, 1, activation=tanh)
    f, g = net.explicit(), net.explicit(*symbols(f"y1:{n + 1}"))
    kernel = closed_form(NTCov(f, g))
    assert kernel.count_ops() <= 6 * (f.count_ops() + g.count_ops())


def test_definitions_grow_linearly_with_depth():
    counts = [
        len(closed_form(NTVar(MLP(*[2] * depth, 1, activation=tanh).explicit())).definitions)
        for depth in (2, 4, 6, 8)
    ]
    steps = {later - earlier for earlier, later in pairwise(counts)}
    assert len(steps) == 1


def test_a_residual_network_is_not_inlined_along_its_paths():
    value, definitions = x, {}
    for layer in range(1, 41):
        name = Name(f"h{layer}_1")
        definitions[name] = value + Parameter(f"u{layer}") * tanh(value)
        value = name
    deep = ClosedForm(value, definitions)
    kernel = closed_form(NTVar(deep))
    assert len(kernel.definitions) <= 2 * 40
    assert kernel.count_ops() <= 20 * 40


def test_names_are_not_captured():
    f = ClosedForm(w * a, {h: v * x, a: tanh(h)})
    nested = f.subs(x, ClosedForm(a + 1, {a: w**2 * y}))
    assert expand(nested.doit() - w * tanh(v * (w**2 * y + 1))) == 0
    free = f.subs(x, a)  # a free name of the same spelling
    assert free.doit() == w * tanh(v * a)
    assert f.xreplace({x: a * y}).doit() == w * tanh(v * a * y)
    assert f.subs(a, 3) == f


def test_two_networks_with_the_same_names_are_kept_apart():
    f = ClosedForm(w * a, {h: v * x, a: tanh(h)})
    g = ClosedForm(a + b, {h: b * y, a: sigmoid(h)})
    both = closed_form(f * g + f)
    assert both.doit() == f.doit() * g.doit() + f.doit()
    assert len(both.definitions) == 4


def test_closed_forms_are_expressions():
    f = ClosedForm(w * a + a**2, {h: v * x, a: tanh(h)})
    assert f.func(*f.args) == f
    assert pickle.loads(pickle.dumps(f)) == f
    assert f.free_symbols == {w, v, x}
    assert (f + 1).has(ClosedForm)
    assert f.subs(x, 0).doit() == 0
    assert f.limit(x, 0) == 0
    assert f.series(x, 0, 2).removeO() == w * v * x
    assert (
        abs(f.subs({w: 2, v: 1, x: 1}).evalf(30) - (2 * tanh(1) + tanh(1) ** 2).evalf(30)) < 1e-28
    )


def test_a_closed_form_says_what_it_is_of():
    f = ClosedForm(w * a, {a: tanh(v * x)})
    node = NTVar(f)
    kernel = closed_form(node)
    assert kernel.origin == node
    assert f.origin is None
    assert kernel.subs(x, 2).origin is None
    assert agree(
        number(kernel.subs(w, 2), {v: 0.3, x: 0.5}), number(kernel, {w: 2, v: 0.3, x: 0.5})
    )


def test_unspecified_activations_keep_their_derivative_as_an_atom():
    phi = Function("phi")
    kernel = closed_form(NTVar(MLP(1, 1, 1, activation=phi).explicit()))
    inlined = kernel.doit().subs(phi, tanh).doit()
    plain = NTVar(MLP(1, 1, 1, activation=tanh).explicit()).doit()
    point = at(plain, 2)
    assert agree(number(inlined, point), number(plain, point))


def test_observables_beside_networks():
    P = observables("P")
    f = ClosedForm(w * a, {a: tanh(v * x)})
    value = NTCov(f, P).doit()
    assert value == tanh(v * x) * NTCov(P, w) + w * x * (1 - tanh(v * x) ** 2) * NTCov(P, v)


def test_shared_weights_give_cross_terms():
    f = ClosedForm(w * a, {a: tanh(w * x)})
    point = {w: mpmath.mpf("0.7"), x: mpmath.mpf("-1.1")}
    assert agree(number(closed_form(NTVar(f)), point), covariance(f, f, point))


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: Network(Dense(2, 3), Activation(tanh), Dense(4, 1)), "layer 3"),
        (lambda: MLP(2), "MLP(2, 3, 1)"),
        (lambda: MLP(2, 0, 1), "positive integer"),
        (lambda: MLP(2, 3, 1, activation="tanh"), "tanh"),
        (lambda: MLP(2, 3, 1, activation=__import__("math").tanh), "sympy"),
        (lambda: MLP(2, 3, 1).explicit(x), "2 inputs"),
        (lambda: MLP(Symbol("d", integer=True, positive=True), 1).explicit(), "integer widths"),
        (lambda: ClosedForm(a, {a: a + 1}), "itself"),
        (lambda: ClosedForm(Tuple(a), {a: x}), "scalar"),
    ],
)
def test_bad_networks_say_what_to_write(make, remedy):
    with pytest.raises(ShapeError) as caught:
        make()
    assert remedy in str(caught.value)


def test_frozen_layers_drop_out():
    f = MLP(1, 1, 1, activation=tanh).explicit()
    rates = {p: 0 if p.name.startswith(("w1", "b1")) else 1 for p in f.parameters}
    kernel = closed_form(NTVar(f, rates))
    assert kernel.expr == Name("a1_1") ** 2 + 1
    assert isinstance(f.parameters[0], Parameter)
