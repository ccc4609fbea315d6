"""Thresholds of stability from the algorithms, against the algorithms carried out with numbers."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Lt, Matrix, Max, Rational, Symbol, exp, sign, sqrt, symbols

from symprice import (
    SAM,
    SGD,
    Adam,
    AdamW,
    Dynamics,
    GradientDescent,
    HeavyBall,
    LangevinDescent,
    MirrorDescent,
    NaturalGradient,
    Nesterov,
    Newton,
    NormalizedGradient,
    NoRuleError,
    Parameter,
    RandomReshuffling,
    RMSProp,
    ShapeError,
    SignDescent,
    StateVector,
    WeightDecay,
    WithNoise,
    check,
    price,
)
from symprice.solutions.linear_steps import linear_step
from symprice.solutions.stationary import stationary_covariance
from symprice.solutions.step_maps import step_matrix
from symprice.solutions.thresholds import stability_of, stability_threshold
from symprice.tangent.gradient import Nabla

eta, beta, b1, b2, eps, decay = symbols("eta beta beta1 beta2 epsilon omega", positive=True)
v = Symbol("v", positive=True)
NUMBERS = {eta: 0.03, beta: 0.7, b1: 0.6, b2: 1 - 1e-12, eps: 0.05, decay: 1.5, v: 2.25}


class AMSGrad(Adam):
    """The largest mean square so far."""

    def advance(self, params, gradients, state, t, value):
        rate, first, second, small = map(value, self.args[:4])
        theta = next(iter(params))
        g, m, s = (
            x[theta] for x in (gradients, state.get("m", {theta: 0}), state.get("v", {theta: 0}))
        )
        m, s = first * m + (1 - first) * g, second * s + (1 - second) * g**2
        before = state.get("top", {theta: 0})[theta]
        top = Max(before, s) if hasattr(s, "is_Symbol") else max(before, s)
        moved = params[theta] - rate * m / (top ** Rational(1, 2) + small)
        return {theta: moved}, {"m": {theta: m}, "v": {theta: s}, "top": {theta: top}}


class Adan(Dynamics):
    """X. Xie et al., 2022, with the difference of gradients as momentum: an own class."""

    def __new__(cls, rate, first, second):
        return super().__new__(cls, rate, first, second)

    def advance(self, params, gradients, state, t, value):
        rate, first, second = map(value, self.args)
        moved, new = {}, {"m": {}, "d": {}, "n": {}, "g": {}}
        for p, x in params.items():
            g = gradients[p]
            old = {letter: state.get(letter, {}).get(p, 0) for letter in new}
            change = g - old["g"]
            m = (1 - first) * old["m"] + first * g
            d = (1 - second) * old["d"] + second * change
            n = old["n"] * (1 - Rational(1, 10**12)) + (g + change) ** 2 * Rational(1, 10**12)
            for letter, value_now in zip(new, (m, d, n, g), strict=True):
                new[letter][p] = value_now
            moved[p] = x - rate * (m + (1 - second) * d) / n ** Rational(1, 2)
        return moved, new


class FrozenAdamW(AdamW):
    """With √v + ε = 7/4."""

    def advance(self, params, gradients, state, t, value):
        rate, first, kept = map(value, (self.args[0], self.args[1], self.args[5]))
        (theta,) = params
        m = first * state.get("m", {theta: 0})[theta] + (1 - first) * gradients[theta]
        moved = (1 - rate * kept) * params[theta] - rate * m / Rational(7, 4)
        return {theta: moved}, {"m": {theta: m}}


class Averaged(Dynamics):
    """`m ← βm + (1-β)∇L, θ ← θ - ηm`, stated by update and state alone."""

    def __new__(cls, rate, kept):
        return super().__new__(cls, rate, kept)

    step_size = property(lambda self: self.args[0])

    def state_update(self, loss):
        m, kept = StateVector("m"), self.args[1]
        return {m: kept * m + (1 - kept) * Nabla(loss)}

    def update(self, loss):
        return -self.args[0] * self.state_update(loss)[StateVector("m")]


def largest(dynamics, frozen, curvature, steps=400):
    """How large θ is after some steps from θ = 1e-20, so small that v does not move."""
    theta = Parameter("theta")
    params, state = {theta: 1e-20}, {letter.name: {theta: NUMBERS[v]} for letter in frozen}
    size = []
    for t in range(10**15, 10**15 + steps):
        there = dynamics.place(params, state, float)
        slopes = {theta: curvature * there[theta]}
        params, state = dynamics.advance(params, slopes, state, t, float)
        size.append(abs(params[theta]))
    return max(size[-20:])


@pytest.mark.parametrize(
    "dynamics",
    [
        GradientDescent(eta),
        HeavyBall(eta, beta),
        Nesterov(eta, beta),
        RMSProp(eta, b2, eps),
        Adam(eta, b1, b2, eps),
        AdamW(eta, b1, b2, eps, weight_decay=decay),
        AMSGrad(eta, b1, b2, eps),
        Adan(eta, b1, beta),
    ],
    ids=lambda d: type(d).__name__,
)
def test_the_algorithm_converges_below_and_not_above(dynamics):
    numbers = dynamics.subs(NUMBERS)
    found = stability_of(numbers if isinstance(dynamics, Adan) else dynamics)
    edge = float(found.threshold.subs({**NUMBERS, **dict.fromkeys(found.frozen, NUMBERS[v])}))
    for factor, stays in ((0.02, True), (0.98, True), (1.02, False)):
        size = largest(numbers, found.frozen, factor * edge)
        assert size < 1e-20 if stays else size > 1e-19
    assert check(found.derivation, points=4)


def test_the_literature():
    """Cohen et al. 2022: λ/√v against (2 + 2β₁)/((1 - β₁)η)."""
    found = stability_of(Adam(eta, b1, b2, 0))
    assert found.frozen == (v,)
    assert (found.threshold / sqrt(v) - (2 + 2 * b1) / ((1 - b1) * eta)).equals(0)
    shifted = stability_threshold(Adam(eta, b1, b2, eps))
    assert (shifted / (sqrt(v) + eps) - (2 + 2 * b1) / ((1 - b1) * eta)).equals(0)
    numbers = stability_threshold(Adam(Rational(1, 1000), eps=0), frozen={"v": Rational(1, 4)})
    assert numbers == 19000  # 38/η √v
    floats = stability_threshold(Adam(0.001, 0.9, 0.999, 1e-8), frozen={"v": 0.25})
    assert floats == 38000 * (Rational(1, 2) + Rational(1, 10**8))
    # Without momentum it is RMSProp.
    assert stability_threshold(Adam(eta, 0, b2, eps)) == stability_threshold(RMSProp(eta, b2, eps))
    for step in (
        SGD(eta, 8),
        LangevinDescent(eta, 1),
        WithNoise(SGD(eta, 8), GradientDescent(eta)),
    ):
        assert stability_threshold(step) == 2 / eta


def test_how_it_is_written():
    """A left side; powers of ten; of noisy steps, that it is their mean."""
    lam = Symbol("lambda", positive=True)
    found = stability_of(HeavyBall(eta, beta))
    assert isinstance(found.equation, Lt) and found.equation.lhs == lam
    assert (found.equation.rhs - 2 * (1 + beta) / eta).equals(0)
    assert found.latex().startswith(r"\lambda < \frac{2")
    for step, coefficient in ((Adam(eta), 38), (RMSProp(eta), 2)):
        ours = stability_of(step).latex()
        above = rf"{coefficient} \left(\sqrt{{v}} + 10^{{-8}}\right)"
        assert rf"\frac{{{above}}}{{\eta}}" in ours and r"\text{for a frozen v}" in ours
    assert "(200 - eta)" in str(stability_of(AdamW(eta)))
    noisy = [SGD(eta, 8), SGD(eta, 8, replacement=False), WeightDecay(1, SGD(eta, 8))]
    for step in (*noisy, LangevinDescent(eta, 1)):
        assert str(stability_of(step)).startswith("stable in the mean for 0 < lambda < ")
        assert r"\text{in the mean}" in stability_of(step).latex()
    assert not stability_of(Adam(eta)).is_of_mean


def test_the_mean_square_of_sgd_is_stable_for_smaller_steps():
    """E[w²] moves by the step's own law; by hand E[(1 - η a_i)²] for examples ½ a_i w²."""
    w = Parameter("w")
    slopes = [1, 3, 8]
    law = price(w**2, [a * w**2 / 2 for a in slopes], SGD(eta, 1), order=2)
    grown = (w**2 + law.change).doit() / w**2
    assert (grown - sum((1 - eta * a) ** 2 for a in slopes) / 3).expand() == 0


