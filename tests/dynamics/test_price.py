"""Price's equation under gradient flow and under finite steps, against the motion itself."""

from __future__ import annotations

import pickle

import mpmath
import pytest
from sympy import Derivative, Eq, Function, Matrix, O, Rational, Symbol, exp, sqrt, symbols, tanh

from symprice import (
    Dense,
    GradientDescent,
    GradientFlow,
    Network,
    NTCov,
    NTVar,
    ShapeError,
    check,
    inputs,
    observables,
    parameters,
    price,
    sigmoid,
    squared_loss,
)
from symprice.derivation import Rule, Step
from symprice.dynamics.langevin import Langevin
from symprice.dynamics.motion import TimeDerivative
from symprice.dynamics.sharpness_aware import SAM
from symprice.dynamics.taylor import AfterStep
from symprice.tangent.gradient import Nabla
from symprice.tangent.second import HessianForm
from tests.differences import agree, covariance, number, random_point

P, L = observables("P L")
w, b = parameters("w b", real=True)
eta = Symbol("eta", positive=True)
t = Symbol("t")
PROPERTY = sigmoid(w * 3 + b) * w
LOSS = exp(w * b / 2) + tanh(b - w) ** 2


def step(point, rate, loss=LOSS):
    """The parameters after one step, the gradient by difference quotients."""
    with mpmath.workdps(120):
        gradient = {p: covariance(loss, p, point) for p in (w, b)}
        return {p: point[p] - rate * gradient[p] for p in (w, b)}


def test_the_contract():
    assert price(P, L).equation == Eq(Derivative(Function("P")(t), t), NTCov(P, -L), evaluate=False)
    assert price(L, L).doit() == -NTVar(L)
    rules = [s.rule.name for s in price(P, L).derivation.steps]
    assert rules == ["chain rule", "gradient flow", "definition of NTCov"]


def test_gradient_flow_is_the_slope_of_an_infinitesimal_step():
    point = random_point({w, b}, 7)
    with mpmath.workdps(120):
        rate = mpmath.mpf(10) ** -40
        ahead, behind = number(PROPERTY, step(point, rate)), number(PROPERTY, step(point, -rate))
        slope = (ahead - behind) / (2 * rate)
    assert agree(number(price(PROPERTY, LOSS).doit(), point), slope)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_what_is_left_of_a_finite_step_is_of_the_next_order(order):
    point = random_point({w, b}, 8)
    prop, loss = (PROPERTY, LOSS) if order < 3 else (w**2 * exp(b), tanh(b - w) + w * b**2)
    change = price(prop, loss, GradientDescent(eta), order=order).change.removeO().doit()
    errors = []
    with mpmath.workdps(120):
        for exponent in (4, 5):
            rate = mpmath.mpf(10) ** -exponent
            actual = number(prop, step(point, rate, loss)) - number(prop, point)
            errors.append(abs(actual - number(change, {**point, eta: rate})))
        slope = mpmath.log10(errors[0] / errors[1])
    assert abs(slope - (order + 1)) < 0.01


def test_formulas_are_not_unfolded_on_the_way():
    """The third order of large formulas is derived at once: nothing in it is expanded."""
    law = price(PROPERTY, LOSS, GradientDescent(eta), order=3)
    assert str(law.change).count("NTCov") < 20


def test_a_number_is_a_learning_rate_of_the_parts():
    law = price(P, L, GradientDescent(Rational(1, 10)))
    assert law.selection == -NTCov(P, L) / 10
    with pytest.raises(ShapeError, match="symbol"):
        _ = law.remainder
    exact = price(w**2, w**2 / 2, GradientDescent(Rational(1, 10)), order=2)
    assert (exact.doit() - w**2 * (Rational(81, 100) - 1)).expand() == 0


def test_noise_moves_an_expectation():
    law = price(P, L, Langevin(Symbol("T", positive=True)))
    assert isinstance(law.equation.lhs, TimeDerivative)
    assert law.latex().startswith(r"\frac{d \operatorname{E}\left[P\right]}{dt} =")


