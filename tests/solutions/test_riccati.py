"""Two linear layers from balanced starts, against integration of gradient flow."""

from __future__ import annotations

import pickle

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from sympy import Float, Matrix, MatrixSymbol, Rational, Symbol, exp, eye, latex, symbols, zeros

from symprice import ShapeError, Step, check
from symprice.errors import NoRuleError
from symprice.solutions import riccati_nodes
from symprice.solutions.modes import linear_network_flow
from symprice.solutions.riccati import TwoLayerFlow, two_layer_flow
from symprice.solutions.riccati_nodes import ExponentialIntegral, RiccatiFlow

t = Symbol("t", positive=True)
d, h, k = symbols("d h k", integer=True, positive=True)
SIGMA, W1, W2 = MatrixSymbol("Sigma", k, d), MatrixSymbol("W1", h, d), MatrixSymbol("W2", k, h)
SYMBOLIC = two_layer_flow(SIGMA, W1, W2, t=t)


def orthonormal(generator, rows, columns):
    return np.linalg.qr(generator.standard_normal((rows, columns)))[0]


def balanced(generator, outputs, hidden, inputs):
    """Layers with W₂ᵀW₂ = W₁W₁ᵀ whose modes are not those of Σ."""
    rank = min(outputs, hidden, inputs)
    middle, strengths = orthonormal(generator, hidden, rank), generator.uniform(0.3, 1, rank)
    first = middle * strengths @ orthonormal(generator, inputs, rank).T
    return first, orthonormal(generator, outputs, rank) * strengths @ middle.T


def trained(samples, targets, first, last, times, tau=1.0):
    """Gradient flow of the mean of ½|y - W₂W₁x|² over examples, with 12 digits."""
    shapes, cut, count = (first.shape, last.shape), first.size, len(samples)

    def rate(_, state):
        a, b = state[:cut].reshape(shapes[0]), state[cut:].reshape(shapes[1])
        errors = targets - samples @ a.T @ b.T
        moves = (b.T @ errors.T @ samples, errors.T @ samples @ a.T)
        return np.concatenate([move.ravel() for move in moves]) / (count * tau)

    start = np.concatenate([first.ravel(), last.ravel()])
    found = solve_ivp(rate, (0, times[-1]), start, "DOP853", times, rtol=1e-12, atol=1e-13)
    pairs = [(s[:cut].reshape(shapes[0]), s[cut:].reshape(shapes[1])) for s in found.y.T]
    return [(b @ a, a.T @ a, b @ b.T) for a, b in pairs]


def whitened(generator, inputs, outputs):
    samples = orthonormal(generator, 12, inputs) * np.sqrt(12)
    targets = generator.standard_normal((12, outputs)) * 2
    return samples, targets, targets.T @ samples / 12


@pytest.mark.parametrize(
    ("outputs", "hidden", "inputs"), [(2, 2, 2), (3, 2, 4), (2, 5, 3), (3, 1, 3), (1, 3, 2)]
)
def test_against_training(outputs, hidden, inputs):
    """Narrow and wide layers, F singular where outputs and inputs differ."""
    generator = np.random.default_rng(outputs + 10 * hidden)
    samples, targets, sigma = whitened(generator, inputs, outputs)
    first, last = balanced(generator, outputs, hidden, inputs)
    times = [0.0, 0.3, 1.1, 4.0]
    expected = trained(samples, targets, first, last, times, tau=0.7)
    flow = two_layer_flow(SIGMA, W1, W2, tau=Symbol("tau"), t=t).lambdify()
    found = flow(times, sigma, first, last, 0.7)
    for i in range(len(times)):
        for ours, theirs in zip(found, expected[i], strict=True):
            assert np.abs(ours[i] - theirs).max() < 1e-10
    numbers = two_layer_flow(sigma, first, last, tau=0.7, t=t)
    assert numbers.excess == 0
    assert np.allclose(numbers.lambdify()(1.1)[0], expected[2][0], atol=1e-10)


