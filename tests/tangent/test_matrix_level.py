"""Covariances of networks with trainable matrices, for every width."""

from __future__ import annotations

import pickle

import pytest
from sympy import (
    Function,
    HadamardProduct,
    Lambda,
    MatrixSymbol,
    Symbol,
    Transpose,
    latex,
    symbols,
    tanh,
)

from symprice import (
    MLP,
    Elementwise,
    Index,
    NameClashError,
    NameMatrix,
    NoRuleError,
    NothingSharedWarning,
    NTCov,
    NTVar,
    Parameter,
    ParameterMatrix,
    ScalarProduct,
    ShapeError,
    average,
    check,
    closed_form,
    derive,
    inputs,
    observables,
    sigmoid,
    softmax,
)
from symprice.elementwise import ScaledRows
from tests.differences import agree, number, random_point

d, m, n, k = symbols("d m n k", integer=True, positive=True)
x, y = inputs("x y", d)
B = ParameterMatrix("B", m, 1)
SLOPE = Lambda(Symbol("t"), Parameter("w") * Symbol("t"))  # a trained function of an entry
W, V = ParameterMatrix("W", m, d), ParameterMatrix("V", d, m)


def holds(expr):
    report = check(expr, code=False, points=4)
    assert report, report
    return True


def test_the_two_layer_kernel():
    phi = Function("phi")
    net = MLP(d, m, 1, activation=phi)
    kernel = closed_form(NTCov(net(x), net(y)))
    a, a_, delta, delta_ = (
        NameMatrix(name, m, 1) for name in ("a1", "a1_prime", "delta1", "delta1_prime")
    )
    expected = (ScalarProduct(x, y) + 1) * ScalarProduct(delta, delta_) + ScalarProduct(a, a_) + 1
    assert kernel.expr == expected
    W2 = ParameterMatrix("W2", 1, m)
    slope = Elementwise(phi, NameMatrix("h1", m, 1)).derivative()
    assert kernel.definitions[delta] == ScaledRows(slope, Transpose(W2))


@pytest.mark.parametrize(
    "widths", [(d, 1), (d, k), (d, m, 1), (d, m, k), (d, m, n, k), (d, m, m, n, 1)]
)
@pytest.mark.parametrize("phi", [tanh, sigmoid, lambda h: h**2 + h])
def test_kernels_hold_for_symbolic_widths(widths, phi):
    net = MLP(*widths, activation=phi)
    assert holds(closed_form(NTCov(net(x), net(y))))


def test_without_bias_and_at_equal_inputs():
    net = MLP(d, m, k, activation=tanh, bias=False)
    assert holds(closed_form(NTVar(net(x))))
    assert closed_form(NTVar(MLP(d, 1, bias=False)(x))).expr == ScalarProduct(x, x)


@pytest.mark.parametrize(
    "prop",
    [
        Transpose(W) * Elementwise(tanh, W * x),  # tied weights: cross terms
        V * Elementwise(tanh, W * x) + x,  # a skip
        HadamardProduct(Elementwise(sigmoid, W * x), W * x),  # a gate with a shared weight
        V * W * x + 2 * V * W * V * W * x,  # deep linear, shared
        softmax(W * x),
        MatrixSymbol("A", k, m) * W * x,
        W * x + B + B * (B.T * MatrixSymbol("c", m, 1)),
        Elementwise(SLOPE, W * x),
        Parameter("s") * W * x,
        ScalarProduct(W * x, B) * V * W * x,
    ],
    ids=[
        *("tied", "skip", "gate", "linear", "softmax", "constant", "bias twice"),
        *("trained function", "trained factor", "scalar product"),
    ],
)
def test_expressions_written_by_hand(prop):
    assert holds(closed_form(NTCov(prop, prop.subs(x, y))))


