"""Flows that nobody named, drawn at random: every solution is put back into its equation, and held
against SciPy's integration from starts near and far.
"""

from __future__ import annotations

import random

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from sympy import (
    Abs,
    Piecewise,
    Rational,
    S,
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
    NoRuleError,
    Parameter,
    ShapeError,
    check,
    log_sigmoid,
    relu,
    sigmoid,
    softplus,
    solve_flow,
)
from tests.seeds import seeds

t = Symbol("t")
p, q, v = symbols("p q v", real=True)
p0, q0, v0, c = symbols("p0 q0 v0 c", real=True)
END = 0.6
SHAPES = [p, 1 - p, p - 3, 1 + p**2, 2 + sin(p), exp(-p), exp(p), cos(p), sin(p), sinh(p), tanh(p)]


def integrated(rates, starts, end):
    """The end of the trajectory by SciPy; None where it does not get there."""
    field = lambdify(list(rates), list(rates.values()), "numpy")
    with np.errstate(all="ignore"):
        run = solve_ivp(
            lambda _, x: field(*x), (0, end), starts, method="DOP853", rtol=1e-12, atol=1e-13
        )
    return run.y[:, -1] if run.success and np.all(np.abs(run.y[:, -1]) < 1e6) else None


def put_back(found, values):
    """How far the solution is from its equation at END, with everything evaluated by mpmath."""
    (variable,) = found.system.variables
    (rate,) = found.system.rates.values()
    if found.explicit:
        formula = lambdify(t, found.solution[variable].subs(values), "mpmath")
        speed = lambdify(variable, rate.subs(values), "mpmath")
        with mpmath.workdps(40):
            h, end = mpmath.mpf(10) ** -13, mpmath.mpf(END)
            slope = (formula(end + h) - formula(end - h)) / (2 * h)
            return abs(slope - speed(formula(end)))
    there = found.at(END, values, digits=30)[variable]
    sides = [side.subs(variable, there).subs(t, END).subs(values) for side in found.solution.args]
    with mpmath.workdps(40):
        left, right = (lambdify([], side, "mpmath")() for side in sides)
        return abs(left - right) / max(1, abs(right))


@pytest.mark.parametrize("seed", seeds(5))
def test_random_rates(seed):
    draw = random.Random(seed)
    rate = draw.choice((-1, 1)) * draw.choice(SHAPES) * draw.choice([S.One, *SHAPES])
    found = solve_flow({p: rate}, {p: p0}, t=t)
    held = 0
    for start in (0.3, -0.8, draw.uniform(-2, 2), draw.uniform(2, 7), draw.uniform(-7, -2)):
        values = {p0: Rational(start).limit_denominator(64)}
        there = integrated({p: rate}, [float(values[p0])], END)
        if there is None:
            continue
        held += 1
        assert float(found.at(END, values, digits=15)[p]) == pytest.approx(there[0], abs=1e-8)
        with np.errstate(all="ignore"):
            assert found.lambdify()(END, float(values[p0])) == pytest.approx(there[0], abs=1e-8)
        if not found.numeric:
            assert put_back(found, values) < 1e-12
    assert held


def test_a_solution_of_one_branch_is_not_given_for_all():
    """2 arctan(e^t tan(p₀/2)) solves p' = sin p, and starts at p₀ for |p₀| < π only."""
    found = solve_flow({p: sin(p)}, {p: p0}, t=t)
    assert found.implicit
    (there,) = integrated({p: sin(p)}, [4.0], 1.0)
    assert float(found.at(1, {p0: 4})[p]) == pytest.approx(there, abs=1e-10)
    assert solve_flow({p: sin(p)}, {p: 2}, t=t).explicit


def test_an_explicit_formula_is_not_followed_through_its_pole():
    found = solve_flow({p: 1 + p**2}, {p: 0}, t=t)
    assert found.at(1)[p] == sin(1) / cos(1)
    with pytest.raises(ShapeError, match="goes to infinity before"):
        found.at(2)


@pytest.mark.parametrize(
    ("rate", "start", "end", "there"),
    [
        # 1 until p = 1, then 2
        (Piecewise((1, p < 1), (2, True)), 0, Rational(3, 2), 2),
        (-Abs(p), -2, 1, -2 * np.exp(1)),
        (-Piecewise((p, p < 1), (1, True)), 2, Rational(3, 2), np.exp(-0.5)),
    ],
    ids=str,
)
def test_rates_with_a_kink_are_followed_through_it(rate, start, end, there):
    found = solve_flow({p: rate}, {p: start}, t=t)
    assert float(found.at(end)[p]) == pytest.approx(float(there), abs=1e-8)
    assert found.lambdify()(float(end)) == pytest.approx(float(there), abs=1e-8)


