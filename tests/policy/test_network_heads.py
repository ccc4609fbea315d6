"""Gradients by what a network gives a policy: results by names, and motions by its kernel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sympy import Rational, Symbol, exp, tanh

from symprice import (
    MLP,
    BernoulliPolicy,
    BinomialPolicy,
    CategoricalPolicy,
    GaussianPolicy,
    Name,
    NTCov,
    Observable,
    PoissonPolicy,
    inputs,
    lambdify,
    observables,
    parameters,
    policy_gradient,
)
from symprice.errors import NoRuleError, PolicyError

a = Symbol("a")
NET = MLP(2, 3, 2, activation=tanh)
f, g = (NET(inputs("x", 2))[k, 0] for k in range(2))
POINT, PARAMS = np.array([0.3, -0.8]), NET.init(1)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def outputs(params):
    """The two outputs of the network at the point, in plain NumPy."""
    W1, b1, W2, b2 = (params[name] for name in ("W1", "b1", "W2", "b2"))
    return W2 @ np.tanh(W1 @ POINT + b1) + b2


def slopes(function):
    """∇ of a function of the arrays of the network, by difference quotients of the fourth order."""
    found, h = {}, 1e-3
    for name, array in PARAMS.items():
        found[name] = np.zeros_like(array)
        for place in np.ndindex(array.shape):

            def at(step, name=name, place=place):
                moved = {k: v.copy() for k, v in PARAMS.items()}
                moved[name][place] += step
                return function(*outputs(moved))

            far, near = at(2 * h) - at(-2 * h), at(h) - at(-h)
            found[name][place] = (8 * near - far) / (12 * h)
    return found


def motion(log_probability, objective):
    """d log π/dt where θ follows ∇J: the product of two gradients by all parameters."""
    s, d = slopes(log_probability), slopes(objective)
    return sum(float((s[name] * d[name]).sum()) for name in s)


@pytest.mark.parametrize(
    ("policy", "reward", "action", "log_probability", "objective"),
    [
        (
            GaussianPolicy(f, log_sigma=g),
            a**2,
            0.4,
            lambda m, r: -((0.4 - m) ** 2) * np.exp(-2 * r) / 2 - r,
            lambda m, r: m**2 + np.exp(2 * r),
        ),
        (
            PoissonPolicy(exp(f)),
            a**2,
            3,
            lambda z, _: 3 * z - np.exp(z),
            lambda z, _: np.exp(2 * z) + np.exp(z),
        ),
        (
            BinomialPolicy(4, logit=g),
            a,
            1,
            lambda _, z: z - 4 * np.logaddexp(0, z),
            lambda _, z: 4 * expit(z),
        ),
    ],
    ids=["gaussian", "poisson", "binomial"],
)
def test_a_density_moves_by_the_kernel_of_the_network(
    policy, reward, action, log_probability, objective
):
    law = policy_gradient(policy, reward).dynamics()
    expected = motion(log_probability, objective)
    for side in (law._formula(), law.rhs):
        value = side.subs(law.gradient.policy.action, Rational(str(action)))
        assert abs(lambdify(None, value)(PARAMS, POINT) / expected - 1) < 1e-9


def test_probabilities_move_by_the_kernel_of_the_network():
    policy = CategoricalPolicy([f, g, 0])
    law = policy_gradient(policy, [1, 2, 4]).dynamics()

    def pi(z, y):
        e = np.exp([z, y, 0])
        return e / e.sum()

    found = law.lambdify()(PARAMS, POINT)
    for k in range(3):
        speed = motion(lambda z, y, k=k: pi(z, y)[k], lambda z, y: pi(z, y) @ [1, 2, 4])
        assert abs(found[k] - speed) < 1e-10


def test_an_unspecified_logit_moves_by_its_variance():
    z, m = observables("z m")
    [first, _] = policy_gradient(BernoulliPolicy(logit=z), {1: 3, 0: 1}).dynamics()
    pi = first.lhs.args[0]
    assert (first.rhs - 2 * pi**2 * (1 - pi) ** 2 * NTCov(z, z)).expand() == 0
    law = policy_gradient(PoissonPolicy(exp(m)), a).dynamics()
    # E[a] = λ, log π = a log λ - λ: dlog π/dt = (a/λ - 1) NTVar(λ), and NTVar(λ) = λ² NTVar(m).
    action = law.gradient.policy.action
    expected = (action - exp(m)) * exp(m) * NTCov(m, m)
    assert (law.rhs - expected).expand() == 0
    assert bool(law.check(points=2))


def test_under_the_natural_gradient_the_kernel_cancels():
    """The motion by F⁺∇J in all parameters of a network, with numbers, is the replicator's."""
    s = slopes(lambda z, _: z)
    grad_z = np.concatenate([v.ravel() for v in s.values()])
    p = expit(outputs(PARAMS)[0])
    fisher = p * (1 - p) * np.outer(grad_z, grad_z)
    step = np.linalg.pinv(fisher) @ (2 * p * (1 - p) * grad_z)
    [first, _] = policy_gradient(BernoulliPolicy(logit=f), {1: 3, 0: 1}).dynamics("natural")
    found = first.rhs.subs(first.lhs.args[0], Rational(1, 3))
    assert found == Rational(4, 9)
    assert abs(p * (1 - p) * grad_z @ step - 2 * p * (1 - p)) < 1e-9


