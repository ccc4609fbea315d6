"""The oracle on entries, families and sums over indices, against values known by hand."""

from __future__ import annotations

from itertools import pairwise

import mpmath
import pytest
from sympy import (
    Integer,
    KroneckerDelta,
    KroneckerProduct,
    MatMul,
    Matrix,
    MatrixSymbol,
    Mod,
    OneMatrix,
    Rational,
    S,
    Symbol,
    Trace,
    eye,
    symbols,
    tanh,
)

from symprice import (
    BlockMetric,
    ClosedForm,
    ClosedFormMatrix,
    Elementwise,
    EntriesOf,
    Family,
    Index,
    Member,
    Name,
    NameMatrix,
    NoRuleError,
    NTCov,
    NTVar,
    Parameter,
    ParameterFamily,
    ParameterMatrix,
    ScalarProduct,
    Shift,
    SumOver,
    UnitVector,
    average,
    inputs,
    observables,
)
from symprice.array_nodes import RMSNormalized, RMSNormalizedRows, Standardized, StandardizedRows
from symprice.arrays import LogSumExp, SoftmaxRows
from symprice.checks.graph import Graph
from symprice.checks.oracle import evaluate_at, value
from symprice.checks.points import Draw
from symprice.checks.realise import Realisation
from symprice.checks.sizes import sizes_of
from symprice.elementwise import ScaledRows
from symprice.indexed.entries import Entry, Within

d, m, k, n, N, T, L = symbols("d m k n N T L", integer=True, positive=True)
a = Symbol("a")
x, y = inputs("x y", d)
X = MatrixSymbol("X", 2, 3)
MATRIX = Matrix([[1, 2, 3], [4, 5, 6]])
r, c, s, t = Index("r", 2), Index("c", 3), Index("s", 3), Index("t", 3)


def at(*exprs, index=0):
    """Values at a random point, symbolic sizes made numbers."""
    realisation = Realisation(exprs)
    return evaluate_at(exprs, Draw(realisation, 0, index), 30, Graph(realisation))


def close(found, expected, digits=27):
    size = max(1, abs(found), abs(expected))
    return abs(found - expected) <= size * mpmath.mpf(10) ** -digits


# -- entries and sums -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (Entry(X, 1, 2), 6),
        (SumOver(Entry(X, r, c), r, c), 21),
        (SumOver(Entry(X, r, c) ** 2, c).xreplace({r: Integer(1)}), 16 + 25 + 36),
        (SumOver(Entry(X, 0, c) * SumOver(Entry(X, r, c), r), c), 1 * 5 + 2 * 7 + 3 * 9),
        (SumOver(c * Entry(X, 0, c), c), 0 * 1 + 1 * 2 + 2 * 3),  # an index counts from 0
        (SumOver(KroneckerDelta(c, s) * Entry(X, 0, c) * Entry(X, 1, s), c, s), 4 + 10 + 18),
        (SumOver(KroneckerDelta(c, 1) * Entry(X, 1, c), c), 5),
        (SumOver(Within(c + 1, 3) * Entry(X, 0, c + 1), c), 2 + 3),
        (SumOver(Entry(X, 0, Mod(c + 2, 3)) * Entry(X, 1, c), c), 3 * 4 + 1 * 5 + 2 * 6),
        (SumOver(Entry(X, 0, Mod(c - 1, 3)) * Entry(X, 1, c), c), 3 * 4 + 1 * 5 + 2 * 6),
        (SumOver(Within(c + 7, 3) * Entry(X, 0, c), c), 0),
        (ScalarProduct(X, X), 91),
        (ScalarProduct(X[:, 0], X[:, 2]), 3 + 24),
        (SumOver(a, c), 3 * 7),
    ],
)
def test_sums_of_entries(expr, expected):
    assert value(expr, {X: MATRIX, a: 7}) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (Shift(X, 1, 3, "circular"), [[2, 3, 1], [5, 6, 4]]),
        (Shift(X, -1, 3, "circular"), [[3, 1, 2], [6, 4, 5]]),
        (Shift(X, 1, 3, "zero"), [[2, 3, 0], [5, 6, 0]]),
        (Shift(X, -2, 3, "zero"), [[0, 0, 1], [0, 0, 4]]),
        (Shift(X, 1, 2, "zero"), [[2, 3], [5, 6]]),
        (SumOver(Shift(X, s, 1, "zero"), s), [[6], [15]]),
        (EntriesOf(Entry(X, r, c) + 10 * r, c, r), [[1, 14], [2, 15], [3, 16]]),
        (EntriesOf(Entry(X, r, 1), r, 0), [[2], [5]]),
        (UnitVector(3, 1), [[0], [1], [0]]),
        (SumOver(MatMul(c, UnitVector(3, c)), c), [[0], [1], [2]]),
        (ScaledRows(Matrix([2, 3]), X), [[2, 4, 6], [12, 15, 18]]),
        (Elementwise(lambda h: h**2 + a, X), [[8, 11, 16], [23, 32, 43]]),
        (KroneckerProduct(Matrix([[1, 2]]), X), [[1, 2, 3, 2, 4, 6], [4, 5, 6, 8, 10, 12]]),
        (X[:, 1:3], [[2, 3], [5, 6]]),
    ],
)
def test_matrices_of_indices(expr, expected):
    assert value(expr, {X: MATRIX, a: 7}).tolist() == expected