@pytest.mark.parametrize("excess", [0.8, -0.3])
def test_layers_that_differ_by_a_multiple_of_the_identity(excess):
    generator = np.random.default_rng(3)
    samples, targets, sigma = whitened(generator, 3, 3)
    first = generator.standard_normal((2, 3)) + 2 * np.eye(2, 3)
    values, vectors = np.linalg.eigh(first @ first.T + excess * np.eye(2))
    last = orthonormal(generator, 3, 2) * np.sqrt(values) @ vectors.T
    expected = trained(samples, targets, first, last, [0.0, 0.9])[1]
    flow = two_layer_flow(sigma, first, last, t=t)
    assert abs(flow.excess - excess) < 1e-12
    for ours, theirs in zip(flow.lambdify()(0.9), expected, strict=True):
        assert np.abs(ours - theirs).max() < 1e-10
    symbolic = two_layer_flow(SIGMA, W1, W2, t=t, excess=Symbol("lambda"))
    assert np.allclose(symbolic.lambdify()(0.9, sigma, first, last, excess)[0], expected[0])


def test_every_step_holds_for_all_sizes():
    names = [step.rule.name for step in SYMBOLIC.derivation]
    assert names[0] == "conserved difference" and "Radon's lemma" in names
    assert "reverse accumulation" in names and names[-2] == "Riccati equation"
    report = SYMBOLIC.check(points=2)
    assert report, str(report)
    general = two_layer_flow(
        SIGMA, W1, W2, t=t, tau=Symbol("tau", positive=True), excess=Symbol("l")
    )
    assert general.check(points=2)


def test_a_wrong_step_is_found(monkeypatch):
    wrong = [
        Step(s.rule, s.before, 2 * s.after, s.given)
        for s in SYMBOLIC.derivation
        if s.rule.name in ("blocks of the flow", "Radon's lemma", "push through")
    ]
    assert len(wrong) == 5 and not any(check(step, points=1) for step in wrong)
    real = riccati_nodes._integrated
    monkeypatch.setattr(riccati_nodes, "_integrated", lambda r, s: real(r, s) * mpmath.mpf("1.01"))
    (step,) = (s for s in SYMBOLIC.derivation if s.rule.name == "Riccati equation")
    assert not check(step, points=1)


def test_one_mode_is_the_known_sigmoid():
    """s e^{2st}/(e^{2st} - 1 + s/a₀), a₀ = w² (Saxe et al. 2014)."""
    s, w = symbols("s w", positive=True)
    (found,) = two_layer_flow(Matrix([[s]]), Matrix([[w]]), Matrix([[w]]), t=t).doit()
    known = s * exp(2 * s * t) / (exp(2 * s * t) - 1 + s / w**2)
    assert (found - known).simplify() == 0


def test_aligned_modes_are_those_of_the_network_of_modes():
    sigma = Matrix([[3, 0], [0, 1]])
    layers = Matrix([[Rational(1, 2), 0], [0, 2]])
    found = two_layer_flow(sigma, layers, layers, t=t).doit()
    known = linear_network_flow(eye(2), [3, 1], eye(2), [Rational(1, 4), 4], t=t).value
    for time in (0, Rational(1, 3), 2):
        difference = (found - known).subs(t, time).evalf(20)
        assert max(abs(entry) for entry in difference) < 1e-18


def test_modes_that_turn_have_entries_too():
    """Layers across the modes of Σ, exact; put back into the equation of the weights."""
    flow = two_layer_flow(Matrix([[2, 0], [0, 1]]), [[1, 0]], [[0], [1]], t=t)
    found = flow.doit()
    assert found.subs(t, 0) == Matrix([[0, 0], [1, 0]])
    numbers = np.array(found.subs(t, Rational(7, 5)).evalf().tolist(), dtype=float)
    samples = np.eye(2) * np.sqrt(2)
    targets = np.array([[2.0, 0], [0, 1]]) @ samples.T
    start = (np.array([[1.0, 0]]), np.array([[0.0], [1]]))
    expected = trained(samples, targets.T, *start, [0, 1.4])[1][0]
    assert np.abs(numbers - expected).max() < 1e-10
    assert np.abs(flow.lambdify()(1.4)[0] - expected).max() < 1e-10


def test_no_overflow_and_no_lost_rank():
    """At the end a narrow layer holds the strongest mode it can reach, and stays of rank 1."""
    sigma = [[3.0, 0, 0], [0, 2, 0], [0, 0, 1]]
    flow = two_layer_flow(sigma, [[0, 0.6, 0.8]], [[0], [1], [0]], t=t).lambdify()
    for time in (300.0, 3000.0):
        product = flow(time)[0]
        assert np.linalg.matrix_rank(product, 1e-9) == 1
        assert np.allclose(product, np.diag([0, 2.0, 0]), atol=1e-9)
    nothing = two_layer_flow(zeros(2, 2), [[1, 0]], [[0], [1]], t=t)
    assert nothing.doit()[1, 0] == 1 / (2 * t + 1)
    assert np.allclose(nothing.lambdify()(3.0)[0], [[0, 0], [1 / 7, 0]])


