"""Ways of training that a user states: force, metric, bias and noise, nothing else."""

from __future__ import annotations

import mpmath
import pytest
from sympy import Abs, Min, Rational, S, Symbol, exp, sqrt, symbols, tanh

from symprice import DiagonalMetric, NTCov, NTVar, observables, price, sigmoid
from symprice.dynamics.langevin import Langevin
from symprice.dynamics.update import Dynamics, Noise
from symprice.tangent.covariance import covariance
from symprice.tangent.gradient import Inner, Nabla
from symprice.tangent.metric import Metric
from symprice.tangent.training_metrics import SignMetric
from symprice.tangent.vectors import ParameterPosition, Preconditioned, StateVector, numeric_vector
from tests.differences import random_point
from tests.dynamics.simulating import BOTH, b, remainder_exponent, slopes, w

P, L = observables("P L")
eta, lamda, c, beta, T = symbols("eta lamda c beta T", positive=True)
PROPERTY = sigmoid(w * 3 + b) * w
LOSS = exp(w * b / 2) + tanh(b - w) ** 2


class Steps(Dynamics):
    """The learning rate comes first."""

    orders = (1, 2)

    @property
    def rate(self):
        return self.args[0]


class SignWithDecay(Steps):
    """θ ← θ - η (sign(∇L) + λθ)."""

    def metric(self, loss):
        return SignMetric(loss)

    def bias(self, loss):
        return -self.rate * self.args[1] * ParameterPosition()


class Clipped(Steps):
    """θ ← θ - η ∇L min(1, c/|∇L|)."""

    def metric(self, loss):
        return DiagonalMetric(Min(1, self.args[1] / sqrt(NTVar(loss))))


class Lion(Steps):
    """θ ← θ - η (sign(g) + λθ) with g = βm + (1 - β)∇L: Chen et al. 2023."""

    def gradient(self, loss):
        beta = self.args[1]
        return beta * StateVector("m") + (1 - beta) * Nabla(loss)

    def metric(self, loss):
        return OneOver(loss, self.args[1])

    def bias(self, loss):
        return -self.rate * self.args[2] * ParameterPosition()


class OneOver(Metric):
    """1/|βm + (1 - β)∇L| on the diagonal."""

    def entry(self, u, v):
        loss, beta = self.args
        slope = beta * StateVector("m").coordinate(u) + (1 - beta) * covariance(loss, u)
        return 1 / Abs(slope) if u == v else S.Zero

    def row(self, u):
        return [(u, self.entry(u, u))]

    def numeric(self, evaluate, point):
        loss, beta = self.args
        vector = beta * StateVector("m") + (1 - beta) * Nabla(loss)
        return mpmath.diag([1 / abs(e) for e in numeric_vector(vector, evaluate, point)])


class Shaken(Dynamics):
    """dθ = -∇L dt + √(2T) dW."""

    continuous = True

    def noise(self, loss):
        return Noise(2 * self.args[0], None, 1)


def sign_step(point, rate):
    found = slopes(LOSS, point)
    return {
        p: point[p] - rate * (mpmath.sign(g) + point[lamda] * point[p]) for p, g in found.items()
    }


def clipped_step(point, rate):
    found = slopes(LOSS, point)
    factor = min(1, point[c] / mpmath.sqrt(sum(g**2 for g in found.values())))
    return {p: point[p] - rate * factor * g for p, g in found.items()}


def lion_step(point, rate):
    moved = {}
    for p, g in slopes(LOSS, point).items():
        mixed = mpmath.mpf(4) / 5 * point[StateVector("m").coordinate(p)] + mpmath.mpf(1) / 5 * g
        moved[p] = point[p] - rate * (mpmath.sign(mixed) + point[lamda] * point[p])
    return moved


WAYS = {
    "signs": (SignWithDecay(eta, lamda), sign_step),
    "clipped": (Clipped(eta, c), clipped_step),
    "Lion": (Lion(eta, Rational(4, 5), lamda), lion_step),
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("order", [1, 2])
def test_what_is_left_of_a_step(name, order):
    way, step = WAYS[name]
    point = random_point({w, b, *(StateVector("m").coordinate(p) for p in BOTH)}, 17)
    point |= random_point({lamda, c}, 18, 0.05, 0.2)
    law = price(PROPERTY, LOSS, way, order=order)
    assert abs(remainder_exponent(PROPERTY, law, step, point, eta) - order - 1) < 0.01


@pytest.mark.parametrize("name", WAYS)
def test_the_derivation_holds(name):
    law = price(P, L, WAYS[name][0])
    assert law.check(points=2)
    assert law.latex()


def test_a_metric_is_linear_in_the_vector():
    law = price(P, L, Lion(eta, beta, lamda))
    metric = OneOver(L, beta)
    memory = Inner(Nabla(P), Preconditioned(metric, StateVector("m")))
    expected = -eta * (1 - beta) * NTCov(P, L, metric) - eta * beta * memory
    assert (law.selection - expected).expand() == 0


def test_a_flow_with_noise_is_langevin_dynamics():
    assert price(P, L, Shaken(T)).change == price(P, L, Langevin(T)).change


def test_a_metric_at_odds_with_its_numbers_is_found():
    class Wrong(OneOver):
        def numeric(self, evaluate, point):
            return 2 * super().numeric(evaluate, point)

    class Odd(Lion):
        def metric(self, loss):
            return Wrong(loss, self.args[1])

    law = price(PROPERTY, LOSS, Odd(Symbol("eta", positive=True), Rational(4, 5), lamda))
    assert not NTCov(PROPERTY, LOSS, Wrong(LOSS, Rational(4, 5))).check(points=1)
    assert law.selection.has(Wrong)
