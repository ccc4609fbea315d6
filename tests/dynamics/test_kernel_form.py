"""Training of networks of matrices: written with the kernel, against steps of real training."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Rational, Symbol, exp, symbols, tanh

from symprice import (
    MLP,
    GradientDescent,
    Index,
    NoRuleError,
    NTCov,
    ScalarProduct,
    ShapeError,
    average,
    check,
    closed_form,
    cross_entropy,
    inputs,
    price,
    softmax,
    squared_loss,
)
from symprice.dynamics.adaptive import Adam
from symprice.dynamics.kernel_form import AtTheOutput, in_kernel
from symprice.dynamics.momentum import HeavyBall, HeavyBallFlow, NesterovFlow
from symprice.dynamics.normalized import NormalizedGradient
from symprice.dynamics.sign import SignDescent
from symprice.indexed.sums import SumOver

d, m, N, k = symbols("d m N k", integer=True, positive=True)
eta, beta, lamda = symbols("eta beta lamda", positive=True)
i = Index("i", N)
x_i, y_i, t_i = inputs("x", d, each=i), inputs("y", 1, each=i), inputs("t", k, each=i)
z, x_of_another = inputs("z u", d)
one, many = MLP(d, m, 1, activation=tanh), MLP(d, m, k, activation=tanh)
SQUARED = average(squared_loss(one(x_i), y_i), i)
CROSSED = average(cross_entropy(many(x_i), t_i), i)
F = one(z)[0]

CASES = {
    "a squared loss": (F, SQUARED),
    "several outputs": (many(z)[0], average(squared_loss(many(x_i), t_i), i)),
    "a cross-entropy": (many(z)[0], CROSSED),
    "a probability": (softmax(many(z))[0], CROSSED),
    "one sample": (F, squared_loss(one(inputs("u", d)), inputs("t", 1))),
    "an exponential loss": (F, average(exp(-y_i[0] * one(x_i)[0]), i)),
    "a penalty": (F, SQUARED + lamda * sum(ScalarProduct(p, p) for p in one.parameters)),
    "the loss itself": (SQUARED, SQUARED),
    "three layers": (
        MLP(d, m, m, 1)(z)[0],
        average(squared_loss(MLP(d, m, m, 1)(x_i), y_i), i),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_kernel_form_is_the_covariance(name):
    prop, loss = CASES[name]
    law = price(prop, loss)
    assert law.check(points=1, digits=15), law.check(points=1, digits=15)


@pytest.mark.parametrize("name", [n for n in CASES if n != "the loss itself"])
def test_it_is_found(name):
    prop, loss = CASES[name]
    law = price(prop, loss)
    assert law.derivation.steps[-1].rule.name == "chain rule at the output"
    assert law.selection == law.change
    assert law.kernel.check(points=1, digits=15, code=False)


VECTORS = {
    "outputs": (many(z), average(squared_loss(many(x_i), t_i), i)),
    "outputs by cross-entropy": (many(z), CROSSED),
    "probabilities": (softmax(many(z)), CROSSED),
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_column_of_outputs_moves_by_the_matrix_kernel(name):
    prop, loss = VECTORS[name]
    law = price(prop, loss)
    assert law.change.shape == (k, 1)
    assert law.derivation.steps[-1].rule.name == "chain rule at the output"
    assert law.check(points=1, digits=15)


def test_a_column_in_latex_and_by_entries():
    prop, loss = VECTORS["outputs by cross-entropy"]
    law = price(prop, loss)
    first = law.latex().splitlines()[1].replace(" ", "")
    assert r"\operatorname{NTCov}(f,z_{i})\left(p_{i}-t_{i}\right)" in first
    rng = np.random.default_rng(7)
    numbers = many.init(2, {d: 3, m: 4, k: 2})
    X, at = rng.normal(size=(5, 3)), rng.normal(size=3)
    targets = np.eye(2)[[0, 1, 1, 0, 1]]
    whole = law.lambdify()(numbers, targets, X, at)
    for entry in (0, 1):
        alone = price(many(z)[entry], loss).lambdify()(numbers, targets, X, at)
        assert np.isclose(whole[entry], alone, rtol=1e-13)
    with pytest.raises(ShapeError, match=r"net\(x\)\[0\]"):
        price(prop, loss, GradientDescent(eta))


def test_one_output_is_a_scalar():
    assert price(one(z), SQUARED) == price(F, SQUARED)
    with pytest.raises(ShapeError, match="a loss is a scalar"):
        price(F, many(z))


def test_the_loss_itself_falls_by_its_variance():
    assert price(SQUARED, SQUARED).change == NTCov(SQUARED, -SQUARED)


def test_what_it_looks_like():
    tex = price(F, SQUARED).latex()
    first = tex.splitlines()[1].replace(" ", "")
    assert first == (
        r"\frac{dg}{dt}&=-\frac{1}{N}\sum_{i=1}^{N}\left(f_{i}-y_{i}\right)"
        r"\operatorname{NTCov}(g,f_{i})\\"
    )
    assert "v_{1" not in tex  # nothing of the loss that is not printed
    tex = price(many(z)[0], CROSSED).latex()
    assert r"\left(p_{i} - t_{i}\right)^{\top}" in tex
    assert r"p_{i} &= \operatorname{softmax}(z_{i})" in tex
    step = price(F, SQUARED, GradientDescent(eta)).latex()
    assert r"-\frac{\eta}{N} \sum_{i=1}^{N} \left(f_{i} - y_{i}\right)" in step


def test_without_a_sum_or_an_output_the_covariance_stays():
    penalty = ScalarProduct(one.parameters[0], one.parameters[0])
    law = price(F, penalty)
    assert law.change == NTCov(F, -penalty)
    with pytest.raises(NoRuleError):
        _ = law.kernel
    hidden = average(squared_loss(one(x_i), y_i) * F, i)  # not through one output alone
    assert not in_kernel(NTCov(F, hidden), hidden).has(SumOver) or check(
        price(F, hidden), points=1, digits=15, code=False
    )


def test_a_rule_that_is_wrong_is_found(monkeypatch):
    def wrong(self, node):
        found = right(self, node)
        return None if found is None else 2 * found

    right = AtTheOutput.apply
    monkeypatch.setattr(AtTheOutput, "apply", wrong)
    assert not price(F, SQUARED).check(points=1, digits=15, code=False)


# --- against training by hand ------------------------------------------------------------------
def data(seed=3):
    rng = np.random.default_rng(seed)
    X, Y, at = rng.normal(size=(6, 3)), rng.normal(size=(6, 1)), rng.normal(size=3)
    return one.init(seed, {d: 3, m: 5}), X, Y, at


def output(p, X):
    return np.tanh(X @ p["W1"].T + p["b1"]) @ p["W2"][0] + p["b2"][0]


def gradients(p, X, Y):
    """Of the mean of ½(f - y)², written out."""
    a = np.tanh(X @ p["W1"].T + p["b1"])
    error = (a @ p["W2"][0] + p["b2"][0] - Y[:, 0]) / len(X)
    back = error[:, None] * (1 - a**2) * p["W2"]
    return {
        "W1": back.T @ X,
        "b1": back.sum(0),
        "W2": (error @ a)[None],
        "b2": np.array([error.sum()]),
    }


def test_the_flow_is_the_slope_of_training():
    p, X, Y, at = data()
    rate = price(F, SQUARED).lambdify()(p, X, Y, at)
    h = 1e-5
    g = gradients(p, X, Y)
    ahead, behind = ({key: p[key] - s * h * g[key] for key in p} for s in (1, -1))
    assert np.isclose(rate, (output(ahead, at) - output(behind, at)) / (2 * h), rtol=1e-9)


def exponents(law, step, arguments):
    """Slopes of the error in the learning rate, between rates of 0.02 and 0.01."""
    errors = []
    for rate in (0.02, 0.01):
        before, after = step(rate)
        p, X, Y, at = data()
        predicted = law.lambdify()(p, *arguments(rate), X, Y, at, *law_numbers(law, rate))
        errors.append(abs(after - before - predicted))
    return np.log2(errors[0] / errors[1])


def law_numbers(law, rate):
    """The scalars that generated functions take last, by name."""
    names = sorted(s.name for s in law.change.free_symbols if s.name in ("beta", "eta", "t"))
    return [{"beta": 0.9, "eta": rate, "t": 3.0}[name] for name in names]


@pytest.mark.parametrize("order", [1, 2])
def test_gradient_descent(order):
    def step(rate):
        p, X, Y, at = data()
        g = gradients(p, X, Y)
        return output(p, at), output({key: p[key] - rate * g[key] for key in p}, at)

    law = price(F, SQUARED, GradientDescent(eta), order=order)
    assert abs(exponents(law, step, lambda rate: ()) - (order + 1)) < 0.1


KEYS = ("W1", "W2", "b1", "b2")


@pytest.mark.parametrize("order", [1, 2])
def test_heavy_ball(order):
    """The velocity is a matrix for each of the network's."""
    p, X, Y, at = data()
    rng = np.random.default_rng(9)
    direction = {key: rng.normal(size=p[key].shape) for key in KEYS}

    def step(rate):
        g = gradients(p, X, Y)
        v = {key: 0.9 * rate * direction[key] - rate * g[key] for key in KEYS}
        return output(p, at), output({key: p[key] + v[key] for key in KEYS}, at)

    law = price(F, SQUARED, HeavyBall(eta, beta), order=order)

    def velocities(rate):
        return [rate * direction[key] for key in KEYS]

    assert abs(exponents(law, step, velocities) - (order + 1)) < 0.1