def test_parts_add_up_to_the_change():
    found = price(P, L, GradientDescent(eta), order=2)
    assert (found.selection + found.curvature + found.remainder - found.change) == O(eta**3)
    assert found.selection == -eta * NTCov(P, L)
    assert found.bias == found.noise == 0
    moving = NTCov(NTCov(P, L), L) - Rational(1, 2) * NTCov(P, NTVar(L))
    assert (found.curvature - eta**2 / 2 * moving).expand() == 0


def test_the_step_itself_is_exact_for_a_quadratic():
    assert AfterStep(w**2, w**2 / 2, GradientDescent(eta)).doit() == w**2 * (1 - eta) ** 2
    assert HessianForm(w**2, Nabla(b * w)).doit() == 2 * b**2
    assert TimeDerivative(P, L, GradientFlow()).doit() == -NTCov(P, L)


def test_results_are_objects_like_any_other():
    found = price(P, L, GradientDescent(eta), order=2)
    assert found.func(*found.args) == found
    assert pickle.loads(pickle.dumps(found)) == found
    assert GradientFlow() == GradientFlow()


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: price(P, L, GradientDescent(eta), order=5), "1, 2, 3"),
        (lambda: price(P, L, order=True), "1, 2"),
        (lambda: price(P, L, "adam"), "GradientDescent(eta)"),
        (lambda: price(P, []), "[l1, l2, ...]"),
        (lambda: price(Matrix([w, b]), L, GradientDescent(eta)), "GradientFlow()"),
        (lambda: price(P, L, SAM(Rational(1, 10))).change, "symbol"),
        (lambda: GradientDescent(-1), "positive"),
        (lambda: price(P, L, GradientDescent(Rational(1, 10))).change, "symbol"),
    ],
)
def test_bad_dynamics_say_what_to_write(make, remedy):
    with pytest.raises(ShapeError) as caught:
        make()
    assert remedy in str(caught.value)


def test_symbols_that_are_constants_stay():
    j, s = symbols("j s", positive=True)
    assert NTCov(P, j * s * P).doit() == j * s * NTVar(P)


def test_a_constant_is_not_called_like_the_time():
    for constant in (t, Symbol("t", positive=True)):  # both are printed as the time is
        with pytest.raises(ShapeError, match="time=t"):
            price(constant * P, -constant * P)
    assert price(t * P, -t * P, time=t).change == P + NTVar(t * P)
    fit = squared_loss(Network(Dense(2, 3))(inputs("x", 2)), inputs("t", 3))
    assert price(fit, fit).order == 1  # targets are no time
    assert price(t * P, L, GradientDescent(eta)).selection == -eta * NTCov(t * P, L)


def test_a_schedule_is_a_number_within_a_step():
    k, rate = Symbol("k"), Function("eta")
    step = price(P, L, GradientDescent(rate(k)), order=2)
    plain = price(P, L, GradientDescent(eta), order=2)
    assert step.change.removeO() == plain.change.removeO().subs(eta, rate(k))
    assert step.remainder == plain.remainder
    decaying = GradientDescent(eta / sqrt(1 + k))
    assert price(P, L, decaying).change == -eta * NTCov(P, L) / sqrt(1 + k) + O(eta**2)
    for dynamics in (GradientDescent(rate(k)), decaying):
        law = price(PROPERTY, LOSS, dynamics, order=2)
        assert law.derivation.check(points=2)
        start = law.derivation.start
        wrong = Step(Rule(), start, 2 * law.selection + law.remainder)
        assert check(wrong, points=2, code=False).outcome == "does not hold"


def test_two_scales_of_a_step_leave_no_power_to_expand_in():
    with pytest.raises(ShapeError, match="symbol"):
        _ = price(P, L, GradientDescent(eta * Symbol("gamma"))).change
