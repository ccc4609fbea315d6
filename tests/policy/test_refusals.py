"""What would be a silent wrong answer is refused, with what to write instead."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import (
    I,
    Interval,
    Lambda,
    MatrixSymbol,
    Range,
    Rational,
    S,
    Symbol,
    Union,
    exp,
    log,
    nan,
    oo,
    pi,
    symbols,
    tanh,
)
from sympy.stats import Arcsin, RaisedCosine, Triangular

from symprice import (
    MLP,
    BinomialPolicy,
    CategoricalPolicy,
    ExponentialPolicy,
    GaussianPolicy,
    MultivariateGaussianPolicy,
    Observable,
    Parameter,
    ParameterMatrix,
    PoissonPolicy,
    Policy,
    PolicyError,
    clipped_surrogate,
    inputs,
    policy_gradient,
)

a, q = Symbol("a"), Symbol("q")
x = Parameter("x", real=True)
t = Parameter("t", positive=True)
THREE = CategoricalPolicy([x, 0, -x])
NORMAL = GaussianPolicy(x, 1)


@pytest.mark.parametrize("baseline", [a, 2 * a**2])
def test_a_baseline_in_the_action_is_biased(baseline):
    K = Symbol("K", integer=True, positive=True)
    column = CategoricalPolicy(ParameterMatrix("z", K, 1))
    for gradient in (
        policy_gradient(THREE, [1, 2, 3]),
        policy_gradient(NORMAL, a**2),
        policy_gradient(column, MatrixSymbol("r", K, 1)),
    ):
        with pytest.raises(PolicyError, match="depends on the action"):
            gradient.variance(baseline)
        with pytest.raises(PolicyError, match="depends on the action"):
            gradient.estimator(4, baseline=baseline)


def test_a_constant_that_is_called_like_the_action_is_a_constant():
    theta = Parameter("a", real=True)
    gradient = policy_gradient(CategoricalPolicy([theta, 0]), [1, 2])
    assert theta in gradient.variance(theta).free_symbols


def test_a_variable_that_occurs_nowhere():
    for v in (Symbol("tehta"), Observable("Q")):
        with pytest.raises(PolicyError, match="write one of x"):
            policy_gradient(THREE, [1, 2, 3], wrt=v)
        with pytest.raises(PolicyError):
            policy_gradient(NORMAL, a**2, wrt=v)
    assert policy_gradient(NORMAL, q * a**2, wrt=q).doit() == 1 + x**2


@pytest.mark.parametrize(
    "make",
    [
        lambda: GaussianPolicy(x, nan),
        lambda: MultivariateGaussianPolicy([x, 0], [[1, 2], [2, 1]]),
        lambda: MultivariateGaussianPolicy([x, 0], cholesky=[[-1, 0], [0, 1]]),
        lambda: clipped_surrogate(THREE, THREE, [1, 2, 3], -1),
        lambda: Policy.from_log_prob(I * a, a, Interval(0, 1)),
        lambda: Policy.from_log_prob(-a, a, "reals"),
        lambda: Policy.from_log_prob(-log(2) + 0 * a, a, Union(Interval(0, 1), Interval(2, 3))),
        lambda: Policy.from_log_prob(-t * a + log(1 - exp(-2 * t)), a, Range(0, oo, 2)),
        # Whole numbers between the ends of a list are no actions of it.
        lambda: Policy.from_log_prob(-log(3) + 0 * a, a, [1, 3]),
    ],
)
def test_what_is_no_policy(make):
    with pytest.raises(PolicyError):
        make()


def test_a_formula_on_a_list_of_actions():
    """Of weights ∝ exp(x a) the slope of E[a] is Var[a], here of 1 and 4."""
    law = x * a - log(exp(x) + exp(4 * x))
    p = exp(4 * x) / (exp(x) + exp(4 * x))
    for actions in ([1, 4], {1, 4}, Range(1, 7, 3)):
        slope = policy_gradient(Policy.from_log_prob(law, a, actions), a).doit()
        assert abs((slope - 9 * p * (1 - p)).subs(x, Rational(1, 3)).evalf(20)) < 1e-15


def test_a_network_with_one_output_is_a_scalar():
    d, m = symbols("d m", integer=True, positive=True)
    net, s = MLP(d, m, 1, activation=tanh), inputs("s", d)
    slopes = policy_gradient(PoissonPolicy(log_rate=net(s)), a).by_parameter()
    assert tuple(slopes) == net.parameters


def test_a_density_that_is_zero_at_the_ends_that_move_loses_nothing_there():
    """E[a] = t, E[a²] = t² + 1/3 - 2/π²; E[a] = (t + 4)/3; E[a²] = 3 t²/10."""
    wave = Policy(RaisedCosine("A", t, 1))
    slope = policy_gradient(wave, a**2).doit().subs(t, Rational(13, 10))
    assert abs(slope.evalf(12) - 2.6) < 1e-10
    assert policy_gradient(Policy(Triangular("A", 0, t + 3, 1)), a).doit() == Rational(1, 3)
    arch = Policy.from_log_prob(log(6 * a * (t - a) / t**3), a, Interval(0, t))
    slope = policy_gradient(arch, a**2).doit().subs(t, Rational(13, 10))
    assert abs(slope.evalf(12) - 0.78) < 1e-10
    with pytest.raises(PolicyError, match="boundary term"):
        policy_gradient(Policy(Arcsin("A", 0, t)), a)


def test_the_second_end_is_looked_at_too():
    u = Parameter("u", positive=True)
    # Zero at t, which moves, and not at -u, which moves too.
    law = log(2 * (t - a) / (t + u) ** 2)
    sloped = Policy.from_log_prob(law, a, Interval(-u, t))
    assert policy_gradient(sloped, a**2, wrt=t).policy == sloped
    with pytest.raises(PolicyError, match="boundary term"):
        policy_gradient(sloped, a**2, wrt=[t, u])


def test_weights_of_actions_that_the_policy_does_not_take():
    positive = policy_gradient(ExponentialPolicy(t), a)
    counts = policy_gradient(PoissonPolicy(t), a)
    for gradient in (positive, counts):
        with pytest.raises(PolicyError, match="every action"):
            gradient.importance_weighted(GaussianPolicy(0, 2))
    assert counts.importance_weighted(PoissonPolicy(2)).doit() == 1
    fewer = policy_gradient(BinomialPolicy(3, t), a).importance_weighted(PoissonPolicy(2))
    assert fewer.doit() == 3


def test_samples_of_counts_without_a_least_one():
    law = log(tanh(t / 2)) - t * abs(a)
    both = Policy.from_log_prob(law, a, S.Integers)
    drawn = both.sample(np.random.default_rng(0), 20_000, at={t: 1.0})
    # Var[a] = 2 e^t/(e^t - 1)².
    e = np.exp(1.0)
    assert abs(drawn.mean()) < 5 * drawn.std() / 20_000**0.5
    assert drawn.var() == pytest.approx(2 * e / (e - 1) ** 2, rel=0.1)


def test_rewards_may_be_lambdas():
    assert policy_gradient(NORMAL, Lambda(q, pi * q)).doit() == pi
    assert S.Zero == policy_gradient(NORMAL, 3).doit()
