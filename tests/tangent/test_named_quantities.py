"""Results in named quantities, and their tails."""

from __future__ import annotations

import pytest
from sympy import Matrix, Symbol, cosh, exp, log, oo, sqrt, symbols, tanh

from symprice import (
    MLP,
    EliminationError,
    NameClashError,
    NoRuleError,
    NTCov,
    NTVar,
    Parameter,
    express,
    leading_order,
    observables,
    parameters,
    sigmoid,
)

b = Parameter("b", real=True)
w = Parameter("w")
p, q, t, V = symbols("p q t V")
z = observables("z")
j, s = symbols("j s")


@pytest.mark.parametrize(
    ("expr", "names", "expected"),
    [
        (NTVar(sigmoid(b)), {"p": sigmoid(b)}, p**2 * (1 - p) ** 2),
        (j * s * NTVar(sigmoid(b)), {"p": sigmoid(b)}, j * s * p**2 * (1 - p) ** 2),
        (exp(-b) / (1 + exp(-b)) ** 2, {"p": sigmoid(b)}, p * (1 - p)),
        (2 / ((1 + exp(-b)) * (1 + exp(b))), {"p": sigmoid(b)}, 2 * p * (1 - p)),
        (NTVar(tanh(b)), {"t": tanh(b)}, (1 - t**2) ** 2),
        (NTVar(exp(w)), {"q": exp(w)}, q**2),
        (NTVar(w**2), {"q": w**2}, 4 * q),
        (NTVar(sigmoid(z)), {"p": sigmoid(z), "V": NTVar(z)}, V * p**2 * (1 - p) ** 2),
        (1 / (4 * cosh(b / 2) ** 2), {"p": sigmoid(b)}, p * (1 - p)),
    ],
)
def test_express(expr, names, expected):
    found = express(expr, **names)
    assert (found - expected).expand() == 0
    assert found.free_symbols == expected.free_symbols


def test_express_matrices_and_dicts():
    u = Parameter("u")
    vector = NTVar(Matrix([exp(u), exp(2 * u)]))
    assert express(vector, {q: exp(u)}) == Matrix([[q**2, 2 * q**3], [2 * q**3, 4 * q**4]])


@pytest.mark.parametrize(
    ("call", "error", "remedy"),
    [
        (lambda: express(NTVar(sigmoid(z)), p=sigmoid(z)), EliminationError, "V=NTVar(z)"),
        (lambda: express(w * NTVar(sigmoid(b)), p=sigmoid(b)), EliminationError, "w"),
        (lambda: express(NTVar(b), b=sigmoid(b)), NameClashError, "another"),
        (lambda: express(NTVar(b)), EliminationError, "p=sigmoid(b)"),
        (lambda: express(b, q=b**2), EliminationError, "b"),
    ],
)
def test_what_is_left_over_is_named(call, error, remedy):
    with pytest.raises(error) as caught:
        call()
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("expr", "point", "term", "exponent"),
    [
        (p**2 * (1 - p) ** 2, 0, p**2, 2),
        (p * (1 - p), 0, p, 1),
        (p**2 * (1 - p) ** 2, 1, (p - 1) ** 2, 2),
        (2 * p * sqrt(p * (1 - p)), 0, 2 * p ** (sqrt(9) / 2), sqrt(9) / 2),
        (3 / (1 + p**2), oo, 3 / p**2, -2),
        (tanh(p) - p, 0, -(p**3) / 3, 3),
        (Symbol("c") + 0 * p, 0, Symbol("c"), 0),
    ],
)
def test_leading_order(expr, point, term, exponent):
    found = leading_order(expr, p, point)
    assert (found.term - term).subs(p, 3).expand() == 0
    assert found.exponent == exponent
    assert tuple(found) == (found.term, found.exponent)


@pytest.mark.parametrize("expr", [exp(-1 / p), p * log(p)])
def test_what_is_no_power_is_refused(expr):
    with pytest.raises(NoRuleError):
        leading_order(expr, p, 0, timeout=5)


def test_leading_order_of_a_covariance_is_of_its_value():
    c = Parameter("c")
    assert leading_order(NTCov(c**3, c**2), c).exponent == 3
    assert parameters("c") == c


def test_networks_are_quantities_like_any_other():
    f = MLP(2, 3, 1).explicit()
    found = express(NTVar(sigmoid(f)), p=sigmoid(f), V=NTVar(f))
    assert found == V * p**2 * (1 - p) ** 2
