"""Points respect assumptions, reach both tails, and hang on names and seed; realisations fit."""

from __future__ import annotations

import mpmath
import pytest
from sympy import Dummy, Function, Integer, MatrixSymbol, Symbol, symbols

from symprice import (
    DiagonalMetric,
    MatrixMetric,
    NoRuleError,
    NTCov,
    ParameterMatrix,
    VectorFunction,
    observables,
    parameters,
)
from symprice.checks.points import MODES, Draw
from symprice.checks.realise import Realisation, Smooth

n, k = symbols("n k", integer=True, positive=True)
P, L = observables("P L")
u, v = parameters("u v")


def drawn(symbol, count=40, exprs=(), seed=0):
    realisation = Realisation([symbol, *exprs], seed)
    return [Draw(realisation, seed, i, MODES[i % len(MODES)])(symbol) for i in range(count)]


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"positive": True},
        {"negative": True},
        {"nonnegative": True},
        {"nonpositive": True},
        {"nonzero": True, "real": True},
        {"integer": True},
        {"integer": True, "positive": True},
        {"integer": True, "nonnegative": True},
        {"integer": True, "nonzero": True},
        {"even": True},
        {"odd": True, "positive": True},
        {"prime": True},
        {"odd": True, "composite": True},
        {"zero": True},
    ],
    ids=str,
)
def test_assumptions_hold(facts):
    for value in drawn(Symbol("s", **facts)):
        exact = Integer(int(value)) if value == int(value) else Integer(int(value * 1024)) / 1024
        for fact, holds in facts.items():
            assert getattr(exact, f"is_{fact}") == holds, (fact, value)
        assert float(value) * 1024 == int(float(value) * 1024)  # the same in float64


@pytest.mark.parametrize("facts", [{"imaginary": True}, {"commutative": False}], ids=str)
def test_what_has_no_real_point_is_refused(facts):
    with pytest.raises(NoRuleError):
        drawn(Symbol("s", **facts))


def test_twenty_points_reach_both_tails_and_the_middle():
    for name in "abcdefgh":
        values = drawn(Symbol(name), 20)
        assert max(values) > 5 and min(values) < -5
        assert sum(abs(value) < 2 for value in values) >= 12
        assert max(drawn(Symbol(name, positive=True), 20)) > 5


def test_a_point_hangs_on_name_class_assumptions_and_seed():
    x = Symbol("x")
    assert drawn(x) == drawn(x, exprs=[x * Symbol("y"), P])
    others = (Symbol("z"), Symbol("x", real=True), parameters("x"))
    assert all(drawn(x)[0] != drawn(other)[0] for other in others)
    assert drawn(x)[0] != drawn(x, seed=1)[0]
    first, second = Dummy("d"), Dummy("d")
    draw = Draw(Realisation([first + second]), 0, 0)
    assert draw(first) != draw(second)


def test_matrices_have_the_realised_shape_and_metrics_are_positive_definite():
    A = MatrixSymbol("A", n, k)
    G = MatrixSymbol("G", n, n)
    realisation = Realisation([A, NTCov(P, L, MatrixMetric(G))])
    draw = Draw(realisation, 0, 0)
    rows, columns = realisation.size(n), realisation.size(k)
    assert (draw(A).rows, draw(A).cols) == (rows, columns) and rows != columns
    assert draw(n) == rows and len(realisation.fresh) == rows
    metric = draw(G)
    assert metric == metric.T and min(mpmath.eigsy(metric, eigvals_only=True)) > 0.5


def test_sizes_are_distinct_and_follow_the_metric():
    sizes = symbols("a b c d", integer=True, positive=True)
    found = Realisation([MatrixSymbol("A", *sizes[:2]), MatrixSymbol("B", *sizes[2:])]).sizes
    assert len(set(found.values())) == 4
    assert Realisation([MatrixSymbol("A", n + 1, 2 * k)]).size(n + 1 + k) == sum(
        Realisation([MatrixSymbol("A", n + 1, 2 * k)]).sizes.values(), 1
    )
    listed = Realisation([NTCov(P * u, L * v, MatrixMetric(MatrixSymbol("G", n, n), (u, v)))])
    assert listed.sizes == {n: 2}
    assert Realisation([MatrixSymbol("A", n - 5, 1)]).size(n - 5) > 0
    with pytest.raises(NoRuleError, match="make every one of n - 9 a size"):
        Realisation([MatrixSymbol("A", n - 9, 1)])


def test_observables_depend_on_what_every_metric_knows():
    assert Realisation([P * u]).coordinates[3:] == (u,)
    assert len(Realisation([P]).coordinates) == 3
    assert Realisation([NTCov(P, u, DiagonalMetric({u: 1, v: 2}))]).coordinates == (u, v)
    taken = parameters("theta_1")
    assert taken not in Realisation([P * taken]).fresh
    W = ParameterMatrix("W", 2, 2)
    assert W in Realisation([P, W]).coordinates
    apart = NTCov(P, u, DiagonalMetric({u: 1})) + NTCov(P, v, DiagonalMetric({v: 1}))
    with pytest.raises(NoRuleError, match="in common"):
        Realisation([apart])


def test_smooth_functions_are_smooth_of_one_sign_and_no_two_alike():
    f, g = Smooth("f", 2), Smooth("g", 2)
    assert f([1, 2]) != g([1, 2]) and f([1, 2]) == Smooth("f", 2)([1, 2])
    with mpmath.workdps(80):

        def quotient(h):
            return (f([1 + h, 2]) - f([1 - h, 2])) / (2 * h)

        coarse, fine = quotient(mpmath.mpf(10) ** -10), quotient(mpmath.mpf(10) ** -20)
        assert abs(coarse - fine) < 1e-17 and abs(fine) > 1e-3
    for number in (-8, -1, 0, 1, 8):
        assert (
            Smooth("f", 1, 1)([mpmath.mpf(number)]) > 0 > Smooth("f", 1, -1)([mpmath.mpf(number)])
        )


def test_functions_and_observables_of_one_name_are_two_things():
    realisation = Realisation([P])
    x = [mpmath.mpf(1)] * 3
    arguments = symbols("x0:3")
    values = {
        realisation.smooth(P, x),
        realisation.smooth(Function("P")(*arguments), x),
        realisation.smooth(VectorFunction("P", 2)(MatrixSymbol("z", 3, 1)).args[0], x, 0),
        realisation.smooth(VectorFunction("P", 2)(MatrixSymbol("z", 3, 1)).args[0], x, 1),
    }
    assert len(values) == 4
    positive = observables("P", positive=True)
    assert realisation.smooth(positive, x) > 0
