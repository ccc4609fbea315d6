"""Deep linear networks and other systems with conserved quantities, against training itself."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from sympy import Matrix, Rational, Symbol, exp, eye, sinh, sqrt, symbols

from symprice import ShapeError, check, parameters
from symprice.derivation import Derivation
from symprice.solutions.flows import solve_flow
from symprice.solutions.modes import linear_network_flow, mode_strength

a, b, u, v = parameters("a b u v")
t, s, tau, alpha = symbols("t s tau alpha", positive=True)
y, a0, b0 = symbols("y a_0 b_0", real=True)


def gradient_flow(layers, target, time):
    """Training of the product of scalars on ½ (target - product)², by SciPy."""

    def field(_, d):
        product = np.prod(d)
        return [(target - product) * product / x for x in d]

    run = solve_ivp(field, (0, time), layers, method="DOP853", rtol=1e-12, atol=1e-13)
    return run.y[:, -1]


def test_saxe():
    start = Symbol("a0", positive=True)
    (formula,) = mode_strength(s, start, tau=tau, t=t).solution.values()
    grown = exp(2 * s * t / tau)
    assert (formula - s * grown / (grown - 1 + s / start)).equals(0)
    layers = gradient_flow([np.sqrt(0.1)] * 2, 3.0, 1.5)
    assert float(formula.subs({s: 3, start: 0.1, tau: 1, t: 1.5})) == pytest.approx(np.prod(layers))


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_any_depth(depth):
    found = mode_strength(s, Rational(1, 5), depth=depth, t=t)
    layers = gradient_flow([0.2 ** (1 / depth)] * depth, 1.5, 0.8)
    ((_, value),) = found.at(Rational(4, 5), {s: Rational(3, 2)}, digits=15).items()
    assert float(value) == pytest.approx(np.prod(layers), rel=1e-9)
    # The equation, `N a^{2-2/N} (s - a)`, came from the layers.
    first = found.derivation.steps[0]
    assert check(Derivation([first]), points=8)
    strength = Symbol("a", positive=True)
    expected = depth * strength ** (2 - Rational(2, depth)) * (s - strength)
    assert (first.after - expected).equals(0)


def test_unbalanced_layers():
    found = solve_flow((y - a * b) ** 2 / 2, {a: a0, b: b0}, t=t)
    assert found.explicit and "conserved" in found.method
    values = {y: Rational(3, 2), a0: Rational(1, 4), b0: Rational(-3, 2)}
    there = found.at(Rational(7, 10), values)
    layers = gradient_flow([0.25, -1.5], 1.5, 0.7)
    assert [float(there[k]) for k in (a, b)] == pytest.approx(list(layers), rel=1e-9)
    assert check(found, points=10)
    # d(ab)/dt = (y - ab) √(4(ab)² + C²), C = a² - b²
    reduced = [step.after for step in found.derivation if not step.after.has(t)]
    point = {a: 0.3, b: -0.9, y: 1.1}
    expected = (1.1 + 0.27) * np.sqrt(4 * 0.27**2 + (0.09 - 0.81) ** 2)
    assert any(float(e.subs(point)) == pytest.approx(expected) for e in reduced if not e.has(a0))


def test_the_product_solves_its_own_equation():
    z, C = Symbol("z", real=True), Symbol("C", positive=True)
    found = solve_flow({z: (y - z) * sqrt(4 * z**2 + C**2)}, {z: 0}, t=t)
    assert found.explicit
    assert check(found, points=10)


def test_three_layers_with_data_of_any_sign():
    found = solve_flow((y - a * b * u) ** 2 / 2, {a: 1, b: 1, u: 1}, t=t)
    there = found.at(Rational(1, 2), {y: -2})
    assert [float(there[k]) for k in (a, b, u)] == pytest.approx(
        list(gradient_flow([1.0] * 3, -2.0, 0.5)), rel=1e-9
    )


def test_a_diagonal_network_moves_on_a_hyperbola():
    found = solve_flow((y - (u**2 - v**2)) ** 2 / 2, {u: alpha, v: alpha}, t=t)
    assert found.explicit and check(found, points=10)
    formulas = found.solution
    shown = found.args[5]
    (name,) = shown[0].definitions
    total = shown[0].expr ** 2 - shown[1].expr ** 2
    assert (total - 2 * alpha**2 * sinh(2 * name)).rewrite(exp).expand() == 0
    values = {y: Rational(1), alpha: Rational(1, 10), t: 2}

    def field(_, d):
        gap = 1 - (d[0] ** 2 - d[1] ** 2)
        return [2 * gap * d[0], -2 * gap * d[1]]

    run = solve_ivp(field, (0, 2), [0.1, 0.1], method="DOP853", rtol=1e-12, atol=1e-13)
    assert [float(formulas[k].subs(values)) for k in (u, v)] == pytest.approx(list(run.y[:, -1]))


def test_matrices_with_balanced_layers():
    h = sqrt(2) / 2
    U = Matrix([[h, h], [h, -h]])
    found = linear_network_flow(U, [3, 1], eye(2), [Rational(1, 10), Rational(1, 5)], t=t)
    assert check(found, points=5)
    Un = np.array(U.evalf(20).tolist(), dtype=float)
    sigma = Un @ np.diag([3.0, 1.0])
    first, second = np.diag(np.sqrt([0.1, 0.2])), Un @ np.diag(np.sqrt([0.1, 0.2]))

    def field(_, state):
        W1, W2 = state[:4].reshape(2, 2), state[4:].reshape(2, 2)
        rest = sigma - W2 @ W1
        return np.concatenate([(W2.T @ rest).ravel(), (rest @ W1.T).ravel()])

    state = np.concatenate([first.ravel(), second.ravel()])
    end = solve_ivp(field, (0, 1), state, method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    trained = end[4:].reshape(2, 2) @ end[:4].reshape(2, 2)
    ours = np.array(found.value.subs(t, 1).evalf(20).tolist(), dtype=float)
    assert np.allclose(ours, trained, rtol=1e-9)
    with pytest.raises(ShapeError, match="orthonormal"):
        linear_network_flow(Matrix([[1, 1], [0, 1]]), [1, 1], eye(2), [1, 1])


def test_a_quadratic_loss_is_a_linear_system():
    lam = Symbol("lambda", positive=True)
    loss = lam * (a - b) ** 2 / 2 + s * b**2 / 2 - y * a
    found = solve_flow(loss, {a: a0, b: b0}, t=t)
    assert found.method == "linear system" and check(found, points=10)
    values = {lam: 2, s: 1, y: Rational(1, 2), a0: 1, b0: -1}
    there = found.at(1, values, digits=20)
    with mpmath.workdps(25):
        A = mpmath.matrix([[-2, 2], [2, -3]])
        power = mpmath.expm(A)
        rest = -mpmath.lu_solve(A, mpmath.matrix([0.5, 0]))
        expected = rest + power * (mpmath.matrix([1, -1]) - rest)
    assert abs(mpmath.mpf(str(there[a])) - expected[0]) < 1e-15
    assert abs(mpmath.mpf(str(there[b])) - expected[1]) < 1e-15
    flat = solve_flow((y - a - b) ** 2 / 2 + a, {a: a0, b: b0}, t=t)  # no point of rest
    assert flat.explicit and check(flat, points=10)