def test_it_agrees_with_the_scalars_of_a_small_network():
    widths = (2, 3, 2)
    net = MLP(*widths, activation=tanh)
    u, v = inputs("x y", 2)
    kernel = closed_form(NTCov(net(u), net(v)))
    f = net.explicit()
    g = net.explicit(*symbols("y1:3"))
    explicit = closed_form(NTCov(f, g))
    point = random_point(explicit.free_symbols | f.free_symbols, 5)
    entries = {}
    for symbol in kernel.free_symbols:
        for i in range(symbol.shape[0]):
            for j in range(symbol.shape[1]):
                name = symbol.name.lower()
                label = f"{name}_{i + 1}{j + 1 if name[0] == 'w' else ''}"
                plain = Symbol(f"{name}{i + 1}")
                found = next((p for p in point if p.name == label), plain)
                entries[symbol[i, j]] = found
    inlined = kernel.doit()
    for i in range(2):
        for j in range(2):
            entry = inlined[i, j].doit().xreplace(entries)
            assert agree(number(entry, point), number(explicit[i, j], point))


def test_length_and_cost_are_linear_in_depth():
    counts = []
    for depth in (10, 20, 40):
        net = MLP(d, *[m] * depth, 1, activation=tanh)
        counts.append(len(closed_form(NTCov(net(x), net(y))).definitions))
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


def test_a_deep_network_does_not_recurse():
    net = MLP(d, *[m] * 300, 1, activation=tanh)
    kernel = closed_form(NTVar(net(x)))
    assert len(kernel.definitions) == 900


def test_nodes_print_compare_and_pickle():
    kernel = closed_form(NTCov(MLP(d, m, 1)(x), MLP(d, m, 1)(y)))
    assert pickle.loads(pickle.dumps(kernel)) == kernel
    assert Elementwise(tanh, x) == Elementwise(tanh, x)
    assert ScalarProduct(x, y) == ScalarProduct(y, x)
    assert latex(ScalarProduct(x, y) ** 2) == r"\left(x^{T} y\right)^{2}"
    text = kernel.latex()
    assert (
        r"\left(x^{\top} y + 1\right)\, \delta_{1}^{\top} \delta'_{1} + a_{1}^{\top} a'_{1} + 1"
        in text
    )
    assert r"\left(1 - \tanh^{2}(h_{1})\right) \circ W_{2}^{\top}" in text


@pytest.mark.parametrize(
    ("make", "error", "remedy"),
    [
        (lambda: MLP(d, m, 1)(inputs("z", n)), ShapeError, "takes a column of d"),
        (lambda: closed_form(NTVar(W * x, [[1, 0], [0, 1]])), NoRuleError, "BlockMetric"),
        (lambda: closed_form(NTVar((W * x).T.T.T.T.applyfunc(tanh))), NoRuleError, "Elementwise"),
        (lambda: ScaledRows(x, W), ShapeError, "scale"),
        (lambda: closed_form(NTCov(W * x, observables("X", k))), NoRuleError, "MatMul"),
        (lambda: closed_form(NTVar(W * V)), ShapeError, "column vectors"),
    ],
)
def test_what_is_not_known_says_so(make, error, remedy):
    with pytest.raises(error) as caught:
        make()
    assert remedy in str(caught.value)


def test_networks_that_share_nothing_do_not_covary_and_say_so():
    other = ParameterMatrix("U", k, d)
    with pytest.warns(NothingSharedWarning, match="W and U"):
        assert closed_form(NTCov(W * x, other * y)).doit().is_ZeroMatrix
    with pytest.warns(NothingSharedWarning):
        derivation = derive(NTCov(W * x, other * y))
    assert [step.rule.name for step in derivation.steps] == ["nothing shared"]


def test_numbers_for_widths_write_nothing_out():
    small = MLP(3, 4, 2, activation=tanh)
    u, v = inputs("x y", 3)
    kernel = closed_form(NTCov(small(u), small(v)))
    wide = MLP(d, m, k, activation=tanh)
    symbolic = closed_form(NTCov(wide(x), wide(y)))
    assert kernel.expr == symbolic.expr.subs({d: 3, m: 4, k: 2})
    assert holds(kernel)


def test_an_input_is_one_array_or_a_family_of_them():
    i = Index("i", n)
    f = MLP(d, m, 1)
    loss = average(f(inputs("x", d, each=i))[0] ** 2, i)
    assert holds(closed_form(NTCov(f(y)[0], loss)))
    with pytest.raises(NameClashError, match="names of their own"):
        closed_form(NTCov(f(x)[0], loss)).lambdify()
