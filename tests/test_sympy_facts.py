"""Facts about SymPy that the package is built on or around.

None of this tests symprice. A failure here says that SymPy changed: read what relied on the fact
(a rule of our own, a printer, a warning in a docstring), decide whether it still has to, and then
change the test.
"""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import sympy.stats as stats
from sympy import (
    Abs,
    Derivative,
    DiracDelta,
    Dummy,
    Expr,
    Function,
    Heaviside,
    I,
    Integer,
    MatrixSymbol,
    Max,
    Rational,
    S,
    Symbol,
    Trace,
    acos,
    cosh,
    cse,
    diff,
    dsolve,
    erf,
    exp,
    factor,
    hadamard_product,
    lambdify,
    latex,
    log,
    parse_expr,
    pretty,
    simplify,
    srepr,
    symbols,
    sympify,
    tanh,
)
from sympy.core.random import verify_numerically
from sympy.matrices.expressions.hadamard import HadamardPower
from sympy.matrices.expressions.special import Identity, OneMatrix, ZeroMatrix
from sympy.printing.numpy import NumPyPrinter

x, y, t = symbols("x y t")
p = Symbol("p", positive=True)
mu = Symbol("mu", real=True)
m, d = symbols("m d", integer=True, positive=True)


class Bare(Expr):
    """A node that defines nothing at all."""


class Labelled(Symbol):
    """A Symbol of a class of its own, as Parameter is."""


class LabelledMatrix(MatrixSymbol):
    """A MatrixSymbol of a class of its own, as ParameterMatrix is."""


def layer(rows: object, columns: object) -> tuple[MatrixSymbol, ...]:
    """W, x, b and w of the scalar wᵀφ(Wx + b)."""
    return (
        MatrixSymbol("W", rows, columns),
        MatrixSymbol("x", columns, 1),
        MatrixSymbol("b", rows, 1),
        MatrixSymbol("w", rows, 1),
    )


# -- matrix derivatives: why the package has rules of its own --------------------------------------


@pytest.mark.parametrize("hidden", ["elementwise tanh", "Hadamard product"])
def test_the_matrix_derivative_of_a_trace_is_silently_wrong(hidden: str) -> None:
    W, v, b, w = layer(2, 2)
    if hidden == "elementwise tanh":
        inside = w.T * (W * v + b).applyfunc(tanh)
    else:
        inside = w.T * hadamard_product(b, W * v)
    first, second = (inside.as_explicit()[0, 0].diff(b[i, 0]) for i in range(2))
    assert first.has(w[0, 0]) and not first.has(w[1, 0]) and second.has(w[1, 0])
    first, second = Trace(inside).diff(b).as_explicit()
    assert first == second, "SymPy changed: Trace(...).diff(b) has rows that differ, as they should"


@pytest.mark.parametrize("outer", [log, exp, tanh])
def test_the_derivative_of_a_function_of_a_trace_is_silently_zero(outer: Function) -> None:
    W, v, _, w = layer(m, d)
    assert outer(Trace(w.T * W * v)).diff(W) == ZeroMatrix(m, d), (
        f"SymPy changed: {outer}(Trace(...)) has a derivative by its matrix"
    )


def test_the_derivative_of_an_entry_by_its_matrix_is_silently_zero() -> None:
    W, v, _, w = layer(m, d)
    assert (w.T * W * v)[0, 0].diff(W) == ZeroMatrix(m, d), (
        "SymPy changed: the derivative of an entry by its matrix"
    )


def test_the_softmax_derivative_drops_its_outer_product() -> None:
    _, _, b, _ = layer(2, 2)
    weights = b.applyfunc(exp)
    derivative = (weights / Trace(OneMatrix(1, 2) * weights)).diff(b).as_explicit()
    assert derivative[0, 1] == 0, "SymPy changed: the softmax derivative has its -p pᵀ"


def test_three_layers_have_no_matrix_derivative() -> None:
    W, v, b, w = layer(m, d)
    hidden = (MatrixSymbol("V", m, m) * (W * v + b).applyfunc(tanh)).applyfunc(tanh)
    with pytest.raises(ValueError, match="index is larger than expression shape"):
        (w.T * hidden).diff(W)


