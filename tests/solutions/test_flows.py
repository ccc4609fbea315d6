"""Solved flows against the literature, against integration by mpmath and SciPy, and by check."""

from __future__ import annotations

import pickle

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from sympy import (
    Derivative,
    Eq,
    Function,
    LambertW,
    Rational,
    Symbol,
    cos,
    exp,
    lambdify,
    log,
    sin,
    sinh,
    symbols,
    tanh,
)

from symprice import (
    GradientDescent,
    GradientFlow,
    InverseMetric,
    NoParameterError,
    Parameter,
    ShapeError,
    check,
    log_sigmoid,
    parameters,
    sigmoid,
    silu,
)
from symprice.solutions import polynomial_flows
from symprice.solutions.flows import solve_flow
from symprice.solutions.integrating import extrapolated_flow
from symprice.solutions.rational import antiderivative
from symprice.solutions.verification import agree, solves

b, w = parameters("b w")
t = Symbol("t")
b0, y = symbols("b0 y", real=True)
s, eta = symbols("s eta", positive=True)


def sigma(x):
    return 1 / (1 + mpmath.exp(-x))


# Losses of the logistic neuron: the rate by hand, and its solution as the literature has it.
NEURON = {
    "rewards of plus and minus one": (
        1 - 2 * sigmoid(b),
        lambda x: 2 * sigma(x) * (1 - sigma(x)),
        lambda x: mpmath.sinh(x) + x,
    ),
    "cross-entropy": (
        -log_sigmoid(b),
        lambda x: 1 - sigma(x),
        lambda x: x + mpmath.exp(x),
    ),
    "squared loss": (
        (1 - sigmoid(b)) ** 2 / 2,
        lambda x: sigma(x) * (1 - sigma(x)) ** 2,
        lambda x: 3 * x + 3 * mpmath.exp(x) + mpmath.exp(2 * x) / 2 - mpmath.exp(-x),
    ),
}


@pytest.mark.parametrize("name", NEURON)
def test_the_logistic_neuron(name):
    loss, rate, conserved = NEURON[name]
    found = solve_flow(loss, {b: b0}, t=t)
    for start, end in ((-1.5, 2), (0.3, 3)):
        with mpmath.workdps(15):
            flow = mpmath.odefun(lambda _, x, rate=rate: rate(x), 0, mpmath.mpf(start))
            there = flow(end)
            # The literature's formula is what stays, t + c.
            assert abs(conserved(there) - conserved(mpmath.mpf(start)) - end) < 1e-12
            ours = found.at(end, {b0: Rational(str(start))}, digits=18)[b]
            assert abs(mpmath.mpf(str(ours)) - there) < 1e-12


def test_the_forms_of_the_literature():
    implicit = solve_flow(1 - 2 * sigmoid(b), {b: b0}, t=t)
    assert implicit.implicit and not implicit.explicit and not implicit.numeric
    assert implicit.solution == Eq(b + sinh(b), b0 + t + sinh(b0), evaluate=False)
    explicit = solve_flow(-log_sigmoid(b), {b: b0}, t=t, dynamics=GradientFlow())
    constant = b0 + exp(b0)
    assert explicit.solution == {b: t + constant - LambertW(exp(t + constant))}
    square = solve_flow((1 - sigmoid(b)) ** 2 / 2, {b: b0}, t=t).solution
    assert square.lhs == 3 * b + 3 * exp(b) + exp(2 * b) / 2 - exp(-b)


def test_natural_gradient_is_a_straight_line_in_the_logit():
    p = sigmoid(b)
    found = solve_flow(1 - 2 * p, {b: b0}, t=t, metric=InverseMetric([[p * (1 - p)]], (b,)))
    assert found.solution == {b: b0 + 2 * t}


@pytest.mark.parametrize(
    "found",
    [
        solve_flow(1 - 2 * sigmoid(b), {b: b0}, t=t),
        solve_flow(-log_sigmoid(b), {b: b0}, t=t),
        solve_flow((y - b) ** 2 / 2, {b: b0}, t=t, eta=exp(-t)),
    ],
    ids=["implicit", "explicit", "scheduled"],
)
def test_solution_and_derivation_hold_in_the_oracle(found):
    assert check(found, points=8)
    assert check(found.derivation, points=8)
    assert pickle.loads(pickle.dumps(found)) == found
    assert found.func(*found.args) == found


