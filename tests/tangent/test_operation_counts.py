"""How many multiply-adds a covariance of networks takes, counted exactly in the closed form.

The counts are polynomials in the widths, which are symbols, so they depend on no machine and hold
for every size. A product M v of an m × d matrix counts m d; entries that are added, multiplied or
mapped by a function count one for every operation; every definition counts once.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from sympy import (
    Add,
    Function,
    Lambda,
    MatAdd,
    MatMul,
    MatrixSymbol,
    Mul,
    Poly,
    Pow,
    S,
    Symbol,
    Transpose,
    symbols,
    tanh,
)

from symprice import (
    MLP,
    ClosedForm,
    ClosedFormMatrix,
    Elementwise,
    NTCov,
    NTVar,
    ScalarProduct,
    closed_form,
    inputs,
    sigmoid,
)
from symprice.elementwise import ScaledRows

d, n = symbols("d n", integer=True, positive=True)
W = MatrixSymbol("W", n, n)
DEPTHS = range(1, 7)


def operations(formula: Any) -> Any:
    """The multiply-adds of a formula with its definitions."""
    if isinstance(formula, ClosedForm | ClosedFormMatrix):
        parts = [*formula.definitions.values(), formula.expr]
    else:
        parts = [formula]
    return sum(map(counted, parts), S.Zero).expand()


def counted(expr: Any) -> Any:
    """The multiply-adds of one expression of names; an unknown node is an error, never 0."""
    if expr.is_symbol or expr.is_number:
        return S.Zero
    inside = expr.args
    if isinstance(expr, Transpose):
        here: Any = S.Zero
    elif isinstance(expr, MatMul):
        # From the right: what stands there in a network is a column.
        assert all(factor.is_Matrix for factor in expr.args), expr
        columns = expr.shape[1]
        here = sum((factor.shape[0] * factor.shape[1] for factor in expr.args[:-1]), S.Zero)
        here *= columns
    elif isinstance(expr, MatAdd):
        here = (len(expr.args) - 1) * size(expr)
    elif isinstance(expr, ScaledRows):
        here = size(expr)
    elif isinstance(expr, Elementwise):
        here, inside = size(expr) * expr.function.expr.count_ops(), (expr.argument,)
    elif isinstance(expr, ScalarProduct):
        here = size(expr.args[0])
    elif isinstance(expr, Add | Mul):
        here = S(len(expr.args) - 1)
    elif isinstance(expr, Pow) and expr.exp == 2:
        here = S.One
    else:
        raise TypeError(f"no count for {type(expr).__name__}: {expr}")
    return sum(map(counted, inside), here)


def size(matrix: Any) -> Any:
    return matrix.shape[0] * matrix.shape[1]


def properties(*widths: Any, activation: Any = tanh, bias: bool = True) -> tuple[Any, Any]:
    net = MLP(*widths, activation=activation, bias=bias)
    return tuple(net(point) for point in inputs("x y", widths[0]))


def costs_at_most(bound: int, formula: Any, forwards: list[Any]) -> bool:
    """Whether a formula costs at most so many forward passes, at all widths from 1 on.

    With every width written as 1 + u, no coefficient of the difference is negative.
    """
    left = bound * sum(map(operations, forwards)) - operations(formula)
    widths = sorted(left.free_symbols, key=str)
    shifted = left.subs({width: width + 1 for width in widths}, simultaneous=True)
    return all(c >= 0 for c in Poly(shifted, *widths).coeffs())


def test_the_counter_counts_what_one_counts_by_hand():
    f, g = properties(d, n, 1)
    # W1 x, + b1, tanh, W2 a1, + b2
    assert operations(f) == n * d + n + n + n + 1
    # h, a and δ = (1 - tanh²) ∘ W2ᵀ twice; xᵀy, δᵀδ', aᵀa'; three sums and a product
    expected = 2 * (n * d + 2 * n + 4 * n) + (d + n + n) + 4
    assert operations(closed_form(NTCov(f, g))) == expected


def test_the_counter_refuses_what_it_does_not_know():
    x, y = inputs("x y", n)
    with pytest.raises(TypeError, match="no count for"):
        counted(Function("f")(ScalarProduct(x, y)))
    h = Symbol("h")
    assert counted(Elementwise(Lambda(h, h**2 + 1), x + y)) == 3 * n


@pytest.mark.parametrize("layers", DEPTHS)
@pytest.mark.parametrize("activation", [tanh, sigmoid, Function("phi")])
@pytest.mark.parametrize("bias", [True, False])
def test_a_covariance_costs_at_most_six_times_the_two_forward_passes(layers, activation, bias):
    f, g = properties(*[n] * layers, 1, activation=activation, bias=bias)
    assert costs_at_most(6, closed_form(NTCov(f, g)), [f, g])
    assert costs_at_most(6, closed_form(NTVar(f)), [f])


@pytest.mark.parametrize("layers", DEPTHS)
def test_so_it_does_at_distinct_widths(layers):
    f, g = properties(d, *symbols(f"m1:{layers}", integer=True, positive=True), 1)
    assert costs_at_most(6, closed_form(NTCov(f, g)), [f, g])


@pytest.mark.parametrize("layers", DEPTHS[2:])
def test_what_grows_with_the_square_of_the_width_is_twice_the_forward_passes(layers):
    # Forward through every weight and backward through every one but the first and the last, which
    # has one row: no product of two matrices anywhere, and no layer passed twice.
    f, g = properties(*[n] * layers, 1)
    count = Poly(operations(closed_form(NTCov(f, g))), n)
    assert count.degree() == 2
    assert count.LC() == 2 * (layers - 1) + 2 * (layers - 2)


def test_the_count_and_the_length_are_linear_in_the_depth():
    depths = range(2, 12)
    kernels = [closed_form(NTCov(*properties(*[n] * layers, 1))) for layers in depths]
    counts = [operations(kernel) for kernel in kernels]
    lengths = [len(kernel.definitions) for kernel in kernels]
    steps = [len(kernel.expr.args) for kernel in kernels]
    for numbers in (counts, lengths, steps):
        increments = {b - a for a, b in pairwise(numbers)}
        assert len(increments) == 1, numbers


def test_the_latex_is_linear_in_the_depth():
    short, middle, long = (
        len(closed_form(NTCov(*properties(*[n] * layers, 1))).latex()) for layers in (10, 20, 40)
    )
    # The layers 20 to 39 take twice as much as the layers 10 to 19, but for breaks of lines.
    assert 1.9 < (long - middle) / (middle - short) < 2.1


def test_the_bound_can_fail():
    f, g = properties(n, n, n, 1)
    kernel = closed_form(NTCov(f, g))
    assert not costs_at_most(1, kernel, [f, g])
    assert not costs_at_most(6, ScalarProduct(MatMul(W, W), W), [f, g])