def test_a_matrix_derivative_is_an_array_expression_without_a_transpose() -> None:
    W, v, b, w = layer(m, d)
    derivative = (w.T * (W * v + b).applyfunc(tanh)).diff(W)
    assert not hasattr(derivative, "T"), "SymPy changed: a matrix derivative can be transposed"


def test_the_index_route_is_right() -> None:
    """The oracle of the tests: one entry differentiated by one entry, with symbolic widths."""
    W, v, b, w = layer(m, d)
    k, j = symbols("k j", integer=True, nonnegative=True)
    derivative = (w.T * (W * v + b).applyfunc(tanh))[0, 0].diff(W[k, j]).doit()
    hidden = (W * v + b)[k, 0]
    expected = (1 - tanh(hidden) ** 2) * w[k, 0] * v[j, 0]
    numbers = {m: 2, d: 2, k: 1, j: 0}
    assert (derivative - expected).subs(numbers).doit() == 0, (
        "SymPy changed: the derivative of one entry by one entry is no longer right"
    )


def test_applyfunc_is_not_equal_to_itself() -> None:
    _, _, b, _ = layer(m, d)
    assert b.applyfunc(tanh) != b.applyfunc(tanh), "SymPy changed: applyfunc has no fresh dummy"


def test_applyfunc_does_not_lambdify() -> None:
    _, _, b, _ = layer(2, 2)
    with pytest.raises(SyntaxError):
        lambdify([b], b.applyfunc(tanh), modules="numpy")


def test_a_one_by_one_product_is_no_scalar() -> None:
    _, _, b, w = layer(m, d)
    with pytest.raises(TypeError):
        1 + w.T * b
    assert (w.T * b).T != w.T * b, "SymPy changed: a 1×1 product equals its transpose"


def test_cse_does_not_look_inside_matrix_nodes() -> None:
    W, v, b, w = layer(m, d)
    replaced, _ = cse([hadamard_product(b, W * v), Trace(w.T * W * v)])
    assert not replaced, "SymPy changed: cse finds W*x inside matrix nodes"


# -- nodes: what Expr gives and what it does not ---------------------------------------------------


def test_a_node_is_of_unknown_commutativity_by_default() -> None:
    assert Bare(x).is_commutative is None, "SymPy changed: Expr is commutative by default"
    assert Bare(x) * Bare(y) != Bare(y) * Bare(x), "SymPy changed: such factors sort"


def test_a_node_without_a_derivative_gives_an_unevaluated_one() -> None:
    assert Bare(x).diff(x) == Derivative(Bare(x), x), "SymPy changed: diff of an unknown node"


def test_a_derivative_by_a_symbol_outside_free_symbols_is_zero() -> None:
    class Hiding(Expr):
        @property
        def free_symbols(self) -> set[Symbol]:  # diff refuses a frozenset
            return set()

        def _eval_derivative(self, symbol: Symbol) -> Expr:
            return S.One

    assert Hiding(x).diff(x) == 0, "SymPy changed: diff asks nodes that hide their symbols"


def test_equal_names_are_not_equal_symbols() -> None:
    assert Labelled("w") != Symbol("w"), "SymPy changed: Symbols of two classes compare equal"
    assert Symbol("x", real=True) != x, "SymPy changed: assumptions do not distinguish Symbols"
    assert (Symbol("x", real=True) ** 2).diff(x) == 0, "SymPy changed: ... nor their derivatives"
    assert LabelledMatrix("W", m, d) != MatrixSymbol("W", m, d), (
        "SymPy changed: MatrixSymbols of two classes compare equal"
    )


def test_a_subclass_of_symbol_survives() -> None:
    w, W = Labelled("w", real=True), LabelledMatrix("W", m, d)
    assert pickle.loads(pickle.dumps(w)) == w, "SymPy changed: pickle loses the class of a Symbol"
    assert Labelled("w", real=True) is w, "SymPy changed: equal Symbols are made anew"
    assert type(W.subs(m, 2)) is LabelledMatrix, "SymPy changed: subs loses the class of a matrix"
    assert W.subs(m, 2).shape == (2, d), "SymPy changed: subs leaves the widths alone"


