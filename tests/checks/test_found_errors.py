"""What is wrong is found and named: corrupted laws, and coefficients that are a little off."""

from __future__ import annotations

import pytest
from sympy import (
    Derivative,
    DiagMatrix,
    Eq,
    Function,
    MatrixSymbol,
    O,
    Piecewise,
    Rational,
    S,
    Tuple,
    exp,
    log,
    sin,
    sqrt,
    symbols,
    tanh,
)

from symprice import (
    MLP,
    ClosedForm,
    GradientDescent,
    InverseMetric,
    Name,
    NoRuleError,
    NTCov,
    NTVar,
    Rule,
    Step,
    backprop,
    closed_form,
    derive,
    observables,
    parameters,
    price,
    sigmoid,
    softmax,
)
from symprice.arrays import SoftmaxVector
from symprice.checks import check
from symprice.networks import activations
from symprice.tangent import closing, covariance, laws, matrix_laws, pullback

x, y = symbols("x y", real=True)
eta = symbols("eta", positive=True)
n, k = symbols("n k", integer=True, positive=True)
u, v, w = parameters("u v w")
P, L, Q = observables("P L Q")
f = Function("f")


def refuted(thing, *words, **settings):
    report = check(thing, **{"points": 4, "code": False, **settings})
    assert not report and report.problems, str(report)
    for word in words:
        assert word in str(report), f"{word!r} is not in the report:\n{report}"
    return report


# -- corrupted laws: each is named by its step -----------------------------------------------------


def test_a_product_rule_that_drops_a_term(monkeypatch):
    whole = laws.ProductRule.combination
    monkeypatch.setattr(
        laws.ProductRule, "combination", lambda self, prop: (whole(self, prop) or [])[1:] or None
    )
    report = refuted(derive(NTCov(log(P) * Q, -L)), "step 2 (product rule)")
    assert not any("step 1" in problem or "step 3" in problem for problem in report.problems)
    assert "left:" in report.problems[0] and "NTCov(Q*log(P), L)" in report.problems[0]


def test_coordinates_of_length_two(monkeypatch):
    monkeypatch.setattr(
        laws.Coordinates,
        "apply",
        lambda self, node: S(2) if node.properties[0] == node.properties[-1] else None,
    )
    refuted(derive(NTVar(sigmoid(u))), "step 2 (coordinates)", "0.5")


def test_a_derivative_of_the_logistic_function_without_its_second_factor(monkeypatch):
    monkeypatch.setattr(activations.sigmoid, "partials", lambda self: (self,))
    refuted(derive(NTVar(sigmoid(u))), "step 1 (chain rule)")
    refuted(NTVar(sigmoid(u)), "closed form")


def test_a_wrong_definition_of_an_activation_does_not_excuse_a_wrong_derivative(monkeypatch):
    # Both are corrupted alike, so that they fit together: the oracle has its own definition.
    monkeypatch.setattr(activations.softplus, "definition", classmethod(lambda cls, a: exp(a)))
    monkeypatch.setattr(activations.softplus, "partials", lambda self: (self,))
    refuted(NTVar(activations.softplus(u)), "closed form")


def test_a_sign_in_the_backward_pass(monkeypatch):
    whole = pullback.local_derivatives

    def flipped(expr, leaves):
        found = whole(expr, leaves)
        return {leaf: -c if isinstance(leaf, Name) else c for leaf, c in found.items()}

    # In a plain network the sign cancels; not where a parameter is met on two ways.
    h = Name("h")
    skip = ClosedForm(tanh(h) * u + h, {h: u * x})
    assert check(NTVar(skip), points=2, code=False)
    monkeypatch.setattr(pullback, "local_derivatives", flipped)
    refuted(NTVar(skip), "closed form")


def test_an_inner_product_that_forgets_what_is_shared(monkeypatch):
    whole = closing._inner_product

    def diagonal(left, right, metric):
        return whole(left[:1], right[:1], metric)

    monkeypatch.setattr(closing, "_inner_product", diagonal)
    refuted(closed_form(NTVar(MLP(1, 2, 1).explicit())), "closed form")


def test_bilinearity_that_loses_the_cross_terms(monkeypatch):
    def without(left, right, metric):
        pairs = zip(left, right, strict=True)
        return sum(c * d * covariance.covariance(p, q, metric=metric) for (c, p), (d, q) in pairs)

    monkeypatch.setattr(laws, "combine", without)
    refuted(derive(NTVar(P + 2 * Q)), "step 1 (bilinearity)")


