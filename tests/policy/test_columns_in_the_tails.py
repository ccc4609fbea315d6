"""A softmax of any number of actions where π is nearly certain, and where likely actions tie.

The numbers are those of the definitions, sums over actions, in mpmath; the code is NumPy's.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from sympy import HadamardPower, MatrixSymbol, Rational, Symbol, symbols, tanh

from symprice import (
    MLP,
    CategoricalPolicy,
    ParameterMatrix,
    closed_form,
    inputs,
    policy_gradient,
)
from symprice.elementwise import ScalarProduct
from symprice.emit.latex import to_latex
from symprice.policy.other_columns import GapToOthers, LogOdds, MeanOfOthers, VarianceOfOthers

K, d, h = symbols("K d h", integer=True, positive=True)
z = ParameterMatrix("z", K, 1)
r = MatrixSymbol("r", K, 1)
G = policy_gradient(CategoricalPolicy(z), r)
SAMPLES = 4
POINTS = (
    ((40, 0, 1), (1, 2, 3)),
    ((1000, 0, -1000), (3, 1, -2)),
    ((-1000, -1000, 3), (3, 1, -2)),
    ((40, 40, 0), (1, 1, 5)),
    ((700, 0.25, 0.125, 2), (5, 5, 5, 5)),
    ((20, 0, 0, -20), (0, 0, 1, 1)),
    ((5, 1, 0.25), (100, 100.5, 99)),
    ((30, 30, 30, 29, -9), (1, 2, 2, 2, 1)),
    ((1e-9, 0), (1, 3)),
    ((-50, 50), (1e6, 1)),
)


def definitions(logits, rewards):
    """Means and variances over actions, of the scores [a = k] - π_k."""
    weights = [mpmath.exp(mpmath.mpf(x) - max(logits)) for x in logits]
    pi = [w / mpmath.fsum(weights) for w in weights]
    gains, places = [mpmath.mpf(x) for x in rewards], range(len(pi))

    def mean(values):
        return mpmath.fsum(p * v for p, v in zip(pi, values, strict=True))

    def variance(values):
        centre = mean(values)
        return mean([(v - centre) ** 2 for v in values])

    def times(row, values):
        return [s * v for s, v in zip(row, values, strict=True)]

    scores = [[(a == k) - pi[k] for a in places] for k in places]
    squares = [mean(times(row, row)) for row in scores]
    gaps = [x - mean(gains) for x in gains]
    slope = [mean(times(row, gains)) for row in scores]
    above = [mean(times(row, times(row, gains))) for row in scores]
    best = [x / s for x, s in zip(above, squares, strict=True)]
    centred = [variance(times(row, gaps)) for row in scores]
    spread = variance(gains)
    return {
        "gradient": slope,
        "none": [variance(times(row, gains)) for row in scores],
        "number": [variance(times(row, [x - 0.5 for x in gains])) for row in scores],
        "mean": centred,
        "optimal": [
            variance(times(row, [x - b for x in gains]))
            for row, b in zip(scores, best, strict=True)
        ],
        "leave one out": [
            v / SAMPLES + (s * spread + g**2) / (SAMPLES * (SAMPLES - 1))
            for v, s, g in zip(centred, squares, slope, strict=True)
        ],
        "baselines": best,
        "common baseline": [mpmath.fsum(above) / mpmath.fsum(squares)],
    }


RESULTS = {
    "gradient": G,
    "none": G.variance(),
    "number": G.variance(Rational(1, 2)),
    "mean": G.variance("mean"),
    "optimal": G.variance("optimal"),
    "leave one out": G.variance("leave_one_out", n=SAMPLES),
    "baselines": G.optimal_baseline(per_component=True),
    "common baseline": G.optimal_baseline(),
}


@pytest.mark.parametrize("backend", ["numpy", "array_api"])
def test_no_digit_is_lost(backend):
    functions = {name: law.lambdify(backend=backend) for name, law in RESULTS.items()}
    with mpmath.workdps(1800), np.errstate(all="raise", under="ignore"):
        for logits, rewards in POINTS:
            expected = definitions(logits, rewards)
            arrays = np.array(logits, dtype=float), np.array(rewards, dtype=float)
            for name, f in functions.items():
                found = np.ravel(f({z: arrays[0]}, arrays[1]))
                for x, y in zip(found, expected[name], strict=True):
                    if abs(y) > 1e-300:
                        assert abs(float(x) - y) <= 1e-11 * abs(y), (name, logits, rewards)
                    else:
                        assert abs(x) < 1e-290, (name, logits, rewards)


@pytest.mark.parametrize("backend", ["numpy", "array_api"])
def test_the_entropy(backend):
    f = closed_form(CategoricalPolicy(z).entropy()).lambdify(backend=backend)
    with mpmath.workdps(900), np.errstate(all="raise", under="ignore"):
        for logits, _ in POINTS:
            weights = [mpmath.exp(mpmath.mpf(x) - max(logits)) for x in logits]
            pi = [w / mpmath.fsum(weights) for w in weights]
            expected = -mpmath.fsum(p * mpmath.log(p) for p in pi)
            found = float(f({z: np.array(logits, dtype=float)}))
            assert abs(found - expected) <= 1e-13 * expected + mpmath.mpf("1e-290")


def test_many_states_at_once():
    """Batches of logits, of logits and rewards in pairs, and of all pairs of them."""
    logits, gains = inputs("z r", K)
    law = policy_gradient(CategoricalPolicy(logits), gains).variance("mean")
    rng = np.random.default_rng(0)
    Z, R = 300 * rng.normal(size=(4, 5)), rng.normal(size=(3, 5))
    f, every = law.lambdify(), law.lambdify(batch={logits: "n", gains: "m"})
    expected = np.array([[f({}, r=x, z=y) for x in R] for y in Z])
    found = np.asarray(every({}, r=R, z=Z))
    found = found if found.shape == expected.shape else found.swapaxes(0, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    along = law.lambdify(batch={logits: "n"})
    np.testing.assert_allclose(along({}, r=R[0], z=Z), expected[:, 0], rtol=1e-13)


def test_a_network_that_is_nearly_certain():
    """The slope by the last bias is π ∘ (r - J), through the rules of array code."""
    net = MLP(d, h, K, activation=tanh)
    x = inputs("x", d)
    slopes = policy_gradient(CategoricalPolicy(net(x)), r).by_parameter()
    W1, b1, W2, b2 = net.parameters
    f = slopes[b2].lambdify()
    params = {W1: np.zeros((2, 1)), b1: np.zeros(2), W2: np.zeros((3, 2)), b2: [60.0, 0.0, 1.0]}
    params = {p: v for p, v in params.items() if slopes[b2].has(p)}
    found = f(params, np.array([1.0, 2.0, 3.0]), np.array([1.0]))
    with mpmath.workdps(100):
        expected = definitions((60, 0, 1), (1, 2, 3))["gradient"]
        for a, b in zip(np.ravel(found), expected, strict=True):
            assert abs(float(a) - b) <= 1e-13 * abs(b)


def test_columns_of_the_other_actions():
    """Each against its sums, one action alone as well, and float32 stays float32."""
    logits, values = inputs("z x", K)
    functions = [
        closed_form(node).lambdify()
        for node in (
            MeanOfOthers(logits, values),
            GapToOthers(logits, values),
            VarianceOfOthers(logits, values),
        )
    ]
    Z, X = np.array([3.0, 1.0, -2.0, 0.5]), np.array([1.0, -2.0, 4.0, 0.25])
    weights = np.exp(Z)
    for k in range(4):
        rest = np.arange(4) != k
        p = weights[rest] / weights[rest].sum()
        mean = p @ X[rest]
        expected = mean, X[k] - mean, p @ (X[rest] - mean) ** 2
        for f, value in zip(functions, expected, strict=True):
            assert abs(f({}, x=X, z=Z)[k] - value) < 1e-14 * max(1, abs(value))
        odds = closed_form(LogOdds(logits)).lambdify()({}, Z)[k]
        assert abs(odds - (Z[k] - np.log(weights[rest].sum()))) < 1e-14
    single = functions[2]({}, x=X.astype(np.float32), z=Z.astype(np.float32))
    assert single.dtype == np.float32
    alone = G.variance("mean").lambdify()({z: np.array([2.0])}, np.array([5.0]))
    assert list(alone) == [0.0]


def test_columns_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="one size"):
        MeanOfOthers(z, MatrixSymbol("x", Symbol("n", integer=True, positive=True), 1))


@pytest.mark.parametrize(
    "of", [lambda g: g.T * g, lambda g: HadamardPower(g, 2), lambda g: ScalarProduct(g, g)]
)
def test_a_gap_is_printed_in_brackets_where_more_is_made_of_it(of):
    tex = to_latex(of(GapToOthers(z, r)))
    gap = r"r - \operatorname{E}_{\neq}\left[r\right]"
    assert tex.count(gap) == tex.count(rf"\left({gap}\right)") > 0
