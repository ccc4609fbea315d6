"""What is true passes: laws between observables, matrices, networks, metrics."""

from __future__ import annotations

import pytest
from sympy import (
    Derivative,
    DiagMatrix,
    Eq,
    Float,
    Function,
    I,
    Integral,
    Limit,
    Matrix,
    MatrixSymbol,
    Rational,
    Subs,
    Sum,
    Tuple,
    cos,
    exp,
    log,
    pi,
    sin,
    sqrt,
    symbols,
    tanh,
)

from symprice import (
    MLP,
    ClosedForm,
    DiagonalMetric,
    InverseMetric,
    MatrixMetric,
    Name,
    NTCov,
    NTVar,
    Parameter,
    Rule,
    Step,
    VectorFunction,
    backprop,
    closed_form,
    derive,
    gelu,
    observables,
    parameters,
    price,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
)
from symprice.arrays import JacobianOf, SoftmaxVector
from symprice.checks import check

x, y, r, t = symbols("x y r t", real=True)
n, k, m = symbols("n k m", integer=True, positive=True)
u, v, w = parameters("u v w")
P, L, Q = observables("P L Q")
f, g = Function("f"), Function("g")
X, Y = observables("X Y", n)
A, B = MatrixSymbol("A", k, n), MatrixSymbol("B", m, n)


def holds(thing, **settings):
    settings = {"points": 6, "code": False, **settings}
    report = check(thing, **settings)
    assert report, str(report)
    assert report.worst < 1e-25 and report.checked >= report.points == settings["points"]
    return report


# -- laws, written down by hand and not by the package --------------------------------------------

LAWS = [
    Eq(NTCov(2 * P + x * Q + 3, L), 2 * NTCov(P, L) + x * NTCov(Q, L)),
    Eq(NTCov(P * Q, L), P * NTCov(Q, L) + Q * NTCov(P, L)),
    Eq(NTVar(P * Q), P**2 * NTVar(Q) + Q**2 * NTVar(P) + 2 * P * Q * NTCov(P, Q)),
    Eq(NTCov(f(P), g(Q)), Derivative(f(P), P) * Derivative(g(Q), Q) * NTCov(P, Q)),
    Eq(NTCov(f(P**2), L), 2 * P * Subs(Derivative(f(t), t), t, P**2) * NTCov(P, L)),
    Eq(NTCov(P / Q, L), NTCov(P, L) / Q - P * NTCov(Q, L) / Q**2),
    Eq(
        NTCov(Derivative(f(P), P), L),
        Derivative(f(P), (P, 2)) * NTCov(P, L),
    ),
    # carré du champ: NTCov(NTCov(PQ, L), L) by the product rule, twice
    Eq(
        NTCov(NTCov(P * Q, L), L),
        P * NTCov(NTCov(Q, L), L) + Q * NTCov(NTCov(P, L), L) + 2 * NTCov(P, L) * NTCov(Q, L),
    ),
    Eq(NTVar(log(P)), NTVar(P) / P**2),
    Eq(NTCov(sqrt(P), L), NTCov(P, L) / (2 * sqrt(P))),
    Eq(NTCov(P, L, DiagonalMetric({u: r, v: 0})), r * NTCov(P, u) * NTCov(u, L)),
    Eq(NTCov(P, L, DiagonalMetric(r)), r * NTCov(P, L)),
]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_laws_between_observables(law):
    holds(law)


MATRIX_LAWS = [
    (NTCov(A * X, B * Y), A * NTCov(X, Y) * B.T),
    (NTCov(P * X, Y), P * NTCov(X, Y) + X * NTCov(P, Y)),
    (NTCov(X, Y).T, NTCov(Y, X)),
    (
        NTCov(VectorFunction("h", k)(X), Y),
        JacobianOf(VectorFunction("h", k)(X)) * NTCov(X, Y),
    ),
]


@pytest.mark.parametrize(("left", "right"), MATRIX_LAWS, ids=str)
def test_laws_between_vectors(left, right):
    holds(Step(Rule(), left, right))


def test_the_softmax_jacobian_entry_by_entry():
    p = SoftmaxVector(X)
    holds(Step(Rule(), NTCov(p, X), (DiagMatrix(p) - p * p.T) * NTVar(X)))


# -- what the package derives ---------------------------------------------------------------------

DERIVED = [
    NTCov(log(P) * Q, -L),
    NTCov(NTCov(P * u, L), L),
    NTCov(f(P**2, w), g(Q) * P),
    NTVar(Matrix([u * v, P])),
    NTCov(A * softmax(X), B * Y),
    NTVar(sigmoid(u) * silu(v) + gelu(u * v) - softplus(v)),
    NTCov(relu(u * x), tanh(v * relu(u))),
    NTCov(P * u, L, MatrixMetric(MatrixSymbol("G", n, n), (u, v))),
    NTCov(P, L, MatrixMetric(MatrixSymbol("G", 2, 2))),
    NTCov(u**2 * v, u * v, InverseMetric(Matrix([[2 + u**2, v], [v, 3 + v**2]]), (u, v))),
    NTVar(sigmoid(u), InverseMetric([[sigmoid(u) * (1 - sigmoid(u))]], (u,))),
]