def test_a_matrix_law_without_its_transpose(monkeypatch):
    A, B = MatrixSymbol("A", n, n), MatrixSymbol("B", n, n)
    X, Y = observables("X Y", n)

    def straight(self, node):
        if node.properties[0] == X or not isinstance(node, covariance.NTCovMatrix):
            return None
        return A * NTCov(X, Y) * B

    monkeypatch.setattr(matrix_laws.LinearMaps, "apply", straight)
    refuted(derive(NTCov(A * X, B * Y)), "linear maps")


def test_a_softmax_jacobian_without_its_outer_product(monkeypatch):
    monkeypatch.setattr(
        SoftmaxVector, "jacobians", lambda self: [(DiagMatrix(self), self.argument)]
    )
    X, Y = observables("X Y", k)
    refuted(derive(NTCov(softmax(X), Y)), "vector chain rule")


def test_a_metric_that_is_not_inverted(monkeypatch):
    monkeypatch.setattr(
        InverseMetric, "_value", lambda self, i, j: self.matrix[min(i, j), max(i, j)]
    )
    refuted(NTCov(u * v, u, InverseMetric([[2, 1], [1, 3]], (u, v))), "closed form")


def test_a_backward_pass_with_a_wrong_insertion(monkeypatch):
    good = backprop(MLP(1, 2, 1).explicit())
    steps = list(good.steps)
    wrong = Step(steps[3].rule, steps[3].before, 2 * steps[3].after)
    refuted(type(good)([*steps[:3], wrong, *steps[4:]]), "step 4")


# -- formulas that are a little off ----------------------------------------------------------------

OFF = [
    Eq(NTVar(sigmoid(u)), sigmoid(u) * (1 - sigmoid(u))),
    Eq(NTVar(sigmoid(u)), sigmoid(u) ** 2 * (1 - sigmoid(u)) ** 2 * (1 + Rational(1, 10**8))),
    Eq(NTVar(sigmoid(u)), sigmoid(u) ** 2 * (1 - sigmoid(u)) ** 2 * (1 + Rational(1, 10**20))),
    Eq(NTVar(u**2), 4 * u**2 + Rational(1, 10**18)),
    Eq(NTCov(P, L), NTCov(P, L) + NTCov(P, L) * sin(Q) / 10**12),
    Eq(NTCov(NTCov(P, L), L), NTCov(P, NTVar(L))),
    Eq(NTCov(P, L), NTCov(P, Q)),
    Eq(NTCov(f(P), L), Derivative(f(Q), Q) * NTCov(P, L)),
    Eq(log(x), log(-x)),
    Eq(sqrt(x**2), x),
    Eq(x**2, x**2 + Rational(1, 10**21)),
    Eq(0, NTVar(u) / 10**25, evaluate=False),
    Eq(NTCov(u**2 - v**2, (u * v * x - y) ** 2), NTVar(u) / 10**12, evaluate=False),
]


@pytest.mark.parametrize("equation", OFF, ids=str)
def test_equations_that_do_not_hold(equation):
    refuted(equation, "equation")


def test_one_wrong_member_of_a_tuple_or_a_matrix():
    refuted(Step(Rule(), Tuple(NTVar(u), x), Tuple(1, x + eta / 10**9)), "step (rule)")
    X = observables("X", 2)
    refuted(Step(Rule(), NTVar(X), NTVar(X) * 2), "step (rule)")
    refuted(Step(Rule(), NTVar(X), NTCov(X, P)), "shape")
    refuted(Step(Rule(), Tuple(x, y), Tuple(x)), "could not be checked")
    refuted(Step(Rule(), Eq(NTVar(u**2), 4 * u**2), Eq(NTVar(u), u)), "step (rule)")
    refuted(Step(Rule(), x, Eq(x, x, evaluate=False)), "could not be checked")


def test_a_term_of_the_size_of_the_tolerance():
    off = Eq(NTVar(u**2), 4 * u**2 * (1 + Rational(1, 10**9)))
    assert check(off, tolerance=1e-8, code=False)
    refuted(off, tolerance=1e-10)


def test_one_branch_alone_is_wrong():
    # Moderate points would not see it, on either side.
    for beyond in (x > 5, x < -5):
        refuted(Eq(x**2, Piecewise((x**2 + x / 1000, beyond), (x**2, True))), points=20)


# -- O-terms ---------------------------------------------------------------------------------------


