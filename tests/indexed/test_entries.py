"""Indices and entries: what they are made of, what they become, how they are written."""

from __future__ import annotations

import pickle

import pytest
from sympy import (
    ImmutableMatrix,
    MatrixSymbol,
    Mod,
    S,
    Symbol,
    latex,
    symbols,
    tanh,
)

from symprice import Family, Index, Member, Name, NameMatrix, ParameterMatrix, ShapeError, SumOver
from symprice.indexed.entries import Entry, Within, fresh_index, indices_of, placed, places_of
from symprice.indexed.shifts import Shift
from symprice.indexed.writing import letters, place_latex, subscripted

d, m, k, N, T, L = symbols("d m k N T L", integer=True, positive=True)
i, j, t, s = Index("i", d), Index("j", m), Index("t", L), Index("s", k)
W, x, B = ParameterMatrix("W", m, d), MatrixSymbol("x", d, 1), ParameterMatrix("B", 1, 1)
a = Symbol("a")


# -- indices --------------------------------------------------------------------------------------


def test_an_index_is_its_name_and_its_range():
    assert Index("i", d) == i != Index("i", m)
    assert (i.name, i.size) == ("i", d) and i.is_integer and i.is_nonnegative
    assert pickle.loads(pickle.dumps(i)) == i and i.func(*i.args) == i
    assert fresh_index(d) != fresh_index(d)
    for size in (0, -1, S.Half, a / a - 1):
        with pytest.raises(ShapeError, match="how many"):
            Index("i", size)


def test_free_indices_are_those_that_nothing_binds():
    expr = SumOver(Entry(W, j, i) * Entry(x, i), i) + Entry(x, Index("c", d))
    assert indices_of(expr) == {j, Index("c", d)}
    assert indices_of(Family(Member(x, i, j), i)) == {j}
    assert indices_of(Index("n", N) + 1) == {Index("n", N)}


# -- entries --------------------------------------------------------------------------------------


def test_axes_of_length_one_have_no_position():
    assert places_of((m, d), j, i) == (j, i) and places_of((m, S.One), j, S.Zero) == (j,)
    assert places_of((1, 1), 0, 0) == () and placed((1, d), (i,)) == (0, i)
    assert Entry(B).positions == () and Entry(x, i).array == x


def test_an_entry_of_what_is_inlined_is_resolved():
    row = Entry(x, i)
    assert row.xreplace({x: ImmutableMatrix([a, 7])}).xreplace({i: S.One}) == 7
    assert Entry(ImmutableMatrix([[1, 2], [3, 4]]), 1, 0) == 3
    inner = Member(MatrixSymbol("z", d, 1), Index("n", N))
    assert row.xreplace({x: inner}) == Entry(inner.array, i, Index("n", N))
    f, n = Name("f"), Index("n", N)
    assert Entry(f, n).xreplace({f: Family(tanh(Entry(x, 0, n)), n)}) == tanh(Entry(x, 0, n))
    assert Entry(f, 2).xreplace({f: Family(n**2, n)}) == 4


def test_positions_within_an_axis():
    assert Within(t, L) == 1 == Within(t + 1, L + 1) and Within(3, 3) == 0 == Within(-1, L)
    assert Within(L + t, L) == 0
    assert Within(t + s, L).func is Within
    assert Within(t - s, L) ** 2 == Within(t - s, L)


# -- how they are written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "tex"),
    [
        (Entry(x, i), "x_{i}"),
        (Entry(x, 0), "x_{1}"),
        (Entry(W, j, i), "W_{ji}"),
        (Entry(W, 0, t + s), "W_{1,s+t-1}"),
        (Entry(ParameterMatrix("W1", m, d), j, 2), "[W_{1}]_{j3}"),
        (Entry(NameMatrix("h1", m, 1), j), "h_{1,j}"),
        (Entry(x, i) ** 2, "x_{i}^{2}"),
        (Entry(NameMatrix("h1_prime", m, 1), j) ** 2, r"\left(h^{\prime}_{1,j}\right)^{2}"),
        (Entry(x, i, Index("n", N)), "[x_{n}]_{i}"),
        (Entry(Name("delta_f"), Index("n", N)), r"\delta_{f,n}"),
        (Within(t + s, L), r"\left[1 \leq s+t-1 \leq L\right]"),
        (SumOver(Entry(x, i), i), r"\sum_{i=1}^{d} x_{i}"),
        (SumOver(Entry(x, i) + 1, i), r"\sum_{i=1}^{d} \left(x_{i} + 1\right)"),
        (SumOver(Entry(x, i), i) ** 2, r"\left(\sum_{i=1}^{d} x_{i}\right)^{2}"),
        (SumOver(Entry(x, Index("_3", 4)), Index("_3", 4)), r"\sum_{i=1}^{4} x_{i}"),
        (
            SumOver(Entry(W, j, i) * Entry(x, i), j, i),
            r"\sum_{j=1}^{m} \sum_{i=1}^{d} x_{i} W_{ji}",
        ),
        (
            SumOver(Entry(x, i) * Entry(x, Index("c", d)), i, Index("c", d)),
            r"\sum_{i,c=1}^{d} x_{c} x_{i}",
        ),
    ],
)
def test_latex(expr, tex):
    assert latex(expr) == tex


