"""Rows as loops that Numba compiles: the same numbers as mpmath's, in one pass after the other."""

from __future__ import annotations

import pickle
import sys

import mpmath
import numpy as np
import pytest
from sympy import MatrixSymbol, erf, exp, log, symbols, tanh

from symprice import (
    MLP,
    CategoricalPolicy,
    Elementwise,
    NameClashError,
    NoRuleError,
    NTVar,
    ShapeError,
    closed_form,
    inputs,
    policy_gradient,
    relu,
    sigmoid,
    softmax,
    softplus,
)
from symprice.emit.compile import compile_source
from symprice.emit.loop_functions import LOOP_FUNCTIONS
from symprice.emit.matrix_function import MatrixFunction

numba = pytest.importorskip("numba", reason="backend='numba' needs Numba")

K = symbols("K", integer=True, positive=True)
z, r = inputs("z r", K)
POLICY = CategoricalPolicy(z)
GRADIENT = policy_gradient(POLICY, r)
ROWS = {z: "n", r: "n"}


def looped(formula, batch=ROWS):
    return MatrixFunction(closed_form(formula), batch, backend="numba")


@pytest.fixture(scope="module")
def gradient():
    return GRADIENT.lambdify(batch=ROWS, backend="numba")


def exact_gradient(logits, rewards):
    """π∘(r - J) in 400 digits, from the definition."""
    with mpmath.workdps(400):
        weights = [mpmath.exp(mpmath.mpf(float(value))) for value in logits]
        probabilities = [weight / mpmath.fsum(weights) for weight in weights]
        rates = [mpmath.mpf(float(value)) for value in rewards]
        mean = mpmath.fsum(p * c for p, c in zip(probabilities, rates, strict=True))
        return [p * (c - mean) for p, c in zip(probabilities, rates, strict=True)]


def test_the_softmax_gradient_far_out(gradient):
    rng = np.random.default_rng(0)
    logits, rewards = rng.uniform(-300, 300, (6, 9)), rng.standard_normal((6, 9))
    found = gradient({}, rewards, logits)
    for row, given, paid in zip(found, logits, rewards, strict=True):
        for value, true in zip(row, exact_gradient(given, paid), strict=True):
            assert abs(value - true) <= 1e-13 * abs(true)


def test_a_logit_of_minus_infinity(gradient):
    logits, rewards = np.array([[0.0, -np.inf, 1.0]]), np.array([[1.0, 2.0, 3.0]])
    found = gradient({}, rewards, logits)
    expected = exact_gradient([0.0, 1.0], [1.0, 3.0])
    assert found[0, 1] == 0
    np.testing.assert_allclose(found[0, [0, 2]], np.array(expected, dtype=float), rtol=1e-15)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_the_type_stays(gradient, kind):
    rng = np.random.default_rng(1)
    rewards, logits = rng.standard_normal((2, 5, 4)).astype(kind)
    found = gradient({}, rewards, logits)
    expected = GRADIENT.lambdify(batch=ROWS)({}, rewards, logits)
    assert found.dtype == kind
    np.testing.assert_allclose(found, expected, rtol=0, atol=4 * np.finfo(kind).eps)


def test_one_exponential_for_an_entry(gradient):
    row = gradient.source.partition("def f_row")[2].partition("@njit")[0]
    assert row.count("exp(") == 1 and row.count("for k in") == 3


def test_one_row_of_rewards_for_all_states(uncompiled):
    rng = np.random.default_rng(2)
    rewards, logits = rng.standard_normal(5), rng.standard_normal((3, 5))
    found = GRADIENT.lambdify(batch={z: "n"}, backend="numba")({}, rewards, logits)
    expected = GRADIENT.lambdify(batch={z: "n"})({}, rewards, logits)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-16)


c = symbols("c", real=True)
FORMULAS = {
    "cross-entropy": r.T * Elementwise(log, softmax(z)),
    "entropy": POLICY.entropy(),
    "sum of squares": z.T * z,
    "functions": Elementwise(tanh, z) + Elementwise(sigmoid, r) - 3 * Elementwise(softplus, z) / 7,
    "a number of a row": c**2 * Elementwise(relu, z) * (r.T * z),
}


@pytest.fixture
def uncompiled(monkeypatch):
    """Loops as Python runs them: the same lines, without the seconds that compiling takes."""
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)


