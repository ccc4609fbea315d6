"""Predicted and actual changes: the slopes of the errors, training by hand, what goes wrong."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from sympy import Rational, Symbol, exp

from symprice import (
    MLP,
    SGD,
    Dense,
    GradientDescent,
    GradientFlow,
    HeavyBall,
    Index,
    Network,
    Parameter,
    average,
    inputs,
    price,
    relu,
    sigmoid,
    softmax,
    squared_loss,
)
from symprice.dynamics.adaptive import Adam, AdamW, RMSProp
from symprice.dynamics.decay import WeightDecay
from symprice.dynamics.langevin import Langevin
from symprice.dynamics.momentum import HeavyBallFlow, Nesterov
from symprice.dynamics.natural import Newton
from symprice.dynamics.normalized import NormalizedGradient
from symprice.dynamics.sign import SignDescent
from symprice.errors import DivergenceError, NoRuleError, ShapeError, StepSizeWarning
from symprice.training.comparing import compare
from symprice.training.following import follow
from symprice.training.stability import sharpness, threshold
from symprice.training.steps import Stepper
from tests.training.setting import (
    LOSS,
    PROBABILITY,
    arrays,
    beta,
    descended,
    eta,
    probability,
)

b = Parameter("b", real=True)


@pytest.mark.parametrize(
    ("dynamics", "order", "extra"),
    [
        (GradientFlow(), 1, {}),
        (GradientDescent(eta), 2, {}),
        (HeavyBall(eta, beta), 2, {"beta": 0.9}),
        (Nesterov(eta, beta), 2, {"beta": 0.5}),
        (Adam(eta), 1, {}),
    ],
    ids=["flow", "descent", "heavy ball", "nesterov", "adam"],
)
def test_the_error_falls_with_the_next_power_of_the_step_size(dynamics, order, extra):
    params, data = arrays()
    equation = price(PROBABILITY, LOSS, dynamics, order=order)
    found = compare(equation, {**data, **extra}, params)
    for k in range(1, order + 1):
        assert found.slope(k) == pytest.approx(k + 1, abs=0.05)
    assert abs(found.error(1)[0]) < 1e-2 * abs(found.actual[0])


@pytest.mark.parametrize(
    ("dynamics", "order"),
    [
        (Nesterov(eta, beta), 2),
        (Adam(eta), 2),
        (AdamW(eta), 2),
        (RMSProp(eta), 2),
        (NormalizedGradient(eta), 2),
        (SignDescent(eta), 2),
        (Newton(2, eta), 2),
        (HeavyBallFlow(Rational(1, 2)), 1),
    ],
    ids=lambda given: type(given).__name__,
)
def test_every_way_of_moving_that_is_run(dynamics, order):
    w = Parameter("w", real=True)
    equation = price(sigmoid(w + 2 * b), [exp(w) * b, (w * b - 1) ** 2], dynamics, order=order)
    # A ball that rolls slowly moves little: it is given longer steps and more of them.
    largest, steps = (0.05, 20) if dynamics.continuous else (3e-3, 5)
    rates = largest * np.geomspace(0.03, 1, 6)
    found = compare(equation, {"beta": 0.5}, {w: 0.3, b: 0.4}, rates, warm_up=steps)
    for k in range(1, order + 1):
        assert found.slope(k) == pytest.approx(k + 1, abs=0.05)


def test_the_actual_change_is_that_of_the_network_by_hand():
    params, data = arrays()
    found = compare(price(PROBABILITY, LOSS, GradientDescent(eta)), data, params, [0.01, 0.1])
    for rate, change in zip(found.rates, found.actual, strict=True):
        by_hand = probability(descended(params, data, rate), data) - probability(params, data)
        assert change == pytest.approx(by_hand, abs=1e-9)


def test_a_step_that_crosses_no_kink_has_no_curvature_there():
    """The second derivative of relu is an impulse; between the kinks nothing is left of it."""
    i = Index("i", Symbol("N", integer=True, positive=True))
    x_i, y_i = inputs("x", 3, each=i), inputs("y", 2, each=i)
    net, rng = MLP(3, 6, 2, activation=relu), np.random.default_rng(2)
    prop = softmax(net(inputs("u", 3)))[0]
    equation = price(prop, average(squared_loss(net(x_i), y_i), i), GradientDescent(eta), order=2)
    data = {"x": rng.normal(size=(7, 3)), "y": rng.normal(size=(7, 2)), "u": rng.normal(size=3)}
    params = {n: a + 0.2 * rng.normal(size=a.shape) for n, a in net.init(1).items()}
    found = compare(equation, data, params, np.geomspace(1e-3, 1e-2, 5))
    assert [found.slope(k) for k in (1, 2)] == pytest.approx([2, 3], abs=0.05)


@pytest.mark.parametrize("net", [Network(Dense(1, 1, bias=False)), MLP(1, 3, 1, bias=False)])
def test_networks_of_one_input_and_without_curvature(net):
    i = Index("i", Symbol("N", integer=True, positive=True))
    x_i, y_i = inputs("x", 1, each=i), inputs("y", 1, each=i)
    loss = average(squared_loss(net(x_i), y_i), i)
    equation = price(net(inputs("u", 1))[0] ** 2, loss, HeavyBall(eta, beta), order=2)
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=(7, 1)), "y": rng.normal(size=(7, 1)), "u": np.ones(1)}
    found = compare(equation, {**data, "beta": 0.5}, net.init(0))
    assert found.slope(1) == pytest.approx(2, abs=0.05)
    if len(net.parameters) == 1:
        assert found.threshold == pytest.approx(3 / (data["x"] ** 2).mean())


def test_a_wrong_equation_is_seen():
    """An equation for another loss has an error of the first order."""
    params, data = arrays()
    other = price(PROBABILITY, 2 * LOSS, GradientDescent(eta))
    mine = price(PROBABILITY, LOSS, GradientDescent(eta))
    right, wrong = (compare(e, data, params, np.geomspace(1e-3, 1e-2, 5)) for e in (mine, other))
    wrong.predicted = right.predicted
    assert wrong.slope(1) == pytest.approx(1, abs=0.05)


def test_an_exact_prediction_has_no_slope():
    theta = Parameter("theta")
    found = compare(price(theta, theta**2 / 2, GradientDescent(eta), order=2), {}, {theta: 1.5})
    assert np.isnan(found.slope(1)) and np.allclose(found.error(1), 0, atol=1e-15)


def test_tables():
    found = compare(price(sigmoid(b), -sigmoid(b), GradientDescent(eta)), {}, {b: 0.5})
    text = str(found)
    assert "actual ΔP" in text and "theory: 2" in text and "stable below" in text
    page = found._repr_html_()
    assert page.count("<tr>") == 1 + len(found.rates) and "<script" not in page


def test_a_run_is_training_by_hand():
    params, data = arrays()
    equation = price(PROBABILITY, LOSS, GradientDescent(eta), order=2)
    run = follow(equation, data, params, rate=0.3, steps=5)
    now = params
    for step in range(6):
        assert run.values[step] == pytest.approx(probability(now, data), abs=1e-8)
        now = descended(now, data, 0.3)
    assert run.losses[1] < run.losses[0]
    np.testing.assert_allclose(run.predicted[2], run.parts["selection"] + run.parts["curvature"])
    np.testing.assert_allclose(run.predicted[1], run.parts["selection"])
    assert abs(run.cumulated(2)[-1] - run.values[-1]) < abs(run.cumulated(1)[-1] - run.values[-1])


def test_momentum_carries_its_velocity():
    theta = Parameter("theta")
    run = follow(price(theta, theta**2 / 2, HeavyBall(eta, beta)), {"beta": 0.5}, {theta: 1.0},
                 rate=0.1, steps=6)  # fmt: skip
    position, velocity = 1.0, 0.0
    for value in run.values:
        assert value == pytest.approx(position, abs=1e-14)
        velocity = 0.5 * velocity - 0.1 * position
        position += velocity
    np.testing.assert_allclose(run.predicted[1], run.actual, atol=1e-15)


def test_newtons_method_finds_a_minimum_in_few_steps():
    theta = Parameter("theta", real=True)
    equation = price(theta, (theta - 1) ** 4 + theta**2, Newton(0, eta))
    run = follow(equation, {}, {theta: 2.0}, rate=1.0, steps=7)
    position = 2.0
    for value in run.values:
        assert value == pytest.approx(position, abs=1e-13)
        slope, curvature = 4 * (position - 1) ** 3 + 2 * position, 12 * (position - 1) ** 2 + 2
        position -= slope / curvature
    assert slope == pytest.approx(0, abs=1e-9)


def test_batches_are_epochs_in_random_order():
    params, data = arrays(samples=12)
    equation = price(PROBABILITY, LOSS, GradientDescent(eta))
    run = follow(equation, data, params, rate=0.1, epochs=2, batch=4, rng=3)
    assert len(run) == 6
    rng, now = np.random.default_rng(3), params
    for step in range(3):
        if step == 0:
            order = rng.permutation(12)
        chosen = order[4 * step : 4 * step + 4]
        now = descended(now, {**data, "x": data["x"][chosen], "y": data["y"][chosen]}, 0.1)
        assert run.values[step + 1] == pytest.approx(probability(now, data), abs=1e-8)


@pytest.mark.parametrize("replacement", [True, False])
def test_steps_of_sgd_are_drawn_and_their_mean_is_predicted(replacement):
    params, data = arrays(2, 3, 3, 5)
    dynamics, rate = SGD(eta, 2, 5, replacement), 0.05
    equation = price(PROBABILITY, LOSS, dynamics, order=2)
    run = follow(equation, data, params, rate=rate, steps=1, rng=1)
    assert set(run.parts) == {"selection", "noise", "curvature"}
    pairs = product(range(5), repeat=2) if replacement else combinations(range(5), 2)
    changes = []
    for pair in pairs:
        drawn = {**data, "x": data["x"][list(pair)], "y": data["y"][list(pair)]}
        changes.append(
            probability(descended(params, drawn, rate), data) - probability(params, data)
        )
    assert abs(run.actual[0] - changes).min() < 1e-9
    slack = 0.1 * abs(run.parts["noise"][0])  # the third order is left out
    assert abs(run.predicted[2][0] - np.mean(changes)) < slack
    with pytest.raises(ShapeError, match="whose batches have 2"):
        follow(equation, data, params, rate=rate, steps=1, batch=3)
    with pytest.raises(ShapeError, match="on 4 samples"):
        fewer = {**data, "x": data["x"][:4], "y": data["y"][:4]}
        follow(equation, fewer, params, rate=rate, steps=1)


def test_adam_is_run_as_the_package_states_it():
    theta = Parameter("theta")
    run = follow(price(theta, theta**2 / 2, Adam(eta, eps=0)), {}, {theta: 1.0}, rate=0.1, steps=3)
    mean = square = 0.0
    position = 1.0
    for t, value in enumerate(run.values, start=1):
        assert value == pytest.approx(position, abs=1e-13)
        mean, square = 0.9 * mean + 0.1 * position, 0.999 * square + 0.001 * position**2
        position -= 0.1 * (mean / (1 - 0.9**t)) / np.sqrt(square / (1 - 0.999**t))
    np.testing.assert_allclose(run.predicted[1], run.actual, atol=1e-14)


@pytest.mark.filterwarnings("ignore::symprice.errors.StepSizeWarning")
def test_a_step_size_above_the_threshold_is_told():
    theta = Parameter("theta")
    equation = price(theta, 2 * theta**2, GradientDescent(eta))
    with pytest.raises(DivergenceError, match=r"stable below 0\.5 \(the sharpness .* is 4\)"):
        follow(equation, {}, {theta: 1.0}, rate=1e3, steps=400)
    with pytest.warns(StepSizeWarning, match=r"stability threshold 0\.5"):
        compare(equation, {}, {theta: 1.0}, [0.1, 0.6])
    with pytest.warns(StepSizeWarning, match=r"raised the loss from 2 to .* stable below 0\.5"):
        follow(equation, {}, {theta: 1.0}, rate=0.6, steps=10)
    follow(equation, {}, {theta: 1.0}, rate=0.49, steps=10)


@pytest.mark.parametrize(
    ("dynamics", "known"),
    [
        (GradientDescent(eta), 2 / 4),
        (HeavyBall(eta, beta), 2 * 1.6 / 4),
        (Nesterov(eta, beta), 2 * 1.6 / (4 * 2.2)),
        (WeightDecay(Rational(3, 10), GradientDescent(eta)), 2 / 4.3),
        (WeightDecay(Rational(3, 10), HeavyBall(eta, beta)), None),
    ],
    ids=lambda given: type(given).__name__,
)
def test_the_threshold_is_where_steps_start_to_grow(dynamics, known):
    limit = threshold(dynamics, 4.0, {"beta": 0.6})
    if known is not None:
        assert limit == pytest.approx(known, rel=1e-9)
    theta = Parameter("theta")
    stepper = Stepper(2 * theta**2, dynamics)
    for part, grows in ((0.98, False), (1.02, True)):
        now, state = {"theta": 1.0}, {}
        for t in range(1, 1500):
            now, state = stepper(now, state, {"eta": part * limit, "beta": 0.6}, t)
        assert abs(now["theta"]) > 1e3 if grows else abs(now["theta"]) < 1e-3


def test_where_no_threshold_is_known_none_is_told():
    for dynamics in (Adam(eta), RMSProp(eta), SignDescent(eta), NormalizedGradient(eta)):
        assert np.isnan(threshold(dynamics, 4.0, {}))
    found = compare(price(sigmoid(b), b**2, SignDescent(eta)), {}, {b: 0.5})
    assert np.isnan(found.threshold) and "stable" not in str(found)


def test_the_threshold_is_two_over_the_sharpness():
    params, data = arrays()
    found = compare(price(PROBABILITY, LOSS, GradientDescent(eta)), data, params, [0.01])
    assert found.threshold == pytest.approx(2 / sharpness(LOSS, params, data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": None}, "the data lack x"),
        ({"x": np.zeros((20, 4))}, r"x has the shape \(20, 4\)"),
        ({"y": np.zeros((7, 3))}, "N"),
        ({"x": np.full((20, 5), np.nan)}, "x holds NaN"),
        ({"x": np.zeros((20, 5), dtype=int)}, "floating-point"),
        ({"x": np.zeros((0, 5)), "y": np.zeros((0, 3))}, "the loss is nan"),
    ],
)
def test_data_that_cannot_be_used(change, message):
    params, data = arrays()
    data = {n: a for n, a in {**data, **change}.items() if a is not None}
    with pytest.raises(ShapeError, match=message):
        compare(price(PROBABILITY, LOSS, GradientDescent(eta)), data, params)


def test_requests_that_cannot_be_met():
    params, data = arrays()
    equation = price(PROBABILITY, LOSS, GradientDescent(eta))
    with pytest.raises(ShapeError, match="W2"):
        compare(equation, data, {n: a for n, a in params.items() if n != "W2"})
    with pytest.raises(ShapeError, match="NaN"):
        compare(equation, data, {**params, "W1": params["W1"] * np.nan})
    with pytest.raises(ShapeError, match="write an array"):
        compare(equation, data, {**params, "W1": [[1.0], [2.0, 3.0]]})
    with pytest.raises(ShapeError, match="positive"):
        compare(equation, data, params, [0.1, -0.1])
    with pytest.raises(ShapeError, match="how many"):
        compare(equation, data, params, warm_up=-1)
    for value in (np.nan, "a", np.ones(3)):
        with pytest.raises(ShapeError, match="the value of beta is"):
            compare(price(b * beta, b**2, GradientDescent(eta)), {beta: value}, {b: 0.5})
    with pytest.raises(ShapeError, match="b has no value"):
        compare(price(b**2, b**2, GradientDescent(eta)), {}, {})
    with pytest.raises(ShapeError, match="write price"):
        compare(LOSS, data, params)
    with pytest.raises(NoRuleError, match="a symbol for it"):
        compare(
            price(PROBABILITY, LOSS, GradientDescent(Symbol("eta").subs("eta", 1))), data, params
        )
    with pytest.raises(ShapeError, match="how long"):
        follow(equation, data, params, rate=0.1)
    with pytest.raises(ShapeError, match="batches of 50 out of 20"):
        follow(equation, data, params, rate=0.1, steps=3, batch=50)
    with pytest.raises(ShapeError, match="no average"):
        follow(price(b, b**2, GradientDescent(eta)), {}, {b: 1.0}, rate=0.1, steps=3, batch=5)
    with pytest.raises(ShapeError, match="given twice"):
        follow(equation, {**data, "eta": 0.1}, params, rate=0.1, steps=3)
    temperature = Symbol("T", positive=True)
    with pytest.raises(NoRuleError, match="random"):
        follow(price(b, b**2, Langevin(temperature)), {"T": 0.1}, {b: 1.0}, rate=0.1, steps=3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda x: np.ma.masked_greater(x, 0), "x is masked in places"),
        (lambda x: x + 0j, "x is an array of complex numbers"),
    ],
)
def test_what_numpy_would_leave_out_of_the_data_raises(changed, message):
    params, data = arrays()
    equation = price(PROBABILITY, LOSS, GradientDescent(eta), order=1)
    wrong = {**data, "x": changed(data["x"])}
    with pytest.raises(ShapeError, match=message):
        compare(equation, wrong, params)
    with pytest.raises(ShapeError, match=message):
        follow(equation, wrong, params, rate=0.1, steps=1, batch=5)
