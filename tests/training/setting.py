"""A small classifier, its data, and the same network written by hand."""

from __future__ import annotations

import numpy as np
from sympy import symbols, tanh

from symprice import MLP, Index, average, cross_entropy, inputs, softmax
from symprice.elementwise import ScalarProduct

d, m, k, N = symbols("d m k N", integer=True, positive=True)
eta, beta = symbols("eta beta", positive=True)
i = Index("i", N)
x_i, y_i = inputs("x", d, each=i), inputs("y", k, each=i)
u, c = inputs("u", d), inputs("c", k)
NET = MLP(d, m, k, activation=tanh)
LOSS = average(cross_entropy(NET(x_i), y_i), i)
PROBABILITY = ScalarProduct(c, softmax(NET(u)))


def arrays(inputs_=5, hidden=6, classes=3, samples=20, seed=0):
    """Parameters and data: {name: array} twice."""
    rng = np.random.default_rng(seed)
    data = {
        "x": rng.normal(size=(samples, inputs_)),
        "y": np.eye(classes)[rng.integers(0, classes, samples)],
        "u": rng.normal(size=inputs_),
        "c": np.eye(classes)[1],
    }
    return NET.init(seed + 1, {d: inputs_, m: hidden, k: classes}), data


def logits(params, x):
    """The network by hand."""
    return np.tanh(x @ params["W1"].T + params["b1"]) @ params["W2"].T + params["b2"]


def loss(params, data):
    """The mean cross-entropy by hand."""
    z = logits(params, data["x"])
    return float(np.mean(np.log(np.exp(z).sum(1)) - (z * data["y"]).sum(1)))


def probability(params, data):
    """The probability of the class c at u, by hand."""
    e = np.exp(logits(params, data["u"]))
    return float(e @ data["c"] / e.sum())


def slope_by(function, params, data, name, h=1e-6):
    """The gradient of a function by one array, by central differences."""
    found = np.zeros_like(params[name])
    for place in np.ndindex(found.shape):
        ends = []
        for sign in (1, -1):
            moved = {key: value.copy() for key, value in params.items()}
            moved[name][place] += sign * h
            ends.append(function(moved, data))
        found[place] = (ends[0] - ends[1]) / (2 * h)
    return found


def descended(params, data, rate):
    """A step of gradient descent by difference quotients."""
    return {n: params[n] - rate * slope_by(loss, params, data, n) for n in params}