def test_a_remainder_is_of_its_order():
    assert check(Step(Rule(), exp(eta * x), 1 + eta * x + O(eta**2)), code=False)
    assert check(Step(Rule(), 1 + eta * x + O(eta**2), exp(eta * x) + O(eta**2)), code=False)
    assert check(Step(Rule(), sin(eta), eta + O(eta**3)), code=False)
    assert check(Step(Rule(), x + eta, x + eta + O(eta**3)), code=False)
    assert check(Step(Rule(), sqrt(1 + 1 / eta), 1 + O(1 / eta, (eta, S.Infinity))), code=False)
    assert check(price(P, L, GradientDescent(eta)), points=3, code=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (exp(eta * x), 1 + eta * x + O(eta**3)),
        (exp(eta * x), 1 + 2 * eta * x + O(eta**2)),
        (exp(eta * x), 1 + eta * x + eta**2 * x**2 / 2 * (1 + Rational(1, 10**6)) + O(eta**3)),
        (x + sqrt(eta) * eta, x + O(eta**2)),
        (eta * log(eta), O(eta)),
        (exp(1 / eta), 1 + O(1 / eta**2, (eta, S.Infinity))),
    ],
    ids=str,
)
def test_a_remainder_that_is_not_of_its_order(before, after):
    refuted(Step(Rule(), before, after), "differ by more than", points=2)


def test_a_wrong_second_order_of_gradient_descent():
    good = price(P, L, GradientDescent(eta), order=2).derivation
    step = good.steps[-1]
    refuted(
        Step(step.rule, step.before, step.after + eta**2 * NTVar(L)), "differ by more", points=1
    )
    first = good.steps[0]
    refuted(Step(first.rule, first.before, first.after.subs(eta, 2 * eta)), points=1)


def test_an_o_term_where_it_cannot_be_compared():
    # Defined at the points that are drawn, and nowhere close to the limit.
    far = Piecewise((eta, eta > Rational(1, 1000)), (S.NaN, True))
    steps = [Step(Rule(), NTVar(u), 1), Step(Rule(), far, eta + O(eta**2))]
    refuted(type(derive(NTVar(u)))(steps), "step 2", "a pole")
    refuted(Step(Rule(), x, sin(x + O(y)) + x), "no summand")
    refuted(Step(Rule(), x, x + O(x * y)), "several variables")


# -- what cannot be checked says so ---------------------------------------------------------------


class Unheard(Function):
    """A function without numbers."""

    def fdiff(self, argindex=1):
        return Unheard(self.args[0])


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (NTVar(Unheard(u)), "nothing says how a Unheard is evaluated"),
        (Step(Rule(), Unheard(x), x), "Unheard"),
        (Eq(NTVar(Name("h")), x), "gradient is unknown"),
        (Derivative(NTCov(P, L), P), "moves"),
        (Eq(log(-1 - x**2), 1, evaluate=False), "0 of 4 points"),
        (Eq(symbols("c", imaginary=True), 1, evaluate=False), "real numbers"),
        (object(), "asked to check"),
        ("x + 1", "asked to check x + 1, a str"),
        (NTVar(u**x).args[0].func, "asked to check"),
    ],
    ids=lambda case: str(case).partition(" at 0x")[0][:30],
)
def test_what_cannot_be_checked_is_not_true(thing, reason):
    refuted(thing, reason)


def test_the_other_steps_are_checked_all_the_same():
    steps = [
        Step(Rule(), NTVar(u**2), 4 * u**2),
        Step(Rule(), Unheard(x), x),
        Step(Rule(), NTVar(u), 2),
    ]
    report = refuted(type(derive(NTVar(u)))(steps), "step 2", "step 3")
    assert report.checked >= 4 and len(report.problems) == 2


def test_a_time_limit_says_what_is_left():
    class Slow(Function):
        def _numeric(self, evaluate, point):
            while True:
                pass

    steps = [Step(Rule(), NTVar(u), 1), Step(Rule(), Slow(x), x), Step(Rule(), x, x)]
    report = refuted(type(derive(NTVar(u)))(steps), "time limit", timeout=0.3)
    assert "step 2 (rule), step 3 (rule) left unchecked" in report.problems[-1]
    assert report.checked == 4


def test_a_check_outside_the_main_thread_needs_no_time_limit():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        assert not pool.submit(check, NTVar(u), points=2, code=False).result()
        assert pool.submit(check, NTVar(u), points=2, code=False, timeout=None).result()


def test_senseless_settings_are_refused():
    with pytest.raises(NoRuleError, match="at least 1 point"):
        check(NTVar(u), points=0)