def test_an_entry_that_is_not_there_is_an_error():
    with pytest.raises(NoRuleError, match="none there"):
        value(SumOver(Entry(X, 0, c + 1), c), {X: MATRIX})
    with pytest.raises(NoRuleError, match="none there"):
        value(SumOver(Entry(X, 0, c - 1), c), {X: MATRIX})
    with pytest.raises(NoRuleError, match="add j"):
        value(Entry(X, 0, Index("j", 3)), {X: MATRIX})
    assert value(Entry(X, 0, Index("j", 3)), {X: MATRIX, Index("j", 3): 2}) == 3


def test_an_index_that_is_bound_inside_is_another_one():
    inner = SumOver(Entry(X, 0, c), c)
    assert value(SumOver(inner * Entry(X, 1, c), c), {X: MATRIX}) == 6 * 15


def test_sympys_own_sums_reach_entries():
    w = ParameterMatrix("w", 1, 2)
    i = Index("i", 2)
    x_i = inputs("x", 2, each=i)
    product = (w * x_i)[0, 0]
    point = {w: Matrix([[3, 5]]), x_i.array: [Matrix([1, 2]), Matrix([0, 4])]}
    assert value(SumOver(product, i), point) == 13 + 20


# -- families -------------------------------------------------------------------------------------

i, j = Index("i", 2), Index("j", 2)
x_i, x_j = inputs("x", 2, each=i), inputs("x", 2, each=j)
DATA = {x_i.array: [Matrix([1, 2]), Matrix([3, 4])]}


def test_every_label_has_a_matrix_of_its_own():
    assert value(SumOver(ScalarProduct(x_i, x_j), i, j), DATA) == 4**2 + 6**2
    assert value(Entry(x_i.array, 1, 0), DATA) == 2
    named = {x_i.array: {0: Matrix([1, 2]), 1: Matrix([3, 4])}}
    assert value(SumOver(x_i, i), named).tolist() == [[4], [6]]
    two = Member(MatrixSymbol("z", 1, 1), i, j)
    assert value(SumOver(two[0, 0] * (1 + i), i, j), {two.array: [[Matrix([1])] * 2] * 2}) == 6


def test_labels_are_drawn_apart_and_alike_everywhere():
    x_i = inputs("x", d, each=Index("i", N))
    first, second = (Member(x_i.array, label) for label in (0, 1))
    one, other, again = at(first[0, 0], second[0, 0], SumOver(x_i, Index("i", N))[0, 0])
    assert one != other
    total = sum(at(*(Member(x_i.array, label)[0, 0] for label in range(3))))
    assert Realisation([SumOver(x_i, Index("i", N))]).sizes == {N: 3, d: 2}
    assert close(again, total)