def test_a_wrong_rule_is_seen(monkeypatch):
    def wrong(alpha, beta, start, t):
        return start * exp(alpha * t) + beta * t

    monkeypatch.setattr(polynomial_flows, "_linear", wrong)
    # What was solved wrongly is not returned: another method takes its place.
    found = solve_flow((y - b) ** 2 / 2, {b: b0}, t=t)
    assert found.method == "separation of variables"
    assert check(found, points=5)
    right = solve_flow(-log_sigmoid(b), {b: b0}, t=t)
    system, pairs, *rest = right.args
    assert not check(right.func(system, [(b, pairs[0][1] + t / 1000)], *rest), points=5)
    steps = right.derivation.steps
    last = steps[-1].func(steps[-1].rule, steps[-1].before, steps[-1].after + t / 1000)
    assert not check(last, points=5)


p = Symbol("p", real=True)


@pytest.mark.parametrize(
    ("rate", "start", "end", "explicit"),
    [
        (2 * p**2 * (1 - p) ** 2, Rational(1, 10), 3, False),
        (2 * p**2 * (1 - p) ** 2, Rational(13, 10), Rational(1, 4), False),
        (p * (1 - p) ** 2, Rational(1, 5), 2, True),
        (p**2 + 1, Rational(1, 4), 1, True),
        (p**3 - p, Rational(1, 2), 2, True),
        (-1 / p, 3, 2, True),
        (-sin(p), 2, 3, True),
        (p - p**2, -2, Rational(1, 10), True),
        ((2 - p) * (4 * p**2 + 1) ** Rational(1, 2), Rational(-1, 2), 1, True),
        ((1 - tanh(p) ** 2) * (1 - tanh(p)), Rational(1, 3), 2, False),
        (exp(-(p**2)), 0, 1, False),
        (p * cos(p), Rational(1, 2), 1, None),
        (silu(p) - p, Rational(1, 2), 1, None),
    ],
    ids=str,
)
def test_scalar_equations_against_integration(rate, start, end, explicit):
    found = solve_flow({p: rate}, {p: start}, t=t)
    assert found.numeric == (explicit is None)
    assert found.explicit == (explicit is True)
    written = lambdify(p, rate.rewrite(exp) if rate.has(silu) else rate, "numpy")
    run = solve_ivp(
        lambda _, x: [written(x[0])],
        (0, float(end)),
        [float(start)],
        method="DOP853",
        rtol=1e-12,
        atol=1e-13,
    )
    there = run.y[0, -1]
    assert run.success and run.t[-1] == float(end)
    assert abs(float(found.at(end, digits=15)[p]) - there) < 1e-9
    assert abs(float(found.lambdify()(float(end))) - there) < 1e-9


def test_an_equation_in_functions_of_time():
    q = Function("q")
    equation = Eq(Derivative(q(t), t), q(t) * (1 - q(t)))
    found = solve_flow(equation, {q(t): Rational(1, 4)}, t=t)
    ((name, formula),) = found.solution.items()
    assert str(name) == "q"
    assert (formula - 1 / (1 + 3 * exp(-t))).equals(0)


def test_a_domain_decides_branches_and_signs():
    rate, start = p * (1 - p) ** 2, Symbol("p_0", real=True)
    assert solve_flow({p: rate}, t=t).implicit  # which branch of W depends on the start
    found = solve_flow({p: rate}, {p: start}, t=t, domain={p: (0, 1)})
    assert found.explicit and check(found, points=8)
    signed = solve_flow({p: 2 * p**2 * (1 - p) ** 2}, t=t, domain={p: (0, 1)}).solution
    assert signed.lhs.has(log(p / (1 - p)))