def test_trained_symbols_move_by_themselves():
    w, c = parameters("w c", real=True)
    x = Symbol("x", real=True)
    [first, _] = policy_gradient(BernoulliPolicy(logit=w * x + c), {1: 1, 0: 0}).dynamics()
    pi = first.lhs.args[0]
    assert (first.rhs - (x**2 + 1) * pi**2 * (1 - pi) ** 2).expand() == 0


def test_variances_and_natural_gradients_of_two_heads():
    gradient = policy_gradient(GaussianPolicy(f, log_sigma=g), a**3)
    m, r = outputs(PARAMS)
    actions = m + np.exp(r) * NODES
    scores = np.array([(actions - m) * np.exp(-2 * r), NODES**2 - 1])
    samples = actions**3 * scores
    mean = samples @ WEIGHTS
    spread = samples**2 @ WEIGHTS - mean**2
    fisher = (scores * WEIGHTS) @ scores.T
    assert np.allclose(gradient.lambdify()(PARAMS, POINT), mean, rtol=1e-11)
    variance = lambdify(None, gradient.variance())(PARAMS, POINT)
    assert np.allclose(variance, spread, rtol=1e-10)
    natural = lambdify(None, gradient.natural())(PARAMS, POINT)
    assert np.allclose(natural, np.linalg.solve(fisher, mean), rtol=1e-11)
    path = gradient.pathwise()
    slope = 3 * actions**2 * np.array([np.ones(60), np.exp(r) * NODES])
    found = lambdify(None, path.variance())(PARAMS, POINT)
    assert np.allclose(found, slope**2 @ WEIGHTS - (slope @ WEIGHTS) ** 2, rtol=1e-10)


def test_results_go_by_names_with_definitions():
    gradient = policy_gradient(GaussianPolicy(f, log_sigma=g), a**2)
    z1, z2 = (Name(f"z_{k}", real=True) for k in (1, 2))
    assert list(gradient.derivation.result.expr) == [2 * z1, 2 * exp(2 * z2)]
    assert gradient.derivation.steps[-1].rule.name == "insertion of the parameters"
    assert list(gradient.natural().expr) == [2 * z1 * exp(2 * z2), exp(2 * z2)]
    one = policy_gradient(PoissonPolicy(exp(f)), a**2)
    z = Name("z", positive=True)
    assert one.measure_valued().doit().expr == 2 * z + 1


def test_no_name_where_the_head_is_a_formula():
    m = Observable("m")
    gradient = policy_gradient(GaussianPolicy(2 * m, 3), a**2)
    assert gradient.doit() == 4 * m
    assert gradient.pathwise().variance() == 36
    assert gradient.measure_valued().doit() == 4 * m


def test_a_gradient_of_a_matrix_level_network_as_code():
    law = policy_gradient(BernoulliPolicy(logit=f), {1: 3, 0: 1})
    p = expit(outputs(PARAMS)[0])
    assert abs(law.lambdify()(PARAMS, POINT) - 2 * p * (1 - p)) < 1e-15
    many = law.lambdify(batch={inputs("x", 2): "n"})
    assert np.allclose(many(PARAMS, np.stack([POINT] * 3)), 2 * p * (1 - p), rtol=1e-15)
    softmax = policy_gradient(CategoricalPolicy([f, g, 0]), [1, 2, 4])
    e = np.exp([*outputs(PARAMS), 0])
    pi = e / e.sum()
    expected = pi * (np.array([1, 2, 4]) - pi @ [1, 2, 4])
    assert np.allclose(softmax.lambdify()(PARAMS, POINT), expected, rtol=1e-14)


def test_code_of_an_expectation_that_does_not_close_says_so():
    law = policy_gradient(GaussianPolicy(f, 1), 1 / (1 + a**2))
    with pytest.raises(NoRuleError, match="outputs of the network"):
        law.lambdify()


def test_probabilities_made_from_matrices_want_logits():
    with pytest.raises(PolicyError, match="logit="):
        policy_gradient(BernoulliPolicy(probit=f), {1: 1, 0: 0})
