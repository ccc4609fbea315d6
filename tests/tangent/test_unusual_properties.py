"""Properties that are rare, and the zeros that must not be silent."""

from __future__ import annotations

import pytest
from sympy import (
    Derivative,
    Function,
    HadamardProduct,
    Integral,
    Lambda,
    Matrix,
    MatrixSymbol,
    O,
    Piecewise,
    Sum,
    Symbol,
    Trace,
    cos,
    exp,
    sign,
    sin,
    symbols,
)
from sympy.stats import Expectation, Normal

from symprice import (
    MLP,
    GradientDescent,
    GradientFlow,
    NoParameterError,
    NoRuleError,
    NTCov,
    NTVar,
    ShapeError,
    VectorFunction,
    closed_form,
    derive,
    express,
    leading_order,
    observables,
    parameters,
    price,
    sigmoid,
    softmax,
)
from symprice.dynamics.motion import TimeDerivative
from tests.differences import agree, covariance, number, random_point

w, b, v = parameters("w b v", real=True)
x, y = symbols("x y", real=True)
n, k = symbols("n k", integer=True, positive=True)
P, L, Q = observables("P L Q")
X, Y = observables("X Y", 2)
f = Function("f")


class known_by_itself(Function):
    def _eval_derivative(self, s):
        return cos(self.args[0]) * self.args[0].diff(s)

    def _eval_evalf(self, prec):
        return sin(self.args[0])._evalf(prec)


@pytest.mark.parametrize(
    "prop",
    [
        Piecewise((w**2 * b, w > 0), (sin(w), True)),
        sign(w) * w**2 * b,
        known_by_itself(w * b) * w,
        Sum(w**k * b, (k, 1, 3)),
        Integral(exp(-w * x**2), (x, 0, 1)) * b,
        Derivative(sin(w * x) * b, x),
        MLP(1, 2, 1, activation=lambda h: Piecewise((h, h > 0), (h / 10, True))).explicit(x),
    ],
)
def test_against_difference_quotients(prop):
    other = w**2 * b + sum(p for p in prop.free_symbols if p.name[:2] in ("w1", "b2"))
    point = random_point(prop.free_symbols | other.free_symbols, 6)
    expected = covariance(prop, other, point)
    assert agree(number(NTCov(prop, other).doit(), point), expected)
    assert agree(number(closed_form(NTCov(prop, other)), point), expected)


def test_sums_and_integrals_of_unspecified_functions():
    assert NTCov(Sum(f(P, k), (k, 0, n)), L).doit() == NTCov(P, L) * Sum(f(P, k).diff(P), (k, 0, n))
    assert NTCov(Integral(f(x, w), (x, 0, 1)), w).doit() == Integral(f(x, w).diff(w), (x, 0, 1))


def test_a_parameter_in_a_distribution_is_no_constant():
    with pytest.raises(NoRuleError):
        NTCov(Expectation(Normal("Z", w, 1) ** 2), w).doit()


@pytest.mark.parametrize(
    "make",
    [
        lambda: NTCov(Derivative(P, w), L).doit(),
        lambda: NTCov(P, L).diff(w),
        lambda: NTCov(X[0], L).diff(w),
        lambda: NTCov(P * w, w * b).diff(w),
        lambda: NTCov(NTCov(P, L), L).subs(NTCov(P, L), Symbol("V")),
        lambda: NTCov(Trace(Matrix([[w, 1], [1, b]]) * MatrixSymbol("A", 2, 2)), w).doit(),
        lambda: NTCov(NTCov(VectorFunction("f", 2)(Matrix([w, b]))[0], b), w).doit(),
    ],
)
def test_what_is_unknown_is_no_zero(make):
    with pytest.raises(NoRuleError):
        make()


def test_replacing_what_is_differentiated_by_evaluates_first():
    assert NTCov(w**2 * x, w * y).xreplace({w: Symbol("c")}) == 2 * Symbol("c") * x * y
    assert NTVar(w**2).xreplace({w: 2 * w}) == 16 * w**2
    assert NTCov(w, b).xreplace({w: v, b: v}) == 0
    assert NTCov(w, b).xreplace({w: v}) == NTCov(v, b)
    assert (3 * NTCov(w * x, w * y) + w).xreplace({w: Symbol("c")}) == 3 * x * y + Symbol("c")
    assert NTCov(sin(w), w).subs(sin(w), 2) == cos(w)
    p = Symbol("p")
    assert NTVar(sigmoid(b)).subs(sigmoid(b), p) == p**2 * (1 - p) ** 2
    assert NTCov(sigmoid(b), L).subs(sigmoid(b), P) == NTCov(P, L)
    assert (3 * NTCov(P, L)).subs(NTCov(P, L), p) == 3 * p


