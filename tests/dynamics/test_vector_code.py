"""Code of laws in metrics of linear algebra, against NumPy's own and JAX's derivatives."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sympy import MatrixSymbol, Rational, Symbol, symbols, tanh

from symprice import (
    MLP,
    Activation,
    Dense,
    HeavyBall,
    Index,
    Network,
    NoRuleError,
    NTCov,
    Parameter,
    ParameterMatrix,
    ShapeError,
    average,
    compare,
    cross_entropy,
    inputs,
    price,
    relu,
    softmax,
    squared_loss,
)
from symprice.dynamics.decay import WeightDecay
from symprice.dynamics.natural import NaturalGradient, Newton
from symprice.dynamics.sign import SignDescent
from symprice.dynamics.spectral import SpectralDescent

d, m, k, N = symbols("d m k N", integer=True, positive=True)
eta = Symbol("eta", positive=True)
i = Index("i", N)
x_i, y_i, x = inputs("x", d, each=i), inputs("y", k, each=i), inputs("t", d)
net = MLP(d, m, k, activation=tanh)
LOSS = average(cross_entropy(net(x_i), y_i), i)
PROPERTY = softmax(net(x))[0]
COUNT = d * m + m + k * m + k
FISHER = MatrixSymbol("F", COUNT, COUNT)
ORDER = ("W1", "W2", "b1", "b2")
SHAPES = {"W1": (4, 3), "W2": (2, 4), "b1": (4,), "b2": (2,)}
RATE = 0.1

rng = np.random.default_rng(5)
PARAMS = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
DATA = {
    "x": rng.normal(size=(6, 3)),
    "y": np.eye(2)[rng.integers(0, 2, 6)],
    "t": rng.normal(size=3),
}
FLAT = np.concatenate([PARAMS[name].ravel() for name in ORDER])


def arrays(flat):
    found, start = {}, 0
    for name in ORDER:
        size = int(np.prod(SHAPES[name]))
        found[name] = flat[start : start + size].reshape(SHAPES[name])
        start += size
    return found


@pytest.fixture(scope="module")
def derivatives():
    """∇P, ∇L, ∇²P, ∇²L by JAX."""
    jax = pytest.importorskip("jax", reason="JAX is not installed: make oracles")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy

    def logits(flat, inputs_):
        p = arrays(flat)
        return jnp.tanh(inputs_ @ p["W1"].T + p["b1"]) @ p["W2"].T + p["b2"]

    def loss(flat):
        return -jnp.mean(jnp.sum(DATA["y"] * jax.nn.log_softmax(logits(flat, DATA["x"])), axis=1))

    def prop(flat):
        return jax.nn.softmax(logits(flat, DATA["t"]))[0]

    found = [jax.grad(prop), jax.grad(loss), jax.hessian(prop), jax.hessian(loss)]
    return [np.asarray(jax.jit(function)(jnp.asarray(FLAT))) for function in found]


def polar(slope):
    left, _, right = np.linalg.svd(slope.reshape(len(slope), -1), full_matrices=False)
    return (left @ right).reshape(slope.shape)


def spectral(slope, _hessian, _fisher):
    return np.concatenate([polar(block).ravel() for block in arrays(slope).values()])


WAYS = {
    "Newton": (
        lambda rate: Newton(Rational(7, 10), rate),
        lambda g, h, f: np.linalg.solve(h + 0.7 * np.eye(len(g)), g),
    ),
    "natural": (
        lambda rate: NaturalGradient(FISHER, eta=rate),
        lambda g, h, f: np.linalg.solve(f, g),
    ),
    "spectral": (lambda rate: SpectralDescent(eta=rate), spectral),
    "sign": (SignDescent, lambda g, h, f: np.sign(g)),
}


def value(law, **more):
    function = law.lambdify()
    known = {**DATA, **more, "eta": RATE}
    return function(PARAMS, *(known[symbol.name] for symbol in function.inputs))


@pytest.mark.parametrize("name", WAYS)
def test_laws_of_a_network(name, derivatives):
    """The flow `-∇P·M∇L`, the step, and its curvature `½η² uᵀ∇²P u` along u = M∇L."""
    slope_p, slope, hessian_p, hessian = derivatives
    make, solve = WAYS[name]
    root = np.random.default_rng(2).normal(size=(len(FLAT), 2 * len(FLAT)))
    fisher = root @ root.T / root.shape[1]
    moved = solve(slope, hessian, fisher)
    first, second = slope_p @ moved, moved @ hessian_p @ moved
    laws = {
        None: (1, -first),
        1: (1, -RATE * first),
        2: (2, -RATE * first + RATE**2 / 2 * second),
    }
    for kind, (order, expected) in laws.items():
        law = price(PROPERTY, LOSS, make(eta if kind else None), order=order)
        assert np.isclose(value(law, F=fisher), expected, rtol=1e-11)


def test_decay_of_newton(derivatives):
    slope_p, slope, hessian_p, hessian = derivatives
    lamda = Symbol("lamda", positive=True)
    law = price(PROPERTY, LOSS, WeightDecay(lamda, Newton(1, eta)), order=2)
    step = -RATE * np.linalg.solve(hessian + np.eye(len(FLAT)), slope) - RATE * 0.3 * FLAT
    expected = slope_p @ step + step @ hessian_p @ step / 2
    assert np.isclose(value(law, lamda=0.3), expected, rtol=1e-11)


@pytest.mark.parametrize(
    "way",
    [Newton(1, eta), SpectralDescent(eta=eta), SignDescent(eta), WeightDecay(1, Newton(1, eta))],
    ids=["Newton", "spectral", "sign", "decay"],
)
def test_real_steps(way):
    found = compare(price(PROPERTY, LOSS, way, order=2), DATA, PARAMS, [1e-4, 2e-4, 4e-4, 8e-4])
    assert np.allclose([found.slope(1), found.slope(2)], [2, 3], atol=0.005)


def test_one_step_of_newton_solves_least_squares():
    """A linear network's squared loss is at its minimum after a step of η = 1: known by hand."""
    linear = Network(Dense(d, 1))
    t_i = inputs("y", 1, each=i)
    loss = average(squared_loss(linear(x_i), t_i), i)
    target = rng.normal(size=(6, 1))
    best = np.linalg.lstsq(np.c_[DATA["x"], np.ones(6)], target[:, 0], rcond=None)[0]
    change = price(linear(x)[0], loss, Newton()).lambdify()
    start = {"W1": rng.normal(size=(1, 3)), "b1": rng.normal(size=1)}
    known = {"x": DATA["x"], "y": target, "t": DATA["t"]}
    before = start["W1"][0] @ DATA["t"] + start["b1"][0]
    moved = change(start, *(known[s.name] for s in change.inputs))
    assert np.isclose(before + moved, best[:3] @ DATA["t"] + best[3], rtol=1e-11)


