"""The oracle against values that are known by hand, or from mpmath alone."""

from __future__ import annotations

import mpmath
import pytest
from sympy import (
    Derivative,
    Determinant,
    DiagMatrix,
    Eq,
    Float,
    Function,
    HadamardProduct,
    Identity,
    Integer,
    Integral,
    Inverse,
    Limit,
    Matrix,
    MatrixSymbol,
    Max,
    O,
    OneMatrix,
    Piecewise,
    Product,
    Rational,
    Subs,
    Sum,
    Symbol,
    Trace,
    Tuple,
    ZeroMatrix,
    cos,
    digamma,
    exp,
    log,
    oo,
    pi,
    sin,
    sqrt,
    symbols,
    tanh,
)

from symprice import (
    ClosedForm,
    ClosedFormMatrix,
    DiagonalMetric,
    InverseMetric,
    MatrixMetric,
    Name,
    NoRuleError,
    NTCov,
    NTVar,
    Parameter,
    ParameterMatrix,
    ShapeError,
    VectorFunction,
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    logsumexp,
    normal_cdf,
    observables,
    parameters,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    step,
)
from symprice.arrays import SoftmaxVector
from symprice.checks.oracle import value

x, y, t = symbols("x y t")
u, v, w = parameters("u v w")
HALF, THIRD = Rational(1, 2), Rational(1, 3)


def agree(found, expected, digits=30):
    """To all digits that were asked for."""
    with mpmath.workdps(digits + 15):
        expected = mpmath.mpmathify(expected)
        return abs(found - expected) <= abs(expected) * mpmath.mpf(10) ** -digits


def at_high_precision(compute):
    with mpmath.workdps(60):
        return compute()


# -- scalars --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (x**3 - 2 * x + Rational(1, 7), lambda a: a**3 - 2 * a + mpmath.mpf(1) / 7),
        (x ** Rational(1, 3) + sqrt(x), lambda a: mpmath.cbrt(a) + mpmath.sqrt(a)),
        (x**-2 * pi, lambda a: mpmath.pi / a**2),
        (exp(-x) * log(x), lambda a: mpmath.exp(-a) * mpmath.log(a)),
        (Max(x, 2) + cos(x), lambda a: 2 + mpmath.cos(a)),
        (digamma(x), mpmath.digamma),
        (Piecewise((x, x > 1), (-x, True)), lambda a: -a),
        (Piecewise((x, (x > 0) & (x < 1)), (0, True)), lambda a: a),
        (Float("0.1") * x, lambda a: mpmath.mpf(0.1) * a),
        (2**x, lambda a: 2**a),
    ],
)
def test_scalars(expr, expected):
    found = value(expr, {x: THIRD})
    assert agree(found, at_high_precision(lambda: expected(mpmath.mpf(1) / 3)))


SIGMA = {
    sigmoid: lambda a: 1 / (1 + mpmath.exp(-a)),
    log_sigmoid: lambda a: -mpmath.log(1 + mpmath.exp(-a)),
    softplus: lambda a: mpmath.log(1 + mpmath.exp(a)),
    silu: lambda a: a / (1 + mpmath.exp(-a)),
    normal_cdf: mpmath.ncdf,
    gelu: lambda a: a * mpmath.ncdf(a),
    relu: lambda a: max(a, 0),
    step: lambda a: a > 0,
    leaky_relu: lambda a: max(a, a / 100),
    elu: lambda a: a if a > 0 else mpmath.exp(a) - 1,
}


@pytest.mark.parametrize("function", SIGMA, ids=lambda f: f.__name__)
@pytest.mark.parametrize("place", [-8, -THIRD, THIRD, 8])
def test_activations(function, place):
    number = at_high_precision(lambda: mpmath.mpf(Integer(3 * place)) / 3)
    found = value(function(x), {x: place})
    assert agree(found, at_high_precision(lambda: SIGMA[function](number)), 25)


def test_activations_with_a_parameter():
    assert agree(
        value(leaky_relu(x, y), {x: -2, y: THIRD}), at_high_precision(lambda: -mpmath.mpf(2) / 3)
    )
    expected = at_high_precision(lambda: (mpmath.exp(-2) - 1) / 3)
    assert agree(value(elu(x, y), {x: -2, y: THIRD}), expected)


def test_functions_of_logits():
    z = at_high_precision(lambda: [mpmath.exp(n) for n in (1, 2, 4)])
    total = at_high_precision(lambda: mpmath.fsum(z))
    point = {x: 1, y: 2, t: 4}
    assert agree(value(softmax(x, y, t)[1], point), at_high_precision(lambda: z[1] / total))
    assert agree(
        value(log_softmax(x, y, t)[1], point), at_high_precision(lambda: mpmath.log(z[1] / total))
    )
    assert agree(value(logsumexp(x, y, t), point), at_high_precision(lambda: mpmath.log(total)))
    whole = value(softmax(x, y, t), point)
    assert agree(mpmath.fsum(whole), 1, 14) and whole.rows == 3