@pytest.mark.parametrize("name", FORMULAS)
def test_loops_and_arrays_agree(name, uncompiled):
    formula = closed_form(FORMULAS[name])
    batch = {s: "n" for s in (z, r, c) if s in formula.free_symbols}
    loops, arrays = MatrixFunction(formula, batch, backend="numba"), MatrixFunction(formula, batch)
    rng = np.random.default_rng(3)
    shapes = {z: (4, 6), r: (4, 6), c: (4,)}
    given = [3 * rng.standard_normal(shapes[s]) for s in arrays.inputs]
    found, expected = loops({}, *given), arrays({}, *given)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-15 * np.max(np.abs(expected)))


@pytest.mark.parametrize("bits, lowest, highest", [(64, -744.4, 709.7), (32, -103.2, 88.7)])
def test_the_exponential(bits, lowest, highest):
    names = {"np": np, "njit": numba.njit}
    exec(LOOP_FUNCTIONS[f"exp{bits}"], names)
    function, kind = names[f"exp{bits}"], np.dtype(f"float{bits}").type
    rng = np.random.default_rng(4)
    given = np.concatenate([rng.uniform(lowest, highest, 3000), rng.uniform(-1, 1, 1000)])
    info = np.finfo(kind)
    for x in given.astype(kind):
        true = mpmath.exp(mpmath.mpf(float(x)))
        off = abs(mpmath.mpf(float(function(x))) - true)
        assert off <= 2 * info.eps * true + info.smallest_subnormal
    ends = [function(kind(x)) for x in (-np.inf, np.inf, 0.0, np.nan)]
    assert ends[:3] == [0, np.inf, 1] and np.isnan(ends[3])


def test_it_takes_threads(gradient):
    rewards, logits = np.random.default_rng(5).standard_normal((2, 8, 3))
    np.testing.assert_array_equal(
        gradient({}, rewards, logits, threads=1), gradient({}, rewards, logits, threads=2)
    )


def test_it_pickles(gradient, uncompiled):
    again = pickle.loads(pickle.dumps(gradient))
    rewards, logits = np.random.default_rng(5).standard_normal((2, 8, 3))
    np.testing.assert_allclose(
        again({}, rewards, logits), gradient({}, rewards, logits), rtol=0, atol=4e-16
    )


@pytest.mark.parametrize(
    "formula, batch, said",
    [
        (NTVar(MLP(K, 4, 1)(z)), {z: "n"}, "rows of one width"),
        (r.T * z, {z: "n", r: "m"}, "one batch"),
        (r.T * z, None, "one batch"),
        (c**2, {c: "n"}, "without rows"),
        (Elementwise(erf, z), {z: "n"}, "erf with backend='numba'"),
        (MatrixSymbol("A", K, K) * z, {z: "n"}, "rows of one width"),
    ],
)
def test_what_is_no_loop_over_rows(formula, batch, said):
    with pytest.raises(NoRuleError, match=said):
        looped(formula, batch)


def test_what_it_cannot_compute_with(gradient):
    rewards, logits = np.ones((2, 4, 3))
    with pytest.raises(ShapeError, match="tiles of loops"):
        gradient({}, rewards, logits, tile=2)
    with pytest.raises(ShapeError, match="array of complex128"):
        gradient({}, rewards + 0j, logits)


@pytest.mark.parametrize("where", [0, 1])
def test_nan_stays_in_its_row(gradient, where):
    given = np.random.default_rng(7).standard_normal((2, 4, 9))
    clean = gradient({}, *given)
    given[where, 2, 5] = np.nan
    found = gradient({}, *given)
    assert np.all(np.isnan(found[2]))
    np.testing.assert_array_equal(np.delete(found, 2, axis=0), np.delete(clean, 2, axis=0))


def test_names_that_loops_use_themselves(uncompiled):
    k, total = inputs("k result", K)
    row = closed_form(Elementwise(exp, k) + k * (k.T * total))
    given = np.random.default_rng(6).standard_normal((2, 3, 4))
    found = MatrixFunction(row, {k: "n", total: "n"}, backend="numba")({}, *given)
    expected = MatrixFunction(row, {k: "n", total: "n"})({}, *given)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize(
    "lines",
    [
        "@njit(parallel=True)\ndef f(x, y=len(x)):\n    return x",
        "@njit\ndef f(x):\n    return x",
        "@njit(parallel=True)\ndef f(x):\n    while x:\n        return x",
        "@njit(parallel=True)\ndef f(x):\n    import os",
        "@njit(parallel=True)\ndef f(x):\n    return x.__class__",
        "def f(x):\n    for k in range(3):\n        return x",
    ],
)
def test_loops_hold_nothing_else(lines):
    with pytest.raises(NameClashError, match="generated code holds"):
        compile_source(f"import numpy as np\nfrom numba import njit, prange\n{lines}\n", "f")


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(NoRuleError, match=r"symprice\[numba\]"):
        looped(Elementwise(log, z), {z: "n"})