def test_source_is_what_lambdify_runs():
    flow = two_layer_flow(Matrix([[2, 0], [0, 1]]), [[1, 0]], [[0], [1]], t=t)
    space: dict[str, object] = {}
    exec(flow.source(), space)
    ours, theirs = space["two_layer_flow"](0.7), flow.lambdify()(0.7)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    exec(SYMBOLIC.source(), space)
    assert np.array_equal(
        space["two_layers_at"](0.7, np.diag([2, 1]), [[1, 0]], [[0], [1]])[0], ours[0]
    )
    assert pickle.loads(pickle.dumps(flow.lambdify()))(0.7)[0].shape == (2, 2)


def test_layers_that_are_not_balanced():
    with pytest.raises(ShapeError, match=r"conserved difference W2.T\*W2 - W1\*W1.T is \[\[0, 1\]"):
        two_layer_flow(Matrix([[1]]), [[1], [0]], [[1, 1]])
    a, b = symbols("a b", positive=True)
    with pytest.raises(ShapeError, match="conserved difference"):
        two_layer_flow(eye(2), Matrix([[a, 0], [0, b]]), eye(2))
    assert two_layer_flow(Matrix([[1]]), Matrix([[a]]), Matrix([[b]])).excess == b**2 - a**2
    with pytest.raises(ShapeError, match="conserved difference"):
        two_layer_flow(eye(2), eye(2), Matrix([[1, Float("1e-5")], [0, 1]]))
    with pytest.raises(ShapeError, match="leave it out"):
        two_layer_flow(eye(2), eye(2), eye(2), excess=1)
    flow = SYMBOLIC.lambdify()
    with pytest.raises(ValueError, match="not balanced"):
        flow(1.0, np.eye(2), np.eye(2), 2 * np.diag([1, 3]))
    with pytest.raises(ValueError, match="times are not negative"):
        flow(-1.0, np.eye(2), np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match="shapes"):
        flow(1.0, np.eye(3), np.eye(2), np.eye(2))
    with pytest.raises(TypeError, match="function of t"):
        two_layer_flow(eye(2), eye(2), eye(2)).lambdify()(1.0, 2.0)


def test_bad_input():
    with pytest.raises(ShapeError, match="write k × d, h × d and k × h"):
        two_layer_flow(eye(2), eye(3), eye(2))
    with pytest.raises(ShapeError, match="time constant"):
        two_layer_flow(eye(2), eye(2), eye(2), tau=-1)
    with pytest.raises(ShapeError, match="no matrix"):
        two_layer_flow(Symbol("s"), eye(2), eye(2))
    with pytest.raises(NoRuleError, match="write numbers, or one symbol"):
        two_layer_flow(Matrix([[Symbol("s")]]), [[1]], [[1]]).lambdify()
    with pytest.raises(NoRuleError, match="write no arguments"):
        SYMBOLIC.source([t])
    with pytest.raises(ShapeError, match="not symmetric"):
        RiccatiFlow(Matrix([[0, 1], [0, 0]]), Matrix([1, 1]), t)
    with pytest.raises(ShapeError, match="a row for each"):
        RiccatiFlow(eye(2), Matrix([1]), t)
    with pytest.raises(ShapeError, match="square"):
        ExponentialIntegral(Matrix([[0, 1]]), t)


def test_outputs():
    assert SYMBOLIC.func(*SYMBOLIC.args) == SYMBOLIC and isinstance(SYMBOLIC, TwoLayerFlow)
    assert r"\int_{0}^{t} e^{2 u F}" in SYMBOLIC.latex()
    assert r"2 r u" in latex(ExponentialIntegral(2 * Symbol("u") * eye(2), t))
    assert ExponentialIntegral(MatrixSymbol("A", 2, 2), t).T.args[0] == MatrixSymbol("A", 2, 2).T
    assert "F M + M F - M²" in str(SYMBOLIC)
    assert SYMBOLIC.product.shape == (k, d) and SYMBOLIC.doit() == SYMBOLIC.product


def test_layers_of_one_name_are_two_in_training():
    A = MatrixSymbol("A", 2, 2)
    for flow in (two_layer_flow(A, A, A), two_layer_flow(eye(2), A, A.T)):
        first = flow.derivation.steps[0]
        assert check(first, points=1) and len({w.name for w in flow._weights()}) == 2