def test_decay_adds_to_the_curvature():
    for step in (GradientDescent(eta), SGD(eta, 8)):
        assert stability_threshold(WeightDecay(decay, step)) - (2 / eta - decay) == 0
    inside = stability_threshold(AdamW(eta, b1, b2, eps, weight_decay=decay))
    assert (stability_threshold(WeightDecay(decay, Adam(eta, b1, b2, eps))) - inside).equals(0)


def test_the_update_alone():
    """Dividing by nothing, it is Adam with v = 1."""
    ours = stability_threshold(Averaged(eta, b1))
    assert (ours - stability_threshold(Adam(eta, b1, b2, 0), frozen={"v": 1})).equals(0)


def test_metrics():
    w, F = Parameter("w"), Symbol("F", positive=True)
    assert stability_threshold(NaturalGradient(Matrix([[F]]), [w], eta)) == 2 * F / eta
    quadratic = MirrorDescent(lambda u: F * u**2 / 2, eta)
    assert stability_threshold(quadratic) == 2 * F / eta
    assert stability_threshold(Newton(1, 4)) == 1  # 4λ/(λ + 1) = 2


def test_the_symbols_of_the_user_stay_his():
    """A learning rate called v, a momentum called lambda."""
    lam = Symbol("lambda", positive=True)
    found = stability_of(Adam(v, lam, b2, 0))
    (frozen,) = found.frozen
    assert frozen != v and found.args[2] != lam
    assert (found.threshold - 2 * sqrt(frozen) * (1 + lam) / (v * (1 - lam))).equals(0)
    given = stability_of(Adam(eta, lam, b2, 0), frozen={"v": lam**2})
    assert (given.threshold - 2 * lam * (1 + lam) / (eta * (1 - lam))).equals(0)


