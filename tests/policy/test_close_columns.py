"""Divergences of close policies, where the terms of the textbook formula cancel.

The numbers are those of the definition, sums over actions, in mpmath.
"""

from __future__ import annotations

import mpmath
import numpy as np
from sympy import MatrixSymbol, Symbol, symbols, tanh

from symprice import (
    MLP,
    CategoricalPolicy,
    ParameterMatrix,
    closed_form,
    inputs,
    kl_penalty,
    policy_gradient,
)

K = Symbol("K", integer=True, positive=True)
z, y, r = ParameterMatrix("z", K, 1), ParameterMatrix("y", K, 1), MatrixSymbol("r", K, 1)
HERE, THERE = CategoricalPolicy(z), CategoricalPolicy(y)
TIGHT = 1e-13
LOGITS = (
    (0.3, -1.2, 0.5),
    (1000.0, 0.0, -1000.0),
    (1000.0, 999.5, -1000.0),
    (40.0, 0.0, 1.0),
    (0.0, 0.0),
    (1e-9, 0.0, -1e-9, 5.0),
    (-30.0, -30.5, -1000.0, 700.0),
)
STEPS = (1e-6, 1e-3, 1.0, 1500.0)


def shares(logits):
    weights = [mpmath.exp(mpmath.mpf(x) - max(logits)) for x in logits]
    return [w / mpmath.fsum(weights) for w in weights]


def divergence(logits, others):
    pairs = zip(shares(logits), shares(others), strict=True)
    return mpmath.fsum(p * mpmath.log(p / q) for p, q in pairs)


def pairs():
    rng = np.random.default_rng(5)
    for logits in LOGITS:
        for step in STEPS:
            yield np.array(logits), np.array(logits) + step * rng.normal(size=len(logits))
            moved = np.array(logits)
            moved[-1] += step
            yield moved, np.array(logits)


def assert_close(found, expected, about):
    if abs(expected) > 1e-290:
        assert abs(mpmath.mpf(float(found)) - expected) <= TIGHT * abs(expected), about
    else:
        assert abs(found) < 1e-280, about


def test_the_divergence_keeps_its_digits():
    law = closed_form(HERE.kl_divergence(THERE))
    codes = [law.lambdify(backend=backend) for backend in ("numpy", "array_api")]
    with mpmath.workdps(1800), np.errstate(all="raise", under="ignore"):
        for logits, others in pairs():
            expected = divergence(logits, others)
            for f in codes:
                assert_close(f({z: logits, y: others}), expected, (logits, others))


def test_of_many_states_and_of_a_network():
    d = Symbol("d", integer=True, positive=True)
    X = inputs("X", d)
    net = MLP(d, 4, K, activation=tanh)
    law = closed_form(CategoricalPolicy(net(X)).kl_divergence(THERE))
    logits = closed_form(net(X)).lambdify(batch={X: "n"})
    f = law.lambdify(batch={X: "n"})
    rng = np.random.default_rng(1)
    sizes = {"W1": (4, 2), "b1": (4,), "W2": (3, 4), "b2": (3,)}
    values = {name: rng.normal(size=shape) for name, shape in sizes.items()}
    states = rng.normal(size=(5, 2))
    made = logits(values, states)
    other = made[0] + 1e-6 * rng.normal(size=3)
    found = f({**values, "y": other}, states)
    with mpmath.workdps(60):
        assert abs(found[0] / divergence(made[0], other) - 1) < 1e-7  # logits are rounded
        for k in range(1, 5):
            assert_close(found[k], divergence(made[k], other), k)


def test_the_gradient_of_a_penalty():
    constant = MatrixSymbol("y", K, 1)
    with mpmath.workdps(900):
        for gain, weight in ((0.0, 3), (1.0, symbols("w"))):
            reward = kl_penalty(HERE, CategoricalPolicy(constant), r, weight)
            law = policy_gradient(HERE, reward)
            f = law.lambdify()
            price = 3 if weight == 3 else 2.0
            more = {} if weight == 3 else {"w": price}
            for logits, others in pairs():
                rewards = gain * np.arange(len(logits))
                pi, there = shares(logits), shares(others)
                paid = [
                    g - price * mpmath.log(p / q)
                    for g, p, q in zip(map(mpmath.mpf, rewards), pi, there, strict=True)
                ]
                mean = mpmath.fdot(pi, paid)
                with np.errstate(all="raise", under="ignore"):
                    found = f({z: logits}, y=others, r=rewards, **more)
                for x, p, v in zip(found, pi, paid, strict=True):
                    # Where a component crosses 0 it has the precision of its terms.
                    spread = mpmath.fsum(q * abs(v - u) for q, u in zip(pi, paid, strict=True))
                    assert abs(x - p * (v - mean)) <= TIGHT * p * spread + mpmath.mpf("1e-290")