def test_parameters_that_one_of_the_two_lacks():
    """A tied matrix, a scalar parameter, and a regulariser that only the loss has; by hand."""
    W, c = ParameterMatrix("W", d, d), Parameter("c", real=True)
    z = inputs("z", d)
    prop = (z.T * W * W * z)[0, 0]
    loss = (z.T * W * z)[0, 0] ** 2 / 2 + 3 * c**2
    law = price(prop, loss, Newton(2))
    array, point = rng.normal(size=(3, 3)), rng.normal(size=3)
    outer = np.outer(point, point).ravel()
    slope = point @ array @ point * outer
    moved = np.linalg.solve(np.outer(outer, outer) + 2 * np.eye(9), slope).reshape(3, 3)
    expected = -point @ (moved @ array + array @ moved) @ point
    assert np.isclose(law.lambdify()({"W": array, "c": 1.5}, point), expected, rtol=1e-12)
    # A Fisher matrix is over the scalar, too.
    flow = price(prop, loss, NaturalGradient(MatrixSymbol("F", 10, 10))).lambdify()
    known = {"z": point, "F": 2 * np.eye(10)}
    moved = slope.reshape(3, 3) / 2
    expected = -point @ (moved @ array + array @ moved) @ point
    found = flow({"W": array, "c": 1.5}, *(known[symbol.name] for symbol in flow.inputs))
    assert np.isclose(found, expected, rtol=1e-12)


def test_the_check_runs_the_code():
    one = squared_loss(Network(Dense(2, 2), Activation(tanh))(inputs("x", 2)), inputs("y", 2))
    report = price(one, one, SpectralDescent()).check(points=2)
    assert report
    assert report.code_worst < 1e-10


def test_a_function_pickles_and_says_what_it_takes():
    function = price(PROPERTY, LOSS, Newton(1)).lambdify()
    again = pickle.loads(pickle.dumps(function))
    given = [DATA[symbol.name] for symbol in function.inputs]
    assert again(PARAMS, *given) == function(PARAMS, *given)
    assert "np.linalg.solve" in function.source
    with pytest.raises(ShapeError, match="W1"):
        function({**PARAMS, "W1": np.ones((4, 2))}, *given)


def test_what_has_no_code_says_so():
    with pytest.raises(ShapeError, match="one input at a time"):
        price(PROPERTY, LOSS, Newton(1)).lambdify(batch={x: "n"})
    kinked = squared_loss(MLP(d, m, 1, activation=relu)(x), inputs("y", 1))
    with pytest.raises(NoRuleError):
        price(kinked, kinked, Newton(1)).lambdify()
    with pytest.raises(NoRuleError, match="MatrixSymbol"):
        price(PROPERTY, LOSS, NaturalGradient([[1, 0], [0, 2]])).lambdify()
    with pytest.raises(ShapeError, match="SpectralDescent"):
        SpectralDescent(eta)
    assert NTCov(PROPERTY, LOSS).lambdify()  # the Euclidean metric needs none of it
    assert price(PROPERTY, LOSS, HeavyBall(eta, Rational(1, 2)), order=2).lambdify()