def test_very_large_and_very_small_rates():
    for power in (-9, 0, 9):
        rate = Rational(10) ** power
        assert stability_threshold(GradientDescent(rate)) == 2 / rate


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: SignDescent(eta), "not linear"),
        (lambda: NormalizedGradient(eta), "not linear"),
        (lambda: SAM(eps, eta), "not linear"),
        (lambda: MirrorDescent(lambda u: exp(u), eta), "not linear"),
        (lambda: Adam(eta, b1, 0, eps), "not linear"),  # no memory: a sign
        (lambda: RandomReshuffling(eta), "from λ alone"),
        (lambda: Signum(eta, beta), "not linear"),
        (lambda: MirrorDescent(lambda u: u**4, eta), "inverse"),
        (lambda: Growing(eta), "number of the step"),
        (lambda: Plain(eta), "does not take expressions"),
    ],
)
def test_steps_that_are_not_linear(make, reason):
    with pytest.raises(NoRuleError, match=reason):
        stability_of(make())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: stability_of(Newton(0, eta)), "2 - eta > 0"),
        (lambda: stability_of(Newton(beta, eta)), r"2\*beta/\(eta - 2\)"),
        (lambda: stability_of(Newton(1, 1)), "for all"),
        (lambda: stability_of(WeightDecay(3, GradientDescent(1))), "however small"),
        (lambda: stability_of(Adam(eta), frozen={"vhat": 1}), "vhat frozen"),
        (lambda: stability_of(Adam(eta), frozen={"v": -1}), "positive"),
        (lambda: stability_of(eta * beta), "polynomial"),
        (lambda: step_matrix(3, beta), "finite steps"),
    ],
)
def test_what_has_no_threshold(make, reason):
    with pytest.raises(ShapeError, match=reason):
        make()


class Signum(HeavyBall):
    def advance(self, params, gradients, state, t, value):
        _, new = super().advance(params, gradients, state, t, value)
        return {p: x + self.rate * sign(new["v"][p]) for p, x in params.items()}, new