@pytest.mark.parametrize(
    "flow", [HeavyBallFlow(Symbol("gamma", positive=True)), NesterovFlow(Symbol("t"))], ids=str
)
def test_a_ball_moves_a_network(flow):
    """The velocity has the shapes of the network, in the check too."""
    assert price(F, SQUARED, flow).check(points=1, digits=15)


def test_signs():
    """A step of signs, written out; the kernel is that of no pair of samples."""

    def step(rate):
        p, X, Y, at = data()
        g = gradients(p, X, Y)
        return output(p, at), output({key: p[key] - rate * np.sign(g[key]) for key in p}, at)

    law = price(F, SQUARED, SignDescent(eta))
    assert not law.change.has(SumOver) or law.selection == law.change.removeO()
    assert abs(exponents(law, step, lambda rate: ()) - 2) < 0.1
    with pytest.raises(NoRuleError, match="that loss"):
        closed_form(NTCov(F, one(x_of_another)[0], SignDescent(eta).metric(SQUARED)))


@pytest.mark.parametrize("order", [1, 2])
def test_normalised_steps(order):
    def step(rate):
        p, X, Y, at = data()
        g = gradients(p, X, Y)
        size = np.sqrt(sum((x**2).sum() for x in g.values()))
        return output(p, at), output({key: p[key] - rate * g[key] / size for key in p}, at)

    law = price(F, SQUARED, NormalizedGradient(eta), order=order)
    assert abs(exponents(law, step, lambda rate: ()) - order - 1) < 0.1


def test_adam():
    """The preconditioner and the memory are matrices; the algorithm is run, then predicted."""
    p, X, Y, at = data()
    values = {"beta1": Rational(9, 10), "beta2": Rational(99, 100), "eps": Rational(1, 10)}
    run = Adam(Rational(1, 1000), **values).run(p, lambda now: gradients(now, X, Y), 3)
    before, after = run.params[2:]
    memory, square = run.states[2]["m"], run.states[3]["v"]
    law = price(F, SQUARED, Adam(eta, **values)).lambdify()
    states = [memory[key] for key in KEYS] + [square[key] / (1 - 0.99**3) for key in KEYS]
    predicted = law(before, *states, X, Y, at, 0.001, 3.0)
    actual = output(after, at) - output(before, at)
    assert abs(predicted - actual) < 0.02 * abs(actual)


def test_order_two_is_made_of_covariances_of_networks():
    law = price(F, SQUARED, GradientDescent(eta), order=2)
    assert closed_form(law.curvature).free_symbols >= set(one.parameters)
    assert law.curvature.has(Symbol("eta", positive=True))
