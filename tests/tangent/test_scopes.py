"""Bound names: closed forms in closed forms, replacing many symbols, arithmetic that keeps them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from sympy import Integer, Matrix, Rational, Symbol, expand, sin, symbols, tanh

from symprice import MLP, ClosedForm, ClosedFormMatrix, Name, NTCov, closed_form, parameters
from tests.differences import agree, covariance, number, random_point
from tests.tangent.strategies import X, networks

w, b = parameters("w b", real=True)
x, y = symbols("x y", real=True)
h, a = Name("h"), Name("a")
INNER = ClosedForm(h * w + b, {h: tanh(w * x)})


def holds(one, other):
    point = random_point(one.free_symbols | other.free_symbols, 5)
    return agree(number(closed_form(NTCov(one, other)), point), covariance(one, other, point))


@pytest.mark.parametrize(
    "outer",
    [
        ClosedForm(h * INNER + a, {h: sin(INNER * b), a: INNER * h}),
        ClosedForm(h**2, {h: ClosedForm(h * b, {h: w * x})}),
        ClosedForm(h * a, {h: ClosedForm(h**2 * a, {h: w * INNER, a: sin(h)}), a: h + INNER}),
    ],
)
def test_equal_names_in_nested_closed_forms_stay_apart(outer):
    assert holds(outer, INNER)
    assert holds(outer, w * outer)


def test_a_network_put_into_itself():
    net = MLP(1, 2, 1).explicit()
    other = net.subs(Symbol("x1"), y)
    for inside in (net.subs(Symbol("x1"), other), net.xreplace({Symbol("x1"): other})):
        assert number(inside, random_point(inside.free_symbols, 3)) == number(
            net.doit().subs(Symbol("x1"), other.doit()), random_point(inside.free_symbols, 3)
        )
        assert holds(inside, other)


@given(networks(), networks())
@settings(max_examples=20)
def test_composition_of_random_networks(outer, inner):
    composed = outer.xreplace({X: inner})
    point = random_point(composed.free_symbols, 11)
    flat = outer.doit().xreplace({X: inner.doit()})
    assert agree(number(composed, point), number(flat, point)) or number(flat, point).imag


def test_an_entry_of_a_closed_form_that_holds_another():
    column = ClosedFormMatrix(Matrix([h * INNER, h]), {h: sin(INNER * b)})
    assert column[0].doit() == sin(INNER.doit() * b) * INNER.doit()


def test_a_free_name_is_not_captured():
    net = MLP(1, 1, 1).explicit()
    free = Name("h1_1")
    assert free in closed_form(net + free).free_symbols
    assert free in closed_form(NTCov(net * free, net)).free_symbols


def test_a_second_prime_is_counted():
    names = ClosedForm(h, {h: w * x}).subs(x, Name("h")).subs(Name("h"), Name("h_prime"))
    assert all("prime_prime" not in name.name for name in names.definitions)


@pytest.mark.parametrize(
    ("replaced", "options"),
    [
        ({x: y, y: x**2}, {}),
        ([(x, y), (y, x**2)], {}),
        ([(y, x**2), (x, y)], {}),
        ({x: y, y: x}, {"simultaneous": True}),
        ({x: 2, y: Rational(1, 3), Symbol("unused"): 1}, {}),
        ({w: 2, x: w}, {}),
    ],
)
def test_replacing_many_symbols_is_what_it_is_in_the_flat_formula(replaced, options):
    form = ClosedForm(h * a + y * b, {h: w * x + y, a: h**2 + x})
    flat = form.doit().subs(replaced, **options)
    assert expand(form.subs(replaced, **options).doit() - flat) == 0


def test_replacing_all_symbols_of_a_deep_network():
    net = MLP(*[1, *[2] * 100, 1]).explicit()
    value = net.subs({symbol: Rational(1, 2) for symbol in net.free_symbols}).evalf()
    assert value.is_Float


def test_arithmetic_of_columns_keeps_their_names():
    net, other = MLP(1, 2, 2).explicit(x), MLP(1, 2, 2).explicit(y)
    constant = Matrix([[1, 2], [3, 4]])
    for made in (constant * net, 2 * net, w * net, net + other, net - other, -net, net / 2):
        assert made.has(ClosedFormMatrix)
    for made in (constant * net + other, Matrix([w, b]) - w * net, net - Matrix([w, b])):
        value = closed_form(NTCov(made, other)).doit().as_explicit()
        left, right = made.doit().as_explicit(), other.doit()
        point = random_point(left.free_symbols | right.free_symbols, 2)
        for i in range(2):
            assert agree(number(value[i, 1], point), covariance(left[i], right[1], point))


def test_the_derivative_of_a_column():
    net = MLP(1, 2, 2).explicit()
    for symbol in (*net.parameters, Symbol("x1")):
        assert (net.diff(symbol).doit() - net.doit().diff(symbol)).expand() == Matrix([0, 0])
    assert net.diff(symbol).has(Name)
    assert net[0] == net[0, 0]
    assert net.subs(Symbol("x1"), Integer(2)).shape == (2, 1)
