"""Generated code is run at the same points, and found out where it is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Function, Matrix, MatrixSymbol, cosh, log, sin, sinh, symbols, tanh

from symprice import (
    MLP,
    NoRuleError,
    NTCov,
    NTVar,
    closed_form,
    gelu,
    log_softmax,
    observables,
    parameters,
    relu,
    sigmoid,
    softmax,
    softplus,
)
from symprice.checks import check

emit = pytest.importorskip("symprice.emit.numpy")
x, y = symbols("x y", real=True)
u, v, w = parameters("u v w")
P, L = observables("P L")


@pytest.mark.parametrize(
    "expr",
    [
        NTVar(sigmoid(u) * softplus(v * x)),
        NTCov(softmax(u, v, w), softmax(v, u, w)),
        closed_form(NTCov(MLP(2, 3, 1).explicit(), MLP(2, 3, 1).explicit(x, y))),
        MLP(2, 2, 1, activation=gelu).explicit(),
        log_softmax(u, v, w),
        Matrix([[sin(u * x), 1], [v, relu(u)]]),
        MatrixSymbol("A", 2, 3) * MatrixSymbol("z", 3, 1) * u,
        tanh(x) + 2,
    ],
    ids=lambda e: str(e)[:40],
)
def test_code_agrees(expr):
    report = check(expr, points=10)
    assert report, str(report)
    assert report.code_worst < 1e-13 and report.checked >= 10


def corrupted(monkeypatch, change):
    true = emit.lambdify

    def lambdify(args, expr):
        function = true(args, expr)
        return lambda point: change(function(point))

    monkeypatch.setattr(emit, "lambdify", lambdify)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda values: values * (1 + 1e-9), "the code gives"),
        (lambda values: np.where(values == values.max(), np.nan, values), "the code gives nan"),
        (lambda values: values[:-1], "the code raises"),
        (lambda values: values[::-1], "the code gives"),
        (lambda values: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_wrong_code_is_found(monkeypatch, change, word):
    corrupted(monkeypatch, change)
    report = check(NTVar(sigmoid(u) * x), points=10)
    assert not report and word in str(report)
    assert check(NTVar(sigmoid(u) * x), points=10, code=False)


def test_terms_that_cancel_are_measured_by_what_is_added_up():
    # 1e9 is left of terms of 1e15 in the tails: float64 has nine digits of it, and that is right.
    report = check(10**9 * (cosh(x) ** 2 - sinh(x) ** 2) + sin(u), points=20)
    assert report and report.code_worst < 1e-14


def test_what_has_no_code_is_noted_and_not_held_against_the_formula(monkeypatch):
    report = check(NTCov(P * u, L), points=2)
    assert report and report.code_worst is None and "no code was run" in str(report)
    assert "P has no formula" in str(check(log(P) * 2 + NTVar(u), points=2))

    def refuse(args, expr):
        raise NoRuleError("no code for this")

    monkeypatch.setattr(emit, "lambdify", refuse)
    assert "no code for this" in str(check(NTVar(sigmoid(u)), points=2))


def test_a_formula_that_claims_nothing_and_has_no_code_is_not_true():
    report = check(Function("f")(x), points=2)
    assert not report and "nothing could be compared" in str(report)
    assert not check(x * P, points=2)