def test_definitions_that_are_families():
    W = ParameterMatrix("W", 2, 2)
    h, f = NameMatrix("h", 2, 1), Name("f")
    where = {
        h: Family(Elementwise(tanh, W * x_i), i),
        f: Family(ScalarProduct(Member(h, i), Member(h, i)), i),
    }
    closed = ClosedForm(SumOver(Entry(f, i) * Entry(f, j) + Entry(h, 1, i), i, j), where)
    point = {W: Matrix([[Rational(1, 2), 1], [Rational(1, 3), -1]]), **DATA}
    with mpmath.workdps(50):
        columns = [
            [mpmath.tanh(u / mpmath.mpf(2) + v), mpmath.tanh(u / mpmath.mpf(3) - v)]
            for u, v in ((1, 2), (3, 4))
        ]
        total = sum(p**2 + q**2 for p, q in columns) ** 2 + 2 * sum(q for _, q in columns)
    assert close(value(closed, point), total)
    with pytest.raises(NoRuleError, match="family"):
        value(ClosedFormMatrix(h, where), point)
    with pytest.raises(NoRuleError, match="labels run"):
        value(ClosedFormMatrix(Member(h, 2), where), point)


def test_a_closed_form_under_a_sum():
    h = NameMatrix("h", 2, 1)
    closed = ClosedForm(ScalarProduct(h, h), {h: 2 * x_i})
    assert value(SumOver(closed, i), DATA) == 4 * (5 + 25)


def test_the_coordinates_of_a_trained_family():
    F = ParameterFamily("F", 1, 2, 3)
    point = {F: [Matrix([[1, 2]]), Matrix([[3, 4]]), Matrix([[5, 6]])], a: 7}
    total = SumOver((1 + s) * Entry(F, 0, s), s)
    assert value(NTVar(total), point) == 1 + 4 + 9
    assert value(NTVar(Entry(F, 1, 2) ** 2), point) == 12**2
    assert value(NTCov(Entry(F, 1, 2), Entry(F, 1, 1)), point) == 0
    assert value(NTCov(SumOver(Entry(F, 0, s) ** 2, s), Entry(F, 0, 1) * a), point) == 2 * 3 * 7
    with pytest.raises(NoRuleError, match="has 3"):
        value(Entry(F, 0, 3), point)


def test_an_observable_depends_on_every_member():
    F = ParameterFamily("F", 1, 1, n)
    P = observables("P")
    parts = [NTCov(P, Entry(F, label)) for label in range(3)]
    assert Realisation([*parts, Entry(F, Index("s", n))]).sizes[n] == 3
    assert len(set(map(str, at(*parts)))) == 3 and 0 not in at(*parts)


def test_a_long_chain_of_families_is_no_deep_recursion():
    h = [NameMatrix(f"h{layer}", 2, 1) for layer in range(400)]
    where = {h[0]: Family(x_i, i)}
    for before, after in pairwise(h):
        where[after] = Family(Member(before, i) + Member(before, i).xreplace({i: S.Zero}), i)
    closed = ClosedFormMatrix(Member(h[-1], 0), where)
    assert value(closed, DATA)[0] == mpmath.mpf(2) ** 399


# -- sizes ----------------------------------------------------------------------------------------


def test_sizes_fit_what_is_made_of_them():
    found = sizes_of([MatrixSymbol("X", d, L - k + 1), MatrixSymbol("Y", d * m, T / n)], {})
    assert found[L] - found[k] >= 1 and found[T] % found[n] == 0 and found[T] > found[n]
    assert len({found[size] for size in (d, L, k, m, T, n)}) == 6
    many = symbols("a:h", integer=True, positive=True)
    found = sizes_of([MatrixSymbol("X", *many[2 * p : 2 * p + 2]) for p in range(4)], {})
    assert len(found) == 8 and min(found.values()) > 1
    assert sizes_of([Index("i", N), ParameterFamily("W", d, 2, k)], {d: 5}) == {d: 5, N: 3, k: 2}