def test_a_rate_that_jumps_to_and_fro_ends_in_words():
    """The minimum of relu(b) - b/2 is its kink: a step is never short enough there."""
    b = Parameter("b")
    found = solve_flow(relu(b) - b / 2, {b: Rational(1, 10)}, t=t)
    assert found.numeric
    with pytest.raises(ShapeError, match="rate jumps"):
        found.at(1)
    before, beyond = found.lambdify()(np.array([0.1, 1.0]))
    assert before == pytest.approx(0.05, abs=1e-9) and np.isnan(beyond)


def test_parameters_that_move_apart_are_solved_apart():
    found = solve_flow({p: q * (1 - p * q), q: p * (1 - p * q), v: -v}, {v: v0}, t=t)
    start = {found.initial[p]: Rational(1, 2), found.initial[q]: Rational(1, 5), v0: 2}
    assert found.explicit and check(found, points=3)
    there = integrated(
        found.system.rates, [float(x.subs(start)) for x in found.initial.values()], 1
    )
    values = [float(x) for x in found.at(1, start).values()]
    assert values == pytest.approx(list(there), abs=1e-9)


def test_names_of_constants_are_not_taken_for_the_users():
    """The formula is `F(p) = t + c` where c is not yet the name of something."""
    text = str(solve_flow({p: p * (1 - p) * (p - c)}, {p: p0}, t=t))
    assert "c' = " in text and " c = " not in text
    both = str(solve_flow({p: sigmoid(p) ** 2, q: sigmoid(q) ** 2}, {p: p0, q: q0}, t=t))
    assert "c = " in both and "c' = " in both


def test_balanced_starts_stay_balanced():
    """Where the rates are symmetric a = w stays, though a² - w² is not conserved under decay."""
    a, w, y, lam = *(Parameter(n) for n in "aw"), Symbol("y", real=True), Symbol("lam", real=True)
    loss = (y - a * w) ** 2 / 2 + lam * (a**2 + w**2) / 2
    found = solve_flow(loss, {a: p0, w: -p0}, t=t)
    assert found.explicit and "symmetry" in found.method and check(found, points=4)
    values = {p0: Rational(1, 2), y: 1, lam: Rational(1, 3)}
    there = integrated({k: r.subs(values) for k, r in found.system.rates.items()}, [0.5, -0.5], 1)
    assert [float(x) for x in found.at(1, values).values()] == pytest.approx(list(there), abs=1e-9)
    assert solve_flow(loss, {a: p0, w: q0}, t=t).numeric


def test_the_tails_of_the_explicit_logistic_neuron():
    """b = log ω(t + c): no digits are lost in t + c - W(e^{t+c}), however large c is."""
    b, b0 = Parameter("b"), Symbol("b0", real=True)
    for loss, scale, shift in ((-log_sigmoid(b), 1, 0), (-log_sigmoid(2 * b + 1), 2, 1)):
        at = solve_flow(loss, {b: b0}, t=t).lambdify()
        with mpmath.workdps(60):
            for start in (-30, -5, 0, 5, 15, 30, 300):
                # u = scale b + shift has du/dt = scale² σ(-u), so u + e^u grows by scale² t.
                low = mpmath.mpf(scale * start + shift)
                total, high = scale**2 + low + mpmath.exp(low), low + scale**2
                for _ in range(200):
                    middle = (low + high) / 2
                    below = middle + mpmath.exp(middle) < total
                    low, high = (middle, high) if below else (low, middle)
                expected = float((low - shift) / scale)
                assert at(1.0, float(start)) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_what_has_no_formula_says_so_and_is_integrated():
    b = Parameter("b")
    found = solve_flow(softplus(-b) + softplus(2 * b), {b: 1}, t=t)
    assert found.numeric and "numeric" in str(found)
    rate = {p: 1 / (1 + exp(p)) - 2 / (1 + exp(-2 * p))}
    (there,) = integrated(rate, [1.0], 1.0)
    assert float(found.at(1)[b]) == pytest.approx(there, abs=1e-10)
    with pytest.raises((NoRuleError, ShapeError)):
        found.source()


def test_an_antiderivative_of_polar_numbers():
    found = solve_flow({p: -p * exp(p)}, {p: p0}, t=t)
    (there,) = integrated({p: -p * exp(p)}, [-2.0], 1.0)
    assert found.implicit and log not in found.solution.lhs.atoms()
    assert float(found.at(1, {p0: -2})[p]) == pytest.approx(there, abs=1e-10)


def test_an_extrapolation_that_seems_to_converge_where_it_began():
    """From 5 the first guess of a long step lands where the rate is e⁻²⁵⁰, and comes back to 5."""
    found = solve_flow({p: -exp(p) * Abs(p)}, {p: p0}, t=t)
    (there,) = integrated({p: -exp(p) * Abs(p)}, [200 / 39], END)
    for digits in (15, 25):
        value = found.at(Rational(3, 5), {p0: Rational(200, 39)}, digits=digits)[p]
        assert float(value) == pytest.approx(there, abs=1e-9)
