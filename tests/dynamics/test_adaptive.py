"""RMSProp, Adam and AdamW: the law of a step, and the algorithm against a hand-written one."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from sympy import Rational, Symbol, exp, tanh

from symprice import MLP, GradientDescent, ShapeError, observables, price, sigmoid
from symprice.dynamics.adaptive import Adam, AdamW, RMSProp
from symprice.dynamics.momentum import HeavyBall
from symprice.tangent.vectors import PositiveState, StateVector
from tests.differences import agree, number, random_point
from tests.dynamics.simulating import BOTH, b, remainder_exponent, slopes, w

P, L = observables("P L")
eta, eps, decay = (Symbol(name, positive=True) for name in ("eta", "epsilon", "lamda"))
b1, b2 = Rational(4, 5), Rational(9, 10)
PROPERTY = sigmoid(w * 3 + b) * w
LOSS = exp(w * b / 2) + tanh(b - w) ** 2
T = 3

MEMORY = {StateVector("m").coordinate(p): p for p in BOTH}
SQUARES = {PositiveState("vhat").coordinate(p): p for p in BOTH}
RMS = {PositiveState("v").coordinate(p): p for p in BOTH}


def adam(point, rate, shrink=0):
    """A step of Adam from its definition, with v̂ as given."""
    memory = {p: s for s, p in MEMORY.items()}
    square = {p: s for s, p in SQUARES.items()}
    moved = {}
    for p, g in slopes(LOSS, point).items():
        m = mpmath.mpf(4) / 5 * point[memory[p]] + mpmath.mpf(1) / 5 * g
        mean = m / (1 - (mpmath.mpf(4) / 5) ** T)
        denominator = mpmath.sqrt(point[square[p]]) + point[eps]
        moved[p] = point[p] * (1 - rate * shrink) - rate * mean / denominator
    return moved


def rmsprop(point, rate):
    square = {p: s for s, p in RMS.items()}
    return {
        p: point[p] - rate * g / (mpmath.sqrt(point[square[p]]) + point[eps])
        for p, g in slopes(LOSS, point).items()
    }


def adamw(point, rate):
    return adam(point, rate, point[decay])


WAYS = {
    "RMSProp": (RMSProp(eta, b2, eps), rmsprop),
    "Adam": (Adam(eta, b1, b2, eps, T), adam),
    "AdamW": (AdamW(eta, b1, b2, eps, T, decay), adamw),
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("order", [1, 2])
def test_what_is_left_of_a_step(name, order):
    dynamics, step = WAYS[name]
    point = random_point({w, b, *MEMORY}, 31)
    point |= random_point({*SQUARES, *RMS, eps, decay}, 32, 0.2, 1.5)
    law = price(PROPERTY, LOSS, dynamics, order=order)
    found = remainder_exponent(PROPERTY, law, step, point, eta)
    assert abs(found - (order + 1)) < 0.01


@pytest.mark.parametrize("name", WAYS)
def test_the_derivation_holds(name):
    dynamics, _ = WAYS[name]
    for order in (1, 2):
        assert price(P, L, dynamics, order=order).check(points=2)
    assert price(PROPERTY, LOSS, dynamics, order=2).check(points=2)


def test_parts_have_their_names():
    found = price(P, L, WAYS["AdamW"][0])
    assert found.noise == found.curvature == 0
    assert found.change.removeO() == (found.selection + found.bias).expand(deep=False)
    assert price(P, L, RMSProp(eta, b2, eps)).bias == 0
    euler = price(w**3 * b, w, AdamW(eta, 0, b2, eps, T, decay)).bias.doit()
    assert (euler + 4 * eta * decay * w**3 * b).expand() == 0


def test_the_first_step_of_adam_is_a_step_of_signs():
    run = Adam(eta, b1, b2, 0).run({w: w, b: b}, 3 * w - 2 * b, 1)
    assert run.params[1] == {w: w - eta, b: b + eta}


def test_the_law_predicts_the_third_step_of_a_run():
    """The states that the run leaves, put into the law of the next step."""

    def gradient(now):
        found = slopes(LOSS, {p: mpmath.mpf(x) for p, x in now.items()})
        return {p: float(g) for p, g in found.items()}

    dynamics = Adam(Rational(1, 1000), b1, b2, Rational(1, 100))
    run = dynamics.run({w: 0.7, b: -0.4}, gradient, 3)
    before, after = ({p: mpmath.mpf(x) for p, x in run.params[n].items()} for n in (2, 3))
    point = {**before, eta: mpmath.mpf("0.001")}
    point |= {s: mpmath.mpf(run.states[2]["m"][p]) for s, p in MEMORY.items()}
    point |= {s: mpmath.mpf(run.states[3]["v"][p] / (1 - 0.9**3)) for s, p in SQUARES.items()}
    actual = number(PROPERTY, after) - number(PROPERTY, before)
    errors = []
    for order in (1, 2):
        law = price(PROPERTY, LOSS, Adam(eta, b1, b2, Rational(1, 100), 3), order=order)
        errors.append(abs(actual - number(law.change.removeO().doit(), point)))
    assert errors[0] < 1e-2 * abs(actual)
    assert errors[1] < 1e-2 * errors[0]


ARRAYS = {"W": np.array([[0.5, -1.0, 0.3], [0.2, 0.1, -0.7]]), "b": np.array([0.4, -0.2])}
GENERATOR = np.random.default_rng(5)
GRADIENTS = [{k: GENERATOR.normal(size=x.shape) for k, x in ARRAYS.items()} for _ in range(6)]
FACTOR = Rational(1, 100)
BY_TORCH = {
    "GradientDescent": (GradientDescent(FACTOR), "SGD", {}),
    "HeavyBall": (HeavyBall(FACTOR, b1), "SGD", {"momentum": 0.8}),
    "RMSProp": (RMSProp(FACTOR, b2, FACTOR), "RMSprop", {"alpha": 0.9, "eps": 0.01}),
    "Adam": (Adam(FACTOR, b1, b2, FACTOR), "Adam", {"betas": (0.8, 0.9), "eps": 0.01}),
    "AdamW": (
        AdamW(FACTOR, b1, b2, FACTOR, weight_decay=Rational(1, 10)),
        "AdamW",
        {"betas": (0.8, 0.9), "eps": 0.01, "weight_decay": 0.1},
    ),
    "defaults": (Adam(FACTOR), "Adam", {}),
    "AdamW by default": (AdamW(FACTOR), "AdamW", {}),
}


@pytest.mark.parametrize("name", BY_TORCH)
def test_the_algorithm_is_that_of_pytorch(name):
    torch = pytest.importorskip("torch", reason="pip install torch to compare with its optimisers")
    dynamics, kind, settings = BY_TORCH[name]
    tensors = {k: torch.tensor(x, requires_grad=True) for k, x in ARRAYS.items()}
    optimiser = getattr(torch.optim, kind)(tensors.values(), lr=0.01, **settings)
    run = dynamics.run(ARRAYS, GRADIENTS)
    for found, gradients in zip(run.params[1:], GRADIENTS, strict=True):
        for key, tensor in tensors.items():
            tensor.grad = torch.tensor(gradients[key])
        optimiser.step()
        for key, tensor in tensors.items():
            assert np.allclose(found[key], tensor.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_a_run_on_arrays_by_hand():
    run = Adam(FACTOR, b1, b2, FACTOR).run(ARRAYS, GRADIENTS, 2)
    m = v = 0.0
    x = ARRAYS["b"]
    for t, gradients in enumerate(GRADIENTS[:2], start=1):
        m, v = 0.8 * m + 0.2 * gradients["b"], 0.9 * v + 0.1 * gradients["b"] ** 2
        x = x - 0.01 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.9**t)) + 0.01)
    assert np.allclose(run.params[2]["b"], x, rtol=1e-14)
    assert set(run.states[2]) == {"m", "v"}
    numbers = Adam(FACTOR).run({"x": 1.0}, lambda now: {"x": 2 * now["x"]}, 5)
    assert math.isclose(numbers.params[1]["x"], 0.99, rel_tol=1e-6)


def test_the_states_of_a_network_are_matrices():
    net = MLP(2, 3, 1, activation=tanh)
    W1 = net.parameters[0]
    assert StateVector("m").coordinate(W1).shape == (3, 2)
    assert PositiveState("vhat").coordinate(W1).name == "vhat_W1"


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: Adam(-1), "positive"),
        (lambda: Adam(eta, 1), "less than 1"),
        (lambda: AdamW(eta, beta2=Rational(3, 2)), "less than 1"),
        (lambda: Adam(eta, t=0), "counted from 1"),
        (lambda: Adam(eta).run({"x": 1.0}, [{"x": 2.0}]), "with numbers"),
        (lambda: Adam(FACTOR).run({"x": 1.0}, [{"y": 2.0}]), "no gradient of x"),
        (lambda: Adam(FACTOR).run({"x": 1.0}, lambda now: now), "number of steps"),
        (lambda: Adam(FACTOR).run({"x": 1.0}, 3.0, 1), "a function from parameters"),
        (lambda: price(P, L, Adam(eta), order=3), "1, 2"),
        (lambda: price(P, L, Adam(FACTOR)).change, "needs a symbol"),
    ],
)
def test_bad_input_says_what_to_write(make, remedy):
    with pytest.raises(ShapeError) as caught:
        make()
    assert remedy in str(caught.value)


def test_the_metric_is_what_divides():
    point = random_point({w, b}, 33) | random_point({*SQUARES, eps}, 34, 0.2, 1.5)
    dynamics = Adam(eta, 0, b2, eps)
    with mpmath.workdps(60):
        found = number(price(PROPERTY, LOSS, dynamics).selection.doit() / eta, point)
        own, other = slopes(PROPERTY, point), slopes(LOSS, point)
        rates = {p: 1 / (mpmath.sqrt(point[s]) + point[eps]) for s, p in SQUARES.items()}
        assert agree(found, -sum(own[p] * other[p] * rates[p] for p in BOTH))