def test_sizes_are_read_off_the_matrices_of_a_point():
    assert value(Trace(OneMatrix(d, d)), {d: 4}) == 4
    assert value(SumOver(Entry(x, Index("i", d)), Index("i", d)), {x: Matrix([1, 2, 3])}) == 6


# -- nodes that normalise -------------------------------------------------------------------------

Z = MatrixSymbol("Z", 2, 2)
LOGITS = Matrix([[0, 1], [2, 0]])


def test_rows_of_probabilities():
    e = mpmath.e
    found = value(SoftmaxRows(Z), {Z: LOGITS})
    assert close(found[0, 1], e / (1 + e), 14) and close(found[1, 0], e**2 / (1 + e**2), 14)
    causal = value(SoftmaxRows(Z, causal=True), {Z: LOGITS})
    assert causal[0, 0] == 1 and causal[0, 1] == 0
    assert [causal[1, column] for column in (0, 1)] == [found[1, column] for column in (0, 1)]
    assert close(value(LogSumExp(Z[:, 1]), {Z: LOGITS}), mpmath.log(1 + e), 14)


def test_standardised_columns_and_rows():
    z = MatrixSymbol("z", 3, 1)
    point = {z: Matrix([1, 2, 6]), X: Matrix([[1, 2, 6], [0, 0, 3]]), a: 2}
    root = mpmath.sqrt(mpmath.mpf(14) / 3 + 2)  # mean 3, squares about it 4 + 1 + 9
    expected = [-2 / root, -1 / root, 3 / root]
    for found in (value(Standardized(z, a), point), value(StandardizedRows(X, a), point)[0, :]):
        assert all(close(p, q, 14) for p, q in zip(found, expected, strict=True))
    root = mpmath.sqrt(mpmath.mpf(41) / 3 + 2)
    expected = [1 / root, 2 / root, 6 / root]
    for found in (value(RMSNormalized(z, a), point), value(RMSNormalizedRows(X, a), point)[0, :]):
        assert all(close(p, q, 14) for p, q in zip(found, expected, strict=True))


# -- metrics --------------------------------------------------------------------------------------


def test_blocks_of_a_metric():
    W, b = ParameterMatrix("W", 2, 2), ParameterMatrix("b", 2, 1)
    v, w = Parameter("v"), Parameter("w")
    F = ParameterFamily("F", 1, 1, 2)
    G = Matrix([[2, 1], [1, 3]])
    point = {W: eye(2), b: Matrix([0, 0]), v: 2, w: 3, F: [eye(1)] * 2, a: 5}

    def covariance(left, right, blocks):
        return value(NTCov(left, right, metric=BlockMetric(blocks)), point)

    assert covariance(3 * b[0, 0], b[1, 0] + v, {b: G, v: a}) == 3
    assert covariance(v * w, v * w, {v: a, w: 0}) == 5 * 9
    assert covariance(Entry(F, 0) + Entry(F, 1), Entry(F, 1), {F: a}) == 5
    # B W A: the entry (i, j) meets (k, l) with B_ik A_jl.
    block = {W: KroneckerProduct(Matrix([[7, 11], [11, 13]]), G)}
    assert covariance(W[0, 0], W[1, 1], block) == 11 * 1
    assert covariance(W[1, 0], W[1, 1], block) == 11 * 3
    with pytest.raises(NoRuleError, match="does not list"):
        covariance(v, v + w, {w: a})


def test_average_divides_by_the_size():
    x_i = inputs("x", 1, each=Index("i", N))
    mean, total = at(average(x_i[0, 0], Index("i", N)), SumOver(x_i[0, 0], Index("i", N)))
    assert close(3 * mean, total)