class Growing(GradientDescent):
    def advance(self, params, gradients, state, t, value):
        return {p: x - self.eta * t * gradients[p] for p, x in params.items()}, state


class Plain(GradientDescent):
    def advance(self, params, gradients, state, t, value):
        return {p: x - float(gradients[p]) for p, x in params.items()}, state


def test_noise_of_the_gradient_enters_as_the_gradient_does():
    """What a step is with the gradient λθ + ξ, by differences of the algorithm."""
    dynamics = Nesterov(Rational(1, 10), Rational(1, 2))
    matrix, kick, _ = linear_step(dynamics, 3)
    theta, x, speed, noise = "theta", 0.3, -0.2, 0.7
    there = dynamics.place({theta: x}, {"v": {theta: speed}}, float)[theta]
    now, after = dynamics.advance(
        {theta: x}, {theta: 3 * there + noise}, {"v": {theta: speed}}, 9, float
    )
    ours = matrix * Matrix([x, speed]) + kick * noise
    assert [float(e) for e in ours] == pytest.approx([now[theta], after["v"][theta]], rel=1e-12)


def moments(advance, curvature, noise, steps=3000):
    """E θθᵀ of a linear algorithm with noise in its gradient: the recursion of its moments, with
    the linear map read off unit vectors.
    """
    n = len(curvature)
    units = np.eye(3 * n)
    columns = []
    for unit in units:  # θ, the state, the noise
        theta, state, kick = unit[:n], unit[n : 2 * n], unit[2 * n :]
        columns.append(np.concatenate(advance(theta, state, lambda x, k=kick: curvature @ x + k)))
    whole = np.array(columns).T
    step, entering = whole[:, : 2 * n], whole[:, 2 * n :]
    spread = np.zeros((2 * n, 2 * n))
    for _ in range(steps):
        spread = step @ spread @ step.T + entering @ noise @ entering.T
    return spread[:n, :n]


def nesterov(theta, speed, slope):
    speed = 0.5 * speed - 0.1 * slope(theta + 0.5 * speed)
    return theta + speed, speed


def decayed_adam(theta, memory, slope):
    memory = 0.6 * memory + 0.4 * slope(theta)
    return (1 - 0.1 * 0.2) * theta - 0.1 * memory / (1.5 + 0.25), memory


@pytest.mark.parametrize(
    ("dynamics", "algorithm"),
    [
        (Nesterov(Rational(1, 10), Rational(1, 2)), nesterov),
        (FrozenAdamW(Rational(1, 10), Rational(3, 5), weight_decay=Rational(1, 5)), decayed_adam),
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_noise_in_the_gradient_settles_to(dynamics, algorithm):
    hessian, noise = Matrix([[3, 1], [1, 2]]), Matrix([[2, 1], [1, 4]])
    expected = moments(algorithm, np.array(hessian, float), np.array(noise, float))
    found = stationary_covariance(hessian, noise, dynamics)
    assert np.allclose(np.array(found.value, float), expected, rtol=1e-12)
    assert check(found, points=4)


def test_newton_divides_the_noise_by_the_curvature():
    """θ ← (1 - η)θ - η ξ/λ: variance η C/((2 - η)λ²)."""
    lam, C = symbols("lambda C", positive=True)
    found = stationary_covariance(lam, C, Newton(0, eta)).value
    assert (found - eta * C / ((2 - eta) * lam**2)).equals(0)
    hessian = Matrix([[3, 1], [1, 2]])
    whole = stationary_covariance(hessian, Matrix([[1, 0], [0, 1]]), Newton(0, Rational(1, 2)))
    assert whole.value == hessian.inv() ** 2 / 3


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: stationary_covariance(17, 1, Nesterov(0.1, 0.5)), "15"),
        (lambda: stationary_covariance(eta, 1, 3 / eta, discrete=True), "2\\*eta/3"),
        (lambda: stationary_covariance(1, 1, Newton(0, 2)), "diverge$"),
        (lambda: stationary_covariance(1, 1, GradientDescent(1), discrete=True), "leave them out"),
    ],
)
def test_noise_that_nothing_holds(make, reason):
    with pytest.raises(ShapeError, match=reason):
        make()