def test_scalars_with_vectors():
    assert NTCov(P**2, X).doit() == 2 * P * NTCov(P, X)
    assert NTCov(2 * P + Q, X).doit() == 2 * NTCov(P, X) + NTCov(Q, X)
    assert NTCov(X / P, Y).doit() == NTCov(X, Y) / P - X * NTCov(P, Y) / P**2
    assert [s.rule.name for s in derive(NTCov(sin(P), X)).steps] == ["scalar property"]


def test_vectors_by_their_entries():
    product = NTCov(HadamardProduct(X, Y), P).doit()
    assert product[1, 0] == X[1] * NTCov(Y[1], P) + Y[1] * NTCov(X[1], P)
    moving = Matrix([[w, b], [1, 2]]) * X
    assert NTCov(moving, b).doit()[0, 0] == w * NTCov(X[0], b) + b * NTCov(X[1], b) + X[1]
    assert NTCov(NTCov(X, L), L).doit()[1, 0] == NTCov(NTCov(X[1], L), L)
    p = softmax(X)
    first = NTCov(p[0], P).doit()
    assert (first - p[0] * (1 - p[0]) * NTCov(X[0], P) + p[0] * p[1] * NTCov(X[1], P)).expand() == 0
    value = NTCov((w**2, w * b), (w, b)).diff(w).doit()
    assert value == Matrix([[2, 0], [0, 1]])


def test_the_equation_of_a_covariance():
    moving = NTCov(P, L)
    assert price(moving, L).equation.lhs == TimeDerivative(moving, L, GradientFlow())


@pytest.mark.parametrize(
    ("make", "error", "remedy"),
    [
        (lambda: NTCov("w", w), ShapeError, "SymPy expression"),
        (lambda: NTCov(None, w), ShapeError, "NoneType"),
        (lambda: NTCov([P, [Q]], w), ShapeError, "list"),
        (lambda: NTCov((P, X), w), ShapeError, "scalar entries"),
        (lambda: NTCov(Lambda(x, x * w), w), ShapeError, "Lambda"),
        (lambda: NTCov(P + O(x**3), L), ShapeError, "removeO"),
        (lambda: NTCov(P, L, "x"), ShapeError, "metric"),
        (lambda: express("x", p=sigmoid(b)), ShapeError, "'x'"),
        (lambda: leading_order(x**2, "x"), ShapeError, "Symbol"),
        (lambda: price("P", L), ShapeError, "'P'"),
        (lambda: price(sigmoid(Symbol("b")), L), NoParameterError, "Parameter('b')"),
        (lambda: GradientDescent("eta"), ShapeError, "'eta'"),
        (lambda: MLP("2", 2), ShapeError, "fan_in"),
        (lambda: MLP(1, 1)("a"), ShapeError, "inputs"),
    ],
)
def test_bad_input_says_what_to_write(make, error, remedy):
    with pytest.raises(error) as caught:
        make()
    assert remedy in str(caught.value)


def test_what_is_nested_too_deeply_says_so():
    nested = w
    for _ in range(150):
        nested = sin(nested + b)
    with pytest.raises(NoRuleError, match="ClosedForm"):
        NTVar(nested).doit()


def long_sum(terms, argument):
    theta = parameters(f"t0:{terms + 1}", real=True)
    return sum(theta[i] ** 2 * sin(theta[i + 1] * argument) for i in range(terms))


def test_long_sums_are_differentiated_before_they_are_multiplied():
    one, other = long_sum(16, x), long_sum(16, y)
    node = NTCov(one * b, other + exp(b))
    point = random_point(one.free_symbols | other.free_symbols | {b}, 8)
    assert agree(number(node.doit(), point), covariance(one * b, other + exp(b), point))
    assert [step.rule.name for step in derive(NTCov(one, other)).steps] == ["long sums"]
    assert derive(NTCov(one, other)).check()
    extra = NTCov(one + P**2, other + L).doit() - NTCov(one, other).doit()
    rest = NTCov(one, L).doit() + NTCov(P**2, other).doit() + 2 * P * NTCov(P, L)
    assert (extra - rest).expand() == 0


def test_the_cost_of_a_long_sum_grows_with_its_length():
    sizes = [NTCov(long_sum(n, x), long_sum(n, y)).doit().count_ops() for n in (50, 100, 200)]
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0])
