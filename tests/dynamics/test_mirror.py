"""Mirror descent against its steps: exponentiated gradient, the replicator equation."""

from __future__ import annotations

import mpmath
import pytest
from sympy import Lambda, Symbol, exp, log, sqrt, symbols

from symprice import NTCov, ShapeError, observables, parameters, price
from symprice.dynamics.mirror import MirrorDescent
from symprice.dynamics.taylor import AfterStep
from tests.differences import agree, gradient, number, random_point

P, L = observables("P L")
eta = Symbol("eta", positive=True)
p, q = parameters("p q", positive=True)
PROPERTY = p**2 * sqrt(q) + p
LOSS = exp(p * q / 2) + (q - p) ** 2
u = Symbol("u", positive=True)
# A potential and the step in closed form, known by hand.
POTENTIALS = {
    "entropy": (u * log(u) - u, lambda x, s: x * mpmath.exp(-s)),
    "square": (u**2 / 2, lambda x, s: x - s),
    "Burg's entropy": (-log(u), lambda x, s: 1 / (1 / x + s)),
    "exponential": (exp(u), lambda x, s: mpmath.log(mpmath.exp(x) - s)),
}


@pytest.mark.parametrize("name", POTENTIALS)
def test_a_step(name):
    potential, by_hand = POTENTIALS[name]
    point = random_point({p, q}, 61, 0.4, 1.2)
    law = price(PROPERTY, LOSS, MirrorDescent(Lambda(u, potential), eta))
    formula = law.change.removeO().doit()
    exact = AfterStep(PROPERTY, LOSS, law.dynamics).doit()
    errors = []
    with mpmath.workdps(120):
        slopes = dict(zip((p, q), gradient(LOSS, (p, q), point), strict=True))
        for exponent in (4, 5):
            rate = mpmath.mpf(10) ** -exponent
            after = {x: by_hand(point[x], rate * g) for x, g in slopes.items()}
            actual = number(PROPERTY, after)
            assert agree(number(exact, {**point, eta: rate}), actual)
            law_says = number(formula, {**point, eta: rate})
            errors.append(abs(actual - number(PROPERTY, point) - law_says))
        slope = mpmath.log10(errors[0] / errors[1])
    assert abs(slope - 2) < 0.01


def test_the_flow_of_entropy_is_the_replicator_equation():
    """Of shares p_i/Σp: ẋ_i = x_i (f_i - f̄), with fitness -∂L/∂θ_i."""
    weights = parameters("x1:4", positive=True)
    fitness = symbols("f1:4", real=True)
    loss = -sum(f * x for f, x in zip(fitness, weights, strict=True))
    total = sum(weights)
    mean = sum(f * x for f, x in zip(fitness, weights, strict=True)) / total
    flow = MirrorDescent(lambda v: v * log(v) - v)
    for f, x in zip(fitness, weights, strict=True):
        rate = price(x / total, loss, flow).doit()
        assert (rate - x / total * (f - mean)).together().expand().simplify() == 0


def test_a_potential_of_several_coordinates_has_a_flow():
    potential = p**2 + p * q + q**2
    flow = price(p, 5 * p + 7 * q, MirrorDescent(potential)).doit()
    # (∇²ψ)⁻¹ = [[2, -1], [-1, 2]]/3
    assert flow == -1  # -(2·5 - 7)/3
    with pytest.raises(ShapeError):
        MirrorDescent(potential, eta)


def test_the_derivation_holds():
    for dynamics in (MirrorDescent(lambda v: v * log(v)), MirrorDescent(lambda v: v**2, eta)):
        assert price(P, L, dynamics).check(points=2)
        assert price(PROPERTY, LOSS, dynamics).check(points=2)
    linear = price(3 * p, LOSS, MirrorDescent(lambda v: v * log(v), eta))
    assert linear.remainder != 0
    assert linear.check(points=2)


def test_a_run():
    run = MirrorDescent(lambda v: v * log(v), eta).run({p: p}, 2 * p, 3)
    assert run.params[3][p] == p * exp(-6 * eta)


def test_the_metric_is_named():
    tex = price(P, L, MirrorDescent(lambda v: v * log(v))).latex()
    assert r"\operatorname{diag}" in tex
    assert NTCov(P, L, MirrorDescent(lambda v: v**2).metric(L)).doit().has(NTCov)


@pytest.mark.parametrize("given", [3, Lambda((p, q), p * q)])
def test_bad_potentials(given):
    with pytest.raises(ShapeError):
        MirrorDescent(given)