def test_attributes_outside_args_do_not_distinguish_nodes() -> None:
    class Flagged(Expr):
        pass

    one, two = Flagged(x), Flagged(x)
    one.flag, two.flag = 1, 2
    assert one == two, "SymPy changed: equality sees attributes that are not in args"


def test_overriding_expand_has_no_effect_inside_a_product() -> None:
    class Vanishing(Expr):
        is_commutative = True

        def expand(self, **hints: object) -> Expr:
            return S.Zero

    assert (2 * Vanishing(x)).expand() != 0, "SymPy changed: expand calls the expand of its parts"


def test_doit_passes_its_hints_on() -> None:
    class Plain(Expr):
        def doit(self) -> Expr:
            return S.One

    with pytest.raises(TypeError, match="unexpected keyword argument"):
        (2 * Plain(x)).doit(deep=True)


# -- printing --------------------------------------------------------------------------------------


def test_latex_passes_the_exponent_to_a_function() -> None:
    class Squared(Function):
        def _latex(self, printer: object) -> str:
            return "f"

    with pytest.raises(TypeError, match="exp"):
        latex(Squared(x) ** 2)


def test_printers_dispatch_on_the_bare_class_name() -> None:
    named = {name: type(name, (Expr,), {})(x) for name in ("Identity", "Dot", "Gradient")}
    assert str(named["Identity"]) == "I", "SymPy changed: a class named Identity prints as itself"
    for name in ("Dot", "Gradient"):  # SymPy's method reads what its own class holds
        for printer in (latex, pretty):
            with pytest.raises(AttributeError):
                printer(named[name])


def test_latex_of_heaviside_and_dirac_are_greek_letters_of_ours() -> None:
    assert latex(Heaviside(x)).startswith(r"\theta"), "SymPy changed: Heaviside is no θ"
    assert latex(DiracDelta(x)).startswith(r"\delta"), "SymPy changed: DiracDelta is no δ"


def test_a_primed_symbol_squared_is_a_double_superscript() -> None:
    assert latex(Symbol("x'_1") ** 2) == "x'_{1}^{2}", "SymPy changed: primes and exponents"


def test_acos_needs_its_full_name_asked_for() -> None:
    assert "arccos" not in latex(acos(x)), "SymPy changed: acos prints in full by default"
    assert "arccos" in latex(acos(x), inv_trig_style="full"), "SymPy changed: inv_trig_style"


@pytest.mark.parametrize(
    "node",
    [
        Trace(MatrixSymbol("W", m, m)),
        HadamardPower(MatrixSymbol("W", m, d), 2),
        Identity(m),
    ],
    ids=["Trace", "HadamardPower", "Identity"],
)
def test_numpy_code_of_matrix_nodes_is_missing(node: Expr) -> None:
    with pytest.raises(NotImplementedError):
        NumPyPrinter().doprint(node)


def test_numpy_code_of_erf_is_not_vectorised() -> None:
    assert "numpy" not in NumPyPrinter().doprint(erf(x)), "SymPy changed: NumPy code of erf"


def test_srepr_does_not_round_trip_a_dummy() -> None:
    dummy = Dummy("q")
    assert srepr(dummy) != srepr(Dummy("q")), "SymPy changed: srepr of a Dummy"
    assert pickle.loads(pickle.dumps(dummy)) == dummy, "SymPy changed: pickle of a Dummy"


# -- lambdify, sympify: text that runs -------------------------------------------------------------


def test_lambdify_runs_the_name_of_a_symbol() -> None:
    value = lambdify([], Symbol("__import__('os').getpid()"))()
    assert value == os.getpid(), "SymPy changed: lambdify no longer runs a Symbol's name"


def test_lambdify_lets_a_free_symbol_through() -> None:
    assert lambdify([x], x + y)(1) == y + 1, "SymPy changed: lambdify refuses free symbols"


def test_lambdify_does_not_broadcast_constants() -> None:
    value = lambdify([x], Integer(1), "numpy")(np.zeros(3))
    assert np.shape(value) == (), "SymPy changed: lambdify broadcasts a constant"


