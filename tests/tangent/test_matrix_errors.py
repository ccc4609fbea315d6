"""What has no rule, no meaning or no gradient: an error that names it, never a zero."""

from __future__ import annotations

import pytest
from sympy import (
    Adjoint,
    BlockDiagMatrix,
    BlockMatrix,
    Determinant,
    DiagonalOf,
    DotProduct,
    Function,
    Integral,
    KroneckerProduct,
    Lambda,
    MatrixExpr,
    MatrixSymbol,
    Permanent,
    Sum,
    Symbol,
    cos,
    floor,
    log,
    sin,
    symbols,
    zeta,
)
from sympy.matrices.expressions import FunctionMatrix

from symprice import (
    MLP,
    Elementwise,
    Index,
    Member,
    NoParameterError,
    NoRuleError,
    NothingSharedWarning,
    NTCov,
    NTVar,
    Parameter,
    ParameterFamily,
    ParameterMatrix,
    ScalarProduct,
    ShapeError,
    closed_form,
    contributions,
    inputs,
)
from tests.tangent.steps import Case, Point, close, d, k, m, norms

x, y = inputs("x y", d)
W, S, b = ParameterMatrix("W", m, d), ParameterMatrix("S", d, d), ParameterMatrix("b", d, 1)
net = MLP(d, m, k)
bx = ScalarProduct(b, x)
h, i, j = Symbol("h"), *symbols("i j", integer=True)


class without_rule(Function):
    def fdiff(self, argindex=1):
        raise NotImplementedError


class silent(Function):
    nargs = 1


class with_rule(Function):
    nargs = 1

    def fdiff(self, argindex=1):
        return cos(self.args[0])

    def _eval_evalf(self, prec):
        return sin(self.args[0])._evalf(prec)


class Doubled(MatrixExpr):
    shape = property(lambda self: self.args[0].shape)


TRIANGLE = Sum(S[i, j] * x[j, 0], (j, 0, i), (i, 0, d - 1))
NODES = [
    (S.I * x, "Inverse", "symprice.indexed.lowering.reads"),
    (S**-2 * x, "MatPow", "symprice.indexed.lowering.reads"),
    (S**k * x, "MatPow", "symprice.indexed.lowering.reads"),
    (BlockMatrix([[b], [S * x]]), "BlockMatrix", "symprice.indexed.lowering.reads"),
    (
        BlockDiagMatrix(S, S) * MatrixSymbol("z", 2 * d, 1),
        "BlockDiagMatrix",
        "symprice.indexed.lowering.reads",
    ),
    (KroneckerProduct(b, x), "KroneckerProduct", "symprice.indexed.lowering.reads"),
    (DiagonalOf(S), "DiagonalOf", "symprice.indexed.lowering.reads"),
    (FunctionMatrix(d, d, Lambda((i, j), S[i, j])) * x, "FunctionMatrix", "lowering.reads"),
    (Adjoint(S) * x, "Adjoint", "symprice.indexed.lowering.reads"),
    (Doubled(S) * x, "Doubled", "symprice.indexed.lowering.reads"),
    (Doubled(b), "Doubled", "symprice.indexed.lowering.reads"),
    ((S * x).applyfunc(sin), "ElementwiseApplyFunction", "Elementwise"),
    (Determinant(S), "Determinant", ""),
    (log(Determinant(S)), "Determinant", ""),
    (Permanent(S), "Permanent", ""),
    (DotProduct(b, x), "DotProduct", ""),
    (without_rule(bx), "without_rule", "fdiff(argindex)"),
    (silent(bx), "silent", "fdiff(argindex)"),
    (Elementwise(without_rule, S * x), "without_rule", "fdiff(argindex)"),
    (Elementwise(silent, S * x), "silent", "fdiff(argindex)"),
    (Elementwise(floor, S * x), "floor", "fdiff(argindex)"),
    (zeta(2 + ScalarProduct(b, b)), "zeta", "fdiff(argindex)"),
    (Integral(S * x * h, (h, 0, 1)), "Integral", ""),
    (Sum(i * S * x, (i, 0, 3)), "ParameterMatrix", ""),
    (TRIANGLE, "Sum", "SumOver"),
    (ParameterFamily("F", m, d, 3) * x, "F", ""),
    (Member(W, Index("s", 3)) * x, "W", ""),
]


@pytest.mark.parametrize(("prop", "node", "remedy"), NODES, ids=[n for _, n, _ in NODES])
def test_what_has_no_rule_is_named(prop, node, remedy):
    trained = [s for s in prop.free_symbols if isinstance(s, ParameterMatrix)]
    other = sum((ScalarProduct(s, s) for s in trained), ScalarProduct(S, S))
    for covariance in (lambda: NTVar(prop), lambda: NTCov(prop, other)):
        with pytest.raises(NoRuleError) as caught:
            closed_form(covariance())
        assert node in str(caught.value) and remedy in str(caught.value)


def test_a_function_with_a_derivative_of_its_own():
    case = Case(ScalarProduct(Elementwise(with_rule, S * x), b), None)
    point = Point(case.expr, norms(case.expr).expr)
    found = point.number(closed_form(NTCov(case.expr, norms(case.expr).expr)))
    known = ScalarProduct(Elementwise(sin, S * x), b)
    assert close(found, point.number(closed_form(NTCov(known, norms(case.expr).expr))))


@pytest.mark.parametrize("prop", [S, W * W.T, b.T, x.T * S, net(x).T])
def test_what_is_no_column(prop):
    with pytest.raises(ShapeError, match="column vectors"):
        closed_form(NTCov(prop, b))


def test_what_trains_nothing():
    with pytest.raises(NoParameterError, match="nothing"):
        NTCov(x, MatrixSymbol("A", d, d) * y)
    with pytest.raises(NoParameterError, match="different objects"):
        NTCov(W * x, MatrixSymbol("W", m, d) * x)


def test_a_constant_has_no_covariance():
    assert closed_form(NTCov(W * x, y)).expr.is_ZeroMatrix
    assert closed_form(NTCov(W * x, y)).shape == (m, d)
    assert closed_form(NTCov(W * x, Symbol("c"))).shape == (m, 1)


@pytest.mark.parametrize(
    ("first", "last", "shape"),
    [
        (net(x), ParameterMatrix("V", d, m) * MatrixSymbol("u", m, 1), (k, d)),
        (net(x), Parameter("s"), (k, 1)),
        (Parameter("s"), net(x), (1, k)),
        (W * x, ParameterMatrix("W", m, m) * MatrixSymbol("u", m, 1), (m, m)),
    ],
)
def test_nothing_shared_is_said(first, last, shape):
    with pytest.warns(NothingSharedWarning, match="share no parameter"):
        found = closed_form(NTCov(first, last))
    assert found.shape == shape and found.expr.is_ZeroMatrix


def test_scalars_that_share_nothing():
    with pytest.warns(NothingSharedWarning):
        assert closed_form(NTCov(ScalarProduct(W, W), ScalarProduct(b, b))).expr == 0


@pytest.mark.parametrize(
    "given", [3, net(x), 2 * NTVar(bx), ScalarProduct(b, x), Symbol("x")], ids=str
)
def test_contributions_of_what_is_no_covariance(given):
    with pytest.raises(ShapeError, match="write an NTCov"):
        contributions(given)
