"""Natural gradient and Newton's method against the steps themselves."""

from __future__ import annotations

import mpmath
import pytest
from sympy import Matrix, MatrixSymbol, Rational, Symbol, exp, tanh

from symprice import (
    BernoulliPolicy,
    CategoricalPolicy,
    InverseMetric,
    NTVar,
    Parameter,
    ShapeError,
    observables,
    price,
    sigmoid,
)
from symprice.dynamics.natural import NaturalGradient, Newton
from tests.differences import agree, number, random_point
from tests.dynamics.simulating import BOTH, b, hessian, remainder_exponent, slopes, w

P, L = observables("P L")
eta, lamda = Symbol("eta", positive=True), Symbol("lamda", positive=True)
PROPERTY = sigmoid(w * 3 + b) * w
LOSS = exp(w * b / 2) + tanh(b - w) ** 2 + (w + 2) ** 2 + b**2
FISHER = Matrix([[2 + w**2, b], [b, 3 + b**2]])


def solved(matrix, point, rate):
    found = slopes(LOSS, point)
    moved = mpmath.lu_solve(matrix, mpmath.matrix([found[p] for p in BOTH]))
    return {p: point[p] - rate * moved[i] for i, p in enumerate(BOTH)}


def natural(point, rate):
    matrix = mpmath.matrix(2, 2)
    for i in range(2):
        for j in range(2):
            matrix[i, j] = number(FISHER[i, j], point)
    return solved(matrix, point, rate)


def newton(point, rate):
    return solved(hessian(LOSS, point), point, rate)


def damped(point, rate):
    return solved(hessian(LOSS, point) + mpmath.mpf(2) * mpmath.eye(2), point, rate)


WAYS = {
    "natural": (NaturalGradient(FISHER, BOTH, eta), natural),
    "Newton": (Newton(eta=eta), newton),
    "damped": (Newton(2, eta), damped),
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("order", [1, 2])
def test_what_is_left_of_a_step(name, order):
    dynamics, step = WAYS[name]
    point = random_point({w, b}, 41)
    law = price(PROPERTY, LOSS, dynamics, order=order)
    assert abs(remainder_exponent(PROPERTY, law, step, point, eta) - (order + 1)) < 0.01


def test_the_fisher_metric_makes_the_guess_right():
    """NTVar(p) of p = σ(b) is p(1-p) in the Fisher metric, the first guess of the founding text."""
    theta = Parameter("theta", real=True)
    p = sigmoid(theta)
    dynamics = NaturalGradient(BernoulliPolicy(logit=theta))
    metric = dynamics.metric(-p)
    assert metric == InverseMetric([[p * (1 - p)]], (theta,))
    assert (NTVar(p, metric).doit() - p * (1 - p)).expand() == 0
    flow = price(p, -p, dynamics)
    assert (flow.doit() - p * (1 - p)).expand() == 0
    # The same in another parameter, the logarithm of the odds ratio to the third power.
    other = Parameter("u", positive=True)
    q = sigmoid(other**3)
    again = NaturalGradient([[9 * other**4 * q * (1 - q)]], (other,))
    assert (price(q, -q, again).doit() - q * (1 - q)).simplify() == 0


def test_one_step_of_newton_minimises_a_quadratic():
    quadratic = 2 * w**2 + w * b + 3 * b**2 - w
    least = {w: Rational(6, 23), b: Rational(-1, 23)}
    assert [quadratic.diff(p).subs(least) for p in BOTH] == [0, 0]
    start = {w: Rational(7, 5), b: Rational(-3)}
    for p in BOTH:
        change = price(p, quadratic, Newton()).doit()
        assert (p + change).subs(start) == least[p]


def test_newton_flow_shrinks_every_slope_alike():
    """d(∂L/∂θᵢ)/dt = -∂L/∂θᵢ along the flow θ̇ = -H⁻¹∇L."""
    point = random_point({w, b}, 43)
    for p in BOTH:
        rate = number(price(LOSS.diff(p), LOSS, Newton()).doit(), point)
        with mpmath.workdps(60):
            assert agree(rate, -slopes(LOSS, point)[p])


@pytest.mark.parametrize(
    "dynamics",
    [
        NaturalGradient(MatrixSymbol("F", 3, 3)),
        NaturalGradient(MatrixSymbol("F", 3, 3), eta=eta),
        Newton(),
        Newton(lamda, eta),
    ],
)
def test_the_derivation_holds_of_anything(dynamics):
    for order in dynamics.orders:
        assert price(P, L, dynamics, order=order).check(points=2)


@pytest.mark.parametrize("name", WAYS)
def test_the_derivation_holds_of_formulas(name):
    assert price(PROPERTY, LOSS, WAYS[name][0], order=2).check(points=2, digits=20)


def test_latex():
    assert r"\operatorname{NTCov}_{H^{-1}}" in price(P, L, Newton()).latex()
    assert r"(H + \lambda I)^{-1}" in price(P, L, Newton(lamda)).latex()
    assert r"F^{-1}" in price(P, L, NaturalGradient(MatrixSymbol("F", 3, 3))).latex()


def test_arguments_say_everything():
    for dynamics in (NaturalGradient(FISHER, BOTH), NaturalGradient(FISHER, BOTH, eta), Newton(2)):
        assert dynamics.func(*dynamics.args) == dynamics


def test_a_singular_hessian_says_to_damp():
    with pytest.raises(ShapeError) as caught:
        price(w, tanh(w + b), Newton()).doit()
    assert "damping" in str(caught.value)
    with pytest.raises(ShapeError):
        Newton(-1)


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: NaturalGradient(Matrix([[1, 2], [2, 1]]), BOTH), "not positive definite"),
        (lambda: NaturalGradient(-1, (w,)), "not positive definite"),
        (lambda: NaturalGradient(Matrix([[1, 2], [3, 4]]), BOTH), "symmetric"),
        (lambda: NaturalGradient(CategoricalPolicy([w, b])), "first logit to 0"),
    ],
)
def test_a_metric_that_is_none_is_refused(make, remedy):
    with pytest.raises(ShapeError, match=remedy):
        make()


def test_a_softmax_with_a_fixed_logit_replicates():
    """Natural gradient of a softmax is the replicator equation: dπ(a)/dt = π(a)(r(a) - J)."""
    policy, rewards = CategoricalPolicy([0, w, b]), (Rational(6, 5), Rational(-2, 5), 3)
    mean = policy.expectation(dict(zip((1, 2, 3), rewards, strict=True)))
    point = random_point({w, b}, 5)
    for action, reward in enumerate(rewards, start=1):
        law = price(policy.prob(action), -mean, NaturalGradient(policy)).doit()
        expected = (policy.prob(action) * (reward - mean)).doit()
        assert agree(number(law, point), number(expected, point))


def test_a_matrix_without_names_is_over_all_parameters():
    plain = NaturalGradient(Matrix([[1, 0], [0, 2]]))
    assert price(w * b, w**2 + b**2, plain).doit() == -3 * b * w
    assert price(w * b, w**2 + b**2, plain).check(points=3)
    assert price(P, L, plain).check(points=2)