def test_lambdify_of_a_sigmoid_derivative_is_nan_in_the_tail() -> None:
    derivative = (1 / (1 + exp(-x))).diff(x)
    with np.errstate(all="ignore"):
        value = lambdify([x], derivative, "numpy")(np.float64(-1000))
    assert np.isnan(value), "SymPy changed: lambdify of σ' is right at -1000"


@pytest.mark.parametrize("evaluate", [sympify, parse_expr])
def test_text_given_to_sympify_runs(evaluate: object) -> None:
    assert evaluate("().__class__") is tuple, "SymPy changed: text is no longer run as Python"


# -- calculus and simplification -------------------------------------------------------------------


def test_simplify_turns_tanh_into_cosh() -> None:
    assert simplify(1 - tanh(x) ** 2) == 1 / cosh(x) ** 2, "SymPy changed: simplify(1 - tanh²)"


def test_simplify_turns_the_logistic_variance_into_cosh() -> None:
    theta = Symbol("theta", real=True)
    sigma = 1 / (1 + exp(-theta))
    assert simplify(5 * sigma * (1 - sigma)) == 5 / (4 * cosh(theta / 2) ** 2), (
        "SymPy changed: simplify(5σ(1-σ))"
    )


def test_factor_flips_signs() -> None:
    s = Symbol("s")
    assert str(factor(5 * s - 5 * s**2)) == "-5*s*(s - 1)", "SymPy changed: factor(5s - 5s²)"


def test_tanh_differentiates_to_its_own_square() -> None:
    assert tanh(x).diff(x) == 1 - tanh(x) ** 2, "SymPy changed: tanh'"


def test_derivatives_at_a_kink() -> None:
    r = Symbol("r", real=True)
    assert Max(0, r).diff(r) == Heaviside(r), "SymPy changed: the derivative of Max"
    assert Max(0, r).diff(r, 2) == DiracDelta(r), "SymPy changed: its second derivative"
    assert Heaviside(0) == Rational(1, 2), "SymPy changed: the value of Heaviside at 0"
    assert Abs(r).diff(r).subs(r, 0) == 0, "SymPy changed: the derivative of Abs at 0"


def test_dsolve_of_the_bernoulli_flow_has_a_logarithm_of_a_negative_number() -> None:
    """p' = p²(1-p)² stays within (0, 1), where log(p - 1) is complex."""
    flow = Function("p")
    rate = flow(t) ** 2 * (1 - flow(t)) ** 2
    solution = dsolve(flow(t).diff(t) - rate, flow(t))
    assert solution.has(log(flow(t) - 1)), "SymPy changed: dsolve of p' = p²(1-p)²"
    inside = (solution.lhs - solution.rhs).subs(flow(t), Rational(1, 2)).subs(t, 0)
    assert inside.has(I), "SymPy changed: its solution is real in (0, 1)"


def test_verify_numerically_passes_a_small_error() -> None:
    wrong = x * (1 + Rational(1, 10**8))
    assert verify_numerically(x, wrong, x), "SymPy changed: verify_numerically sees 1e-8"


# -- random variables ------------------------------------------------------------------------------


def test_a_random_symbol_hides_its_parameters() -> None:
    X = stats.Normal("X", mu, 1)
    assert mu not in X.free_symbols, "SymPy changed: a RandomSymbol shows its parameters"
    for unevaluated in (stats.Expectation(X**2), stats.Variance(X), stats.Probability(X > 0)):
        assert unevaluated.diff(mu) == 0, f"SymPy changed: {unevaluated} depends on mu"
    assert stats.E(X**2).diff(mu).expand() == 2 * mu, "SymPy changed: E(X²) of a Gaussian"


def test_the_score_of_a_moving_support_has_the_wrong_sign() -> None:
    """E[U ∂log(1/p)] is not dE[U]/dp where the support depends on p: -1/2 against +1/2."""
    U = stats.Uniform("U", 0, p)
    assert stats.E(U * diff(log(1 / p), p)) == Rational(-1, 2), "SymPy changed: E over a support"
    assert diff(stats.E(U), p) == Rational(1, 2), "SymPy changed: E(U)"


def test_finite_random_variables_need_not_sum_to_one() -> None:
    assert stats.FiniteRV("F", {0: p, 1: p}).name == "F", "SymPy changed: FiniteRV adds up"