def test_what_cannot_be_solved_says_so():
    found = solve_flow((1 - w * tanh(b)) ** 2 / 2, {b: 1, w: 1}, t=t)
    assert found.numeric and found.solution is None
    assert "numeric" in str(found) and "conserved" in found.method
    fast, slow = found.at(1), found.at(1, digits=25)
    assert all(abs(fast[v] - slow[v]) < 1e-10 for v in (b, w))
    with mpmath.workdps(20):

        def field(_, x):
            u, v = mpmath.tanh(x[0]), x[1]
            return [(1 - u * v) * v * (1 - u**2), (1 - u * v) * u]

        there = mpmath.odefun(field, 0, [mpmath.mpf(1)] * 2)(1)
    assert abs(mpmath.mpf(str(slow[b])) - there[0]) < 1e-15
    assert np.allclose(found.lambdify()([0.0, 1.0])[1], [1, float(there[1])], atol=1e-10)


def test_a_trajectory_that_ends_is_not_continued():
    found = solve_flow({p: exp(p) * (2 + cos(p))}, {p: 0}, t=t)
    assert found.numeric
    with pytest.raises(ShapeError, match="infinity"):
        found.at(5)


def test_several_times_and_constants_at_once():
    found = solve_flow(1 - 2 * sigmoid(b), {b: b0}, t=t)
    times = np.linspace(0, 10, 7)
    values = found.lambdify()(times, -3.0)
    assert np.allclose(values + np.sinh(values), times - 3 + np.sinh(-3.0), rtol=1e-13)
    explicit = solve_flow(-log_sigmoid(b), {b: b0}, t=t).lambdify()
    large = explicit(np.array([1e4]), 0.0)  # W of e^10000
    assert np.allclose(large + np.exp(large), 1e4 + 1, rtol=1e-12)


def test_a_schedule_is_another_clock():
    rate = 1 / (1 + t)
    found = solve_flow(-log_sigmoid(b), {b: 0}, t=t, eta=rate)
    plain = solve_flow(-log_sigmoid(b), {b: 0}, t=t)
    assert float(found.at(4)[b]) == pytest.approx(float(plain.at(log(5))[b]), rel=1e-14)
    assert check(found, points=5)


@pytest.mark.parametrize(
    ("make", "error", "remedy"),
    [
        (lambda: solve_flow(y**2), NoParameterError, "Parameter"),
        (lambda: solve_flow("b**2"), ShapeError, "write a SymPy expression"),
        (lambda: solve_flow(b**2, {w: 1}), ShapeError, "what moves is b"),
        (lambda: solve_flow(b**2, t=3), ShapeError, "Symbol('t')"),
        (lambda: solve_flow(b**2, eta=-1), ShapeError, "positive"),
        (lambda: solve_flow(b**2, dynamics=GradientDescent(eta)), ShapeError, "solve_descent"),
        (lambda: solve_flow(b**2, domain={b: (1, 0)}), ShapeError, "low < high"),
        (lambda: solve_flow(Eq(b, 2)), ShapeError, "Derivative(p(t), t)"),
        (lambda: solve_flow(1 - 2 * sigmoid(b), {b: b0}).at(1), ShapeError, "b0"),
    ],
)
def test_bad_input_says_what_to_write(make, error, remedy):
    with pytest.raises(error) as caught:
        make()
    assert remedy in str(caught.value)


def test_antiderivatives_that_sympy_gets_wrong():
    v = Symbol("v", positive=True)
    r = Symbol("r", positive=True)
    fraction = 1 / (v**2 + 2 * r * v + r**2 + s)
    parts = antiderivative(fraction, v)
    ((c, inside),) = parts.arctangents
    from sympy import atan

    assert agree([(Derivative(c * atan(inside), v, evaluate=False), fraction)])


def test_verification_refuses():
    assert not solves({b: exp(-t) + t / 10**9}, {b: -b}, {b: 1}, t)
    assert not solves({b: 2 * exp(-t)}, {b: -b}, {b: 1}, t)
    with pytest.raises(ArithmeticError):
        extrapolated_flow(lambda x: [x[0] ** 2], [1], 2)


def test_it_reads_as_in_a_paper():
    tex = solve_flow(-log_sigmoid(b), {b: b0}, t=t).latex()
    assert r"\text{where}" in tex and "W" in tex
    assert "c" in tex and tex.count("{") == tex.count("}")
    assert Parameter("b") in solve_flow(-log_sigmoid(b), {b: b0}, t=t).solution
