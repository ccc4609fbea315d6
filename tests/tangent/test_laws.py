"""The laws of the covariance, on random properties, against difference quotients."""

from __future__ import annotations

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Function, Matrix, MatrixSymbol, Rational, Symbol, exp, log, oo, sin, symbols, tanh

from symprice import (
    DiagonalMetric,
    InverseMetric,
    MatrixMetric,
    NoParameterError,
    NoRuleError,
    NTCov,
    NTVar,
    Parameter,
    ShapeError,
    VectorFunction,
    closed_form,
    derive,
    observables,
    parameters,
    sigmoid,
)
from symprice.arrays import JacobianOf
from tests.differences import agree, covariance, number, random_point
from tests.tangent.strategies import THETA, X, abstract, expressions, networks

P, L, Q = observables("P L Q")
w, b = parameters("w b", real=True)
x, y = symbols("x y")
f, g = Function("f"), Function("g")


def at(seed):
    return random_point([*THETA, X], seed)


def finite(*numbers):
    return all(mpmath.isfinite(n) and mpmath.im(n) == 0 and abs(n) < 1e12 for n in numbers)


@given(expressions, expressions, st.integers(0, 10**6))
def test_covariance_of_random_expressions_is_the_sum_of_products_of_difference_quotients(
    a, c, seed
):
    point = at(seed)
    expected = covariance(a, c, point)
    found = number(NTCov(a, c).doit(), point)
    if finite(expected, found):
        assert agree(found, expected)


@given(networks(), networks(), st.integers(0, 10**6))
def test_closed_form_of_random_networks_is_the_sum_of_products_of_difference_quotients(a, c, seed):
    point = at(seed)
    expected = covariance(a, c, point)
    found = number(closed_form(NTCov(a, c)), point)
    if finite(expected, found):
        assert agree(found, expected)


@given(networks(), st.integers(0, 10**6))
@settings(max_examples=15)
def test_the_same_network_at_two_inputs(net, seed):
    other = net.subs(X, Symbol("y"))
    point = {**at(seed), Symbol("y"): mpmath.mpf("0.37")}
    expected = covariance(net, other, point)
    found = number(closed_form(NTCov(net, other)), point)
    if finite(expected, found):
        assert agree(found, expected)


@given(abstract([P, Q, w, X]), abstract([P, L, w]), expressions, expressions, st.integers(0, 10**6))
def test_laws_for_observables_hold_for_whatever_they_stand_for(a, c, p, q, seed):
    if not (a.free_symbols & {P, Q, w} and c.free_symbols & {P, L, w}):
        return
    concrete = {P: p, Q: q, L: THETA[0] * p + THETA[1]}
    point = {**at(seed), w: mpmath.mpf("0.61")}
    expected = covariance(a.xreplace(concrete), c.xreplace(concrete), point)
    found = number(NTCov(a, c).doit().subs(concrete).doit(), point)
    if finite(expected, found):
        assert agree(found, expected)


@given(abstract([P, Q, w]), abstract([P, L]), abstract([Q, L, w]))
@settings(max_examples=20)
def test_bilinearity_symmetry_and_the_product_rule(a, b, c):
    if not all(e.free_symbols & {P, Q, L, w} for e in (a, b, c)):
        return
    assert NTCov(a, b) == NTCov(b, a)
    split = 2 * NTCov(a, c) - x * NTCov(b, c)
    assert (NTCov(2 * a - x * b, c).doit() - split.doit()).expand() == 0
    product = a * NTCov(b, c) + b * NTCov(a, c)
    assert (NTCov(a * b, c).doit() - product.doit()).expand() == 0


@given(expressions, expressions)
@settings(max_examples=25)
def test_derive_arrives_where_doit_does(a, c):
    node = NTCov(a, c)
    assert derive(node).result == node.doit()


@given(expressions, expressions, st.integers(0, 10**6))
@settings(max_examples=20)
def test_metrics(a, c, seed):
    point = at(seed)
    entries = symbols("m0:10", real=True)
    index = iter(entries)
    rows = [[None] * 4 for _ in range(4)]
    for i in range(4):
        for j in range(i + 1):
            rows[i][j] = rows[j][i] = next(index)
    order = sorted(THETA, key=lambda p: p.name)
    numbers = {s: mpmath.mpf(k + 1) / 7 for k, s in enumerate(entries)}
    expected = covariance(a, c, point, [[numbers[s] for s in row] for row in rows])
    found = number(NTCov(a, c, MatrixMetric(Matrix(rows), order)).doit(), {**point, **numbers})
    if finite(expected, found):
        assert agree(found, expected)


def test_transcripts_of_the_design():
    assert NTVar(sigmoid(b)).doit() == sigmoid(b) ** 2 * (1 - sigmoid(b)) ** 2
    assert NTCov(2 * P + Q, L).expand() == 2 * NTCov(P, L) + NTCov(Q, L)
    assert NTCov(P * Q, L).expand() == P * NTCov(Q, L) + Q * NTCov(P, L)
    assert NTCov(f(P), g(Q)).expand() == f(P).diff(P) * g(Q).diff(Q) * NTCov(P, Q)


def test_symmetry_and_equal_arguments():
    assert NTCov(P, L) == NTCov(L, P)
    assert NTCov(P, P).doit() == NTVar(P)
    assert NTCov(P, -L).args == (P, -L)


def test_quotients_powers_and_exponentials():
    assert NTCov(P / Q, L).doit().expand() == (NTCov(P, L) / Q - P * NTCov(Q, L) / Q**2).expand()
    assert NTCov(P**3, L).doit() == 3 * P**2 * NTCov(P, L)
    assert NTCov(exp(P), L).doit() == exp(P) * NTCov(P, L)
    assert NTCov(2**P, L).doit() == 2**P * log(2) * NTCov(P, L)