def test_a_function_of_another_package_keeps_its_own_meaning():
    class silu(Function):
        def _eval_evalf(self, prec):
            return (2 * self.args[0])._evalf(prec)

    assert value(silu(x), {x: 3}) == 6


# -- derivatives, sums, integrals, limits ---------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_derivatives_of_any_order(order):
    found = value(Derivative(exp(2 * x) * y, (x, order)), {x: THIRD, y: 3})
    expected = at_high_precision(lambda: 3 * mpmath.mpf(2) ** order * mpmath.exp(mpmath.mpf(2) / 3))
    assert agree(found, expected)


def test_mixed_derivatives_and_substitution():
    assert agree(value(Derivative(sin(x * y), x, y), {x: 0, y: 2}), 1)
    inner = Subs(Derivative(sin(t), t), t, x**2)
    assert agree(value(inner, {x: THIRD}), at_high_precision(lambda: mpmath.cos(mpmath.mpf(1) / 9)))


def test_sums_products_integrals_and_limits():
    assert value(Sum(x * t**2, (t, 1, 4)), {x: 2}) == 60
    assert value(Sum(x * t, (x, 1, t), (t, 1, 3)), {}) == 1 + 2 * 3 + 3 * 6
    assert value(Product(t, (t, 1, 5)), {}) == 120
    gauss = value(Integral(exp(-(t**2)), (t, -oo, oo)), {})
    assert agree(gauss, at_high_precision(lambda: mpmath.sqrt(mpmath.pi)))
    assert agree(value(Limit(sin(t) / t, t, 0), {}), 1)
    assert agree(
        value(Limit((1 + x / t) ** t, t, oo), {x: 1}), at_high_precision(lambda: +mpmath.e)
    )


@pytest.mark.parametrize(
    "expr", [Limit(sqrt(t) / 7, t, 0), Integral(1 / sqrt(abs(t - Rational(1, 7))), (t, 0, 1))]
)
def test_what_extrapolation_or_quadrature_cannot_do_is_refused(expr):
    with pytest.raises(NoRuleError, match="digits"):
        value(expr, {})


# -- covariances ----------------------------------------------------------------------------------


def test_covariances_by_their_definition():
    point = {u: 2, v: 3, w: 5}
    assert value(NTCov(u * v, v * w), point) == 2 * 5  # only v is in both
    assert value(NTVar(u * v), point) == 9 + 4
    assert value(NTCov(u, w), point) == 0
    found = value(NTVar(sigmoid(w)), {w: THIRD})
    s = at_high_precision(lambda: 1 / (1 + mpmath.exp(-mpmath.mpf(1) / 3)))
    assert agree(found, at_high_precision(lambda: s**2 * (1 - s) ** 2))


def test_iterated_covariances():
    # |∇(u²)|² = 4u², and its covariance with u³ is 8u · 3u²
    assert agree(value(NTCov(NTVar(u**2), u**3), {u: 2}), 8 * 2 * 3 * 4)
    # twice more: ∇(24 u³) · ∇u = 72 u²
    assert agree(value(NTCov(NTCov(NTVar(u**2), u**3), u), {u: 2}), 72 * 4)
    # and once more: 144 u
    deepest = NTCov(NTCov(NTCov(NTVar(u**2), u**3), u), u)
    assert agree(value(deepest, {u: 2}), 144 * 2)


def test_covariances_in_a_metric():
    point = {u: 2, v: 3, x: 7, y: 11, t: 13}
    assert value(NTCov(u * v, u + v, DiagonalMetric({u: x, v: y})), point) == 3 * 7 + 2 * 11
    assert value(NTVar(u * v, DiagonalMetric(x)), point) == 7 * (9 + 4)
    full = MatrixMetric(Matrix([[x, t], [t, y]]), (u, v))
    assert value(NTCov(u * v, u, full), point) == 3 * 7 + 2 * 13
    swapped = MatrixMetric(Matrix([[x, t], [t, y]]), (v, u))
    assert value(NTCov(u * v, u, swapped), point) == 2 * 13 + 3 * 11
    inverse = InverseMetric(Matrix([[x, t], [t, y]]), (u, v))
    expected = at_high_precision(lambda: mpmath.mpf(3 * 11 - 2 * 13) / (7 * 11 - 13**2))
    assert agree(value(NTCov(u * v, u, inverse), point), expected)


def test_a_metric_that_moves_with_the_parameters():
    inner = NTVar(u, DiagonalMetric({u: u**3}))
    assert agree(value(NTCov(inner, u), {u: 2}), 12)


def test_covariances_of_vectors():
    found = value(NTCov(Matrix([u, u * v]), Matrix([v, u, u**2])), {u: 2, v: 3})
    assert found.tolist() == [[0, 1, 4], [2, 3, 12]]
    assert value(NTCov(u, Matrix([v, u])), {u: 2, v: 3}).tolist() == [[0, 1]]