def test_a_move_is_written_from_zero_and_a_place_from_one():
    X, Y = MatrixSymbol("X", 1, L), MatrixSymbol("Y", 1, L - k + 1)
    valid = Index("t", L - k + 1)
    product = Entry(X, valid + s) * Entry(Y, valid)
    assert latex(SumOver(product, s, valid)) == (
        r"\sum_{s=0}^{k - 1} \sum_{t=1}^{L - k + 1} X_{t+s} Y_{t}"
    )
    # With both from 1 the position needs its -1: t and s are free here.
    assert latex(product).startswith("X_{s+t-1}")
    back = SumOver(Entry(X, t - s) * Within(t - s, L) * Entry(X, t), s, t)
    assert latex(back) == (
        r"\sum_{s=0}^{k - 1} \sum_{t=1}^{L} X_{t-s} X_{t} \left[1 \leq t-s \leq L\right]"
    )
    ring = SumOver(Entry(X, Mod(t + s, L)) * Entry(X, t), s, t)
    assert r"X_{t \oplus s}" in latex(ring)
    moved = SumOver(Shift(X, s, L - k + 1), s)
    assert latex(moved) == r"\sum_{s=0}^{k - 1} X_{+s}"
    assert latex(Shift(X, s, L - k + 1)) == "X_{+s-1}" and latex(Shift(X, 2, L - 2)) == "X_{+2}"
    assert latex(SumOver(Shift(X, -s, L, "circular"), s)) == (r"\sum_{s=0}^{k - 1} X_{\ominus s}")


def test_letters_are_none_that_are_used():
    one, two = Index("_1", d), Index("_2", N)
    expr = Symbol("i") * Entry(x, one) * Entry(MatrixSymbol("j", N, 1), two)
    assert [index.name for index in letters(expr, (one, two)).values()] == ["k", "l"]
    assert [index.name for index in letters(Entry(W, j, one), (one,)).values()] == ["i"]
    sized = Entry(MatrixSymbol("A", Symbol("i", integer=True, positive=True), k), 0, one)
    assert letters(sized, (one,)) == {one: Index("j", d)}  # k is a size
    assert letters(Entry(x, i), (i,)) == {}  # it has a name
    times = [Index("_1", T), Index("_2", T)]
    assert [index.name for index in letters(a, times).values()] == ["t", "s"]
    many = [Index(f"_{place}", d) for place in range(12)]
    assert len(set(letters(a, many).values())) == 12


def test_nested_sums_have_different_letters():
    inner = SumOver(Entry(x, Index("_1", d)), Index("_1", d))
    outer = SumOver(inner**2 * a, Index("_2", N))
    tex = latex(outer)
    assert tex == r"\sum_{i=1}^{N} a \left(\sum_{j=1}^{d} x_{j}\right)^{2}"
    beside = latex(inner * SumOver(Entry(x, Index("_1", d)) ** 2, Index("_1", d)))
    assert beside.count(r"\sum_{i=1}^{d}") == 2


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        ("x", "x_{i}"),
        ("h_{1}", "h_{1,i}"),
        ("h^{(1)}_{2}", "h^{(1)}_{2,i}"),
        ("x'", "x'_{i}"),
        ("h_{1}^{2}", "{h_{1}^{2}}_{i}"),
        (r"\delta_{K_{1}}", r"\delta_{K_{1},i}"),
        ("[W_{1}]", "[W_{1}]_{i}"),
        (r"\mathit{loss}", r"\mathit{loss}_{i}"),
    ],
)
def test_subscripts_join(tex, expected):
    assert subscripted(tex, "i") == expected


def test_places_of_printed_positions():
    from sympy.printing.latex import LatexPrinter

    printer = LatexPrinter()
    assert place_latex(printer, S(4)) == "5" and place_latex(printer, i) == "i"
    assert place_latex(printer, i + 2) == "i+2" and place_latex(printer, 3 - i) == "-i+5"
