"""Families: a matrix for every value of a label."""

from __future__ import annotations

import pickle

import pytest
from sympy import Matrix, MatrixSymbol, S, Transpose, latex, symbols, sympify, tanh

from symprice import (
    ClosedForm,
    ClosedFormMatrix,
    Elementwise,
    EntriesOf,
    Family,
    Index,
    Member,
    Name,
    NameMatrix,
    ParameterFamily,
    ParameterMatrix,
    ScalarProduct,
    ShapeError,
    SumOver,
    UnitVector,
    average,
    inputs,
    to_latex,
)
from symprice.indexed.entries import Entry, indices_of
from symprice.indexed.families import FamilyMatrix, FamilyScalar
from symprice.indexed.sums import SumOverMatrix
from symprice.indexed.writing import at_labels, with_letters
from symprice.symbols import depends_on_parameters

d, m, k, N, T = symbols("d m k N T", integer=True, positive=True)
i, j, n = Index("i", N), Index("j", N), Index("n", 3)
x_i, y_i = inputs("x y", d, each=i)
x = x_i.array
W, b = ParameterMatrix("W1", m, d), ParameterMatrix("b1", m, 1)
h = NameMatrix("h1", m, 1)


def test_members_of_an_array():
    assert x_i == Member(x, i) and x_i.shape == (d, 1) and x_i.labels == (i,)
    assert Member(x) == x and Member(Member(x, j), i) == Member(x, i, j)
    assert x_i[0, 0] == Entry(x, 0, i) and x_i[Index("r", d), 0] == Entry(x, Index("r", d), i)
    assert x_i.xreplace({i: S(2)}) == Member(x, 2)
    assert [sample.array.name for sample in inputs("x y", 3, each=i)] == ["x", "y"]
    with pytest.raises(ShapeError, match="no family"):
        Member(W * x, i)


def test_a_trained_family_is_trained():
    F = ParameterFamily("F", m, d, k)
    assert F.size == k and F.shape == (m, d) and depends_on_parameters(Member(F, i))
    assert F == ParameterFamily("F", m, d, k) != ParameterFamily("F", m, d, 3)
    assert F.free_symbols == {F} and pickle.loads(pickle.dumps(F)) == F
    assert Member(F, Index("s", k))[0, 0].free_symbols >= {F}


def test_a_family_is_a_function_of_its_labels():
    f = Family(W * x_i + b, i)
    assert type(f) is FamilyMatrix and f.shape == (m, 1) and f(j) == W * Member(x, j) + b
    assert Member(f, 4) == W * Member(x, 4) + b
    g = Family(Entry(x, 0, i) ** 2, i)
    assert type(g) is FamilyScalar and g(1) == Entry(x, 0, 1) ** 2
    assert Family(Family(x_i * Member(x, j).T, i), j).labels == (i, j)
    assert Family(x_i) == x_i and indices_of(Family(x_i * Member(x, j).T, i)) == {j}
    with pytest.raises(ShapeError, match="its members"):
        f[0, 0]


def test_matrices_by_their_entries():
    p, q = Index("p", 2), Index("q", 3)
    E = EntriesOf(p + 10 * q, p, q)
    assert E.shape == (2, 3) and E[1, 2] == 21 and E.T[2, 1] == 21
    assert E.as_explicit() == Matrix([[0, 10, 20], [1, 11, 21]])
    column = EntriesOf(Entry(x, p), p, 0)
    assert column.shape == (2, 1) and column[1, 0] == Entry(x, 1)


def test_inlining_a_definition_resolves_its_members():
    a = NameMatrix("a1", m, 1)
    closed = ClosedFormMatrix(
        Member(a, j),
        {h: Family(W * x_i + b, i), a: Family(Elementwise(tanh, Member(h, i)), i)},
    )
    assert closed.doit() == Elementwise(tanh, W * Member(x, j) + b)


@pytest.mark.parametrize(
    "node",
    [
        x_i,
        Member(x, 2, j),
        Entry(x, 0, i),
        Family(2 * x_i, i),
        Family(Entry(x, 0, i), i),
        SumOver(x_i, i),
        average(ScalarProduct(x_i, y_i), i),
        EntriesOf(Entry(x, n), n, 0),
    ],
    ids=str,
)
def test_text_can_be_parsed_again(node):
    names = {c.__name__: c for c in (Entry, Family, FamilyMatrix, FamilyScalar, Member, SumOver)}
    names |= {c.__name__: c for c in (EntriesOf, ScalarProduct, SumOverMatrix)}
    names |= {s.name: s for s in node.atoms(MatrixSymbol, Index)} | {"N": N}
    assert sympify(str(node), locals=names) == node
    assert pickle.loads(pickle.dumps(node)) == node and node.func(*node.args) == node


# -- how they are written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "tex"),
    [
        (x_i, "x_{i}"),
        (Member(h, i), "h_{1,i}"),
        (Member(NameMatrix("h1_prime", m, 1), i), r"h^{\prime}_{1,i}"),
        (Member(x, 0), "x_{1}"),
        (Member(x, i, n), "x_{i,n}"),
        (Family(2 * x_i, i), r"i \mapsto 2 x_{i}"),
        (Family(Entry(x, 0, Index("_7", N)), Index("_7", N)), r"i \mapsto [x_{i}]_{1}"),
        (UnitVector(T, n), "e_{n}"),
        (UnitVector(T, 1), "e_{2}"),
        (EntriesOf(Entry(W, n, i), n, i), r"\left[[W_{1}]_{ni}\right]_{n,i}"),
        (EntriesOf(Entry(x, Index("_row", d)), Index("_row", d), 0), r"\left[x_{i}\right]_{i}"),
        (SumOver(Transpose(x_i), i), r"\sum_{i=1}^{N} \left(x_{i}\right)^{T}"),
        (SumOver(x_i + y_i, i), r"\sum_{i=1}^{N} \left(x_{i} + y_{i}\right)"),
    ],
    ids=str,
)
def test_latex(expr, tex):
    assert latex(expr) == tex


def test_definitions_are_written_at_their_labels():
    label = Index("_label", N)
    name, value = at_labels(h, Family(W * Member(x, label) + b, label))
    assert (latex(name), value) == ("h_{1,i}", W * x_i + b)
    assert at_labels(Name("f"), Family(Entry(x, 0, i), i)) == (
        Entry(Name("f"), i),
        Entry(x, 0, i),
    )
    assert at_labels(h, W * x) == (h, W * x)
    assert with_letters(SumOver(Member(x, label), label)) == SumOver(Member(x, label), label)
    closed = ClosedForm(
        SumOver(ScalarProduct(Member(h, i), Member(h, i)), i),
        {h: Family(W * Member(x, label) + b, label)},
    )
    assert to_latex(closed).splitlines()[-2] == (
        r"\text{where}\quad h_{1,i} &= W_{1} x_{i} + b_{1}"
    )
    assert "h_{1,i} = W_{1} x_{i} + b_{1}" in latex(closed)
    assert "h₁,ᵢ = W₁ xᵢ + b₁" in closed.text()
