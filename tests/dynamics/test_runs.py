"""Algorithms as they are run, against the same written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Matrix, Rational, Symbol, cos, exp, sin

from symprice import Adam, GradientDescent, NoRuleError, ShapeError, compare, price
from symprice.dynamics.decay import WeightDecay
from symprice.dynamics.flow import GradientFlow
from symprice.dynamics.natural import NaturalGradient, Newton
from symprice.dynamics.sharpness_aware import SAM
from symprice.solutions.linear_steps import linear_step
from tests.dynamics.simulating import b, w

LOSS = exp(w / 3) + w**2 * b**2 + sin(b)
START = {w: 1.0, b: 0.5}
TENTH, FIFTH = Rational(1, 10), Rational(1, 5)
eta, rho = Symbol("eta", positive=True), Symbol("rho", positive=True)


def slope(v):
    return np.array([np.exp(v[0] / 3) / 3 + 2 * v[0] * v[1] ** 2, 2 * v[0] ** 2 * v[1] + cos(v[1])])


def sam(v, rate=0.2, distance=0.1):
    g = slope(v).astype(float)
    return rate * slope(v + distance * g / np.linalg.norm(g)).astype(float)


def after(way, steps, gradient=LOSS):
    found = way.run(START, gradient, steps).params[-1]
    return np.array([float(found[w]), float(found[b])])


def test_sharpness_aware_steps():
    here = np.array([1.0, 0.5])
    for steps in (1, 2, 3):
        here = here - sam(here)
        assert np.allclose(after(SAM(TENTH, FIFTH), steps), here, rtol=1e-13)


def test_decay_is_decoupled():
    here = np.array([1.0, 0.5])
    assert np.allclose(
        after(WeightDecay(TENTH, SAM(TENTH, FIFTH)), 1), here - sam(here) - 0.02 * here
    )
    two, moment, square = here, 0.0, 0.0
    for t in (1, 2):
        g = slope(two).astype(float)
        moment, square = 0.9 * moment + 0.1 * g, 0.999 * square + 0.001 * g**2
        ratio = moment / (1 - 0.9**t) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
        two = two - 0.2 * ratio - 0.2 * 0.1 * two
    assert np.allclose(after(WeightDecay(TENTH, Adam(FIFTH)), 2), two, rtol=1e-12)


def test_arrays_move_as_numbers_do():
    def gradient(now):
        return {"v": np.array([now["v"][0] ** 2, 3.0])}

    found = SAM(TENTH, FIFTH).run({"v": np.array([1.0, 2.0])}, gradient, 1).params[1]["v"]
    ahead = 1 + 0.1 / np.sqrt(10)
    assert np.allclose(found, [1 - 0.2 * ahead**2, 1.4], rtol=1e-14)


def test_newton_and_natural_gradient():
    """Two steps with the matrix solved by NumPy; with symbols a quadratic is solved by one."""
    loss, here = LOSS + w**2 + b**2, np.array([1.0, 0.5])
    fisher = Matrix([[2 + w**2, b], [b, 3 + b**2]])
    curved, metric = here, here
    for _ in range(2):
        x, y = curved
        hessian = [
            [np.exp(x / 3) / 9 + 2 * y**2 + 2, 4 * x * y],
            [4 * x * y, 2 * x**2 - np.sin(y) + 2],
        ]
        g = (slope(curved) + 2 * curved).astype(float)
        curved = curved - 0.2 * np.linalg.solve(np.array(hessian) + 0.1 * np.eye(2), g)
        x, y = metric
        g = (slope(metric) + 2 * metric).astype(float)
        metric = metric - 0.2 * np.linalg.solve([[2 + x**2, y], [y, 3 + y**2]], g)
    assert np.allclose(after(Newton(TENTH, FIFTH), 2, loss), curved, rtol=1e-13)
    assert np.allclose(after(NaturalGradient(fisher, (w, b), FIFTH), 2, loss), metric, rtol=1e-13)
    start = Symbol("w_0"), Symbol("b_0")
    found = Newton(0, 1).run({w: start[0], b: start[1]}, w**2 + w * b + 3 * b**2 - w, 1).params[1]
    assert [found[w].simplify(), found[b].simplify()] == [Rational(6, 11), -Rational(1, 11)]
    with pytest.raises(NoRuleError, match="formula"):
        Newton(0, 1).run(START, lambda now: now, 1)
    with pytest.raises(ShapeError, match="learning rate"):
        Newton().run(START, loss, 1)


def test_what_no_list_of_gradients_can_say():
    with pytest.raises(ShapeError, match="two in every step"):
        SAM(TENTH, FIFTH).run(START, [{w: 1.0, b: 2.0}])
    with pytest.raises(NoRuleError, match="Newton"):
        WeightDecay(TENTH, Newton(0, FIFTH)).run(START, LOSS, 1)


@pytest.mark.parametrize(
    "way",
    [WeightDecay(TENTH, Adam(eta)), WeightDecay(TENTH, Newton(3, eta)), SAM(rho, eta)],
    ids=["Adam", "Newton", "SAM"],
)
def test_laws_of_real_steps(way):
    law = price(w**3 * b, LOSS + w**2 + b**2, way, order=2)
    found = compare(law, {"rho": 1e-3}, START, [2e-4, 4e-4, 8e-4, 1.6e-3])
    assert np.allclose([found.slope(1), found.slope(2)], [2, 3], atol=0.1)


def test_a_flow_that_decays_has_no_algorithm():
    assert not WeightDecay(TENTH, GradientFlow()).has_algorithm
    assert not WeightDecay(TENTH, Newton(0, eta)).has_algorithm
    assert WeightDecay(TENTH, GradientDescent(eta)).has_algorithm
    law = price(w**3 * b, LOSS, WeightDecay(TENTH, GradientFlow()))
    assert abs(compare(law, {}, START, [1e-3, 2e-3, 4e-3]).slope(1) - 2) < 0.1


def test_the_second_gradient_is_not_forgotten():
    """Of a quadratic loss a step of SAM is not linear in θ, as one of descent would be."""
    with pytest.raises(NoRuleError, match="not linear"):
        linear_step(SAM(rho, eta), Symbol("lamda", positive=True))