def test_every_entry_of_a_parameter_matrix_is_a_coordinate():
    W = ParameterMatrix("W", 2, 2)
    a = MatrixSymbol("a", 2, 1)
    point = {W: Matrix([[1, 2], [3, 4]]), a: Matrix([5, 6])}
    assert value(NTVar(W * a), point).tolist() == [[61, 0], [0, 61]]
    assert value(NTVar(Trace(W.T * W)), point) == 4 * (1 + 4 + 9 + 16)


def test_closed_forms_are_evaluated_under_their_names():
    h, a = Name("h"), Name("a")
    inner = ClosedForm(a * h, {h: u * x, a: h**2})
    assert value(inner, {u: 2, x: 3}) == 6**3
    assert agree(value(NTVar(inner), {u: 2, x: 3}), (3 * 4 * 27) ** 2)
    # The same names mean something else next door, and a covariance sees through them.
    other = ClosedForm(a + h, {h: u**2, a: h * v})
    found = value(NTCov(inner, other), {u: 2, v: 5, x: 3})
    assert agree(found, 3 * 4 * 27 * (2 * 2 + 2 * 2 * 5))
    body = ClosedForm(NTVar(h), {h: u**3})
    assert agree(value(body, {u: 2}), 9 * 16)
    column = ClosedFormMatrix(Matrix([h, h**2]), {h: u * x})
    assert value(column, {u: 2, x: 3}).tolist() == [[6], [36]]


def test_a_covariance_without_a_gradient_is_refused_and_not_zero():
    P, L = observables("P L")
    with pytest.raises(NoRuleError, match="gradient is unknown"):
        value(NTCov(P, L), {P: 1, L: 2})
    with pytest.raises(NoRuleError, match="definition"):
        value(NTCov(Name("h"), u), {Name("h"): 1, u: 2})
    assert value(P * L, {P: 3, L: 2}) == 6


# -- matrices -------------------------------------------------------------------------------------


def test_matrix_expressions():
    A, B = MatrixSymbol("A", 2, 2), MatrixSymbol("B", 2, 2)
    z = MatrixSymbol("z", 2, 1)
    a, b = Matrix([[2, 1], [1, 3]]), Matrix([[0, 5], [7, 2]])
    point = {A: a, B: b, z: Matrix([3, 4]), x: 2}

    def same(expr, expected):
        found = value(expr, point)
        return all(agree(p, q) for p, q in zip(found, Matrix(expected), strict=True))

    assert same(A * B + x * B.T, a * b + 2 * b.T)
    assert same(Inverse(A), a.inv()) and same(A**3, a**3)
    assert same(HadamardProduct(A, B), [[0, 5], [7, 6]])
    assert same(A - Identity(2) + OneMatrix(2, 2) + ZeroMatrix(2, 2), [[2, 2], [2, 3]])
    assert same(DiagMatrix(z), [[3, 0], [0, 4]])
    assert value(Trace(A * B) + Determinant(B) + A[1, 0] * z[1, 0], point) == 5 + 7 + 6 - 35 + 4
    e = at_high_precision(lambda: 1 / (1 + mpmath.e))
    assert agree(value(SoftmaxVector(z), point)[0], e)
    assert same(A.applyfunc(lambda entry: entry**2 + x), [[6, 3], [3, 11]])
    assert value(Tuple(x, Eq(x**2, x + 1)), point) == [2, [4, 3]]


# -- what it cannot do ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expr",
    [
        Function("f")(x),
        x + O(x**2),
        VectorFunction("f", 2)(Matrix([x, x])),
        Derivative(sin(x**2), (x, t)),
        Integral(sin(x), x),
        Sum(1 / t**2, (t, 1, oo)),
        Limit(1 / t, t, 0),
        1 / (x - 1),
    ],
    ids=str,
)
def test_what_has_no_value_is_an_error(expr):
    with pytest.raises(NoRuleError):
        value(expr, {x: 1, t: 2})


def test_a_point_must_give_every_symbol():
    with pytest.raises(NoRuleError, match="add x"):
        value(x + y, {y: 1})
    with pytest.raises(ShapeError):
        value(x, {x: Matrix([1])})


def test_digits_are_those_asked_for():
    coarse, fine = (value(NTVar(tanh(w)), {w: THIRD}, digits) for digits in (15, 80))
    exact = at_high_precision(lambda: (1 - mpmath.tanh(mpmath.mpf(1) / 3) ** 2) ** 2)
    assert agree(coarse, exact, 15)
    with mpmath.workdps(120):
        exact = (1 - mpmath.tanh(mpmath.mpf(1) / 3) ** 2) ** 2
        assert abs(fine - exact) < mpmath.mpf(10) ** -80


def test_a_value_leaves_the_precision_of_mpmath_alone():
    before = mpmath.mp.dps
    value(NTCov(NTVar(u**2), u), {u: 1})
    assert mpmath.mp.dps == before


def test_symbols_of_one_name_and_different_kind_stay_apart():
    assert value(Parameter("x") - Symbol("x"), {Parameter("x"): 5, Symbol("x"): HALF}) == 4.5