@pytest.mark.parametrize("expr", DERIVED, ids=str)
def test_derivations_and_closed_forms(expr):
    holds(derive(expr), points=3)
    holds(expr, points=3)


def test_a_network_and_its_backward_pass():
    net = MLP(2, 3, 2, 1)
    one, other = net.explicit(), net.explicit(x, y)
    holds(closed_form(NTCov(one, other)))
    holds(NTCov(NTCov(one, other), other), points=2)
    holds(backprop(MLP(2, 2, 1, activation=sigmoid).explicit()), points=3)


def test_a_hand_made_network():
    h, a = Name("h"), Name("a")
    product = ClosedForm(a * h + u, {h: u * x + v, a: softplus(h * w)})
    holds(NTCov(product, product.subs(x, y)))


def test_prices_equation_from_its_derivation():
    holds(price(P, L))
    holds(price(u**2 * v, (u - v) ** 2))


def test_a_conserved_quantity_is_a_true_zero():
    # |w|² - |v|² of two linear layers does not move: both sides are 0, one of them as a sum
    loss = (u * v * x - y) ** 2 / 2
    holds(Eq(NTCov(u**2 - v**2, loss), 0, evaluate=False))
    holds(Eq(NTCov(f(u * v), u**2 - v**2), 0, evaluate=False))


def test_points_in_the_tails_do_not_look_wrong():
    # 1 - tanh² is 1e-50 there: the oracle takes as many digits as that needs
    deep = NTVar(tanh(40 * u * tanh(v)))
    holds(deep, points=10)


# -- inserted equations, tuples, numbers ----------------------------------------------------------


def test_given_equations_are_inserted():
    h, a = Name("h"), Name("a")
    given = [Eq(a, tanh(h)), Eq(h, u * x)]
    holds(Step(Rule(), NTVar(a), x**2 * (1 - a**2) ** 2, given))
    holds(Step(Rule(), NTCov(P, L), 2 * u * NTCov(u, L), [Eq(P, u**2)]))
    motion = Derivative(f(t), t)
    holds(Step(Rule(), motion * x, NTCov(P, -L) * x, [Eq(motion, -NTCov(P, L))]))
    assert not check(Step(Rule(), NTVar(a), x**2 * (1 - a**2), given), points=3)


def test_tuples_matrices_and_pairs_of_equations():
    holds(Step(Rule(), Tuple(NTVar(u**2), x), Tuple(4 * u**2, x)))
    holds(Step(Rule(), Eq(NTVar(u**2), 4 * u**2), Eq(NTVar(u), 1)))
    holds([NTVar(u * v), Eq(x, x, evaluate=False)])


@pytest.mark.parametrize(
    "expr",
    [
        Derivative(exp(x * y) * sin(x), (x, 2)),
        Integral(t * exp(-x * t), (t, 0, 1)),
        Sum(r**k, (k, 0, 4)),
        Limit(sin(x * t) / t, t, 0),
    ],
    ids=str,
)
def test_what_sympy_evaluates(expr):
    holds(expr, points=4)


def test_assumptions_make_a_domain():
    p, q = symbols("p q", positive=True)
    holds(Eq(log(p * q), log(p) + log(q)))
    j = symbols("j", integer=True)
    holds(Eq(sin(pi * j), 0, evaluate=False))
    holds(Eq((x + I * y) ** 2, x**2 - y**2 + 2 * I * x * y, evaluate=False))


def test_an_equation_that_sympy_has_decided_already():
    assert check(Eq(x, x)) and not check(Eq(x, x + 1))


def test_undefined_points_are_drawn_again_and_counted():
    report = holds(Eq(log(x * (1 - x)), log(1 - x) + log(x)), points=8)
    assert report.redrawn > 0 and "again" in str(report)


def test_floats_are_held_to_the_digits_they_have():
    report = check(NTVar(Float("0.1") * sin(Float("0.3") * u)), code=False)
    assert report and report.worst < 1e-12
    assert not check(Eq(NTVar(Float("0.1") * u), Float("0.0100000001")), code=False)


def test_the_same_seed_the_same_report():
    first, second, other = (
        check(NTCov(sin(u * x), P * u), seed=seed, code=False) for seed in (3, 3, 4)
    )
    assert first == second and first.where != other.where


def test_constants_in_the_expression():
    half = Parameter("h", positive=True)
    holds(Eq(NTVar(half ** Rational(3, 2)), Rational(9, 4) * half))
    holds(Eq(cos(x) ** 2 + sin(x) ** 2, 1))