def test_vector_laws():
    n, m, k = symbols("n m k", integer=True, positive=True)
    X_, Y_ = observables("X Y", n)
    A, B = MatrixSymbol("A", m, n), MatrixSymbol("B", k, n)
    assert NTCov(A * X_, B * Y_).expand() == A * NTCov(X_, Y_) * B.T
    F, G = VectorFunction("f", m), VectorFunction("g", k)
    assert NTCov(F(X_), G(Y_)).doit() == JacobianOf(F(X_)) * NTCov(X_, Y_) * JacobianOf(G(Y_)).T
    assert NTCov(X_, Y_).T == NTCov(Y_, X_)
    assert NTVar(X_).T == NTVar(X_)


def test_vectors_of_properties_give_the_matrix_of_all_pairs():
    value = NTCov((w * x, b), Matrix([w * y + b, w * b])).doit()
    assert value == Matrix([[x * y, b * x], [1, w]])


def test_iterated_covariances():
    assert NTCov(NTCov(P, L), L).doit() == NTCov(NTCov(P, L), L)
    moved = NTCov(NTCov(P * Q, L), L).doit()
    assert moved == (
        P * NTCov(NTCov(Q, L), L) + Q * NTCov(NTCov(P, L), L) + 2 * NTCov(P, L) * NTCov(Q, L)
    )
    # ∂w(w² · b) ∂w(w b) + ∂b(...) = 2wb·b + w²·w, then along w again: 2b² + 3w²
    assert NTCov(NTCov(w**2 * b, w * b), w).doit() == 2 * b**2 + 3 * w**2


def test_polarisation():
    assert NTCov(P, L).rewrite(NTVar) == (NTVar(P + L) - NTVar(P) - NTVar(L)) / 2
    assert NTCov(P, L).rewrite(NTVar).expand() == NTCov(P, L)


def test_diff_subs_series_and_limit():
    assert NTCov(w * x, w * y).subs(w, 2) == x * y
    assert NTCov(w**2, w).subs(w, 3) == 6
    assert NTCov(w**2 * x, w * y).diff(w).doit() == 2 * x * y
    assert NTVar(sin(w)).doit().series(w, 0, 3).removeO() == 1 - w**2
    assert NTVar(sigmoid(b)).doit().limit(b, 0) == Rational(1, 16)
    assert NTVar(P).subs(P, w**2).doit() == 4 * w**2
    assert NTVar(sigmoid(b)).limit(b, 0) == Rational(1, 16)
    assert (1 + b * NTVar(sigmoid(b))).limit(b, oo) == 1
    assert NTVar(sin(w)).series(w, 0, 3).removeO() == 1 - w**2
    assert (x * NTCov(w * x, w)).series(x, 0, 3).removeO() == x**2
    assert (sin(x) * NTCov(P, L) / x).limit(x, 0) == NTCov(P, L)


def test_substituting_one_parameter_for_another_differentiates_first():
    assert NTVar(w * x + b).subs(w, b) == x**2 + 1


def test_metrics_known_by_hand():
    eta = Symbol("eta")
    assert NTVar(w * x + b, {w: eta, b: 0}).doit() == eta * x**2
    assert NTCov(P, Q, eta).doit() == eta * NTCov(P, Q)
    p = sigmoid(b)
    assert NTVar(p, InverseMetric([[p * (1 - p)]], (b,))).doit() == p * (1 - p)
    hessian = Matrix([[2, 1], [1, 3]])
    inverse = NTCov(w + 2 * b, w, InverseMetric(hessian, (w, b))).doit()
    assert inverse == (Matrix([[1, 2]]) * hessian.inv() * Matrix([1, 0]))[0]


@pytest.mark.parametrize(
    ("make", "error", "remedy"),
    [
        (lambda: NTVar(sigmoid(Symbol("b"))), NoParameterError, "b = Parameter('b')"),
        (lambda: NTCov(x, y), NoParameterError, "Parameter"),
        (lambda: NTCov(w * Symbol("w"), w), NoParameterError, "different objects"),
        (lambda: NTCov(Matrix(2, 2, [w, b, 1, 2]), w), ShapeError, "vec"),
        (lambda: NTVar(w * b, DiagonalMetric({w: 1})).doit(), ShapeError, "b"),
        (lambda: NTVar(w, MatrixMetric(Matrix([[1, 2], [3, 4]]), (w, b))), ShapeError, "symmetric"),
        (lambda: NTVar(w, MatrixMetric(Matrix([[1, 2], [2, 4]]), (w,))), ShapeError, "2 × 2"),
        (lambda: InverseMetric([[1, 1], [1, 1]], (w, b)), ShapeError, "singular"),
        (lambda: NTCov(P, L).subs(P, 2), NoRuleError, "Observable"),
        (lambda: P.diff(w), NoRuleError, "NTCov(P, w)"),
        (lambda: NTCov(tanh(P), "L"), Exception, ""),
    ],
)
def test_bad_input_says_what_to_write(make, error, remedy):
    with pytest.raises(error) as caught:
        make()
    assert remedy in str(caught.value)


def test_a_function_without_derivative_raises_and_is_no_silent_zero():
    class opaque(Function):
        def fdiff(self, argindex=1):
            from sympy.core.function import ArgumentIndexError

            raise ArgumentIndexError(self, argindex)

    with pytest.raises(NoRuleError, match="opaque"):
        NTVar(opaque(w)).doit()


def test_disjoint_parameters_do_not_covary():
    assert NTCov(tanh(w), tanh(b)).doit() == 0


def test_parameter_is_not_a_symbol():
    assert Parameter("w") != Symbol("w")
    assert Parameter("w") == Parameter("w")
